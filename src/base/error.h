/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One space of errors for the whole project: 0 is success, anything negative is an error.
 *
 * Three kinds of wrong (house rule):
 *   - our own bug: assert(), the process stops;
 *   - the machine's trouble (no memory, no file): returned as one of these;
 *   - the peer's nonsense (bytes from outside): ERR_MALFORMED, counted and answered, never asserted.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

enum err {
    ERR_OK = 0,
    ERR_NOMEM = -1,        /* out of memory */
    ERR_INVALID = -2,      /* an argument or configured value that makes no sense */
    ERR_MALFORMED = -3,    /* bytes from outside that do not parse */
    ERR_SPACE = -4,        /* the destination is too small */
    ERR_NOT_FOUND = -5,    /* what was asked for does not exist */
    ERR_EXISTS = -6,       /* it is there already */
    ERR_LIMIT = -7,        /* a configured bound was hit */
    ERR_AGAIN = -8,        /* not now; ask again */
    ERR_TIMEOUT = -9,      /* time ran out */
    ERR_REFUSED = -10,     /* not allowed */
    ERR_UNSUPPORTED = -11, /* well formed, but not done here */
    ERR_CLOSED = -12,      /* the other end went away */
    ERR_ERRNO_BASE = -1000 /* ERR_ERRNO_BASE - errno: an error of the system */
};

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

/* Maps a positive errno value into the error space. Returns a negative value. */
int err_from_errno(int errno_value);

/* A short English text for `error` ("out of memory", "Connection refused"); never NULL, static or
 * thread-local storage. */
const char *err_text(int error);

#endif
