/*
 * What goroutines wait for: channels, locks, descriptors, and the sets of select cases. From ids of the trace
 * to rows of `object`: one for each (kind, address, generation), at first sight; what becomes known later is
 * added to the row.
 */
#ifndef GOTAPE_REPLAY_SYNC_OBJECT_H
#define GOTAPE_REPLAY_SYNC_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "format/trace_reader.h"
#include "load/symbolize.h"

struct sync_objects;

/* What a wait needs to know about its object without the row. */
struct object_facts {
    uint32_t id;        /* of the row; 0: none */
    unsigned char kind; /* enum object_kind */
    bool is_timer;
};

/* The resolved cases of a select; counted references, because events wait in the merge and goroutines in
 * their selects. */
struct select_set {
    uint32_t references;
    uint32_t row; /* object_set.set_id */
    uint32_t count;
    bool is_incomplete; /* there were more */
    struct select_case {
        uint32_t object;   /* id of the row; 0: a nil channel */
        uint8_t direction; /* enum select_direction */
        bool is_timer;
    } cases[];
};

struct sync_objects *sync_objects_new(struct store *store, struct row_writer *rows,
                                      struct anomaly_log *anomalies, struct symbolizer *symbols,
                                      struct error *err);
void sync_objects_free(struct sync_objects *self);
void sync_objects_new_epoch(struct sync_objects *self);

/* Failures are sticky: sync_objects_check(). */
struct object_facts sync_objects_get(struct sync_objects *self, const struct trace_reader *reader,
                                     uint64_t id);
/* A new reference, or NULL when the set is unknown. */
struct select_set *sync_objects_get_set(struct sync_objects *self, const struct trace_reader *reader,
                                        uint64_t id);
int sync_objects_check(const struct sync_objects *self, struct error *err);

/* NULL is allowed. */
void select_set_release(struct select_set *set);

/* Object facts packed into the field of an event, and back. */
uint64_t object_facts_pack(struct object_facts facts);
struct object_facts object_facts_unpack(uint64_t packed);

#endif
