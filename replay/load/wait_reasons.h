/* The wait reasons of one trace: from the traced Go version's numbers to names and classes; writes the rows
 * of `reason`. */
#ifndef GOTAPE_REPLAY_WAIT_REASONS_H
#define GOTAPE_REPLAY_WAIT_REASONS_H

#include "format/trace_meta.h"
#include "load/anomaly.h"
#include "load/row_writer.h"
#include "state/wait_reason.h"

#define WAIT_REASON_COUNT 256 /* runtime.waitReason is a uint8 */
#define WAIT_REASON_COROUTINE                                                                                \
    256 /* of coroutine switches, when the trace does not name the runtime's number */

struct wait_reasons {
    const struct wait_reason *by_number[WAIT_REASON_COUNT + 1];
    char *names[WAIT_REASON_COUNT];  /* owned copies; NULL: not told */
    bool is_told[WAIT_REASON_COUNT]; /* an unknown number was reported */
    unsigned refined;                /* mask of the classes that wait_reasons_get() refined to */
    uint16_t coroutine;              /* number of the reason "coroutine" */
    struct row_writer *rows;
    struct anomaly_log *anomalies;
};

void wait_reasons_init(struct wait_reasons *self, struct row_writer *rows, struct anomaly_log *anomalies);
void wait_reasons_release(struct wait_reasons *self);
/* Takes the names (go.wait_reason.N) from the facts; may be called again. Returns 0 or ERR_NOMEM. */
int wait_reasons_read(struct wait_reasons *self, const struct trace_meta *meta, struct error *err);

/* The reason of a park. *number_out: for columns `reason`; the class may be refined by what is waited for and
 * from where (caller: enum wait_class told by the stack), see the comment of table reason. */
const struct wait_reason *wait_reasons_get(struct wait_reasons *self, uint64_t number,
                                           enum object_kind object, enum wait_class caller,
                                           uint32_t *number_out, enum wait_class *class_out);
/* Writes the rows: all names told, and the numbers that wait_reasons_get() gave out. */
void wait_reasons_finish(struct wait_reasons *self);

#endif
