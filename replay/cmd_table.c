/* The table of subcommands: the names, the words of --help, and where each is carried out. */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    {"", "TRACE", "A one-screen summary: quality, goroutines, longest waits, busiest channels.", "",
     "  gotape-replay api.gotape\n", run_summary},
    {"info", "TRACE", "What was recorded, on what, how well, and how the program was built.", "",
     "  gotape-replay info api.gotape\n"
     "  gotape-replay info api.gotape --format json\n"
     "  gotape-replay info api.gotape --sizes       what makes it large\n",
     run_info},
    {"load", "TRACE", "Import the trace into an SQLite database.",
     "The other commands do this by themselves on first use. Load by hand to choose the place, or to hand "
     "the database to\n"
     "somebody: any SQLite client opens it.\n",
     "  gotape-replay load api.gotape\n"
     "  gotape-replay load api.gotape -o /tmp/api.db\n",
     run_load},
    {"who-blocked", "TRACE",
     "Waits, longest first: who waited, for what, where in the code, and who woke it.",
     "Shows the waits of the program's own goroutines on channels, selects, locks, conditions and wait "
     "groups. WAIT is the time\n"
     "from park to wake; READY>RUN from wake to running.\n",
     "  gotape-replay who-blocked api.gotape\n"
     "  gotape-replay who-blocked api.gotape --chan 'chan main.Job'     by element type\n"
     "  gotape-replay who-blocked api.gotape --chan 0xc000102060        by address\n"
     "  gotape-replay who-blocked api.gotape --chan worker.go:31        by line\n"
     "  gotape-replay who-blocked api.gotape --chan 'main.(*Pool).Get'  by function\n"
     "  gotape-replay who-blocked api.gotape --reason mutex --by site\n"
     "  gotape-replay who-blocked api.gotape --since 2s --until 2.5s --format json\n",
     run_who_blocked},
    {"leaks", "TRACE", "Goroutines that never resumed, and what could still wake them.",
     "Every goroutine that waits when the recording ends; those that were started and wait alike stand in "
     "one "
     "row.\n"
     "VERDICT: stuck (nothing that was seen can wake it), unknown (what it waits for was not recorded), idle "
     "(others are\n"
     "woken by the same object, or after waits as long at the same place), timer, net, runtime.\n",
     "  gotape-replay leaks api.gotape\n"
     "  gotape-replay leaks api.gotape --min-wait 30s --stacks\n"
     "  gotape-replay leaks api.gotape --by goroutine --format jsonl | jq 'select(.verdict == \"stuck\")'\n",
     run_leaks},
    {"why", "TRACE N",
     "Why goroutine N waited: who ended its longest wait, what that one waited for, and so on.",
     "Each step is the longest wait, within the wait before, of the goroutine that ended it, and tells "
     "whether a lock, another\n"
     "goroutine, a timer, the network, the garbage collector, the scheduler or a system call was to blame.\n",
     "  gotape-replay why api.gotape 18\n"
     "  gotape-replay why api.gotape 18 --at 2.5s --depth 10\n"
     "  gotape-replay why api.gotape 18 --format json\n",
     run_why},
    {"locks", "TRACE", "The mutexes that were waited for, longest total first, and who held them.",
     "Who held a lock is who ended the wait for it by unlocking.\n",
     "  gotape-replay locks api.gotape\n"
     "  gotape-replay locks api.gotape --by holder\n",
     run_locks},
    {"chans", "TRACE", "Every channel seen: waits, waiters, wakers and places, most waited for first.",
     "A select counts as a wait on each of its channels.\n",
     "  gotape-replay chans api.gotape\n"
     "  gotape-replay chans api.gotape --limit 0 --format csv > chans.csv\n",
     run_chans},
    {"goroutines", "TRACE", "One row for each goroutine: origin, life, how its time was spent, how it ended.",
     "",
     "  gotape-replay goroutines api.gotape\n"
     "  gotape-replay goroutines api.gotape --sort runnable      who had to wait for a CPU\n"
     "  gotape-replay goroutines api.gotape --format jsonl | jq 'select(.ended_ns == null)'\n",
     run_goroutines},
    {"goroutine", "TRACE N", "The life of goroutine N as a time line of states.",
     "Within the states stand its system calls, its spans, the contexts that it made or ended, and what "
     "snapshots saw of it.\n",
     "  gotape-replay goroutine api.gotape 18\n"
     "  gotape-replay goroutine api.gotape 18 --stacks --since -1s\n",
     run_goroutine},
    {"syscalls", "TRACE", "System calls and cgo calls that put their thread to sleep, longest first.",
     "Seen from the kernel's scheduler: a call that never leaves the CPU is not listed.\n",
     "  gotape-replay syscalls api.gotape\n"
     "  gotape-replay syscalls api.gotape --by name\n"
     "  gotape-replay syscalls api.gotape --name fsync --min 10ms\n",
     run_syscalls},
    {"threads", "TRACE",
     "The program's threads: time on a CPU, preempted and by whom, idle, in system calls.", "",
     "  gotape-replay threads api.gotape\n"
     "  gotape-replay threads api.gotape --since 2s --until 3s\n",
     run_threads},
    {"gc", "TRACE", "Cycles of the garbage collector: what they stopped, and who waited for them.", "",
     "  gotape-replay gc api.gotape\n", run_gc},
    {"stw", "TRACE", "Times in which the world was stopped, longest first: why, by whom, how long.", "",
     "  gotape-replay stw api.gotape\n"
     "  gotape-replay stw api.gotape --by reason\n",
     run_stw},
    {"contexts", "TRACE", "Contexts: made where, deadline, ended when and by whom; who went on regardless.",
     "",
     "  gotape-replay contexts api.gotape\n"
     "  gotape-replay contexts api.gotape --ignored     who waited on after its context had ended\n",
     run_contexts},
    {"spans", "TRACE", "Calls of the functions given to gotape-record --probe, and what went on in them.", "",
     "  gotape-replay spans api.gotape\n"
     "  gotape-replay spans api.gotape --by probe\n"
     "  gotape-replay spans api.gotape --name main.handleOrder --min 100ms\n",
     run_spans},
    {"snapshots", "TRACE [N]", "The looks at all goroutines; with N, the goroutines of one, by equal stacks.",
     "",
     "  gotape-replay snapshots api.gotape\n"
     "  gotape-replay snapshots api.gotape 1 --limit 0\n",
     run_snapshots},
    {"sql", "TRACE [QUERY]", "Answer a query, or open a read-only SQL shell.",
     "The tables are explained by 'gotape-replay schema'; the queries behind the commands by 'gotape-replay "
     "schema --queries'.\n"
     "Nothing can be written, whatever the query or the database says. The shell is sqlite3 where that is "
     "installed.\n",
     "  gotape-replay sql api.gotape 'SELECT reason, count(*) FROM wait_named GROUP BY reason'\n"
     "  gotape-replay sql api.gotape\n",
     run_sql},
    {"schema", "", "The tables and views of the database, with their documentation.", "",
     "  gotape-replay schema\n"
     "  gotape-replay schema --queries\n",
     run_schema},
    {"verify", "TRACE", "Check every chunk of a trace: what is damaged, and what can be read.",
     "Reads the trace itself, not the database made from it.\n", "  gotape-replay verify api.gotape\n",
     run_verify},
    {"dump", "TRACE", "The events of a trace as text, one a line.",
     "Reads the trace itself, not the database made from it. Events come in the order of the file: sorted by "
     "time within each\n"
     "CPU's stream.\n",
     "  gotape-replay dump api.gotape | less\n"
     "  gotape-replay dump api.gotape --since 1s --until 1.1s\n",
     run_dump},
    {0},
};

const struct command *command_table(void)
{
    return commands;
}

const struct command *command_find(const char *name)
{
    for (const struct command *c = commands; c->name; c++) {
        if (strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

void command_print_overview(void)
{
    printf("Usage: gotape-replay TRACE\n"
           "       gotape-replay COMMAND TRACE [OPTION…]\n"
           "\n"
           "Answers questions about what the goroutines of a Go program waited for. TRACE is a file made by\n"
           "gotape-record, or a database made from one by 'load'.\n"
           "\n"
           "Commands:\n");
    for (const struct command *c = commands; c->name; c++)
        printf("  %-12s %s\n", *c->name ? c->name : "(none)", c->summary);
    printf("\n"
           "Options:\n"
           "  -h, --help     Print this help; 'gotape-replay COMMAND --help' explains a command.\n"
           "      --version  Print the version.\n"
           "\n"
           "Examples:\n"
           "  gotape-replay api.gotape                                what happened, on one screen\n"
           "  gotape-replay who-blocked api.gotape                    the longest waits\n"
           "  gotape-replay who-blocked api.gotape --chan main.Job    … on one kind of channel\n"
           "  gotape-replay goroutine api.gotape 18                   the life of one goroutine\n"
           "\n"
           "Exit status: 0 answered, 1 error, 2 wrong usage, 3 answered from damaged or incomplete data.\n");
}
