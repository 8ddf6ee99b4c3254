/*
 * What one load consists of: the trackers, and what lies between them. Set up and torn down here, fed by load_stages.c and
 * stages_chunk.c.
 */
#ifndef GOTAPE_REPLAY_STAGES_H
#define GOTAPE_REPLAY_STAGES_H

#include "format/trace_reader.h"
#include "load/anomaly.h"
#include "load/binding.h"
#include "load/call_sums.h"
#include "load/clock_check.h"
#include "load/context_log.h"
#include "load/goroutine_tracker.h"
#include "load/labels.h"
#include "load/load_stages.h"
#include "load/merge.h"
#include "load/pause_log.h"
#include "load/row_writer.h"
#include "load/runtime_log.h"
#include "load/span_log.h"
#include "load/symbolize.h"
#include "load/sync_object.h"
#include "load/wait_reasons.h"
#include "load/wait_sums.h"

struct stages {
    struct load_run *run;
    struct store *store;
    struct trace_reader *reader;
    struct row_writer *rows;
    struct anomaly_log *anomalies;
    struct symbolizer *symbols;
    struct sync_objects *objects;
    struct labels *labels;
    struct runtime_log *runtime;
    struct context_log *contexts;
    struct span_log *spans;
    struct wait_sums *sums;
    struct call_sums *call_sums;
    struct pause_log pauses;
    struct error pause_error;
    struct wait_reasons reasons;
    struct merge *merge;
    struct sorted_index *switches; /* packed_switch_tid */
    struct binding *binding;
    struct goroutine_tracker *tracker;
    struct clock_check clocks;
    bool is_started;
    uint64_t start_ns, now, watermark;
    uint64_t recorded_end_ns; /* as told by the END chunk; 0: not told */
    uint64_t last_progress_ns;
};

/* Opens the trace, begins a transaction, makes all parts. On failure stages_release() is still to be called. */
int stages_init(struct stages *self, const char *trace_path, struct error *err);
void stages_release(struct stages *self);
/* 0, or the first failure that a part has had. */
int stages_check(const struct stages *self, struct error *err);

/* The parts of a chunk: its row, its damage (an error where a hole was not expected), its events, which go to the merge. */
void stages_put_chunk(struct stages *self, const struct trace_chunk *chunk);
int stages_take_damage(struct stages *self, const struct damage *damage, struct error *err);
int stages_take_events(struct stages *self, const struct trace_chunk *chunk, struct error *err);

#endif
