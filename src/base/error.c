/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"

#include <stddef.h>
#include <string.h>

static const char *const texts[] = {
    [0] = "success",
    [-ERR_NOMEM] = "out of memory",
    [-ERR_INVALID] = "invalid value",
    [-ERR_MALFORMED] = "malformed input",
    [-ERR_SPACE] = "not enough space",
    [-ERR_NOT_FOUND] = "not found",
    [-ERR_EXISTS] = "already exists",
    [-ERR_LIMIT] = "limit reached",
    [-ERR_AGAIN] = "not now",
    [-ERR_TIMEOUT] = "timed out",
    [-ERR_REFUSED] = "refused",
    [-ERR_UNSUPPORTED] = "not supported",
    [-ERR_CLOSED] = "closed by the other end",
};

int err_from_errno(int errno_value)
{
    return ERR_ERRNO_BASE - errno_value;
}

const char *err_text(int error)
{
    if (error < ERR_ERRNO_BASE) {
        const char *text = strerrordesc_np(ERR_ERRNO_BASE - error);
        return text ? text : "unknown system error";
    }
    size_t i = error <= 0 ? (size_t)-error : sizeof texts;
    return i < sizeof texts / sizeof *texts ? texts[i] : "unknown error";
}
