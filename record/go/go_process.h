/*
 * The live target's Go runtime, read through /proc/PID/mem and without stopping it. Nothing read is trusted:
 * every value is checked against what it may be, and read twice where it may change under our hands.
 */
#ifndef GOTAPE_RECORD_GO_PROCESS_H
#define GOTAPE_RECORD_GO_PROCESS_H

#include <sys/types.h>

#include "go/go_binary.h"
#include "go/go_memory.h"
#include "go/probe_plan.h"

struct go_process;

/* The process must run `binary` (the session has compared the mapping). Borrows the binary. Works at the exec
 * stop too, when the runtime has not initialised anything yet. */
int go_process_open(pid_t pid, const struct go_binary *binary, struct go_process **out, struct error *err);
void go_process_close(struct go_process *self);

pid_t go_process_pid(const struct go_process *self);
/* Valid as long as the process object. */
struct go_memory go_process_memory(const struct go_process *self);
const struct go_binary *go_process_binary(const struct go_process *self);

/* Runtime address = file address + bias (0 unless PIE). Modulo 2^64. */
uint64_t go_process_bias(const struct go_process *self);

/* Compares the bytes at every site to be armed with the live memory. ERR_UNSUPPORTED when they differ (another
 * tool's probe, a self-modified text), with the address in the message. A uprobe of another tool (0xcc) at
 * one of our sites is fine. */
int go_process_check_sites(const struct go_process *self, const struct probe_plan *plan, struct error *err);

int go_process_check_site(const struct go_process *self, const struct probe_site *site, struct error *err);

/* The runtime's wait reason strings; *count_out of them, owned by the process object. They come from the
 * executable file with its relocations applied, so they are right at the exec stop too. */
int go_process_wait_reasons(struct go_process *self, const char *const **strings_out, size_t *count_out,
                            struct error *err);

/* runtime.gomaxprocs now; 0 when unknown, and at the exec stop. */
unsigned go_process_gomaxprocs(struct go_process *self);

/* Garbage collections completed so far (runtime.memstats.numgc); 0 when unknown. */
uint32_t go_process_gc_cycles(struct go_process *self);

/* GOGC (-1: off) and GOMEMLIMIT in bytes (INT64_MAX: none), as in force now; false when unknown, and at the
 * exec stop. */
bool go_process_gogc(struct go_process *self, int32_t *out);
bool go_process_memory_limit(struct go_process *self, int64_t *out);

/* time.startNano, what the monotonic part of a time.Time counts from (CLOCK_MONOTONIC); 0: unknown, or not
 * initialised yet. */
uint64_t go_process_start_nano(struct go_process *self);

/* The name of the type of a value in an interface with methods, from the interface's first word (itab,
 * runtime/runtime2.go): "*context.timerCtx". NULL when there is none. Owned by the process object. */
const char *go_process_itab_type(struct go_process *self, uint64_t itab);

struct go_chan {
    uint64_t type_address; /* of the element type, for cheap comparison */
    const char *type; /* element type's name as %T prints it: "main.Job", "*bytes.Buffer", "struct {}"; "(made
                       * by reflect)" for a type without a name in the file; owned by the process object,
                       * cached by address */
    uint64_t capacity; /* elements */
    bool is_timer;     /* the channel of a time.Timer or Ticker; known since Go 1.23 */
};

/* Reads a channel's type and capacity. False when the memory does not look like a live channel (vanished,
 * reused). */
bool go_process_read_chan(struct go_process *self, uint64_t hchan, struct go_chan *out);

#endif
