/* All goroutines of a running program; pieces of memory of which some cannot be read. */
#include "go/go_snapshot.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/event.h"
#include "go/go_memory.h"
#include "go/go_process.h"
#include "go_builds.h"

static void pieces_are_read_around_holes(void **state)
{
    (void)state;
    static const char text[] = "goroutine";
    long page = sysconf(_SC_PAGESIZE);
    char *map = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    memset(map, 'x', 2 * (size_t)page);
    assert_int_equal(munmap(map + page, (size_t)page), 0);
    struct error err = {0};
    struct go_memory memories[2] = {{getpid(), -1}};
    assert_int_equal(go_memory_open(getpid(), &memories[1], &err), 0);
    for (unsigned way = 0; way < 2; way++) {
        char out[6][16] = {{0}};
        struct go_memory_piece pieces[600];
        for (unsigned i = 0; i < 600; i++)
            pieces[i] = (struct go_memory_piece){(uintptr_t)text, out[5], 9, false};
        pieces[0] = (struct go_memory_piece){0, out[0], 8, true};
        pieces[1] = (struct go_memory_piece){(uintptr_t)text, out[1], 9, false};
        pieces[2] =
            (struct go_memory_piece){(uintptr_t)map + (uintptr_t)page - 4, out[2], 8, true}; /* half of it */
        pieces[3] = (struct go_memory_piece){(uintptr_t)map + (uintptr_t)page - 8, out[3], 8, false};
        pieces[598] = (struct go_memory_piece){UINT64_MAX - 3, out[4], 8, true};
        pieces[599] = (struct go_memory_piece){(uintptr_t)map + (uintptr_t)page, out[4], 8, true};
        assert_true(go_memory_read_many(memories[way], pieces, 600));
        for (unsigned i = 0; i < 600; i++)
            assert_int_equal(pieces[i].ok, i != 0 && i != 2 && i < 598);
        assert_string_equal(out[1], "goroutine");
        assert_memory_equal(out[3], "xxxxxxxx", 8);
        assert_false(go_memory_read(memories[way], UINT64_MAX - 3, out[0], 8));
        assert_int_equal(errno, EFAULT);
    }
    assert_false(go_memory_is_gone(memories[1]));
    go_memory_close(&memories[1]);
    munmap(map, (size_t)page);
    struct go_memory_piece piece = {(uintptr_t)text, (char[16]){0}, 9, false};
    assert_false(go_memory_read_many((struct go_memory){INT32_MAX, -1}, &piece, 1));
    assert_int_equal(errno, ESRCH);
}

/* What was opened of one program does not show the next one. */
static void memory_is_of_its_moment(void **state)
{
    (void)state;
    int pipes[2];
    char byte;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (read(pipes[0], &byte, 1) == 1)
            execl("/bin/sleep", "sleep", "60", (char *)NULL);
        _exit(1);
    }
    struct error err = {0};
    struct go_memory memory;
    char copy[16];
    static const char text[] = "goroutine";
    assert_int_equal(go_memory_open(pid, &memory, &err), 0);
    assert_true(go_memory_read(memory, (uintptr_t)text, copy, sizeof text));
    assert_false(go_memory_is_gone(memory));
    assert_int_equal(write(pipes[1], "x", 1), 1);
    for (unsigned i = 0; i < 1000 && !go_memory_is_gone(memory); i++)
        usleep(10000);
    assert_true(go_memory_is_gone(memory));
    assert_false(go_memory_read(memory, (uintptr_t)text, copy, sizeof text));
    assert_int_equal(errno, ESRCH);
    go_memory_close(&memory);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    close(pipes[0]);
    close(pipes[1]);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void check_goroutines(struct go_binary *binary, const char *version, const char *path)
{
    struct go_child child;
    struct go_process *process;
    struct go_snapshot *snapshot;
    const struct go_goroutine *g;
    struct error err = {0};
    uint64_t now, start, end;
    unsigned mains = 0, seen = 0, were_read = 0;
    assert_true(go_child_start(&child, path, "chans", NULL));
    assert_int_equal(fscanf(child.out, "main %lx\n", &now), 1);
    usleep(50000); /* until nothing moves any more */
    assert_true(go_binary_function(binary, "runtime.main", &start, &end));
    if (go_process_open(child.pid, binary, &process, &err) != 0 ||
        go_snapshot_new(go_process_memory(process), binary, go_process_bias(process), &snapshot, &err) != 0 ||
        go_snapshot_begin(snapshot, &err) != 0)
        fail_msg("Go %s: %s", version, err.message);
    int rc;
    bool was_read = false;
    uint64_t before = now_ns();
    assert_false(go_snapshot_has_more_read(snapshot));
    while ((rc = go_snapshot_next(snapshot, &g, &err)) > 0) {
        if (rc == 2)
            continue;
        seen++;
        assert_int_equal(g->read_ns < before, was_read);
        were_read += was_read;
        was_read = go_snapshot_has_more_read(snapshot);
        before = now_ns();
        mains += g->goid == 1 && g->start_pc == start + go_process_bias(process);
        assert_true(g->goid > 0 && g->goid < 1000);
        assert_true(g->status == GO_STATUS_RUNNING || g->walk.depth > 0);
        if (g->walk.depth)
            assert_int_equal(g->walk.end, UNWIND_COMPLETE);
    }
    assert_int_equal(rc, 0);
    assert_false(was_read);
    assert_true(were_read > 0);
    assert_int_equal(mains, 1);
    assert_int_equal(go_snapshot_counts(snapshot).alive, seen);
    assert_true(seen >= 5);
    go_child_stop(&child);
    assert_int_equal(go_snapshot_begin(snapshot, &err), ERR_GONE);
    go_snapshot_free(snapshot);
    go_process_close(process);
}

static void all_goroutines_of_a_running_program(void **state)
{
    (void)state;
    go_build_each(check_goroutines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_read_around_holes),
        cmocka_unit_test(memory_is_of_its_moment),
        cmocka_unit_test(all_goroutines_of_a_running_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
