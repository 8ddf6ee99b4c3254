/* See hit_gauge.h. */
#include "perf/hit_gauge.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include "base/clock.h"
#include "perf/hit_cost.h"
#include "perf/hit_site.h"
#include "perf/perf_open.h"

#define WARM_UP          16 /* hits that are not measured: this thread has slept, the target has not */
#define HITS             48
#define RING_BYTES       (64u << 10)
#define LEAST_RING_BYTES 1 /* of a session that is never enabled: a page */

/* One hit, from the difference to as many calls without; 0: nothing was measured. */
static double one_look(struct hit_gauge *self)
{
    uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    hit_site_calls(HITS, false);
    uint64_t bare = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    if (!self->session && ioctl(self->fd, PERF_EVENT_IOC_ENABLE, 0) != 0)
        return 0;
    hit_site_calls(WARM_UP, true);
    start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    hit_site_calls(HITS, true);
    uint64_t hit = clock_ns(CLOCK_THREAD_CPUTIME_ID) - start;
    if (!self->session) {
        ioctl(self->fd, PERF_EVENT_IOC_DISABLE, 0);
        self->ring.tail = perf_ring_head(&self->ring);
        perf_ring_commit(&self->ring);
    }
    return hit > bare ? (double)(hit - bare) / HITS : 0;
}

static int open_event(struct hit_gauge *self, struct uprobe_group *group, struct error *err)
{
    const struct perf_features plain = {0};
    struct perf_event_attr attr;
    uint64_t event_id = 0;
    int rc = hit_cost_event(group, &event_id, err);
    perf_attr_probe(&attr, &plain, event_id, true);
    attr.inherit = 0;
    attr.wakeup_watermark = RING_BYTES;
    if (rc == 0)
        rc = perf_open(&attr, 0, -1, &self->fd, err);
    self->is_open = rc == 0;
    if (rc == 0)
        rc = perf_ring_open(&self->ring, self->fd, RING_BYTES, err);
    return rc;
}

int hit_gauge_open(struct hit_gauge *self, const struct hit_cost_input *in, struct error *err)
{
    double seen[HIT_LEVEL_LOOKS];
    int rc;
    *self = (struct hit_gauge){.is_open = false};
    if (in->programs) {
        rc = hit_cost_session(in, getpid(), false, LEAST_RING_BYTES, &self->session, err);
        self->is_open = rc == 0;
    } else {
        rc = open_event(self, in->group, err);
    }
    for (unsigned i = 0; rc == 0 && i < HIT_LEVEL_LOOKS; i++)
        seen[i] = one_look(self);
    if (rc != 0) {
        hit_gauge_close(self);
        return rc;
    }
    hit_level_init(&self->level, seen);
    return 0;
}

void hit_gauge_close(struct hit_gauge *self)
{
    if (!self->is_open)
        return;
    if (self->session) {
        perf_session_free(self->session);
        self->session = NULL;
    } else {
        perf_ring_close(&self->ring);
        close(self->fd);
    }
    self->is_open = false;
}

void hit_gauge_look(struct hit_gauge *self)
{
    if (self->is_open)
        hit_level_add(&self->level, one_look(self));
}

double hit_gauge_factor(const struct hit_gauge *self)
{
    return self->is_open ? hit_level_factor(&self->level) : 1;
}
