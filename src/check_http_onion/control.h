/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Tor's control port says of itself: has it bootstrapped, does it see the network, is its consensus
 * fresh, and what became of the service's descriptor. The conversation is pure (control_take_line), the
 * rest moves its lines. Never asks Tor to change anything for others (no NEWNYM). */
#ifndef CHECK_CONTROL_H
#define CHECK_CONTROL_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "check_http_onion/endpoint.h"

enum control_end {
    CONTROL_UNASKED, /* no --control */
    CONTROL_TALKING,
    CONTROL_ANSWERED,    /* the facts are here */
    CONTROL_UNREACHABLE, /* `error` */
    CONTROL_REFUSED,     /* it did not take the password or cookie: `refusal` */
    CONTROL_NO_COOKIE,   /* the file could not be read: `error` */
    CONTROL_NONSENSE     /* it does not speak Tor's control protocol */
};

enum { CONTROL_LINE_MAX = 2048, CONTROL_TEXT_MAX = 160 };

struct control_facts {
    enum control_end end;
    int error;
    char refusal[CONTROL_TEXT_MAX];
    int bootstrap_percent;                    /* -1: not said */
    char bootstrap_tag[40];                   /* "conn", "done" */
    char bootstrap_warning[CONTROL_TEXT_MAX]; /* "" when there is none */
    int network_live;                         /* 1, 0, or -1: not said */
    int circuit_established;                  /* likewise */
    int64_t consensus_valid_until_s;          /* seconds since 1970; 0: not said or none */
    int64_t consensus_fresh_until_s;
    char descriptor[24];        /* what HS_DESC events said of the service: "RECEIVED", "FAILED", "" */
    char descriptor_reason[40]; /* "NOT_FOUND", "BAD_DESC", … or "" */
};

struct control {
    struct control_facts facts;
    int fd; /* -1: closed */
    bool connected;
    char onion[60]; /* the 56 letters whose descriptor is of interest, lower case; "" for none */
    char command[1200];
    size_t command_length, command_sent;
    char line[CONTROL_LINE_MAX];
    size_t line_length;
    int step; /* next command */
};

/* Begins. `secret` is what stands after AUTHENTICATE: hex digits, or a quoted password, or "". `onion` is the
 * service's name or NULL. */
void control_begin(struct control *control, const struct endpoint_address *address, const char *secret,
                   const char *onion);

/* The authentication word, from a cookie file or a password file; both NULL gives "". 0 or an error, for the
 * file. Only the first line of a password counts. `out` has at least 1024 bytes. */
int control_secret(const char *cookie_file, const char *password_file, char *out, size_t size) MUST_CHECK;

/* Fills in what is to be polled; returns 0 or 1. */
size_t control_poll(const struct control *control, struct pollfd *fd);
void control_carry_on(struct control *control, const struct pollfd *fd);
void control_end(struct control *control);

/* The pure half: one line from Tor, without its line end. Puts the next command, if there is one, into
 * control->command. */
void control_take_line(struct control *control, const char *line);

#endif
