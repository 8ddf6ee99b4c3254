/*
 * The text form of a trace, one line an event, driven by event_spec. `gotape-replay dump` prints it; golden tests are
 * written in it and turned into a real trace by trace_text_parse(). What is printed parses again, to the same trace.
 *
 *   # comment
 *   meta KEY VALUE
 *   string 1 main.worker
 *   location 1 pc=0x4a1b20 main.worker /src/main.go:12 main.run /src/main.go:40
 *   stack 1 cut 1 2 3
 *   object 1 chan addr=0xc000012345 gen=1 type=main.Job cap=8 doubt unread timer
 *   set 1 send:1 recv:2 incomplete
 *   1000 cpu=0 tid=7 create goid=18 g=0xc000001 creator=1 status=1 start=0 stack=1
 *   watermark 2000
 *   chunk
 *   epoch
 *
 * Words are separated by blanks. A word with blanks, quotes, a # or control characters is put in double quotes, with \",
 * \\, \n, \t and \xHH inside; key=value is one word and may be quoted from the value on. VALUE of meta and the text of a
 * string are the rest of the line as it stands, or one quoted word.
 *
 * Definitions have a number that is free to choose and that later lines refer to; `lost` instead of a number refers to a
 * definition that is missing, 0 to none. A location names the functions inlined there, innermost first, each with its file
 * and line, and `-` for what is not known. `cut`, `doubt`, `unread`, `timer` and `incomplete` are flags; so is cap=
 * (OBJECT_CAPACITY). Set cases are send, recv or any, with an object.
 *
 * Event lines begin with the time in ns. Fields that are absent are 0; what follows a # is a comment. `watermark` promises
 * that no later event is before that time; `chunk` ends a chunk, of facts or of events; `epoch` ends it too and begins a
 * new epoch, after which nothing defined before is known. Text without these words is a single epoch, in chunks of the
 * writer's choice.
 */
#ifndef GOTAPE_FORMAT_TRACE_TEXT_H
#define GOTAPE_FORMAT_TRACE_TEXT_H

#include "base/buf.h"
#include "format/trace_reader.h"
#include "format/trace_writer.h"

/* Appends one event as a line, with newline, and a NUL behind the end as buf_printf() does. With `reader`, what the ids
 * stand for follows as a comment, and an id without definition is printed as `lost`. */
void trace_text_event(struct buf *out, const struct event *event, const struct trace_reader *reader);

/* Appends a definition as a line; nothing when the reader does not know it. */
void trace_text_definition(struct buf *out, const struct trace_reader *reader, enum def_kind kind, uint32_t id);

/* Appends everything that trace_reader_next() has just found: facts, new definitions, events, and damage as a comment. */
void trace_text_chunk(struct buf *out, const struct trace_reader *reader, const struct trace_chunk *chunk);

/* The parts of trace_text_chunk() around the events, for callers that choose the events to print. */
void trace_text_chunk_begin(struct buf *out, const struct trace_reader *reader, const struct trace_chunk *chunk);
void trace_text_chunk_end(struct buf *out, const struct trace_chunk *chunk);

/* "chan", "mutex" …; NULL for a kind that is not known. */
const char *trace_text_object_kind(unsigned kind);

/* Parses a whole text and writes it as a trace through `writer` (not ended). Errors name the line. */
int trace_text_parse(const char *text, size_t size, struct trace_writer *writer, struct error *err);

#endif
