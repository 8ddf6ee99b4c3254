/*
 * Giving up rights: what a process may still do once it has what it needs, in open descriptors.
 */
#ifndef GOTAPE_RECORD_PRIVILEGES_H
#define GOTAPE_RECORD_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

#define PRIVILEGES_USER_DEFAULT "nobody"

struct privileges_user {
    uid_t uid;
    gid_t gid;
    char name[64]; /* as it was given */
};

/* From capabilities(7), as in linux/capability.h. */
enum privilege {
    PRIVILEGE_CHOWN = 0,
    PRIVILEGE_DAC_OVERRIDE = 1,
    PRIVILEGE_FOWNER = 3,
    PRIVILEGE_KILL = 5,
    PRIVILEGE_SYS_PTRACE = 19,
    PRIVILEGE_PERFMON = 38
};
#define PRIVILEGE_BIT(privilege) ((uint64_t)1 << (privilege))

/*
 * A user's name, a number, or UID:GID. Names are looked for in /etc/passwd alone, so that a statically linked program
 * needs no name service. "nobody" is known everywhere. ERR_NOT_FOUND; ERR_USAGE for what is neither.
 */
int privileges_find_user(const char *text, struct privileges_user *out, struct error *err);

/* This process may use it. */
bool privileges_have(enum privilege privilege);

/*
 * Becomes the user (NULL: stays who it is) and keeps of its capabilities at most those in the mask, in every set; no
 * capability and no set-user-id program gives anything back afterwards (no_new_privs), and nobody of the same user may
 * look into this process (not dumpable). Only for a process of one thread. On an error it may be half done: end.
 */
int privileges_drop(const struct privileges_user *user, uint64_t keep, struct error *err);

/*
 * What attempt() answers with no capability in effect but those in the mask, as after privileges_drop(); they are all back
 * afterwards. Its own error, or one of the change. Only for a process of one thread.
 */
int privileges_try(uint64_t keep, int (*attempt)(void *context, struct error *err), void *context,
                   struct error *err);

#endif
