/*
 * What META and END chunks say about the container and the cgroup of the target (gotape(5), META KEYS).
 */
#ifndef GOTAPE_RECORD_METADATA_CONTAINER_H
#define GOTAPE_RECORD_METADATA_CONTAINER_H

#include "cgroup.h"
#include "format/trace_meta.h"

/* As of now; what is not known is left out. Returns 0 or ERR_NOMEM. */
int metadata_container(const struct cgroup *cgroup, struct trace_meta *out, struct error *err);
/* The same at the end of the recording, for the END chunk. The process may have ended. */
int metadata_container_end(const struct cgroup *cgroup, struct trace_meta *out, struct error *err);

#endif
