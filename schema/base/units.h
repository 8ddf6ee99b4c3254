/*
 * Numbers as people write them: durations ("500ms", "10s", "2m", "1.5h"), sizes ("8M", "512k", "1G"), and
 * both as text.
 */
#ifndef GOTAPE_BASE_UNITS_H
#define GOTAPE_BASE_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A number with ns, us, ms, s, m, h or d (no unit: seconds) into ns. False when malformed, negative or too
 * large. */
bool units_parse_duration(const char *text, uint64_t *ns_out);
/* A number with an optional k, M, G (powers of 1024; a trailing B or iB is allowed) into bytes. */
bool units_parse_size(const char *text, uint64_t *bytes_out);

/* "1.234 ms" style with three or four significant digits; out needs 24 bytes. Returns out. */
char *units_format_duration(uint64_t ns, char *out, size_t size);
/* "12.3 MB" (powers of 1000); out needs 24 bytes. Returns out. */
char *units_format_size(uint64_t bytes, char *out, size_t size);
/* "1,234,567"; out needs 32 bytes. Returns out. */
char *units_format_count(uint64_t count, char *out, size_t size);

#endif
