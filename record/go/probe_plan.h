/*
 * Where the probes of probe_table.h sit in one binary: function, instruction, cost class, fetch arguments.
 * Sites are found by instruction pattern in the bytes at hand, never from a table of offsets.
 */
#ifndef GOTAPE_RECORD_PROBE_PLAN_H
#define GOTAPE_RECORD_PROBE_PLAN_H

#include "go/go_binary.h"
#include "go/probe_site.h"
#include "go/probe_table.h"

enum probe_cost {
    PROBE_COST_EMULATED,    /* the kernel emulates the instruction: about 0.5 us a hit, one exception */
    PROBE_COST_SINGLE_STEP, /* the kernel steps a copy: 20 times dearer */
};

struct probe_site {
    bool found;
    char function[64];        /* "runtime.gopark" */
    uint64_t address;         /* virtual address in the file */
    uint64_t function_offset; /* address - entry of the function */
    uint64_t file_offset;     /* for tracefs */
    char instruction[24];     /* "push %rbp" */
    enum probe_cost cost;
    bool may_restart; /* probe_site.h; then `fetch` ends with PROBE_FLAGS_NAME, a value behind those of the
                         probe's spec: a hit with PROBE_JBE_FLAGS in it did not happen */
    uint8_t bytes[8]; /* first bytes at the site, to be compared with the live process just before arming */
    unsigned byte_count;
    char fetch[1024];  /* tracefs fetch arguments: "goid=+152(%r14):u64 …", names as in probe_spec.values */
    char missing[160]; /* when not found: why, for the user */
    bool unneeded;     /* when not found: this program cannot come here, so nothing is lost */
};

/* Profile-guided builds (-pgo) may have inlined copies of gopark in a few functions of the runtime. */
#define PROBE_COPIES_MAX 16

struct probe_plan {
    enum record_detail detail;
    struct probe_site sites[PROBE_COUNT];
    struct probe_site copies[PROBE_COPIES_MAX]; /* further sites of PROBE_PARK, all found */
    unsigned copy_count;
    bool left_out[PROBE_COUNT]; /* on request (probe_choice.h) */
    bool loses_semaphores;      /* semacquire1 does not keep what it waits for where the park probe looks */
    char note[512];             /* inlined copies and other doubts; "" when there are none */
};

/* Found, part of the plan's level of detail, and not left out. */
bool probe_plan_is_armed(const struct probe_plan *plan, enum probe_id id);

/* The name of a copy's event: "park_2", "park_3" … */
#define PROBE_COPY_NAME_SIZE 16
void probe_copy_name(unsigned copy, char out[PROBE_COPY_NAME_SIZE]);

/* Finds the sites of all probes, also of those that are armed from a higher level of detail on (probe_table.h): the
 * level decides what is fetched. Of a program for arm64 only the places (arm64_plan.h). Fails when a required probe has no site, with the reason. */
int probe_plan_make(const struct go_binary *binary, enum record_detail detail, struct probe_plan *out,
                    struct error *err);

/* Fills a site (without `fetch`) for a place in the code of a function, as one whose instruction is emulated; false
 * when it lies outside of the executable segments. */
bool probe_plan_settle(const struct go_binary *binary, const char *function, const struct code *code,
                       const struct place *place, struct probe_site *site);

#endif
