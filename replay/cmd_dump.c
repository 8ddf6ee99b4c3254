/* gotape-replay dump: the events of the file as text. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "format/trace_text.h"
#include "interrupt.h"
#include "listing.h"
#include "query/moment.h"
#include "query/row_sink.h"
#include "query/sink_table.h"
#include "trace_file.h"

#define LINES_SIZE 65536

struct dump {
    struct listing listing;
    bool has_window, is_whole;
    uint64_t printed, damages, lost;
    struct buf line, safe;
};

static int64_t meta_number(const struct trace_meta *meta, const char *key)
{
    const char *text = trace_meta_get(meta, key);
    return text ? strtoll(text, NULL, 10) : 0;
}

/* A time before the end needs the end: reads the file once more. */
static int find_end(const char *path, int64_t *end_out, struct error *err)
{
    struct trace_reader *reader = NULL;
    struct trace_chunk chunk;
    int rc = trace_file_open(path, &reader, err);
    if (rc != 0)
        return rc;
    int64_t end = 0;
    while ((rc = trace_reader_next(reader, &chunk, err)) == 1) {
        if (chunk.header.kind == CHUNK_EVENTS && (int64_t)chunk.header.last_time_ns > end)
            end = (int64_t)chunk.header.last_time_ns;
    }
    trace_reader_close(reader);
    if (rc == 0)
        *end_out = end;
    return rc;
}

static bool is_from_end(const char *text)
{
    return text && text[0] == '-';
}

/* The start is a fact of the META chunk, which comes before the first event. */
static int resolve_window(struct dump *self, const char *path, const struct trace_meta *meta,
                          struct error *err)
{
    struct quality q = {0};
    q.start_ns = meta_number(meta, "record.start_ns");
    q.start_realtime_ns = meta_number(meta, "record.start_realtime_ns");
    if (is_from_end(self->listing.since_text) || is_from_end(self->listing.until_text)) {
        int rc = find_end(path, &q.end_ns, err);
        if (rc != 0)
            return rc;
    }
    self->has_window = true;
    return listing_resolve(&self->listing, &q, err);
}

static bool is_wanted(const struct dump *self, const struct event *event)
{
    return (!self->listing.since_text || (int64_t)event->time_ns >= self->listing.since_ns) &&
           (!self->listing.until_text || (int64_t)event->time_ns <= self->listing.until_ns);
}

static int flush_lines(struct dump *self, struct error *err)
{
    if (!buf_failed(&self->line))
        table_print_safe(&self->safe, (const char *)self->line.data, self->line.size, true);
    self->safe.failed |= self->line.failed;
    buf_reset(&self->line);
    return sink_write(stdout, &self->safe, err);
}

/* 1: the limit is reached. */
static int dump_events(struct dump *self, const struct trace_chunk *chunk, const struct trace_reader *reader,
                       struct error *err)
{
    for (uint32_t i = 0; i < chunk->event_count; i++) {
        if (!is_wanted(self, &chunk->events[i]))
            continue;
        if (self->listing.limit > 0 && self->printed == (uint64_t)self->listing.limit)
            return 1;
        trace_text_event(&self->line, &chunk->events[i], reader);
        self->printed++;
        int rc = self->line.size < LINES_SIZE ? 0 : flush_lines(self, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int dump_chunk(struct dump *self, const char *path, const struct trace_chunk *chunk,
                      const struct trace_reader *reader, struct error *err)
{
    int rc = 0;
    if (chunk->damage)
        self->damages++;
    if (chunk->damage && !self->is_whole)
        buf_printf(&self->line, "# damage at byte %" PRIu64 ": %s\n", chunk->damage->offset,
                   chunk->damage->message);
    if (chunk->header.kind == CHUNK_EVENTS)
        self->lost += chunk->header.lost_count;
    if (chunk->event_count > 0 && !self->has_window)
        rc = resolve_window(self, path, trace_reader_meta(reader), err);
    if (self->is_whole)
        trace_text_chunk_begin(&self->line, reader, chunk);
    if (rc == 0)
        rc = dump_events(self, chunk, reader, err);
    if (self->is_whole && rc == 0)
        trace_text_chunk_end(&self->line, chunk);
    if (rc < 0)
        return rc;
    int flushed = flush_lines(self, err);
    return flushed < 0 ? flushed : rc;
}

static int dump(struct dump *self, const char *path, struct trace_reader *reader, struct error *err)
{
    struct trace_chunk chunk;
    int rc;
    while ((rc = trace_reader_next(reader, &chunk, err)) == 1) {
        if (*interrupt_flag())
            return error_set(err, ERR_STOPPED, "stopped");
        rc = dump_chunk(self, path, &chunk, reader, err);
        if (rc != 0)
            break;
    }
    return rc < 0 ? rc : 0;
}

int run_dump(const struct command *self, int argc, char **argv)
{
    struct dump state = {0};
    bool help = false;
    int status;
    struct operands operands;
    struct error err = {0};
    struct trace_reader *reader = NULL;
    listing_init(&state.listing);
    const struct opt options[] = {
        {0, "whole", OPT_FLAG, &state.is_whole, NULL,
         "Also facts and definitions: the text is the whole trace."},
        {0, "limit", OPT_INT, &state.listing.limit, "N", "Print at most N events; 0: all (default)."},
        LISTING_SINCE_OPTION(state.listing),
        LISTING_UNTIL_OPTION(state.listing),
        COMMAND_HELP_OPTION(help),
        {0},
    };
    if (!command_begin(self, options, &help, argc, argv, 1, 1, &operands, &status) ||
        !listing_check(self, &state.listing, &status))
        return status;
    int rc = trace_file_open(operands.at[0], &reader, &err);
    if (rc == 0)
        rc = dump(&state, operands.at[0], reader, &err);
    status = rc == 0 ? command_flush() : command_fail(self, &err);
    if (reader)
        trace_reader_close(reader);
    buf_release(&state.line);
    buf_release(&state.safe);
    if (status == STATUS_OK && (state.damages > 0 || state.lost > 0)) {
        fprintf(stderr,
                "gotape-replay: the events are incomplete: %" PRIu64 " damaged places, %" PRIu64
                " records lost (see: gotape-replay verify %s)\n",
                state.damages, state.lost, operands.at[0]);
        status = STATUS_INCOMPLETE;
    }
    return status;
}
