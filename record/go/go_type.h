/* Names of Go types by the address of their descriptor (internal/abi.Type), from the file; for types made at
 * run time, memory. */
#ifndef GOTAPE_RECORD_GO_TYPE_H
#define GOTAPE_RECORD_GO_TYPE_H

#include <stdbool.h>

#include "go/go_binary.h"
#include "go/go_memory.h"

struct go_type {
    uint64_t size; /* of a value, bytes */
    char name[512];
};

#define GO_TYPE_MADE_BY_REFLECT "(made by reflect)"

/* `address` is a run-time address. False when there is no type descriptor. */
bool go_type_read(const struct go_binary *binary, struct go_memory memory, uint64_t bias, uint64_t address,
                  struct go_type *out);

#endif
