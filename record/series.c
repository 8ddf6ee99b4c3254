#include "series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX     ".gotape"
#define NUMBER_MAX 999999u

int series_init(struct series *self, const char *path, int64_t keep, struct error *err)
{
    size_t length = strlen(path), suffix = strlen(SUFFIX);
    *self = (struct series){.next = 1, .keep = (unsigned)keep};
    if (strcmp(path, "-") == 0)
        return error_set(err, ERR_USAGE, "--output -: several files do not go to standard output");
    if (length > suffix && strcmp(path + length - suffix, SUFFIX) == 0)
        length -= suffix;
    if (length + 64 > sizeof self->stem)
        return error_set(err, ERR_USAGE, "--output: the name is too long");
    memcpy(self->stem, path, length);
    if (self->keep && !(self->written = calloc(self->keep, sizeof *self->written)))
        return error_set(err, ERR_NOMEM, "out of memory");
    return 0;
}

void series_release(struct series *self)
{
    free(self->written);
    self->written = NULL;
}

void series_base_stem(const struct series *self, char *out, size_t size)
{
    const char *slash = strrchr(self->stem, '/');
    snprintf(out, size, "%s", slash ? slash + 1 : self->stem);
}

static void base_name(const struct series *self, unsigned number, char *out, size_t size)
{
    const char *slash = strrchr(self->stem, '/');
    snprintf(out, size, "%s.%04u" SUFFIX, slash ? slash + 1 : self->stem, number);
}

/* One that cannot be removed, or is gone, is not ours any more. */
static void remember(struct series *self, struct output *output, unsigned number)
{
    char name[sizeof self->stem + 32];
    if (!self->written)
        return;
    if (self->count == self->keep) {
        struct error ignored = {0};
        base_name(self, self->written[self->first], name, sizeof name);
        if (output_remove(output, name, &ignored) == 0)
            self->removed++;
        self->first = (self->first + 1) % self->keep;
        self->count--;
    }
    self->written[(self->first + self->count++) % self->keep] = number;
}

int series_open(struct series *self, struct output *output, struct error *err)
{
    char name[sizeof self->stem + 32];
    for (; self->next <= NUMBER_MAX; self->next++) {
        base_name(self, self->next, name, sizeof name);
        int rc = output_open_next(output, name, err);
        if (rc == ERR_USAGE)
            continue;
        if (rc != 0)
            return rc;
        remember(self, output, self->next++);
        self->files++;
        return 0;
    }
    return error_set(err, ERR_USAGE, "%s.*" SUFFIX ": all numbers are taken", self->stem);
}
