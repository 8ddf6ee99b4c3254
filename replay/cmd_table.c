/* The table of subcommands: the names, the words of --help, and where each is carried out. */
#include "cmd.h"

#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    {"", "TRACE", "A one-screen summary: quality, goroutines, longest waits, busiest channels.", "",
     "  gotape-replay api.gotape\n", run_summary},
    {"info", "TRACE", "What was recorded, on what, how well, and how the program was built.", "",
     "  gotape-replay info api.gotape\n"
     "  gotape-replay info api.gotape --format json\n",
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
    {"chans", "TRACE", "Every channel seen: waits, waiters, wakers and places, most waited for first.",
     "A select counts as a wait on each of its channels.\n",
     "  gotape-replay chans api.gotape\n"
     "  gotape-replay chans api.gotape --limit 0 --format csv > chans.csv\n",
     run_chans},
    {"goroutines", "TRACE", "One row for each goroutine: origin, life, how its time was spent, how it ended.",
     "",
     "  gotape-replay goroutines api.gotape\n"
     "  gotape-replay goroutines api.gotape --format jsonl | jq 'select(.ended_ns == null)'\n",
     run_goroutines},
    {"goroutine", "TRACE N", "The life of goroutine N as a time line of states.", "",
     "  gotape-replay goroutine api.gotape 18\n"
     "  gotape-replay goroutine api.gotape 18 --stacks --since -1s\n",
     run_goroutine},
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
