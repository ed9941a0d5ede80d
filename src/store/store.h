/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The versions of one zone on disk: what survives a restart, kill -9 and a power cut, and what history, a
 * rollback and transfers of changes to others are read from. candord.conf(5), "What survives", tells an
 * operator.
 *
 * Written before a version is published, synced by a helper thread within a second. A file that cannot be
 * written costs persistence, never protection: the daemon goes on in memory, and store_add() says why.
 *
 * All functions may be called from any thread; one thread at a time writes (the keeper's). */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "zone/changes.h"
#include "zone/zone.h"

struct store;
struct store_helper;
struct store_image;

enum { STORE_REASON_MAX = 1024, STORE_FROM_MAX = 256, STORE_TAG_MAX = 1024 };

/* As store_state.in_force: the version that is being added. */
#define STORE_THIS UINT64_MAX

/* What was last known and decided about a zone. Numbers that the daemon gives a meaning are kept as they are.
 */
struct store_state {
    uint64_t stamp;    /* set by the store */
    uint64_t in_force; /* stamp of the version that acts */
    uint8_t hold, source;
    bool expired;
    bool unsynced; /* the latest version has changes by hand that the zone's own file lacks */
    int64_t checked_at_s, latest_at_s;
    uint64_t file_mark; /* which file was last read or written; 0: none */
    char reason[STORE_REASON_MAX];
    char from[STORE_FROM_MAX]; /* of the latest version */
    char tag[STORE_TAG_MAX];
};

/* A version that is kept. */
struct store_version {
    uint64_t stamp;
    bool whole; /* its base is stored; else the step to it */
    bool side;  /* acts instead of a version that is held */
    uint8_t source;
    uint32_t serial_from, serial;
    int64_t at_s;
    uint64_t added, removed; /* records; of a whole one: all, and 0 */
    uint64_t bytes;
    char from[STORE_FROM_MAX];
};

struct store_options {
    const char *path;
    const uint8_t *origin;
    bool policy;                 /* how versions are built */
    uint64_t max_bytes;          /* of the steps behind the first base; 0: as many as the base has */
    struct store_helper *helper; /* NULL: nothing is synced or compacted by itself */
    struct store_image *image;   /* store/image.h; taken as a reference. NULL: none is made or used */
};

/* Opens what is there; without a file it is made by the first store_add(). What is damaged has been set aside
 * and logged; `*out` is then empty, or has what was whole. 0; ERR_EXISTS: another process or zone has it
 * open; or why it cannot be read. */
int store_open(const struct store_options *options, struct store **out) MUST_CHECK;
struct store *store_ref(struct store *store);
void store_unref(struct store *store);

/* Versions are built as a policy zone or a plain one from now on. */
void store_set_policy(struct store *store, bool policy);

/* Another image, or none, from now on. */
void store_set_image(struct store *store, struct store_image *image);

/* --- what was found --- */

/* The latest version and the one in force, built (references; both NULL: nothing is stored; the same one
 * when they do not differ), and the state. When the image is a version on the way to them, they are made of
 * it and the steps behind it. A version that turns out to be damaged is cut off with all behind it, set aside
 * and logged; what was before it is returned. 0 or memory. */
int store_load(struct store *store, struct zone_content **latest, struct zone_content **in_force,
               struct store_state *state) MUST_CHECK;

/* --- writing --- */

/* A version's records as they are stored: expensive for whole ones, so made on the thread that delivers.
 * Large whole ones wait in a file without a name in the directory of `path`, the store's. NULL: memory; a
 * failed file is told by store_add(). */
struct store_body;
struct store_body *store_body_whole(const struct zone_content *content, const char *path) MUST_CHECK;
struct store_body *store_body_step(const uint8_t *origin, const struct zone_changes *changes) MUST_CHECK;
size_t store_body_bytes(const struct store_body *body);
void store_body_free(struct store_body *body);

/* Adds the next version: all its records, or the step from the latest one. 0: it will survive. Otherwise the
 * store is as it was: ERR_NOT_FOUND (a step, but nothing to start from), or what the system said. `state`
 * gets its stamps. */
int store_add(struct store *store, const struct store_body *body, uint8_t source, int64_t at_s,
              struct store_state *state) MUST_CHECK;

/* Adds what acts instead of the latest version, as a step from it; state->in_force is STORE_THIS. */
int store_add_side(struct store *store, const struct store_body *body, uint8_t source, int64_t at_s,
                   struct store_state *state) MUST_CHECK;

/* Writes the state alone. ERR_NOT_FOUND: the version that it puts in force is not kept. */
int store_set_state(struct store *store, struct store_state *state) MUST_CHECK;

/* Waits until all that was written is on the disk. */
int store_sync(struct store *store) MUST_CHECK;

/* Puts the versions that are old enough into one. Blocking; the helper does it by itself when the steps
 * exceed max_bytes. Others may read and write meanwhile. */
int store_compact(struct store *store) MUST_CHECK;

/* --- reading --- */

/* Stamp of the newest version with this serial; 0: none is kept. Side versions do not count. */
uint64_t store_find(struct store *store, uint32_t serial);
uint64_t store_latest(struct store *store);

/* The versions kept, oldest first; the caller frees the list. Returns how many, or ERR_NOMEM. */
int store_list(struct store *store, struct store_version **out) MUST_CHECK;

/* Builds a version. 0, ERR_NOT_FOUND, ERR_MALFORMED (damaged), memory, or what the system said. */
int store_build(struct store *store, uint64_t stamp, struct zone_content **out) MUST_CHECK;

/* The steps from one serial to another in order: what an IXFR is made of. 0, the non-zero result of `each`,
 * ERR_NOT_FOUND: they do not hang together (any more): send the whole zone. The changes are of the call. */
int store_each_step(struct store *store, uint32_t from_serial, uint32_t to_serial,
                    int (*each)(void *context, const struct store_version *version,
                                const struct zone_changes *changes),
                    void *context) MUST_CHECK;

/* Bytes of the file now, and of its path: borrowed, lives as long as the store. */
uint64_t store_bytes(struct store *store);
const char *store_path(const struct store *store);

/* --- comparing (store/diff.c) --- */

/* What leads from `old` to `new`: SOA and records that go, SOA and records that come. Always with both SOAs.
 * *same is set when there is no difference at all. */
int store_diff(const struct zone_content *old, const struct zone_content *new, struct zone_changes **out,
               bool *same) MUST_CHECK;

/* --- a master file (store/text.c) --- */

/* Writes a version as text; what is there under the name is replaced at the end. 0, or what the system said.
 */
int store_write_text(const struct zone_content *content, const char *path) MUST_CHECK;

/* --- the helper (store/helper.c) --- */

/* Two threads: one syncs, one does long work in the background. NULL: memory. */
struct store_helper *store_helper_start(void) MUST_CHECK;
/* Does what is queued, syncs, and ends. */
void store_helper_stop(struct store_helper *helper);
/* Has `task` called on the working thread. ERR_NOMEM. */
int store_helper_run(struct store_helper *helper, void (*task)(void *context), void *context) MUST_CHECK;

#endif
