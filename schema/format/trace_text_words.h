/* Words that printing and parsing of the text form share. */
#ifndef GOTAPE_FORMAT_TRACE_TEXT_WORDS_H
#define GOTAPE_FORMAT_TRACE_TEXT_WORDS_H

#include <stdint.h>

/* Refers to a definition that is missing; no writer gives this number. */
#define TEXT_LOST_ID UINT32_MAX

struct text_flag {
    uint32_t flag;
    const char *word;
};

/* By enum def_kind. */
extern const char *const text_kind_words[];
/* By enum def_kind; each list ends with a zero flag. */
extern const struct text_flag *const text_flags[];
/* By enum select_direction. */
extern const char *const text_directions[3];

#endif
