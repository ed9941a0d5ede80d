/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the recursor needs to know: trust anchors, bounds, global forwarders. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"
#include "dns/name.h"

/* Debian's dns-root-data keeps the root's anchors in the first; the second is there as well. */
static const char *const root_anchor_files[] = {"/usr/share/dns/root.key", "/usr/share/dns/root.ds"};

enum { MAX_ANCHORS = 256, DAY_S = 86400, WEEK_S = 7 * DAY_S };

struct anchors {
    const char *lines[MAX_ANCHORS];
    size_t count;
    bool root; /* one of them is for "." */
};

static void add_anchor(struct builder *b, struct anchors *anchors, const char *line)
{
    if (!line)
        b->report->out_of_memory = true;
    else if (anchors->count < MAX_ANCHORS)
        anchors->lines[anchors->count++] = line;
}

/* The text of a key or digest without the white space that files put in it. */
static const char *squeeze(struct builder *b, const char *text)
{
    char *out = build_alloc(b, strlen(text) + 1);
    size_t length = 0;
    for (; out && *text; text++)
        if (!strchr(" \t\r\n", *text))
            out[length++] = *text;
    return out;
}

/* NAME initial-key|static-key FLAGS PROTOCOL ALGORITHM "KEY", NAME initial-ds|static-ds TAG ALGORITHM TYPE
 * "DIGEST", and the older NAME FLAGS PROTOCOL ALGORITHM "KEY". */
static void read_anchor(struct builder *b, const struct conf_statement *s, struct anchors *anchors)
{
    const struct conf_item *items[6] = {0};
    const struct conf_item *item = s->items;
    size_t count = 0;
    for (; item && count < 6; item = item->next)
        items[count++] = item;
    size_t first = count - 4;
    if (count < 5)
        return;
    bool ds = count == 6 && strstr(items[1]->text, "-ds");
    const char *data = squeeze(b, items[count - 1]->text), *name = items[0]->text;
    uint8_t bytes[4096];
    size_t length;
    if (!data)
        return;
    int error = strlen(data) > sizeof bytes ? ERR_SPACE
                : ds                        ? conf_hex(data, bytes, sizeof bytes, &length)
                                            : conf_base64(data, bytes, &length);
    if (error) {
        conf_error(b->report, items[count - 1]->at, "expected a %s for '%s'",
                   ds ? "digest in hexadecimal" : "key in base64", name);
        return;
    }
    anchors->root = anchors->root || strcmp(name, ".") == 0;
    size_t end = strlen(name);
    add_anchor(b, anchors,
               arena_printf(b->arena, "%s%s IN %s %s %s %s %s", name, end && name[end - 1] == '.' ? "" : ".",
                            ds ? "DS" : "DNSKEY", items[first]->text, items[first + 1]->text,
                            items[first + 2]->text, data));
}

static void read_anchors(struct builder *b, const struct scope *scope, struct anchors *anchors)
{
    static const char *const words[] = {"trust-anchors", "managed-keys", "trusted-keys"};
    const struct conf_statement *lists[] = {scope->lists[0], b->top};
    for (size_t l = 0; l < 2; l++)
        for (size_t w = 0; w < sizeof words / sizeof *words; w++)
            for (const struct conf_statement *s = conf_find(lists[l], words[w]); s;
                 s = conf_find_next(s, words[w]))
                for (const struct conf_statement *e = conf_block(s) ? conf_block(s)->block : NULL; e;
                     e = e->next)
                    read_anchor(b, e, anchors);
}

/* Adds the anchors of the root from Debian's files. */
static bool read_root_anchors(struct builder *b, struct anchors *anchors)
{
    char line[4096];
    FILE *in = NULL;
    size_t before = anchors->count;
    for (size_t i = 0; !in && i < sizeof root_anchor_files / sizeof *root_anchor_files; i++)
        in = fopen(root_anchor_files[i], "re");
    while (in && fgets(line, sizeof line, in)) {
        line[strcspn(line, ";\r\n")] = '\0';
        if (strspn(line, " \t") < strlen(line))
            add_anchor(b, anchors, arena_strdup(b->arena, line));
    }
    if (in)
        fclose(in);
    return anchors->count > before;
}

/* Where RFC 5011 state of the root is kept: only in a folder that the file names, and that can be written. */
static const char *state_file(struct builder *b, const struct scope *scope)
{
    struct scope options = {{b->options}};
    const struct conf_item *folder =
        scope_value(&options, "managed-keys-directory") ?: scope_value(scope, "directory");
    const char *path = folder ? build_path(b, folder->text) : NULL;
    if (!path || access(path, W_OK) != 0 || access(root_anchor_files[0], R_OK) != 0)
        return NULL;
    const char *file = arena_printf(b->arena, "%s/candor-root.key", path);
    if (!file)
        b->report->out_of_memory = true;
    return file;
}

/* The root's anchor of dnssec-validation auto: kept by the recursor in a file, or taken as it stands. */
static void add_root_anchor(struct builder *b, const struct scope *scope, struct anchors *anchors,
                            struct resolver_options *resolver)
{
    resolver->anchor_file = state_file(b, scope);
    if (!resolver->anchor_file && !read_root_anchors(b, anchors))
        conf_notice(b->report, b->at,
                    "dnssec-validation auto, but there is no trust anchor for the root in %s (package "
                    "dns-root-data): nothing is validated",
                    root_anchor_files[0]);
}

static void build_validation(struct builder *b, const struct scope *scope, struct resolver_options *resolver)
{
    struct anchors anchors = {0};
    const struct conf_item *mode = scope_value(scope, "dnssec-validation");
    bool validate = true, automatic = !mode || strcasecmp(mode->text, "auto") == 0;
    if (mode && conf_bool(mode->text, &validate) != 0)
        validate = true;
    read_anchors(b, scope, &anchors);
    if (validate && automatic && !anchors.root)
        add_root_anchor(b, scope, &anchors, resolver);
    else if (validate && !anchors.count)
        conf_notice(b->report, mode->at, "dnssec-validation yes without trust-anchors: nothing is validated");
    resolver->validate = validate && (anchors.count > 0 || resolver->anchor_file);
    const char **lines = build_alloc(b, anchors.count * sizeof *lines);
    if (!lines)
        return;
    if (anchors.count)
        memcpy(lines, anchors.lines, anchors.count * sizeof *lines);
    resolver->anchors = lines;
    resolver->anchor_count = anchors.count;
}

static const struct ip_address *query_source(struct builder *b, const struct scope *scope, const char *word)
{
    const struct conf_item *item = scope_value(scope, word);
    if (conf_is(item, "address"))
        item = item->next;
    struct ip_address *address = item ? build_alloc(b, sizeof *address) : NULL;
    return address && ip_from_text(item->text, address) == 0 ? address : NULL;
}

/* Is there an address of the family that can reach further than this machine and its links? */
static bool reaches(const struct builder *b, enum ip_family family)
{
    for (size_t i = 0; i < b->config->environment.address_count; i++) {
        const struct ip_address *a = &b->config->environment.addresses[i];
        bool loopback = family == IP_V4 ? a->bytes[0] == 127 : a->bytes[0] == 0;
        bool link = family == IP_V6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
        if (a->family == family && !loopback && !link)
            return true;
    }
    return false;
}

/* Values up to 300 are seconds, as in BIND. */
static uint32_t query_timeout_ms(struct builder *b, const struct scope *scope)
{
    uint32_t value = scope_number_within(b, scope, "resolver-query-timeout", 10000, 0, 30000);
    value = value == 0 ? 10000 : value <= 300 ? value * 1000 : value;
    return value > 30000 ? 30000 : value;
}

/* How many may wait for one question: BIND starts at clients-per-query and grows to the other. */
static unsigned max_joined(const struct scope *scope)
{
    if (scope_find(scope, "max-clients-per-query"))
        return scope_number(scope, "max-clients-per-query", 100);
    return scope_number(scope, "clients-per-query", 100);
}

static void build_bounds(struct builder *b, const struct scope *scope, struct resolver_options *resolver)
{
    resolver->threads = b->config->server.resolver_threads;
    resolver->max_cache_ttl_s = scope_seconds(scope, "max-cache-ttl", WEEK_S);
    resolver->max_negative_ttl_s = scope_seconds(scope, "max-ncache-ttl", 10800);
    resolver->min_cache_ttl_s = scope_seconds(scope, "min-cache-ttl", 0);
    resolver->servfail_ttl_ms = 1000 * scope_seconds_within(b, scope, "servfail-ttl", 1, 0, 30);
    resolver->max_stale_ttl_s =
        scope_bool(scope, "stale-cache-enable", false) ? scope_seconds(scope, "max-stale-ttl", DAY_S) : 0;
    resolver->query_timeout_ms = query_timeout_ms(b, scope);
    resolver->max_outstanding = b->config->server.recursive_clients;
    resolver->max_per_zone = scope_number(scope, "fetches-per-zone", 0);
    resolver->max_joined = max_joined(scope);
    resolver->unbound_cache_bytes = b->resolver_cache_bytes;
}

void build_resolver(struct builder *b, const struct scope *scope, struct view_config *view)
{
    struct resolver_options *resolver = &view->resolver;
    const struct conf_item *minimization = scope_value(scope, "qname-minimization");
    build_bounds(b, scope, resolver);
    build_validation(b, scope, resolver);
    build_exceptions(b, scope, resolver);
    build_denied(b, scope, resolver);
    resolver->qname_minimization_strict = conf_is(minimization, "strict");
    resolver->qname_minimization = !conf_is(minimization, "off") && !conf_is(minimization, "disabled");
    resolver->synthesize = scope_bool(scope, "synth-from-dnssec", true);
    resolver->accept_expired = scope_bool(scope, "dnssec-accept-expired", false);
    resolver->telemetry = scope_bool(scope, "trust-anchor-telemetry", true);
    resolver->query_source_v4 = query_source(b, scope, "query-source");
    resolver->query_source_v6 = query_source(b, scope, "query-source-v6");
    resolver->use_v4 = true;
    resolver->use_v6 = reaches(b, IP_V6) || !reaches(b, IP_V4);
}
