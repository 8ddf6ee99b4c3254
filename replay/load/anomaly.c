#include "load/anomaly.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/event.h"

/* So many rows of a kind; what comes after is only counted. */
#define ROWS_MAX 1000

struct kind_row {
    const char *name, *severity, *meaning, *hint;
};

static const struct kind_row kinds[ANOMALY_KIND_COUNT] = {
    [ANOMALY_ILLEGAL_TRANSITION] = {"illegal_transition", "error",
                                    "a goroutine did what its state does not allow, and no gap explains it",
                                    "an event is missing: waits of this goroutine around this time are "
                                    "marked; please report it with the trace"},
    [ANOMALY_AFTER_GAP] = {"after_gap", "info",
                           "a goroutine's state did not fit, because records are missing before",
                           "waits with doubt 'gap' are not exact; a larger --ring-size loses less"},
    [ANOMALY_RECORDS_LOST] = {"records_lost", "warning", "the kernel dropped records because a ring was full",
                              "record with a larger --ring-size"},
    [ANOMALY_DAMAGE] = {"damage", "warning", "bytes of the file could not be used",
                        "copy the file again; see table damage"},
    [ANOMALY_NO_END] = {"no_end", "info", "the file has no end mark: the recorder was killed, or still runs",
                        "what is there is good; end a recording with Ctrl-C or SIGTERM"},
    [ANOMALY_OPEN_TAIL] =
        {"open_tail", "info",
         "the last events of a file without end mark are left out: what other CPUs did then is missing",
         "the end of the recording is told as earlier by so much"},
    [ANOMALY_LATER_VERSION] = {"later_version", "info",
                               "the file holds things that this version does not know",
                               "use a newer gotape-replay"},
    [ANOMALY_LOST_DEFINITION] = {"lost_definition", "warning",
                                 "a stack, function, object or name is unknown because its chunk is missing",
                                 "shown as <lost>; see table damage"},
    [ANOMALY_TABLE_LIMIT] = {"table_limit", "warning", "more different stacks or names than are kept apart",
                             "the rest is shown as <lost>"},
    [ANOMALY_LATE_EVENT] = {"late_event", "warning",
                            "an event came after later ones of other CPUs had been handled",
                            "its time was moved to that of the latest event handled"},
    [ANOMALY_TIME_BACKWARDS] = {"time_backwards", "warning",
                                "the clock went back within the records of one CPU",
                                "times were held until it caught up"},
    [ANOMALY_MERGE_LIMIT] = {"merge_limit", "warning",
                             "a recorder that promised too little made the merge run ahead",
                             "events of different CPUs may be out of order here"},
    [ANOMALY_NO_CREATE] = {"no_create", "info", "a goroutine turned up whose creation was not seen",
                           "threads of C code that call into Go have such goroutines"},
    [ANOMALY_NO_GOID] = {"no_goid", "warning", "an event names no goroutine", "it was left out"},
    [ANOMALY_UNKNOWN_REASON] = {"unknown_reason", "info", "the trace does not name this wait reason",
                                "its class is 'other'"},
    [ANOMALY_END_MISSING] = {"end_missing", "warning", "a goroutine must be dead, but its end was not seen",
                             "an event is missing"},
    [ANOMALY_THREAD_CONFLICT] = {"thread_conflict", "warning",
                                 "a thread runs a goroutine while another has not left it",
                                 "an event is missing"},
    [ANOMALY_SWITCH_MISSING] = {"switch_missing", "info", "a thread entered a CPU twice, or left it twice",
                                "a switch is missing; the time between is in no row of thread_interval"},
    [ANOMALY_SELECT_UNUSED] = {"select_unused", "info", "the channels of a select belong to no wait",
                               "they were left out"},
    [ANOMALY_NET_RACE] = {"net_race", "info",
                          "a descriptor became ready for a goroutine that had already been woken",
                          "nothing: a deadline or a close was faster"},
    [ANOMALY_NET_OTHER_WAIT] = {"net_other_wait", "info",
                                "a descriptor became ready for a goroutine that waits for something else",
                                "it was not taken for a wake-up"},
    [ANOMALY_NET_UNKNOWN] = {"net_unknown", "info",
                             "a descriptor woke a goroutine that did nothing until the end",
                             "its wait may still look open"},
    [ANOMALY_CORO_UNKNOWN] = {"coro_unknown", "info", "a coroutine switch leads to a goroutine not yet seen",
                              "its state is unknown until its next event"},
    [ANOMALY_SNAPSHOT_DIFFERS] = {"snapshot_differs", "warning",
                                  "a snapshot found a goroutine in another state than its events tell",
                                  "the events were believed; please report it with the trace"},
    [ANOMALY_SNAPSHOT_AHEAD] =
        {"snapshot_differs_briefly", "info",
         "a snapshot found a goroutine in another state than its latest event tells",
         "nothing: a probe fires before the state changes, and its thread may be stopped in between"},
    [ANOMALY_SPAN_LIMIT] = {"span_limit", "warning",
                            "more calls of probed functions were open at a time than are kept",
                            "the innermost ones have no row in span"},
    [ANOMALY_SUSPENDED] = {"suspended", "info",
                           "the host slept, which the clock of the recording does not count",
                           "what lasted over it took longer by so much, as a wall clock sees it"},
    [ANOMALY_CLOCK_SET] =
        {"clock_set", "info", "the host's wall clock was set during the recording",
         "UTC times are counted from the start: those behind this moment differ from the new clock"},
    [ANOMALY_CLOCK_BACKWARDS] = {"clock_backwards", "warning",
                                 "a chunk was closed before the one in front of it, says its clock",
                                 "the file was put together from others, or the host's clock is broken"},
    [ANOMALY_STALE_FETCH] = {"stale_fetch", "info",
                             "the recorder dropped values of a probe that could not be trusted", "nothing"},
    [ANOMALY_CHAIN_CUT] = {"chain_cut", "info", "call chains were cut at the kernel's limit",
                           "raise kernel.perf_event_max_stack"},
    [ANOMALY_DUPLICATE_RECORD] = {"duplicate_record", "info", "the recorder dropped records that came twice",
                                  "nothing"},
    [ANOMALY_FOREIGN_RECORD] = {"foreign_record", "info", "the recorder dropped records of other processes",
                                "nothing"},
    [ANOMALY_UNKNOWN_RECORD] = {"unknown_record", "warning",
                                "the recorder could not decode records of the kernel",
                                "please report it with kernel version and trace"},
    [ANOMALY_PROBE_MISSED] = {"probe_missed", "warning", "the kernel skipped hits of a probe",
                              "events are missing: states may be wrong"},
    [ANOMALY_OBJECT_UNREAD] = {"object_unread", "info",
                               "type and capacity of channels could not be read in time", "they are unknown"},
    [ANOMALY_LABELS_UNREAD] = {"labels_unread", "info", "pprof labels could not be read in time",
                               "their goroutines may be shown with those from before"},
    [ANOMALY_TARGET_EXEC] = {"target_exec", "info", "the program replaced itself by another one",
                             "the recording ends there"},
    [ANOMALY_LATE_RECORD] = {"late_record", "info",
                             "the recorder found records that were older than it had promised",
                             "see late_event"},
    [ANOMALY_UNKNOWN_NOTE] = {"unknown_note", "info", "a note of a newer recorder",
                              "use a newer gotape-replay"},
};

struct anomaly_log {
    struct row_writer *rows;
    uint64_t row_count[ANOMALY_KIND_COUNT];
    uint64_t summed[ANOMALY_KIND_COUNT]; /* without a row so far */
    uint64_t total[ANOMALY_KIND_COUNT];
};

struct anomaly_log *anomaly_log_new(struct row_writer *rows)
{
    struct anomaly_log *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->rows = rows;
    for (int kind = 0; kind < ANOMALY_KIND_COUNT; kind++) {
        row_writer_text(rows, ROW_ANOMALY_KIND, 0, kinds[kind].name);
        row_writer_text(rows, ROW_ANOMALY_KIND, 1, kinds[kind].severity);
        row_writer_text(rows, ROW_ANOMALY_KIND, 2, kinds[kind].meaning);
        row_writer_text(rows, ROW_ANOMALY_KIND, 3, kinds[kind].hint);
        row_writer_put(rows, ROW_ANOMALY_KIND, (const int64_t[4]){0});
    }
    return self;
}

void anomaly_log_free(struct anomaly_log *self)
{
    free(self);
}

static void put(struct anomaly_log *self, enum anomaly_kind kind, int64_t time_ns, int64_t goid, int64_t tid,
                uint64_t count, const char *detail)
{
    row_writer_text(self->rows, ROW_ANOMALY, 0, kinds[kind].name);
    row_writer_text(self->rows, ROW_ANOMALY, 5, detail);
    row_writer_put(
        self->rows, ROW_ANOMALY,
        (const int64_t[]){0, time_ns, goid, tid, count < INT64_MAX ? (int64_t)count : INT64_MAX, 0});
}

/* Counts come from the trace and may be anything. */
static void add(uint64_t *sum, uint64_t count)
{
    *sum = *sum + count < *sum ? UINT64_MAX : *sum + count;
}

void anomaly_add(struct anomaly_log *self, enum anomaly_kind kind, int64_t time_ns, int64_t goid, int64_t tid,
                 uint64_t count, const char *format, ...)
{
    add(&self->total[kind], count);
    if (self->row_count[kind] >= ROWS_MAX) {
        add(&self->summed[kind], count);
        return;
    }
    self->row_count[kind]++;
    char detail[256];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    put(self, kind, time_ns, goid, tid, count, detail);
}

uint64_t anomaly_total(const struct anomaly_log *self, enum anomaly_kind kind)
{
    return self->total[kind];
}

void anomaly_log_finish(struct anomaly_log *self)
{
    for (int kind = 0; kind < ANOMALY_KIND_COUNT; kind++) {
        if (self->summed[kind])
            put(self, (enum anomaly_kind)kind, ROW_NULL, ROW_NULL, ROW_NULL, self->summed[kind],
                "more of this kind");
        self->summed[kind] = 0;
    }
}

enum anomaly_kind anomaly_of_note(uint64_t code)
{
    static const enum anomaly_kind notes[NOTE_CODE_COUNT] = {
        [0] = ANOMALY_UNKNOWN_NOTE,
        [NOTE_STALE_FETCH] = ANOMALY_STALE_FETCH,
        [NOTE_CHAIN_CUT] = ANOMALY_CHAIN_CUT,
        [NOTE_DUPLICATE] = ANOMALY_DUPLICATE_RECORD,
        [NOTE_FOREIGN] = ANOMALY_FOREIGN_RECORD,
        [NOTE_UNKNOWN_RECORD] = ANOMALY_UNKNOWN_RECORD,
        [NOTE_PROBE_MISSED] = ANOMALY_PROBE_MISSED,
        [NOTE_OBJECT_UNREAD] = ANOMALY_OBJECT_UNREAD,
        [NOTE_EXEC] = ANOMALY_TARGET_EXEC,
        [NOTE_LATE] = ANOMALY_LATE_RECORD,
        [NOTE_LABELS_UNREAD] = ANOMALY_LABELS_UNREAD,
    };
    return code < NOTE_CODE_COUNT ? notes[code] : ANOMALY_UNKNOWN_NOTE;
}
