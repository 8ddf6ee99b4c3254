/*
 * Command lines as a table: the same rows parse the options and print --help. Long and short options,
 * `--name=value`,
 * `--` and grouped short flags, as getopt_long users expect; unknown options are answered with the nearest
 * known one.
 */
#ifndef GOTAPE_BASE_OPT_H
#define GOTAPE_BASE_OPT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

enum opt_type {
    OPT_FLAG,     /* bool: set to true */
    OPT_COUNT,    /* int: one more */
    OPT_STRING,   /* const char *: points into argv */
    OPT_INT,      /* int64_t, decimal or 0x… */
    OPT_DURATION, /* uint64_t ns */
    OPT_SIZE,     /* uint64_t bytes */
    OPT_LIST,     /* struct opt_list: one more item, may be given several times */
    OPT_HEADING,  /* no option: `help` is printed as a heading of --help */
};

struct opt_list {
    const char **items; /* of the caller; they point into argv */
    unsigned count, capacity;
};

struct opt {
    char short_name;       /* 0: none */
    const char *long_name; /* NULL: none */
    enum opt_type type;
    void *value;          /* where the result goes; keeps its default when the option is absent */
    const char *argument; /* name of the argument in --help, e.g. "FILE" */
    const char *help;     /* one or more lines */
};

/*
 * Parses argv[1..argc) against a table that ends with an all-zero row. Options are accepted before and
 * between operands unless stop_at_operand is set (then the first operand ends them, as for a COMMAND). On
 * success *operands_out is the number of operands, moved to the end of argv, the first being argv[argc -
 * *operands_out]. Returns 0 or ERR_USAGE.
 */
int opt_parse(const struct opt *table, int argc, char **argv, bool stop_at_operand, int *operands_out,
              struct error *err);

/* Prints the option part of --help. */
void opt_print_help(const struct opt *table, FILE *out);

#endif
