#include "perf/cpu_scope.h"

#include <stdio.h>
#include <string.h>

void cpu_scope_init(struct cpu_scope *self)
{
    memset(self, 0, sizeof *self);
    map_init(&self->tids);
}

void cpu_scope_release(struct cpu_scope *self)
{
    map_release(&self->tids);
}

bool cpu_scope_add(struct cpu_scope *self, uint32_t tid)
{
    return map_put(&self->tids, tid, 1) == 0;
}

void cpu_scope_remove(struct cpu_scope *self, uint32_t tid)
{
    map_delete(&self->tids, tid);
}

bool cpu_scope_has(const struct cpu_scope *self, uint32_t tid)
{
    uint64_t unused;
    return map_get(&self->tids, tid, &unused);
}

/* The kernel's filters take what stands between quotes as it is. */
static bool fits(const char *name)
{
    for (; *name; name++) {
        if (*name == '"' || *name == '\\' || (unsigned char)*name < ' ')
            return false;
    }
    return true;
}

bool cpu_scope_name(struct cpu_scope *self, const char *name)
{
    if (self->any_name)
        return false;
    for (unsigned i = 0; i < self->name_count; i++) {
        if (strncmp(self->names[i], name, sizeof self->names[i] - 1) == 0)
            return false;
    }
    if (self->name_count == CPU_SCOPE_NAMES_MAX || !fits(name) || !*name)
        self->any_name = true;
    else
        snprintf(self->names[self->name_count++], sizeof self->names[0], "%.15s", name);
    return true;
}

bool cpu_scope_filter(const struct cpu_scope *self, const char *field, char *out, size_t size)
{
    size_t used = 0;
    if (self->any_name || self->name_count == 0)
        return false;
    for (unsigned i = 0; i < self->name_count; i++) {
        int length =
            snprintf(out + used, size - used, "%s%s == \"%s\"", i ? " || " : "", field, self->names[i]);
        if (length < 0 || (size_t)length >= size - used)
            return false;
        used += (size_t)length;
    }
    return true;
}
