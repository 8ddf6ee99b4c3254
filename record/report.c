#include "report.h"

#include <inttypes.h>
#include <string.h>

#include "base/units.h"
#include "format/event_spec.h"

#define RED   "\x1b[31m"
#define RESET "\x1b[0m"

void report_progress_line(FILE *out, const struct session_progress *p)
{
    char rate[32], size[24], lost[32];
    fprintf(out, "\r\x1b[K%6.1f s  %s events/s  %s written  %s lost", (double)p->elapsed_ns / 1e9,
            units_format_count(p->events_last_second, rate, sizeof rate),
            units_format_size(p->bytes, size, sizeof size), units_format_count(p->lost, lost, sizeof lost));
    fflush(out);
}

void report_progress_clear(FILE *out)
{
    fputs("\r\x1b[K", out);
    fflush(out);
}

static void print_types(FILE *out, const struct trace_writer_stats *stats)
{
    char count[32];
    unsigned column = 0;
    for (unsigned type = 1; type < EVENT_TYPE_COUNT; type++) {
        if (stats->events_by_type[type] == 0)
            continue;
        fprintf(out, "%s%-13s %11s", column % 3 ? "   " : "\n  ", event_spec_get(type)->name,
                units_format_count(stats->events_by_type[type], count, sizeof count));
        column++;
    }
    fputc('\n', out);
}

static void print_losses(FILE *out, const struct session_summary *s, bool colour)
{
    char count[32];
    fprintf(out, "%slost %s records", colour ? RED : "", units_format_count(s->lost, count, sizeof count));
    fprintf(out, "%s: %s\n", colour ? RESET : "",
            s->lost > s->uncovered_lost
                ? "the rings were full. A larger one (--ring-size) may hold the bursts."
                : "an estimate of what ran on CPUs that came online during the recording.");
    for (unsigned i = 0; i < s->loss_count; i++) {
        const struct session_loss *loss = &s->losses[i];
        fprintf(out, "  cpu %-3u  %9.3f s to %9.3f s  %11s\n", loss->cpu, (double)loss->since_ns / 1e9,
                (double)loss->until_ns / 1e9, units_format_count(loss->count, count, sizeof count));
    }
    if (s->loss_intervals > s->loss_count)
        fprintf(out, "  and %" PRIu64 " more intervals (all of them are in the file)\n",
                s->loss_intervals - s->loss_count);
}

static void print_doubts(FILE *out, const struct session_summary *s)
{
    const struct {
        uint64_t count;
        const char *text;
    } doubts[] = {
        {s->late, "records came later than promised"},
        {s->perf.undecodable, "perf records could not be decoded"},
        {s->unread_channels, "channels were gone before their type could be read"},
        {s->perf.duplicates, "records of threads that were covered twice were dropped (harmless)"},
        {s->perf.renamed,
         "threads took a name that no other had; --scope cpu has not seen their switches since"},
        {s->perf.foreign, "records of other processes were dropped (children are not recorded; --scope cpu "
                          "probes all that run the file)"},
    };
    char count[32];
    for (unsigned i = 0; i < sizeof doubts / sizeof *doubts; i++) {
        if (doubts[i].count)
            fprintf(out, "%s %s\n", units_format_count(doubts[i].count, count, sizeof count), doubts[i].text);
    }
}

static void print_snapshots(FILE *out, const struct session_summary *s)
{
    const struct snapshot_stats *shots = &s->snapshots;
    char seen[32], unstable[32];
    if (shots->snapshots == 0)
        return;
    fprintf(out, "%" PRIu64 " snapshot%s: %s goroutines", shots->snapshots, shots->snapshots == 1 ? "" : "s",
            units_format_count(shots->goroutines, seen, sizeof seen));
    if (shots->unstable)
        fprintf(out, ", %s of them moved while they were read and were left out",
                units_format_count(shots->unstable, unstable, sizeof unstable));
    fprintf(out, "; the longest took %.1f ms\n", (double)shots->longest_ns / 1e6);
}

static void print_budget(FILE *out, const struct session_summary *s)
{
    const struct budget_summary *b = &s->budget;
    char hits[32];
    if (!b->is_on || b->cpu_ns == 0)
        return;
    double cpu = (double)b->cpu_ns / 100;
    fprintf(out,
            "cost: about %.1f %% of the target's CPU time: %.1f %% in its probes (%s hits at %.2f us%s, %.2f us more with a call "
            "chain), %.1f %% the recorder's own while no CPU was idle\n",
            (b->cost_ns + b->taken_ns) / cpu, b->cost_ns / cpu, units_format_count(b->hits, hits, sizeof hits), b->hit_ns / 1e3,
            b->is_measured ? "" : " assumed", b->chain_ns / 1e3, b->taken_ns / cpu);
    if (b->off_ns)
        fprintf(out, "recorded %.1f %% of the time, with %u pauses (--budget)\n",
                100 * (double)b->on_ns / (double)(b->on_ns + b->off_ns), b->windows);
}

void report_summary(FILE *out, const struct target *target, const struct session_summary *s, bool colour)
{
    char events[32], size[24];
    double per_event = s->writer.events ? (double)s->writer.stored_bytes / (double)s->writer.events : 0;
    double seconds = (double)s->elapsed_ns / 1e9;
    fprintf(out, "recorded %s (pid %d) for %.3f s: %s\n", target->comm, (int)target->pid, seconds,
            session_end_text(s->end));
    fprintf(out, "%s events (%.0f/s), %s, %.2f bytes an event; recorder CPU %.2f s user, %.2f s system",
            units_format_count(s->writer.events, events, sizeof events),
            seconds > 0 ? (double)s->writer.events / seconds : 0,
            units_format_size(s->writer.stored_bytes, size, sizeof size), per_event,
            (double)s->cpu_user_ns / 1e9, (double)s->cpu_system_ns / 1e9);
    print_types(out, &s->writer);
    if (s->lost)
        print_losses(out, s, colour);
    else if (s->has_probes)
        fputs("no records lost\n", out);
    print_snapshots(out, s);
    print_budget(out, s);
    print_doubts(out, s);
    if (s->is_flight && s->files == 0)
        fputs("no file was asked for\n", out);
    else if (s->files > 1)
        fprintf(out, "%" PRIu64 " files, the last one is %s", s->files, s->output);
    if (s->files > 1 && s->files_removed)
        fprintf(out, "; the oldest %" PRIu64 " were removed", s->files_removed);
    if (s->files > 1)
        fputs("\n", out);
    else if ((s->files == 1 || !s->is_flight) && strcmp(s->output, "-") != 0)
        fprintf(out, "written to %s\n", s->output);
}
