#include "account.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void add_group(struct account *self, gid_t gid)
{
    for (size_t i = 0; i < self->group_count; i++) {
        if (self->groups[i] == gid)
            return;
    }
    if (self->group_count < ACCOUNT_GROUPS_MAX)
        self->groups[self->group_count++] = gid;
}

static bool is_member(const struct group *group, const char *name)
{
    for (char **member = group->gr_mem; *member; member++) {
        if (strcmp(*member, name) == 0)
            return true;
    }
    return false;
}

static bool find_entry(const char *path, const char *name, struct account *out)
{
    FILE *file = fopen(path, "re");
    const struct passwd *entry = NULL;
    while (file && (entry = fgetpwent(file)) != NULL && strcmp(entry->pw_name, name) != 0)
        ;
    if (entry) {
        out->uid = entry->pw_uid;
        out->gid = entry->pw_gid;
    }
    if (file)
        fclose(file);
    return entry != NULL;
}

int account_find_in(const char *passwd, const char *group, const char *name, struct account *out,
                    struct error *err)
{
    struct account found = {0};
    if (!find_entry(passwd, name, &found))
        return error_set(err, ERR_NOT_FOUND, "no user named %s", name);
    add_group(&found, found.gid);
    FILE *file = fopen(group, "re");
    for (const struct group *entry; file && (entry = fgetgrent(file)) != NULL;) {
        if (is_member(entry, name))
            add_group(&found, entry->gr_gid);
    }
    if (file)
        fclose(file);
    *out = found;
    return 0;
}

#ifndef GOTAPE_STATIC
static bool ask_name_services(const char *name, struct account *out)
{
    const struct passwd *entry = getpwnam(name);
    int count = ACCOUNT_GROUPS_MAX;
    if (!entry)
        return false;
    out->uid = entry->pw_uid;
    out->gid = entry->pw_gid;
    if (getgrouplist(name, entry->pw_gid, out->groups, &count) < 0)
        count = ACCOUNT_GROUPS_MAX;
    out->group_count = (size_t)count;
    return true;
}
#endif

int account_find(const char *name, struct account *out, struct error *err)
{
#ifndef GOTAPE_STATIC
    struct account found = {0};
    if (ask_name_services(name, &found)) {
        *out = found;
        return 0;
    }
#endif
    return account_find_in("/etc/passwd", "/etc/group", name, out, err);
}

int account_become(const struct account *self, struct error *err)
{
    if (setgroups(self->group_count, self->groups) != 0 || setresgid(self->gid, self->gid, self->gid) != 0 ||
        setresuid(self->uid, self->uid, self->uid) != 0)
        return error_sys(err, "cannot become user %u", (unsigned)self->uid);
    return 0;
}
