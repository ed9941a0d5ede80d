/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a delta costs: CPU per delta and of the guard that weighs it, memory after many, and what the index
 * then is like.
 *
 *   delta [RULES [CHANGES [DELTAS]]]   default 1000000 1000 1000; each name is a rule and, with `*.`, another
 *
 * Each delta removes the oldest names of the zone and adds as many new ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/measure.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/guard.h"
#include "zone/suffixes.h"

static uint8_t origin[NAME_MAX_BYTES];

/* Name number `number`, with or without `*.`: some forty per cent have a label more. */
static size_t listed_name(uint64_t number, bool wild, uint8_t *out)
{
    static const char *const tlds[] = {"com",  "net", "org",  "info", "top",
                                       "site", "xyz", "shop", "ru",   "co.uk"};
    uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15u;
    char text[120];
    snprintf(text, sizeof text, "%s%s%s%llu-%llx.%s", wild ? "*." : "", mixed % 10 < 4 ? "track" : "",
             mixed % 10 < 4 ? "7." : "ads", (unsigned long long)(mixed >> 44), (unsigned long long)number,
             tlds[(mixed >> 8) % 10]);
    must(name_from_text(text, origin, out), text);
    return name_length(out);
}

static struct policy_record rule(const uint8_t *owner)
{
    return (struct policy_record){owner, TYPE_CNAME, CLASS_IN, 300, (const uint8_t *)"", 1};
}

static struct policy_zone *build(uint64_t names)
{
    struct policy_builder *builder = policy_builder_new(origin);
    struct policy_zone *zone;
    uint8_t owner[NAME_MAX_BYTES], soa[22] = {0};
    struct policy_record record = {origin, TYPE_SOA, CLASS_IN, 1, soa, sizeof soa};
    if (!builder)
        must(ERR_NOMEM, "builder");
    must(policy_builder_add(builder, &record), "soa");
    for (uint64_t i = 0; i < names * 2; i++) {
        listed_name(i / 2, i & 1, owner);
        record = rule(owner);
        must(policy_builder_add(builder, &record), "add");
    }
    must(policy_builder_finish(builder, &zone), "finish");
    return zone;
}

struct round {
    size_t count;
    struct policy_change *changes;
    uint8_t *owners;
};

/* The changes of one delta: half of them removals of the names from `first` on. */
static void make_changes(struct round *round, uint64_t first, uint64_t names)
{
    uint8_t *at = round->owners;
    for (size_t i = 0; i < round->count; i++) {
        bool remove = i < round->count / 2;
        uint64_t number = first + (remove ? i : i - round->count / 2) / 2 + (remove ? 0 : names);
        size_t length = listed_name(number, i & 1, at);
        round->changes[i] = (struct policy_change){remove, rule(at)};
        at += length;
    }
}

static bool is_public_suffix(const void *suffixes, const uint8_t *name)
{
    return suffixes_has(suffixes, name);
}

/* CPU of the guard's look at the delta. */
static double weigh_ms(const struct round *round, const struct policy_zone *old,
                       const struct policy_zone *fresh, const struct suffixes *suffixes)
{
    static struct guard_report report;
    struct guard_options options = guard_defaults();
    struct guard_input input = {.options = &options,
                                .old = old,
                                .fresh = fresh,
                                .changes = round->changes,
                                .change_count = round->count,
                                .is_public_suffix = suffixes ? is_public_suffix : NULL,
                                .suffixes = suffixes};
    double start = cpu_ns();
    must(guard_weigh(&input, &report), "weigh");
    double ms = (cpu_ns() - start) / 1e6;
    if (report.added != round->count - round->count / 2 || report.removed != round->count / 2)
        must(ERR_NOT_FOUND, "changes");
    return ms;
}

static double look_up_ns(const struct policy_zone *zone, uint64_t first, uint64_t names)
{
    enum { COUNT = 200000 };
    static uint8_t asked[COUNT][64];
    struct policy_hit hit;
    unsigned found = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        uint8_t name[NAME_MAX_BYTES];
        size_t length = listed_name(first + i * (uint64_t)2654435761u % (2 * names), false, name);
        length -= name_length(origin);
        memcpy(asked[i], name, length);
        asked[i][length] = 0;
    }
    double start = cpu_ns();
    for (unsigned i = 0; i < COUNT; i++)
        found += policy_zone_match_name(zone, RPZ_QNAME, asked[i], false, &hit);
    double ns = (cpu_ns() - start) / COUNT;
    printf("  look-ups %.0f ns, %.0f %% found", ns, found * 100.0 / COUNT);
    return ns;
}

static void report(const struct policy_zone *zone, unsigned deltas, uint64_t first, uint64_t names,
                   long empty_bytes)
{
    struct policy_zone_counts counts;
    policy_zone_count(zone, &counts);
    printf("%6u deltas: resident %.1f MB, counted %.2f bytes/rule", deltas,
           (double)(resident_bytes() - empty_bytes) / 1e6,
           (double)counts.memory_bytes / (double)counts.rules[RPZ_QNAME]);
    (void)look_up_ns(zone, first, names);
    printf("\n");
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

int main(int argc, char **argv)
{
    uint64_t names = (argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000) / 2, first = 0;
    struct round round = {argc > 2 ? strtoull(argv[2], NULL, 10) : 1000, NULL, NULL};
    unsigned deltas = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 1000;
    double *times = calloc(deltas + 1, sizeof *times), *weighed = calloc(deltas + 1, sizeof *weighed);
    struct suffixes *suffixes = suffixes_open();
    must(name_from_text("rpz.test.", NULL, origin), "origin");
    round.changes = calloc(round.count + 1, sizeof *round.changes);
    round.owners = calloc(round.count + 1, NAME_MAX_BYTES);
    long empty_bytes = resident_bytes();
    struct policy_zone *zone = build(names), *next;
    report(zone, 0, first, names, empty_bytes);
    for (unsigned i = 0; i < deltas; i++, first += round.count / 4) {
        make_changes(&round, first, names);
        double start = cpu_ns();
        must(policy_zone_apply(zone, round.changes, round.count, &next), "apply");
        times[i] = (cpu_ns() - start) / 1e6;
        weighed[i] = weigh_ms(&round, zone, next, suffixes);
        start = cpu_ns();
        policy_zone_unref(zone);
        times[i] += (cpu_ns() - start) / 1e6;
        zone = next;
        if (i == 0 || i + 1 == deltas || (i + 1) % (deltas / 4 + 1) == 0)
            report(zone, i + 1, first, names, empty_bytes);
    }
    printf("first delta %.2f ms", times[0]);
    qsort(times, deltas, sizeof *times, compare);
    printf(", median %.2f ms, longest %.2f ms of CPU\n", times[deltas / 2], times[deltas - 1]);
    printf("the guard: first %.2f ms", weighed[0]);
    qsort(weighed, deltas, sizeof *weighed, compare);
    printf(", median %.2f ms, longest %.2f ms of CPU\n", weighed[deltas / 2], weighed[deltas - 1]);
    policy_zone_unref(zone);
    suffixes_close(suffixes);
    return 0;
}
