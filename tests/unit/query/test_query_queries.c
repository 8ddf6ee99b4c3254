/* The rows that named queries give for recording.sql, which is small enough to be checked by eye. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "query/catalog.h"
#include "query/sink_call.h"
#include "query_fixture.h"

#define INTEGER(key, number)                                                                                 \
    {                                                                                                        \
        .name = key, .integer = number                                                                       \
    }
#define WORDS(key, words)                                                                                    \
    {                                                                                                        \
        .name = key, .text = words                                                                           \
    }

/* Waits are told apart by their start: "18@1500 18@4000". */
static int note_wait(void *context, const struct row *row, struct error *err)
{
    struct buf *out = context;
    (void)err;
    buf_printf(out, "%s%d@%d", out->size > 0 ? " " : "", (int)row_int(row, "goid", -1),
               (int)(row_int(row, "start_ns", 0) / 1000000));
    return 0;
}

static void expect_waits(struct store *store, const struct query_parameter *parameters, size_t count,
                         const char *expected)
{
    struct buf out;
    struct error err = {0};
    buf_init(&out);
    if (query_each(store, "who_blocked", parameters, count, note_wait, &out, &err) != 0)
        fail_msg("%s", err.message);
    buf_put_u8(&out, 0);
    assert_string_equal((const char *)out.data, expected);
    buf_release(&out);
}

#define EXPECT(expected, ...)                                                                                \
    do {                                                                                                     \
        const struct query_parameter parameters[] = {__VA_ARGS__};                                           \
        expect_waits(*state, parameters, sizeof parameters / sizeof *parameters, expected);                  \
    } while (0)

static void longest_first_own_and_synchronising(void **state)
{
    expect_waits(*state, NULL, 0, "7@1600 18@1500 1@2000 18@4000 18@8000 1@7000");
    EXPECT("7@1600 18@1500", INTEGER(":limit", 2));
    EXPECT("7@1600 18@1500 3@5000 1@5000 1@2000 18@4000 18@8000 1@7000", INTEGER(":all", 1));
}

static void filters_by_reason_and_goroutine(void **state)
{
    EXPECT("18@1500 18@8000 1@7000", WORDS(":reason", "chan_recv"));
    EXPECT("1@2000", WORDS(":reason", "sync.mutex.LOCK"));
    EXPECT("1@5000", WORDS(":reason", "sleep"));
    EXPECT("", WORDS(":reason", "gc"));
    EXPECT("3@5000", WORDS(":reason", "gc"), INTEGER(":all", 1));
    EXPECT("18@1500 18@4000 18@8000", INTEGER(":goid", 18));
    EXPECT("18@4000", INTEGER(":goid", 18), WORDS(":reason", "select"));
}

static void filters_by_channel(void **state)
{
    EXPECT("7@1600 18@1500 18@4000 18@8000 1@7000", INTEGER(":chan", 1), INTEGER(":chan_addr", 0xc000102060));
    EXPECT("1@2000", INTEGER(":chan", 1), INTEGER(":chan_addr", 0xc000200000));
    EXPECT("7@1600 18@1500 18@8000", INTEGER(":chan", 1), WORDS(":chan_type", "main.Job"));
    EXPECT("18@4000", INTEGER(":chan", 1), WORDS(":chan_type", "struct{}"));
    EXPECT("7@1600", INTEGER(":chan", 1), WORDS(":chan_function", "main.producer"));
    /* A function that waits only for a lock has no channel waits. */
    EXPECT("", INTEGER(":chan", 1), WORDS(":chan_function", "example.com/orders/store.(*Cache).Get"));
    EXPECT("18@1500 18@4000 18@8000 1@7000", INTEGER(":chan", 1), WORDS(":chan_file", "worker.go"));
    EXPECT("18@1500", INTEGER(":chan", 1), WORDS(":chan_file", "app/worker.go"), INTEGER(":chan_line", 31),
           INTEGER(":limit", 1));
    EXPECT("", INTEGER(":chan", 1), WORDS(":chan_file", "orker.go"));
    EXPECT("", INTEGER(":chan", 1), WORDS(":chan_file", "worker.go"), INTEGER(":chan_line", 32));
    EXPECT("18@4000", INTEGER(":goid", 18), INTEGER(":chan", 1), WORDS(":chan_type", "int"));
}

static void filters_by_time(void **state)
{
    EXPECT("7@1600 18@1500", INTEGER(":until", 1700000000));
    EXPECT("7@1600 18@8000 1@7000", INTEGER(":since", 7100000000));
    EXPECT("7@1600 18@1500 1@2000", INTEGER(":since", 2100000000), INTEGER(":until", 2200000000));
}

static void tells_all_about_a_wait(void **state)
{
    const struct query_parameter parameters[] = {INTEGER(":chan", 1), WORDS(":chan_type", "int"),
                                                 INTEGER(":limit", 1)};
    char *csv = fixture_query(*state, "who_blocked", parameters, 3);
    const char *row = strchr(csv, '\n') + 1;
    assert_string_equal(
        row,
        "18,main.worker,select,select,4000000000,100000000,1000,false,true,"
        "\"[{\"\"kind\"\":\"\"chan\"\",\"\"addr\"\":\"\"0xc000102060\"\",\"\"type\"\":\"\"int\"\","
        "\"\"cap\"\":0,"
        "\"\"generation\"\":2,\"\"direction\"\":\"\"send\"\",\"\"fired\"\":false,\"\"timer\"\":false,\"\"doubt\"\":false},"
        "{\"\"kind\"\":\"\"chan\"\",\"\"addr\"\":\"\"0xc000103000\"\",\"\"type\"\":\"\"struct "
        "{}\"\",\"\"cap\"\":0,"
        "\"\"generation\"\":1,\"\"direction\"\":\"\"recv\"\",\"\"fired\"\":true,\"\"timer\"\":false,\"\"doubt\"\":true},"
        "{\"\"kind\"\":\"\"chan\"\",\"\"addr\"\":\"\"0x0\"\",\"\"type\"\":null,\"\"cap\"\":null,"
        "\"\"generation\"\":null,\"\"direction\"\":\"\"recv\"\",\"\"fired\"\":false,\"\"timer\"\":false,\"\"doubt\"\":false}]\","
        "main.worker,/src/app/"
        "worker.go,31,\"[\"\"runtime.gopark\"\",\"\"runtime.chanrecv1\"\",\"\"main.worker\"\"]\","
        ",timer,,,,,false,,\"{\"\"tenant_id\"\":\"\"video-a\"\"}\"\r\n");
    free(csv);
}

static void sums_up(void **state)
{
    char *csv = fixture_query(*state, "who_blocked_by_goroutine", NULL, 0);
    assert_string_equal(
        csv,
        "goid,goroutine_function,waits,open_waits,total_wait_ns,longest_wait_ns,total_runnable_ns,"
        "longest_reason,longest_site,longest_file,longest_line\r\n"
        "7,main.producer,1,1,9400000000,9400000000,0,chan send,main.producer,/src/app/main.go,40\r\n"
        "18,main.worker,3,0,2400100000,2300000000,51500,chan receive,main.worker,/src/app/worker.go,31\r\n"
        "1,main.main,2,0,500000000,500000000,2000,sync.Mutex.Lock,"
        "example.com/orders/store.(*Cache).Get,/src/app/store/cache.go,77\r\n");
    free(csv);
    csv = fixture_query(*state, "who_blocked_by_site", NULL, 0);
    assert_string_equal(
        strchr(csv, '\n') + 1,
        "main.producer,/src/app/main.go,40,chan send,chan_send,1,1,1,9400000000,9400000000,0,7\r\n"
        "main.worker,/src/app/worker.go,31,chan receive,chan_recv,3,0,2,2300100000,2300000000,50500,18\r\n"
        "example.com/orders/store.(*Cache).Get,/src/app/store/cache.go,77,sync.Mutex.Lock,mutex,1,0,1,"
        "500000000,500000000,2000,1\r\n"
        "main.worker,/src/app/worker.go,31,select,select,1,0,1,100000000,100000000,1000,18\r\n");
    free(csv);
}

static void lists_channels(void **state)
{
    char *csv = fixture_query(*state, "chans", NULL, 0);
    const char *row = strchr(csv, '\n') + 1;
    static const char first[] = "0xc000102060,1,main.Job,8,3,1,11700100000,9400000000,2,1,";
    assert_memory_equal(row, first, sizeof first - 1);
    assert_non_null(strstr(row, "0xc000102060,2,int,0,2,0,100000000,100000000,2,0,"));
    assert_non_null(strstr(row, "0xc000104000,1,time.Time,1,0,0,0,,0,0,[],[],true,false\r\n"));
    assert_null(strstr(row, "0xc000200000"));
    free(csv);
    const struct query_parameter window[] = {INTEGER(":since", 6500000000), INTEGER(":until", 7500000000)};
    csv = fixture_query(*state, "chans", window, 2);
    assert_null(strstr(csv, "time.Time"));
    assert_non_null(strstr(csv, "main.Job"));
    free(csv);
}

static void lists_goroutines(void **state)
{
    char *csv = fixture_query(*state, "goroutines", NULL, 0);
    assert_non_null(strstr(
        csv, "\r\n18,main.worker,1,main.main,/src/app/main.go,12,1200000000,9000000000,7800000000,dead,"
             "100000000,2000,3000000000,0,3,\"{\"\"chan_recv\"\":2300100000,\"\"select\"\":100000000}\","
             "false,false,7,\"{\"\"tenant_id\"\":\"\"video-a\"\"}\"\r\n"));
    assert_non_null(strstr(csv, "\r\n3,runtime.bgsweep,,,,,,,10000000000,waiting,"));
    free(csv);
}

static void tells_a_life(void **state)
{
    const struct query_parameter parameters[] = {INTEGER(":goid", 18), INTEGER(":until", 3900000000)};
    char *csv = fixture_query(*state, "goroutine_timeline", parameters, 2);
    assert_non_null(strstr(csv, "\r\nstate,runnable,1200000000,1210000000,10000000,false,true,"));
    assert_non_null(
        strstr(csv, "\r\nstate,waiting,1500000000,3800000000,2300000000,false,true,,,chan receive,chan_recv,"));
    assert_non_null(strstr(csv, "\r\nstate,running,3800050000,4000000000,199950000,false,true,4712,1,"));
    assert_null(strstr(csv, "4100000000"));
    free(csv);
}

static void one_statement_only(void **state)
{
    struct error err = {0};
    struct sink_call sink = sink_call_to(note_wait, NULL);
    struct query_options options = {0};
    assert_int_equal(query_run(*state, "SELECT 1 WHERE 0; SELECT 2", &options, &sink.base, NULL, &err),
                     ERR_USAGE);
    assert_int_equal(query_run(*state, "  -- nothing\n", &options, &sink.base, NULL, &err), ERR_USAGE);
    assert_int_equal(query_run(*state, "SELECT 1 WHERE 0; -- done\n", &options, &sink.base, NULL, &err), 0);
}

static void stops_at_the_limit(void **state)
{
    struct error err = {0};
    struct buf out;
    struct sink_call sink = sink_call_to(note_wait, &out);
    struct query_options options = {.limit = 2};
    struct query_result result;
    buf_init(&out);
    assert_int_equal(
        query_run(*state, "SELECT goid, start_ns FROM wait", &options, &sink.base, &result, &err), 0);
    assert_int_equal(result.rows, 2);
    assert_true(result.has_more);
    options.limit = 8;
    assert_int_equal(
        query_run(*state, "SELECT goid, start_ns FROM wait", &options, &sink.base, &result, &err), 0);
    assert_int_equal(result.rows, 8);
    assert_false(result.has_more);
    buf_release(&out);
}

/* Without restrictions the answers come from sums, with a time that excludes nothing from the waits themselves. */
static void sums_and_waits_tell_the_same(void **state)
{
    static const char *const names[] = {"who_blocked", "who_blocked_by_site", "who_blocked_by_goroutine", "chans",
                                        "locks",       "locks_by_site",       "locks_by_holder"};
    const struct query_parameter since[] = {INTEGER(":since", 1)};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *sums = fixture_query(*state, names[i], NULL, 0), *waits = fixture_query(*state, names[i], since, 1);
        char *row = strchr(waits, '\n');
        assert_non_null(row);
        assert_true(row[1]);
        /* Channels that nobody waited for are left out where a time is given. */
        if (strcmp(names[i], "chans") == 0)
            assert_memory_equal(sums, waits, strlen(waits));
        else
            assert_string_equal(sums, waits);
        free(sums);
        free(waits);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_first_own_and_synchronising),
        cmocka_unit_test(filters_by_reason_and_goroutine),
        cmocka_unit_test(filters_by_channel),
        cmocka_unit_test(filters_by_time),
        cmocka_unit_test(tells_all_about_a_wait),
        cmocka_unit_test(sums_up),
        cmocka_unit_test(lists_channels),
        cmocka_unit_test(lists_goroutines),
        cmocka_unit_test(tells_a_life),
        cmocka_unit_test(one_statement_only),
        cmocka_unit_test(sums_and_waits_tell_the_same),
        cmocka_unit_test(stops_at_the_limit),
    };
    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
