/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What status, zones, reload, flush and stats print for people. */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "candorctl/human.h"
#include "candorctl/print_parts.h"
#include "candorctl/verbs.h"

int64_t member_int(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

const char *member_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

bool member_flag(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}

/* --- status --- */

static void print_listening(const json_t *list)
{
    size_t i;
    json_t *at;
    printf("listening      ");
    json_array_foreach((json_t *)(uintptr_t)list, i, at)
    {
        const char *tls = json_string_value(json_object_get(at, "tls"));
        printf("%s%s#%" PRId64 "%s%s", i ? ", " : "", member_text(at, "address"), member_int(at, "port"),
               tls ? " tls " : "", tls ? tls : "");
    }
    puts(json_array_size(list) ? "" : "nowhere");
}

static void print_view(const json_t *view)
{
    char bytes[HUMAN_MAX], most[HUMAN_MAX], entries[HUMAN_MAX];
    const json_t *policy = json_object_get(view, "policy_zones"), *cache = json_object_get(view, "cache");
    size_t i;
    json_t *name;
    printf("view %-9s recursion %s; policy ", member_text(view, "name"),
           member_flag(view, "recursion") ? "yes" : "no");
    json_array_foreach((json_t *)(uintptr_t)policy, i, name)
        printf("%s%s", i ? ", " : "", json_string_value(name));
    printf("%s%s; cache %s answers, %s of %s\n", json_array_size(policy) ? "" : "none",
           member_flag(view, "policy_ready") ? "" : " (NOT READY)",
           human_count(member_int(cache, "entries"), entries), human_bytes(member_int(cache, "bytes"), bytes),
           human_bytes(member_int(cache, "max_bytes"), most));
}

static void print_zone_sums(const json_t *zones)
{
    char loaded[HUMAN_MAX], rules[HUMAN_MAX], records[HUMAN_MAX], bytes[HUMAN_MAX];
    printf("zones          %s loaded", human_count(member_int(zones, "loaded"), loaded));
    if (member_int(zones, "loading"))
        printf(", %" PRId64 " loading", member_int(zones, "loading"));
    if (member_int(zones, "held"))
        printf(", %" PRId64 " HELD (candorctl held says why)", member_int(zones, "held"));
    if (member_int(zones, "failed"))
        printf(", %" PRId64 " FAILED (candorctl zones says why)", member_int(zones, "failed"));
    printf("; %s rules, %s records, %s\n", human_count(member_int(zones, "rules"), rules),
           human_count(member_int(zones, "records"), records),
           human_bytes(member_int(zones, "bytes"), bytes));
}

static void print_query_sums(const json_t *queries)
{
    char all[HUMAN_MAX], rewritten[HUMAN_MAX], hits[HUMAN_MAX], failed[HUMAN_MAX];
    int64_t count = member_int(queries, "all");
    double share = count ? 100.0 * (double)member_int(queries, "rewritten") / (double)count : 0;
    printf("queries        %s; rewritten %s (%.1f %%), from the cache %s, SERVFAIL %s; waiting now %" PRId64
           "\n",
           human_count(count, all), human_count(member_int(queries, "rewritten"), rewritten), share,
           human_count(member_int(queries, "cache_hits"), hits),
           human_count(member_int(queries, "servfail"), failed), member_int(queries, "waiting"));
}

void print_status(const json_t *result)
{
    char text[HUMAN_MAX];
    int64_t now = member_int(result, "now"), workers = member_int(result, "workers"),
            resolvers = member_int(result, "resolver_threads");
    size_t i;
    json_t *view;
    printf("candord %s     pid %" PRId64 ", started %s\n", member_text(result, "version"),
           member_int(result, "pid"), human_time(member_int(result, "started_at"), now, text));
    printf("configuration  %s, read %s\n", member_text(result, "config_file"),
           human_time(member_int(result, "configured_at"), now, text));
    print_listening(json_object_get(result, "listening"));
    printf("threads        %" PRId64 " worker%s, %" PRId64 " resolver%s\n", workers, plural(workers),
           resolvers, plural(resolvers));
    print_zone_sums(json_object_get(result, "zones"));
    print_query_sums(json_object_get(result, "queries"));
    printf("memory         %s\n", human_bytes(member_int(result, "memory_bytes"), text));
    json_array_foreach(json_object_get(result, "views"), i, view) print_view(view);
}

/* --- zones --- */

enum { ZONE_COLUMNS = 12 };

/* An empty cell where a zone has no such number. */
static const char *cell_count(const json_t *object, const char *name, char *out)
{
    json_t *value = json_object_get(object, name);
    return value ? human_count(json_integer_value(value), out) : "";
}

static void add_zone_row(struct table *table, const json_t *zone, bool with_view)
{
    char texts[ZONE_COLUMNS][HUMAN_MAX];
    const json_t *rules = json_object_get(zone, "rules");
    snprintf(texts[0], HUMAN_MAX, "%" PRId64, member_int(zone, "serial"));
    const char *const cells[ZONE_COLUMNS] = {
        member_text(zone, "name"),
        with_view ? member_text(zone, "view") : "",
        member_text(zone, "state"),
        json_object_get(zone, "serial") ? texts[0] : "",
        cell_count(zone, "records", texts[1]),
        cell_count(rules, "client-ip", texts[2]),
        cell_count(rules, "qname", texts[3]),
        cell_count(rules, "ip", texts[4]),
        cell_count(rules, "nsdname", texts[5]),
        cell_count(rules, "nsip", texts[6]),
        human_bytes(member_int(zone, "bytes"), texts[7]),
        human_time(member_int(zone, "loaded_at"), 0, texts[8]),
    };
    table_row(table, cells);
}

/* One line each for what needs an eye. */
static void print_zone_notes(const json_t *zone)
{
    const char *name = member_text(zone, "name"), *reason;
    json_t *count;
    bool told_below = json_object_get(zone, "feed") || json_object_get(zone, "secondary");
    if (*member_text(zone, "problem") && !told_below)
        printf("%s: not loaded: %s%s\n", name, member_text(zone, "problem"),
               json_object_get(zone, "serial") ? " (the version above stays in force)" : "");
    if (json_is_object(json_object_get(zone, "hold")))
        printf("%s: serial %" PRId64 " is not in force (candorctl held): %s\n", name,
               member_int(json_object_get(zone, "hold"), "serial"),
               member_text(json_object_get(zone, "hold"), "reason"));
    if (*member_text(zone, "override") && strcmp(member_text(zone, "override"), "given") != 0)
        printf("%s: policy %s\n", name, member_text(zone, "override"));
    json_object_foreach(json_object_get(zone, "skipped"), reason, count)
    {
        printf("%s: %" JSON_INTEGER_FORMAT " record%s skipped: %s\n", name, json_integer_value(count),
               plural(json_integer_value(count)), reason);
    }
}

static void print_zone_hits(const json_t *zone)
{
    const char *trigger, *action;
    json_t *by_action, *count;
    json_object_foreach(json_object_get(zone, "hits"), trigger, by_action)
    {
        json_object_foreach(by_action, action, count)
        {
            char text[HUMAN_MAX];
            printf("%s: %s by %s rules: %s\n", member_text(zone, "name"), action, trigger,
                   human_count(json_integer_value(count), text));
        }
    }
}

static bool has_several_views(const json_t *zones)
{
    const char *first = member_text(json_array_get(zones, 0), "view");
    for (size_t i = 1; i < json_array_size(zones); i++)
        if (strcmp(member_text(json_array_get(zones, i), "view"), first) != 0)
            return true;
    return false;
}

void print_zones(const json_t *result)
{
    struct table table;
    json_t *zones = json_object_get(result, "zones"), *zone;
    size_t i;
    bool with_view = has_several_views(zones);
    if (!json_array_size(zones)) {
        puts("no zones are held");
        return;
    }
    table_begin(&table, "ZONE", "VIEW", "STATE", ">SERIAL", ">RECORDS", ">CLIENT-IP", ">QNAME", ">IP",
                ">NSDNAME", ">NSIP", ">MEMORY", "LOADED", NULL);
    json_array_foreach(zones, i, zone) add_zone_row(&table, zone, with_view);
    table_print(&table, stdout);
    json_array_foreach(zones, i, zone) print_zone_notes(zone);
    json_array_foreach(zones, i, zone) print_kept(zone);
    json_array_foreach(zones, i, zone) print_source(zone);
    json_array_foreach(zones, i, zone) print_secondary(zone);
    json_array_foreach(zones, i, zone) print_zone_hits(zone);
}

/* --- reload, flush, stats --- */

void print_reload(const json_t *result)
{
    if (isatty(STDOUT_FILENO))
        fputs("\r\033[K", stdout);
    if (member_flag(result, "waited"))
        printf("reloaded in %" PRId64 " ms\n", member_int(result, "took_ms"));
    else
        puts("reloading; the log says how it goes");
    if (member_int(result, "held"))
        printf("%" PRId64 " zone%s held back: candorctl held says why\n", member_int(result, "held"),
               member_int(result, "held") == 1 ? " is" : "s are");
}

void print_flush(const json_t *result)
{
    char text[HUMAN_MAX];
    int64_t removed = member_int(result, "removed");
    printf("%s cached answer%s forgotten\n", human_count(removed, text), plural(removed));
}

void print_stats(const json_t *result)
{
    struct table table;
    size_t i;
    json_t *metric;
    table_begin(&table, "COUNTER", ">VALUE", "UNIT", "MEANING", NULL);
    json_array_foreach(json_object_get(result, "metrics"), i, metric)
    {
        char name[128], value[HUMAN_MAX];
        snprintf(name, sizeof name, "%s_%s", member_text(metric, "room"), member_text(metric, "name"));
        const char *const cells[] = {name, human_count(member_int(metric, "value"), value),
                                     member_text(metric, "unit"), member_text(metric, "help")};
        table_row(&table, cells);
    }
    table_print(&table, stdout);
}
