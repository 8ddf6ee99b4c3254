/* The --chan option of who-blocked: from the words to query parameters, and what to say when nothing matches.
 */
#ifndef GOTAPE_REPLAY_CHAN_FILTER_H
#define GOTAPE_REPLAY_CHAN_FILTER_H

#include "query/chan_pattern.h"
#include "query/query_run.h"

#define CHAN_FILTER_PARAMETERS 6

struct chan_filter {
    const char *text; /* as given; NULL: no filter */
    struct chan_pattern pattern;
};

/* Parses the words; ERR_USAGE. */
int chan_filter_parse(const char *text, struct chan_filter *out, struct error *err);
/* :chan, :chan_addr, :chan_type, :chan_function, :chan_file, :chan_line */
void chan_filter_parameters(const struct chan_filter *self,
                            struct query_parameter out[CHAN_FILTER_PARAMETERS]);
/* ERR_NOT_FOUND with the nearest candidates when the trace has no such channel. */
int chan_filter_check(const struct chan_filter *self, struct store *store, struct error *err);

#endif
