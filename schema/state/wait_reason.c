#include "state/wait_reason.h"

#include <stddef.h>
#include <string.h>

static const char *const class_names[WAIT_CLASS_COUNT] = {
    [WAIT_CHAN_RECV] = "chan_recv",
    [WAIT_CHAN_SEND] = "chan_send",
    [WAIT_SELECT] = "select",
    [WAIT_MUTEX] = "mutex",
    [WAIT_RWMUTEX] = "rwmutex",
    [WAIT_COND] = "cond",
    [WAIT_WAITGROUP] = "waitgroup",
    [WAIT_SLEEP] = "sleep",
    [WAIT_NET] = "net",
    [WAIT_GC] = "gc",
    [WAIT_SYSCALL] = "syscall",
    [WAIT_COROUTINE] = "coroutine",
    [WAIT_RUNTIME] = "runtime",
    [WAIT_OTHER] = "other",
};

const char *wait_class_name(enum wait_class class)
{
    return (unsigned)class < WAIT_CLASS_COUNT ? class_names[class] : "other";
}

/*
 * Silent are the waits that end by injectglist (sysmon, the mark phase's end, the scavenger, cleanups), and
 * the workers that findRunnable takes itself. Some of these are also woken by ready now and then: both are
 * legal. "semacquire" was every lock before Go 1.20 and WaitGroup.Wait before 1.24; what is left are
 * internal/poll's and the runtime's own.
 */
/* clang-format off */
static const struct wait_reason reasons[] = {
    /* name                      class           silent nil    by caller */
    {"chan receive",               WAIT_CHAN_RECV,  false, false, false},
    {"chan send",                  WAIT_CHAN_SEND,  false, false, false},
    {"chan receive (nil chan)",    WAIT_CHAN_RECV,  false, true,  false},
    {"chan send (nil chan)",       WAIT_CHAN_SEND,  false, true,  false},
    {"select",                     WAIT_SELECT,     false, false, false},
    {"select (no cases)",          WAIT_SELECT,     false, false, false},
    {"sync.Mutex.Lock",            WAIT_MUTEX,      false, false, false},
    {"sync.RWMutex.RLock",         WAIT_RWMUTEX,    false, false, false},
    {"sync.RWMutex.Lock",          WAIT_RWMUTEX,    false, false, false},
    {"sync.Cond.Wait",             WAIT_COND,       false, false, false},
    {"sync.WaitGroup.Wait",        WAIT_WAITGROUP,  false, false, false},
    {"semacquire",                 WAIT_OTHER,      false, false, true},
    {"sleep",                      WAIT_SLEEP,      false, false, false},
    {"IO wait",                    WAIT_NET,        false, false, false},
    {"coroutine",                  WAIT_COROUTINE,  false, false, false},
    {"GC assist marking",          WAIT_GC,         true,  false, false},
    {"GC assist wait",             WAIT_GC,         true,  false, false},
    {"GC sweep wait",              WAIT_GC,         true,  false, false},
    {"GC scavenge wait",           WAIT_GC,         true,  false, false},
    {"GC worker (idle)",           WAIT_GC,         true,  false, false},
    {"GC worker (active)",         WAIT_GC,         true,  false, false},
    {"GC mark termination",        WAIT_GC,         true,  false, false},
    {"GC weak to strong wait",     WAIT_GC,         true,  false, false},
    {"garbage collection",         WAIT_GC,         true,  false, false},
    {"garbage collection scan",    WAIT_GC,         true,  false, false},
    {"wait for GC cycle",          WAIT_GC,         true,  false, false},
    {"force gc (idle)",            WAIT_GC,         true,  false, false},
    {"finalizer wait",             WAIT_RUNTIME,    true,  false, false},
    {"cleanup wait",               WAIT_RUNTIME,    true,  false, false},
    {"GOMAXPROCS updater (idle)",  WAIT_RUNTIME,    true,  false, false},
    {"trace reader (blocked)",     WAIT_RUNTIME,    true,  false, false},
    {"trace goroutine status",     WAIT_RUNTIME,    true,  false, false},
    {"trace proc status",          WAIT_RUNTIME,    true,  false, false},
    {"page trace flush",           WAIT_RUNTIME,    true,  false, false},
    {"flushing proc caches",       WAIT_RUNTIME,    true,  false, false},
    {"stopping the world",         WAIT_RUNTIME,    true,  false, false},
    {"preempted",                  WAIT_RUNTIME,    true,  false, false},
    {"debug call",                 WAIT_RUNTIME,    true,  false, false},
    {"dumping heap",               WAIT_RUNTIME,    true,  false, false},
    {"panicwait",                  WAIT_RUNTIME,    false, false, false},
    {"synctest.Run",               WAIT_OTHER,      false, false, false},
    {"synctest.Wait",              WAIT_OTHER,      false, false, false},
};
/* clang-format on */

static const struct wait_reason unknown = {"", WAIT_OTHER, false, false, false};

/* The length of the name without the mark of a synctest bubble (Go 1.24: synctest, from 1.25: durable). */
static size_t base_length(const char *name)
{
    static const char *const marks[] = {" (durable)", " (synctest)"};
    size_t length = strlen(name);
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        size_t mark = strlen(marks[i]);
        if (length > mark && strcmp(name + length - mark, marks[i]) == 0)
            return length - mark;
    }
    return length;
}

const struct wait_reason *wait_reason_find(const char *name)
{
    size_t length = base_length(name);
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strlen(reasons[i].name) == length && memcmp(reasons[i].name, name, length) == 0)
            return &reasons[i];
    }
    return &unknown;
}

enum wait_class wait_class_of_caller(const char *function)
{
    static const struct {
        const char *prefix;
        enum wait_class class;
    } callers[] = {
        {"sync.(*WaitGroup).", WAIT_WAITGROUP}, {"sync.(*RWMutex).", WAIT_RWMUTEX},
        {"sync.(*Mutex).", WAIT_MUTEX},         {"internal/sync.(*Mutex).", WAIT_MUTEX},
        {"sync.(*Cond).", WAIT_COND},
    };
    for (size_t i = 0; i < sizeof callers / sizeof callers[0]; i++) {
        if (strncmp(function, callers[i].prefix, strlen(callers[i].prefix)) == 0)
            return callers[i].class;
    }
    return WAIT_OTHER;
}

enum wait_class wait_class_of_object(enum object_kind kind)
{
    switch (kind) {
    case OBJECT_MUTEX:
        return WAIT_MUTEX;
    case OBJECT_RWMUTEX:
        return WAIT_RWMUTEX;
    case OBJECT_WAITGROUP:
        return WAIT_WAITGROUP;
    case OBJECT_COND:
        return WAIT_COND;
    default:
        return WAIT_OTHER;
    }
}
