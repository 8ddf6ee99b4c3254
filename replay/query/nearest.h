/*
 * "Did you mean …": keeps the few candidates that are nearest to a word. Near means few edits; a candidate
 * that contains the word (or the other way round) is nearer than any that does not. Case does not count.
 */
#ifndef GOTAPE_QUERY_NEAREST_H
#define GOTAPE_QUERY_NEAREST_H

#include <stddef.h>

#define NEAREST_KEPT      5
#define NEAREST_TEXT_SIZE 200
/* Up to this distance a candidate is likely to be what was meant: it contains the word, or two edits lead to
 * it. */
#define NEAREST_CLOSE 202

struct nearest {
    const char *word; /* borrowed */
    size_t count;
    unsigned distance[NEAREST_KEPT];
    char text[NEAREST_KEPT][NEAREST_TEXT_SIZE]; /* best first */
};

void nearest_init(struct nearest *self, const char *word);
/* Equal texts are kept once. */
void nearest_offer(struct nearest *self, const char *candidate);
/* 0: equal but for case. */
unsigned nearest_distance(const char *a, const char *b);

#endif
