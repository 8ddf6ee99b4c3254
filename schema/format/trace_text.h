/*
 * The text form of a trace, one line an event, driven by event_spec. `gotape-replay dump` prints it; golden tests are
 * written in it and turned into a real trace by trace_text_parse.
 *
 *   # comment
 *   meta KEY VALUE…
 *   string 1 main.worker            (definitions: kind, id, content; in a parsed text ids may be any names-free numbers)
 *   location 1 pc=0x4a1b20 main.worker /src/main.go:12 [inlined-into main.run /src/main.go:40]…
 *   stack 1 [cut] 1 2 3
 *   object 1 chan addr=0xc000012345 gen=1 type=main.Job cap=8 [doubt] [unread] [timer]
 *   set 1 send:1 recv:2 [incomplete]
 *   watermark 2000
 *   chunk                            (ends a chunk)
 *   1000 cpu=0 tid=7 create goid=18 g=0xc000001 creator=1 status=1 start=0 stack=1
 *
 * Fields that are absent are 0.
 */
#ifndef GOTAPE_FORMAT_TRACE_TEXT_H
#define GOTAPE_FORMAT_TRACE_TEXT_H

#include "base/buf.h"
#include "format/trace_reader.h"
#include "format/trace_writer.h"

/* Appends one event as a line (with newline). With `reader`, ids are followed by what they stand for. */
void trace_text_event(struct buf *out, const struct event *event, const struct trace_reader *reader);

/* Parses a whole text and writes it as a trace through `writer` (not ended). Errors name the line. */
int trace_text_parse(const char *text, size_t size, struct trace_writer *writer, struct error *err);

#endif
