/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A resolver under test with one asker: the test's own thread. */
#ifndef TESTS_RESOLVE_ASKER_H
#define TESTS_RESOLVE_ASKER_H

#include <stdbool.h>
#include <stdint.h>

#include "resolve/resolver.h"

struct asker {
    struct cache *cache;
    struct metrics *metrics;
    struct resolver *resolver;
    struct inbox inbox;
    char problem[256];
};

struct answer_shown {
    int error;
    struct truth *truth; /* NULL with an error; the caller's reference */
    uint64_t took_ms;
};

/* Options that suit a test: everything on loopback, short times; the caller changes what he wants. */
struct resolver_options asker_options(void);

/* 0 or the error of resolver_start(). The thread must be registered with qsbr. */
int asker_open(struct asker *asker, const struct resolver_options *options);
void asker_close(struct asker *asker);

/* Posts a question; its storage comes from malloc and goes with asker_wait(). */
struct resolver_ask *asker_post(struct asker *asker, const char *name, uint16_t qtype, bool refresh);
/* The next ask to come back, or NULL after `timeout_ms`. free() it after use. */
struct resolver_ask *asker_next(struct asker *asker, int timeout_ms);

/* Asks and waits. */
struct answer_shown asker_ask(struct asker *asker, const char *name, uint16_t qtype);
struct answer_shown asker_refresh(struct asker *asker, const char *name, uint16_t qtype);

/* What the cache has, or NULL: valid until the thread's next quiescent state (asking is one). */
struct truth *asker_cached(struct asker *asker, const char *name, uint16_t qtype);

/* A counter of room "resolver". */
uint64_t asker_metric(struct asker *asker, const char *name);

/* "0 A 192.0.2.1; 5 CNAME x.": a wire as text, one record after the other as "section owner ttl type rdata".
 */
const char *wire_text(const struct truth *truth, const struct truth_wire *wire);

#endif
