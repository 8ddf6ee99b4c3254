#include "budget.h"

#include <stdlib.h>
#include <string.h>

#define BACK_BELOW    0.7 /* of a limit: hysteresis */
#define AIM           0.8 /* of `thin`: what a cycle may cost, as loads vary and costs are estimates */
#define TOO_DEAR      1.5 /* of what a window was to cost */
#define WORTH_A_DROP  0.1 /* of all cost: dropping less would change nothing */
#define MOST_COST     0.85 /* of the target's time: it does something of its own between the hits, too */
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

static double target_cost(const struct budget_look *look)
{
    double sum = 0;
    for (unsigned i = 0; i < BUDGET_CLASS_COUNT; i++)
        sum += look->cost_ns[i];
    return sum;
}

/* All that is paid for it. */
static double total_cost(const struct budget_look *look)
{
    return target_cost(look) + look->own_ns;
}

/* What a longer window would cost more of. */
static double running_cost(const struct budget_look *look)
{
    double cost = total_cost(look) - look->edge_ns;
    return cost > 0 ? cost : 0;
}

/* Of the target's time. */
static double running_target_cost(const struct budget_look *look)
{
    double cost = target_cost(look) - (look->edge_ns - look->own_edge_ns);
    return cost > 0 ? cost : 0;
}

static double share_of(double cost, double cpu)
{
    return cost > 0 && cpu > 0 ? cost / cpu : 0;
}

static double cpu_of(const struct budget_look *look)
{
    return (double)look->on_cpu_ns + (double)look->off_cpu_ns;
}

void budget_look_bound(struct budget_look *look)
{
    double most = MOST_COST * (double)look->on_cpu_ns, cost = running_target_cost(look);
    if (cost <= most)
        return;
    double edge = target_cost(look) - cost, factor = (most + edge) / (cost + edge);
    for (unsigned i = 0; i < BUDGET_CLASS_COUNT; i++)
        look->cost_ns[i] *= factor;
}

double budget_share(const struct budget_look *look)
{
    return share_of(total_cost(look), cpu_of(look));
}

/* The dearest class that may go; CORE: there is none worth it. */
static enum budget_class dearest(const struct budget *self, const struct budget_look *look)
{
    enum budget_class found = BUDGET_CLASS_CORE;
    double least = WORTH_A_DROP * target_cost(look);
    for (unsigned i = BUDGET_CLASS_CORE + 1; i < BUDGET_CLASS_COUNT; i++) {
        if (self->may_drop[i] && look->cost_ns[i] >= least) {
            least = look->cost_ns[i];
            found = (enum budget_class)i;
        }
    }
    return found;
}

/* Per second of recording the target spends `cost` CPUs in probes (and the recorder what it needs) and uses `on` CPUs; `off`
 * per second without. Each window has its edges besides. */
struct rates {
    double cost, on, off, edge_ns;
};

static struct rates rates_of(const struct budget_look *look)
{
    double on_ns = (double)look->on_ns;
    struct rates rates = {running_cost(look) / on_ns, (double)look->on_cpu_ns / on_ns, 0, look->edge_ns};
    rates.off = look->off_ns ? (double)look->off_cpu_ns / (double)look->off_ns : rates.on;
    return rates;
}

/*
 * A pause and the window after it, so that both and the debt cost AIM * thin of the target's CPU time:
 *     cost * w + edge + debt = aim * (on * w + off * p)         cycle = w + p
 * In a cycle of BUDGET_CYCLE_NS, or one as long as the least window needs; a debt makes no pause more than twice as long.
 * False when the longest cycle is too short for that even without a debt.
 */
static bool plan_cycle(struct budget *self, const struct rates *r, struct budget_decision *out)
{
    double aim = AIM * self->limits.thin, max = (double)BUDGET_CYCLE_MAX_NS, cycle = (double)BUDGET_CYCLE_NS;
    double least = 4 * (double)self->edge_ns;
    if (least < (double)BUDGET_ON_MIN_NS)
        least = (double)BUDGET_ON_MIN_NS;
    double income = aim * r->off, excess = r->cost - aim * r->on; /* per ns of pause, of window */
    double most = max / 2 > least ? max / 2 : least;
    double window = excess + income > 0 ? (income * cycle - r->edge_ns - self->debt_ns) / (excess + income) : cycle;
    if (window < least)
        window = least;
    if (window > 0.9 * cycle && window < most)
        window = 0.9 * cycle;
    double owed = excess * window + r->edge_ns;
    owed += self->debt_ns < owed ? self->debt_ns : owed;
    double pause = income > 0 ? owed / income : max;
    if (pause < cycle - window)
        pause = cycle - window;
    bool fits = excess * least + r->edge_ns <= income * (max - least);
    if (!(pause + window <= max)) /* the rest of a debt is paid later */
        pause = max - window;
    out->on_ns = (uint64_t)window;
    out->off_ns = (uint64_t)pause;
    self->planned_ns = r->cost * window + r->edge_ns;
    return fits;
}

/* What is spent above the aim, with a bound on either side: a credit is worth part of a cycle, a debt one of the longest. */
static void keep_account(struct budget *self, const struct budget_look *look)
{
    double aim = AIM * self->limits.thin, cpu = cpu_of(look), time = (double)(look->on_ns + look->off_ns);
    double per_ns = time > 0 ? aim * cpu / time : 0;
    double most = per_ns * (double)BUDGET_CYCLE_MAX_NS, least = -0.5 * per_ns * (double)BUDGET_CYCLE_NS;
    self->debt_ns += total_cost(look) - aim * cpu;
    if (self->debt_ns > most)
        self->debt_ns = most;
    if (self->debt_ns < least)
        self->debt_ns = least;
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

static void enter_windows(struct budget *self, const struct rates *rates, struct budget_decision *out)
{
    plan_cycle(self, rates, out);
    self->in_windows = true;
    self->below = self->unfit = 0;
}

/* Without the dearest class; if that will not be enough, in windows too. */
static void give_up(struct budget *self, const struct budget_look *look, struct budget_decision *out)
{
    struct rates rates = rates_of(look);
    out->class = self->has_dropped ? BUDGET_CLASS_CORE : dearest(self, look);
    if (out->class == BUDGET_CLASS_CORE) {
        out->step = BUDGET_STEP_WINDOWS;
        enter_windows(self, &rates, out);
        return;
    }
    out->step = BUDGET_STEP_DROP;
    self->may_drop[out->class] = false;
    self->has_dropped = true;
    rates.cost -= look->cost_ns[out->class] / (double)look->on_ns;
    rates.on -= look->cost_ns[out->class] / (double)look->on_ns;
    rates.off = rates.on;
    double rest = running_target_cost(look) - look->cost_ns[out->class];
    if (rates.on <= 0 || rest / (double)look->on_ns / rates.on > self->limits.thin) {
        out->has_windows = true;
        enter_windows(self, &rates, out);
    }
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
    give_up(self, look, out);
}

static void decide_windows(struct budget *self, const struct budget_look *look, struct budget_decision *out)
{
    struct rates rates = rates_of(look);
    double on_share = share_of(running_target_cost(look), (double)look->on_cpu_ns);
    out->limit = self->limits.thin;
    self->below = on_share < BACK_BELOW * self->limits.thin ? self->below + 1 : 0;
    if (self->below >= BACK_CYCLES) {
        out->step = BUDGET_STEP_FULL;
        out->share = on_share;
        self->in_windows = false;
        self->above = self->above_warn = 0;
        return;
    }
    self->unfit = plan_cycle(self, &rates, out) ? 0 : self->unfit + 1;
    if (self->unfit >= LOOKS_TO_STEP) {
        out->step = BUDGET_STEP_STOP;
        self->is_stopped = true;
    }
}

/* Nearly nothing: within any budget. */
static bool is_negligible(const struct budget_look *look)
{
    return running_target_cost(look) < BUDGET_FLOOR * (double)look->on_ns;
}

struct budget_decision budget_decide(struct budget *self, const struct budget_look *look)
{
    struct budget_decision out = {.step = BUDGET_STEP_NONE};
    struct budget_look idle = *look;
    if (self->limits.is_off || self->is_stopped || look->on_ns == 0)
        return out;
    if (is_negligible(look)) {
        memset(idle.cost_ns, 0, sizeof idle.cost_ns);
        idle.own_ns = idle.edge_ns = idle.own_edge_ns = 0;
        look = &idle;
    }
    keep_account(self, look);
    if (self->in_windows) {
        out.share = budget_share(look);
        decide_windows(self, look, &out);
    } else {
        out.share = share_of(running_target_cost(look), cpu_of(look));
        decide_full(self, look, &out);
    }
    return out;
}

bool budget_is_urgent(const struct budget *self, const struct budget_look *look)
{
    double thin = self->limits.thin;
    if (thin <= 0 || self->is_stopped || is_negligible(look))
        return false;
    if (self->in_windows)
        return look->on_ns >= BUDGET_CUT_NS && total_cost(look) > TOO_DEAR * self->planned_ns;
    return look->on_ns >= BUDGET_EARLY_NS && running_target_cost(look) > 2 * thin * cpu_of(look);
}
