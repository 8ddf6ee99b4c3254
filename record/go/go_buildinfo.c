/*
 * The module text is lines of tab-separated words:
 *   path <main package>
 *   mod  <module> <version> <sum>
 *   dep  <module> <version> <sum>
 *   =>   <module> <version> <sum>      replaces the dep (or mod) before it
 *   build <key>=<value>                both may be quoted like Go strings
 * runtime/debug/mod.go of the Go source is its definition. All strings are kept in one copy of the text, cut
 * in place.
 */
#include "go/go_buildinfo.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define FLAG_BIG_ENDIAN 1
#define FLAG_INLINE     2
#define STRINGS_AT      32
#define MODINFO_MARK    16 /* 16 bytes on both sides let tools find the text in a running program */

struct go_buildinfo {
    struct go_build_info info;
    char *version, *text; /* owned */
    struct go_setting *settings;
    struct go_dependency *deps;
};

bool go_buildinfo_version(const char *version, int *major_out, int *minor_out, int *patch_out)
{
    for (const char *at = strstr(version, "go"); at; at = strstr(at + 1, "go")) {
        char *end;
        if (at[2] < '0' || at[2] > '9')
            continue;
        long major = strtol(at + 2, &end, 10);
        if (*end != '.' || end[1] < '0' || end[1] > '9')
            continue;
        long minor = strtol(end + 1, &end, 10);
        if (major > 1000 || minor > 1000)
            continue;
        *major_out = (int)major;
        *minor_out = (int)minor;
        long patch = *end == '.' && end[1] >= '0' && end[1] <= '9' ? strtol(end + 1, NULL, 10) : 0;
        *patch_out = patch > 1000 ? 0 : (int)patch;
        return true;
    }
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static char *put_utf8(char *out, uint32_t rune)
{
    if (rune < 0x80) {
        *out++ = (char)rune;
    } else if (rune < 0x800) {
        *out++ = (char)(0xc0 | rune >> 6);
        *out++ = (char)(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
        *out++ = (char)(0xe0 | rune >> 12);
        *out++ = (char)(0x80 | (rune >> 6 & 0x3f));
        *out++ = (char)(0x80 | (rune & 0x3f));
    } else {
        *out++ = (char)(0xf0 | (rune >> 18 & 7));
        *out++ = (char)(0x80 | (rune >> 12 & 0x3f));
        *out++ = (char)(0x80 | (rune >> 6 & 0x3f));
        *out++ = (char)(0x80 | (rune & 0x3f));
    }
    return out;
}

/* One escape of a Go string after its backslash. Returns the position behind it; never past the terminator.
 * The result is never longer than the escape was. */
static char *unescape(char *at, char **out)
{
    static const char letters[] = "abfnrtv";
    static const char meanings[] = "\a\b\f\n\r\t\v";
    const char *letter = *at ? strchr(letters, *at) : NULL;
    unsigned digits = *at == 'x' ? 2 : *at == 'u' ? 4 : *at == 'U' ? 8 : 0;
    if (letter) {
        *(*out)++ = meanings[letter - letters];
        return at + 1;
    }
    uint32_t value = 0;
    if (digits) {
        char kind = *at++;
        for (; digits > 0 && hex_digit(*at) >= 0; digits--)
            value = value << 4 | (uint32_t)hex_digit(*at++);
        if (kind == 'x')
            *(*out)++ = (char)value;
        else
            *out = put_utf8(*out, value);
        return at;
    }
    if (*at >= '0' && *at <= '7') {
        for (digits = 3; digits > 0 && *at >= '0' && *at <= '7'; digits--)
            value = value << 3 | (uint32_t)(*at++ - '0');
        *(*out)++ = (char)value;
        return at;
    }
    if (*at)
        *(*out)++ = *at++;
    return at;
}

/* Undoes Go quoting in place. *end_out is set behind the word, which reaches to `stop` or the end when it is
 * not quoted. */
static char *unquote(char *word, char stop, char **end_out)
{
    if (*word != '"') {
        char *end = strchr(word, stop);
        if (!end)
            end = word + strlen(word);
        *end_out = end;
        return word;
    }
    char *in = word + 1;
    char *out = word;
    while (*in && *in != '"') {
        if (*in == '\\')
            in = unescape(in + 1, &out);
        else
            *out++ = *in++;
    }
    *end_out = *in ? in + 1 : in;
    *out = '\0';
    return word;
}

/* Cuts the next tab-separated word off; "" at the end. */
static char *next_word(char **rest)
{
    char *word = *rest;
    char *tab = strchr(word, '\t');
    if (tab) {
        *tab = '\0';
        *rest = tab + 1;
    } else {
        *rest = word + strlen(word);
    }
    return word;
}

static void parse_setting(struct go_buildinfo *self, char *rest)
{
    char *end;
    char *key = unquote(rest, '=', &end);
    if (*end != '=')
        return;
    *end = '\0';
    char *value_end;
    char *value = unquote(end + 1, '\0', &value_end);
    struct go_setting *setting = &self->settings[self->info.setting_count++];
    setting->key = key;
    setting->value = value;
}

static void parse_line(struct go_buildinfo *self, char *line, struct go_dependency **last_dep)
{
    char *rest = line;
    char *kind = next_word(&rest);
    if (strcmp(kind, "path") == 0) {
        self->info.path = rest;
    } else if (strcmp(kind, "mod") == 0) {
        self->info.main_path = next_word(&rest);
        self->info.main_version = next_word(&rest);
        *last_dep = NULL;
    } else if (strcmp(kind, "dep") == 0) {
        struct go_dependency *dep = &self->deps[self->info.dep_count++];
        dep->path = next_word(&rest);
        dep->version = next_word(&rest);
        *last_dep = dep;
    } else if (strcmp(kind, "=>") == 0 && *last_dep) {
        (*last_dep)->replace_path = next_word(&rest);
        (*last_dep)->replace_version = next_word(&rest);
        *last_dep = NULL;
    } else if (strcmp(kind, "build") == 0) {
        parse_setting(self, rest);
    }
}

static int parse_text(struct go_buildinfo *self)
{
    size_t lines = 1;
    for (const char *at = self->text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    self->settings = calloc(lines, sizeof *self->settings);
    self->deps = calloc(lines, sizeof *self->deps);
    if (!self->settings || !self->deps)
        return ERR_NOMEM;
    struct go_dependency *last_dep = NULL;
    for (char *line = self->text; line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        parse_line(self, line, &last_dep);
        line = end ? end + 1 : NULL;
    }
    self->info.settings = self->settings;
    self->info.deps = self->deps;
    return 0;
}

static char *copy(const uint8_t *data, size_t size)
{
    char *out = malloc(size + 1);
    if (!out)
        return NULL;
    if (size)
        memcpy(out, data, size);
    out[size] = '\0';
    return out;
}

/* The two inline strings. */
static int parse_strings(struct go_buildinfo *self, struct bytes *in, const char *shown, struct error *err)
{
    size_t version_size = 0, text_size = 0;
    const uint8_t *version = bytes_run(in, &version_size);
    if (in->bad || !version || version_size == 0 || version_size > 4096)
        return error_set(err, ERR_DAMAGED, "%s: the Go build info is damaged (no version)", shown);
    const uint8_t *text = bytes_run(in, &text_size);
    if (in->bad || !text)
        text_size = 0;
    if (text_size > 2 * MODINFO_MARK && text[text_size - MODINFO_MARK - 1] == '\n') {
        text += MODINFO_MARK;
        text_size -= 2 * MODINFO_MARK;
    } else {
        text_size = 0;
    }
    self->version = copy(version, version_size);
    self->text = copy(text, text_size);
    if (!self->version || !self->text || parse_text(self) != 0)
        return error_set(err, ERR_NOMEM, "out of memory while reading the build info of %s", shown);
    self->info.version = self->version;
    if (!go_buildinfo_version(self->version, &self->info.major, &self->info.minor, &self->info.patch))
        self->info.major = self->info.minor = self->info.patch = 0;
    return 0;
}

int go_buildinfo_parse(const void *data, size_t size, const char *shown, struct go_buildinfo **out,
                       struct error *err)
{
    struct bytes in = bytes_of(data, size);
    const uint8_t *magic = bytes_take(&in, GO_BUILDINFO_MAGIC_SIZE);
    if (!magic || memcmp(magic, GO_BUILDINFO_MAGIC, GO_BUILDINFO_MAGIC_SIZE) != 0)
        return error_set(err, ERR_NOT_FOUND, "%s has no Go build info: it is not a Go program", shown);
    bytes_u8(&in); /* size of a pointer */
    uint8_t flags = bytes_u8(&in);
    bytes_skip(&in, STRINGS_AT - GO_BUILDINFO_MAGIC_SIZE - 2);
    if (in.bad)
        return error_set(err, ERR_DAMAGED, "%s: the Go build info is damaged (cut off)", shown);
    if (!(flags & FLAG_INLINE))
        return error_set(err, ERR_UNSUPPORTED,
                         "%s was built with a Go version before 1.18; rebuild it with Go 1.18 or newer",
                         shown);
    struct go_buildinfo *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory while reading the build info of %s", shown);
    self->info.path = self->info.main_path = self->info.main_version = "";
    int rc = parse_strings(self, &in, shown, err);
    if (rc != 0) {
        go_buildinfo_free(self);
        return rc;
    }
    *out = self;
    return 0;
}

void go_buildinfo_free(struct go_buildinfo *self)
{
    if (!self)
        return;
    free(self->version);
    free(self->text);
    free(self->settings);
    free(self->deps);
    free(self);
}

const struct go_build_info *go_buildinfo_get(const struct go_buildinfo *self)
{
    return &self->info;
}
