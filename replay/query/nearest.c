#include "query/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define LENGTH_MAX 200

static size_t lower(const char *text, char *out)
{
    size_t length = 0;
    for (; text[length] && length < LENGTH_MAX - 1; length++)
        out[length] = (char)tolower((unsigned char)text[length]);
    out[length] = '\0';
    return length;
}

unsigned nearest_distance(const char *a, const char *b)
{
    char la[LENGTH_MAX], lb[LENGTH_MAX];
    unsigned row[LENGTH_MAX];
    size_t na = lower(a, la), nb = lower(b, lb);
    for (size_t j = 0; j <= nb; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            unsigned best = diagonal + (la[i - 1] != lb[j - 1]);
            diagonal = row[j];
            best = row[j] + 1 < best ? row[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            row[j] = best;
        }
    }
    /* Containment first; the edits (all insertions) then order by length. */
    bool contains = na > 0 && nb > 0 && (strstr(la, lb) || strstr(lb, la));
    return row[nb] + (contains ? 0 : LENGTH_MAX);
}

void nearest_init(struct nearest *self, const char *word)
{
    memset(self, 0, sizeof *self);
    self->word = word;
}

void nearest_offer(struct nearest *self, const char *candidate)
{
    unsigned distance = nearest_distance(self->word, candidate);
    size_t at = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (strncmp(self->text[i], candidate, NEAREST_TEXT_SIZE - 1) == 0)
            return;
        if (self->distance[i] <= distance)
            at = i + 1;
    }
    if (at == NEAREST_KEPT)
        return;
    if (self->count < NEAREST_KEPT)
        self->count++;
    for (size_t i = self->count - 1; i > at; i--) {
        self->distance[i] = self->distance[i - 1];
        memcpy(self->text[i], self->text[i - 1], NEAREST_TEXT_SIZE);
    }
    self->distance[at] = distance;
    snprintf(self->text[at], NEAREST_TEXT_SIZE, "%s", candidate);
}
