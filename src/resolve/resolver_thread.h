/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One thread of the resolver: its share of the questions, its contexts of libunbound. For resolver.c. */
#ifndef RESOLVE_RESOLVER_THREAD_H
#define RESOLVE_RESOLVER_THREAD_H

#include "resolve/resolver.h"

struct resolver_thread;

struct resolver_thread_options {
    struct configuration *configuration; /* for libunbound; outlives the thread */
    bool follows_root;                   /* this thread looks at the root's keys from time to time */
    void (*root_changed)(void *context); /* called on it when other keys are to be trusted */
    void *root_context;
    struct cache *cache;
    struct metrics *metrics;
    unsigned max_outstanding, max_per_zone, max_joined; /* of this thread */
    uint32_t query_timeout_ms, servfail_ttl_ms;
    uint32_t max_ttl_s, max_negative_ttl_s, min_ttl_s, stale_s;
    bool (*denies)(const void *denied, const struct truth *truth); /* see struct resolver_options */
    const void *denied;
    unsigned number; /* for its name */
};

int resolver_thread_start(const struct resolver_thread_options *options, struct resolver_thread **out,
                          char *problem, size_t problem_size) MUST_CHECK;
void resolver_thread_stop(struct resolver_thread *thread);

/* From any thread. */
void resolver_thread_ask(struct resolver_thread *thread, struct resolver_ask *ask);
void resolver_thread_flush(struct resolver_thread *thread);

#endif
