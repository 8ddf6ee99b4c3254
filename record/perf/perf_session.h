/*
 * All perf events of a recording: opened per thread and CPU, inherited by new threads, drained from one ring
 * per CPU.
 *
 *   perf_session_new  → add_probe × n → add_thread × threads → enable → (wait, drain)* → disable → drain →
 * free
 *
 * A thread may be added although it already inherited the events from another added thread (attaching to a
 * process that creates threads meanwhile): records then come twice, and the session drops the second root's
 * (counted).
 */
#ifndef GOTAPE_RECORD_PERF_SESSION_H
#define GOTAPE_RECORD_PERF_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "perf/sample_decode.h"

struct perf_session;

struct perf_session_options {
    uint64_t ring_bytes;  /* of each ring; rounded up to a power of two of pages; 0: a default by CPU count */
    pid_t pid;            /* records of other processes are dropped */
    bool thread_switches; /* open sched:sched_switch and switch-in records too */
    /* Open the events once for each CPU instead of each thread: fewer descriptors, and no cost at thread switches; but
     * every process that maps a probed file is probed, and its records are dropped here. */
    bool cpu_wide;
    /*
     * Values are read and frames walked by BPF programs (probe_program.h) where the kernel lets us, not by perf: a hit costs
     * less, and the probes are the process's, not those of each of its threads. Not with cpu_wide.
     */
    bool programs;
    bool no_link; /* programs are attached by events of tracefs, even where the kernel has links (perf_link.h) */
};

struct perf_session_stats {
    uint64_t lost;       /* records the kernel dropped: as many as RECORD_LOST told so far */
    uint64_t duplicates; /* see above */
    uint64_t foreign;    /* records of other processes */
    uint64_t renamed;    /* CPU-wide: threads whose switches are unseen since they took another name */
    uint64_t undecodable;
    uint64_t bytes; /* ring bytes read */
    uint64_t records;
    unsigned descriptors;
};

/* Checks perf rights (perf_event_paranoid, CAP_PERFMON) and kernel abilities; the error says what is missing.
 */
int perf_session_new(const struct perf_session_options *options, const char *tracefs,
                     struct perf_session **out, struct error *err);
void perf_session_free(struct perf_session *self); /* closes every descriptor */

/* Registers a probe: tracefs event id, its `format` text, the names of the wanted values (index = value
 * index; an array takes several), whether to sample the user call chain. Probes are numbered 0, 1, … in the
 * order of the calls. */
int perf_session_add_probe(struct perf_session *self, const struct sample_probe *probe, struct error *err);

/*
 * Before perf_session_add_probe(): loads the program for the next probe from its fetch arguments and the place of its
 * instruction in the file that the process runs. Its definition, if it needs one, then needs no fetch arguments, and its format is
 * not looked at. On an error (programs cannot be had, or not this one) the probe goes to perf.
 */
int perf_session_load_program(struct perf_session *self, const struct sample_probe *probe, const char *fetch,
                              uint64_t file_offset, struct error *err);
/* Probes with programs are attached by a link: they need no definition in tracefs, and no event id. */
bool perf_session_has_link(const struct perf_session *self);
/* How many probes have one; why there are none ("": there are). */
unsigned perf_session_program_count(const struct perf_session *self);
const char *perf_session_programs_missing(const struct perf_session *self);

/*
 * Opens all events for one thread on every online CPU: disabled before perf_session_enable(), counting at
 * once after it (CPU-wide: opens all at the first thread, and notes the others). New threads of this thread are covered
 * from then on. ERR_GONE when the thread has exited
 * (harmless). Raises RLIMIT_NOFILE of this process when descriptors run short, so start COMMAND before.
 */
int perf_session_add_thread(struct perf_session *self, pid_t tid, struct error *err);
int perf_session_enable(struct perf_session *self, struct error *err);
/* Nothing is recorded any more; what is still in the rings can be drained, once more at least. */
int perf_session_disable(struct perf_session *self, struct error *err);

/*
 * What threads that are added from now on are recorded with; everything at first. Forks, exits and names are told in any
 * case.
 */
void perf_session_set_probe_enabled(struct perf_session *self, unsigned probe, bool is_enabled);
void perf_session_set_switches_enabled(struct perf_session *self, bool is_enabled);
/*
 * Before the first perf_session_add_thread(), by who will pause: keeps one disabled event of each kind open, of a process that
 * has ended, so that the last event of the target is not the kernel's last one. Closing that one waits for grace periods of
 * RCU, near 0.1 s for each probe; others close within microseconds, and take the breakpoints out of the target all the same.
 */
int perf_session_anchor(struct perf_session *self, struct error *err);
/* Closes all events but keeps the rings; after perf_session_disable() and a drain, or what the rings hold is not known any
 * more. The session is then as before the first perf_session_add_thread(). */
void perf_session_close_events(struct perf_session *self);

/* The tracefs id of sched:sched_switch; 0: switches are not recorded. */
uint64_t perf_session_switch_id(const struct perf_session *self);

/* Ring count, and the CPU of each. */
unsigned perf_session_ring_count(const struct perf_session *self);
unsigned perf_session_ring_cpu(const struct perf_session *self, unsigned ring);
/* CPUs that are online and have no ring: they came after perf_session_new(), and nothing that runs there is recorded. Fills up
 * to `max`, returns how many. A CPU that went offline and came back is covered as before. */
unsigned perf_session_uncovered_cpus(const struct perf_session *self, unsigned *cpus_out, unsigned max);
uint64_t perf_session_ring_bytes(const struct perf_session *self);

/* One epoll descriptor that becomes readable when a ring of perf's is about a quarter full. Owned by the session.
 * Polling it uses the notice up: drain whenever it was readable, and every now and then anyway. */
int perf_session_poll_fd(const struct perf_session *self);
/* The programs' rings wake nobody, for that would cost each hit: drain at least this often. Even when the busiest CPU begins amid
 * the pause, they are not more than half full then, unless the ring is tiny. */
unsigned perf_session_round_ms(const struct perf_session *self);

typedef int (*perf_record_fn)(void *context, unsigned ring, const struct record *record, struct error *err);

/*
 * One round: reads every ring up to its head as of now and hands on its records in ring order, ring after
 * ring. *complete_ns_out: every record with an earlier time has been handed out by now (the start of the
 * previous round, or less when a thread has lost its CPU amid a record; 0 in the first). Returns 0, or what the callback returned.
 *
 * The kernel tells a loss only when a later record finds room again. What it had no occasion to tell (6.0 and
 * later count it all the same) is handed out as a last RECORD_LOST of its ring in the first round after
 * perf_session_disable(). What found no room in a ring of programs is handed out in the next round.
 */
int perf_session_drain(struct perf_session *self, perf_record_fn fn, void *context, uint64_t *complete_ns_out,
                       struct error *err);

void perf_session_stats(struct perf_session *self, struct perf_session_stats *out);

#endif
