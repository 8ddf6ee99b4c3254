/* See perf_link.h. Kernel facts from kernel/trace/bpf_trace.c and kernel/events/uprobes.c of Linux 6.18. */
#include "perf/perf_link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "perf/bpf.h"
#include "perf/process_start.h"

void perf_link_init(struct perf_link *self)
{
    memset(self, 0, sizeof *self);
    self->file = self->table = self->dispatcher = self->link = -1;
}

static int load_dispatcher(struct perf_link *self, struct error *err)
{
    const struct bpf_insn code[] = {
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_6, .src_reg = BPF_REG_1},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_get_attach_cookie},
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_1, .src_reg = BPF_REG_6},
        {.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_2, .src_reg = BPF_PSEUDO_MAP_FD, .imm = self->table},
        {.code = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = BPF_REG_3, .src_reg = BPF_REG_0},
        {.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
        /* Not reached: every probe of the link has its program. */
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT},
    };
    return bpf_load_probe(code, sizeof code, true, &self->dispatcher, err);
}

/*
 * Does the kernel know such links, and do they cover a process? From 6.6 to 6.9 they cover the thread of that number alone ("bpf:
 * Fix multi-uprobe PID filtering logic", 6.10). Neither question attaches anything: a folder is refused with EBADF, and since that
 * change a negative number is refused before (EINVAL, which a kernel without links says to both).
 */
static int ask_kernel(const struct perf_link *self, struct error *err)
{
    const uint64_t nothing = 0;
    struct bpf_link_input in = {
        .program = self->dispatcher, .path = "/", .offsets = &nothing, .cookies = &nothing, .count = 1};
    struct error any = {0}, negative = {0};
    int fd = -1, rc = bpf_link_probes(&in, &fd, &any);
    bpf_close(&fd);
    in.pid = -1;
    int again = bpf_link_probes(&in, &fd, &negative);
    bpf_close(&fd);
    if (rc != 0 && any.sys_errno == EBADF && again != 0 && negative.sys_errno == EINVAL)
        return 0;
    return error_set(err, ERR_UNSUPPORTED, "this kernel has no links of probes that cover a process (Linux 6.10)");
}

int perf_link_open(struct perf_link *self, pid_t pid, struct error *err)
{
    char path[64];
    perf_link_init(self);
    self->pid = pid;
    snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
    self->file = open(path, O_PATH | O_CLOEXEC);
    int rc = self->file < 0 ? error_sys(err, "cannot open %s", path) : 0;
    if (rc == 0)
        rc = bpf_program_table(SAMPLE_PROBES_MAX, &self->table, err);
    if (rc == 0)
        rc = load_dispatcher(self, err);
    if (rc == 0)
        rc = ask_kernel(self, err);
    if (rc != 0)
        perf_link_close(self);
    return rc;
}

int perf_link_add(struct perf_link *self, unsigned number, int program, uint64_t file_offset, struct error *err)
{
    if (number >= SAMPLE_PROBES_MAX)
        return error_set(err, ERR_UNSUPPORTED, "more than %d probes", SAMPLE_PROBES_MAX);
    int rc = bpf_program_table_put(self->table, number, program, err);
    if (rc != 0)
        return rc;
    self->has[number] = true;
    self->offset[number] = file_offset;
    return 0;
}

/*
 * Has the main thread the process's memory still? The kernel asks it for that, and puts no breakpoint anywhere when it has none.
 * The virtual size, field 23 of stat, is 0 as soon as the memory is given up, which is before the thread is a zombie.
 */
static int check_memory(pid_t pid, struct error *err)
{
    char path[64];
    uint64_t size;
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)pid, (int)pid);
    if (!process_stat_field(path, 23, &size))
        return error_set(err, ERR_GONE, "process %d has exited", (int)pid);
    return size ? 0 : error_set(err, ERR_UNSUPPORTED, "the main thread of process %d has exited", (int)pid);
}

/* Up to 6.10 the kernel stumbled over the link that it had made when no descriptor was left for it ("bpf: Fix use-after-free in
 * bpf_uprobe_multi_link_attach()"). */
static int check_descriptor(int some, struct error *err)
{
    int spare = fcntl(some, F_DUPFD_CLOEXEC, 0);
    if (spare < 0)
        return error_sys(err, "no descriptor is left for the probes");
    close(spare);
    return 0;
}

int perf_link_attach(struct perf_link *self, const bool *is_left_out, struct error *err)
{
    uint64_t offsets[SAMPLE_PROBES_MAX], cookies[SAMPLE_PROBES_MAX];
    char path[64];
    unsigned count = 0;
    for (unsigned i = 0; i < SAMPLE_PROBES_MAX; i++) {
        if (!self->has[i] || (is_left_out && is_left_out[i]))
            continue;
        offsets[count] = self->offset[i];
        cookies[count++] = i;
    }
    if (count == 0 || self->link >= 0)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", self->file);
    const struct bpf_link_input in = {.program = self->dispatcher,
                                      .path = path,
                                      .offsets = offsets,
                                      .cookies = cookies,
                                      .count = count,
                                      .pid = self->pid};
    int rc = check_descriptor(self->file, err);
    if (rc == 0)
        rc = bpf_link_probes(&in, &self->link, err);
    if (rc == 0)
        rc = check_memory(self->pid, err);
    if (rc != 0)
        perf_link_detach(self);
    return rc;
}

void perf_link_detach(struct perf_link *self)
{
    bpf_close(&self->link);
}

void perf_link_close(struct perf_link *self)
{
    perf_link_detach(self);
    bpf_close(&self->dispatcher);
    bpf_close(&self->table);
    bpf_close(&self->file);
}

unsigned perf_link_descriptors(const struct perf_link *self)
{
    return (self->file >= 0) + (self->table >= 0) + (self->dispatcher >= 0) + (self->link >= 0);
}
