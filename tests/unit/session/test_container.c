#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "container.h"

#define ID     "4f5a0c1e9b7d2f3846a5b0c1d2e3f40516273849a5b6c7d8e9f00112233445566"
#define ID64   "4f5a0c1e9b7d2f3846a5b0c1d2e3f40516273849a5b6c7d8e9f0011223344556"
#define OTHER  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define POD    "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"
#define POD_   "0f1e2d3c_4b5a_6978_8796_a5b4c3d2e1f0"
#define PODDIR "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" POD_ ".slice"

static const struct {
    const char *path, *id, *runtime, *pod;
} found[] = {
    {"/docker/" ID64, ID64, "docker", ""},
    {"/system.slice/docker-" ID64 ".scope", ID64, "docker", ""},
    {"/docker/" OTHER "/docker/" ID64, ID64, "docker", ""},
    {"/docker/" ID64 "/init.scope", ID64, "docker", ""},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/docker-" ID64 ".scope", ID64, "docker", ""},
    {PODDIR "/cri-containerd-" ID64 ".scope", ID64, "containerd", POD},
    {PODDIR "/cri-containerd-" ID64 ".scope/nested/group", ID64, "containerd", POD},
    {"/kubepods.slice/kubepods-pod" POD_ ".slice/cri-containerd-" ID64 ".scope", ID64, "containerd", POD},
    {"/system.slice/containerd.service/kubepods-besteffort-pod" POD_ ".slice:cri-containerd:" ID64, ID64,
     "containerd", POD},
    {"/kubepods/burstable/pod" POD "/" ID64, ID64, "", POD},
    {"/kubepods/pod" POD "/" ID64, ID64, "", POD},
    {"/kubepods/besteffort/pod0f1e2d3c4b5a69788796a5b4c3d2e1f0/" ID64, ID64, "",
     "0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
    {"/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" POD_ ".slice/cri-containerd-" ID64 ".scope",
     ID64, "containerd", POD},
    {"/../../kubepods.slice/kubepods-pod" POD_ ".slice/docker-" ID64 ".scope", ID64, "docker", POD},
    {PODDIR "/crio-" ID64 ".scope", ID64, "cri-o", POD},
    {PODDIR "/crio-" ID64 ".scope/container", ID64, "cri-o", POD},
    {"/kubepods/burstable/pod" POD "/crio-" ID64, ID64, "cri-o", POD},
    {"/machine.slice/libpod-" ID64 ".scope", ID64, "podman", ""},
    {"/machine.slice/libpod-" ID64 ".scope/container", ID64, "podman", ""},
    {"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID64 ".scope/container", ID64,
     "podman", ""},
    {"/libpod_parent/libpod-" ID64, ID64, "podman", ""},
    {"/system.slice/nerdctl-" ID64 ".scope", ID64, "containerd", ""},
    {"/default/" ID64, ID64, "containerd", ""},
    {"/k8s.io/" ID64, ID64, "containerd", ""},
    {"/ecs/55091c13-b8cf-4801-b527-f4601742204d/" ID64, ID64, "", ""},
    {"/ecs/34dc0b5e626f2c5c4c5170e34b10e765/34dc0b5e626f2c5c4c5170e34b10e765-1234567890",
     "34dc0b5e626f2c5c4c5170e34b10e765-1234567890", "", ""},
};

static const char *const none[] = {
    "",
    "/",
    "/init.scope",
    "/user.slice/user-1000.slice/session-3.scope",
    "/system.slice/nginx.service",
    "/system.slice/docker.service",
    "/docker",
    "/docker/",
    "/docker/short",
    "/machine.slice/libpod-conmon-" ID64 ".scope",
    PODDIR,
    PODDIR "/crio-conmon-" ID64 ".scope",
    "/system.slice/docker-" ID64 "x.scope",
};

static void known_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        struct container container = {.id = "?"};
        if (!container_from_cgroup(found[i].path, &container))
            fail_msg("no container in %s", found[i].path);
        assert_string_equal(container.id, found[i].id);
        assert_string_equal(container.runtime, found[i].runtime);
        assert_string_equal(container.pod, found[i].pod);
    }
}

static void no_container(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        struct container container = {.id = "untouched"};
        if (container_from_cgroup(none[i], &container))
            fail_msg("a container in %s", none[i]);
        assert_string_equal(container.id, "untouched");
    }
}

static void ids_that_are_too_long_are_no_ids(void **state)
{
    (void)state;
    char path[512] = "/docker/";
    struct container container;
    memset(path + 8, 'a', 400);
    assert_false(container_from_cgroup(path, &container));
}

static void named_as_users_do(void **state)
{
    (void)state;
    struct container container;
    assert_true(container_from_cgroup("/docker/" ID64, &container));
    assert_true(container_is_named(&container, ID64));
    assert_true(container_is_named(&container, "4f5a0c1e9b7d"));
    assert_true(container_is_named(&container, "docker://" ID64));
    assert_true(container_is_named(&container, "containerd://4f5a"));
    assert_false(container_is_named(&container, "4f5b"));
    assert_false(container_is_named(&container, ""));
    assert_false(container_is_named(&container, "docker://"));
    assert_false(container_is_named(&container, ID));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_forms),
        cmocka_unit_test(no_container),
        cmocka_unit_test(ids_that_are_too_long_are_no_ids),
        cmocka_unit_test(named_as_users_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
