#include "span_probes.h"

#include <stdio.h>
#include <string.h>

const char *const span_value_names[SPAN_VALUES_MAX] = {"value_1", "value_2", "value_3",
                                                       "value_4", "value_5", "value_6"};

static int plan_probe(const struct user_probe *probe, const struct go_binary *binary, struct span_plan *out,
                      struct error *err)
{
    char values[SPAN_VALUES_MAX * (USER_PROBE_FETCH_SIZE + 16)] = "";
    size_t used = 0;
    for (unsigned i = 0; i < probe->value_count; i++)
        used += (size_t)snprintf(values + used, sizeof values - used, "%s%s=%s", i ? " " : "",
                                 span_value_names[i], probe->values[i].fetch);
    int rc = span_plan_make(binary, probe->function, values, out, err);
    return rc == 0 ? 0 : error_prefix(err, "--probe '%s': ", probe->spec);
}

int span_probes_init(const struct record_options *options, const struct go_binary *binary,
                     struct span_probes *out, struct error *err)
{
    unsigned sites = 0;
    memset(out, 0, sizeof *out);
    out->probes = options->probes;
    for (unsigned i = 0; i < options->probe_count; i++) {
        int rc = plan_probe(&options->probes[i], binary, &out->plans[i], err);
        if (rc != 0)
            return rc;
        out->count++;
        sites += 1 + out->plans[i].return_count;
    }
    if (sites > SPAN_SITES_MAX)
        return error_set(
            err, ERR_UNSUPPORTED,
            "--probe: the functions have %u entries and returns, %d are possible; probe fewer of them", sites,
            SPAN_SITES_MAX);
    return 0;
}

void span_probes_release(struct span_probes *self)
{
    for (unsigned i = 0; i < self->count; i++)
        span_plan_release(&self->plans[i]);
    self->count = 0;
}

int span_probes_each(const struct span_probes *self,
                     int (*fn)(void *context, const struct span_site *site, struct error *err), void *context,
                     struct error *err)
{
    int rc = 0;
    for (unsigned i = 0; i < self->count && rc == 0; i++) {
        const struct span_plan *plan = &self->plans[i];
        struct span_site site = {
            .site = &plan->entry, .probe = i, .value_count = self->probes[i].value_count};
        snprintf(site.name, sizeof site.name, "span_%u", i + 1);
        rc = fn(context, &site, err);
        for (unsigned k = 0; k < plan->return_count && rc == 0; k++) {
            site = (struct span_site){.site = &plan->returns[k], .probe = i, .is_end = true};
            snprintf(site.name, sizeof site.name, "span_%u_end_%u", i + 1, k + 1);
            rc = fn(context, &site, err);
        }
    }
    return rc;
}

bool span_probes_warning(const struct span_probes *self, unsigned probe, char *out, size_t size)
{
    const struct span_plan *plan = &self->plans[probe];
    const char *function = self->probes[probe].function;
    bool is_dear = plan->entry.cost != PROBE_COST_EMULATED;
    const char *copies = plan->has_copies ? "; calls that the compiler has inlined are not seen" : "";
    if (plan->return_count == 0)
        snprintf(out, size, "%s has no return: its spans do not end%s", function, copies);
    else
        snprintf(out, size,
                 "each call of %s takes about %d us longer: the kernel has to single-step its %s%s", function,
                 is_dear ? 33 : 17, is_dear ? "entry and its return" : "return", copies);
    return true;
}
