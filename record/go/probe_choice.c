#include "go/probe_choice.h"

#include <string.h>

static bool find(const struct probe_plan *plan, const char *name, size_t length, enum probe_id *out)
{
    for (enum probe_id id = 0; id < PROBE_COUNT; id++) {
        const char *known = probe_spec_get(id)->name;
        if (strlen(known) == length && memcmp(known, name, length) == 0 && probe_plan_is_armed(plan, id)) {
            *out = id;
            return true;
        }
    }
    return false;
}

int probe_choice_apply(struct probe_plan *plan, const char *names, struct error *err)
{
    bool chosen[PROBE_COUNT] = {false};
    if (!names)
        return 0;
    for (const char *name = names;; name++) {
        size_t length = strcspn(name, ",");
        enum probe_id id;
        if (!find(plan, name, length, &id))
            return error_set(err, ERR_USAGE,
                             "--only: '%.*s' is no probe that would be armed here (--check lists them)",
                             (int)length, name);
        chosen[id] = true;
        name += length;
        if (*name == '\0')
            break;
    }
    for (enum probe_id id = 0; id < PROBE_COUNT; id++)
        plan->left_out[id] = !chosen[id];
    if (plan->left_out[PROBE_PARK])
        plan->copy_count = 0;
    return 0;
}
