/*
 * Code addresses and call chains: turns them into location and stack ids of the trace. Each distinct chain is
 * symbolized once per definition epoch.
 */
#ifndef GOTAPE_RECORD_CODE_TABLE_H
#define GOTAPE_RECORD_CODE_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "format/trace_writer.h"
#include "go/go_binary.h"

struct code_table;

/* What the functions of a chain say about the wait (a bit mask). */
enum {
    CHAIN_HAS_MUTEX = 1,
    CHAIN_HAS_RWMUTEX = 2,
    CHAIN_HAS_WAITGROUP = 4,
    CHAIN_HAS_RLOCK = 8, /* of an RWMutex, for reading */
    CHAIN_HAS_PARKUNLOCK = 16, /* goparkunlock has a frame of its own: a build without inlining */
};

/* Borrows binary and writer; pid names non-Go mappings. NULL when out of memory. */
struct code_table *code_table_new(const struct go_binary *binary, uint64_t bias, pid_t pid,
                                  struct trace_writer *writer);
void code_table_free(struct code_table *self);

/* Id of one code address; is_return as for go_binary_symbolize. 0 for address 0. */
uint32_t code_table_location(struct code_table *self, uint64_t pc, bool is_return);

/* Id of a chain, innermost first: chain[0] is an exact address unless first_is_return, the others are return
 * addresses. *hints_out (may be NULL) gets the mask above. 0 for an empty chain. */
uint32_t code_table_stack(struct code_table *self, const uint64_t *chain, uint32_t length,
                          bool first_is_return, bool is_cut, uint32_t *hints_out);

#endif
