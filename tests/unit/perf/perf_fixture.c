#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf/tracefs.h"
#include "perf_fixture.h"

const char *perf_fixture_missing(void)
{
    static char reason[1200];
    struct error err;
    struct perf_session *session;
    const struct perf_session_options options = {.ring_bytes = 4096, .pid = getpid()};
    char tracefs[256];
#ifndef __x86_64__
    return "the probed program is made for x86-64";
#endif
    if (tracefs_find(tracefs, sizeof tracefs, &err) < 0 ||
        perf_session_new(&options, tracefs, &session, &err) < 0) {
        snprintf(reason, sizeof reason, "%s", err.message);
        return reason;
    }
    perf_session_free(session);
    return NULL;
}

const char *perf_fixture_programs_missing(void)
{
    static char reason[1200];
    const struct perf_session_options options = {.ring_bytes = 4096, .pid = getpid(), .programs = true};
    struct perf_session *session;
    char tracefs[256];
    if (perf_fixture_missing())
        return perf_fixture_missing();
    if (tracefs_find(tracefs, sizeof tracefs, NULL) < 0 ||
        perf_session_new(&options, tracefs, &session, NULL) < 0)
        return "no session";
    snprintf(reason, sizeof reason, "%s", perf_session_programs_missing(session));
    perf_session_free(session);
    return *reason ? reason : NULL;
}

void perf_fixture_begin(const char *missing)
{
    enum { SECONDS_MAX = 30 }; /* for a whole test that hangs */
    if (missing) {
        print_message("skipped: %s\n", missing);
        skip();
    }
    alarm(SECONDS_MAX);
}

int perf_fixture_tear_down(void **state)
{
    perf_fixture_abandon(*state);
    alarm(0);
    return 0;
}

void hit_target_start(struct hit_target *self)
{
    int to[2], from[2];
    unsigned first_byte;
    assert_int_equal(pipe(to), 0);
    assert_int_equal(pipe(from), 0);
    self->pid = fork();
    assert_true(self->pid >= 0);
    if (self->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(to[0], 0);
        dup2(from[1], 1);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execl(HIT_TARGET, HIT_TARGET, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    self->to = fdopen(to[1], "w");
    self->from = fdopen(from[0], "r");
    assert_int_equal(fscanf(self->from, "site %" SCNu64 " %" SCNu64 " %u", &self->file_offset, &self->address,
                            &first_byte),
                     3);
    assert_int_equal(first_byte, 0x55); /* push %rbp: emulated by the kernel */
}

pid_t hit_target_run(struct hit_target *self, const char *command)
{
    int tid;
    fprintf(self->to, "%s\n", command);
    fflush(self->to);
    assert_int_equal(fscanf(self->from, " ok %d", &tid), 1);
    return tid;
}

void hit_target_stop(struct hit_target *self)
{
    fclose(self->to);
    fclose(self->from);
    kill(self->pid, SIGKILL);
    waitpid(self->pid, NULL, 0);
}

static void check_hit(struct tally *tally, const struct record *record)
{
    uint64_t i = record->value[0];
    const uint64_t *array = &record->value[1];
    bool ok = array[0] == i && array[1] == i + 1 && array[2] == i + 2 && array[3] == UINT64_MAX &&
              record->value[5] == (uint64_t)-5 && record->value[6] == 200 && record->probe < 8;
    if (tally->want_chain)
        ok = ok && record->chain && record->chain_length >= 3 && record->chain[0] == tally->address &&
             !record->chain_cut;
    else
        ok = ok && !record->chain;
    tally->bad += !ok;
    tally->hits++;
    tally->value_sum += i;
    if (record->probe < 8)
        tally->hits_of[record->probe]++;
}

static int take(void *context, unsigned ring, const struct record *record, struct error *err)
{
    struct tally *tally = context;
    bool watched = record->tid == tally->watched_tid;
    (void)err;
    /* The clock may step back by some ns within a ring, never by more. */
    if (ring >= 64 || record->time_ns + 1000 < tally->last_time_ns[ring])
        tally->bad++;
    else
        tally->last_time_ns[ring] = record->time_ns;
    switch (record->kind) {
    case RECORD_PROBE:
        check_hit(tally, record);
        tally->watched_hits += watched;
        break;
    case RECORD_LOST:
        tally->lost += record->lost;
        break;
    case RECORD_FORK:
        tally->forks++;
        break;
    case RECORD_EXIT:
        tally->exits++;
        break;
    case RECORD_NAME:
        tally->names++;
        memcpy(tally->last_name, record->name, sizeof tally->last_name);
        break;
    case RECORD_SWITCH_OUT:
        tally->outs++;
        tally->watched_outs += watched;
        tally->sleep_outs += watched && record->prev_state == 1 && record->ip && record->sp;
        break;
    case RECORD_SWITCH_IN:
        tally->ins++;
        tally->watched_ins += watched;
        break;
    default:
        tally->bad++;
    }
    return 0;
}

static void must(int rc, const struct error *err)
{
    if (rc < 0)
        fail_msg("%s", err->message);
}

static void add_probe(struct perf_fixture *self, unsigned number, const struct perf_fixture_options *options)
{
    /* A program has the values in the order of the list. */
    static const char fetch[] = "value=%di:u64 array=+0(%si):x64[4] negative=%dx:s32 small=%cx:u8";
    struct error err;
    char name[16], path[64], *format;
    snprintf(name, sizeof name, "hit%u", number);
    snprintf(path, sizeof path, "/proc/%d/exe", (int)self->target.pid);
    struct sample_probe probe = {
        .name = name,
        .values = {"value", "array", "negative", "small"},
        .elements = {1, 4, 0, 1},
        .call_chain = options->call_chain,
    };
    if (options->programs)
        must(perf_session_load_program(self->session, &probe, fetch, self->target.file_offset, &err), &err);
    if (options->programs && perf_session_has_link(self->session)) {
        must(perf_session_add_probe(self->session, &probe, &err), &err);
        return;
    }
    must(uprobe_define(self->group, name, path, self->target.file_offset,
                       options->programs ? ""
                                         : "small=%cx:u8 value=%di:u64 array=+0(%si):x64[4] negative=%dx:s32",
                       &err),
         &err);
    must(uprobe_read_format(self->group, name, &format, &probe.event_id, &err), &err);
    probe.format = format;
    must(perf_session_add_probe(self->session, &probe, &err), &err);
    free(format);
}

void perf_fixture_start(struct perf_fixture *self, const struct perf_fixture_options *options)
{
    struct error err;
    memset(self, 0, sizeof *self);
    hit_target_start(&self->target);
    if (options->worker)
        hit_target_run(&self->target, "worker");
    self->tally.address = self->target.address;
    self->tally.want_chain = options->call_chain;
    must(tracefs_find(self->tracefs, sizeof self->tracefs, &err), &err);
    must(uprobe_group_new(&self->group, &err), &err);
    const struct perf_session_options session = {.ring_bytes = options->ring_bytes,
                                                 .pid = self->target.pid,
                                                 .thread_switches = options->switches,
                                                 .cpu_wide = options->cpu_wide,
                                                 .programs = options->programs,
                                                 .no_link = options->no_link};
    must(perf_session_new(&session, self->tracefs, &self->session, &err), &err);
    for (unsigned i = 0; i < (options->probes ? options->probes : 1); i++)
        add_probe(self, i, options);
    must(perf_session_add_thread(self->session, self->target.pid, &err), &err);
}

void perf_fixture_drain(struct perf_fixture *self)
{
    struct error err;
    uint64_t first = 0, second = 0;
    must(perf_session_drain(self->session, take, &self->tally, &first, &err), &err);
    must(perf_session_drain(self->session, take, &self->tally, &second, &err), &err);
    assert_true(second > first);
}

unsigned perf_fixture_definitions(const char *tracefs, const char *group)
{
    char path[512], wanted[128], *text;
    unsigned count = 0;
    struct error err;
    snprintf(path, sizeof path, "%s/uprobe_events", tracefs);
    snprintf(wanted, sizeof wanted, ":%s/", group);
    must(tracefs_read(path, 1 << 20, &text, &err), &err);
    for (const char *at = text; (at = strstr(at, wanted)) != NULL; at++)
        count++;
    free(text);
    return count;
}

void perf_fixture_finish(struct perf_fixture *self)
{
    struct error err;
    must(perf_session_disable(self->session, &err), &err);
    perf_fixture_drain(self);
    perf_session_free(self->session);
    self->session = NULL;
    must(uprobe_group_delete(self->group, &err), &err);
    assert_int_equal(perf_fixture_definitions(self->tracefs, uprobe_group_name(self->group)), 0);
    perf_fixture_abandon(self);
}

void perf_fixture_abandon(struct perf_fixture *self)
{
    perf_session_free(self->session);
    self->session = NULL;
    uprobe_group_free(self->group);
    self->group = NULL;
    if (self->target.to)
        hit_target_stop(&self->target);
    self->target.to = NULL;
}
