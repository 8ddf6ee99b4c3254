/*
 * From the ids of a trace, which are good for one definition epoch, to the ids of the database: functions,
 * files, call chains. Equal content gets the same id in every epoch; rows are written at first sight. Ids
 * whose definition is missing become SYMBOL_LOST, and a function named <lost>.
 */
#ifndef GOTAPE_REPLAY_SYMBOLIZE_H
#define GOTAPE_REPLAY_SYMBOLIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "format/trace_reader.h"
#include "load/anomaly.h"
#include "load/row_writer.h"
#include "load/wake_rule.h"

#define SYMBOL_LOST UINT32_MAX /* as a stack: row 0 of the table */

struct symbolizer;

/* What is known about a call chain beyond its rows. */
struct stack_facts {
    uint32_t innermost;         /* function; 0: none */
    uint32_t site;              /* number of function, file and line of the site; 0: none */
    uint32_t start_function;    /* outermost below runtime.goexit; 0: the chain does not reach it */
    const char *syscall;        /* that the innermost function knows which makes one; NULL: none does */
    unsigned char channel_op;   /* enum channel_op, for waker's chains */
    unsigned char waker;        /* enum waker_kind, for waker's chains */
    unsigned char caller_class; /* enum wait_class, for reasons that are_by_caller */
    bool is_scheduler;          /* of a thread that runs no goroutine: see run_start.h */
};

struct symbolizer *symbolizer_new(struct row_writer *rows, struct anomaly_log *anomalies, struct error *err);
void symbolizer_free(struct symbolizer *self);

/* All ids of the trace mean something else from now on. */
void symbolizer_new_epoch(struct symbolizer *self);

/* Ids of the database; 0 for id 0. Failures to allocate are sticky: symbolizer_check(). */
uint32_t symbolizer_stack(struct symbolizer *self, const struct trace_reader *reader, uint64_t id);
/* A code location alone, as a stack of one frame whose outer ones are missing. */
uint32_t symbolizer_site(struct symbolizer *self, const struct trace_reader *reader, uint64_t location);
/* The function at a code location: the one that the code belongs to, or the innermost inlined one. */
uint32_t symbolizer_function(struct symbolizer *self, const struct trace_reader *reader, uint64_t location,
                             bool innermost);
/* Names of threads and types: the number of a text, which lives as long as this. */
uint32_t symbolizer_text(struct symbolizer *self, const struct trace_reader *reader, uint64_t string);
int symbolizer_check(const struct symbolizer *self, struct error *err);

/* NULL for number 0. */
const char *symbolizer_get_text(const struct symbolizer *self, uint32_t text);
struct stack_facts symbolizer_stack_facts(const struct symbolizer *self, uint32_t stack);
/* See function_name_is_system_start(). */
bool symbolizer_is_system_start(const struct symbolizer *self, uint32_t function);
/* For stack columns: NULL, 0 for a lost chain, or the id. */
int64_t symbolizer_stack_column(uint32_t stack);
/* Function, file and line of a site by its number, as columns. */
void symbolizer_site_columns(const struct symbolizer *self, uint32_t site, int64_t out[3]);

#endif
