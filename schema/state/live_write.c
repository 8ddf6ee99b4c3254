#include "state/live_write.h"

static void put_phase(struct trace_writer *writer, const struct live_table *table, uint64_t number,
                      unsigned phase, uint64_t time_ns)
{
    struct event event = {.time_ns = time_ns, .type = EV_SNAPSHOT};
    event.f[SNAPSHOT_NUMBER] = number;
    event.f[SNAPSHOT_PHASE] = phase;
    event.f[SNAPSHOT_KIND] = SNAPSHOT_CARRIED;
    event.f[SNAPSHOT_GOROUTINES] = live_table_count(table);
    event.f[SNAPSHOT_UNSTABLE] = live_table_missing(table);
    trace_writer_event(writer, &event);
}

static uint64_t status_of(const struct live_table *table, const struct live_goroutine *goroutine)
{
    if (live_table_is_doubtful(table, goroutine))
        return 0;
    switch (goroutine->state) {
    case GOROUTINE_RUNNABLE:
        return GO_STATUS_RUNNABLE;
    case GOROUTINE_RUNNING:
        return GO_STATUS_RUNNING;
    case GOROUTINE_WAITING:
        return GO_STATUS_WAITING;
    case GOROUTINE_PREEMPTED:
        return GO_STATUS_PREEMPTED;
    default:
        return 0;
    }
}

static void put_goroutine(struct trace_writer *writer, const struct live_table *table,
                          const struct live_goroutine *g, uint64_t time_ns)
{
    struct event event = {.time_ns = time_ns, .type = EV_SELECT};
    uint64_t status = status_of(table, g);
    bool waits = status == GO_STATUS_WAITING;
    if (waits && g->set) {
        event.f[SELECT_GOID] = g->goid;
        event.f[SELECT_SET] = g->set;
        trace_writer_event(writer, &event);
    }
    event = (struct event){.time_ns = time_ns, .type = EV_GOROUTINE_ORIGIN};
    event.f[ORIGIN_GOID] = g->goid;
    event.f[ORIGIN_G] = g->g;
    event.f[ORIGIN_CREATOR] = g->creator;
    event.f[ORIGIN_START] = g->start;
    event.f[ORIGIN_CREATED_AT] = g->created_at;
    event.f[ORIGIN_LABELS] = g->labels;
    event.f[ORIGIN_WAIT_SINCE] = waits && (g->flags & LIVE_IS_EXACT) ? g->since : 0;
    trace_writer_event(writer, &event);
    event = (struct event){.time_ns = time_ns, .type = EV_CARRIED};
    event.f[CARRIED_GOID] = g->goid;
    event.f[CARRIED_SINCE] = g->since;
    event.f[CARRIED_P] = status == GO_STATUS_RUNNING ? (uint64_t)g->p : 0;
    event.f[CARRIED_CREATED] = g->created_ns;
    event.f[CARRIED_STACK] = g->create_stack;
    event.f[CARRIED_FLAGS] = (g->flags & LIVE_IS_EXACT ? CARRIED_SINCE_IS_EXACT : 0) |
                             (g->flags & LIVE_IS_BY_NET ? CARRIED_WOKEN_BY_NET : 0);
    trace_writer_event(writer, &event);
    event = (struct event){.time_ns = time_ns, .type = EV_GOROUTINE};
    event.f[GOROUTINE_GOID] = g->goid;
    event.f[GOROUTINE_STATUS] = status;
    event.f[GOROUTINE_REASON] = waits ? g->reason : 0;
    event.f[GOROUTINE_OBJECT] = waits ? g->object : 0;
    event.f[GOROUTINE_VALUE] = waits ? g->value : 0;
    event.f[GOROUTINE_STACK] = waits ? g->stack : 0;
    event.f[GOROUTINE_THREAD] = status == GO_STATUS_RUNNING ? g->tid : 0;
    trace_writer_event(writer, &event);
}

int live_write(struct live_table *table, struct trace_writer *writer, uint64_t number, uint64_t time_ns,
               struct error *err)
{
    const struct live_goroutine *goroutine;
    uint32_t position = 0;
    trace_writer_section(writer, RING_RECORDER);
    put_phase(writer, table, number, SNAPSHOT_BEGIN, time_ns);
    while ((goroutine = live_table_next(table, &position)) != NULL) {
        if (trace_writer_is_full(writer)) {
            int rc = trace_writer_flush(writer, err);
            if (rc != 0)
                return rc;
            trace_writer_section(writer, RING_RECORDER);
        }
        put_goroutine(writer, table, goroutine, time_ns);
    }
    put_phase(writer, table, number, SNAPSHOT_END, time_ns);
    return 0;
}
