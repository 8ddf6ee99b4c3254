/*
 * A batch of goroutines goes through four steps: read each g; read its stack, its thread and its first sudog;
 * walk the stack; read each g again and compare. Each step is one system call for the whole batch, but for
 * long stacks and selects.
 */
#include "go/go_snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "format/event.h"
#include "go/go_globals.h"
#include "go/go_memory.h"

#define BATCH          32
#define TRIES          5
#define GOROUTINES_MAX (1u << 24) /* of a process that has its list in order */
#define UNREADABLE_MAX 64
#define PROMPT_NS      50000 /* more than the last step takes */

enum { G_BYTES = 512, M_BYTES = 512, SUDOG_BYTES = 128 };

/* runtime/runtime2.go */
enum {
    STATUS_IDLE = 0,
    STATUS_DEAD = 6,
    STATUS_LEAKED = 10,     /* since 1.26: waits for ever, says the collector */
    STATUS_DEAD_EXTRA = 11, /* since 1.26 */
    STATUS_SCAN = 0x1000    /* a bit: the collector looks at its stack */
};

struct g_fields {
    uint64_t goid, m, pc, sp, lo, hi, syscall_pc, syscall_sp, waiting, start_pc, created_pc, labels, creator,
        wait_since_ns;
    unsigned status, reason;
};

enum verdict { VERDICT_NONE, VERDICT_ABSENT, VERDICT_STABLE, VERDICT_UNSTABLE };

struct slot {
    uint64_t g;
    enum verdict verdict;
    struct g_fields fields;
    uint8_t g_bytes[G_BYTES], m_bytes[M_BYTES], sudog_bytes[SUDOG_BYTES], stack[GO_STACK_FIRST];
    size_t stack_size;
    bool has_m, has_sudog;
    struct go_goroutine found;
};

struct go_snapshot {
    struct go_memory memory;
    struct go_binary *binary;
    uint64_t bias;
    const struct go_layout *layout;
    struct go_globals globals;
    struct go_wait_calls calls;
    size_t g_size, m_size, sudog_size; /* how much of each is read */
    uint64_t total, next;              /* of allgs */
    struct go_snapshot_counts counts;
    unsigned unreadable; /* looks at a g where nothing was */
    struct slot slots[BATCH];
    unsigned slot_count, slot_next;
    uint8_t window[GO_STACK_WINDOW];
};

static size_t size_for(const int *offsets, size_t count)
{
    int last = 0;
    for (size_t i = 0; i < count; i++)
        last = offsets[i] > last ? offsets[i] : last;
    return (size_t)last + 8;
}

static bool choose_sizes(struct go_snapshot *self)
{
    const struct go_layout *l = self->layout;
    const int g[] = {l->g_m,        l->g_sched_pc,   l->g_sched_sp,    l->g_status,
                     l->g_goid,     l->g_waitreason, l->g_startpc,     l->g_gopc,
                     l->g_waiting,  l->g_labels,     l->g_parent_goid, l->g_stack_lo,
                     l->g_stack_hi, l->g_syscallsp,  l->g_syscallpc,   l->g_waitsince};
    const int m[] = {l->m_curg, l->m_procid};
    const int sudog[] = {l->sudog_g, l->sudog_c};
    const int needed[] = {l->g_m,         l->g_sched_pc,   l->g_sched_sp, l->g_status,
                          l->g_goid,      l->g_waitreason, l->g_stack_lo, l->g_stack_hi,
                          l->g_syscallsp, l->g_syscallpc,  l->m_curg,     l->m_procid};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (needed[i] < 0)
            return false;
    }
    self->g_size = size_for(g, sizeof g / sizeof *g);
    self->m_size = size_for(m, sizeof m / sizeof *m);
    self->sudog_size = size_for(sudog, sizeof sudog / sizeof *sudog);
    return self->g_size <= G_BYTES && self->m_size <= M_BYTES && self->sudog_size <= SUDOG_BYTES;
}

int go_snapshot_new(struct go_memory memory, struct go_binary *binary, uint64_t bias,
                    struct go_snapshot **out, struct error *err)
{
    struct go_snapshot *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory");
    self->memory = memory;
    self->binary = binary;
    self->bias = bias;
    self->layout = go_binary_layout(binary);
    go_wait_calls_init(&self->calls, binary);
    if (!go_globals_find(binary, &self->globals) || !choose_sizes(self)) {
        free(self);
        return error_set(err, ERR_UNSUPPORTED,
                         "the goroutines of this program cannot be found in its memory: no snapshots");
    }
    *out = self;
    return 0;
}

void go_snapshot_free(struct go_snapshot *self)
{
    free(self);
}

static int read_failed(const struct go_snapshot *self, struct error *err)
{
    if (errno == ESRCH || errno == EFAULT)
        return error_set(err, ERR_GONE, "process %d has ended", (int)self->memory.pid);
    return error_sys(err, "cannot read the memory of process %d", (int)self->memory.pid);
}

int go_snapshot_begin(struct go_snapshot *self, struct error *err)
{
    uint64_t total;
    if (!go_memory_read(self->memory, self->globals.allglen + self->bias, &total, sizeof total))
        return read_failed(self, err);
    if (total > GOROUTINES_MAX)
        return error_set(err, ERR_DAMAGED,
                         "process %d says that it has %" PRIu64 " goroutines, which is not believed",
                         (int)self->memory.pid, total);
    self->total = total;
    self->next = 0;
    self->unreadable = 0;
    self->slot_count = self->slot_next = 0;
    self->counts = (struct go_snapshot_counts){0};
    return 0;
}

static uint64_t get(const uint8_t *bytes, size_t size, int offset, unsigned width)
{
    uint64_t value = 0;
    if (offset >= 0)
        bytes_peek(bytes, size, (unsigned)offset, width, &value);
    return value;
}

static struct g_fields decode_g(const struct go_snapshot *self, const uint8_t *bytes)
{
    const struct go_layout *l = self->layout;
    size_t size = self->g_size;
    return (struct g_fields){
        .goid = get(bytes, size, l->g_goid, 8),
        .m = get(bytes, size, l->g_m, 8),
        .pc = get(bytes, size, l->g_sched_pc, 8),
        .sp = get(bytes, size, l->g_sched_sp, 8),
        .lo = get(bytes, size, l->g_stack_lo, 8),
        .hi = get(bytes, size, l->g_stack_hi, 8),
        .syscall_pc = get(bytes, size, l->g_syscallpc, 8),
        .syscall_sp = get(bytes, size, l->g_syscallsp, 8),
        .waiting = get(bytes, size, l->g_waiting, 8),
        .start_pc = get(bytes, size, l->g_startpc, 8),
        .created_pc = get(bytes, size, l->g_gopc, 8),
        .labels = get(bytes, size, l->g_labels, 8),
        .creator = get(bytes, size, l->g_parent_goid, 8),
        .wait_since_ns = get(bytes, size, l->g_waitsince, 8),
        .status = (unsigned)get(bytes, size, l->g_status, 4) & ~(unsigned)STATUS_SCAN,
        .reason = (unsigned)get(bytes, size, l->g_waitreason, 1),
    };
}

static bool is_absent(const struct g_fields *fields)
{
    return fields->status == STATUS_IDLE || fields->status == STATUS_DEAD ||
           fields->status == STATUS_DEAD_EXTRA;
}

/* Did nothing happen to the goroutine that its stack would show? */
static bool is_same(const struct g_fields *a, const struct g_fields *b, bool running)
{
    if (a->goid != b->goid || a->status != b->status || a->m != b->m)
        return false;
    if (running)
        return true;
    return a->pc == b->pc && a->sp == b->sp && a->lo == b->lo && a->hi == b->hi &&
           a->syscall_pc == b->syscall_pc && a->syscall_sp == b->syscall_sp && a->waiting == b->waiting &&
           a->reason == b->reason;
}

/* The pointers in allgs are never replaced; the array itself moves when it grows. */
static int read_pointers(struct go_snapshot *self, struct error *err)
{
    uint64_t array, again, pointers[BATCH], count = self->total - self->next;
    uint64_t at = self->globals.allgptr + self->bias;
    if (count > BATCH)
        count = BATCH;
    unsigned tries = 0;
    do {
        if (tries++ == TRIES)
            return error_set(err, ERR_DAMAGED, "the list of goroutines of process %d does not stay as it is",
                             (int)self->memory.pid);
        if (!go_memory_read(self->memory, at, &array, sizeof array) ||
            !go_memory_read(self->memory, array + 8 * self->next, pointers, 8 * (size_t)count) ||
            !go_memory_read(self->memory, at, &again, sizeof again))
            return read_failed(self, err);
    } while (array != again);
    for (uint64_t i = 0; i < count; i++)
        self->slots[i].g = pointers[i];
    self->next += count;
    self->slot_count = (unsigned)count;
    self->slot_next = 0;
    return 0;
}

static int read_gs(struct go_snapshot *self, struct slot *slots, unsigned count, struct error *err)
{
    struct go_memory_piece pieces[BATCH];
    for (unsigned i = 0; i < count; i++)
        pieces[i] = (struct go_memory_piece){slots[i].g, slots[i].g_bytes, self->g_size, false};
    if (!go_memory_read_many(self->memory, pieces, count))
        return read_failed(self, err);
    for (unsigned i = 0; i < count; i++) {
        /* what a g was made in is never given back (runtime/proc.go, malg) */
        if (!pieces[i].ok && ++self->unreadable > UNREADABLE_MAX)
            return error_set(err, ERR_DAMAGED, "the list of goroutines of process %d leads nowhere",
                             (int)self->memory.pid);
        slots[i].verdict = pieces[i].ok ? VERDICT_NONE : VERDICT_UNSTABLE;
        slots[i].fields = decode_g(self, slots[i].g_bytes);
        if (pieces[i].ok && is_absent(&slots[i].fields))
            slots[i].verdict = VERDICT_ABSENT;
    }
    return 0;
}

/* Where the stack begins that is worth reading; 0: none. */
static uint64_t stack_top(const struct g_fields *fields)
{
    uint64_t sp = fields->status == GO_STATUS_SYSCALL ? fields->syscall_sp : fields->sp;
    bool at_rest = fields->status != GO_STATUS_RUNNING;
    return at_rest && sp % 8 == 0 && sp >= fields->lo && sp < fields->hi ? sp : 0;
}

static int read_around(struct go_snapshot *self, struct slot *slots, unsigned count, struct error *err)
{
    struct go_memory_piece pieces[3 * BATCH];
    unsigned n = 0;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = &slots[i];
        const struct g_fields *fields = &slot->fields;
        if (slot->verdict != VERDICT_NONE)
            continue;
        uint64_t top = stack_top(fields);
        slot->stack_size = !top                                ? 0
                           : fields->hi - top < GO_STACK_FIRST ? (size_t)(fields->hi - top)
                                                               : GO_STACK_FIRST;
        slot->has_m = fields->m != 0;
        slot->has_sudog = fields->waiting != 0 && self->layout->sudog_c >= 0;
        if (slot->stack_size)
            pieces[n++] = (struct go_memory_piece){top, slot->stack, slot->stack_size, false};
        if (slot->has_m)
            pieces[n++] = (struct go_memory_piece){fields->m, slot->m_bytes, self->m_size, false};
        if (slot->has_sudog)
            pieces[n++] =
                (struct go_memory_piece){fields->waiting, slot->sudog_bytes, self->sudog_size, false};
    }
    if (n > 0 && !go_memory_read_many(self->memory, pieces, n))
        return read_failed(self, err);
    n = 0;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = &slots[i];
        if (slot->verdict != VERDICT_NONE)
            continue;
        if (slot->stack_size && !pieces[n++].ok)
            slot->stack_size = 0;
        if (slot->has_m)
            slot->has_m = pieces[n++].ok;
        if (slot->has_sudog)
            slot->has_sudog = pieces[n++].ok;
    }
    return 0;
}

static void find_wait(struct go_snapshot *self, struct slot *slot, struct go_stack *stack)
{
    const struct go_layout *l = self->layout;
    struct go_goroutine *found = &slot->found;
    size_t frame;
    if (slot->has_sudog && get(slot->sudog_bytes, self->sudog_size, l->sudog_g, 8) == slot->g)
        found->hchan = get(slot->sudog_bytes, self->sudog_size, l->sudog_c, 8);
    found->call = go_wait_call_find(&self->calls, self->bias, stack, &found->walk, &found->argument, &frame);
    if (found->call == GO_WAIT_SELECT)
        found->has_select = go_select_read(self->binary, self->bias, stack, &found->walk, frame,
                                           found->argument, slot->fields.waiting, &found->select);
    if (found->call == GO_WAIT_NET && l->polldesc_rg >= 0 && l->polldesc_wg >= 0) {
        uint64_t reader = 0, writer = 0;
        if (go_memory_read(self->memory, found->argument + (unsigned)l->polldesc_rg, &reader,
                           sizeof reader) &&
            go_memory_read(self->memory, found->argument + (unsigned)l->polldesc_wg, &writer, sizeof writer))
            found->net_mode = reader == slot->g ? NET_MODE_READ : writer == slot->g ? NET_MODE_WRITE : 0;
    }
}

/* Waiting with a thread that runs it: the runtime does something on its behalf (stops the world, assists the
 * collector) and only calls it so. Whoever really waits has given its thread away (runtime/proc.go, dropg). */
static bool is_on_thread(const struct go_snapshot *self, const struct slot *slot)
{
    return slot->has_m && get(slot->m_bytes, self->m_size, self->layout->m_curg, 8) == slot->g;
}

/* Fills slot->found from what was read; false when that does not fit together. */
static bool examine(struct go_snapshot *self, struct slot *slot)
{
    const struct g_fields *fields = &slot->fields;
    struct go_goroutine *found = &slot->found;
    bool on_thread = is_on_thread(self, slot);
    found->status = fields->status == STATUS_LEAKED ? GO_STATUS_WAITING : fields->status;
    if (found->status == GO_STATUS_WAITING && on_thread)
        found->status = GO_STATUS_RUNNING;
    found->reason = found->status == GO_STATUS_WAITING ? fields->reason : 0;
    found->thread = 0;
    found->walk.depth = 0;
    found->hchan = 0;
    found->call = GO_WAIT_NONE;
    found->has_select = false;
    found->net_mode = 0;
    if (on_thread && (found->status == GO_STATUS_RUNNING || found->status == GO_STATUS_SYSCALL))
        found->thread = get(slot->m_bytes, self->m_size, self->layout->m_procid, 8);
    if (found->status == GO_STATUS_RUNNING)
        return on_thread;
    if (found->status != GO_STATUS_RUNNABLE && found->status != GO_STATUS_SYSCALL &&
        found->status != GO_STATUS_WAITING && found->status != GO_STATUS_PREEMPTED)
        return false;
    if (slot->stack_size == 0)
        return false;
    uint64_t pc = fields->status == GO_STATUS_SYSCALL ? fields->syscall_pc : fields->pc;
    struct go_stack stack = {.memory = self->memory,
                             .sp = stack_top(fields),
                             .hi = fields->hi,
                             .first = slot->stack,
                             .first_size = slot->stack_size,
                             .window = self->window};
    go_stack_walk(&stack, self->binary, self->bias, pc, &found->walk);
    /* one that never ran stands at its first instruction; all others at one behind a call (runtime/asm_amd64.s, mcall) */
    found->first_is_return = pc != fields->start_pc;
    if (found->status == GO_STATUS_WAITING)
        find_wait(self, slot, &stack);
    return found->walk.end == UNWIND_COMPLETE || found->walk.end == UNWIND_LIMIT ||
           (found->walk.end == UNWIND_NO_MEMORY && stack.window_size == GO_STACK_WINDOW);
}

/* The last step, with the time after it: anew when we were not on a CPU in between, as the goroutines may have gone
 * on meanwhile. */
static int read_again(const struct go_snapshot *self, struct go_memory_piece *pieces, unsigned count,
                      uint64_t *time_ns_out, struct error *err)
{
    uint64_t begin_ns, end_ns;
    unsigned tries = 0;
    do {
        begin_ns = clock_ns(CLOCK_MONOTONIC);
        if (!go_memory_read_many(self->memory, pieces, count))
            return read_failed(self, err);
        end_ns = clock_ns(CLOCK_MONOTONIC);
    } while (end_ns - begin_ns > PROMPT_NS && ++tries < TRIES);
    *time_ns_out = end_ns;
    return 0;
}

/* All four steps for some slots. */
static int read_group(struct go_snapshot *self, struct slot *slots, unsigned count, struct error *err)
{
    struct go_memory_piece pieces[BATCH];
    uint8_t again[BATCH][G_BYTES];
    int rc = read_gs(self, slots, count, err);
    if (rc == 0)
        rc = read_around(self, slots, count, err);
    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].verdict == VERDICT_NONE && !examine(self, &slots[i]))
            slots[i].verdict = VERDICT_UNSTABLE;
        pieces[i] = (struct go_memory_piece){slots[i].g, again[i], self->g_size, false};
    }
    uint64_t time_ns = 0;
    rc = read_again(self, pieces, count, &time_ns, err);
    if (rc != 0)
        return rc;
    for (unsigned i = 0; i < count; i++) {
        struct slot *slot = &slots[i];
        if (slot->verdict != VERDICT_NONE)
            continue;
        struct g_fields after = decode_g(self, again[i]);
        bool running = slot->found.status == GO_STATUS_RUNNING;
        slot->verdict =
            pieces[i].ok && is_same(&slot->fields, &after, running) ? VERDICT_STABLE : VERDICT_UNSTABLE;
        slot->found.read_ns = time_ns;
        slot->found.g = slot->g;
        slot->found.goid = after.goid;
        slot->found.creator = after.creator;
        slot->found.start_pc = after.start_pc;
        slot->found.created_pc = after.created_pc;
        slot->found.labels = after.labels;
        slot->found.wait_since_ns = slot->found.status == GO_STATUS_WAITING ? after.wait_since_ns : 0;
    }
    return 0;
}

static int read_batch(struct go_snapshot *self, struct error *err)
{
    int rc = read_pointers(self, err);
    if (rc == 0)
        rc = read_group(self, self->slots, self->slot_count, err);
    for (unsigned i = 0; rc == 0 && i < self->slot_count; i++) {
        struct slot *slot = &self->slots[i];
        for (unsigned tries = 1; rc == 0 && tries < TRIES && slot->verdict == VERDICT_UNSTABLE; tries++)
            rc = read_group(self, slot, 1, err);
    }
    return rc;
}

/* Some were read again later than those behind them. */
static int by_time(const void *a, const void *b)
{
    const struct slot *x = a, *y = b;
    return x->found.read_ns < y->found.read_ns ? -1 : x->found.read_ns > y->found.read_ns;
}

static bool has_stable(const struct go_snapshot *self)
{
    for (unsigned i = 0; i < self->slot_count; i++) {
        if (self->slots[i].verdict == VERDICT_STABLE)
            return true;
    }
    return false;
}

/* The dead may be many more than the living: the caller has other things to do meanwhile. */
static int count_passed(struct go_snapshot *self)
{
    for (unsigned i = 0; i < self->slot_count; i++) {
        self->counts.alive += self->slots[i].verdict != VERDICT_ABSENT;
        self->counts.unstable += self->slots[i].verdict != VERDICT_ABSENT;
    }
    self->slot_next = self->slot_count;
    return 2;
}

int go_snapshot_next(struct go_snapshot *self, const struct go_goroutine **out, struct error *err)
{
    for (;;) {
        while (self->slot_next < self->slot_count) {
            const struct slot *slot = &self->slots[self->slot_next++];
            if (slot->verdict == VERDICT_ABSENT)
                continue;
            self->counts.alive++;
            if (slot->verdict == VERDICT_STABLE) {
                *out = &slot->found;
                return 1;
            }
            self->counts.unstable++;
        }
        if (self->next >= self->total)
            return 0;
        int rc = read_batch(self, err);
        if (rc != 0) {
            self->slot_count = 0;
            return rc;
        }
        qsort(self->slots, self->slot_count, sizeof *self->slots, by_time);
        if (!has_stable(self))
            return count_passed(self);
    }
}

bool go_snapshot_has_more_read(const struct go_snapshot *self)
{
    for (unsigned i = self->slot_next; i < self->slot_count; i++) {
        if (self->slots[i].verdict == VERDICT_STABLE)
            return true;
    }
    return false;
}

struct go_snapshot_counts go_snapshot_counts(const struct go_snapshot *self)
{
    return self->counts;
}
