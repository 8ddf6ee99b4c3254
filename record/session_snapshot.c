/*
 * When a session takes snapshots: as it begins to record a running program, from time to time, and as it ends.
 */
#include "session_impl.h"

#include "proc_info.h"

#define SLICE_NS                                                                                             \
    5000000ull /* between two rounds of the rings: they hold far more than what comes meanwhile */

int session_prepare_snapshots(struct session *self, const char *const *reasons, size_t count,
                              struct error *err)
{
    struct snapshot_options options = {
        .pid = self->target->pid,
        .binary = self->binary,
        .process = self->process,
        .writer = self->writer,
        .code = self->code,
        .objects = self->objects,
        .reasons = reasons,
        .reason_count = count,
    };
    struct error why = {0};
    int rc = snapshot_new(&options, &self->snapshot, &why);
    if (rc == ERR_UNSUPPORTED && !session_is_snapshot_only(self)) {
        session_say(self, self->hooks->warn, "%s", why.message);
        return 0;
    }
    if (rc != 0 && err)
        *err = why;
    return rc;
}

static bool is_another_program(const struct session *self)
{
    return go_memory_is_gone(go_process_memory(self->process)) && proc_has_memory(self->target->pid);
}

/* A target that has ended, or has become another program, has no goroutines to show. */
static int begin(struct session *self, enum snapshot_kind kind, struct error *err)
{
    struct error why = {0};
    if (is_another_program(self)) {
        self->saw_exec = true;
        return 0;
    }
    self->ring_now = UINT32_MAX;
    int rc = snapshot_begin(self->snapshot, kind, &why);
    if (rc == ERR_DAMAGED) {
        session_say(self, self->hooks->warn, "no snapshot: %s", why.message);
        return 0;
    }
    if (rc != 0 && rc != ERR_GONE) {
        *err = why;
        return rc;
    }
    return 0;
}

static int slice(struct session *self, struct error *err)
{
    self->ring_now = UINT32_MAX;
    if (!snapshot_is_running(self->snapshot))
        return 0;
    uint64_t begun = session_budget_edge_begins(self);
    int rc = snapshot_slice(self->snapshot, SLICE_NS, err);
    session_budget_edge_ends(self, begun);
    return rc < 0 ? rc : 0;
}

int session_first_snapshot(struct session *self, struct error *err)
{
    uint64_t interval_ns = self->options->snapshot_interval_ns;
    self->next_snapshot_ns =
        self->snapshot && interval_ns ? self->start.monotonic_ns + interval_ns : UINT64_MAX;
    if (!self->snapshot || (self->target->how == TARGET_LAUNCHED && self->part_number == 1))
        return 0;
    return begin(self, SNAPSHOT_AT_START, err);
}

int session_go_on_with_snapshot(struct session *self, struct error *err)
{
    /* What is seen in a pause says nothing about what comes after it. */
    if (!self->snapshot || self->budget.is_paused)
        return 0;
    uint64_t now = session_now_ns();
    if (now >= self->next_snapshot_ns && !snapshot_is_running(self->snapshot)) {
        int rc = begin(self, SNAPSHOT_PERIODIC, err);
        if (rc != 0)
            return rc;
        self->next_snapshot_ns += self->options->snapshot_interval_ns;
        if (self->next_snapshot_ns <= now)
            self->next_snapshot_ns = now + self->options->snapshot_interval_ns;
        if (!self->options->snapshot_interval_ns)
            self->next_snapshot_ns = UINT64_MAX;
    }
    return slice(self, err);
}

bool session_is_taking_snapshot(const struct session *self)
{
    return self->snapshot && snapshot_is_running(self->snapshot);
}

static int run_to_its_end(struct session *self, struct error *err)
{
    int rc = 0;
    while (rc == 0 && snapshot_is_running(self->snapshot)) {
        rc = slice(self, err);
        if (rc == 0)
            rc = session_drain(self, err);
    }
    return rc;
}

int session_edge_snapshot(struct session *self, struct error *err)
{
    int rc = session_begin_edge_snapshot(self, err);
    return rc == 0 && self->snapshot ? run_to_its_end(self, err) : rc;
}

int session_begin_edge_snapshot(struct session *self, struct error *err)
{
    if (!self->snapshot || self->saw_exec || target_has_exited(self->target))
        return 0;
    int rc = run_to_its_end(self, err);
    return rc == 0 ? begin(self, SNAPSHOT_PERIODIC, err) : rc;
}

int session_last_snapshot(struct session *self, struct error *err)
{
    if (!self->snapshot || self->saw_exec || target_has_exited(self->target))
        return 0;
    int rc = run_to_its_end(self, err);
    if (rc == 0)
        rc = begin(self, SNAPSHOT_AT_END, err);
    return rc == 0 ? run_to_its_end(self, err) : rc;
}
