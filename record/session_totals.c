/*
 * What is told at the end of a trace, or of a part of it.
 */
#include <inttypes.h>

#include "metadata.h"
#include "metadata_container.h"
#include "session_impl.h"

const char *session_end_text(enum session_end end)
{
    static const char *const texts[] = {
        [END_TARGET_EXIT] = "the target exited",
        [END_DURATION] = "the duration is over",
        [END_SIGNAL] = "stopped by a signal",
        [END_EXEC] = "the target replaced itself by another program",
        [END_BUDGET] = "it cost more than its budget",
        [END_MAX_SIZE] = "--max-size is reached",
        [END_DISK_FULL] = "the disk is nearly full",
        [END_OUTPUT] = "the output failed",
        [END_ERROR] = "an error",
    };
    return texts[end];
}

int session_fill_totals(struct session *self, uint64_t end_ns, const char *reason, struct trace_meta *out,
                        struct error *err)
{
    int rc = trace_meta_setf(out, err, "record.end_ns", "%" PRIu64, end_ns);
    if (rc == 0)
        rc = trace_meta_set(out, "record.end_reason", reason, err);
    if (rc == 0 && event_builder_gomaxprocs(self->builder))
        rc = trace_meta_setf(out, err, "end.gomaxprocs", "%u", event_builder_gomaxprocs(self->builder));
    struct perf_session_stats perf = {0};
    if (self->perf)
        perf_session_stats(self->perf, &perf);
    if (rc == 0 && perf.renamed)
        rc = trace_meta_setf(out, err, "end.renamed_threads", "%" PRIu64, perf.renamed);
    if (rc == 0)
        rc = runtime_limits_put(&self->first_limits, LIMITS_AT_START, &self->meta, out, err);
    if (rc == 0)
        rc = runtime_limits_put(&self->limits, LIMITS_AT_END, NULL, out, err);
    if (rc == 0)
        rc = metadata_container_end(&self->cgroup, out, err);
    return rc;
}

void session_add_stats(struct trace_writer_stats *sum, const struct trace_writer_stats *part)
{
    sum->events += part->events;
    sum->chunks += part->chunks;
    sum->stored_bytes += part->stored_bytes;
    sum->raw_bytes += part->raw_bytes;
    sum->lost += part->lost;
    for (unsigned type = 0; type < EVENT_TYPE_COUNT; type++)
        sum->events_by_type[type] += part->events_by_type[type];
}
