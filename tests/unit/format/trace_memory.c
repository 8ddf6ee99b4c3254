#include "trace_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/event_spec.h"

static int sink(void *context, const void *data, size_t size, struct error *err)
{
    buf_put(context, data, size);
    return buf_failed(context) ? error_set(err, ERR_NOMEM, "out of memory") : 0;
}

static void clock_of_size(void *context, struct chunk_clocks *out)
{
    uint64_t ticks = ((struct buf *)context)->size;
    *out = (struct chunk_clocks){
        .monotonic_ns = ticks, .realtime_ns = 1000000 + ticks, .boottime_ns = 500 + ticks};
}

struct trace_writer_options memory_options(struct buf *out)
{
    return (struct trace_writer_options){
        .trace_id = "sixteen bytes id", .sink = sink, .clock = clock_of_size, .context = out};
}

struct trace_reader *memory_reader(const void *data, size_t size)
{
    struct source *source;
    struct trace_reader *reader;
    struct error err;
    assert_int_equal(source_of_memory(data, size, &source, &err), 0);
    if (trace_reader_open(source, &reader, &err) == 0)
        return reader;
    source_close(source);
    return NULL;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 0x9e3779b97f4a7c15u ^ hash >> 31;
}

static uint64_t hash_event(uint64_t hash, const struct event *e)
{
    hash = mix(hash, e->time_ns);
    hash = mix(hash, (uint64_t)e->tid << 32 | (uint64_t)e->type << 16 | e->cpu);
    for (unsigned i = 0; i < EVENT_FIELDS_MAX; i++)
        hash = mix(hash, e->f[i]);
    return hash;
}

struct trace_sum memory_read_all(const void *data, size_t size)
{
    struct trace_sum sum = {0};
    struct trace_reader *reader = memory_reader(data, size);
    struct trace_chunk chunk;
    struct error err;
    int rc;
    if (!reader)
        return sum;
    while ((rc = trace_reader_next(reader, &chunk, &err)) == 1) {
        sum.chunks += chunk.header.kind != 0;
        sum.events += chunk.event_count;
        for (uint32_t i = 0; i < chunk.event_count; i++)
            sum.hash = hash_event(sum.hash, &chunk.events[i]);
        if (chunk.damage) {
            assert_in_range(chunk.damage->kind, 1, DAMAGE_KIND_COUNT - 1);
            assert_true(chunk.damage->offset <= size && chunk.damage->size <= size - chunk.damage->offset);
            assert_true(chunk.damage->message[0] != '\0');
            sum.damage[chunk.damage->kind]++;
            if (chunk.damage->kind == DAMAGE_MISSING || chunk.damage->kind == DAMAGE_HEADER)
                sum.missing += chunk.damage->count;
        }
    }
    assert_int_equal(rc, 0);
    assert_int_equal(trace_reader_next(reader, &chunk, &err), 0);
    assert_true(trace_reader_position(reader) == size);
    sum.has_end = trace_reader_has_end(reader);
    trace_reader_close(reader);
    return sum;
}

uint64_t random_number(void)
{
    uint64_t x = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
    return x >> (unsigned)rand() % 64;
}

struct event random_event(unsigned type, uint64_t id_limit)
{
    while (!event_spec_get(type)) /* numbers that are set aside */
        type--;
    const struct event_spec *spec = event_spec_get(type);
    struct event e = {.type = (uint16_t)type, .tid = (uint32_t)rand() % 5 + 100};
    for (unsigned i = 0; i < spec->field_count; i++) {
        enum field_kind kind = spec->fields[i].kind;
        bool is_id = kind >= FIELD_STACK && kind <= FIELD_SET;
        e.f[i] = is_id && id_limit ? 1 + random_number() % id_limit
                 : rand() % 8      ? random_number()
                 : rand() % 2      ? UINT64_MAX
                                   : 0;
        /* Values that come again are what the codec is made for. */
        if (!is_id && rand() % 2)
            e.f[i] = (uint64_t)rand() % 4;
    }
    return e;
}

/* Each definition is made of the ones before. */
static void define_some(struct trace_writer *writer, unsigned seed)
{
    static const char *const names[] = {"main.worker", "/src/main.go", "main.Job", "weird \"name\" #\n\x01",
                                        "chan struct {}"};
    uint32_t strings[5];
    for (unsigned i = 0; i < 5; i++)
        strings[i] = trace_writer_string(writer, names[i], strlen(names[i]));
    for (unsigned i = 0; i < 5; i++) {
        const struct def_frame frames[2] = {{strings[(i + seed) % 5], strings[1], 10 + i},
                                            {strings[0], 0, 0}};
        const struct def_location location = {0x400000 + i * 16 + seed, i % 3, frames};
        uint32_t id = trace_writer_location(writer, &location);
        const uint32_t chain[3] = {id, 1, id};
        const struct def_stack stack = {.flags = i % 2 ? STACK_CUT : 0, .depth = i % 4, .locations = chain};
        trace_writer_stack(writer, &stack);
        const struct def_object object = {.kind = i,
                                          .flags = i % 2 ? OBJECT_CAPACITY | OBJECT_TIMER : 0,
                                          .addr = 0xc000000000 + i * 8 + seed,
                                          .generation = 1 + seed,
                                          .type = i % 2 ? strings[4] : 0,
                                          .capacity = i % 2 ? i * 10 : 0};
        const struct def_case cases[2] = {{trace_writer_object(writer, &object), SELECT_SEND},
                                          {0, SELECT_RECV}};
        const struct def_set set = {.flags = i % 2 ? SET_INCOMPLETE : 0, .case_count = i % 3, .cases = cases};
        trace_writer_set(writer, &set);
    }
}

static void write_events_of(struct buf *out, unsigned type_count, unsigned event_count)
{
    struct trace_writer_options options = memory_options(out);
    struct trace_meta meta;
    struct error err;
    options.epoch_chunks = 2;
    options.zstd_level = 1;
    struct trace_writer *writer = trace_writer_new(&options, &err);
    assert_non_null(writer);
    trace_meta_init(&meta);
    trace_meta_set(&meta, "go.version", "go1.22.12", &err);
    trace_meta_set(&meta, "go.wait_reason.3", "chan receive (nil chan)", &err);
    assert_int_equal(trace_writer_meta(writer, &meta, &err), 0);
    srand(7);
    for (unsigned i = 0; i < 3; i++) {
        define_some(writer, i);
        for (unsigned j = 0; j < event_count; j++) {
            struct event e = random_event(EVENT_TYPE_COUNT - 1 - (i * event_count + j) % type_count, 5);
            e.time_ns = 1000000 * (i + 1) + 777 * j;
            if (e.type == EV_LOST) {
                e.f[LOST_COUNT] = 3;
                e.f[LOST_SINCE] = e.time_ns - 1000;
            }
            trace_writer_section(writer, (uint16_t)(j / 15));
            trace_writer_event(writer, &e);
        }
        trace_writer_watermark(writer, 1000000 * (i + 1));
        assert_int_equal(trace_writer_flush(writer, &err), 0);
    }
    assert_int_equal(trace_writer_end(writer, &meta, &err), 0);
    trace_meta_release(&meta);
    trace_writer_free(writer);
}

void write_sample(struct buf *out)
{
    write_events_of(out, EVENT_TYPE_COUNT - 1, 40);
}

void write_small_sample(struct buf *out)
{
    write_events_of(out, 3, 10);
}
