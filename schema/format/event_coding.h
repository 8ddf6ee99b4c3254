/*
 * How the fields of an event are coded in files of format 2: what each value is expected to be. A chunk tells this for each
 * type in it, so that a reader can walk over types and fields that it does not know, and a later writer may choose
 * otherwise. gotape(5) says what the numbers mean; they are part of the format. The choice is made here: from the columns
 * of event_spec.c, but for a few fields about which more is known.
 */
#ifndef GOTAPE_FORMAT_EVENT_CODING_H
#define GOTAPE_FORMAT_EVENT_CODING_H

#include "base/buf.h"
#include "base/bytes.h"
#include "format/event_spec.h"

#define CODING_TYPES_MAX  256 /* numbers of types are below */
#define CODING_FIELDS_MAX 15 /* their count is told in 4 bits */

enum coding_how {
    CODING_DELTA = 1,     /* the value before in the column */
    CODING_TIME = 2,      /* the time of the event */
    CODING_RUNNING = 3,   /* the goroutine that runs on the thread */
    CODING_THREAD = 4,    /* what the thread had before */
    CODING_FIELD = 5,     /* what it was before with this value of field `of` */
    CODING_STACK = 6,     /* a call chain: what follows on the chain before of field `of`, or of the thread */
    CODING_G = 7,         /* the g of goroutine `of` */
    CODING_NEW_G = 8,     /* the g of a goroutine that ended on this P; that of goroutine `of` from now on */
    CODING_NEW_GOID = 9,  /* the next number of the thread */
    CODING_RUNNABLE = 10, /* who is next in the run queues */
    CODING_FOUND = 11,    /* by where CODING_RUNNABLE was found */
    CODING_WOKEN = 12,    /* whom goroutine `of` wakes at this call chain */
    CODING_OBJECT = 13,   /* what goroutine `of` uses at this call chain, or a new one */
    CODING_NEWEST = 14,   /* as CODING_FIELD, or a new one */
    CODING_RECENT = 15,   /* one of the values that came lately */
    CODING_STEP = 16,     /* as far from the value before at this call chain as that from the one before it */
    CODING_COUNT = 17
};

#define CODING_OF_THREAD 0xff /* instead of a field */

struct coded_field {
    uint8_t field, how, of;
};

struct type_coding {
    uint8_t type, count;
    struct coded_field fields[CODING_FIELDS_MAX]; /* in the order in which they are coded */
};

/* The writer's choice for a known type. */
void event_coding_choose(unsigned type, struct type_coding *out);
void event_coding_put(struct buf *out, const struct type_coding *coding);
/* False when it makes no sense, or is of a later version. */
bool event_coding_take(struct bytes *in, struct type_coding *out);

#endif
