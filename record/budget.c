#include "budget.h"

#include <stdlib.h>
#include <string.h>

#define BACK_BELOW    0.7 /* of a limit: hysteresis */
#define AIM           0.8 /* of `thin`: what a cycle may cost, as loads vary */
#define WORTH_A_DROP  0.1 /* of all cost: dropping less would change nothing */
#define BACK_CYCLES   3
#define LOOKS_TO_STEP 2

const char *budget_class_name(enum budget_class class)
{
    static const char *const names[BUDGET_CLASS_COUNT] = {
        [BUDGET_CLASS_CORE] = "waits",
        [BUDGET_CLASS_RUNS] = "runs",
        [BUDGET_CLASS_SWITCHES] = "switches",
        [BUDGET_CLASS_EXTRAS] = "extras",
    };
    return (unsigned)class < BUDGET_CLASS_COUNT ? names[class] : "unknown";
}

/* One share: "5%" or "2.5%". */
static bool parse_share(const char **at, double *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    double value = strtod(*at, &end);
    if (*end != '%' || !(value > 0 && value < 100))
        return false;
    *at = end + 1;
    *out = value / 100;
    return true;
}

int budget_limits_parse(const char *text, struct budget_limits *out, struct error *err)
{
    struct budget_limits limits = {0};
    const char *at = text;
    if (strcmp(text, "off") == 0) {
        *out = (struct budget_limits){.is_off = true};
        return 0;
    }
    bool fits = parse_share(&at, &limits.warn);
    if (fits && *at == ',') {
        at++;
        fits = parse_share(&at, &limits.thin);
    }
    if (!fits || *at)
        return error_set(err, ERR_USAGE, "'%.40s' is neither 'off' nor shares like 5%% or 5%%,20%%", text);
    if (limits.thin > 0 && limits.thin < limits.warn)
        return error_set(err, ERR_USAGE, "'%.40s': the second share must not be below the first", text);
    *out = limits;
    return 0;
}

void budget_init(struct budget *self, const struct budget_limits *limits,
                 const bool may_drop[BUDGET_CLASS_COUNT])
{
    *self = (struct budget){.limits = *limits};
    for (unsigned i = 0; may_drop && i < BUDGET_CLASS_COUNT; i++)
        self->may_drop[i] = i != BUDGET_CLASS_CORE && may_drop[i];
}

static double total_cost(const struct budget_look *look)
{
    double sum = 0;
    for (unsigned i = 0; i < BUDGET_CLASS_COUNT; i++)
        sum += look->cost_ns[i];
    return sum;
}

static double share_of(double cost, double cpu)
{
    if (cost <= 0 || cpu <= 0)
        return 0;
    return cost < cpu ? cost / cpu : 1;
}

double budget_share(const struct budget_look *look)
{
    return share_of(total_cost(look), (double)(look->on_cpu_ns + look->off_cpu_ns));
}

/* The dearest class that may go; CORE: there is none worth it. */
static enum budget_class dearest(const struct budget *self, const struct budget_look *look)
{
    enum budget_class found = BUDGET_CLASS_CORE;
    double least = WORTH_A_DROP * total_cost(look);
    for (unsigned i = BUDGET_CLASS_CORE + 1; i < BUDGET_CLASS_COUNT; i++) {
        if (self->may_drop[i] && look->cost_ns[i] >= least) {
            least = look->cost_ns[i];
            found = (enum budget_class)i;
        }
    }
    return found;
}

/*
 * The part of the time that may be recorded so that cost is AIM * thin of the target's CPU time: while recording the
 * target spends c of each second in probes and uses k CPUs; while not, k0. d * c = t * (d * k + (1 - d) * k0).
 */
static double fitting_part(const struct budget *self, const struct budget_look *look)
{
    double on = (double)look->on_ns, off = (double)look->off_ns, t = AIM * self->limits.thin;
    double c = total_cost(look) / on, k = (double)look->on_cpu_ns / on;
    double k0 = look->off_ns ? (double)look->off_cpu_ns / off : k;
    double divisor = c - t * (k - k0);
    if (divisor <= 0 || t * k0 >= divisor)
        return 1;
    return t * k0 / divisor;
}

/* Lengths of a cycle; false when a window would be too short. */
static bool plan_cycle(const struct budget *self, double part, struct budget_decision *out)
{
    uint64_t least = BUDGET_ON_MIN_NS > 4 * self->edge_ns ? BUDGET_ON_MIN_NS : 4 * self->edge_ns;
    double cycle = (double)BUDGET_CYCLE_NS;
    bool fits = true;
    if (part > 0.9)
        part = 0.9;
    if (part * cycle < (double)least)
        cycle = part > 0 ? (double)least / part : (double)BUDGET_CYCLE_MAX_NS * 2;
    if (cycle > (double)BUDGET_CYCLE_MAX_NS) {
        cycle = (double)BUDGET_CYCLE_MAX_NS;
        fits = false;
    }
    double on = part * cycle > (double)least ? part * cycle : (double)least;
    out->on_ns = (uint64_t)on;
    out->off_ns = (uint64_t)cycle - out->on_ns;
    return fits;
}

static void warn_or_not(struct budget *self, struct budget_decision *out)
{
    if (out->share > self->limits.warn)
        self->above_warn++;
    else
        self->above_warn = 0;
    if (out->share < BACK_BELOW * self->limits.warn)
        self->has_warned = false;
    if (self->has_warned || self->above_warn < LOOKS_TO_STEP)
        return;
    self->has_warned = true;
    out->step = BUDGET_STEP_WARN;
    out->limit = self->limits.warn;
}

static void enter_windows(struct budget *self, const struct budget_look *look, struct budget_decision *out)
{
    out->step = BUDGET_STEP_WINDOWS;
    plan_cycle(self, fitting_part(self, look), out);
    self->in_windows = true;
    self->below = self->unfit = 0;
}

static void decide_full(struct budget *self, const struct budget_look *look, struct budget_decision *out)
{
    bool is_above = self->limits.thin > 0 && out->share > self->limits.thin;
    self->above = is_above ? self->above + 1 : 0;
    if (!is_above || (self->above < LOOKS_TO_STEP && out->share <= 2 * self->limits.thin)) {
        warn_or_not(self, out);
        return;
    }
    self->above = 0;
    self->has_warned = true; /* the step says more */
    out->limit = self->limits.thin;
    out->class = self->has_dropped ? BUDGET_CLASS_CORE : dearest(self, look);
    if (out->class != BUDGET_CLASS_CORE) {
        out->step = BUDGET_STEP_DROP;
        self->may_drop[out->class] = false;
        self->has_dropped = true;
    } else {
        enter_windows(self, look, out);
    }
}

static void decide_windows(struct budget *self, const struct budget_look *look, struct budget_decision *out)
{
    double on_share = share_of(total_cost(look), (double)look->on_cpu_ns);
    out->limit = self->limits.thin;
    self->below = on_share < BACK_BELOW * self->limits.thin ? self->below + 1 : 0;
    if (self->below >= BACK_CYCLES) {
        out->step = BUDGET_STEP_FULL;
        out->share = on_share;
        self->in_windows = false;
        self->above = self->above_warn = 0;
        return;
    }
    self->unfit = plan_cycle(self, fitting_part(self, look), out) ? 0 : self->unfit + 1;
    if (self->unfit >= LOOKS_TO_STEP) {
        out->step = BUDGET_STEP_STOP;
        self->is_stopped = true;
    }
}

/* Nearly nothing: within any budget. */
static bool is_negligible(const struct budget_look *look)
{
    return total_cost(look) < BUDGET_FLOOR * (double)look->on_ns;
}

struct budget_decision budget_decide(struct budget *self, const struct budget_look *look)
{
    struct budget_decision out = {.share = budget_share(look)};
    struct budget_look idle = *look;
    if (self->limits.is_off || self->is_stopped || look->on_ns == 0)
        return out;
    if (is_negligible(look)) {
        memset(idle.cost_ns, 0, sizeof idle.cost_ns);
        look = &idle;
        out.share = 0;
    }
    if (self->in_windows)
        decide_windows(self, look, &out);
    else
        decide_full(self, look, &out);
    return out;
}
