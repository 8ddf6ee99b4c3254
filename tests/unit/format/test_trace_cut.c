/* A recording cut in two: each event is in one part, and each part stands alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "trace_memory.h"

struct fixture {
    struct buf parts[2];
    unsigned part;
    uint32_t kept; /* id of a stack that outlives epochs */
    unsigned carries;
};

static int sink(void *context, const void *data, size_t size, struct error *err)
{
    struct fixture *self = context;
    (void)err;
    buf_put(&self->parts[self->part], data, size);
    return 0;
}

static void clock_zero(void *context, struct chunk_clocks *out)
{
    (void)context;
    *out = (struct chunk_clocks){1, 1, 1};
}

static void carry(void *context, struct trace_writer *writer)
{
    struct fixture *self = context;
    self->kept = trace_writer_carry(writer, DEF_STACK, self->kept);
    self->carries++;
}

static uint32_t stack_of(struct trace_writer *writer, const char *function, uint64_t pc)
{
    struct def_frame frame = {.function = trace_writer_string(writer, function, strlen(function)), .line = 12};
    struct def_location location = {.pc = pc, .frame_count = 1, .frames = &frame};
    uint32_t id = trace_writer_location(writer, &location);
    return trace_writer_stack(writer, &(struct def_stack){.depth = 1, .locations = &id});
}

static struct event park(uint64_t time, uint64_t goid, uint32_t stack)
{
    return (struct event){
        .time_ns = time, .type = EV_PARK, .tid = 9, .f = {[PARK_GOID] = goid, [PARK_STACK] = stack}};
}

static void add(struct trace_writer *writer, uint16_t ring, uint64_t time, uint64_t goid, uint32_t stack)
{
    struct event event = park(time, goid, stack);
    trace_writer_section(writer, ring);
    trace_writer_event(writer, &event);
}

/* "goid:function " of each event, in the order of the file. */
static void read_part(const struct buf *part, char *out, size_t size, uint64_t *watermark_out)
{
    struct trace_reader *reader = memory_reader(part->data, part->size);
    struct trace_chunk chunk;
    struct error err;
    int rc;
    size_t length = 0;
    *out = '\0';
    assert_non_null(reader);
    while ((rc = trace_reader_next(reader, &chunk, &err)) == 1) {
        assert_null(chunk.damage);
        for (uint32_t i = 0; i < chunk.event_count; i++) {
            const struct def_stack *stack = trace_reader_stack(reader, (uint32_t)chunk.events[i].f[PARK_STACK]);
            assert_non_null(stack);
            const struct def_location *location = trace_reader_location(reader, stack->locations[0]);
            assert_non_null(location);
            const char *name = trace_reader_string(reader, location->frames[0].function, NULL);
            assert_non_null(name);
            length += (size_t)snprintf(out + length, size - length, "%u:%s ", (unsigned)chunk.events[i].f[PARK_GOID],
                                       name);
            assert_true(chunk.events[i].time_ns >= *watermark_out);
        }
        if (chunk.event_count)
            *watermark_out = chunk.header.watermark_ns;
    }
    assert_int_equal(rc, 0);
    trace_reader_close(reader);
}

static void each_event_is_in_one_part(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    struct trace_writer_options options = {
        .sink = sink, .clock = clock_zero, .carry = carry, .context = &fixture, .epoch_chunks = 1};
    struct error err = {0};
    struct trace_meta meta;
    trace_meta_init(&meta);
    trace_meta_set(&meta, "trace.id", "1", &err);
    struct trace_writer *writer = trace_writer_new(&options, &err);
    assert_int_equal(trace_writer_meta(writer, &meta, &err), 0);
    fixture.kept = stack_of(writer, "main.kept", 0x10);
    add(writer, 0, 100, 1, stack_of(writer, "main.a", 0x20));
    trace_writer_cut(writer, 200);
    add(writer, 0, 190, 2, fixture.kept);
    add(writer, 0, 210, 3, fixture.kept);
    trace_writer_watermark(writer, 150);
    assert_int_equal(trace_writer_flush(writer, &err), 0); /* a new epoch: what is held is translated */
    assert_int_equal(fixture.carries, 1);
    add(writer, 1, 160, 4, stack_of(writer, "main.b", 0x30));
    add(writer, 1, 220, 5, stack_of(writer, "main.b", 0x30));
    trace_writer_watermark(writer, 230); /* beyond the cut: but what is held is older */
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    fixture.part = 1;
    const uint8_t id[16] = {7};
    assert_int_equal(trace_writer_begin_part(writer, id, &err), 0);
    assert_int_equal(trace_writer_stats(writer)->events, 0);
    assert_int_equal(trace_writer_meta(writer, &meta, &err), 0);
    add(writer, RING_RECORDER, 200, 6, fixture.kept);
    trace_writer_release(writer);
    trace_writer_watermark(writer, 240);
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    assert_int_equal(trace_writer_stats(writer)->events, 3);
    char text[512];
    uint64_t watermark = 0;
    read_part(&fixture.parts[0], text, sizeof text, &watermark);
    assert_string_equal(text, "1:main.a 2:main.kept 4:main.b ");
    assert_true(watermark <= 200);
    read_part(&fixture.parts[1], text, sizeof text, &watermark);
    assert_string_equal(text, "6:main.kept 3:main.kept 5:main.b ");
    assert_int_equal(memory_read_all(fixture.parts[1].data, fixture.parts[1].size).has_end, true);
    trace_writer_free(writer);
    trace_meta_release(&meta);
    buf_release(&fixture.parts[0]);
    buf_release(&fixture.parts[1]);
}

/* Chunks of one writer in the file of another. */
static int take_chunk(void *context, const void *data, size_t size, struct error *err)
{
    return trace_writer_append(context, data, size, err);
}

static void chunks_are_taken_over(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    struct error err = {0};
    struct trace_meta meta;
    trace_meta_init(&meta);
    trace_meta_set(&meta, "trigger.reason", "a test", &err);
    struct trace_writer_options options = {.sink = sink, .clock = clock_zero, .context = &fixture};
    struct trace_writer *file = trace_writer_new(&options, &err);
    assert_int_equal(trace_writer_meta(file, &meta, &err), 0);
    struct trace_writer_options own = {
        .sink = take_chunk, .clock = clock_zero, .context = file, .epoch_chunks = 2};
    struct trace_writer *writer = trace_writer_new(&own, &err);
    for (unsigned i = 1; i <= 5; i++) {
        add(writer, 0, 100 * i, i, stack_of(writer, i % 2 ? "main.odd" : "main.even", i));
        trace_writer_watermark(writer, 100 * i);
        assert_int_equal(trace_writer_flush(writer, &err), 0);
    }
    trace_writer_add_types(file, trace_writer_stats(writer)->events_by_type);
    assert_int_equal(trace_writer_end(file, NULL, &err), 0);
    assert_int_equal(trace_writer_stats(file)->events, 5);
    assert_int_equal(trace_writer_stats(file)->events_by_type[EV_PARK], 5);
    char text[512];
    uint64_t watermark = 0;
    read_part(&fixture.parts[0], text, sizeof text, &watermark);
    assert_string_equal(text, "1:main.odd 2:main.even 3:main.odd 4:main.even 5:main.odd ");
    struct trace_sum sum = memory_read_all(fixture.parts[0].data, fixture.parts[0].size);
    assert_true(sum.has_end);
    assert_int_equal(sum.damage[DAMAGE_MISSING] + sum.damage[DAMAGE_HEADER] + sum.damage[DAMAGE_PAYLOAD], 0);
    assert_int_not_equal(trace_writer_append(file, "no chunk", 8, &err), 0);
    trace_writer_free(writer);
    trace_writer_free(file);
    trace_meta_release(&meta);
    buf_release(&fixture.parts[0]);
}

/* A disk without room for a chunk with definitions: the end of the trace still goes into what was set aside for it. */
static int no_room_once(void *context, const void *data, size_t size, struct error *err)
{
    struct fixture *self = context;
    if (self->part == 1) {
        self->part = 0;
        return error_set(err, ERR_NO_SPACE, "no room");
    }
    buf_put(&self->parts[0], data, size);
    return 0;
}

static void a_trace_ends_after_a_full_disk(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    struct error err = {0};
    struct trace_writer_options options = {.sink = no_room_once, .clock = clock_zero, .context = &fixture};
    struct trace_writer *writer = trace_writer_new(&options, &err);
    add(writer, 0, 100, 1, stack_of(writer, "main.a", 0x20));
    assert_int_equal(trace_writer_flush(writer, &err), 0);
    add(writer, 0, 200, 2, stack_of(writer, "main.b", 0x30));
    fixture.part = 1;
    assert_int_equal(trace_writer_flush(writer, &err), ERR_NO_SPACE);
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    assert_int_equal(trace_writer_stats(writer)->events, 1); /* what is in no file does not count */
    struct trace_sum sum = memory_read_all(fixture.parts[0].data, fixture.parts[0].size);
    assert_true(sum.has_end);
    assert_int_equal(sum.events, 1);
    assert_int_equal(sum.damage[DAMAGE_MISSING], 0);
    trace_writer_free(writer);
    buf_release(&fixture.parts[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_event_is_in_one_part),
        cmocka_unit_test(chunks_are_taken_over),
        cmocka_unit_test(a_trace_ends_after_a_full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
