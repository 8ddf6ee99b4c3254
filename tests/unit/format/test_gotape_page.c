/* The manual page of the format tells the truth: its tables are those of the code, row by row, in both
 * directions. */
#include <ctype.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "format/event_spec.h"
#include "format/trace_text.h"

#define SCHEMA   "../../../schema/format/"
#define RECORD   "../../../record/"
#define KEYS_MAX 128

static char *page;

static char *read_text(const char *path)
{
    FILE *in = fopen(path, "rb");
    char *text = calloc(1, 1 << 20);
    assert_non_null(in);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, in) < (1 << 20) - 1);
    fclose(in);
    return text;
}

static int load_page(void **state)
{
    (void)state;
    page = read_text(SCHEMA "gotape.5");
    return 0;
}

static int drop_page(void **state)
{
    (void)state;
    free(page);
    return 0;
}

/* The text of a section or subsection begins here. */
static const char *section(const char *heading)
{
    const char *at = strstr(page, heading);
    if (!at)
        fail_msg("the page has no '%s'", heading);
    return at;
}

/* Copies the line at *at without its newline and moves on; false at the end of the text. */
static bool next_line(const char **at, char *line, size_t size)
{
    size_t length = strcspn(*at, "\n");
    if (!**at)
        return false;
    snprintf(line, size, "%.*s", (int)length, *at);
    *at += length + ((*at)[length] == '\n');
    return true;
}

/* The next line that begins with `start`, before the next line that begins with `end`. */
static bool next_row(const char **at, const char *start, const char *end, char *line, size_t size)
{
    while (next_line(at, line, size)) {
        if (strncmp(line, start, strlen(start)) == 0)
            return true;
        if (strncmp(line, end, strlen(end)) == 0)
            return false;
    }
    return false;
}

/* ---- header ---- */

struct header_row {
    unsigned offset, size;
    const char *name;
    uint64_t value; /* distinct in all fields */
};

static uint64_t bytes_at(const uint8_t *data, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size && i < 8; i++)
        value |= (uint64_t)data[i] << (8 * i);
    return value;
}

static void the_header_is_as_documented(void **state)
{
    (void)state;
    const struct chunk_header h = {.kind = 0x0102,
                                   .major = 1,
                                   .minor = 0x0304,
                                   .epoch = 0x05060708,
                                   .sequence = 0x1111111111111101,
                                   .stored_size = 10485761,
                                   .raw_size = 10485762,
                                   .first_time_ns = 0x1111111111111104,
                                   .last_time_ns = 0x1111111111111105,
                                   .event_count = 66,
                                   .lost_count = 0x1111111111111107,
                                   .watermark_ns = 0x1111111111111108,
                                   .clocks = {0x1111111111111109, 0x111111111111110a, 0x111111111111110b},
                                   .trace_id = "\x0c\x11\x11\x11\x11\x11\x11\x11xxxxxxxx"};
    uint8_t data[CHUNK_HEADER_SIZE];
    chunk_header_encode(&h, data);
    const struct header_row rows[] = {
        {0, 4, "frame_magic", CHUNK_SKIPPABLE_MAGIC},
        {4, 4, "frame_size", CHUNK_HEADER_SIZE - 8},
        {8, 8, "magic", bytes_at((const uint8_t *)CHUNK_MAGIC, 8)},
        {16, 2, "kind", h.kind},
        {18, 2, "major", h.major},
        {20, 2, "minor", h.minor},
        {24, 4, "epoch", h.epoch},
        {32, 8, "sequence", h.sequence},
        {40, 8, "stored_size", h.stored_size},
        {48, 8, "raw_size", h.raw_size},
        {56, 8, "first_time_ns", h.first_time_ns},
        {64, 8, "last_time_ns", h.last_time_ns},
        {72, 8, "event_count", h.event_count},
        {80, 8, "lost_count", h.lost_count},
        {88, 8, "watermark_ns", h.watermark_ns},
        {96, 8, "monotonic_ns", h.clocks.monotonic_ns},
        {104, 8, "realtime_ns", h.clocks.realtime_ns},
        {112, 8, "boottime_ns", h.clocks.boottime_ns},
        {120, 16, "trace_id", 0x111111111111110c},
        {156, 4, "checksum", crc32c(data, 156)},
    };
    const char *at = section(".It offset Ta size");
    char line[256], expected[64];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(next_row(&at, ".It ", ".El", line, sizeof line) || i == 0);
        if (i == 0 && strstr(line, "offset Ta"))
            assert_true(next_row(&at, ".It ", ".El", line, sizeof line));
        snprintf(expected, sizeof expected, ".It %u Ta %u Ta Va %s Ta ", rows[i].offset, rows[i].size,
                 rows[i].name);
        assert_memory_equal(line, expected, strlen(expected));
        assert_true(bytes_at(data + rows[i].offset, rows[i].size) == rows[i].value);
        memset(data + rows[i].offset, 0, rows[i].size);
    }
    assert_false(next_row(&at, ".It ", ".El", line, sizeof line));
    /* No byte but those in the table. */
    for (size_t i = 0; i < sizeof data; i++)
        assert_int_equal(data[i], 0);
    snprintf(expected, sizeof expected, "most %u bytes", CHUNK_RAW_SIZE_MAX);
    assert_non_null(strstr(page, expected));
    snprintf(expected, sizeof expected, "%u bytes packed", CHUNK_STORED_SIZE_MAX);
    assert_non_null(strstr(page, expected));
    snprintf(expected, sizeof expected, "\n%u events", CHUNK_EVENTS_MAX);
    assert_non_null(strstr(page, expected));
}

/* ---- small tables ---- */

static void assert_names(const char *heading, const char *const *names, unsigned first, unsigned count)
{
    const char *at = section(heading);
    char line[256], expected[64];
    next_line(&at, line, sizeof line);
    for (unsigned i = 0; i < count; i++) {
        assert_true(next_row(&at, ".It ", ".El", line, sizeof line));
        snprintf(expected, sizeof expected, ".It %u Ta Ic %s Ta", first + i, names[i]);
        assert_memory_equal(line, expected, strlen(expected));
    }
    assert_false(next_row(&at, ".It ", ".El", line, sizeof line));
}

static void kinds_and_tags_are_as_documented(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        [CHUNK_META] = "META", [CHUNK_EVENTS] = "EVENTS", [CHUNK_INDEX] = "INDEX", [CHUNK_END] = "END"};
    static const char *const tags[] = {[BLOCK_STRINGS] = "STRINGS",
                                       [BLOCK_LOCATIONS] = "LOCATIONS",
                                       [BLOCK_STACKS] = "STACKS",
                                       [BLOCK_OBJECTS] = "OBJECTS",
                                       [BLOCK_SETS] = "SETS",
                                       [BLOCK_META] = "META",
                                       [BLOCK_SECTIONS] = "SECTIONS",
                                       [BLOCK_ORDER] = "ORDER",
                                       [BLOCK_TIMES] = "TIMES",
                                       [BLOCK_TIMES_LOW] = "TIMES_LOW",
                                       [BLOCK_TIDS] = "TIDS",
                                       [BLOCK_COLUMNS] = "COLUMNS",
                                       [BLOCK_INDEX] = "INDEX",
                                       [BLOCK_CODED] = "CODED",
                                       [BLOCK_NEAR_OBJECTS] = "NEAR_OBJECTS",
                                       [BLOCK_NEAR_SETS] = "NEAR_SETS"};
    const char *objects[OBJECT_KIND_COUNT];
    for (unsigned kind = 0; kind < OBJECT_KIND_COUNT; kind++)
        objects[kind] = trace_text_object_kind(kind);
    assert_names(".It kind Ta name Ta meaning\n.It 1 Ta Ic META", kinds + 1, 1, CHUNK_END);
    assert_names(".It tag Ta name", tags + 1, 1, BLOCK_NEAR_SETS);
    assert_names(".It kind Ta name Ta meaning\n.It 0 Ta Ic unknown", objects, 0, OBJECT_KIND_COUNT);
    const char *at = section("Codes of notes:");
    char line[256], expected[64];
    assert_true(next_row(&at, ".It code", ".El", line, sizeof line));
    for (unsigned code = 1; code < NOTE_CODE_COUNT; code++) {
        assert_true(next_row(&at, ".It ", ".El", line, sizeof line));
        snprintf(expected, sizeof expected, ".It %u Ta Sy ", code);
        assert_memory_equal(line, expected, strlen(expected));
    }
    assert_false(next_row(&at, ".It ", ".El", line, sizeof line));
}

/* ---- events ---- */

static const char *kind_word(enum field_kind kind)
{
    static const char *const words[] = {
        [FIELD_UINT] = "uint",         [FIELD_GOID] = "goid",     [FIELD_ADDRESS] = "address",
        [FIELD_TIME] = "time",         [FIELD_TID] = "tid",       [FIELD_STACK] = "stack",
        [FIELD_LOCATION] = "location", [FIELD_STRING] = "string", [FIELD_OBJECT] = "object",
        [FIELD_SET] = "set",           [FIELD_REASON] = "reason"};
    return words[kind];
}

static const char *coding_word(const struct event_spec *spec, const struct field_spec *field)
{
    static const char *const words[] = {[CODE_NEXT] = "next",
                                        [CODE_TIME] = "time",
                                        [CODE_RUNNING] = "running",
                                        [CODE_READIED] = "readied",
                                        [CODE_BY_TID] = "thread"};
    return field->coding == CODE_BY_FIELD ? spec->fields[field->context].name : words[field->coding];
}

static void events_are_as_documented(void **state)
{
    (void)state;
    const char *at = section(".Ss Types");
    char line[256], expected[128];
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        const struct event_spec *spec = event_spec_get(type);
        if (!spec)
            continue;
        assert_true(next_row(&at, ".It ", ".Sh", line, sizeof line));
        snprintf(expected, sizeof expected, ".It %u Ic %s", type, spec->name);
        assert_string_equal(line, expected);
        for (unsigned i = 0; i < spec->field_count; i++) {
            const struct field_spec *field = &spec->fields[i];
            assert_true(next_row(&at, ".It ", ".El", line, sizeof line));
            snprintf(expected, sizeof expected, ".It Va %s Ta %s Ta %s Ta ", field->name,
                     kind_word(field->kind), coding_word(spec, field));
            if (strncmp(line, expected, strlen(expected)) != 0)
                fail_msg("the page has '%s' instead of '%s'", line, expected);
        }
        if (spec->field_count)
            assert_false(next_row(&at, ".It ", ".El", line, sizeof line));
    }
    assert_false(next_row(&at, ".It ", ".Pp", line, sizeof line));
}

/* What a coding depends on is coded in the first pass. */
static void contexts_are_known_in_time(void **state)
{
    (void)state;
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        const struct event_spec *spec = event_spec_get(type);
        if (!spec)
            continue;
        assert_true(spec->field_count <= EVENT_FIELDS_MAX);
        for (unsigned i = 0; i < spec->field_count; i++) {
            if (spec->fields[i].coding != CODE_BY_FIELD)
                continue;
            assert_true(spec->fields[i].context < spec->field_count);
            assert_true(spec->fields[spec->fields[i].context].coding != CODE_BY_FIELD);
        }
    }
}

/* ---- keys ---- */

struct keys {
    char name[KEYS_MAX][64];
    unsigned count;
};

static void add_key(struct keys *keys, const char *name, size_t length)
{
    assert_true(keys->count < KEYS_MAX && length < sizeof keys->name[0]);
    snprintf(keys->name[keys->count++], sizeof keys->name[0], "%.*s", (int)length, name);
}

/* A key with conversions (go.dep.%zu) matches one with placeholders (go.dep.N) or a part spelled out
 * (go.vcs.time). */
static bool matches(const char *pattern, const char *name)
{
    while (*pattern && *pattern != '%') {
        if (*pattern++ != *name++)
            return false;
    }
    if (!*pattern)
        return !*name;
    while (*pattern && *pattern != 's' && *pattern != 'u')
        pattern++;
    pattern += *pattern != '\0';
    while (*name) {
        name++;
        if (matches(pattern, name))
            return true;
    }
    return false;
}

static bool is_key_start(const char *at)
{
    static const char *const starts[] = {"trace.",      "record.", "host.",      "process.", "go.", "probe.",
                                         "user_probe.", "perf.",   "container.", "cgroup.",  "end.",
                                         "trigger.", "budget."};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t length = strlen(starts[i]);
        if (strncmp(at, starts[i], length) == 0 &&
            (islower((unsigned char)at[length]) || isupper((unsigned char)at[length]) || at[length] == '%'))
            return true;
    }
    return false;
}

static size_t key_length(const char *at)
{
    return strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.%");
}

static void keys_of_page(struct keys *keys)
{
    const char *at = section(".Sh META KEYS");
    char line[256];
    while (next_row(&at, ".It Li ", ".Sh INDEX", line, sizeof line))
        add_key(keys, line + 7, strlen(line + 7));
    assert_true(keys->count > 20);
}

static void keys_of_header(struct keys *keys)
{
    char *text = read_text(SCHEMA "trace_meta.h");
    char *end = strstr(text, "*/");
    assert_non_null(end);
    *end = '\0';
    for (const char *at = text; *at; at++) {
        bool at_word = at > text && at[-1] == ' ';
        if (at_word && is_key_start(at)) {
            size_t length = key_length(at);
            /* Examples in the explanations are written with a capital or a comma behind. */
            if (strncmp(at, "go.setting.GOARCH", 17) != 0 && strncmp(at, "go.setting.-", 12) != 0)
                add_key(keys, at, length);
            at += length - 1;
        }
    }
    free(text);
}

static void the_header_file_has_the_keys_of_the_page(void **state)
{
    (void)state;
    static struct keys in_page, in_header;
    keys_of_page(&in_page);
    keys_of_header(&in_header);
    for (unsigned i = 0; i < in_page.count || i < in_header.count; i++) {
        if (i >= in_page.count || i >= in_header.count || strcmp(in_page.name[i], in_header.name[i]) != 0)
            fail_msg("key %u: '%s' in the page, '%s' in trace_meta.h", i,
                     i < in_page.count ? in_page.name[i] : "", i < in_header.count ? in_header.name[i] : "");
    }
}

/* Marks the keys of the page that a source file writes; fails for one that is not in the page. */
static void check_source(const char *path, const struct keys *in_page, bool *written)
{
    char *text = read_text(path);
    for (const char *at = strchr(text, '"'); at; at = strchr(at + 1, '"')) {
        size_t length = key_length(at + 1);
        char key[64];
        bool is_include = at - text >= 9 && memcmp(at - 9, "#include ", 9) == 0;
        if (is_include || !is_key_start(at + 1) || at[1 + length] != '"' || length >= sizeof key)
            continue;
        snprintf(key, sizeof key, "%.*s", (int)length, at + 1);
        unsigned found = 0;
        for (unsigned i = 0; i < in_page->count; i++) {
            bool same = matches(key, in_page->name[i]);
            written[i] |= same;
            found += same;
        }
        if (!found)
            fail_msg("%s writes the key '%s', which the page does not have", path, key);
    }
    free(text);
}

static void the_sources_write_the_keys_of_the_page(void **state)
{
    (void)state;
    static struct keys in_page;
    static bool written[KEYS_MAX];
    keys_of_page(&in_page);
    check_source(SCHEMA "trace_writer.c", &in_page, written);
    DIR *folder = opendir(RECORD);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        char path[512];
        size_t length = strlen(entry->d_name);
        snprintf(path, sizeof path, RECORD "%s", entry->d_name);
        if (length > 2 && strcmp(entry->d_name + length - 2, ".c") == 0)
            check_source(path, &in_page, written);
    }
    closedir(folder);
    for (unsigned i = 0; i < in_page.count; i++) {
        if (!written[i])
            fail_msg("the page has the key '%s', which nothing writes", in_page.name[i]);
    }
}

static void the_page_is_well_formed(void **state)
{
    (void)state;
    if (system("mandoc -h >/dev/null 2>&1; test $? -ne 127") != 0)
        skip();
    assert_int_equal(system("mandoc -Tlint -W warning " SCHEMA "gotape.5"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_header_is_as_documented),
        cmocka_unit_test(kinds_and_tags_are_as_documented),
        cmocka_unit_test(events_are_as_documented),
        cmocka_unit_test(contexts_are_known_in_time),
        cmocka_unit_test(the_header_file_has_the_keys_of_the_page),
        cmocka_unit_test(the_sources_write_the_keys_of_the_page),
        cmocka_unit_test(the_page_is_well_formed),
    };
    return cmocka_run_group_tests(tests, load_page, drop_page);
}
