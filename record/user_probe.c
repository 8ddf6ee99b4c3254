#include "user_probe.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEREFERENCES_MAX 10
#define OFFSET_MAX       (1 << 20)

/* A stretch of the spec. */
struct span_text {
    const char *at;
    size_t length;
};

static struct span_text trim(const char *from, const char *to)
{
    while (from < to && isspace((unsigned char)*from))
        from++;
    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    return (struct span_text){from, (size_t)(to - from)};
}

/* The '(' that belongs to the last character, which is a ')'. */
static const char *matching_open(const char *begin, const char *close)
{
    unsigned depth = 0;
    for (const char *p = close; p >= begin; p--) {
        depth += *p == ')';
        if (*p == '(' && --depth == 0)
            return p;
    }
    return NULL;
}

static bool is_word(const char *const *words, size_t count, struct span_text text)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(words[i]) == text.length && memcmp(words[i], text.at, text.length) == 0)
            return true;
    }
    return false;
}

static const char *const registers[] = {"ax", "bx", "cx",  "dx",  "si",  "di",  "bp",  "sp",
                                        "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
static const char *const types[] = {"u8",  "u16", "u32", "u64", "s8",  "s16",
                                    "s32", "s64", "x8",  "x16", "x32", "x64"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Why an expression is none; NULL when it is one. */
static const char *check_expression(struct span_text text, unsigned depth)
{
    if (text.length == 0)
        return "it is empty";
    if (depth > DEREFERENCES_MAX)
        return "there are too many levels of parentheses";
    if (*text.at == '%')
        return is_word(registers, COUNT(registers), (struct span_text){text.at + 1, text.length - 1})
                   ? NULL
                   : "registers are %ax %bx %cx %dx %si %di %bp %sp %r8 to %r15";
    if (*text.at != '+' && *text.at != '-')
        return "it begins neither with % nor with + or -";
    if (text.length < 2 || !isdigit((unsigned char)text.at[1]))
        return "a sign needs a number behind it";
    char *end;
    unsigned long offset = strtoul(text.at + 1, &end, 0);
    if (offset > OFFSET_MAX)
        return "an offset is too large";
    const char *last = text.at + text.length - 1;
    if (end >= last || *end != '(' || *last != ')')
        return "an offset needs (…) behind it";
    return check_expression(trim(end + 1, last), depth + 1);
}

static bool is_name(struct span_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (!isalnum((unsigned char)text.at[i]) && text.at[i] != '_')
            return false;
    }
    return text.length > 0 && text.length < USER_PROBE_NAME_SIZE && !isdigit((unsigned char)*text.at);
}

static int parse_value(const char *spec, struct span_text text, struct user_probe *out, struct error *err)
{
    const char *end = text.at + text.length, *equals = memchr(text.at, '=', text.length);
    struct span_text name = trim(text.at, equals ? equals : end);
    if (out->value_count == SPAN_VALUES_MAX)
        return error_set(err, ERR_USAGE, "--probe '%s': more than %d values", spec, SPAN_VALUES_MAX);
    if (!equals || !is_name(name))
        return error_set(err, ERR_USAGE,
                         "--probe '%s': '%.*s' is no NAME=EXPRESSION:TYPE (example: id=+8(%%ax):u64)", spec,
                         (int)text.length, text.at);
    struct user_probe_value *value = &out->values[out->value_count];
    snprintf(value->name, sizeof value->name, "%.*s", (int)name.length, name.at);
    for (unsigned i = 0; i < out->value_count; i++) {
        if (strcmp(out->values[i].name, value->name) == 0)
            return error_set(err, ERR_USAGE, "--probe '%s': two values are named %s", spec, value->name);
    }
    const char *colon = memchr(equals, ':', (size_t)(end - equals));
    struct span_text expression = trim(equals + 1, colon ? colon : end);
    struct span_text type = colon ? trim(colon + 1, end) : (struct span_text){"u64", 3};
    const char *why = check_expression(expression, 0);
    if (why)
        return error_set(err, ERR_USAGE, "--probe '%s': %s: '%.*s' cannot be fetched: %s", spec, value->name,
                         (int)expression.length, expression.at, why);
    if (!is_word(types, COUNT(types), type))
        return error_set(err, ERR_USAGE, "--probe '%s': %s: '%.*s' is no type (u8 … u64, s8 … s64, x8 … x64)",
                         spec, value->name, (int)type.length, type.at);
    int length = snprintf(value->fetch, sizeof value->fetch, "%.*s:%.*s", (int)expression.length,
                          expression.at, (int)type.length, type.at);
    if (length < 0 || (size_t)length >= sizeof value->fetch || memchr(value->fetch, ' ', (size_t)length))
        return error_set(err, ERR_USAGE, "--probe '%s': %s: '%.*s' is too long, or has blanks inside", spec,
                         value->name, (int)expression.length, expression.at);
    out->value_count++;
    return 0;
}

/* Between `at` and `end`: values separated by commas. */
static int parse_values(const char *spec, const char *at, const char *end, struct user_probe *out,
                        struct error *err)
{
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        int rc = parse_value(spec, trim(at, stop), out, err);
        if (rc != 0)
            return rc;
        at = comma ? comma + 1 : end;
        if (comma && at == end)
            return error_set(err, ERR_USAGE, "--probe '%s': a value is missing behind the last comma", spec);
    }
    return 0;
}

int user_probe_parse(const char *spec, struct user_probe *out, struct error *err)
{
    struct user_probe probe = {.spec = spec};
    struct span_text whole = trim(spec, spec + strlen(spec)), function = whole;
    const char *end = whole.at + whole.length, *open = NULL;
    if (whole.length > 0 && end[-1] == ')') {
        open = matching_open(whole.at, end - 1);
        if (!open)
            return error_set(err, ERR_USAGE, "--probe '%s': a ')' without a '('", spec);
        function = trim(whole.at, open);
    }
    if (function.length == 0)
        return error_set(err, ERR_USAGE,
                         "--probe '%s': no function (example: main.handleOrder(id=+8(%%ax):u64))", spec);
    if (function.length >= sizeof probe.function)
        return error_set(err, ERR_USAGE, "--probe: the name of the function is longer than %zu bytes",
                         sizeof probe.function - 1);
    memcpy(probe.function, function.at, function.length);
    if (memchr(probe.function, '=', function.length))
        return error_set(err, ERR_USAGE, "--probe '%s': the values need parentheses around them", spec);
    if (open) {
        struct span_text values = trim(open + 1, end - 1);
        int rc = parse_values(spec, values.at, values.at + values.length, &probe, err);
        if (rc != 0)
            return rc;
    }
    *out = probe;
    return 0;
}

void user_probe_value_names(const struct user_probe *self, char *out, size_t size)
{
    size_t used = 0;
    *out = '\0';
    for (unsigned i = 0; i < self->value_count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "", self->values[i].name);
}
