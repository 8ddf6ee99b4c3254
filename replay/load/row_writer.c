#include "load/row_writer.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

struct row_spec {
    const char *table;
    const char *columns;  /* separated by ", " */
    unsigned text;        /* mask of text columns */
    const char *conflict; /* what is behind the values; NULL: nothing */
    bool is_bulk;         /* many rows, whose texts live as long as the writer */
};

#define COLUMN(n) (1u << (n))

static const struct row_spec specs[ROW_KIND_COUNT] = {
    [ROW_META] = {"meta", "key, value", COLUMN(0) | COLUMN(1), "ON CONFLICT DO NOTHING"},
    [ROW_RECORDING] =
        {"recording",
         "start_ns, end_ns, start_realtime_ns, is_attach, is_clean_end, event_count, lost_count, "
         "damage_count, loader",
         COLUMN(8), NULL},
    [ROW_CHUNK] = {"chunk",
                   "sequence, offset, kind, epoch, event_count, lost_count, stored_bytes, raw_bytes, "
                   "first_ns, last_ns, "
                   "watermark_ns, monotonic_ns, realtime_ns, boottime_ns",
                   0, "ON CONFLICT DO NOTHING"},
    [ROW_DAMAGE] = {"damage", "kind, offset, size, after_ns, message", COLUMN(0) | COLUMN(4), NULL},
    [ROW_FUNCTION] = {"function", "id, name, package, is_internal", COLUMN(1) | COLUMN(2), NULL},
    [ROW_FILE] = {"file", "id, path", COLUMN(1), NULL},
    [ROW_STACK] = {"stack", "id, depth, is_cut, site_function_id, site_file_id, site_line", 0, NULL},
    [ROW_FRAME] = {"frame", "stack_id, depth, function_id, file_id, line, is_inlined, pc", 0, NULL},
    [ROW_REASON] = {"reason", "number, name, class", COLUMN(1) | COLUMN(2), "ON CONFLICT DO NOTHING"},
    [ROW_OBJECT] = {"object", "id, kind, addr, generation, type, capacity, is_timer, is_doubtful",
                    COLUMN(1) | COLUMN(4),
                    "ON CONFLICT (id) DO UPDATE SET type = coalesce(excluded.type, type), "
                    "capacity = coalesce(excluded.capacity, capacity), is_timer = excluded.is_timer, "
                    "is_doubtful = excluded.is_doubtful"},
    [ROW_THREAD] =
        {"thread", "tid, name, creator_tid, start_ns, exit_ns", COLUMN(1),
         "ON CONFLICT (tid) DO UPDATE SET name = coalesce(excluded.name, name), exit_ns = excluded.exit_ns"},
    [ROW_EVENT_TYPE] = {"event_type", "id, name", COLUMN(1), NULL},
    [ROW_STATE] = {"state", "id, name", COLUMN(1), NULL},
    [ROW_NAME] = {"name", "id, text", COLUMN(1), NULL},
    [ROW_OBJECT_SET] = {"object_set", "set_id, ordinal, object_id, direction", 0, NULL, true},
    [ROW_PACKED_WAIT] = {"packed_wait",
                         "id, goid, start_ns, wait_ns, reason, facts, object, stack_id, waker_goid, waker_stack_id, run_after_ns, "
                         "place, wake_place, run_place, run_bound_ns, before_ns, labels_id, value, flags",
                         0, NULL, true},
    [ROW_PACKED_TURN] = {"packed_turn",
                         "id, goid, start_ns, event, run_after_ns, stack_id, other_goid, place, run_place, "
                         "run_bound_ns, before_ns, flags",
                         0, NULL, true},
    [ROW_PLAIN_TRANSITION] = {"plain_transition",
                              "id, time_ns, event, goid, from_state, to_state, tid, cpu, p, reason, object_id, value, stack_id, "
                              "other_goid, flags, bound_ns",
                              0, NULL, true},
    [ROW_PLAIN_INTERVAL] = {"plain_interval", "id, goid, state, start_ns, end_ns, tid, p, wait_id, flags", 0, NULL, true},
    [ROW_WAIT_SUM] = {"wait_sum",
                      "object, stack_id, reason, is_system, waits, open_waits, wakes, wait_ns, runnable_ns, longest_ns, "
                      "longest_id, longest_wake_ns",
                      0, NULL, true},
    [ROW_GOROUTINE_SUM] = {"goroutine_sum",
                           "goid, reason, is_system, waits, open_waits, wait_ns, runnable_ns, longest_ns, longest_id", 0, NULL,
                           true},
    [ROW_OBJECT_SUM] = {"object_sum", "object_id, is_system, waits, open_waits, wait_ns, longest_ns, last_wake_id", 0,
                        "ON CONFLICT (object_id, is_system) DO UPDATE SET waits = waits + excluded.waits, "
                        "open_waits = open_waits + excluded.open_waits, wait_ns = wait_ns + excluded.wait_ns, "
                        "longest_ns = coalesce(max(longest_ns, excluded.longest_ns), longest_ns, excluded.longest_ns), "
                        "last_wake_id = coalesce(max(last_wake_id, excluded.last_wake_id), last_wake_id, excluded.last_wake_id)",
                        true},
    [ROW_WAKE_SUM] = {"wake_sum", "object, reason, is_system, waker_stack_id, waits, wait_ns, longest_ns", 0, NULL,
                      true},
    [ROW_OBJECT_PEOPLE] = {"object_people", "object_id, is_waker, goroutines", 0, NULL, true},
    [ROW_SITE_PEOPLE] = {"site_people", "function_id, file_id, line, reason, is_system, goroutines", 0, NULL, true},
    [ROW_LOCK_SUM] = {"lock_sum", "object_id, waker_goid, waker_stack_id, goid, is_open, waits, wait_ns, longest_ns", 0, NULL, true},
    [ROW_LOCK_HOLDER] = {"lock_holder", "object_id, place, waker_goid, function_id, file_id, line, waits, wait_ns, places", 0, NULL, true},
    [ROW_HOLDER_SUM] = {"holder_sum", "waker_goid, function_id, file_id, line, waits, wait_ns, longest_ns", 0, NULL, true},
    [ROW_GC_WAIT] = {"gc_wait", "id", 0, NULL, true},
    [ROW_WAIT_BLOCK] = {"wait_block", "id, first_ns, last_ns", 0, NULL, true},
    [ROW_LONG_WAIT] = {"long_wait", "wait_ns, id, start_ns", 0, NULL, true},
    [ROW_LONG_LIMIT] = {"long_limit", "wait_ns", 0, NULL},
    [ROW_SYSCALL_SUM] = {"syscall_sum", "name, stack_id, calls, open_calls, ns, longest_ns, longest_goid, lost_p", COLUMN(0), NULL,
                         true},
    [ROW_SYSCALL_PEOPLE] = {"syscall_people", "name, is_site, function_id, file_id, line, goroutines", COLUMN(0), NULL, true},
    [ROW_THREAD_SUM] = {"thread_sum", "tid, kind, next_tid, next_name_id, stretches, ns", 0, NULL, true},
    [ROW_PACKED_SWITCH] = {"packed_switch",
                           "id, tid, out_ns, off_ns, facts, state, cpu, in_cpu, on_ns, on_cpu, goid, next_tid, next_name_id, "
                           "function_id, stack_id, syscall",
                           0, NULL, true},
    [ROW_PLAIN_SWITCH] = {"plain_switch",
                          "id, time_ns, tid, cpu, is_in, state, next_tid, next_name_id, function_id, activity, stack_id, syscall",
                          0, NULL, true},
    [ROW_PLAIN_THREAD_INTERVAL] = {"plain_thread_interval",
                                   "id, tid, is_on_cpu, start_ns, end_ns, cpu, state, next_tid, next_name_id, goid, activity, "
                                   "stack_id",
                                   0, NULL, true},
    [ROW_LOST] = {"lost", "cpu, since_ns, until_ns, count", 0, NULL},
    [ROW_ANOMALY] = {"anomaly", "kind, time_ns, goid, tid, count, detail", COLUMN(0) | COLUMN(5), NULL},
    [ROW_ANOMALY_KIND] = {"anomaly_kind", "name, severity, meaning, hint",
                          COLUMN(0) | COLUMN(1) | COLUMN(2) | COLUMN(3), NULL},
    /* A goroutine that is met again after its row was written: what its life's ends tell stays with the first row. */
    [ROW_PACKED_GOROUTINE] =
        {"packed_goroutine",
         "goid, first_ns, life_ns, created_after_ns, ended_before_ns, facts, creator_goid, create_stack_id, start_function_id, "
         "running_ns, runnable_ns, waiting_ns, unknown_ns, wait_count, syscall_ns, labels_id, wait_since_ns, created_place, "
         "first_place, first_bound_ns, later_runnable_ns, end_place, earlier_running_ns, told_end_ns",
         0,
         "ON CONFLICT (goid) DO UPDATE SET told_end_ns = CASE WHEN facts & 128 THEN coalesce(told_end_ns, first_ns + life_ns - "
         "ended_before_ns) END, life_ns = excluded.first_ns + excluded.life_ns - first_ns, "
         "ended_before_ns = excluded.ended_before_ns, facts = (facts & ~28) | (excluded.facts & 28), "
         "running_ns = running_ns + excluded.running_ns, earlier_running_ns = earlier_running_ns + excluded.running_ns, "
         "runnable_ns = runnable_ns + excluded.runnable_ns, later_runnable_ns = later_runnable_ns + excluded.runnable_ns, "
         "waiting_ns = waiting_ns + excluded.waiting_ns, unknown_ns = unknown_ns + excluded.unknown_ns, "
         "wait_count = wait_count + excluded.wait_count, syscall_ns = syscall_ns + excluded.syscall_ns, "
         "labels_id = coalesce(excluded.labels_id, labels_id), wait_since_ns = excluded.wait_since_ns",
         true},
    [ROW_PLACE] = {"place", "id, tid, cpu, p", 0, NULL, true},
    [ROW_LABELS] = {"labels", "id, json, text", COLUMN(1) | COLUMN(2), NULL},
    [ROW_SNAPSHOT] = {"snapshot", "id, kind, start_ns, end_ns, goroutine_count, unstable_count", COLUMN(1),
                      "ON CONFLICT (id) DO UPDATE SET end_ns = excluded.end_ns, "
                      "goroutine_count = excluded.goroutine_count, unstable_count = excluded.unstable_count"},
    [ROW_SNAPSHOT_GOROUTINE] = {"snapshot_goroutine",
                                "snapshot_id, goid, time_ns, state, is_in_syscall, tid, reason, object_id, "
                                "value, stack_id, wait_since_ns, labels_id",
                                0, "ON CONFLICT DO NOTHING", true},
    [ROW_SYSCALL] = {"syscall", "goid, tid, name, start_ns, end_ns, sleep_count, lost_p, stack_id, labels_id",
                     COLUMN(2), NULL, true},
    [ROW_STW] = {"stw", "reason, goid, start_ns, stopped_ns, end_ns", COLUMN(0), NULL},
    [ROW_GC_CYCLE] =
        {"gc_cycle", "id, start_ns, mark_start_ns, mark_end_ns, end_ns, stw_ns, assist_count, assist_wait_ns",
         0, NULL},
    [ROW_GOMAXPROCS] = {"gomaxprocs", "time_ns, count, before", 0, NULL},
    [ROW_PAUSE] = {"pause", "start_ns, end_ns, reason", COLUMN(2), NULL},
    [ROW_BUDGET_STEP] = {"budget_step", "time_ns, step, class, share_ppm, limit_ppm", COLUMN(1) | COLUMN(2), NULL},
    [ROW_RUNTIME_EVENT] = {"runtime_event", "time_ns, event, goid, tid, value, stack_id", 0, NULL, true},
    [ROW_CONTEXT] =
        {"context",
         "id, addr, parent_id, created_ns, goid, stack_id, deadline_ns, done_object_id, ended_ns, "
         "ended_by_goid, end_stack_id, cause, error",
         COLUMN(11) | COLUMN(12), NULL, true},
    [ROW_SPAN_PROBE] = {"span_probe", "id, spec, function, value_names", COLUMN(1) | COLUMN(2) | COLUMN(3),
                        "ON CONFLICT DO NOTHING"},
    [ROW_SPAN] = {"span", "goid, probe_id, start_ns, end_ns, depth, value_json", COLUMN(5), NULL},
};

struct table {
    struct store_statement *insert; /* one row at a time */
    struct store_bulk *bulk;        /* or many */
    const char *texts[32];          /* bulk: text columns of the next row */
    int columns;
    uint64_t count;
};

struct row_writer {
    struct table tables[ROW_KIND_COUNT];
    struct error failure; /* code 0: none */
};

static int prepare(struct store *store, const struct row_spec *spec, struct table *out, struct error *err)
{
    struct buf sql;
    buf_init(&sql);
    out->columns = 1;
    for (const char *comma = spec->columns; (comma = strchr(comma, ',')); comma++)
        out->columns++;
    if (spec->is_bulk)
        return store_bulk_new(store, spec->table, spec->columns, spec->text, spec->conflict, &out->bulk, err);
    buf_printf(&sql, "INSERT INTO %s (%s) VALUES (?1", spec->table, spec->columns);
    for (int i = 2; i <= out->columns; i++)
        buf_printf(&sql, ", ?%d", i);
    buf_printf(&sql, ") %s", spec->conflict ? spec->conflict : "");
    int rc = buf_failed(&sql) ? error_set(err, ERR_NOMEM, "out of memory")
                              : store_prepare(store, (const char *)sql.data, NULL, &out->insert, err);
    buf_release(&sql);
    return rc;
}

struct row_writer *row_writer_new(struct store *store, struct error *err)
{
    struct row_writer *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    for (int kind = 0; kind < ROW_KIND_COUNT; kind++) {
        if (prepare(store, &specs[kind], &self->tables[kind], err) < 0) {
            row_writer_free(self);
            return NULL;
        }
    }
    return self;
}

void row_writer_free(struct row_writer *self)
{
    if (!self)
        return;
    for (int kind = 0; kind < ROW_KIND_COUNT; kind++) {
        store_finalize(self->tables[kind].insert);
        store_bulk_free(self->tables[kind].bulk);
    }
    free(self);
}

void row_writer_text(struct row_writer *self, enum row_kind kind, int column, const char *text)
{
    struct table *table = &self->tables[kind];
    if (table->bulk)
        table->texts[column] = text;
    else
        store_bind_static(table->insert, column + 1, text);
}

static void put_bulk(struct row_writer *self, struct table *table, const int64_t *values, unsigned text)
{
    int64_t *row = store_bulk_row(table->bulk, &self->failure);
    if (!row)
        return;
    memcpy(row, values, (size_t)table->columns * sizeof *row);
    for (int i = 0; text; i++, text >>= 1) {
        if (text & 1)
            row[i] = (int64_t)(uintptr_t)table->texts[i];
    }
    table->count++;
}

static void put_one(struct row_writer *self, struct table *table, const int64_t *values, unsigned text)
{
    for (int i = 0; i < table->columns; i++) {
        if (text & COLUMN(i))
            continue;
        if (values[i] == ROW_NULL)
            store_bind_null(table->insert, i + 1);
        else
            store_bind_int(table->insert, i + 1, values[i]);
    }
    if (store_run(table->insert, &self->failure) == 0)
        table->count++;
}

void row_writer_put(struct row_writer *self, enum row_kind kind, const int64_t *values)
{
    struct table *table = &self->tables[kind];
    if (self->failure.code < 0)
        return;
    if (table->bulk)
        put_bulk(self, table, values, specs[kind].text);
    else
        put_one(self, table, values, specs[kind].text);
}

int row_writer_flush(struct row_writer *self, struct error *err)
{
    for (int kind = 0; kind < ROW_KIND_COUNT && self->failure.code == 0; kind++) {
        if (self->tables[kind].bulk)
            store_bulk_flush(self->tables[kind].bulk, &self->failure);
    }
    return row_writer_check(self, err);
}

uint64_t row_writer_count(const struct row_writer *self, enum row_kind kind)
{
    return self->tables[kind].count;
}

int row_writer_check(const struct row_writer *self, struct error *err)
{
    if (self->failure.code < 0 && err)
        *err = self->failure;
    return self->failure.code;
}
