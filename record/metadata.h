/*
 * Fills the facts about a recording (schema/format/trace_meta.h lists the keys). Not collected: the
 * environment, and the arguments unless asked for.
 */
#ifndef GOTAPE_RECORD_METADATA_H
#define GOTAPE_RECORD_METADATA_H

#include "format/chunk.h"
#include "format/trace_meta.h"
#include "go/go_process.h"
#include "go/probe_plan.h"
#include "record_options.h"
#include "span_probes.h"
#include "target.h"

/* The three clocks, as near to one moment as can be had. */
void metadata_read_clocks(struct chunk_clocks *out);
/* 16 random bytes. */
int metadata_random_id(uint8_t out[16], struct error *err);

struct metadata_input {
    const struct record_options *options;
    const struct target *target;
    const struct go_binary *binary;
    const struct probe_plan *plan;
    const struct span_probes *spans;
    const uint8_t *trace_id;
    const struct chunk_clocks *start;
    const char *const *reasons;
    size_t reason_count;
    unsigned gomaxprocs; /* 0: unknown */
    uint64_t ring_bytes;
    unsigned probe_count, program_count; /* with perf, and those of them that have BPF programs */
};

int metadata_fill(const struct metadata_input *in, struct trace_meta *out, struct error *err);

#endif
