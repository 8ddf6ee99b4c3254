#include "load/symbolize.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/intern.h"
#include "base/map.h"
#include "load/function_name.h"
#include "load/run_start.h"
#include "load/syscall_name.h"

/* A program has only so much code; what is beyond is not kept apart. */
#define TEXT_MEMORY_MAX     (24u << 20)
#define LOCATION_MEMORY_MAX (24u << 20)
#define STACK_MEMORY_MAX    (48u << 20)

struct frame {
    uint32_t function, file, line;
};

struct function_facts {
    const char *name; /* of the intern table, or static */
    bool is_internal, is_plumbing, is_system_start;
};

struct symbolizer {
    struct row_writer *rows;
    struct anomaly_log *anomalies;
    struct intern *texts, *locations, *stacks, *sites;
    struct map functions, files; /* text → id of the row */
    uint32_t function_count, file_count;
    uint32_t lost_function, unknown_function;                /* 0: no row yet */
    struct map epoch_strings, epoch_locations, epoch_stacks; /* id of the trace → ours */
    struct buf key;                                          /* of a location */
    struct buf chain;                                        /* key of a stack: flags, locations */
    struct function_facts *function_facts;                   /* by function */
    uint32_t function_capacity;
    struct stack_facts *facts; /* by stack */
    uint32_t facts_capacity;
    uint32_t lost_site; /* of row 0 */
    bool has_lost_stack, failed;
};

struct symbolizer *symbolizer_new(struct row_writer *rows, struct anomaly_log *anomalies, struct error *err)
{
    struct symbolizer *self = calloc(1, sizeof *self);
    if (!self)
        goto out_of_memory;
    self->rows = rows;
    self->anomalies = anomalies;
    self->texts = intern_new();
    self->locations = intern_new();
    self->stacks = intern_new();
    self->sites = intern_new();
    map_init(&self->functions);
    map_init(&self->files);
    map_init(&self->epoch_strings);
    map_init(&self->epoch_locations);
    map_init(&self->epoch_stacks);
    buf_init(&self->key);
    buf_init(&self->chain);
    if (self->texts && self->locations && self->stacks && self->sites)
        return self;
    symbolizer_free(self);
out_of_memory:
    error_set(err, ERR_NOMEM, "out of memory");
    return NULL;
}

void symbolizer_free(struct symbolizer *self)
{
    if (!self)
        return;
    intern_free(self->texts);
    intern_free(self->locations);
    intern_free(self->stacks);
    intern_free(self->sites);
    map_release(&self->functions);
    map_release(&self->files);
    map_release(&self->epoch_strings);
    map_release(&self->epoch_locations);
    map_release(&self->epoch_stacks);
    buf_release(&self->key);
    buf_release(&self->chain);
    free(self->function_facts);
    free(self->facts);
    free(self);
}

void symbolizer_new_epoch(struct symbolizer *self)
{
    map_reset(&self->epoch_strings);
    map_reset(&self->epoch_locations);
    map_reset(&self->epoch_stacks);
}

int symbolizer_check(const struct symbolizer *self, struct error *err)
{
    return self->failed || buf_failed(&self->key) || buf_failed(&self->chain)
               ? error_set(err, ERR_NOMEM, "out of memory")
               : 0;
}

static void put_cache(struct symbolizer *self, struct map *cache, uint64_t id, uint32_t value)
{
    if (map_put(cache, id, value) < 0)
        self->failed = true;
}

static uint32_t lost(struct symbolizer *self, const char *what, uint64_t id)
{
    anomaly_add(self->anomalies, ANOMALY_LOST_DEFINITION, ROW_NULL, ROW_NULL, ROW_NULL, 1,
                "%s %llu is not defined", what, (unsigned long long)id);
    return SYMBOL_LOST;
}

/* The number of these bytes in a table with a limit; SYMBOL_LOST beyond it. */
static uint32_t intern_limited(struct symbolizer *self, struct intern *table, size_t limit, const void *data,
                               size_t size, bool *is_new)
{
    *is_new = false;
    uint32_t id = intern_find(table, data, size);
    if (id)
        return id;
    if (intern_memory(table) + size > limit) {
        anomaly_add(self->anomalies, ANOMALY_TABLE_LIMIT, ROW_NULL, ROW_NULL, ROW_NULL, 1,
                    "a table has reached %zu bytes", limit);
        return SYMBOL_LOST;
    }
    id = intern_put(table, data, size, is_new);
    if (!id)
        self->failed = true;
    return id ? id : SYMBOL_LOST;
}

uint32_t symbolizer_text(struct symbolizer *self, const struct trace_reader *reader, uint64_t string)
{
    uint64_t known;
    bool is_new;
    if (string == 0)
        return 0;
    if (map_get(&self->epoch_strings, string, &known))
        return (uint32_t)known;
    const char *text = string <= UINT32_MAX ? trace_reader_string(reader, (uint32_t)string, NULL) : NULL;
    /* Up to the first NUL: what is behind could not be told apart in the database. */
    uint32_t id = text ? intern_limited(self, self->texts, TEXT_MEMORY_MAX, text, strlen(text), &is_new)
                       : lost(self, "string", string);
    put_cache(self, &self->epoch_strings, string, id);
    return id;
}

const char *symbolizer_get_text(const struct symbolizer *self, uint32_t text)
{
    size_t size;
    if (text == 0)
        return NULL;
    return text == SYMBOL_LOST ? "<lost>" : intern_get(self->texts, text, &size);
}

/* ---- functions and files ---- */

/* The name must live as long as this. */
static uint32_t add_function(struct symbolizer *self, const char *name, const char *file)
{
    char package[512];
    uint32_t id = self->function_count + 1;
    if (id >= self->function_capacity) {
        uint32_t capacity = self->function_capacity ? 2 * self->function_capacity : 1024;
        struct function_facts *grown = realloc(self->function_facts, capacity * sizeof *grown);
        if (!grown) {
            self->failed = true;
            return 0;
        }
        self->function_facts = grown;
        self->function_capacity = capacity;
    }
    self->function_count = id;
    function_name_package_in(name, file, package, sizeof package);
    self->function_facts[id] =
        (struct function_facts){.name = name,
                                .is_internal = function_name_is_internal(package),
                                .is_plumbing = function_name_is_plumbing(package),
                                .is_system_start = function_name_is_system_start(name)};
    row_writer_text(self->rows, ROW_FUNCTION, 1, name);
    row_writer_text(self->rows, ROW_FUNCTION, 2, package);
    row_writer_put(self->rows, ROW_FUNCTION,
                   (const int64_t[]){id, 0, 0, self->function_facts[id].is_internal});
    return id;
}

static const char *function_name(const struct symbolizer *self, uint32_t function)
{
    return function && function <= self->function_count ? self->function_facts[function].name : "";
}

static bool is_internal(const struct symbolizer *self, uint32_t function)
{
    return function && function <= self->function_count && self->function_facts[function].is_internal;
}

static bool is_plumbing(const struct symbolizer *self, uint32_t function)
{
    return function && function <= self->function_count && self->function_facts[function].is_plumbing;
}

/* has_one: there is one already, in a package whose callers say more. */
static bool is_site(const struct symbolizer *self, uint32_t function, bool has_one)
{
    return !is_internal(self, function) && !(has_one && is_plumbing(self, function));
}

static uint32_t named_function(struct symbolizer *self, uint32_t *id, const char *name)
{
    if (*id == 0) {
        /* The name may also come from the trace. */
        bool is_new;
        uint64_t known;
        uint32_t text = intern_limited(self, self->texts, SIZE_MAX, name, strlen(name), &is_new);
        if (map_get(&self->functions, text, &known)) {
            *id = (uint32_t)known;
        } else {
            *id = add_function(self, name, NULL);
            put_cache(self, &self->functions, text, *id);
        }
    }
    return *id;
}

static uint32_t function_of_string(struct symbolizer *self, const struct trace_reader *reader,
                                   uint32_t string, uint32_t file)
{
    uint64_t known;
    uint32_t text = symbolizer_text(self, reader, string);
    if (text == 0)
        return named_function(self, &self->unknown_function, "<unknown>");
    if (text == SYMBOL_LOST)
        return named_function(self, &self->lost_function, "<lost>");
    if (map_get(&self->functions, text, &known))
        return (uint32_t)known;
    const char *path = symbolizer_get_text(self, symbolizer_text(self, reader, file));
    uint32_t id = add_function(self, symbolizer_get_text(self, text), path);
    put_cache(self, &self->functions, text, id);
    return id;
}

static uint32_t file_of_string(struct symbolizer *self, const struct trace_reader *reader, uint32_t string)
{
    uint64_t known;
    uint32_t text = symbolizer_text(self, reader, string);
    if (text == 0 || text == SYMBOL_LOST)
        return 0;
    if (map_get(&self->files, text, &known))
        return (uint32_t)known;
    uint32_t id = ++self->file_count;
    put_cache(self, &self->files, text, id);
    row_writer_text(self->rows, ROW_FILE, 1, symbolizer_get_text(self, text));
    row_writer_put(self->rows, ROW_FILE, (const int64_t[]){id, 0});
    return id;
}

bool symbolizer_is_system_start(const struct symbolizer *self, uint32_t function)
{
    return function && function <= self->function_count && self->function_facts[function].is_system_start;
}

/* ---- locations: pc, then frames, as bytes of the intern table ---- */

static uint32_t location_of(struct symbolizer *self, const struct trace_reader *reader, uint64_t id)
{
    uint64_t known;
    bool is_new;
    if (map_get(&self->epoch_locations, id, &known))
        return (uint32_t)known;
    const struct def_location *def =
        id && id <= UINT32_MAX ? trace_reader_location(reader, (uint32_t)id) : NULL;
    uint32_t result;
    if (!def) {
        result = lost(self, "location", id);
    } else {
        buf_reset(&self->key);
        buf_put(&self->key, &def->pc, sizeof def->pc);
        for (uint32_t i = 0; i < def->frame_count; i++) {
            struct frame frame = {
                .function = function_of_string(self, reader, def->frames[i].function, def->frames[i].file),
                .file = file_of_string(self, reader, def->frames[i].file),
                .line = def->frames[i].line};
            buf_put(&self->key, &frame, sizeof frame);
        }
        result = intern_limited(self, self->locations, LOCATION_MEMORY_MAX, self->key.data, self->key.size,
                                &is_new);
    }
    put_cache(self, &self->epoch_locations, id, result);
    return result;
}

/* The frames of a location; a lost one and one outside of all functions have a single, made-up frame in
 * *spare. */
static const struct frame *frames_of(struct symbolizer *self, uint32_t location, struct frame *spare,
                                     uint32_t *count_out, uint64_t *pc_out)
{
    size_t size = 0;
    const unsigned char *bytes =
        location == SYMBOL_LOST ? NULL : intern_get(self->locations, location, &size);
    *pc_out = 0;
    *count_out = 1;
    if (!bytes) {
        *spare = (struct frame){.function = named_function(self, &self->lost_function, "<lost>")};
        return spare;
    }
    memcpy(pc_out, bytes, sizeof *pc_out);
    *count_out = (uint32_t)((size - sizeof *pc_out) / sizeof(struct frame));
    if (*count_out == 0) {
        *count_out = 1;
        *spare = (struct frame){.function = named_function(self, &self->unknown_function, "<unknown>")};
        return spare;
    }
    return (const struct frame *)(const void *)(bytes + sizeof *pc_out);
}

uint32_t symbolizer_function(struct symbolizer *self, const struct trace_reader *reader, uint64_t location,
                             bool innermost)
{
    struct frame spare;
    uint32_t count;
    uint64_t pc;
    if (location == 0)
        return 0;
    const struct frame *frames = frames_of(self, location_of(self, reader, location), &spare, &count, &pc);
    return frames[innermost ? 0 : count - 1].function;
}

/* ---- stacks ---- */

struct chain {
    const uint32_t *locations;
    uint32_t depth; /* in locations */
    bool is_cut;
};

/* What a walk over the frames, innermost first, gathers. */
struct walk {
    uint32_t depth, functions[2]; /* of the last two frames */
    struct frame site;            /* zero: none */
    bool has_site, is_site_found; /* found: no outer one is better */
    struct stack_facts facts;
};

static void see_function(struct walk *walk, const char *name)
{
    if (walk->facts.waker == WAKER_UNKNOWN)
        walk->facts.waker = (unsigned char)wake_rule_of_function(name);
    if (walk->facts.channel_op == CHANNEL_NONE)
        walk->facts.channel_op = (unsigned char)wake_rule_channel_op(name);
    if (!walk->facts.syscall)
        walk->facts.syscall = syscall_name_of_function(name);
    if (walk->facts.caller_class == WAIT_OTHER)
        walk->facts.caller_class = (unsigned char)wait_class_of_caller(name);
    walk->facts.is_scheduler |= run_start_is_scheduler(name);
}

static void write_frame(struct symbolizer *self, uint32_t stack, const struct frame *frame, bool is_inlined,
                        uint64_t pc, uint32_t depth)
{
    row_writer_put(self->rows, ROW_FRAME,
                   (const int64_t[]){stack, depth, frame->function, row_id(frame->file), row_id(frame->line),
                                     is_inlined, row_id(pc)});
}

static void walk_chain(struct symbolizer *self, uint32_t stack, const struct chain *chain, struct walk *walk)
{
    for (uint32_t i = 0; i < chain->depth; i++) {
        struct frame spare;
        uint32_t count;
        uint64_t pc;
        const struct frame *frames = frames_of(self, chain->locations[i], &spare, &count, &pc);
        for (uint32_t j = 0; j < count; j++) {
            const char *name = function_name(self, frames[j].function);
            if (!walk->is_site_found && is_site(self, frames[j].function, walk->has_site)) {
                walk->site = frames[j];
                walk->has_site = true;
                walk->is_site_found = !is_plumbing(self, frames[j].function);
            }
            see_function(walk, name);
            if (walk->depth == 0)
                walk->facts.innermost = frames[j].function;
            walk->functions[0] = walk->functions[1];
            walk->functions[1] = frames[j].function;
            write_frame(self, stack, &frames[j], j + 1 < count, pc, walk->depth++);
        }
    }
    /* goexit is what a goroutine's first function returns to. */
    if (!chain->is_cut && walk->depth >= 2 &&
        strcmp(function_name(self, walk->functions[1]), "runtime.goexit") == 0)
        walk->facts.start_function = walk->functions[0];
}

static void keep_facts(struct symbolizer *self, uint32_t stack, const struct stack_facts *facts)
{
    if (stack >= self->facts_capacity) {
        uint32_t capacity = self->facts_capacity ? 2 * self->facts_capacity : 1024;
        struct stack_facts *grown = realloc(self->facts, capacity * sizeof *grown);
        if (!grown) {
            self->failed = true;
            return;
        }
        self->facts = grown;
        self->facts_capacity = capacity;
    }
    self->facts[stack] = *facts;
}

static void write_stack(struct symbolizer *self, uint32_t stack, const struct chain *chain)
{
    struct walk walk = {.facts = {.waker = WAKER_UNKNOWN, .caller_class = WAIT_OTHER}};
    walk_chain(self, stack, chain, &walk);
    row_writer_put(self->rows, ROW_STACK,
                   (const int64_t[]){stack, walk.depth, chain->is_cut, row_id(walk.site.function),
                                     row_id(walk.site.file), row_id(walk.site.line)});
    const int64_t site[3] = {row_id(walk.site.function), row_id(walk.site.file), row_id(walk.site.line)};
    bool is_new;
    /* All that have no site are one: number 0. */
    walk.facts.site = walk.site.function ? intern_put(self->sites, site, sizeof site, &is_new) : 0;
    if (walk.site.function && !walk.facts.site)
        self->failed = true;
    if (stack)
        keep_facts(self, stack, &walk.facts);
    else
        self->lost_site = walk.facts.site;
}

/* Row 0, once it is needed. */
static uint32_t lost_stack(struct symbolizer *self)
{
    static const uint32_t lost_location = SYMBOL_LOST;
    if (!self->has_lost_stack)
        write_stack(self, 0, &(const struct chain){&lost_location, 1, true});
    self->has_lost_stack = true;
    return SYMBOL_LOST;
}

/* ---- from locations to a stack ---- */

static void begin_chain(struct symbolizer *self, uint32_t is_cut)
{
    buf_reset(&self->chain);
    buf_put(&self->chain, &is_cut, sizeof is_cut);
}

static void extend_chain(struct symbolizer *self, uint32_t location)
{
    buf_put(&self->chain, &location, sizeof location);
}

static uint32_t finish_chain(struct symbolizer *self)
{
    bool is_new;
    uint32_t id =
        intern_limited(self, self->stacks, STACK_MEMORY_MAX, self->chain.data, self->chain.size, &is_new);
    if (id == SYMBOL_LOST) {
        lost_stack(self);
    } else if (is_new) {
        size_t size;
        const uint32_t *words = intern_get(self->stacks, id, &size);
        write_stack(self, id,
                    &(const struct chain){words + 1, (uint32_t)(size / sizeof *words - 1), words[0] != 0});
    }
    return id;
}

uint32_t symbolizer_site(struct symbolizer *self, const struct trace_reader *reader, uint64_t location)
{
    if (location == 0)
        return 0;
    uint32_t known = location_of(self, reader, location);
    begin_chain(self, true);
    extend_chain(self, known);
    return finish_chain(self);
}

uint32_t symbolizer_stack(struct symbolizer *self, const struct trace_reader *reader, uint64_t id)
{
    uint64_t known;
    if (id == 0)
        return 0;
    if (map_get(&self->epoch_stacks, id, &known))
        return (uint32_t)known;
    const struct def_stack *def = id <= UINT32_MAX ? trace_reader_stack(reader, (uint32_t)id) : NULL;
    uint32_t result;
    if (!def) {
        lost(self, "stack", id);
        result = lost_stack(self);
    } else {
        begin_chain(self, (def->flags & STACK_CUT) != 0);
        for (uint32_t i = 0; i < def->depth; i++)
            extend_chain(self, location_of(self, reader, def->locations[i]));
        result = finish_chain(self);
    }
    put_cache(self, &self->epoch_stacks, id, result);
    return result;
}

struct stack_facts symbolizer_stack_facts(const struct symbolizer *self, uint32_t stack)
{
    if (stack == 0 || stack >= self->facts_capacity)
        return (struct stack_facts){.site = stack == SYMBOL_LOST ? self->lost_site : 0,
                                    .waker = WAKER_UNKNOWN,
                                    .caller_class = WAIT_OTHER};
    return self->facts[stack];
}

void symbolizer_site_columns(const struct symbolizer *self, uint32_t site, int64_t out[3])
{
    const void *bytes = intern_get(self->sites, site, NULL);
    if (bytes)
        memcpy(out, bytes, 3 * sizeof *out);
    else
        out[0] = out[1] = out[2] = ROW_NULL;
}

int64_t symbolizer_stack_column(uint32_t stack)
{
    return stack == SYMBOL_LOST ? 0 : row_id(stack);
}
