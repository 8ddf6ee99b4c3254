/*
 * Ctrl-C and its like: a load gives up and removes what it has begun, a query is interrupted. The state of
 * signal handlers is the one thing that has to be static.
 */
#ifndef GOTAPE_REPLAY_INTERRUPT_H
#define GOTAPE_REPLAY_INTERRUPT_H

#include "store/store.h"

/* From here on SIGINT, SIGTERM and SIGHUP set the flag; a second signal ends the program at once. */
void interrupt_install(void);
/* Non-zero once a signal came: its number. */
const volatile int *interrupt_flag(void);
/* The store whose query is to be interrupted; NULL: none. */
void interrupt_watch(struct store *store);

#endif
