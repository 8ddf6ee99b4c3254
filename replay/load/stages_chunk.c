/* What a chunk of the trace says of itself, its damage, and its events on their way into the merge. */
#include "load/stages.h"

#include <inttypes.h>

#include "load/resolve.h"

/* Records of one CPU may be stamped in another order than written, by an interrupt in between; more is worth
 * a note. */
#define STEP_BACK_TOLERATED_NS 100000

static void check_clocks(struct stages *self, const struct chunk_clocks *clocks)
{
    struct clock_findings found;
    int64_t time_ns = row_id(clocks->monotonic_ns);
    if (!clock_check_add(&self->clocks, clocks, &found))
        return;
    if (found.suspended_ns)
        anomaly_add(self->anomalies, ANOMALY_SUSPENDED, time_ns, ROW_NULL, ROW_NULL, 1,
                    "%.6f s before this chunk was closed", (double)found.suspended_ns / 1e9);
    if (found.set_ns)
        anomaly_add(self->anomalies, ANOMALY_CLOCK_SET, time_ns, ROW_NULL, ROW_NULL, 1, "moved by %.6f s",
                    (double)found.set_ns / 1e9);
    if (found.back_ns)
        anomaly_add(self->anomalies, ANOMALY_CLOCK_BACKWARDS, time_ns, ROW_NULL, ROW_NULL, 1, "by %.6f s",
                    (double)found.back_ns / 1e9);
}

void stages_put_chunk(struct stages *self, const struct trace_chunk *chunk)
{
    const struct chunk_header *h = &chunk->header;
    row_writer_put(self->rows, ROW_CHUNK,
                   (const int64_t[]){(int64_t)h->sequence, (int64_t)chunk->offset, h->kind, h->epoch,
                                     (int64_t)h->event_count, (int64_t)h->lost_count, (int64_t)h->stored_size,
                                     (int64_t)h->raw_size, row_id(h->first_time_ns), row_id(h->last_time_ns),
                                     row_id(h->watermark_ns), row_id(h->clocks.monotonic_ns),
                                     row_id(h->clocks.realtime_ns), row_id(h->clocks.boottime_ns)});
    check_clocks(self, &h->clocks);
}

static const struct {
    const char *name;
    enum anomaly_kind anomaly;
    bool is_hole;
} damages[DAMAGE_KIND_COUNT] = {
    [DAMAGE_NONE] = {"unknown", ANOMALY_DAMAGE, false},
    [DAMAGE_HEADER] = {"header", ANOMALY_DAMAGE, true},
    [DAMAGE_PAYLOAD] = {"payload", ANOMALY_DAMAGE, true},
    [DAMAGE_MISSING] = {"missing", ANOMALY_DAMAGE, true},
    [DAMAGE_TRUNCATED] = {"truncated", ANOMALY_DAMAGE, true},
    [DAMAGE_NO_END] = {"no_end", ANOMALY_NO_END, false},
    [DAMAGE_UNKNOWN] = {"unknown", ANOMALY_LATER_VERSION, false},
};

int stages_take_damage(struct stages *self, const struct damage *damage, struct error *err)
{
    unsigned kind = (unsigned)damage->kind < DAMAGE_KIND_COUNT ? (unsigned)damage->kind : 0;
    if (damages[kind].is_hole && !self->run->knows_gaps) {
        self->run->needs_gaps = true;
        return error_set(err, ERR_DAMAGED, "%s", damage->message);
    }
    self->run->result.damage++;
    row_writer_text(self->rows, ROW_DAMAGE, 0, damages[kind].name);
    row_writer_text(self->rows, ROW_DAMAGE, 4, damage->message);
    row_writer_put(self->rows, ROW_DAMAGE,
                   (const int64_t[]){0, (int64_t)damage->offset, (int64_t)damage->size,
                                     row_id(damage->after_time_ns), 0});
    anomaly_add(self->anomalies, damages[kind].anomaly, row_id(damage->after_time_ns), ROW_NULL, ROW_NULL, 1,
                "%s", damage->message);
    return 0;
}

int stages_take_events(struct stages *self, const struct trace_chunk *chunk, struct error *err)
{
    int rc = 0;
    for (uint32_t s = 0; s < chunk->section_count; s++) {
        const struct trace_section *section = &chunk->sections[s];
        for (uint32_t i = 0; rc == 0 && i < section->count; i++) {
            struct event event = chunk->events[section->first + i];
            uint64_t step_back = 0;
            if (event.time_ns > INT64_MAX)
                event.time_ns = INT64_MAX;
            resolve_event(&event, self->reader, self->symbols, self->objects);
            rc = merge_add(self->merge, section->ring, &event, &step_back, err);
            if (rc < 0)
                resolve_drop(&event);
            else if (step_back > STEP_BACK_TOLERATED_NS)
                anomaly_add(self->anomalies, ANOMALY_TIME_BACKWARDS, (int64_t)event.time_ns, ROW_NULL,
                            row_id(event.tid), 1, "by %" PRIu64 " ns, on CPU %u", step_back, section->ring);
        }
    }
    return rc;
}
