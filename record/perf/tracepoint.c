/* See tracepoint.h. The only file that knows libtraceevent. */
#include "perf/tracepoint.h"

#include <stdlib.h>
#include <string.h>

#include <event-parse.h>

#include "base/buf.h"

struct parsed {
    struct tep_handle *tep;
    struct tep_event *event;
};

static void parsed_release(struct parsed *self)
{
    tep_free(self->tep);
    self->tep = NULL;
}

/* The print format is code for people, up to kilobytes long, and what libtraceevent most often fails on:
 * leave it out. */
static int parse(const char *name, const char *format, struct parsed *out, struct error *err)
{
    static const char tail[] = "\nprint fmt: \"\"\n";
    struct buf text;
    buf_init(&text);
    const char *print = strstr(format, "\nprint fmt:");
    buf_put(&text, format, print ? (size_t)(print - format) : strlen(format));
    buf_put(&text, tail, sizeof tail - 1);
    buf_put_u8(&text, 0);

    int rc = 0;
    struct parsed parsed = {.tep = tep_alloc()};
    if (buf_failed(&text) || !parsed.tep) {
        rc = error_set(err, ERR_NOMEM, "out of memory while reading the format of event %s", name);
        goto out;
    }
    tep_set_loglevel(TEP_LOG_NONE);
    if (tep_parse_format(parsed.tep, &parsed.event, (const char *)text.data, text.size - 1, "gotape") != 0 ||
        !parsed.event) {
        rc = error_set(err, ERR_UNSUPPORTED,
                       "the kernel describes event %s in a way that libtraceevent does not understand", name);
        goto out;
    }
    *out = parsed;
    parsed.tep = NULL;
out:
    if (parsed.tep)
        parsed_release(&parsed);
    buf_release(&text);
    return rc;
}

static bool to_field(const struct tep_format_field *from, unsigned elements, struct sample_field *out)
{
    bool is_array = (from->flags & TEP_FIELD_IS_ARRAY) != 0;
    if (from->flags & (TEP_FIELD_IS_DYNAMIC | TEP_FIELD_IS_STRING))
        return false;
    if (from->offset < 0 || from->size <= 0 || (elements > 1) != is_array)
        return false;
    if (elements > UINT16_MAX || (unsigned)from->size % elements)
        return false;
    /* Uprobe events write arrays as "u64 name[]": the length is in the size alone. */
    unsigned width = (unsigned)from->size / elements;
    if ((width != 1 && width != 2 && width != 4 && width != 8) ||
        (is_array && from->arraylen && from->arraylen != elements))
        return false;
    out->offset = (uint32_t)from->offset;
    out->elements = (uint16_t)elements;
    out->width = (uint8_t)width;
    out->is_signed = (from->flags & TEP_FIELD_IS_SIGNED) != 0;
    return true;
}

int tracepoint_parse_probe(const struct sample_probe *probe, struct sample_layout *out, struct error *err)
{
    struct parsed parsed;
    int rc = parse(probe->name, probe->format, &parsed, err);
    if (rc < 0)
        return rc;
    struct sample_layout layout = {.call_chain = probe->call_chain};
    unsigned values = 0;
    for (unsigned i = 0; i < RECORD_VALUES_MAX && probe->values[i]; i++) {
        unsigned elements = probe->elements[i] ? probe->elements[i] : 1;
        const struct tep_format_field *field = tep_find_field(parsed.event, probe->values[i]);
        if (!field) {
            rc = error_set(err, ERR_UNSUPPORTED, "event %s has no field %s", probe->name, probe->values[i]);
            goto out;
        }
        if (!to_field(field, elements, &layout.fields[i]) || elements > RECORD_VALUES_MAX - values) {
            rc = error_set(err, ERR_UNSUPPORTED, "field %s of event %s is not %u number%s as expected",
                           probe->values[i], probe->name, elements, elements > 1 ? "s" : "");
            goto out;
        }
        values += elements;
        layout.field_count = i + 1;
    }
    *out = layout;
out:
    parsed_release(&parsed);
    return rc;
}

int tracepoint_parse_switch(const char *format, struct sample_switch_layout *out, struct error *err)
{
    struct parsed parsed;
    int rc = parse("sched_switch", format, &parsed, err);
    if (rc < 0)
        return rc;
    const struct tep_format_field *state = tep_find_field(parsed.event, "prev_state");
    const struct tep_format_field *prev = tep_find_field(parsed.event, "prev_pid");
    const struct tep_format_field *tid = tep_find_field(parsed.event, "next_pid");
    const struct tep_format_field *name = tep_find_field(parsed.event, "next_comm");
    struct sample_switch_layout layout;
    if (!state || !to_field(state, 1, &layout.prev_state) || !prev || !to_field(prev, 1, &layout.prev_tid) ||
        !tid || !to_field(tid, 1, &layout.next_tid) || !name || name->offset < 0 || name->size <= 0 ||
        (name->flags & TEP_FIELD_IS_DYNAMIC)) {
        rc = error_set(
            err, ERR_UNSUPPORTED,
            "this kernel's sched:sched_switch event lacks prev_pid, prev_state, next_pid or next_comm");
    } else {
        layout.next_name_offset = (uint32_t)name->offset;
        layout.next_name_size = (uint32_t)name->size;
        *out = layout;
    }
    parsed_release(&parsed);
    return rc;
}
