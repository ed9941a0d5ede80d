/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the index of a policy zone costs: bytes per rule, time to build, time and (where the machine lets us
 * count them) instructions per look-up, on names like those of gen_rpz.py.
 *
 *   index [RULES]            default 1000000; each name is a rule and, with `*.`, a second one
 *   index RULES KIND COUNT   only COUNT look-ups of one kind, for counting with callgrind
 */
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/measure.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/policy.h"

static const char *const tlds[] = {"com",    "net",    "org",   "info",   "biz",    "xyz",   "top",  "site",
                                   "online", "shop",   "club",  "live",   "icu",    "vip",   "work", "app",
                                   "dev",    "io",     "co",    "me",     "tv",     "ru",    "cn",   "de",
                                   "fr",     "com.br", "co.uk", "com.cn", "net.au", "org.uk"};
static const char *const words[] = {"track", "ads",    "pixel", "login", "secure",  "update",  "mail",
                                    "cdn",   "static", "bank",  "pay",   "verify",  "account", "cloud",
                                    "free",  "win",    "prize", "click", "metrics", "stats",   "beacon",
                                    "api",   "img",    "data",  "sync",  "shop",    "news"};
#define COUNT(array) (sizeof(array) / sizeof *(array))

enum kind { EXACT, BELOW, MISS, DEEP_MISS, CLIENT_HIT, CLIENT_MISS, DECIDE_CLEAN, KINDS };
static const char *const kind_names[KINDS] = {"exact",       "below",        "miss",        "deep-miss",
                                              "address-hit", "address-miss", "decide-clean"};

static uint64_t dice_state;

static uint32_t dice(uint32_t bound)
{
    dice_state = dice_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((dice_state >> 32) * bound >> 32);
}

static void listed_name(uint32_t number, char *out)
{
    char tail[12];
    dice_state = number * 0x9e3779b97f4a7c15u + 1;
    unsigned length = 2 + dice(9);
    for (unsigned i = 0; i < length; i++)
        tail[i] = "abcdefghijklmnopqrstuvwxyz0123456789"[dice(36)];
    tail[length] = 0;
    if (dice(100) < 40)
        out += sprintf(out, "%s%u.", words[dice(COUNT(words))], dice(100));
    sprintf(out, "%s%u-%s.%s.", words[dice(COUNT(words))], dice(1000000), tail, tlds[dice(COUNT(tlds))]);
}

/* --- the zone ------------------------------------------------------------------------------------------ */

static void add(struct policy_builder *builder, const uint8_t *owner, uint16_t type, const uint8_t *rdata,
                size_t length)
{
    struct policy_record record = {owner, type, CLASS_IN, 300, rdata, (uint16_t)length};
    must(policy_builder_add(builder, &record), "add");
}

static void add_text(struct policy_builder *builder, const char *relative, const uint8_t *origin)
{
    uint8_t owner[NAME_MAX_BYTES];
    must(name_from_text(relative, origin, owner), relative);
    add(builder, owner, TYPE_CNAME, (const uint8_t *)"", 1);
}

struct names {
    uint8_t *bytes;
    size_t used;
};

static void push_name(struct names *names, const char *text)
{
    must(name_from_text(text, NULL, names->bytes + names->used), text);
    names->used += name_length(names->bytes + names->used);
}

/* Owners as a transfer or a scanner would give them, so that only the builder's time is taken. */
static struct names make_owners(uint32_t pairs, const uint8_t *origin)
{
    struct names owners = {malloc((size_t)pairs * 2 * 80), 0};
    uint8_t tail[NAME_MAX_BYTES], *at;
    char text[120] = "*.";
    for (uint32_t i = 0; i < pairs; i++) {
        listed_name(i, text + 2);
        for (unsigned wild = 0; wild < 2; wild++) {
            must(name_from_text(text + (wild ? 0 : 2), NULL, tail), text);
            at = owners.bytes + owners.used;
            must(name_join(tail, origin, at), text);
            owners.used += name_length(at);
        }
    }
    return owners;
}

static struct policy_zone *build(uint32_t pairs, const struct names *owners, const uint8_t *origin)
{
    struct policy_builder *builder = policy_builder_new(origin);
    struct policy_zone *zone;
    const uint8_t soa[22] = {0};
    const uint8_t *owner = owners->bytes;
    char text[64];
    if (!builder)
        must(ERR_NOMEM, "builder");
    add(builder, origin, TYPE_SOA, soa, sizeof soa);
    for (uint32_t i = 0; i < pairs * 2; i++, owner += name_length(owner))
        add(builder, owner, TYPE_CNAME, (const uint8_t *)"", 1);
    dice_state = 7;
    for (unsigned i = 0; i < 1000; i++) {
        static const unsigned lengths[] = {24, 28, 32};
        unsigned length = lengths[dice(3)], address = dice(1 << 24) & ~((1u << (32 - length)) - 1);
        snprintf(text, sizeof text, "%u.%u.%u.%u.203.rpz-ip", length, address & 255, address >> 8 & 255,
                 address >> 16);
        add_text(builder, text, origin);
    }
    must(policy_builder_finish(builder, &zone), "finish");
    return zone;
}

/* --- look-ups ------------------------------------------------------------------------------------------ */

struct run {
    const struct policy_zone *zone;
    const struct policy_set *set;
    enum kind kind;
    struct names names;
    uint32_t count;
};

static void make_questions(struct run *run, uint32_t pairs)
{
    char text[160], listed[120];
    run->names = (struct names){malloc((size_t)run->count * 120), 0};
    for (uint32_t i = 0; i < run->count; i++) {
        uint32_t which = (uint32_t)((i * 2654435761u) % pairs);
        listed_name(run->kind == EXACT || run->kind == BELOW ? which : 0x80000000u + i, listed);
        if (run->kind == BELOW)
            snprintf(text, sizeof text, "www.%s", listed);
        else if (run->kind == MISS || run->kind == DECIDE_CLEAN)
            snprintf(text, sizeof text, "www.%s%u-site.%s.", words[i % COUNT(words)], i, tlds[i % 20]);
        else if (run->kind == DEEP_MISS)
            snprintf(text, sizeof text, "a.b.c.d.e.%s", listed);
        else
            snprintf(text, sizeof text, "%s", listed);
        push_name(&run->names, text);
    }
}

static unsigned ask_name(const struct run *run, const uint8_t *name)
{
    struct policy_hit hit;
    return policy_zone_match_name(run->zone, RPZ_QNAME, name, false, &hit);
}

static unsigned ask_address(const struct run *run, uint32_t i)
{
    struct policy_hit hit;
    uint32_t value = (i * 2654435761u) & 0xffffff;
    struct ip_address address = {
        IP_V4,
        {run->kind == CLIENT_HIT ? 203 : 198, (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value}};
    return policy_zone_match_address(run->zone, RPZ_IP, &address, &hit);
}

/* A clean answer with one address: all that policy costs when no rule matches. */
static unsigned ask_decide(const struct run *run, const uint8_t *name)
{
    struct ip_address address = {IP_V4, {198, 51, 100, 7}};
    struct policy_link link = {.name = name, .addresses = &address, .address_count = 1};
    struct policy_facts facts = {
        .client = address, .rd = true, .answer_known = true, .links = &link, .link_count = 1};
    struct policy_verdict verdict;
    return policy_decide(run->set, &facts, &verdict) == POLICY_RULE;
}

static unsigned look_up_all(const struct run *run)
{
    const uint8_t *name = run->names.bytes;
    unsigned found = 0;
    for (uint32_t i = 0; i < run->count; i++) {
        if (run->kind == CLIENT_HIT || run->kind == CLIENT_MISS) {
            found += ask_address(run, i);
            continue;
        }
        found += run->kind == DECIDE_CLEAN ? ask_decide(run, name) : ask_name(run, name);
        name += name_length(name);
    }
    return found;
}

/* A counter of this process's instructions in user space; -1 where there is none. */
static int open_counter(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_HARDWARE,
                                   .size = sizeof attr,
                                   .config = PERF_COUNT_HW_INSTRUCTIONS,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};
    return (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static uint64_t read_counter(int counter)
{
    uint64_t value = 0;
    if (counter < 0 || read(counter, &value, sizeof value) != sizeof value)
        value = 0;
    return value;
}

static void measure(struct run *run, uint32_t pairs, int counter)
{
    make_questions(run, pairs);
    (void)look_up_all(run);
    uint64_t instructions = read_counter(counter);
    double start = cpu_ns();
    unsigned found = look_up_all(run);
    double each = (cpu_ns() - start) / run->count;
    printf("%-13s %6.1f ns", kind_names[run->kind], each);
    if (counter >= 0)
        printf("  %5.0f instructions", (double)(read_counter(counter) - instructions) / run->count);
    printf("  (%u of %u found)\n", found, run->count);
    free(run->names.bytes);
}

static void report_zone(const struct policy_zone *zone, double build_ns, long before)
{
    struct policy_zone_counts counts;
    policy_zone_count(zone, &counts);
    double rules = (double)(counts.rules[RPZ_QNAME] + counts.rules[RPZ_IP]);
    printf("rules %.0f, build %.3f s CPU (%.0f ns/rule), counted %.2f bytes/rule, resident %.2f bytes/rule\n",
           rules, build_ns / 1e9, build_ns / rules, (double)counts.memory_bytes / rules,
           (double)(resident_bytes() - before) / rules);
}

static struct policy_set *make_set(struct policy_zone *zone)
{
    struct policy_set_options options = {.qname_wait_recurse = true, .min_ns_dots = 1};
    struct policy_set_zone one = {.options = {.max_policy_ttl_s = 5, .recursive_only = true}, .zone = zone};
    struct policy_set *set = policy_set_new(&options, &one, 1);
    if (!set)
        must(ERR_NOMEM, "set");
    return set;
}

int main(int argc, char **argv)
{
    uint32_t pairs = (argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000) / 2;
    uint8_t origin[NAME_MAX_BYTES];
    must(name_from_text("rpz.test.", NULL, origin), "origin");
    struct names owners = make_owners(pairs, origin);
    long before = resident_bytes();
    double start = cpu_ns();
    struct policy_zone *zone = build(pairs, &owners, origin);
    report_zone(zone, cpu_ns() - start, before);
    free(owners.bytes);
    struct run run = {.zone = zone, .set = make_set(zone), .count = 1000000};
    int counter = open_counter();
    for (run.kind = 0; run.kind < KINDS && argc < 4; run.kind++)
        measure(&run, pairs, counter);
    for (run.kind = 0; run.kind < KINDS && argc == 4; run.kind++)
        if (strcmp(argv[2], kind_names[run.kind]) == 0) {
            run.count = (uint32_t)strtoul(argv[3], NULL, 10);
            make_questions(&run, pairs);
            printf("%u\n", look_up_all(&run));
            free(run.names.bytes);
        }
    policy_set_unref((struct policy_set *)run.set);
    policy_zone_unref(zone);
    return 0;
}
