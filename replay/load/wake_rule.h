/* Who ended a wait, when no goroutine did: told by the functions on the waker's stack, or by what was waited
 * for. */
#ifndef GOTAPE_REPLAY_WAKE_RULE_H
#define GOTAPE_REPLAY_WAKE_RULE_H

#include <stdbool.h>

#include "state/wait_reason.h"

enum waker_kind {
    WAKER_UNKNOWN,
    WAKER_GOROUTINE,
    WAKER_TIMER,
    WAKER_NET,
    WAKER_GC,
    WAKER_SCHEDULER,
    WAKER_NONE_YET,
    WAKER_KIND_COUNT
};

/* As in the database. */
const char *waker_kind_name(enum waker_kind kind);

/* The kind that a function on the waker's stack stands for; WAKER_UNKNOWN when it says nothing. Ask from the
 * innermost frame outwards and take the first answer. */
enum waker_kind wake_rule_of_function(const char *function);
/* The kind when the stack says nothing: a sleep, for instance, is ended by a timer only. */
enum waker_kind wake_rule_of_wait(enum wait_class class, bool is_timer_channel);
/* The kind of a wait that ended without a wake-up. */
enum waker_kind wake_rule_of_silent(enum wait_class class);

#endif
