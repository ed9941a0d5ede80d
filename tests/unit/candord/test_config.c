/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a configuration means: defaults, inheritance, views, policy. */
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "candord/config.h"
#include "candord/config_restart.h"
#include "dns/consts.h"
#include "dns/name.h"

static char problems[8192];

static void collect(void *context, const struct config_problem *problem)
{
    (void)context;
    size_t used = strlen(problems);
    snprintf(problems + used, sizeof problems - used, "%s%u: %s\n", problem->error ? "error " : "notice ",
             problem->line, problem->message);
}

static struct config *read_with(const char *text, uint16_t port, const char *control)
{
    struct config *config = NULL;
    struct config_read_options options = {
        .file = "test.conf", .port = port, .control = control, .problem = collect};
    problems[0] = '\0';
    int error = config_read_text(&options, text, strlen(text), &config);
    if (error)
        fail_msg("%d: %s", error, problems);
    return config;
}

static struct config *read_text(const char *text)
{
    return read_with(text, 0, NULL);
}

static bool asks(const struct config *config, const struct acl *acl, const char *address)
{
    struct acl_subject subject = {0};
    assert_int_equal(ip_from_text(address, &subject.address), 0);
    return acl_allows(acl, &subject, &config->environment);
}

static const struct zone_config *zone_named(const struct view_config *view, const char *name)
{
    for (size_t i = 0; i < view->zone_count; i++)
        if (strcmp(view->zones[i].name_text, name) == 0)
            return &view->zones[i];
    fail_msg("no zone %s", name);
    return NULL;
}

static const struct policy_zone_options *policy_named(const struct view_config *view, const char *name)
{
    uint8_t wire[NAME_MAX_BYTES];
    assert_true(name_from_text(name, NULL, wire) > 0);
    for (size_t i = 0; i < view->policy_zone_count; i++)
        if (name_equal(view->policy_zones[i].origin, wire))
            return &view->policy_zones[i];
    fail_msg("no policy zone %s", name);
    return NULL;
}

static bool listens(const struct config *config, const char *address, uint16_t port)
{
    struct ip_address wanted;
    assert_int_equal(ip_from_text(address, &wanted), 0);
    for (size_t i = 0; i < config->server.listen_count; i++)
        if (ip_equal(&config->server.listen[i].address, &wanted) && config->server.listen[i].port == port)
            return true;
    return false;
}

/* --- defaults ---------------------------------------------------------------------------------------------
 */

static void an_empty_file_gives_binds_defaults(void **state)
{
    (void)state;
    struct config *config = read_text("");
    const struct view_config *view = &config->views[0];
    assert_int_equal(config->view_count, 1);
    assert_string_equal(view->name, "_default");
    assert_int_equal(config->server.listen_count, 2);
    assert_true(listens(config, "0.0.0.0", 53));
    assert_true(listens(config, "::", 53));
    assert_true(view->recursion);
    assert_true(asks(config, view->allow_query, "203.0.113.1"));
    assert_true(asks(config, view->allow_recursion, "127.0.0.1"));
    assert_false(asks(config, view->allow_recursion, "203.0.113.1"));
    assert_false(asks(config, view->allow_query_cache, "203.0.113.1"));
    assert_int_equal(view->minimal_responses, MINIMAL_NO_AUTH_RECURSIVE);
    assert_false(view->minimal_any);
    assert_true(view->empty_zones);
    assert_int_equal(view->prefetch_trigger_s, 2);
    assert_int_equal(view->prefetch_eligible_s, 9);
    assert_int_equal(view->resolver.max_cache_ttl_s, 604800);
    assert_int_equal(view->resolver.max_negative_ttl_s, 10800);
    assert_int_equal(view->resolver.servfail_ttl_ms, 1000);
    assert_int_equal(view->resolver.max_stale_ttl_s, 0);
    assert_int_equal(view->resolver.query_timeout_ms, 10000);
    assert_true(view->resolver.qname_minimization);
    assert_false(view->resolver.qname_minimization_strict);
    assert_int_equal(config->server.recursive_clients, 1000);
    assert_int_equal(config->server.tcp_clients, 150);
    assert_int_equal(config->server.edns_udp_size, 1232);
    assert_int_equal(config->server.udp_answer_max, 1232);
    assert_false(config->server.querylog);
    assert_null(config->server.server_id);
    assert_string_equal(config->server.control_socket, "/run/candor/control.sock");
    assert_false(config->server.control_socket_given);
    assert_null(config->server.pid_file);
    assert_string_equal(problems, "");
    config_free(config);
}

/* `named -C` prints what BIND does without a word; read by us it must change nothing. */
static void binds_printed_defaults_are_ours(void **state)
{
    (void)state;
    char *text = calloc(1, 1 << 16);
    FILE *named = popen("named -C 2>/dev/null", "r");
    assert_non_null(text);
    assert_non_null(named);
    size_t length = fread(text, 1, (1 << 16) - 1, named);
    pclose(named);
    if (length == 0) {
        free(text);
        skip();
    }
    struct config *theirs = read_text(text), *ours = read_text("");
    const struct view_config *t = &theirs->views[0], *o = &ours->views[0];
    assert_int_equal(theirs->server.listen_count, ours->server.listen_count);
    assert_int_equal(theirs->server.recursive_clients, ours->server.recursive_clients);
    assert_int_equal(theirs->server.tcp_clients, ours->server.tcp_clients);
    assert_int_equal(theirs->server.tcp_idle_ms, ours->server.tcp_idle_ms);
    assert_int_equal(theirs->server.tcp_message_ms, ours->server.tcp_message_ms);
    assert_int_equal(theirs->server.udp_answer_max, ours->server.udp_answer_max);
    assert_int_equal(theirs->server.edns_udp_size, ours->server.edns_udp_size);
    assert_int_equal(theirs->server.answer_cookie, ours->server.answer_cookie);
    assert_int_equal(theirs->server.nsid, ours->server.nsid);
    assert_int_equal(t->recursion, o->recursion);
    assert_int_equal(t->minimal_responses, o->minimal_responses);
    assert_int_equal(t->minimal_any, o->minimal_any);
    assert_int_equal(t->empty_zones, o->empty_zones);
    assert_int_equal(t->stale_answer_enable, o->stale_answer_enable);
    assert_int_equal(t->stale_answer_ttl_s, o->stale_answer_ttl_s);
    assert_int_equal(t->stale_refresh_time_s, o->stale_refresh_time_s);
    assert_int_equal(t->stale_answer_client_timeout_ms, o->stale_answer_client_timeout_ms);
    assert_int_equal(t->prefetch_trigger_s, o->prefetch_trigger_s);
    assert_int_equal(t->prefetch_eligible_s, o->prefetch_eligible_s);
    assert_int_equal(asks(theirs, t->allow_query, "203.0.113.1"), asks(ours, o->allow_query, "203.0.113.1"));
    assert_int_equal(asks(theirs, t->allow_recursion, "203.0.113.1"),
                     asks(ours, o->allow_recursion, "203.0.113.1"));
    assert_int_equal(t->resolver.validate, o->resolver.validate);
    assert_int_equal(t->resolver.qname_minimization, o->resolver.qname_minimization);
    assert_int_equal(t->resolver.max_cache_ttl_s, o->resolver.max_cache_ttl_s);
    assert_int_equal(t->resolver.max_negative_ttl_s, o->resolver.max_negative_ttl_s);
    assert_int_equal(t->resolver.min_cache_ttl_s, o->resolver.min_cache_ttl_s);
    assert_int_equal(t->resolver.servfail_ttl_ms, o->resolver.servfail_ttl_ms);
    assert_int_equal(t->resolver.max_stale_ttl_s, o->resolver.max_stale_ttl_s);
    assert_int_equal(t->resolver.query_timeout_ms, o->resolver.query_timeout_ms);
    assert_int_equal(t->resolver.max_joined, o->resolver.max_joined);
    assert_int_equal(t->resolver.max_per_zone, o->resolver.max_per_zone);
    config_free(theirs);
    config_free(ours);
    free(text);
}

static void the_command_line_wins(void **state)
{
    (void)state;
    struct config *config = read_with("options { listen-on port 5353 { 127.0.0.1; }; listen-on-v6 { none; }; "
                                      "control-socket \"/x\"; };",
                                      9053, "/tmp/c");
    assert_int_equal(config->server.listen_count, 1);
    assert_true(listens(config, "127.0.0.1", 9053));
    assert_string_equal(config->server.control_socket, "/tmp/c");
    assert_true(config->server.control_socket_given);
    config_free(config);
}

static void listen_on_chooses_addresses(void **state)
{
    (void)state;
    struct config *config = read_text("options { port 5300; listen-on { 127.0.0.53; !127.0.0.1; 127/8; };"
                                      "listen-on port 5301 { any; }; listen-on-v6 { none; }; };");
    assert_true(listens(config, "127.0.0.53", 5300));
    assert_false(listens(config, "127.0.0.1", 5300));
    assert_true(listens(config, "0.0.0.0", 5301));
    config_free(config);
}

static void words_reach_their_fields(void **state)
{
    (void)state;
    struct config *config = read_text(
        "options { version none; hostname \"h\"; server-id \"ns1\"; querylog yes; workers 3; tcp-clients 7;"
        " resolver-threads 2; max-udp-size 4096; edns-udp-size 512; tcp-idle-timeout 50; pid-file \"/p\";"
        " cookie-secret \"00112233445566778899aabbccddeeff\"; max-cache-size 64m; recursive-clients 5;"
        " prefetch 5 20; minimal-responses yes; minimal-any yes; servfail-ttl 5; max-ncache-ttl 1h;"
        " qname-minimization strict; resolver-query-timeout 7; fetches-per-zone 20; clients-per-query 30;"
        " stale-answer-enable yes; stale-cache-enable yes; max-stale-ttl 2h; stale-answer-client-timeout "
        "1800;"
        " stale-answer-ttl 9; stale-refresh-time 4; disable-empty-zone \"10.IN-ADDR.ARPA\";"
        " query-source address 127.0.0.9; tcp-pipeline 9; tcp-clients-per-address 8; tcp-lifetime 2m;"
        " tcp-write-queue 256k; nameserver-lookups 6; nameserver-lookup-time 700; "
        "nameserver-lookup-forwarded no; };");
    const struct server_config *server = &config->server;
    const struct view_config *view = &config->views[0];
    assert_null(server->version);
    assert_string_equal(server->hostname, "h");
    assert_string_equal(server->server_id, "ns1");
    assert_true(server->nsid);
    assert_true(server->querylog);
    assert_int_equal(server->workers, 3);
    assert_int_equal(server->tcp_clients, 7);
    assert_int_equal(server->udp_answer_max, 4096);
    assert_int_equal(server->edns_udp_size, 512);
    assert_int_equal(server->tcp_idle_ms, 5000);
    assert_int_equal(server->tcp_pipeline, 9);
    assert_int_equal(server->tcp_clients_per_address, 8);
    assert_int_equal(server->tcp_lifetime_ms, 120000);
    assert_int_equal(server->tcp_write_queue_bytes, 256 << 10);
    assert_int_equal(view->nameserver_lookups, 6);
    assert_int_equal(view->nameserver_lookup_ms, 700);
    assert_false(view->nameserver_lookup_forwarded);
    assert_string_equal(server->pid_file, "/p");
    assert_int_equal(server->cookie_secret[15], 0xff);
    assert_int_equal(server->max_cache_bytes + view->resolver.unbound_cache_bytes, 64 << 20);
    assert_int_equal(view->resolver.max_outstanding, 5);
    assert_int_equal(view->resolver.threads, 2);
    assert_int_equal(view->prefetch_eligible_s, 20);
    assert_int_equal(view->minimal_responses, MINIMAL_YES);
    assert_true(view->minimal_any);
    assert_int_equal(view->resolver.servfail_ttl_ms, 5000);
    assert_int_equal(view->resolver.max_negative_ttl_s, 3600);
    assert_true(view->resolver.qname_minimization_strict);
    assert_int_equal(view->resolver.query_timeout_ms, 7000);
    assert_int_equal(view->resolver.max_per_zone, 20);
    assert_int_equal(view->resolver.max_joined, 30);
    assert_true(view->stale_answer_enable);
    assert_int_equal(view->resolver.max_stale_ttl_s, 7200);
    assert_int_equal(view->stale_answer_client_timeout_ms, 1800);
    assert_int_equal(view->stale_answer_ttl_s, 9);
    assert_int_equal(view->stale_refresh_time_s, 4);
    assert_int_equal(view->disabled_empty_count, 1);
    assert_memory_equal(view->disabled_empty[0], "\00210\7in-addr\4arpa", 17);
    assert_non_null(view->resolver.query_source_v4);
    assert_null(view->resolver.query_source_v6);
    config_free(config);
}

/* --- access -----------------------------------------------------------------------------------------------
 */

static void the_three_query_lists_stand_in_for_each_other(void **state)
{
    static const struct {
        const char *options;
        bool query, cache, recursion; /* for 203.0.113.1 */
    } cases[] = {
        {"allow-query { 203.0.113.1; };", true, true, true},
        {"allow-recursion { 203.0.113.1; };", true, true, true},
        {"allow-query-cache { 203.0.113.1; };", true, true, true},
        {"allow-query { none; }; allow-recursion { 203.0.113.1; };", false, true, true},
        {"allow-query-cache { 203.0.113.1; }; allow-recursion { none; };", true, true, false},
        {"allow-query { any; }; recursion no;", true, false, false},
        {"allow-query-cache { any; }; recursion no;", true, true, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text, "options { %s };", cases[i].options);
        struct config *config = read_text(text);
        const struct view_config *view = &config->views[0];
        assert_int_equal(asks(config, view->allow_query, "203.0.113.1"), cases[i].query);
        assert_int_equal(asks(config, view->allow_query_cache, "203.0.113.1"), cases[i].cache);
        assert_int_equal(asks(config, view->allow_recursion, "203.0.113.1"), cases[i].recursion);
        config_free(config);
    }
}

static void lists_of_our_own_addresses_stand_in_for_each_other(void **state)
{
    (void)state;
    struct config *config = read_text("options { allow-query-on { 127.0.0.1; }; blackhole { 10.0.0.9; };"
                                      " allow-recursion-on { 127.0.0.2; }; };"
                                      "zone a { type primary; file \"a\"; };"
                                      "zone b { type primary; file \"b\"; allow-query-on { any; }; };");
    const struct view_config *view = &config->views[0];
    assert_false(asks(config, view->allow_query_on, "127.0.0.2"));
    assert_true(asks(config, view->allow_recursion_on, "127.0.0.2"));
    assert_true(asks(config, view->allow_query_cache_on, "127.0.0.2"));
    assert_false(asks(config, view->allow_query_cache_on, "127.0.0.1"));
    assert_false(asks(config, zone_named(view, "a")->allow_query_on, "127.0.0.2"));
    assert_true(asks(config, zone_named(view, "b")->allow_query_on, "127.0.0.2"));
    assert_true(asks(config, config->server.blackhole, "10.0.0.9"));
    assert_int_equal(view->resolver.avoid_count, 1);
    config_free(config);
    config = read_text("");
    assert_false(asks(config, config->server.blackhole, "10.0.0.9"));
    assert_true(asks(config, config->views[0].allow_query_on, "127.0.0.2"));
    config_free(config);
}

static void acls_are_named_nested_and_negated(void **state)
{
    (void)state;
    struct config *config = read_text("acl inner { 10.0.0.1; 10.0.0.2; };"
                                      "options { allow-query { !inner; { 10/8; }; }; };");
    const struct acl *acl = config->views[0].allow_query;
    assert_false(asks(config, acl, "10.0.0.2"));
    assert_true(asks(config, acl, "10.0.0.3"));
    assert_false(asks(config, acl, "11.0.0.3"));
    config_free(config);
}

/* --- zones ------------------------------------------------------------------------------------------------
 */

static void zones_inherit_from_view_and_options(void **state)
{
    (void)state;
    struct config *config =
        read_text("options { directory \"/tmp\"; allow-query { 10.0.0.1; }; notify no; };"
                  "view v { allow-query { 10.0.0.2; }; allow-transfer { none; };"
                  "  zone A.Example { type primary; file \"a\"; };"
                  "  zone b { type master; file \"/b\"; allow-query { 10.0.0.3; }; notify yes; }; };");
    const struct zone_config *a = zone_named(&config->views[0], "a.example");
    const struct zone_config *b = zone_named(&config->views[0], "b");
    assert_string_equal(a->file, "/tmp/a");
    assert_string_equal(b->file, "/b");
    assert_true(asks(config, a->allow_query, "10.0.0.2"));
    assert_false(asks(config, a->allow_query, "10.0.0.1"));
    assert_true(asks(config, b->allow_query, "10.0.0.3"));
    assert_false(asks(config, a->allow_transfer, "10.0.0.1"));
    assert_int_equal(a->transfer_out.notify, NOTIFY_NO);
    assert_int_equal(b->transfer_out.notify, NOTIFY_YES);
    assert_int_equal(b->kind, ZONE_PRIMARY);
    assert_int_equal(a->config_line, 1);
    config_free(config);
}

static void forwarding_reaches_the_resolver(void **state)
{
    (void)state;
    struct config *config =
        read_text("options { forwarders port 5301 { 127.0.0.2; ::1 port 54; }; forward only; };"
                  "zone \".\" { type hint; file \"/h\"; };"
                  "zone f { type forward; forwarders { 127.0.0.3 port 55; }; };"
                  "zone n { type forward; forwarders { }; };"
                  "zone s { type stub; primaries port 56 { 127.0.0.4; }; };"
                  "zone t { type static-stub; server-addresses { 127.0.0.5; }; };");
    const struct resolver_options *resolver = &config->views[0].resolver;
    assert_string_equal(resolver->hints_file, "/h");
    assert_int_equal(resolver->forward_count, 5);
    static const enum forward_mode modes[] = {FORWARD_ONLY, FORWARD_FIRST, FORWARD_NONE, STUB_PRIME, STUB};
    static const uint16_t ports[] = {5301, 55, 0, 56, 53};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(resolver->forwards[i].mode, modes[i]);
        if (ports[i])
            assert_int_equal(resolver->forwards[i].servers[0].port, ports[i]);
    }
    assert_true(name_is_root(resolver->forwards[0].origin));
    assert_int_equal(resolver->forwards[0].servers[1].port, 54);
    config_free(config);
}

static void trust_anchors_become_records(void **state)
{
    (void)state;
    struct config *config = read_text("options { dnssec-validation yes; }; trust-anchors {"
                                      " . static-ds 20326 8 2 \"E06D44B8\n 0B8F1D39\";"
                                      " example.org initial-key 257 3 8 \"YWJj\"; };");
    const struct resolver_options *resolver = &config->views[0].resolver;
    assert_true(resolver->validate);
    assert_null(resolver->anchor_file);
    assert_int_equal(resolver->anchor_count, 2);
    assert_string_equal(resolver->anchors[0], ". IN DS 20326 8 2 E06D44B80B8F1D39");
    assert_string_equal(resolver->anchors[1], "example.org. IN DNSKEY 257 3 8 YWJj");
    config_free(config);
    config = read_text("options { dnssec-validation no; };");
    assert_false(config->views[0].resolver.validate);
    config_free(config);
}

static void exceptions_reach_the_resolver(void **state)
{
    (void)state;
    struct config *config =
        read_text("options { validate-except { Corp.Example; \"lan\"; }; };"
                  "server 10.0.0.0/8 { bogus yes; }; server 11.0.0.1 { edns no; };"
                  "server ::1 { bogus no; };"
                  "view a { server 10.0.0.0/8 { bogus no; }; server ::2 { bogus yes; }; };"
                  "view b { validate-except { }; };");
    const struct resolver_options *a = &config->views[0].resolver, *b = &config->views[1].resolver;
    assert_int_equal(a->insecure_count, 2);
    assert_memory_equal(a->insecure[0], "\4corp\7example", 14);
    assert_int_equal(b->insecure_count, 0);
    assert_int_equal(a->avoid_count, 1);
    assert_int_equal(a->avoid[0].length, 128);
    assert_int_equal(b->avoid_count, 1);
    assert_int_equal(b->avoid[0].length, 8);
    config_free(config);
}

static void primaries_are_lists_of_lists(void **state)
{
    (void)state;
    struct config *config = read_text(
        "key k { algorithm hmac-sha512; secret \"YWJj\"; };"
        "primaries inner { 10.0.0.1; 10.0.0.2 port 54 key k; }; masters outer port 55 { inner; 10.0.0.3; };"
        "zone z { type secondary; file \"z\"; primaries { outer key k; }; };");
    const struct zone_config *zone = zone_named(&config->views[0], "z");
    assert_int_equal(zone->kind, ZONE_SECONDARY);
    assert_int_equal(zone->primaries.count, 3);
    assert_int_equal(zone->primaries.servers[0].endpoint.port, 55);
    assert_int_equal(zone->primaries.servers[1].endpoint.port, 54);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(zone->primaries.servers[i].key->algorithm, "hmac-sha512");
    config_free(config);
}

/* --- policy -----------------------------------------------------------------------------------------------
 */

static void policy_has_binds_defaults(void **state)
{
    (void)state;
    struct config *config =
        read_text("options { response-policy { zone r; }; }; zone r { type primary; file \"r\"; };");
    const struct view_config *view = &config->views[0];
    const struct policy_zone_options *r = policy_named(view, "r");
    assert_true(zone_named(view, "r")->is_policy);
    assert_false(view->policy.break_dnssec);
    assert_true(view->policy.qname_wait_recurse);
    assert_true(view->policy.nsip_wait_recurse);
    assert_true(view->policy.nsdname_wait_recurse);
    assert_false(view->policy.servfail_until_ready);
    assert_int_equal(view->policy.min_ns_dots, 1);
    assert_int_equal(r->override, RPZ_OVERRIDE_GIVEN);
    assert_int_equal(r->max_policy_ttl_s, 5);
    assert_int_equal(r->ede, EDE_NONE);
    assert_true(r->recursive_only && r->log && r->add_soa && r->nsip_enable && r->nsdname_enable);
    assert_false(r->include_subdomains);
    config_free(config);
}

static void an_override_says_what_a_rule_s_cname_would(void **state)
{
    (void)state;
    struct config *config =
        read_text("options { response-policy { zone a policy cname .; zone b policy cname \"*.\";"
                  "  zone c policy cname *.garden.example; }; };"
                  "zone a { type primary; file \"a\"; }; zone b { type primary; file \"b\"; };"
                  "zone c { type primary; file \"c\"; };");
    const struct view_config *view = &config->views[0];
    assert_int_equal(policy_named(view, "a")->override, RPZ_OVERRIDE_NXDOMAIN);
    assert_int_equal(policy_named(view, "b")->override, RPZ_OVERRIDE_NODATA);
    assert_int_equal(policy_named(view, "c")->override, RPZ_OVERRIDE_CNAME);
    config_free(config);
}

static void a_policy_zone_wins_over_the_globals(void **state)
{
    (void)state;
    struct config *config = read_text(
        "options { response-policy {"
        "  zone a policy cname \"garden.example\" max-policy-ttl 1h recursive-only yes ede censored;"
        "  zone b policy no-op log no add-soa yes nsip-enable yes include-subdomains yes;"
        "  zone \"policy\" policy tcp-only; zone d policy disabled ede none; }"
        " break-dnssec yes max-policy-ttl 30 min-ns-dots 0 qname-wait-recurse no nsip-wait-recurse no"
        " nsdname-wait-recurse no recursive-only no add-soa no nsip-enable no nsdname-enable no"
        " servfail-until-ready yes; };"
        "zone a { type primary; file \"a\"; }; zone b { type primary; file \"b\"; };"
        "zone policy { type primary; file \"c\"; }; zone d { type primary; file \"d\"; };");
    const struct view_config *view = &config->views[0];
    const struct policy_zone_options *a = policy_named(view, "a"), *b = policy_named(view, "b");
    assert_int_equal(view->policy_zone_count, 4);
    assert_int_equal(a->override, RPZ_OVERRIDE_CNAME);
    assert_memory_equal(a->override_cname, "\6garden\7example", 16);
    assert_int_equal(a->max_policy_ttl_s, 3600);
    assert_int_equal(a->ede, EDE_CENSORED);
    assert_true(a->recursive_only);
    assert_false(a->add_soa || a->nsip_enable || a->nsdname_enable || a->include_subdomains);
    assert_int_equal(b->override, RPZ_OVERRIDE_PASSTHRU);
    assert_int_equal(b->max_policy_ttl_s, 30);
    assert_false(b->recursive_only || b->log || b->nsdname_enable);
    assert_true(b->add_soa && b->nsip_enable && b->include_subdomains);
    assert_int_equal(policy_named(view, "policy")->override, RPZ_OVERRIDE_TCP_ONLY);
    assert_int_equal(policy_named(view, "d")->override, RPZ_OVERRIDE_DISABLED);
    assert_true(view->policy.break_dnssec && view->policy.servfail_until_ready);
    assert_false(view->policy.qname_wait_recurse || view->policy.nsip_wait_recurse ||
                 view->policy.nsdname_wait_recurse);
    assert_int_equal(view->policy.min_ns_dots, 0);
    config_free(config);
}

/* --- views ------------------------------------------------------------------------------------------------
 */

static bool protects(const struct zone_config *zone, const char *name, unsigned how)
{
    uint8_t wire[NAME_MAX_BYTES];
    const struct protected_names *names = zone->guard.protected;
    assert_true(name_from_text(name, NULL, wire) > 0);
    for (size_t i = 0; i < names->count; i++)
        if (name_equal(names->names[i].name, wire))
            return names->names[i].how == how;
    return false;
}

static void zones_of_others_are_guarded_by_default(void **state)
{
    (void)state;
    struct config *config = read_text("zone a { type secondary; primaries { 10.0.0.1; }; };"
                                      "zone b { type primary; file \"b\"; };"
                                      "zone c { type primary; file \"c\"; guard { }; };"
                                      "zone d { type secondary; primaries { 10.0.0.1; }; guard none; };");
    const struct view_config *view = &config->views[0];
    const struct guard_options *options = &zone_named(view, "a")->guard.options;
    assert_true(options->on);
    assert_false(options->drop_offenders);
    assert_int_equal(options->max_affected_percent, 10);
    assert_int_equal(options->min_queries, 10000);
    assert_int_equal(options->max_change_percent, 50);
    assert_int_equal(options->min_changed_rules, 1000);
    assert_int_equal(options->handling[GUARD_SUFFIX], GUARD_HOLD);
    assert_false(zone_named(view, "b")->guard.options.on);
    assert_true(zone_named(view, "c")->guard.options.on);
    assert_false(zone_named(view, "d")->guard.options.on);
    assert_int_equal(zone_named(view, "a")->guard.protected->count, 0);
    config_free(config);
}

static void a_zones_guard_wins_as_a_whole(void **state)
{
    (void)state;
    struct config *config = read_text(
        "options { guard { max-affected-queries 3%; min-queries 5; max-change unlimited; suffix-rules warn;"
        " wide-prefixes hold; max-prefix-v4 16; max-prefix-v6 32; emptied-zone apply; protected warn;"
        " min-changed-rules 7; on-hold apply-without-offenders; }; };"
        "zone a { type primary; file \"a\"; };"
        "zone b { type primary; file \"b\"; guard { max-change 200%; on-hold keep-previous; }; };"
        "zone c { type secondary; primaries { 10.0.0.1; }; guard none; };");
    const struct view_config *view = &config->views[0];
    const struct guard_options *a = &zone_named(view, "a")->guard.options,
                               *b = &zone_named(view, "b")->guard.options;
    assert_true(a->on && a->drop_offenders);
    assert_int_equal(a->max_affected_percent, 3);
    assert_int_equal(a->min_queries, 5);
    assert_int_equal(a->max_change_percent, GUARD_NO_LIMIT);
    assert_int_equal(a->min_changed_rules, 7);
    assert_int_equal(a->max_prefix_v4, 16);
    assert_int_equal(a->max_prefix_v6, 32);
    assert_int_equal(a->handling[GUARD_SUFFIX], GUARD_WARN);
    assert_int_equal(a->handling[GUARD_PROTECTED], GUARD_WARN);
    assert_int_equal(a->handling[GUARD_WIDE_PREFIX], GUARD_HOLD);
    assert_int_equal(a->handling[GUARD_EMPTIED], GUARD_APPLY);
    assert_int_equal(b->max_affected_percent, 10);
    assert_int_equal(b->max_change_percent, 200);
    assert_false(b->drop_offenders);
    assert_false(zone_named(view, "c")->guard.options.on);
    config_free(config);
}

static void protected_names_of_options_and_zone_hold_together(void **state)
{
    (void)state;
    char path[] = "/tmp/candor-protect-XXXXXX", text[1024];
    static const char list[] = "# popular\n1,google.test\n2,Example.test  \n\nplain.test # with a comment\n";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, list, strlen(list)), (ssize_t)strlen(list));
    close(fd);
    snprintf(text, sizeof text,
             "options { protect { \"gouv.fr\"; own.test below; file \"%s\" exact above; }; };"
             "zone a { type primary; file \"a\"; protect { gouv.fr exact; extra.test; }; };"
             "zone b { type primary; file \"b\"; };",
             path);
    struct config *config = read_text(text);
    const struct zone_config *a = zone_named(&config->views[0], "a"), *b = zone_named(&config->views[0], "b");
    assert_int_equal(a->guard.protected->count, 6);
    assert_int_equal(b->guard.protected->count, 5);
    assert_true(protects(b, "gouv.fr", PROTECT_ALL));
    assert_true(protects(b, "own.test", PROTECT_BELOW));
    assert_true(protects(b, "google.test", PROTECT_EXACT | PROTECT_ABOVE));
    assert_true(protects(b, "example.test", PROTECT_EXACT | PROTECT_ABOVE));
    assert_true(protects(b, "plain.test", PROTECT_EXACT | PROTECT_ABOVE));
    assert_true(protects(a, "extra.test", PROTECT_ALL));
    config_free(config);
    unlink(path);
}

static void protect_without_a_guarded_zone_is_said(void **state)
{
    (void)state;
    config_free(read_text("options { protect { gouv.fr; }; response-policy { zone a; }; };\n"
                          "zone a { type primary; file \"a\"; };"));
    assert_string_equal(problems,
                        "notice 1: 'protect' has no effect in view '_default': none of its policy zones is "
                        "guarded (guard { };)\n");
    config_free(read_text("options { protect { gouv.fr; }; response-policy { zone a; }; };\n"
                          "zone a { type primary; file \"a\"; guard { }; };"));
    assert_string_equal(problems, "");
}

static void a_list_of_protected_names_is_checked(void **state)
{
    (void)state;
    char path[] = "/tmp/candor-protect-XXXXXX", text[256], expected[512];
    static const char zone[] = "zone a { type primary; file \"a\"; };";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "good.test\nbad..test\n", 20), 20);
    close(fd);
    struct config *config = NULL;
    struct config_read_options options = {.file = "test.conf", .problem = collect};
    snprintf(text, sizeof text, "options { protect { file \"%s\"; }; };\n%s", path, zone);
    problems[0] = 0;
    assert_int_equal(config_read_text(&options, text, strlen(text), &config), ERR_INVALID);
    assert_string_equal(problems, "error 2: expected a domain name, found 'bad..test'\n");
    unlink(path);
    problems[0] = 0;
    assert_int_equal(config_read_text(&options, text, strlen(text), &config), ERR_INVALID);
    snprintf(expected, sizeof expected,
             "error 1: expected a file of names that can be read, found '%s': No such file or directory\n",
             path);
    assert_string_equal(problems, expected);
}

static void views_have_their_own_clients_zones_and_policy(void **state)
{
    (void)state;
    struct config *config = read_text(
        "acl children { 192.0.2.0/25; }; acl guests { 192.0.2.128/25; };"
        "options { recursion yes; max-cache-ttl 1d; };"
        "view kids { match-clients { children; }; match-destinations { 127.0.0.1; };"
        "  response-policy { zone strict; zone shared policy nxdomain; } qname-wait-recurse no;"
        "  zone strict { type primary; file \"s\"; }; zone shared { type primary; file \"x\"; }; };"
        "view guests { match-clients { guests; }; recursion no; match-recursive-only yes; max-cache-ttl 60;"
        "  response-policy { zone shared; }; zone shared { in-view kids; }; };"
        "view staff { match-clients { any; }; };");
    const struct view_config *views = config->views;
    assert_int_equal(config->view_count, 3);
    assert_string_equal(views[1].name, "guests");
    assert_true(asks(config, views[0].match_clients, "192.0.2.3"));
    assert_false(asks(config, views[0].match_clients, "192.0.2.200"));
    assert_true(asks(config, views[1].match_clients, "192.0.2.200"));
    assert_true(asks(config, views[0].match_destinations, "127.0.0.1"));
    assert_false(asks(config, views[0].match_destinations, "127.0.0.2"));
    assert_true(asks(config, views[2].match_clients, "203.0.113.1"));
    assert_true(views[1].match_recursive_only && !views[1].recursion && views[2].recursion);
    assert_int_equal(views[0].policy_zone_count, 2);
    assert_int_equal(views[1].policy_zone_count, 1);
    assert_int_equal(views[2].policy_zone_count, 0);
    assert_false(views[0].policy.qname_wait_recurse);
    assert_true(views[1].policy.qname_wait_recurse);
    assert_int_equal(policy_named(&views[0], "shared")->override, RPZ_OVERRIDE_NXDOMAIN);
    assert_int_equal(policy_named(&views[1], "shared")->override, RPZ_OVERRIDE_GIVEN);
    assert_true(zone_named(&views[1], "shared")->is_policy);
    assert_string_equal(zone_named(&views[1], "shared")->file, zone_named(&views[0], "shared")->file);
    assert_int_equal(views[0].resolver.max_cache_ttl_s, 86400);
    assert_int_equal(views[1].resolver.max_cache_ttl_s, 60);
    config_free(config);
}

static void a_policy_of_options_holds_in_views_that_have_its_zone(void **state)
{
    (void)state;
    struct config *config = read_text("options { response-policy { zone r log no; }; };"
                                      "view a { zone r { type primary; file \"r\"; }; }; view b { };");
    assert_int_equal(config->views[0].policy_zone_count, 1);
    assert_false(config->views[0].policy_zones[0].log);
    assert_int_equal(config->views[1].policy_zone_count, 0);
    assert_non_null(strstr(problems, "notice 1: view 'b' has no zone 'r'"));
    config_free(config);
}

/* --- logging, notices -------------------------------------------------------------------------------------
 */

static uint64_t bit_of(const struct log_config *log, const char *name)
{
    for (size_t i = 0; i < log->channel_count; i++)
        if (strcmp(log->channels[i].name, name) == 0)
            return UINT64_C(1) << i;
    fail_msg("no channel %s", name);
    return 0;
}

static void categories_go_to_their_channels(void **state)
{
    (void)state;
    struct config *config = read_text(
        "options { directory \"/tmp\"; }; logging { channel f { file \"l\" versions 3 size 1m; severity "
        "debug 3;"
        " print-time yes; }; channel s { syslog local3; severity warning; print-severity yes; };"
        " category default { s; }; category rpz { f; default_stderr; }; category queries { null; }; };");
    const struct log_config *log = &config->log;
    uint64_t f = bit_of(log, "f"), s = bit_of(log, "s");
    const struct log_channel *file = &log->channels[__builtin_ctzll(f)];
    assert_int_equal(log->routes[LOG_RPZ], f | bit_of(log, "default_stderr"));
    assert_int_equal(log->routes[LOG_RPZ_PASSTHRU], s);
    assert_int_equal(log->routes[LOG_GENERAL], s);
    assert_int_equal(log->routes[LOG_QUERIES], bit_of(log, "null"));
    assert_string_equal(file->path, "/tmp/l");
    assert_int_equal(file->versions, 3);
    assert_int_equal(file->max_bytes, 1 << 20);
    assert_int_equal(file->level, LEVEL_DEBUG);
    assert_true(file->print_time && !file->print_category);
    assert_int_equal(log->channels[__builtin_ctzll(s)].level, LEVEL_WARN);
    assert_true(config->server.querylog); /* the category has channels of its own */
    config_free(config);
}

static void add_word(void *context, const char *word)
{
    strcat(strcat(context, word), " ");
}

static void what_takes_a_restart_is_named(void **state)
{
    (void)state;
    char words[512] = "";
    struct config *a = read_text("options { listen-on port 5300 { 127.0.0.1; 127.0.0.2; }; workers 2; };");
    struct config *b = read_text("options { listen-on port 5300 { 127.0.0.2; 127.0.0.1; }; workers 2;"
                                 " querylog yes; max-udp-size 512; };");
    struct config *c = read_text("options { listen-on port 5301 { 127.0.0.1; 127.0.0.2; }; workers 3;"
                                 " cookie-secret \"00112233445566778899aabbccddeeff\"; pid-file \"/p\"; };");
    config_restart_words(a, b, add_word, words);
    assert_string_equal(words, "");
    config_restart_words(a, c, add_word, words);
    assert_string_equal(words, "listen-on workers pid-file cookie-secret ");
    config_free(a);
    config_free(b);
    config_free(c);
}

static void words_without_effect_are_said_once(void **state)
{
    (void)state;
    struct config *config = read_text("options { zone-statistics yes; };\n"
                                      "zone a { type primary; file \"a\"; zone-statistics yes; };\n"
                                      "server 10.0.0.1 { edns no; }; server 10.0.0.2 { edns no; };");
    assert_string_equal(
        problems,
        "notice 1: 'zone-statistics' has no effect: candorctl and the control socket take its "
        "place\n"
        "notice 3: 'edns' has no effect: the recursor (libunbound) asks all servers in the same way\n");
    config_free(config);
}

static void values_out_of_bounds_are_held_and_said(void **state)
{
    (void)state;
    struct config *config = read_text("options { servfail-ttl 60; max-udp-size 9000; };");
    assert_int_equal(config->views[0].resolver.servfail_ttl_ms, 30000);
    assert_int_equal(config->server.udp_answer_max, 4096);
    assert_non_null(strstr(problems, "notice 1: 'servfail-ttl' 60 is too large; 30 is used"));
    config_free(config);
}

/* --- files ------------------------------------------------------------------------------------------------
 */

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void remove_files(const char *folder, const char *const *names)
{
    char path[256];
    for (; *names; names++) {
        snprintf(path, sizeof path, "%s/%s", folder, *names);
        unlink(path);
    }
    rmdir(folder);
}

static void includes_are_read_from_beside_the_file_and_by_pattern(void **state)
{
    (void)state;
    static const char *const names[] = {"main.conf", "a.inc", "b.inc", "deep.conf", NULL};
    char folder[] = "/tmp/candor-include-XXXXXX", path[256];
    assert_non_null(mkdtemp(folder));
    write_file(folder, "main.conf", "include \"*.inc\";\n");
    write_file(folder, "a.inc", "zone a { type primary; file \"/a\"; };\n");
    write_file(folder, "b.inc", "\n\nzone b { type primary; file \"/b\"; };\ninclude \"deep.conf\";\n");
    write_file(folder, "deep.conf", "options { port 5300; };\n");
    snprintf(path, sizeof path, "%s/main.conf", folder);
    struct config *config = NULL;
    struct config_read_options options = {.file = path, .problem = collect};
    problems[0] = '\0';
    assert_int_equal(config_read(&options, &config), 0);
    assert_int_equal(config->views[0].zone_count, 2);
    assert_int_equal(zone_named(&config->views[0], "b")->config_line, 3);
    assert_true(listens(config, "0.0.0.0", 5300));
    config_free(config);
    remove_files(folder, names);
}

static void a_file_that_includes_itself_ends_with_an_error(void **state)
{
    (void)state;
    static const char *const names[] = {"main.conf", NULL};
    char folder[] = "/tmp/candor-include-XXXXXX", path[256];
    assert_non_null(mkdtemp(folder));
    write_file(folder, "main.conf", "include \"main.conf\";\n");
    snprintf(path, sizeof path, "%s/main.conf", folder);
    struct config *config = NULL;
    struct config_read_options options = {.file = path, .problem = collect};
    problems[0] = '\0';
    assert_int_equal(config_read(&options, &config), ERR_INVALID);
    assert_non_null(strstr(problems, "too many included files"));
    remove_files(folder, names);
}

static void deep_nesting_is_an_error_not_a_crash(void **state)
{
    (void)state;
    enum { DEEP = 200000 };
    char *text = malloc(DEEP);
    struct config *config = NULL;
    struct config_read_options options = {.file = "deep", .problem = collect};
    assert_non_null(text);
    memset(text, '{', DEEP);
    problems[0] = '\0';
    assert_int_equal(config_read_text(&options, text, DEEP, &config), ERR_INVALID);
    assert_non_null(strstr(problems, "more than 32 blocks within each other"));
    free(text);
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_read_options options = {.file = "/nonexistent.conf", .problem = collect};
    problems[0] = '\0';
    assert_int_equal(config_read(&options, &config), ERR_INVALID);
    assert_string_equal(problems, "error 0: cannot read /nonexistent.conf: No such file or directory\n");
}

static void debians_own_files_are_accepted(void **state)
{
    (void)state;
    struct config *config = NULL;
    struct config_read_options options = {.file = "/etc/bind/named.conf", .problem = collect};
    if (access(options.file, R_OK) != 0)
        skip();
    problems[0] = '\0';
    assert_int_equal(config_read(&options, &config), 0);
    assert_int_equal(config->views[0].zone_count, 5);
    assert_string_equal(config->views[0].resolver.hints_file, "/usr/share/dns/root.hints");
    assert_string_equal(problems, "");
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_file_gives_binds_defaults),
        cmocka_unit_test(binds_printed_defaults_are_ours),
        cmocka_unit_test(the_command_line_wins),
        cmocka_unit_test(listen_on_chooses_addresses),
        cmocka_unit_test(words_reach_their_fields),
        cmocka_unit_test(the_three_query_lists_stand_in_for_each_other),
        cmocka_unit_test(lists_of_our_own_addresses_stand_in_for_each_other),
        cmocka_unit_test(acls_are_named_nested_and_negated),
        cmocka_unit_test(zones_inherit_from_view_and_options),
        cmocka_unit_test(forwarding_reaches_the_resolver),
        cmocka_unit_test(trust_anchors_become_records),
        cmocka_unit_test(exceptions_reach_the_resolver),
        cmocka_unit_test(primaries_are_lists_of_lists),
        cmocka_unit_test(policy_has_binds_defaults),
        cmocka_unit_test(an_override_says_what_a_rule_s_cname_would),
        cmocka_unit_test(a_policy_zone_wins_over_the_globals),
        cmocka_unit_test(zones_of_others_are_guarded_by_default),
        cmocka_unit_test(a_zones_guard_wins_as_a_whole),
        cmocka_unit_test(protected_names_of_options_and_zone_hold_together),
        cmocka_unit_test(protect_without_a_guarded_zone_is_said),
        cmocka_unit_test(a_list_of_protected_names_is_checked),
        cmocka_unit_test(views_have_their_own_clients_zones_and_policy),
        cmocka_unit_test(a_policy_of_options_holds_in_views_that_have_its_zone),
        cmocka_unit_test(categories_go_to_their_channels),
        cmocka_unit_test(what_takes_a_restart_is_named),
        cmocka_unit_test(words_without_effect_are_said_once),
        cmocka_unit_test(values_out_of_bounds_are_held_and_said),
        cmocka_unit_test(includes_are_read_from_beside_the_file_and_by_pattern),
        cmocka_unit_test(a_file_that_includes_itself_ends_with_an_error),
        cmocka_unit_test(deep_nesting_is_an_error_not_a_crash),
        cmocka_unit_test(a_missing_file_is_named),
        cmocka_unit_test(debians_own_files_are_accepted),
    };
    return RUN_TESTS(tests);
}
