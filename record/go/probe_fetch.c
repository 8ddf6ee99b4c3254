/*
 * Registers follow Go's ABIInternal: arguments in ax bx cx di si, the current g in r14, and r14 is g0 where
 * the scheduler runs. A pointer that may be NULL is fetched as a value of its own before what hangs on it.
 */
#include "go/probe_fetch.h"

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

/* m.curg of the thread: the user goroutine, when the code at hand runs on g0. */
static void put_curg(struct writer *writer, const struct go_layout *l)
{
    put(writer, "x64", "+%d(+%d(%%r14))", l->m_curg, l->g_m);
    put(writer, "u64", "+%d(+%d(+%d(%%r14)))", l->g_goid, l->m_curg, l->g_m);
}

static void put_create(struct writer *writer, const struct probe_fetch_input *in)
{
    const struct go_layout *l = in->layout;
    put(writer, "x64", "%s", in->g);
    put(writer, "u64", "+%d(%s)", l->g_goid, in->g);
    put(writer, "u32", "+%d(%s)", l->g_status, in->g);
    put(writer, "x64", "+%d(%s)", l->g_startpc, in->g);
    put_curg(writer, l);
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
static void put_park(struct writer *writer, const struct go_layout *l)
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

static void put_select(struct writer *writer, const struct go_layout *l)
{
    put(writer, "u64", "+%d(%%r14)", l->g_goid);
    put(writer, "x64", "+8(%%bp)");
    put(writer, "x64", "+16(%%bp)");
    put(writer, "x64", "+0(+16(%%bp))");
}

static void put_net(struct writer *writer, const struct go_layout *l)
{
    put(writer, "x64", "%%bx");
    put(writer, "s32", "%%cx");
    put(writer, "x64", "+%d(%%bx)", l->polldesc_rg);
    put(writer, "x64", "+%d(%%bx)", l->polldesc_wg);
}

static void put_sched(struct writer *writer, const struct probe_fetch_input *in)
{
    const struct go_layout *l = in->layout;
    put(writer, "u64", "+%d(%%ax)", l->g_goid);
    /* goschedImpl has its second argument since 1.22; 2 stands for unknown (PREEMPTED_UNKNOWN) */
    put(writer, "u8", "%s", in->minor >= 22 ? "%bx" : "\\2");
    put(writer, "x64", "+%d(%%ax)", l->g_sched_pc);
    put(writer, "x64", "+%d(%%ax)", l->g_sched_bp);
    put(writer, "x64", "+8(+%d(%%ax))", l->g_sched_bp);
    put(writer, "x64", "+0(+%d(%%ax))", l->g_sched_bp);
    put(writer, "x64", "+8(+0(+%d(%%ax)))", l->g_sched_bp);
}

static void put_coro(struct writer *writer, const struct go_layout *l)
{
    put(writer, "u64", "+%d(%%ax)", l->g_goid);
    put(writer, "x64", "+%d(%%ax)", l->g_coroarg);
    put(writer, "x64", "+%d(+%d(%%ax))", l->coro_gp, l->g_coroarg);
    put(writer, "u8", "+%d(%%ax)", l->g_coroexit);
}

bool probe_fetch_format(enum probe_id id, const struct probe_fetch_input *input, char *out, size_t size)
{
    const struct go_layout *l = input->layout;
    struct writer writer = {.spec = probe_spec_get(id), .out = out, .size = size};
    switch (id) {
    case PROBE_CREATE:
        put_create(&writer, input);
        break;
    case PROBE_EXEC:
        put_exec(&writer, input);
        break;
    case PROBE_PARK:
        if (input->park_is_copy)
            put_park_copy(&writer, l);
        else
            put_park(&writer, l);
        break;
    case PROBE_SELECT:
        put_select(&writer, l);
        break;
    case PROBE_READY:
        put(&writer, "u64", "+%d(%%ax)", l->g_goid);
        put_curg(&writer, l);
        put(&writer, "x64", "+0(%%sp)");
        break;
    case PROBE_NET:
        put_net(&writer, l);
        break;
    case PROBE_SCHED:
        put_sched(&writer, input);
        break;
    case PROBE_CORO:
        put_coro(&writer, l);
        break;
    default:
        put(&writer, "u64", "+%d(%%ax)", l->g_goid);
        break;
    }
    if (input->with_flags)
        put_text(&writer, " " PROBE_FLAGS_NAME "=%%flags:x64");
    return !writer.full;
}
