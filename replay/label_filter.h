/* What --label describes: the goroutines that had a pprof label. */
#ifndef GOTAPE_REPLAY_LABEL_FILTER_H
#define GOTAPE_REPLAY_LABEL_FILTER_H

#include "base/opt.h"
#include "query/query_run.h"

struct label_filter {
    const char *text;  /* as given: "key=value" or "key"; NULL: absent */
    const char *value; /* within text; NULL: any */
    char key[256];
};

#define LABEL_FILTER_OPTION(filter)                                                                          \
    {                                                                                                        \
        0, "label", OPT_STRING, &(filter).text, "KEY=VALUE",                                                 \
            "Only with this pprof label; KEY alone: with any value\nof it."                                  \
    }

/* Checks `text`, before the trace is opened: ERR_USAGE. */
int label_filter_parse(struct label_filter *self, struct error *err);
/* Parameters :label_key and :label_value; valid as long as the filter. */
#define LABEL_FILTER_PARAMETERS 2
void label_filter_parameters(const struct label_filter *self,
                             struct query_parameter out[LABEL_FILTER_PARAMETERS]);
/* ERR_NOT_FOUND when no goroutine had such a label; the message lists those that there were. */
int label_filter_check(const struct label_filter *self, struct store *store, struct error *err);

#endif
