// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/control.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum {
    STEP_AUTHENTICATE,
    STEP_EVENTS,
    STEP_BOOTSTRAP,
    STEP_NETWORK,
    STEP_CIRCUIT,
    STEP_VALID,
    STEP_FRESH,
    STEPS
};

/* One question a line, so that one that an older Tor does not know leaves the others. */
static const char *const commands[STEPS] = {
    [STEP_EVENTS] = "SETEVENTS HS_DESC",
    [STEP_BOOTSTRAP] = "GETINFO status/bootstrap-phase",
    [STEP_NETWORK] = "GETINFO network-liveness",
    [STEP_CIRCUIT] = "GETINFO status/circuit-established",
    [STEP_VALID] = "GETINFO consensus/valid-until",
    [STEP_FRESH] = "GETINFO consensus/fresh-until",
};

static void copy_text(char *to, size_t size, const char *from, size_t length)
{
    snprintf(to, size, "%.*s", (int)(length < size ? length : size - 1), from);
}

/* The value of KEY=VALUE or KEY="VALUE" in a line; "" when it is not there. */
static void field(const char *line, const char *key, char *out, size_t size)
{
    const char *at = strstr(line, key);
    *out = 0;
    if (!at)
        return;
    at += strlen(key);
    bool quoted = *at == '"';
    at += quoted;
    copy_text(out, size, at, quoted ? strcspn(at, "\"") : strcspn(at, " "));
}

static void take_bootstrap(struct control_facts *f, const char *line)
{
    char percent[8];
    field(line, "PROGRESS=", percent, sizeof percent);
    if (isdigit((unsigned char)*percent))
        f->bootstrap_percent = atoi(percent);
    field(line, " TAG=", f->bootstrap_tag, sizeof f->bootstrap_tag);
    field(line, " WARNING=", f->bootstrap_warning, sizeof f->bootstrap_warning);
}

/* "2026-11-21 21:00:00", UTC. */
static int64_t read_time(const char *text)
{
    struct tm when = {0};
    return strptime(text, "%Y-%m-%d %H:%M:%S", &when) ? timegm(&when) : 0;
}

static void take_info(struct control_facts *f, const char *line)
{
    static const char NETWORK[] = "network-liveness=", CIRCUIT[] = "status/circuit-established=",
                      VALID[] = "consensus/valid-until=", FRESH[] = "consensus/fresh-until=",
                      BOOT[] = "status/bootstrap-phase=";
    const char *value = strchr(line, '=');
    if (!value)
        return;
    value++;
    if (!strncmp(line, BOOT, sizeof BOOT - 1))
        take_bootstrap(f, value);
    else if (!strncmp(line, NETWORK, sizeof NETWORK - 1))
        f->network_live = !strcmp(value, "up");
    else if (!strncmp(line, CIRCUIT, sizeof CIRCUIT - 1))
        f->circuit_established = !strcmp(value, "1");
    else if (!strncmp(line, VALID, sizeof VALID - 1))
        f->consensus_valid_until_s = read_time(value);
    else if (!strncmp(line, FRESH, sizeof FRESH - 1))
        f->consensus_fresh_until_s = read_time(value);
}

/* 650 HS_DESC ACTION ADDRESS AUTHTYPE HSDIR … [REASON=…] */
static void take_event(struct control *c, const char *line)
{
    char action[24], address[80];
    if (sscanf(line, "650 HS_DESC %23s %79s", action, address) != 2 || !*c->onion ||
        strncasecmp(address, c->onion, strlen(c->onion)))
        return;
    bool news = !strcmp(action, "RECEIVED") || !strcmp(action, "FAILED");
    if (!news || !strcmp(c->facts.descriptor, "RECEIVED"))
        return; /* one copy is enough, whatever other directories say */
    strcpy(c->facts.descriptor, action);
    field(line, " REASON=", c->facts.descriptor_reason, sizeof c->facts.descriptor_reason);
}

static void finish(struct control *c, enum control_end end)
{
    if (c->facts.end == CONTROL_TALKING)
        c->facts.end = end;
}

static void next_command(struct control *c)
{
    c->step++;
    if (c->step == STEPS)
        return finish(c, CONTROL_ANSWERED);
    c->command_sent = 0;
    c->command_length = (size_t)snprintf(c->command, sizeof c->command, "%s\r\n", commands[c->step]);
}

void control_take_line(struct control *c, const char *line)
{
    bool shape = strlen(line) >= 4 && isdigit((unsigned char)line[0]) && isdigit((unsigned char)line[1]) &&
                 isdigit((unsigned char)line[2]) && strchr(" -+", line[3]);
    if (!shape)
        return finish(c, CONTROL_NONSENSE);
    if (!strncmp(line, "650", 3))
        return take_event(c, line);
    if (line[3] == '-' && !strncmp(line, "250", 3))
        return take_info(&c->facts, line + 4);
    if (line[3] != ' ' || c->facts.end != CONTROL_TALKING)
        return;
    if (c->step == STEP_AUTHENTICATE && strncmp(line, "250", 3)) {
        copy_text(c->facts.refusal, sizeof c->facts.refusal, line + 4, strlen(line + 4));
        return finish(c, CONTROL_REFUSED);
    }
    next_command(c);
}

/* ---- the socket ---- */

static int read_file(const char *path, char *out, size_t size, size_t *length)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return err_from_errno(errno);
    ssize_t got = read(fd, out, size);
    int error = got < 0 ? err_from_errno(errno) : 0;
    *length = got < 0 ? 0 : (size_t)got;
    close(fd);
    return error;
}

int control_secret(const char *cookie_file, const char *password_file, char *out, size_t size)
{
    char bytes[256];
    size_t length = 0, at = 0;
    *out = 0;
    if (!cookie_file && !password_file)
        return 0;
    int error = read_file(cookie_file ? cookie_file : password_file, bytes, sizeof bytes, &length);
    if (error)
        return error;
    if (cookie_file) {
        for (size_t i = 0; i < length && at + 3 < size; i++)
            at += (size_t)snprintf(out + at, size - at, "%02X", (unsigned char)bytes[i]);
        return 0;
    }
    out[at++] = '"';
    for (size_t i = 0; i < length && bytes[i] != '\n' && bytes[i] != '\r' && at + 4 < size; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            out[at++] = '\\';
        out[at++] = bytes[i];
    }
    strcpy(out + at, "\"");
    return 0;
}

static void stop(struct control *c, enum control_end end, int error)
{
    if (c->facts.end == CONTROL_TALKING)
        c->facts.error = error;
    finish(c, end);
    control_end(c);
}

void control_begin(struct control *c, const struct endpoint_address *address, const char *secret,
                   const char *onion)
{
    *c = (struct control){
        .fd = -1,
        .facts = {
            .end = CONTROL_TALKING, .bootstrap_percent = -1, .network_live = -1, .circuit_established = -1}};
    if (onion) { /* the last label before .onion */
        size_t end = strlen(onion);
        end -= end && onion[end - 1] == '.';
        end -= end > 6 ? 6 : end;
        size_t start = end > 56 ? end - 56 : 0;
        copy_text(c->onion, sizeof c->onion, onion + start, end - start);
    }
    c->command_length =
        (size_t)snprintf(c->command, sizeof c->command, "AUTHENTICATE%s%s\r\n", *secret ? " " : "", secret);
    c->fd = endpoint_connect(address);
    if (c->fd < 0)
        stop(c, CONTROL_UNREACHABLE, c->fd);
}

size_t control_poll(const struct control *c, struct pollfd *fd)
{
    if (c->fd < 0)
        return 0;
    bool writing = !c->connected || c->command_sent < c->command_length;
    *fd = (struct pollfd){.fd = c->fd, .events = writing ? POLLOUT | POLLIN : POLLIN};
    return 1;
}

static void send_command(struct control *c)
{
    size_t left = c->command_length - c->command_sent;
    ssize_t sent = left ? send(c->fd, c->command + c->command_sent, left, MSG_NOSIGNAL) : 0;
    if (sent > 0)
        c->command_sent += (size_t)sent;
    else if (sent < 0 && errno != EAGAIN && errno != EINTR)
        stop(c, CONTROL_UNREACHABLE, err_from_errno(errno));
}

static void take_bytes(struct control *c, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length && c->fd >= 0; i++) {
        if (bytes[i] != '\n' && c->line_length + 1 < sizeof c->line) {
            c->line[c->line_length++] = bytes[i];
            continue;
        }
        if (bytes[i] != '\n')
            continue; /* a line that is too long is cut */
        c->line_length -= c->line_length && c->line[c->line_length - 1] == '\r';
        c->line[c->line_length] = 0;
        c->line_length = 0;
        control_take_line(c, c->line);
        if (c->facts.end != CONTROL_TALKING && c->facts.end != CONTROL_ANSWERED)
            control_end(c);
    }
}

static void receive(struct control *c)
{
    char bytes[4096];
    while (c->fd >= 0) {
        ssize_t got = recv(c->fd, bytes, sizeof bytes, 0);
        if (got > 0)
            take_bytes(c, bytes, (size_t)got);
        else if (got == 0)
            stop(c, CONTROL_UNREACHABLE, ERR_CLOSED);
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            stop(c, CONTROL_UNREACHABLE, err_from_errno(errno));
        if (c->fd >= 0)
            send_command(c);
    }
}

void control_carry_on(struct control *c, const struct pollfd *fd)
{
    if (!fd->revents || c->fd < 0)
        return;
    if (!c->connected) {
        int error = endpoint_connect_error(c->fd);
        c->connected = true;
        if (error)
            return stop(c, CONTROL_UNREACHABLE, error);
    }
    send_command(c);
    receive(c);
}

void control_end(struct control *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}
