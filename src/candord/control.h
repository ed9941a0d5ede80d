/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The control socket: a Unix socket on which an operator's tool asks one JSON object per line and gets JSON
 * lines back (doc/control.md). Knows framing, limits and the socket's file; what the verbs do is the
 * daemon's. Everything runs on the loop's thread. */
#ifndef CANDORD_CONTROL_H
#define CANDORD_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "net/loop.h"

/* A request being worked on. Ends with control_end() or control_fail(), once, during run() or later: it lives
 * until then, also when the client has gone. */
struct control_reply;

struct control_command {
    const char *verb;
    /* Negative: the request is ended here with the error's text. 0: it is ended by now, or will be. */
    int (*run)(void *context, const json_t *request, struct control_reply *reply);
    const char *help; /* one line */
};

enum {
    CONTROL_CLIENTS = 16,       /* at once; others wait in the kernel's queue */
    CONTROL_LINE_BYTES = 65536, /* of a request */
    CONTROL_REQUEST_MS = 30000, /* for a request to come; and for its answer to be read */
};

struct control_options {
    const char *path;
    bool make_directory;                    /* create the parent directory when it is missing (mode 0755) */
    const struct control_command *commands; /* ends with verb NULL; kept by the caller */
    void *context;                          /* for run() */
};

struct control;

/* Makes the socket (mode 0660) and serves. A socket that nobody listens on any more is replaced. ERR_EXISTS:
 * another process listens there, or the path is no socket: it is left alone; other errors are the system's.
 * The caller decides how bad that is. */
int control_open(const struct control_options *options, struct loop *loop, struct control **out) MUST_CHECK;

/* Tells whoever waits that the daemon ends, and removes the socket's file if it is still ours. Requests that
 * were not ended are still to be. NULL does nothing. */
void control_close(struct control *control);

/* A line on the way to the answer: {"progress": …}. Takes over `progress`. */
void control_progress(struct control_reply *reply, json_t *progress);

/* The answer: {"ok": true, "result": …}. Takes over `result`; NULL (memory) says so to the client. */
void control_end(struct control_reply *reply, json_t *result);

/* The answer is no: {"ok": false, "error": "…"}. */
void control_fail(struct control_reply *reply, const char *format, ...) PRINTF_LIKE(2, 3);

/* --- what a request holds: helpers for run() --- */

/* A member that is a string; NULL when it is missing. */
const char *control_string(const json_t *request, const char *name);
bool control_flag(const json_t *request, const char *name);

#endif
