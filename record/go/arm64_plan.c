#include "go/arm64_plan.h"

#include <stdio.h>

#include "go/arm64_site.h"

/* The registers whose values would be fetched, by Go's internal ABI: x0 is the first argument; of others than these x0 alone. */
static const uint32_t arguments[PROBE_COUNT] = {
    [PROBE_EXEC] = 3,    /* gp, inheritTime */
    [PROBE_PARK] = 7,    /* unlockf, lock, reason */
    [PROBE_NET] = 6,     /* pd, mode */
    [PROBE_CONTEXT] = 7, /* receiver, parent */
    [PROBE_CONTEXT_END] = 31,
};

static bool code_of(const struct go_binary *binary, const char *const names[2], struct code *out,
                    const char **name_out)
{
    uint64_t start, end;
    for (unsigned i = 0; i < 2 && names[i]; i++) {
        *name_out = names[i];
        if (!go_binary_function(binary, names[i], &start, &end))
            continue;
        out->bytes = go_binary_bytes(binary, start, (size_t)(end - start));
        out->size = (size_t)(end - start);
        out->address = start;
        return out->bytes != NULL;
    }
    return false;
}

static bool find_place(const struct go_binary *binary, enum probe_id id, const struct code *code,
                       struct place *out)
{
    uint64_t gopark, end;
    switch (id) {
    case PROBE_CREATE:
        return arm64_site_newproc_tail(code, go_binary_layout(binary)->g_preempt, out);
    case PROBE_SELECT:
        return go_binary_function(binary, "runtime.gopark", &gopark, &end) &&
               arm64_site_call(code, gopark, out);
    default:
        return arm64_site_entry(code, arguments[id] ? arguments[id] : 1, out);
    }
}

bool arm64_plan_find(const struct go_binary *binary, enum probe_id id, const char *const names[2],
                     struct probe_site *site)
{
    struct code code;
    struct place place;
    const char *name = names[0];
    if (!code_of(binary, names, &code, &name)) {
        snprintf(site->missing, sizeof site->missing, "the program has no function %s", name);
        return false;
    }
    if (find_place(binary, id, &code, &place))
        return probe_plan_settle(binary, name, &code, &place, site);
    snprintf(site->missing, sizeof site->missing, "no place was found in %s", name);
    return false;
}
