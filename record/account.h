/*
 * Users by name, with their groups, from /etc/passwd and /etc/group; a dynamically linked program also asks the name services.
 * (A static one must not: it would load the host's modules into another C library.)
 */
#ifndef GOTAPE_RECORD_ACCOUNT_H
#define GOTAPE_RECORD_ACCOUNT_H

#include <sys/types.h>

#include "base/error.h"

#define ACCOUNT_GROUPS_MAX 1024 /* what exceeds it is left out */

struct account {
    uid_t uid;
    gid_t gid;
    gid_t groups[ACCOUNT_GROUPS_MAX]; /* gid among them */
    size_t group_count;
};

/* ERR_NOT_FOUND when there is nobody of that name. */
int account_find(const char *name, struct account *out, struct error *err);
/* The same in files of this form. ERR_NOT_FOUND also without a passwd; without a group file there is only one group. */
int account_find_in(const char *passwd, const char *group, const char *name, struct account *out,
                    struct error *err);
/* Becomes the user, for good. */
int account_become(const struct account *self, struct error *err);

#endif
