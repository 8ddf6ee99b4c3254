/*
 * The probes that --probe asks for: planned in the binary at hand, with a name for each of their events.
 */
#ifndef GOTAPE_RECORD_SPAN_PROBES_H
#define GOTAPE_RECORD_SPAN_PROBES_H

#include "go/span_plan.h"
#include "record_options.h"

#define SPAN_SITES_MAX      96 /* of all probes */
#define SPAN_SITE_NAME_SIZE 32

struct span_probes {
    const struct user_probe *probes; /* borrowed */
    struct span_plan plans[USER_PROBES_MAX];
    unsigned count;
};

/* One event: the entry of a probe, or one of its returns. */
struct span_site {
    const struct probe_site *site;
    char name[SPAN_SITE_NAME_SIZE]; /* "span_1", "span_1_end_2" */
    unsigned probe;                 /* 0, 1 … */
    bool is_end;
    unsigned value_count;
};

/* The names of the values as fetched: "value_1" … */
extern const char *const span_value_names[SPAN_VALUES_MAX];

/* Borrows the options. Released also when it fails. */
int span_probes_init(const struct record_options *options, const struct go_binary *binary,
                     struct span_probes *out, struct error *err);
void span_probes_release(struct span_probes *self);

/* Calls back for every event. Stops when fn fails and returns its code. */
int span_probes_each(const struct span_probes *self,
                     int (*fn)(void *context, const struct span_site *site, struct error *err), void *context,
                     struct error *err);

/* What the user should know about a probe, e.g. what it costs; false when there is nothing. */
bool span_probes_warning(const struct span_probes *self, unsigned probe, char *out, size_t size);

#endif
