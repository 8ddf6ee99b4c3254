/*
 * A process whose memory says anything: numbers without limit, pointers into themselves, types that are none, everything
 * changing while it is read. The readers end, stay within their bounds, and believe little of it. (What they must not
 * do besides, the sanitizers see.)
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "go/go_calibrate.h"
#include "go/go_globals.h"
#include "go/go_labels.h"
#include "go/go_process.h"
#include "go/go_snapshot.h"
#include "go_builds.h"

enum { GOROUTINES = 64, WORDS_OF_G = 56, ROUNDS = 40, GARBAGE_SIZE = 64 << 10 };

struct subject {
    struct go_child child;
    struct go_binary *binary;
    struct go_process *process;
    struct go_memory memory;
    int write_fd;
    uint64_t bias, allglen, allgptr, array, g[GOROUTINES];
    unsigned g_count;
    uint64_t original[GOROUTINES][WORDS_OF_G];
    uint64_t words[4096]; /* what the memory held: addresses that lead somewhere */
    unsigned word_count;
    unsigned goroutines, refusals; /* of all rounds */
};

static uint64_t any(void)
{
    return (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
}

/* A value that a reader may follow, or trip over. */
static uint64_t hostile(const struct subject *self)
{
    static const uint64_t edges[] = {0,
                                     1,
                                     7,
                                     8,
                                     0xfff,
                                     UINT32_MAX,
                                     1 << 24,
                                     INT64_MAX,
                                     UINT64_MAX,
                                     UINT64_MAX - 7,
                                     1ull << 47,
                                     1ull << 32,
                                     0x7ffffffff000};
    switch (rand() % 5) {
    case 0:
        return edges[(unsigned)rand() % (sizeof edges / sizeof *edges)];
    case 1:
        return self->g[(unsigned)rand() % self->g_count] + 8u * (unsigned)(rand() % WORDS_OF_G);
    case 2:
        return self->words[(unsigned)rand() % self->word_count] + 8u * (unsigned)(rand() % 16) - 64;
    case 3:
        return self->words[(unsigned)rand() % self->word_count];
    default:
        return any() >> rand() % 64;
    }
}

static void poke(const struct subject *self, uint64_t address, uint64_t value)
{
    if (pwrite(self->write_fd, &value, sizeof value, (off_t)address) != sizeof value)
        return; /* there is nothing */
}

static void collect(struct subject *self)
{
    struct go_globals globals;
    uint64_t count = 0;
    assert_true(go_globals_find(self->binary, &globals));
    self->allglen = globals.allglen + self->bias;
    self->allgptr = globals.allgptr + self->bias;
    assert_true(go_memory_read(self->memory, self->allglen, &count, 8));
    assert_true(go_memory_read(self->memory, self->allgptr, &self->array, 8));
    self->g_count = count < GOROUTINES ? (unsigned)count : GOROUTINES;
    assert_true(go_memory_read(self->memory, self->array, self->g, 8 * self->g_count));
    self->word_count = 0;
    for (unsigned i = 0; i < self->g_count; i++) {
        uint64_t *words = self->original[i];
        assert_true(go_memory_read(self->memory, self->g[i], words, sizeof self->original[i]));
        for (unsigned j = 0; j < WORDS_OF_G && self->word_count < 4096; j++)
            self->words[self->word_count++] = words[j];
    }
    assert_true(self->g_count > 4 && self->word_count > 100);
}

/* A few or many words of goroutines, of what they point to, and of the globals. */
static void spoil(const struct subject *self)
{
    for (unsigned i = 0; i < self->g_count; i++) {
        poke(self, self->array + 8u * i, self->g[i]);
        for (unsigned j = 0; j < WORDS_OF_G; j++)
            poke(self, self->g[i] + 8u * j, self->original[i][j]);
    }
    unsigned count = 1u << rand() % 7;
    for (unsigned i = 0; i < count; i++) {
        uint64_t at = self->g[(unsigned)rand() % self->g_count] + 8u * (unsigned)(rand() % WORDS_OF_G),
                 points_to;
        if (rand() % 3 == 0 && go_memory_read(self->memory, at, &points_to, 8))
            at = (points_to & ~7ull) + 8u * (unsigned)(rand() % 40);
        poke(self, at, hostile(self));
    }
    if (rand() % 4 == 0)
        poke(self, self->array + 8u * ((unsigned)rand() % self->g_count), hostile(self));
    if (rand() % 4 == 0)
        poke(self, self->allglen, hostile(self));
    else
        poke(self, self->allglen, self->g_count);
    poke(self, self->allgptr, rand() % 6 == 0 ? hostile(self) : self->array);
}

static void look_at_all(struct subject *self)
{
    struct go_snapshot *snapshot;
    const struct go_goroutine *g;
    struct error err = {0};
    struct buf text;
    buf_init(&text);
    assert_int_equal(go_snapshot_new(self->memory, self->binary, self->bias, &snapshot, &err), 0);
    int rc = go_snapshot_begin(snapshot, &err);
    for (unsigned seen = 0; rc == 0 && seen < 3000 && (rc = go_snapshot_next(snapshot, &g, &err)) > 0;
         seen++) {
        bool is_there = rc == 1;
        rc = 0;
        if (!is_there)
            continue;
        self->goroutines++;
        assert_true(g->walk.depth <= GO_STACK_FRAMES && g->reason <= UINT8_MAX);
        assert_true(!g->has_select || g->select.count <= GO_SELECT_CASES);
        buf_reset(&text);
        if (go_process_read_labels(self->process, g->labels, &text))
            assert_true(text.size >= 2 && text.size <= GO_LABELS_JSON_MAX + 8 && text.data[0] == '{');
    }
    assert_true(rc >= 0 || rc == ERR_GONE || rc == ERR_DAMAGED);
    self->refusals += rc < 0;
    go_snapshot_free(snapshot);
    buf_release(&text);
    for (unsigned i = 0; i < 200; i++) {
        struct go_chan chan;
        uint64_t address = hostile(self);
        if (go_process_read_chan(self->process, address, &chan))
            assert_true(chan.type[0] != '\0' && strlen(chan.type) < 512);
        const char *type = go_process_itab_type(self->process, address);
        assert_true(!type || strlen(type) < 512);
        go_process_has_labels(self->process, address, 1, 0);
        struct buf labels;
        buf_init(&labels);
        go_process_read_labels(self->process, address & ~7ull, &labels);
        buf_release(&labels);
    }
}

/* What is measured on such a process is refused, or right for what is there; never a crash. */
static void calibrate(struct subject *self)
{
    struct go_layout layout;
    struct error err = {0};
    struct go_calibrate_input input = {
        .memory = self->memory, .main_tid = self->child.pid, .binary = self->binary, .bias = self->bias};
    (void)go_calibrate(&input, &layout, &err);
}

/* Stopped, it would outlive a test that fails, and hold its output open. */
static pid_t stopped;

static int end_child(void **state)
{
    (void)state;
    if (stopped > 0)
        kill(stopped, SIGKILL);
    stopped = 0;
    return 0;
}

static void check_version(struct go_binary *binary, const char *version, const char *path)
{
    struct subject self = {.binary = binary};
    struct error err = {0};
    uint64_t now;
    char name[64];
    assert_true(go_child_start(&self.child, path, "chans", NULL));
    assert_int_equal(fscanf(self.child.out, "main %lx\n", &now), 1);
    usleep(50000);
    stopped = self.child.pid;
    kill(self.child.pid, SIGSTOP);
    if (go_process_open(self.child.pid, binary, &self.process, &err) != 0)
        fail_msg("Go %s: %s", version, err.message);
    self.memory = go_process_memory(self.process);
    self.bias = go_process_bias(self.process);
    snprintf(name, sizeof name, "/proc/%d/mem", (int)self.child.pid);
    self.write_fd = open(name, O_RDWR | O_CLOEXEC);
    if (self.write_fd < 0) {
        print_message("no right to write another process's memory here\n");
    } else {
        srand(17);
        collect(&self);
        for (unsigned round = 0; round < ROUNDS; round++) {
            spoil(&self);
            look_at_all(&self);
            calibrate(&self);
        }
        close(self.write_fd);
        /* neither was all believed, nor nothing */

        assert_true(self.goroutines >= ROUNDS && self.refusals > 0 && self.refusals < ROUNDS);
    }
    end_child(NULL);
    go_child_stop(&self.child);
    go_process_close(self.process);
}

static void a_process_full_of_lies(void **state)
{
    (void)state;
    alarm(600); /* whatever does not end, ends the test */
    go_build_each(check_version);
    alarm(0);
}

/* Labels anywhere in garbage that points into itself, in both forms that Go has had. */
static void labels_of_garbage(void **state)
{
    (void)state;
    uint64_t *garbage = aligned_alloc(4096, GARBAGE_SIZE);
    const unsigned words = GARBAGE_SIZE / 8;
    struct buf text;
    assert_non_null(garbage);
    buf_init(&text);
    srand(18);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < words; i++) {
            unsigned kind = (unsigned)rand() % 4;
            garbage[i] = kind == 0   ? (uint64_t)(uintptr_t)&garbage[(unsigned)rand() % words]
                         : kind == 1 ? (uint64_t)rand() % 70
                         : kind == 2 ? any()
                                     : 0x0101010101010101u * (unsigned)(rand() % 8);
        }
        for (unsigned i = 0; i < 300; i++) {
            static const int minors[] = {18, 23, 24, 27};
            buf_reset(&text);
            if (go_labels_read((struct go_memory){getpid(), -1}, minors[i % 4],
                               (uint64_t)(uintptr_t)&garbage[(unsigned)rand() % words], &text))
                assert_true(text.size >= 2 && text.size <= GO_LABELS_JSON_MAX + 8 && text.data[0] == '{' &&
                            text.data[text.size - 1] == '}');
            else
                assert_int_equal(text.size, 0);
        }
    }
    buf_release(&text);
    free(garbage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_of_garbage),
        cmocka_unit_test_teardown(a_process_full_of_lies, end_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
