/*
 * Facts about the recording as a whole: key and value strings in META chunks, repeated at the start of each definition
 * epoch, and totals in the END chunk. Keys are dotted and lower case; a key may be missing when the fact is unknown. The
 * documented keys (gotape(5) explains them):
 *
 *   trace.id                     32 hex digits, random
 *   trace.recorder               "gotape-record 0.1.0"
 *   record.start_ns              CLOCK_MONOTONIC when the probes had been armed (launch: when the program started)
 *   record.start_realtime_ns     the same moment in CLOCK_REALTIME
 *   record.mode                  launch | attach
 *   record.detail                snapshot | block | sched | all
 *   record.scope                 task | cpu
 *   record.engine                bpf | perf | bpf, perf
 *   record.snapshot_interval_ns  only when snapshots were taken so often
 *   record.series                the id of the first file of a recording of several
 *   record.part                  number of this file among them, 1, 2 …
 *   trigger.reason               of a file of a flight recorder: why it was written, in words
 *   trigger.time_ns              and when that was noticed, in CLOCK_MONOTONIC
 *   record.options               the options given that change what is recorded
 *   host.name host.kernel host.machine host.cpus host.boottime_offset_ns
 *   process.pid process.name process.exe process.exe_build_id process.args (only with --with-args)
 *   process.namespace_pid        its pid in its own pid namespace, when that is not the recorder's
 *   container.id container.runtime container.pod   as far as the path of the cgroup tells
 *   cgroup.path
 *   cgroup.cpu_path              the group whose CPU limit is the tightest, when that is another one
 *   cgroup.cpu_max               "quota period" in µs, or "max period"
 *   cgroup.memory_max            bytes, or "max"
 *   cgroup.nr_periods cgroup.nr_throttled cgroup.throttled_us   at the start, since the group was made
 *   go.version go.module go.path go.vcs go.vcs.revision go.vcs.time go.vcs.modified
 *   go.setting.NAME              every build setting, e.g. go.setting.GOARCH, go.setting.-buildmode
 *   go.dep.N                     "path version" or "path version => path version"
 *   go.wait_reason.N             the runtime's string of wait reason N
 *   go.stw_reason.N              text of reason N for stopping the world (Go >= 1.21)
 *   go.layout                    where the offsets of the runtime's structs come from: DWARF, a table, calibrated
 *   go.gomaxprocs
 *   go.gogc go.memory_limit      when the recording began; of a program that was started in the END chunk: they are not
 *                                set before its runtime runs
 *   probe.NAME                   "function+0x1f push emulated" and the like, one per armed probe
 *   probe.NAME.missing           why a probe is not armed
 *   probe.note                   what is to be known about the probes as a whole
 *   user_probe.N                 a probe that the user asked for, as given; N is its number in the events of spans
 *   user_probe.N.function        its function
 *   user_probe.N.values          names of its values: "id,total"
 *   perf.ring_bytes              bytes of each ring
 *   budget.warn_ppm budget.thin_ppm   shares of the CPU time of the process, in millionths (--budget)
 *   budget.hit_ns budget.chain_ns budget.is_measured   what a hit and a call chain cost on this host
 *
 * and in the END chunk:
 *   record.end_ns                CLOCK_MONOTONIC of the end of the recording
 *   record.end_reason            why it ended there, in words
 *   budget.hits budget.cost_ns budget.target_cpu_ns budget.recorded_ns budget.recorder_cpu_ns budget.taken_ns   what the recording cost
 *   end.gomaxprocs               when the recording ended
 *   end.renamed_threads          threads that took a new name, if scope is cpu
 *   end.gogc end.memory_limit    when the recording ended, or as they were last seen of a target that has gone
 *   end.events end.lost          events written; records lost
 *   end.event.NAME               events of one type
 *   end.cgroup.cpu_max end.cgroup.memory_max end.cgroup.nr_periods end.cgroup.nr_throttled end.cgroup.throttled_us
 *   end.chunks end.stored_bytes end.raw_bytes
 *   end.index_offset             where the INDEX chunk begins
 */
#ifndef GOTAPE_FORMAT_TRACE_META_H
#define GOTAPE_FORMAT_TRACE_META_H

#include <stddef.h>

#include "base/error.h"
#include "base/map.h"

struct meta_pair {
    char *key, *value; /* owned by the table */
};

struct trace_meta {
    struct meta_pair *pairs; /* in the order of insertion */
    size_t count, capacity;
    struct map index; /* hash of a key → its place in pairs */
};

void trace_meta_init(struct trace_meta *self);
void trace_meta_release(struct trace_meta *self);
/* Sets or replaces; both strings are copied. Returns 0 or ERR_NOMEM. */
int trace_meta_set(struct trace_meta *self, const char *key, const char *value, struct error *err);
/* The same with a formatted value, cut at 4095 bytes. */
int trace_meta_setf(struct trace_meta *self, struct error *err, const char *key, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* NULL when missing. */
const char *trace_meta_get(const struct trace_meta *self, const char *key);

#endif
