/* opt: command lines as users of getopt_long expect them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/opt.h"

static bool quiet, force;
static int verbose;
static const char *output;
static int64_t pid;
static uint64_t duration, size;
static const char *list_items[2];
static struct opt_list list = {list_items, 0, 2};

static const struct opt table[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "Options:"},
    {'q', "quiet", OPT_FLAG, &quiet, NULL, "say nothing"},
    {0, "force", OPT_FLAG, &force, NULL, "replace the file"},
    {'v', NULL, OPT_COUNT, &verbose, NULL, "say more"},
    {'o', "output", OPT_STRING, &output, "FILE", "where to write\nto"},
    {'p', "pid", OPT_INT, &pid, "PID", "process"},
    {'d', "duration", OPT_DURATION, &duration, "T", "how long"},
    {'m', "ring-size", OPT_SIZE, &size, "S", "ring"},
    {0, "probe", OPT_LIST, &list, "SPEC", "more"},
    {0},
};

static char *args[16];
static int arg_count, operands;
static struct error err;

/* Splits `line` at blanks and parses it. */
static int parse(const char *line, bool stop_at_operand)
{
    static char copy[256];
    quiet = force = false;
    verbose = 0;
    output = NULL;
    pid = 0;
    duration = size = 0;
    list.count = 0;
    operands = -1;
    strcpy(copy, line);
    arg_count = 0;
    args[arg_count++] = copy + strlen(copy);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        args[arg_count++] = word;
    return opt_parse(table, arg_count, args, stop_at_operand, &operands, &err);
}

static void all_forms_are_understood(void **state)
{
    (void)state;
    assert_int_equal(parse("-q --output=a.gotape -vv -p 42 --duration 10s -m8M operand", false), 0);
    assert_true(quiet);
    assert_false(force);
    assert_int_equal(verbose, 2);
    assert_string_equal(output, "a.gotape");
    assert_int_equal(pid, 42);
    assert_true(duration == 10000000000u);
    assert_int_equal(size, 8 << 20);
    assert_int_equal(operands, 1);
    assert_string_equal(args[arg_count - 1], "operand");
    assert_int_equal(parse("-qvofile --pid 0x10 --output=", false), 0);
    assert_int_equal(verbose, 1);
    assert_string_equal(output, "");
    assert_int_equal(pid, 16);
    assert_int_equal(parse("-p 010", false), 0);
    assert_int_equal(pid, 10);
    assert_int_equal(parse("-p -5", false), 0);
    assert_int_equal(pid, -5);
}

static void lists_grow_up_to_their_end(void **state)
{
    (void)state;
    assert_int_equal(parse("--probe a -q --probe=b", false), 0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.items[0], "a");
    assert_string_equal(list.items[1], "b");
    assert_int_equal(parse("--probe a --probe b --probe c", false), ERR_USAGE);
    assert_non_null(strstr(err.message, "more than 2 times"));
}

static void operands_move_to_the_end(void **state)
{
    (void)state;
    assert_int_equal(parse("one -q two --force - -- -v", false), 0);
    assert_true(quiet && force);
    assert_int_equal(verbose, 0);
    assert_int_equal(operands, 4);
    assert_string_equal(args[arg_count - 4], "one");
    assert_string_equal(args[arg_count - 3], "two");
    assert_string_equal(args[arg_count - 2], "-");
    assert_string_equal(args[arg_count - 1], "-v");
}

static void a_command_keeps_its_options(void **state)
{
    (void)state;
    assert_int_equal(parse("-q command -v --force", true), 0);
    assert_true(quiet);
    assert_false(force);
    assert_int_equal(operands, 3);
    assert_string_equal(args[arg_count - 3], "command");
    assert_int_equal(parse("-q -- -v", true), 0);
    assert_int_equal(operands, 1);
    assert_string_equal(args[arg_count - 1], "-v");
    assert_int_equal(parse("", true), 0);
    assert_int_equal(operands, 0);
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    assert_int_equal(parse("--outptu x", false), ERR_USAGE);
    assert_string_equal(err.message, "unknown option --outptu (did you mean --output?)");
    assert_int_equal(parse("--xyz", false), ERR_USAGE);
    assert_string_equal(err.message, "unknown option --xyz (see --help)");
    assert_int_equal(parse("-z", false), ERR_USAGE);
    assert_string_equal(err.message, "unknown option -z (see --help)");
    assert_int_equal(parse("--pid", false), ERR_USAGE);
    assert_string_equal(err.message, "--pid needs a value (PID)");
    assert_int_equal(parse("-p", false), ERR_USAGE);
    assert_int_equal(parse("--quiet=yes", false), ERR_USAGE);
    assert_string_equal(err.message, "--quiet takes no value");
    assert_int_equal(parse("--pid 12x", false), ERR_USAGE);
    assert_int_equal(parse("--pid 99999999999999999999", false), ERR_USAGE);
    assert_int_equal(parse("-d soon", false), ERR_USAGE);
    assert_int_equal(parse("-m big", false), ERR_USAGE);
}

static void help_shows_every_option(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    opt_print_help(table, out);
    fclose(out);
    assert_non_null(strstr(text, "\nOptions:\n"));
    assert_non_null(strstr(text, "  -q, --quiet                 say nothing\n"));
    assert_non_null(strstr(text, "      --force                 replace the file\n"));
    assert_non_null(strstr(text, "  -v                          say more\n"));
    assert_non_null(
        strstr(text, "  -o, --output FILE           where to write\n                              to\n"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_forms_are_understood),    cmocka_unit_test(operands_move_to_the_end),
        cmocka_unit_test(a_command_keeps_its_options), cmocka_unit_test(mistakes_are_explained),
        cmocka_unit_test(help_shows_every_option),     cmocka_unit_test(lists_grow_up_to_their_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
