/*
 * What the coder of events expects: the next type on a CPU, its thread, the values of its fields, its time. It learns from the
 * events of one chunk, the same on both sides, and everything is forgotten at the start of a chunk. gotape(5) documents it.
 *
 * Expectations are kept in tables of fixed size, without regard to collisions: what is wrong costs bits, never correctness.
 */
#ifndef GOTAPE_FORMAT_EVENT_MODEL_H
#define GOTAPE_FORMAT_EVENT_MODEL_H

#include "format/event_coding.h"
#include "format/event_costs.h"
#include "format/range_coder.h"

struct event_model;

/* NULL when out of memory. */
struct event_model *event_model_new(void);
void event_model_free(struct event_model *self);

/* Forgets all; times are told from base_ns on, and event_count events will come. */
void event_model_reset(struct event_model *self, uint64_t base_ns, uint32_t event_count);
/* Tells how events of a type are coded, once for each type that will come. Returns 0, or -1 when out of memory. */
int event_model_add_type(struct event_model *self, const struct type_coding *coding);

/* From here on decoding adds up costs; event_costs_begin() at each chunk. Borrowed; NULL: no more. */
void event_model_measure(struct event_model *self, struct event_costs *costs);

/* An event of a type that was added. */
void event_model_encode(struct event_model *self, struct range_coder *coder, uint16_t ring,
                        const struct event *event);
/* Fills the event: also one of a type that event_spec.c does not know, and then of its fields those that there is room for.
 * False when the bits make no sense. */
bool event_model_decode(struct event_model *self, struct range_coder *coder, uint16_t ring,
                        struct event *event);

#endif
