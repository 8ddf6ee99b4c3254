/*
 * The live goroutines of a recording as of its newest event: what each of them does, since when, and what is known of it.
 * The recorder asks it for triggers, and writes it at the head of each file that goes on where another one ended.
 *
 * Events come ring by ring, not in the order of time: of two events about one goroutine the one with the later time counts,
 * whichever comes first. So the table is exact once all events up to a time have come, and none from behind it. One
 * open-addressed table and blocks of entries: no allocation an event; memory follows the live goroutines, up to a limit
 * beyond which new ones are only counted.
 *
 * Ids (stack, object …) are those of the writer's current definition epoch: live_table_carry() when that changes.
 */
#ifndef GOTAPE_STATE_LIVE_TABLE_H
#define GOTAPE_STATE_LIVE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/definitions.h"
#include "format/event.h"
#include "state/goroutine.h"
#include "state/wait_reason.h"

/* 40 MB with both indexes. */
#define LIVE_GOROUTINES_MAX (1u << 18)
#define LIVE_RINGS_MAX      1024
#define LIVE_REASONS_MAX    256

enum {
    LIVE_IS_EXACT = 1,     /* `since` was told by an event, not only found so by a snapshot */
    LIVE_IS_TOLD = 2,      /* an event has told about it */
    LIVE_IS_REPORTED = 4,  /* of the owner: this state has been reported */
    LIVE_IS_SYSTEM = 8,    /* of the owner, who looks at the start function: one of the runtime's own … */
    LIVE_IS_PROGRAM = 16,  /* … or of the program */
    LIVE_IS_BY_NET = 64,    /* woken by a net event */
    LIVE_NEEDS_LATENCY = 32 /* it ran before its wake was seen: that one is about to come */
};

struct live_goroutine {
    uint64_t goid;
    uint64_t g;          /* address; 0: not known */
    uint64_t since;      /* the state began */
    uint64_t last_ns;    /* newest event that told the state */
    uint64_t net_ns;     /* newest net event for it */
    uint64_t created_ns; /* 0: not seen */
    uint64_t creator, value;
    uint32_t stack, object, set; /* of the wait */
    uint32_t next_set;           /* of the select that is about to park */
    uint32_t start, created_at;  /* locations */
    uint32_t create_stack, labels;
    uint32_t tid; /* running: where */
    uint32_t next; /* in the list of the dead, or of free places */
    uint16_t reason;
    int16_t p; /* running: on which P plus 1; 0: not known */
    uint8_t state; /* enum goroutine_state */
    uint8_t flags;
};

struct live_table;

/* A goroutine that could run has begun to: `since_ns` woken or made, yielded, preempted. */
typedef void (*live_latency_fn)(void *context, uint64_t since_ns, uint64_t run_ns);

struct live_table_options {
    const char *const *reasons; /* the runtime's wait reason strings; only read in live_table_new() */
    size_t reason_count;
    bool without_runs; /* nothing tells when goroutines run or stop running */
    bool infers_runs;  /* nothing tells when they begin to: who wakes or makes another one runs */
    live_latency_fn latency; /* may be NULL */
    void *context;
};

/* NULL when out of memory. */
struct live_table *live_table_new(const struct live_table_options *options);
void live_table_free(struct live_table *self);

/* One event, in the order of its ring; event->cpu is the ring. */
void live_table_event(struct live_table *self, const struct event *event);
/* Nothing was recorded up to this time: what the table says may have changed unseen. EV_LOST does the same. */
void live_table_lose(struct live_table *self, uint64_t time_ns);
/* All events before this time have come: who is dead by then is forgotten. */
void live_table_settle(struct live_table *self, uint64_t time_ns);

typedef uint32_t (*live_carry_fn)(void *context, enum def_kind kind, uint32_t id);
/* Replaces every id. */
void live_table_carry(struct live_table *self, live_carry_fn carry, void *context);

/* Alive, also those beyond the limit. */
uint64_t live_table_count(const struct live_table *self);
/* How many of these the table does not hold. */
uint64_t live_table_missing(const struct live_table *self);
/* One after the other, in no order; start with *position = 0; NULL: no more. Valid until the next event. The dead are left out. */
struct live_goroutine *live_table_next(struct live_table *self, uint32_t *position);
/* NULL when it is not known or dead. */
struct live_goroutine *live_table_find(struct live_table *self, uint64_t goid);
/* Records were lost since: what it says may have changed unseen. */
bool live_table_is_doubtful(const struct live_table *self, const struct live_goroutine *goroutine);
/* Of a waiting goroutine. */
enum wait_class live_table_class(const struct live_table *self, const struct live_goroutine *goroutine);
size_t live_table_memory(const struct live_table *self);

#endif
