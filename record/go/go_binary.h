/*
 * A Go executable as a file: what its sections tell without running it. Wraps ELF (go_elf), .gopclntab
 * (go_pclntab), build info (go_buildinfo), struct offsets (go_layout, from DWARF through go_dwarf). All
 * addresses are the file's virtual addresses; a position-independent executable runs at address + bias
 * (go_process.h).
 */
#ifndef GOTAPE_RECORD_GO_BINARY_H
#define GOTAPE_RECORD_GO_BINARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "go/go_select.h"

struct go_binary;

struct go_dependency {
    const char *path, *version, *replace_path, *replace_version; /* replace_*: NULL without a replacement */
};

struct go_setting {
    const char *key, *value;
};

struct go_build_info {
    /* 1, 26, 8 for "go1.26.8"; 1, 26, 0 for "go1.26-abcdef", "go1.26rc1 X:…" */
    int major, minor, patch;
    const char *version;                  /* "go1.26.8" */
    const char *path;                     /* main package path, may be "" */
    const char *main_path, *main_version; /* main module, may be "" */
    const struct go_setting *settings;    /* -buildmode, GOARCH, vcs.revision, vcs.modified, … */
    size_t setting_count;
    const struct go_dependency *deps;
    size_t dep_count;
};

/* Byte offsets of runtime struct fields (runtime2.go, chan.go, netpoll.go, coro.go, proc.go,
 * internal/abi/type.go). -1: the field does not exist in this version. */
struct go_layout {
    int g_m, g_sched_pc, g_sched_sp, g_sched_bp, g_status, g_goid, g_waitreason, g_startpc, g_gopc, g_waiting,
        g_coroarg, g_coroexit, g_labels, g_parent_goid, g_preempt;
    int m_p, m_id, m_curg, m_procid, m_waitlock, p_id;
    int hchan_qcount, hchan_dataqsiz, hchan_elemsize, hchan_elemtype, hchan_timer, hchan_lock;
    int polldesc_fd, polldesc_rg, polldesc_wg;
    int coro_gp;
    int sudog_elem, sudog_waitlink,
        sudog_c; /* since 1.26 those of maybeTraceablePtr.vu, which is always set */
    int g_stack_lo, g_stack_hi, g_syscallsp, g_syscallpc, g_syscallbp, g_waitsince, g_lockedm, g_param,
        g_timer, g_sleepwhen;
    int sudog_g, sudog_success;
    int hchan_closed, hchan_recvq, hchan_sendq;
    int timer_when; /* runtime.timer: when, before 1.23 nextwhen */
    /* context.go; -1 when the program does not use them */
    int cancelctx_done, cancelctx_err, cancelctx_cause, timerctx_deadline;
};

/* Why a file cannot be traced: ERR_UNSUPPORTED with a message that says what is missing; ERR_NOT_FOUND not a
 * Go binary; ERR_DAMAGED. `path` may be /proc/PID/exe. `shown` is the name used in messages. */
int go_binary_open(const char *path, const char *shown, struct go_binary **out, struct error *err);
/* The same, and programs for arm64 too: to look at, not to be recorded. */
int go_binary_open_any(const char *path, const char *shown, struct go_binary **out, struct error *err);
bool go_binary_is_arm64(const struct go_binary *self);
/* Says so: ERR_UNSUPPORTED. */
int go_binary_refuse_arm64(const char *shown, struct error *err);
/* The same over memory that outlives the object, and with a given layout instead of DWARF's, as if the Go were newer
 * than the table. For tests. */
int go_binary_open_memory(const void *data, size_t size, const char *shown, const struct go_layout *layout,
                          struct go_binary **out, struct error *err);
void go_binary_close(struct go_binary *self);
/* A quick look for followers of exec chains: true when the ELF file has Go build info. No messages. */
bool go_binary_is_go(const char *path);

const struct go_build_info *go_binary_build_info(const struct go_binary *self);
const struct go_layout *go_binary_layout(const struct go_binary *self);

/* Where the offsets come from. Those of a newer Go than the table knows have to be calibrated on the live process
 * (go_calibrate.h) before anything may be believed; others are compared with it. */
enum go_layout_source { LAYOUT_FROM_DWARF, LAYOUT_FROM_TABLE, LAYOUT_FROM_NEWEST_ROW, LAYOUT_CALIBRATED };
enum go_layout_source go_binary_layout_source(const struct go_binary *self);
/* "DWARF", "table", "table of the newest known Go", "calibrated" */
const char *go_binary_layout_source_name(const struct go_binary *self);
/* Takes over calibrated offsets. */
void go_binary_set_layout(struct go_binary *self, const struct go_layout *layout);
bool go_binary_is_pie(const struct go_binary *self);
/* Hex of .note.gnu.build-id or Go's own build id note; "" when there is none. */
const char *go_binary_build_id(const struct go_binary *self);
/* Lowest virtual address of the first PT_LOAD (page aligned down): bias = start of that mapping - this. */
uint64_t go_binary_load_address(const struct go_binary *self);

/* Entry and end of a function by its full name; false when absent. */
bool go_binary_function(const struct go_binary *self, const char *name, uint64_t *start, uint64_t *end);
/* The package variable that contains an address, from the symbol table, and how far into it the address is; NULL when
 * there is none, or the program is stripped. Reads the table at the first call. */
const char *go_binary_variable(struct go_binary *self, uint64_t address, uint64_t *distance_out);
/* Calls back with the name of every function. */
void go_binary_each_function(const struct go_binary *self, void (*fn)(void *context, const char *name),
                             void *context);
/* Bytes of code or read-only data at an address; NULL when the range is not in the file. */
const uint8_t *go_binary_bytes(const struct go_binary *self, uint64_t address, size_t size);
/* File offset of a code address, for a uprobe; false when it is not in an executable segment. */
bool go_binary_file_offset(const struct go_binary *self, uint64_t address, uint64_t *offset_out);

/* The pointer that the program starts with at an address, bias not added: bytes of the file, relocated. */
bool go_binary_pointer(const struct go_binary *self, uint64_t address, uint64_t *value_out);
/* Where the linker put abi.Type descriptors and their names: [*start_out, *end_out). */
void go_binary_types(const struct go_binary *self, uint64_t *start_out, uint64_t *end_out);
/* Address of runtime.gomaxprocs (int32); 0 when unknown. */
uint64_t go_binary_gomaxprocs(const struct go_binary *self);
/* Address of runtime.memstats.numgc (uint32); 0 when unknown. */
uint64_t go_binary_numgc(const struct go_binary *self);
/* Of runtime.gcController.gcPercent (int32), .memoryLimit (int64) and time.startNano (int64); 0: unknown. */
uint64_t go_binary_gc_percent(const struct go_binary *self);
uint64_t go_binary_memory_limit(const struct go_binary *self);
uint64_t go_binary_start_nano(const struct go_binary *self);
/* Device and inode of the file that was opened. */
void go_binary_identity(const struct go_binary *self, uint64_t *device_out, uint64_t *inode_out);
/* Calls back for every function that has an inlined copy of names[which] in it (repeatedly when it has
 * several). */
typedef void (*go_binary_inlined_fn)(void *context, size_t which, const char *into);
void go_binary_each_inlined(const struct go_binary *self, const char *const *names, size_t count,
                            go_binary_inlined_fn fn, void *context);

/* What unwinding needs to know about a code address, the bias not added. */
struct go_code {
    uint64_t entry;      /* of its function */
    int32_t stack_delta; /* bytes from the stack pointer to the return address; negative: unknown */
    bool is_top;         /* the outermost frame of a stack */
    bool switches_stack; /* leaves for another stack: what is above it in memory is not its caller's */
    bool is_injected;    /* called where no call instruction is: the place it returns to is yet to run */
};

/* False when the address is no Go code. The answers are kept in a table of fixed size, so asking again is
 * cheap. */
bool go_binary_code(const struct go_binary *self, uint64_t address, struct go_code *out);

struct go_frame {
    const char *function; /* owned by the binary, valid until it is closed */
    const char *file;
    uint32_t line;
};

/* The functions at a code address, innermost first, inlined calls expanded, as runtime.CallersFrames has
 * them. Method wrappers (file "<autogenerated>") are left out unless nothing else is there. is_return: the
 * address is a return address, so the call before it is meant. Returns how many frames were written (at most
 * max); 0 when the address is no Go code. */
size_t go_binary_symbolize(const struct go_binary *self, uint64_t address, bool is_return,
                           struct go_frame *frames, size_t max);

/* How many send and receive cases the select has whose `call runtime.selectgo` returns to this address; false
 * when the call site could not be decoded (reflect.Select). Results are cached.
 *
 * selectgo's array holds the sends first, in source order, and then the receives in the REVERSE of the source
 * order (cmd/compile/internal/walk/select.go fills it from both ends): `recv c0, send c1, recv c2` is stored
 * as c1, c2, c0. */
bool go_binary_select_counts(struct go_binary *self, uint64_t return_address, unsigned *sends_out,
                             unsigned *receives_out);

/* Where in the source each of them stands, sends and receives mixed: places[i] for the i-th of the array. False for
 * more cases than that, and where the code does not show it. Results are cached. */
bool go_binary_select_order(struct go_binary *self, uint64_t return_address,
                            uint8_t places[GO_SELECT_ORDER_MAX]);

#endif
