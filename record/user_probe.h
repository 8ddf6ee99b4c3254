/*
 * What --probe says: a function of the program, and what to fetch when it is called. Pure.
 *
 *   FUNCTION [ '(' NAME=EXPRESSION[:TYPE] {',' NAME=EXPRESSION[:TYPE]} ')' ]
 *   EXPRESSION: %REGISTER | +OFFSET(EXPRESSION) | -OFFSET(EXPRESSION)
 *   TYPE: u8 u16 u32 u64 s8 s16 s32 s64 x8 x16 x32 x64; u64 when it is left out
 *
 * FUNCTION is written as in stacks: main.(*Server).handle. Go passes integer and pointer arguments in ax bx cx di si
 * r8 r9 r10 r11; a receiver is the first of them.
 */
#ifndef GOTAPE_RECORD_USER_PROBE_H
#define GOTAPE_RECORD_USER_PROBE_H

#include <stddef.h>

#include "base/error.h"
#include "format/event.h"

#define USER_PROBES_MAX          16
#define USER_PROBE_FUNCTION_SIZE 256
#define USER_PROBE_NAME_SIZE     32
#define USER_PROBE_FETCH_SIZE    64

struct user_probe_value {
    char name[USER_PROBE_NAME_SIZE];
    char fetch[USER_PROBE_FETCH_SIZE]; /* "+8(%ax):u64" */
};

struct user_probe {
    const char *spec; /* as given; borrowed */
    char function[USER_PROBE_FUNCTION_SIZE];
    struct user_probe_value values[SPAN_VALUES_MAX];
    unsigned value_count;
};

/* Borrows `spec`. 0 or ERR_USAGE with what is wrong, and where. */
int user_probe_parse(const char *spec, struct user_probe *out, struct error *err);

/* Names of its values, separated by commas; 256 bytes are always enough. */
void user_probe_value_names(const struct user_probe *self, char *out, size_t size);

#endif
