/*
 * A point in time as people write it: relative to the start of the recording ("1.5s", "250ms"), to its end
 * ("-2s"), or in UTC
 * ("2026-11-22T17:00:00Z", with fractions of a second).
 */
#ifndef GOTAPE_QUERY_MOMENT_H
#define GOTAPE_QUERY_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

enum moment_kind { MOMENT_FROM_START, MOMENT_FROM_END, MOMENT_UTC };

struct moment {
    enum moment_kind kind;
    int64_t ns; /* after the start, before the end, or since 1970 */
};

/* False when malformed. */
bool moment_parse(const char *text, struct moment *out);
/* Into CLOCK_MONOTONIC. False when it is UTC and the recording's own UTC time is unknown (start_realtime_ns
 * 0). Results out of range are cut to it. */
bool moment_resolve(const struct moment *self, int64_t start_ns, int64_t end_ns, int64_t start_realtime_ns,
                    int64_t *ns_out);
/* "2026-11-22 17:00:00 UTC"; out needs 40 bytes. Returns out. */
char *moment_format_utc(int64_t realtime_ns, char *out, unsigned size);

#endif
