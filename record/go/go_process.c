#include "go/go_process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/intern.h"
#include "base/map.h"
#include "go/go_memory.h"
#include "go/go_type.h"

#define REASONS_MAX       128
#define REASON_LENGTH_MAX 200
#define TYPES_MAX         65536 /* their names are kept as long as the process object */

struct go_process {
    struct go_memory memory;
    const struct go_binary *binary; /* borrowed */
    uint64_t bias;
    struct intern *strings; /* type names and wait reasons */
    const char **reasons;
    size_t reason_count;
    struct map types; /* address of an abi.Type → id of its name << 32 | size */
};

int go_process_open(pid_t pid, const struct go_binary *binary, struct go_process **out, struct error *err)
{
    uint64_t device, inode, address;
    go_binary_identity(binary, &device, &inode);
    int rc = go_memory_find_executable(pid, 0, device, inode, &address, err);
    if (rc != 0)
        return rc;
    uint64_t bias = address - go_binary_load_address(binary);
    if (!go_binary_is_pie(binary) && bias != 0)
        return error_set(err, ERR_GONE, "process %d runs another program now", (int)pid);
    struct go_memory memory;
    rc = go_memory_open(pid, &memory, err);
    if (rc != 0)
        return rc;
    struct go_process *self = calloc(1, sizeof *self);
    if (!self || !(self->strings = intern_new())) {
        go_memory_close(&memory);
        free(self);
        return error_set(err, ERR_NOMEM, "out of memory while examining process %d", (int)pid);
    }
    map_init(&self->types);
    self->memory = memory;
    self->binary = binary;
    self->bias = bias;
    *out = self;
    return 0;
}

void go_process_close(struct go_process *self)
{
    if (!self)
        return;
    go_memory_close(&self->memory);
    map_release(&self->types);
    intern_free(self->strings);
    free(self->reasons);
    free(self);
}

pid_t go_process_pid(const struct go_process *self)
{
    return self->memory.pid;
}

struct go_memory go_process_memory(const struct go_process *self)
{
    return self->memory;
}

const struct go_binary *go_process_binary(const struct go_process *self)
{
    return self->binary;
}

uint64_t go_process_bias(const struct go_process *self)
{
    return self->bias;
}

int go_process_check_site(const struct go_process *self, const struct probe_site *site, struct error *err)
{
    uint8_t live[sizeof site->bytes];
    uint64_t address = site->address + self->bias;
    if (!go_memory_read(self->memory, address, live, site->byte_count)) {
        if (errno == EFAULT)
            return error_set(err, ERR_UNSUPPORTED,
                             "process %d has no code at %s (0x%llx): it is not the program in its file",
                             (int)self->memory.pid, site->function, (unsigned long long)address);
        return error_sys(err, "cannot read the memory of process %d", (int)self->memory.pid);
    }
    for (unsigned i = 0; i < site->byte_count; i++) {
        /* int3: somebody else's breakpoint or uprobe, also on the instructions behind ours */
        if (live[i] != site->bytes[i] && live[i] != 0xcc)
            return error_set(err, ERR_UNSUPPORTED,
                             "the code of process %d differs from its file in %s (0x%llx): it was patched, "
                             "or the file has "
                             "changed; restart the program",
                             (int)self->memory.pid, site->function, (unsigned long long)address);
    }
    return 0;
}

int go_process_check_sites(const struct go_process *self, const struct probe_plan *plan, struct error *err)
{
    for (unsigned i = 0; i < PROBE_COUNT; i++) {
        if (!probe_plan_is_armed(plan, i))
            continue;
        int rc = go_process_check_site(self, &plan->sites[i], err);
        if (rc != 0)
            return rc;
    }
    for (unsigned i = 0; i < plan->copy_count; i++) {
        int rc = go_process_check_site(self, &plan->copies[i], err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/*
 * waitReason.String begins with `cmp $count, %al` and loads the address of the array of strings by `lea
 * distance(%rip), %rdx` further on.
 */
static bool find_reasons(const struct go_binary *binary, uint64_t *array_out, unsigned *count_out)
{
    uint64_t start, end, distance;
    if (!go_binary_function(binary, "runtime.waitReason.String", &start, &end))
        return false;
    size_t size = (size_t)(end - start);
    const uint8_t *code = go_binary_bytes(binary, start, size);
    bool have_count = false;
    unsigned count = 0;
    for (size_t at = 0; code && at + 7 <= size; at++) {
        if (!have_count && code[at] == 0x3c) {
            count = code[at + 1];
            have_count = true;
        }
        if (have_count && code[at] == 0x48 && code[at + 1] == 0x8d && code[at + 2] == 0x15) {
            bytes_peek(code, size, at + 3, 4, &distance);
            *array_out = start + at + 7 + (uint64_t)(int64_t)(int32_t)distance;
            *count_out = count;
            return count > 0 && count <= REASONS_MAX;
        }
    }
    return false;
}

static const char *read_reason(struct go_process *self, uint64_t string)
{
    uint64_t text, length;
    const uint8_t *number = go_binary_bytes(self->binary, string + 8, 8);
    if (!number || !go_binary_pointer(self->binary, string, &text))
        return NULL;
    bytes_peek(number, 8, 0, 8, &length);
    if (length == 0)
        return "";
    if (length > REASON_LENGTH_MAX)
        return NULL;
    const uint8_t *bytes = go_binary_bytes(self->binary, text, (size_t)length);
    return bytes ? intern_get(self->strings, intern_put(self->strings, bytes, (size_t)length, NULL), NULL)
                 : NULL;
}

int go_process_wait_reasons(struct go_process *self, const char *const **strings_out, size_t *count_out,
                            struct error *err)
{
    uint64_t array;
    unsigned count;
    if (!self->reasons) {
        if (!find_reasons(self->binary, &array, &count))
            return error_set(err, ERR_UNSUPPORTED,
                             "the names of Go's wait reasons were not found in the program");
        const char **reasons = calloc(count, sizeof *reasons);
        if (!reasons)
            return error_set(err, ERR_NOMEM, "out of memory while reading Go's wait reasons");
        for (unsigned i = 0; i < count; i++) {
            reasons[i] = read_reason(self, array + 16 * (uint64_t)i);
            if (!reasons[i]) {
                free(reasons);
                return error_set(err, ERR_DAMAGED, "the name of Go's wait reason %u cannot be read", i);
            }
        }
        self->reasons = reasons;
        self->reason_count = count;
    }
    *strings_out = self->reasons;
    *count_out = self->reason_count;
    return 0;
}

unsigned go_process_gomaxprocs(struct go_process *self)
{
    uint64_t address = go_binary_gomaxprocs(self->binary);
    int32_t value;
    if (address == 0 || !go_memory_read(self->memory, address + self->bias, &value, sizeof value) || value < 0 ||
        value > 1 << 20)
        return 0;
    return (unsigned)value;
}

uint32_t go_process_gc_cycles(struct go_process *self)
{
    uint64_t address = go_binary_numgc(self->binary);
    uint32_t value;
    if (address == 0 || !go_memory_read(self->memory, address + self->bias, &value, sizeof value))
        return 0;
    return value;
}

static bool read_variable(const struct go_process *self, uint64_t address, void *out, size_t size)
{
    return address != 0 && go_memory_read(self->memory, address + self->bias, out, size);
}

/* The runtime sets both before the program's first goroutine runs; until then the limit is 0. */
bool go_process_memory_limit(struct go_process *self, int64_t *out)
{
    int64_t value;
    if (!read_variable(self, go_binary_memory_limit(self->binary), &value, sizeof value) || value <= 0)
        return false;
    *out = value;
    return true;
}

bool go_process_gogc(struct go_process *self, int32_t *out)
{
    int32_t value;
    if (!read_variable(self, go_binary_gc_percent(self->binary), &value, sizeof value) || value < -1 ||
        value == 0)
        return false;
    *out = value;
    return true;
}

uint64_t go_process_start_nano(struct go_process *self)
{
    int64_t value;
    if (!read_variable(self, go_binary_start_nano(self->binary), &value, sizeof value) || value <= 0)
        return 0;
    return (uint64_t)value;
}

#define HCHAN_READ_MAX 128

struct chan_fields {
    uint64_t count, capacity, elem_size, elem_type, timer;
};

static bool read_fields(const struct go_process *self, uint64_t hchan, struct chan_fields *out)
{
    const struct go_layout *l = go_binary_layout(self->binary);
    uint8_t bytes[HCHAN_READ_MAX];
    int last = l->hchan_elemtype > l->hchan_timer ? l->hchan_elemtype : l->hchan_timer;
    size_t size = (size_t)last + 8;
    memset(out, 0, sizeof *out);
    if (size > sizeof bytes || !go_memory_read(self->memory, hchan, bytes, size))
        return false;
    return bytes_peek(bytes, size, (unsigned)l->hchan_qcount, 8, &out->count) &&
           bytes_peek(bytes, size, (unsigned)l->hchan_dataqsiz, 8, &out->capacity) &&
           bytes_peek(bytes, size, (unsigned)l->hchan_elemsize, 2, &out->elem_size) &&
           bytes_peek(bytes, size, (unsigned)l->hchan_elemtype, 8, &out->elem_type) &&
           (l->hchan_timer < 0 || bytes_peek(bytes, size, (unsigned)l->hchan_timer, 8, &out->timer));
}

/* The name of a type, and its size; NULL when there is no type at the address. */
static const char *type_name(struct go_process *self, uint64_t address, uint64_t *size_out)
{
    uint64_t packed;
    if (!map_get(&self->types, address, &packed)) {
        struct go_type type;
        if (self->types.count >= TYPES_MAX || !go_type_read(self->binary, self->memory, self->bias, address, &type) || type.size > UINT16_MAX)
            return NULL;
        uint32_t id = intern_put(self->strings, type.name, strlen(type.name), NULL);
        packed = (uint64_t)id << 32 | type.size;
        if (id == 0)
            return NULL;
        map_put(&self->types, address, packed); /* without memory it is read again */
    }
    *size_out = (uint32_t)packed;
    return intern_get(self->strings, (uint32_t)(packed >> 32), NULL);
}

bool go_process_read_chan(struct go_process *self, uint64_t hchan, struct go_chan *out)
{
    struct chan_fields first, second;
    uint64_t size;
    if (hchan == 0 || hchan % 8 != 0 || !read_fields(self, hchan, &first))
        return false;
    const char *type = type_name(self, first.elem_type, &size);
    /* read again after the type: a channel that was freed and reused meanwhile differs by then */
    if (!type || !read_fields(self, hchan, &second) || first.capacity != second.capacity ||
        first.elem_size != second.elem_size || first.elem_type != second.elem_type ||
        first.timer != second.timer)
        return false;
    if (second.count > second.capacity || second.elem_size != size)
        return false;
    out->type_address = first.elem_type;
    out->type = type;
    out->capacity = first.capacity;
    out->is_timer = first.timer != 0;
    return true;
}

enum { ITAB_TYPE = 8 };

const char *go_process_itab_type(struct go_process *self, uint64_t itab)
{
    uint64_t type, size;
    if (itab == 0 || itab % 8 != 0 || !go_memory_read(self->memory, itab + ITAB_TYPE, &type, sizeof type))
        return NULL;
    return type_name(self, type, &size);
}
