#include "metadata_container.h"

#include <inttypes.h>
#include <stdio.h>

#include "container.h"

struct cgroup_keys {
    const char *cpu_max, *memory_max, *periods, *throttled_periods, *throttled_us;
};

static int put_limits(const struct cgroup_keys *keys, const struct cgroup *cgroup, struct trace_meta *out,
                      struct error *err)
{
    struct cgroup_facts facts;
    struct error first = {0};
    cgroup_read(cgroup, &facts);
    if (facts.has_cpu_max && facts.quota_us)
        trace_meta_setf(out, &first, keys->cpu_max, "%" PRIu64 " %" PRIu64, facts.quota_us, facts.period_us);
    else if (facts.has_cpu_max)
        trace_meta_setf(out, &first, keys->cpu_max, "max %" PRIu64, facts.period_us);
    if (facts.has_memory_max && facts.memory_max)
        trace_meta_setf(out, &first, keys->memory_max, "%" PRIu64, facts.memory_max);
    else if (facts.has_memory_max)
        trace_meta_set(out, keys->memory_max, "max", &first);
    if (facts.has_throttling) {
        trace_meta_setf(out, &first, keys->periods, "%" PRIu64, facts.periods);
        trace_meta_setf(out, &first, keys->throttled_periods, "%" PRIu64, facts.throttled_periods);
        trace_meta_setf(out, &first, keys->throttled_us, "%" PRIu64, facts.throttled_us);
    }
    if (first.code != 0)
        *err = first;
    return first.code;
}

static int put_container(const struct container *container, struct trace_meta *out, struct error *err)
{
    struct error first = {0};
    trace_meta_set(out, "container.id", container->id, &first);
    if (container->runtime[0])
        trace_meta_set(out, "container.runtime", container->runtime, &first);
    if (container->pod[0])
        trace_meta_set(out, "container.pod", container->pod, &first);
    if (first.code != 0)
        *err = first;
    return first.code;
}

int metadata_container(const struct cgroup *cgroup, struct trace_meta *out, struct error *err)
{
    static const struct cgroup_keys keys = {"cgroup.cpu_max", "cgroup.memory_max", "cgroup.nr_periods",
                                            "cgroup.nr_throttled", "cgroup.throttled_us"};
    struct container container;
    int rc = 0;
    if (!cgroup->path[0])
        return 0;
    if (container_from_cgroup(cgroup->path, &container))
        rc = put_container(&container, out, err);
    if (rc == 0)
        rc = trace_meta_set(out, "cgroup.path", cgroup->path, err);
    if (rc == 0 && cgroup->cpu_path[0])
        rc = trace_meta_set(out, "cgroup.cpu_path", cgroup->cpu_path, err);
    return rc == 0 ? put_limits(&keys, cgroup, out, err) : rc;
}

int metadata_container_end(const struct cgroup *cgroup, struct trace_meta *out, struct error *err)
{
    static const struct cgroup_keys keys = {"end.cgroup.cpu_max", "end.cgroup.memory_max",
                                            "end.cgroup.nr_periods", "end.cgroup.nr_throttled",
                                            "end.cgroup.throttled_us"};
    return put_limits(&keys, cgroup, out, err);
}
