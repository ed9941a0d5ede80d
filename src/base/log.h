/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log. Any thread writes a line; one thread of the log's own carries it to the channels, so that a
 * slow disk never holds up a query. The queue is bounded: what does not fit is dropped, counted, and said
 * when there is room again. Before log_start() and after log_stop() lines go to stderr directly. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Severity, BIND's names. Lower is more severe. */
enum log_level { LEVEL_CRITICAL, LEVEL_ERROR, LEVEL_WARN, LEVEL_NOTICE, LEVEL_INFO, LEVEL_DEBUG };

/* Categories, BIND's names (logging { category NAME … }); what has no place of its own goes to DEFAULT. */
enum log_category {
    LOG_DEFAULT, /* default, and every BIND category not listed here */
    LOG_GENERAL,
    LOG_CONFIG,
    LOG_RPZ,          /* one line per rewrite */
    LOG_RPZ_PASSTHRU, /* one line per passthru */
    LOG_QUERIES,      /* querylog */
    LOG_SECURITY,
    LOG_CLIENT,
    LOG_NETWORK,
    LOG_RESOLVER,
    LOG_ZONELOAD,
    LOG_XFER_IN,
    LOG_XFER_OUT,
    LOG_NOTIFY,
    LOG_UPDATE,
    LOG_DNSSEC,
    LOG_RATE_LIMIT,
    LOG_CATEGORIES /* how many there are */
};

enum log_channel_kind { LOG_TO_STDERR, LOG_TO_FILE, LOG_TO_SYSLOG, LOG_TO_NULL };

struct log_channel {
    const char *name;
    enum log_channel_kind kind;
    const char *path;     /* LOG_TO_FILE: absolute or relative to the working directory */
    int syslog_facility;  /* LOG_TO_SYSLOG: LOG_DAEMON and friends of <syslog.h> */
    uint64_t max_bytes;   /* LOG_TO_FILE: start a new file at this size; 0: never */
    unsigned versions;    /* LOG_TO_FILE: how many old files to keep (path.0, path.1, …) */
    enum log_level level; /* this and more severe */
    bool print_time, print_category, print_severity;
};

struct log_config {
    const struct log_channel *channels;
    size_t channel_count;
    /* routes[c]: bit i set = category c goes to channels[i]. */
    uint64_t routes[LOG_CATEGORIES];
};

/* Starts (or, called again, switches) the log. Copies the configuration. 0, or the error of the first file
 * that could not be opened: then what was in force stays. One thread at a time. */
int log_start(const struct log_config *config) MUST_CHECK;

/* Carries out what is queued and ends the log's thread. */
void log_stop(void);

/* Waits until everything written so far is on its channels (tests, and before exit). */
void log_flush(void);

/* Would a line of this kind go anywhere? Cheap; ask before composing an expensive line. */
bool log_enabled(enum log_category category, enum log_level level);

/* Writes one line (no newline at its end). Long lines are cut at 2,000 bytes. Control characters in the
 * text are written as \ooo, so that a name from outside cannot forge a line. */
void log_write(enum log_category category, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

/* Lines dropped because the queue was full, since the start. */
uint64_t log_dropped(void);

/* BIND's word for a category ("rpz") and back; log_category_from_text gives LOG_DEFAULT for every other
 * category that BIND knows, and ERR_NOT_FOUND (negative) for a word that is none. */
const char *log_category_text(enum log_category category);
int log_category_from_text(const char *text);

#endif
