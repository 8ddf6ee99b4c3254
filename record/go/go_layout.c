/*
 * One row per field. Fields that moved into an embedded structure in a later Go version have two rows for one
 * place in struct go_layout; they are combined below.
 */
#include "go/go_layout.h"

#include <stddef.h>
#include <string.h>

#include "go/go_dwarf.h"

enum need { NEEDED, OPTIONAL };

struct row {
    const char *structure, *member;
    struct go_layout_field field;
    enum need need;
};

#define FIELD(name)                                                                                          \
    {                                                                                                        \
#name, offsetof(struct go_layout, name)                                                              \
    }

static const struct row rows[] = {
    {"runtime.g", "m", FIELD(g_m), NEEDED},
    {"runtime.g", "preempt", FIELD(g_preempt), NEEDED},
    {"runtime.g", "atomicstatus", FIELD(g_status), NEEDED},
    {"runtime.g", "goid", FIELD(g_goid), NEEDED},
    {"runtime.g", "waitreason", FIELD(g_waitreason), NEEDED},
    {"runtime.g", "startpc", FIELD(g_startpc), NEEDED},
    {"runtime.g", "gopc", FIELD(g_gopc), NEEDED},
    {"runtime.g", "waiting", FIELD(g_waiting), NEEDED},
    {"runtime.g", "coroarg", FIELD(g_coroarg), OPTIONAL},   /* since 1.22 */
    {"runtime.g", "coroexit", FIELD(g_coroexit), OPTIONAL}, /* since 1.22 */
    {"runtime.g", "labels", FIELD(g_labels), NEEDED},
    {"runtime.g", "parentGoid", FIELD(g_parent_goid), OPTIONAL},
    {"runtime.m", "p", FIELD(m_p), NEEDED},
    {"runtime.m", "id", FIELD(m_id), NEEDED},
    {"runtime.m", "curg", FIELD(m_curg), NEEDED},
    {"runtime.m", "procid", FIELD(m_procid), NEEDED},
    {"runtime.m", "waitlock", FIELD(m_waitlock), OPTIONAL},
    {"runtime.p", "id", FIELD(p_id), NEEDED},
    {"runtime.hchan", "qcount", FIELD(hchan_qcount), NEEDED},
    {"runtime.hchan", "dataqsiz", FIELD(hchan_dataqsiz), NEEDED},
    {"runtime.hchan", "elemsize", FIELD(hchan_elemsize), NEEDED},
    {"runtime.hchan", "elemtype", FIELD(hchan_elemtype), NEEDED},
    {"runtime.hchan", "timer", FIELD(hchan_timer), OPTIONAL}, /* since 1.23 */
    {"runtime.hchan", "lock", FIELD(hchan_lock), NEEDED},
    {"runtime.pollDesc", "fd", FIELD(polldesc_fd), NEEDED},
    {"runtime.pollDesc", "rg", FIELD(polldesc_rg), NEEDED},
    {"runtime.pollDesc", "wg", FIELD(polldesc_wg), NEEDED},
    {"runtime.coro", "gp", FIELD(coro_gp), OPTIONAL}, /* since 1.22 */
    {"runtime.sudog", "elem", FIELD(sudog_elem), NEEDED},
    {"runtime.sudog", "waitlink", FIELD(sudog_waitlink), NEEDED},
    {"runtime.sudog", "c", FIELD(sudog_c), NEEDED},
    {"runtime.g", "syscallsp", FIELD(g_syscallsp), NEEDED},
    {"runtime.g", "syscallpc", FIELD(g_syscallpc), NEEDED},
    {"runtime.g", "syscallbp", FIELD(g_syscallbp), OPTIONAL}, /* since 1.23 */
    {"runtime.g", "waitsince", FIELD(g_waitsince), NEEDED},
    {"runtime.g", "lockedm", FIELD(g_lockedm), NEEDED},
    {"runtime.g", "param", FIELD(g_param), NEEDED},
    {"runtime.g", "timer", FIELD(g_timer), NEEDED},
    {"runtime.g", "sleepWhen", FIELD(g_sleepwhen), OPTIONAL}, /* since 1.23 */
    {"runtime.sudog", "g", FIELD(sudog_g), NEEDED},
    {"runtime.sudog", "success", FIELD(sudog_success), OPTIONAL},
    {"runtime.hchan", "closed", FIELD(hchan_closed), NEEDED},
    {"runtime.hchan", "recvq", FIELD(hchan_recvq), NEEDED},
    {"runtime.hchan", "sendq", FIELD(hchan_sendq), NEEDED},
    {"runtime.timer", "when", FIELD(timer_when), OPTIONAL},
    {"context.cancelCtx", "done", FIELD(cancelctx_done), OPTIONAL},
    {"context.cancelCtx", "err", FIELD(cancelctx_err), OPTIONAL},
    {"context.cancelCtx", "cause", FIELD(cancelctx_cause), OPTIONAL}, /* since 1.20 */
    {"context.timerCtx", "deadline", FIELD(timerctx_deadline), OPTIONAL},
};

#define ROWS (sizeof rows / sizeof *rows)

/* Those that have no row of their own: they lie in an embedded structure. */
static const struct go_layout_field combined[] = {
    FIELD(g_sched_pc), FIELD(g_sched_sp), FIELD(g_sched_bp), FIELD(g_stack_lo), FIELD(g_stack_hi),
};

#define COMBINED (sizeof combined / sizeof *combined)

bool go_layout_field(size_t index, struct go_layout_field *out)
{
    if (index < ROWS)
        *out = rows[index].field;
    else if (index < ROWS + COMBINED)
        *out = combined[index - ROWS];
    return index < ROWS + COMBINED;
}

int *go_layout_offset(struct go_layout *layout, const struct go_layout_field *field)
{
    return (int *)((char *)layout + field->at);
}

enum {
    SCHED,
    GOBUF_PC,
    GOBUF_SP,
    GOBUF_BP,
    STACK,
    STACK_LO,
    STACK_HI,
    TRACEABLE_VU,
    NUMGC,
    GC_PERCENT,
    MEMORY_LIMIT,
    EXTRAS
};

enum { GOMAXPROCS, MEMSTATS, GC_CONTROLLER, START_NANO, VARIABLES };

static const struct go_dwarf_member extras[EXTRAS] = {
    [SCHED] = {"runtime.g", "sched", false, -1},
    [GOBUF_PC] = {"runtime.gobuf", "pc", false, -1},
    [GOBUF_SP] = {"runtime.gobuf", "sp", false, -1},
    [GOBUF_BP] = {"runtime.gobuf", "bp", false, -1},
    [STACK] = {"runtime.g", "stack", false, -1},
    [STACK_LO] = {"runtime.stack", "lo", false, -1},
    [STACK_HI] = {"runtime.stack", "hi", false, -1},
    [TRACEABLE_VU] = {"runtime.maybeTraceablePtr", "vu", true, -1}, /* since 1.26 */
    [NUMGC] = {"runtime.mstats", "numgc", true, -1},
    [GC_PERCENT] = {"runtime.gcControllerState", "gcPercent", true, -1},
    [MEMORY_LIMIT] = {"runtime.gcControllerState", "memoryLimit", true, -1}, /* since 1.19 */
};

static const struct go_dwarf_variable variable_rows[VARIABLES] = {
    [GOMAXPROCS] = {"runtime.gomaxprocs", false, 0},
    [MEMSTATS] = {"runtime.memstats", false, 0},
    [GC_CONTROLLER] = {"runtime.gcController", true, 0},
    [START_NANO] = {"time.startNano", true, 0},
};

static uint64_t within(const struct go_dwarf_variable *variable, const struct go_dwarf_member *member)
{
    return variable->address && member->offset >= 0 ? variable->address + (uint64_t)member->offset : 0;
}

static int missing(const struct go_elf *elf, const struct go_dwarf_member *member, struct error *err)
{
    return error_set(err, ERR_UNSUPPORTED,
                     "%s: its debug information (DWARF) does not describe %s.%s; rebuild it with an "
                     "unmodified Go 1.18 to 1.27",
                     go_elf_shown(elf), member->structure, member->member);
}

int go_layout_read(const struct go_elf *elf, struct go_layout *out, struct go_variables *variables_out,
                   struct error *err)
{
    struct go_dwarf_member members[ROWS + EXTRAS];
    struct go_dwarf_variable variables[VARIABLES];
    for (size_t i = 0; i < ROWS; i++)
        members[i] =
            (struct go_dwarf_member){rows[i].structure, rows[i].member, rows[i].need == OPTIONAL, -1};
    memcpy(members + ROWS, extras, sizeof extras);
    memcpy(variables, variable_rows, sizeof variables);
    int rc = go_dwarf_read(elf, members, ROWS + EXTRAS, variables, VARIABLES, err);
    if (rc != 0)
        return rc;
    struct go_layout layout;
    for (size_t i = 0; i < ROWS; i++) {
        if (members[i].offset < 0 && rows[i].need == NEEDED)
            return missing(elf, &members[i], err);
        *go_layout_offset(&layout, &rows[i].field) = members[i].offset;
    }
    const struct go_dwarf_member *extra = members + ROWS;
    for (size_t i = SCHED; i <= STACK_HI; i++) {
        if (extra[i].offset < 0)
            return missing(elf, &extra[i], err);
    }
    layout.g_sched_pc = extra[SCHED].offset + extra[GOBUF_PC].offset;
    layout.g_sched_sp = extra[SCHED].offset + extra[GOBUF_SP].offset;
    layout.g_sched_bp = extra[SCHED].offset + extra[GOBUF_BP].offset;
    layout.g_stack_lo = extra[STACK].offset + extra[STACK_LO].offset;
    layout.g_stack_hi = extra[STACK].offset + extra[STACK_HI].offset;
    if (extra[TRACEABLE_VU].offset > 0) {
        layout.sudog_elem += extra[TRACEABLE_VU].offset;
        layout.sudog_c += extra[TRACEABLE_VU].offset;
    }
    *out = layout;
    *variables_out = (struct go_variables){
        .gomaxprocs = variables[GOMAXPROCS].address,
        .numgc = within(&variables[MEMSTATS], &extra[NUMGC]),
        .gc_percent = within(&variables[GC_CONTROLLER], &extra[GC_PERCENT]),
        .memory_limit = within(&variables[GC_CONTROLLER], &extra[MEMORY_LIMIT]),
        .start_nano = variables[START_NANO].address,
    };
    return 0;
}

enum go_layout_match go_layout_known(int minor, int patch, struct go_layout *out)
{
    const struct go_layout_row *best = NULL;
    for (size_t i = 0; i < go_layout_row_count; i++) {
        const struct go_layout_row *row = &go_layout_rows[i];
        bool is_same = row->minor == minor;
        if (row->minor > minor || (is_same && row->patch > patch && best && best->minor == minor))
            break;
        best = row;
    }
    if (!best)
        return LAYOUT_NO_ROW;
    const struct go_layout_row *newest = &go_layout_rows[go_layout_row_count - 1];
    if (best->minor != minor && best != newest)
        return LAYOUT_NO_ROW;
    *out = best->layout;
    return best->minor == minor ? LAYOUT_SAME_MINOR : LAYOUT_OLDER_MINOR;
}
