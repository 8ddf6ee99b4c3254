/*
 * Sums over system calls, by name and place, and how many different goroutines made them: writes syscall_sum, syscall_people.
 * Memory is bounded as in wait_sums.h.
 */
#ifndef GOTAPE_REPLAY_CALL_SUMS_H
#define GOTAPE_REPLAY_CALL_SUMS_H

#include "load/row_writer.h"
#include "load/symbolize.h"

struct call_sums;

struct call_sum_row {
    const char *name; /* lives as long as the row writer; NULL: not known */
    uint64_t goid;
    uint32_t stack;
    int64_t ns;
    bool is_open;
    int64_t lost_p; /* ROW_NULL: not known */
};

/* Borrows all. NULL when out of memory. */
struct call_sums *call_sums_new(struct store *store, struct row_writer *rows,
                                const struct symbolizer *symbols);
void call_sums_free(struct call_sums *self);
void call_sums_add(struct call_sums *self, const struct call_sum_row *call);
/* Writes all; negative on failure. */
int call_sums_finish(struct call_sums *self, struct error *err);

#endif
