/*
 * Loads each NAME.txt of a folder (a trace as text, format/trace_text.h) and compares what the database tells
 * with NAME.expected. Usage: test_load_golden FOLDER [--update] [NAME…]
 *
 * Lines of the text that begin with "#!" do to the trace file what the text form cannot say:
 *   #! end NS        the recording ended at this time (record.end_ns)
 *   #! no-end        no END chunk
 *   #! corrupt N     a byte of the payload of chunk N is wrong
 *   #! drop N        chunk N is missing
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "format/chunk.h"
#include "format/trace_text.h"
#include "format/trace_writer.h"
#include "load/loader.h"
#include "store/store.h"

/* What is compared: sections of rows; empty ones are left out. */
static const struct {
    const char *title, *sql;
} sections[] = {
    {"recording", "SELECT start_ns AS start, end_ns AS end, is_attach AS attach, is_clean_end AS clean, "
                  "event_count AS events, "
                  "lost_count AS lost, damage_count AS damage FROM recording"},
    {"transitions", "SELECT time_ns AS time, event, goid, from_state AS \"from\", to_state AS \"to\", tid, "
                    "cpu, p, replace(reason, ' ', '_') AS reason, "
                    "object_id AS object, value, stack_id AS stack, other_goid AS other, flags FROM "
                    "transition_named ORDER BY time_ns, id"},
    {"waits", "SELECT id, goid, replace(reason, ' ', '_') AS reason, reason_class AS class, start_ns AS "
              "start, wake_ns AS wake, run_ns AS run, "
              "wait_ns AS wait, runnable_ns AS runnable, is_open AS open, is_system AS system, site, value, "
              "waker_kind AS waker, "
              "waker_goid AS by, waker_site AS at, doubt FROM wait_named ORDER BY id"},
    {"wait objects", "SELECT wait_id AS wait, ordinal, direction, kind, printf('0x%x', addr) AS addr, "
                     "generation AS gen, replace(type, ' ', '_') AS type, "
                     "capacity AS cap, is_timer AS timer, is_doubtful AS doubt FROM wait_object LEFT JOIN "
                     "object ON object.id = object_id "
                     "ORDER BY wait_id, ordinal"},
    {"intervals", "SELECT goid, state, start_ns AS start, end_ns AS end, tid, p, wait_id AS wait, flags FROM "
                  "interval_named "
                  "ORDER BY goid, interval_named.id"},
    {"goroutines", "SELECT goid, created_ns AS created, ended_ns AS ended, creator_goid AS creator, "
                   "create_stack_id AS stack, "
                   "function.name AS start, is_start_inferred AS inferred, is_system AS system, first_ns AS "
                   "first, last_ns AS last, "
                   "state.name AS state, running_ns AS running, runnable_ns AS runnable, waiting_ns AS "
                   "waiting, unknown_ns AS unknown, "
                   "wait_count AS waits FROM goroutine JOIN state ON state.id = goroutine.state "
                   "LEFT JOIN function ON function.id = start_function_id ORDER BY goid"},
    {"pauses", "SELECT id, start_ns AS start, end_ns AS end, reason FROM pause ORDER BY id"},
    {"budget", "SELECT id, time_ns AS time, step, class, share_ppm AS share, limit_ppm AS \"limit\" FROM budget_step ORDER BY id"},
    {"frames",
     "SELECT stack_id AS stack, depth, function, file, line, is_inlined AS inlined, is_internal AS internal, "
     "printf('0x%x', pc) AS pc FROM stack_frame ORDER BY 1, 2"},
    {"threads", "SELECT tid, name, creator_tid AS creator, start_ns AS start, exit_ns AS exit FROM thread "
                "WHERE name IS NOT NULL "
                "OR start_ns IS NOT NULL OR exit_ns IS NOT NULL ORDER BY tid"},
    {"switches",
     "SELECT time_ns AS time, tid, cpu, is_in, state, next_tid AS next, next_name, function.name AS function "
     "FROM thread_switch LEFT JOIN function ON function.id = function_id ORDER BY time_ns, thread_switch.id"},
    {"thread intervals", "SELECT tid, is_on_cpu AS on_cpu, start_ns AS start, end_ns AS end, cpu, state, "
                         "next_tid AS next, next_name, goid "
                         "FROM thread_interval ORDER BY tid, start_ns"},
    {"more of waits",
     "SELECT id, goid, is_start_seen AS start_seen, replace(labels, ' ', '_') AS labels FROM wait_named "
     "WHERE NOT is_start_seen OR labels IS NOT NULL ORDER BY id"},
    {"fired",
     "SELECT wait_id AS wait, ordinal, is_fired FROM wait_object WHERE is_fired IS NOT NULL ORDER BY "
     "wait_id, ordinal"},
    {"more of goroutines",
     "SELECT goid, syscall_ns AS syscall, replace(labels.text, ' ', '_') AS labels, wait_since_ns AS "
     "wait_since "
     "FROM goroutine LEFT JOIN labels ON labels.id = labels_id "
     "WHERE syscall_ns OR labels IS NOT NULL OR wait_since_ns IS NOT NULL ORDER BY goid"},
    {"labels",
     "SELECT id, replace(json, ' ', '_') AS json, replace(text, ' ', '_') AS text FROM labels ORDER BY id"},
    {"snapshots", "SELECT id, kind, start_ns AS start, end_ns AS end, goroutine_count AS goroutines, "
                  "unstable_count AS unstable FROM snapshot ORDER BY id"},
    {"snapshot goroutines", "SELECT snapshot_id AS id, goid, time_ns AS time, state, is_in_syscall AS "
                            "syscall, tid, replace(reason, ' ', "
                            "'_') AS reason, object_id AS object, value, site, wait_since_ns AS wait_since, "
                            "replace(labels, ' ', '_') AS "
                            "labels FROM snapshot_goroutine_named ORDER BY 1, 2"},
    {"activities", "SELECT tid, start_ns AS start, state, goid, activity, site, stack_id AS stack FROM "
                   "thread_interval_named WHERE activity IS NOT NULL ORDER BY tid, start_ns"},
    {"system calls",
     "SELECT id, goid, tid, name, start_ns AS start, end_ns AS end, sleep_count AS sleeps, lost_p, "
     "site, replace(labels, ' ', '_') AS labels FROM syscall_named ORDER BY id"},
    {"stw",
     "SELECT id, replace(reason, ' ', '_') AS reason, goid, start_ns AS start, stopped_ns AS stopped, end_ns "
     "AS end FROM stw ORDER BY id"},
    {"gc cycles",
     "SELECT id, start_ns AS start, mark_start_ns AS mark, mark_end_ns AS mark_end, end_ns AS end, "
     "stw_ns AS stw, assist_count AS assists, assist_wait_ns AS assist_wait FROM gc_cycle ORDER BY id"},
    {"gomaxprocs", "SELECT time_ns AS time, count, before FROM gomaxprocs ORDER BY time_ns"},
    {"runtime events",
     "SELECT time_ns AS time, name AS event, goid, tid, value, stack_id AS stack FROM runtime_event "
     "JOIN event_type ON event_type.id = event ORDER BY runtime_event.id"},
    {"contexts",
     "SELECT id, printf('0x%x', addr) AS addr, parent_id AS parent, created_ns AS created, goid, site, "
     "deadline_ns AS deadline, done_object_id AS done, ended_ns AS ended, ended_by_goid AS by, end_site AS "
     "at, cause, error FROM context_named ORDER BY id"},
    {"span probes",
     "SELECT id, replace(spec, ' ', '_') AS spec, function, value_names AS \"values\" FROM span_probe "
     "ORDER BY id"},
    {"spans",
     "SELECT id, goid, function, start_ns AS start, end_ns AS end, depth, value_json AS \"values\" FROM "
     "span_named ORDER BY id"},
    {"lost", "SELECT cpu, since_ns AS since, until_ns AS until, count FROM lost ORDER BY id"},
    {"damage", "SELECT kind, after_ns AS after FROM damage ORDER BY id"},
    {"anomalies",
     "SELECT kind, time_ns AS time, goid, tid, count, replace(detail, ' ', '_') AS detail FROM anomaly "
     "ORDER BY anomaly.id"},
};

struct orders {
    uint64_t end_ns;
    bool no_end;
    uint64_t corrupt[8], drop[8];
    unsigned corrupt_count, drop_count;
};

static int read_text(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return -1;
    char piece[4096];
    size_t got;
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        buf_put(out, piece, got);
    buf_put_u8(out, 0);
    out->size--;
    fclose(file);
    return 0;
}

static int write_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return -1;
    int rc = fwrite(data, 1, size, file) == size ? 0 : -1;
    return fclose(file) == 0 ? rc : -1;
}

static void read_orders(const char *text, struct orders *out)
{
    for (const char *line = text; line; line = strchr(line, '\n'), line += line != NULL) {
        uint64_t number;
        if (sscanf(line, "#! end %" SCNu64, &number) == 1)
            out->end_ns = number;
        else if (sscanf(line, "#! corrupt %" SCNu64, &number) == 1 && out->corrupt_count < 8)
            out->corrupt[out->corrupt_count++] = number;
        else if (sscanf(line, "#! drop %" SCNu64, &number) == 1 && out->drop_count < 8)
            out->drop[out->drop_count++] = number;
        else if (strncmp(line, "#! no-end", 9) == 0)
            out->no_end = true;
    }
}

static bool contains(const uint64_t *list, unsigned count, uint64_t number)
{
    for (unsigned i = 0; i < count; i++) {
        if (list[i] == number)
            return true;
    }
    return false;
}

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

static int make_trace(const struct buf *text, const struct orders *orders, struct buf *out, struct error *err)
{
    const struct trace_writer_options options = {.epoch_chunks = UINT32_MAX,
                                                 .trace_id = "gotape from text",
                                                 .sink = collect,
                                                 .clock = no_clock,
                                                 .context = out};
    struct trace_writer *writer = trace_writer_new(&options, err);
    struct trace_meta totals;
    if (!writer)
        return err->code;
    trace_meta_init(&totals);
    int rc = trace_text_parse((const char *)text->data, text->size, writer, err);
    if (rc == 0 && orders->end_ns)
        rc = trace_meta_setf(&totals, err, "record.end_ns", "%" PRIu64, orders->end_ns);
    if (rc == 0)
        rc = orders->no_end ? trace_writer_flush(writer, err) : trace_writer_end(writer, &totals, err);
    trace_meta_release(&totals);
    trace_writer_free(writer);
    return rc;
}

/* Does to the chunks what the orders say. */
static void spoil(struct buf *trace, const struct orders *orders, struct buf *out)
{
    size_t offset = 0;
    struct chunk_header header;
    while (offset + CHUNK_HEADER_SIZE <= trace->size && chunk_header_decode(trace->data + offset, &header)) {
        size_t size = CHUNK_HEADER_SIZE + (size_t)header.stored_size;
        if (contains(orders->corrupt, orders->corrupt_count, header.sequence))
            trace->data[offset + size - 6] ^= 0x40;
        if (!contains(orders->drop, orders->drop_count, header.sequence))
            buf_put(out, trace->data + offset, size);
        offset += size;
    }
}

static int put_section(struct buf *out, struct store *store, const char *title, const char *sql,
                       struct error *err)
{
    struct store_statement *s = NULL;
    int rc = store_prepare(store, sql, NULL, &s, err);
    bool is_first = true;
    while (rc >= 0 && (rc = store_step(s, err)) == 1) {
        int columns = store_column_count(s);
        if (is_first) {
            buf_printf(out, "[%s]", title);
            for (int i = 0; i < columns; i++)
                buf_printf(out, " %s", store_column_name(s, i));
            buf_printf(out, "\n");
        }
        is_first = false;
        for (int i = 0; i < columns; i++)
            buf_printf(out, "%s%s", i ? " " : "",
                       store_column_type(s, i) == STORE_NULL ? "-" : store_column_text(s, i));
        buf_printf(out, "\n");
    }
    if (!is_first)
        buf_printf(out, "\n");
    store_finalize(s);
    return rc;
}

static int describe(const char *db_path, struct buf *out, struct error *err)
{
    struct store *store = NULL;
    int rc = store_open(db_path, &store, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; rc >= 0 && i < sizeof sections / sizeof sections[0]; i++)
        rc = put_section(out, store, sections[i].title, sections[i].sql, err);
    store_close(store);
    return rc;
}

static int load_text(const char *text_path, const char *folder, struct buf *out, struct error *err)
{
    char trace_path[256], db_path[256];
    struct buf text, whole, trace;
    struct orders orders = {0};
    buf_init(&text);
    buf_init(&whole);
    buf_init(&trace);
    snprintf(trace_path, sizeof trace_path, "%s/t.gotape", folder);
    snprintf(db_path, sizeof db_path, "%s/t.db", folder);
    int rc = read_text(text_path, &text) < 0 ? error_sys(err, "cannot read %s", text_path) : 0;
    if (rc == 0) {
        read_orders((const char *)text.data, &orders);
        rc = make_trace(&text, &orders, &whole, err);
    }
    if (rc == 0) {
        spoil(&whole, &orders, &trace);
        if (write_file(trace_path, trace.data, trace.size) < 0)
            rc = error_sys(err, "cannot write %s", trace_path);
    }
    if (rc == 0)
        rc = loader_run(trace_path, db_path, NULL, NULL, err);
    if (rc == 0)
        rc = describe(db_path, out, err);
    unlink(trace_path);
    unlink(db_path);
    buf_release(&text);
    buf_release(&whole);
    buf_release(&trace);
    return rc;
}

/* Prints the first line in which the two differ. */
static void print_difference(const char *name, const char *expected, const char *actual)
{
    unsigned line = 1;
    while (*expected && *actual) {
        size_t a = strcspn(expected, "\n"), b = strcspn(actual, "\n");
        if (a != b || memcmp(expected, actual, a) != 0)
            break;
        expected += a + (expected[a] == '\n');
        actual += b + (actual[b] == '\n');
        line++;
    }
    printf("%s.expected:%u:\n  expected: %.*s\n  found:    %.*s\n", name, line, (int)strcspn(expected, "\n"),
           expected, (int)strcspn(actual, "\n"), actual);
}

static bool check(const char *folder, const char *name, const char *scratch, bool update)
{
    char text_path[512], expected_path[512];
    struct buf actual, expected;
    struct error err = {0};
    buf_init(&actual);
    buf_init(&expected);
    snprintf(text_path, sizeof text_path, "%s/%s.txt", folder, name);
    snprintf(expected_path, sizeof expected_path, "%s/%s.expected", folder, name);
    bool good = load_text(text_path, scratch, &actual, &err) >= 0 && !buf_failed(&actual);
    if (!good) {
        printf("%s: %s\n", name, err.message);
    } else if (update) {
        good = write_file(expected_path, actual.data, actual.size) == 0;
    } else if (read_text(expected_path, &expected) < 0) {
        good = false;
        printf("%s: no %s; make it with --update\n", name, expected_path);
    } else if (expected.size != actual.size || memcmp(expected.data, actual.data, actual.size) != 0) {
        good = false;
        buf_put_u8(&actual, 0);
        print_difference(name, (const char *)expected.data, (const char *)actual.data);
    }
    printf("%-6s %s\n", good ? "ok" : "FAILED", name);
    buf_release(&actual);
    buf_release(&expected);
    return good;
}

static int is_text(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".txt") == 0;
}

int main(int argc, char **argv)
{
    char scratch[] = "/tmp/gotape-golden-XXXXXX";
    bool update = argc > 2 && strcmp(argv[2], "--update") == 0;
    int first = update ? 3 : 2, failed = 0, count = 0;
    if (argc < 2 || !mkdtemp(scratch)) {
        fprintf(stderr, "usage: test_load_golden FOLDER [--update] [NAME...]\n");
        return 2;
    }
    for (int i = first; i < argc; i++, count++)
        failed += !check(argv[1], argv[i], scratch, update);
    struct dirent **entries = NULL;
    int n = first < argc ? 0 : scandir(argv[1], &entries, is_text, alphasort);
    for (int i = 0; i < n; i++, count++) {
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)strlen(entries[i]->d_name) - 4, entries[i]->d_name);
        failed += !check(argv[1], name, scratch, update);
        free(entries[i]);
    }
    free(entries);
    rmdir(scratch);
    printf("%d of %d traces as expected\n", count - failed, count);
    return failed || count == 0;
}
