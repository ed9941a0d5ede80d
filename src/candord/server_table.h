/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of zone cuts: name -> is it one, and then its name servers with their addresses. So the walk
 * that NSDNAME and NSIP rules need is paid once per zone, not once per query. One worker's own; bounded. */
#ifndef CANDORD_SERVER_TABLE_H
#define CANDORD_SERVER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "rpz/policy.h"

struct server_table;

struct server_entry {
    const void *source;  /* where the truth is from (a pool); views with another have their own */
    const uint8_t *name; /* lower case */
    uint64_t expires_ms;
    uint64_t clean_generation; /* policy under which no rule concerns these servers; 0: none known */
    size_t server_count;       /* 0: no zone cut */
    bool incomplete;           /* the budget ended before all was known */
    bool has_addresses;        /* they were looked up; not where no NSIP rule asks for them */
    const struct policy_server *servers;
};

enum { SERVER_TABLE_ENTRIES = 16384 };

struct server_table *server_table_new(void);
void server_table_free(struct server_table *table);

/* What is known and has not expired, or NULL; valid until the next server_table_put(). The caller may set
 * clean_generation. */
struct server_entry *server_table_find(struct server_table *table, const void *source, const uint8_t *name,
                                       uint64_t now_ms);

/* Remembers a copy, in place of an older one, or of another when the table is full. 0 or ERR_NOMEM. */
int server_table_put(struct server_table *table, const struct server_entry *entry) MUST_CHECK;

#endif
