/*
 * The anchors: the first goroutine runs runtime.main and has id 1; runtime.m0, which rt0_go names, is the M of the
 * first thread; an M that runs a goroutine points at it and is pointed at. Everything is read while the program runs:
 * what may change between two reads counts only when it stays the same.
 */
#include "go/go_calibrate.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "go/go_globals.h"
#include "go/go_memory.h"
#include "go/x86_insn.h"

enum {
    SAMPLES_MAX = 128,
    G_BYTES = 0x200, /* more than the largest struct g, of which a little over 0x1c0 is in use */
    M_BYTES = 0x200,
    GOROUTINES_MAX = 1 << 30,
    RUNNING_TRIES = 3,
};

/* Goroutine states (runtime/runtime2.go). */
enum { G_IDLE = 0, G_RUNNING = 2, G_SYSCALL = 3, G_WAITING = 4, G_DEAD = 6, G_LAST = 11, G_SCAN = 0x1000 };

struct sample {
    uint64_t address;
    uint8_t bytes[G_BYTES];
};

struct calibration {
    const struct go_calibrate_input *in;
    struct go_layout layout; /* as it stands */
    struct sample *samples;
    unsigned count;
    uint64_t main_entry; /* runtime.main in the process */
    uint64_t m0;         /* 0: unknown */
    uint8_t m0_bytes[M_BYTES];
};

static uint64_t u64_at(const uint8_t *bytes, size_t size, int at)
{
    uint64_t value = 0;
    if (at >= 0)
        bytes_peek(bytes, size, (size_t)at, 8, &value);
    return value;
}

static uint64_t g_u64(const struct sample *g, int at)
{
    return u64_at(g->bytes, G_BYTES, at);
}

static unsigned status_of(const struct sample *g, const struct go_layout *layout)
{
    return (unsigned)(g_u64(g, layout->g_status) & 0xffffffff) & ~(unsigned)G_SCAN;
}

static bool is_live(const struct sample *g, const struct go_layout *layout)
{
    unsigned status = status_of(g, layout);
    return status != G_IDLE && status != G_DEAD && status != G_LAST;
}

static int contradiction(const struct calibration *c, const char *field, const char *what, struct error *err)
{
    const struct go_build_info *info = go_binary_build_info(c->in->binary);
    return error_set(err, ERR_UNSUPPORTED,
                     "the offset of %s (%s) does not fit the running process: %s; the Go that built it (%s) "
                     "is changed or newer than this gotape knows",
                     field, go_binary_layout_source_name(c->in->binary), what, info->version);
}

/*
 * rt0_go ties the first M to the first g: `lea m0(%rip),%rax; mov %rcx,(%rax); mov %rax,m(%rcx)` (asm_amd64.s), the
 * same in Go 1.18 to 1.27. 0 when it is not there.
 */
static uint64_t find_m0(const struct go_binary *binary, int *g_m_out)
{
    static const char *const names[] = {"runtime.rt0_go", "runtime.rt0_go.abi0"};
    uint64_t start, end;
    bool found = false;
    for (unsigned i = 0; i < sizeof names / sizeof *names && !found; i++)
        found = go_binary_function(binary, names[i], &start, &end);
    size_t size = found ? (size_t)(end - start) : 0;
    const uint8_t *code = found ? go_binary_bytes(binary, start, size) : NULL;
    for (size_t at = 0; code && at + 14 <= size; at++) {
        uint64_t distance;
        if (memcmp(code + at, "\x48\x8d\x05", 3) != 0 ||
            memcmp(code + at + 7, "\x48\x89\x08\x48\x89\x41", 6) != 0)
            continue;
        bytes_peek(code, size, at + 3, 4, &distance);
        *g_m_out = code[at + 13];
        return start + at + 7 + (uint64_t)(int64_t)(int32_t)distance;
    }
    return 0;
}

/* Reads the first goroutines. 1; 0: there are none yet; negative. */
static int read_samples(struct calibration *c, struct error *err)
{
    struct go_globals globals;
    uint64_t length, array, pointers[SAMPLES_MAX];
    struct go_memory memory = c->in->memory;
    if (!go_globals_find(c->in->binary, &globals))
        return error_set(err, ERR_UNSUPPORTED,
                         "the list of goroutines (runtime.allgs) was not found in the program");
    if (!go_memory_read(memory, globals.allglen + c->in->bias, &length, sizeof length) ||
        !go_memory_read(memory, globals.allgptr + c->in->bias, &array, sizeof array))
        return error_sys(err, "cannot read the memory of process %d", (int)memory.pid);
    if (length == 0 || array == 0)
        return 0;
    unsigned count = length < SAMPLES_MAX ? (unsigned)length : SAMPLES_MAX;
    if (length > GOROUTINES_MAX || !go_memory_read(memory, array, pointers, count * sizeof *pointers))
        return contradiction(c, "allgs", "it is no list of goroutines", err);
    for (unsigned i = 0; i < count; i++) {
        struct sample *g = &c->samples[c->count];
        g->address = pointers[i];
        if (!go_memory_read(memory, pointers[i], g->bytes, G_BYTES))
            return contradiction(c, "allgs", "it is no list of goroutines", err);
        c->count++;
    }
    return 1;
}

/* Looks at m0, where it could be found. */
static int read_m0(struct calibration *c, struct error *err)
{
    int g_m;
    uint64_t address = find_m0(c->in->binary, &g_m);
    if (address == 0)
        return 0;
    if (g_m != c->layout.g_m)
        return contradiction(c, "g.m", "the program's start sets another field", err);
    if (go_memory_read(c->in->memory, address + c->in->bias, c->m0_bytes, M_BYTES))
        c->m0 = address + c->in->bias;
    return 0;
}

/* -- measuring, for a release that the table does not have */

static bool goid_fits(const struct calibration *c, int at)
{
    struct go_layout layout = c->layout;
    layout.g_status = at - 8;
    if (g_u64(&c->samples[0], at) != 1)
        return false;
    for (unsigned i = 0; i < c->count; i++) {
        uint64_t goid = g_u64(&c->samples[i], at);
        if (status_of(&c->samples[i], &layout) > G_LAST || goid >> 48)
            return false;
        for (unsigned k = 0; k < i && is_live(&c->samples[i], &layout); k++) {
            if (is_live(&c->samples[k], &layout) && g_u64(&c->samples[k], at) == goid)
                return false;
        }
    }
    return true;
}

static bool startpc_fits(const struct calibration *c, int at)
{
    return g_u64(&c->samples[0], at) == c->main_entry;
}

static bool procid_fits(const struct calibration *c, int at)
{
    return c->m0 && u64_at(c->m0_bytes, M_BYTES, at) == (uint64_t)c->in->main_tid;
}

/* The only multiple of 8 in [from, to) that fits, or -1. */
static int only_fit(const struct calibration *c, int from, int to,
                    bool (*fits)(const struct calibration *c, int at))
{
    int found = -1;
    for (int at = from; at < to; at += 8) {
        if (!fits(c, at))
            continue;
        if (found >= 0)
            return -1;
        found = at;
    }
    return found;
}

/* pollDesc.rg and wg are the first two addresses that netpollblock takes (runtime/netpoll.go). */
static bool poll_offsets_agree(const struct calibration *c)
{
    uint64_t start, end;
    if (!go_binary_function(c->in->binary, "runtime.netpollblock", &start, &end))
        return false;
    size_t size = (size_t)(end - start);
    const uint8_t *code = go_binary_bytes(c->in->binary, start, size);
    int64_t expected[2] = {c->layout.polldesc_rg, c->layout.polldesc_wg};
    unsigned seen = 0;
    struct x86_insn insn;
    for (size_t at = 0; code && at < size && seen < 2; at += insn.length) {
        if (!x86_insn_decode(code + at, size - at, &insn))
            return false;
        bool is_lea = !insn.vex && insn.map == X86_MAP_ONE && insn.opcode == 0x8d && insn.rm == X86_AX;
        if (is_lea && x86_insn_displacement(&insn, code + at) != expected[seen++])
            return false;
    }
    return seen == 2;
}

/* A goroutine that waits for a channel shows its sudog and the channel. */
static bool shows_chan(const struct calibration *c, const struct sample *g)
{
    const struct go_layout *l = &c->layout;
    uint8_t sudog[0x80], hchan[0x80];
    uint64_t waiting = g_u64(g, l->g_waiting), type_size;
    if (status_of(g, l) != G_WAITING || waiting == 0 || waiting % 8 ||
        !go_memory_read(c->in->memory, waiting, sudog, sizeof sudog) ||
        u64_at(sudog, sizeof sudog, l->sudog_g) != g->address)
        return false;
    uint64_t channel = u64_at(sudog, sizeof sudog, l->sudog_c);
    if (channel == 0 || channel % 8 || !go_memory_read(c->in->memory, channel, hchan, sizeof hchan))
        return false;
    uint64_t type = u64_at(hchan, sizeof hchan, l->hchan_elemtype);
    uint64_t first_receiver = u64_at(hchan, sizeof hchan, l->hchan_recvq);
    uint64_t first_sender = u64_at(hchan, sizeof hchan, l->hchan_sendq);
    uint64_t size = u64_at(hchan, sizeof hchan, l->hchan_elemsize) & 0xffff;
    return (first_receiver == waiting || first_sender == waiting) && type % 8 == 0 &&
           go_memory_read(c->in->memory, type, &type_size, sizeof type_size) && type_size == size &&
           u64_at(hchan, sizeof hchan, l->hchan_qcount) <= u64_at(hchan, sizeof hchan, l->hchan_dataqsiz);
}

static bool any_shows_chan(const struct calibration *c)
{
    for (unsigned i = 0; i < c->count; i++) {
        if (shows_chan(c, &c->samples[i]))
            return true;
    }
    return false;
}

static void move(int *const *fields, size_t count, int distance)
{
    for (size_t i = 0; i < count; i++) {
        if (*fields[i] >= 0)
            *fields[i] += distance;
    }
}

#define MOVE(distance, ...)                                                                                  \
    move((int *const[]){__VA_ARGS__}, sizeof(int *const[]){__VA_ARGS__} / sizeof(int *), (distance))

static int unmeasured(const struct calibration *c, const char *what, struct error *err)
{
    return error_set(err, ERR_UNSUPPORTED,
                     "the program was built with %s, which is newer than this gotape knows, and has no debug "
                     "information (DWARF); %s: use a newer gotape, or build the program with DWARF",
                     go_binary_build_info(c->in->binary)->version, what);
}

/* Fields that lie together move together: they did from Go 1.18 to 1.27. */
static int adapt(struct calibration *c, struct error *err)
{
    struct go_layout *l = &c->layout;
    int goid = only_fit(c, 0x80, 0xe0, goid_fits);
    int startpc = only_fit(c, 0xe0, 0x1a0, startpc_fits);
    int procid = only_fit(c, 0x28, 0x80, procid_fits);
    if (goid < 0 || startpc < 0)
        return unmeasured(c, "the fields of its goroutines could not be told apart", err);
    if (procid < 0)
        return unmeasured(c, "the fields of its threads could not be told apart", err);
    MOVE(goid - l->g_goid, &l->g_goid, &l->g_status, &l->g_waitsince, &l->g_waitreason, &l->g_preempt);
    MOVE(startpc - l->g_startpc, &l->g_startpc, &l->g_gopc, &l->g_waiting, &l->g_labels, &l->g_parent_goid,
         &l->g_timer, &l->g_sleepwhen);
    MOVE(procid - l->m_procid, &l->m_procid, &l->m_curg, &l->m_p, &l->m_id);
    if (!poll_offsets_agree(c))
        return unmeasured(c, "where its network poller keeps waiting goroutines is not known", err);
    if (!any_shows_chan(c))
        return unmeasured(c, "no goroutine waits for a channel now, by which the offsets could be checked",
                          err);
    l->g_coroarg = l->g_coroexit = l->g_lockedm = l->g_param = -1;
    l->m_waitlock = l->timer_when = l->sudog_success = -1;
    l->cancelctx_done = l->cancelctx_err = l->cancelctx_cause = l->timerctx_deadline = -1;
    return 0;
}

/* -- comparing */

static bool is_go_code(const struct calibration *c, uint64_t address)
{
    struct go_frame frame;
    return go_binary_symbolize(c->in->binary, address - c->in->bias, false, &frame, 1) == 1;
}

static int compare_goroutine(const struct calibration *c, const struct sample *g, struct error *err)
{
    const struct go_layout *l = &c->layout;
    uint64_t goid = g_u64(g, l->g_goid), startpc = g_u64(g, l->g_startpc);
    if (status_of(g, l) > G_LAST)
        return contradiction(c, "g.atomicstatus", "it is no state of a goroutine", err);
    if (!is_live(g, l))
        return 0;
    if (goid == 0 || goid >> 48)
        return contradiction(c, "g.goid", "it is no number of a goroutine", err);
    /* those of C threads have no function */
    if (startpc && !is_go_code(c, startpc))
        return contradiction(c, "g.startpc", "it is no function", err);
    if (goid == 1 && startpc != c->main_entry)
        return contradiction(c, "g.startpc", "goroutine 1 does not begin with runtime.main", err);
    if (startpc == c->main_entry && goid != 1)
        return contradiction(c, "g.goid", "the goroutine of runtime.main has not number 1", err);
    if (status_of(g, l) == G_WAITING && g->bytes[l->g_waitreason] >= c->in->reason_count)
        return contradiction(c, "g.waitreason", "it is no reason to wait", err);
    for (const struct sample *other = c->samples; other < g; other++) {
        if (is_live(other, l) && g_u64(other, l->g_goid) == goid)
            return contradiction(c, "g.goid", "two goroutines have the same number", err);
    }
    return 0;
}

/* A goroutine on a thread: g.m.curg is g. 1: seen; 0: it is on none, or was on the move. */
static int compare_running(const struct calibration *c, struct sample *g, struct error *err)
{
    const struct go_layout *l = &c->layout;
    for (unsigned try = 0; try < RUNNING_TRIES; try++) {
        uint8_t m_bytes[M_BYTES], again[G_BYTES];
        uint64_t m = g_u64(g, l->g_m);
        unsigned status = status_of(g, l);
        if (m == 0 || (status != G_RUNNING && status != G_SYSCALL))
            return 0;
        bool read = go_memory_read(c->in->memory, m, m_bytes, M_BYTES);
        if (read && u64_at(m_bytes, M_BYTES, l->m_curg) == g->address)
            return 1;
        if (!go_memory_read(c->in->memory, g->address, again, G_BYTES))
            return 0;
        bool same = memcmp(again + l->g_status, g->bytes + l->g_status, 4) == 0 && g_u64(g, l->g_m) == m;
        memcpy(g->bytes, again, G_BYTES);
        if (same && try + 1 == RUNNING_TRIES)
            return contradiction(c, "m.curg", "the thread of a running goroutine does not point at it", err);
    }
    return 0;
}

/* 1, or negative. */
static int compare(struct calibration *c, struct error *err)
{
    const struct go_layout *l = &c->layout;
    for (unsigned i = 0; i < c->count; i++) {
        int rc = compare_goroutine(c, &c->samples[i], err);
        if (rc == 0)
            rc = compare_running(c, &c->samples[i], err);
        if (rc < 0)
            return rc;
    }
    uint64_t procid = u64_at(c->m0_bytes, M_BYTES, l->m_procid);
    if (c->m0 && c->in->main_tid && procid != (uint64_t)c->in->main_tid)
        return contradiction(c, "m.procid", "it is not the number of the first thread", err);
    return 1;
}

static bool holds(const uint8_t *bytes, size_t size, uint64_t value)
{
    bool found = false;
    for (size_t at = 0; at + 8 <= size; at += 8)
        found = found || u64_at(bytes, size, (int)at) == value;
    return found;
}

/* The first goroutine is in allgs before it is complete; the first thread notes its number soon after. */
static bool is_early(const struct calibration *c)
{
    if (c->count == 1 && !holds(c->samples[0].bytes, G_BYTES, c->main_entry))
        return true;
    return c->m0 && c->in->main_tid && !holds(c->m0_bytes, M_BYTES, (uint64_t)c->in->main_tid);
}

int go_calibrate(const struct go_calibrate_input *in, struct go_layout *out, struct error *err)
{
    struct calibration c = {.in = in, .layout = *go_binary_layout(in->binary)};
    uint64_t end;
    if (!go_binary_function(in->binary, "runtime.main", &c.main_entry, &end))
        return error_set(err, ERR_UNSUPPORTED, "the program has no function runtime.main");
    c.main_entry += in->bias;
    c.samples = calloc(SAMPLES_MAX, sizeof *c.samples);
    if (!c.samples)
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = read_samples(&c, err);
    if (rc == 1)
        rc = read_m0(&c, err) < 0 ? ERR_UNSUPPORTED : 1;
    if (rc == 1 && is_early(&c))
        rc = 0;
    if (rc == 1 && go_binary_layout_source(in->binary) == LAYOUT_FROM_NEWEST_ROW && adapt(&c, err) != 0)
        rc = ERR_UNSUPPORTED;
    if (rc == 1)
        rc = compare(&c, err);
    if (rc == 1)
        *out = c.layout;
    free(c.samples);
    return rc;
}
