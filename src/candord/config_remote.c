/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is named once and referred to: keys, lists of servers; and the servers of a zone. */
#include <string.h>
#include <strings.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"
#include "dns/name.h"

/* --- keys --- */

static const char *const algorithms[] = {"hmac-md5",    "hmac-sha1",   "hmac-sha224",
                                         "hmac-sha256", "hmac-sha384", "hmac-sha512"};

/* "hmac-sha256-128" allows truncated signatures; ours are whole, which every peer takes. */
static bool is_truncation(const char *behind, uint16_t *mac_bytes)
{
    uint32_t bits;
    if (*behind != '-' || conf_number(behind + 1, &bits) != 0 || bits < 80 || bits > 512 || bits % 8)
        return false;
    *mac_bytes = (uint16_t)(bits / 8);
    return true;
}

static const char *find_algorithm(const char *text, uint16_t *mac_bytes)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof *algorithms; i++) {
        size_t length = strlen(algorithms[i]);
        if (strncasecmp(text, algorithms[i], length) == 0 &&
            (!text[length] || is_truncation(text + length, mac_bytes)))
            return algorithms[i];
    }
    return strcasecmp(text, "hmac-md5.sig-alg.reg.int") == 0 ? algorithms[0] : NULL;
}

static void build_secret(struct builder *b, const struct conf_item *secret, struct tsig_key *key)
{
    uint8_t *bytes = build_alloc(b, strlen(secret->text) + 1);
    if (bytes && conf_base64(secret->text, bytes, &key->secret_length) == 0)
        key->secret = bytes;
}

static bool build_key(struct builder *b, const struct conf_statement *statement, struct tsig_key *key)
{
    const struct conf_item *name = statement->items->next, *block = conf_block(statement);
    if (!name || !block || name_from_text(name->text, NULL, key->name) < 0)
        return false;
    name_to_lower(key->name);
    if (find_key(b, name->text)) {
        conf_error(b->report, name->at, "key '%s' a second time", name->text);
        return false;
    }
    struct scope scope = {{block->block}};
    const struct conf_item *algorithm = scope_value(&scope, "algorithm"),
                           *secret = scope_value(&scope, "secret");
    if (!algorithm || !secret)
        conf_error(b->report, name->at, "expected 'algorithm' and 'secret' in key '%s'", name->text);
    if (algorithm && !(key->algorithm = find_algorithm(algorithm->text, &key->mac_bytes)))
        conf_error(b->report, algorithm->at,
                   "expected hmac-md5, hmac-sha1, -sha224, -sha256, -sha384 or -sha512 after 'algorithm', "
                   "found '%s'",
                   algorithm->text);
    if (secret)
        build_secret(b, secret, key);
    return true;
}

static void add_keys(struct builder *b, const struct conf_statement *list, struct tsig_key *keys, size_t room)
{
    for (const struct conf_statement *s = conf_find(list, "key"); s; s = conf_find_next(s, "key"))
        if (b->config->key_count < room && build_key(b, s, &keys[b->config->key_count]))
            b->config->key_count++;
}

static size_t count_words(const struct conf_statement *list, const char *word)
{
    size_t count = 0;
    for (const struct conf_statement *s = conf_find(list, word); s; s = conf_find_next(s, word))
        count++;
    return count;
}

void build_keys(struct builder *b)
{
    size_t room = count_words(b->top, "key");
    const struct conf_statement *view = conf_find(b->top, "view");
    for (const struct conf_statement *s = view; s; s = conf_find_next(s, "view"))
        room += conf_block(s) ? count_words(conf_block(s)->block, "key") : 0;
    struct tsig_key *keys = build_alloc(b, room * sizeof *keys);
    if (!keys)
        return;
    b->config->keys = keys;
    add_keys(b, b->top, keys, room);
    for (const struct conf_statement *s = view; s; s = conf_find_next(s, "view"))
        if (conf_block(s))
            add_keys(b, conf_block(s)->block, keys, room);
}

const struct tsig_key *find_key(const struct builder *b, const char *name_text)
{
    uint8_t name[NAME_MAX_BYTES];
    if (name_from_text(name_text, NULL, name) < 0)
        return NULL;
    for (size_t i = 0; i < b->config->key_count; i++)
        if (name_equal(b->config->keys[i].name, name))
            return &b->config->keys[i];
    return NULL;
}

/* --- lists of servers --- */

struct named_servers {
    const char *name;
    const struct conf_statement *statement;
    bool in_use; /* to find lists that contain themselves */
    struct named_servers *next;
};

static struct named_servers *find_servers(const struct builder *b, const char *name)
{
    struct named_servers *named = b->servers;
    while (named && strcasecmp(named->name, name) != 0)
        named = named->next;
    return named;
}

static void define_servers(struct builder *b, const struct conf_statement *statement)
{
    const struct conf_item *name = statement->items->next;
    if (!name || name->kind == CONF_BLOCK)
        return;
    if (find_servers(b, name->text)) {
        conf_error(b->report, name->at, "list of servers '%s' a second time", name->text);
        return;
    }
    struct named_servers *named = build_alloc(b, sizeof *named);
    if (named) {
        *named = (struct named_servers){name->text, statement, false, b->servers};
        b->servers = named;
    }
}

void build_named_servers(struct builder *b)
{
    static const char *const words[] = {"primaries", "masters", "parental-agents"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        for (const struct conf_statement *s = conf_find(b->top, words[i]); s; s = conf_find_next(s, words[i]))
            define_servers(b, s);
}

enum { MAX_SERVERS = 1024, MAX_VISITS = 100000 };

static uint16_t option_port(const struct conf_statement *statement, uint16_t otherwise)
{
    uint16_t port;
    const struct conf_item *value = conf_option(statement, "port");
    return value && conf_port(value->text, &port) == 0 ? port : otherwise;
}

static void add_servers(struct builder *b, const struct conf_statement *statement, uint16_t port,
                        struct remote_server *servers, size_t *count);

static void add_named(struct builder *b, const struct conf_item *name, uint16_t port,
                      struct remote_server *servers, size_t *count)
{
    struct named_servers *named = find_servers(b, name->text);
    if (!named) {
        conf_error(b->report, name->at, "undefined list of servers '%s'; expected an address or such a list",
                   name->text);
    } else if (named->in_use) {
        conf_error(b->report, name->at, "the list of servers '%s' contains itself", name->text);
    } else if (b->server_visits++ < MAX_VISITS) {
        named->in_use = true;
        add_servers(b, named->statement, port, servers, count);
        named->in_use = false;
    }
}

enum { DOMAIN_PORT = 53, TLS_PORT = 853 };

/* With TLS another port is meant where none is given (RFC 9103 section 7.1). */
static void take_tls(struct builder *b, const struct conf_item *tls, const struct conf_item *port,
                     struct remote_server *server)
{
    if (!tls || conf_is(tls, "none"))
        return;
    if (!conf_is(tls, "ephemeral") && !config_tls(b->config, tls->text))
        conf_error(b->report, tls->at, "undefined tls '%s'", tls->text);
    server->tls = tls->text;
    if (!port && server->endpoint.port == DOMAIN_PORT)
        server->endpoint.port = TLS_PORT;
}

static void add_server(struct builder *b, const struct conf_statement *s, uint16_t port,
                       struct remote_server *servers, size_t *count)
{
    struct remote_server server = {.endpoint.port = option_port(s, port)};
    const struct conf_item *key = conf_option(s, "key"), *tls = conf_option(s, "tls");
    if (key && !(server.key = find_key(b, key->text)))
        conf_error(b->report, key->at, "undefined key '%s'", key->text);
    take_tls(b, tls, conf_option(s, "port"), &server);
    if (s->items->kind == CONF_BLOCK || s->items->kind == CONF_BANG)
        return;
    if (ip_from_text(s->items->text, &server.endpoint.address) != 0) {
        size_t from = *count;
        add_named(b, s->items, port, servers, count);
        for (size_t i = from; i < *count; i++) { /* a key here stands for those without one */
            servers[i].key = servers[i].key ?: server.key;
            servers[i].tls = servers[i].tls ?: server.tls;
        }
    } else if (*count < MAX_SERVERS) {
        servers[(*count)++] = server;
    } else {
        conf_error(b->report, s->items->at, "more than %d servers in one list", MAX_SERVERS);
    }
}

static void add_servers(struct builder *b, const struct conf_statement *statement, uint16_t port,
                        struct remote_server *servers, size_t *count)
{
    const struct conf_item *block = conf_block(statement);
    port = option_port(statement, port);
    for (const struct conf_statement *s = block ? block->block : NULL; s; s = s->next)
        add_server(b, s, port, servers, count);
}

void build_servers(struct builder *b, const struct conf_statement *statement, uint16_t port,
                   struct remote_servers *out)
{
    struct remote_server found[MAX_SERVERS];
    size_t count = 0;
    *out = (struct remote_servers){0};
    if (!statement)
        return;
    add_servers(b, statement, port, found, &count);
    struct remote_server *servers = build_alloc(b, count * sizeof *servers);
    if (servers) {
        if (count)
            memcpy(servers, found, count * sizeof *servers);
        *out = (struct remote_servers){count, servers};
    }
}

void build_endpoints(struct builder *b, const struct conf_statement *statement, uint16_t port,
                     const struct endpoint **out, size_t *count)
{
    const struct conf_item *block = statement ? conf_block(statement) : NULL;
    const struct conf_statement *list = block ? block->block : NULL;
    struct endpoint *endpoints = build_alloc(b, conf_count(list) * sizeof *endpoints);
    *count = 0;
    *out = endpoints;
    if (!endpoints)
        return;
    port = statement ? option_port(statement, port) : port;
    for (const struct conf_statement *s = list; s; s = s->next) {
        struct endpoint *endpoint = &endpoints[*count];
        endpoint->port = option_port(s, port);
        if (s->items->kind == CONF_WORD && ip_from_text(s->items->text, &endpoint->address) == 0)
            ++*count;
    }
}
