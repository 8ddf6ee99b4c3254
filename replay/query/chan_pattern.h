/*
 * What `--chan X` means: an address (0xc000012345), an element type ("chan main.Job"), a line
 * ("worker.go:31", "worker.go"), or a name that may be an element type or a function ("main.Job",
 * "main.(*Pool).Get").
 */
#ifndef GOTAPE_QUERY_CHAN_PATTERN_H
#define GOTAPE_QUERY_CHAN_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chan_pattern_kind { CHAN_ADDRESS, CHAN_TYPE, CHAN_LINE, CHAN_NAME };

struct chan_pattern {
    enum chan_pattern_kind kind;
    int64_t address; /* CHAN_ADDRESS */
    int64_t line;    /* CHAN_LINE; 0: any */
    char text[512];  /* type, file or name */
};

/* False when X can be none of these (empty, too long, a malformed address). */
bool chan_pattern_parse(const char *text, struct chan_pattern *out);

#endif
