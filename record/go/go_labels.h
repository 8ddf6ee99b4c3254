/* The pprof labels of a goroutine (runtime/pprof.Do, SetGoroutineLabels), read from the live target. */
#ifndef GOTAPE_RECORD_GO_LABELS_H
#define GOTAPE_RECORD_GO_LABELS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "go/go_process.h"

#define GO_LABELS_MAX      64     /* of one goroutine; more are left out */
#define GO_LABEL_TEXT_MAX  1024   /* bytes of a key or a value; longer ones are cut at a character */
#define GO_LABELS_JSON_MAX 32768u /* bytes; what would go beyond is left out */

/*
 * Appends the labels behind `labels`, the value of g.labels, as a JSON object of strings in the order of its
 * keys: {"tenant":"a"}. Bytes that are no UTF-8 become U+FFFD. False, and nothing is appended, when the
 * memory does not look like labels (vanished, reused), for 0, and without memory. Label sets never change once
 * a goroutine has them (runtime/pprof/label.go), so a pointer means one text as long as a goroutine holds it.
 */
bool go_process_read_labels(const struct go_process *process, uint64_t labels, struct buf *out);

/* The same for a process and a Go version: 1.`minor`. */
bool go_labels_read(struct go_memory memory, int minor, uint64_t labels, struct buf *out);

/* True when the goroutine with this g has this number and this g.labels at the moment. */
bool go_process_has_labels(const struct go_process *process, uint64_t g, uint64_t goid, uint64_t labels);

#endif
