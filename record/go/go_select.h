/* The number of cases of a select statement, read from the code that calls runtime.selectgo. Pure. */
#ifndef GOTAPE_RECORD_GO_SELECT_H
#define GOTAPE_RECORD_GO_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `code` is the whole calling function, `call_end` the offset behind its `call selectgo`. The compiler puts
 * the number of sends into %edi and that of receives into %esi as constants. False when that is not what is
 * there. */
bool go_select_decode(const uint8_t *code, size_t size, size_t call_end, unsigned *sends_out,
                      unsigned *receives_out);

#endif
