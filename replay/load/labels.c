#include "load/labels.h"

#include <stdlib.h>

#include "base/map.h"

struct labels {
    struct row_writer *rows;
    const struct symbolizer *symbols;
    struct map by_text; /* number of the text → id of the row */
    struct store_statement *spell;
    uint32_t last;
    struct error failure;
};

/* NULL for what is no object, or an empty one. */
static const char spell_sql[] =
    "SELECT group_concat(key || '=' || atom, ', ') "
    "FROM json_each(CASE WHEN json_valid(?1) AND json_type(?1) = 'object' THEN ?1 ELSE '{}' END)";

struct labels *labels_new(struct store *store, struct row_writer *rows, const struct symbolizer *symbols,
                          struct error *err)
{
    struct labels *self = calloc(1, sizeof *self);
    if (!self) {
        error_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    self->rows = rows;
    self->symbols = symbols;
    map_init(&self->by_text);
    if (store_prepare(store, spell_sql, NULL, &self->spell, err) < 0) {
        labels_free(self);
        return NULL;
    }
    return self;
}

void labels_free(struct labels *self)
{
    if (!self)
        return;
    store_finalize(self->spell);
    map_release(&self->by_text);
    free(self);
}

int labels_check(const struct labels *self, struct error *err)
{
    if (self->failure.code < 0 && err)
        *err = self->failure;
    return self->failure.code;
}

static uint32_t add(struct labels *self, const char *json)
{
    uint32_t id = 0;
    store_bind_static(self->spell, 1, json);
    if (store_step(self->spell, &self->failure) == 1 && store_column_type(self->spell, 0) == STORE_TEXT) {
        id = ++self->last;
        row_writer_text(self->rows, ROW_LABELS, 1, json);
        row_writer_text(self->rows, ROW_LABELS, 2, store_column_text(self->spell, 0));
        row_writer_put(self->rows, ROW_LABELS, (const int64_t[]){id, 0, 0});
    }
    store_reset(self->spell, NULL);
    return id;
}

uint32_t labels_get(struct labels *self, uint64_t text)
{
    uint64_t known;
    if (text == 0 || text >= SYMBOL_LOST)
        return 0;
    if (map_get(&self->by_text, text, &known))
        return (uint32_t)known;
    uint32_t id = add(self, symbolizer_get_text(self->symbols, (uint32_t)text));
    if (map_put(&self->by_text, text, id) < 0 && self->failure.code == 0)
        error_set(&self->failure, ERR_NOMEM, "out of memory");
    return id;
}
