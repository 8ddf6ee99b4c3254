/*
 * What a session may do, and when it stops being allowed to: the keeper is started before the first probe is defined, and
 * the recorder gives up its rights when everything that needs them is open, before the first record is read.
 */
#include "session_impl.h"

#include <string.h>
#include <unistd.h>

#include "perf/uprobe.h"

static int find_user(struct session *self, struct error *err)
{
    const char *name = self->options->drop_to ? self->options->drop_to : PRIVILEGES_USER_DEFAULT;
    if (self->options->keep_root)
        return 0;
    if (geteuid() != 0) {
        if (self->options->drop_to)
            return error_set(err, ERR_USAGE, "--drop-to: only root can become another user");
        return 0;
    }
    int rc = privileges_find_user(name, &self->user, err);
    if (rc != 0)
        return error_prefix(err, "--drop-to: ");
    self->changes_user = true;
    return 0;
}

int session_start_keeper(struct session *self, struct error *err)
{
    struct uprobe_owner owner;
    char group[64], stem[KEEPER_NAME_MAX];
    const struct output *output = &self->output;
    int rc = find_user(self, err);
    if (rc == 0)
        rc = uprobe_owner_self("/proc", &owner, err);
    if (rc != 0)
        return rc;
    uprobe_owner_name(&owner, group, sizeof group);
    if (session_is_series(self))
        series_base_stem(&self->series, stem, sizeof stem);
    else
        output_stem(output, stem);
    struct keeper_options options = {
        .group = session_is_snapshot_only(self) ? NULL : group,
        .target = self->target->pid,
        .target_pidfd = self->target->pidfd,
        .may_kill = self->options->kill_at_end,
        .folder = output->folder,
        .stem = stem,
        .current = *output->temporary ? output->temporary
                   : output->is_pipe  ? NULL
                                      : output->name,
        .final = *output->temporary ? output->name : NULL,
    };
    rc = keeper_start(&options, &self->keeper, err);
    if (rc == 0)
        output_use_keeper(&self->output, self->keeper);
    return rc;
}

int session_drop_rights(struct session *self, struct error *err)
{
    if (self->options->keep_root)
        return 0;
    const struct privileges_user *user = self->changes_user ? &self->user : NULL;
    struct error why = {0};
    const char *left = session_budget_rights(self) ? "with CAP_PERFMON alone" : "without capabilities";
    uint64_t keep = session_budget_rights(self);
    int rc = privileges_drop(user, keep, &why);
    if (rc != 0)
        return error_set(err, why.code, "%s (--keep-root records without giving up rights)", why.message);
    if (user)
        session_say(self, self->hooks->verbose, "goes on as user %s (%u:%u), %s", user->name,
                    (unsigned)user->uid, (unsigned)user->gid, left);
    else
        session_say(self, self->hooks->verbose, "goes on %s", left);
    return 0;
}

void session_remove_probes(struct session *self)
{
    struct error err = {0};
    if (!self->group)
        return;
    int rc = self->keeper ? keeper_remove_probes(self->keeper, &err) : ERR_GONE;
    if (rc == ERR_GONE) /* as far as we still may */
        rc = uprobe_group_delete(self->group, &err);
    if (rc != 0)
        session_say(self, self->hooks->warn, "%s; gotape-record --cleanup removes what is left", err.message);
    uprobe_group_forget(self->group);
    uprobe_group_free(self->group);
    self->group = NULL;
}

struct keeper *session_keeper(const struct session *self)
{
    return self->keeper;
}
