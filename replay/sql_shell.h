/* A minimal SQL shell for hosts without sqlite3: statements end with ';', answers are tables. */
#ifndef GOTAPE_REPLAY_SQL_SHELL_H
#define GOTAPE_REPLAY_SQL_SHELL_H

#include "store/store.h"

/* Reads standard input to its end. Returns 0, or the code of the last failed statement when input is no
 * terminal. */
int sql_shell_run(struct store *store);

#endif
