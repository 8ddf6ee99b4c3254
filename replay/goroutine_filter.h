/* Checks of what the user names: a goroutine, a wait reason. */
#ifndef GOTAPE_REPLAY_GOROUTINE_FILTER_H
#define GOTAPE_REPLAY_GOROUTINE_FILTER_H

#include <stdint.h>

#include "store/store.h"

/* ERR_NOT_FOUND when the trace has no such goroutine. */
int goroutine_filter_check(int64_t goid, struct store *store, struct error *err);
/* ERR_NOT_FOUND when no wait reason has this name or class; the message lists those that occurred. */
int reason_filter_check(const char *reason, struct store *store, struct error *err);

#endif
