/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of store/: a small zone in numbered versions, and a directory that goes away. */
#ifndef TEST_STORING_H
#define TEST_STORING_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit.h"

#include "base/log.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "dns/record.h"
#include "store/store.h"
#include "zone/changes.h"

static const uint8_t origin[] = "\003rpz\004test";

static inline void add_record(struct zone_draft *draft, const char *owner, uint16_t type, const void *rdata,
                              size_t length)
{
    uint8_t name[NAME_MAX_BYTES];
    const char *why;
    assert_true(name_from_text(owner, origin, name) > 0);
    struct policy_record record = {name, type, CLASS_IN, 300, rdata, (uint16_t)length};
    assert_int_equal(zone_draft_add(draft, &record, &why), 0);
}

/* Version `serial`: rules s0 … s9 with a digit of the serial in each, and as many of its own as `more`. */
static inline struct zone_content *version_more(uint32_t serial, bool policy, unsigned more)
{
    struct zone_draft *draft = zone_draft_new(origin, policy);
    struct zone_content *content = NULL;
    const char *why;
    uint8_t soa[22] = {0}, name[NAME_MAX_BYTES];
    store_u32(soa + 2, serial);
    store_u32(soa + 14, 86400);
    struct policy_record apex = {origin, TYPE_SOA, CLASS_IN, 3600, soa, sizeof soa};
    int taken = zone_draft_add(draft, &apex, &why);
    assert_true(taken >= 0);
    assert_true(name_from_text("ns.rpz.test.", NULL, name) > 0);
    struct policy_record ns = {origin, TYPE_NS, CLASS_IN, 3600, name, (uint16_t)name_length(name)};
    taken = zone_draft_add(draft, &ns, &why);
    assert_true(taken >= 0);
    for (unsigned i = 0; i < 4; i++) {
        char owner[64];
        uint8_t address[4] = {192, 0, 2, (uint8_t)(serial % 7 + i)};
        snprintf(owner, sizeof owner, "s%u-%u.example", i, (serial + i) % 5);
        add_record(draft, owner, TYPE_A, address, sizeof address);
    }
    for (unsigned i = 0; i < more; i++) {
        char owner[64];
        snprintf(owner, sizeof owner, "m%u.%u.example", i, serial);
        add_record(draft, owner, TYPE_CNAME, "", 1);
    }
    assert_int_equal(zone_draft_finish(draft, &content, &why), 0);
    return content;
}

static inline struct zone_content *version(uint32_t serial, bool policy)
{
    return version_more(serial, policy, 0);
}

static inline bool same_content(const struct zone_content *a, const struct zone_content *b)
{
    struct zone_changes *changes = NULL;
    bool same = false;
    assert_int_equal(store_diff(a, b, &changes, &same), 0);
    zone_changes_free(changes);
    return same;
}

/* --- a directory --- */

struct place {
    char directory[64], path[128];
};

static inline struct place place_make(void)
{
    struct place place;
    snprintf(place.directory, sizeof place.directory, "%s/candor-store-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(place.directory));
    snprintf(place.path, sizeof place.path, "%s/zone.journal", place.directory);
    return place;
}

static inline void place_remove(const struct place *place)
{
    static const char *const ends[] = {"", ".new", ".damaged"};
    for (size_t i = 0; i < 3; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s%s", place->path, ends[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(place->directory), 0);
}

static inline bool place_has(const struct place *place, const char *end)
{
    char path[160];
    snprintf(path, sizeof path, "%s%s", place->path, end);
    return access(path, F_OK) == 0;
}

static inline struct store *open_at(const struct place *place, bool policy)
{
    struct store *store = NULL;
    const struct store_options options = {.path = place->path, .origin = origin, .policy = policy};
    assert_int_equal(store_open(&options, &store), 0);
    return store;
}

static inline int add_whole(struct store *store, const struct zone_content *content,
                            struct store_state *state)
{
    struct store_body *body = store_body_whole(content, store_path(store));
    assert_non_null(body);
    int error = store_add(store, body, 1, 1000 + zone_content_serial(content), state);
    store_body_free(body);
    return error;
}

static inline int add_step(struct store *store, const struct zone_content *from,
                           const struct zone_content *to, struct store_state *state)
{
    struct zone_changes *changes = NULL;
    bool same;
    assert_int_equal(store_diff(from, to, &changes, &same), 0);
    struct store_body *body = store_body_step(origin, changes);
    assert_non_null(body);
    int error = store_add(store, body, 1, 1000 + zone_content_serial(to), state);
    store_body_free(body);
    zone_changes_free(changes);
    return error;
}

#endif
