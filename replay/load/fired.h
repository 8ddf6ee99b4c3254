/* Which channel ended a select: as the recorder saw it, else where only one case can be meant. */
#ifndef GOTAPE_REPLAY_FIRED_H
#define GOTAPE_REPLAY_FIRED_H

#include <stdint.h>

#include "load/sync_object.h"
#include "load/wake_rule.h"

/*
 * The place of the case + 1; 0: not known. object: the channel, if it was told (EV_FIRED), else 0; op: what the waker did to
 * its channel.
 */
uint32_t fired_case(const struct select_set *set, uint32_t object, enum waker_kind waker, enum channel_op op);

#endif
