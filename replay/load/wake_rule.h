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
/* What the waker did to the channel that somebody waited for; NONE: it was no channel. A close may end any case, and so may a
 * waker that is in a select itself. */
enum channel_op { CHANNEL_NONE, CHANNEL_SEND, CHANNEL_RECV, CHANNEL_ANY };
/* Told by a function on the waker's stack: the first answer from the innermost frame outwards (runtime/chan.go, select.go, Go
 * 1.18 to 1.27). */
enum channel_op wake_rule_channel_op(const char *function);
/* The kind when the stack says nothing: a sleep, for instance, is ended by a timer only. */
enum waker_kind wake_rule_of_wait(enum wait_class class, bool is_timer_channel);
/* The kind of a wait that ended without a wake-up. */
enum waker_kind wake_rule_of_silent(enum wait_class class);

#endif
