#include "label_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/intern.h"
#include "base/map.h"
#include "go/go_labels.h"

#define SETS_MAX       4096u /* label sets whose text is known */
#define TEXT_BYTES_MAX (4u << 20)
#define GOROUTINES_MAX (1u << 18)    /* that have labels */
#define SETTLED_NS     1000000000ull /* records are not later than this */

struct set {
    bool is_read;
    uint32_t cycle; /* read in this cycle of the collector: another one may find another set at the address */
    uint32_t text;  /* its number in `texts`; 0: no labels */
};

struct label_table {
    struct go_process *process;
    const struct gc_clock *clock;
    struct trace_writer *writer;
    struct map index; /* address of a label set → its place in sets */
    struct set *sets; /* SETS_MAX */
    uint32_t set_count;
    struct intern *texts;
    struct map goroutines; /* that have labels, or had some lately: goid → when these were seen last */
    struct buf buf;
    uint64_t unread;
};

struct label_table *label_table_new(struct go_process *process, const struct gc_clock *clock,
                                    struct trace_writer *writer)
{
    struct label_table *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->process = process;
    self->clock = clock;
    self->writer = writer;
    map_init(&self->index);
    map_init(&self->goroutines);
    buf_init(&self->buf);
    self->texts = intern_new();
    self->sets = calloc(SETS_MAX, sizeof *self->sets);
    if (!self->texts || !self->sets) {
        label_table_free(self);
        return NULL;
    }
    return self;
}

void label_table_free(struct label_table *self)
{
    if (!self)
        return;
    map_release(&self->index);
    map_release(&self->goroutines);
    intern_free(self->texts);
    buf_release(&self->buf);
    free(self->sets);
    free(self);
}

static struct set *find_or_add(struct label_table *self, uint64_t labels)
{
    uint64_t place;
    if (map_get(&self->index, labels, &place))
        return &self->sets[place];
    if (self->set_count == SETS_MAX || intern_memory(self->texts) > TEXT_BYTES_MAX) {
        map_reset(&self->index);
        intern_reset(self->texts);
        self->set_count = 0;
    }
    if (map_put(&self->index, labels, self->set_count) != 0)
        return NULL;
    struct set *set = &self->sets[self->set_count++];
    *set = (struct set){0};
    return set;
}

/* An empty set is none. */
static bool read_text(struct label_table *self, uint64_t labels, uint32_t *text_out)
{
    buf_reset(&self->buf);
    if (!go_process_read_labels(self->process, labels, &self->buf))
        return false;
    bool is_empty = self->buf.size <= strlen("{}");
    *text_out = is_empty ? 0 : intern_put(self->texts, self->buf.data, self->buf.size, NULL);
    return is_empty || *text_out != 0;
}

/*
 * The text of the set that the goroutine had at this time. What is read now is that when no collection has ended since,
 * or when the goroutine has the set still; otherwise the memory may be something else's by now.
 */
static bool read_set(struct label_table *self, const struct label_sight *sight, struct set *set)
{
    uint32_t before = 0, after = 0, then, text;
    bool dated = gc_clock_now(self->clock, &before);
    bool held = go_process_has_labels(self->process, sight->g, sight->goid, sight->labels);
    if (!read_text(self, sight->labels, &text))
        return false;
    dated = dated && gc_clock_now(self->clock, &after) && before == after;
    bool is_sure = dated && gc_clock_at(self->clock, sight->time_ns, &then) && then == after;
    if (!is_sure &&
        (!held || !go_process_has_labels(self->process, sight->g, sight->goid, sight->labels)))
        return false;
    *set = (struct set){.is_read = dated, .cycle = after, .text = text};
    return true;
}

/* The number of the text of a label set; false when it is not known. */
static bool text_of(struct label_table *self, const struct label_sight *sight, uint32_t *text_out)
{
    uint32_t then;
    *text_out = 0;
    if (sight->labels == 0)
        return true;
    struct set *set = find_or_add(self, sight->labels);
    if (!set)
        return false;
    bool is_same =
        set->is_read && gc_clock_at(self->clock, sight->time_ns, &then) && set->cycle == then;
    if (!is_same && !read_set(self, sight, set)) {
        self->unread++;
        return false;
    }
    *text_out = set->text;
    return true;
}

static bool tell_none(struct label_table *self, uint64_t goid, uint64_t time_ns, uint32_t *string_out)
{
    uint64_t seen_ns;
    if (!map_get(&self->goroutines, goid, &seen_ns))
        return false;
    if (time_ns > seen_ns + SETTLED_NS)
        map_delete(&self->goroutines, goid);
    *string_out = 0;
    return true;
}

bool label_table_tell(struct label_table *self, const struct label_sight *sight, uint32_t *string_out)
{
    uint32_t number;
    /* Unknown labels are none rather than those that the goroutine had before. */
    if (!text_of(self, sight, &number) || number == 0)
        return tell_none(self, sight->goid, sight->time_ns, string_out);
    if (self->goroutines.count >= GOROUTINES_MAX)
        map_reset(&self->goroutines);
    map_put(&self->goroutines, sight->goid, sight->time_ns);
    size_t length = 0;
    const char *text = intern_get(self->texts, number, &length);
    *string_out = trace_writer_string(self->writer, text, length);
    return *string_out != 0;
}

void label_table_forget(struct label_table *self, uint64_t goid)
{
    map_delete(&self->goroutines, goid);
}

uint64_t label_table_unread(const struct label_table *self)
{
    return self->unread;
}
