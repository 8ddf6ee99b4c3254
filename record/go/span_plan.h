/*
 * Where the probes of a function of the program sit: at its entry, and at each of its returns.
 *
 * A return is a `ret`, which the kernel single-steps (some 16 us). Nothing cheaper is as exact: the instructions
 * before it release the frame and are single-stepped as well, and the last emulated one may lie before work of the
 * function. A function that leaves by a tail call, a panic or runtime.Goexit passes none of them.
 */
#ifndef GOTAPE_RECORD_SPAN_PLAN_H
#define GOTAPE_RECORD_SPAN_PLAN_H

#include "go/probe_plan.h"

#define SPAN_RETURNS_MAX 32

struct span_plan {
    struct probe_site entry;
    struct probe_site *returns; /* owned */
    unsigned return_count;
    bool has_copies; /* the function was inlined somewhere, too: these calls are not seen */
};

/* `values` are fetch arguments for the entry, behind the goroutine's id: "value_1=%ax:u64 …". ERR_USAGE: no such
 * function (with what it may be instead); ERR_UNSUPPORTED: it cannot be probed. */
int span_plan_make(const struct go_binary *binary, const char *function, const char *values,
                   struct span_plan *out, struct error *err);
void span_plan_release(struct span_plan *self);

#endif
