#include "state/live_table.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_ENTRIES 4096u
#define BLOCKS_MAX    (LIVE_GOROUTINES_MAX / BLOCK_ENTRIES)
#define NONE          UINT32_MAX

/* Places of entries plus 1, 0: free; capacity is a power of two, at most half full. */
struct index {
    uint32_t *slots;
    uint32_t capacity, count;
};

struct live_table {
    struct live_table_options o;
    struct live_goroutine *blocks[BLOCKS_MAX];
    uint32_t used; /* places given out so far */
    uint32_t free; /* list of places */
    uint32_t dead_first, dead_last;
    struct index by_goid, by_g;
    uint64_t alive, beyond; /* beyond: alive, but without an entry */
    uint64_t ring_ns[LIVE_RINGS_MAX];
    uint64_t gap_ns; /* end of the last loss */
    uint64_t look_begin_ns; /* the snapshot began */
    struct event origin;
    uint32_t look_set;
    uint64_t look_set_goid;
    uint64_t coroutine; /* wait reason */
    uint8_t class_of[LIVE_REASONS_MAX];
};

/* ---- memory ---- */

struct live_table *live_table_new(const struct live_table_options *options)
{
    struct live_table *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->o = *options;
    self->free = self->dead_first = self->dead_last = NONE;
    for (size_t i = 0; i < LIVE_REASONS_MAX; i++) {
        self->class_of[i] = WAIT_OTHER;
        if (i >= options->reason_count)
            continue;
        self->class_of[i] = (uint8_t)wait_reason_find(options->reasons[i])->class;
        if (strcmp(options->reasons[i], "coroutine") == 0)
            self->coroutine = i;
    }
    self->o.reasons = NULL;
    return self;
}

void live_table_free(struct live_table *self)
{
    if (!self)
        return;
    for (uint32_t i = 0; i < BLOCKS_MAX; i++)
        free(self->blocks[i]);
    free(self->by_goid.slots);
    free(self->by_g.slots);
    free(self);
}

size_t live_table_memory(const struct live_table *self)
{
    size_t blocks = (self->used + BLOCK_ENTRIES - 1) / BLOCK_ENTRIES;
    return sizeof *self + blocks * BLOCK_ENTRIES * sizeof(struct live_goroutine) +
           (self->by_goid.capacity + (size_t)self->by_g.capacity) * sizeof(uint32_t);
}

static struct live_goroutine *at(const struct live_table *self, uint32_t place)
{
    return &self->blocks[place / BLOCK_ENTRIES][place % BLOCK_ENTRIES];
}

static uint32_t take_place(struct live_table *self)
{
    uint32_t place = self->free;
    if (place != NONE) {
        self->free = at(self, place)->next;
        return place;
    }
    if (self->used == LIVE_GOROUTINES_MAX)
        return NONE;
    struct live_goroutine **block = &self->blocks[self->used / BLOCK_ENTRIES];
    if (!*block && !(*block = malloc(BLOCK_ENTRIES * sizeof **block)))
        return NONE;
    return self->used++;
}

/* ---- indexes ---- */

static uint64_t key_of(const struct live_table *self, const struct index *index, uint32_t place)
{
    return index == &self->by_goid ? at(self, place)->goid : at(self, place)->g;
}

static uint32_t hash(uint64_t key)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32);
}

/* The slot of the key, or the free one where it belongs. The index has slots. */
static uint32_t slot_of(const struct live_table *self, const struct index *index, uint64_t key)
{
    uint32_t mask = index->capacity - 1, i = hash(key) & mask;
    while (index->slots[i] && key_of(self, index, index->slots[i] - 1) != key)
        i = (i + 1) & mask;
    return i;
}

static uint32_t index_find(const struct live_table *self, const struct index *index, uint64_t key)
{
    if (!index->capacity)
        return NONE;
    uint32_t slot = index->slots[slot_of(self, index, key)];
    return slot ? slot - 1 : NONE;
}

static bool index_grow(const struct live_table *self, struct index *index)
{
    struct index larger = {.capacity = index->capacity ? 2 * index->capacity : 1024, .count = index->count};
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (uint32_t i = 0; i < index->capacity; i++) {
        if (!index->slots[i])
            continue;
        uint32_t slot = hash(key_of(self, index, index->slots[i] - 1)) & (larger.capacity - 1);
        while (larger.slots[slot])
            slot = (slot + 1) & (larger.capacity - 1);
        larger.slots[slot] = index->slots[i];
    }
    free(index->slots);
    *index = larger;
    return true;
}

/* The entry at the place has its key already. */
static bool index_put(const struct live_table *self, struct index *index, uint32_t place)
{
    if (2 * (index->count + 1) > index->capacity && !index_grow(self, index))
        return false;
    uint32_t slot = slot_of(self, index, key_of(self, index, place));
    index->count += index->slots[slot] == 0;
    index->slots[slot] = place + 1;
    return true;
}

/* Only where this place stands there. What follows moves up, so that no tombstones are needed. */
static void index_drop(const struct live_table *self, struct index *index, uint32_t place)
{
    if (!index->capacity)
        return;
    uint32_t mask = index->capacity - 1, hole = slot_of(self, index, key_of(self, index, place));
    if (index->slots[hole] != place + 1)
        return;
    for (uint32_t i = (hole + 1) & mask; index->slots[i]; i = (i + 1) & mask) {
        uint32_t home = hash(key_of(self, index, index->slots[i] - 1)) & mask;
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        index->slots[hole] = index->slots[i];
        hole = i;
    }
    index->slots[hole] = 0;
    index->count--;
}

/* ---- entries ---- */

static uint32_t add(struct live_table *self, uint64_t goid, uint64_t time)
{
    uint32_t place = take_place(self);
    if (place == NONE)
        return NONE;
    *at(self, place) = (struct live_goroutine){.goid = goid, .since = time, .next = NONE};
    if (!index_put(self, &self->by_goid, place)) {
        *at(self, place) = (struct live_goroutine){.next = self->free};
        self->free = place;
        return NONE;
    }
    self->alive++;
    return place;
}

static uint32_t find_or_add(struct live_table *self, uint64_t goid, uint64_t time)
{
    uint32_t place = goid ? index_find(self, &self->by_goid, goid) : NONE;
    return place == NONE && goid ? add(self, goid, time) : place;
}

static void bury(struct live_table *self, uint32_t place)
{
    struct live_goroutine *goroutine = at(self, place);
    goroutine->state = GOROUTINE_DEAD;
    goroutine->next = NONE;
    self->alive--;
    if (self->dead_last == NONE)
        self->dead_first = place;
    else
        at(self, self->dead_last)->next = place;
    self->dead_last = place;
}

/* The dead stay until events from before their end can come no more. */
void live_table_settle(struct live_table *self, uint64_t time_ns)
{
    while (self->dead_first != NONE && at(self, self->dead_first)->last_ns < time_ns) {
        uint32_t place = self->dead_first;
        self->dead_first = at(self, place)->next;
        if (self->dead_first == NONE)
            self->dead_last = NONE;
        index_drop(self, &self->by_goid, place);
        index_drop(self, &self->by_g, place);
        *at(self, place) = (struct live_goroutine){.next = self->free};
        self->free = place;
    }
}

/* The goroutine has this g. Another one that had it before has ended, unseen. */
static void map_g(struct live_table *self, uint32_t place, uint64_t g, uint64_t time)
{
    struct live_goroutine *goroutine = at(self, place);
    if (!g || goroutine->g == g)
        return;
    uint32_t before = index_find(self, &self->by_g, g);
    if (before != NONE) {
        struct live_goroutine *other = at(self, before);
        if (other->state != GOROUTINE_DEAD && other->last_ns > time)
            return;
        index_drop(self, &self->by_g, before);
        other->g = 0;
        if (other->state != GOROUTINE_DEAD) {
            other->last_ns = time;
            bury(self, before);
        }
    }
    index_drop(self, &self->by_g, place);
    goroutine->g = g;
    if (!index_put(self, &self->by_g, place))
        goroutine->g = 0;
}

/* ---- steps ---- */

static void tell_latency(const struct live_table *self, uint64_t since, uint64_t run)
{
    if (self->o.latency && run >= since)
        self->o.latency(self->o.context, since, run);
}

/* An event that is older than the state: what it tells is over, but for how long a woken one waited for a CPU. */
static void take_late(struct live_table *self, struct live_goroutine *goroutine, enum goroutine_state to,
                      uint64_t time)
{
    if (to != GOROUTINE_RUNNABLE || !(goroutine->flags & LIVE_NEEDS_LATENCY))
        return;
    goroutine->flags &= (uint8_t)~LIVE_NEEDS_LATENCY;
    tell_latency(self, time, goroutine->since);
}

/* The state that the step leads to, with all that belonged to the last one forgotten. False: it is not news. */
static bool step(struct live_table *self, uint32_t place, enum goroutine_step what, uint64_t time)
{
    struct live_goroutine *goroutine = at(self, place);
    enum goroutine_state from = (enum goroutine_state)goroutine->state;
    enum goroutine_state to =
        (self->o.without_runs ? goroutine_step_without_runs(from, what) : goroutine_step(from, what)).to;
    bool is_told = goroutine->flags & LIVE_IS_TOLD;
    if (from == GOROUTINE_DEAD || (is_told && time < goroutine->last_ns)) {
        take_late(self, goroutine, to, time);
        return false;
    }
    goroutine->flags &= (uint8_t) ~(LIVE_IS_REPORTED | LIVE_NEEDS_LATENCY | LIVE_IS_BY_NET);
    if (what == STEP_NET_READY)
        goroutine->flags |= LIVE_IS_BY_NET;
    if (to == GOROUTINE_RUNNING && from == GOROUTINE_RUNNABLE && (goroutine->flags & LIVE_IS_EXACT))
        tell_latency(self, goroutine->since, time);
    else if (to == GOROUTINE_RUNNING && from != GOROUTINE_RUNNABLE)
        goroutine->flags |= LIVE_NEEDS_LATENCY;
    goroutine->flags |= LIVE_IS_TOLD | LIVE_IS_EXACT;
    goroutine->last_ns = goroutine->since = time;
    goroutine->state = (uint8_t)to;
    goroutine->stack = goroutine->object = goroutine->set = 0;
    goroutine->value = 0;
    goroutine->tid = 0;
    goroutine->p = 0;
    if (to == GOROUTINE_DEAD)
        bury(self, place);
    return true;
}

static void run_on(struct live_goroutine *goroutine, uint32_t tid, uint64_t p)
{
    goroutine->tid = tid;
    goroutine->p = p < INT16_MAX ? (int16_t)(p + 1) : 0;
}

/* It does something, which is not in doubt; since when it runs is. */
static void see_running(struct live_table *self, uint64_t goid, uint32_t tid, uint64_t time)
{
    uint32_t place = self->o.infers_runs && goid ? find_or_add(self, goid, time) : NONE;
    struct live_goroutine *goroutine = place == NONE ? NULL : at(self, place);
    if (!goroutine || goroutine->state == GOROUTINE_RUNNING || !step(self, place, STEP_EXEC, time))
        return;
    goroutine->flags &= (uint8_t)~LIVE_IS_EXACT;
    run_on(goroutine, tid, UINT64_MAX);
}

static void on_create(struct live_table *self, const struct event *event, uint64_t time)
{
    see_running(self, event->f[CREATE_CREATOR], event->tid, time);
    uint32_t place = find_or_add(self, event->f[CREATE_GOID], time);
    if (place == NONE) {
        self->beyond++;
        return;
    }
    struct live_goroutine *goroutine = at(self, place);
    map_g(self, place, event->f[CREATE_G], time);
    goroutine->created_ns = time;
    goroutine->creator = event->f[CREATE_CREATOR];
    goroutine->start = (uint32_t)event->f[CREATE_START];
    goroutine->create_stack = (uint32_t)event->f[CREATE_STACK];
    step(self, place,
         event->f[CREATE_STATUS] == GO_STATUS_WAITING ? STEP_CREATE_PARKED : STEP_CREATE, time);
    if (goroutine->state == GOROUTINE_WAITING && goroutine->last_ns == time)
        goroutine->reason = (uint16_t)self->coroutine;
}

static void on_exec(struct live_table *self, const struct event *event, uint64_t time)
{
    uint32_t place = find_or_add(self, event->f[EXEC_GOID], time);
    if (place == NONE)
        return;
    map_g(self, place, event->f[EXEC_G], time);
    if (step(self, place, event->f[EXEC_INHERIT] ? STEP_EXEC_INHERIT : STEP_EXEC, time))
        run_on(at(self, place), event->tid, event->f[EXEC_P]);
}

static void on_park(struct live_table *self, const struct event *event, uint64_t time)
{
    uint32_t place = find_or_add(self, event->f[PARK_GOID], time);
    if (place == NONE)
        return;
    struct live_goroutine *goroutine = at(self, place);
    map_g(self, place, event->f[PARK_G], time);
    if (!step(self, place, STEP_PARK, time))
        return;
    goroutine->reason = (uint16_t)event->f[PARK_REASON];
    goroutine->object = (uint32_t)event->f[PARK_OBJECT];
    goroutine->value = event->f[PARK_VALUE];
    goroutine->stack = (uint32_t)event->f[PARK_STACK];
    enum wait_class class = live_table_class(self, goroutine);
    if (class == WAIT_SELECT)
        goroutine->set = goroutine->next_set;
    goroutine->next_set = 0;
    if (class == WAIT_NET && goroutine->net_ns > time)
        step(self, place, STEP_NET_READY, goroutine->net_ns);
}

static void on_net(struct live_table *self, uint64_t g, uint64_t time)
{
    uint32_t place = g > 2 ? index_find(self, &self->by_g, g) : NONE;
    if (place == NONE)
        return;
    struct live_goroutine *goroutine = at(self, place);
    if (time > goroutine->net_ns)
        goroutine->net_ns = time;
    enum wait_class class = live_table_class(self, goroutine);
    if (goroutine->state == GOROUTINE_WAITING && (class == WAIT_NET || class == WAIT_OTHER))
        step(self, place, STEP_NET_READY, time);
}

static void on_coro(struct live_table *self, const struct event *event, uint64_t time)
{
    uint32_t to = event->f[CORO_TO_G] ? index_find(self, &self->by_g, event->f[CORO_TO_G]) : NONE;
    uint32_t from = find_or_add(self, event->f[CORO_GOID], time);
    int16_t p = from == NONE ? 0 : at(self, from)->p;
    if (from != NONE && step(self, from, event->f[CORO_EXITING] ? STEP_CORO_EXIT : STEP_CORO_OUT, time))
        at(self, from)->reason = (uint16_t)self->coroutine;
    if (to != NONE && to != from && step(self, to, STEP_CORO_IN, time)) {
        at(self, to)->tid = event->tid;
        at(self, to)->p = p;
    }
}

/* Events that tell nothing but which goroutine. */
static void on_goid(struct live_table *self, uint64_t goid, enum goroutine_step what, uint64_t time)
{
    uint32_t place = index_find(self, &self->by_goid, goid);
    if (place == NONE && what == STEP_END && self->beyond) {
        self->beyond--; /* one that had no place */
        return;
    }
    if (place == NONE)
        place = find_or_add(self, goid, time);
    if (place != NONE)
        step(self, place, what, time);
}

/* ---- snapshots: what no event has told ---- */

static void take_origin(struct live_table *self, uint32_t place)
{
    struct live_goroutine *goroutine = at(self, place);
    const struct event *origin = &self->origin;
    if (origin->type != EV_GOROUTINE_ORIGIN || origin->f[ORIGIN_GOID] != goroutine->goid)
        return;
    if (!goroutine->g && index_find(self, &self->by_g, origin->f[ORIGIN_G]) == NONE)
        map_g(self, place, origin->f[ORIGIN_G], origin->time_ns);
    if (!goroutine->created_ns) {
        goroutine->creator = origin->f[ORIGIN_CREATOR];
        goroutine->start = (uint32_t)origin->f[ORIGIN_START];
        goroutine->created_at = (uint32_t)origin->f[ORIGIN_CREATED_AT];
    }
    if (!goroutine->labels && !(goroutine->flags & LIVE_IS_TOLD))
        goroutine->labels = (uint32_t)origin->f[ORIGIN_LABELS];
}

static enum goroutine_state state_of_status(uint64_t status)
{
    switch (status) {
    case GO_STATUS_RUNNABLE:
        return GOROUTINE_RUNNABLE;
    case GO_STATUS_RUNNING:
    case GO_STATUS_SYSCALL:
        return GOROUTINE_RUNNING;
    case GO_STATUS_WAITING:
        return GOROUTINE_WAITING;
    case GO_STATUS_PREEMPTED:
        return GOROUTINE_PREEMPTED;
    default:
        return GOROUTINE_UNKNOWN;
    }
}

static void adopt(const struct live_table *self, struct live_goroutine *goroutine, const struct event *look)
{
    enum goroutine_state state = state_of_status(look->f[GOROUTINE_STATUS]);
    bool is_known = goroutine->flags & LIVE_IS_TOLD && !live_table_is_doubtful(self, goroutine);
    bool is_same = goroutine->state == GOROUTINE_WAITING && state == GOROUTINE_WAITING &&
                   goroutine->reason == look->f[GOROUTINE_REASON];
    uint32_t set = self->look_set_goid == goroutine->goid ? self->look_set : 0;
    if (is_known || goroutine->state == GOROUTINE_DEAD) {
        if (is_same && !goroutine->object)
            goroutine->object = (uint32_t)look->f[GOROUTINE_OBJECT];
        if (is_same && !goroutine->set)
            goroutine->set = set;
        return;
    }
    if (self->o.without_runs && state != GOROUTINE_WAITING)
        state = GOROUTINE_UNKNOWN;
    if (!is_same) {
        goroutine->since = look->time_ns;
        goroutine->flags &= (uint8_t)~LIVE_IS_EXACT;
    }
    goroutine->state = (uint8_t)state;
    goroutine->last_ns = look->time_ns;
    goroutine->tid = state == GOROUTINE_RUNNING ? (uint32_t)look->f[GOROUTINE_THREAD] : 0;
    goroutine->reason = (uint16_t)look->f[GOROUTINE_REASON];
    goroutine->object = (uint32_t)look->f[GOROUTINE_OBJECT];
    goroutine->value = look->f[GOROUTINE_VALUE];
    goroutine->stack = (uint32_t)look->f[GOROUTINE_STACK];
    goroutine->set = set;
}

static void on_look(struct live_table *self, const struct event *look)
{
    uint32_t place = find_or_add(self, look->f[GOROUTINE_GOID], look->time_ns);
    if (place != NONE) {
        take_origin(self, place);
        adopt(self, at(self, place), look);
    }
    self->origin.type = EV_NONE;
    self->look_set_goid = 0;
}

/* Whom a whole snapshot has not found after a loss has ended in it. */
static void on_snapshot(struct live_table *self, const struct event *event)
{
    if (event->f[SNAPSHOT_PHASE] != SNAPSHOT_END) {
        self->look_begin_ns = event->time_ns;
        return;
    }
    if (event->f[SNAPSHOT_UNSTABLE] || !self->gap_ns || self->look_begin_ns <= self->gap_ns)
        return;
    for (uint32_t place = 0; place < self->used; place++) {
        struct live_goroutine *goroutine = at(self, place);
        if (!goroutine->goid || goroutine->state == GOROUTINE_DEAD || !live_table_is_doubtful(self, goroutine))
            continue;
        goroutine->last_ns = event->time_ns;
        bury(self, place);
    }
}

static void on_select(struct live_table *self, const struct event *event, uint64_t time)
{
    if (event->cpu == RING_RECORDER) {
        self->look_set = (uint32_t)event->f[SELECT_SET];
        self->look_set_goid = event->f[SELECT_GOID];
        return;
    }
    uint32_t place = find_or_add(self, event->f[SELECT_GOID], time);
    if (place != NONE)
        at(self, place)->next_set = (uint32_t)event->f[SELECT_SET];
}

static void on_labels(struct live_table *self, const struct event *event)
{
    uint32_t place = index_find(self, &self->by_goid, event->f[LABELS_GOID]);
    if (place != NONE)
        at(self, place)->labels = (uint32_t)event->f[LABELS_LABELS];
}

/* ---- events ---- */

/* Times may step back by a few ns between records of one ring, whose order is the truth. */
static uint64_t time_in_ring(struct live_table *self, const struct event *event)
{
    if (event->cpu >= LIVE_RINGS_MAX)
        return event->time_ns;
    uint64_t *last = &self->ring_ns[event->cpu];
    if (event->time_ns > *last)
        *last = event->time_ns;
    return *last;
}

void live_table_lose(struct live_table *self, uint64_t time_ns)
{
    if (time_ns > self->gap_ns)
        self->gap_ns = time_ns;
}

void live_table_event(struct live_table *self, const struct event *event)
{
    uint64_t time = time_in_ring(self, event);
    switch (event->type) {
    case EV_CREATE:
        on_create(self, event, time);
        break;
    case EV_EXEC:
        on_exec(self, event, time);
        break;
    case EV_PARK:
        on_park(self, event, time);
        break;
    case EV_SELECT:
        on_select(self, event, time);
        break;
    case EV_READY:
        see_running(self, event->f[READY_WAKER], event->tid, time);
        on_goid(self, event->f[READY_GOID], STEP_READY, time);
        break;
    case EV_NET:
        on_net(self, event->f[NET_READ_G], time);
        on_net(self, event->f[NET_WRITE_G], time);
        break;
    case EV_END:
        on_goid(self, event->f[END_GOID], STEP_END, time);
        break;
    case EV_SCHED:
        on_goid(self, event->f[SCHED_GOID], STEP_SCHED, time);
        break;
    case EV_YIELD:
        on_goid(self, event->f[YIELD_GOID], STEP_YIELD, time);
        break;
    case EV_PREEMPT_PARK:
        on_goid(self, event->f[PREEMPT_PARK_GOID], STEP_PREEMPT_PARK, time);
        break;
    case EV_SYSCALL_NO_P:
        on_goid(self, event->f[SYSCALL_NO_P_GOID], STEP_SYSCALL_NO_P, time);
        break;
    case EV_CORO:
        on_coro(self, event, time);
        break;
    case EV_LABELS:
        on_labels(self, event);
        break;
    case EV_SNAPSHOT:
        on_snapshot(self, event);
        break;
    case EV_GOROUTINE_ORIGIN:
        self->origin = *event;
        break;
    case EV_GOROUTINE:
        on_look(self, event);
        break;
    case EV_LOST:
    case EV_PAUSE:
    case EV_RESUME:
        live_table_lose(self, time);
        break;
    default:
        break;
    }
}

static void carry(uint32_t *id, enum def_kind kind, live_carry_fn fn, void *context)
{
    if (*id)
        *id = fn(context, kind, *id);
}

void live_table_carry(struct live_table *self, live_carry_fn fn, void *context)
{
    for (uint32_t place = 0; place < self->used; place++) {
        struct live_goroutine *g = at(self, place);
        carry(&g->stack, DEF_STACK, fn, context);
        carry(&g->create_stack, DEF_STACK, fn, context);
        carry(&g->object, DEF_OBJECT, fn, context);
        carry(&g->set, DEF_SET, fn, context);
        carry(&g->next_set, DEF_SET, fn, context);
        carry(&g->start, DEF_LOCATION, fn, context);
        carry(&g->created_at, DEF_LOCATION, fn, context);
        carry(&g->labels, DEF_STRING, fn, context);
    }
    self->origin.type = EV_NONE;
    self->look_set_goid = 0;
}

/* ---- questions ---- */

uint64_t live_table_count(const struct live_table *self)
{
    return self->alive + self->beyond;
}

uint64_t live_table_missing(const struct live_table *self)
{
    return self->beyond;
}

struct live_goroutine *live_table_next(struct live_table *self, uint32_t *position)
{
    while (*position < self->used) {
        struct live_goroutine *goroutine = at(self, (*position)++);
        if (goroutine->goid && goroutine->state != GOROUTINE_DEAD)
            return goroutine;
    }
    return NULL;
}

struct live_goroutine *live_table_find(struct live_table *self, uint64_t goid)
{
    uint32_t place = goid ? index_find(self, &self->by_goid, goid) : NONE;
    return place == NONE || at(self, place)->state == GOROUTINE_DEAD ? NULL : at(self, place);
}

bool live_table_is_doubtful(const struct live_table *self, const struct live_goroutine *goroutine)
{
    return goroutine->last_ns < self->gap_ns;
}

enum wait_class live_table_class(const struct live_table *self, const struct live_goroutine *goroutine)
{
    return (enum wait_class)self->class_of[goroutine->reason < LIVE_REASONS_MAX ? goroutine->reason : 0];
}
