// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/target.h"

#include "check_http_onion/address.h"
#include "check_http_onion/headers.h"
#include "check_http_onion/url.h"

#include <string.h>

struct target target_of_options(const struct options *o)
{
    return (struct target){.address = o->address,
                           .host_name = o->host_name,
                           .port = o->port,
                           .host_port = o->host_port ? o->host_port : o->port,
                           .tls = o->tls,
                           .path = o->path};
}

const char *target_peer(const struct target *target)
{
    return target->host_name && onion_is(target->host_name) ? target->host_name : target->address;
}

bool target_is_onion(const struct target *target)
{
    return onion_is(target_peer(target));
}

char *target_url(struct arena *arena, const struct target *target)
{
    return arena_printf(arena, "%s://%s:%d%s", target->tls ? "https" : "http",
                        target->host_name ? target->host_name : target->address, target->port, target->path);
}

enum redirect_verdict redirect_place(struct arena *arena, const struct target *now, const char *headers,
                                     struct target *next)
{
    const char *place = header_value(arena, headers, "Location");
    if (!place)
        return REDIRECT_NO_PLACE;
    if (!*place)
        return REDIRECT_EMPTY;
    struct target base = *now;
    struct url url;
    if (*base.path != '/')
        base.path = "/";
    int error = url_resolve(arena, target_url(arena, &base), place, &url);
    if (error)
        return error == ERR_LIMIT ? REDIRECT_BAD_PORT : REDIRECT_UNREADABLE;
    *next = (struct target){.address = url.host,
                            .host_name = url.host,
                            .port = url.port,
                            .host_port = url.port,
                            .tls = url.tls,
                            .path = url.path};
    return REDIRECT_GO;
}

enum redirect_verdict redirect_judge(const struct options *o, const struct target *now, int depth,
                                     struct target *next)
{
    if (depth > o->redirects_max)
        return REDIRECT_TOO_MANY;
    if (now->port == next->port && !strcmp(now->address, next->address) && now->host_name &&
        !strcmp(now->host_name, next->host_name) && !strcmp(now->path, next->path))
        return REDIRECT_LOOP;
    if (next->port < 1 || next->port > 65535)
        return REDIRECT_BAD_PORT;
    if (o->sticky_host)
        next->address = now->address;
    if (o->sticky_port)
        next->port = next->host_port = now->port;
    return REDIRECT_GO;
}
