#include "query/moment.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"

#define SECOND 1000000000LL

/* Days since 1970-01-01 in the Gregorian calendar (years counted from March, so that leap days come last). */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = year / 400, of_era = year % 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* ".123456" into ns; moves *text behind it. */
static int64_t fraction(const char **text)
{
    int64_t ns = 0, unit = SECOND / 10;
    if (**text != '.' || !isdigit((unsigned char)(*text)[1]))
        return 0;
    for (++*text; isdigit((unsigned char)**text); ++*text, unit /= 10)
        ns += (**text - '0') * unit;
    return ns;
}

static bool parse_utc(const char *text, int64_t *ns_out)
{
    int year, month, day, hour = 0, minute = 0, second = 0, used = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || used != 10)
        return false;
    text += used;
    if (*text == 'T' || *text == ' ') {
        used = 0;
        if (sscanf(text + 1, "%2d:%2d%n", &hour, &minute, &used) != 2 || used != 5)
            return false;
        text += 6;
        used = 0;
        if (sscanf(text, ":%2d%n", &second, &used) == 1 && used == 3)
            text += 3;
    }
    int64_t ns = fraction(&text);
    if (*text == 'Z')
        text++;
    if (*text || year < 1970 || year > 2200 || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month) || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        second < 0 || second > 60)
        return false;
    *ns_out = (((days_of(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * SECOND + ns;
    return true;
}

bool moment_parse(const char *text, struct moment *out)
{
    if (parse_utc(text, &out->ns)) {
        out->kind = MOMENT_UTC;
        return true;
    }
    uint64_t ns;
    bool from_end = text[0] == '-';
    if (!units_parse_duration(text + (from_end || text[0] == '+'), &ns) || ns > INT64_MAX)
        return false;
    out->kind = from_end ? MOMENT_FROM_END : MOMENT_FROM_START;
    out->ns = (int64_t)ns;
    return true;
}

bool moment_resolve(const struct moment *self, int64_t start_ns, int64_t end_ns, int64_t start_realtime_ns,
                    int64_t *ns_out)
{
    int64_t base = self->kind == MOMENT_FROM_END ? end_ns : start_ns;
    int64_t offset = self->kind == MOMENT_FROM_END ? -self->ns : self->ns;
    if (self->kind == MOMENT_UTC) {
        if (start_realtime_ns == 0 || __builtin_sub_overflow(self->ns, start_realtime_ns, &offset))
            return false;
    }
    if (__builtin_add_overflow(base, offset, ns_out))
        *ns_out = offset < 0 ? INT64_MIN : INT64_MAX;
    return true;
}

char *moment_format_utc(int64_t realtime_ns, char *out, unsigned size)
{
    int64_t seconds = realtime_ns / SECOND;
    int64_t days = seconds / 86400, of_day = seconds % 86400;
    int year = 1970;
    for (;;) {
        int length = days_in_month(year, 2) + 337;
        if (days < length || year > 9998)
            break;
        days -= length;
        year++;
    }
    int month = 1;
    while (month < 12 && days >= days_in_month(year, month))
        days -= days_in_month(year, month++);
    snprintf(out, size, "%04d-%02d-%02d %02d:%02d:%02d UTC", year, month, (int)days + 1, (int)(of_day / 3600),
             (int)(of_day / 60 % 60), (int)(of_day % 60));
    return out;
}
