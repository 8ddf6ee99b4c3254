/*
 * The part of a recorder that keeps its rights: a small process beside it, which takes nothing from the target's memory or
 * from the rings, and does a handful of things on request:
 *   it removes our probe definitions, at the end, and also when the recorder dies (SIGKILL, a crash);
 *   creates, renames and removes files of the recording, in the output's folder and nowhere else;
 *   tells what a descriptor of the target leads to;
 *   ends a COMMAND that was started with --kill.
 * Whatever takes over the recorder gets no more than this from it. It is forked before the first probe is defined, so it
 * never holds a perf event; it leaves the session of the terminal and ends with the recorder.
 */
#ifndef GOTAPE_RECORD_KEEPER_H
#define GOTAPE_RECORD_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "fd_name.h"

struct keeper;

#define KEEPER_NAME_MAX 256

struct keeper_options {
    const char *group;   /* of the probe definitions; NULL: there are none */
    pid_t target;        /* whose descriptors are named */
    int target_pidfd;    /* -1: sockets are not asked for their addresses */
    bool may_kill;       /* the target, with SIGTERM and SIGKILL */
    int folder;          /* where files of the recording are; -1: nowhere */
    const char *stem;    /* their names begin with this, behind a dot perhaps */
    const char *current; /* the one that is there already; NULL: none */
    const char *final;   /* what it is to be called in the end, also when the recorder dies; NULL: the same */
};

/* Starts it. Everything in the options is needed for the call only. */
int keeper_start(const struct keeper_options *options, struct keeper **out, struct error *err);

/* Removes the definitions; every perf descriptor must be closed before. */
int keeper_remove_probes(struct keeper *self, struct error *err);
/* Where the target's descriptor leads to (fd_link), and its name (fd_name). False when it is closed, or the keeper is
 * gone. */
bool keeper_look_at_descriptor(struct keeper *self, int fd, char link[FD_LINK_SIZE], char name[FD_NAME_SIZE]);
/* A new file by its base name: 0600, given to the user behind sudo, never through a link, never an existing one
 * (ERR_USAGE). The descriptor is the caller's. */
int keeper_create(struct keeper *self, const char *name, int *fd_out, struct error *err);
/* Only what it has created, or what was `current`. A rename replaces. */
int keeper_rename(struct keeper *self, const char *from, const char *to, struct error *err);
int keeper_remove(struct keeper *self, const char *name, struct error *err);
int keeper_kill(struct keeper *self, int number, struct error *err);

/* Ends it. */
void keeper_close(struct keeper *self);

/* The same work without a keeper, in this process: what keeper_create() does. */
int keeper_create_here(int folder, const char *name, int *fd_out, struct error *err);

#endif
