/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that come together. No cache holds the index of a large zone, so most of the time of a load is
 * waiting for memory: here for all of them at once. */
#include "rpz/together.h"

#include "base/bytes.h"
#include "rpz/revise.h"

enum { STEP_KEYS = 8 };

static bool is_of_key(const struct rpz_key *key, const struct incoming *in)
{
    return bytes_same(key->name, in->name, key->length + 1u);
}

/* All hashes of a rule's name; the one before it often has the same. */
static void make_key(struct together *t, struct incoming *in)
{
    struct rpz_key *key = t->keys_used ? &t->keys[t->keys_used - 1] : NULL;
    if (!key || !is_of_key(key, in)) {
        key = &t->keys[t->keys_used++];
        rpz_key_init(key, in->name, t->tail);
        (void)rpz_key_fingerprint(key, key->labels);
    }
    in->key = key;
}

/* A name that is new brings the one above it into being; top-level domains are never far. */
static unsigned lowest_level(const struct together *t, const struct rpz_key *key)
{
    return t->with_above && key->labels > 2 ? key->labels - 1u : key->labels;
}

typedef void ask_memory(const struct owners *owners, uint32_t fingerprint);

static inline void ask(const struct together *t, unsigned number, ask_memory *ask_for)
{
    const struct rpz_key *key = &t->keys[number];
    for (unsigned level = lowest_level(t, key); level <= key->labels; level++)
        ask_for(t->owners, (uint32_t)(key->hash[level] >> 32));
}

/* A step for each of three keys: what this one asks for is there when it comes to its next step. */
static inline void ask_on(const struct together *t, unsigned number)
{
    if (number < t->keys_used)
        ask(t, number, owners_ask);
    if (number - STEP_KEYS < t->keys_used)
        ask(t, number - STEP_KEYS, owners_ask_leaf);
    if (number - 2 * STEP_KEYS < t->keys_used)
        ask(t, number - 2 * STEP_KEYS, owners_ask_entry);
}

static void classify_all(const struct policy_builder *b, const struct policy_record *records,
                         struct together *t)
{
    for (size_t i = 0; i < t->count; i++) {
        unsigned before = t->keys_used;
        t->skip[i] = builder_classify(b, &records[i], &t->in[i]);
        if (!t->skip[i])
            make_key(t, &t->in[i]);
        if (t->keys_used > before)
            ask_on(t, before);
    }
    for (unsigned number = t->keys_used; number < t->keys_used + 2 * STEP_KEYS; number++)
        ask_on(t, number);
}

void together_begin(struct together *t, const struct policy_builder *b, const struct policy_record *records,
                    size_t count)
{
    t->count = count;
    t->keys_used = 0;
    t->owners = b->revision ? revision_owners(b->revision) : &b->owners.owners;
    t->tail = rpz_tail_none();
    t->with_above = !b->revision;
    classify_all(b, records, t);
}

/* A rule; the owner before it stays open for it if it has the same name. */
static int add_rule(struct policy_builder *b, struct open_owner *owner, const struct incoming *in)
{
    int error = owner->key == in->key ? 0 : builder_close_owner(b, owner);
    if (error)
        return error;
    if (b->revision)
        return revision_add(b, in);
    if (!owner->key)
        builder_open_owner(b, in->key, owner);
    return builder_add_to(b, owner, in);
}

void policy_builder_add_all(struct policy_builder *b, const struct policy_record *records, size_t count,
                            int *results)
{
    struct together t;
    struct open_owner owner = {.key = NULL};
    int error = 0;
    together_begin(&t, b, records, count);
    for (size_t i = 0; i < count; i++) {
        results[i] = (int)t.skip[i];
        if (!results[i] && !error)
            results[i] = add_rule(b, &owner, &t.in[i]);
        if (results[i] > 0 && !error)
            results[i] = builder_keep(b, &t.in[i], (enum rpz_skip)results[i]);
        error = error ? error : results[i] < 0 ? results[i] : 0;
        results[i] = error ? error : results[i];
    }
    int closed = error || !count ? 0 : builder_close_owner(b, &owner);
    if (closed)
        results[count - 1] = closed;
}
