/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which zones have changed, and when their servers are told. */
#include "candord/notify_out.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "candord/daemon.h"
#include "candord/notify_parts.h"
#include "dns/name.h"

struct notify_out *notify_out_new(struct daemon *daemon, struct loop *loop)
{
    struct notify_out *notify = calloc(1, sizeof *notify);
    if (!notify)
        return NULL;
    notify->daemon = daemon;
    notify->loop = loop;
    notify->starting = true;
    if (notify_servers_init(notify) == 0)
        return notify;
    free(notify);
    return NULL;
}

void notify_out_free(struct notify_out *notify)
{
    if (!notify)
        return;
    notify_servers_fini(notify);
    notify_send_fini(notify);
    while (notify->zones) {
        struct told_zone *zone = notify->zones;
        notify->zones = zone->next;
        loop_timer_cancel(notify->loop, &zone->timer);
        free(zone);
    }
    free(notify);
}

/* --- what is known of each zone --- */

static struct told_zone *find_or_add(struct notify_out *notify, const char *view, const uint8_t *origin)
{
    struct told_zone *zone = notify->zones;
    while (zone && (strcmp(zone->view, view) != 0 || !name_equal(zone->origin, origin)))
        zone = zone->next;
    if (zone || !(zone = calloc(1, sizeof *zone)))
        return zone;
    zone->notify = notify;
    snprintf(zone->view, sizeof zone->view, "%s", view);
    name_copy(zone->origin, origin);
    zone->next = notify->zones;
    notify->zones = zone;
    return zone;
}

/* --- telling --- */

bool notify_subject_of(struct snapshot *snapshot, struct told_zone *zone, struct notify_subject *out)
{
    size_t i = 0;
    while (i < snapshot->view_count && strcmp(snapshot->views[i].config->name, zone->view) != 0)
        i++;
    if (i == snapshot->view_count)
        return false;
    const struct view *view = &snapshot->views[i];
    const struct zone_table_entry *entry = zone_table_find(view->zones, zone->origin, false);
    if (!entry || !entry->owner || !entry->content || !name_equal(entry->origin, zone->origin))
        return false;
    *out = (struct notify_subject){zone, snapshot, view, entry->owner, entry->content};
    return true;
}

static bool is_wanted(const struct zone_config *config)
{
    enum notify_mode mode = config->transfer_out.notify;
    return mode == NOTIFY_YES || mode == NOTIFY_EXPLICIT ||
           (mode == NOTIFY_PRIMARY_ONLY && config->kind == ZONE_PRIMARY);
}

/* The NS of a policy zone are mostly made up: nobody is looked up and told by them unasked. */
static bool tells_servers(const struct zone_config *config)
{
    const struct transfer_out_config *how = &config->transfer_out;
    return how->notify != NOTIFY_EXPLICIT && (how->notify_given || !config->is_policy);
}

static void tell(struct notify_out *notify, struct told_zone *zone, struct snapshot *snapshot)
{
    struct notify_subject subject;
    if (!notify_subject_of(snapshot, zone, &subject) || !is_wanted(subject.config))
        return;
    const struct zone_config *config = subject.config;
    zone->told_ms = loop_now_ms(notify->loop);
    notify_drop(notify, zone); /* who has not answered yet is told of the newer one */
    for (size_t i = 0; i < config->also_notify.count; i++) {
        const struct remote_server *server = &config->also_notify.servers[i];
        notify_send(notify, &subject, &server->endpoint, server->key);
    }
    if (tells_servers(config))
        notify_servers(notify, &subject);
}

static void due(struct loop_timer *timer)
{
    struct told_zone *zone = (struct told_zone *)((char *)timer - offsetof(struct told_zone, timer));
    struct snapshot *snapshot = daemon_snapshot(zone->notify->daemon);
    tell(zone->notify, zone, snapshot);
    snapshot_unref(snapshot);
}

static void schedule(struct notify_out *notify, struct told_zone *zone, const struct zone_config *config,
                     struct snapshot *snapshot)
{
    uint64_t now_ms = loop_now_ms(notify->loop), at_ms = zone->told_ms + config->transfer_out.notify_delay_ms;
    if (zone->timer.heap_index)
        return; /* it will see the newest version */
    if (!zone->told_ms || at_ms <= now_ms)
        tell(notify, zone, snapshot);
    else if (loop_timer_set(notify->loop, &zone->timer, at_ms, due))
        log_write(LOG_NOTIFY, LEVEL_ERROR, "no memory for a timer");
}

static void look_at(struct notify_out *notify, struct snapshot *snapshot, const struct view *view,
                    const struct zone_table_entry *entry)
{
    uint32_t serial = zone_content_serial(entry->content);
    struct told_zone *zone = find_or_add(notify, view->config->name, entry->origin);
    if (!zone || (zone->known && zone->serial == serial))
        return;
    zone->known = true;
    zone->serial = serial;
    schedule(notify, zone, entry->owner, snapshot);
}

void notify_out_look(struct notify_out *notify, struct snapshot *snapshot)
{
    const struct server_config *server = &snapshot->config->server;
    notify->per_second = notify->starting ? server->startup_notify_rate : server->notify_rate;
    for (size_t v = 0; v < snapshot->view_count; v++) {
        const struct view *view = &snapshot->views[v];
        for (size_t i = 0; i < zone_table_count(view->zones); i++) {
            const struct zone_table_entry *entry = zone_table_get(view->zones, i);
            if (entry->owner && entry->content)
                look_at(notify, snapshot, view, entry);
        }
    }
    notify->starting = false;
}
