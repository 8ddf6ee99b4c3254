#include "session_flight.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/units.h"
#include "metadata.h"
#include "session_impl.h"

#define PIECE_BYTES (8u << 20) /* written between two rounds of the rings */

/* ---- what the triggers ask about a goroutine ---- */

/* The function of a location's outermost frame: "" when it is not known. */
static void function_of(const struct session *self, uint32_t location, char *out, size_t size)
{
    size_t length;
    const void *item = trace_writer_definition(self->writer, DEF_LOCATION, location, &length);
    uint32_t function = 0;
    *out = '\0';
    if (!item)
        return;
    struct bytes b = bytes_of(item, length);
    bytes_varint(&b); /* pc */
    uint64_t frames = bytes_varint(&b);
    for (uint64_t i = 0; i < frames && !b.bad; i++) {
        function = (uint32_t)bytes_varint(&b);
        bytes_varint(&b);
        bytes_varint(&b);
    }
    item = trace_writer_definition(self->writer, DEF_STRING, function, &length);
    if (!item)
        return;
    b = bytes_of(item, length);
    const uint8_t *text = bytes_run(&b, &length);
    if (text)
        snprintf(out, size, "%.*s", (int)length, (const char *)text);
}

static uint32_t frame_of(const struct session *self, uint32_t stack, bool outermost, unsigned skip)
{
    size_t length;
    const void *item = trace_writer_definition(self->writer, DEF_STACK, stack, &length);
    if (!item)
        return 0;
    struct bytes b = bytes_of(item, length);
    bytes_varint(&b); /* flags */
    uint64_t depth = bytes_varint(&b), location = 0;
    for (uint64_t i = 0; i < depth && !b.bad; i++) {
        location = bytes_varint(&b);
        if (!outermost && i == skip)
            break;
    }
    return b.bad ? 0 : (uint32_t)location;
}

static bool is_runtime(const char *function)
{
    return strncmp(function, "runtime.", 8) == 0 || strncmp(function, "runtime/", 8) == 0;
}

static bool is_timer(const struct session *self, uint32_t object)
{
    size_t length;
    const void *item = trace_writer_definition(self->writer, DEF_OBJECT, object, &length);
    if (!item)
        return false;
    struct bytes b = bytes_of(item, length);
    bytes_varint(&b); /* kind */
    return bytes_varint(&b) & OBJECT_TIMER;
}

/* The start function tells, or the outermost frame of the wait when the start was not seen. */
static bool spares(void *context, struct live_goroutine *g)
{
    const struct session *self = context;
    char name[256];
    if (!(g->flags & (LIVE_IS_SYSTEM | LIVE_IS_PROGRAM))) {
        function_of(self, g->start, name, sizeof name);
        if (!*name)
            function_of(self, frame_of(self, g->stack, true, 0), name, sizeof name);
        bool is_system = is_runtime(name) && strcmp(name, "runtime.main") != 0 && strcmp(name, "runtime.goexit") != 0;
        g->flags |= is_system ? LIVE_IS_SYSTEM : LIVE_IS_PROGRAM;
    }
    return (g->flags & LIVE_IS_SYSTEM) || is_timer(self, g->object);
}

static void name(void *context, const struct live_goroutine *g, char *out, size_t size)
{
    const struct session *self = context;
    char start[200], frame[200] = "";
    function_of(self, g->start, start, sizeof start);
    /* The first function that is not the runtime's or package sync's says where. */
    for (unsigned i = 0; i < 16; i++) {
        uint32_t location = frame_of(self, g->stack, false, i);
        function_of(self, location, frame, sizeof frame);
        if (!location || (*frame && !is_runtime(frame) && strncmp(frame, "sync.", 5) != 0 &&
                          strncmp(frame, "internal/", 9) != 0))
            break;
    }
    snprintf(out, size, "%s in %s%s%s", wait_class_name(live_table_class(self->live, g)), *frame ? frame : "?",
             *start ? ", started as " : "", start);
}

/* ---- life ---- */

int session_flight_prepare(struct session *self, struct error *err)
{
    const struct long_options *o = &self->options->of_long;
    struct session_flight *flight = &self->flight;
    if (!o->flight_ns)
        return 0;
    flight->memory = flight_new(o->flight_ns, o->flight_bytes);
    flight->watch = (struct trigger_watch){.specs = o->triggers,
                                           .count = o->trigger_count,
                                           .spares = spares,
                                           .name = name,
                                           .context = self};
    return flight->memory ? 0 : error_set(err, ERR_NOMEM, "out of memory");
}

void session_flight_release(struct session *self)
{
    flight_dump_free(self->flight.dump);
    trace_writer_free(self->flight.file);
    flight_free(self->flight.memory);
}

int session_flight_sink(struct session *self, const void *data, size_t size, struct error *err)
{
    struct chunk_header header;
    /* Each file gets facts of its own. */
    if (size < CHUNK_HEADER_SIZE || !chunk_header_decode(data, &header) || header.kind != CHUNK_EVENTS)
        return 0;
    return flight_add(self->flight.memory, data, size) ? 0 : error_set(err, ERR_NOMEM, "out of memory");
}

bool session_flight_is_due(struct session *self, uint64_t now)
{
    /* One file after the other. */
    return flight_is_due(self->flight.memory, now) || (self->flight.is_wanted && !self->flight.dump);
}

/* ---- files ---- */

static int file_sink(void *context, const void *data, size_t size, struct error *err)
{
    struct session *self = context;
    return output_write(&self->output, data, size, err);
}

/* What is written now is of the time of the chunk at hand. */
static void read_clocks(void *context, struct chunk_clocks *out)
{
    const struct session *self = context;
    if (self->flight.clocks.monotonic_ns)
        *out = self->flight.clocks;
    else
        metadata_read_clocks(out);
}

static int append(struct session *self, const struct flight_chunk *chunk, struct error *err)
{
    struct chunk_header header;
    if (chunk_header_decode(chunk->data, &header))
        self->flight.clocks = header.clocks;
    return trace_writer_append(self->flight.file, chunk->data, chunk->size, err);
}

/* The facts of the recording, as of the first event in memory, and why there is a file. */
static int put_facts(struct session *self, struct error *err)
{
    struct session_flight *flight = &self->flight;
    struct chunk_clocks now;
    metadata_read_clocks(&now);
    uint64_t begin_ns = flight_dump_begin_ns(flight->dump);
    flight->clocks = (struct chunk_clocks){.monotonic_ns = begin_ns,
                                           .realtime_ns = now.realtime_ns - (now.monotonic_ns - begin_ns),
                                           .boottime_ns = now.boottime_ns - (now.monotonic_ns - begin_ns)};
    bool is_whole = begin_ns == self->start.monotonic_ns && self->target->how == TARGET_LAUNCHED;
    int rc = trace_meta_setf(&self->meta, err, "record.start_ns", "%" PRIu64, begin_ns);
    if (rc == 0)
        rc = trace_meta_setf(&self->meta, err, "record.start_realtime_ns", "%" PRIu64,
                             now.realtime_ns - (now.monotonic_ns - begin_ns));
    if (rc == 0)
        rc = trace_meta_set(&self->meta, "record.mode", is_whole ? "launch" : "attach", err);
    if (rc == 0)
        rc = trace_meta_setf(&self->meta, err, "record.part", "%" PRIu64, self->series.files);
    if (rc == 0)
        rc = trace_meta_set(&self->meta, "trigger.reason", flight->dump_reason, err);
    if (rc == 0)
        rc = trace_meta_setf(&self->meta, err, "trigger.time_ns", "%" PRIu64, flight->trigger_ns);
    return rc == 0 ? trace_writer_meta(flight->file, &self->meta, err) : rc;
}

static int begin_file(struct session *self, uint64_t end_ns, struct error *err)
{
    struct session_flight *flight = &self->flight;
    struct trace_writer_options options = {.sink = file_sink, .clock = read_clocks, .context = self};
    flight->is_wanted = false;
    flight->dump = flight_dump_new(flight->memory);
    if (!flight->dump)
        return error_set(err, ERR_NOMEM, "out of memory");
    flight->dump_end_ns = end_ns;
    flight->dump_clock_ns = session_now_ns();
    snprintf(flight->dump_reason, sizeof flight->dump_reason, "%s", flight->reason);
    memcpy(options.trace_id, self->trace_id, sizeof options.trace_id);
    int rc = series_open(&self->series, &self->output, err);
    if (rc != 0)
        return rc;
    trace_writer_free(flight->file);
    flight->file = trace_writer_new(&options, err);
    return flight->file ? put_facts(self, err) : err->code;
}

static int end_file(struct session *self, struct error *err)
{
    struct session_flight *flight = &self->flight;
    struct trace_meta totals;
    uint64_t by_type[EVENT_TYPE_COUNT];
    char bytes[24];
    flight->clocks = (struct chunk_clocks){0};
    flight_dump_types(flight->dump, by_type);
    trace_writer_add_types(flight->file, by_type);
    trace_meta_init(&totals);
    int rc = session_fill_totals(self, flight->dump_end_ns, flight->dump_reason, &totals, err);
    if (rc == 0)
        rc = trace_writer_end(flight->file, &totals, err);
    trace_meta_release(&totals);
    flight_dump_free(flight->dump);
    flight->dump = NULL;
    if (rc != 0)
        return rc;
    uint64_t took = session_now_ns() - flight->dump_clock_ns;
    session_say(self, self->hooks->warn, "%s: %s in %.0f ms: %s", self->output.path,
                units_format_size(self->output.size, bytes, sizeof bytes), (double)took / 1e6, flight->dump_reason);
    session_add_stats(&self->parts, trace_writer_stats(flight->file));
    return 0;
}

/* Up to so many bytes. */
static int write_piece(struct session *self, size_t bytes, struct error *err)
{
    struct session_flight *flight = &self->flight;
    size_t written = 0;
    int rc = 0;
    while (rc == 0 && flight->dump && written < bytes) {
        const struct flight_chunk *chunk = flight_dump_next(flight->dump);
        rc = chunk ? append(self, chunk, err) : end_file(self, err);
        written += chunk ? chunk->size : 0;
    }
    return rc;
}

/* A file that cannot be written does not end the flight. */
static int give_up_file(struct session *self, int rc, struct error *err)
{
    if (rc == 0 || rc == ERR_NOMEM)
        return rc;
    session_say(self, self->hooks->warn, "a file of the flight recorder was given up: %s", err->message);
    flight_dump_free(self->flight.dump);
    self->flight.dump = NULL;
    error_clear(err);
    return 0;
}

/* ---- in the course of the recording ---- */

int session_flight_end_unit(struct session *self, uint64_t cut_ns, struct error *err)
{
    int rc = trace_writer_flush(self->writer, err);
    if (rc != 0)
        return rc;
    if (!flight_begin_unit(self->flight.memory, cut_ns, trace_writer_stats(self->writer)->events_by_type))
        return error_set(err, ERR_NOMEM, "out of memory");
    if (!self->flight.is_wanted || self->flight.dump)
        return 0;
    return give_up_file(self, begin_file(self, cut_ns, err), err);
}

static void want(struct session *self, uint64_t now)
{
    self->flight.is_wanted = true;
    self->flight.trigger_ns = now;
    self->flight.cooldown_until_ns = now + self->options->of_long.cooldown_ns;
}

int session_flight_go_on(struct session *self, struct error *err)
{
    struct session_flight *flight = &self->flight;
    uint64_t now = session_now_ns();
    int signals = self->hooks->trigger ? *self->hooks->trigger : 0;
    flight->watch.live = self->live;
    if (!flight->watch.begin_ns)
        flight->watch.begin_ns = self->start.monotonic_ns;
    bool holds = flight->is_wanted || now < flight->cooldown_until_ns;
    if (self->live && flight->watch.count &&
        trigger_check(&flight->watch, self->complete_ns, holds, flight->reason, sizeof flight->reason))
        want(self, now);
    /* Who asks by a signal need not wait. */
    if (signals != flight->signals_seen && !flight->is_wanted) {
        flight->signals_seen = signals;
        snprintf(flight->reason, sizeof flight->reason, "SIGUSR2");
        want(self, now);
    }
    return give_up_file(self, write_piece(self, PIECE_BYTES, err), err);
}

int session_flight_end(struct session *self, uint64_t end_ns, struct error *err)
{
    struct session_flight *flight = &self->flight;
    enum session_end end = self->summary->end;
    int rc = give_up_file(self, write_piece(self, SIZE_MAX, err), err);
    if (rc == 0 && (end == END_TARGET_EXIT || end == END_EXEC)) {
        snprintf(flight->reason, sizeof flight->reason, "%s", session_end_text(end));
        if (self->target->reaped)
            target_describe_exit(self->target, flight->reason, sizeof flight->reason);
        want(self, end_ns);
    }
    if (rc == 0)
        rc = session_flight_end_unit(self, end_ns, err);
    return rc == 0 ? give_up_file(self, write_piece(self, SIZE_MAX, err), err) : rc;
}
