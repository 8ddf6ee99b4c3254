/*
 * One row per event type: names and kinds of its fields. The codec, the text form (dump, golden tests) and the loader are
 * driven by this table, so that a new event is a new row.
 */
#ifndef GOTAPE_FORMAT_EVENT_SPEC_H
#define GOTAPE_FORMAT_EVENT_SPEC_H

#include "format/event.h"

enum field_kind {
    FIELD_NONE = 0,
    FIELD_UINT,     /* small number: varint */
    FIELD_GOID,     /* zigzag delta to the previous value of the column */
    FIELD_ADDRESS,  /* zigzag delta to the previous value of the column; text form is 0x… */
    FIELD_TIME,     /* zigzag delta to the event's own time */
    FIELD_TID,      /* varint */
    FIELD_STACK,    /* id: varint */
    FIELD_LOCATION, /* id: varint */
    FIELD_STRING,   /* id: varint */
    FIELD_OBJECT,   /* id: varint */
    FIELD_SET,      /* id of a select set: varint */
    FIELD_REASON,   /* wait reason number of the traced Go version: varint */
};

struct field_spec {
    const char *name;
    enum field_kind kind;
};

struct event_spec {
    const char *name; /* NULL: no such event */
    struct field_spec fields[EVENT_FIELDS_MAX];
    unsigned field_count;
};

/* NULL for a type that this version does not know. */
const struct event_spec *event_spec_get(unsigned type);
/* EV_NONE when there is no event of this name. */
enum event_type event_spec_find(const char *name);

#endif
