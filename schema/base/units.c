#include "base/units.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct unit {
    const char *name;
    double factor;
};

static bool parse(const char *text, const struct unit *units, size_t count, uint64_t *out)
{
    if (!isdigit((unsigned char)text[0]) && text[0] != '.')
        return false;
    char *end;
    double number = strtod(text, &end);
    if (end == text || !isfinite(number) || number < 0)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(end, units[i].name) == 0) {
            double value = number * units[i].factor;
            if (value >= 9.2e18)
                return false;
            *out = (uint64_t)(value + 0.5);
            return true;
        }
    }
    return false;
}

bool units_parse_duration(const char *text, uint64_t *ns_out)
{
    static const struct unit units[] = {{"", 1e9},  {"ns", 1},   {"us", 1e3},   {"µs", 1e3},   {"ms", 1e6},
                                        {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
    return parse(text, units, sizeof units / sizeof *units, ns_out);
}

bool units_parse_size(const char *text, uint64_t *bytes_out)
{
    static const struct unit units[] = {
        {"", 1},        {"B", 1},        {"k", 0x1p10},   {"K", 0x1p10},  {"kB", 0x1p10},
        {"KB", 0x1p10}, {"KiB", 0x1p10}, {"M", 0x1p20},   {"MB", 0x1p20}, {"MiB", 0x1p20},
        {"G", 0x1p30},  {"GB", 0x1p30},  {"GiB", 0x1p30},
    };
    return parse(text, units, sizeof units / sizeof *units, bytes_out);
}

static char *format_scaled(double value, const struct unit *units, size_t count, char *out, size_t size)
{
    size_t i = 0;
    while (i + 1 < count && value >= units[i + 1].factor * 0.99995)
        i++;
    double scaled = value / units[i].factor;
    int decimals = units[i].factor == 1 || scaled >= 999.5 ? 0
                   : scaled >= 99.95                       ? 1
                   : scaled >= 9.995                       ? 2
                                                           : 3;
    snprintf(out, size, "%.*f %s", decimals, scaled, units[i].name);
    return out;
}

char *units_format_duration(uint64_t ns, char *out, size_t size)
{
    static const struct unit units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    return format_scaled((double)ns, units, sizeof units / sizeof *units, out, size);
}

char *units_format_size(uint64_t bytes, char *out, size_t size)
{
    static const struct unit units[] = {{"B", 1}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}};
    return format_scaled((double)bytes, units, sizeof units / sizeof *units, out, size);
}

char *units_format_count(uint64_t count, char *out, size_t size)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    size_t used = 0;
    for (int i = 0; i < length && used + 2 < size; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = '\0';
    return out;
}
