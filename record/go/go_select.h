/* The number and order of the cases of a select statement, read from the code that calls runtime.selectgo. Pure. */
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

#define GO_SELECT_ORDER_MAX 16

/*
 * Where in the source each case of selectgo's array stands: places[i] for the i-th of the array. The compiler fills the array,
 * which lies in the caller's frame, case by case in source order (cmd/compile/internal/walk/select.go), and stores are
 * not reordered. False when the stores of the channels are not all to be seen, or tell an order that cannot be: sends
 * lie in source order, receives in its reverse.
 */
bool go_select_order(const uint8_t *code, size_t size, size_t call_end, unsigned sends, unsigned receives,
                     uint8_t places[GO_SELECT_ORDER_MAX]);

#endif
