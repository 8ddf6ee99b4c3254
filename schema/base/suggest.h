/* What may have been meant by a word that is not known. */
#ifndef GOTAPE_BASE_SUGGEST_H
#define GOTAPE_BASE_SUGGEST_H

#define SUGGEST_FAR 99

/* How many single-character edits lie between two words; SUGGEST_FAR when one has more than 60 characters. */
unsigned suggest_distance(const char *a, const char *b);

#endif
