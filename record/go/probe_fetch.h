/* The tracefs fetch arguments of each probe, with the struct offsets of the binary at hand. Pure. */
#ifndef GOTAPE_RECORD_PROBE_FETCH_H
#define GOTAPE_RECORD_PROBE_FETCH_H

#include <stddef.h>

#include "go/go_binary.h"
#include "go/probe_table.h"

struct probe_fetch_input {
    const struct go_layout *layout;
    int minor; /* of the Go version */
    enum record_detail detail;
    uint64_t
        gomaxprocs; /* where the variable lies, as distance from where the file's begin would be; 0: unknown */
    const char *g;  /* where the goroutine is: "%ax"; used by create and exec */
    bool exec_is_fallback; /* probed at gogo: inheritTime is not known */
    bool park_is_copy;     /* probed at the call of mcall in an inlined copy of gopark */
    bool with_flags;       /* adds the flags register as PROBE_FLAGS_NAME, behind the values of the table */
};

/* Writes "goid=+152(%ax):u64 …", names and order as in probe_spec.values. False when it does not fit. */
bool probe_fetch_format(enum probe_id id, const struct probe_fetch_input *input, char *out, size_t size);

#endif
