/*
 * One recording from set-up to tear-down. The order matters, and is here alone: look at the binary, compare
 * the bytes at every site, define the probes, open and arm the perf events, let the program run; then drain;
 * then disarm, close every perf descriptor, delete the definitions, close the file.
 */
#ifndef GOTAPE_RECORD_SESSION_H
#define GOTAPE_RECORD_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "format/trace_writer.h"
#include "go/probe_plan.h"
#include "output.h"
#include "perf/perf_session.h"
#include "record_options.h"
#include "session_budget.h"
#include "snapshot.h"
#include "target.h"

struct session;

/* Loss on one ring, added up over neighbouring reports. */
struct session_loss {
    unsigned cpu;
    uint64_t since_ns, until_ns; /* relative to the start */
    uint64_t count;
};

#define SESSION_LOSSES_SHOWN 16

enum session_end {
    END_TARGET_EXIT,
    END_DURATION,
    END_SIGNAL,
    END_EXEC,
    END_BUDGET,
    END_MAX_SIZE,
    END_DISK_FULL,
    END_OUTPUT,
    END_ERROR
};

struct session_progress {
    uint64_t elapsed_ns;
    uint64_t events, events_last_second;
    uint64_t bytes;
    uint64_t lost;
};

const char *session_end_text(enum session_end end);

typedef void (*session_progress_fn)(void *context, const struct session_progress *progress);
typedef void (*session_message_fn)(void *context, const char *text);

struct session_hooks {
    session_progress_fn progress; /* once a second; may be NULL */
    session_message_fn warn;      /* what the user should know, a line each */
    session_message_fn verbose;   /* steps; may be NULL */
    void *context;
    const volatile int *trigger; /* counts what a flight recorder is asked for by signals; may be NULL */
    const volatile int *stop; /* becomes non-zero at Ctrl-C or SIGTERM */
};

struct session_summary {
    enum session_end end;
    uint64_t elapsed_ns;
    struct trace_writer_stats writer;
    bool has_probes;
    struct perf_session_stats perf;
    struct snapshot_stats snapshots;
    struct session_loss losses[SESSION_LOSSES_SHOWN];
    unsigned loss_count; /* rows filled; loss_total may be larger */
    uint64_t loss_intervals;
    uint64_t lost;           /* all records lost */
    uint64_t uncovered_lost; /* of these, an estimate: on CPUs that came online during the recording */
    uint64_t cpu_user_ns, cpu_system_ns;
    struct budget_summary budget;
    uint64_t unread_channels, late;
    uint64_t files, files_removed; /* of a series; 0: it is one file */
    bool is_flight;                /* or none was asked for */
    char output[4096];
};

/* Prepares everything but arms nothing. Borrows options, target (held or running) and hooks. */
int session_new(const struct record_options *options, struct target *target,
                const struct session_hooks *hooks, struct session **out, struct error *err);
/* Arms, records until the end, disarms, finishes the file. On an error while recording the file holds what
 * came before. */
int session_run(struct session *self, struct session_summary *summary, struct error *err);
/* Still there after the run; for the end of a COMMAND. */
struct keeper *session_keeper(const struct session *self);
/* Releases everything; nothing of ours is left in the kernel. */
void session_free(struct session *self);

#endif
