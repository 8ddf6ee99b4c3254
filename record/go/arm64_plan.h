/*
 * Where the probes of a program for arm64 would sit. Experimental: the places are found as on amd64, from the code at hand,
 * but what is fetched there is not worked out, so nothing can be recorded with them.
 */
#ifndef GOTAPE_RECORD_ARM64_PLAN_H
#define GOTAPE_RECORD_ARM64_PLAN_H

#include "go/go_binary.h"
#include "go/probe_plan.h"

/* Fills a site without `fetch`, or says in `missing` why there is none. `names`: the function, and its other name or NULL. */
bool arm64_plan_find(const struct go_binary *binary, enum probe_id id, const char *const names[2],
                     struct probe_site *site);

#endif
