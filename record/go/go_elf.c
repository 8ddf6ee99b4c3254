/*
 * libelf parses the headers; all contents are read straight from the mapped image with bounds that we check
 * ourselves. The mapping is private, so that neither libelf nor libdw could change the file.
 */
#include "go/go_elf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gelf.h>
#include <libelf.h>

#include "base/bytes.h"

#define SEGMENTS_MAX          64
#define RELOCATION_TABLES_MAX 8
#define RELA_SIZE             24

struct relocations {
    const uint8_t *data;
    size_t count;
    bool sorted;
};

struct go_elf {
    char *shown;
    const uint8_t *image;
    size_t size;
    void *mapping; /* NULL for memory of the caller */
    uint64_t device, inode;
    Elf *elf;
    size_t names; /* index of the section name table */
    bool pie, arm64;
    struct go_elf_segment segments[SEGMENTS_MAX];
    size_t segment_count;
    struct relocations relocations[RELOCATION_TABLES_MAX];
    size_t relocation_tables;
};

static uint64_t load_u64(const uint8_t *at)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static bool in_image(const struct go_elf *self, uint64_t offset, uint64_t size)
{
    return offset <= self->size && size <= self->size - offset;
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_AARCH64:
        return "arm64";
    case EM_386:
        return "386 (32-bit)";
    case EM_ARM:
        return "arm (32-bit)";
    case EM_RISCV:
        return "riscv64";
    case EM_PPC64:
        return "ppc64";
    case EM_S390:
        return "s390x";
    case EM_MIPS:
        return "mips";
    case EM_LOONGARCH:
        return "loong64";
    default:
        return "another architecture";
    }
}

static int check_header(struct go_elf *self, struct error *err)
{
    GElf_Ehdr header;
    if (!gelf_getehdr(self->elf, &header))
        return error_set(err, ERR_DAMAGED, "%s: the ELF header is damaged (%s)", self->shown, elf_errmsg(-1));
    self->arm64 = header.e_machine == EM_AARCH64;
    if ((header.e_machine != EM_X86_64 && !self->arm64) || gelf_getclass(self->elf) != ELFCLASS64)
        return error_set(err, ERR_UNSUPPORTED,
                         "%s is built for %s; only 64-bit x86 (linux/amd64) programs can be recorded",
                         self->shown, machine_name(header.e_machine));
    if (header.e_ident[EI_DATA] != ELFDATA2LSB)
        return error_set(err, ERR_DAMAGED, "%s: the ELF header is damaged (big-endian)", self->shown);
    if (header.e_ident[EI_OSABI] != ELFOSABI_SYSV && header.e_ident[EI_OSABI] != ELFOSABI_LINUX)
        return error_set(err, ERR_UNSUPPORTED, "%s is not built for Linux", self->shown);
    if (header.e_type != ET_EXEC && header.e_type != ET_DYN)
        return error_set(err, ERR_UNSUPPORTED, "%s is not an executable (ELF type %u)", self->shown,
                         header.e_type);
    self->pie = header.e_type == ET_DYN;
    return 0;
}

static int read_segments(struct go_elf *self, struct error *err)
{
    size_t count = 0;
    if (elf_getphdrnum(self->elf, &count) != 0)
        count = 0;
    for (size_t i = 0; i < count && self->segment_count < SEGMENTS_MAX; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(self->elf, (int)i, &header))
            return error_set(err, ERR_DAMAGED, "%s: program header %zu is damaged", self->shown, i);
        if (header.p_type != PT_LOAD)
            continue;
        if (!in_image(self, header.p_offset, header.p_filesz) ||
            header.p_vaddr + header.p_filesz < header.p_vaddr)
            return error_set(err, ERR_DAMAGED, "%s is cut off: segment %zu ends beyond the file", self->shown,
                             i);
        struct go_elf_segment *segment = &self->segments[self->segment_count++];
        segment->address = header.p_vaddr;
        segment->file_offset = header.p_offset;
        segment->size = header.p_filesz;
        segment->data = self->image + header.p_offset;
        segment->executable = header.p_flags & PF_X;
        segment->writable = header.p_flags & PF_W;
    }
    if (self->segment_count == 0)
        return error_set(err, ERR_DAMAGED, "%s has no loadable segment", self->shown);
    return 0;
}

static void add_relocations(struct go_elf *self, uint64_t offset, uint64_t size)
{
    if (self->relocation_tables == RELOCATION_TABLES_MAX || !in_image(self, offset, size))
        return;
    struct relocations *table = &self->relocations[self->relocation_tables++];
    table->data = self->image + offset;
    table->count = size / RELA_SIZE;
    table->sorted = true;
    for (size_t i = 1; i < table->count && table->sorted; i++)
        table->sorted = load_u64(table->data + (i - 1) * RELA_SIZE) <= load_u64(table->data + i * RELA_SIZE);
}

static void read_relocations(struct go_elf *self)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(self->elf, section)) != NULL) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) && header.sh_type == SHT_RELA && (header.sh_flags & SHF_ALLOC))
            add_relocations(self, header.sh_offset, header.sh_size);
    }
}

static int parse(struct go_elf *self, struct error *err)
{
    if (self->size < SELFMAG || memcmp(self->image, ELFMAG, SELFMAG) != 0)
        return error_set(err, ERR_NOT_FOUND, "%s is not an ELF executable, so not a Go program%s",
                         self->shown,
                         self->size >= 2 && memcmp(self->image, "#!", 2) == 0 ? " (it is a script)" : "");
    elf_version(EV_CURRENT);
    self->elf = elf_memory((char *)(uintptr_t)self->image, self->size);
    if (!self->elf || elf_kind(self->elf) != ELF_K_ELF)
        return error_set(err, ERR_DAMAGED, "%s: the ELF header is damaged", self->shown);
    int rc = check_header(self, err);
    if (rc == 0)
        rc = read_segments(self, err);
    if (rc != 0)
        return rc;
    if (elf_getshdrstrndx(self->elf, &self->names) != 0)
        self->names = 0;
    if (self->pie)
        read_relocations(self);
    return 0;
}

static int map_file(struct go_elf *self, const char *path, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_sys(err, "cannot open %s", self->shown);
    int rc = 0;
    struct stat st;
    if (fstat(fd, &st) != 0) {
        rc = error_sys(err, "cannot examine %s", self->shown);
    } else if (!S_ISREG(st.st_mode)) {
        rc = error_set(err, ERR_NOT_FOUND, "%s is not a file, so not a Go program", self->shown);
    } else if (st.st_size == 0) {
        rc = error_set(err, ERR_NOT_FOUND, "%s is empty, so not a Go program", self->shown);
    } else {
        self->size = (size_t)st.st_size;
        self->device = st.st_dev;
        self->inode = st.st_ino;
        self->mapping = mmap(NULL, self->size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (self->mapping == MAP_FAILED) {
            self->mapping = NULL;
            rc = error_sys(err, "cannot map %s", self->shown);
        }
        self->image = self->mapping;
    }
    close(fd);
    return rc;
}

static int open_any(const char *path, const void *data, size_t size, const char *shown, struct go_elf **out,
                    struct error *err)
{
    struct go_elf *self = calloc(1, sizeof *self);
    if (!self || !(self->shown = strdup(shown))) {
        free(self);
        return error_set(err, ERR_NOMEM, "out of memory while opening %s", shown);
    }
    int rc = 0;
    if (path) {
        rc = map_file(self, path, err);
    } else {
        self->image = data;
        self->size = size;
    }
    if (rc == 0)
        rc = parse(self, err);
    if (rc != 0) {
        go_elf_close(self);
        return rc;
    }
    *out = self;
    return 0;
}

int go_elf_open(const char *path, const char *shown, struct go_elf **out, struct error *err)
{
    return open_any(path, NULL, 0, shown, out, err);
}

int go_elf_open_memory(const void *data, size_t size, const char *shown, struct go_elf **out,
                       struct error *err)
{
    return open_any(NULL, data, size, shown, out, err);
}

void go_elf_close(struct go_elf *self)
{
    if (!self)
        return;
    elf_end(self->elf);
    if (self->mapping)
        munmap(self->mapping, self->size);
    free(self->shown);
    free(self);
}

const char *go_elf_shown(const struct go_elf *self)
{
    return self->shown;
}

bool go_elf_is_arm64(const struct go_elf *self)
{
    return self->arm64;
}

bool go_elf_is_pie(const struct go_elf *self)
{
    return self->pie;
}

void go_elf_identity(const struct go_elf *self, uint64_t *device_out, uint64_t *inode_out)
{
    *device_out = self->device;
    *inode_out = self->inode;
}

uint64_t go_elf_load_address(const struct go_elf *self)
{
    return self->segments[0].address & ~(uint64_t)0xfff;
}

bool go_elf_section(const struct go_elf *self, const char *name, struct go_elf_section *out)
{
    Elf_Scn *section = NULL;
    while ((section = elf_nextscn(self->elf, section)) != NULL) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
            continue;
        const char *its_name = elf_strptr(self->elf, self->names, header.sh_name);
        if (!its_name || strcmp(its_name, name) != 0 || !in_image(self, header.sh_offset, header.sh_size))
            continue;
        out->address = header.sh_addr;
        out->size = header.sh_size;
        out->data = self->image + header.sh_offset;
        return true;
    }
    return false;
}

size_t go_elf_segment_count(const struct go_elf *self)
{
    return self->segment_count;
}

const struct go_elf_segment *go_elf_segment(const struct go_elf *self, size_t index)
{
    return &self->segments[index];
}

static const struct go_elf_segment *segment_of(const struct go_elf *self, uint64_t address)
{
    for (size_t i = 0; i < self->segment_count; i++) {
        const struct go_elf_segment *segment = &self->segments[i];
        if (address >= segment->address && address - segment->address < segment->size)
            return segment;
    }
    return NULL;
}

const uint8_t *go_elf_at(const struct go_elf *self, uint64_t address, size_t *left_out)
{
    const struct go_elf_segment *segment = segment_of(self, address);
    if (!segment)
        return NULL;
    *left_out = segment->size - (address - segment->address);
    return segment->data + (address - segment->address);
}

const uint8_t *go_elf_bytes(const struct go_elf *self, uint64_t address, size_t size)
{
    size_t left = 0;
    const uint8_t *at = go_elf_at(self, address, &left);
    return at && size <= left ? at : NULL;
}

bool go_elf_file_offset(const struct go_elf *self, uint64_t address, uint64_t *offset_out)
{
    const struct go_elf_segment *segment = segment_of(self, address);
    if (!segment || !segment->executable)
        return false;
    *offset_out = segment->file_offset + (address - segment->address);
    return true;
}

/* The addend of the relative relocation at an address. */
static bool find_relocation(const struct relocations *table, uint64_t address, uint64_t *value_out)
{
    size_t low = 0, high = table->count;
    while (table->sorted && low < high) {
        size_t middle = low + (high - low) / 2;
        if (load_u64(table->data + middle * RELA_SIZE) < address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = low; i < table->count; i++) {
        const uint8_t *entry = table->data + i * RELA_SIZE;
        uint64_t at = load_u64(entry);
        if (at == address && (uint32_t)load_u64(entry + 8) == R_X86_64_RELATIVE) {
            *value_out = load_u64(entry + 16);
            return true;
        }
        if (table->sorted && at > address)
            break;
    }
    return false;
}

bool go_elf_pointer(const struct go_elf *self, uint64_t address, uint64_t *value_out)
{
    for (size_t i = 0; i < self->relocation_tables; i++) {
        if (find_relocation(&self->relocations[i], address, value_out))
            return true;
    }
    const uint8_t *at = go_elf_bytes(self, address, 8);
    if (!at)
        return false;
    *value_out = load_u64(at);
    return true;
}

void go_elf_each_relocation(const struct go_elf *self,
                            bool (*fn)(void *context, uint64_t address, uint64_t value), void *context)
{
    for (size_t t = 0; t < self->relocation_tables; t++) {
        const struct relocations *table = &self->relocations[t];
        for (size_t i = 0; i < table->count; i++) {
            const uint8_t *entry = table->data + i * RELA_SIZE;
            if ((uint32_t)load_u64(entry + 8) == R_X86_64_RELATIVE &&
                fn(context, load_u64(entry), load_u64(entry + 16)))
                return;
        }
    }
}

/* The descriptor of the first note in a section. */
static bool note_of(const struct go_elf *self, const char *section_name, const uint8_t **data_out,
                    size_t *size_out)
{
    struct go_elf_section section;
    if (!go_elf_section(self, section_name, &section))
        return false;
    struct bytes in = bytes_of(section.data, section.size);
    uint32_t name_size = bytes_u32(&in);
    uint32_t size = bytes_u32(&in);
    bytes_u32(&in);
    bytes_skip(&in, ((uint64_t)name_size + 3) & ~(uint64_t)3);
    const uint8_t *data = bytes_take(&in, size);
    if (in.bad || !data)
        return false;
    *data_out = data;
    *size_out = size;
    return true;
}

void go_elf_build_id(const struct go_elf *self, char *out, size_t size)
{
    const uint8_t *data;
    size_t count;
    out[0] = '\0';
    if (note_of(self, ".note.gnu.build-id", &data, &count)) {
        for (size_t i = 0; i < count && 2 * i + 3 <= size; i++)
            snprintf(out + 2 * i, 3, "%02x", data[i]);
    } else if (note_of(self, ".note.go.buildid", &data, &count)) {
        size_t used = 0;
        for (size_t i = 0; i < count && used + 1 < size && data[i] >= ' ' && data[i] < 0x7f; i++)
            out[used++] = (char)data[i];
        out[used] = '\0';
    }
}

struct Elf *go_elf_handle(const struct go_elf *self)
{
    return self->elf;
}
