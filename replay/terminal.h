/* What standard output and standard error are: a terminal, how wide, with colours or not. */
#ifndef GOTAPE_REPLAY_TERMINAL_H
#define GOTAPE_REPLAY_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

/* Columns of the terminal behind the stream; 0 when it is none. */
unsigned terminal_width(FILE *stream);
/* A terminal that shows colours, and NO_COLOR (https://no-color.org) is not set. */
bool terminal_has_color(FILE *stream);

#endif
