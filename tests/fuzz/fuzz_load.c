/*
 * Any sequence of events, in any order, with holes: the load succeeds, and what the database says is
 * consistent. The input is read as a list of events over a few goroutines, g's, threads and rings, so that
 * they meet.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "format/trace_writer.h"
#include "load/loader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Queries that must find nothing. */
static const char *const impossible[] = {
    "PRAGMA foreign_key_check",
    "SELECT * FROM interval WHERE end_ns < start_ns OR start_ns < (SELECT start_ns FROM recording) "
    "OR coalesce(end_ns, start_ns) > (SELECT end_ns FROM recording)",
    "SELECT * FROM (SELECT *, lag(coalesce(end_ns, 9e18)) OVER (PARTITION BY goid ORDER BY id) AS before "
    "FROM interval) "
    "WHERE before > start_ns",
    "SELECT * FROM wait WHERE wait_ns < 0 OR runnable_ns < 0 OR wake_ns < start_ns OR run_ns < wake_ns",
    "SELECT * FROM wait WHERE is_open AND (wake_ns IS NOT NULL OR run_ns IS NOT NULL OR wait_ns IS NULL "
    "OR waker_kind <> 'none_yet')",
    "SELECT * FROM wait WHERE NOT is_open AND (wake_ns IS NULL AND run_ns IS NULL AND wait_ns IS NOT NULL "
    "AND doubt IS NOT 'sampled' OR waker_kind = 'none_yet')",
    "SELECT * FROM wait WHERE doubt = 'wake_missing' AND wait_ns IS NOT NULL",
    "SELECT * FROM wait WHERE (waker_goid IS NOT NULL) <> (waker_kind = 'goroutine')",
    "SELECT * FROM wait WHERE id NOT IN (SELECT wait_id FROM interval WHERE wait_id IS NOT NULL) AND wait_ns "
    "> 0",
    "SELECT * FROM goroutine JOIN (SELECT goid, sum(ns * (state = 2)) AS a, sum(ns * (state IN (1, 4))) AS "
    "b, "
    "sum(ns * (state = 3)) AS c, sum(ns * (state = 0)) AS d FROM (SELECT goid, state, "
    "coalesce(end_ns, (SELECT end_ns FROM recording)) - start_ns AS ns FROM interval) GROUP BY goid) AS s "
    "USING (goid) "
    "WHERE running_ns <> a OR runnable_ns <> b OR waiting_ns <> c OR unknown_ns <> d",
    "SELECT * FROM goroutine WHERE wait_count <> (SELECT count(*) FROM wait WHERE wait.goid = "
    "goroutine.goid)",
    "SELECT goid FROM transition EXCEPT SELECT goid FROM goroutine",
    "SELECT * FROM (SELECT *, lag(to_state) OVER (PARTITION BY goid ORDER BY id) AS before FROM transition) "
    "WHERE before <> from_state AND from_state NOT IN (0, 5) AND before NOT IN (0, 5)",
    "SELECT * FROM (SELECT count(*) AS n FROM transition WHERE flags & 1) WHERE n <> (SELECT "
    "coalesce(sum(count), 0) "
    "FROM anomaly WHERE kind = 'illegal_transition')",
    "SELECT * FROM thread_interval WHERE end_ns < start_ns",
    "SELECT * FROM syscall WHERE end_ns < start_ns OR sleep_count < 1",
    "SELECT goid FROM syscall EXCEPT SELECT goid FROM goroutine",
    "SELECT * FROM goroutine WHERE syscall_ns <> (SELECT coalesce(sum(coalesce(end_ns, (SELECT end_ns FROM "
    "recording)) - start_ns), 0) FROM syscall WHERE syscall.goid = goroutine.goid)",
    "SELECT * FROM stw WHERE end_ns < start_ns OR stopped_ns < start_ns OR end_ns < stopped_ns",
    "SELECT * FROM gc_cycle WHERE mark_start_ns < start_ns OR mark_end_ns < mark_start_ns OR end_ns < "
    "mark_end_ns "
    "OR stw_ns < 0 OR (assist_count IS NULL) <> (start_ns IS NULL)",
    "SELECT * FROM span WHERE end_ns < start_ns OR coalesce(start_ns, end_ns) IS NULL",
    "SELECT * FROM context WHERE (ended_ns IS NULL) <> (cause IS NULL) OR ended_ns < created_ns OR parent_id "
    "= id",
    "SELECT wait_id FROM wait_object GROUP BY wait_id HAVING sum(is_fired) > 1 OR count(is_fired) NOT IN (0, "
    "count(*))",
    "SELECT * FROM snapshot WHERE end_ns < start_ns",
    "SELECT * FROM labels WHERE NOT json_valid(json) OR text = ''",
    "SELECT * FROM span WHERE value_json IS NOT NULL AND NOT json_valid(value_json)",
    "SELECT * FROM anomaly WHERE kind NOT IN (SELECT name FROM anomaly_kind)",
    /* The sums are those of the waits. */
    "SELECT object_id, is_system, count(*), sum(is_open), coalesce(sum(wait_ns), 0), max(wait_ns), "
    "max(CASE WHEN wake_ns IS NOT NULL AND coalesce(is_fired, 1) = 1 THEN id END) "
    "FROM wait JOIN wait_object ON wait_id = id WHERE object_id IS NOT NULL GROUP BY 1, 2 "
    "EXCEPT SELECT object_id, is_system, sum(waits), sum(open_waits), sum(wait_ns), max(longest_ns), max(last_wake_id) "
    "FROM object_sum GROUP BY 1, 2",
    "SELECT goid, reason, is_system, count(*), sum(is_open), coalesce(sum(wait_ns), 0), coalesce(sum(runnable_ns), 0), max(wait_ns) "
    "FROM wait GROUP BY 1, 2, 3 EXCEPT SELECT goid, reason, is_system, sum(waits), sum(open_waits), sum(wait_ns), "
    "sum(runnable_ns), max(longest_ns) FROM goroutine_sum GROUP BY 1, 2, 3",
    "SELECT stack_id, reason, is_system, count(*), sum(is_open), sum(wake_ns IS NOT NULL), coalesce(sum(wait_ns), 0), max(wait_ns) "
    "FROM wait GROUP BY 1, 2, 3 EXCEPT SELECT stack_id, reason, is_system, sum(waits), sum(open_waits), sum(wakes), sum(wait_ns), "
    "max(longest_ns) FROM wait_sum GROUP BY 1, 2, 3",
    "SELECT waker_stack_id, reason, count(*), coalesce(sum(wait_ns), 0) FROM wait WHERE NOT is_open GROUP BY 1, 2 "
    "EXCEPT SELECT waker_stack_id, reason, sum(waits), sum(wait_ns) FROM wake_sum GROUP BY 1, 2",
    "SELECT object_id, count(DISTINCT goid) FROM wait JOIN wait_object ON wait_id = id WHERE object_id IS NOT NULL GROUP BY 1 "
    "EXCEPT SELECT object_id, goroutines FROM object_people WHERE NOT is_waker",
    "SELECT object_id, count(DISTINCT waker_goid) FROM wait JOIN wait_object ON wait_id = id "
    "WHERE object_id IS NOT NULL AND waker_goid IS NOT NULL GROUP BY 1 "
    "EXCEPT SELECT object_id, goroutines FROM object_people WHERE is_waker",
    "SELECT site_function_id, site_file_id, site_line, reason, is_system, count(DISTINCT goid) FROM wait "
    "LEFT JOIN stack ON stack.id = stack_id GROUP BY 1, 2, 3, 4, 5 "
    "EXCEPT SELECT * FROM site_people",
    "SELECT id FROM wait WHERE wait_ns > (SELECT min(wait_ns) FROM long_wait) EXCEPT SELECT id FROM long_wait",
};

struct maker {
    struct trace_writer *writer;
    struct buf file;
    uint64_t now;
    bool is_old; /* the input was made when there were 20 types of events */
    uint32_t stacks[4], objects[4], sets[3], locations[4], strings[6];
};

static int collect(void *context, const void *data, size_t size, struct error *err)
{
    buf_put(context, data, size);
    return buf_failed(context) ? error_set(err, ERR_NOMEM, "out of memory") : 0;
}

static void no_clock(void *context, struct chunk_clocks *out)
{
    (void)context;
    *out = (struct chunk_clocks){0};
}

static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    abort();
}

static void define(struct maker *self)
{
    static const char *const names[] = {"main.f",        "runtime.goexit",      "runtime.goroutineReady",
                                        "{\"a\":\"b\"}", "{\"a\":1,\"c\":[2]}", "{broken"};
    struct trace_writer *w = self->writer;
    for (uint32_t i = 0; i < 6; i++)
        self->strings[i] = trace_writer_string(w, names[i], strlen(names[i]));
    for (uint32_t i = 0; i < 3; i++) {
        struct def_frame frame = {.function = self->strings[i], .line = i};
        self->locations[i] = trace_writer_location(w, &(struct def_location){0x1000 + i, 1, &frame});
    }
    self->locations[3] = 77;
    self->stacks[1] = trace_writer_stack(w, &(struct def_stack){0, 2, self->locations});
    self->stacks[2] = trace_writer_stack(w, &(struct def_stack){STACK_CUT, 4, self->locations});
    self->stacks[3] = 99;
    for (uint32_t i = 1; i < 3; i++)
        self->objects[i] =
            trace_writer_object(w, &(struct def_object){.kind = i, .addr = 0xc000 * i, .generation = 1});
    self->objects[3] = 99;
    const struct def_case cases[] = {{self->objects[1], SELECT_SEND}, {0, SELECT_RECV}, {99, SELECT_RECV}};
    self->sets[1] = trace_writer_set(w, &(struct def_set){0, 3, cases});
    self->sets[2] = 99;
}

static int put_meta(struct maker *self, uint8_t how, struct error *err)
{
    static const char *const details[] = {"all", "sched", "block", "snapshot"};
    static const char *const facts[][2] = {{"record.start_ns", "900"},
                                           {"go.wait_reason.0", "IO wait"},
                                           {"go.wait_reason.1", "chan receive"},
                                           {"go.wait_reason.2", "select"},
                                           {"go.wait_reason.3", "GC assist wait"},
                                           {"go.wait_reason.4", "semacquire"},
                                           {"go.wait_reason.5", "coroutine"},
                                           {"go.stw_reason.1", "GC mark termination"},
                                           {"go.stw_reason.2", "GC sweep termination"},
                                           {"go.stw_reason.3", "read mem stats"},
                                           {"go.gomaxprocs", "4"},
                                           {"user_probe.1", "main.(*T).f(a=%ax:s8, b=+8(%bx):u64)"},
                                           {"user_probe.2", "main.g((((,=,)"}};
    struct trace_meta meta;
    trace_meta_init(&meta);
    int rc = trace_meta_set(&meta, "record.mode", how & 1 ? "attach" : "launch", err);
    if (rc == 0 && !self->is_old)
        rc = trace_meta_set(&meta, "record.detail", details[how >> 4 & 3], err);
    for (size_t i = 0; rc == 0 && i < sizeof facts / sizeof facts[0]; i++)
        rc = trace_meta_set(&meta, facts[i][0], facts[i][1], err);
    if (rc == 0)
        rc = trace_writer_meta(self->writer, &meta, err);
    trace_meta_release(&meta);
    return rc;
}

/* What is no event. */
static int do_other(struct maker *self, unsigned what, unsigned more, struct error *err)
{
    int rc = 0;
    switch (what) {
    case 1:
        return trace_writer_flush(self->writer, err);
    case 2:
        rc = trace_writer_begin_epoch(self->writer, err);
        if (rc == 0 && more & 1)
            define(self);
        return rc;
    case 3:
        self->now += (uint64_t)more * 1000;
        return 0;
    default:
        trace_writer_watermark(self->writer, self->now);
        return 0;
    }
}

/* The fields of the types from format 1.1 on. */
static void fill(const struct maker *self, struct event *event, unsigned goid, unsigned g, unsigned more)
{
    uint64_t *f = event->f;
    event->f[0] = goid;
    switch (event->type) {
    case EV_SNAPSHOT:
        f[SNAPSHOT_PHASE] = more & 1;
        f[SNAPSHOT_KIND] = more / 2 % 8;
        f[SNAPSHOT_GOROUTINES] = more & 128 ? UINT64_MAX : more;
        f[SNAPSHOT_UNSTABLE] = more / 16 % 4;
        break;
    case EV_GOROUTINE_ORIGIN:
        f[ORIGIN_G] = g;
        f[ORIGIN_CREATOR] = more % 8;
        f[ORIGIN_START] = self->locations[more % 4];
        f[ORIGIN_CREATED_AT] = self->locations[more / 4 % 4];
        f[ORIGIN_LABELS] = self->strings[more % 6];
        f[ORIGIN_WAIT_SINCE] = event->time_ns - more / 16 + 4;
        break;
    case EV_GOROUTINE:
        f[GOROUTINE_STATUS] = more % 12;
        f[GOROUTINE_REASON] = g;
        f[GOROUTINE_OBJECT] = self->objects[more / 4 % 4];
        f[GOROUTINE_STACK] = self->stacks[more / 16 % 4];
        f[GOROUTINE_THREAD] = 7 + more / 64;
        break;
    case EV_STW:
        f[STW_PHASE] = more & 1;
        f[STW_REASON] = more / 2 % 4;
        f[STW_BEGIN] = more & 8 ? event->time_ns - 10 : more & 16 ? UINT64_MAX : 0;
        f[STW_STOPPED] = more & 32 ? event->time_ns - more / 16 : 0;
        break;
    case EV_GC:
    case EV_ASSIST:
    case EV_GOMAXPROCS:
        f[1] = more;
        break;
    case EV_P_HANDOFF:
        f[P_HANDOFF_STACK] = self->stacks[more % 4];
        break;
    case EV_M_NEW:
        f[M_NEW_GOID] = more % 8;
        break;
    case EV_THREAD_OFF:
        f[THREAD_OFF_STATE] = more & 1;
        f[THREAD_OFF_NEXT_NAME] = self->strings[more % 3];
        f[THREAD_OFF_ACTIVITY] = more % 7;
        f[THREAD_OFF_STACK] = self->stacks[more / 8 % 4];
        f[THREAD_OFF_SYSCALL] = more & 128 ? UINT64_MAX : more / 32;
        break;
    case EV_CONTEXT:
        f[CONTEXT_ADDRESS] = g;
        f[CONTEXT_PARENT] = more % 8;
        f[CONTEXT_DEADLINE] = more & 64 ? UINT64_MAX : more / 8;
        f[CONTEXT_STACK] = self->stacks[more / 8 % 4];
        break;
    case EV_CONTEXT_END:
        f[CONTEXT_END_ADDRESS] = g;
        f[CONTEXT_END_DONE] = self->objects[more % 4];
        f[CONTEXT_END_CAUSE] = more / 4 % 8;
        f[CONTEXT_END_ERROR] = self->strings[more % 3];
        f[CONTEXT_END_STACK] = self->stacks[more / 8 % 4];
        break;
    case EV_LABELS:
        f[LABELS_LABELS] = more < 250 ? self->strings[more % 6] : 99;
        break;
    case EV_SPAN_BEGIN:
    case EV_SPAN_END:
        f[SPAN_BEGIN_PROBE] = more & 128 ? more * 100000000ull : more % 4;
        break;
    case EV_FIRED:
        f[FIRED_OBJECT] = self->objects[more % 4];
        break;
    default:
        break;
    }
}

/* Three bytes an event: what, who, how. */
static int put_event(struct maker *self, const uint8_t *in, struct error *err)
{
    unsigned types = self->is_old ? EV_NOTE + 1 : EVENT_TYPE_COUNT;
    unsigned type = in[0] % (types + 4), goid = in[1] % 8, g = in[1] / 8 % 8, more = in[2];
    struct event event = {.type = (uint16_t)type, .tid = 7 + in[1] / 64};
    self->now += in[0] / (types + 4);
    if (type == EV_NONE || type >= types)
        return do_other(self, type >= types ? type - types : 0, more, err);
    event.time_ns = self->now - (more == 255 && self->now > 1040 ? 40 : 0);
    bool is_told = type == EV_SNAPSHOT || type == EV_GOROUTINE_ORIGIN || type == EV_GOROUTINE ||
                   (type == EV_SELECT && more & 64);
    if (type > EV_NOTE)
        fill(self, &event, goid, g, more);
    switch (type) {
    case EV_CREATE:
        event.f[CREATE_CREATOR] = more % 8;
        event.f[CREATE_STATUS] = more & 64 ? GO_STATUS_WAITING : GO_STATUS_RUNNABLE;
        event.f[CREATE_START] = self->locations[more / 8 % 4];
        event.f[CREATE_STACK] = self->stacks[more / 8 % 4];
        break;
    case EV_EXEC:
        event.f[EXEC_INHERIT] = more & 1;
        event.f[EXEC_P] = more / 2 % 4;
        break;
    case EV_PARK:
        event.f[PARK_REASON] = more % 8;
        event.f[PARK_OBJECT] = self->objects[more / 8 % 4];
        event.f[PARK_STACK] = self->stacks[more / 32 % 4];
        break;
    case EV_SELECT:
        event.f[SELECT_SET] = self->sets[more % 3];
        break;
    case EV_READY:
        event.f[READY_WAKER] = more % 8;
        event.f[READY_STACK] = self->stacks[more / 8 % 4];
        break;
    case EV_NET:
        event.f[NET_MODE] = more & 1 ? NET_MODE_READ : more & 2 ? NET_MODE_WRITE : NET_MODE_BOTH;
        event.f[NET_READ_G] = more / 4 % 8;
        event.f[NET_WRITE_G] = g;
        break;
    case EV_SCHED:
        event.f[SCHED_STACK] = self->stacks[more % 4];
        break;
    case EV_CORO:
        event.f[CORO_TO_G] = g;
        event.f[CORO_EXITING] = more & 1;
        break;
    case EV_THREAD_OUT:
        event.f[THREAD_OUT_NEXT_NAME] = self->strings[more % 3];
        event.f[THREAD_OUT_IP] = self->locations[more % 4];
        break;
    case EV_THREAD_START:
        event.f[THREAD_START_TID] = 7 + more % 4;
        break;
    case EV_THREAD_NAME:
        event.f[THREAD_NAME_NAME] = self->strings[more % 3];
        break;
    case EV_LOST:
        event.f[LOST_COUNT] = more % 16;
        event.f[LOST_SINCE] = self->now - more / 16;
        break;
    case EV_NOTE:
        event.f[NOTE_CODE] = more % 16;
        break;
    default:
        break;
    }
    if (type <= EV_CORO && type != EV_NET)
        event.f[0] = goid;
    if (type == EV_CREATE || type == EV_EXEC || type == EV_PARK)
        event.f[1] = g;
    if (is_told)
        event.tid = 0;
    trace_writer_section(self->writer, is_told ? RING_RECORDER : (uint16_t)(in[1] / 64));
    trace_writer_event(self->writer, &event);
    return 0;
}

static int make_trace(struct maker *self, const uint8_t *data, size_t size, struct error *err)
{
    const struct trace_writer_options options = {.epoch_chunks = UINT32_MAX,
                                                 .zstd_level = 1,
                                                 .sink = collect,
                                                 .clock = no_clock,
                                                 .context = &self->file};
    self->now = 1000;
    self->writer = trace_writer_new(&options, err);
    if (!self->writer)
        return err->code;
    self->is_old = !(data[0] & 8);
    int rc = put_meta(self, data[0], err);
    define(self);
    for (size_t i = 1; rc == 0 && i + 3 <= size; i += 3)
        rc = put_event(self, data + i, err);
    if (rc == 0)
        rc = data[0] & 2 ? trace_writer_flush(self->writer, err) : trace_writer_end(self->writer, NULL, err);
    trace_writer_free(self->writer);
    /* One byte of the file may be wrong. */
    if (rc == 0 && data[0] & 4 && size > 3)
        self->file.data[(data[1] * 256u + data[2]) * 7 % self->file.size] ^= 0x10;
    return rc;
}

static void check(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        die("open", sqlite3_errmsg(db));
    for (size_t i = 0; i < sizeof impossible / sizeof impossible[0]; i++) {
        sqlite3_stmt *stmt = NULL;
        if (sqlite3_prepare_v2(db, impossible[i], -1, &stmt, NULL) != SQLITE_OK)
            die(impossible[i], sqlite3_errmsg(db));
        int rc = sqlite3_step(stmt);
        if (rc == SQLITE_ROW) {
            for (int c = 0; c < sqlite3_column_count(stmt); c++)
                fprintf(stderr, "%s=%s ", sqlite3_column_name(stmt, c),
                        (const char *)sqlite3_column_text(stmt, c));
            die(impossible[i], "found a row");
        }
        sqlite3_finalize(stmt);
    }
    sqlite3_close(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char trace_path[64], db_path[80];
    struct maker maker = {0};
    struct error err = {0};
    if (size < 4 || size > 3000)
        return 0;
    const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(trace_path, sizeof trace_path, "%s/gotape-fuzz-%ld", folder, (long)getpid());
    snprintf(db_path, sizeof db_path, "%s.db", trace_path);
    buf_init(&maker.file);
    if (make_trace(&maker, data, size, &err) < 0)
        die("make_trace", err.message);
    FILE *file = fopen(trace_path, "wb");
    if (!file || fwrite(maker.file.data, 1, maker.file.size, file) != maker.file.size || fclose(file) != 0)
        die("write", trace_path);
    int rc = loader_run(trace_path, db_path, NULL, NULL, &err);
    if (rc == 0)
        check(db_path);
    else if (!(data[0] & 4))
        die("loader_run", err.message);
    unlink(trace_path);
    unlink(db_path);
    buf_release(&maker.file);
    return 0;
}
