/*
 * The options of recordings that go on for long: limits of size, rotation, the flight recorder. Pure.
 */
#ifndef GOTAPE_RECORD_LONG_OPTIONS_H
#define GOTAPE_RECORD_LONG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/opt.h"
#include "trigger_spec.h"

struct long_options {
    uint64_t max_bytes;              /* of all files together; 0: no limit */
    uint64_t rotate_ns, rotate_bytes; /* at most one of them; 0: no rotation */
    int64_t keep;                    /* files; 0: all */
    uint64_t flight_ns;              /* 0: no flight recorder */
    uint64_t flight_bytes;
    struct trigger_spec triggers[TRIGGERS_MAX];
    unsigned trigger_count;
    uint64_t cooldown_ns;
    bool follow; /* wait for the process, and for the next one when it has ended */
};

/* As they stand on the command line. */
struct long_texts {
    const char *rotate, *flight;
    const char *trigger_texts[TRIGGERS_MAX];
    struct opt_list triggers;
};

void long_options_init(struct long_options *self, struct long_texts *texts);
/* Reads the texts and checks what goes with what. ERR_USAGE. */
int long_options_read(struct long_options *self, const struct long_texts *texts, struct error *err);

/* The recording consists of several files. */
static inline bool long_options_has_parts(const struct long_options *self)
{
    return self->rotate_ns || self->rotate_bytes;
}

#endif
