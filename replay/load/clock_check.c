#include "load/clock_check.h"

#include <string.h>

/* Clocks come from the file and may be anything: differences wrap. */
static int64_t difference(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b);
}

static bool is_more_than_chance(int64_t ns)
{
    return ns > CLOCK_TOLERANCE_NS || ns < -CLOCK_TOLERANCE_NS;
}

/* Compared with what was told last, not with the chunk before: many small steps are one large one. */
static int64_t moved(int64_t *told, int64_t now)
{
    int64_t by = difference((uint64_t)now, (uint64_t)*told);
    if (!is_more_than_chance(by))
        return 0;
    *told = now;
    return by;
}

bool clock_check_add(struct clock_check *self, const struct chunk_clocks *clocks, struct clock_findings *out)
{
    memset(out, 0, sizeof *out);
    if (clocks->monotonic_ns == 0 && clocks->realtime_ns == 0 && clocks->boottime_ns == 0)
        return false;
    int64_t suspend = difference(clocks->boottime_ns, clocks->monotonic_ns);
    int64_t wall = difference(clocks->realtime_ns, clocks->boottime_ns);
    if (self->is_known) {
        int64_t passed = difference(clocks->monotonic_ns, self->last.monotonic_ns);
        out->back_ns = passed < 0 ? -(passed + (passed == INT64_MIN)) : 0;
        out->suspended_ns = moved(&self->suspend_ns, suspend);
        out->set_ns = moved(&self->wall_ns, wall);
    } else {
        self->suspend_ns = suspend;
        self->wall_ns = wall;
        self->is_known = true;
    }
    self->last = *clocks;
    return out->suspended_ns || out->set_ns || out->back_ns;
}
