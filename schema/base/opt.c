#include "base/opt.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "base/units.h"

static bool is_end(const struct opt *o)
{
    return !o->short_name && !o->long_name && o->type != OPT_HEADING;
}

static bool takes_value(const struct opt *o)
{
    return o->type != OPT_FLAG && o->type != OPT_COUNT;
}

static int store(const struct opt *o, const char *shown, const char *text, struct error *err)
{
    switch (o->type) {
    case OPT_FLAG:
        *(bool *)o->value = true;
        return 0;
    case OPT_COUNT:
        ++*(int *)o->value;
        return 0;
    case OPT_STRING:
        *(const char **)o->value = text;
        return 0;
    case OPT_INT: {
        char *end;
        errno = 0;
        bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
        long long number = strtoll(text, &end, is_hex ? 16 : 10);
        if (errno || end == text || *end || text[0] == ' ')
            return error_set(err, ERR_USAGE, "%s: '%s' is not a number", shown, text);
        *(int64_t *)o->value = number;
        return 0;
    }
    case OPT_DURATION:
        if (!units_parse_duration(text, o->value))
            return error_set(err, ERR_USAGE, "%s: '%s' is not a duration (examples: 500ms, 10s, 2m)", shown,
                             text);
        return 0;
    case OPT_SIZE:
        if (!units_parse_size(text, o->value))
            return error_set(err, ERR_USAGE, "%s: '%s' is not a size (examples: 512k, 8M)", shown, text);
        return 0;
    case OPT_LIST: {
        struct opt_list *list = o->value;
        if (list->count == list->capacity)
            return error_set(err, ERR_USAGE, "%s: given more than %u times", shown, list->capacity);
        list->items[list->count++] = text;
        return 0;
    }
    case OPT_HEADING:
        break;
    }
    return error_set(err, ERR_USAGE, "%s: not an option", shown);
}

static int unknown_option(const struct opt *table, const char *name, struct error *err)
{
    const char *nearest = NULL;
    /* More than half of a word wrong is another word. */
    unsigned best = strlen(name) < 8 ? (unsigned)strlen(name) / 2 + 1 : 5;
    for (const struct opt *o = table; !is_end(o); o++) {
        unsigned d = o->long_name ? suggest_distance(name, o->long_name) : SUGGEST_FAR;
        if (d < best) {
            best = d;
            nearest = o->long_name;
        }
    }
    if (nearest)
        return error_set(err, ERR_USAGE, "unknown option --%s (did you mean --%s?)", name, nearest);
    return error_set(err, ERR_USAGE, "unknown option --%s (see --help)", name);
}

/* Handles argv[*at], which starts with "--" and has a name; moves *at past a separate value. */
static int parse_long(const struct opt *table, int argc, char **argv, int *at, struct error *err)
{
    const char *name = argv[*at] + 2;
    size_t length = strcspn(name, "=");
    char shown[80];
    snprintf(shown, sizeof shown, "--%.*s", (int)(length < 70 ? length : 70), name);
    for (const struct opt *o = table; !is_end(o); o++) {
        if (!o->long_name || strlen(o->long_name) != length || strncmp(o->long_name, name, length) != 0)
            continue;
        const char *value = name[length] == '=' ? name + length + 1 : NULL;
        if (!takes_value(o)) {
            if (value)
                return error_set(err, ERR_USAGE, "%s takes no value", shown);
        } else if (!value) {
            if (*at + 1 >= argc)
                return error_set(err, ERR_USAGE, "%s needs a value (%s)", shown, o->argument);
            value = argv[++*at];
        }
        return store(o, shown, value, err);
    }
    return unknown_option(table, shown + 2, err);
}

static int parse_short(const struct opt *table, int argc, char **argv, int *at, struct error *err)
{
    for (const char *p = argv[*at] + 1; *p; p++) {
        char shown[] = {'-', *p, 0};
        const struct opt *o = table;
        while (!is_end(o) && o->short_name != *p)
            o++;
        if (is_end(o))
            return error_set(err, ERR_USAGE, "unknown option %s (see --help)", shown);
        const char *value = NULL;
        if (takes_value(o)) {
            value = p[1] ? p + 1 : *at + 1 < argc ? argv[++*at] : NULL;
            if (!value)
                return error_set(err, ERR_USAGE, "%s needs a value (%s)", shown, o->argument);
        }
        int rc = store(o, shown, value, err);
        if (rc != 0 || value)
            return rc;
    }
    return 0;
}

int opt_parse(const struct opt *table, int argc, char **argv, bool stop_at_operand, int *operands_out,
              struct error *err)
{
    char **operands = calloc((size_t)argc + 1, sizeof *operands);
    char **options = calloc((size_t)argc + 1, sizeof *options);
    int n_operands = 0, n_options = 0, rc = 0;
    if (!operands || !options) {
        rc = error_set(err, ERR_NOMEM, "out of memory");
        goto out;
    }
    bool only_operands = false;
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (only_operands || arg[0] != '-' || arg[1] == '\0') {
            operands[n_operands++] = argv[i];
            only_operands |= stop_at_operand;
            continue;
        }
        int first = i;
        if (strcmp(arg, "--") == 0)
            only_operands = true;
        else if (arg[1] == '-')
            rc = parse_long(table, argc, argv, &i, err);
        else
            rc = parse_short(table, argc, argv, &i, err);
        if (rc != 0)
            goto out;
        for (int j = first; j <= i; j++)
            options[n_options++] = argv[j];
    }
    memcpy(argv + 1, options, (size_t)n_options * sizeof *options);
    memcpy(argv + 1 + n_options, operands, (size_t)n_operands * sizeof *operands);
    *operands_out = n_operands;
out:
    free(operands);
    free(options);
    return rc;
}

#define HELP_COLUMN 30

void opt_print_help(const struct opt *table, FILE *out)
{
    for (const struct opt *o = table; !is_end(o); o++) {
        if (o->type == OPT_HEADING) {
            fprintf(out, "\n%s\n", o->help);
            continue;
        }
        char left[80];
        int used = o->short_name ? snprintf(left, sizeof left, "  -%c", o->short_name)
                                 : snprintf(left, sizeof left, "    ");
        if (o->long_name)
            used += snprintf(left + used, sizeof left - (size_t)used, "%s--%s", o->short_name ? ", " : "  ",
                             o->long_name);
        if (o->argument)
            used += snprintf(left + used, sizeof left - (size_t)used, " %s", o->argument);
        fprintf(out, used < HELP_COLUMN ? "%-*s" : "%-*s\n", HELP_COLUMN, left);
        if (used >= HELP_COLUMN)
            fprintf(out, "%*s", HELP_COLUMN, "");
        const char *line = o->help;
        for (;;) {
            size_t length = strcspn(line, "\n");
            fprintf(out, "%.*s\n", (int)length, line);
            if (!line[length])
                break;
            line += length + 1;
            fprintf(out, "%*s", HELP_COLUMN, "");
        }
    }
}
