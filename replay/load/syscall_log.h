/*
 * System calls and calls of foreign code, told by threads that leave their CPU in one: writes `syscall`. What is over is known
 * only by what the thread does next: several sleeps in a row at one place are one call. A part of goroutine_tracker.
 */
#ifndef GOTAPE_REPLAY_SYSCALL_LOG_H
#define GOTAPE_REPLAY_SYSCALL_LOG_H

#include "base/map.h"
#include "format/event.h"
#include "load/goroutine_table.h"
#include "load/syscall_name.h"

struct goroutine_tracker;
struct call;

struct syscall_log {
    struct map by_tid; /* → struct call *, owned */
    struct call *spare;
    enum syscall_machine machine;
    bool tells_lost_p; /* a P that was lost has an event */
};

void syscall_log_init(struct syscall_log *self);
void syscall_log_release(struct syscall_log *self);
/* Nothing is known about any call any more: those under way have no row. */
void syscall_log_forget(struct syscall_log *self);

/* EV_THREAD_OFF, EV_THREAD_IN; after binding_event(). */
void syscall_log_thread(struct goroutine_tracker *tracker, const struct event *event);
/* A snapshot found the goroutine in a call, on its thread; unless the thread turns out not to sleep. `since`: at the
 * earliest. */
void syscall_log_assume(struct goroutine_tracker *tracker, const struct goroutine *goroutine, uint64_t since,
                        uint32_t stack);
/* The thread of this event does something; before the event is handled. */
void syscall_log_event(struct goroutine_tracker *tracker, const struct event *event);
void syscall_log_finish(struct goroutine_tracker *tracker, uint64_t end_ns);

#endif
