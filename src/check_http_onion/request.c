// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/request.h"

#include "check_http_onion/address.h"
#include "check_http_onion/tls.h"

#include <string.h>
#include <strings.h>

/* Adds one line; NULL (no memory) is remembered by the count going past the end. */
static void add(struct http_request *r, const char *line)
{
    if (!line || r->line_count >= REQUEST_LINES_MAX)
        r->line_count = REQUEST_LINES_MAX + 1;
    else
        r->lines[r->line_count++] = line;
}

static const char *basic(struct arena *arena, const char *field, const char *pair)
{
    char *cut = arena_printf(arena, "%.*s", EXPECT_MAX - 1, pair);
    char *code = cut ? arena_alloc(arena, TLS_BASE64_SIZE(EXPECT_MAX)) : NULL;
    return code ? arena_printf(arena, "%s: Basic %s", field, tls_base64(cut, strlen(cut), code)) : NULL;
}

static bool is_host_line(const char *line)
{
    return !strncasecmp(line, "Host:", 5);
}

static const char *host_line(struct arena *arena, const struct options *o, const struct target *t)
{
    for (size_t i = 0; i < o->header_count; i++)
        if (is_host_line(o->headers[i]))
            return o->headers[i];
    if (t->host_port == (t->tls ? 443 : 80) || request_is_tunnel(o, t))
        return arena_printf(arena, "Host: %s", t->host_name);
    return arena_printf(arena, "Host: %s:%d", t->host_name, t->host_port);
}

static void compose_lines(struct arena *arena, const struct options *o, const struct target *t,
                          struct http_request *r)
{
    add(r, arena_printf(arena, "User-Agent: %s", o->user_agent));
    add(r, "Connection: close");
    if (t->host_name)
        add(r, host_line(arena, o, t));
    for (size_t i = 0; i < o->header_count; i++)
        if (!is_host_line(o->headers[i]) || !t->host_name)
            add(r, o->headers[i]);
    if (o->authorization && *o->authorization)
        add(r, basic(arena, "Authorization", o->authorization));
    if (o->proxy_authorization && *o->proxy_authorization && !r->tunnel_host)
        add(r, basic(arena, "Proxy-Authorization", o->proxy_authorization));
    if (!o->post_data)
        return;
    add(r, arena_printf(arena, "Content-Type: %s",
                        o->content_type ? o->content_type : "application/x-www-form-urlencoded"));
}

/* Takes the brackets off an IPv6 address. */
static const char *bare_host(struct arena *arena, const char *host)
{
    size_t length = strlen(host);
    if (length < 2 || host[0] != '[' || host[length - 1] != ']')
        return host;
    return arena_printf(arena, "%.*s", (int)length - 2, host + 1);
}

bool request_is_tunnel(const struct options *o, const struct target *t)
{
    return t->tls && t->host_name && !strncmp(o->method, "CONNECT", 7) &&
           (!o->method[7] || o->method[7] == ':');
}

int request_compose(struct arena *arena, const struct options *o, const struct target *t,
                    struct http_request *r)
{
    bool tunnel = request_is_tunnel(o, t);
    *r = (struct http_request){
        .method = tunnel ? o->method[7] && o->method[8] ? o->method + 8 : "GET" : o->method,
        .path = t->path,
        .http10 = !t->host_name,
        .body = o->post_data,
        .host = bare_host(arena, target_peer(t)),
        .port = t->port,
        .ipv4_only = o->ipv4_only,
        .ipv6_only = o->ipv6_only,
        .tunnel_host = tunnel ? t->host_name : NULL,
        .proxy_authorization = tunnel ? o->proxy_authorization : NULL,
        .tls = t->tls,
        .sni = o->sni ? t->host_name : NULL,
        .tls_min = o->tls_min,
        .tls_max = o->tls_max,
        .client_cert = o->client_cert,
        .client_key = o->client_key,
        .connect_only = t->tls && o->check_certificate && !o->continue_after_certificate,
        .ignore_body = o->ignore_body,
    };
    r->no_body = !strcmp(r->method, "HEAD");
    if (tunnel && o->socks_given)
        r->tunnel_socks = o->socks.path
                              ? arena_printf(arena, "socks5h://localhost%s", o->socks.path)
                              : arena_printf(arena, "socks5h://%s:%u", o->socks.host, o->socks.port);
    compose_lines(arena, o, t, r);
    return r->host && (!tunnel || !o->socks_given || r->tunnel_socks) && r->line_count <= REQUEST_LINES_MAX
               ? 0
               : ERR_NOMEM;
}

char *request_text(struct arena *arena, const struct http_request *r)
{
    char *text = arena_printf(arena, "%s %s HTTP/1.%d\r\n", r->method, r->path, !r->http10);
    for (size_t i = 0; text && i < r->line_count; i++)
        text = arena_printf(arena, "%s%s\r\n", text, r->lines[i]);
    if (!text || !r->body)
        return text ? arena_printf(arena, "%s\r\n", text) : NULL;
    return arena_printf(arena, "%sContent-Length: %zu\r\n\r\n%s", text, strlen(r->body), r->body);
}
