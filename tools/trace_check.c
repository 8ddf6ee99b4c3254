/*
 * A second opinion on a trace, made without any of the loader's code: order and promises of the chunks, the
 * life of each goroutine, and whether every park is ended by something. Exit status 0: all is well; 1: not a
 * trace; 3: violations. After lost records nothing about goroutines can be proved any more: what looks
 * illegal then is counted as doubtful.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/opt.h"
#include "check_life.h"
#include "format/event_spec.h"
#include "format/trace_reader.h"

#define RINGS 65536

struct waiting_event {
    struct event event;
    uint64_t time, arrival; /* what it is sorted by: never back within a ring */
};

struct check {
    struct check_life life;
    struct trace_reader *reader;
    struct waiting_event *queue;
    size_t queued, queue_capacity;
    uint64_t ring_time[RINGS];
    uint64_t watermark, arrivals;
};

/* ---- order ---- */

static int by_time(const void *a, const void *b)
{
    const struct waiting_event *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->arrival < y->arrival ? -1 : x->arrival > y->arrival;
}

static void enqueue(struct check *self, const struct event *e)
{
    uint64_t *ring_time = &self->ring_time[e->cpu];
    if (self->queued == self->queue_capacity) {
        self->queue_capacity = self->queue_capacity ? 2 * self->queue_capacity : 65536;
        self->queue = realloc(self->queue, self->queue_capacity * sizeof *self->queue);
        if (!self->queue)
            check_life_out_of_memory();
    }
    self->life.n.late += e->time_ns < self->watermark && e->type != EV_NOTE && e->type != EV_LOST;
    self->life.n.time_steps_back += e->time_ns < *ring_time;
    if (e->time_ns > *ring_time)
        *ring_time = e->time_ns;
    self->queue[self->queued++] =
        (struct waiting_event){.event = *e, .time = *ring_time, .arrival = self->arrivals++};
}

static void release_before(struct check *self, uint64_t time, bool all)
{
    size_t done = 0;
    if (self->queued == 0)
        return;
    qsort(self->queue, self->queued, sizeof *self->queue, by_time);
    while (done < self->queued && (all || self->queue[done].time < time))
        check_life_event(&self->life, &self->queue[done++].event);
    memmove(self->queue, self->queue + done, (self->queued - done) * sizeof *self->queue);
    self->queued -= done;
}

/* ---- chunks ---- */

static bool is_known(const struct trace_reader *reader, enum field_kind kind, uint64_t id)
{
    uint32_t small = id > UINT32_MAX ? UINT32_MAX : (uint32_t)id;
    switch (kind) {
    case FIELD_STACK:
        return trace_reader_stack(reader, small);
    case FIELD_LOCATION:
        return trace_reader_location(reader, small);
    case FIELD_STRING:
        return trace_reader_string(reader, small, NULL);
    case FIELD_OBJECT:
        return trace_reader_object(reader, small);
    case FIELD_SET:
        return trace_reader_set(reader, small);
    default:
        return true;
    }
}

static void check_ids(struct check *self, const struct event *e)
{
    const struct event_spec *spec = event_spec_get(e->type);
    for (unsigned i = 0; i < spec->field_count; i++) {
        if (e->f[i] && !is_known(self->reader, spec->fields[i].kind, e->f[i]))
            check_life_complain(&self->life, &self->life.n.unknown_ids,
                                "at %" PRIu64 ": %s %" PRIu64 " of %s is not defined", e->time_ns,
                                spec->fields[i].name, e->f[i], spec->name);
    }
}

/* While the definitions of the event's epoch are known. */
static bool is_scavenger(const struct trace_reader *reader, uint64_t stack_id)
{
    const struct def_stack *stack =
        stack_id <= UINT32_MAX ? trace_reader_stack(reader, (uint32_t)stack_id) : NULL;
    for (uint32_t i = 0; stack && i < stack->depth; i++) {
        const struct def_location *location = trace_reader_location(reader, stack->locations[i]);
        for (uint32_t j = 0; location && j < location->frame_count; j++) {
            const char *function = trace_reader_string(reader, location->frames[j].function, NULL);
            if (function && strcmp(function, "runtime.bgscavenge") == 0)
                return true;
        }
    }
    return false;
}

static void check_end(struct check *self, const struct trace_meta *totals)
{
    const char *events = trace_meta_get(totals, "end.events");
    uint64_t told = events ? strtoull(events, NULL, 10) : 0;
    if (told != self->arrivals && !self->life.n.damage)
        check_life_complain(&self->life, &self->life.n.order,
                            "the end tells of %" PRIu64 " events, there are %" PRIu64, told, self->arrivals);
}

static void check_chunk(struct check *self, const struct trace_chunk *chunk)
{
    const struct chunk_header *header = &chunk->header;
    if (chunk->damage && chunk->damage->kind != DAMAGE_NO_END)
        check_life_complain(&self->life, &self->life.n.damage, "damage at byte %" PRIu64 ": %s",
                            chunk->damage->offset, chunk->damage->message);
    if (header->kind == 0)
        return;
    uint64_t lost = 0, first = UINT64_MAX, last = 0;
    for (uint32_t i = 0; i < chunk->event_count; i++) {
        const struct event *e = &chunk->events[i];
        lost += e->type == EV_LOST ? e->f[LOST_COUNT] : 0;
        first = e->time_ns < first ? e->time_ns : first;
        last = e->time_ns > last ? e->time_ns : last;
        check_ids(self, e);
        struct event known = *e;
        if (e->type == EV_PARK)
            known.f[CHECK_PARK_SCAVENGER] = is_scavenger(self->reader, e->f[PARK_STACK]);
        enqueue(self, &known);
    }
    if (lost != header->lost_count)
        check_life_complain(&self->life, &self->life.n.order,
                            "chunk %" PRIu64 " tells of other losses than its events", header->sequence);
    if (chunk->event_count && (first != header->first_time_ns || last != header->last_time_ns))
        check_life_complain(&self->life, &self->life.n.order,
                            "chunk %" PRIu64 " tells of other times than its events", header->sequence);
    if (header->watermark_ns < self->watermark)
        check_life_complain(&self->life, &self->life.n.order, "the watermark of chunk %" PRIu64 " goes back",
                            header->sequence);
    else
        self->watermark = header->watermark_ns;
    release_before(self, self->watermark, false);
    if (header->kind == CHUNK_END)
        check_end(self, chunk->meta);
}

static void close_accounts(struct check *self)
{
    struct counters *n = &self->life.n;
    /* Behind the last watermark of a recorder that was killed, other rings may be missing. */
    if (trace_reader_has_end(self->reader))
        release_before(self, 0, true);
    n->unjudged = self->queued;
    check_life_balance(&self->life);
    if (n->late > n->late_told)
        check_life_complain(&self->life, &n->order,
                            "%" PRIu64 " events came after their watermark, %" PRIu64 " of them told",
                            n->late, n->late_told);
}

static void print(const struct counters *n, bool json)
{
    const char *separator = "{";
#define X(name)                                                                                              \
    if (json)                                                                                                \
        printf("%s\"%s\": %" PRIu64, separator, #name, n->name);                                             \
    else                                                                                                     \
        printf("%-16s %12" PRIu64 "\n", #name, n->name);                                                     \
    separator = ", ";
    COUNTERS(X)
#undef X
    if (json)
        printf("}\n");
}

/* Returns 0, or a negative code when the file cannot be read as a trace. */
static int run(struct check *self, const char *path, struct error *err)
{
    struct source *source;
    struct trace_chunk chunk;
    int rc = source_open(path, &source, err);
    if (rc != 0)
        return rc;
    rc = trace_reader_open(source, &self->reader, err);
    if (rc != 0) {
        source_close(source);
        return rc;
    }
    self->life.reader = self->reader;
    while ((rc = trace_reader_next(self->reader, &chunk, err)) == 1)
        check_chunk(self, &chunk);
    close_accounts(self);
    trace_reader_close(self->reader);
    return rc;
}

int main(int argc, char **argv)
{
    const char *format = "text";
    bool help = false;
    const struct opt table[] = {
        {0, "format", OPT_STRING, &format, "FORMAT", "text or json"},
        {'h', "help", OPT_FLAG, &help, NULL, "show this"},
        {0},
    };
    struct error err = {0};
    int operands;
    if (opt_parse(table, argc, argv, false, &operands, &err) != 0 || (operands != 1 && !help) ||
        (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)) {
        fprintf(stderr, "trace_check: %s\n",
                err.code ? err.message : "usage: trace_check [--format text|json] TRACE");
        return 2;
    }
    if (help) {
        printf("usage: trace_check [options] TRACE\n\n");
        opt_print_help(table, stdout);
        return 0;
    }
    struct check *self = calloc(1, sizeof *self);
    if (!self)
        check_life_out_of_memory();
    int rc = run(self, argv[argc - 1], &err);
    const struct counters n = self->life.n;
    if (rc == 0)
        print(&n, strcmp(format, "json") == 0);
    else
        fprintf(stderr, "trace_check: %s: %s\n", argv[argc - 1], err.message);
    check_life_release(&self->life);
    free(self->queue);
    free(self);
    if (rc != 0)
        return 1;
    return n.illegal || n.unbalanced || n.off_cpu || n.order || n.damage || n.unknown_ids ? 3 : 0;
}
