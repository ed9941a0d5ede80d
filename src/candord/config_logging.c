/* SPDX-License-Identifier: GPL-3.0-or-later */
/* logging { channel … category … } -> struct log_config. Without it everything from notice on goes to stderr.
 */
#include <string.h>
#include <strings.h>
#include <syslog.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"

enum { MAX_CHANNELS = 64 /* log_config has one bit for each */ };

/* BIND's own channels; default_debug carries debug messages only, and there is no debug level here. */
static const struct log_channel own_channels[] = {
    {.name = "default_stderr",
     .kind = LOG_TO_STDERR,
     .level = LEVEL_INFO,
     .print_time = true,
     .print_category = true,
     .print_severity = true},
    {.name = "default_syslog", .kind = LOG_TO_SYSLOG, .syslog_facility = LOG_DAEMON, .level = LEVEL_INFO},
    {.name = "default_debug", .kind = LOG_TO_NULL},
    {.name = "null", .kind = LOG_TO_NULL},
};

enum { OWN_CHANNELS = sizeof own_channels / sizeof *own_channels };

static const struct {
    const char *word;
    int value;
} facilities[] =
    {
        {"kern", LOG_KERN},     {"user", LOG_USER},     {"mail", LOG_MAIL},         {"daemon", LOG_DAEMON},
        {"auth", LOG_AUTH},     {"syslog", LOG_SYSLOG}, {"lpr", LOG_LPR},           {"news", LOG_NEWS},
        {"uucp", LOG_UUCP},     {"cron", LOG_CRON},     {"authpriv", LOG_AUTHPRIV}, {"ftp", LOG_FTP},
        {"local0", LOG_LOCAL0}, {"local1", LOG_LOCAL1}, {"local2", LOG_LOCAL2},     {"local3", LOG_LOCAL3},
        {"local4", LOG_LOCAL4}, {"local5", LOG_LOCAL5}, {"local6", LOG_LOCAL6},     {"local7", LOG_LOCAL7},
},
  levels[] = {
      {"critical", LEVEL_CRITICAL}, {"error", LEVEL_ERROR}, {"warning", LEVEL_WARN}, {"notice", LEVEL_NOTICE},
      {"info", LEVEL_INFO},         {"debug", LEVEL_DEBUG}, {"dynamic", LEVEL_INFO},
};

struct channels {
    struct log_channel *list;
    size_t count;
};

static int find_channel(const struct channels *channels, const char *name)
{
    for (size_t i = 0; i < channels->count; i++)
        if (strcasecmp(channels->list[i].name, name) == 0)
            return (int)i;
    return ERR_NOT_FOUND;
}

static void read_file(struct builder *b, const struct conf_statement *s, struct log_channel *channel)
{
    const struct conf_item *path = s->items->next, *versions = conf_option(s, "versions"),
                           *size = conf_option(s, "size");
    uint32_t kept = 0;
    uint64_t bytes = 0;
    channel->kind = LOG_TO_FILE;
    channel->path = path ? build_path(b, path->text) : NULL;
    if (versions && strcasecmp(versions->text, "unlimited") == 0)
        channel->versions = 1000; /* enough; and a loop over them ends */
    else if (versions && conf_number(versions->text, &kept) == 0)
        channel->versions = kept < 1000 ? kept : 1000;
    if (size && conf_size(size->text, &bytes) == 0)
        channel->max_bytes = bytes;
    if (!channel->path)
        channel->kind = LOG_TO_NULL;
}

static void read_syslog(struct builder *b, const struct conf_statement *s, struct log_channel *channel)
{
    const struct conf_item *facility = s->items->next;
    channel->kind = LOG_TO_SYSLOG;
    channel->syslog_facility = LOG_DAEMON;
    if (!facility)
        return;
    for (size_t i = 0; i < sizeof facilities / sizeof *facilities; i++)
        if (strcasecmp(facility->text, facilities[i].word) == 0) {
            channel->syslog_facility = facilities[i].value;
            return;
        }
    conf_error(b->report, facility->at, "unknown syslog facility '%s'; expected daemon, local0 or another",
               facility->text);
}

static void read_destination(struct builder *b, const struct conf_item *name,
                             const struct conf_statement *list, struct log_channel *channel)
{
    const struct conf_statement *file = conf_find(list, "file"), *syslog_to = conf_find(list, "syslog");
    const struct conf_statement *to_stderr = conf_find(list, "stderr"), *null = conf_find(list, "null");
    if (!!file + !!syslog_to + !!to_stderr + !!null != 1)
        conf_error(b->report, name->at,
                   "expected exactly one of file, syslog, stderr and null in channel '%s'", name->text);
    channel->kind = to_stderr ? LOG_TO_STDERR : LOG_TO_NULL;
    if (file)
        read_file(b, file, channel);
    else if (syslog_to)
        read_syslog(b, syslog_to, channel);
}

static void read_channel(struct builder *b, const struct conf_statement *s, struct channels *channels)
{
    const struct conf_item *name = s->items->next, *block = conf_block(s);
    if (!name || !block || name->kind == CONF_BLOCK)
        return;
    if (find_channel(channels, name->text) >= 0 || channels->count >= MAX_CHANNELS) {
        conf_error(b->report, name->at,
                   channels->count < MAX_CHANNELS ? "channel '%s' a second time"
                                                  : "too many channels with '%s' (at most 60)",
                   name->text);
        return;
    }
    struct scope scope = {{block->block}};
    struct log_channel *channel = &channels->list[channels->count++];
    *channel = (struct log_channel){.name = name->text, .level = LEVEL_INFO};
    read_destination(b, name, block->block, channel);
    const struct conf_item *severity = scope_value(&scope, "severity"),
                           *time = scope_value(&scope, "print-time");
    for (size_t i = 0; severity && i < sizeof levels / sizeof *levels; i++)
        if (strcasecmp(severity->text, levels[i].word) == 0)
            channel->level = (enum log_level)levels[i].value;
    if (time && conf_bool(time->text, &channel->print_time) != 0)
        channel->print_time = true; /* local, iso8601 …: one form of time here */
    channel->print_category = scope_bool(&scope, "print-category", false);
    channel->print_severity = scope_bool(&scope, "print-severity", false);
}

static uint64_t read_routes(struct builder *b, const struct conf_statement *s,
                            const struct channels *channels)
{
    const struct conf_item *block = conf_block(s);
    uint64_t routes = 0;
    for (const struct conf_statement *e = block ? block->block : NULL; e; e = e->next) {
        int found = find_channel(channels, e->items->text);
        if (found >= 0)
            routes |= UINT64_C(1) << found;
        else
            conf_error(b->report, e->items->at, "undefined channel '%s'", e->items->text);
    }
    return routes;
}

/* A category without a line of its own goes where `default` goes. */
static void read_categories(struct builder *b, const struct conf_statement *list,
                            const struct channels *channels, struct log_config *log)
{
    bool given[LOG_CATEGORIES] = {false};
    log->routes[LOG_DEFAULT] = 1;
    for (const struct conf_statement *s = conf_find(list, "category"); s; s = conf_find_next(s, "category")) {
        const struct conf_item *name = s->items->next;
        int category = name && name->kind != CONF_BLOCK ? log_category_from_text(name->text) : ERR_NOT_FOUND;
        uint64_t routes = read_routes(b, s, channels);
        if (category < 0 && name)
            conf_error(b->report, name->at, "unknown category '%s'; expected one of BIND's", name->text);
        else if (category > LOG_DEFAULT && category < LOG_CATEGORIES)
            given[category] = true;
        else if (!name || strcasecmp(name->text, "default") != 0)
            continue; /* a category of BIND's without lines of its own here */
        if (category >= 0)
            log->routes[category] = routes;
    }
    for (int c = LOG_DEFAULT + 1; c < LOG_CATEGORIES; c++)
        if (!given[c])
            log->routes[c] = log->routes[LOG_DEFAULT];
}

void build_logging(struct builder *b)
{
    struct log_config *log = &b->config->log;
    const struct conf_statement *logging = conf_find(b->top, "logging");
    const struct conf_item *block = logging ? conf_block(logging) : NULL;
    const struct conf_statement *list = block ? block->block : NULL;
    struct channels channels = {build_alloc(b, MAX_CHANNELS * sizeof *channels.list), OWN_CHANNELS};
    if (!channels.list)
        return;
    memcpy(channels.list, own_channels, sizeof own_channels);
    for (const struct conf_statement *s = conf_find(list, "channel"); s; s = conf_find_next(s, "channel"))
        read_channel(b, s, &channels);
    read_categories(b, list, &channels, log);
    log->channels = channels.list;
    log->channel_count = channels.count;
}
