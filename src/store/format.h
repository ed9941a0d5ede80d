/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a zone lies on disk: one file that only grows at its end.
 *
 *   0       header: magic, format, the zone's name, hash
 *   4096    state slot 0      what was last known and decided; written in turn, so that one is always whole
 *   8192    state slot 1
 *   12288   entry, entry, …   each a version: all its records (whole), or the changes from its parent (step)
 *
 * An entry is a head of fixed length, the state at its time, and its records. Numbers are in network byte
 * order. Every part carries a 64-bit hash: it finds damage, it is no protection against forgery. Each entry
 * and each state has a stamp, a number that grows with everything that is written; a version is named by its
 * stamp, for serials may come twice.
 *
 * Pure: bytes in, structs out. Bytes may be anything. Inside store/ and its tests. */
#ifndef STORE_FORMAT_H
#define STORE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "store/store.h"
#include "zone/changes.h"

enum {
    STORE_HEADER_BYTES = 4096,
    STORE_SLOT_BYTES = 4096,
    STORE_SLOTS = 2,
    STORE_ENTRIES_AT = STORE_HEADER_BYTES + STORE_SLOTS * STORE_SLOT_BYTES,
    STORE_HEAD_BYTES = 96,
};

/* An entry's head. */
struct store_head {
    bool whole;             /* else a step */
    bool side;              /* what acts instead of its parent; the next step does not start from it */
    uint8_t source;         /* of the daemon: where the version comes from */
    uint64_t stamp, parent; /* parent 0: whole, and nothing known before it */
    uint32_t serial_from, serial;
    int64_t at_s;
    uint64_t added, removed; /* records */
    uint32_t state_bytes;
    uint64_t body_bytes;
    uint64_t rest_hash; /* of state and body: store_hash(stamp ^ store_hash(3, body), state) */
    uint64_t
        mark; /* by chance, kept for good: tells it from other journals' entries of this stamp; 0: none */
};

void store_header_write(const uint8_t *origin, uint8_t out[STORE_HEADER_BYTES]);
/* 0; ERR_MALFORMED: no such file; ERR_UNSUPPORTED: of a later version; ERR_INVALID: of another zone. */
int store_header_read(const uint8_t bytes[STORE_HEADER_BYTES], const uint8_t *origin) MUST_CHECK;

void store_head_write(const struct store_head *head, uint8_t out[STORE_HEAD_BYTES]);
/* 0 or ERR_MALFORMED. */
int store_head_read(const uint8_t bytes[STORE_HEAD_BYTES], struct store_head *out) MUST_CHECK;

/* Returns the length, at most STORE_SLOT_BYTES - 16. */
size_t store_state_write(const struct store_state *state, uint8_t out[STORE_SLOT_BYTES]);
int store_state_read(const uint8_t *bytes, size_t length, struct store_state *out) MUST_CHECK;

/* A slot: length, hash, state. */
void store_slot_write(const struct store_state *state, uint8_t out[STORE_SLOT_BYTES]);
int store_slot_read(const uint8_t bytes[STORE_SLOT_BYTES], struct store_state *out) MUST_CHECK;

void store_write_u64(struct writer *w, uint64_t value);
uint64_t store_read_u64(struct reader *r);

uint64_t store_hash(uint64_t seed, const void *bytes, size_t length);
uint64_t store_hash_seed(uint64_t seed); /* the same for hash_begin() */

/* --- bodies --- */

/* Small ones lie in memory. A large one is a file without a name beside the store's: so it takes no memory
 * while it waits, and is copied where it belongs by the system. */
struct store_body {
    uint8_t *bytes; /* NULL: in the file */
    size_t used, room;
    int fd;          /* -1: in memory */
    uint64_t at;     /* where in the file it begins */
    uint64_t length; /* of all */
    int error;       /* why there is none */
    bool whole;
    uint32_t serial_from, serial;
    uint64_t added, removed;
    uint64_t hash; /* of the bytes; made where the body is made */
};

/* All records of a version, written to `fd` from `at` on; not synced. */
struct store_body *store_body_write(const struct zone_content *content, int fd, uint64_t at) MUST_CHECK;

/* The hash of a body that is read in pieces: begin; more, with pieces of a multiple of 8 bytes; end. */
uint64_t store_body_hash_begin(uint64_t length);

/* The records in the first bytes of a body or of what is left of it, as far as they can be whole: *used of
 * them were read. `final`: nothing follows these bytes. Else as store_body_each(). */
enum { STORE_RECORD_BYTES_MAX = 66 * 1024 };
int store_body_some(const uint8_t *bytes, size_t length, bool final, const uint8_t *origin,
                    int (*each)(void *context, bool remove, const struct policy_record *record),
                    void *context, size_t *used) MUST_CHECK;

/* Calls `each` for every record of a body. Stops at a non-zero result and returns it; ERR_MALFORMED: the
 * bytes are no such records. The record is valid only during the call. */
int store_body_each(const uint8_t *bytes, size_t length, const uint8_t *origin,
                    int (*each)(void *context, bool remove, const struct policy_record *record),
                    void *context) MUST_CHECK;

#endif
