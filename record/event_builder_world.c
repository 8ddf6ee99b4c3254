/*
 * Events of the runtime as a whole: stops of the world, the collector, Ps and Ms.
 */
#include "event_builder_impl.h"

#define GOMAXPROCS_MAX 65536u

static uint64_t current_goid(const struct record *r)
{
    return r->value[V_CURG] ? r->value[V_CURG_GOID] : 0;
}

bool build_stw_begin(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[STW_GOID] = current_goid(r);
    e->f[STW_PHASE] = STW_PHASE_BEGIN;
    e->f[STW_REASON] = r->value[V_STW_BEGIN_REASON];
    return true;
}

/* A moment of the stop that just ends: anything else in its place is none. */
static uint64_t moment(uint64_t time_ns, uint64_t from_ns, uint64_t to_ns)
{
    return time_ns >= from_ns && time_ns <= to_ns ? time_ns : 0;
}

bool build_stw_end(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[STW_GOID] = current_goid(r);
    e->f[STW_PHASE] = STW_PHASE_END;
    e->f[STW_REASON] = r->value[V_STW_END_REASON];
    e->f[STW_BEGIN] = moment(r->value[V_STW_END_BEGIN], 1, r->time_ns);
    e->f[STW_STOPPED] = moment(r->value[V_STW_END_STOPPED], e->f[STW_BEGIN] + 1, r->time_ns);
    return true;
}

static bool build_gc(const struct record *r, unsigned step, struct event *e)
{
    e->f[GC_GOID] = current_goid(r);
    e->f[GC_STEP] = step;
    return true;
}

bool build_gc_start(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    return build_gc(r, GC_STEP_START, e);
}

bool build_gc_mark_done(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    return build_gc(r, GC_STEP_MARK_DONE, e);
}

/*
 * The runtime calls procresize each time it starts the world. Records come out of order, so that the number before is
 * told by the probe; where it cannot, by what was seen last.
 */
bool build_gomaxprocs(struct event_builder *self, const struct record *r, struct event *e)
{
    uint64_t count = r->value[V_GOMAXPROCS_COUNT];
    uint64_t before = r->value[V_GOMAXPROCS_HAS_BEFORE] ? r->value[V_GOMAXPROCS_BEFORE] : self->gomaxprocs;
    if (count == 0 || count > GOMAXPROCS_MAX || before > GOMAXPROCS_MAX)
        return false;
    if (r->time_ns >= self->gomaxprocs_ns) {
        self->gomaxprocs = (unsigned)count;
        self->gomaxprocs_ns = r->time_ns;
    }
    e->f[GOMAXPROCS_COUNT] = count;
    e->f[GOMAXPROCS_BEFORE] = before;
    return count != before;
}

bool build_assist(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[ASSIST_GOID] = r->value[V_ASSIST_GOID];
    e->f[ASSIST_WORK] = r->value[V_ASSIST_WORK];
    return true;
}

bool build_p_lost(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[P_LOST_GOID] = current_goid(r);
    return e->f[P_LOST_GOID] != 0;
}

bool build_p_handoff(struct event_builder *self, const struct record *r, struct event *e)
{
    e->f[P_HANDOFF_P] = r->value[V_P_HANDOFF_P];
    e->f[P_HANDOFF_STACK] = event_builder_stack(self, r, r->value[V_P_HANDOFF_RET], NULL);
    return true;
}

bool build_m_new(struct event_builder *self, const struct record *r, struct event *e)
{
    (void)self;
    e->f[M_NEW_M] = r->value[V_M_NEW_M];
    e->f[M_NEW_GOID] = current_goid(r);
    return true;
}
