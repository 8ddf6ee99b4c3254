#include "load/resolve.h"

#include <stddef.h>

#include "format/event_spec.h"

static uint64_t polldesc_of(const struct trace_reader *reader, uint64_t id)
{
    const struct def_object *object = id <= UINT32_MAX ? trace_reader_object(reader, (uint32_t)id) : NULL;
    return object && object->kind == OBJECT_POLLDESC ? object->addr : 0;
}

void resolve_event(struct event *event, const struct trace_reader *reader, struct symbolizer *symbols,
                   struct sync_objects *objects)
{
    const struct event_spec *spec = event_spec_get(event->type);
    if (!spec)
        return;
    if (event->type == EV_PARK)
        event->f[PARK_POLLDESC] = polldesc_of(reader, event->f[PARK_OBJECT]);
    else if (event->type == EV_GOROUTINE)
        event->f[GOROUTINE_POLLDESC] = polldesc_of(reader, event->f[GOROUTINE_OBJECT]);
    for (unsigned i = 0; i < spec->field_count; i++) {
        uint64_t *field = &event->f[i];
        switch (spec->fields[i].kind) {
        case FIELD_STACK:
            *field = symbolizer_stack(symbols, reader, *field);
            break;
        case FIELD_LOCATION:
            /* A goroutine starts in a function; a thread stops in whatever was inlined there. */
            *field = event->type == EV_GOROUTINE_ORIGIN && i == ORIGIN_CREATED_AT
                         ? symbolizer_site(symbols, reader, *field)
                         : symbolizer_function(symbols, reader, *field, event->type == EV_THREAD_OUT);
            break;
        case FIELD_STRING:
            *field = symbolizer_text(symbols, reader, *field);
            break;
        case FIELD_OBJECT:
            *field = object_facts_pack(sync_objects_get(objects, reader, *field));
            break;
        case FIELD_SET:
            *field = (uintptr_t)sync_objects_get_set(objects, reader, *field);
            break;
        default:
            break;
        }
    }
}

void resolve_drop(const struct event *event)
{
    if (event->type == EV_SELECT)
        select_set_release((struct select_set *)(uintptr_t)event->f[SELECT_SET]);
}
