/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What rate-limit says in the log: when limiting begins and when it ends, not each answer. At most
 * RATE_EPISODES are followed at once; of the others the beginning alone is told. A worker that finds the list
 * taken goes on without: it waits for nobody. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "candord/rate_limit.h"
#include "dns/consts.h"
#include "dns/name.h"

enum { LOOK_MS = 1000, AGAIN_MS = 1800 * 1000 /* an episode that goes on is told again */ };

struct rate_log {
    bool log_only;
    _Atomic unsigned open;      /* episodes */
    _Atomic uint64_t looked_ms; /* the last look */
    pthread_mutex_t lock;
    struct rate_episode episodes[RATE_EPISODES];
};

struct rate_log *rate_log_new(bool log_only)
{
    struct rate_log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->log_only = log_only;
    pthread_mutex_init(&log->lock, NULL);
    return log;
}

void rate_log_free(struct rate_log *log)
{
    if (!log)
        return;
    pthread_mutex_destroy(&log->lock);
    free(log);
}

/* "NXDOMAIN responses to 192.0.2.0/24 for example.com", as BIND has it. */
static void describe(const struct rate_answer *answer, const struct ip_prefix *network, char *out,
                     size_t size)
{
    static const char *const kinds[RATE_KINDS] = {
        [RATE_RESPONSE] = "",          [RATE_REFERRAL] = "referral ", [RATE_NODATA] = "NODATA ",
        [RATE_NXDOMAIN] = "NXDOMAIN ", [RATE_ERROR] = " error ",      [RATE_ALL] = "all ",
    };
    char prefix[IP_TEXT_MAX + 4], name[NAME_TEXT_MAX] = "";
    bool typed = answer->name && answer->kind == RATE_RESPONSE;
    int used = snprintf(out, size, "%s%sresponses to %s",
                        answer->kind == RATE_ERROR ? rcode_to_text(answer->rcode) : "", kinds[answer->kind],
                        prefix_to_text(network, prefix));
    if (!answer->name || used < 0 || (size_t)used >= size)
        return;
    name_to_text_nodot(answer->name, name);
    snprintf(out + used, size - (size_t)used, " for %.*s%s%s", RATE_EPISODE_TEXT - 150, name,
             typed ? " IN " : "", typed ? type_to_text(answer->qtype) : "");
}

static void tell(const struct rate_log *log, const char *verb, const char *what)
{
    log_write(LOG_RATE_LIMIT, LEVEL_INFO, "%s%s%s", log->log_only ? "would " : "", verb, what);
}

void rate_log_begin(struct rate_log *log, uint64_t tag, const struct rate_answer *answer,
                    const struct ip_prefix *network, uint64_t now_ms)
{
    char what[RATE_EPISODE_TEXT];
    if (!log_enabled(LOG_RATE_LIMIT, LEVEL_INFO))
        return;
    describe(answer, network, what, sizeof what);
    tell(log, "limit ", what);
    if (pthread_mutex_trylock(&log->lock))
        return;
    for (unsigned i = 0; i < RATE_EPISODES; i++)
        if (!log->episodes[i].tag) {
            log->episodes[i].tag = tag;
            log->episodes[i].told_ms = now_ms;
            memcpy(log->episodes[i].what, what, sizeof what);
            atomic_fetch_add(&log->open, 1);
            break;
        }
    pthread_mutex_unlock(&log->lock);
}

void rate_log_look(struct rate_log *log, uint64_t now_ms,
                   bool (*is_over)(void *context, uint64_t tag, uint64_t now_ms), void *context)
{
    uint64_t looked_ms = atomic_load_explicit(&log->looked_ms, memory_order_relaxed);
    if (!atomic_load_explicit(&log->open, memory_order_relaxed) || now_ms < looked_ms + LOOK_MS ||
        !atomic_compare_exchange_strong(&log->looked_ms, &looked_ms, now_ms) ||
        pthread_mutex_trylock(&log->lock))
        return;
    for (unsigned i = 0; i < RATE_EPISODES; i++) {
        struct rate_episode *episode = &log->episodes[i];
        if (!episode->tag)
            continue;
        if (is_over(context, episode->tag, now_ms)) {
            tell(log, "stop limiting ", episode->what);
            episode->tag = 0;
            atomic_fetch_sub(&log->open, 1);
        } else if (now_ms >= episode->told_ms + AGAIN_MS) {
            tell(log, "continue limiting ", episode->what);
            episode->told_ms = now_ms;
        }
    }
    pthread_mutex_unlock(&log->lock);
}
