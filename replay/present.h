/* How tables show things: durations, functions, places in the code. */
#ifndef GOTAPE_REPLAY_PRESENT_H
#define GOTAPE_REPLAY_PRESENT_H

#include "query/sink_table.h"

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

/* The columns of tables that are no more than one of the above. Where a comment says so, the context of the
 * table begins with a struct present. */
struct present {
    int64_t start_ns; /* of the recording */
    bool is_short;
    bool has_open, has_doubt, has_lower; /* set by present_marks and present_lower */
};
/* What follows a figure: "+" for one that was still growing at the end of the recording, "?" for a doubtful
 * one, from the columns open, gap and doubt. */
void present_marks(struct buf *out, const struct row *row, struct present *present);
/* What stands before a figure: ">=" for a wait that began before anybody looked, from the column start_seen. */
void present_lower(struct buf *out, const struct row *row, struct present *present);
/* The notes that explain these marks, as far as they were used, after an empty line. */
void present_print_notes(const struct present *present);
bool present_has_notes(const struct present *present);
/* A duration with its marks; "unknown" when it is NULL. Needs struct present. */
void present_marked_cell(struct buf *out, const struct row *row, const struct table_column *column,
                         void *context);
/* The column's key names the row's column: a duration, a count, a text. */
void present_duration_cell(struct buf *out, const struct row *row, const struct table_column *column,
                           void *context);
void present_count_cell(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context);
void present_text_cell(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context);
/* The same for a time; needs struct present. */
void present_time_cell(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context);
/* The goroutine in column goid, the key names the column with its function; needs struct present. */
void present_goroutine_cell(struct buf *out, const struct row *row, const struct table_column *column,
                            void *context);
/* The goroutine in the column that the key names, without more. */
void present_goid_cell(struct buf *out, const struct row *row, const struct table_column *column,
                       void *context);
/* The place in the columns site, file and line; needs struct present. */
void present_place_cell(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context);
/* The waker in the columns waker_*; needs struct present. */
void present_waker_cell(struct buf *out, const struct row *row, const struct table_column *column,
                        void *context);

/* The optional column with pprof labels. */
#define PRESENT_LABELS                                                                                       \
    {                                                                                                        \
        .heading = "LABELS", .shrink_min = 12, .print = present_text_cell, .key = "label_text",              \
        .is_optional = true                                                                                  \
    }

#endif
