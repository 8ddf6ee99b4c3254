#include "load/span_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"

#define PROBES_MAX 1024
/* A goroutine that goes deeper, and a program with more calls open at a time, have the innermost left out. */
#define DEPTH_MAX 256
#define OPEN_MAX  500000

struct probe {
    unsigned count;                       /* of values */
    char *names[SPAN_VALUES_MAX];         /* with quotes, as JSON; owned */
    unsigned char bytes[SPAN_VALUES_MAX]; /* of a signed value; 0: not signed */
};

struct open_span {
    uint64_t probe, start, values[SPAN_VALUES_MAX];
};

struct span_stack {
    uint64_t goid;
    uint32_t count, capacity, skipped; /* skipped: entered beyond the limits */
    struct open_span *spans;           /* owned */
    struct span_stack *next;           /* spare */
};

struct span_log {
    struct row_writer *rows;
    struct anomaly_log *anomalies;
    struct map probes;  /* number → struct probe *, owned */
    struct map by_goid; /* → struct span_stack *, owned */
    struct span_stack *spare;
    size_t open;
    struct buf text;
    bool has_paused;
    bool failed;
};

struct span_log *span_log_new(struct row_writer *rows, struct anomaly_log *anomalies)
{
    struct span_log *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rows = rows;
    self->anomalies = anomalies;
    map_init(&self->probes);
    map_init(&self->by_goid);
    buf_init(&self->text);
    return self;
}

static void free_stack(struct span_stack *stack)
{
    free(stack->spans);
    free(stack);
}

static void free_probe(struct probe *probe)
{
    for (unsigned i = 0; i < SPAN_VALUES_MAX; i++)
        free(probe->names[i]);
    free(probe);
}

void span_log_free(struct span_log *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    if (!self)
        return;
    while ((slot = map_next(&self->by_goid, &position)))
        free_stack((struct span_stack *)(uintptr_t)slot->value);
    position = 0;
    while ((slot = map_next(&self->probes, &position)))
        free_probe((struct probe *)(uintptr_t)slot->value);
    while (self->spare) {
        struct span_stack *next = self->spare->next;
        free_stack(self->spare);
        self->spare = next;
    }
    map_release(&self->by_goid);
    map_release(&self->probes);
    buf_release(&self->text);
    free(self);
}

int span_log_check(const struct span_log *self, struct error *err)
{
    return self->failed || buf_failed(&self->text) ? error_set(err, ERR_NOMEM, "out of memory") : 0;
}

/* ---- probes ---- */

static void put_json_string(struct buf *out, const char *text, size_t length)
{
    buf_put_u8(out, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else if (c < ' ')
            buf_printf(out, "\\u%04x", c);
        else
            buf_put_u8(out, c);
    }
    buf_put_u8(out, '"');
}

/* The width of a signed type of a probe's value ("s32", "d32"), in bytes; 0 for all others. */
static unsigned char signed_bytes(const char *type)
{
    unsigned bits = 0;
    char rest;
    if (sscanf(type, "s%3u%c", &bits, &rest) != 1 && sscanf(type, "d%3u%c", &bits, &rest) != 1)
        return 0;
    return bits == 8 || bits == 16 || bits == 32 || bits == 64 ? (unsigned char)(bits / 8) : 0;
}

/* One value of a probe: NAME=WHERE:TYPE, the type may be missing. */
static void read_value(struct span_log *self, struct probe *probe, const char *text, size_t length)
{
    const char *equals = memchr(text, '=', length);
    char type[8] = "";
    while (length && *text == ' ') {
        text++;
        length--;
    }
    if (length == 0 || probe->count == SPAN_VALUES_MAX)
        return;
    size_t name = equals ? (size_t)(equals - text) : length;
    while (name > 0 && text[name - 1] == ' ')
        name--;
    size_t colon = length;
    while (colon > 0 && text[colon - 1] != ':')
        colon--;
    if (colon > name && length - colon < sizeof type)
        memcpy(type, text + colon, length - colon);
    buf_reset(&self->text);
    put_json_string(&self->text, text, name);
    buf_put_u8(&self->text, 0);
    char *copy = buf_failed(&self->text) ? NULL : strdup((const char *)self->text.data);
    if (!copy) {
        self->failed = true;
        return;
    }
    probe->bytes[probe->count] = signed_bytes(type);
    probe->names[probe->count++] = copy;
}

/* Values stand in the last parentheses, apart by commas outside of inner ones: f(id=+8(%ax):u64, n=%bx:s32). */
static void read_values(struct span_log *self, struct probe *probe, const char *text)
{
    int depth = 0;
    const char *begin = text;
    for (;; text++) {
        if (*text == '\0' || (depth == 0 && (*text == ',' || *text == ')'))) {
            read_value(self, probe, begin, (size_t)(text - begin));
            begin = text + 1;
            if (*text != ',')
                return;
        } else if (*text == '(') {
            depth++;
        } else if (*text == ')') {
            depth--;
        }
    }
}

/* Where the list of values begins in a probe's text: a method's name has parentheses of its own, main.(*T).f. NULL: there is
 * none. */
static const char *values_of(const char *spec)
{
    for (const char *p = strchr(spec, '('); p; p = strchr(p + 1, '(')) {
        if (p == spec || (p[-1] != '.' && p[-1] != '('))
            return p;
    }
    return NULL;
}

static struct probe *add_probe(struct span_log *self, uint64_t number, const char *spec)
{
    struct probe *probe = calloc(1, sizeof *probe);
    if (!probe || map_put(&self->probes, number, (uintptr_t)probe) < 0) {
        free(probe);
        self->failed = true;
        return NULL;
    }
    const char *values = values_of(spec);
    if (values)
        read_values(self, probe, values + 1);
    struct buf function;
    buf_init(&function);
    buf_put(&function, spec, values ? (size_t)(values - spec) : strlen(spec));
    buf_put_u8(&function, 0);
    buf_reset(&self->text);
    buf_put_u8(&self->text, '[');
    for (unsigned i = 0; i < probe->count; i++)
        buf_printf(&self->text, "%s%s", i ? "," : "", probe->names[i]);
    buf_put(&self->text, "]", 2);
    if (!buf_failed(&function) && !buf_failed(&self->text)) {
        row_writer_text(self->rows, ROW_SPAN_PROBE, 1, spec);
        row_writer_text(self->rows, ROW_SPAN_PROBE, 2, (const char *)function.data);
        row_writer_text(self->rows, ROW_SPAN_PROBE, 3, (const char *)self->text.data);
        row_writer_put(self->rows, ROW_SPAN_PROBE, (const int64_t[]){(int64_t)number, 0, 0, 0});
    }
    buf_release(&function);
    return probe;
}

static struct probe *find_probe(const struct span_log *self, uint64_t number)
{
    uint64_t pointer;
    return map_get(&self->probes, number, &pointer) ? (struct probe *)(uintptr_t)pointer : NULL;
}

/* Also one that the facts do not name, or that lost its name with its chunk. NULL when there are too many. */
static struct probe *get_probe(struct span_log *self, uint64_t number)
{
    struct probe *probe = find_probe(self, number);
    return probe || number > INT32_MAX || self->probes.count >= PROBES_MAX
               ? probe
               : add_probe(self, number, "<lost>");
}

void span_log_read(struct span_log *self, const struct trace_meta *meta)
{
    static const char prefix[] = "user_probe.";
    for (size_t i = 0; i < meta->count; i++) {
        const struct meta_pair *pair = &meta->pairs[i];
        unsigned number;
        char rest;
        if (strncmp(pair->key, prefix, sizeof prefix - 1) == 0 &&
            sscanf(pair->key + sizeof prefix - 1, "%9u%c", &number, &rest) == 1 &&
            !find_probe(self, number) && self->probes.count < PROBES_MAX)
            add_probe(self, number, pair->value);
    }
}

/* ---- spans ---- */

static void put_value(struct buf *out, uint64_t value, unsigned bytes)
{
    if (bytes) {
        unsigned shift = 64 - 8 * bytes;
        buf_printf(out, "%" PRId64, (int64_t)(value << shift) >> shift);
    } else {
        buf_printf(out, "%" PRIu64, value);
    }
}

/* span: NULL for one that was entered before the recording. end: ROW_NULL: it has not returned. */
static void put(struct span_log *self, uint64_t goid, uint64_t number, const struct open_span *span,
                int64_t end, uint32_t depth)
{
    const struct probe *probe = find_probe(self, number);
    bool has_values = span && probe && probe->count;
    buf_reset(&self->text);
    for (unsigned i = 0; has_values && i < probe->count; i++) {
        buf_printf(&self->text, "%s%s: ", i ? ", " : "{", probe->names[i]);
        put_value(&self->text, span->values[i], probe->bytes[i]);
    }
    buf_put(&self->text, "}", 2);
    row_writer_text(self->rows, ROW_SPAN, 5,
                    has_values && !buf_failed(&self->text) ? (const char *)self->text.data : NULL);
    row_writer_put(self->rows, ROW_SPAN,
                   (const int64_t[]){(int64_t)goid, (int64_t)number, span ? (int64_t)span->start : ROW_NULL,
                                     end, depth, 0});
}

static struct span_stack *find(const struct span_log *self, uint64_t goid)
{
    uint64_t pointer;
    return map_get(&self->by_goid, goid, &pointer) ? (struct span_stack *)(uintptr_t)pointer : NULL;
}

static struct span_stack *get(struct span_log *self, uint64_t goid)
{
    struct span_stack *stack = find(self, goid);
    if (stack)
        return stack;
    stack = self->spare ? self->spare : calloc(1, sizeof *stack);
    if (stack && stack == self->spare)
        self->spare = stack->next;
    if (!stack || map_put(&self->by_goid, goid, (uintptr_t)stack) < 0) {
        if (stack)
            free_stack(stack);
        self->failed = true;
        return NULL;
    }
    stack->goid = goid;
    stack->count = stack->skipped = 0;
    return stack;
}

static void put_back(struct span_log *self, struct span_stack *stack)
{
    map_delete(&self->by_goid, stack->goid);
    stack->next = self->spare;
    self->spare = stack;
}

static void on_begin(struct span_log *self, const struct event *event)
{
    struct span_stack *stack = get(self, event->f[SPAN_BEGIN_GOID]);
    if (!stack)
        return;
    bool has_room = stack->count < DEPTH_MAX && self->open < OPEN_MAX && !stack->skipped;
    if (has_room && stack->count == stack->capacity) {
        uint32_t capacity = stack->capacity ? 2 * stack->capacity : 4;
        struct open_span *spans = realloc(stack->spans, capacity * sizeof *spans);
        if (spans) {
            stack->spans = spans;
            stack->capacity = capacity;
        } else {
            self->failed = true;
            has_room = false;
        }
    }
    if (!has_room) {
        stack->skipped++;
        anomaly_add(self->anomalies, ANOMALY_SPAN_LIMIT, (int64_t)event->time_ns,
                    (int64_t)event->f[SPAN_BEGIN_GOID], row_id(event->tid), 1, "probe %" PRIu64,
                    event->f[SPAN_BEGIN_PROBE]);
        return;
    }
    struct open_span *span = &stack->spans[stack->count++];
    self->open++;
    span->probe = event->f[SPAN_BEGIN_PROBE];
    span->start = event->time_ns;
    memcpy(span->values, event->f + SPAN_BEGIN_VALUES, sizeof span->values);
}

/* Calls above `depth` are over; a panic has passed through them. */
static void unwind(struct span_log *self, struct span_stack *stack, uint32_t depth)
{
    for (; stack->count > depth; self->open--) {
        const struct open_span *span = &stack->spans[--stack->count];
        put(self, stack->goid, span->probe, span, ROW_NULL, stack->count);
    }
}

static void on_end(struct span_log *self, const struct event *event)
{
    uint64_t goid = event->f[SPAN_END_GOID], probe = event->f[SPAN_END_PROBE];
    struct span_stack *stack = find(self, goid);
    uint32_t place = stack ? stack->count : 0;
    if (stack && stack->skipped) {
        stack->skipped--;
        return;
    }
    while (place > 0 && stack->spans[place - 1].probe != probe)
        place--;
    if (place == 0 && self->has_paused)
        return;
    if (place == 0) {
        put(self, goid, probe, NULL, (int64_t)event->time_ns, 0);
        return;
    }
    unwind(self, stack, place);
    put(self, goid, probe, &stack->spans[place - 1], (int64_t)event->time_ns, place - 1);
    stack->count--;
    self->open--;
    if (stack->count == 0)
        put_back(self, stack);
}

void span_log_event(struct span_log *self, const struct event *event)
{
    uint64_t goid = event->f[SPAN_BEGIN_GOID];
    if (goid == 0 || goid > INT64_MAX || !get_probe(self, event->f[SPAN_BEGIN_PROBE]))
        return;
    if (event->type == EV_SPAN_BEGIN)
        on_begin(self, event);
    else
        on_end(self, event);
}

void span_log_goroutine_ended(struct span_log *self, uint64_t goid)
{
    struct span_stack *stack = self->by_goid.count ? find(self, goid) : NULL;
    if (!stack)
        return;
    unwind(self, stack, 0);
    put_back(self, stack);
}

static int by_goid(const void *a, const void *b)
{
    const struct span_stack *x = *(struct span_stack *const *)a, *y = *(struct span_stack *const *)b;
    return x->goid < y->goid ? -1 : x->goid > y->goid;
}

void span_log_pause(struct span_log *self)
{
    size_t position = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&self->by_goid, &position))) {
        struct span_stack *stack = (struct span_stack *)(uintptr_t)slot->value;
        stack->next = self->spare;
        self->spare = stack;
    }
    map_reset(&self->by_goid);
    self->open = 0;
    self->has_paused = true;
}

void span_log_finish(struct span_log *self)
{
    struct span_stack **list = malloc((self->by_goid.count + 1) * sizeof(struct span_stack *));
    size_t position = 0, n = 0;
    const struct map_slot *slot;
    if (!list) {
        self->failed = true;
        return;
    }
    while ((slot = map_next(&self->by_goid, &position)))
        list[n++] = (struct span_stack *)(uintptr_t)slot->value;
    qsort(list, n, sizeof *list, by_goid);
    for (size_t i = 0; i < n; i++)
        unwind(self, list[i], 0);
    free(list);
}
