#include "long_options.h"

#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define ROTATE_NS_MIN        1000000000u
#define SIZE_MIN             (64u << 10)
#define FLIGHT_NS_MIN        1000000000u
#define FLIGHT_NS_MAX        (3600 * (uint64_t)1000000000u)
#define FLIGHT_BYTES_DEFAULT ((uint64_t)256 << 20)
#define FLIGHT_BYTES_MIN     ((uint64_t)4 << 20)
#define FLIGHT_BYTES_MAX     ((uint64_t)16 << 30)
#define COOLDOWN_DEFAULT_NS  (60 * (uint64_t)1000000000u)

void long_options_init(struct long_options *self, struct long_texts *texts)
{
    *self = (struct long_options){.cooldown_ns = COOLDOWN_DEFAULT_NS};
    *texts = (struct long_texts){0};
    texts->triggers = (struct opt_list){.items = texts->trigger_texts, .capacity = TRIGGERS_MAX};
}

/* A size and a time look alike ("10m" is ten minutes, "10M" ten megabytes), and without a unit it may be either. */
static int read_rotate(struct long_options *self, const char *text, struct error *err)
{
    bool has_unit = *text && !strchr("0123456789.", text[strlen(text) - 1]);
    if (has_unit && units_parse_duration(text, &self->rotate_ns)) {
        if (self->rotate_ns < ROTATE_NS_MIN)
            return error_set(err, ERR_USAGE, "--rotate: must be at least 1s");
        return 0;
    }
    if (has_unit && units_parse_size(text, &self->rotate_bytes)) {
        if (self->rotate_bytes < SIZE_MIN)
            return error_set(err, ERR_USAGE, "--rotate: must be at least 64k");
        return 0;
    }
    return error_set(err, ERR_USAGE,
                     "--rotate: '%s' is neither a size (100M, 1G) nor a time (10m, 1h), with its unit", text);
}

static int read_flight(struct long_options *self, const char *text, struct error *err)
{
    char time[32];
    const char *comma = strchr(text, ',');
    size_t length = comma ? (size_t)(comma - text) : strlen(text);
    self->flight_bytes = FLIGHT_BYTES_DEFAULT;
    if (length >= sizeof time)
        length = sizeof time - 1;
    snprintf(time, sizeof time, "%.*s", (int)length, text);
    if (!units_parse_duration(time, &self->flight_ns) ||
        (comma && !units_parse_size(comma + 1, &self->flight_bytes)))
        return error_set(err, ERR_USAGE,
                         "--flight: '%s' is not a time, or a time and a size: 30s, or 30s,256M", text);
    if (self->flight_ns < FLIGHT_NS_MIN || self->flight_ns > FLIGHT_NS_MAX)
        return error_set(err, ERR_USAGE, "--flight: the time must be between 1s and 1h");
    if (self->flight_bytes < FLIGHT_BYTES_MIN || self->flight_bytes > FLIGHT_BYTES_MAX)
        return error_set(err, ERR_USAGE, "--flight: the size must be between 4M and 16G");
    return 0;
}

static int check(const struct long_options *self, struct error *err)
{
    bool rotates = long_options_has_parts(self);
    if (self->max_bytes && self->max_bytes < SIZE_MIN)
        return error_set(err, ERR_USAGE, "--max-size: must be at least 64k");
    if (self->keep < 0 || self->keep > 100000)
        return error_set(err, ERR_USAGE, "--keep: %lld is not between 1 and 100000", (long long)self->keep);
    if (self->keep && !rotates && !self->flight_ns)
        return error_set(err, ERR_USAGE, "--keep goes with --rotate or --flight");
    if (self->flight_ns && rotates)
        return error_set(err, ERR_USAGE,
                         "--flight writes a file when it is triggered, --rotate all the time: give one of them");
    if (self->flight_ns && self->max_bytes)
        return error_set(err, ERR_USAGE,
                         "--max-size does not go with --flight: its second number limits the memory, --keep the files");
    if (self->trigger_count && !self->flight_ns)
        return error_set(err, ERR_USAGE, "--trigger goes with --flight");
    return 0;
}

int long_options_read(struct long_options *self, const struct long_texts *texts, struct error *err)
{
    int rc = texts->rotate ? read_rotate(self, texts->rotate, err) : 0;
    if (rc == 0 && texts->flight)
        rc = read_flight(self, texts->flight, err);
    for (unsigned i = 0; rc == 0 && i < texts->triggers.count; i++)
        rc = trigger_spec_parse(texts->triggers.items[i], &self->triggers[self->trigger_count++], err);
    return rc == 0 ? check(self, err) : rc;
}
