#include "wait_object.h"

#include <stdbool.h>
#include <string.h>

#include "code_table.h"
#include "format/event.h"
#include "go/probe_table.h"

/* How to find the object behind a wait reason (offsets of package sync and of runtime/sema.go: the same in
 * Go 1.18 to 1.27). */
enum wait_rule {
    WAIT_NOTHING = 0,
    WAIT_CHAN,      /* lock is &hchan.lock */
    WAIT_MUTEX,     /* obj is &Mutex.sema */
    WAIT_RW_READ,   /* obj is &RWMutex.readerSem */
    WAIT_RW_WRITE,  /* obj is &RWMutex.writerSem */
    WAIT_GROUP,     /* obj is &WaitGroup.sema */
    WAIT_COND,      /* obj is &Cond.notify */
    WAIT_SEMAPHORE, /* obj is a semaphore; the stack may tell whose */
    WAIT_NET,
    WAIT_SLEEP, /* obj is the duration in ns */
};

/* The first row whose text the reason starts with. "select" is told by its own probe. */
static const struct {
    const char *prefix;
    enum wait_rule rule;
} rule_table[] = {
    {"chan receive (nil", WAIT_NOTHING},
    {"chan send (nil", WAIT_NOTHING},
    {"chan receive", WAIT_CHAN},
    {"chan send", WAIT_CHAN},
    {"sync.Mutex.Lock", WAIT_MUTEX},
    {"sync.RWMutex.RLock", WAIT_RW_READ},
    {"sync.RWMutex.Lock", WAIT_RW_WRITE},
    {"sync.WaitGroup.Wait", WAIT_GROUP},
    {"sync.Cond.Wait", WAIT_COND},
    {"semacquire", WAIT_SEMAPHORE},
    {"IO wait", WAIT_NET},
    {"sleep", WAIT_SLEEP},
};

enum {
    MUTEX_SEMA = 4,
    RWMUTEX_WRITER_SEM = 8,
    RWMUTEX_READER_SEM = 12,
    WAITGROUP_SEMA = 8,
    COND_NOTIFY = 16,
};

void wait_rules_init(struct wait_rules *self, const char *const *reasons, size_t count)
{
    memset(self, 0, sizeof *self);
    for (size_t i = 0; i < count && i < WAIT_REASONS_MAX; i++) {
        for (size_t r = 0; r < sizeof rule_table / sizeof *rule_table; r++) {
            if (strncmp(reasons[i], rule_table[r].prefix, strlen(rule_table[r].prefix)) == 0) {
                self->rule_of[i] = rule_table[r].rule;
                break;
            }
        }
    }
}

/* With -N -l the compiler keeps goparkunlock as a frame of its own: then obj is that frame's lock, and the
 * object is found one frame further out (pd), which may be believed only if that frame exists (bp1). */
static uint64_t sema_object(const struct wait_rules *rules, const uint64_t *v, uint32_t hints)
{
    if (rules->loses_semaphores)
        return 0;
    if (hints & CHAIN_HAS_PARKUNLOCK)
        return v[V_PARK_BP1] ? v[V_PARK_PD] : 0;
    uint64_t obj = v[V_PARK_OBJ], lock = v[V_PARK_LOCK];
    return obj && obj != lock ? obj : v[V_PARK_BP1] ? v[V_PARK_PD] : 0;
}

static uint64_t cond_object(const uint64_t *v)
{
    uint64_t obj = v[V_PARK_OBJ], lock = v[V_PARK_LOCK];
    if (lock == obj + NOTIFY_LIST_LOCK)
        return obj;
    return v[V_PARK_BP1] && lock == v[V_PARK_PD] + NOTIFY_LIST_LOCK ? v[V_PARK_PD] : 0;
}

static uint64_t net_object(const struct go_layout *layout, const uint64_t *v, uint64_t *mode_out)
{
    uint64_t pd = v[V_PARK_PD], lock = v[V_PARK_LOCK];
    if (!v[V_PARK_BP1])
        return 0;
    if (lock == pd + (uint64_t)layout->polldesc_rg)
        *mode_out = NET_MODE_READ;
    else if (lock == pd + (uint64_t)layout->polldesc_wg)
        *mode_out = NET_MODE_WRITE;
    else
        return 0;
    return pd;
}

static struct wait_object member_of(enum object_kind kind, uint64_t field, uint64_t offset)
{
    return (struct wait_object){kind, field > offset ? field - offset : 0, 0};
}

/* A semaphore by itself: older runtimes give the same reason to several sync types; the stack tells which. */
static struct wait_object semaphore_owner(uint64_t sema, uint32_t hints)
{
    if (hints & CHAIN_HAS_WAITGROUP)
        return member_of(OBJECT_WAITGROUP, sema, WAITGROUP_SEMA);
    if (hints & CHAIN_HAS_MUTEX)
        return member_of(hints & CHAIN_HAS_RWMUTEX ? OBJECT_RWMUTEX : OBJECT_MUTEX, sema, MUTEX_SEMA);
    if (hints & CHAIN_HAS_RLOCK)
        return member_of(OBJECT_RWMUTEX, sema, RWMUTEX_READER_SEM);
    if (hints & CHAIN_HAS_RWMUTEX)
        return member_of(OBJECT_RWMUTEX, sema, RWMUTEX_WRITER_SEM);
    return member_of(OBJECT_SEMAPHORE, sema, 0);
}

struct wait_object wait_object_find(const struct wait_rules *rules, const struct go_layout *layout,
                                    const uint64_t *v, uint32_t hints)
{
    struct wait_object object = {OBJECT_UNKNOWN, 0, 0};
    switch ((enum wait_rule)rules->rule_of[(uint8_t)v[V_PARK_REASON]]) {
    case WAIT_CHAN:
        return member_of(OBJECT_CHAN, v[V_PARK_LOCK], (uint64_t)layout->hchan_lock);
    case WAIT_MUTEX:
        /* The inner mutex of an RWMutex is its first field: the program knows the RWMutex. */
        return member_of(hints & CHAIN_HAS_RWMUTEX ? OBJECT_RWMUTEX : OBJECT_MUTEX,
                         sema_object(rules, v, hints), MUTEX_SEMA);
    case WAIT_RW_READ:
        return member_of(OBJECT_RWMUTEX, sema_object(rules, v, hints), RWMUTEX_READER_SEM);
    case WAIT_RW_WRITE:
        return member_of(OBJECT_RWMUTEX, sema_object(rules, v, hints), RWMUTEX_WRITER_SEM);
    case WAIT_GROUP:
        return member_of(OBJECT_WAITGROUP, sema_object(rules, v, hints), WAITGROUP_SEMA);
    case WAIT_COND:
        return member_of(OBJECT_COND, cond_object(v), COND_NOTIFY);
    case WAIT_SEMAPHORE:
        return semaphore_owner(sema_object(rules, v, hints), hints);
    case WAIT_NET:
        object.kind = OBJECT_POLLDESC;
        object.address = net_object(layout, v, &object.value);
        break;
    case WAIT_SLEEP:
        object.value = v[V_PARK_OBJ];
        break;
    case WAIT_NOTHING:
        break;
    }
    return object;
}
