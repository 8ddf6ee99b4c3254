#include "label_filter.h"

#include <stdio.h>
#include <string.h>

#include "query/sink_call.h"
#include "query/sink_table.h"

int label_filter_parse(struct label_filter *self, struct error *err)
{
    if (!self->text)
        return 0;
    size_t length = strcspn(self->text, "=");
    if (length == 0 || length >= sizeof self->key)
        return error_set(err, ERR_USAGE, "--label: '%.100s' is no label (example: tenant_id=video-a)",
                         self->text);
    memcpy(self->key, self->text, length);
    self->key[length] = '\0';
    self->value = self->text[length] ? self->text + length + 1 : NULL;
    return 0;
}

void label_filter_parameters(const struct label_filter *self,
                             struct query_parameter out[LABEL_FILTER_PARAMETERS])
{
    out[0] = (struct query_parameter){.name = ":label_key", .text = self->key, .is_null = !self->text};
    out[1] = (struct query_parameter){.name = ":label_value", .text = self->value, .is_null = !self->value};
}

static int on_matches(void *context, const struct row *row, struct error *err)
{
    (void)err;
    *(int64_t *)context = row_int(row, "sets", 0);
    return 0;
}

static int on_label(void *context, const struct row *row, struct error *err)
{
    struct buf *list = context;
    const char *label = row_text(row, "label", "");
    (void)err;
    if (list->size > 400)
        return 0;
    buf_printf(list, "%s", list->size > 0 ? ", " : "");
    table_print_safe(list, label, strlen(label), false);
    return 0;
}

int label_filter_check(const struct label_filter *self, struct store *store, struct error *err)
{
    struct query_parameter parameters[LABEL_FILTER_PARAMETERS];
    int64_t matches = 0;
    struct buf list;
    if (!self->text)
        return 0;
    label_filter_parameters(self, parameters);
    int rc =
        query_each(store, "label_matches", parameters, LABEL_FILTER_PARAMETERS, on_matches, &matches, err);
    if (rc != 0 || matches > 0)
        return rc;
    buf_init(&list);
    rc = query_each(store, "labels_seen", NULL, 0, on_label, &list, err);
    buf_put_u8(&list, 0);
    if (rc == 0 && (list.size < 2 || buf_failed(&list)))
        rc =
            error_set(err, ERR_NOT_FOUND,
                      "no goroutine has label '%.100s': no goroutine of this trace had any, or they were "
                      "not recorded",
                      self->text);
    else if (rc == 0)
        rc = error_set(err, ERR_NOT_FOUND, "no goroutine has label '%.100s'; this trace has: %s", self->text,
                       (const char *)list.data);
    buf_release(&list);
    return rc;
}
