#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int code_of_errno(int number)
{
    static const struct {
        int number, code;
    } table[] = {
        {ENOENT, ERR_NOT_FOUND}, {ENOMEM, ERR_NOMEM},    {EACCES, ERR_PERMISSION},
        {EPERM, ERR_PERMISSION}, {ENOSPC, ERR_NO_SPACE}, {EDQUOT, ERR_NO_SPACE},
        {ESRCH, ERR_GONE},       {EBUSY, ERR_BUSY},      {EINTR, ERR_STOPPED},
    };
    for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].number == number)
            return table[i].code;
    }
    return ERR_SYSTEM;
}

int error_set(struct error *err, int code, const char *format, ...)
{
    if (!err)
        return code;
    /* The arguments may point into the old message. */
    char message[sizeof err->message];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    memcpy(err->message, message, sizeof message);
    err->code = code;
    err->sys_errno = 0;
    return code;
}

int error_sys(struct error *err, const char *format, ...)
{
    int number = errno;
    int code = code_of_errno(number);
    if (!err)
        return code;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    size_t used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, ": %s", strerror(number));
    err->code = code;
    err->sys_errno = number;
    return code;
}

int error_prefix(struct error *err, const char *format, ...)
{
    if (!err)
        return ERR_SYSTEM;
    char old[sizeof err->message];
    memcpy(old, err->message, sizeof old);
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    size_t used = strlen(err->message);
    snprintf(err->message + used, sizeof err->message - used, "%s", old);
    return err->code;
}

void error_clear(struct error *err)
{
    err->code = 0;
    err->sys_errno = 0;
    err->message[0] = '\0';
}
