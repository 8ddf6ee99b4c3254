/*
 * What all listings share: --format, --limit, --since and --until, running a named query into the chosen
 * format, and the way of a command from its command line to its exit status.
 */
#ifndef GOTAPE_REPLAY_LISTING_H
#define GOTAPE_REPLAY_LISTING_H

#include "base/opt.h"
#include "cmd.h"
#include "query/query_run.h"
#include "query/sink_table.h"

enum listing_format { LISTING_TABLE, LISTING_JSON, LISTING_JSONL, LISTING_CSV };

struct listing {
    const char *format_name, *since_text, *until_text; /* as given; NULL: absent */
    int64_t limit;                                     /* as given; -1: absent */
    enum listing_format format;
    int64_t since_ns, until_ns; /* CLOCK_MONOTONIC, when given */
};

#define LISTING_FORMAT_OPTION(l)                                                                             \
    {                                                                                                        \
        0, "format", OPT_STRING, &(l).format_name, "FORMAT", "table (default), json, jsonl or csv."          \
    }
#define LISTING_LIMIT_OPTION(l)                                                                              \
    {                                                                                                        \
        0, "limit", OPT_INT, &(l).limit, "N",                                                                \
            "Print at most N rows; 0: all. A table stops at 20 by\nitself, the other formats print "         \
            "everything."                                                                                    \
    }
#define LISTING_SINCE_OPTION(l)                                                                              \
    {                                                                                                        \
        0, "since", OPT_STRING, &(l).since_text, "TIME",                                                     \
            "Only what happened at or after TIME: 1.5s after the\nstart, -2s before the end, or UTC as in\n" \
            "2026-11-22T17:00:00Z."                                                                          \
    }
#define LISTING_UNTIL_OPTION(l)                                                                              \
    {                                                                                                        \
        0, "until", OPT_STRING, &(l).until_text, "TIME", "Only what happened at or before TIME."             \
    }

#define LISTING_OPTIONS(l)                                                                                   \
    LISTING_FORMAT_OPTION(l), LISTING_LIMIT_OPTION(l), LISTING_SINCE_OPTION(l), LISTING_UNTIL_OPTION(l)

void listing_init(struct listing *self);
/* Checks what was given, before the trace is opened. False: told, with *status_out. */
bool listing_check(const struct command *command, struct listing *self, int *status_out);
/* Turns --since and --until into times of this recording. */
int listing_resolve(struct listing *self, const struct quality *quality, struct error *err);

/* Parameters :since, :until and :limit, for query_run. */
#define LISTING_PARAMETERS 3
void listing_parameters(const struct listing *self, struct query_parameter out[LISTING_PARAMETERS]);

/* Rows that a table stops at without --limit. */
#define LISTING_TABLE_ROWS 20

/* Runs `sql` (has_marks: a named query) into the format; `table` gives the human columns (its width and
 * colour are filled in here). */
int listing_run(const struct listing *self, struct store *store, const char *sql, bool has_marks,
                const struct query_parameter *parameters, size_t count, const struct table_options *table,
                struct query_result *out, struct error *err);
/* The same for a named query that has no parameters but these: resolves the times, prints the line above the
 * table, runs. */
int listing_answer(struct listing *self, const struct opened *opened, const char *query,
                   const struct table_options *table, struct query_result *out, struct error *err);
/* The line above a table: what the answer rests on. Nothing in other formats. */
void listing_print_header(const struct listing *self, const struct quality *quality);
/* The line below a table that was cut. */
void listing_print_more(const struct listing *self, const struct query_result *result, const char *what);

/* A command that answers from a database. */
struct listing_command {
    struct listing *listing;
    int least, most; /* operands, the trace being the first */
    /* Checks what else was given, before the trace is opened; may be NULL. */
    int (*check)(void *context, const struct operands *operands, struct error *err);
    /* Prints. Returns 0, a negative code, or an exit status when everything was told already. */
    int (*answer)(void *context, const struct opened *opened, const struct operands *operands,
                  struct error *err);
    void *context; /* given to both */
    bool help;     /* for COMMAND_HELP_OPTION */
};
/* Reads the command line, opens the trace, answers, closes. Returns the exit status. */
int listing_command_run(struct listing_command *self, const struct command *command,
                        const struct opt *options, int argc, char **argv);

#endif
