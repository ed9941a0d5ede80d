/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What concerns the process as a whole: options { } -> struct server_config. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"
#include "version.h"

enum { MAX_LISTEN = 1024 };

/* --- listen-on --- */

struct listeners {
    struct listen_address list[MAX_LISTEN];
    size_t count;
};

/* Of two statements for one place the first counts. */
static void add_listener(struct listeners *all, const struct ip_address *address,
                         const struct listen_address *how)
{
    for (size_t i = 0; i < all->count; i++)
        if (all->list[i].port == how->port && ip_equal(&all->list[i].address, address))
            return;
    if (all->count < MAX_LISTEN)
        all->list[all->count++] = (struct listen_address){*address, how->port, how->tls};
}

static bool is_wildcard(const struct acl *acl)
{
    return acl->count > 0 && acl->elements[0].kind == ACL_ANY && !acl->elements[0].negated;
}

/* Single addresses are listened on whether an interface has them or not (all of 127/8 can be bound); other
 * elements choose among the addresses of this machine, as in BIND. */
static void add_matching(struct builder *b, struct listeners *all, const struct acl *acl,
                         enum ip_family family, const struct listen_address *how)
{
    const struct acl_environment *environment = &b->config->environment;
    for (size_t i = 0; i < acl->count; i++) {
        const struct acl_element *e = &acl->elements[i];
        struct acl_subject subject = {.address = e->prefix.address};
        if (e->kind == ACL_PREFIX && !e->negated && e->prefix.address.family == family &&
            e->prefix.length == ip_bits(family) && acl_allows(acl, &subject, environment))
            add_listener(all, &e->prefix.address, how);
    }
    for (size_t i = 0; i < environment->address_count; i++) {
        struct acl_subject subject = {.address = environment->addresses[i]};
        if (subject.address.family == family && acl_allows(acl, &subject, environment))
            add_listener(all, &subject.address, how);
    }
}

/* The tls block that a listener shows, with what it needs for that. That it exists is looked at elsewhere. */
static const char *tls_of(struct builder *b, const struct conf_statement *s)
{
    const struct conf_item *name = conf_option(s, "tls");
    if (!name || conf_is(name, "none"))
        return NULL;
    const struct tls_config *tls = config_tls(b->config, name->text);
    if (tls && !tls->cert_file)
        conf_error(b->report, name->at, "expected 'cert-file' and 'key-file' in tls '%s', which '%s' names",
                   name->text, conf_word(s));
    return name->text;
}

/* -p and --port do not mean it. */
static uint16_t tls_port(const struct builder *b)
{
    const struct scope scope = {{b->options}};
    const struct conf_item *given = scope_value(&scope, "tls-port");
    uint16_t port;
    return given && conf_port(given->text, &port) == 0 ? port : 853;
}

static void listen_on(struct builder *b, struct listeners *all, const struct conf_statement *s,
                      enum ip_family family, uint16_t port)
{
    const struct conf_item *given = conf_option(s, "port");
    struct listen_address how = {.tls = tls_of(b, s)};
    if (conf_option(s, "http")) {
        conf_notice(b->report, s->items->at,
                    "'%s' with http has no effect: DNS over HTTPS is not served by this version",
                    conf_word(s));
        return;
    }
    how.port = how.tls ? tls_port(b) : port;
    if (given && (how.tls || !b->read->port) && conf_port(given->text, &how.port) != 0)
        return;
    const struct acl *acl = build_acl(b, conf_block(s));
    struct ip_address any = {.family = family};
    if (is_wildcard(acl))
        add_listener(all, &any, &how);
    else
        add_matching(b, all, acl, family, &how);
}

static void listen_family(struct builder *b, struct listeners *all, const char *word, enum ip_family family,
                          uint16_t port)
{
    const struct conf_statement *first = conf_find(b->options, word);
    struct ip_address any = {.family = family};
    if (!first)
        add_listener(all, &any, &(struct listen_address){.port = port});
    for (const struct conf_statement *s = first; s; s = conf_find_next(s, word))
        listen_on(b, all, s, family, port);
}

static void build_listen(struct builder *b, const struct scope *scope)
{
    struct listeners *all = calloc(1, sizeof *all);
    uint16_t port = 53;
    const struct conf_item *given = scope_value(scope, "port");
    if (b->read->port)
        port = b->read->port;
    else if (given && conf_port(given->text, &port) != 0)
        port = 53;
    if (!all) {
        b->report->out_of_memory = true;
        return;
    }
    listen_family(b, all, "listen-on", IP_V4, port);
    listen_family(b, all, "listen-on-v6", IP_V6, port);
    struct listen_address *list = build_alloc(b, all->count * sizeof *list);
    if (list && all->count)
        memcpy(list, all->list, all->count * sizeof *list);
    b->config->server.listen = list;
    b->config->server.listen_count = list ? all->count : 0;
    free(all);
    if (!b->config->server.listen_count && !b->report->errors)
        conf_error(b->report, b->at, "no address to listen on; expected one in listen-on or listen-on-v6");
}

/* --- the rest --- */

static void build_directory(struct builder *b, const struct scope *scope)
{
    const struct conf_item *item = scope_value(scope, "directory");
    char path[PATH_MAX];
    struct stat status;
    const char *folder = realpath(item ? item->text : ".", path);
    if (!folder || stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        conf_error(b->report, item ? item->at : b->at, "cannot use directory %s: %s", item ? item->text : ".",
                   strerror(folder ? ENOTDIR : errno));
        folder = ".";
    }
    b->config->server.directory = arena_strdup(b->arena, folder);
    if (!b->config->server.directory) {
        b->report->out_of_memory = true;
        b->config->server.directory = ".";
    }
}

static const char *own_hostname(struct builder *b)
{
    char name[HOST_NAME_MAX + 1];
    if (gethostname(name, sizeof name) != 0)
        return NULL;
    name[sizeof name - 1] = '\0';
    return arena_strdup(b->arena, name);
}

/* version, hostname, server-id: "text", none, or the word hostname. */
static const char *build_identity(struct builder *b, const struct scope *scope, const char *word,
                                  const char *otherwise)
{
    const struct conf_item *item = scope_value(scope, word);
    if (!item)
        return otherwise;
    if (conf_is(item, "none"))
        return NULL;
    return conf_is(item, "hostname") ? own_hostname(b) : item->text;
}

static uint64_t memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_C(1) << 30;
}

/* A share of the machine's memory or a size in bytes. */
static uint64_t build_size(struct builder *b, const struct conf_item *item, uint64_t otherwise)
{
    unsigned percent;
    uint64_t bytes;
    if (!item || strcasecmp(item->text, "default") == 0)
        return otherwise;
    if (conf_percent(item->text, &percent) == 0) {
        if (percent > 100)
            conf_notice(b->report, item->at, "'%s' of the memory is too much; 100%% is used", item->text);
        return memory_bytes() / 100 * (percent > 100 ? 100 : percent);
    }
    if (conf_size(item->text, &bytes) != 0 || bytes == 0) /* unlimited, which 0 means as well */
        return memory_bytes() / 100 * 90;
    return bytes;
}

enum {
    MIN_CACHE_BYTES = 2 << 20, /* BIND's own smallest */
    DEFAULT_CACHE_PERCENT = 25,
    DEFAULT_WRITE_QUEUE_BYTES = 1 << 20, /* eight of the longest answers */
};

/* Our answer cache and libunbound's share what max-cache-size gives, three to one. */
static void build_cache(struct builder *b, const struct scope *scope)
{
    uint64_t all =
        build_size(b, scope_value(scope, "max-cache-size"), memory_bytes() / 100 * DEFAULT_CACHE_PERCENT);
    uint64_t recursor = build_size(b, scope_value(scope, "resolver-cache-size"), all / 4);
    if (all < MIN_CACHE_BYTES)
        all = MIN_CACHE_BYTES;
    if (recursor > all / 2)
        recursor = all / 2;
    b->config->server.max_cache_bytes = (size_t)(all - recursor);
    b->resolver_cache_bytes = (size_t)recursor;
}

static void build_cookie(struct builder *b, const struct scope *scope)
{
    const struct conf_item *secret = scope_value(scope, "cookie-secret");
    struct server_config *server = &b->config->server;
    uint8_t *bytes = secret ? build_alloc(b, 16) : NULL;
    size_t length = 0;
    server->answer_cookie = scope_bool(scope, "answer-cookie", true);
    server->require_server_cookie = scope_bool(scope, "require-server-cookie", false);
    if (bytes && (conf_hex(secret->text, bytes, 16, &length) != 0 || length != 16))
        conf_error(b->report, secret->at, "expected 32 hexadecimal digits after 'cookie-secret'");
    else
        server->cookie_secret = bytes;
}

static void build_limits(struct builder *b, const struct scope *scope)
{
    struct server_config *server = &b->config->server;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    server->workers = scope_number(scope, "workers", cores > 0 && cores <= 256 ? (unsigned)cores : 1);
    server->resolver_threads = scope_number(scope, "resolver-threads", 1);
    server->recursive_clients = scope_number(scope, "recursive-clients", 1000) ?: 1000;
    server->update_quota = scope_number(scope, "update-quota", 100) ?: 1;
    server->tcp_clients = scope_number(scope, "tcp-clients", 150);
    /* BIND counts in tenths of a second. */
    server->tcp_message_ms = 100 * scope_number_within(b, scope, "tcp-initial-timeout", 300, 25, 1200);
    server->tcp_idle_ms = 100 * scope_number_within(b, scope, "tcp-idle-timeout", 300, 1, 1200);
    server->tcp_clients_per_address = scope_number(scope, "tcp-clients-per-address", 0);
    server->tcp_pipeline = scope_number(scope, "tcp-pipeline", 100);
    server->tcp_lifetime_ms = 1000 * scope_seconds_within(b, scope, "tcp-lifetime", 0, 0, 1000000);
    server->tcp_write_queue_bytes =
        (size_t)build_size(b, scope_value(scope, "tcp-write-queue"), DEFAULT_WRITE_QUEUE_BYTES);
    server->udp_answer_max = (uint16_t)scope_number_within(b, scope, "max-udp-size", 1232, 512, 4096);
    server->edns_udp_size = (uint16_t)scope_number_within(b, scope, "edns-udp-size", 1232, 512, 4096);
}

/* Without the word questions are logged when the category has channels of its own, as in BIND. */
static bool build_querylog(struct builder *b, const struct scope *scope)
{
    const struct conf_statement *logging = conf_find(b->top, "logging");
    const struct conf_item *block = logging ? conf_block(logging) : NULL;
    bool own = false;
    for (const struct conf_statement *s = conf_find(block ? block->block : NULL, "category"); s && !own;
         s = conf_find_next(s, "category"))
        own = s->items->next && strcasecmp(s->items->next->text, "queries") == 0;
    return scope_bool(scope, "querylog", own);
}

static const char *build_file_word(struct builder *b, const struct scope *scope, const char *word)
{
    const struct conf_item *item = scope_value(scope, word);
    return item && !conf_is(item, "none") ? build_path(b, item->text) : NULL;
}

void build_server(struct builder *b)
{
    struct scope scope = {{b->options}};
    struct server_config *server = &b->config->server;
    build_directory(b, &scope);
    build_listen(b, &scope);
    build_limits(b, &scope);
    build_cache(b, &scope);
    build_cookie(b, &scope);
    build_transfers_in(b, &scope);
    build_transfers_out(b, &scope);
    build_session_key(b, &scope);
    server->blackhole = scope_acl(b, &scope, "blackhole", &acl_none);
    server->control_socket = b->read->control ?: build_file_word(b, &scope, "control-socket");
    server->control_socket_given = server->control_socket != NULL;
    if (!server->control_socket)
        server->control_socket = "/run/candor/control.sock";
    server->pid_file = build_file_word(b, &scope, "pid-file");
    server->querylog = build_querylog(b, &scope);
    server->version = build_identity(b, &scope, "version", "candor " CANDOR_VERSION);
    server->hostname = build_identity(b, &scope, "hostname", own_hostname(b));
    server->server_id = build_identity(b, &scope, "server-id", NULL);
    server->nsid = server->server_id != NULL;
}
