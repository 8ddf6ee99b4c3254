/*
 * An ELF executable for linux/amd64: its sections by name, its bytes by address, its relative relocations.
 * The only file that knows libelf. Addresses are the file's virtual addresses. Nothing in the file is
 * trusted.
 */
#ifndef GOTAPE_RECORD_GO_ELF_H
#define GOTAPE_RECORD_GO_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct Elf;
struct go_elf;

struct go_elf_section {
    uint64_t address, size;
    const uint8_t *data; /* size bytes of the file */
};

struct go_elf_segment { /* PT_LOAD */
    uint64_t address, file_offset;
    uint64_t size; /* bytes in the file */
    const uint8_t *data;
    bool executable, writable;
};

/* Maps the file. `shown` is the name for messages. ERR_NOT_FOUND: no ELF file; ERR_UNSUPPORTED: not an
 * executable for linux/amd64 or linux/arm64; ERR_DAMAGED. */
int go_elf_open(const char *path, const char *shown, struct go_elf **out, struct error *err);
/* The same over memory that outlives the object. */
int go_elf_open_memory(const void *data, size_t size, const char *shown, struct go_elf **out,
                       struct error *err);
void go_elf_close(struct go_elf *self);

const char *go_elf_shown(const struct go_elf *self);
bool go_elf_is_arm64(const struct go_elf *self);
bool go_elf_is_pie(const struct go_elf *self);
/* Device and inode of the mapped file; 0, 0 for memory. */
void go_elf_identity(const struct go_elf *self, uint64_t *device_out, uint64_t *inode_out);
uint64_t go_elf_load_address(const struct go_elf *self);

/* A section that has bytes in the file; false when absent. */
bool go_elf_section(const struct go_elf *self, const char *name, struct go_elf_section *out);
size_t go_elf_segment_count(const struct go_elf *self);
const struct go_elf_segment *go_elf_segment(const struct go_elf *self, size_t index);

/* The file's bytes at an address, from there to the end of its segment (*left_out of them); NULL when there
 * are none. */
const uint8_t *go_elf_at(const struct go_elf *self, uint64_t address, size_t *left_out);
/* As above when all `size` bytes are there, else NULL. */
const uint8_t *go_elf_bytes(const struct go_elf *self, uint64_t address, size_t size);
bool go_elf_file_offset(const struct go_elf *self, uint64_t address, uint64_t *offset_out);
/* The pointer stored at an address, as it will be before the bias is added: a relative relocation's addend,
 * else the bytes. */
bool go_elf_pointer(const struct go_elf *self, uint64_t address, uint64_t *value_out);
/* Calls back for each relative relocation until the callback returns true. */
void go_elf_each_relocation(const struct go_elf *self,
                            bool (*fn)(void *context, uint64_t address, uint64_t value), void *context);

/* Hex of .note.gnu.build-id, else the text of Go's own note, else "". */
void go_elf_build_id(const struct go_elf *self, char *out, size_t size);

/* For libdw; borrowed. */
struct Elf *go_elf_handle(const struct go_elf *self);

#endif
