/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The zones of one view at one moment, found by name: immutable, counted by references, published as a whole.
 */
#ifndef ZONE_TABLE_H
#define ZONE_TABLE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "zone/zone.h"

struct zone_table_entry {
    const uint8_t *origin;        /* lower case; lives as long as the table (copied) */
    struct zone_content *content; /* NULL: configured but not loaded (or expired): SERVFAIL */
    void *owner;                  /* the daemon's configuration of the zone (its access lists); not owned */
};

struct zone_table;

/* Takes references on the contents. Two entries of one origin: the later wins. NULL: memory. */
struct zone_table *zone_table_new(const struct zone_table_entry *entries, size_t count) MUST_CHECK;
struct zone_table *zone_table_ref(struct zone_table *table);
void zone_table_unref(struct zone_table *table);

/* The deepest zone that holds `name` (lower case), or NULL. With `parent_side` (a DS question) a zone whose
 * apex is `name` itself is passed over. */
const struct zone_table_entry *zone_table_find(const struct zone_table *table, const uint8_t *name,
                                               bool parent_side);

size_t zone_table_count(const struct zone_table *table);
const struct zone_table_entry *zone_table_get(const struct zone_table *table, size_t index);

/* BIND 9.18's built-in empty zones (RFC 6303 and friends): origins as text, NULL at the end. */
extern const char *const zone_empty_names[];

#endif
