/*
 * A choice among the probes of a plan, for measuring what each of them costs (--only). Not for use: a recording that lacks
 * probes cannot tell the states of goroutines.
 */
#ifndef GOTAPE_RECORD_PROBE_CHOICE_H
#define GOTAPE_RECORD_PROBE_CHOICE_H

#include "base/error.h"
#include "go/probe_plan.h"

/* Leaves out of the plan all probes but those that are named ("park,exec"); NULL: none is left out. Fails with ERR_USAGE when a
 * name is none of the plan's armed probes. */
int probe_choice_apply(struct probe_plan *plan, const char *names, struct error *err);

#endif
