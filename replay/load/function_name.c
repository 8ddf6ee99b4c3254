#include "load/function_name.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void function_name_package(const char *name, char *out, size_t size)
{
    /* Type arguments may hold slashes and dots of their own. */
    size_t length = strcspn(name, "[");
    size_t start = 0;
    for (size_t i = 0; i < length; i++) {
        if (name[i] == '/')
            start = i + 1;
    }
    const char *dot = memchr(name + start, '.', length - start);
    size_t end = dot ? (size_t)(dot - name) : 0;
    size_t n = 0;
    for (size_t i = 0; i < end && n + 1 < size; i++) {
        /* The linker escapes dots of a path's last element, quotes, and bytes that are no plain text
         * (objabi.PathToPrefix). */
        int high = name[i] == '%' && i + 2 < end ? hex_digit(name[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(name[i + 2]) : -1;
        if (low >= 0 && (high || low)) {
            out[n++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[n++] = name[i];
        }
    }
    out[n] = '\0';
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool function_name_is_internal(const char *package)
{
    return strcmp(package, "runtime") == 0 || has_prefix(package, "runtime/") ||
           strcmp(package, "sync") == 0 || has_prefix(package, "sync/") || has_prefix(package, "internal/");
}

bool function_name_is_plumbing(const char *package)
{
    return strcmp(package, "context") == 0 || strcmp(package, "syscall") == 0 ||
           strcmp(package, "golang.org/x/sys/unix") == 0;
}

bool function_name_is_system_start(const char *name)
{
    return has_prefix(name, "runtime.") && strcmp(name, "runtime.main") != 0 &&
           strcmp(name, "runtime.corostart") != 0 && strcmp(name, "runtime.handleAsyncEvent") != 0;
}

void function_name_package_in(const char *name, const char *file, char *out, size_t size)
{
    function_name_package(name, out, size);
    if (strcmp(out, "_") != 0 || !file)
        return;
    /* Go's own files lie below src of its root, or have their import path as path (-trimpath). */
    const char *path = file[0] == '/' ? NULL : file;
    for (const char *at = strstr(file, "/src/"); at; at = strstr(at + 1, "/src/"))
        path = at + strlen("/src/");
    const char *slash = path ? strrchr(path, '/') : NULL;
    char package[256];
    if (!slash || (size_t)(slash - path) >= sizeof package || (size_t)(slash - path) >= size)
        return;
    memcpy(package, path, (size_t)(slash - path));
    package[slash - path] = '\0';
    if (function_name_is_internal(package))
        memcpy(out, package, strlen(package) + 1);
}
