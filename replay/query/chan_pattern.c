#include "query/chan_pattern.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool parse_address(const char *text, struct chan_pattern *out)
{
    char *end;
    errno = 0;
    unsigned long long address = strtoull(text + 2, &end, 16);
    if (!isxdigit((unsigned char)text[2]) || *end || errno || address > INT64_MAX)
        return false;
    out->kind = CHAN_ADDRESS;
    out->address = (int64_t)address;
    return true;
}

/* Length of the file part of "x.go" or "x.go:12"; 0 when it is neither. */
static size_t file_part(const char *text, int64_t *line_out)
{
    size_t length = strlen(text), digits = 0;
    *line_out = 0;
    while (digits < length && isdigit((unsigned char)text[length - 1 - digits]))
        digits++;
    if (digits > 0 && digits < 10 && digits < length && text[length - 1 - digits] == ':') {
        *line_out = strtoll(text + length - digits, NULL, 10);
        length -= digits + 1;
    } else if (digits > 0) {
        return 0;
    }
    bool is_source = (length > 3 && strncmp(text + length - 3, ".go", 3) == 0) ||
                     (length > 2 && strncmp(text + length - 2, ".s", 2) == 0 && *line_out > 0);
    return is_source ? length : 0;
}

/* The element type behind "chan ", "chan<- " or "<-chan "; NULL when there is no such prefix. */
static const char *element_type(const char *text)
{
    static const char *const prefixes[] = {"chan<- ", "<-chan ", "chan "};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t length = strlen(prefixes[i]);
        if (strncmp(text, prefixes[i], length) == 0)
            return text + length + strspn(text + length, " ");
    }
    return NULL;
}

bool chan_pattern_parse(const char *text, struct chan_pattern *out)
{
    memset(out, 0, sizeof *out);
    text += strspn(text, " ");
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        return parse_address(text, out);
    const char *type = element_type(text);
    const char *kept = type ? type : text;
    size_t length = type ? 0 : file_part(text, &out->line);
    out->kind = type ? CHAN_TYPE : length > 0 ? CHAN_LINE : CHAN_NAME;
    if (length == 0)
        length = strlen(kept);
    if (length == 0 || length >= sizeof out->text)
        return false;
    memcpy(out->text, kept, length);
    return true;
}
