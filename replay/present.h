/* How tables show things: durations, functions, places in the code. */
#ifndef GOTAPE_REPLAY_PRESENT_H
#define GOTAPE_REPLAY_PRESENT_H

#include "query/row_sink.h"

/* A column with nanoseconds as "1.234 ms"; nothing when it is NULL. */
void present_duration(struct buf *out, const struct row *row, const char *column);
/* "+1.234567 s" after origin_ns; nothing when it is NULL. */
void present_time(struct buf *out, const struct row *row, const char *column, int64_t origin_ns);
/* "1,234" */
void present_count(struct buf *out, const struct row *row, const char *column);
/* "main.worker worker.go:31": any part may be missing. is_short drops the folders of the import path. */
void present_place(struct buf *out, const struct row *row, const char *function, const char *file,
                   const char *line, bool is_short);
/* "18 main.worker" */
void present_goroutine(struct buf *out, const struct row *row, const char *goid, const char *function,
                       bool is_short);
/* "goroutine 7 in main.producer main.go:31", "timer", "still waiting" … from the columns waker_*. */
void present_waker(struct buf *out, const struct row *row, bool is_short);

#endif
