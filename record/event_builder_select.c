/*
 * The channels of a select that is about to park.
 *
 * scases lie in memory as runtime/select.go wants them: sends in source order, then receives in reverse source
 * order. How many there are of both, and how they are mixed in the source, tells the code that calls selectgo;
 * reflect.Select passes the numbers in registers: then the goroutine's sudogs tell. The first cases are fetched by the probe, the others read from
 * the goroutine's stack a little later: they are believed as long as the first ones are still there.
 */
#include "event_builder_impl.h"

#include <string.h>

#include "go/go_memory.h"

struct scase {
    uint64_t hchan, elem; /* runtime.scase */
};

struct select_cases {
    struct scase cases[SELECT_CASES_MAX];
    unsigned known; /* of these, from the first one on */
    unsigned sends, total;
};

static void take_fetched(const struct record *r, struct select_cases *out)
{
    for (unsigned i = 0; i < SELECT_ARRAY_CASES; i++)
        out->cases[i] =
            (struct scase){r->value[V_SELECT_ARRAY + 2 * i], r->value[V_SELECT_ARRAY + 2 * i + 1]};
}

/* Reads cases up to `count` from the stack; false when what was fetched is not there any more. */
static bool read_cases(const struct event_builder *self, const struct record *r, unsigned count,
                       struct select_cases *out)
{
    struct scase cases[SELECT_CASES_MAX];
    unsigned fetched = count < SELECT_ARRAY_CASES ? count : SELECT_ARRAY_CASES;
    if (count > SELECT_CASES_MAX ||
        !go_memory_read(go_process_memory(self->o.process), r->value[V_SELECT_CASES], cases,
                        count * sizeof *cases) ||
        memcmp(cases, out->cases, fetched * sizeof *cases) != 0)
        return false;
    memcpy(out->cases, cases, count * sizeof *cases);
    return true;
}

static uint64_t return_address_of(const struct event_builder *self, const struct record *r)
{
    return r->value[V_SELECT_RET] - go_process_bias(self->o.process);
}

static bool count_by_caller(struct event_builder *self, const struct record *r, struct select_cases *out)
{
    unsigned receives;
    if (!go_binary_select_counts(self->o.binary, return_address_of(self, r), &out->sends, &receives))
        return false;
    out->total = out->sends + receives;
    return true;
}

static uint64_t word_at(const uint8_t *bytes, int offset)
{
    uint64_t value;
    memcpy(&value, bytes + offset, sizeof value);
    return value;
}

/* Does a sudog stand for one of the cases? Its elem is the case's. */
static bool has_case(const struct select_cases *cases, unsigned count, uint64_t hchan, uint64_t elem)
{
    for (unsigned i = 0; i < count; i++) {
        if (cases->cases[i].hchan == hchan && cases->cases[i].elem == elem)
            return true;
    }
    return false;
}

#define SUDOG_SIZE_MAX 128
#define G_SIZE_MAX     1024

/*
 * As long as the goroutine waits, g.waiting lists its sudogs, one for each case with a channel (runtime/select.go,
 * in the order of the channels' addresses). So many cases must be at the array's begin, and these ones; with nil
 * channels among them there are more, which is not to be seen: then nothing is told.
 */
static bool count_by_sudogs(const struct event_builder *self, const struct record *r,
                            struct select_cases *out)
{
    const struct go_layout *l = self->layout;
    struct scase waiting[SELECT_CASES_MAX];
    uint8_t sudog[SUDOG_SIZE_MAX];
    uint64_t goid, at;
    unsigned count = 0;
    struct go_memory memory = go_process_memory(self->o.process);
    int end = l->sudog_c > l->sudog_waitlink ? l->sudog_c : l->sudog_waitlink;
    size_t size = (size_t)(end > l->sudog_elem ? end : l->sudog_elem) + 8;
    uint64_t g = r->value[V_SELECT_G];
    if (size > sizeof sudog || !go_memory_read(memory, g + (uint64_t)l->g_goid, &goid, sizeof goid) ||
        goid != r->value[V_SELECT_GOID] ||
        !go_memory_read(memory, g + (uint64_t)l->g_waiting, &at, sizeof at))
        return false;
    for (; at; at = word_at(sudog, l->sudog_waitlink)) {
        if (count == SELECT_CASES_MAX || !go_memory_read(memory, at, sudog, size) ||
            word_at(sudog, l->sudog_g) != g)
            return false;
        waiting[count++] = (struct scase){word_at(sudog, l->sudog_c), word_at(sudog, l->sudog_elem)};
    }
    out->sends = (unsigned)r->value[V_SELECT_SENDS];
    if (count == 0 || r->value[V_SELECT_SENDS] > count || !read_cases(self, r, count, out))
        return false;
    for (unsigned i = 0; i < count; i++) {
        if (!has_case(out, count, waiting[i].hchan, waiting[i].elem))
            return false;
    }
    out->total = out->known = count;
    return true;
}

static bool find_cases(struct event_builder *self, const struct record *r, struct select_cases *out)
{
    if (!r->value[V_SELECT_CASES])
        return false;
    take_fetched(r, out);
    if (!count_by_caller(self, r, out))
        return count_by_sudogs(self, r, out);
    out->known = out->total;
    if (out->total > SELECT_ARRAY_CASES && !read_cases(self, r, out->total, out))
        out->known = SELECT_ARRAY_CASES;
    return true;
}

bool build_select(struct event_builder *self, const struct record *r, struct event *e)
{
    struct select_cases found;
    struct def_case cases[SELECT_CASES_MAX];
    e->f[SELECT_GOID] = r->value[V_SELECT_GOID];
    if (!find_cases(self, r, &found))
        return true;
    unsigned known = found.known, sends = found.sends;
    struct def_set set = {
        .cases = cases, .case_count = known, .flags = known < found.total ? SET_INCOMPLETE : 0};
    uint8_t order[GO_SELECT_ORDER_MAX];
    bool is_ordered =
        known == found.total && go_binary_select_order(self->o.binary, return_address_of(self, r), order);
    for (unsigned i = 0; i < known; i++) {
        bool is_send = i < sends;
        /* Of a cut list the missing receives are the first ones of the source: the known ones keep their
         * order. */
        unsigned place = is_ordered ? order[i] : is_send ? i : sends + (known - 1 - i);
        cases[place] = (struct def_case){object_table_chan(self->o.objects, found.cases[i].hchan, r->time_ns),
                                         is_send ? SELECT_SEND : SELECT_RECV};
    }
    e->f[SELECT_SET] = trace_writer_set(self->o.writer, &set);
    return true;
}
