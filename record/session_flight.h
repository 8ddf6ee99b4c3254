/*
 * The flight recorder of a session: chunks go into memory instead of a file, triggers are watched, and what is in memory is
 * written to a numbered file when one fires. The recording goes on meanwhile: a file is written piece by piece, between the
 * rounds of the rings.
 */
#ifndef GOTAPE_RECORD_SESSION_FLIGHT_H
#define GOTAPE_RECORD_SESSION_FLIGHT_H

#include "flight.h"
#include "format/trace_writer.h"
#include "trigger.h"

#define TRIGGER_REASON_SIZE 1024

struct session;

struct session_flight {
    struct flight *memory; /* NULL: no flight recorder */
    struct trigger_watch watch;
    int signals_seen; /* of hooks->trigger */
    bool is_wanted;   /* a file, at the next cut */
    char reason[TRIGGER_REASON_SIZE];
    uint64_t trigger_ns, cooldown_until_ns;
    /* The file being written. */
    struct flight_dump *dump; /* NULL: none */
    struct trace_writer *file;
    char dump_reason[TRIGGER_REASON_SIZE];
    uint64_t dump_end_ns, dump_clock_ns;
    struct chunk_clocks clocks; /* of what is written to it */
};

int session_flight_prepare(struct session *self, struct error *err);
void session_flight_release(struct session *self);
/* The recorder's own chunks. */
int session_flight_sink(struct session *self, const void *data, size_t size, struct error *err);
/* Should the unit end? Also because somebody wants a file. */
bool session_flight_is_due(struct session *self, uint64_t now);
/* At a cut: the unit is complete, the next one begins. */
int session_flight_end_unit(struct session *self, uint64_t cut_ns, struct error *err);
/* Once per round: looks at the triggers, goes on with a file. */
int session_flight_go_on(struct session *self, struct error *err);
/* At the end of the recording: what was begun is completed, and one more file is written when the target has ended. */
int session_flight_end(struct session *self, uint64_t end_ns, struct error *err);

#endif
