#include "trigger_spec.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/units.h"

static bool parse_count(const char *text, uint64_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*text))
        return false;
    *out = strtoull(text, &end, 10);
    return *end == '\0' && *out < UINT64_MAX / 1000000000u;
}

/* "200/s" */
static bool parse_rate(const char *text, uint64_t *out)
{
    char number[32];
    size_t length = strlen(text);
    if (length < 3 || length - 2 >= sizeof number || strcmp(text + length - 2, "/s") != 0)
        return false;
    memcpy(number, text, length - 2);
    number[length - 2] = '\0';
    return parse_count(number, out);
}

static const struct {
    const char *prefix;
    enum trigger_kind kind;
    bool (*parse)(const char *text, uint64_t *out);
} forms[] = {
    {"blocked>", TRIGGER_BLOCKED, units_parse_duration},
    {"runnable-p99>", TRIGGER_RUNNABLE_P99, units_parse_duration},
    {"goroutines>", TRIGGER_GOROUTINES, parse_count},
    {"goroutines+", TRIGGER_GROWTH, parse_rate},
};

int trigger_spec_parse(const char *text, struct trigger_spec *out, struct error *err)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t length = strlen(forms[i].prefix);
        uint64_t limit;
        if (strncmp(text, forms[i].prefix, length) != 0)
            continue;
        if (!forms[i].parse(text + length, &limit) || limit == 0)
            break;
        *out = (struct trigger_spec){.kind = forms[i].kind, .limit = limit, .text = text};
        return 0;
    }
    return error_set(err, ERR_USAGE,
                     "--trigger: '%s' is none of 'blocked>5s', 'runnable-p99>10ms', 'goroutines>10000', "
                     "'goroutines+200/s' (with other numbers)",
                     text);
}
