#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "proc_info.h"

static void own_threads_are_numbered_as_we_see_them(void **state)
{
    (void)state;
    struct error err = {0};
    struct map map;
    uint64_t tid = 0;
    map_init(&map);
    assert_false(proc_has_own_pid_namespace(getpid()));
    assert_int_equal(proc_namespace_tid(getpid(), getpid()), getpid());
    assert_int_equal(proc_map_namespace_tids(getpid(), &map, &err), 0);
    assert_true(map_get(&map, (uint64_t)getpid(), &tid));
    assert_int_equal(tid, getpid());
    map_release(&map);
}

struct room {
    int ready, hold;
};

static void *second_thread(void *context)
{
    const struct room *room = context;
    char byte = 0;
    bool held = write(room->ready, &byte, 1) == 1 && read(room->hold, &byte, 1) == 0;
    return held ? context : NULL;
}

/* Process 1 of its namespace, with a second thread, until `hold` is closed. */
static _Noreturn void live_in_namespace(struct room room)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, second_thread, &room) != 0)
        _exit(1);
    pthread_join(thread, NULL);
    _exit(0);
}

static void threads_of_a_namespace_are_mapped(void **state)
{
    (void)state;
    int ready[2], hold[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(hold), 0);
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, NULL, NULL, NULL, 0);
    if (child < 0)
        skip(); /* needs root */
    if (child == 0) {
        close(hold[1]);
        live_in_namespace((struct room){ready[1], hold[0]});
    }
    close(hold[0]);
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);

    struct error err = {0};
    struct map map;
    uint64_t tid = 0;
    map_init(&map);
    assert_true(proc_has_own_pid_namespace(child));
    assert_int_equal(proc_namespace_tid(child, child), 1);
    assert_int_equal(proc_map_namespace_tids(child, &map, &err), 0);
    assert_true(map_get(&map, 1, &tid));
    assert_int_equal(tid, child);
    assert_true(map_get(&map, 2, &tid));
    assert_true((pid_t)tid > child);
    assert_int_equal(proc_tgid((pid_t)tid), child);
    map_release(&map);

    close(hold[1]);
    waitpid(child, NULL, 0);
    close(ready[0]);
    close(ready[1]);
}

static void who_is_gone_has_no_number(void **state)
{
    (void)state;
    struct error err = {0};
    struct map map;
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    map_init(&map);
    assert_false(proc_has_own_pid_namespace(gone));
    assert_int_equal(proc_namespace_tid(gone, gone), 0);
    assert_int_equal(proc_map_namespace_tids(gone, &map, &err), ERR_GONE);
    map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_threads_are_numbered_as_we_see_them),
        cmocka_unit_test(threads_of_a_namespace_are_mapped),
        cmocka_unit_test(who_is_gone_has_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
