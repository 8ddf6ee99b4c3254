#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>
#include <cmocka.h>

#include "output.h"

static char folder[64], path[128];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/gotape-output-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/t.gotape", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static long size_of(const char *name)
{
    struct stat st;
    return stat(name, &st) == 0 ? (long)st.st_size : -1;
}

static void write_text(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void new_file_is_private(void **state)
{
    (void)state;
    struct output out;
    struct error err = {0};
    struct stat st;
    umask(0);
    assert_int_equal(output_open(path, false, &out, &err), 0);
    assert_int_equal(output_write(&out, "abc", 3, &err), 0);
    assert_int_equal(output_finish(&out, &err), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 3);
}

static void existing_file_needs_force(void **state)
{
    (void)state;
    struct output out;
    struct error err = {0};
    write_text(path, "old text");
    assert_int_equal(output_open(path, false, &out, &err), ERR_USAGE);
    assert_non_null(strstr(err.message, "--force"));
    assert_int_equal(size_of(path), 8);

    assert_int_equal(output_open(path, true, &out, &err), 0);
    assert_int_equal(output_write(&out, "new", 3, &err), 0);
    assert_int_equal(size_of(path), 8); /* the old file stays until the new one is whole */
    assert_int_equal(output_finish(&out, &err), 0);
    assert_int_equal(size_of(path), 3);
}

static void discarded_replacement_keeps_the_old_file(void **state)
{
    (void)state;
    struct output out;
    struct error err = {0};
    write_text(path, "old text");
    assert_int_equal(output_open(path, true, &out, &err), 0);
    assert_int_equal(output_write(&out, "new", 3, &err), 0);
    output_discard(&out);
    assert_int_equal(size_of(path), 8);
}

static void links_are_not_followed(void **state)
{
    (void)state;
    struct output out;
    struct error err = {0};
    char victim[160];
    snprintf(victim, sizeof victim, "%s/victim", folder);
    write_text(victim, "precious");
    assert_int_equal(symlink(victim, path), 0);
    assert_int_equal(output_open(path, false, &out, &err), ERR_USAGE);
    assert_int_equal(output_open(path, true, &out, &err), ERR_USAGE);
    assert_int_equal(size_of(victim), 8);
    unlink(victim);
}

/* A file size limit stands in for a full disk: the write stops half-way with an error. */
static void failed_write_leaves_whole_chunks(void **state)
{
    (void)state;
    struct output out;
    struct error err = {0};
    struct rlimit old, small = {100, 100};
    char chunk[64] = {0};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(output_open(path, false, &out, &err), 0);
    setrlimit(RLIMIT_FSIZE, &small);
    int first = output_write(&out, chunk, sizeof chunk, &err);
    int second = output_write(&out, chunk, sizeof chunk, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(first, 0);
    assert_true(second < 0);
    assert_int_equal(output_finish(&out, &err), 0);
    assert_int_equal(size_of(path), 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_file_is_private, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(existing_file_needs_force, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(discarded_replacement_keeps_the_old_file, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(links_are_not_followed, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(failed_write_leaves_whole_chunks, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
