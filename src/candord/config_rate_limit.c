/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rate-limit { … }: how many answers of a sort a network may have. Bounds and defaults are BIND's. */
#include "candord/config_build.h"

enum { PER_SECOND_MAX = 1000, ENTRIES_MIN = 500, ENTRIES = 20000, ENTRIES_MAX = 16 << 20 };

/* BIND takes no number out of range here, so neither do we. */
static uint32_t number_within(struct builder *b, const struct scope *scope, const char *word,
                              uint32_t otherwise, uint32_t low, uint32_t high)
{
    uint32_t value = scope_number(scope, word, otherwise);
    if (value >= low && value <= high)
        return value;
    conf_error(b->report, scope_find(scope, word)->items->at, "expected %u to %u after '%s', found %u", low,
               high, word, value);
    return otherwise;
}

static void read_rates(struct builder *b, const struct scope *scope, struct rate_limit_options *options)
{
    static const char *const words[] = {
        [RATE_RESPONSE] = "responses-per-second", [RATE_REFERRAL] = "referrals-per-second",
        [RATE_NODATA] = "nodata-per-second",      [RATE_NXDOMAIN] = "nxdomains-per-second",
        [RATE_ERROR] = "errors-per-second",       [RATE_ALL] = "all-per-second",
    };
    uint32_t otherwise = 0;
    for (int kind = RATE_RESPONSE; kind <= RATE_ALL; kind++) {
        options->per_second[kind] =
            number_within(b, scope, words[kind], kind == RATE_ALL ? 0 : otherwise, 0, PER_SECOND_MAX);
        if (kind == RATE_RESPONSE)
            otherwise = options->per_second[kind];
    }
}

static void read_table(struct builder *b, const struct scope *scope, struct rate_limit_options *options)
{
    uint32_t least = number_within(b, scope, "min-table-size", ENTRIES_MIN, 1, ENTRIES_MAX);
    options->max_entries = number_within(b, scope, "max-table-size", ENTRIES, 1, ENTRIES_MAX);
    if (options->max_entries < least)
        conf_error(b->report,
                   (scope_find(scope, "max-table-size") ?: scope_find(scope, "min-table-size"))->items->at,
                   "expected max-table-size of at least min-table-size, %u, found %u", least,
                   options->max_entries);
}

void build_rate_limit(struct builder *b, const struct scope *scope, struct view_config *view)
{
    const struct conf_statement *s = scope_find(scope, "rate-limit");
    const struct conf_item *block = s ? conf_block(s) : NULL;
    struct rate_limit_config *config = block ? build_alloc(b, sizeof *config) : NULL;
    if (!config)
        return;
    const struct scope inside = {{block->block}};
    struct rate_limit_options *options = &config->options;
    read_rates(b, &inside, options);
    read_table(b, &inside, options);
    options->window_s = number_within(b, &inside, "window", 15, 1, 3600);
    options->slip = number_within(b, &inside, "slip", 2, 0, 10);
    options->prefix_bits_v4 = number_within(b, &inside, "ipv4-prefix-length", 24, 8, 32);
    options->prefix_bits_v6 = number_within(b, &inside, "ipv6-prefix-length", 56, 16, 128);
    options->qps_scale =
        number_within(b, &inside, "qps-scale", 0, scope_find(&inside, "qps-scale") ? 1 : 0, UINT32_MAX);
    options->log_only = scope_bool(&inside, "log-only", false);
    config->exempt = scope_acl(b, &inside, "exempt-clients", &acl_none);
    view->rate_limit = config;
}
