/*
 * Variables of the Go runtime by the code that reads them: they have no symbols in a stripped program and no
 * name in any table that Go keeps at run time.
 */
#ifndef GOTAPE_RECORD_GO_GLOBALS_H
#define GOTAPE_RECORD_GO_GLOBALS_H

#include <stdbool.h>
#include <stdint.h>

#include "go/go_binary.h"

/* Addresses of the file, bias not added; 0: not found. */
struct go_globals {
    uint64_t allglen; /* uintptr: how many goroutines there ever were at a time (runtime/proc.go) */
    uint64_t allgptr; /* **g: as many pointers; the array moves when it grows, the old one stays as it was */
    uint64_t gomaxprocs;    /* int32 (runtime/runtime2.go) */
    uint64_t numgc;         /* uint32, memstats.numgc: garbage collections completed (runtime/mstats.go) */
    uint64_t gc_controller; /* gcControllerState: GOGC (int32) at 0, since Go 1.19 GOMEMLIMIT (int64) at 8
                               (runtime/mgcpacer.go) */
};

/* Reads the code of linux/amd64 programs of Go 1.18 to 1.27, optimised or not. Returns whether the goroutines
 * were found (allglen and allgptr). */
bool go_globals_find(const struct go_binary *binary, struct go_globals *out);

#endif
