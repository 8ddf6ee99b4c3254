/*
 * The goroutines that are alive at the moment of the replay, and the last few that died: memory follows
 * these, not the length of the trace. Found by goid, which is never used twice, or by the address of their g,
 * which is.
 *
 * A program may have a million goroutines, most of which wait for good: beyond GOROUTINES_AWAKE_MAX, those that were not asked for
 * since long are squeezed to a fifth of their size. A pointer to a goroutine is good for the handling of one event, in which
 * fewer than GOROUTINES_AWAKE_MAX / 2 others may be asked for.
 */
#ifndef GOTAPE_REPLAY_GOROUTINE_TABLE_H
#define GOTAPE_REPLAY_GOROUTINE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "load/round.h"
#include "load/sync_object.h"
#include "load/wake_rule.h"
#include "state/goroutine.h"
#include "state/wait_reason.h"

enum wait_stage { WAIT_STAGE_NONE, WAIT_STAGE_ASLEEP, WAIT_STAGE_WOKEN };

enum wait_doubt {
    DOUBT_NONE,
    DOUBT_GAP,
    DOUBT_WAKE_MISSING,
    DOUBT_RUN_MISSING,
    DOUBT_ILLEGAL,
    DOUBT_SAMPLED
};

/* A stretch of running that ended with a park; not written before the park has proved to be one. */
struct held_run {
    bool is_held;
    uint64_t since, until;
    uint32_t tid;
    int64_t p;
    unsigned flags;
};

/* The wait from its park until the goroutine runs again. */
struct open_wait {
    enum wait_stage stage;
    uint64_t start, wake;
    uint64_t value; /* 0: none */
    uint64_t waker_goid;
    uint32_t reason, stack, waker_stack;
    enum wait_class class;
    enum waker_kind waker;
    enum wait_doubt doubt;
    bool is_silent, is_nil_chan, is_start_missed;
    bool is_assist;   /* for credit to allocate, while the collector marks */
    uint32_t labels;  /* of the goroutine when it parked: row, 0: none */
    uint32_t fired;   /* which case of a select ended it: its place + 1; 0: not known */
    uint64_t noticed; /* the runtime had seen by then that it waits; 0: not told */
    uint64_t net_key; /* descriptor and direction; 0: none */
    unsigned flags;   /* of the waiting interval */
    struct object_facts object;
    struct select_set *set; /* owned reference */
    struct held_run run;
};

struct goroutine {
    uint64_t goid;
    uint64_t g; /* address; 0: not known */
    enum goroutine_state state;
    uint64_t since;     /* the state began; for unknown: nothing is known from here on */
    uint64_t last_step; /* time of the last event that changed or confirmed the state */
    uint32_t tid;       /* running: where */
    uint32_t step_tid;  /* thread of the last event that changed the state */
    int64_t p;          /* running: on which P, or ROW_NULL */
    bool woken_by_net;
    unsigned state_flags; /* of its interval */
    struct open_wait wait;
    struct round_pending pending;
    uint32_t fired;            /* the channel that is about to end its select; 0: not told */
    struct select_set *select; /* of a select that is about to park; owned reference */

    bool was_created, has_ended, is_start_inferred;
    uint64_t created_ns, ended_ns, first_ns, last_ns;
    uint64_t creator;
    uint32_t create_stack, start_function;
    uint32_t labels;        /* row; 0: none */
    bool are_labels_told;   /* by events */
    int64_t snapshot;       /* the last one that found it */
    bool is_only_looked_at; /* all that is known of it is from a snapshot, which found it waiting */
    uint64_t running_ns, runnable_ns, waiting_ns, unknown_ns, syscall_ns, wait_count;
    bool is_buried; /* among the last dead */

    /* Of the table. */
    uint32_t place;   /* in awake */
    uint64_t touched; /* count of questions, at the last for it */
};

#define GRAVEYARD_SIZE       1024
#define GOROUTINES_AWAKE_MAX 16384

struct goroutine_table {
    struct map by_goid; /* → struct goroutine *, or what it was squeezed to, marked in the lowest bit; owned */
    struct map by_g;    /* address → goid */
    struct goroutine **awake; /* owned; those that are not squeezed, in no order */
    uint32_t awake_count, awake_capacity;
    uint32_t hand;      /* the next of them to be looked at */
    uint64_t questions; /* so far */
    bool failed;        /* out of memory: some are not found any more */
    struct goroutine *graveyard[GRAVEYARD_SIZE];
    unsigned next_grave;
};

void goroutine_table_init(struct goroutine_table *self);
void goroutine_table_release(struct goroutine_table *self);
/* NULL when there is none, and when out of memory (failed). */
struct goroutine *goroutine_table_find(struct goroutine_table *self, uint64_t goid);
struct goroutine *goroutine_table_find_g(struct goroutine_table *self, uint64_t g);
/* A new one, with state unknown and all else zero; NULL when out of memory. */
struct goroutine *goroutine_table_add(struct goroutine_table *self, uint64_t goid);
/* The goroutine has this g from now on. *before_out: the goid that had it, if another one, else 0. Returns 0,
 * or -1 when out of memory. */
int goroutine_table_map(struct goroutine_table *self, struct goroutine *goroutine, uint64_t g,
                        uint64_t *before_out);
/* Its g may belong to another one from now on. */
void goroutine_table_unmap(struct goroutine_table *self, struct goroutine *goroutine);
/* Puts a dead goroutine aside and returns the one that was dead for longest and is to be given to
 * goroutine_table_remove(), or NULL. One that did not stay dead is never returned. */
struct goroutine *goroutine_table_bury(struct goroutine_table *self, struct goroutine *goroutine);
void goroutine_table_remove(struct goroutine_table *self, struct goroutine *goroutine);
/* The goids of all goroutines, ascending: an array of by_goid.count for the caller to free; NULL when empty or out of memory. */
uint64_t *goroutine_table_list(const struct goroutine_table *self);

#endif
