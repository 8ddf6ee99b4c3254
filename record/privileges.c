#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "account.h"

#define NOBODY 65534 /* Documentation/admin-guide/sysctl/kernel.rst, overflowuid */

_Static_assert(PRIVILEGE_CHOWN == CAP_CHOWN && PRIVILEGE_DAC_OVERRIDE == CAP_DAC_OVERRIDE &&
                   PRIVILEGE_FOWNER == CAP_FOWNER && PRIVILEGE_KILL == CAP_KILL &&
                   PRIVILEGE_SYS_PTRACE == CAP_SYS_PTRACE,
               "the kernel's numbers");

static bool find_by_name(const char *name, struct privileges_user *out)
{
    struct account account;
    if (account_find_in("/etc/passwd", "/etc/group", name, &account, NULL) == 0) {
        out->uid = account.uid;
        out->gid = account.gid;
        return true;
    }
    if (strcmp(name, PRIVILEGES_USER_DEFAULT) != 0)
        return false;
    out->uid = out->gid = NOBODY;
    return true;
}

/* A decimal number below the last one, which means "unchanged" to the kernel. */
static bool take_id(const char **at, uint32_t *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    unsigned long value = strtoul(*at, &end, 10);
    if (errno != 0 || value >= UINT32_MAX)
        return false;
    *at = end;
    *out = (uint32_t)value;
    return true;
}

int privileges_find_user(const char *text, struct privileges_user *out, struct error *err)
{
    struct privileges_user user = {0};
    const char *at = text;
    if (*text == '\0' || strlen(text) >= sizeof user.name)
        return error_set(err, ERR_USAGE, "'%.80s' is no user", text);
    snprintf(user.name, sizeof user.name, "%s", text);
    if (find_by_name(text, &user)) {
        *out = user;
        return 0;
    }
    uint32_t uid, gid;
    if (!take_id(&at, &uid))
        return error_set(err, ERR_NOT_FOUND, "there is no user '%s' in /etc/passwd (a number will do too)",
                         text);
    gid = uid;
    if (*at == ':') {
        at++;
        if (!take_id(&at, &gid))
            return error_set(err, ERR_USAGE, "'%s' is not UID:GID", text);
    }
    if (*at != '\0')
        return error_set(err, ERR_USAGE, "'%s' is neither a user's name nor UID or UID:GID", text);
    user.uid = uid;
    user.gid = gid;
    *out = user;
    return 0;
}

bool privileges_have(enum privilege privilege)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{0}};
    unsigned number = (unsigned)privilege;
    return syscall(SYS_capget, &header, data) == 0 && (data[number / 32].effective >> number % 32 & 1);
}

static int set_capabilities(uint64_t keep, struct error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) != 0)
        return error_sys(err, "cannot read the capabilities of this process");
    for (unsigned i = 0; i < 2; i++) {
        uint32_t mask = (uint32_t)(keep >> 32 * i);
        data[i].permitted &= mask;
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    header.version = _LINUX_CAPABILITY_VERSION_3;
    if (syscall(SYS_capset, &header, data) != 0)
        return error_sys(err, "cannot give up capabilities");
    return 0;
}

int privileges_try(uint64_t keep, int (*attempt)(void *context, struct error *err), void *context,
                   struct error *err)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct before[2], data[2];
    if (syscall(SYS_capget, &header, before) != 0)
        return error_sys(err, "cannot read the capabilities of this process");
    for (unsigned i = 0; i < 2; i++) {
        data[i] = before[i];
        data[i].effective &= (uint32_t)(keep >> 32 * i);
    }
    if (syscall(SYS_capset, &header, data) != 0)
        return error_sys(err, "cannot lay down capabilities for a while");
    int rc = attempt(context, err);
    if (syscall(SYS_capset, &header, before) != 0)
        return error_sys(err, "cannot take up capabilities again");
    return rc;
}

/* Needs CAP_SETPCAP; without it there is nothing to take away that an exec could give, as of no_new_privs. */
static void clear_bounding_set(uint64_t keep)
{
    for (unsigned number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++) {
        if (number >= 64 || !(keep >> number & 1))
            prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int become(const struct privileges_user *user, struct error *err)
{
    if (setgroups(0, NULL) != 0 || setresgid(user->gid, user->gid, user->gid) != 0 ||
        setresuid(user->uid, user->uid, user->uid) != 0)
        return error_sys(err, "cannot become user %s (%u:%u)", user->name, (unsigned)user->uid,
                         (unsigned)user->gid);
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) != 0 || real != user->uid || effective != user->uid ||
        saved != user->uid)
        return error_set(err, ERR_SYSTEM, "this process did not become user %s", user->name);
    return 0;
}

int privileges_drop(const struct privileges_user *user, uint64_t keep, struct error *err)
{
    clear_bounding_set(keep);
    /* Otherwise the kernel clears all sets when the user changes, and what is to be kept is gone as well. */
    if (user && keep && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return error_sys(err, "cannot keep capabilities");
    int rc = user ? become(user, err) : 0;
    if (rc == 0)
        rc = set_capabilities(keep, err);
    if (rc == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        rc = error_sys(err, "cannot set no_new_privs");
    if (rc == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        rc = error_sys(err, "cannot close this process to others");
    return rc;
}
