// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/socks.h"

#include "base/bytes.h"

#include <string.h>

enum { VERSION = 5, AUTH_VERSION = 1, METHOD_NONE = 0, METHOD_PASSWORD = 2, COMMAND_CONNECT = 1 };
enum { TYPE_V4 = 1, TYPE_NAME = 3, TYPE_V6 = 4 };

static void write_text(struct writer *w, const char *text)
{
    write_u8(w, (uint8_t)strlen(text));
    write_bytes(w, text, strlen(text));
}

/* Appends to the output what `w` holds; the buffer is large enough for all three messages. */
static struct writer output_writer(struct socks *s)
{
    return writer_of(s->out + s->out_length, sizeof s->out - s->out_length);
}

static void output_done(struct socks *s, const struct writer *w)
{
    s->out_length += writer_used(w);
}

static void send_methods(struct socks *s)
{
    struct writer w = output_writer(s);
    write_u8(&w, VERSION);
    write_u8(&w, s->user ? 2 : 1);
    if (s->user)
        write_u8(&w, METHOD_PASSWORD);
    write_u8(&w, METHOD_NONE);
    output_done(s, &w);
}

static void send_password(struct socks *s)
{
    s->out_length = s->out_sent = 0;
    struct writer w = output_writer(s);
    write_u8(&w, AUTH_VERSION);
    write_text(&w, s->user);
    write_text(&w, s->password);
    output_done(s, &w);
}

static void send_request(struct socks *s)
{
    s->out_length = s->out_sent = 0;
    struct writer w = output_writer(s);
    write_u8(&w, VERSION);
    write_u8(&w, COMMAND_CONNECT);
    write_u8(&w, 0);
    write_u8(&w, TYPE_NAME);
    write_text(&w, s->host);
    write_u16(&w, s->port);
    output_done(s, &w);
}

static bool fits(const char *text)
{
    return *text && strlen(text) <= SOCKS_NAME_MAX;
}

int socks_begin(struct socks *s, const char *host, uint16_t port, const char *user, const char *password)
{
    *s = (struct socks){.host = host, .port = port, .user = user, .password = password};
    if (!fits(host) || (user && (!fits(user) || !fits(password))))
        return ERR_INVALID;
    send_methods(s);
    return 0;
}

const uint8_t *socks_output(const struct socks *s, size_t *length)
{
    *length = s->phase == SOCKS_TALKING ? s->out_length - s->out_sent : 0;
    return *length ? s->out + s->out_sent : NULL;
}

void socks_sent(struct socks *s, size_t length)
{
    s->out_sent += length;
}

static void take_method(struct socks *s)
{
    s->in_length = 0;
    if (s->in[0] != VERSION) {
        s->phase = SOCKS_NONSENSE;
    } else if (s->in[1] == METHOD_PASSWORD && s->user) {
        send_password(s);
        s->step = STEP_AUTH;
    } else if (s->in[1] == METHOD_NONE) {
        send_request(s);
        s->step = STEP_REPLY;
    } else {
        s->phase = SOCKS_NO_METHOD;
    }
}

static void take_auth(struct socks *s)
{
    s->in_length = 0;
    s->step = STEP_REPLY;
    if (s->in[1] != 0)
        s->phase = SOCKS_AUTH_REFUSED;
    else
        send_request(s);
}

static void take_reply(struct socks *s)
{
    s->reply = s->in[1];
    s->phase = s->reply == REPLY_GRANTED ? SOCKS_GRANTED : SOCKS_REFUSED;
}

/* Bytes that the message must have as far as it is known; the reply's length shows in its fourth and fifth.
 */
static size_t message_length(const struct socks *s)
{
    if (s->step != STEP_REPLY)
        return 2;
    if (s->in_length < 4)
        return 4;
    if (s->in[3] == TYPE_NAME)
        return s->in_length < 5 ? 5 : 4 + 1 + (size_t)s->in[4] + 2;
    return 4 + 2 + (s->in[3] == TYPE_V6 ? 16 : 4);
}

/* A first byte, a reserved byte or an address type that SOCKS5 does not have. */
static bool is_nonsense(const struct socks *s)
{
    if (s->step != STEP_REPLY)
        return false;
    if (s->in[0] != VERSION)
        return true;
    return s->in_length >= 4 && s->in[3] != TYPE_V4 && s->in[3] != TYPE_NAME && s->in[3] != TYPE_V6;
}

static void take_message(struct socks *s)
{
    static void (*const steps[])(struct socks *) = {
        [STEP_METHOD] = take_method, [STEP_AUTH] = take_auth, [STEP_REPLY] = take_reply};
    steps[s->step](s);
}

size_t socks_feed(struct socks *s, const uint8_t *bytes, size_t length)
{
    size_t taken = 0;
    while (taken < length && s->phase == SOCKS_TALKING) {
        s->in[s->in_length++] = bytes[taken++];
        if (is_nonsense(s))
            s->phase = SOCKS_NONSENSE;
        else if (s->in_length == message_length(s) && (s->step != STEP_REPLY || s->in_length > 5))
            take_message(s);
    }
    return taken;
}
