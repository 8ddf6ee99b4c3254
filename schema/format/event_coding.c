#include "format/event_coding.h"

#include <string.h>

struct choice {
    uint8_t type;
    struct coded_field fields[EVENT_FIELDS_MAX];
};

#define THREAD CODING_OF_THREAD

/* Types about whose fields more is known than event_spec.c says: all of their fields, in the order of coding. */
/* clang-format off */
static const struct choice choices[] = {
    {EV_CREATE, {{CREATE_GOID, CODING_NEW_GOID, 0},
                 {CREATE_CREATOR, CODING_RUNNING, 0},
                 {CREATE_G, CODING_NEW_G, CREATE_GOID},
                 {CREATE_STATUS, CODING_THREAD, 0},
                 {CREATE_STACK, CODING_STACK, CREATE_CREATOR},
                 {CREATE_START, CODING_FIELD, CREATE_STACK}}},
    {EV_EXEC, {{EXEC_GOID, CODING_RUNNABLE, 0},
               {EXEC_G, CODING_G, EXEC_GOID},
               {EXEC_INHERIT, CODING_FOUND, 0},
               {EXEC_P, CODING_THREAD, 0}}},
    {EV_PARK, {{PARK_GOID, CODING_RUNNING, 0},
               {PARK_G, CODING_G, PARK_GOID},
               {PARK_STACK, CODING_STACK, PARK_GOID},
               {PARK_REASON, CODING_FIELD, PARK_STACK},
               {PARK_OBJECT, CODING_OBJECT, PARK_GOID},
               {PARK_VALUE, CODING_STEP, 0}}},
    {EV_SELECT, {{SELECT_GOID, CODING_RUNNING, 0}, {SELECT_SET, CODING_NEWEST, SELECT_GOID}}},
    {EV_READY, {{READY_WAKER, CODING_RUNNING, 0},
                {READY_STACK, CODING_STACK, READY_WAKER},
                {READY_GOID, CODING_WOKEN, READY_WAKER}}},
    {EV_NET, {{NET_POLLDESC, CODING_RECENT, 0},
              {NET_MODE, CODING_FIELD, NET_POLLDESC},
              {NET_READ_G, CODING_FIELD, NET_POLLDESC},
              {NET_WRITE_G, CODING_FIELD, NET_POLLDESC}}},
    {EV_SCHED, {{SCHED_GOID, CODING_RUNNING, 0},
                {SCHED_STACK, CODING_STACK, SCHED_GOID},
                {SCHED_PREEMPTED, CODING_FIELD, SCHED_STACK}}},
    {EV_GOROUTINE_ORIGIN, {{ORIGIN_GOID, CODING_DELTA, 0},
                           {ORIGIN_G, CODING_NEW_G, ORIGIN_GOID},
                           {ORIGIN_CREATOR, CODING_THREAD, 0},
                           {ORIGIN_START, CODING_THREAD, 0},
                           {ORIGIN_CREATED_AT, CODING_FIELD, ORIGIN_START},
                           {ORIGIN_LABELS, CODING_FIELD, ORIGIN_START},
                           {ORIGIN_WAIT_SINCE, CODING_DELTA, 0}}},
    {EV_THREAD_OFF, {{THREAD_OFF_STACK, CODING_STACK, THREAD},
                     {THREAD_OFF_ACTIVITY, CODING_FIELD, THREAD_OFF_STACK},
                     {THREAD_OFF_STATE, CODING_FIELD, THREAD_OFF_STACK},
                     {THREAD_OFF_SYSCALL, CODING_FIELD, THREAD_OFF_STACK},
                     {THREAD_OFF_NEXT_TID, CODING_THREAD, 0},
                     {THREAD_OFF_NEXT_NAME, CODING_FIELD, THREAD_OFF_NEXT_TID}}},
};
/* clang-format on */

static const struct choice *choice_find(unsigned type)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        if (choices[i].type == type)
            return &choices[i];
    }
    return NULL;
}

void event_coding_choose(unsigned type, struct type_coding *out)
{
    static const uint8_t hows[] = {
        [CODE_NEXT] = CODING_DELTA,     [CODE_TIME] = CODING_TIME,     [CODE_RUNNING] = CODING_RUNNING,
        [CODE_READIED] = CODING_THREAD, [CODE_BY_TID] = CODING_THREAD, [CODE_BY_FIELD] = CODING_FIELD};
    const struct event_spec *spec = event_spec_get(type);
    const struct choice *choice = choice_find(type);
    *out = (struct type_coding){.type = (uint8_t)type, .count = (uint8_t)spec->field_count};
    if (choice) {
        memcpy(out->fields, choice->fields, spec->field_count * sizeof *out->fields);
        return;
    }
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
