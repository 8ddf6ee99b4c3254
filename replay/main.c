/* gotape-replay: finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "interrupt.h"
#include "query/nearest.h"

static int unknown_command(const char *word)
{
    struct nearest nearest;
    nearest_init(&nearest, word);
    for (const struct command *c = command_table(); c->name; c++) {
        if (*c->name)
            nearest_offer(&nearest, c->name);
    }
    fprintf(stderr, "gotape-replay: there is no command or trace '%s'", word);
    if (nearest.count > 0 && nearest.distance[0] <= NEAREST_CLOSE)
        fprintf(stderr, " (did you mean '%s'?)", nearest.text[0]);
    fprintf(stderr, "; see gotape-replay --help\n");
    return STATUS_USAGE;
}

/* A word that is no command and no file, but looks like a file name, is a trace that is missing. */
static bool looks_like_file(const char *word)
{
    return access(word, F_OK) == 0 || strchr(word, '/') || strchr(word, '.') || strcmp(word, "-") == 0;
}

int main(int argc, char **argv)
{
    interrupt_install();
    if (argc < 2) {
        fprintf(stderr, "gotape-replay: which trace? Usage: gotape-replay TRACE, or gotape-replay --help\n");
        return STATUS_USAGE;
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || (strcmp(word, "help") == 0 && argc == 2)) {
        command_print_overview();
        return command_flush();
    }
    if (strcmp(word, "--version") == 0) {
        printf("gotape-replay %s\n", GOTAPE_VERSION);
        return command_flush();
    }
    if (strcmp(word, "help") == 0) {
        const struct command *topic = command_find(argv[2]);
        char help[] = "--help";
        char *args[] = {argv[2], help, NULL};
        return topic && *argv[2] ? topic->run(topic, 2, args) : unknown_command(argv[2]);
    }
    const struct command *command = *word ? command_find(word) : NULL;
    if (command)
        return command->run(command, argc - 1, argv + 1);
    if (word[0] != '-' && !looks_like_file(word))
        return unknown_command(word);
    const struct command *summary = command_find("");
    return summary->run(summary, argc, argv);
}
