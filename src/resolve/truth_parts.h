/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What truth_choose.c (which RRsets, for how long) and truth_build.c (their bytes) share. */
#ifndef RESOLVE_TRUTH_PARTS_H
#define RESOLVE_TRUTH_PARTS_H

#include "base/arena.h"
#include "dns/consts.h"
#include "resolve/gather.h"
#include "resolve/truth.h"

enum {
    LINKS_MAX = 64,          /* libunbound follows 11 */
    RRSIG_SIGNER_AT = 18,    /* RFC 4034 section 3.1 */
    SET_SHOWN = 1,           /* for every asker */
    SET_SHOWN_TO_DO = 2,     /* for those with DO */
    ARENA_ROOM_BYTES = 2048, /* enough for most messages */
    ARENA_BLOCK_BYTES = 8192,
};

struct chosen_set {
    struct gathered_set *set;
    unsigned shown;        /* SET_SHOWN or SET_SHOWN_TO_DO */
    uint16_t end, records; /* in the plain wire: where it ends, answer records up to there */
};

struct chain_link {
    const uint8_t *name;
    const struct chosen_set *led_here; /* NULL for the first */
    const struct gathered_set *addresses[2];
    uint16_t address_count;
};

/* One wire as written, question included. */
struct draft {
    uint8_t bytes[DNS_MESSAGE_MAX];
    size_t length;
    uint16_t counts[3];
    uint16_t ttl_count;
};

struct build {
    const struct truth_source *source;
    struct arena arena;
    struct gathered gathered;
    size_t name_bytes;
    struct chosen_set *chosen;
    size_t chosen_count;
    struct chain_link links[LINKS_MAX];
    size_t link_count;
    bool negative, has_soa;
    bool has_sigs;
    uint32_t ttl_s;
    struct draft plain, full;
};

/* From b->gathered: fills chosen, links, negative, has_soa, has_sigs and ttl_s; changes the sets' TTLs.
 * 0 or ERR_NOMEM. */
int truth_choose(struct build *b) MUST_CHECK;

#endif
