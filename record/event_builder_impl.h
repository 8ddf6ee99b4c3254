/*
 * The inside of an event builder, shared by its parts: event_builder.c (records, rings, time),
 * event_builder_goroutine.c, event_builder_world.c and event_builder_context.c (a handler for each probe).
 */
#ifndef GOTAPE_RECORD_EVENT_BUILDER_IMPL_H
#define GOTAPE_RECORD_EVENT_BUILDER_IMPL_H

#include "activity_finder.h"
#include "context_table.h"
#include "event_builder.h"
#include "go/probe_table.h"
#include "label_table.h"
#include "wait_object.h"

struct ring_state {
    uint64_t last_ns; /* newest record */
};

struct event_builder {
    struct event_builder_options o;
    const struct go_layout *layout;
    struct wait_rules rules;
    struct context_table *contexts;
    struct label_table *labels;
    struct activity_finder *activities;
    struct event extra; /* of the record at hand: one more event, type EV_NONE: there is none */
    bool extra_is_first;
    struct ring_state *rings;
    struct event_builder_stats stats;
    uint64_t watermark_ns;
    uint64_t begin_ns, end_ns; /* the recording: [begin, end) */
    unsigned gomaxprocs;       /* 0: not known yet */
    uint64_t gomaxprocs_ns;    /* when it was seen last */
};

/* Handlers fill the fields of an event from the values of a probe; false when there is nothing to write. */
bool build_create(struct event_builder *self, const struct record *r, struct event *e);
bool build_exec(struct event_builder *self, const struct record *r, struct event *e);
bool build_park(struct event_builder *self, const struct record *r, struct event *e);
bool build_select(struct event_builder *self, const struct record *r, struct event *e);
bool build_ready(struct event_builder *self, const struct record *r, struct event *e);
bool build_net(struct event_builder *self, const struct record *r, struct event *e);
bool build_end(struct event_builder *self, const struct record *r, struct event *e);
bool build_goid(struct event_builder *self, const struct record *r, struct event *e);
bool build_sched(struct event_builder *self, const struct record *r, struct event *e);
bool build_coro(struct event_builder *self, const struct record *r, struct event *e);

bool build_stw_begin(struct event_builder *self, const struct record *r, struct event *e);
bool build_stw_end(struct event_builder *self, const struct record *r, struct event *e);
bool build_gc_start(struct event_builder *self, const struct record *r, struct event *e);
bool build_gc_mark_done(struct event_builder *self, const struct record *r, struct event *e);
bool build_gomaxprocs(struct event_builder *self, const struct record *r, struct event *e);
bool build_assist(struct event_builder *self, const struct record *r, struct event *e);
bool build_p_lost(struct event_builder *self, const struct record *r, struct event *e);
bool build_p_handoff(struct event_builder *self, const struct record *r, struct event *e);
bool build_m_new(struct event_builder *self, const struct record *r, struct event *e);

bool build_context(struct event_builder *self, const struct record *r, struct event *e);
bool build_context_end(struct event_builder *self, const struct record *r, struct event *e);

/* The record's call chain; `ret`, the return address on top of the stack, or 0, is put in as its second
 * frame where it is missing. */
uint32_t event_builder_stack(struct event_builder *self, const struct record *r, uint64_t ret,
                             uint32_t *hints_out);

#endif
