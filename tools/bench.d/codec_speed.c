/*
 * What coding an event costs, and decoding it: the events of a recording, chunk by chunk, without reading, packing or writing
 * anything. The least CPU time of several rounds, since a machine is never faster than it is. What comes back is compared with what
 * went in. Prints one line of JSON.
 *
 *     codec_speed FILE.gotape [ROUNDS]
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "format/event_codec.h"
#include "format/trace_reader.h"

#define EVENTS_MAX 2000000u /* what is beyond is left out: all of them are in memory */

struct sample {
    struct event_log log;
    struct trace_section *sections;
    uint32_t section_count;
    struct buf coded;
};

struct speed {
    struct event_codec *codec;
    struct sample *samples;
    size_t count;
    uint64_t events, bytes, encode_ns, decode_ns;
};

static int take_chunk(struct speed *self, const struct trace_chunk *chunk, struct error *err)
{
    struct sample *samples = realloc(self->samples, (self->count + 1) * sizeof *samples);
    if (!samples)
        return error_set(err, ERR_NOMEM, "out of memory");
    self->samples = samples;
    struct sample *sample = &samples[self->count++];
    *sample = (struct sample){.section_count = chunk->section_count};
    for (uint32_t i = 0; i < chunk->event_count; i++) {
        const struct event *event = &chunk->events[i];
        if (!event_log_add(&sample->log, event, event_spec_get(event->type)->field_count))
            return error_set(err, ERR_NOMEM, "out of memory");
    }
    size_t size = chunk->section_count * sizeof *sample->sections;
    sample->sections = malloc(size);
    if (!sample->sections)
        return error_set(err, ERR_NOMEM, "out of memory");
    memcpy(sample->sections, chunk->sections, size);
    self->events += chunk->event_count;
    return 0;
}

static int read_events(struct speed *self, const char *path, struct error *err)
{
    struct trace_reader *reader;
    struct source *source;
    struct trace_chunk chunk;
    int rc = source_open(path, &source, err);
    if (rc == 0)
        rc = trace_reader_open(source, &reader, err);
    if (rc != 0)
        return rc;
    while (rc == 0 && self->events < EVENTS_MAX && (rc = trace_reader_next(reader, &chunk, err)) == 1)
        rc = chunk.event_count > 0 ? take_chunk(self, &chunk, err) : 0;
    trace_reader_close(reader);
    return rc == 0 && self->events == 0 ? error_set(err, ERR_USAGE, "%s: no events", path) : rc;
}

static int encode(struct speed *self, struct error *err)
{
    uint64_t begin = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    int rc = 0;
    self->bytes = 0;
    for (size_t i = 0; rc == 0 && i < self->count; i++) {
        struct sample *sample = &self->samples[i];
        size_t place = 0;
        buf_reset(&sample->coded);
        rc = event_codec_encode(self->codec, &sample->log, &place, sample->log.count, sample->sections,
                                sample->section_count, &sample->coded, err);
        self->bytes += sample->coded.size;
    }
    uint64_t took = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin;
    self->encode_ns = took < self->encode_ns ? took : self->encode_ns;
    return rc;
}

static int compare(const struct sample *sample, const struct event_batch *batch, struct error *err)
{
    struct event_log again = {0};
    bool is_same = true;
    for (uint32_t i = 0; i < batch->count && is_same; i++)
        is_same = event_log_add(&again, &batch->events[i], event_spec_get(batch->events[i].type)->field_count);
    is_same = is_same && again.size == sample->log.size &&
              memcmp(again.words, sample->log.words, again.size * sizeof *again.words) == 0;
    event_log_release(&again);
    return is_same ? 0 : error_set(err, ERR_DAMAGED, "events that were decoded are not those that were coded");
}

static int decode(struct speed *self, struct event_batch *batch, struct error *err)
{
    uint64_t took = 0;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < self->count; i++) {
        const struct sample *sample = &self->samples[i];
        struct bytes in = bytes_of(sample->coded.data, sample->coded.size);
        uint64_t tag = bytes_varint(&in), size = bytes_varint(&in);
        struct event_blocks blocks = {.seen = 0};
        event_blocks_add(&blocks, tag, bytes_slice(&in, size));
        uint64_t begin = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        rc = event_codec_decode(self->codec, &blocks, batch, err);
        took += clock_ns(CLOCK_PROCESS_CPUTIME_ID) - begin;
        if (rc == 0)
            rc = compare(sample, batch, err);
    }
    self->decode_ns = took < self->decode_ns ? took : self->decode_ns;
    return rc;
}

int main(int argc, char **argv)
{
    struct speed self = {.encode_ns = UINT64_MAX, .decode_ns = UINT64_MAX};
    struct event_batch batch = {0};
    struct error err = {0};
    int rounds = argc == 3 ? atoi(argv[2]) : 5;
    if (argc < 2 || argc > 3 || rounds < 1) {
        fprintf(stderr, "usage: codec_speed FILE.gotape [ROUNDS]\n");
        return 2;
    }
    self.codec = event_codec_new(&err);
    int rc = self.codec ? read_events(&self, argv[1], &err) : err.code;
    for (int i = 0; rc == 0 && i < rounds; i++) {
        rc = encode(&self, &err);
        if (rc == 0)
            rc = decode(&self, &batch, &err);
    }
    double events = (double)self.events;
    if (rc == 0)
        printf("{\"events\": %" PRIu64 ", \"chunks\": %zu, \"bytes_per_event\": %.3f, \"encode_ns\": %.1f, \"decode_ns\": %.1f}\n",
               self.events, self.count, (double)self.bytes / events, (double)self.encode_ns / events,
               (double)self.decode_ns / events);
    else
        fprintf(stderr, "codec_speed: %s\n", err.message);
    for (size_t i = 0; i < self.count; i++) {
        event_log_release(&self.samples[i].log);
        buf_release(&self.samples[i].coded);
        free(self.samples[i].sections);
    }
    free(self.samples);
    event_batch_release(&batch);
    event_codec_free(self.codec);
    return rc != 0;
}
