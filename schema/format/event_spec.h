/*
 * One row per event type: names, kinds and coding of its fields. The codec, the text form (dump, golden
 * tests) and the loader are driven by this table, so that a new event is a new row.
 */
#ifndef GOTAPE_FORMAT_EVENT_SPEC_H
#define GOTAPE_FORMAT_EVENT_SPEC_H

#include <stddef.h>

#include "format/event.h"

/* What a field means. */
enum field_kind {
    FIELD_NONE = 0,
    FIELD_UINT,     /* a number */
    FIELD_GOID,     /* a goroutine's number */
    FIELD_ADDRESS,  /* text form 0x… */
    FIELD_TIME,     /* CLOCK_MONOTONIC, ns */
    FIELD_TID,      /* kernel thread id */
    FIELD_STACK,    /* id */
    FIELD_LOCATION, /* id */
    FIELD_STRING,   /* id */
    FIELD_OBJECT,   /* id */
    FIELD_SET,      /* id of a select set */
    FIELD_REASON,   /* wait reason number of the traced Go version */
};

/*
 * How a column is written: each value against a prediction from what both sides have seen so far in the
 * chunk, so that the usual value is a zero byte. gotape(5) has the details. The coding of a released field
 * never changes.
 */
enum field_coding {
    CODE_NEXT = 0, /* zigzag difference to the previous value of the column */
    CODE_TIME,     /* zigzag difference to the event's own time */
    /* The others write 0 for the predicted value, the prediction for 0, and any other value as it is. */
    CODE_RUNNING,  /* predicted: the goroutine that this thread ran last */
    CODE_READIED,  /* predicted: the goroutine that this thread created or readied last */
    CODE_BY_TID,   /* predicted: this column's last value for the thread */
    CODE_BY_FIELD, /* predicted: this column's last value for the same value of field `context` (coded
                      otherwise) */
};

struct field_spec {
    const char *name;
    enum field_kind kind;
    enum field_coding coding;
    unsigned context;
};

struct event_spec {
    const char *name; /* NULL: no such event */
    struct field_spec fields[EVENT_FIELDS_MAX];
    unsigned field_count;
};

extern const struct event_spec event_specs[EVENT_TYPE_COUNT]; /* by type; for event_spec_get() alone */

/* NULL for a type that this version does not know. */
static inline const struct event_spec *event_spec_get(unsigned type)
{
    return type < EVENT_TYPE_COUNT && event_specs[type].name ? &event_specs[type] : NULL;
}
/* EV_NONE when there is no event of this name. */
enum event_type event_spec_find(const char *name);

#endif
