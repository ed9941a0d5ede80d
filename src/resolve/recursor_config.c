/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/recursor_config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/text_stream.h"
#include "dns/name.h"
#include "resolve/root_keys.h"

/* What libunbound is told whatever our options say; doc/resolver.md has the reasons. */
static const char fixed_text[] = "server:\n"
                                 "  verbosity: 0\n"
                                 "  chroot: \"\"\n"
                                 "  do-not-query-localhost: no\n"
                                 "  rrset-roundrobin: no\n"
                                 "  msg-cache-slabs: 1\n"
                                 "  rrset-cache-slabs: 1\n"
                                 "  infra-cache-slabs: 1\n"
                                 "  key-cache-slabs: 1\n"
                                 "  edns-buffer-size: 1232\n"
                                 "  infra-cache-max-rtt: 4000\n"
                                 "  infra-keep-probing: no\n"
                                 "  outbound-msg-retry: 3\n"
                                 "  outgoing-num-tcp: 32\n"
                                 "  unblock-lan-zones: yes\n"
                                 "  insecure-lan-zones: no\n";

/* Its other local zones (unblock-lan-zones takes care of those of RFC 1918 and RFC 6303). */
static const char *const local_zones[] = {
    "localhost.",
    "127.in-addr.arpa.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
    "home.arpa.",
    "onion.",
    "test.",
    "invalid.",
};

enum {
    SOCKETS_PER_QUESTION = 2, /* a question may ask for a name server's address meanwhile */
    SOCKETS_MIN = 64,
    DESCRIPTORS_KEPT = 256, /* for the rest of the process, when there are enough */
};

struct config_writer {
    FILE *to;
    const struct resolver_options *options;
    const struct recursor_share *share;
    bool without_root;
    char *problem;
    size_t problem_size;
    int error; /* the first */
};

static void fail(struct config_writer *w, const char *what, const char *value)
{
    if (!w->error)
        snprintf(w->problem, w->problem_size, "%s \"%s\" has a quote or control character", what, value);
    w->error = ERR_INVALID;
}

/* A value between quotes: the file's grammar has no escape for a quote. */
static void put_quoted(struct config_writer *w, const char *word, const char *value)
{
    for (const char *c = value; *c; c++)
        if (*c == '"' || (iscntrl((unsigned char)*c) && *c != '\t'))
            fail(w, word, value);
    fprintf(w->to, "  %s: \"%s\"\n", word, value);
}

/* A name, its quotes as \034. */
static void put_name(struct config_writer *w, const char *word, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    name_to_text(name, text);
    fprintf(w->to, "  %s: \"", word);
    for (const char *c = text; *c; c++) {
        if (c[0] == '\\' && c[1] == '"')
            fputs("\\034", w->to), c++;
        else
            fputc(*c, w->to);
    }
    fputs("\"\n", w->to);
}

static void put_flag(struct config_writer *w, const char *word, bool yes)
{
    fprintf(w->to, "  %s: %s\n", word, yes ? "yes" : "no");
}

static void put_address(struct config_writer *w, const char *word, const struct ip_address *address)
{
    char text[IP_TEXT_MAX];
    if (address)
        fprintf(w->to, "  %s: %s\n", word, ip_to_text(address, text));
}

/* --- trust anchors --- */

/* DS and DNSKEY lines begin with the owner. */
static bool is_for_root(const char *anchor)
{
    anchor += strspn(anchor, " \t");
    return anchor[0] == '.' && (anchor[1] == ' ' || anchor[1] == '\t');
}

static void put_anchors(struct config_writer *w)
{
    const struct resolver_options *o = w->options;
    bool has_root = w->without_root;
    for (size_t i = 0; i < o->anchor_count; i++) {
        if (w->without_root && is_for_root(o->anchors[i]))
            continue;
        has_root = has_root || is_for_root(o->anchors[i]);
        put_quoted(w, "trust-anchor", o->anchors[i]);
    }
    if (!has_root && (o->anchor_file || !o->anchor_count))
        put_quoted(w, "trust-anchor-file", ROOT_KEYS_SYSTEM_FILE);
}

/* --- exceptions --- */

static void put_exceptions(struct config_writer *w)
{
    const struct resolver_options *o = w->options;
    char text[IP_TEXT_MAX];
    for (size_t i = 0; o->validate && i < o->insecure_count; i++)
        put_name(w, "domain-insecure", o->insecure[i]);
    for (size_t i = 0; i < o->avoid_count; i++)
        fprintf(w->to, "  do-not-query-address: %s\n", prefix_to_text(&o->avoid[i], text));
}

/* --- sizes --- */

/* Every question under way holds a socket; no more of them than there are descriptors. */
unsigned recursor_sockets(const struct recursor_share *share)
{
    unsigned long want = (unsigned long)share->questions * SOCKETS_PER_QUESTION;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        unsigned long mine =
            limit.rlim_cur > 2 * DESCRIPTORS_KEPT ? limit.rlim_cur - DESCRIPTORS_KEPT : limit.rlim_cur / 2;
        if (want > mine / share->contexts)
            want = mine / share->contexts;
    }
    if (want > 16384)
        want = 16384;
    return want < SOCKETS_MIN ? SOCKETS_MIN : (unsigned)want;
}

static void put_sizes(struct config_writer *w)
{
    size_t unit = w->share->cache_bytes / 8;
    fprintf(w->to, "  msg-cache-size: %zu\n  rrset-cache-size: %zu\n", 2 * unit, 4 * unit);
    fprintf(w->to, "  key-cache-size: %zu\n  neg-cache-size: %zu\n", unit, unit);
    fprintf(w->to, "  outgoing-range: %u\n  num-queries-per-thread: %u\n", recursor_sockets(w->share),
            w->share->questions);
    fprintf(w->to, "  cache-max-ttl: %u\n  cache-max-negative-ttl: %u\n  cache-min-ttl: %u\n",
            w->options->max_cache_ttl_s, w->options->max_negative_ttl_s, w->options->min_cache_ttl_s);
    fprintf(w->to, "  val-bogus-ttl: %u\n", (unsigned)BOGUS_TTL_S);
}

/* --- zones that others answer for --- */

static void put_servers(struct config_writer *w, const char *word, const struct forward_zone *zone)
{
    char text[IP_TEXT_MAX];
    for (size_t i = 0; i < zone->server_count; i++) {
        const struct endpoint *server = &zone->servers[i];
        unsigned port = server->port ? server->port : 53;
        fprintf(w->to, "  %s: %s@%u\n", word, ip_to_text(&server->address, text), port);
    }
}

/* Is everything for forwarders? They give whole answers, and our cache keeps those: then there is nothing for
 * libunbound to keep, but the keys of a validator. Elsewhere it needs its cache for delegations, also those
 * that an alias leads to from a forwarded name. */
static bool only_forwards(const struct resolver_options *options)
{
    bool has_root = false;
    for (size_t i = 0; i < options->forward_count; i++) {
        if (options->forwards[i].mode != FORWARD_ONLY)
            return false;
        has_root |= name_is_root(options->forwards[i].origin);
    }
    return has_root && !options->validate;
}

/* A forward zone without addresses is a hole in those above it. */
static void put_forward(struct config_writer *w, const struct forward_zone *zone)
{
    bool stub = zone->mode == STUB || zone->mode == STUB_PRIME;
    fputs(stub ? "stub-zone:\n" : "forward-zone:\n", w->to);
    put_name(w, "name", zone->origin);
    put_servers(w, stub ? "stub-addr" : "forward-addr", zone);
    put_flag(w, stub ? "stub-prime" : "forward-first",
             zone->mode == STUB_PRIME || zone->mode == FORWARD_FIRST);
    if (only_forwards(w->options))
        put_flag(w, "forward-no-cache", true);
}

static void put_options(struct config_writer *w)
{
    const struct resolver_options *o = w->options;
    fputs(fixed_text, w->to);
    for (size_t i = 0; i < sizeof local_zones / sizeof *local_zones; i++)
        fprintf(w->to, "  local-zone: \"%s\" nodefault\n", local_zones[i]);
    put_quoted(w, "module-config", o->validate ? "validator iterator" : "iterator");
    /* Only what was validated denies the names below it (RFC 8020): without a validator that is never looked
     * for in vain. */
    put_flag(w, "harden-below-nxdomain", o->validate);
    put_flag(w, "do-ip4", o->use_v4);
    put_flag(w, "do-ip6", o->use_v6);
    put_flag(w, "qname-minimisation", o->qname_minimization);
    put_flag(w, "qname-minimisation-strict", o->qname_minimization && o->qname_minimization_strict);
    put_flag(w, "aggressive-nsec", o->synthesize);
    put_flag(w, "trust-anchor-signaling", o->telemetry);
    if (o->accept_expired)
        fputs("  val-override-date: \"-1\"\n", w->to);
    put_address(w, "outgoing-interface", o->query_source_v4);
    put_address(w, "outgoing-interface", o->query_source_v6);
    put_sizes(w);
    if (o->hints_file)
        put_quoted(w, "root-hints", o->hints_file);
    if (o->validate)
        put_anchors(w);
    put_exceptions(w);
    for (size_t i = 0; i < o->forward_count; i++)
        put_forward(w, &o->forwards[i]);
}

int recursor_config_text(const struct resolver_options *options, const struct recursor_share *share,
                         bool without_root, char **out, char *problem, size_t problem_size)
{
    struct text_stream text;
    if (text_stream_begin(&text))
        return ERR_NOMEM;
    struct config_writer w = {.options = options,
                              .share = share,
                              .without_root = without_root,
                              .problem = problem,
                              .problem_size = problem_size,
                              .to = text.to};
    put_options(&w);
    char *written = text_stream_end(&text);
    if (!w.error && !written)
        w.error = ERR_NOMEM;
    if (w.error)
        free(written);
    else
        *out = written;
    return w.error;
}
