#include "go_builds.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/crc32c.h"

const char *const go_versions[] = {"1.18.10", "1.19.13", "1.20.14", "1.21.13", "1.22.12", "1.23.12",
                                   "1.24.11", "1.25.0",  "1.26.8",  "1.27.1",  NULL};

static const struct {
    const char *name, *environment, *flags;
} kinds[] = {
    [BUILD_PLAIN] = {"plain", "CGO_ENABLED=0", ""},
    [BUILD_PIE] = {"pie", "CGO_ENABLED=0", "-buildmode=pie"},
    [BUILD_EXTERNAL_PIE] = {"external-pie", "CGO_ENABLED=1", "-buildmode=pie -ldflags=-linkmode=external"},
    [BUILD_NO_OPT] = {"no-opt", "CGO_ENABLED=0", "-gcflags='all=-N -l'"},
    [BUILD_RACE] = {"race", "CGO_ENABLED=1", "-race"},
    [BUILD_NO_DWARF] = {"no-dwarf", "CGO_ENABLED=0", "-ldflags=-w"},
    [BUILD_STRIPPED] = {"stripped", "CGO_ENABLED=0", "-ldflags='-s -w'"},
    [BUILD_STRIPPED_PIE] = {"stripped-pie", "CGO_ENABLED=0", "-buildmode=pie -ldflags='-s -w'"},
    [BUILD_ARM64] = {"arm64", "CGO_ENABLED=0 GOARCH=arm64", ""},
    [BUILD_386] = {"386", "CGO_ENABLED=0 GOARCH=386", ""},
};

uint8_t *read_whole_file(const char *path, size_t *size_out)
{
    struct stat st;
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    uint8_t *data = NULL;
    if (fstat(fileno(file), &st) == 0 && (data = malloc((size_t)st.st_size + 1)) != NULL) {
        *size_out = fread(data, 1, (size_t)st.st_size, file);
        data[*size_out] = '\0';
    }
    fclose(file);
    return data;
}

static bool cache_folder(char *out, size_t size)
{
    const char *chosen = getenv("GOTAPE_TEST_CACHE");
    struct stat st;
    snprintf(out, size, "%s", chosen && *chosen ? chosen : "/tmp/gotape-test-cache");
    mkdir(out, 0700);
    if (stat(out, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid())
        return true;
    /* somebody else's: programs from there are not ours to run */
    snprintf(out, size, "/tmp/gotape-test-cache-%u", (unsigned)geteuid());
    mkdir(out, 0700);
    return stat(out, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static unsigned source_key(void)
{
    static const char *const files[] = {"program/main.go", "program/go.mod", "program/dep/dep.go"};
    unsigned key = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t size;
        uint8_t *data = read_whole_file(files[i], &size);
        if (data)
            key = key * 31 + crc32c(data, size);
        free(data);
    }
    return key;
}

static bool run_build(const char *version, enum go_build_kind kind, const char *path)
{
    char command[8192];
    snprintf(command, sizeof command,
             "cd program && GOFLAGS= GOPROXY=off GODEBUG=goindex=0 GOTOOLCHAIN=go%s GOOS=linux %s timeout "
             "600 go build %s -o "
             "'%s.tmp' . >'%s.log' "
             "2>&1 && mv '%s.tmp' '%s'",
             version, kinds[kind].environment, kinds[kind].flags, path, path, path, path);
    return system(command) == 0;
}

const char *go_build(const char *version, enum go_build_kind kind)
{
    static char path[1024];
    char folder[512], lock_path[640];
    if (system("command -v go >/dev/null 2>&1") != 0) {
        printf("skipped: there is no go command in PATH\n");
        return NULL;
    }
    if (!cache_folder(folder, sizeof folder)) {
        printf("skipped: no folder for test programs (%s)\n", folder);
        return NULL;
    }
    snprintf(path, sizeof path, "%s/unit-go-%08x-%s-%s", folder, source_key(), version, kinds[kind].name);
    if (access(path, X_OK) == 0)
        return path;
    snprintf(lock_path, sizeof lock_path, "%s/lock", folder);
    int lock = open(lock_path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (lock >= 0)
        flock(lock, LOCK_EX);
    bool built = access(path, X_OK) == 0 || run_build(version, kind, path);
    if (lock >= 0)
        close(lock);
    if (built)
        return path;
    printf("skipped: Go %s cannot build the %s test program here; see %s.log\n", version, kinds[kind].name,
           path);
    return NULL;
}

struct go_binary *go_build_open(const char *version, enum go_build_kind kind)
{
    struct go_binary *binary;
    struct error err = {0};
    const char *path = go_build(version, kind);
    if (!path)
        return NULL;
    if (go_binary_open(path, "program", &binary, &err) != 0)
        fail_msg("Go %s: %s", version, err.message);
    return binary;
}

void go_build_each(go_build_fn check)
{
    unsigned done = 0;
    for (unsigned i = 0; go_versions[i]; i++) {
        for (enum go_build_kind kind = BUILD_PLAIN; kind <= BUILD_PIE; kind++) {
            struct go_binary *binary = go_build_open(go_versions[i], kind);
            if (!binary)
                continue;
            check(binary, go_versions[i], go_build(go_versions[i], kind));
            go_binary_close(binary);
            done++;
        }
    }
    if (done == 0)
        skip();
}

bool go_child_start(struct go_child *self, const char *path, const char *mode, const char *argument)
{
    int to[2], from[2];
    if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
        return false;
    self->pid = fork();
    if (self->pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        /* programs of modules before Go 1.23 keep the old timers otherwise */
        setenv("GODEBUG", "asynctimerchan=0", 1);
        execl(path, path, mode, argument, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    self->in = fdopen(to[1], "w");
    self->out = fdopen(from[0], "r");
    return self->pid > 0 && self->in && self->out;
}

void go_child_stop(struct go_child *self)
{
    fclose(self->in);
    fclose(self->out);
    kill(self->pid, SIGKILL);
    waitpid(self->pid, NULL, 0);
}
