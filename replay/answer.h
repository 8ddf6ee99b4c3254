/*
 * Commands whose answer is one named query shown as a table: the ways to ask (--by), the filters that several
 * of them have, and the notes below the table. A command is a table of these.
 */
#ifndef GOTAPE_REPLAY_ANSWER_H
#define GOTAPE_REPLAY_ANSWER_H

#include "label_filter.h"
#include "listing.h"
#include "present.h"

/* One way to ask. The context of its columns and of `detail` begins with a struct present. */
struct answer_way {
    const char *name;  /* after --by; NULL where there is only one way */
    const char *query; /* a named query */
    const char *rows;  /* what a row is: "waits" */
    const struct table_column *columns;
    int count;
    void (*detail)(struct buf *out, const struct row *row, void *context);
    bool is_always_detailed; /* also without --stacks */
};

struct answer {
    const struct answer_way *ways;
    size_t way_count;
    const char *empty; /* printed below a table that is empty without having been restricted */
    const char *note;  /* printed below one that is not; may be NULL */

    /* What was given. */
    struct listing listing;
    struct label_filter label;
    const char *by, *name, *reason;
    const char *sort;              /* goroutines: by what */
    const char *at;                /* a time */
    int64_t goid, snapshot, depth; /* INT64_MIN: absent */
    uint64_t min_ns;               /* 0: absent */
    bool all, stacks;
    const struct answer_way *way; /* found by answer_check */
};

#define ANSWER_GOROUTINE_OPTION(a)                                                                           \
    {                                                                                                        \
        0, "goroutine", OPT_INT, &(a).goid, "N", "Only of goroutine N."                                      \
    }
#define ANSWER_STACKS_OPTION(a)                                                                              \
    {                                                                                                        \
        0, "stacks", OPT_FLAG, &(a).stacks, NULL, "Print the whole call chain below each row."               \
    }

/* The first way is taken without --by. */
void answer_init(struct answer *self, const struct answer_way *ways, size_t count);
/* For struct listing_command: checks what was given. */
int answer_check(void *context, const struct operands *operands, struct error *err);
/* For struct listing_command: context is a struct answer. Checks the filters, prints. */
int answer_run(void *context, const struct opened *opened, const struct operands *operands,
               struct error *err);
/* The parameters of its query. */
#define ANSWER_PARAMETERS (LISTING_PARAMETERS + LABEL_FILTER_PARAMETERS + 9)
int answer_parameters(struct answer *self, const struct opened *opened,
                      struct query_parameter out[ANSWER_PARAMETERS], struct error *err);
/* Prints the column stack_text, for answer_way.detail. */
void answer_print_stack(struct buf *out, const struct row *row, void *context);

#endif
