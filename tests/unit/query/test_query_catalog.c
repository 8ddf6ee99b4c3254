/* Every named query: documented, and in step with the schema. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "query/catalog.h"
#include "query_fixture.h"

static void is_sorted_and_found(void **state)
{
    const struct catalog_query *query, *last = NULL;
    (void)state;
    for (size_t i = 0; (query = catalog_at(i)) != NULL; i++) {
        assert_ptr_equal(catalog_find(query->name), query);
        assert_true(!last || strcmp(last->name, query->name) < 0);
        last = query;
    }
    assert_non_null(last);
    assert_null(catalog_find("no_such_query"));
}

/* The comment in front of the statement. */
static char *head_of(const struct catalog_query *query)
{
    const char *end = query->sql;
    while (strncmp(end, "--", 2) == 0)
        end = strchr(end, '\n') + 1;
    return strndup(query->sql, (size_t)(end - query->sql));
}

static bool has_word(const char *text, const char *word, size_t length)
{
    for (const char *p = text; (p = strstr(p, word)) != NULL; p++) {
        bool starts = p == text || !(isalnum((unsigned char)p[-1]) || p[-1] == '_');
        if (starts && !(isalnum((unsigned char)p[length]) || p[length] == '_'))
            return true;
    }
    return false;
}

static void check_parameters(const struct catalog_query *query, const char *head)
{
    for (const char *p = query->sql + strlen(head); (p = strchr(p, ':')) != NULL;) {
        size_t length = 1 + strspn(p + 1, "abcdefghijklmnopqrstuvwxyz_");
        bool in_text = p[-1] == '\'' || length == 1 || (p > query->sql && isalpha((unsigned char)p[-1]));
        if (!in_text) {
            char *name = strndup(p, length);
            if (!has_word(head, name, length))
                fail_msg("%s: parameter %s is not documented", query->name, name);
            free(name);
        }
        p += length;
    }
}

static int no_row(struct row_sink *self, const struct row *row, struct error *err)
{
    (void)self;
    (void)row;
    (void)err;
    return 0;
}

static int no_end(struct row_sink *self, struct error *err)
{
    (void)self;
    (void)err;
    return 0;
}

struct column_check {
    struct row_sink base;
    const struct catalog_query *query;
    const char *head;
};

static int check_columns(struct row_sink *self, const struct column *columns, int count, struct error *err)
{
    const struct column_check *check = (const struct column_check *)self;
    (void)err;
    for (int i = 0; i < count; i++) {
        if (!has_word(check->head, columns[i].name, strlen(columns[i].name)))
            fail_msg("%s: column %s is not documented", check->query->name, columns[i].name);
    }
    return 0;
}

static void is_documented_and_runs(void **state)
{
    static const struct row_sink_type type = {check_columns, no_row, no_end, NULL};
    const struct catalog_query *query;
    struct store *store = *state;
    for (size_t i = 0; (query = catalog_at(i)) != NULL; i++) {
        char summary[120], *head = head_of(query);
        struct error err = {0};
        struct column_check check = {{&type}, query, head};
        struct query_options options = {.has_marks = true};
        assert_true(strlen(catalog_summary(query, summary, sizeof summary)) > 10);
        assert_non_null(strstr(head, "-- Parameters"));
        assert_non_null(strstr(head, "-- Columns:\n"));
        if (strstr(query->sql, "-- include:"))
            fail_msg("%s: a fragment is missing", query->name);
        check_parameters(query, head);
        /* Without parameters: nothing is restricted. Not every SQLite knows the sizes of tables. */
        bool can_run = strcmp(query->name, "sizes") != 0 || store_tells_sizes(store);
        if (can_run &&
            query_run(store, query->sql, &options, &check.base, NULL, &err) != 0)
            fail_msg("%s: %s", query->name, err.message);
        free(head);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_sorted_and_found),
        cmocka_unit_test_setup_teardown(is_documented_and_runs, fixture_open, fixture_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
