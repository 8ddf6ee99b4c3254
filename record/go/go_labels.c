/*
 * runtime/pprof/label.go: up to Go 1.23 a *labelMap is a pointer to a map[string]string (runtime/map.go: hmap and its
 * buckets of 8), since 1.24 to a slice of {key, value string} that is sorted by key.
 */
#include "go/go_labels.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "go/go_memory.h"

#define FIRST_MINOR_WITH_LIST 24

enum { STRING_SIZE = 16, LABEL_SIZE = 32, SLICE_SIZE = 24 };
enum { HMAP_SIZE = 40, AT_COUNT = 0, AT_FLAGS = 8, AT_LOG_BUCKETS = 9, AT_BUCKETS = 16, AT_OLD_BUCKETS = 24 };
enum { BUCKET_CELLS = 8, AT_KEYS = 8, AT_VALUES = 0x88, AT_OVERFLOW = 0x108, BUCKET_SIZE = 0x110 };
enum { FIRST_TOP_HASH = 5, SAME_SIZE_GROW = 8, LOG_BUCKETS_MAX = 8, OVERFLOWS_MAX = 64 };

struct text {
    uint32_t length;
    char bytes[GO_LABEL_TEXT_MAX];
};

struct label {
    struct text key, value;
};

struct labels {
    struct go_memory memory;
    struct label *items; /* GO_LABELS_MAX */
    unsigned count;
};

static uint64_t get(const uint8_t *bytes, size_t size, unsigned at, unsigned width)
{
    uint64_t value = 0;
    bytes_peek(bytes, size, at, width, &value);
    return value;
}

/* Cuts before a character that does not fit. */
static bool read_text(struct go_memory memory, const uint8_t *string, struct text *out)
{
    uint64_t address = get(string, STRING_SIZE, 0, 8), length = get(string, STRING_SIZE, 8, 8);
    if (length > (uint64_t)1 << 32)
        return false;
    out->length = length > sizeof out->bytes ? sizeof out->bytes : (uint32_t)length;
    if (out->length && !go_memory_read(memory, address, out->bytes, out->length))
        return false;
    if (length > out->length) {
        while (out->length > 0 && ((uint8_t)out->bytes[out->length - 1] & 0xc0) == 0x80)
            out->length--;
        if (out->length > 0 && (uint8_t)out->bytes[out->length - 1] >= 0xc0)
            out->length--;
    }
    return true;
}

static bool add(struct labels *self, const uint8_t *key, const uint8_t *value)
{
    if (self->count == GO_LABELS_MAX)
        return true;
    struct label *label = &self->items[self->count];
    if (!read_text(self->memory, key, &label->key) || !read_text(self->memory, value, &label->value))
        return false;
    self->count++;
    return true;
}

static bool read_list(struct labels *self, uint64_t address)
{
    uint8_t slice[SLICE_SIZE], again[SLICE_SIZE], item[LABEL_SIZE];
    if (!go_memory_read(self->memory, address, slice, sizeof slice))
        return false;
    uint64_t first = get(slice, sizeof slice, 0, 8), length = get(slice, sizeof slice, 8, 8),
             capacity = get(slice, sizeof slice, 16, 8);
    if (length > capacity || capacity > (uint64_t)1 << 32)
        return false;
    for (uint64_t i = 0; i < length && i < GO_LABELS_MAX; i++) {
        if (!go_memory_read(self->memory, first + LABEL_SIZE * i, item, sizeof item) ||
            !add(self, item, item + STRING_SIZE))
            return false;
    }
    return go_memory_read(self->memory, address, again, sizeof again) &&
           memcmp(slice, again, sizeof slice) == 0;
}

/* A bucket and its overflow buckets; cells that moved to the new array of a growing map are marked. */
static bool read_bucket(struct labels *self, uint64_t address)
{
    uint8_t bucket[BUCKET_SIZE];
    for (unsigned i = 0; address && i < OVERFLOWS_MAX; i++) {
        if (!go_memory_read(self->memory, address, bucket, sizeof bucket))
            return false;
        for (unsigned cell = 0; cell < BUCKET_CELLS; cell++) {
            if (bucket[cell] >= FIRST_TOP_HASH && !add(self, bucket + AT_KEYS + STRING_SIZE * (size_t)cell,
                                                       bucket + AT_VALUES + STRING_SIZE * (size_t)cell))
                return false;
        }
        address = get(bucket, sizeof bucket, AT_OVERFLOW, 8);
    }
    return address == 0;
}

static bool read_buckets(struct labels *self, uint64_t address, unsigned log_count)
{
    for (uint64_t i = 0; i < (uint64_t)1 << log_count; i++) {
        if (!read_bucket(self, address + BUCKET_SIZE * i))
            return false;
    }
    return true;
}

static bool read_map(struct labels *self, uint64_t address)
{
    uint64_t hmap;
    uint8_t head[HMAP_SIZE], again[HMAP_SIZE];
    if (!go_memory_read(self->memory, address, &hmap, sizeof hmap))
        return false;
    if (hmap == 0)
        return true;
    if (!go_memory_read(self->memory, hmap, head, sizeof head))
        return false;
    uint64_t count = get(head, sizeof head, AT_COUNT, 8), buckets = get(head, sizeof head, AT_BUCKETS, 8),
             old = get(head, sizeof head, AT_OLD_BUCKETS, 8);
    unsigned log_count = head[AT_LOG_BUCKETS];
    if (log_count > LOG_BUCKETS_MAX)
        return false;
    if (buckets && !read_buckets(self, buckets, log_count))
        return false;
    unsigned log_old = head[AT_FLAGS] & SAME_SIZE_GROW || log_count == 0 ? log_count : log_count - 1;
    if (old && !read_buckets(self, old, log_old))
        return false;
    bool complete = self->count == (count < GO_LABELS_MAX ? count : GO_LABELS_MAX);
    return complete && go_memory_read(self->memory, hmap, again, sizeof again) &&
           memcmp(head, again, sizeof head) == 0;
}

static int compare(const void *a, const void *b)
{
    const struct text *x = &((const struct label *)a)->key, *y = &((const struct label *)b)->key;
    uint32_t shorter = x->length < y->length ? x->length : y->length;
    int order = memcmp(x->bytes, y->bytes, shorter);
    return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* Length of the UTF-8 character at the begin of the bytes, 0 when there is none (RFC 3629). */
static unsigned character(const uint8_t *bytes, size_t left)
{
    uint8_t first = bytes[0];
    unsigned length = first < 0x80   ? 1
                      : first < 0xc2 ? 0
                      : first < 0xe0 ? 2
                      : first < 0xf0 ? 3
                      : first < 0xf5 ? 4
                                     : 0;
    if (length == 0 || length > left)
        return 0;
    for (unsigned i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (first == 0xe0 && bytes[1] < 0xa0) || (first == 0xf0 && bytes[1] < 0x90);
    bool no_character = (first == 0xed && bytes[1] >= 0xa0) || (first == 0xf4 && bytes[1] >= 0x90);
    return overlong || no_character ? 0 : length;
}

static void put_text(const struct text *text, struct buf *out)
{
    const uint8_t *bytes = (const uint8_t *)text->bytes;
    buf_put_u8(out, '"');
    for (size_t at = 0; at < text->length;) {
        unsigned length = character(bytes + at, text->length - at);
        if (length == 0)
            buf_put(out, "\xef\xbf\xbd", 3);
        else if (bytes[at] == '"' || bytes[at] == '\\')
            buf_printf(out, "\\%c", bytes[at]);
        else if (bytes[at] < 0x20)
            buf_printf(out, "\\u%04x", bytes[at]);
        else
            buf_put(out, bytes + at, length);
        at += length ? length : 1;
    }
    buf_put_u8(out, '"');
}

static bool put_json(const struct labels *labels, struct buf *out)
{
    size_t begin = out->size;
    buf_put_u8(out, '{');
    for (unsigned i = 0; i < labels->count; i++) {
        size_t before = out->size;
        if (before > begin + 1)
            buf_put_u8(out, ',');
        put_text(&labels->items[i].key, out);
        buf_put_u8(out, ':');
        put_text(&labels->items[i].value, out);
        if (out->size - begin >= GO_LABELS_JSON_MAX && !out->failed)
            out->size = before;
    }
    buf_put_u8(out, '}');
    if (buf_failed(out))
        out->size = begin;
    return !buf_failed(out);
}

bool go_labels_read(struct go_memory memory, int minor, uint64_t address, struct buf *out)
{
    struct labels labels = {.memory = memory};
    if (address == 0 || address % 8 != 0)
        return false;
    labels.items = malloc(GO_LABELS_MAX * sizeof *labels.items);
    if (!labels.items)
        return false;
    bool read = minor >= FIRST_MINOR_WITH_LIST ? read_list(&labels, address) : read_map(&labels, address);
    if (read) {
        qsort(labels.items, labels.count, sizeof *labels.items, compare);
        read = put_json(&labels, out);
    }
    free(labels.items);
    return read;
}

bool go_process_read_labels(const struct go_process *process, uint64_t labels, struct buf *out)
{
    const struct go_build_info *info = go_binary_build_info(go_process_binary(process));
    return go_labels_read(go_process_memory(process), info->minor, labels, out);
}

bool go_process_has_labels(const struct go_process *process, uint64_t g, uint64_t goid, uint64_t labels)
{
    const struct go_layout *layout = go_binary_layout(go_process_binary(process));
    struct go_memory memory = go_process_memory(process);
    uint64_t its_goid, its_labels;
    return g && go_memory_read(memory, g + (uint64_t)layout->g_labels, &its_labels, sizeof its_labels) &&
           go_memory_read(memory, g + (uint64_t)layout->g_goid, &its_goid, sizeof its_goid) &&
           its_goid == goid && its_labels == labels;
}
