/*
 * Ring bytes → records: the input is what the kernel would have written into a small ring. Its first byte
 * says where in the ring it starts, so that records wrap around. Event ids 1 to 4 are known: a plain probe,
 * one with a call chain, one with an array, the thread event. Then the same bytes in a ring of programs (probe 3 has one).
 */
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "perf/perf_ring.h"
#include "perf/program_ring.h"
#include "perf/sample_decode.h"

enum { RING_BYTES = 8192, SLICE_BYTES = 4096, SLICE_STRIDE = SLICE_BYTES + PROGRAM_SLICE_ROOM };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_decoder(struct sample_decoder *decoder)
{
    *decoder = (struct sample_decoder){.probe_count = 4, .has_switch = true, .max_stack = 16};
    decoder->probes[0] = (struct sample_layout){
        .field_count = 4,
        .fields = {{.offset = 16, .width = 8, .elements = 1},
                   {.offset = 24, .width = 1, .elements = 1, .is_signed = true},
                   {.offset = 25, .width = 4, .elements = 1, .is_signed = true},
                   {.offset = 29, .width = 2, .elements = 1}},
    };
    decoder->probes[1] = (struct sample_layout){
        .call_chain = true, .field_count = 1, .fields = {{.offset = 16, .width = 8, .elements = 1}}};
    decoder->probes[2] = (struct sample_layout){
        .field_count = 2,
        .fields = {{.offset = 16, .width = 8, .elements = 16}, {.offset = 144, .width = 4, .elements = 16}}};
    decoder->probes[3] = (struct sample_layout){.has_program = true, .program_values = 3, .call_chain = true};
    decoder->switches = (struct sample_switch_layout){
        .prev_state = {.offset = 32, .width = 8, .elements = 1, .is_signed = true},
        .prev_tid = {.offset = 24, .width = 4, .elements = 1, .is_signed = true},
        .next_tid = {.offset = 56, .width = 4, .elements = 1, .is_signed = true},
        .next_name_offset = 40,
        .next_name_size = 16,
    };
    map_init(&decoder->events);
    for (uint64_t id = 1; id <= 3; id++)
        map_put(&decoder->events, id, id - 1);
    map_put(&decoder->events, 4, SAMPLE_THREAD_EVENT);
}

static void check(const struct record *record, size_t size)
{
    uint64_t sum = 0;
    if (record->chain_length > size / 8 || (record->chain_length != 0) != (record->chain != NULL))
        abort();
    for (uint32_t i = 0; i < record->chain_length; i++)
        sum += record->chain[i];
    if (record->stack_size > size || (record->stack_size != 0) != (record->stack != NULL))
        abort();
    for (uint32_t i = 0; i < record->stack_size; i++)
        sum += record->stack[i];
    if (!memchr(record->name, 0, sizeof record->name))
        abort();
    if (record->kind == RECORD_PROBE && record->probe >= 4)
        abort();
    if (record->kind == RECORD_SWITCH_OUT && record->prev_state > 0xff)
        abort();
    *(volatile uint64_t *)&sum = sum; /* frames and stack are really read */
}

static void read_perf_ring(const struct sample_decoder *decoder, const uint8_t *data, size_t size)
{
    struct perf_event_mmap_page *page = calloc(1, sizeof *page);
    uint8_t *memory = aligned_alloc(64, RING_BYTES);
    struct perf_ring ring = {0};
    struct error err;
    const void *bytes;
    size_t length;
    int more;
    if (!page || !memory)
        goto out;
    page->data_tail = (uint64_t)data[0] * 8 + RING_BYTES / 2 + 3 * (uint64_t)RING_BYTES;
    page->data_head = page->data_tail + size - 1;
    for (size_t i = 1; i < size; i++)
        memory[(page->data_tail + i - 1) % RING_BYTES] = data[i];
    if (perf_ring_attach(&ring, page, memory, RING_BYTES, &err) == 0) {
        uint64_t head = perf_ring_head(&ring);
        while ((more = perf_ring_next(&ring, head, &bytes, &length)) != 0) {
            struct record record;
            if (more > 0 && sample_decode(decoder, bytes, length, &record) == 0)
                check(&record, length);
        }
        perf_ring_commit(&ring);
        if (page->data_tail != page->data_head)
            abort();
    }
    perf_ring_close(&ring);
out:
    free(memory);
    free(page);
}

/* Where the byte of this position lies, and where a record that begins before the slice has it. */
static void put_byte(uint8_t *memory, uint64_t position, uint8_t byte)
{
    uint64_t at = position % RING_BYTES, slice = at / SLICE_BYTES, in_slice = at % SLICE_BYTES, before = slice ? 0 : 1;
    memory[slice * SLICE_STRIDE + in_slice] = byte;
    if (in_slice < PROGRAM_SLICE_ROOM)
        memory[before * SLICE_STRIDE + SLICE_BYTES + in_slice] = byte;
}

static void read_program_ring(const struct sample_decoder *decoder, const uint8_t *data, size_t size)
{
    const struct program_geometry geometry = {.bytes = RING_BYTES, .slice_bytes = SLICE_BYTES};
    struct program_control control = {.tail = (uint64_t)data[0] * 8 + RING_BYTES / 2 + 3 * (uint64_t)RING_BYTES};
    uint8_t *memory = aligned_alloc(64, (size_t)program_geometry_stride(&geometry));
    struct program_ring ring;
    struct program_record bytes;
    int more;
    if (!memory)
        return;
    memset(memory, 0, (size_t)program_geometry_stride(&geometry));
    control.head = control.tail + (size - 1) / 8 * 8;
    for (uint64_t i = 0; i < control.head - control.tail; i++)
        put_byte(memory, control.tail + i, data[1 + i]);
    program_ring_attach(&ring, &control, memory, &geometry);
    program_ring_open(&ring);
    program_ring_look(&ring);
    program_ring_fence(&ring, 1);
    while ((more = program_ring_peek(&ring, &bytes)) != 0) {
        struct record record;
        if (more < 0)
            continue;
        if (sample_decode_program(decoder, bytes.bytes, bytes.size, &record) == 0)
            check(&record, bytes.size);
        program_ring_take(&ring);
    }
    program_ring_abandon(&ring);
    program_ring_commit(&ring);
    if (control.tail != control.head)
        abort();
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample_decoder decoder;
    if (size < 1 || size - 1 > RING_BYTES)
        return 0;
    make_decoder(&decoder);
    read_perf_ring(&decoder, data, size);
    read_program_ring(&decoder, data, size);
    map_release(&decoder.events);
    return 0;
}
