#include "activity_finder.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/map.h"
#include "format/event.h"
#include "go/go_memory.h"
#include "go/go_syscall_slot.h"
#include "go/go_unwind.h"
#include "walk_memo.h"

/* Numbers of system calls are small; what is larger was no number. */
#define SYSCALLS_MAX 1024
#define PLACES_MAX   65536 /* stacks may hold any number of addresses */

/*
 * What a function on the stack of a sleeping thread says; the greatest of the frames counts. Names and their
 * meaning: runtime/proc.go, lock_futex.go, netpoll_epoll.go, Go 1.18 to 1.27.
 */
enum says {
    SAYS_NOTHING,
    SAYS_IDLE,
    SAYS_SYSCALL,
    SAYS_RUNTIME,
};

static const struct {
    const char *function;
    enum says says;
} sayings[] = {
    {"runtime.stopm", SAYS_IDLE},
    {"runtime.mPark", SAYS_IDLE},
    {"runtime.netpoll", SAYS_IDLE},
    {"runtime.stoplockedm", SAYS_IDLE}, /* the goroutine that is locked to the thread waits */
    {"runtime.notetsleepg", SAYS_SYSCALL},
    {"runtime.futexwakeup", SAYS_RUNTIME}, /* on the way to sleep another thread is woken */
    {"runtime.gcstopm", SAYS_RUNTIME},
    {"runtime.lock2", SAYS_RUNTIME},
    {"runtime.mexit", SAYS_RUNTIME},
    {"runtime.sysmon", SAYS_RUNTIME},
    {"runtime.templateThread", SAYS_RUNTIME},
    {"runtime.stopTheWorldWithSema", SAYS_RUNTIME},
    {"runtime.startTheWorldWithSema", SAYS_RUNTIME},
    {"runtime.forEachP", SAYS_RUNTIME},
    {"runtime.forEachPInternal", SAYS_RUNTIME},
};

/* What is known of a code address. */
struct place {
    uint8_t says;
    bool at_syscall;   /* exact addresses: the instruction before is the system call */
    bool in_runtime;   /* in package runtime */
    bool keeps_number; /* its frame has the number of the system call, at `slot` from the return address */
    int16_t slot;
    uint16_t number; /* plus 1: of the system call that the instructions before make; 0: not told by them */
};

struct activity_finder {
    const struct go_binary *binary;
    uint64_t bias;
    struct go_memory memory;
    struct map places; /* pc << 1 | is_return → struct place, packed */
    struct walk_memo memo;
};

struct activity_finder *activity_finder_new(const struct go_binary *binary, uint64_t bias,
                                            struct go_memory memory)
{
    struct activity_finder *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->binary = binary;
    self->bias = bias;
    self->memory = memory;
    map_init(&self->places);
    return self;
}

void activity_finder_free(struct activity_finder *self)
{
    if (!self)
        return;
    map_release(&self->places);
    free(self);
}

#if defined(__x86_64__)

enum { SYSCALL_BYTES = 7 }; /* of code before the address that are looked at */

/* `mov $number,%eax; syscall`, `xor %eax,%eax; syscall`. */
static void read_instructions(const uint8_t bytes[SYSCALL_BYTES], struct place *out)
{
    uint64_t number;
    out->at_syscall = bytes[5] == 0x0f && bytes[6] == 0x05;
    if (!out->at_syscall)
        return;
    if (bytes[0] == 0xb8 && bytes_peek(bytes, SYSCALL_BYTES, 1, 4, &number) && number < SYSCALLS_MAX)
        out->number = (uint16_t)(number + 1);
    else if (bytes[3] == 0x31 && bytes[4] == 0xc0)
        out->number = 1;
}

#elif defined(__aarch64__)

enum { SYSCALL_BYTES = 8 };

/* `mov x8, #number; svc #0`. */
static void read_instructions(const uint8_t bytes[SYSCALL_BYTES], struct place *out)
{
    uint64_t move, call;
    bytes_peek(bytes, SYSCALL_BYTES, 0, 4, &move);
    bytes_peek(bytes, SYSCALL_BYTES, 4, 4, &call);
    out->at_syscall = call == 0xd4000001;
    uint64_t number = move >> 5 & 0xffff;
    if (out->at_syscall && (move & 0xffe0001f) == 0xd2800008 && number < SYSCALLS_MAX)
        out->number = (uint16_t)(number + 1);
}

#endif

/* As read_instructions() has it, from the executable file. */
static bool is_at_syscall(const struct activity_finder *self, uint64_t pc)
{
    struct place place = {0};
    const uint8_t *bytes = go_binary_bytes(self->binary, pc - self->bias - SYSCALL_BYTES, SYSCALL_BYTES);
    if (bytes)
        read_instructions(bytes, &place);
    return place.at_syscall;
}

static enum says saying_of(const char *function)
{
    for (size_t i = 0; i < sizeof sayings / sizeof *sayings; i++) {
        if (strcmp(function, sayings[i].function) == 0)
            return sayings[i].says;
    }
    return SAYS_NOTHING;
}

static struct place look_at(const struct activity_finder *self, uint64_t pc, bool is_return)
{
    enum { INLINED_MAX = 16 };
    struct go_frame frames[INLINED_MAX];
    struct place place = {0};
    uint8_t bytes[SYSCALL_BYTES];
    size_t count = go_binary_symbolize(self->binary, pc - self->bias, is_return, frames, INLINED_MAX);
    for (size_t i = 0; i < count; i++) {
        enum says says = saying_of(frames[i].function);
        if (says > place.says)
            place.says = (uint8_t)says;
    }
    if (count > 0) {
        place.in_runtime = strncmp(frames[0].function, "runtime.", 8) == 0;
        int32_t slot;
        place.keeps_number = go_syscall_slot(self->binary, frames[count - 1].function, &slot) &&
                             slot >= INT16_MIN && slot <= INT16_MAX;
        if (place.keeps_number)
            place.slot = (int16_t)slot;
    }
    if (!is_return && go_memory_read(self->memory, pc - SYSCALL_BYTES, bytes, sizeof bytes))
        read_instructions(bytes, &place);
    return place;
}

static struct place place_of(struct activity_finder *self, uint64_t pc, bool is_return)
{
    uint64_t key = pc << 1 | is_return, packed = 0;
    struct place place;
    _Static_assert(sizeof place <= sizeof packed, "a place is kept in one word");
    if (map_get(&self->places, key, &packed)) {
        memcpy(&place, &packed, sizeof place);
        return place;
    }
    if (self->places.count >= PLACES_MAX)
        map_reset(&self->places);
    place = look_at(self, pc, is_return);
    memcpy(&packed, &place, sizeof place);
    map_put(&self->places, key, packed); /* without memory it is looked at again */
    return place;
}

/* The sampled piece of the stack. */
struct piece {
    const uint8_t *bytes;
    uint64_t start;
    size_t size;
    uint64_t return_at[ACTIVITY_FRAMES_MAX]; /* where the return address of each frame is */
    size_t frames;
    uint64_t number_at; /* from the start: where a number of a system call was looked for; NOT_KEPT: nowhere */
};

#define NOT_KEPT UINT64_MAX

static bool read_piece(void *context, uint64_t address, void *out, size_t size)
{
    struct piece *piece = context;
    /* go_unwind() asks for one return address a frame, innermost first */
    if (piece->frames < ACTIVITY_FRAMES_MAX)
        piece->return_at[piece->frames++] = address;
    uint64_t distance = address - piece->start;
    if (distance > piece->size || size > piece->size - distance)
        return false;
    memcpy(out, piece->bytes + distance, size);
    return true;
}

static uint32_t number_at(const uint8_t *stack, size_t size, uint64_t at)
{
    uint64_t value;
    if (!bytes_peek(stack, size, at, 8, &value) || value >= SYSCALLS_MAX)
        return 0;
    return (uint32_t)value + 1;
}

/* Also tells where it is kept. */
static uint32_t kept_number(struct piece *piece, size_t frame, const struct place *place)
{
    if (frame >= piece->frames)
        return 0;
    uint64_t at = piece->return_at[frame] + (uint64_t)(int64_t)place->slot - piece->start;
    piece->number_at = at;
    return number_at(piece->bytes, piece->size, at);
}

/* A thread in a system call: the frames tell whose it is, and which. */
static void look_at_frames(struct activity_finder *self, const struct place *innermost,
                           struct piece *piece, struct found_activity *out)
{
    enum says says = innermost->says;
    bool number_found = innermost->number != 0;
    out->syscall = innermost->number;
    for (uint32_t i = 0; i < out->length; i++) {
        struct place place = i == 0 ? *innermost : place_of(self, out->chain[i], true);
        if (place.says > says)
            says = place.says;
        if (place.keeps_number && !number_found) {
            out->syscall = kept_number(piece, i, &place);
            number_found = true;
        }
    }
    static const uint8_t activities[] = {
        [SAYS_IDLE] = ACTIVITY_IDLE, [SAYS_SYSCALL] = ACTIVITY_SYSCALL, [SAYS_RUNTIME] = ACTIVITY_RUNTIME};
    if (says != SAYS_NOTHING)
        out->activity = activities[says];
    else
        out->activity = innermost->in_runtime ? ACTIVITY_RUNTIME : ACTIVITY_SYSCALL;
}

/* ---- walks that were done before ---- */

/* Whether the thread is asleep decides how far it is looked at. */
static uint64_t key_of(const struct record *record)
{
    return record->ip << 1 | (record->prev_state != THREAD_STATE_RUNNABLE);
}

/* Where the rules of the walk have no exceptions. */
static bool is_ordinary(const struct record *record)
{
    return record->stack && record->sp % 8 == 0 && record->sp >> 63 == 0 && record->ip >> 63 == 0;
}

static bool recall(const struct activity_finder *self, const struct record *record, struct found_activity *out)
{
    const struct walk *walk =
        is_ordinary(record) ? walk_memo_find(&self->memo, key_of(record), record->stack, record->stack_size) : NULL;
    if (!walk)
        return false;
    out->activity = walk->activity;
    out->syscall = walk->number_at == WALK_NUMBER_KNOWN
                       ? walk->syscall
                       : number_at(record->stack, record->stack_size, (uint64_t)walk->number_at);
    out->length = walk->length;
    out->is_cut = walk->is_cut;
    memcpy(out->chain, walk->chain, walk->length * sizeof *walk->chain);
    return true;
}

/* A walk up to the outermost frame, or to the end of the piece: otherwise how it ended hangs on more than the return addresses. */
static void remember(struct activity_finder *self, const struct record *record, const struct piece *piece,
                     enum go_unwind_end end, const struct found_activity *found)
{
    _Static_assert((int)WALK_FRAMES_MAX == (int)ACTIVITY_FRAMES_MAX, "a walk has room for all frames");
    bool is_kept = piece->number_at != NOT_KEPT, is_cut = end == UNWIND_NO_MEMORY;
    if (!is_ordinary(record) || (end != UNWIND_COMPLETE && !is_cut) || piece->frames + !is_cut != found->length ||
        (is_kept && piece->number_at > UINT16_MAX))
        return;
    for (size_t i = 0; i < piece->frames; i++) {
        if (piece->return_at[i] - piece->start > UINT16_MAX)
            return;
    }
    struct walk *walk = walk_memo_place(&self->memo, key_of(record));
    walk->length = found->length;
    walk->is_cut = is_cut;
    walk->number_at = is_kept ? (int32_t)piece->number_at : WALK_NUMBER_KNOWN;
    walk->syscall = found->syscall;
    walk->activity = found->activity;
    for (size_t i = 0; i < piece->frames; i++)
        walk->at[i] = (uint16_t)(piece->return_at[i] - piece->start);
    memcpy(walk->chain, found->chain, found->length * sizeof *found->chain);
}

void activity_finder_look(struct activity_finder *self, const struct record *record,
                          struct found_activity *out)
{
    struct piece piece;
    struct place innermost = {0};
    struct go_code code;
    out->activity = ACTIVITY_UNKNOWN;
    out->syscall = out->length = 0;
    out->is_cut = false;
    if (record->ip == 0 || recall(self, record, out))
        return;
    piece.bytes = record->stack;
    piece.start = record->sp;
    piece.size = record->stack_size;
    piece.frames = 0;
    piece.number_at = NOT_KEPT;
    out->chain[out->length++] = record->ip;
    out->is_cut = true;
    /* C code that is linked in has an entry in Go's function table, but no stack table: -race */
    bool is_go = go_binary_code(self->binary, record->ip - self->bias, &code) && code.stack_delta != -1;
    out->activity = is_go ? ACTIVITY_GO : ACTIVITY_FOREIGN;
    bool asleep = record->prev_state != THREAD_STATE_RUNNABLE;
    /* Preempted threads may be anywhere: places in plain code are not worth remembering. */
    if (asleep || (is_go && is_at_syscall(self, record->ip)))
        innermost = place_of(self, record->ip, false);
    if (!is_go) {
        out->syscall = innermost.number;
        return;
    }
    if (!asleep && !innermost.at_syscall)
        return;
    enum go_unwind_end end;
    out->length = (uint32_t)go_unwind(self->binary, self->bias, record->ip, record->sp, read_piece, &piece,
                                      out->chain, ACTIVITY_FRAMES_MAX, &end);
    out->is_cut = end != UNWIND_COMPLETE;
    if (innermost.at_syscall)
        look_at_frames(self, &innermost, &piece, out);
    remember(self, record, &piece, end, out);
}
