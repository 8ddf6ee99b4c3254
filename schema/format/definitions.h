/*
 * The things that events refer to by id: strings, code locations, call chains, objects, select sets. The
 * recorder numbers them from 1 upwards as they turn up, and starts again at 1 with each definition epoch (so
 * that a reader who lost a chunk, or starts in the middle, is whole again soon, and so that tables do not
 * grow for ever). All ids inside a definition are of the same epoch.
 */
#ifndef GOTAPE_FORMAT_DEFINITIONS_H
#define GOTAPE_FORMAT_DEFINITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SELECT_CASES_MAX    64
#define STACK_DEPTH_MAX     512
#define LOCATION_FRAMES_MAX 64
#define STRING_SIZE_MAX     65535

enum def_kind { DEF_STRING, DEF_LOCATION, DEF_STACK, DEF_OBJECT, DEF_SET, DEF_KIND_COUNT };

struct def_string {
    const char *text; /* a NUL stands behind the last byte; there may be more inside */
    uint32_t length;
};

/* One function at a code location. A location has several when calls were inlined: innermost first. */
struct def_frame {
    uint32_t function; /* string id, e.g. "main.(*Queue).Push" */
    uint32_t file;     /* string id; 0 when unknown */
    uint32_t line;     /* 0 when unknown */
};

struct def_location {
    uint64_t pc; /* address in the target's memory: for a call chain, the return address of a call */
    uint32_t frame_count;
    const struct def_frame *frames;
};

enum { STACK_CUT = 1 }; /* the chain was cut at the kernel's limit: outer frames are missing */

struct def_stack {
    uint32_t flags;
    uint32_t depth;
    const uint32_t *locations; /* innermost first */
};

/* Part of the file format. */
enum object_kind {
    OBJECT_UNKNOWN = 0,
    OBJECT_CHAN = 1,
    OBJECT_MUTEX = 2,
    OBJECT_RWMUTEX = 3,
    OBJECT_WAITGROUP = 4,
    OBJECT_COND = 5,
    OBJECT_POLLDESC = 6,  /* addr is the runtime's pollDesc */
    OBJECT_SEMAPHORE = 7, /* a runtime semaphore whose owner is not known; addr is the semaphore */
    OBJECT_KIND_COUNT = 8
};

enum {
    OBJECT_REUSE_DOUBT = 1, /* the address may have been reused between two sights without our noticing */
    OBJECT_UNREAD = 2,      /* type and capacity could not be read */
    OBJECT_TIMER = 4,       /* the channel belongs to a timer (hchan.timer, Go >= 1.23) */
    OBJECT_CAPACITY = 8     /* `capacity` is known */
};

struct def_object {
    uint32_t kind; /* enum object_kind */
    uint32_t flags;
    uint64_t addr;       /* of the object that the program knows: the Mutex, not its semaphore */
    uint32_t generation; /* 1, 2 … for one address, over the whole trace; a new one only on evidence */
    uint32_t type; /* string id, 0 = unknown: element type of a channel, e.g. "main.Job"; what a pollDesc polls, "tcp
                      127.0.0.1:8080->127.0.0.1:55666 fd 7"; of other kinds the package variable that it is, or lies
                      in: "main.mu", "main.registry+0x8" */
    uint64_t capacity;   /* of a channel's buffer, in elements */
};

enum select_direction { SELECT_SEND = 1, SELECT_RECV = 2, SELECT_DIRECTION_UNKNOWN = 0 };
enum { SET_INCOMPLETE = 1 }; /* there were more cases than could be fetched */

struct def_case {
    uint32_t object;    /* object id; 0: a nil channel */
    uint32_t direction; /* enum select_direction */
};

struct def_set {
    uint32_t flags;
    uint32_t case_count;
    const struct def_case *cases; /* in source order; where that is not known: sends, then receives */
};

#endif
