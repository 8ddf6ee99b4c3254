#include "perf/bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOG_BYTES (64u << 10)

/* From <linux/bpf.h> of Linux 6.6; older headers lack them. */
#define ATTACH_PROBES 48 /* BPF_TRACE_UPROBE_MULTI */
struct link_attr {
    uint32_t program, target, attach_type, flags;
    uint64_t path, offsets, reference_counters, cookies;
    uint32_t count, probe_flags, pid, unused;
};

static int call_bpf(int command, union bpf_attr *attr)
{
    return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

void bpf_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int make_map(const union bpf_attr *wanted, int *fd_out, struct error *err)
{
    union bpf_attr attr = *wanted;
    int fd = call_bpf(BPF_MAP_CREATE, &attr);
    if (fd < 0)
        return error_sys(err, "bpf(2) makes no map");
    *fd_out = fd;
    return 0;
}

static int put(int map, uint32_t key, int descriptor)
{
    union bpf_attr attr;
    uint32_t value = (uint32_t)descriptor;
    memset(&attr, 0, sizeof attr);
    attr.map_fd = (uint32_t)map;
    attr.key = (uint64_t)(uintptr_t)&key;
    attr.value = (uint64_t)(uintptr_t)&value;
    return call_bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

int bpf_cpu_map(unsigned bytes, int *fd_out, struct error *err)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.map_type = BPF_MAP_TYPE_PERCPU_ARRAY;
    attr.key_size = 4;
    attr.value_size = bytes;
    attr.max_entries = 1;
    return make_map(&attr, fd_out, err);
}

int bpf_shared_map(unsigned bytes, unsigned count, int *fd_out, void **memory_out, struct error *err)
{
    union bpf_attr attr;
    size_t size = (size_t)bytes * count;
    int fd;
    memset(&attr, 0, sizeof attr);
    attr.map_type = BPF_MAP_TYPE_ARRAY;
    attr.key_size = 4;
    attr.value_size = bytes;
    attr.max_entries = count;
    attr.map_flags = BPF_F_MMAPABLE;
    int rc = make_map(&attr, &fd, err);
    if (rc != 0)
        return rc;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        rc = error_sys(err, "cannot map %zu kB that programs write into", size / 1024);
        close(fd);
        return rc;
    }
    *fd_out = fd;
    *memory_out = memory;
    return 0;
}

static int load(const void *code, size_t size, bool for_link, char *log, unsigned log_size)
{
    /* The helpers that read memory and write into rings ask for a license that is compatible with the kernel's. */
    static const char license[] = "Dual MIT/GPL";
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.prog_type = BPF_PROG_TYPE_KPROBE;
    attr.insns = (uint64_t)(uintptr_t)code;
    attr.insn_cnt = (uint32_t)(size / sizeof(struct bpf_insn));
    attr.license = (uint64_t)(uintptr_t)license;
    attr.log_buf = (uint64_t)(uintptr_t)log;
    attr.log_size = log_size;
    attr.log_level = log ? 1 : 0;
    if (for_link)
        attr.expected_attach_type = ATTACH_PROBES;
    memcpy(attr.prog_name, "gotape", sizeof "gotape");
    return call_bpf(BPF_PROG_LOAD, &attr);
}

/* The last line that is not a figure. */
static const char *last_words(char *log)
{
    char *words = log, *save = NULL;
    for (char *line = strtok_r(log, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        if (strncmp(line, "processed ", 10) != 0)
            words = line;
    }
    return words;
}

int bpf_load_probe(const void *code, size_t size, bool for_link, int *fd_out, struct error *err)
{
    int fd = load(code, size, for_link, NULL, 0);
    if (fd >= 0) {
        *fd_out = fd;
        return 0;
    }
    int number = errno;
    char *log = calloc(1, LOG_BYTES);
    if (log)
        load(code, size, for_link, log, LOG_BYTES);
    errno = number;
    int rc = error_sys(err, "the kernel does not take a probe's program (%.300s)", log && *log ? last_words(log) : "without a word");
    free(log);
    return rc;
}

int bpf_program_table(unsigned count, int *fd_out, struct error *err)
{
    union bpf_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.map_type = BPF_MAP_TYPE_PROG_ARRAY;
    attr.key_size = attr.value_size = 4;
    attr.max_entries = count;
    return make_map(&attr, fd_out, err);
}

int bpf_program_table_put(int table, unsigned number, int program, struct error *err)
{
    if (put(table, number, program) != 0)
        return error_sys(err, "bpf(2) does not take the program of probe %u", number);
    return 0;
}

int bpf_link_probes(const struct bpf_link_input *in, int *fd_out, struct error *err)
{
    struct link_attr attr;
    memset(&attr, 0, sizeof attr);
    attr.program = (uint32_t)in->program;
    attr.attach_type = ATTACH_PROBES;
    attr.path = (uint64_t)(uintptr_t)in->path;
    attr.offsets = (uint64_t)(uintptr_t)in->offsets;
    attr.cookies = (uint64_t)(uintptr_t)in->cookies;
    attr.count = in->count;
    attr.pid = (uint32_t)in->pid;
    int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof attr);
    if (fd < 0)
        return error_sys(err, "bpf(2) does not link %u probes to %s", in->count, in->path);
    *fd_out = fd;
    return 0;
}
