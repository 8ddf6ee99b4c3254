/*
 * The command line of gotape-record.
 */
#ifndef GOTAPE_RECORD_RECORD_OPTIONS_H
#define GOTAPE_RECORD_RECORD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "budget.h"
#include "go/probe_table.h"
#include "long_options.h"
#include "user_probe.h"

enum record_mode { MODE_LAUNCH, MODE_ATTACH, MODE_CLEANUP, MODE_HELP, MODE_VERSION };

/* Who reads the values at a hit: BPF programs where the kernel takes them, else perf; one or the other at any rate. */
enum record_engine { ENGINE_AUTO, ENGINE_BPF, ENGINE_PERF };

struct record_options {
    enum record_mode mode;
    bool check;            /* preflight only */
    char *const *command;  /* NULL-terminated, points into argv; NULL when attaching */
    int64_t pid;           /* when attaching; -1: to be found by name and container */
    const char *name;      /* of the process; NULL: any */
    const char *container; /* beginning of its container's id; NULL: any */
    const char *output;    /* NULL: the default name; "-": standard output */
    bool force;
    uint64_t duration_ns; /* 0: no limit */
    const char *user;     /* NULL: as we are */
    bool kill_at_end;
    const char *drop_to; /* whom the recorder becomes; NULL: nobody */
    bool keep_root;      /* it stays who it is */
    uint64_t ring_bytes; /* 0: the default */
    int64_t zstd_level;
    bool cpu_wide, force_scope; /* --scope cpu */
    enum record_engine engine;
    enum record_detail detail;
    struct user_probe probes[USER_PROBES_MAX];
    unsigned probe_count;
    const char *only; /* names of probes with commas between; NULL: all of the level */
    uint64_t snapshot_interval_ns; /* 0: none between the first and the last */
    struct long_options of_long;
    struct budget_limits budget;
    bool with_args;
    bool quiet;
    int verbose;
};

/* Fills *out from argv (which is reordered). Returns 0 or ERR_USAGE with what is wrong. */
int record_options_parse(int argc, char **argv, struct record_options *out, struct error *err);
void record_options_print_help(FILE *out);

#endif
