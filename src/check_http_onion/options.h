/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The command line: check_http's options and ours, in one table. Parsing never exits and never prints; what
 * is to be said is returned. */
#ifndef CHECK_OPTIONS_H
#define CHECK_OPTIONS_H

#include <regex.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "plugin/range.h"
#include "plugin/state.h"

enum options_bounds {
    HEADERS_MAX = 64,   /* -k; a request with more is not one that a monitor sends */
    CIRCUITS_MAX = 16,  /* --circuits */
    REFERENCES_MAX = 8, /* --reference */
    PATTERN_MAX = 256,  /* -r, -R: check_http cuts a longer one here */
    EXPECT_MAX = 1024,  /* -e, -s, -d, -a, -b: likewise */
    TIMEOUT_CLEAR_S = 10,
    TIMEOUT_ONION_S = 30
};

enum redirect_mode { REDIRECT_STATE /* report with a state */, REDIRECT_FOLLOW };

/* TLS versions in their order; TLS_ANY: no bound. */
enum tls_version { TLS_ANY, TLS_SSL2, TLS_SSL3, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 };

enum output_format { OUTPUT_PLUGIN, OUTPUT_PROMETHEUS };

/* HOST:PORT, or the path of a Unix socket. */
struct endpoint {
    const char *host; /* without brackets; NULL when `path` is set */
    uint16_t port;
    const char *path; /* NULL when `host` is set */
};

struct options {
    /* whom to ask */
    const char *host_name; /* -H without its port; NULL when not given */
    int host_port;         /* the port in -H; 0: none */
    const char *address;   /* -I, or the first bare word; never NULL after parsing */
    int port;              /* -p, or -H's, or 80 or 443 */
    bool port_given;
    bool ipv4_only, ipv6_only;

    /* what to ask */
    const char *path, *method, *post_data, *content_type, *user_agent, *authorization, *proxy_authorization;
    const char *headers[HEADERS_MAX];
    size_t header_count;
    bool ignore_body;

    /* TLS */
    bool tls, sni;
    enum tls_version tls_min, tls_max;
    const char *client_cert, *client_key;
    bool check_certificate, continue_after_certificate;
    int certificate_warn_days, certificate_crit_days;

    /* what to expect */
    const char *expect; /* -e; NULL: the status decides */
    const char *header_string, *body_string;
    bool has_pattern, invert_pattern;
    regex_t pattern;
    int pattern_flags;
    int size_min, size_max; /* 0: no bound */
    int max_age_s;          /* -1: not asked */
    bool has_warn, has_crit;
    struct range warn, crit;
    const char *warn_text, *crit_text;

    /* redirects */
    enum redirect_mode on_redirect;
    enum plugin_state redirect_state;
    bool sticky_host, sticky_port;
    int redirects_max;

    /* how to say it */
    bool verbose, extended_perfdata, show_body, link;
    enum output_format output;

    /* time */
    int timeout_s; /* of the whole check; 0: none, as check_http's -t 0 */
    bool timeout_given;
    enum plugin_state timeout_state; /* --timeout-result */

    /* Tor */
    struct endpoint socks;
    bool socks_given; /* by --socks: clear names go through it, too */
    int circuits, circuits_warn /* 0: never */;
    double hedge_s;
    struct endpoint control;
    bool has_control;
    const char *cookie_file, *control_password_file;
    const char *references[REFERENCES_MAX]; /* ONION[:PORT] */
    size_t reference_count;
    bool tor_critical, auth_critical;
    const char *state_file;
    double patience_s;
};

/* What to say instead of checking. */
struct options_refusal {
    enum plugin_state state;
    const char *text; /* ends with its newline where it has one; may be "" */
    bool short_usage; /* the short usage follows */
    bool full_help;   /* the whole help is the answer */
};

/* Reads the command line; memory is the arena's, and argv must stay. Returns 0, or ERR_INVALID with
 * `*refusal` filled (also for -h and -V), or ERR_NOMEM. getenv(3) is asked for TOR_SOCKS_HOST and
 * TOR_SOCKS_PORT. */
int options_parse(struct arena *arena, int argc, char **argv, struct options *out,
                  struct options_refusal *refusal) MUST_CHECK;

/* Frees what is not the arena's: the compiled pattern. */
void options_fini(struct options *options);

#endif
