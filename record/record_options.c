#include "record_options.h"

#include <string.h>

#include "base/opt.h"

#define ZSTD_LEVEL_DEFAULT 3
#define RING_BYTES_MIN     (64u << 10)
#define RING_BYTES_MAX     (1u << 30)

#define SNAPSHOT_INTERVAL_MIN_NS     10000000u
#define SNAPSHOT_INTERVAL_DEFAULT_NS 1000000000u /* where there is nothing but snapshots */

struct parse_state {
    struct record_options options;
    const char *detail, *scope, *engine, *budget;
    const char *probe_specs[USER_PROBES_MAX];
    struct opt_list probes;
    struct long_texts of_long;
    bool help, version, cleanup;
};

#define OPTION_ROWS 44

static void fill_table(struct parse_state *s, struct opt table[OPTION_ROWS])
{
    struct record_options *o = &s->options;
    s->probes = (struct opt_list){.items = s->probe_specs, .capacity = USER_PROBES_MAX};
    const struct opt rows[OPTION_ROWS] = {
        {0, NULL, OPT_HEADING, NULL, NULL, "What to record:"},
        {'p', "pid", OPT_INT, &o->pid, "PID", "attach to a running process, without stopping it"},
        {0, "name", OPT_STRING, &o->name, "NAME",
         "the same, by the name of the program; it must be the only one"},
        {0, "container", OPT_STRING, &o->container, "ID",
         "the same: the Go program in this container (the beginning of\nits id is enough); with --name one "
         "of several"},
        {'d', "duration", OPT_DURATION, &o->duration_ns, "T",
         "stop after T (500ms, 10s, 2m); otherwise when the target exits,\nor at Ctrl-C or SIGTERM"},
        {0, "detail", OPT_STRING, &s->detail, "LEVEL",
         "snapshot: no probe, only looks at all goroutines; block (default):\nwaits, wakes, ends of runs, "
         "labels; when a run began is inferred;\nsched: also a probe that tells when, on which P, a "
         "third more hits;\nall: also contexts, Ps, GC assists, new threads, which case of\na select fired"},
        {0, "scope", OPT_STRING, &s->scope, "SCOPE",
         "task (default): probes only the threads of the target; cpu: all\nCPUs, cheaper at thread switches "
         "and with "
         "many threads, but every\nprocess that runs the same file is slowed as well"},
        {0, "force-scope", OPT_FLAG, &o->force_scope, NULL,
         "--scope cpu even if another process runs the same file"},
        {0, "engine", OPT_STRING, &s->engine, "ENGINE",
         "who reads the values at a hit: bpf, a small program in the kernel,\ncheaper and without cost at thread switches; "
         "perf, the kernel's own\nsamples; auto (default): bpf where the kernel takes it"},
        {0, "probe", OPT_LIST, &s->probes, "SPEC",
         "also calls of a function, with up to 6 values at its entry:\n'main.handleOrder(id=+8(%ax):u64)'; "
         "up to 16 "
         "times"},
        {0, "only", OPT_STRING, &o->only, "PROBES",
         "only these probes of the level (park,ready), to measure what\neach of them costs: the recording "
         "tells no states"},
        {0, "snapshot-interval", OPT_DURATION, &o->snapshot_interval_ns, "T",
         "what all goroutines do, every T too (with --detail snapshot: 1s);\notherwise when attaching and at "
         "the end"},
        {0, "budget", OPT_STRING, &s->budget, "WARN,THIN",
         "what the recording may cost, as shares of the target's CPU time\n(default 5%,20%): above the first it warns; "
         "above the second it\nrecords less: without the dearest class of events, then in windows,\nthen it stops. off: all "
         "of the time, whatever it costs"},
        {0, "user", OPT_STRING, &o->user, "NAME", "run COMMAND as this user"},
        {0, "kill", OPT_FLAG, &o->kill_at_end, NULL,
         "stop COMMAND when the recording stops (it is left running otherwise)"},
        {0, "drop-to", OPT_STRING, &o->drop_to, "USER",
         "once the probes are armed, the recorder goes on as this user\n(a name, or UID:GID), without any "
         "capability (default: nobody)"},
        {0, "keep-root", OPT_FLAG, &o->keep_root, NULL, "the recorder keeps its rights until the end"},
        {0, "with-args", OPT_FLAG, &o->with_args, NULL,
         "keep the target's command line arguments in the file"},
        {0, NULL, OPT_HEADING, NULL, NULL, "Where to:"},
        {'o', "output", OPT_STRING, &o->output, "FILE",
         "default gotape-COMM-PID-YYYYmmddTHHMMSS.gotape, mode 0600;\n"
         "'-' writes the stream to standard output, and what COMMAND\n"
         "prints there to standard error"},
        {0, "force", OPT_FLAG, &o->force, NULL, "replace FILE when it exists"},
        {'z', "level", OPT_INT, &o->zstd_level, "N", "zstd level, 1 to 19 (default 3)"},
        {'m', "ring-size", OPT_SIZE, &o->ring_bytes, "S",
         "ring buffer of each CPU (default: 8M, less on hosts with many CPUs)"},
        {0, NULL, OPT_HEADING, NULL, NULL, "For long:"},
        {0, "max-size", OPT_SIZE, &o->of_long.max_bytes, "S",
         "stop when about so much is written (100M, 2G)"},
        {0, "rotate", OPT_STRING, &s->of_long.rotate, "S|T",
         "begin a new file at this size (100M) or after this time (10m):\nNAME.0001.gotape and so on, each "
         "complete in itself; the next one\nbegins with what every goroutine does at that moment, and since when"},
        {0, "keep", OPT_INT, &o->of_long.keep, "N",
         "with --rotate or --flight: only the newest N files of this run"},
        {0, "flight", OPT_STRING, &s->of_long.flight, "T[,S]",
         "keep the last T (30s) in memory, at most S (256M), and write\nthem to a numbered file at SIGUSR2, when "
         "a trigger fires, and\nwhen the target ends"},
        {0, "trigger", OPT_LIST, &s->of_long.triggers, "WHEN",
         "with --flight, up to 16 times: 'blocked>5s' (a goroutine of the\nprogram waits for longer, network and "
         "sleep aside),\n'runnable-p99>10ms' (waits for a CPU), 'goroutines>10000',\n'goroutines+200/s'"},
        {0, "cooldown", OPT_DURATION, &o->of_long.cooldown_ns, "T",
         "after a trigger, none fires for T (default 60s)"},
        {0, "follow", OPT_FLAG, &o->of_long.follow, NULL,
         "with --name or --container: wait for the process, record it, and\nwait for the next one when it has "
         "ended"},
        {0, NULL, OPT_HEADING, NULL, NULL, "Instead of recording:"},
        {0, "check", OPT_FLAG, &o->check, NULL,
         "show what would be probed where and at which cost,\nwhat is missing and what to do about it"},
        {0, "cleanup", OPT_FLAG, &s->cleanup, NULL,
         "remove probe definitions that a killed recorder left behind"},
        {'h', "help", OPT_FLAG, &s->help, NULL, "show this help"},
        {0, "version", OPT_FLAG, &s->version, NULL, "show the version"},
        {0, NULL, OPT_HEADING, NULL, NULL, "Messages:"},
        {'q', "quiet", OPT_FLAG, &o->quiet, NULL, "errors only"},
        {'v', "verbose", OPT_COUNT, &o->verbose, NULL, "say what is being done"},
    };
    memcpy(table, rows, sizeof rows);
}

static int parse_detail(const char *name, enum record_detail *out, struct error *err)
{
    if (!record_detail_find(name, out))
        return error_set(err, ERR_USAGE, "--detail: '%s' is none of snapshot, block, sched, all", name);
    return 0;
}

static int parse_scope(const char *name, bool *cpu_wide_out, struct error *err)
{
    *cpu_wide_out = strcmp(name, "cpu") == 0;
    if (!*cpu_wide_out && strcmp(name, "task") != 0)
        return error_set(err, ERR_USAGE, "--scope: '%s' is none of task, cpu", name);
    return 0;
}

static int parse_engine(const char *name, enum record_engine *out, struct error *err)
{
    static const char *const names[] = {[ENGINE_AUTO] = "auto", [ENGINE_BPF] = "bpf", [ENGINE_PERF] = "perf"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], name) == 0) {
            *out = (enum record_engine)i;
            return 0;
        }
    }
    return error_set(err, ERR_USAGE, "--engine: '%s' is none of auto, bpf, perf", name);
}

/* The process is to be found. */
static bool is_search(const struct record_options *o)
{
    return o->name || o->container;
}

static int check_values(const struct record_options *o, struct error *err)
{
    if (o->zstd_level < 1 || o->zstd_level > 19)
        return error_set(err, ERR_USAGE, "--level: %lld is not between 1 and 19", (long long)o->zstd_level);
    if (o->ring_bytes && (o->ring_bytes < RING_BYTES_MIN || o->ring_bytes > RING_BYTES_MAX))
        return error_set(err, ERR_USAGE, "--ring-size: must be between 64k and 1G");
    if ((o->name && !*o->name) || (o->container && !*o->container))
        return error_set(err, ERR_USAGE, "%s: the name is empty",
                         o->name && !*o->name ? "--name" : "--container");
    if (o->pid != -1 && is_search(o))
        return error_set(err, ERR_USAGE,
                         "--pid tells the process already: neither --name nor --container goes with it");
    if (o->mode == MODE_ATTACH && !is_search(o) && (o->pid <= 0 || o->pid > INT32_MAX))
        return error_set(err, ERR_USAGE, "--pid: %lld is not a process id", (long long)o->pid);
    if (o->mode == MODE_ATTACH && o->user)
        return error_set(err, ERR_USAGE, "--user goes with a COMMAND, not with --pid");
    if (o->mode == MODE_ATTACH && o->kill_at_end)
        return error_set(err, ERR_USAGE, "--kill goes with a COMMAND, not with --pid");
    if (o->drop_to && o->keep_root)
        return error_set(err, ERR_USAGE, "--drop-to and --keep-root exclude each other");
    if (o->snapshot_interval_ns && o->snapshot_interval_ns < SNAPSHOT_INTERVAL_MIN_NS)
        return error_set(err, ERR_USAGE, "--snapshot-interval: must be at least 10ms");
    if (o->output && o->output[0] == '\0')
        return error_set(err, ERR_USAGE, "--output: the name is empty");
    return 0;
}

/* What goes with the other options. */
static int check_long(const struct record_options *o, struct error *err)
{
    const struct long_options *l = &o->of_long;
    bool is_series = long_options_has_parts(l) || l->flight_ns;
    if (l->follow && !is_search(o))
        return error_set(err, ERR_USAGE, "--follow goes with --name or --container");
    if (l->follow && o->check)
        return error_set(err, ERR_USAGE, "--follow does not go with --check");
    if (l->follow && o->output && !is_series)
        return error_set(err, ERR_USAGE, "--follow writes several files: give --rotate or --flight with --output");
    if (is_series && o->output && strcmp(o->output, "-") == 0)
        return error_set(err, ERR_USAGE, "--output -: several files do not go to standard output");
    for (unsigned i = 0; i < l->trigger_count; i++) {
        if (o->detail == DETAIL_SNAPSHOT)
            return error_set(err, ERR_USAGE, "--trigger '%s': there are no events with --detail snapshot",
                             l->triggers[i].text);
        if (l->triggers[i].kind == TRIGGER_RUNNABLE_P99 && o->detail == DETAIL_BLOCK)
            return error_set(err, ERR_USAGE, "--trigger '%s' needs --detail sched: without it nothing tells when "
                             "goroutines begin to run", l->triggers[i].text);
    }
    if (is_series && o->force)
        return error_set(err, ERR_USAGE,
                         "--force: numbered files replace nothing; taken numbers are passed over");
    return 0;
}

int record_options_parse(int argc, char **argv, struct record_options *out, struct error *err)
{
    struct parse_state state = {
        .options = {.zstd_level = ZSTD_LEVEL_DEFAULT, .pid = -1, .detail = DETAIL_BLOCK,
                    .budget = {.warn = BUDGET_WARN_DEFAULT, .thin = BUDGET_THIN_DEFAULT}}};
    struct opt table[OPTION_ROWS];
    long_options_init(&state.options.of_long, &state.of_long);
    fill_table(&state, table);
    int operands;
    int rc = opt_parse(table, argc, argv, true, &operands, err);
    if (rc != 0)
        return rc;
    struct record_options *o = &state.options;
    if (state.help || state.version) {
        o->mode = state.help ? MODE_HELP : MODE_VERSION;
    } else if (state.cleanup) {
        if (operands || o->pid != -1 || is_search(o))
            return error_set(err, ERR_USAGE, "--cleanup takes neither COMMAND nor --pid");
        o->mode = MODE_CLEANUP;
    } else if (o->pid != -1 || is_search(o)) {
        if (operands)
            return error_set(err, ERR_USAGE,
                             "give either --pid (--name, --container) or a COMMAND, not both");
        o->mode = MODE_ATTACH;
    } else if (operands) {
        o->mode = MODE_LAUNCH;
        o->command = argv + argc - operands;
    } else {
        return error_set(err, ERR_USAGE, "nothing to record: give -p PID, or -- COMMAND [ARG…] (see --help)");
    }
    rc = check_values(o, err);
    for (unsigned i = 0; rc == 0 && i < state.probes.count; i++)
        rc = user_probe_parse(state.probes.items[i], &o->probes[o->probe_count++], err);
    if (rc == 0)
        rc = long_options_read(&o->of_long, &state.of_long, err);
    if (rc == 0 && state.detail)
        rc = parse_detail(state.detail, &o->detail, err);
    if (rc == 0 && state.scope)
        rc = parse_scope(state.scope, &o->cpu_wide, err);
    if (rc == 0 && state.engine)
        rc = parse_engine(state.engine, &o->engine, err);
    if (rc == 0 && o->engine == ENGINE_BPF && o->cpu_wide)
        rc = error_set(err, ERR_USAGE, "--engine bpf does not go with --scope cpu");
    if (rc == 0 && o->force_scope && !o->cpu_wide)
        rc = error_set(err, ERR_USAGE, "--force-scope goes with --scope cpu");
    if (rc == 0)
        rc = check_long(o, err);
    if (rc == 0 && state.budget && budget_limits_parse(state.budget, &o->budget, err) != 0)
        rc = error_prefix(err, "--budget: ");
    if (rc == 0 && o->detail == DETAIL_SNAPSHOT && o->probe_count)
        rc = error_set(err, ERR_USAGE, "--probe: there are no probes with --detail snapshot");
    if (rc == 0 && o->detail == DETAIL_SNAPSHOT && o->only)
        rc = error_set(err, ERR_USAGE, "--only: there are no probes with --detail snapshot");
    if (o->detail == DETAIL_SNAPSHOT && o->snapshot_interval_ns == 0)
        o->snapshot_interval_ns = SNAPSHOT_INTERVAL_DEFAULT_NS;
    if (rc == 0)
        *out = *o;
    return rc;
}

void record_options_print_help(FILE *out)
{
    struct parse_state state = {0};
    struct opt table[OPTION_ROWS];
    fill_table(&state, table);
    fputs("Usage: gotape-record [options] -- COMMAND [ARG…]   start a program and record it\n"
          "       gotape-record [options] -p PID             attach to a running process (or --name, "
          "--container)\n"
          "\n"
          "Records what every goroutine of a Go program does and waits for, with no change to the program,\n"
          "into one small file for gotape-replay. Needs root, or CAP_SYS_ADMIN with access to tracefs.\n",
          out);
    opt_print_help(table, out);
    fputs(
        "\n"
        "Examples:\n"
        "  gotape-record -d 10s --name api              ten seconds of a running service\n"
        "  gotape-record -o run.gotape -- ./api -v      from the first instruction to the exit\n"
        "  gotape-record --check --name api             can it be recorded, and at what cost?\n"
        "  gotape-replay who-blocked run.gotape         then ask who waited longest, and for whom\n"
        "\n"
        "Exit status: that of COMMAND (or its signal); 125 when the recorder itself fails, 126 when COMMAND\n"
        "cannot be recorded, 127 when it is not found; 2 when --name or --container fits no process or\n"
        "several; 0 when the recording ended first.\n",
        out);
}
