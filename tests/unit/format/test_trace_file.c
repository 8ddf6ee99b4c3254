/* Writer and reader together: everything that goes in comes out, in bounded memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format/definition_store.h"
#include "format/event_spec.h"
#include "trace_memory.h"

static struct buf file;

static int set_up(void **state)
{
    (void)state;
    buf_init(&file);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_release(&file);
    return 0;
}

static void add_event(struct trace_writer *writer, uint64_t time, enum event_type type, uint64_t first_field)
{
    struct event e = {.time_ns = time, .tid = 9, .type = (uint16_t)type, .f = {first_field}};
    trace_writer_event(writer, &e);
}

static void definitions_come_back(void **state)
{
    (void)state;
    struct trace_writer_options options = memory_options(&file);
    struct error err;
    struct trace_writer *writer = trace_writer_new(&options, &err);
    uint32_t name = trace_writer_string(writer, "main.f\0x", 8);
    uint32_t path = trace_writer_string(writer, "f.go", 4);
    assert_int_equal(name, 1);
    assert_int_equal(trace_writer_string(writer, "main.f\0x", 8), name);
    assert_int_equal(trace_writer_string(writer, "", 0), 3);
    const struct def_frame frames[] = {{name, path, 12}, {path, 0, UINT32_MAX}};
    const struct def_location location = {UINT64_MAX, 2, frames};
    const uint32_t chain[] = {trace_writer_location(writer, &location), 1, 1};
    const struct def_stack stack = {STACK_CUT, 3, chain}, empty = {0, 0, NULL};
    assert_int_equal(trace_writer_stack(writer, &stack), 1);
    assert_int_equal(trace_writer_stack(writer, &empty), 2);
    assert_int_equal(trace_writer_stack(writer, &stack), 1);
    struct def_object object = {OBJECT_CHAN, OBJECT_CAPACITY, 0xc000010000, 1, name, 8};
    assert_int_equal(trace_writer_object(writer, &object), 1);
    object.generation = 2;
    assert_int_equal(trace_writer_object(writer, &object), 2);
    const struct def_case cases[] = {{2, SELECT_SEND}, {0, SELECT_RECV}};
    const struct def_set set = {SET_INCOMPLETE, 2, cases};
    assert_int_equal(trace_writer_set(writer, &set), 1);
    trace_writer_section(writer, 3);
    add_event(writer, 5, EV_END, 1);
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    trace_writer_free(writer);

    struct trace_reader *reader = memory_reader(file.data, file.size);
    struct trace_chunk chunk;
    size_t length;
    assert_int_equal(trace_reader_next(reader, &chunk, &err), 1);
    assert_int_equal(chunk.header.kind, CHUNK_EVENTS);
    assert_true(chunk.new_epoch);
    assert_int_equal(chunk.new_ids[DEF_STRING].first, 1);
    assert_int_equal(chunk.new_ids[DEF_STRING].count, 3);
    assert_int_equal(chunk.new_ids[DEF_OBJECT].count, 2);
    assert_memory_equal(trace_reader_string(reader, name, &length), "main.f\0x", 9);
    assert_int_equal(length, 8);
    assert_string_equal(trace_reader_string(reader, 3, &length), "");
    const struct def_location *l = trace_reader_location(reader, 1);
    assert_true(l->pc == UINT64_MAX);
    assert_int_equal(l->frame_count, 2);
    assert_memory_equal(l->frames, frames, sizeof frames);
    const struct def_stack *s = trace_reader_stack(reader, 1);
    assert_int_equal(s->flags, STACK_CUT);
    assert_int_equal(s->depth, 3);
    assert_memory_equal(s->locations, chain, sizeof chain);
    assert_int_equal(trace_reader_stack(reader, 2)->depth, 0);
    const struct def_object *o = trace_reader_object(reader, 2);
    assert_memory_equal(o, &object, sizeof object);
    assert_int_equal(trace_reader_object(reader, 1)->generation, 1);
    const struct def_set *d = trace_reader_set(reader, 1);
    assert_int_equal(d->flags, SET_INCOMPLETE);
    assert_int_equal(d->case_count, 2);
    assert_memory_equal(d->cases, cases, sizeof cases);
    assert_null(trace_reader_string(reader, 0, NULL));
    assert_null(trace_reader_string(reader, 4, NULL));
    assert_null(trace_reader_stack(reader, UINT32_MAX));
    assert_null(trace_reader_set(reader, 2));
    trace_reader_close(reader);
}

static void oversized_definitions_are_cut(void **state)
{
    (void)state;
    struct trace_writer_options options = memory_options(&file);
    struct error err;
    struct trace_writer *writer = trace_writer_new(&options, &err);
    static uint32_t chain[STACK_DEPTH_MAX + 10];
    static char text[STRING_SIZE_MAX + 10];
    static struct def_case cases[SELECT_CASES_MAX + 1];
    memset(text, 'x', sizeof text);
    const struct def_stack stack = {0, STACK_DEPTH_MAX + 10, chain};
    const struct def_set set = {0, SELECT_CASES_MAX + 1, cases};
    trace_writer_string(writer, text, sizeof text);
    trace_writer_stack(writer, &stack);
    trace_writer_set(writer, &set);
    add_event(writer, 1, EV_END, 1);
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    trace_writer_free(writer);
    struct trace_reader *reader = memory_reader(file.data, file.size);
    struct trace_chunk chunk;
    size_t length;
    assert_int_equal(trace_reader_next(reader, &chunk, &err), 1);
    assert_null(chunk.damage);
    trace_reader_string(reader, 1, &length);
    assert_int_equal(length, STRING_SIZE_MAX);
    assert_int_equal(trace_reader_stack(reader, 1)->depth, STACK_DEPTH_MAX);
    assert_int_equal(trace_reader_stack(reader, 1)->flags, STACK_CUT);
    assert_int_equal(trace_reader_set(reader, 1)->flags, SET_INCOMPLETE);
    trace_reader_close(reader);
}

static void headers_tell_times_losses_and_promises(void **state)
{
    (void)state;
    struct trace_writer_options options = memory_options(&file);
    struct error err;
    struct trace_writer *writer = trace_writer_new(&options, &err);
    trace_writer_section(writer, 1);
    add_event(writer, 500, EV_LOST, 7);
    add_event(writer, 100, EV_END, 1);
    trace_writer_section(writer, 2);
    add_event(writer, 900, EV_LOST, 5);
    add_event(writer, 900, EV_NONE, 5); /* no such event: left out */
    trace_writer_watermark(writer, 901);
    trace_writer_watermark(writer, 3);
    assert_int_equal(trace_writer_flush(writer, &err), 0);
    assert_int_equal(trace_writer_flush(writer, &err), 0);
    assert_int_equal(trace_writer_stats(writer)->chunks, 1);
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    const struct trace_writer_stats *stats = trace_writer_stats(writer);
    assert_int_equal(stats->events, 3);
    assert_int_equal(stats->lost, 12);
    assert_int_equal(stats->events_by_type[EV_LOST], 2);
    assert_int_equal(stats->stored_bytes, file.size);
    trace_writer_free(writer);

    struct trace_reader *reader = memory_reader(file.data, file.size);
    struct trace_chunk chunk;
    assert_int_equal(trace_reader_next(reader, &chunk, &err), 1);
    assert_int_equal(chunk.header.first_time_ns, 100);
    assert_int_equal(chunk.header.last_time_ns, 900);
    assert_int_equal(chunk.header.lost_count, 12);
    assert_int_equal(chunk.header.watermark_ns, 901);
    assert_int_equal(chunk.header.clocks.realtime_ns - chunk.header.clocks.monotonic_ns, 1000000);
    assert_memory_equal(chunk.header.trace_id, "sixteen bytes id", 16);
    assert_int_equal(chunk.section_count, 2);
    assert_int_equal(chunk.sections[1].ring, 2);
    assert_int_equal(chunk.sections[1].first, 2);
    assert_int_equal(chunk.events[2].cpu, 2);
    assert_int_equal(trace_reader_next(reader, &chunk, &err), 1);
    assert_int_equal(chunk.header.kind, CHUNK_INDEX);
    assert_int_equal(trace_reader_next(reader, &chunk, &err), 1);
    assert_int_equal(chunk.header.kind, CHUNK_END);
    assert_string_equal(trace_meta_get(chunk.meta, "end.events"), "3");
    assert_string_equal(trace_meta_get(chunk.meta, "end.lost"), "12");
    assert_string_equal(trace_meta_get(chunk.meta, "end.event.lost"), "2");
    assert_null(trace_meta_get(trace_reader_meta(reader), "end.events"));
    assert_int_equal(trace_reader_next(reader, &chunk, &err), 0);
    assert_true(trace_reader_has_end(reader));
    trace_reader_close(reader);
}

static void epochs_forget_and_repeat(void **state)
{
    (void)state;
    struct trace_writer_options options = memory_options(&file);
    struct error err;
    struct trace_meta meta;
    options.epoch_chunks = 2;
    struct trace_writer *writer = trace_writer_new(&options, &err);
    trace_meta_init(&meta);
    trace_meta_set(&meta, "key", "value", &err);
    assert_int_equal(trace_writer_meta(writer, &meta, &err), 0);
    trace_meta_set(&meta, "key", "changed, and not seen by the writer", &err);
    char name[16];
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(trace_writer_epoch(writer), 1 + i / 2);
        int length = snprintf(name, sizeof name, "s%u", i);
        assert_int_equal(trace_writer_string(writer, name, (size_t)length), 1 + i % 2);
        add_event(writer, i, EV_END, 1);
        assert_int_equal(trace_writer_flush(writer, &err), 0);
    }
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    trace_writer_free(writer);

    struct trace_reader *reader = memory_reader(file.data, file.size);
    struct trace_chunk chunk;
    unsigned metas = 0, epochs = 0, events = 0;
    while (trace_reader_next(reader, &chunk, &err) == 1) {
        assert_null(chunk.damage);
        epochs += chunk.new_epoch;
        metas += chunk.header.kind == CHUNK_META;
        if (chunk.header.kind == CHUNK_META) {
            assert_true(chunk.new_epoch);
            assert_string_equal(trace_meta_get(chunk.meta, "key"), "value");
            assert_null(trace_reader_string(reader, 1, NULL));
        }
        if (chunk.header.kind != CHUNK_EVENTS)
            continue;
        snprintf(name, sizeof name, "s%u", events);
        assert_string_equal(trace_reader_string(reader, 1 + events % 2, NULL), name);
        assert_int_equal(chunk.header.epoch, 1 + events / 2);
        events++;
    }
    assert_int_equal(metas, 3);
    assert_int_equal(epochs, 3);
    assert_int_equal(events, 6);
    trace_reader_close(reader);
    trace_meta_release(&meta);
}

/* A caller who flushes late loses nothing: several chunks, cut inside a section, one promise at the end. */
static void overfull_chunks_are_split(void **state)
{
    (void)state;
    enum { COUNT = 2 * CHUNK_EVENTS_MAX + 1000 };
    struct trace_writer_options options = memory_options(&file);
    struct error err;
    struct trace_writer *writer = trace_writer_new(&options, &err);
    assert_false(trace_writer_is_full(writer));
    for (uint32_t i = 0; i < COUNT; i++) {
        trace_writer_section(writer, i < COUNT / 2 ? 4 : 5);
        add_event(writer, 1000 + i, EV_END, i);
    }
    assert_true(trace_writer_is_full(writer));
    trace_writer_watermark(writer, 1000 + COUNT);
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    trace_writer_free(writer);
    struct trace_reader *reader = memory_reader(file.data, file.size);
    struct trace_chunk chunk;
    uint32_t seen = 0, chunks = 0;
    while (trace_reader_next(reader, &chunk, &err) == 1) {
        assert_null(chunk.damage);
        uint32_t covered = 0;
        for (uint32_t i = 0; i < chunk.section_count; i++) {
            assert_int_equal(chunk.sections[i].first, covered);
            covered += chunk.sections[i].count;
        }
        assert_int_equal(covered, chunk.event_count);
        for (uint32_t i = 0; i < chunk.event_count; i++, seen++) {
            assert_int_equal(chunk.events[i].f[0], seen);
            assert_int_equal(chunk.events[i].cpu, seen < COUNT / 2 ? 4 : 5);
        }
        chunks += chunk.event_count > 0;
        if (seen < COUNT)
            assert_int_equal(chunk.header.watermark_ns, 0);
    }
    assert_int_equal(seen, COUNT);
    assert_int_equal(chunks, 3);
    trace_reader_close(reader);
}

/* More definitions than a chunk or an epoch should hold. */
static void many_definitions_are_bounded(void **state)
{
    (void)state;
    struct trace_writer_options options = memory_options(&file);
    struct error err;
    options.zstd_level = 1;
    struct trace_writer *writer = trace_writer_new(&options, &err);
    char text[1024];
    uint32_t n = 0, id;
    memset(text, 'y', sizeof text);
    while ((id = trace_writer_string(writer, text, (size_t)snprintf(text, sizeof text, "%u", n) + 900)) !=
           0) {
        assert_int_equal(id, ++n);
        assert_true(n < 100000);
    }
    assert_true(trace_writer_is_full(writer));
    assert_true(n > 4000);
    /* What is known stays known. */
    memset(text, 'y', sizeof text);
    assert_int_equal(trace_writer_string(writer, text, (size_t)snprintf(text, sizeof text, "%u", 0) + 900),
                     1);
    add_event(writer, 1, EV_THREAD_NAME, n);
    assert_int_equal(trace_writer_flush(writer, &err), 0);
    assert_int_equal(trace_writer_epoch(writer), 2);
    assert_int_equal(trace_writer_end(writer, NULL, &err), 0);
    trace_writer_free(writer);
    struct trace_reader *reader = memory_reader(file.data, file.size);
    struct trace_chunk chunk;
    uint32_t seen = 0;
    while (trace_reader_next(reader, &chunk, &err) == 1) {
        assert_null(chunk.damage);
        assert_true(chunk.header.raw_size < 4u << 20);
        seen += chunk.event_count;
        if (chunk.event_count)
            assert_non_null(trace_reader_string(reader, n, NULL));
    }
    assert_int_equal(seen, 1);
    trace_reader_close(reader);
}

static int failing_sink(void *context, const void *data, size_t size, struct error *err)
{
    (void)context;
    (void)data;
    (void)size;
    return error_set(err, ERR_NO_SPACE, "no space");
}

static void a_failing_sink_is_reported(void **state)
{
    (void)state;
    struct trace_writer_options options = memory_options(&file);
    struct error err;
    options.sink = failing_sink;
    struct trace_writer *writer = trace_writer_new(&options, &err);
    add_event(writer, 1, EV_END, 1);
    assert_int_equal(trace_writer_flush(writer, &err), ERR_NO_SPACE);
    assert_string_equal(err.message, "no space");
    assert_int_equal(trace_writer_flush(writer, &err), 0);
    assert_int_equal(trace_writer_end(writer, NULL, &err), ERR_NO_SPACE);
    trace_writer_free(writer);
}

static void equal_input_gives_equal_bytes(void **state)
{
    (void)state;
    struct buf again;
    buf_init(&again);
    write_sample(&file);
    write_sample(&again);
    assert_int_equal(file.size, again.size);
    assert_memory_equal(file.data, again.data, file.size);
    struct trace_sum sum = memory_read_all(file.data, file.size);
    assert_int_equal(sum.events, 120);
    assert_true(sum.has_end);
    for (unsigned kind = 0; kind < DAMAGE_KIND_COUNT; kind++)
        assert_int_equal(sum.damage[kind], 0);
    buf_release(&again);
}

/* The promise that any zstd tests and unpacks the payloads. */
static void zstd_reads_the_file(void **state)
{
    (void)state;
    char path[] = "/tmp/gotape-test-XXXXXX", command[256];
    if (system("zstd --version >/dev/null 2>&1") != 0)
        skip();
    write_sample(&file);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file.data, file.size), file.size);
    close(fd);
    snprintf(command, sizeof command, "zstd -tq --no-progress %s", path);
    int tested = system(command);
    snprintf(command, sizeof command, "zstd -dcq %s | grep -q main.worker", path);
    int unpacked = system(command);
    unlink(path);
    assert_int_equal(tested, 0);
    assert_int_equal(unpacked, 0);
}

static void files_and_memory_read_alike(void **state)
{
    (void)state;
    char path[] = "/tmp/gotape-test-XXXXXX";
    struct source *source;
    struct error err;
    uint8_t data[32];
    size_t got;
    write_sample(&file);
    int fd = mkstemp(path);
    assert_int_equal(write(fd, file.data, file.size), file.size);
    assert_int_equal(source_open(path, &source, &err), 0);
    assert_true(source_size(source) == file.size);
    assert_int_equal(source_read(source, 100, data, sizeof data, &got, &err), 0);
    assert_int_equal(got, sizeof data);
    assert_memory_equal(data, file.data + 100, sizeof data);
    assert_int_equal(source_read(source, file.size - 3, data, sizeof data, &got, &err), 0);
    assert_int_equal(got, 3);
    assert_int_equal(source_read(source, UINT64_MAX, data, sizeof data, &got, &err), 0);
    assert_int_equal(got, 0);
    /* A file that shrinks while it is read. */
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(source_read(source, 0, data, sizeof data, &got, &err), 0);
    assert_int_equal(got, 10);
    source_close(source);
    close(fd);
    unlink(path);
    assert_int_equal(source_open(path, &source, &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(source_open("/tmp", &source, &err), ERR_UNSUPPORTED);
}

static void facts_are_set_and_replaced(void **state)
{
    (void)state;
    struct trace_meta meta;
    struct error err;
    char key[32];
    trace_meta_init(&meta);
    assert_null(trace_meta_get(&meta, "key0"));
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "key%d", i % 250);
        assert_int_equal(trace_meta_setf(&meta, &err, key, "%d", i), 0);
    }
    assert_int_equal(meta.count, 250);
    assert_string_equal(meta.pairs[3].key, "key3");
    assert_string_equal(trace_meta_get(&meta, "key3"), "253");
    trace_meta_release(&meta);
    assert_int_equal(meta.count, 0);
    trace_meta_release(&meta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(definitions_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(oversized_definitions_are_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(headers_tell_times_losses_and_promises, set_up, tear_down),
        cmocka_unit_test_setup_teardown(epochs_forget_and_repeat, set_up, tear_down),
        cmocka_unit_test_setup_teardown(overfull_chunks_are_split, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_definitions_are_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failing_sink_is_reported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(equal_input_gives_equal_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(zstd_reads_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_and_memory_read_alike, set_up, tear_down),
        cmocka_unit_test(facts_are_set_and_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
