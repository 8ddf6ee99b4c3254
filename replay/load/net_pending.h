/*
 * Net events that could not be given to a goroutine when they came, by a key of the caller's: the address of
 * a g whose goid is not known yet, or a descriptor that nobody had parked on. At most one a key, the latest.
 */
#ifndef GOTAPE_REPLAY_NET_PENDING_H
#define GOTAPE_REPLAY_NET_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "format/event.h"

struct net_pending {
    struct map events; /* key → struct event *, owned */
};

void net_pending_init(struct net_pending *self);
void net_pending_release(struct net_pending *self);
/* Keeps a copy in place of what was there. Beyond a limit new ones are not kept. False when out of memory. */
bool net_pending_put(struct net_pending *self, uint64_t key, const struct event *event);
/* NULL when there is none. Valid until the next put, take or drop. */
const struct event *net_pending_find(const struct net_pending *self, uint64_t key);
/* Hands it out and forgets it. */
bool net_pending_take(struct net_pending *self, uint64_t key, struct event *out);
void net_pending_drop(struct net_pending *self, uint64_t key);

#endif
