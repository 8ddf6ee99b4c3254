/* See hit_price.h. */
#include "perf/hit_price.h"

/*
 * What is not measured each time, as multiples of a lean hit. Measured on Linux 6.18: single-stepping 16.5 us where a lean hit
 * took 0.9; where switches cannot be measured, two records of a pair with their piece of stack, and each open event 0.28 us.
 */
#define STEPPED_FACTOR 18.0
#define SWITCH_FACTOR  2.0
#define LEAST_SWITCH   0.3 /* less is no measurement */
#define SCOPE_FACTOR   0.2
#define FLOOR_FACTOR   0.65
#define FRAME_FACTOR   0.06
#define COLD_FACTOR    3.0
/* Beyond these it is no measurement any more. */
#define MOST_LEAN_NS 1e6
#define MOST_COLD    8.0
/* A walk through memory leaves the kernel's code in the cache of instructions, which other programs do not. */
#define COLD_CODE 1.5
/* One long sleep says nothing of what follows. */
#define MOST_GAP_NS 1e8

struct hit_price hit_price_known(void)
{
    const double lean = 1000;
    return (struct hit_price){.lean_ns = lean,
                              .floor_ns = FLOOR_FACTOR * lean,
                              .chain_ns = lean,
                              .frame_ns = FRAME_FACTOR * lean,
                              .stepped_ns = STEPPED_FACTOR * lean,
                              .switch_ns = SWITCH_FACTOR * lean,
                              .scope_ns = SCOPE_FACTOR * lean,
                              .cold = COLD_FACTOR};
}

static double cold_of(const struct hit_times *times)
{
    double hot = times->near - times->bare, cold = times->cold_near - times->cold_bare;
    if (!(hot > 0) || !(cold > hot))
        return 1;
    double factor = 1 + COLD_CODE * (cold / hot - 1);
    return factor < MOST_COLD ? factor : MOST_COLD;
}

int hit_price_set(struct hit_price *self, const struct hit_times *times, struct error *err)
{
    double lean = times->lean - times->bare, floor = times->floor - times->bare;
    if (!(lean > 0 && lean <= MOST_LEAN_NS))
        return error_set(err, ERR_UNSUPPORTED, "a probe of our own was not hit");
    self->is_measured = true;
    self->lean_ns = lean;
    self->floor_ns = floor > 0 && floor < lean ? floor : FLOOR_FACTOR * lean;
    self->stepped_ns = STEPPED_FACTOR * lean;
    self->frame_ns = times->deep > times->near && times->deep_frames > times->near_frames
                         ? (times->deep - times->near) / (times->deep_frames - times->near_frames)
                         : 0;
    double chain = times->near > times->lean ? times->near - times->lean : 0;
    self->chain_ns = chain + self->frame_ns * (HIT_PRICE_FRAMES - (double)times->near_frames);
    if (self->chain_ns < 0)
        self->chain_ns = 0;
    self->cold = cold_of(times);
    return 0;
}

/* A hand-over takes several times as long as its records: on a busy host the difference may drown in noise. */
void hit_price_set_switches(struct hit_price *self, const struct hit_switch_times *times)
{
    double records = times->recorded - times->bare, events = times->scoped - times->recorded;
    self->switch_ns = records > LEAST_SWITCH * self->lean_ns ? records : SWITCH_FACTOR * self->lean_ns;
    self->scope_ns = events > 0 && times->further ? events / times->further : 0;
}

double hit_price_of_chain(const struct hit_price *self, unsigned frames)
{
    double cost = self->chain_ns + self->frame_ns * ((double)frames - HIT_PRICE_FRAMES);
    return cost > 0 ? cost : 0;
}

double hit_price_factor(const struct hit_price *self, double gap_ns)
{
    return 1 + (self->cold - 1) * gap_ns / (gap_ns + HIT_PRICE_HALF_COLD_NS);
}

void hit_gap_add(struct hit_gap *self, uint64_t now_ns)
{
    double gap = self->last_ns && now_ns > self->last_ns ? (double)(now_ns - self->last_ns) : 0;
    if (gap > MOST_GAP_NS)
        gap = MOST_GAP_NS;
    self->mean_ns += (gap - self->mean_ns) / HIT_GAP_HITS;
    self->last_ns = now_ns;
}
