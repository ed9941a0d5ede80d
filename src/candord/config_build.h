/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the checked tree to struct config: what the files config_*.c share. Each reads its words with the
 * getters below, which give the default where a word is missing or was wrong (then it has been reported). */
#ifndef CANDORD_CONFIG_BUILD_H
#define CANDORD_CONFIG_BUILD_H

#include "candord/conf_tree.h"
#include "candord/config.h"

/* Where a word is looked for: the innermost block first (zone, view, options). */
struct scope {
    const struct conf_statement *lists[3];
};

struct named_acl;
struct named_servers;

struct builder {
    struct config *config;
    struct arena *arena; /* the configuration's */
    struct conf_report *report;
    const struct config_read_options *read;
    const struct conf_statement *top;
    const struct conf_statement *options; /* statements of options { }, or NULL */
    struct named_acl *acls;
    struct named_servers *servers;
    size_t resolver_cache_bytes; /* libunbound's part of max-cache-size */
    unsigned server_visits;      /* lists looked into, to bound lists of lists */
    /* protect { } of a view and of options, and the view's statements that they were read from. */
    const struct protected_names *protected_names;
    const struct conf_statement *protected_of;
    struct conf_place at; /* of options { }, or of the file: for problems without a place of their own */
};

/* --- getters --- */

const struct conf_statement *scope_find(const struct scope *scope, const char *word);
/* The first value of a word, or NULL. */
const struct conf_item *scope_value(const struct scope *scope, const char *word);
bool scope_bool(const struct scope *scope, const char *word, bool otherwise);
uint32_t scope_number(const struct scope *scope, const char *word, uint32_t otherwise);
uint32_t scope_seconds(const struct scope *scope, const char *word, uint32_t otherwise);

/* A number held between two bounds, with a notice when it was not (as BIND). */
uint32_t scope_number_within(struct builder *b, const struct scope *scope, const char *word,
                             uint32_t otherwise, uint32_t low, uint32_t high);
uint32_t scope_seconds_within(struct builder *b, const struct scope *scope, const char *word,
                              uint32_t otherwise, uint32_t low, uint32_t high);

void *build_alloc(struct builder *b, size_t bytes) MUST_CHECK;
/* A path as the file says it, made absolute by `directory`. NULL: memory. */
const char *build_path(struct builder *b, const char *path);
size_t conf_count(const struct conf_statement *list);

/* --- the parts, in the order in which they are built --- */

void build_environment(struct builder *b);

/* Keys, lists of servers and acls that the rest refers to by name. */
void build_keys(struct builder *b);
void build_named_servers(struct builder *b);
void build_named_acls(struct builder *b);

/* How zones come (config_transfer_in.c). */
void build_tls(struct builder *b);
void build_peers(struct builder *b, const struct scope *scope, struct view_config *view);
void build_transfer_in(struct builder *b, const struct scope *scope, struct zone_config *zone);
void build_transfers_in(struct builder *b, const struct scope *scope);

const struct tsig_key *find_key(const struct builder *b, const char *name_text);

/* An address match list. Never NULL: an empty one when it was wrong or memory is out. */
const struct acl *build_acl(struct builder *b, const struct conf_item *block);
extern const struct acl acl_any, acl_none, acl_local; /* acl_local: localhost; localnets */
/* The list of a word in the scope, or `otherwise`. */
const struct acl *scope_acl(struct builder *b, const struct scope *scope, const char *word,
                            const struct acl *otherwise);

/* The { } of primaries, also-notify …; `port` is the default. */
void build_servers(struct builder *b, const struct conf_statement *statement, uint16_t port,
                   struct remote_servers *out);

/* The { } of forwarders and server-addresses. */
void build_endpoints(struct builder *b, const struct conf_statement *statement, uint16_t port,
                     const struct endpoint **out, size_t *count);

/* tls, http and dnssec-policy names that are referred to exist. */
void check_references(struct builder *b);

void build_logging(struct builder *b);
void build_server(struct builder *b);
void build_views(struct builder *b);

/* Names without validation and servers that are never asked. */
void build_exceptions(struct builder *b, const struct scope *scope, struct resolver_options *resolver);
/* What may not be answered from outside (candord/denied.h). */
void build_denied(struct builder *b, const struct scope *scope, struct resolver_options *resolver);
/* Fills view->resolver but for the forwards of zones; they come with build_zones(). */
void build_resolver(struct builder *b, const struct scope *scope, struct view_config *view);
/* `list` holds the view's statements with its zones. */
void build_zones(struct builder *b, const struct scope *scope, const struct conf_statement *list,
                 struct view_config *view);
/* zone->guard; the zone's kind is known. */
void build_guard(struct builder *b, const struct scope *scope, struct zone_config *zone);
/* zone->store; kind, file, allow-update and guard are known. */
void build_store(struct builder *b, const struct scope *scope, struct zone_config *zone);
/* When the policy is known: is what `protect` says used? */
void check_guard(struct builder *b, const struct scope *scope, const struct view_config *view);
/* One zone statement. False: it is none that counts, as has been reported. */
bool build_zone(struct builder *b, const struct scope *scope, const struct conf_statement *s,
                struct zone_config *zone) MUST_CHECK;
/* Needs the zones, and adds to them what the catalogs bring. */
void build_catalogs(struct builder *b, const struct scope *scope, struct view_config *view);
/* Fills zone->feed from the zone's statements. */
void build_feed(struct builder *b, const struct conf_statement *list, struct zone_config *zone);
/* Servers that take the zone from us; who may change it by hand. */
void build_transfer_out(struct builder *b, const struct scope *scope, struct zone_config *zone);
void build_update(struct builder *b, const struct scope *scope, const struct conf_statement *list,
                  struct zone_config *zone);
void build_transfers_out(struct builder *b, const struct scope *scope); /* for the whole server */
/* Before the zones, of which some may want it. */
void build_session_key(struct builder *b, const struct scope *scope);
/* Needs the zones: marks those that are policy zones. */
void build_policy(struct builder *b, const struct scope *scope, struct view_config *view);
void build_dns64(struct builder *b, const struct scope *scope, struct view_config *view);
/* rrset-order, sortlist. */
void build_order(struct builder *b, const struct scope *scope, struct view_config *view);
/* response-padding. */
void build_padding(struct builder *b, const struct scope *scope, struct view_config *view);
void build_rate_limit(struct builder *b, const struct scope *scope, struct view_config *view);

#endif
