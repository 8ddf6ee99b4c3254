#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perf/uprobe.h"
#include "privileges.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

enum {
    PATIENCE_MS = 1000,       /* with definitions that are busy, at the end */
    PATIENCE_DEAD_MS = 60000, /* and after a death: the kernel may be slow to put a large process away */
    FILES_MAX = 1 << 16
};

enum operation { OP_PROBES = 1, OP_DESCRIPTOR, OP_CREATE, OP_RENAME, OP_REMOVE, OP_KILL };

struct request {
    uint32_t operation;
    int32_t number;
    char name[KEEPER_NAME_MAX], to[KEEPER_NAME_MAX];
};

struct reply {
    int32_t code, sys_errno;
    char message[512];
    char link[FD_LINK_SIZE], name[FD_NAME_SIZE];
};

struct keeper {
    int socket;
    pid_t pid;
    bool has_probes;
};

/* The other side. */
struct kept {
    struct keeper_options o;
    int socket, recorder; /* the latter a pidfd */
    char group[64], stem[KEEPER_NAME_MAX], current[KEEPER_NAME_MAX], final[KEEPER_NAME_MAX];
    char **files; /* names of files that may be renamed and removed */
    size_t file_count;
};

/* sudo tells whose files these are; a number that is not one is ignored. */
static void give_to_sudo_user(int fd)
{
    const char *uid_text = getenv("SUDO_UID"), *gid_text = getenv("SUDO_GID");
    if (geteuid() != 0 || !uid_text || !gid_text)
        return;
    char *uid_end, *gid_end;
    unsigned long uid = strtoul(uid_text, &uid_end, 10), gid = strtoul(gid_text, &gid_end, 10);
    if (*uid_text && !*uid_end && *gid_text && !*gid_end && fchown(fd, (uid_t)uid, (gid_t)gid) != 0)
        return; /* a file system without owners keeps the file as it is */
}

int keeper_create_here(int folder, const char *name, int *fd_out, struct error *err)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 && errno == EEXIST)
        return error_set(err, ERR_USAGE, "%s exists; --force replaces it", name);
    if (fd < 0)
        return error_sys(err, "cannot create %s", name);
    fchmod(fd, 0600); /* whatever a default ACL of the folder says */
    give_to_sudo_user(fd);
    *fd_out = fd;
    return 0;
}

/* -- the keeper's own process. Requests come from a process that is not trusted. */

static char **find_file(struct kept *self, const char *name)
{
    for (size_t i = 0; i < self->file_count; i++) {
        if (strcmp(self->files[i], name) == 0)
            return &self->files[i];
    }
    return NULL;
}

static int note_file(struct kept *self, const char *name, struct error *err)
{
    char **more = self->file_count < FILES_MAX
                      ? realloc(self->files, (self->file_count + 1) * sizeof *self->files)
                      : NULL;
    char *copy = more ? strdup(name) : NULL;
    if (more)
        self->files = more;
    if (!copy)
        return error_set(err, ERR_NOMEM, "too many files in one recording");
    self->files[self->file_count++] = copy;
    return 0;
}

static void forget_file(struct kept *self, const char *name)
{
    char **file = find_file(self, name);
    if (!file)
        return;
    free(*file);
    *file = self->files[--self->file_count];
}

static int check_name(const struct kept *self, const char *name, struct error *err)
{
    const char *begin = *name == '.' ? name + 1 : name;
    if (self->o.folder < 0 || strchr(name, '/') || !*self->stem ||
        strncmp(begin, self->stem, strlen(self->stem)) != 0)
        return error_set(err, ERR_PERMISSION, "%s is no name of a file of this recording", name);
    return 0;
}

static int create(struct kept *self, const char *name, int *fd_out, struct error *err)
{
    int rc = check_name(self, name, err);
    if (rc == 0)
        rc = keeper_create_here(self->o.folder, name, fd_out, err);
    if (rc != 0)
        return rc;
    rc = note_file(self, name, err);
    if (rc != 0) {
        unlinkat(self->o.folder, name, 0);
        close(*fd_out);
        *fd_out = -1;
    }
    return rc;
}

static int rename_file(struct kept *self, const char *from, const char *to, struct error *err)
{
    int rc = check_name(self, to, err);
    if (rc == 0 && !find_file(self, from))
        rc = error_set(err, ERR_PERMISSION, "%s was not created by this recording", from);
    if (rc == 0)
        rc = note_file(self, to, err);
    if (rc != 0)
        return rc;
    if (renameat(self->o.folder, from, self->o.folder, to) != 0) {
        rc = error_sys(err, "renaming %s to %s", from, to);
        forget_file(self, to);
        return rc;
    }
    forget_file(self, from);
    return 0;
}

static int remove_file(struct kept *self, const char *name, struct error *err)
{
    if (!find_file(self, name))
        return error_set(err, ERR_PERMISSION, "%s was not created by this recording", name);
    if (unlinkat(self->o.folder, name, 0) != 0 && errno != ENOENT)
        return error_sys(err, "cannot remove %s", name);
    forget_file(self, name);
    return 0;
}

static int send_signal(const struct kept *self, int number, struct error *err)
{
    if (!self->o.may_kill || (number != SIGTERM && number != SIGKILL))
        return error_set(err, ERR_PERMISSION, "the target may not be ended with signal %d", number);
    if (syscall(SYS_pidfd_send_signal, self->o.target_pidfd, number, NULL, 0) != 0 && errno != ESRCH)
        return error_sys(err, "cannot end process %d", (int)self->o.target);
    return 0;
}

static int remove_probes(struct kept *self, unsigned patience_ms, struct error *err)
{
    int rc = *self->group ? uprobe_remove_group(self->group, patience_ms, err) : 0;
    if (rc == 0)
        self->group[0] = '\0'; /* they are defined once */
    return rc;
}

static int look_at_descriptor(const struct kept *self, int fd, struct reply *reply, struct error *err)
{
    if (fd < 0 || !fd_link(self->o.target, fd, reply->link))
        return error_set(err, ERR_GONE, "no such descriptor");
    fd_name(self->o.target_pidfd, fd, reply->link, reply->name);
    return 0;
}

static int serve(struct kept *self, const struct request *request, struct reply *reply, int *fd_out,
                 struct error *err)
{
    switch (request->operation) {
    case OP_PROBES:
        return remove_probes(self, PATIENCE_MS, err);
    case OP_DESCRIPTOR:
        return look_at_descriptor(self, request->number, reply, err);
    case OP_CREATE:
        return create(self, request->name, fd_out, err);
    case OP_RENAME:
        return rename_file(self, request->name, request->to, err);
    case OP_REMOVE:
        return remove_file(self, request->name, err);
    case OP_KILL:
        return send_signal(self, request->number, err);
    default:
        return error_set(err, ERR_UNSUPPORTED, "unknown request");
    }
}

/* One datagram, and a descriptor with it unless -1. */
static bool send_message(int socket, const void *data, size_t size, int fd)
{
    struct iovec part = {.iov_base = (void *)data, .iov_len = size};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)size;
}

/* False at the end, and for a message of another size. */
static bool receive_message(int socket, void *data, size_t size, int *fd_out)
{
    struct iovec part = {.iov_base = data, .iov_len = size};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {{0}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd_out) {
        *fd_out = -1;
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
    }
    ssize_t got;
    do {
        got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (got < 0 && errno == EINTR);
    struct cmsghdr *header = fd_out && got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd_out, CMSG_DATA(header), sizeof *fd_out);
    return got == (ssize_t)size && !(message.msg_flags & MSG_TRUNC);
}

static bool serve_one(struct kept *self)
{
    struct request request;
    if (!receive_message(self->socket, &request, sizeof request, NULL))
        return false;
    request.name[sizeof request.name - 1] = request.to[sizeof request.to - 1] = '\0';
    struct reply reply = {0};
    struct error err = {0};
    int fd = -1;
    reply.code = serve(self, &request, &reply, &fd, &err);
    if (reply.code != 0) {
        reply.sys_errno = err.sys_errno;
        snprintf(reply.message, sizeof reply.message, "%.500s", err.message);
    }
    bool sent = send_message(self->socket, &reply, sizeof reply, fd);
    if (fd >= 0)
        close(fd);
    return sent;
}

/*
 * Closes whatever was inherited but for what is needed: a copy of the output's descriptor, or of our standard streams,
 * would keep others waiting for their end.
 */
static void close_others(struct kept *self)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; null >= 0 && i < 3; i++)
        dup2(null, i);
    int keep[] = {self->socket, self->recorder, self->o.target_pidfd, self->o.folder};
    const size_t count = sizeof keep / sizeof *keep;
    for (size_t i = 1; i < count; i++) {
        for (size_t j = i; j > 0 && keep[j - 1] > keep[j]; j--) {
            int other = keep[j];
            keep[j] = keep[j - 1];
            keep[j - 1] = other;
        }
    }
    unsigned from = 3;
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < (int)from)
            continue;
        if ((unsigned)keep[i] > from)
            syscall(SYS_close_range, from, (unsigned)keep[i] - 1, 0u);
        from = (unsigned)keep[i] + 1;
    }
    syscall(SYS_close_range, from, ~0u, 0u);
}

static void ignore_signals(void)
{
    static const int numbers[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM, SIGPIPE,
                                  SIGUSR1, SIGUSR2, SIGTSTP, SIGALRM, SIGXFSZ};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], SIG_IGN);
}

/* A recorder that died had no time to rename what it has written; an empty file replaces nothing. */
static void finish_file(struct kept *self)
{
    struct stat st;
    if (!*self->final || !find_file(self, self->current) ||
        fstatat(self->o.folder, self->current, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    if (st.st_size > 0)
        rename_file(self, self->current, self->final, NULL);
    else
        remove_file(self, self->current, NULL);
}

static _Noreturn void keep(struct kept *self)
{
    ignore_signals();
    setsid();
    prctl(PR_SET_NAME, "gotape-keeper", 0, 0, 0);
    close_others(self);
    uint64_t rights = PRIVILEGE_BIT(PRIVILEGE_SYS_PTRACE) | PRIVILEGE_BIT(PRIVILEGE_DAC_OVERRIDE);
    if (self->o.folder >= 0)
        rights |= PRIVILEGE_BIT(PRIVILEGE_CHOWN) | PRIVILEGE_BIT(PRIVILEGE_FOWNER);
    if (self->o.may_kill)
        rights |= PRIVILEGE_BIT(PRIVILEGE_KILL);
    privileges_drop(NULL, rights, NULL); /* what cannot be given up is kept: it was there before */
    while (serve_one(self))
        ;
    finish_file(self);
    if (*self->group) {
        /* The perf events of the recorder are closed when it is dead, perhaps not yet when its socket is. */
        struct pollfd recorder = {.fd = self->recorder, .events = POLLIN};
        poll(&recorder, 1, PATIENCE_DEAD_MS);
        remove_probes(self, PATIENCE_DEAD_MS, NULL);
    }
    _exit(0);
}

/* -- the recorder's side */

static int prepare(const struct keeper_options *options, struct kept *out, struct error *err)
{
    struct kept self = {.o = *options, .socket = -1, .recorder = -1};
    if ((options->group && strlen(options->group) >= sizeof self.group) ||
        (options->stem && strlen(options->stem) >= sizeof self.stem))
        return error_set(err, ERR_USAGE, "a name is too long");
    if (options->group)
        strcpy(self.group, options->group);
    if (options->stem)
        strcpy(self.stem, options->stem);
    if (options->current && options->final) {
        snprintf(self.current, sizeof self.current, "%s", options->current);
        snprintf(self.final, sizeof self.final, "%s", options->final);
    }
    if (options->current && note_file(&self, options->current, err) != 0)
        return ERR_NOMEM;
    self.recorder = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (self.recorder < 0)
        return error_sys(err, "pidfd_open");
    *out = self;
    return 0;
}

int keeper_start(const struct keeper_options *options, struct keeper **out, struct error *err)
{
    int pair[2];
    struct kept other;
    struct keeper *self = calloc(1, sizeof *self);
    if (!self)
        return error_set(err, ERR_NOMEM, "out of memory");
    int rc = prepare(options, &other, err);
    if (rc != 0) {
        free(self);
        return rc;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
        rc = error_sys(err, "socketpair");
        goto out;
    }
    self->has_probes = options->group != NULL;
    self->pid = fork();
    if (self->pid == 0) {
        other.socket = pair[1];
        keep(&other);
    }
    if (self->pid < 0)
        rc = error_sys(err, "fork");
    close(pair[1]);
    self->socket = pair[0];
    if (rc != 0)
        close(pair[0]);
out:
    close(other.recorder);
    for (size_t i = 0; i < other.file_count; i++)
        free(other.files[i]);
    free(other.files);
    if (rc != 0)
        free(self);
    else
        *out = self;
    return rc;
}

static int ask(struct keeper *self, const struct request *request, struct reply *reply, int *fd_out,
               struct error *err)
{
    if (!send_message(self->socket, request, sizeof *request, -1) ||
        !receive_message(self->socket, reply, sizeof *reply, fd_out))
        return error_set(err, ERR_GONE, "the recorder's helper process has been killed");
    reply->message[sizeof reply->message - 1] = '\0';
    reply->link[sizeof reply->link - 1] = reply->name[sizeof reply->name - 1] = '\0';
    if (reply->code == 0)
        return 0;
    error_set(err, reply->code, "%s", reply->message);
    if (err)
        err->sys_errno = reply->sys_errno;
    return reply->code < 0 ? reply->code : ERR_SYSTEM;
}

static int set_name(char to[KEEPER_NAME_MAX], const char *name, struct error *err)
{
    if (strlen(name) >= KEEPER_NAME_MAX)
        return error_set(err, ERR_USAGE, "%.60s…: the name is too long", name);
    strcpy(to, name);
    return 0;
}

int keeper_remove_probes(struct keeper *self, struct error *err)
{
    struct request request = {.operation = OP_PROBES};
    struct reply reply;
    int rc = ask(self, &request, &reply, NULL, err);
    if (rc == 0)
        self->has_probes = false;
    return rc;
}

bool keeper_look_at_descriptor(struct keeper *self, int fd, char link[FD_LINK_SIZE], char name[FD_NAME_SIZE])
{
    struct request request = {.operation = OP_DESCRIPTOR, .number = fd};
    struct reply reply;
    if (ask(self, &request, &reply, NULL, NULL) != 0)
        return false;
    memcpy(link, reply.link, sizeof reply.link);
    memcpy(name, reply.name, sizeof reply.name);
    return true;
}

int keeper_create(struct keeper *self, const char *name, int *fd_out, struct error *err)
{
    struct request request = {.operation = OP_CREATE};
    struct reply reply;
    int fd = -1;
    int rc = set_name(request.name, name, err);
    if (rc == 0)
        rc = ask(self, &request, &reply, &fd, err);
    if (rc == 0 && fd < 0)
        rc = error_set(err, ERR_SYSTEM, "cannot create %s: too many open files", name);
    if (rc == 0)
        *fd_out = fd;
    else if (fd >= 0)
        close(fd);
    return rc;
}

int keeper_rename(struct keeper *self, const char *from, const char *to, struct error *err)
{
    struct request request = {.operation = OP_RENAME};
    struct reply reply;
    int rc = set_name(request.name, from, err);
    if (rc == 0)
        rc = set_name(request.to, to, err);
    return rc == 0 ? ask(self, &request, &reply, NULL, err) : rc;
}

int keeper_remove(struct keeper *self, const char *name, struct error *err)
{
    struct request request = {.operation = OP_REMOVE};
    struct reply reply;
    int rc = set_name(request.name, name, err);
    return rc == 0 ? ask(self, &request, &reply, NULL, err) : rc;
}

int keeper_kill(struct keeper *self, int number, struct error *err)
{
    struct request request = {.operation = OP_KILL, .number = number};
    struct reply reply;
    return ask(self, &request, &reply, NULL, err);
}

void keeper_close(struct keeper *self)
{
    if (!self)
        return;
    close(self->socket);
    if (!self->has_probes) /* otherwise it goes on trying when we are gone */
        waitpid(self->pid, NULL, 0);
    free(self);
}
