/*
 * Go's build info (cmd/go writes it, debug/buildinfo reads it): the section .go.buildinfo with "\xff Go
 * buildinf:", and two inline strings since Go 1.18, the version and the module text. Pure: works on memory,
 * fuzzed.
 */
#ifndef GOTAPE_RECORD_GO_BUILDINFO_H
#define GOTAPE_RECORD_GO_BUILDINFO_H

#include "go/go_binary.h"

#define GO_BUILDINFO_MAGIC      "\xff Go buildinf:"
#define GO_BUILDINFO_MAGIC_SIZE 14

struct go_buildinfo; /* owns the strings of its go_build_info */

/* Parses from the magic on. ERR_NOT_FOUND: no magic; ERR_UNSUPPORTED: the format before Go 1.18; ERR_DAMAGED.
 * `shown` for messages. A module text that is missing or odd leaves its fields empty and is no error. */
int go_buildinfo_parse(const void *data, size_t size, const char *shown, struct go_buildinfo **out,
                       struct error *err);
void go_buildinfo_free(struct go_buildinfo *self);
const struct go_build_info *go_buildinfo_get(const struct go_buildinfo *self);

/* "go1.26.8", "go1.26-abcdef", "go1.26rc1 X:…", "devel go1.27-…" → 1, 26 and 8, or 0 where there is no third
 * number; false when there is no version in it. */
bool go_buildinfo_version(const char *version, int *major_out, int *minor_out, int *patch_out);

#endif
