/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which secondary zones there are: a configuration comes into force. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "candord/secondary_parts.h"

static struct schedule_options options_of(const struct zone_config *zone)
{
    const struct transfer_in_config *in = &zone->transfer_in;
    return (struct schedule_options){.min_refresh_s = in->min_refresh_s,
                                     .max_refresh_s = in->max_refresh_s,
                                     .min_retry_s = in->min_retry_s,
                                     .max_retry_s = in->max_retry_s,
                                     .min_update_interval_s = in->min_update_interval_s,
                                     .primaries = zone->primaries.count};
}

/* What is there already, from a file or from the time before a restart. */
static void look_at_version(struct secondary *zone)
{
    struct zone_look look;
    keeper_look(&zone->all->daemon->keeper, zone->view_name, zone->zone->name, &look);
    if (look.latest) {
        const uint8_t *soa = zone_content_soa(look.latest)->rdatas[0].bytes;
        const struct schedule_timers timers = {soa_refresh_s(soa), soa_retry_s(soa), soa_expire_s(soa)};
        int64_t age_s = look.checked_at_s ? clock_wall_s() - look.checked_at_s : 0;
        zone->has_serial = true;
        zone->serial = zone_content_serial(look.latest);
        schedule_loaded(&zone->schedule, &timers, age_s > 0 ? (uint64_t)age_s : 0, secondary_now_ms());
    }
    zone_look_fini(&look);
}

static void use_config(struct secondary *zone, struct config_holder *holder, const struct view_config *view,
                       const struct zone_config *config)
{
    config_holder_unref(zone->holder);
    zone->holder = config_holder_ref(holder);
    zone->view = view;
    zone->zone = config;
    zone->wanted = true;
}

static void add(struct secondaries *all, struct config_holder *holder, const struct view_config *view,
                const struct zone_config *config)
{
    const struct schedule_options options = options_of(config);
    struct secondary *zone = calloc(1, sizeof *zone);
    if (zone)
        zone->view_name = strdup(view->name);
    if (!zone || !zone->view_name) {
        log_write(LOG_XFER_IN, LEVEL_ERROR, "zone %s/IN: out of memory: it is not refreshed",
                  config->name_text);
        free(zone);
        return;
    }
    zone->all = all;
    zone->next = all->zones;
    all->zones = zone;
    use_config(zone, holder, view, config);
    schedule_init(&zone->schedule, &options, secondary_now_ms());
    look_at_version(zone);
    secondary_set_timer(zone);
}

static bool same_key(const struct tsig_key *a, const struct tsig_key *b)
{
    return a == b ||
           (a && b && name_equal(a->name, b->name) && strcmp(a->algorithm, b->algorithm) == 0 &&
            a->secret_length == b->secret_length && memcmp(a->secret, b->secret, a->secret_length) == 0);
}

static bool same_primaries(const struct zone_config *a, const struct zone_config *b)
{
    bool same = a->primaries.count == b->primaries.count && a->is_policy == b->is_policy;
    for (size_t i = 0; same && i < a->primaries.count; i++) {
        const struct remote_server *one = &a->primaries.servers[i], *other = &b->primaries.servers[i];
        same = one->endpoint.port == other->endpoint.port &&
               ip_equal(&one->endpoint.address, &other->endpoint.address) && same_key(one->key, other->key) &&
               !one->tls == !other->tls && (!one->tls || strcmp(one->tls, other->tls) == 0);
    }
    return same;
}

/* A reload asks all primaries anew, as BIND does. A transfer under way goes on, unless it comes from others
 * now. */
static void change(struct secondary *zone, struct config_holder *holder, const struct view_config *view,
                   const struct zone_config *config)
{
    const struct schedule_options options = options_of(config);
    bool same = same_primaries(zone->zone, config);
    use_config(zone, holder, view, config);
    schedule_configure(&zone->schedule, &options);
    schedule_refresh(&zone->schedule, secondary_now_ms());
    if (zone->round && !same)
        fetchers_cancel(zone->all->fetchers, &zone->round->job);
    secondary_set_timer(zone);
}

static void take_view(struct secondaries *all, struct config_holder *holder, const struct view_config *view)
{
    for (size_t i = 0; i < view->zone_count; i++) {
        const struct zone_config *config = &view->zones[i];
        if (config->kind != ZONE_SECONDARY || !config->primaries.count)
            continue;
        struct secondary *zone = secondary_find(all, view->name, config->name);
        if (zone)
            change(zone, holder, view, config);
        else
            add(all, holder, view, config);
    }
}

static void drop(struct secondaries *all, struct secondary *zone)
{
    loop_timer_cancel(all->daemon->loop, &zone->timer);
    secondary_tell_waiting(zone, "the zone is no longer configured", true);
    zone->gone = true;
    if (zone->round)
        fetchers_cancel(all->fetchers, &zone->round->job);
    else
        secondary_free(zone);
}

static void drop_unwanted(struct secondaries *all)
{
    for (struct secondary **at = &all->zones; *at;) {
        struct secondary *zone = *at;
        if (zone->wanted) {
            at = &zone->next;
        } else {
            *at = zone->next;
            drop(all, zone);
        }
    }
}

static void configure(struct job *job)
{
    struct notice *notice = (struct notice *)job;
    struct secondaries *all = notice->all;
    const struct config *config = notice->holder->config;
    const struct transfers_in_config *limits = &config->server.transfers_in;
    if (!all->stopped) {
        all->per_second = limits->queries_per_second;
        fetchers_limit(all->fetchers, limits->threads, limits->per_server);
        for (struct secondary *zone = all->zones; zone; zone = zone->next)
            zone->wanted = false;
        for (size_t v = 0; v < config->view_count; v++)
            take_view(all, notice->holder, &config->views[v]);
        drop_unwanted(all);
    }
    config_holder_unref(notice->holder);
    free(notice);
}

struct notice *secondary_notice(struct secondaries *all, void (*done)(struct job *job))
{
    struct notice *notice = calloc(1, sizeof *notice);
    if (!notice)
        return NULL;
    notice->job.done = done;
    notice->all = all;
    return notice;
}

void secondaries_configure(struct secondaries *all, struct config_holder *holder)
{
    struct notice *notice = secondary_notice(all, configure);
    if (!notice) {
        log_write(LOG_XFER_IN, LEVEL_ERROR, "out of memory: secondary zones stay as they were configured");
        return;
    }
    notice->holder = config_holder_ref(holder);
    inbox_post(&all->daemon->inbox, &notice->job.message);
}
