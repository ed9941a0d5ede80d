/* SPDX-License-Identifier: GPL-3.0-or-later */
/* status and stats: how the daemon is. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "candord/commands_parts.h"
#include "version.h"

/* --- status --- */

static long resident_bytes(void)
{
    long size = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%ld %ld", &size, &resident) != 2)
        resident = 0;
    if (file)
        fclose(file);
    return resident * sysconf(_SC_PAGESIZE);
}

static json_t *listening(const struct server_config *config)
{
    json_t *list = json_array();
    for (size_t i = 0; i < config->listen_count; i++)
        json_array_append_new(list, json_pack("{s:o, s:i, s:s?}", "address",
                                              json_address(&config->listen[i].address), "port",
                                              config->listen[i].port, "tls", config->listen[i].tls));
    return list;
}

static json_t *policy_names(const struct policy_set *set)
{
    json_t *list = json_array();
    for (size_t i = 0; i < set->count; i++)
        json_array_append_new(list, json_name(set->zones[i].options.origin));
    return list;
}

static json_t *cache_state(const struct cache *cache)
{
    struct cache_counts counts;
    cache_count(cache, &counts);
    return json_pack("{s:I, s:I, s:I, s:I}", "entries", (json_int_t)counts.entries, "bytes",
                     (json_int_t)counts.bytes, "max_bytes", (json_int_t)counts.max_bytes, "evicted",
                     (json_int_t)counts.evicted);
}

static json_t *views(const struct snapshot *snapshot)
{
    json_t *list = json_array();
    for (size_t i = 0; i < snapshot->view_count; i++) {
        const struct view *view = &snapshot->views[i];
        json_array_append_new(
            list, json_pack("{s:o, s:b, s:o, s:b, s:o}", "name", json_text(view->config->name), "recursion",
                            view->config->recursion, "policy_zones", policy_names(view->policy),
                            "policy_ready", view->policy->ready, "cache", cache_state(view->pool->cache)));
    }
    return list;
}

struct zone_sums {
    json_int_t loaded, failed, loading, held, rules, records, bytes;
};

static void sum_zone(void *context, const struct kept_zone *zone)
{
    struct zone_sums *sums = context;
    const struct policy_zone *policy = zone->content ? zone_content_get_policy(zone->content) : NULL;
    sums->loading += atomic_load(&zone->progress.doing) != DOING_NOTHING;
    sums->failed += zone->last_problem != NULL;
    sums->held += zone->hold != HOLD_NONE;
    if (!zone->content)
        return;
    sums->loaded++;
    sums->records += (json_int_t)zone_content_records(zone->content);
    sums->bytes += (json_int_t)zone_content_bytes(zone->content);
    if (policy) {
        struct policy_zone_counts counts;
        policy_zone_count(policy, &counts);
        for (int i = 0; i < RPZ_TRIGGERS; i++)
            sums->rules += (json_int_t)counts.rules[i];
    }
}

static json_t *zone_state(struct keeper *keeper)
{
    struct zone_sums sums = {0};
    keeper_each(keeper, sum_zone, &sums);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "loaded", sums.loaded, "held", sums.held,
                     "failed", sums.failed, "loading", sums.loading, "rules", sums.rules, "records",
                     sums.records, "bytes", sums.bytes);
}

/* The few counters that everybody wants to see first. */
struct headline {
    json_int_t queries, rewritten, cache_hits, servfail, waiting;
};

static void pick(void *context, const char *room, const struct metric_def *def, uint64_t value)
{
    struct headline *line = context;
    const struct {
        const char *name;
        json_int_t *to;
    } wanted[] = {{"udp_queries", &line->queries},
                  {"tcp_queries", &line->queries},
                  {"rewritten", &line->rewritten},
                  {"cache_hits", &line->cache_hits},
                  {"servfail", &line->servfail}};
    if (strcmp(room, "serve") != 0)
        return;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strcmp(def->name, wanted[i].name))
            *wanted[i].to += (json_int_t)value;
}

static json_t *queries(struct daemon *daemon)
{
    struct headline line = {0};
    metrics_read(daemon->metrics, pick, &line);
    return json_pack("{s:I, s:I, s:I, s:I, s:I}", "all", line.queries, "rewritten", line.rewritten,
                     "cache_hits", line.cache_hits, "servfail", line.servfail, "waiting",
                     (json_int_t)atomic_load(&daemon->serving.waiting));
}

int command_status(void *context, const json_t *request, struct control_reply *reply)
{
    struct daemon *daemon = context;
    struct snapshot *snapshot = daemon_snapshot(daemon);
    const struct server_config *config = &snapshot->config->server;
    (void)request;
    json_t *result =
        json_pack("{s:s, s:i, s:o, s:I, s:I, s:I, s:i, s:i, s:o, s:o, s:o, s:o, s:I}", "version",
                  CANDOR_VERSION, "pid", (int)getpid(), "config_file", json_text(daemon->options.config_file),
                  "started_at", (json_int_t)daemon->started_at_s, "configured_at",
                  (json_int_t)daemon->configured_at_s, "now", (json_int_t)clock_wall_s(), "workers",
                  (int)daemon->worker_count, "resolver_threads", (int)config->resolver_threads, "listening",
                  listening(config), "views", views(snapshot), "zones", zone_state(&daemon->keeper),
                  "queries", queries(daemon), "memory_bytes", (json_int_t)resident_bytes());
    snapshot_unref(snapshot);
    control_end(reply, result);
    return 0;
}

/* --- stats --- */

static void add_metric(void *context, const char *room, const struct metric_def *def, uint64_t value)
{
    json_array_append_new(context,
                          json_pack("{s:s, s:s, s:I, s:s, s:s, s:s}", "room", room, "name", def->name,
                                    "value", (json_int_t)value, "unit", def->unit, "kind",
                                    def->kind == METRIC_GAUGE ? "gauge" : "counter", "help", def->help));
}

/* The sockets count for themselves. */
static void add_net_metrics(const struct daemon *daemon, json_t *list)
{
    struct udp_counters udp = {0};
    struct tcp_counters tcp = {0}, tls = {0};
    struct tls_counters handshakes;
    for (unsigned i = 0; i < daemon->worker_count; i++)
        worker_count(daemon->workers[i], &udp, &tcp, &tls);
    tls_servers_count(daemon->tls, &handshakes);
    const struct {
        struct metric_def def;
        uint64_t value;
    } metrics[] = {
        {{"udp_received", "packets", "Packets read.", METRIC_COUNTER}, udp.received},
        {{"udp_sent", "packets", "Packets written.", METRIC_COUNTER}, udp.sent},
        {{"udp_send_failed", "packets", "Answers dropped because the socket was full or refused them.",
          METRIC_COUNTER},
         udp.send_failed},
        {{"udp_too_long", "packets", "Packets dropped because they were longer than 4096 bytes.",
          METRIC_COUNTER},
         udp.truncated_in},
        {{"tcp_open", "connections", "Connections that are open now.", METRIC_GAUGE}, tcp.open_now},
        {{"tcp_accepted", "connections", "Connections accepted.", METRIC_COUNTER}, tcp.accepted},
        {{"tcp_messages", "messages", "Messages read.", METRIC_COUNTER}, tcp.messages},
        {{"tcp_closed_idle", "connections", "Connections closed because nothing came.", METRIC_COUNTER},
         tcp.closed_idle},
        {{"tcp_closed_slow", "connections",
          "Connections cut off: a message took too long, or answers were not read.", METRIC_COUNTER},
         tcp.closed_slow},
        {{"tcp_closed_limit", "connections", "Idle connections closed to make room for new ones.",
          METRIC_COUNTER},
         tcp.closed_limit},
        {{"tcp_refused", "connections", "Connections refused because tcp-clients was reached.",
          METRIC_COUNTER},
         tcp.refused_limit},
        {{"tls_open", "connections", "Connections with TLS that are open now.", METRIC_GAUGE}, tls.open_now},
        {{"tls_accepted", "connections", "Connections accepted where TLS is spoken.", METRIC_COUNTER},
         tls.accepted},
        {{"tls_handshakes", "connections", "TLS handshakes that succeeded.", METRIC_COUNTER},
         handshakes.handshakes},
        {{"tls_failed", "connections", "Connections that broke TLS: bad handshakes, plain text.",
          METRIC_COUNTER},
         handshakes.failed},
        {{"tls_messages", "messages", "Messages read over TLS.", METRIC_COUNTER}, tls.messages},
        {{"tls_closed_idle", "connections", "Connections with TLS closed because nothing came.",
          METRIC_COUNTER},
         tls.closed_idle},
        {{"tls_closed_slow", "connections",
          "Connections with TLS cut off: a handshake or message took too long, or answers were not read.",
          METRIC_COUNTER},
         tls.closed_slow},
        {{"tls_closed_limit", "connections", "Idle connections with TLS closed to make room for new ones.",
          METRIC_COUNTER},
         tls.closed_limit},
        {{"tls_refused", "connections", "Connections with TLS refused because tcp-clients was reached.",
          METRIC_COUNTER},
         tls.refused_limit},
    };
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++)
        add_metric(list, "net", &metrics[i].def, metrics[i].value);
}

int command_stats(void *context, const json_t *request, struct control_reply *reply)
{
    struct daemon *daemon = context;
    json_t *list = json_array();
    (void)request;
    metrics_read(daemon->metrics, add_metric, list);
    add_net_metrics(daemon, list);
    control_end(reply, json_pack("{s:o}", "metrics", list));
    return 0;
}
