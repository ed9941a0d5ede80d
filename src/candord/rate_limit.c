/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/rate_limit.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"

enum {
    WAYS = 8, /* places where an entry may stand: two lines of the processor's cache */
    SLIP_BITS = 4,
    STATE_BITS = SLIP_BITS + 1, /* the low bits of a state: answers since the last slip, told in the log */
    TOLD = 1 << SLIP_BITS,
    SECOND_US = 1000000,
    REST_MS = 60000, /* how long an entry has to be within its limit until that is told */
};

struct entry {
    _Atomic uint64_t tag;   /* hash of what is counted; 0: free */
    _Atomic uint64_t state; /* when the bucket is full again, in us, above STATE_BITS */
};

struct rate_limiter {
    _Atomic unsigned references;
    struct rate_limit_options options;
    uint64_t seed;
    struct rate_log *log;
    /* The load, for qps-scale: answers since a moment, and what the last window had a second. */
    _Atomic uint64_t load_since_ms, load_answers, load_per_s;
    uint32_t sets;
    struct entry *entries; /* sets * WAYS */
};

/* What an entry is debited by. */
struct measure {
    uint64_t step_us, owed_max_us;
    unsigned slip;
};

struct rate_limiter *rate_limiter_new(const struct rate_limit_options *options, uint64_t seed)
{
    struct rate_limiter *limiter = calloc(1, sizeof *limiter);
    if (!limiter)
        return NULL;
    atomic_init(&limiter->references, 1);
    limiter->options = *options;
    limiter->seed = seed;
    limiter->sets = (options->max_entries + WAYS - 1) / WAYS;
    size_t bytes = (size_t)limiter->sets * WAYS * sizeof *limiter->entries;
    limiter->entries = aligned_alloc(WAYS * sizeof *limiter->entries, bytes);
    limiter->log = rate_log_new(options->log_only);
    if (limiter->entries && limiter->log) {
        memset(limiter->entries, 0, bytes);
        return limiter;
    }
    rate_limiter_unref(limiter);
    return NULL;
}

struct rate_limiter *rate_limiter_ref(struct rate_limiter *limiter)
{
    atomic_fetch_add_explicit(&limiter->references, 1, memory_order_relaxed);
    return limiter;
}

void rate_limiter_unref(struct rate_limiter *limiter)
{
    if (!limiter || atomic_fetch_sub_explicit(&limiter->references, 1, memory_order_acq_rel) != 1)
        return;
    rate_log_free(limiter->log);
    free(limiter->entries);
    free(limiter);
}

/* --- entries --- */

static struct ip_prefix network_of(const struct rate_limiter *limiter, const struct ip_address *client)
{
    unsigned bits =
        client->family == IP_V4 ? limiter->options.prefix_bits_v4 : limiter->options.prefix_bits_v6;
    struct ip_prefix network = {*client, (uint8_t)bits};
    ip_mask(&network.address, bits);
    return network;
}

static uint64_t tag_of(const struct rate_limiter *limiter, const struct ip_prefix *network,
                       enum rate_kind kind, const uint8_t *name, uint16_t qtype)
{
    uint64_t head[3] = {(uint64_t)kind << 32 | (uint64_t)network->address.family << 16 |
                        (kind == RATE_RESPONSE ? qtype : 0)};
    memcpy(head + 1, network->address.bytes, sizeof network->address.bytes);
    size_t length = name ? name_length(name) : 0;
    uint64_t hash = hash_more(hash_begin(limiter->seed, length), head, sizeof head);
    return hash_rest(hash, name, length) | 1;
}

/* Made for another: full. NULL: somebody else was faster. */
static struct entry *take_over(struct entry *entry, uint64_t tag, uint64_t now_us, bool *crowded)
{
    uint64_t old_tag = atomic_load(&entry->tag), state = atomic_load(&entry->state);
    if (!atomic_compare_exchange_strong(&entry->tag, &old_tag, tag))
        return NULL;
    *crowded |= state >> STATE_BITS > now_us;
    atomic_store(&entry->state, now_us << STATE_BITS);
    return entry;
}

static struct entry *find(const struct rate_limiter *limiter, uint64_t tag)
{
    struct entry *set = limiter->entries + (size_t)((tag >> 32) * limiter->sets >> 32) * WAYS;
    for (unsigned i = 0; i < WAYS; i++)
        if (atomic_load_explicit(&set[i].tag, memory_order_relaxed) == tag)
            return &set[i];
    return NULL;
}

/* The entry of `tag`, in place of the one that would be full first if there is none. */
static struct entry *have(const struct rate_limiter *limiter, uint64_t tag, uint64_t now_us, bool *crowded)
{
    struct entry *entry = find(limiter, tag);
    if (entry)
        return entry;
    struct entry *set = limiter->entries + (size_t)((tag >> 32) * limiter->sets >> 32) * WAYS;
    struct entry *least = set;
    for (unsigned i = 1; i < WAYS; i++)
        if (atomic_load(&set[i].state) < atomic_load(&least->state))
            least = &set[i];
    return take_over(least, tag, now_us, crowded) ?: find(limiter, tag);
}

/* One answer more. *begins: it is the first over the limit since that was told last. */
static enum rate_result debit(struct entry *entry, const struct measure *measure, uint64_t now_us,
                              bool *begins)
{
    uint64_t state = atomic_load(&entry->state), next;
    enum rate_result result;
    do {
        uint64_t full_us = state >> STATE_BITS, told = state & TOLD;
        unsigned since_slip = state & (TOLD - 1);
        if (full_us <= now_us) {
            full_us = now_us;
            since_slip = 0;
        }
        full_us += measure->step_us;
        result = full_us <= now_us + SECOND_US ? RATE_PASS : RATE_DROP;
        *begins = result != RATE_PASS && !told;
        if (full_us > now_us + measure->owed_max_us)
            full_us = now_us + measure->owed_max_us;
        if (result != RATE_PASS && measure->slip) {
            result = since_slip == 0 ? RATE_SLIP : RATE_DROP;
            since_slip = (since_slip + 1) % measure->slip;
        }
        next = full_us << STATE_BITS | told | (*begins ? TOLD : 0) | since_slip;
    } while (!atomic_compare_exchange_weak(&entry->state, &state, next));
    return result;
}

/* --- the load --- */

/* Counts an answer. Returns how many there are a second: in this window so far, or in the last one if that
 * had more. 0: limits do not depend on it. */
static uint64_t note_load(struct rate_limiter *limiter, uint64_t now_ms)
{
    if (!limiter->options.qps_scale)
        return 0;
    uint64_t answers = atomic_fetch_add(&limiter->load_answers, 1) + 1;
    uint64_t since_ms = atomic_load(&limiter->load_since_ms), before = atomic_load(&limiter->load_per_s);
    if (!since_ms || now_ms < since_ms + 1000) {
        if (!since_ms)
            atomic_compare_exchange_strong(&limiter->load_since_ms, &since_ms, now_ms);
        return before;
    }
    uint64_t per_s = answers * 1000 / (now_ms - since_ms);
    if (now_ms - since_ms < (uint64_t)limiter->options.window_s * 1000)
        return per_s > before ? per_s : before;
    if (atomic_compare_exchange_strong(&limiter->load_since_ms, &since_ms, now_ms)) {
        atomic_store(&limiter->load_per_s, per_s);
        atomic_store(&limiter->load_answers, 0);
    }
    return per_s;
}

static bool came_by_tcp(const struct rate_limiter *limiter, const struct ip_prefix *network, uint64_t now_us)
{
    const struct entry *entry = find(limiter, tag_of(limiter, network, RATE_TCP, NULL, 0));
    return entry && atomic_load(&entry->state) >> STATE_BITS > now_us;
}

static struct measure measure_of(const struct rate_limiter *limiter, enum rate_kind kind, uint64_t load,
                                 bool spared)
{
    const struct rate_limit_options *options = &limiter->options;
    uint64_t rate = options->per_second[kind], slip = kind < RATE_ERROR ? options->slip : 0;
    if (load > options->qps_scale && !spared) {
        rate = rate * options->qps_scale / load ?: 1;
        if (slip > 2)
            slip = slip * options->qps_scale / load > 2 ? slip * options->qps_scale / load : 2;
    }
    return (struct measure){.step_us = SECOND_US / rate,
                            .owed_max_us = (uint64_t)SECOND_US * (1 + options->window_s),
                            .slip = (unsigned)slip};
}

/* --- judging --- */

static bool is_over(void *context, uint64_t tag, uint64_t now_ms)
{
    const struct rate_limiter *limiter = context;
    struct entry *entry = find(limiter, tag);
    if (!entry)
        return true;
    uint64_t state = atomic_load(&entry->state);
    if ((state >> STATE_BITS) + REST_MS * 1000 > now_ms * 1000)
        return false;
    return atomic_compare_exchange_strong(&entry->state, &state, state & ~(uint64_t)TOLD);
}

static enum rate_result judge_kind(struct rate_limiter *limiter, const struct rate_answer *answer,
                                   const struct ip_prefix *network, uint64_t now_ms, uint64_t load,
                                   bool *crowded)
{
    bool begins;
    if (!limiter->options.per_second[answer->kind])
        return RATE_PASS;
    bool spared = load > limiter->options.qps_scale && came_by_tcp(limiter, network, now_ms * 1000);
    const struct measure measure = measure_of(limiter, answer->kind, load, spared);
    uint64_t tag = tag_of(limiter, network, answer->kind, answer->name, answer->qtype);
    struct entry *entry = have(limiter, tag, now_ms * 1000, crowded);
    if (!entry)
        return RATE_PASS;
    enum rate_result result = debit(entry, &measure, now_ms * 1000, &begins);
    if (begins)
        rate_log_begin(limiter->log, tag, answer, network, now_ms);
    return result;
}

struct rate_judgement rate_limiter_judge(struct rate_limiter *limiter, const struct rate_answer *answer,
                                         uint64_t now_ms)
{
    struct rate_judgement judgement = {RATE_PASS, false};
    const struct ip_prefix network = network_of(limiter, answer->client);
    const struct rate_answer all = {.kind = RATE_ALL, .client = answer->client};
    uint64_t load = note_load(limiter, now_ms);
    judgement.result = judge_kind(limiter, answer, &network, now_ms, load, &judgement.crowded);
    if (judge_kind(limiter, &all, &network, now_ms, load, &judgement.crowded) != RATE_PASS)
        judgement.result = RATE_DROP;
    rate_log_look(limiter->log, now_ms, is_over, limiter);
    return judgement;
}

void rate_limiter_see_tcp(struct rate_limiter *limiter, const struct ip_address *client, uint64_t now_ms)
{
    bool crowded;
    if (note_load(limiter, now_ms) <= limiter->options.qps_scale)
        return;
    const struct ip_prefix network = network_of(limiter, client);
    struct entry *entry =
        have(limiter, tag_of(limiter, &network, RATE_TCP, NULL, 0), now_ms * 1000, &crowded);
    if (entry)
        atomic_store(&entry->state,
                     (now_ms + (uint64_t)limiter->options.window_s * 1000) * 1000 << STATE_BITS);
}
