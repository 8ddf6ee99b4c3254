/* The schema is its own documentation: a comment stands above every table and view, and behind every column.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "store/store.h"

static void everything_has_a_comment(void **state)
{
    (void)state;
    const char *text = store_schema_text();
    char line[512], before[512] = "";
    int tables = 0, columns = 0, in_table = 0;
    while (*text) {
        size_t length = strcspn(text, "\n");
        assert_true(length < sizeof line);
        memcpy(line, text, length);
        line[length] = '\0';
        text += length + (text[length] == '\n');
        if (strncmp(line, "CREATE TABLE", 12) == 0 || strncmp(line, "CREATE VIEW", 11) == 0) {
            if (strncmp(before, "-- ", 3) != 0)
                fail_msg("no comment above: %s", line);
            in_table = line[length - 1] == '(';
            tables++;
        } else if (in_table && line[0] == ')') {
            in_table = 0;
        } else if (in_table && strncmp(line, "  PRIMARY KEY", 13) != 0 && line[2] != ' ') {
            columns++;
            if (!strstr(line, "-- "))
                fail_msg("no comment behind: %s", line);
        }
        strcpy(before, line);
    }
    assert_true(tables >= 25);
    assert_true(columns >= 130);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(everything_has_a_comment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
