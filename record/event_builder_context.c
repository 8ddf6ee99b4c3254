/*
 * Events of package context.
 */
#include "event_builder_impl.h"

bool build_context(struct event_builder *self, const struct record *r, struct event *e)
{
    const uint64_t *v = r->value;
    struct go_interface child = {v[V_CONTEXT_CHILD_ITAB], v[V_CONTEXT_CHILD]};
    struct go_interface parent = {v[V_CONTEXT_PARENT_ITAB], v[V_CONTEXT_PARENT]};
    struct go_interface inner = {v[V_CONTEXT_PARENT2_ITAB], v[V_CONTEXT_PARENT2]};
    if (!child.data)
        return false;
    e->f[CONTEXT_GOID] = v[V_CONTEXT_GOID];
    e->f[CONTEXT_ADDRESS] = context_table_address(self->contexts, child, v[V_CONTEXT_INNER]);
    e->f[CONTEXT_PARENT] = context_table_parent(self->contexts, parent, inner);
    e->f[CONTEXT_DEADLINE] =
        context_table_deadline(self->contexts, child, v[V_CONTEXT_WALL], v[V_CONTEXT_EXT]);
    e->f[CONTEXT_STACK] = event_builder_stack(self, r, v[V_CONTEXT_RET], NULL);
    return true;
}

/* A context that has ended already is often cancelled again. */
bool build_context_end(struct event_builder *self, const struct record *r, struct event *e)
{
    const uint64_t *v = r->value;
    struct go_interface error = {v[V_CONTEXT_END_ERROR_ITAB], v[V_CONTEXT_END_ERROR]};
    struct go_interface cause = {v[V_CONTEXT_END_CAUSE_ITAB], v[V_CONTEXT_END_CAUSE]};
    uint32_t type;
    if (!v[V_CONTEXT_END_CONTEXT] || v[V_CONTEXT_END_HAD_ERROR])
        return false;
    e->f[CONTEXT_END_GOID] = v[V_CONTEXT_END_GOID];
    e->f[CONTEXT_END_ADDRESS] = v[V_CONTEXT_END_CONTEXT];
    e->f[CONTEXT_END_DONE] = object_table_chan(self->o.objects, v[V_CONTEXT_END_DONE], r->time_ns);
    e->f[CONTEXT_END_CAUSE] = context_table_cause(self->contexts, error, cause, &type);
    e->f[CONTEXT_END_ERROR] = type;
    e->f[CONTEXT_END_STACK] = event_builder_stack(self, r, v[V_CONTEXT_END_RET], NULL);
    return true;
}
