#include "go/go_stack.h"

#include <string.h>

#include "base/bytes.h"
#include "go/go_memory.h"

enum { CASE_SIZE = 16, CASE_ELEM = 8, NSENDS_AT = 24 /* fourth word of selectgo's arguments */ };

static bool from_window(struct go_stack *self, uint64_t distance, void *out, size_t size)
{
    uint64_t left = self->hi - self->sp - self->first_size;
    if (!self->window_tried) {
        self->window_tried = true;
        size_t wanted = left < GO_STACK_WINDOW ? (size_t)left : GO_STACK_WINDOW;
        if (go_memory_read(self->memory, self->sp + self->first_size, self->window, wanted))
            self->window_size = wanted;
    }
    uint64_t at = distance - self->first_size;
    if (at > self->window_size || size > self->window_size - at)
        return false;
    memcpy(out, self->window + at, size);
    return true;
}

static bool read_stack(struct go_stack *self, uint64_t address, void *out, size_t size)
{
    uint64_t distance = address - self->sp;
    if (address < self->sp || address > self->hi || size > self->hi - address)
        return false;
    if (distance <= self->first_size && size <= self->first_size - distance) {
        memcpy(out, self->first + distance, size);
        return true;
    }
    /* what straddles the two is read anew: as a part of neither it would need both */
    if (distance < self->first_size)
        return go_memory_read(self->memory, address, out, size);
    return from_window(self, distance, out, size);
}

struct walk_context {
    struct go_stack *stack;
    struct go_stack_walk *walk;
    size_t calls;
};

/* go_unwind() asks for the return address of each frame once, from the innermost on. */
static bool read_return_address(void *context, uint64_t address, void *out, size_t size)
{
    struct walk_context *self = context;
    if (self->calls < GO_STACK_FRAMES)
        self->walk->return_at[self->calls++] = address;
    return read_stack(self->stack, address, out, size);
}

void go_stack_walk(struct go_stack *stack, const struct go_binary *binary, uint64_t bias, uint64_t pc,
                   struct go_stack_walk *out)
{
    struct walk_context context = {stack, out, 0};
    out->depth = go_unwind(binary, bias, pc, stack->sp, read_return_address, &context, out->chain,
                           GO_STACK_FRAMES, &out->end);
    memset(out->return_at + context.calls, 0, (GO_STACK_FRAMES - context.calls) * sizeof *out->return_at);
}

void go_wait_calls_init(struct go_wait_calls *self, const struct go_binary *binary)
{
    static const char *const names[GO_WAIT_CALLS] = {
        [GO_WAIT_SEMAPHORE] = "runtime.semacquire1",
        [GO_WAIT_COND] = "sync.runtime_notifyListWait",
        [GO_WAIT_NET] = "internal/poll.runtime_pollWait",
        [GO_WAIT_SLEEP] = "time.Sleep",
        [GO_WAIT_SELECT] = "runtime.selectgo",
    };
    memset(self, 0, sizeof *self);
    for (unsigned i = 1; i < GO_WAIT_CALLS; i++) {
        uint64_t start, end;
        if (go_binary_function(binary, names[i], &start, &end)) {
            self->code[i].start = start;
            self->code[i].end = end;
        }
    }
}

/* gopark and what it may be called through (goparkunlock, netpollblock) come first: never deeper than this. */
#define CALL_DEPTH 6

enum go_wait_call go_wait_call_find(const struct go_wait_calls *self, uint64_t bias, struct go_stack *stack,
                                    const struct go_stack_walk *walk, uint64_t *argument_out,
                                    size_t *frame_out)
{
    for (size_t i = 0; i < walk->depth && i < CALL_DEPTH; i++) {
        uint64_t pc = walk->chain[i] - bias - (i > 0);
        for (unsigned call = 1; call < GO_WAIT_CALLS; call++) {
            uint8_t bytes[8];
            if (pc < self->code[call].start || pc >= self->code[call].end)
                continue;
            if (!walk->return_at[i] || !read_stack(stack, walk->return_at[i] + 8, bytes, sizeof bytes))
                return GO_WAIT_NONE;
            bytes_peek(bytes, sizeof bytes, 0, 8, argument_out);
            *frame_out = i;
            return (enum go_wait_call)call;
        }
    }
    return GO_WAIT_NONE;
}

static bool read_anywhere(struct go_stack *stack, uint64_t address, void *out, size_t size)
{
    return read_stack(stack, address, out, size) || go_memory_read(stack->memory, address, out, size);
}

/* How many cases the array has up to the last one that a sudog of the list waits on; 0 when they do not fit
 * together. */
static unsigned count_by_sudogs(const struct go_layout *l, struct go_stack *stack, uint64_t cases,
                                uint64_t waiting)
{
    uint8_t array[GO_SELECT_CASES * CASE_SIZE], sudog[128];
    unsigned readable = GO_SELECT_CASES, count = 0;
    int last = l->sudog_c > l->sudog_waitlink ? l->sudog_c : l->sudog_waitlink;
    size_t size = (size_t)last + 8;
    while (readable > 0 && !read_anywhere(stack, cases, array, (size_t)readable * CASE_SIZE))
        readable /= 2;
    if (l->sudog_c < 0 || l->sudog_elem < 0 || l->sudog_waitlink < 0 || size > sizeof sudog)
        return 0;
    for (unsigned seen = 0; waiting && seen < GO_SELECT_CASES; seen++) {
        uint64_t hchan, elem, case_hchan, case_elem;
        if (!go_memory_read(stack->memory, waiting, sudog, size))
            return 0;
        bytes_peek(sudog, size, (unsigned)l->sudog_c, 8, &hchan);
        bytes_peek(sudog, size, (unsigned)l->sudog_elem, 8, &elem);
        bytes_peek(sudog, size, (unsigned)l->sudog_waitlink, 8, &waiting);
        unsigned i = 0;
        for (; i < readable; i++) {
            bytes_peek(array, sizeof array, (uint64_t)i * CASE_SIZE, 8, &case_hchan);
            bytes_peek(array, sizeof array, (uint64_t)i * CASE_SIZE + CASE_ELEM, 8, &case_elem);
            if (case_hchan == hchan && case_elem == elem)
                break;
        }
        if (i == readable)
            return 0;
        if (i + 1 > count)
            count = i + 1;
    }
    return count;
}

static bool count_cases(struct go_binary *binary, uint64_t bias, struct go_stack *stack,
                        const struct go_stack_walk *walk, size_t frame, uint64_t cases, uint64_t waiting,
                        unsigned *sends_out, unsigned *count_out)
{
    unsigned sends, receives;
    uint8_t bytes[8];
    uint64_t number;
    if (frame + 1 < walk->depth &&
        go_binary_select_counts(binary, walk->chain[frame + 1] - bias, &sends, &receives)) {
        *sends_out = sends;
        *count_out = sends + receives;
        return true;
    }
    unsigned count = count_by_sudogs(go_binary_layout(binary), stack, cases, waiting);
    if (count == 0 || !read_stack(stack, walk->return_at[frame] + 8 + NSENDS_AT, bytes, sizeof bytes))
        return false;
    bytes_peek(bytes, sizeof bytes, 0, 8, &number);
    *sends_out = number < count ? (unsigned)number : count;
    *count_out = count;
    return true;
}

bool go_select_read(struct go_binary *binary, uint64_t bias, struct go_stack *stack,
                    const struct go_stack_walk *walk, size_t frame, uint64_t cases, uint64_t waiting,
                    struct go_select *out)
{
    uint8_t array[GO_SELECT_CASES * CASE_SIZE];
    unsigned sends, total;
    if (!count_cases(binary, bias, stack, walk, frame, cases, waiting, &sends, &total))
        return false;
    unsigned shown = total < GO_SELECT_CASES ? total : GO_SELECT_CASES;
    if (shown && !read_anywhere(stack, cases, array, (size_t)shown * CASE_SIZE))
        return false;
    if (sends > shown)
        sends = shown;
    uint8_t order[GO_SELECT_ORDER_MAX];
    bool is_ordered = shown == total && frame + 1 < walk->depth &&
                      go_binary_select_order(binary, walk->chain[frame + 1] - bias, order);
    for (unsigned i = 0; i < shown; i++) {
        /* the receives lie in reverse order; of a cut list the first ones of the source are missing */
        unsigned place = is_ordered ? order[i] : i < sends ? i : sends + (shown - 1 - i);
        out->is_send[place] = i < sends;
        bytes_peek(array, sizeof array, (uint64_t)i * CASE_SIZE, 8, &out->hchan[place]);
    }
    out->count = shown;
    out->is_cut = shown < total;
    return true;
}
