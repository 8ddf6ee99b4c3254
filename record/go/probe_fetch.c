/*
 * Registers follow Go's ABIInternal: arguments in ax bx cx di si, the current g in r14, and r14 is g0 where
 * the scheduler runs. A pointer that may be NULL is fetched as a value of its own before what hangs on it.
 */
#include "go/probe_fetch.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct writer {
    const struct probe_spec *spec;
    unsigned index; /* of the next value */
    char *out;
    size_t size, used;
    bool full;
};

static void put_text(struct writer *writer, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put_text(struct writer *writer, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(writer->out + writer->used, writer->size - writer->used, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= writer->size - writer->used)
        writer->full = true;
    else
        writer->used += (size_t)length;
}

/* One value: its name comes from the table, so that order and names cannot differ from it. */
__attribute__((format(printf, 3, 4))) static void put(struct writer *writer, const char *type,
                                                      const char *format, ...)
{
    const struct probe_value *value = &writer->spec->values[writer->index++];
    char expression[96], elements[16] = "";
    va_list args;
    va_start(args, format);
    int length = vsnprintf(expression, sizeof expression, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof expression)
        writer->full = true;
    if (value->elements > 1)
        snprintf(elements, sizeof elements, "[%u]", value->elements);
    put_text(writer, "%s%s=%s:%s%s", writer->used ? " " : "", value->name, expression, type, elements);
}

/* A value that this version, or this level of detail, does not have. */
static void put_nothing(struct writer *writer)
{
    put(writer, "u8", "\\0");
}

/* m.curg of the thread: the user goroutine, also when the code at hand runs on g0. */
static void put_curg(struct writer *writer, const struct go_layout *l)
{
    put(writer, "x64", "+%d(+%d(%%r14))", l->m_curg, l->g_m);
    put(writer, "u64", "+%d(+%d(+%d(%%r14)))", l->g_goid, l->m_curg, l->g_m);
}

static void put_labels(struct writer *writer, const struct probe_fetch_input *in, const char *g)
{
    put(writer, "x64", "+%d(%s)", in->layout->g_labels, g);
}

static void put_create(struct writer *writer, const struct probe_fetch_input *in)
{
    const struct go_layout *l = in->layout;
    put(writer, "x64", "%s", in->g);
    put(writer, "u64", "+%d(%s)", l->g_goid, in->g);
    put(writer, "u32", "+%d(%s)", l->g_status, in->g);
    put(writer, "x64", "+%d(%s)", l->g_startpc, in->g);
    put_curg(writer, l);
    put_labels(writer, in, in->g);
}

static void put_exec(struct writer *writer, const struct probe_fetch_input *in)
{
    const struct go_layout *l = in->layout;
    put(writer, "u64", "+%d(%s)", l->g_goid, in->g);
    put(writer, "x64", "%s", in->g);
    put(writer, "u8", "%s", in->exec_is_fallback ? "\\0" : "%bx");
    put(writer, "s32", "+%d(+%d(+%d(%%r14)))", l->p_id, l->m_p, l->g_m);
}

/* At the push of gopark %bp is still its caller's frame, whose first argument's home slot is the object
 * waited for. */
static void put_park_at_entry(struct writer *writer, const struct go_layout *l)
{
    put(writer, "u64", "+%d(%%r14)", l->g_goid);
    put(writer, "x64", "%%r14");
    put(writer, "x64", "%%bx");
    put(writer, "u8", "%%cx");
    put(writer, "x64", "+16(%%bp)");
    put(writer, "x64", "+0(%%bp)");
    put(writer, "x64", "+16(+0(%%bp))");
    put(writer, "x64", "+0(%%sp)");
}

/* In an inlined copy, gopark has filled g and m by the time of `call mcall` (runtime/proc.go), and %bp is the
 * frame of the function around it. */
static void put_park_copy(struct writer *writer, const struct go_layout *l)
{
    put(writer, "u64", "+%d(%%r14)", l->g_goid);
    put(writer, "x64", "%%r14");
    put(writer, "x64", "+%d(+%d(%%r14))", l->m_waitlock, l->g_m);
    put(writer, "u8", "+%d(%%r14)", l->g_waitreason);
    put(writer, "x64", "+16(%%bp)");
    put(writer, "x64", "+0(%%bp)");
    put(writer, "x64", "+16(+0(%%bp))");
    put(writer, "x64", "+8(%%bp)");
}

static void put_park(struct writer *writer, const struct probe_fetch_input *in)
{
    if (in->park_is_copy)
        put_park_copy(writer, in->layout);
    else
        put_park_at_entry(writer, in->layout);
    put_labels(writer, in, "%r14");
}

/* In selectgo's frame: the home slots of its first argument, the array of cases, and of its fourth, the
 * number of sends. */
static void put_select(struct writer *writer, const struct probe_fetch_input *in)
{
    put(writer, "u64", "+%d(%%r14)", in->layout->g_goid);
    put(writer, "x64", "%%r14");
    put(writer, "x64", "+8(%%bp)");
    put(writer, "x64", "+16(%%bp)");
    put(writer, "u64", "+40(%%bp)");
    put(writer, "x64", "+0(+16(%%bp))");
}

/* Who ended a wait for channels has left its sudog in g.param (runtime/chan.go); sudog.isSelect is the byte
 * before sudog.success. Without a sudog the fetches fault, which costs more than all the others. */
static void put_ready(struct writer *writer, const struct probe_fetch_input *in)
{
    const struct go_layout *l = in->layout;
    put(writer, "u64", "+%d(%%ax)", l->g_goid);
    put_curg(writer, l);
    put(writer, "x64", "+0(%%sp)");
    if (in->detail < DETAIL_ALL || l->g_param < 0 || l->sudog_success < 1 || l->sudog_c < 0) {
        put_nothing(writer);
        put_nothing(writer);
        put_nothing(writer);
        return;
    }
    put(writer, "x64", "+%d(%%ax)", l->g_param);
    put(writer, "u8", "+%d(+%d(%%ax))", l->sudog_success - 1, l->g_param);
    put(writer, "x64", "+%d(+%d(%%ax))", l->sudog_c, l->g_param);
}

static void put_net(struct writer *writer, const struct probe_fetch_input *in)
{
    put(writer, "x64", "%%bx");
    put(writer, "s32", "%%cx");
    put(writer, "x64", "+%d(%%bx)", in->layout->polldesc_rg);
    put(writer, "x64", "+%d(%%bx)", in->layout->polldesc_wg);
}

static void put_goid(struct writer *writer, const struct probe_fetch_input *in)
{
    put(writer, "u64", "+%d(%%ax)", in->layout->g_goid);
}

static void put_sched(struct writer *writer, const struct probe_fetch_input *in)
{
    const struct go_layout *l = in->layout;
    put_goid(writer, in);
    /* goschedImpl has its second argument since 1.22; 2 stands for unknown (PREEMPTED_UNKNOWN) */
    put(writer, "u8", "%s", in->minor >= 22 ? "%bx" : "\\2");
    put(writer, "x64", "+%d(%%ax)", l->g_sched_pc);
    put(writer, "x64", "+%d(%%ax)", l->g_sched_bp);
    put(writer, "x64", "+8(+%d(%%ax))", l->g_sched_bp);
    put(writer, "x64", "+0(+%d(%%ax))", l->g_sched_bp);
    put(writer, "x64", "+8(+0(+%d(%%ax)))", l->g_sched_bp);
}

static void put_coro(struct writer *writer, const struct probe_fetch_input *in)
{
    const struct go_layout *l = in->layout;
    put_goid(writer, in);
    put(writer, "x64", "+%d(%%ax)", l->g_coroarg);
    put(writer, "x64", "+%d(+%d(%%ax))", l->coro_gp, l->g_coroarg);
    put(writer, "u8", "+%d(%%ax)", l->g_coroexit);
}

/* stopTheWorldWithSema(reason) since 1.21. */
static void put_stw_begin(struct writer *writer, const struct probe_fetch_input *in)
{
    put_curg(writer, in->layout);
    if (in->minor >= 21)
        put(writer, "u8", "%%ax");
    else
        put_nothing(writer);
}

/* startTheWorldWithSema(now, worldStop{reason, start}) in 1.22, and since 1.23 with
 * {reason, startedStopping, finishedStopping, stoppingCPUTime}. */
static void put_stw_end(struct writer *writer, const struct probe_fetch_input *in)
{
    put_curg(writer, in->layout);
    if (in->minor < 22) {
        put_nothing(writer);
        put_nothing(writer);
        put_nothing(writer);
        return;
    }
    put(writer, "u8", "%%bx");
    put(writer, "u64", "%%cx");
    if (in->minor >= 23)
        put(writer, "u64", "%%di");
    else
        put_nothing(writer);
}

static void put_curg_only(struct writer *writer, const struct probe_fetch_input *in)
{
    put_curg(writer, in->layout);
}

/* The variable still has the old number; @+N is relative to the mapping of the probed file. */
static void put_gomaxprocs(struct writer *writer, const struct probe_fetch_input *in)
{
    put(writer, "s32", "%%ax");
    if (in->gomaxprocs)
        put(writer, "s32", "@+%" PRIu64, in->gomaxprocs);
    else
        put_nothing(writer);
    put(writer, "u8", in->gomaxprocs ? "\\1" : "\\0");
}

static void put_assist(struct writer *writer, const struct probe_fetch_input *in)
{
    put_goid(writer, in);
    put(writer, "u64", "%%bx");
}

static void put_p_handoff(struct writer *writer, const struct probe_fetch_input *in)
{
    put(writer, "s32", "+%d(%%ax)", in->layout->p_id);
    put(writer, "x64", "+0(%%sp)");
}

static void put_m_new(struct writer *writer, const struct probe_fetch_input *in)
{
    put_curg(writer, in->layout);
    put(writer, "u64", "+%d(%%ax)", in->layout->m_id);
}

/* (*cancelCtx).propagateCancel(parent, child) since 1.21, propagateCancel(parent, child) before. What is not
 * a timerCtx has something else, or nothing, at the place of the deadline. */
static void put_context(struct writer *writer, const struct probe_fetch_input *in)
{
    const struct go_layout *l = in->layout;
    bool is_method = in->minor >= 21;
    const char *parent = is_method ? "%cx" : "%bx", *child = is_method ? "%si" : "%di";
    put(writer, "u64", "+%d(%%r14)", l->g_goid);
    put(writer, "x64", "%s", is_method ? "%di" : "%cx");
    put(writer, "x64", "%s", child);
    put(writer, "x64", "%s", is_method ? "%bx" : "%ax");
    put(writer, "x64", "%s", parent);
    put(writer, "x64", "+0(%s)", parent);
    put(writer, "x64", "+8(%s)", parent);
    put(writer, "x64", "+0(%s)", child);
    put(writer, "x64", "+%d(%s)", l->timerctx_deadline, child);
    put(writer, "x64", "+%d(%s)", l->timerctx_deadline + 8, child);
    put(writer, "x64", "+0(%%sp)");
}

/* (*cancelCtx).cancel(removeFromParent, err, cause); the cause since 1.20. `done` is an atomic.Value: its
 * second word is the channel. */
static void put_context_end(struct writer *writer, const struct probe_fetch_input *in)
{
    const struct go_layout *l = in->layout;
    put(writer, "u64", "+%d(%%r14)", l->g_goid);
    put(writer, "x64", "%%ax");
    put(writer, "x64", "+%d(%%ax)", l->cancelctx_done + 8);
    put(writer, "x64", "+%d(%%ax)", l->cancelctx_err);
    put(writer, "x64", "%%cx");
    put(writer, "x64", "%%di");
    put(writer, "x64", "%s", in->minor >= 20 ? "%si" : "\\0");
    put(writer, "x64", "%s", in->minor >= 20 ? "%r8" : "\\0");
    put(writer, "x64", "+0(%%sp)");
}

static void (*const formats[PROBE_COUNT])(struct writer *, const struct probe_fetch_input *) = {
    [PROBE_CREATE] = put_create,
    [PROBE_EXEC] = put_exec,
    [PROBE_PARK] = put_park,
    [PROBE_SELECT] = put_select,
    [PROBE_READY] = put_ready,
    [PROBE_NET] = put_net,
    [PROBE_END] = put_goid,
    [PROBE_SCHED] = put_sched,
    [PROBE_YIELD] = put_goid,
    [PROBE_PREEMPT_PARK] = put_goid,
    [PROBE_SYSCALL_NO_P] = put_goid,
    [PROBE_CORO] = put_coro,
    [PROBE_STW_BEGIN] = put_stw_begin,
    [PROBE_STW_END] = put_stw_end,
    [PROBE_GC_START] = put_curg_only,
    [PROBE_GC_MARK_DONE] = put_curg_only,
    [PROBE_GOMAXPROCS] = put_gomaxprocs,
    [PROBE_ASSIST] = put_assist,
    [PROBE_P_LOST] = put_curg_only,
    [PROBE_P_HANDOFF] = put_p_handoff,
    [PROBE_M_NEW] = put_m_new,
    [PROBE_CONTEXT] = put_context,
    [PROBE_CONTEXT_END] = put_context_end,
};

bool probe_fetch_format(enum probe_id id, const struct probe_fetch_input *input, char *out, size_t size)
{
    struct writer writer = {.spec = probe_spec_get(id), .out = out, .size = size};
    formats[id](&writer, input);
    if (input->with_flags)
        put_text(&writer, " " PROBE_FLAGS_NAME "=%%flags:x64");
    return !writer.full;
}
