/*
 * What a hit of a probe costs on this host: measured on a child process of our own that calls a function of our own, first
 * bare, then with a probe at its `push %rbp` (an instruction that the kernel emulates) and a typical sample, then with the
 * call chain too. Takes some 20 ms. Touches no other process: the probe is armed for the child alone.
 *
 * A probe in a program of many threads, with cold caches, costs more than one in a loop: FIELD_FACTOR in hit_cost.c.
 */
#ifndef GOTAPE_RECORD_HIT_COST_H
#define GOTAPE_RECORD_HIT_COST_H

#include <stdbool.h>

#include "base/error.h"
#include "perf/uprobe.h"

struct hit_cost {
    bool is_measured;   /* false: the values of the host in kernel.md's terms, see HIT_COST_KNOWN */
    double lean_ns;     /* a hit at an emulated instruction with a sample of some values */
    double chain_ns;    /* what a call chain adds */
    double stepped_ns;  /* a hit at an instruction that is single-stepped: by a known factor */
    double switch_ns;   /* what the record pair of a thread switch costs: by a known factor */
    double scope_ns;    /* what each event that is open for the thread adds to a pair of switches: by a known factor */
};

/* Where nothing could be measured. */
struct hit_cost hit_cost_known(void);

/* Defines a probe in the group (deleted with it) and measures. */
int hit_cost_measure(struct uprobe_group *group, struct hit_cost *out, struct error *err);

#endif
