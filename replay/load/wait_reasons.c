#include "load/wait_reasons.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "go.wait_reason.";

void wait_reasons_init(struct wait_reasons *self, struct row_writer *rows, struct anomaly_log *anomalies)
{
    *self = (struct wait_reasons){.rows = rows, .anomalies = anomalies, .coroutine = WAIT_REASON_COROUTINE};
    for (int i = 0; i < WAIT_REASON_COUNT; i++)
        self->by_number[i] = wait_reason_find("");
    self->by_number[WAIT_REASON_COROUTINE] = wait_reason_find("coroutine");
}

void wait_reasons_release(struct wait_reasons *self)
{
    for (int i = 0; i < WAIT_REASON_COUNT; i++)
        free(self->names[i]);
    memset(self->names, 0, sizeof self->names);
}

int wait_reasons_read(struct wait_reasons *self, const struct trace_meta *meta, struct error *err)
{
    for (size_t i = 0; i < meta->count; i++) {
        const struct meta_pair *pair = &meta->pairs[i];
        unsigned number;
        char rest;
        if (strncmp(pair->key, prefix, sizeof prefix - 1) != 0 ||
            sscanf(pair->key + sizeof prefix - 1, "%3u%c", &number, &rest) != 1 ||
            number >= WAIT_REASON_COUNT || self->names[number])
            continue;
        self->names[number] = strdup(pair->value);
        if (!self->names[number])
            return error_set(err, ERR_NOMEM, "out of memory");
        self->by_number[number] = wait_reason_find(pair->value);
        if (self->by_number[number]->class == WAIT_COROUTINE)
            self->coroutine = (uint16_t)number;
    }
    return 0;
}

/* "semacquire" as a reason of its own for each class that it turned out to be. */
static uint32_t refined_number(uint32_t number, enum wait_class class)
{
    return (uint32_t) class * 1000 + number;
}

const struct wait_reason *wait_reasons_get(struct wait_reasons *self, uint64_t number,
                                           enum object_kind object, enum wait_class caller,
                                           uint32_t *number_out, enum wait_class *class_out)
{
    if (number >= WAIT_REASON_COUNT && number != WAIT_REASON_COROUTINE)
        number = 0;
    if (number < WAIT_REASON_COUNT && !self->names[number] && !self->is_told[number]) {
        self->is_told[number] = true;
        anomaly_add(self->anomalies, ANOMALY_UNKNOWN_REASON, ROW_NULL, ROW_NULL, ROW_NULL, 1,
                    "wait reason %" PRIu64, number);
    }
    const struct wait_reason *reason = self->by_number[number];
    *number_out = (uint32_t)number;
    *class_out = reason->class;
    if (reason->is_by_caller) {
        enum wait_class class = wait_class_of_object(object);
        if (class == WAIT_OTHER)
            class = caller;
        if (class != WAIT_OTHER) {
            self->refined |= 1u << class;
            *class_out = class;
            *number_out = refined_number(*number_out, class);
        }
    }
    return reason;
}

static void put(struct wait_reasons *self, uint32_t number, const char *name, enum wait_class class)
{
    row_writer_text(self->rows, ROW_REASON, 1, name);
    row_writer_text(self->rows, ROW_REASON, 2, wait_class_name(class));
    row_writer_put(self->rows, ROW_REASON, (const int64_t[]){number, 0, 0});
}

void wait_reasons_finish(struct wait_reasons *self)
{
    char name[32];
    for (uint32_t number = 0; number < WAIT_REASON_COUNT; number++) {
        const struct wait_reason *reason = self->by_number[number];
        snprintf(name, sizeof name, "reason %u", (unsigned)number);
        if (self->names[number] || self->is_told[number])
            put(self, number, self->names[number] ? self->names[number] : name, reason->class);
        for (int class = 0; reason->is_by_caller && class < WAIT_CLASS_COUNT; class ++) {
            if (self->refined & 1u << class)
                put(self, refined_number(number, (enum wait_class) class), self->names[number],
                    (enum wait_class) class);
        }
    }
    if (self->coroutine == WAIT_REASON_COROUTINE)
        put(self, WAIT_REASON_COROUTINE, "coroutine", WAIT_COROUTINE);
}
