/*
 * Which container a process is in, as far as the path of its cgroup tells. Container runtimes put the id there, each in a
 * form of its own; the kernel itself knows no containers. Reads nothing but strings; cgroup.h gets them.
 */
#ifndef GOTAPE_RECORD_CONTAINER_H
#define GOTAPE_RECORD_CONTAINER_H

#include <stdbool.h>

struct container {
    char id[96];      /* of the innermost container */
    char runtime[16]; /* docker, containerd, cri-o, podman; "" when the path does not tell */
    char pod[40];     /* uid of the Kubernetes pod, with dashes; "" outside of pods */
};

/*
 * Fills *out from the path of a cgroup; false when it is no container's. Forms (runtimes' and kubelet's sources, and
 * /proc/PID/cgroup on hosts that run them):
 *   /docker/ID   /system.slice/docker-ID.scope                                       Docker
 *   /kubepods.slice/…/kubepods-burstable-podUID.slice/cri-containerd-ID.scope        containerd under systemd
 *   /system.slice/containerd.service/kubepods-podUID.slice:cri-containerd:ID         containerd without it
 *   /kubepods/burstable/podUID/ID                                                    some runtime, cgroupfs driver
 *   …/crio-ID.scope   …/crio-ID                                                      CRI-O
 *   …/libpod-ID.scope/container   /libpod_parent/libpod-ID                           Podman
 *   …/nerdctl-ID.scope   /default/ID   /k8s.io/ID                                    containerd alone
 */
bool container_from_cgroup(const char *path, struct container *out);

/* Does what a user gives for a container ("4f5a", "docker://4f5a…") stand for this one? An id may be cut, but not to
 * nothing. */
bool container_is_named(const struct container *self, const char *given);

#endif
