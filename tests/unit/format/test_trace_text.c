/* The text form: what is printed parses again to the same trace, mistakes name their line, and the files of
 * each format version that are kept for ever still read as they did. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/trace_text.h"
#include "trace_memory.h"

/* One for each version that was released: never changed. */
static const char *const goldens[][2] = {
    {"../../golden/format-1.0.gotape", "../../golden/format-1.0.txt"},
    {"../../golden/format-1.1.gotape", "../../golden/format-1.1.txt"},
    {"../../golden/format-2.0.gotape", "../../golden/format-2.0.txt"},
};

static void read_file(const char *path, struct buf *out)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t got;
    do {
        assert_int_equal(buf_reserve(out, 4096), 0);
        got = fread(out->data + out->size, 1, 4096, in);
        out->size += got;
    } while (got > 0);
    fclose(in);
}

static void print_trace(const struct buf *trace, struct buf *text)
{
    struct trace_reader *reader = memory_reader(trace->data, trace->size);
    struct trace_chunk chunk;
    struct error err;
    assert_non_null(reader);
    while (trace_reader_next(reader, &chunk, &err) == 1)
        trace_text_chunk(text, reader, &chunk);
    buf_printf(text, "%s", "");
    trace_reader_close(reader);
}

/* Returns what the parser returns. */
static int parse_text(const char *text, size_t size, struct buf *trace, uint32_t chunk_events,
                      uint32_t epoch_chunks, struct error *err)
{
    struct trace_writer_options options = memory_options(trace);
    options.chunk_events = chunk_events;
    options.epoch_chunks = epoch_chunks;
    struct trace_writer *writer = trace_writer_new(&options, err);
    int rc = trace_text_parse(text, size, writer, err);
    if (rc == 0)
        assert_int_equal(trace_writer_end(writer, NULL, err), 0);
    trace_writer_free(writer);
    return rc;
}

/* Totals at the end depend on the compressor. */
static void drop_end(struct buf *text)
{
    char *end = strstr((char *)text->data, "# end ");
    if (end) {
        *end = '\0';
        text->size = (size_t)(end - (char *)text->data);
    }
}

static void assert_round_trip(const struct buf *trace)
{
    struct buf text, again, trace_again;
    struct error err = {0};
    buf_init(&text);
    buf_init(&again);
    buf_init(&trace_again);
    print_trace(trace, &text);
    if (parse_text((const char *)text.data, text.size, &trace_again, 0, UINT32_MAX, &err) != 0)
        fail_msg("%s", err.message);
    print_trace(&trace_again, &again);
    drop_end(&text);
    drop_end(&again);
    assert_string_equal((const char *)again.data, (const char *)text.data);
    struct trace_sum a = memory_read_all(trace->data, trace->size);
    struct trace_sum b = memory_read_all(trace_again.data, trace_again.size);
    assert_int_equal(a.events, b.events);
    buf_release(&text);
    buf_release(&again);
    buf_release(&trace_again);
}

static void printed_traces_parse_again(void **state)
{
    (void)state;
    struct buf trace;
    buf_init(&trace);
    write_sample(&trace);
    assert_round_trip(&trace);
    buf_release(&trace);
}

static void assert_reads_as(const char *trace_path, const char *text_path)
{
    struct buf trace, text, expected;
    buf_init(&trace);
    buf_init(&text);
    buf_init(&expected);
    read_file(trace_path, &trace);
    read_file(text_path, &expected);
    assert_int_equal(buf_reserve(&expected, 1), 0);
    expected.data[expected.size] = '\0';
    print_trace(&trace, &text);
    assert_string_equal((const char *)text.data, (const char *)expected.data);
    assert_round_trip(&trace);
    buf_release(&trace);
    buf_release(&text);
    buf_release(&expected);
}

static void files_of_all_versions_read_as_ever(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++)
        assert_reads_as(goldens[i][0], goldens[i][1]);
}

/* The file has all that its format knows. */
static void every_event_is_in_the_file(void **state)
{
    (void)state;
    struct buf trace;
    bool seen[EVENT_TYPE_COUNT] = {false};
    struct trace_chunk chunk;
    struct error err;
    buf_init(&trace);
    read_file(goldens[sizeof goldens / sizeof goldens[0] - 1][0], &trace);
    struct trace_reader *reader = memory_reader(trace.data, trace.size);
    assert_non_null(reader);
    while (trace_reader_next(reader, &chunk, &err) == 1) {
        for (uint32_t i = 0; i < chunk.event_count; i++)
            seen[chunk.events[i].type] = true;
    }
    for (unsigned type = 1; type <= EV_FIRED; type++)
        assert_true(seen[type]);
    trace_reader_close(reader);
    buf_release(&trace);
}

static void a_short_text_becomes_a_trace(void **state)
{
    (void)state;
    static const char text[] = "# a comment\n"
                               "\n"
                               "string 5 worker\r\n"
                               "location 7 pc=0x10 main.main -:0\n"
                               "stack 9 7 7\n"
                               "100 cpu=2 tid=3 exec goid=1 # a comment\n"
                               "  200 cpu=2 park goid=1 reason=14 stack=9\n"
                               "50 cpu=1 thread_name name=5";
    struct buf trace;
    struct error err;
    struct trace_chunk chunk;
    buf_init(&trace);
    assert_int_equal(parse_text(text, sizeof text - 1, &trace, 0, 0, &err), 0);
    struct trace_reader *reader = memory_reader(trace.data, trace.size);
    assert_int_equal(trace_reader_next(reader, &chunk, &err), 1);
    assert_int_equal(chunk.event_count, 3);
    assert_int_equal(chunk.section_count, 2);
    assert_int_equal(chunk.events[0].type, EV_EXEC);
    assert_int_equal(chunk.events[0].cpu, 2);
    assert_int_equal(chunk.events[0].tid, 3);
    assert_int_equal(chunk.events[1].f[PARK_REASON], 14);
    assert_int_equal(chunk.events[1].f[PARK_G], 0);
    assert_int_equal(trace_reader_stack(reader, (uint32_t)chunk.events[1].f[PARK_STACK])->depth, 2);
    assert_string_equal(trace_reader_string(reader, (uint32_t)chunk.events[2].f[0], NULL), "worker");
    trace_reader_close(reader);
    buf_release(&trace);
}

/* The writer may begin an epoch at any chunk; numbers of the text stay valid. */
static void definitions_outlive_the_epochs_of_the_writer(void **state)
{
    (void)state;
    struct buf text, trace;
    struct error err;
    struct trace_chunk chunk;
    buf_init(&text);
    buf_init(&trace);
    buf_printf(&text, "location 1 pc=0x1 main.f f.go:1\nstack 1 1\nobject 1 chan addr=0x8 gen=1 type=int "
                      "cap=1\nset 1 send:1\n");
    for (int i = 0; i < 20; i++)
        buf_printf(&text, "%d park goid=1 object=1 stack=1\n%d select goid=1 set=1\n", i, i);
    assert_int_equal(parse_text((char *)text.data, text.size, &trace, 4, 1, &err), 0);
    struct trace_reader *reader = memory_reader(trace.data, trace.size);
    unsigned epochs = 0, parks = 0;
    while (trace_reader_next(reader, &chunk, &err) == 1) {
        epochs += chunk.new_epoch;
        for (uint32_t i = 0; i < chunk.event_count; i++) {
            const struct event *e = &chunk.events[i];
            if (e->type == EV_SELECT) {
                const struct def_set *set = trace_reader_set(reader, (uint32_t)e->f[SELECT_SET]);
                assert_int_equal(trace_reader_object(reader, set->cases[0].object)->addr, 8);
                continue;
            }
            const struct def_stack *stack = trace_reader_stack(reader, (uint32_t)e->f[PARK_STACK]);
            const struct def_location *location = trace_reader_location(reader, stack->locations[0]);
            assert_string_equal(trace_reader_string(reader, location->frames[0].function, NULL), "main.f");
            parks++;
        }
    }
    assert_int_equal(parks, 20);
    assert_int_equal(epochs, 10);
    trace_reader_close(reader);
    buf_release(&text);
    buf_release(&trace);
}

static void mistakes_name_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"100 parc goid=1", "line 1: there is no event 'parc'"},
        {"\n100 park gold=1", "line 2: 'park' has no field 'gold=1'"},
        {"100 park goid=x", "line 1: 'x' is not a number"},
        {"100 park goid=18446744073709551616", "line 1: '18446744073709551616' is not a number"},
        {"100 park stack=4", "line 1: stack 4 is not defined"},
        {"string 1 a\nepoch\n100 thread_name name=1", "line 3: string 1 is not defined"},
        {"100 cpu=65536 end", "line 1: '65536' is not a CPU"},
        {"100 tid=4294967296 end", "line 1: '4294967296' is not a thread"},
        {"100", "line 1: the line has no event"},
        {"strung 1 x", "line 1: 'strung' begins no line"},
        {"string x", "line 1: a string needs a number, from 1 upwards"},
        {"stack 0", "line 1: a stack needs a number, from 1 upwards"},
        {"location 1 main.f", "line 1: a location needs pc=ADDRESS"},
        {"location 1 pc=0x main.f", "line 1: a location needs pc=ADDRESS"},
        {"location 1 pc=1 main.f", "line 1: a function needs FILE:LINE behind it"},
        {"location 1 pc=1 main.f f.go", "line 1: 'f.go' is not FILE:LINE"},
        {"object 1 channel", "line 1: 'channel' is no kind of object"},
        {"object 1", "line 1: an object needs its kind"},
        {"object 1 chan size=3", "line 1: 'size=3' says nothing about an object"},
        {"object 1 chan gen=4294967296", "line 1: 'gen=4294967296' says nothing about an object"},
        {"set 1 sned:1", "line 1: a case is send:OBJECT, recv:OBJECT or any:OBJECT"},
        {"set 1 send:7", "line 1: object 7 is not defined"},
        {"watermark soon", "line 1: watermark needs a time in ns"},
        {"meta", "line 1: meta needs a key of at most 255 bytes"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        struct buf trace;
        buf_init(&trace);
        assert_int_equal(parse_text(rows[i].text, strlen(rows[i].text), &trace, 0, 0, &err), ERR_DAMAGED);
        assert_string_equal(err.message, rows[i].message);
        buf_release(&trace);
    }
}

static void events_are_explained(void **state)
{
    (void)state;
    static const char text[] = "meta go.wait_reason.14 chan receive\n"
                               "location 1 pc=0x10 main.recv r.go:3\nlocation 2 pc=0x20 main.main m.go:9\n"
                               "stack 1 1 2\n"
                               "object 1 chan addr=0xc000 gen=1 type=main.Job cap=8\n"
                               "100 cpu=0 tid=3 park goid=7 g=0x1 reason=14 object=1 value=0 stack=1\n"
                               "100 cpu=0 tid=3 park goid=7 g=0x1 reason=15 object=0 value=0 stack=lost\n";
    struct buf trace, out;
    struct error err;
    struct trace_chunk chunk = {.event_count = 0};
    buf_init(&trace);
    buf_init(&out);
    assert_int_equal(parse_text(text, sizeof text - 1, &trace, 0, 0, &err), 0);
    struct trace_reader *reader = memory_reader(trace.data, trace.size);
    while (chunk.event_count == 0)
        assert_int_equal(trace_reader_next(reader, &chunk, &err), 1);
    trace_text_event(&out, &chunk.events[0], reader);
    assert_string_equal(
        (char *)out.data,
        "100 cpu=0 tid=3 park goid=7 g=0x1 reason=14 object=1 value=0 stack=1"
        "  # reason: chan receive; object: chan 0xc000 main.Job; stack: main.recv < main.main\n");
    buf_reset(&out);
    trace_text_event(&out, &chunk.events[1], reader);
    assert_string_equal((char *)out.data,
                        "100 cpu=0 tid=3 park goid=7 g=0x1 reason=15 object=0 value=0 stack=lost\n");
    buf_reset(&out);
    trace_text_event(&out, &chunk.events[0], NULL);
    assert_string_equal((char *)out.data,
                        "100 cpu=0 tid=3 park goid=7 g=0x1 reason=14 object=1 value=0 stack=1\n");
    trace_reader_close(reader);
    buf_release(&trace);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed_traces_parse_again),
        cmocka_unit_test(files_of_all_versions_read_as_ever),
        cmocka_unit_test(every_event_is_in_the_file),
        cmocka_unit_test(a_short_text_becomes_a_trace),
        cmocka_unit_test(definitions_outlive_the_epochs_of_the_writer),
        cmocka_unit_test(mistakes_name_their_line),
        cmocka_unit_test(events_are_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
