/*
 * Struct offsets against a running process, without stopping it. Whatever they come from (DWARF, the table), what the
 * process holds at them must make sense; those of a newer Go than the table knows are measured.
 */
#ifndef GOTAPE_RECORD_GO_CALIBRATE_H
#define GOTAPE_RECORD_GO_CALIBRATE_H

#include <sys/types.h>

#include "go/go_binary.h"
#include "go/go_memory.h"

struct go_calibrate_input {
    struct go_memory memory;
    pid_t main_tid; /* of its first thread, as numbered in its own pid namespace; 0: unknown */
    uint64_t bias;
    const struct go_binary *binary;
    size_t reason_count; /* how many wait reasons this Go has */
};

/*
 * Returns 1 when the binary's layout agrees with the process, 0 when the runtime has not started far enough to tell
 * (try again), ERR_UNSUPPORTED when they contradict each other: the message names the field.
 *
 * A layout that is that of another release (LAYOUT_FROM_NEWEST_ROW) is adapted first, by the relations between fields
 * that held in Go 1.18 to 1.27: *out gets it. Fields that nothing can confirm are -1 there. Otherwise *out is the
 * binary's layout.
 */
int go_calibrate(const struct go_calibrate_input *in, struct go_layout *out, struct error *err);

#endif
