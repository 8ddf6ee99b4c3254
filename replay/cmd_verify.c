/* gotape-replay verify: reads every chunk and tells what is damaged. */
#include "cmd.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/units.h"
#include "interrupt.h"
#include "trace_file.h"

struct findings {
    uint64_t chunks, events, lost, damages, damaged_bytes;
    uint64_t first_ns, last_ns;
    bool is_verbose;
};

static const char *damage_name(enum damage_kind kind)
{
    static const char *const names[DAMAGE_KIND_COUNT] = {
        "", "bad header", "bad payload", "missing chunks", "truncated", "no end mark", "unknown content"};
    return kind < DAMAGE_KIND_COUNT ? names[kind] : "";
}

static const char *chunk_name(unsigned kind)
{
    static const char *const names[] = {"", "meta", "events", "index", "end"};
    return kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}

static void note_chunk(struct findings *self, const struct trace_chunk *chunk)
{
    const struct chunk_header *h = &chunk->header;
    if (self->is_verbose)
        printf("chunk %" PRIu64 " at byte %" PRIu64 ": %s, %" PRIu64 " bytes (%" PRIu64 " unpacked), %" PRIu32
               " events\n",
               h->sequence, chunk->offset, chunk_name(h->kind), h->stored_size, h->raw_size,
               chunk->event_count);
    self->chunks++;
    self->events += chunk->event_count;
    self->lost += h->lost_count;
    if (chunk->event_count == 0)
        return;
    if (self->first_ns == 0 || h->first_time_ns < self->first_ns)
        self->first_ns = h->first_time_ns;
    if (h->last_time_ns > self->last_ns)
        self->last_ns = h->last_time_ns;
}

static void note_damage(struct findings *self, const struct damage *damage)
{
    printf("damage at byte %" PRIu64 ", %" PRIu64 " bytes: %s: %s\n", damage->offset, damage->size,
           damage_name(damage->kind), damage->message);
    self->damages++;
    self->damaged_bytes += damage->size;
}

static void print_findings(const struct findings *self, const char *path, const struct trace_reader *reader)
{
    char chunks[32], events[32], size[24], length[24], bytes[24], lost[32];
    printf("%s: %s in %s good chunks, %s events", path,
           units_format_size(trace_reader_size(reader), size, sizeof size),
           units_format_count(self->chunks, chunks, sizeof chunks),
           units_format_count(self->events, events, sizeof events));
    if (self->last_ns > self->first_ns)
        printf(" over %s", units_format_duration(self->last_ns - self->first_ns, length, sizeof length));
    printf(", %s records lost while recording\n", units_format_count(self->lost, lost, sizeof lost));
    if (self->damages == 0)
        printf("no damage: every chunk is whole, and the recording ended cleanly\n");
    else
        printf(
            "%s cannot be read; everything else can: the other commands use it, and say that it is not all\n",
            self->damaged_bytes ? units_format_size(self->damaged_bytes, bytes, sizeof bytes)
                                : "nothing more is there, or something");
}

static int verify(struct trace_reader *reader, struct findings *findings, struct error *err)
{
    struct trace_chunk chunk;
    int rc;
    while ((rc = trace_reader_next(reader, &chunk, err)) == 1) {
        if (*interrupt_flag())
            return error_set(err, ERR_STOPPED, "stopped");
        if (chunk.damage)
            note_damage(findings, chunk.damage);
        if (chunk.header.kind != 0)
            note_chunk(findings, &chunk);
    }
    return rc;
}

int run_verify(const struct command *self, int argc, char **argv)
{
    struct findings findings = {0};
    bool help = false;
    int status;
    struct operands operands;
    struct error err = {0};
    struct trace_reader *reader = NULL;
    const struct opt options[] = {
        {0, "chunks", OPT_FLAG, &findings.is_verbose, NULL, "List the good chunks, too."},
        COMMAND_HELP_OPTION(help),
        {0},
    };
    if (!command_begin(self, options, &help, argc, argv, 1, 1, &operands, &status))
        return status;
    int rc = trace_file_open(operands.at[0], &reader, &err);
    if (rc == 0)
        rc = verify(reader, &findings, &err);
    if (rc == 0) {
        print_findings(&findings, operands.at[0], reader);
        status = command_flush();
    } else {
        fflush(stdout);
        status = command_fail(self, &err);
    }
    if (reader)
        trace_reader_close(reader);
    if (status == STATUS_OK && (findings.damages > 0 || findings.lost > 0)) {
        fprintf(stderr,
                "gotape-replay: %s is incomplete: %" PRIu64 " damaged places, %" PRIu64 " records lost\n",
                operands.at[0], findings.damages, findings.lost);
        status = STATUS_INCOMPLETE;
    }
    return status;
}
