/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "candord/sketches.h"
#include "dns/name.h"
#include "zone/suffixes.h"

static bool is_public_suffix(const void *suffixes, const uint8_t *name)
{
    return suffixes_has(suffixes, name);
}

/* --- one case --- */

static const struct view_config *find_view(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->view_count; i++)
        if (strcmp(config->views[i].name, name) == 0)
            return &config->views[i];
    return NULL;
}

/* How the view's response-policy has the zone; NULL: it does not name it. */
static const struct policy_zone_options *find_policy(const struct guard_case *c)
{
    const struct view_config *view = find_view(c->config, c->view_name);
    for (size_t i = 0; view && i < view->policy_zone_count; i++)
        if (name_equal(view->policy_zones[i].origin, c->zone->name))
            return &view->policy_zones[i];
    return NULL;
}

static bool was_held_for_traffic(const struct guard_case *c)
{
    return c->held_for && strstr(c->held_for, guard_reason_text(GUARD_AFFECTED));
}

int guard_case_weigh(struct daemon *daemon, const struct guard_case *c, struct guard_report *report,
                     struct policy_zone **dropped)
{
    const struct policy_zone_options *policy = find_policy(c);
    struct asked asked;
    int error = sketches_gather(daemon, worker_sketch, c->view_name, &asked);
    if (error)
        return error;
    const struct guard_input input = {
        .options = &c->zone->guard.options,
        .old = c->old,
        .fresh = c->fresh,
        .changes = c->changes ? zone_changes_get(c->changes) : NULL,
        .change_count = c->changes ? zone_changes_count(c->changes) : 0,
        .include_subdomains = policy && policy->include_subdomains,
        .override = policy ? policy->override : RPZ_OVERRIDE_GIVEN,
        .is_public_suffix = daemon->suffixes ? is_public_suffix : NULL,
        .suffixes = daemon->suffixes,
        .protected = c->zone->guard.protected,
        .asked = &asked,
        .held_for_traffic = was_held_for_traffic(c),
    };
    error = guard_weigh(&input, report);
    if (!error && report->verdict == GUARD_HELD && dropped && c->zone->guard.options.drop_offenders)
        error = guard_without_offenders(&input, dropped, &report->dropped);
    asked_free(&asked);
    return error == ERR_REFUSED ? 0 : error;
}

void guard_say(const struct guard_report *report, unsigned reasons, char *out, size_t size)
{
    char text[GUARD_TEXT_MAX];
    size_t used = 0;
    out[0] = 0;
    for (unsigned i = 0; i < GUARD_REASONS && used < size; i++)
        if (reasons & 1u << i)
            used += (size_t)snprintf(out + used, size - used, "%s%s: %s", used ? "; " : "",
                                     guard_reason_text((enum guard_reason)i),
                                     guard_sentence(report, (enum guard_reason)i, text));
}

/* --- the keeper's judge --- */

static void warn(const struct weighing *w, const struct guard_report *report)
{
    char name[NAME_TEXT_MAX], reasons[HOLD_REASON_MAX];
    guard_say(report, report->warned, reasons, sizeof reasons);
    log_write(LOG_ZONELOAD, LEVEL_WARN, "zone %s/IN: serial %u from %s goes into force, but %s: %s",
              name_to_text_nodot(w->zone->origin, name), report->serial, w->from,
              report->first_load ? "it is the first one" : "the guard warns", reasons);
}

static void hold(struct weighing *w, const struct guard_report *report, struct policy_zone *rest)
{
    char reasons[HOLD_REASON_MAX - 64];
    w->hold = true;
    w->instead = rest ? zone_content_policy(rest) : NULL;
    guard_say(report, report->held, reasons, sizeof reasons);
    if (w->instead)
        snprintf(w->reason, sizeof w->reason, "in force without %llu rules; %s",
                 (unsigned long long)report->dropped, reasons);
    else
        snprintf(w->reason, sizeof w->reason, "%s", reasons);
}

static void decide(struct daemon *daemon, struct weighing *w, const struct guard_case *c)
{
    struct guard_report *report = malloc(sizeof *report);
    struct policy_zone *rest = NULL;
    int error = report ? guard_case_weigh(daemon, c, report, &rest) : ERR_NOMEM;
    if (error) {
        w->hold = c->old != NULL;
        snprintf(w->reason, sizeof w->reason, "it could not be weighed: %s", err_text(error));
    } else if (report->verdict == GUARD_HELD) {
        hold(w, report, rest);
    } else if (report->verdict == GUARD_PASSES_WARNED) {
        warn(w, report);
    }
    policy_zone_unref(rest);
    free(report);
}

static const struct zone_config *find_zone(const struct config *config, const struct kept_zone *kept)
{
    const struct view_config *view = find_view(config, kept->view_name);
    for (size_t i = 0; view && i < view->zone_count; i++)
        if (name_equal(view->zones[i].name, kept->origin))
            return &view->zones[i];
    return NULL;
}

static void weigh(void *context, struct weighing *w)
{
    struct daemon *daemon = context;
    const struct kept_zone *kept = w->zone;
    /* What acts, or will again when an expired zone's source is back. */
    const struct zone_content *in_force = w->first ? NULL : kept->content ? kept->content : kept->resting;
    bool follows = in_force && kept->latest == in_force; /* the changes begin there */
    const struct guard_case c = {
        .config = daemon->keeper.config,
        .view_name = kept->view_name,
        .zone = find_zone(daemon->keeper.config, kept),
        .old = in_force ? zone_content_get_policy(in_force) : NULL,
        .fresh = zone_content_get_policy(w->next),
        .changes = follows ? w->changes : NULL,
        .held_for = kept->hold_reason,
    };
    if (c.fresh && c.zone && c.zone->guard.options.on)
        decide(daemon, w, &c);
}

/* --- life --- */

void guard_open(struct daemon *daemon)
{
    daemon->suffixes = suffixes_open();
    if (!daemon->suffixes)
        log_write(LOG_GENERAL, LEVEL_WARN,
                  "there is no public suffix list: the guard takes names of one label for suffixes");
    daemon->keeper.weigh = weigh;
    daemon->keeper.weigh_context = daemon;
}

void guard_close(struct daemon *daemon)
{
    daemon->keeper.weigh = NULL;
    suffixes_close(daemon->suffixes);
    daemon->suffixes = NULL;
}
