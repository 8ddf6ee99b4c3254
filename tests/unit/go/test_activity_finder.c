/* What the threads of live programs of every supported Go version sleep for: as a sample of each would have it. */
#include "activity_finder.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include <cmocka.h>

#include "format/event.h"
#include "go/go_memory.h"
#include "go/go_process.h"
#include "go/go_syscall_slot.h"
#include "go_builds.h"

enum { PIECE = 640, CHANGED_MAX = 20 };

struct tally {
    unsigned threads, idle, reads, runtime;
};

struct subject {
    struct go_binary *binary;
    struct activity_finder *finder;
    uint64_t bias;
    pid_t pid;
    struct go_memory memory;
};

static bool has_frame(const struct subject *subject, const struct found_activity *found, const char *function)
{
    for (uint32_t i = 0; i < found->length; i++) {
        struct go_frame frames[16];
        size_t count =
            go_binary_symbolize(subject->binary, found->chain[i] - subject->bias, i > 0, frames, 16);
        for (size_t k = 0; k < count; k++) {
            if (strcmp(frames[k].function, function) == 0)
                return true;
        }
    }
    return false;
}

/* A thread that is asleep, as sched_switch would have sampled it; false when it runs. */
static bool sample(const struct subject *subject, const char *tid, struct record *record, long *number_out,
                   uint8_t stack[PIECE])
{
    char path[300], line[256];
    snprintf(path, sizeof path, "/proc/%d/task/%s/syscall", (int)subject->pid, tid);
    FILE *file = fopen(path, "r");
    memset(record, 0, sizeof *record);
    bool asleep =
        file && fgets(line, sizeof line, file) &&
        sscanf(line, "%ld %*s %*s %*s %*s %*s %*s %lx %lx", number_out, &record->sp, &record->ip) == 3;
    if (file)
        fclose(file);
    record->kind = RECORD_SWITCH_OUT;
    record->prev_state = THREAD_STATE_SLEEP;
    for (record->stack_size = PIECE; asleep && record->stack_size > 0; record->stack_size -= 8) {
        if (go_memory_read((struct go_memory){subject->pid, -1}, record->sp, stack, record->stack_size))
            break;
    }
    record->stack = stack;
    return asleep;
}

/* What was remembered of other looks makes no difference. */
static void look(const struct subject *subject, const struct record *record, struct found_activity *out)
{
    struct found_activity fresh;
    struct activity_finder *finder = activity_finder_new(subject->binary, subject->bias, subject->memory);
    assert_non_null(finder);
    activity_finder_look(finder, record, &fresh);
    activity_finder_free(finder);
    activity_finder_look(subject->finder, record, out);
    assert_int_equal(out->activity, fresh.activity);
    assert_int_equal(out->syscall, fresh.syscall);
    assert_int_equal(out->is_cut, fresh.is_cut);
    assert_int_equal(out->length, fresh.length);
    assert_memory_equal(out->chain, fresh.chain, fresh.length * sizeof *fresh.chain);
}

static void judge(const struct subject *subject, const struct record *record, long number,
                  struct tally *tally)
{
    struct found_activity found;
    look(subject, record, &found);
    tally->threads++;
    assert_int_equal(found.chain[0], record->ip);
    if (found.syscall && found.syscall != (uint32_t)number + 1)
        fail_msg("system call %ld was found to be %u", number, found.syscall - 1);
    bool is_idle = has_frame(subject, &found, "runtime.stopm") ||
                   has_frame(subject, &found, "runtime.mPark") ||
                   has_frame(subject, &found, "runtime.netpoll");
    if (has_frame(subject, &found, "syscall.read")) {
        assert_int_equal(found.activity, ACTIVITY_SYSCALL);
        assert_int_equal(found.syscall, SYS_read + 1);
        assert_true(has_frame(subject, &found, "os.(*File).Read"));
        tally->reads++;
    } else if (is_idle) {
        assert_int_equal(found.activity, ACTIVITY_IDLE);
        tally->idle++;
    } else {
        assert_int_equal(found.activity, ACTIVITY_RUNTIME);
        assert_true(has_frame(subject, &found, "runtime.sysmon") ||
                    has_frame(subject, &found, "runtime.templateThread"));
        tally->runtime++;
    }
}

/* With less of its stack, a thread has fewer frames, and never anything else than what is there. */
static void check_pieces(const struct subject *subject, struct record *record)
{
    struct found_activity whole, found;
    activity_finder_look(subject->finder, record, &whole);
    for (uint32_t size = record->stack_size; size > 0; size -= 8) {
        record->stack_size = size - 8;
        look(subject, record, &found);
        assert_in_range(found.length, 1, whole.length);
        assert_memory_equal(found.chain, whole.chain, found.length * sizeof *found.chain);
        assert_true(found.syscall == whole.syscall || found.syscall == 0);
    }
    record->stack = NULL;
    activity_finder_look(subject->finder, record, &found);
    assert_int_equal(found.length, 1);
}

/* With one word of its stack changed, its frames and the number of its system call are those of that stack. */
static void check_changes(const struct subject *subject, struct record *record, uint8_t stack[PIECE])
{
    struct found_activity found;
    for (uint32_t at = 0; at + 8 <= record->stack_size; at += 8) {
        uint64_t word, others[] = {0, 1, record->ip, 0};
        memcpy(&word, stack + at, sizeof word);
        others[3] = word + 1;
        for (unsigned i = 0; i < 4; i++) {
            memcpy(stack + at, &others[i], sizeof word);
            look(subject, record, &found);
        }
        memcpy(stack + at, &word, sizeof word);
    }
    look(subject, record, &found);
    record->sp += 4;
    look(subject, record, &found);
    record->sp -= 4;
    record->prev_state = THREAD_STATE_RUNNABLE; /* preempted there */
    look(subject, record, &found);
    record->prev_state = THREAD_STATE_SLEEP;
}

static void check_simple(const struct subject *subject)
{
    struct found_activity found;
    struct record record = {.kind = RECORD_SWITCH_OUT, .sp = 8};
    uint64_t start, end;
    activity_finder_look(subject->finder, &record, &found); /* no registers */
    assert_int_equal(found.activity, ACTIVITY_UNKNOWN);
    assert_int_equal(found.length, 0);
    record.ip = 0x1000;
    activity_finder_look(subject->finder, &record, &found);
    assert_int_equal(found.activity, ACTIVITY_FOREIGN);
    assert_true(go_binary_function(subject->binary, "main.main", &start, &end));
    record.ip = subject->bias + start;
    activity_finder_look(subject->finder, &record, &found);
    assert_int_equal(found.activity, ACTIVITY_GO);
    assert_int_equal(found.length, 1);
    record.prev_state = THREAD_STATE_DISK; /* a page is being read */
    activity_finder_look(subject->finder, &record, &found);
    assert_int_equal(found.activity, ACTIVITY_GO);
}

static void look_at_threads(const struct subject *subject, struct tally *tally)
{
    char path[64];
    struct dirent *entry;
    snprintf(path, sizeof path, "/proc/%d/task", (int)subject->pid);
    DIR *threads = opendir(path);
    assert_non_null(threads);
    while ((entry = readdir(threads)) != NULL) {
        struct record record, again;
        long number, number_again;
        uint8_t stack[PIECE], stack_again[PIECE];
        if (!sample(subject, entry->d_name, &record, &number, stack) ||
            !sample(subject, entry->d_name, &again, &number_again, stack_again))
            continue;
        /* it must not have moved while it was looked at */
        if (number != number_again || record.stack_size != again.stack_size || record.sp != again.sp ||
            memcmp(stack, stack_again, record.stack_size) != 0)
            continue;
        judge(subject, &record, number, tally);
        if (tally->threads < CHANGED_MAX)
            check_changes(subject, &record, stack);
        check_pieces(subject, &record);
    }
    closedir(threads);
}

static void check_version(struct go_binary *binary, const char *version, const char *path)
{
    struct subject subject = {.binary = binary};
    struct go_process *process;
    struct go_child child;
    struct error err = {0};
    struct tally tally = {0};
    char line[1024];
    assert_true(go_child_start(&child, path, "chans", NULL));
    while (fgets(line, sizeof line, child.out) && strcmp(line, "end\n") != 0)
        continue;
    if (go_process_open(child.pid, binary, &process, &err) != 0)
        fail_msg("%s", err.message);
    subject.bias = go_process_bias(process);
    subject.pid = child.pid;
    subject.memory = go_process_memory(process);
    subject.finder = activity_finder_new(binary, subject.bias, go_process_memory(process));
    assert_non_null(subject.finder);
    for (int i = 0; i < 200 && (tally.reads == 0 || tally.idle == 0 || tally.runtime == 0); i++) {
        look_at_threads(&subject, &tally);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    if (tally.reads == 0 || tally.idle == 0 || tally.runtime == 0)
        fail_msg("Go %s: %u threads read, %u are idle, %u are the runtime's", version, tally.reads,
                 tally.idle, tally.runtime);
    check_simple(&subject);
    activity_finder_free(subject.finder);
    go_process_close(process);
    go_child_stop(&child);
}

static void test_threads(void **state)
{
    (void)state;
    go_build_each(check_version);
}

#if defined(__x86_64__)

static void test_slot(void **state)
{
    (void)state;
    /* push %rbp; sub $0x50,%rsp; mov %rax,0x60(%rsp); call; mov 0x60(%rsp),%rax; mov 0x68(%rsp),%rbx; call; ret */
    static const uint8_t code[] = {0x55, 0x48, 0x83, 0xec, 0x50, 0x48, 0x89, 0x44, 0x24, 0x60, 0xe8,
                                   1,    2,    3,    4,    0x48, 0x8b, 0x44, 0x24, 0x60, 0x48, 0x8b,
                                   0x5c, 0x24, 0x68, 0xe8, 1,    2,    3,    4,    0xc3};
    size_t at = 0;
    int32_t distance = 0;
    assert_true(go_syscall_slot_decode(code, sizeof code, &at, &distance));
    assert_int_equal(at, 15);
    assert_int_equal(distance, 0x60);
    for (size_t size = 0; size < 30; size++)
        assert_false(go_syscall_slot_decode(code, size, &at, &distance));
    /* nothing is loaded between the calls */
    assert_false(go_syscall_slot_decode(code + 25, 6, &at, &distance));
    static const uint8_t two_calls[] = {0xe8, 1, 2, 3, 4, 0xe8, 1, 2, 3, 4};
    assert_false(go_syscall_slot_decode(two_calls, sizeof two_calls, &at, &distance));
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
#if defined(__x86_64__)
        cmocka_unit_test(test_slot),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
