/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The resolver as others see it: questions spread over threads by their hash. */
#include "resolve/resolver.h"

#include <stdlib.h>

#include "base/log.h"
#include "resolve/configuration.h"
#include "resolve/recursor_config.h"
#include "resolve/resolver_thread.h"

enum {
    THREADS_MAX = 16,
    CONTEXTS_PER_THREAD = 2, /* the second is for prefetch */
    MAX_OUTSTANDING_DEFAULT = 1000,
    QUERY_TIMEOUT_DEFAULT_MS = 10000,
};

struct resolver {
    struct configuration *configuration;
    unsigned thread_count;
    struct resolver_thread *threads[THREADS_MAX];
};

static unsigned share_of(unsigned total, unsigned threads)
{
    return (total + threads - 1) / threads;
}

static unsigned or_default(unsigned value, unsigned default_value)
{
    return value ? value : default_value;
}

/* All threads get new contexts. */
static void root_changed(void *context)
{
    resolver_flush(context);
}

static int start_threads(struct resolver *resolver, const struct resolver_options *options,
                         struct resolver_thread_options *thread, unsigned threads, char *problem,
                         size_t problem_size)
{
    struct recursor_share share = {.questions = thread->max_outstanding,
                                   .contexts = threads * CONTEXTS_PER_THREAD,
                                   .cache_bytes =
                                       options->unbound_cache_bytes / (threads * CONTEXTS_PER_THREAD)};
    unsigned sockets = recursor_sockets(&share);
    if (sockets < thread->max_outstanding) {
        log_write(LOG_RESOLVER, LEVEL_WARN,
                  "descriptors for %u questions in recursion only, not %u (RLIMIT_NOFILE)", sockets * threads,
                  thread->max_outstanding * threads);
        thread->max_outstanding = share.questions = sockets;
    }
    int error = configuration_new(options, &share, &resolver->configuration, problem, problem_size);
    thread->configuration = resolver->configuration;
    while (!error && resolver->thread_count < threads) {
        thread->number = resolver->thread_count;
        thread->follows_root =
            resolver->thread_count == 0 && configuration_follows_root(resolver->configuration);
        error =
            resolver_thread_start(thread, &resolver->threads[resolver->thread_count], problem, problem_size);
        if (!error)
            resolver->thread_count++;
    }
    return error;
}

int resolver_start(const struct resolver_options *options, struct cache *cache, struct metrics *metrics,
                   struct resolver **out, char *problem, size_t problem_size)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    if (!resolver)
        return ERR_NOMEM;
    if (problem_size)
        problem[0] = 0;
    unsigned threads = or_default(options->threads, 1);
    if (threads > THREADS_MAX)
        threads = THREADS_MAX;
    struct resolver_thread_options thread = {
        .root_changed = root_changed,
        .root_context = resolver,
        .cache = cache,
        .metrics = metrics,
        .max_outstanding = share_of(or_default(options->max_outstanding, MAX_OUTSTANDING_DEFAULT), threads),
        .max_per_zone = share_of(options->max_per_zone, threads),
        .max_joined = options->max_joined,
        .query_timeout_ms = or_default(options->query_timeout_ms, QUERY_TIMEOUT_DEFAULT_MS),
        .servfail_ttl_ms = options->servfail_ttl_ms,
        .max_ttl_s = options->max_cache_ttl_s,
        .max_negative_ttl_s = options->max_negative_ttl_s,
        .min_ttl_s = options->min_cache_ttl_s,
        .stale_s = options->max_stale_ttl_s,
        .denies = options->denies,
        .denied = options->denied,
    };
    int error = start_threads(resolver, options, &thread, threads, problem, problem_size);
    if (error)
        resolver_stop(resolver);
    else
        *out = resolver;
    return error;
}

void resolver_stop(struct resolver *resolver)
{
    if (!resolver)
        return;
    for (unsigned i = 0; i < resolver->thread_count; i++)
        resolver_thread_stop(resolver->threads[i]);
    configuration_free(resolver->configuration);
    free(resolver);
}

void resolver_ask(struct resolver *resolver, struct resolver_ask *ask)
{
    uint64_t which = ((ask->hash >> 32 & 0xffffffff) * resolver->thread_count) >> 32;
    resolver_thread_ask(resolver->threads[which], ask);
}

void resolver_flush(struct resolver *resolver)
{
    for (unsigned i = 0; i < resolver->thread_count; i++)
        resolver_thread_flush(resolver->threads[i]);
}
