#include "load/pause.h"

#include <stdlib.h>

void pause_begin(struct goroutine_tracker *self, const struct event *event)
{
    size_t count;
    uint64_t *list = goroutine_step_list(self, &count);
    for (size_t i = 0; i < count; i++) {
        struct goroutine *goroutine = goroutine_table_find(&self->table, list[i]);
        if (!goroutine || goroutine->state == GOROUTINE_DEAD || goroutine->state == GOROUTINE_UNKNOWN)
            continue;
        goroutine_step_lose(self, goroutine, event);
        goroutine->woken_by_net = false;
        goroutine->fired = 0;
    }
    free(list);
    syscall_log_forget(&self->calls);
    net_pending_release(&self->net_by_g);
    net_pending_init(&self->net_by_g);
    net_pending_release(&self->net_by_descriptor);
    net_pending_init(&self->net_by_descriptor);
    run_starts_release(&self->starts);
    run_starts_init(&self->starts);
}

static void leave_out(struct goroutine_tracker *self, uint64_t class)
{
    if (class == BUDGET_CLASS_RUNS && self->may_infer_runs)
        self->infers_runs = true;
    else if (class == BUDGET_CLASS_RUNS)
        self->detail = DETAIL_BLOCK;
    else if (class == BUDGET_CLASS_EXTRAS)
        self->calls.tells_lost_p = false;
}

void pause_end(struct goroutine_tracker *self, const struct event *event)
{
    self->resumed_ns = self->edge_ns = event->time_ns;
    leave_out(self, self->dropped);
    self->dropped = 0;
}

void pause_snapshot(struct goroutine_tracker *self, const struct event *end)
{
    uint64_t resumed = self->resumed_ns;
    if (!resumed || self->snapshot.start < resumed)
        return;
    self->resumed_ns = 0;
    /* Some were left out: they may be among these. */
    if (end->f[SNAPSHOT_UNSTABLE])
        return;
    size_t count;
    uint64_t *list = goroutine_step_list(self, &count);
    for (size_t i = 0; i < count; i++) {
        struct goroutine *goroutine = goroutine_table_find(&self->table, list[i]);
        if (!goroutine || goroutine->state != GOROUTINE_UNKNOWN || goroutine->snapshot == self->snapshot.id ||
            goroutine->last_step > resumed || goroutine->is_buried)
            continue;
        interval_close(&self->intervals, goroutine,
                       (struct interval_end){resumed > goroutine->since ? resumed : goroutine->since, false}, ROW_NULL,
                       FLAG_GAP);
        goroutine->state = GOROUTINE_DEAD;
        interval_put_goroutine(&self->intervals, goroutine);
        goroutine_table_remove(&self->table, goroutine);
    }
    free(list);
}

void pause_drop(struct goroutine_tracker *self, const struct event *event)
{
    if (event->f[BUDGET_STEP] == BUDGET_STEP_DROP)
        self->dropped = event->f[BUDGET_WHAT];
}
