/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where log lines end: a set of open channels and the routes to them. For the log's own thread; log.h is
 * the door for everybody else. */
#ifndef BASE_LOG_CHANNEL_H
#define BASE_LOG_CHANNEL_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/error.h"
#include "base/log.h"

struct log_sinks;

/* One line on its way; `text` is already safe to print. */
struct log_line {
    struct timespec when;
    enum log_category category;
    enum log_level level;
    const char *text;
    size_t length;
};

/* Opens every channel of `config`, copying what it needs. 0, ERR_NOMEM, ERR_INVALID (a route to a channel
 * that does not exist) or the error of the first file that could not be opened. */
int log_sinks_open(const struct log_config *config, struct log_sinks **out) MUST_CHECK;

/* Closes what is open; carries out nothing: flush first. NULL is fine. */
void log_sinks_close(struct log_sinks *sinks);

/* Gives the line to its channels; files are written when their buffer is full or on log_sinks_flush(). */
void log_sinks_put(struct log_sinks *sinks, const struct log_line *line);
void log_sinks_flush(struct log_sinks *sinks);

/* The least severe level that some channel of this category takes; -1 when none takes anything. */
int log_sinks_level(const struct log_sinks *sinks, enum log_category category);

#endif
