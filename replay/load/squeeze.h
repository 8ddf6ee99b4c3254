/*
 * Makes a struct small that is mostly zeros and repetitions: for one that is kept for long and seldom looked at. Words that are zero
 * cost a bit, those that occurred before two bytes, others their bytes that are not zero.
 */
#ifndef GOTAPE_REPLAY_SQUEEZE_H
#define GOTAPE_REPLAY_SQUEEZE_H

#include <stddef.h>
#include <stdint.h>

#define SQUEEZE_WORDS_MAX    128
#define SQUEEZE_SIZE(words) ((words) / 8 + 1 + 9 * (words)) /* at most */

/* Returns the size. words: at most SQUEEZE_WORDS_MAX. */
size_t squeeze(const uint64_t *data, size_t words, uint8_t *out);
/* The same words again. `in` is what squeeze() made of as many. */
void unsqueeze(const uint8_t *in, uint64_t *data, size_t words);

#endif
