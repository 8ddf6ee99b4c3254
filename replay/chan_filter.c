#include "chan_filter.h"

#include <stdio.h>
#include <string.h>

#include "query/nearest.h"
#include "query/sink_call.h"
#include "query/sink_table.h"

int chan_filter_parse(const char *text, struct chan_filter *out, struct error *err)
{
    memset(out, 0, sizeof *out);
    if (text && !chan_pattern_parse(text, &out->pattern))
        return error_set(err, ERR_USAGE,
                         "--chan: '%.100s' is no channel (examples: 0xc000102060, 'chan main.Job', "
                         "main.worker, worker.go:31)",
                         text);
    out->text = text;
    return 0;
}

void chan_filter_parameters(const struct chan_filter *self,
                            struct query_parameter out[CHAN_FILTER_PARAMETERS])
{
    const struct chan_pattern *p = &self->pattern;
    bool given = self->text != NULL;
    bool is_type = given && (p->kind == CHAN_TYPE || p->kind == CHAN_NAME);
    bool is_file = given && p->kind == CHAN_LINE;
    out[0] = (struct query_parameter){.name = ":chan", .integer = 1, .is_null = !given};
    out[1] = (struct query_parameter){
        .name = ":chan_addr", .integer = p->address, .is_null = !given || p->kind != CHAN_ADDRESS};
    out[2] = (struct query_parameter){.name = ":chan_type", .text = p->text, .is_null = !is_type};
    out[3] = (struct query_parameter){
        .name = ":chan_function", .text = p->text, .is_null = !given || p->kind != CHAN_NAME};
    out[4] = (struct query_parameter){.name = ":chan_file", .text = p->text, .is_null = !is_file};
    out[5] = (struct query_parameter){
        .name = ":chan_line", .integer = p->line, .is_null = !is_file || p->line == 0};
}

struct match {
    bool is_found;
    char other_reason[80];
};

static int on_match(void *context, const struct row *row, struct error *err)
{
    struct match *match = context;
    (void)err;
    match->is_found = row_int(row, "objects", 0) || row_int(row, "sites", 0);
    snprintf(match->other_reason, sizeof match->other_reason, "%s", row_text(row, "other_reason", ""));
    return 0;
}

struct candidates {
    enum chan_pattern_kind kind;
    struct nearest nearest;
};

static int on_candidate(void *context, const struct row *row, struct error *err)
{
    struct candidates *self = context;
    const char *kind = row_text(row, "kind", ""), *text = row_text(row, "candidate", "");
    (void)err;
    bool fits = self->kind == CHAN_ADDRESS ? strcmp(kind, "address") == 0
                : self->kind == CHAN_LINE  ? strcmp(kind, "line") == 0
                : self->kind == CHAN_TYPE  ? strcmp(kind, "type") == 0
                                           : strcmp(kind, "type") == 0 || strcmp(kind, "function") == 0;
    /* A bare name is compared with bare types. */
    if (fits && self->kind == CHAN_NAME && strncmp(text, "chan ", 5) == 0)
        text += 5;
    if (fits)
        nearest_offer(&self->nearest, text);
    return 0;
}

static int not_found(const struct chan_filter *self, struct store *store, const struct match *match,
                     struct error *err)
{
    struct candidates candidates = {.kind = self->pattern.kind};
    struct buf list;
    nearest_init(&candidates.nearest, self->text);
    int rc = query_each(store, "chan_candidates", NULL, 0, on_candidate, &candidates, err);
    if (rc != 0)
        return rc;
    buf_init(&list);
    for (size_t i = 0; i < candidates.nearest.count; i++) {
        buf_printf(&list, "%s", i > 0 ? ", " : "");
        table_print_safe(&list, candidates.nearest.text[i], strlen(candidates.nearest.text[i]), false);
    }
    buf_put_u8(&list, 0);
    const char *text = list.data && !buf_failed(&list) ? (const char *)list.data : "";
    if (match->other_reason[0])
        error_set(err, ERR_NOT_FOUND,
                  "no channel wait matches '%.200s' (the waits there are: %s; use --reason); nearest: %s",
                  self->text, match->other_reason, *text ? text : "none");
    else if (*text)
        error_set(err, ERR_NOT_FOUND,
                  "no channel matches '%.200s'; nearest: %s (all: gotape-replay chans TRACE)", self->text,
                  text);
    else
        error_set(err, ERR_NOT_FOUND,
                  "no channel matches '%.200s': no goroutine waited on a channel in this trace", self->text);
    buf_release(&list);
    return ERR_NOT_FOUND;
}

int chan_filter_check(const struct chan_filter *self, struct store *store, struct error *err)
{
    struct query_parameter parameters[CHAN_FILTER_PARAMETERS];
    struct match match = {0};
    if (!self->text)
        return 0;
    chan_filter_parameters(self, parameters);
    int rc = query_each(store, "chan_matches", parameters, CHAN_FILTER_PARAMETERS, on_match, &match, err);
    if (rc == 0 && !match.is_found)
        rc = not_found(self, store, &match, err);
    return rc;
}
