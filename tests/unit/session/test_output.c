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

#include "keeper.h"
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
    output_release(&out);
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
    output_release(&out);
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
    output_release(&out);
}

/* The same with the keeper of a recorder that has no right to the folder any more, and without one. */
static void files_follow_each_other(void **state)
{
    (void)state;
    for (unsigned way = 0; way < 2; way++) {
        struct output out;
        struct keeper *keeper = NULL;
        struct error err = {0};
        char second[160], third[160], stem[KEEPER_NAME_MAX];
        snprintf(second, sizeof second, "%s/t-2.gotape", folder);
        snprintf(third, sizeof third, "%s/t-3.gotape", folder);
        assert_int_equal(output_open(path, false, &out, &err), 0);
        output_stem(&out, stem);
        assert_string_equal(stem, "t");
        if (way == 1) {
            struct keeper_options options = {.target = getpid(),
                                             .target_pidfd = -1,
                                             .folder = out.folder,
                                             .stem = stem,
                                             .current = out.name};
            assert_int_equal(keeper_start(&options, &keeper, &err), 0);
            output_use_keeper(&out, keeper);
        }
        assert_int_equal(output_write(&out, "one", 3, &err), 0);
        assert_int_equal(output_open_next(&out, "t-2.gotape", &err), 0);
        assert_string_equal(out.path, second);
        assert_int_equal(output_write(&out, "two2", 4, &err), 0);
        assert_int_equal(out.size, 4);
        write_text(third, "somebody else's");
        assert_int_equal(output_open_next(&out, "t-3.gotape", &err), ERR_USAGE);
        assert_int_equal(output_write(&out, "2", 1, &err), 0); /* goes on where it was */
        assert_int_equal(size_of(path), 3);
        assert_int_equal(size_of(second), 5);
        assert_int_equal(output_remove(&out, "t.gotape", &err), 0);
        assert_int_equal(size_of(path), -1);
        assert_true(output_remove(&out, "../t.gotape", &err) < 0);
        output_discard(&out);
        assert_int_equal(size_of(second), -1);
        output_release(&out);
        keeper_close(keeper);
        unlink(third);
    }
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
        cmocka_unit_test_setup_teardown(files_follow_each_other, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(links_are_not_followed, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(failed_write_leaves_whole_chunks, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
