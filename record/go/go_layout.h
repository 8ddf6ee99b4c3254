/* Fills struct go_layout (go_binary.h) and the addresses of runtime variables: from DWARF, or else from a table of
 * what Go's own releases have, which tools/gen_go_layout makes. */
#ifndef GOTAPE_RECORD_GO_LAYOUT_H
#define GOTAPE_RECORD_GO_LAYOUT_H

#include "go/go_binary.h"
#include "go/go_elf.h"

/* Addresses of variables; 0: unknown. */
struct go_variables {
    uint64_t gomaxprocs;   /* runtime.gomaxprocs (int32) */
    uint64_t numgc;        /* runtime.memstats.numgc (uint32, mstats.go) */
    uint64_t gc_percent;   /* runtime.gcController.gcPercent (int32, mgcpacer.go) */
    uint64_t memory_limit; /* runtime.gcController.memoryLimit (int64, since 1.19) */
    uint64_t start_nano;   /* time.startNano (int64, time.go) */
};

/* ERR_UNSUPPORTED: no DWARF, or DWARF without the runtime's types. */
int go_layout_read(const struct go_elf *elf, struct go_layout *out, struct go_variables *variables_out,
                   struct error *err);

/* The row of the table for go1.minor.patch: of the newest known patch release that is not newer, or the oldest of
 * that minor, or, of a minor that is newer than the table, the newest row. Returns how well it fits. */
enum go_layout_match { LAYOUT_NO_ROW, LAYOUT_SAME_MINOR, LAYOUT_OLDER_MINOR };
enum go_layout_match go_layout_known(int minor, int patch, struct go_layout *out);

/* The fields of struct go_layout by index, for those who treat all of them alike. False behind the last. */
struct go_layout_field {
    const char *name; /* "g_goid" */
    size_t at;        /* offset within struct go_layout */
};
bool go_layout_field(size_t index, struct go_layout_field *out);
int *go_layout_offset(struct go_layout *layout, const struct go_layout_field *field);

/* What the table holds: layouts of go1.minor from a patch release on. */
struct go_layout_row {
    int minor, patch;
    struct go_layout layout;
};
extern const struct go_layout_row go_layout_rows[];
extern const size_t go_layout_row_count;

#endif
