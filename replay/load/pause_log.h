/*
 * Stretches that the recorder declares as not recorded (EV_PAUSE to EV_RESUME), and what it did to keep to its budget
 * (EV_BUDGET), as rows. Each pause is a gap: nothing is concluded across it.
 */
#ifndef GOTAPE_REPLAY_PAUSE_LOG_H
#define GOTAPE_REPLAY_PAUSE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "format/event.h"
#include "load/gaps.h"
#include "load/row_writer.h"

struct pause_log {
    struct row_writer *rows;
    struct gaps *gaps;
    bool knows_gaps; /* they were collected before */
    bool is_open;
    uint64_t since, reason;
    uint64_t class; /* dropped, from the next resume on */
};

void pause_log_init(struct pause_log *self, struct row_writer *rows, struct gaps *gaps, bool knows_gaps);
void pause_log_begin(struct pause_log *self, const struct event *event, struct error *err);
void pause_log_end(struct pause_log *self, const struct event *event, struct error *err);
void pause_log_step(struct pause_log *self, const struct event *event);
void pause_log_finish(struct pause_log *self);

#endif
