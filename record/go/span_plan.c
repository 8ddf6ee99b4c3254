#include "go/span_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "go/x86_insn.h"

#define SUGGESTIONS  3
#define DISTANCE_MAX 4

struct suggestions {
    const char *wanted, *wanted_last;
    const char *names[SUGGESTIONS];
    unsigned distance[SUGGESTIONS];
};

/* What stands behind the last dot: the method, or the function without its package. */
static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static void suggest(void *context, const char *name)
{
    struct suggestions *self = context;
    unsigned distance = suggest_distance(self->wanted, name);
    if (distance > DISTANCE_MAX && strcmp(last_part(name), self->wanted_last) == 0)
        distance = DISTANCE_MAX;
    if (distance > DISTANCE_MAX)
        return;
    for (unsigned i = 0; i < SUGGESTIONS; i++) {
        if (self->names[i] && self->distance[i] <= distance)
            continue;
        memmove(self->names + i + 1, self->names + i, (SUGGESTIONS - 1 - i) * sizeof *self->names);
        memmove(self->distance + i + 1, self->distance + i, (SUGGESTIONS - 1 - i) * sizeof *self->distance);
        self->names[i] = name;
        self->distance[i] = distance;
        return;
    }
}

static void note_copy(void *context, size_t which, const char *into)
{
    (void)which;
    (void)into;
    *(bool *)context = true;
}

static int unknown_function(const struct go_binary *binary, const char *function, bool has_copies,
                            struct error *err)
{
    if (has_copies)
        return error_set(
            err, ERR_UNSUPPORTED,
            "%s cannot be probed: the compiler has inlined it everywhere (//go:noinline prevents "
            "that)",
            function);
    struct suggestions found = {.wanted = function, .wanted_last = last_part(function)};
    go_binary_each_function(binary, suggest, &found);
    if (!found.names[0])
        return error_set(err, ERR_USAGE, "the program has no function %s", function);
    return error_set(err, ERR_USAGE, "the program has no function %s (did you mean %s%s%s%s%s?)",
                     function, found.names[0], found.names[1] ? ", " : "",
                     found.names[1] ? found.names[1] : "", found.names[2] ? ", " : "",
                     found.names[2] ? found.names[2] : "");
}

/* A function without a frame may be probed at its first instruction: it has no stack check, so it is not
 * entered again. */
static bool find_entry(const struct code *code, struct place *out, enum probe_cost *cost_out)
{
    struct x86_insn insn;
    *cost_out = PROBE_COST_EMULATED;
    if (probe_site_entry(code, out))
        return true;
    *cost_out = PROBE_COST_SINGLE_STEP;
    if (!x86_insn_decode(code->bytes, code->size, &insn))
        return false;
    *out = (struct place){.offset = 0, .length = insn.length, .instruction = "first"};
    return true;
}

static bool is_padding(const struct code *code, size_t at)
{
    for (; at < code->size; at++) {
        if (code->bytes[at] != 0xcc)
            return false;
    }
    return true;
}

/* How many returns there are (at most SPAN_RETURNS_MAX are written); -1: there is an unknown instruction. */
static int find_returns(const struct code *code, struct place *out)
{
    struct x86_insn insn;
    int count = 0;
    for (size_t at = 0; at < code->size; at += insn.length) {
        if (!x86_insn_decode(code->bytes + at, code->size - at, &insn))
            return is_padding(code, at) ? count : -1;
        if (!x86_insn_is_ret(&insn))
            continue;
        if (count < SPAN_RETURNS_MAX)
            out[count] = (struct place){.offset = at, .length = insn.length, .instruction = "ret"};
        count++;
    }
    return count;
}

static bool format_fetch(const struct go_binary *binary, const char *values, struct probe_site *site)
{
    int length = snprintf(site->fetch, sizeof site->fetch, "goid=+%d(%%r14):u64%s%s%s",
                          go_binary_layout(binary)->g_goid, *values ? " " : "", values,
                          site->may_restart ? " " PROBE_FLAGS_NAME "=%flags:x64" : "");
    return length > 0 && (size_t)length < sizeof site->fetch;
}

static int settle_all(const struct go_binary *binary, const char *function, const char *values,
                      const struct code *code, struct span_plan *plan, struct error *err)
{
    struct place entry, returns[SPAN_RETURNS_MAX];
    enum probe_cost cost;
    int count = find_returns(code, returns);
    if (count < 0 || !find_entry(code, &entry, &cost))
        return error_set(err, ERR_UNSUPPORTED,
                         "%s cannot be probed: it has instructions that gotape does not know", function);
    if (count > SPAN_RETURNS_MAX)
        return error_set(err, ERR_UNSUPPORTED,
                         "%s cannot be probed: it returns at %d places, %d are possible", function, count,
                         SPAN_RETURNS_MAX);
    plan->returns = calloc(count ? (size_t)count : 1, sizeof *plan->returns);
    if (!plan->returns)
        return error_set(err, ERR_NOMEM, "out of memory");
    bool settled = probe_plan_settle(binary, function, code, &entry, &plan->entry) &&
                   format_fetch(binary, values, &plan->entry);
    plan->entry.cost = cost;
    for (int i = 0; i < count && settled; i++) {
        struct probe_site *site = &plan->returns[plan->return_count++];
        settled =
            probe_plan_settle(binary, function, code, &returns[i], site) && format_fetch(binary, "", site);
        site->cost = PROBE_COST_SINGLE_STEP;
    }
    return settled
               ? 0
               : error_set(err, ERR_UNSUPPORTED, "%s cannot be probed: too much is to be fetched", function);
}

int span_plan_make(const struct go_binary *binary, const char *function, const char *values,
                   struct span_plan *out, struct error *err)
{
    struct span_plan plan;
    struct code code;
    uint64_t end;
    memset(&plan, 0, sizeof plan);
    go_binary_each_inlined(binary, &function, 1, note_copy, &plan.has_copies);
    if (!go_binary_function(binary, function, &code.address, &end))
        return unknown_function(binary, function, plan.has_copies, err);
    code.size = (size_t)(end - code.address);
    code.bytes = go_binary_bytes(binary, code.address, code.size);
    if (!code.bytes)
        return error_set(err, ERR_UNSUPPORTED, "%s cannot be probed: its code is not in the file", function);
    int rc = settle_all(binary, function, values, &code, &plan, err);
    if (rc != 0) {
        span_plan_release(&plan);
        return rc;
    }
    *out = plan;
    return 0;
}

void span_plan_release(struct span_plan *self)
{
    free(self->returns);
    self->returns = NULL;
    self->return_count = 0;
}
