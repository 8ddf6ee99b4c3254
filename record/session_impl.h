/*
 * The inside of a session, shared by its three parts: session.c (set-up, tear-down and their order),
 * session_arm.c (what happens before the first event), session_record.c (the loop, and the end of the
 * recording).
 */
#ifndef GOTAPE_RECORD_SESSION_IMPL_H
#define GOTAPE_RECORD_SESSION_IMPL_H

#include "session.h"

#include "cgroup.h"
#include "event_builder.h"
#include "format/trace_meta.h"
#include "go/go_process.h"
#include "layout_check.h"
#include "keeper.h"
#include "perf/uprobe.h"
#include "privileges.h"
#include "runtime_limits.h"
#include "session_budget.h"
#include "snapshot.h"
#include "series.h"
#include "session_flight.h"
#include "span_probes.h"
#include "state/live_table.h"

#define SECOND_NS 1000000000ull

_Static_assert(PROBE_COUNT + PROBE_COPIES_MAX + SPAN_SITES_MAX <= SAMPLE_PROBES_MAX,
               "every probe has a number with perf");

struct session {
    const struct record_options *options;
    struct target *target;
    const struct session_hooks *hooks;
    struct go_binary *binary;
    struct go_process *process;
    struct layout_check layout_check;
    struct probe_plan plan;
    struct uprobe_group *group;
    struct perf_session *perf;
    struct output output;
    struct keeper *keeper;
    struct privileges_user user; /* whom the recorder becomes */
    bool changes_user;
    struct trace_writer *writer;
    struct code_table *code;
    struct object_table *objects;
    struct gc_clock gc;
    struct runtime_limits first_limits, limits; /* as soon as the runtime had set them; as seen last */
    uint64_t limits_ns;                         /* when that was */
    bool is_ending;                             /* the last rounds */
    struct event_builder *builder;
    struct snapshot *snapshot; /* NULL: this program's goroutines cannot be found */
    struct trace_meta meta;
    struct cgroup cgroup; /* of the target */
    uint8_t trace_id[16];
    struct span_probes spans;
    struct probe_use uses[SAMPLE_PROBES_MAX]; /* by perf's probe number */
    bool is_stepped[SAMPLE_PROBES_MAX];       /* the kernel single-steps the probed instruction */
    unsigned probe_count;
    struct session_budget budget;
    unsigned ring_now; /* ring of the section being written; UINT32_MAX: none */
    unsigned cpu_now;  /* of that ring */
    struct chunk_clocks start;
    uint64_t flushed_ns;
    /* CPUs that came during the recording: when they were looked for last, the events of that moment, and what
     * is told as lost on them. */
    uint64_t cpus_checked_ns, events_then, uncovered_lost;
    uint64_t next_snapshot_ns; /* UINT64_MAX: never */
    bool saw_exec;             /* as the snapshots notice it */
    struct session_summary *summary;
    /* A recording of several parts (session_cut.c). */
    struct series series;
    struct session_flight flight;
    struct live_table *live; /* NULL: nobody asks for it */
    bool is_carrying;        /* what is written now comes from the table */
    uint64_t complete_ns;    /* all events up to this time have come */
    uint64_t cut_ns;         /* a part ends here as soon as all events up to it have come; 0: none is about to */
    uint64_t part_ns;        /* the part began */
    uint64_t lost_healed;    /* so many records were lost when a snapshot was asked for last */
    uint64_t part_number;
    struct trace_writer_stats parts; /* those that are complete, added up */
};

/* Hands a line to one of the hooks; a NULL hook drops it. */
void session_say(const struct session *self, session_message_fn fn, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
uint64_t session_now_ns(void); /* CLOCK_MONOTONIC */
/* No probe, no perf event: `perf`, `group` and the sites of the plan stay empty. */
bool session_is_snapshot_only(const struct session *self);

/* session_rights.c: the keeper, once the output is open and before a probe is defined; giving up what is not needed any
 * more (nothing with --keep-root); the definitions, when all perf events are closed. */
int session_start_keeper(struct session *self, struct error *err);
int session_drop_rights(struct session *self, struct error *err);
void session_remove_probes(struct session *self);

/* session_arm.c: the probes are defined, but nothing is armed. */
int session_prepare_probes(struct session *self, struct error *err);
/* Opens the events of every thread, arms them, writes the META chunk, lets a held program run. */
int session_arm(struct session *self, struct error *err);
/* Opens the events of every thread; they are disabled. ERR_GONE when the target has ended. */
int session_open_events(struct session *self, struct error *err);

/* session_snapshot.c. All of them do nothing when the target has ended. */
int session_prepare_snapshots(struct session *self, const char *const *reasons, size_t count,
                              struct error *err);
int session_first_snapshot(struct session *self, struct error *err);
/* Once per round: begins one when it is time, and goes on with the one that was begun. */
int session_go_on_with_snapshot(struct session *self, struct error *err);
bool session_is_taking_snapshot(const struct session *self);
int session_last_snapshot(struct session *self, struct error *err);
/* Before a pause: a whole one. After it: begins one. */
int session_edge_snapshot(struct session *self, struct error *err);
int session_begin_edge_snapshot(struct session *self, struct error *err);

/* session_cut.c: a recording of several parts, each complete in itself. */
bool session_has_parts(const struct session *self);
/* Its files have numbers. */
bool session_is_series(const struct session *self);
int session_prepare_parts(struct session *self, const char *const *reasons, size_t count, struct error *err);
/* Facts of a part that begins now, beside those of the whole recording. */
int session_describe_part(struct session *self, struct error *err);
/* Once per round, after the drain. */
int session_go_on_with_parts(struct session *self, struct error *err);
/* No part ends any more but the last one. */
void session_end_parts(struct session *self);
uint64_t session_bytes_written(const struct session *self);

/* session_totals.c: facts for the END chunk of a part that ends at this time. */
int session_fill_totals(struct session *self, uint64_t end_ns, const char *reason, struct trace_meta *out,
                        struct error *err);
/* Adds the figures of one part. */
void session_add_stats(struct trace_writer_stats *sum, const struct trace_writer_stats *part);

/* session_record.c: one round of the rings. */
int session_drain(struct session *self, struct error *err);
/* Records until something ends it. */
int session_record_until_end(struct session *self, enum session_end *end_out, struct error *err);
/* Disarms, reads what is left, ends the trace, fills the summary. With an output that has failed only the
 * last. */
int session_end_recording(struct session *self, bool output_works, struct error *err);

#endif
