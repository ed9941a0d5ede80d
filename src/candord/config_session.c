/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The session key of `update-policy local`: what it is called, how it signs, where it is left. */
#include <strings.h>

#include "candord/config_build.h"
#include "dns/name.h"

static const struct {
    const char *algorithm;
    uint16_t bytes; /* as many as the hash has, as in BIND */
} kinds[] = {
    {"hmac-sha256", 32}, /* the default */
    {"hmac-md5", 16},    {"hmac-sha1", 20}, {"hmac-sha224", 28}, {"hmac-sha384", 48}, {"hmac-sha512", 64},
};

static void build_algorithm(struct builder *b, const struct conf_item *item, struct session_key_config *key)
{
    key->algorithm = kinds[0].algorithm;
    key->secret_bytes = kinds[0].bytes;
    for (size_t i = 0; item && i < sizeof kinds / sizeof *kinds; i++)
        if (strcasecmp(item->text, kinds[i].algorithm) == 0) {
            key->algorithm = kinds[i].algorithm;
            key->secret_bytes = kinds[i].bytes;
            return;
        }
    if (item)
        conf_error(b->report, item->at,
                   "expected hmac-md5, hmac-sha1, -sha224, -sha256, -sha384 or -sha512 after "
                   "'session-keyalg', found '%s'",
                   item->text);
}

static void build_key_name(struct builder *b, const struct conf_item *item, struct session_key_config *key)
{
    const char *text = item ? item->text : "local-ddns";
    uint8_t name[NAME_MAX_BYTES];
    if (name_from_text(text, NULL, name) < 0) {
        conf_error(b->report, item->at, "expected a domain name after 'session-keyname', found '%s'", text);
        return;
    }
    name_copy_lower(key->name, name);
}

void build_session_key(struct builder *b, const struct scope *scope)
{
    struct session_key_config *key = &b->config->server.session_key;
    const struct conf_item *file = scope_value(scope, "session-keyfile"),
                           *name = scope_value(scope, "session-keyname"),
                           *algorithm = scope_value(scope, "session-keyalg");
    build_algorithm(b, algorithm, key);
    build_key_name(b, name, key);
    key->file = file ? conf_is(file, "none") ? NULL : build_path(b, file->text) : "/run/candor/session.key";
    key->wanted = file || name || algorithm;
}
