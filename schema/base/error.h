/*
 * The one error type that crosses folders. A function that can fail returns 0 (or 1/0 for iterators) or a
 * negative code of this list, and fills the caller's struct with a message that is complete for the user:
 * what failed, on what, and what to do next. Nothing below main prints or exits.
 */
#ifndef GOTAPE_BASE_ERROR_H
#define GOTAPE_BASE_ERROR_H

enum error_code {
    ERR_SYSTEM = -1,      /* a system call failed for a reason not listed below */
    ERR_NOMEM = -2,       /* out of memory, or over a limit that we set ourselves */
    ERR_DAMAGED = -3,     /* input bytes are not what the format promises */
    ERR_UNSUPPORTED = -4, /* well-formed, but nothing that this version handles */
    ERR_USAGE = -5,       /* the command line is wrong */
    ERR_NOT_FOUND = -6,   /* no such file, process, symbol, row */
    ERR_PERMISSION = -7,  /* the right is missing; the message names it */
    ERR_NO_SPACE = -8,    /* disk full, quota */
    ERR_GONE = -9,        /* the target process vanished */
    ERR_BUSY = -10,       /* in use by somebody else */
    ERR_STOPPED = -11,    /* interrupted by the user */
};

struct error {
    int code;      /* 0 while nothing failed */
    int sys_errno; /* errno behind ERR_SYSTEM and its specialisations, else 0 */
    char message[1024];
};

/* Sets code and message. Returns code, so that callers write `return error_set(err, …)`. A NULL err is
 * allowed. */
int error_set(struct error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: the code is chosen by errno, and ": " + strerror(errno) is appended. */
int error_sys(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts text in front of the message ("reading x.gotape: " …). Returns err->code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

void error_clear(struct error *err);

#endif
