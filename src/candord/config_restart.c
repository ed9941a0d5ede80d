/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/config_restart.h"

#include <string.h>

#include "dns/name.h"

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool listens_at(const struct server_config *server, const struct listen_address *address)
{
    for (size_t i = 0; i < server->listen_count; i++)
        if (server->listen[i].port == address->port && text_equal(server->listen[i].tls, address->tls) &&
            ip_equal(&server->listen[i].address, &address->address))
            return true;
    return false;
}

static bool listen_equal(const struct server_config *a, const struct server_config *b)
{
    bool equal = a->listen_count == b->listen_count;
    for (size_t i = 0; equal && i < a->listen_count; i++)
        equal = listens_at(b, &a->listen[i]);
    return equal;
}

static bool session_key_equal(const struct session_key_config *a, const struct session_key_config *b)
{
    return text_equal(a->file, b->file) && text_equal(a->algorithm, b->algorithm) &&
           name_equal(a->name, b->name);
}

static bool secret_equal(const uint8_t *a, const uint8_t *b)
{
    return a == b || (a && b && memcmp(a, b, 16) == 0);
}

void config_restart_words(const struct config *in_force, const struct config *read,
                          void (*each)(void *context, const char *word), void *context)
{
    const struct server_config *a = &in_force->server, *b = &read->server;
    const struct {
        const char *word;
        bool same;
    } words[] = {
        {"listen-on", listen_equal(a, b)},
        {"workers", a->workers == b->workers},
        {"directory", text_equal(a->directory, b->directory)},
        {"control-socket", text_equal(a->control_socket, b->control_socket)},
        {"pid-file", text_equal(a->pid_file, b->pid_file)},
        {"cookie-secret", secret_equal(a->cookie_secret, b->cookie_secret)},
        {"session-keyfile", session_key_equal(&a->session_key, &b->session_key)},
        {"tcp-clients", a->tcp_clients == b->tcp_clients},
        {"tcp-clients-per-address", a->tcp_clients_per_address == b->tcp_clients_per_address},
        {"tcp-pipeline", a->tcp_pipeline == b->tcp_pipeline},
        {"tcp-write-queue", a->tcp_write_queue_bytes == b->tcp_write_queue_bytes},
        {"tcp-idle-timeout", a->tcp_idle_ms == b->tcp_idle_ms},
        {"tcp-initial-timeout", a->tcp_message_ms == b->tcp_message_ms},
        {"tcp-lifetime", a->tcp_lifetime_ms == b->tcp_lifetime_ms},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!words[i].same)
            each(context, words[i].word);
}
