/*
 * Reads the kernel's event descriptions (the `format` files of tracefs) through libtraceevent: where each
 * field lies in the raw bytes of a sample. Fields are packed and unaligned, so nothing else may assume where
 * they are.
 */
#ifndef GOTAPE_RECORD_TRACEPOINT_H
#define GOTAPE_RECORD_TRACEPOINT_H

#include "perf/sample_decode.h"

/* The layout of a probe's values. Errors name the event and the field that is missing or of another shape. */
int tracepoint_parse_probe(const struct sample_probe *probe, struct sample_layout *out, struct error *err);
/* The fields that we use of sched:sched_switch. */
int tracepoint_parse_switch(const char *format, struct sample_switch_layout *out, struct error *err);

#endif
