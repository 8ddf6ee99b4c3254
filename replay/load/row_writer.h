/*
 * Writes rows: one prepared INSERT for each table, described by a table. Failures are sticky: put rows
 * without checking, ask row_writer_check() once a chunk.
 */
#ifndef GOTAPE_REPLAY_ROW_WRITER_H
#define GOTAPE_REPLAY_ROW_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "store/store.h"

#define ROW_NULL STORE_NO_VALUE

/* The values of row_writer_put() are in the order given here; text columns, marked *, are set by
 * row_writer_text(). */
/* clang-format off */
enum row_kind {
    ROW_META,            /* key* value* */
    ROW_RECORDING,       /* start end start_realtime is_attach is_clean_end event_count lost_count damage_count
                            loader* */
    ROW_CHUNK,           /* sequence offset kind epoch event_count lost_count stored_bytes raw_bytes first last
                            watermark monotonic realtime boottime */
    ROW_DAMAGE,          /* kind* offset size after message* */
    ROW_FUNCTION,        /* id name* package* is_internal */
    ROW_FILE,            /* id path* */
    ROW_STACK,           /* id depth is_cut site_function site_file site_line */
    ROW_FRAME,           /* stack depth function file line is_inlined pc */
    ROW_REASON,          /* number name* class* */
    ROW_OBJECT,          /* id kind* addr generation type* capacity is_timer is_doubtful; completes one of the same id */
    ROW_THREAD,          /* tid name* creator start exit; a reused tid keeps its first start */
    ROW_EVENT_TYPE,      /* id name* */
    ROW_STATE,           /* id name* */
    ROW_NAME,            /* id text* */
    ROW_OBJECT_SET,      /* set ordinal object direction */
    ROW_PACKED_WAIT,     /* written by round.c */
    ROW_PACKED_TURN,
    ROW_PLAIN_TRANSITION,
    ROW_PLAIN_INTERVAL,
    ROW_WAIT_SUM,        /* the sums: written by wait_sums.c */
    ROW_GOROUTINE_SUM,
    ROW_OBJECT_SUM,      /* adds to a row that is there */
    ROW_WAKE_SUM,
    ROW_OBJECT_PEOPLE,
    ROW_SITE_PEOPLE,
    ROW_LOCK_SUM,        /* these three: written by lock_sums.c */
    ROW_LOCK_HOLDER,
    ROW_HOLDER_SUM,
    ROW_GC_WAIT,
    ROW_WAIT_BLOCK,      /* written by wait_blocks.c */
    ROW_LONG_LIMIT,
    ROW_LONG_WAIT,
    ROW_SYSCALL_SUM,     /* written by call_sums.c */
    ROW_SYSCALL_PEOPLE,
    ROW_THREAD_SUM,      /* written by binding.c */
    ROW_PACKED_SWITCH,
    ROW_PLAIN_SWITCH,
    ROW_PLAIN_THREAD_INTERVAL,
    ROW_LOST,            /* cpu since until count */
    ROW_ANOMALY,         /* kind* time goid tid count detail* */
    ROW_ANOMALY_KIND,    /* name* severity* meaning* hint* */
    ROW_PACKED_GOROUTINE, /* written by interval.c; adds to a row that is there */
    ROW_PLACE,           /* id tid cpu p */
    ROW_LABELS,          /* id json* text* */
    ROW_SNAPSHOT,        /* id kind* start end goroutine_count unstable_count; completes one of the same id */
    ROW_SNAPSHOT_GOROUTINE, /* snapshot goid time state is_in_syscall tid reason object value stack wait_since
                               labels */
    ROW_SYSCALL,         /* goid tid name* start end sleep_count lost_p stack labels */
    ROW_STW,             /* reason* goid start stopped end */
    ROW_GC_CYCLE,        /* id start mark_start mark_end end stw_ns assist_count assist_wait_ns */
    ROW_GOMAXPROCS,      /* time count before */
    ROW_RUNTIME_EVENT,   /* time event goid tid value stack */
    ROW_PAUSE,           /* start end reason* */
    ROW_BUDGET_STEP,     /* time step* class* share limit */
    ROW_CONTEXT,         /* id addr parent created goid stack deadline done_object ended ended_by end_stack cause*
                            error* */
    ROW_SPAN_PROBE,      /* id spec* function* value_names* */
    ROW_SPAN,            /* goid probe start end depth value_json* */
    ROW_KIND_COUNT
};
/* clang-format on */

struct row_writer;

/* Borrows the store, which must outlive it. NULL on failure. */
struct row_writer *row_writer_new(struct store *store, struct error *err);
void row_writer_free(struct row_writer *self);

/* The text of a column (0, 1 …) of the next row of this kind; NULL for SQL's NULL. Borrowed until then; for
 * the kinds of which there are many (is_bulk in row_writer.c)
 * until the flush. */
void row_writer_text(struct row_writer *self, enum row_kind kind, int column, const char *text);
/* The numbers of all columns (those of text columns are not looked at); ROW_NULL for SQL's NULL. */
void row_writer_put(struct row_writer *self, enum row_kind kind, const int64_t *values);
/* Brings all rows to the database; some are collected first. */
int row_writer_flush(struct row_writer *self, struct error *err);
/* Rows put of a kind. */
uint64_t row_writer_count(const struct row_writer *self, enum row_kind kind);
/* 0, or the first failure since the beginning. */
int row_writer_check(const struct row_writer *self, struct error *err);

/* An id or a number that means "none" when it is 0. */
static inline int64_t row_id(uint64_t id)
{
    return id ? (int64_t)id : ROW_NULL;
}

#endif
