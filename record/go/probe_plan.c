#include "go/probe_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "go/arm64_plan.h"
#include "go/probe_fetch.h"
#include "go/probe_site.h"

/* The functions whose entry is probed; the second name is the older or newer one of the same thing. create
 * and select have their own rules. */
static const char *const functions[PROBE_COUNT][2] = {
    [PROBE_CREATE] = {"runtime.newproc1"},
    [PROBE_EXEC] = {"runtime.execute"},
    [PROBE_PARK] = {"runtime.gopark"},
    [PROBE_SELECT] = {"runtime.selectgo"},
    [PROBE_READY] = {"runtime.ready"},
    [PROBE_NET] = {"runtime.netpollready"},
    [PROBE_END] = {"runtime.goexit0"},
    [PROBE_SCHED] = {"runtime.goschedImpl"},
    [PROBE_YIELD] = {"runtime.goyield_m"},
    [PROBE_PREEMPT_PARK] = {"runtime.preemptPark"},
    [PROBE_SYSCALL_NO_P] = {"runtime.exitsyscall0", "runtime.exitsyscallNoP"},
    [PROBE_CORO] = {"runtime.coroswitch_m"},
    [PROBE_STW_BEGIN] = {"runtime.stopTheWorldWithSema"},
    [PROBE_STW_END] = {"runtime.startTheWorldWithSema"},
    [PROBE_GC_START] = {"runtime.gcStart"},
    [PROBE_GC_MARK_DONE] = {"runtime.gcMarkTermination"},
    [PROBE_GOMAXPROCS] = {"runtime.procresize"},
    [PROBE_ASSIST] = {"runtime.gcAssistAlloc1"},
    [PROBE_P_LOST] = {"runtime.exitsyscallfast_pidle", "runtime.exitsyscallTryGetP"},
    [PROBE_P_HANDOFF] = {"runtime.handoffp"},
    [PROBE_M_NEW] = {"runtime.newm1"},
    [PROBE_CONTEXT] = {"context.(*cancelCtx).propagateCancel", "context.propagateCancel"},
    [PROBE_CONTEXT_END] = {"context.(*cancelCtx).cancel"},
};

struct planner {
    const struct go_binary *binary;
    const struct go_build_info *info;
    const struct go_layout *layout;
    struct probe_plan *plan;
};

static bool code_of(const struct go_binary *binary, const char *name, struct code *out)
{
    uint64_t start, end;
    if (!go_binary_function(binary, name, &start, &end))
        return false;
    out->bytes = go_binary_bytes(binary, start, (size_t)(end - start));
    out->size = (size_t)(end - start);
    out->address = start;
    return out->bytes != NULL;
}

bool probe_plan_settle(const struct go_binary *binary, const char *function, const struct code *code,
                       const struct place *place, struct probe_site *site)
{
    site->address = code->address + place->offset;
    if (!go_binary_file_offset(binary, site->address, &site->file_offset))
        return false;
    snprintf(site->function, sizeof site->function, "%s", function);
    snprintf(site->instruction, sizeof site->instruction, "%s", place->instruction);
    site->function_offset = place->offset;
    site->cost = PROBE_COST_EMULATED;
    site->may_restart = place->may_restart;
    size_t left = code->size - place->offset;
    site->byte_count = left < sizeof site->bytes ? (unsigned)left : (unsigned)sizeof site->bytes;
    memcpy(site->bytes, code->bytes + place->offset, site->byte_count);
    site->found = true;
    return true;
}

static bool settle(const struct planner *planner, enum probe_id id, const char *function,
                   const struct code *code, const struct place *place)
{
    return probe_plan_settle(planner->binary, function, code, place, &planner->plan->sites[id]);
}

static bool format_fetch(const struct planner *planner, enum probe_id id, const char *g,
                         bool exec_is_fallback)
{
    struct probe_site *site = &planner->plan->sites[id];
    uint64_t gomaxprocs = go_binary_gomaxprocs(planner->binary);
    struct probe_fetch_input input = {.layout = planner->layout,
                                      .minor = planner->info->minor,
                                      .detail = planner->plan->detail,
                                      .gomaxprocs =
                                          gomaxprocs ? gomaxprocs - site->address + site->file_offset : 0,
                                      .g = g,
                                      .exec_is_fallback = exec_is_fallback,
                                      .with_flags = site->may_restart};
    if (probe_fetch_format(id, &input, site->fetch, sizeof site->fetch))
        return true;
    site->found = false;
    snprintf(site->missing, sizeof site->missing, "its fetch arguments are too long");
    return false;
}

static bool find_entry(const struct planner *planner, enum probe_id id)
{
    struct probe_site *site = &planner->plan->sites[id];
    struct code code;
    struct place place;
    const char *name = functions[id][0];
    if (!code_of(planner->binary, name, &code) && functions[id][1])
        name = functions[id][1];
    if (!code_of(planner->binary, name, &code)) {
        snprintf(site->missing, sizeof site->missing, "the program has no function %s", name);
        return false;
    }
    if (!probe_site_entry(&code, &place)) {
        snprintf(site->missing, sizeof site->missing, "%s begins with instructions that gotape does not know",
                 name);
        return false;
    }
    return settle(planner, id, name, &code, &place) && format_fetch(planner, id, "%ax", false);
}

static bool find_create(const struct planner *planner)
{
    struct probe_site *site = &planner->plan->sites[PROBE_CREATE];
    struct code code;
    struct place place;
    char newg[32];
    uint64_t runqput, end;
    if (code_of(planner->binary, "runtime.newproc1", &code) &&
        probe_site_newproc_tail(&code, planner->layout->g_preempt, &place, newg, sizeof newg))
        return settle(planner, PROBE_CREATE, "runtime.newproc1", &code, &place) &&
               format_fetch(planner, PROBE_CREATE, newg, false);
    /* Without inlining (-gcflags=-N -l) there is no such tail: newproc's call of runqput(p, newg, next)
     * follows. It misses goroutines that the runtime makes parked (coroutines). */
    if (go_binary_function(planner->binary, "runtime.runqput", &runqput, &end) &&
        code_of(planner->binary, "runtime.newproc.func1", &code) && probe_site_call(&code, runqput, &place))
        return settle(planner, PROBE_CREATE, "runtime.newproc.func1", &code, &place) &&
               format_fetch(planner, PROBE_CREATE, "%bx", false);
    snprintf(site->missing, sizeof site->missing, "the end of runtime.newproc1 was not recognised");
    return false;
}

static bool find_exec(const struct planner *planner)
{
    struct code code;
    struct place place;
    if (find_entry(planner, PROBE_EXEC))
        return true;
    if (!code_of(planner->binary, "runtime.gogo", &code) || !probe_site_gogo(&code, &place))
        return false;
    return settle(planner, PROBE_EXEC, "runtime.gogo", &code, &place) &&
           format_fetch(planner, PROBE_EXEC, "%dx", true);
}

/* The calls of mcall that belong to inlined copies of gopark in a function: how many there are (at most max
 * are written). */
static unsigned find_copy(const struct planner *planner, const struct code *code, struct place *out,
                          unsigned max)
{
    uint64_t mcall, end;
    unsigned found = 0;
    if (planner->layout->m_waitlock < 0 ||
        !go_binary_function(planner->binary, "runtime.mcall", &mcall, &end))
        return 0;
    for (size_t from = 0;;) {
        struct place place;
        struct go_frame frame;
        int more = probe_site_next_call(code, mcall, from, &place);
        if (more != 1)
            return more == 0 ? found : 0;
        if (go_binary_symbolize(planner->binary, code->address + place.offset, false, &frame, 1) == 1 &&
            strcmp(frame.function, functions[PROBE_PARK][0]) == 0 && found < max)
            out[found++] = place;
        from = place.offset + place.length;
    }
}

static bool find_select(const struct planner *planner)
{
    struct probe_site *site = &planner->plan->sites[PROBE_SELECT];
    struct code code;
    struct place place;
    uint64_t gopark, end;
    if (!code_of(planner->binary, "runtime.selectgo", &code)) {
        site->unneeded = true;
        snprintf(site->missing, sizeof site->missing, "the program has no select with several cases");
        return false;
    }
    if (!go_binary_function(planner->binary, "runtime.gopark", &gopark, &end) ||
        (!probe_site_call(&code, gopark, &place) && !find_copy(planner, &code, &place, 1))) {
        snprintf(site->missing, sizeof site->missing,
                 "the call of gopark in runtime.selectgo was not recognised");
        return false;
    }
    return settle(planner, PROBE_SELECT, "runtime.selectgo", &code, &place) &&
           format_fetch(planner, PROBE_SELECT, "%r14", false);
}

static bool find_coro(const struct planner *planner)
{
    struct probe_site *site = &planner->plan->sites[PROBE_CORO];
    uint64_t start, end;
    if (!go_binary_function(planner->binary, functions[PROBE_CORO][0], &start, &end)) {
        site->unneeded = true;
        snprintf(site->missing, sizeof site->missing,
                 planner->info->minor < 23 ? "Go has coroutines (iter.Pull) since 1.23"
                                           : "the program has no coroutines (iter.Pull)");
        return false;
    }
    if (planner->layout->g_coroarg < 0 || planner->layout->g_coroexit < 0 || planner->layout->coro_gp < 0) {
        snprintf(site->missing, sizeof site->missing, "the debug information does not describe coroutines");
        return false;
    }
    return find_entry(planner, PROBE_CORO);
}

static bool not_needed(struct probe_site *site, const char *why)
{
    site->unneeded = true;
    snprintf(site->missing, sizeof site->missing, "%s", why);
    return false;
}

/* Since 1.23 the start of the world tells when it was stopped and why. */
static bool find_stw_begin(const struct planner *planner)
{
    if (planner->info->minor >= 23)
        return not_needed(&planner->plan->sites[PROBE_STW_BEGIN], "stw_end tells it since Go 1.23");
    return find_entry(planner, PROBE_STW_BEGIN);
}

/* Since 1.21 the reason of a stop of the world tells it. */
static bool find_gc_start(const struct planner *planner)
{
    if (planner->info->minor >= 21)
        return not_needed(&planner->plan->sites[PROBE_GC_START], "stw_end tells it since Go 1.21");
    return find_entry(planner, PROBE_GC_START);
}

static bool find_context_probe(const struct planner *planner, enum probe_id id)
{
    const struct go_layout *l = planner->layout;
    struct probe_site *site = &planner->plan->sites[id];
    uint64_t start, end;
    if (!go_binary_function(planner->binary, functions[PROBE_CONTEXT_END][0], &start, &end))
        return not_needed(site, "the program has no contexts that can be cancelled");
    if (l->cancelctx_done < 0 || l->cancelctx_err < 0 || l->timerctx_deadline < 0) {
        snprintf(site->missing, sizeof site->missing, "the debug information does not describe contexts");
        return false;
    }
    return find_entry(planner, id);
}

static bool find_context(const struct planner *planner)
{
    return find_context_probe(planner, PROBE_CONTEXT);
}

static bool find_context_end(const struct planner *planner)
{
    return find_context_probe(planner, PROBE_CONTEXT_END);
}

/* Those with rules of their own; the others sit at the entry of their function. */
static bool (*const finders[PROBE_COUNT])(const struct planner *) = {
    [PROBE_CREATE] = find_create,       [PROBE_EXEC] = find_exec,
    [PROBE_SELECT] = find_select,       [PROBE_CORO] = find_coro,
    [PROBE_STW_BEGIN] = find_stw_begin, [PROBE_GC_START] = find_gc_start,
    [PROBE_CONTEXT] = find_context,     [PROBE_CONTEXT_END] = find_context_end,
};

/* Functions whose inlined copies the probes of the real function do not see: profile-guided builds (-pgo)
 * have such copies. Those of gopark are probed as well; the others are told. */
static const char *const must_stay[] = {"runtime.gopark", "runtime.ready", "runtime.execute",
                                        "runtime.newproc1"};

#define MUST_STAY   (sizeof must_stay / sizeof *must_stay)
#define HOSTS_SHOWN 4

struct inlined_copies {
    const struct planner *planner;
    const char *into[MUST_STAY][HOSTS_SHOWN];
    unsigned count[MUST_STAY]; /* of functions, also of those not shown */
    const char *last[MUST_STAY];
};

/* Probes the copies of gopark in one function; false when not all of them could be. */
static bool plan_copies(const struct planner *planner, const char *function)
{
    struct probe_plan *plan = planner->plan;
    struct probe_fetch_input input = {.layout = planner->layout,
                                      .minor = planner->info->minor,
                                      .detail = plan->detail,
                                      .g = "%r14",
                                      .park_is_copy = true};
    struct place places[PROBE_COPIES_MAX];
    struct code code;
    unsigned room = PROBE_COPIES_MAX - plan->copy_count;
    unsigned found = code_of(planner->binary, function, &code) ? find_copy(planner, &code, places, room) : 0;
    unsigned planned = 0;
    for (unsigned i = 0; i < found; i++) {
        struct probe_site *site = &plan->copies[plan->copy_count];
        memset(site, 0, sizeof *site);
        if (probe_plan_settle(planner->binary, function, &code, &places[i], site) &&
            probe_fetch_format(PROBE_PARK, &input, site->fetch, sizeof site->fetch)) {
            plan->copy_count++;
            planned++;
        }
    }
    return found > 0 && planned == found && plan->copy_count < PROBE_COPIES_MAX;
}

void probe_copy_name(unsigned copy, char out[PROBE_COPY_NAME_SIZE])
{
    snprintf(out, PROBE_COPY_NAME_SIZE, "%s_%u", probe_spec_get(PROBE_PARK)->name, copy + 2);
}

static void add_inlined(void *context, size_t which, const char *into)
{
    struct inlined_copies *copies = context;
    if (copies->last[which] == into)
        return;
    copies->last[which] = into;
    if (strcmp(must_stay[which], functions[PROBE_PARK][0]) == 0 && plan_copies(copies->planner, into))
        return;
    if (copies->count[which] < HOSTS_SHOWN)
        copies->into[which][copies->count[which]] = into;
    copies->count[which]++;
}

/* Appends as far as there is room. */
__attribute__((format(printf, 2, 3))) static void append(struct probe_plan *plan, const char *format, ...)
{
    size_t used = strlen(plan->note);
    va_list args;
    va_start(args, format);
    vsnprintf(plan->note + used, sizeof plan->note - used, format, args);
    va_end(args);
}

static void note_inlined(const struct planner *planner)
{
    struct inlined_copies copies = {.planner = planner};
    go_binary_each_inlined(planner->binary, must_stay, MUST_STAY, add_inlined, &copies);
    for (size_t i = 0; i < MUST_STAY; i++) {
        if (copies.count[i] == 0)
            continue;
        append(planner->plan, "%sa profile-guided build (-pgo) has copies of %s in ",
               planner->plan->note[0] ? "; " : "", must_stay[i]);
        for (unsigned k = 0; k < copies.count[i] && k < HOSTS_SHOWN; k++)
            append(planner->plan, "%s%s", k ? ", " : "", copies.into[i][k]);
        if (copies.count[i] > HOSTS_SHOWN)
            append(planner->plan, " and %u more", copies.count[i] - HOSTS_SHOWN);
        append(planner->plan, ", whose events are missed");
    }
}

bool probe_plan_is_armed(const struct probe_plan *plan, enum probe_id id)
{
    return plan->sites[id].found && probe_spec_get(id)->detail <= plan->detail && !plan->left_out[id];
}

int probe_plan_make(const struct go_binary *binary, enum record_detail detail, struct probe_plan *out,
                    struct error *err)
{
    struct probe_plan plan;
    memset(&plan, 0, sizeof plan);
    plan.detail = detail;
    struct planner planner = {binary, go_binary_build_info(binary), go_binary_layout(binary), &plan};
    for (enum probe_id id = 0; id < PROBE_COUNT; id++) {
        bool found = go_binary_is_arm64(binary) ? arm64_plan_find(binary, id, functions[id], &plan.sites[id])
                     : finders[id]              ? finders[id](&planner)
                                                : find_entry(&planner, id);
        const struct probe_spec *spec = probe_spec_get(id);
        struct probe_site *site = &plan.sites[id];
        if (!found && site->missing[0] == '\0')
            snprintf(site->missing, sizeof site->missing, "%s is not in an executable segment",
                     functions[id][0]);
        if (!found && spec->required)
            return error_set(err, ERR_UNSUPPORTED,
                             "no place for the probe '%s' (%s): %s; gotape needs an unmodified Go 1.18 to "
                             "1.27 runtime, this "
                             "is %s",
                             spec->name, functions[id][0], site->missing, planner.info->version);
    }
    if (go_binary_is_arm64(binary)) {
        *out = plan;
        return 0;
    }
    struct code semacquire;
    plan.loses_semaphores =
        code_of(binary, "runtime.semacquire1", &semacquire) && !probe_site_keeps_argument(&semacquire);
    note_inlined(&planner);
    *out = plan;
    return 0;
}
