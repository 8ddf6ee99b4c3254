/* What a Go function's full name tells: its import path, and whether it belongs to Go's own machinery. */
#ifndef GOTAPE_REPLAY_FUNCTION_NAME_H
#define GOTAPE_REPLAY_FUNCTION_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* The import path of "gopkg.in/yaml%2ev3.(*T).M[...]": "gopkg.in/yaml.v3"; empty when the name has none
 * (assembler, C). Always terminates out; a path that does not fit is cut. */
void function_name_package(const char *name, char *out, size_t size);
/* The same for a function whose name has no package: since Go 1.27 that of a closure of an inlined function
 * begins with "_." wherever it comes from. When the file (a path at build time; NULL: unknown) is one of Go's
 * own internal packages, that is the package; otherwise it stays "_". */
void function_name_package_in(const char *name, const char *file, char *out, size_t size);
/* True for the import paths runtime, sync, their subfolders, and Go's own internal/…: never a wait's site. */
bool function_name_is_internal(const char *package);
/* True for packages whose callers say more about what is going on: context, syscall and the like. */
bool function_name_is_plumbing(const char *package);
/* True when goroutines that start in this function are the runtime's own (runtime.isSystemGoroutine). */
bool function_name_is_system_start(const char *name);

#endif
