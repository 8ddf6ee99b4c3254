/* What is doubtful in a trace, as rows: kinds with severity, meaning and hint are a table; floods are summed
 * up. */
#ifndef GOTAPE_REPLAY_ANOMALY_H
#define GOTAPE_REPLAY_ANOMALY_H

#include <stdint.h>

#include "load/row_writer.h"

enum anomaly_kind {
    ANOMALY_ILLEGAL_TRANSITION,
    ANOMALY_AFTER_GAP,
    ANOMALY_RECORDS_LOST,
    ANOMALY_DAMAGE,
    ANOMALY_NO_END,
    ANOMALY_OPEN_TAIL,
    ANOMALY_LATER_VERSION,
    ANOMALY_LOST_DEFINITION,
    ANOMALY_TABLE_LIMIT,
    ANOMALY_LATE_EVENT,
    ANOMALY_TIME_BACKWARDS,
    ANOMALY_MERGE_LIMIT,
    ANOMALY_NO_CREATE,
    ANOMALY_NO_GOID,
    ANOMALY_UNKNOWN_REASON,
    ANOMALY_END_MISSING,
    ANOMALY_THREAD_CONFLICT,
    ANOMALY_SWITCH_MISSING,
    ANOMALY_SELECT_UNUSED,
    ANOMALY_NET_RACE,
    ANOMALY_NET_OTHER_WAIT,
    ANOMALY_NET_UNKNOWN,
    ANOMALY_CORO_UNKNOWN,
    ANOMALY_SNAPSHOT_DIFFERS,
    ANOMALY_SNAPSHOT_AHEAD,
    ANOMALY_SPAN_LIMIT,
    ANOMALY_SUSPENDED,
    ANOMALY_CLOCK_SET,
    ANOMALY_CLOCK_BACKWARDS,
    ANOMALY_STALE_FETCH, /* from here on: what the recorder noted */
    ANOMALY_CHAIN_CUT,
    ANOMALY_DUPLICATE_RECORD,
    ANOMALY_FOREIGN_RECORD,
    ANOMALY_UNKNOWN_RECORD,
    ANOMALY_PROBE_MISSED,
    ANOMALY_OBJECT_UNREAD,
    ANOMALY_LABELS_UNREAD,
    ANOMALY_TARGET_EXEC,
    ANOMALY_LATE_RECORD,
    ANOMALY_UNKNOWN_NOTE,
    ANOMALY_KIND_COUNT
};

struct anomaly_log;

/* Writes the rows of anomaly_kind. NULL when out of memory. */
struct anomaly_log *anomaly_log_new(struct row_writer *rows);
void anomaly_log_free(struct anomaly_log *self);

/* time_ns, goid and tid: ROW_NULL when there is none. */
void anomaly_add(struct anomaly_log *self, enum anomaly_kind kind, int64_t time_ns, int64_t goid, int64_t tid,
                 uint64_t count, const char *format, ...) __attribute__((format(printf, 7, 8)));
uint64_t anomaly_total(const struct anomaly_log *self, enum anomaly_kind kind);
/* Writes the sums of what had no row of its own. */
void anomaly_log_finish(struct anomaly_log *self);

/* The kind for a recorder's note (enum note_code). */
enum anomaly_kind anomaly_of_note(uint64_t code);

#endif
