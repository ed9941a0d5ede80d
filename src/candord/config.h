/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a configuration file says, checked and with every default filled in. Immutable after config_read();
 * one arena holds all of it. The rooms below get their own option structs from here and never see this file.
 */
#ifndef CANDORD_CONFIG_H
#define CANDORD_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/address.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "candord/acl.h"
#include "dns/tsig.h"
#include "feed/feed.h"
#include "resolve/resolver.h"
#include "rpz/guard.h"
#include "rpz/policy.h"
#include "transfer/update.h"
#include "zone/catalog.h"

struct conf_statement;

struct listen_address {
    struct ip_address address; /* 0.0.0.0 or :: for any */
    uint16_t port;
    const char *tls; /* name of a tls block, or "ephemeral": TLS alone is spoken there; NULL: UDP and TCP */
};

/* One server in primaries { }, also-notify { } … */
struct remote_server {
    struct endpoint endpoint;
    const struct tsig_key *key; /* NULL: none */
    const char *tls;            /* name of a tls block, "ephemeral", or NULL */
};

struct remote_servers {
    size_t count;
    const struct remote_server *servers;
};

/* A tls block: what is demanded of the servers that zones come from, and shown to them (RFC 9103); or of
 * those who ask us. */
struct tls_config {
    const char *name;
    const char *ca_file;              /* NULL: the system's, when there is a remote_hostname */
    const char *remote_hostname;      /* that the certificate must be for; NULL: not looked at */
    const char *cert_file, *key_file; /* ours; NULL: we show none */
    const char *ciphers;              /* of TLS 1.2; NULL: as OpenSSL */
    bool protocols_given, allow_1_2, allow_1_3;
    bool prefer_server_ciphers, session_tickets; /* where we serve */
};

/* A server block: what is different with these servers. */
struct peer_config {
    struct ip_prefix prefix;
    const struct tsig_key *key;             /* NULL: none */
    int request_ixfr, request_expire;       /* -1: not said */
    struct ip_address source_v4, source_v6; /* IP_NONE: not said */
    unsigned transfers;                     /* 0: not said */
};

/* How a zone comes from its primaries. */
struct transfer_in_config {
    bool request_ixfr, request_expire, try_tcp_refresh, multi_primary;
    struct ip_address source_v4, source_v6; /* IP_NONE: any */
    uint32_t max_time_s, max_idle_s;
    uint32_t min_refresh_s, max_refresh_s, min_retry_s, max_retry_s;
    uint32_t min_update_interval_s; /* of a policy zone */
    uint64_t max_records;           /* 0: no limit */
};

/* Of all zones together. */
struct transfers_in_config {
    unsigned threads, per_server, queries_per_second;
};

enum zone_kind {
    ZONE_PRIMARY,
    ZONE_SECONDARY,
    ZONE_HINT,
    ZONE_FORWARD,
    ZONE_STUB,
    ZONE_STATIC_STUB,
    ZONE_FEED
};

/* What a new version of a policy zone is weighed against before it goes into force. */
struct guard_config {
    struct guard_options options;            /* on: this zone is guarded */
    const struct protected_names *protected; /* NULL: memory was out */
};

/* zone { type feed; } */
struct feed_config {
    const char *url;       /* as configured */
    const char *shown_url; /* without user and password */
    const char *host;
    const char *ca_file; /* NULL: the system's */
    enum feed_format format;
    struct feed_action action;
    uint32_t refresh_s, retry_s, timeout_s;
    uint64_t max_bytes; /* of the list, after decompression */
};

enum notify_mode { NOTIFY_NO, NOTIFY_YES, NOTIFY_EXPLICIT, NOTIFY_PRIMARY_ONLY };

enum transfer_transport { TRANSFER_ANY, TRANSFER_TCP, TRANSFER_TLS };

/* Servers that take a zone from us. */
struct transfer_out_config {
    bool allow_given;                  /* allow-transfer stands somewhere */
    enum transfer_transport transport; /* the only one that allow-transfer means */
    uint16_t port;                     /* of ours, the only one that it means; 0: any */
    bool provide_ixfr, one_answer;
    unsigned max_ixfr_percent; /* of the zone's records; 0: no limit */
    size_t message_bytes;
    uint64_t max_time_ms, max_idle_ms;
    enum notify_mode notify;
    bool notify_given;
    bool notify_to_soa;
    uint64_t notify_delay_ms;
    struct ip_address notify_source[2]; /* IPv4, IPv6; all zero: the system chooses */
};

/* The key that `update-policy local` trusts. */
struct session_key_config {
    const char *file;  /* NULL: none, and no key */
    uint8_t name[255]; /* lower case */
    const char *algorithm;
    uint16_t secret_bytes;
    bool wanted; /* some zone or some word asks for it */
};

/* Changes by hand. */
struct update_config {
    const struct update_rules *rules; /* update-policy; NULL: allow-update decides */
    const struct acl *from;           /* of update-policy local: only from here; NULL: from anywhere */
    enum serial_method serial_method;
};

/* What is kept of a zone on disk, and how long its versions act. */
struct store_config {
    const char *path;           /* of the journal; NULL: nothing is kept */
    bool keep_expired;          /* on-expire keep */
    bool ixfr_from_differences; /* a file that was read again is the step from the version before */
    bool text;                  /* `file` of a secondary zone is written, too */
    uint64_t max_journal_bytes; /* 0: as many as the zone has */
    const char *image_path;     /* NULL: no image is written or read */
    bool image_always;          /* however small the zone is */
};

struct zone_config {
    uint8_t name[255]; /* lower case */
    const char *name_text;
    enum zone_kind kind;
    const char *config_file; /* where it stands */
    unsigned config_line;
    const char *file;     /* NULL: none */
    bool masterfile_text; /* the only format so far */
    const struct acl *allow_query, *allow_transfer, *allow_notify, *allow_update,
        *allow_update_forwarding;     /* after inheritance; never NULL */
    const struct acl *allow_query_on; /* of the address that was asked */
    struct transfer_out_config transfer_out;
    struct update_config update;
    struct remote_servers primaries, also_notify;
    struct transfer_in_config transfer_in; /* ZONE_SECONDARY */
    const struct endpoint *servers;        /* forwarders, server-addresses or stub primaries */
    size_t server_count;
    enum forward_mode forward; /* ZONE_FORWARD, and forwarders { } of other kinds */
    struct guard_config guard;
    struct store_config store;
    const struct feed_config *feed;      /* ZONE_FEED; else NULL */
    const uint8_t *catalog;              /* whose member it is; NULL: it stands in the configuration */
    const struct catalog_member *member; /* valid while the configuration is read */
    bool is_policy;                      /* some view's response-policy names it */
};

struct dns64_config {
    struct ip_prefix prefix;
    const struct acl *clients, *mapped, *exclude; /* defaults: any, any, none but ::ffff:0:0/96 */
    bool recursive_only, break_dnssec;
    struct ip_address suffix;
};

enum rrset_order { ORDER_AS_IT_IS, ORDER_RANDOM, ORDER_CYCLIC };

/* One line of rrset-order. */
struct order_rule {
    enum rrset_order how;
    uint16_t type;       /* 0: any */
    const uint8_t *name; /* NULL: any */
    bool below;          /* the names below it, not itself */
};

/* What rate-limit counts apart. RATE_ALL: all of them together; RATE_TCP: that somebody has come by TCP. */
enum rate_kind {
    RATE_RESPONSE,
    RATE_REFERRAL,
    RATE_NODATA,
    RATE_NXDOMAIN,
    RATE_ERROR,
    RATE_ALL,
    RATE_TCP,
    RATE_KINDS
};

/* Numbers alone: two are equal when their bytes are. */
struct rate_limit_options {
    uint32_t per_second[RATE_KINDS]; /* 0: no limit */
    uint32_t window_s, slip, max_entries;
    uint32_t prefix_bits_v4, prefix_bits_v6;
    uint32_t qps_scale; /* 0: limits do not depend on the load */
    uint32_t log_only;
};

struct rate_limit_config {
    struct rate_limit_options options;
    const struct acl *exempt;
};

enum minimal_responses { MINIMAL_NO, MINIMAL_YES, MINIMAL_NO_AUTH, MINIMAL_NO_AUTH_RECURSIVE };

/* One zone of catalog-zones { }. */
struct catalog_config {
    uint8_t origin[255];
    struct remote_servers primaries; /* of members for which the catalog names none */
    const char *directory;           /* where members have their files */
    bool in_memory;                  /* they have none */
    uint32_t min_update_interval_s;
};

struct view_config {
    const char *name;                                     /* "_default" when the file has no view */
    const struct acl *match_clients, *match_destinations; /* default any */
    bool match_recursive_only;
    bool recursion;
    const struct acl *allow_query, *allow_recursion, *allow_query_cache;
    const struct acl *allow_query_on, *allow_recursion_on, *allow_query_cache_on; /* of the address asked */
    enum minimal_responses minimal_responses; /* default no-auth-recursive */
    bool minimal_any;
    bool empty_zones;
    size_t disabled_empty_count; /* disable-empty-zone: names, lower case */
    const uint8_t *const *disabled_empty;
    uint32_t stale_answer_ttl_s;
    bool stale_answer_enable;
    int32_t stale_answer_client_timeout_ms; /* -1: off */
    uint32_t stale_refresh_time_s;
    bool drop_when_zone_full;                         /* fetches-per-zone: no answer in place of SERVFAIL */
    uint32_t prefetch_trigger_s, prefetch_eligible_s; /* 0: off */
    struct resolver_options resolver;                 /* views with equal ones share one truth */
    size_t zone_count;
    const struct zone_config *zones;
    size_t catalog_count;
    const struct catalog_config *catalogs;
    size_t order_count; /* rrset-order: the first that fits decides */
    const struct order_rule *order;
    const struct acl *sortlist; /* NULL: none */
    const struct acl *padded;   /* response-padding: whose answers are padded over TCP; never NULL */
    uint16_t padding_block_bytes;
    const struct rate_limit_config *rate_limit; /* NULL: none */
    size_t dns64_count;
    const struct dns64_config *dns64;
    struct policy_set_options policy;
    unsigned nameserver_lookups; /* what one question may spend on NSDNAME and NSIP rules */
    uint32_t nameserver_lookup_ms;
    bool nameserver_lookup_forwarded; /* also for names that forwarders resolve */
    size_t peer_count;
    const struct peer_config *peers; /* the view's own first */
    size_t policy_zone_count;
    const struct policy_zone_options *policy_zones; /* counters NULL: the daemon gives them */
};

struct server_config {
    const char *directory;
    size_t listen_count;
    const struct listen_address *listen;
    unsigned workers;
    unsigned resolver_threads;
    const char *control_socket;
    bool control_socket_given; /* false: failing to make it is a warning */
    const char *pid_file;      /* NULL: none */
    size_t max_cache_bytes;
    unsigned transfers_out, notify_rate, startup_notify_rate; /* the last two a second */
    unsigned recursive_clients; /* questions waiting for recursion, all workers */
    unsigned update_quota;      /* updates under way, all workers */
    unsigned tcp_clients;
    unsigned tcp_clients_per_address; /* 0: no limit */
    unsigned tcp_pipeline;            /* questions of one connection under way */
    size_t tcp_write_queue_bytes;     /* answers that one connection may leave unread */
    uint32_t tcp_idle_ms, tcp_message_ms, tcp_lifetime_ms;
    uint16_t udp_answer_max; /* max-udp-size, default 1232 */
    uint16_t edns_udp_size;  /* what we advertise, default 1232 */
    struct transfers_in_config transfers_in;
    const struct acl *blackhole; /* not answered at all; never NULL */
    bool querylog;
    const char *version, *hostname, *server_id; /* NULL: do not tell (none); version defaults to ours */
    bool nsid;                                  /* server-id is set */
    bool answer_cookie, require_server_cookie;
    const uint8_t *cookie_secret; /* 16 bytes, or NULL: random */
    struct session_key_config session_key;
};

struct config {
    struct arena arena;
    const struct conf_statement *top; /* the checked statements that it was built from */
    struct server_config server;
    struct log_config log;
    struct acl_environment environment;
    size_t view_count;
    const struct view_config *views;
    size_t key_count;
    const struct tsig_key *keys;
    size_t tls_count;
    const struct tls_config *tls;
};

struct config_problem {
    const char *file;
    unsigned line;
    bool error;          /* false: a warning or the notice of a word that has no effect here */
    const char *message; /* says what was expected */
};

/* What a catalog brings to a view, as it is known when the configuration is read. */
struct catalog_list {
    const char *view_name;
    const char *file; /* for messages: "catalog catz.example" */
    const struct catalog *catalog;
    size_t count;
    const struct catalog_member *const *members; /* those that are this catalog's, of all that it names */
};

struct config_read_options {
    const char *file;
    const struct config *from; /* build from what this one was built from, and read nothing again; it has to
                                  outlive the result. NULL: from the file */
    /* Overrides from the command line. */
    uint16_t port;       /* 0: as configured */
    const char *control; /* NULL: as configured */
    size_t catalog_count;
    const struct catalog_list *catalogs;
    void (*problem)(void *context, const struct config_problem *problem);
    void *context;
};

/* Reads and checks a configuration, its includes too. *out when there was no error; otherwise every
 * problem that could be found has been reported, and ERR_INVALID is returned. Blocking file I/O. */
int config_read(const struct config_read_options *options, struct config **out) MUST_CHECK;
/* The same from a text; `options->file` stands for it in messages. */
int config_read_text(const struct config_read_options *options, const char *text, size_t length,
                     struct config **out) MUST_CHECK;
void config_free(struct config *config);

/* The tls block of a name, or NULL. */
const struct tls_config *config_tls(const struct config *config, const char *name);
/* The server block that fits an address best, or NULL. */
const struct peer_config *config_peer(const struct view_config *view, const struct ip_address *address);

#endif
