/*
 * gotape-record --check: looks at a program and at this host, arms nothing, and says what would be probed
 * where, at which cost, what is missing, and what to do about it.
 */
#ifndef GOTAPE_RECORD_PREFLIGHT_H
#define GOTAPE_RECORD_PREFLIGHT_H

#include <stdio.h>

#include "base/error.h"
#include "record_options.h"

/* Prints the findings. Returns 0 when a recording would work; otherwise the first obstacle is in err. */
int preflight_run(const struct record_options *options, FILE *out, struct error *err);

#endif
