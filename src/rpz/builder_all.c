/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Records that come together. No cache holds the index of a large zone, so most of the time of a load is
 * waiting for memory: here for all of them at once. */
#include "rpz/revise.h"

struct together {
    size_t count;
    unsigned keys_used;
    struct incoming in[POLICY_TOGETHER];
    struct rpz_key keys[POLICY_TOGETHER];
};

static bool is_of_key(const struct rpz_key *key, const struct incoming *in)
{
    return memcmp(key->name, in->name, key->length + 1u) == 0;
}

/* All hashes of a rule's name; the one before it often has the same. */
static void make_key(struct together *t, struct incoming *in)
{
    struct rpz_key *key = t->keys_used ? &t->keys[t->keys_used - 1] : NULL;
    if (!key || !is_of_key(key, in)) {
        key = &t->keys[t->keys_used++];
        rpz_key_init(key, in->name, rpz_tail_none());
        (void)rpz_key_fingerprint(key, key->labels);
    }
    in->key = key;
}

static void classify_all(const struct policy_builder *b, const struct policy_record *records,
                         struct together *t, int *results)
{
    for (size_t i = 0; i < t->count; i++) {
        results[i] = (int)builder_classify(b, &records[i], &t->in[i]);
        if (!results[i])
            make_key(t, &t->in[i]);
    }
}

/* A name that is new brings the one above it into being; top-level domains are never far. */
static unsigned lowest_level(const struct rpz_key *key)
{
    return key->labels > 2 ? key->labels - 1u : key->labels;
}

static void ask_each(const struct together *t, const struct owners *owners, bool above,
                     void (*ask)(const struct owners *owners, uint32_t fingerprint))
{
    for (unsigned i = 0; i < t->keys_used; i++) {
        const struct rpz_key *key = &t->keys[i];
        for (unsigned level = above ? lowest_level(key) : key->labels; level <= key->labels; level++)
            ask(owners, (uint32_t)(key->hash[level] >> 32));
    }
}

static void ask_for_memory(const struct policy_builder *b, const struct together *t)
{
    const struct owners *owners = b->revision ? revision_owners(b->revision) : &b->owners.owners;
    bool above = !b->revision;
    ask_each(t, owners, above, owners_ask);
    ask_each(t, owners, above, owners_ask_leaf);
    ask_each(t, owners, above, owners_ask_entry);
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
    t.count = count;
    t.keys_used = 0;
    classify_all(b, records, &t, results);
    ask_for_memory(b, &t);
    for (size_t i = 0; i < count; i++) {
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
