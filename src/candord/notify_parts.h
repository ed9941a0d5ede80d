/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside notify_out: its parts. */
#ifndef CANDORD_NOTIFY_PARTS_H
#define CANDORD_NOTIFY_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/inbox.h"
#include "candord/snapshot.h"
#include "net/loop.h"

struct daemon;
struct notice;
struct sender;
struct notify_lookup;

/* What others were last told of a zone. */
struct told_zone {
    struct told_zone *next;
    struct notify_out *notify;
    char view[256];
    uint8_t origin[255];
    bool known;
    uint32_t serial;
    uint64_t told_ms; /* 0: never */
    struct loop_timer timer;
};

struct notify_out {
    struct daemon *daemon;
    struct loop *loop;
    struct told_zone *zones;
    struct notice *notices; /* not answered yet */
    struct sender *senders; /* one for each address to send from */
    bool starting;
    unsigned per_second;
    uint64_t free_ms;     /* when the next one may be sent */
    struct inbox answers; /* of look-ups */
    struct loop_watch answers_watch;
    struct notify_lookup *lookups;
};

/* A version that is told of. */
struct notify_subject {
    struct told_zone *zone;
    struct snapshot *snapshot;
    const struct view *view;
    const struct zone_config *config;
    const struct zone_content *content;
};

/* What is in force now of a zone. False: nothing. */
bool notify_subject_of(struct snapshot *snapshot, struct told_zone *zone, struct notify_subject *out);

/* --- notify_send.c: messages --- */

/* Sends a NOTIFY, at its time, and repeats it. */
void notify_send(struct notify_out *notify, const struct notify_subject *subject, const struct endpoint *to,
                 const struct tsig_key *key);
/* Forgets what is under way for a zone. */
void notify_drop(struct notify_out *notify, const struct told_zone *zone);
void notify_send_fini(struct notify_out *notify);

/* --- notify_servers.c: the zone's own name servers --- */

int notify_servers_init(struct notify_out *notify) MUST_CHECK;
void notify_servers_fini(struct notify_out *notify);
/* Sends to the addresses of the zone's NS, which may have to be looked up. */
void notify_servers(struct notify_out *notify, const struct notify_subject *subject);

#endif
