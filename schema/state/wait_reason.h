/*
 * Wait reasons: from the runtime's own strings (runtime/runtime2.go, waitReasonStrings, Go 1.18 to 1.27) to
 * classes that are the same for every Go version. The numbers differ from version to version and are never
 * used here.
 */
#ifndef GOTAPE_STATE_WAIT_REASON_H
#define GOTAPE_STATE_WAIT_REASON_H

#include <stdbool.h>

#include "format/definitions.h"

/* clang-format off */
enum wait_class {
    WAIT_CHAN_RECV, WAIT_CHAN_SEND, WAIT_SELECT, WAIT_MUTEX, WAIT_RWMUTEX, WAIT_COND, WAIT_WAITGROUP, WAIT_SLEEP,
    WAIT_NET, WAIT_GC, WAIT_SYSCALL, WAIT_COROUTINE, WAIT_RUNTIME, WAIT_OTHER,
    WAIT_CLASS_COUNT
};
/* clang-format on */

struct wait_reason {
    const char *name; /* the runtime's string */
    enum wait_class class;
    bool is_silent;    /* the scheduler may end such a wait without ready(): injectglist, or a worker taken
                          directly */
    bool is_nil_chan;  /* on a nil channel: for ever */
    bool is_by_caller; /* the string says too little: wait_class_of_caller() may know more */
};

/* The class's name as in the database ("chan_recv"). */
const char *wait_class_name(enum wait_class class);

/* Never NULL: strings of a newer Go are WAIT_OTHER, with name "". A suffix "(durable)" or "(synctest)", which
 * marks waits in a testing/synctest bubble, does not matter. */
const struct wait_reason *wait_reason_find(const char *name);

/* The class of a wait whose reason is_by_caller, told by a function on its stack ("sync.(*WaitGroup).Wait");
 * WAIT_OTHER when this function says nothing. Ask from the innermost frame outwards. */
enum wait_class wait_class_of_caller(const char *function);
/* The same, told by what is waited for. */
enum wait_class wait_class_of_object(enum object_kind kind);

#endif
