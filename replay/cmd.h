/*
 * The subcommands, one file each (cmd_NAME.c), and what they share: reading options, opening the trace,
 * telling of errors. Commands print; everything below them returns errors.
 */
#ifndef GOTAPE_REPLAY_CMD_H
#define GOTAPE_REPLAY_CMD_H

#include <stdbool.h>

#include "base/error.h"
#include "base/opt.h"
#include "quality.h"
#include "trace_open.h"

enum status {
    STATUS_OK = 0,
    STATUS_ERROR = 1,
    STATUS_USAGE = 2,
    STATUS_INCOMPLETE = 3, /* answered from damaged or incomplete data */
};

struct command {
    const char *name;     /* NULL ends the table; "" is the summary, which has no name of its own */
    const char *operands; /* "TRACE N" */
    const char *summary;  /* one line */
    const char *about;    /* what --help tells before the options */
    const char *examples; /* lines */
    int (*run)(const struct command *self, int argc,
               char **argv); /* argv[0] is the command's name; returns the exit status */
};

/* In the order of --help. */
const struct command *command_table(void);
/* NULL when there is none of this name. */
const struct command *command_find(const char *name);
/* The program's --help. */
void command_print_overview(void);

struct operands {
    char **at;
    int count;
};

/* The row that every table of options has. */
#define COMMAND_HELP_OPTION(flag)                                                                            \
    {                                                                                                        \
        'h', "help", OPT_FLAG, &(flag), NULL, "Print this help."                                             \
    }

/* Parses, prints --help when *help was set by it. False: the command is over, with *status_out. */
bool command_begin(const struct command *self, const struct opt *options, const bool *help, int argc,
                   char **argv, int least, int most, struct operands *operands_out, int *status_out);

struct opened {
    struct opened_trace trace;
    struct quality quality;
};

/* Opens (and loads, with progress on a terminal). Returns STATUS_OK, or another status after telling why. */
int command_open(const char *path, struct opened *out);
/* Flushes standard output, tells of incomplete data, and turns `status` into the exit status. */
int command_close(struct opened *self, int status);
/* Only the flush: 0, or STATUS_ERROR after telling why. */
int command_flush(void);
/* Prints "gotape-replay: MESSAGE" and returns the exit status of the error. With self NULL an error is never
 * a wrong command line: SQLite's complaints about a query, or about a database that is not what it says. */
int command_fail(const struct command *self, const struct error *err);
/* Load options with progress on a terminal and the interrupt flag; `context` must outlive them. */
struct progress {
    uint64_t shown_ns;
    bool is_shown;
    const char *name; /* of the trace */
};
struct load_options command_load_options(struct progress *context, const char *path);
/* Wipes the progress line. */
void command_end_progress(struct progress *self);

int run_summary(const struct command *self, int argc, char **argv);
int run_info(const struct command *self, int argc, char **argv);
int run_load(const struct command *self, int argc, char **argv);
int run_who_blocked(const struct command *self, int argc, char **argv);
int run_chans(const struct command *self, int argc, char **argv);
int run_leaks(const struct command *self, int argc, char **argv);
int run_locks(const struct command *self, int argc, char **argv);
int run_syscalls(const struct command *self, int argc, char **argv);
int run_threads(const struct command *self, int argc, char **argv);
int run_gc(const struct command *self, int argc, char **argv);
int run_stw(const struct command *self, int argc, char **argv);
int run_contexts(const struct command *self, int argc, char **argv);
int run_spans(const struct command *self, int argc, char **argv);
int run_snapshots(const struct command *self, int argc, char **argv);
int run_why(const struct command *self, int argc, char **argv);
int run_goroutines(const struct command *self, int argc, char **argv);
int run_goroutine(const struct command *self, int argc, char **argv);
int run_sql(const struct command *self, int argc, char **argv);
int run_schema(const struct command *self, int argc, char **argv);
int run_verify(const struct command *self, int argc, char **argv);
int run_dump(const struct command *self, int argc, char **argv);

#endif
