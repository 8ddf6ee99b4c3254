#include "sql_shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "interrupt.h"
#include "listing.h"

static int run_statement(struct store *store, const char *sql)
{
    struct listing listing;
    struct query_result result;
    struct error err = {0};
    listing_init(&listing);
    listing.limit = 0;
    int rc = listing_run(&listing, store, sql, false, NULL, 0, NULL, &result, &err);
    fflush(stdout);
    if (rc != 0)
        fprintf(stderr, "%s\n", err.message);
    return rc;
}

/* False: leave the shell. */
static bool run_command(const char *line)
{
    if (strncmp(line, ".quit", 5) == 0 || strncmp(line, ".exit", 5) == 0)
        return false;
    if (strncmp(line, ".schema", 7) == 0)
        fputs(store_schema_text(), stdout);
    else
        printf("End a query with ';'. .schema prints the tables, .quit leaves.\n");
    return true;
}

/* Whether the text ends with ';', white space aside. */
static bool is_complete(const struct buf *text)
{
    size_t size = text->size;
    while (size > 0 && strchr(" \t\r\n", text->data[size - 1]))
        size--;
    return size > 0 && text->data[size - 1] == ';';
}

static bool is_blank(const struct buf *text)
{
    for (size_t i = 0; i < text->size; i++) {
        if (!strchr(" \t\r\n;", text->data[i]))
            return false;
    }
    return true;
}

int sql_shell_run(struct store *store)
{
    bool interactive = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO), more = true;
    struct buf text;
    char *line = NULL;
    size_t capacity = 0;
    int rc = 0;
    buf_init(&text);
    while (more && !*interrupt_flag()) {
        if (interactive) {
            fputs(text.size > 0 ? "   ...> " : "gotape> ", stdout);
            fflush(stdout);
        }
        ssize_t length = getline(&line, &capacity, stdin);
        more = length >= 0;
        if (more && text.size == 0 && line[0] == '.') {
            more = run_command(line);
            continue;
        }
        if (more)
            buf_put(&text, line, (size_t)length);
        if ((more && !is_complete(&text)) || is_blank(&text))
            continue;
        buf_put_u8(&text, 0);
        int code = buf_failed(&text) ? ERR_NOMEM : run_statement(store, (const char *)text.data);
        if (code != 0 && !interactive)
            rc = code;
        buf_reset(&text);
    }
    free(line);
    buf_release(&text);
    return rc;
}
