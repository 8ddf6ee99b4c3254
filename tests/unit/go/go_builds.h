/*
 * Go programs for tests, built on first use with the toolchains that are there and kept in a cache folder:
 * $GOTAPE_TEST_CACHE, or /tmp/gotape-test-cache. Nothing is downloaded.
 */
#ifndef GOTAPE_TESTS_GO_BUILDS_H
#define GOTAPE_TESTS_GO_BUILDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "go/go_binary.h"

enum go_build_kind {
    BUILD_PLAIN,
    BUILD_PIE,
    BUILD_EXTERNAL_PIE, /* linked by the C compiler */
    BUILD_NO_OPT,       /* -N -l */
    BUILD_RACE,
    BUILD_NO_DWARF,
    BUILD_STRIPPED, /* -s -w: no symbols either */
    BUILD_STRIPPED_PIE,
    BUILD_ARM64,
    BUILD_386,
};

/* The Go versions that we support, one of each minor; NULL ends the list. */
extern const char *const go_versions[];

/* Path of tests/unit/go/program built with that version, in static memory; NULL, with a line that says why,
 * when it cannot be built here. */
const char *go_build(const char *version, enum go_build_kind kind);

/* The same, opened; fails the test when gotape refuses it. The caller closes it. */
struct go_binary *go_build_open(const char *version, enum go_build_kind kind);

/* Calls back for every version, plain and position-independent; skips the test when none can be built. */
typedef void (*go_build_fn)(struct go_binary *binary, const char *version, const char *path);
void go_build_each(go_build_fn check);

/* A running child with its standard input and output piped. */
struct go_child {
    pid_t pid;
    FILE *in, *out;
};

bool go_child_start(struct go_child *self, const char *path, const char *mode, const char *argument);
void go_child_stop(struct go_child *self);

/* The whole file; the caller frees it. */
uint8_t *read_whole_file(const char *path, size_t *size_out);

#endif
