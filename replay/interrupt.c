#include "interrupt.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>

static volatile int caught;
static struct store *volatile watched;

static void on_signal(int number)
{
    caught = number;
    if (watched)
        store_interrupt(watched);
}

void interrupt_install(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND | SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
    /* A reader that goes away (head, a pager) ends us without a word, also when our parent ignores the
     * signal. */
    signal(SIGPIPE, SIG_DFL);
}

const volatile int *interrupt_flag(void)
{
    return &caught;
}

void interrupt_watch(struct store *store)
{
    watched = store;
}
