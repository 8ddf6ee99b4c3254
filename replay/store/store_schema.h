/* The SQL of schema/sql, embedded at build time. */
#ifndef GOTAPE_REPLAY_STORE_SCHEMA_H
#define GOTAPE_REPLAY_STORE_SCHEMA_H

extern const char schema_sql_facts[];
extern const char schema_sql_derived[];
extern const char schema_sql_views[];
extern const char schema_sql_indexes[];
extern const char schema_sql_text[]; /* all of them */

#endif
