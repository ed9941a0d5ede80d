/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <strings.h>

#include "base/log.h"

static const char *const names[LOG_CATEGORIES] = {
    [LOG_DEFAULT] = "default",   [LOG_GENERAL] = "general",       [LOG_CONFIG] = "config",
    [LOG_RPZ] = "rpz",           [LOG_QUERIES] = "queries",       [LOG_RPZ_PASSTHRU] = "rpz-passthru",
    [LOG_SECURITY] = "security", [LOG_CLIENT] = "client",         [LOG_NETWORK] = "network",
    [LOG_RESOLVER] = "resolver", [LOG_ZONELOAD] = "zoneload",     [LOG_XFER_IN] = "xfer-in",
    [LOG_XFER_OUT] = "xfer-out", [LOG_NOTIFY] = "notify",         [LOG_UPDATE] = "update",
    [LOG_DNSSEC] = "dnssec",     [LOG_RATE_LIMIT] = "rate-limit",
};

/* Categories of BIND 9.18 that have no place of their own here. */
static const char *const only_bind[] = {
    "cname",
    "database",
    "delegation-only",
    "dispatch",
    "dnstap",
    "edns-disabled",
    "lame-servers",
    "nsid",
    "query-errors",
    "serve-stale",
    "spill",
    "sslkeylog",
    "trust-anchor-telemetry",
    "unmatched",
    "update-security",
};

const char *log_category_text(enum log_category category)
{
    return category < LOG_CATEGORIES ? names[category] : "default";
}

int log_category_from_text(const char *text)
{
    for (int i = 0; i < LOG_CATEGORIES; i++)
        if (strcasecmp(text, names[i]) == 0)
            return i;
    for (size_t i = 0; i < sizeof only_bind / sizeof *only_bind; i++)
        if (strcasecmp(text, only_bind[i]) == 0)
            return LOG_DEFAULT;
    return ERR_NOT_FOUND;
}
