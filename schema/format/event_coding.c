#include "format/event_coding.h"

#include "format/event_coding_choices.h"

static const struct type_coding *const choices[] = {&coding_create, &coding_exec,   &coding_park,
                                                    &coding_select, &coding_ready,  &coding_net,
                                                    &coding_sched,  &coding_origin, &coding_thread_off};

static const struct type_coding *choice_find(unsigned type)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (choices[i]->type == type)
            return choices[i];
    }
    return NULL;
}

void event_coding_choose(unsigned type, struct type_coding *out)
{
    static const uint8_t hows[] = {
        [CODE_NEXT] = CODING_DELTA,     [CODE_TIME] = CODING_TIME,     [CODE_RUNNING] = CODING_RUNNING,
        [CODE_READIED] = CODING_THREAD, [CODE_BY_TID] = CODING_THREAD, [CODE_BY_FIELD] = CODING_FIELD};
    const struct event_spec *spec = event_spec_get(type);
    const struct type_coding *choice = choice_find(type);
    if (choice) {
        *out = *choice;
        return;
    }
    *out = (struct type_coding){.type = (uint8_t)type, .count = (uint8_t)spec->field_count};
    /* Those that others are coded by come first. */
    unsigned count = 0;
    for (unsigned pass = 0; pass < 2; pass++) {
        for (unsigned i = 0; i < spec->field_count; i++) {
            const struct field_spec *field = &spec->fields[i];
            if ((field->coding == CODE_BY_FIELD) == (pass == 1))
                out->fields[count++] =
                    (struct coded_field){(uint8_t)i, hows[field->coding], (uint8_t)field->context};
        }
    }
}

void event_coding_put(struct buf *out, const struct type_coding *coding)
{
    buf_put_u8(out, coding->type);
    buf_put_u8(out, coding->count);
    for (unsigned i = 0; i < coding->count; i++) {
        buf_put_u8(out, coding->fields[i].field);
        buf_put_u8(out, coding->fields[i].how);
        buf_put_u8(out, coding->fields[i].of);
    }
}

bool event_coding_take(struct bytes *in, struct type_coding *out)
{
    struct type_coding coding = {0};
    unsigned known = 0; /* a mask of the fields that came before */
    coding.type = bytes_u8(in);
    coding.count = bytes_u8(in);
    if (in->bad || coding.type == EV_NONE || coding.count > CODING_FIELDS_MAX)
        return false;
    for (unsigned i = 0; i < coding.count; i++) {
        struct coded_field field = {bytes_u8(in), bytes_u8(in), 0};
        field.of = bytes_u8(in);
        bool is_free = field.field < CODING_FIELDS_MAX && !(known & 1u << field.field);
        bool has_of = field.of < CODING_FIELDS_MAX && (known & 1u << field.of);
        bool needs_of = field.how == CODING_FIELD || field.how == CODING_G || field.how == CODING_NEW_G ||
                        field.how == CODING_WOKEN || field.how == CODING_OBJECT ||
                        field.how == CODING_NEWEST ||
                        (field.how == CODING_STACK && field.of != CODING_OF_THREAD);
        if (!is_free || field.how < CODING_DELTA || field.how >= CODING_COUNT || (needs_of && !has_of))
            return false;
        /* What is not asked for may be anything. */
        if (!needs_of)
            field.of = CODING_OF_THREAD;
        known |= 1u << field.field;
        coding.fields[i] = field;
    }
    *out = coding;
    return !in->bad;
}
