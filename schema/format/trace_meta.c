#include "format/trace_meta.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trace_meta_init(struct trace_meta *self)
{
    *self = (struct trace_meta){0};
    map_init(&self->index);
}

void trace_meta_release(struct trace_meta *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->pairs[i].key);
        free(self->pairs[i].value);
    }
    free(self->pairs);
    map_release(&self->index);
    trace_meta_init(self);
}

static uint64_t hash_of(const char *key)
{
    uint64_t h = 0xcbf29ce484222325u;
    while (*key)
        h = (h ^ (uint8_t)*key++) * 0x100000001b3u;
    return h;
}

static struct meta_pair *find(const struct trace_meta *self, const char *key)
{
    uint64_t i;
    if (!map_get(&self->index, hash_of(key), &i))
        return NULL;
    if (strcmp(self->pairs[i].key, key) == 0)
        return &self->pairs[i];
    /* Two keys of one hash: the index knows only the newer one. */
    for (i = 0; i < self->count; i++) {
        if (strcmp(self->pairs[i].key, key) == 0)
            return &self->pairs[i];
    }
    return NULL;
}

static int append(struct trace_meta *self, const char *key, char *value)
{
    if (self->count == self->capacity) {
        size_t capacity = self->capacity ? 2 * self->capacity : 32;
        struct meta_pair *pairs = realloc(self->pairs, capacity * sizeof *pairs);
        if (!pairs)
            return -1;
        self->pairs = pairs;
        self->capacity = capacity;
    }
    char *copy = strdup(key);
    if (!copy || map_put(&self->index, hash_of(key), self->count) != 0) {
        free(copy);
        return -1;
    }
    self->pairs[self->count++] = (struct meta_pair){.key = copy, .value = value};
    return 0;
}

int trace_meta_set(struct trace_meta *self, const char *key, const char *value, struct error *err)
{
    char *copy = strdup(value);
    struct meta_pair *pair = find(self, key);
    if (copy && pair) {
        free(pair->value);
        pair->value = copy;
        return 0;
    }
    if (!copy || append(self, key, copy) != 0) {
        free(copy);
        return error_set(err, ERR_NOMEM, "out of memory for the facts of the trace");
    }
    return 0;
}

int trace_meta_setf(struct trace_meta *self, struct error *err, const char *key, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return trace_meta_set(self, key, text, err);
}

const char *trace_meta_get(const struct trace_meta *self, const char *key)
{
    const struct meta_pair *pair = find(self, key);
    return pair ? pair->value : NULL;
}
