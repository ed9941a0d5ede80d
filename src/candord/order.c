/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rrset-order and sortlist: addresses of an answer that is ready are put in another order. Addresses alone:
 * they are all of one length and hold no names, so that they change places where they stand. */
#include <limits.h>
#include <string.h>

#include "base/hash.h"
#include "candord/query.h"
#include "dns/name.h"
#include "dns/record.h"

enum { RUN_MAX = 64 /* addresses of one name that are put in order; more stay behind them */ };

/* The addresses of one name. */
struct run {
    struct message_record first;
    size_t at[RUN_MAX]; /* where each stands in the answer */
    unsigned count;
};

/* --- rrset-order --- */

static void swap(uint8_t *a, uint8_t *b, size_t length)
{
    uint8_t kept[16];
    memcpy(kept, a, length);
    memcpy(a, b, length);
    memcpy(b, kept, length);
}

static void reverse(uint8_t *out, const struct run *run, unsigned from, unsigned to)
{
    for (; from + 1 < to; from++, to--)
        swap(out + run->at[from], out + run->at[to - 1], run->first.rdata_length);
}

static void rotate(uint8_t *out, const struct run *run, unsigned by)
{
    reverse(out, run, 0, by);
    reverse(out, run, by, run->count);
    reverse(out, run, 0, run->count);
}

static void shuffle(uint8_t *out, const struct run *run, unsigned turn)
{
    uint64_t random = hash_mix(turn + 1, 0x9e3779b97f4a7c15u);
    for (unsigned i = run->count - 1; i > 0; i--) {
        random = hash_mix(random ^ i, 0xa0761d6478bd642fu);
        swap(out + run->at[i], out + run->at[random % (i + 1)], run->first.rdata_length);
    }
}

static bool fits(const struct order_rule *rule, const struct message_record *record, const uint8_t *owner)
{
    if (rule->type && rule->type != record->type)
        return false;
    if (!rule->name)
        return true;
    bool same = name_equal(owner, rule->name);
    return rule->below ? !same && name_is_within(owner, rule->name) : same;
}

static enum rrset_order order_of(const struct view_config *config, const struct message_record *record)
{
    uint8_t owner[NAME_MAX_BYTES];
    name_copy_lower(owner, record->owner);
    for (size_t i = 0; i < config->order_count; i++)
        if (fits(&config->order[i], record, owner))
            return config->order[i].how;
    return ORDER_AS_IT_IS;
}

/* --- sortlist --- */

/* What a client prefers: the addresses of a list in its order, or those that match one element. */
struct preference {
    const struct acl *list;
    const struct acl_element *one;
};

static bool matches(const struct query *q, const struct acl_element *element,
                    const struct ip_address *address)
{
    const struct acl alone = {1, element};
    const struct acl_subject subject = {.address = *address};
    return acl_allows(&alone, &subject, &q->snapshot->config->environment);
}

/* The innermost element that the client matches. */
static const struct acl_element *innermost(const struct query *q, const struct acl_element *element)
{
    const struct acl_subject client = {.address = q->client.address};
    while (element->kind == ACL_NESTED) {
        long place = acl_place(element->nested, &client, &q->snapshot->config->environment);
        if (place <= 0)
            break;
        element = &element->nested->elements[place - 1];
    }
    return element;
}

/* The first element whose first part the client matches; its second part is what he prefers, else himself. */
static bool find_preference(const struct query *q, const struct acl *sortlist, struct preference *out)
{
    for (size_t i = 0; i < sortlist->count; i++) {
        const struct acl_element *element = &sortlist->elements[i];
        bool pair = element->kind == ACL_NESTED && element->nested->count > 0;
        const struct acl_element *who = pair ? element->nested->elements : element;
        const struct acl_element *what = pair && element->nested->count > 1 ? who + 1 : NULL;
        if (!matches(q, who, &q->client.address))
            continue;
        *out = (struct preference){.one = what ? what : innermost(q, who)};
        if (what && what->kind == ACL_NESTED)
            out->list = what->nested;
        return true;
    }
    return false;
}

static long rank(const struct query *q, const struct preference *preference, const struct ip_address *address)
{
    const struct acl_subject subject = {.address = *address};
    if (!preference->list)
        return !matches(q, preference->one, address);
    long place = acl_place(preference->list, &subject, &q->snapshot->config->environment);
    return place > 0 ? place : place < 0 ? LONG_MAX + place : LONG_MAX / 2;
}

/* Those of equal rank stay in their order. */
static void sort(const struct query *q, const struct run *run, const struct preference *preference)
{
    long ranks[RUN_MAX];
    size_t length = run->first.rdata_length;
    for (unsigned i = 0; i < run->count; i++) {
        struct ip_address address = rdata_address(run->first.type, q->out + run->at[i], length);
        ranks[i] = rank(q, preference, &address);
        for (unsigned j = i; j > 0 && ranks[j - 1] > ranks[j]; j--) {
            long kept = ranks[j];
            ranks[j] = ranks[j - 1];
            ranks[j - 1] = kept;
            swap(q->out + run->at[j], q->out + run->at[j - 1], length);
        }
    }
}

/* --- the answer --- */

static void put_in_order(struct query *q, struct run *run, unsigned turn)
{
    const struct view_config *config = q->rights.view->config;
    struct preference preference;
    if (run->count < 2)
        return;
    enum rrset_order how = order_of(config, &run->first);
    if (how == ORDER_CYCLIC)
        rotate(q->out, run, turn % run->count);
    else if (how == ORDER_RANDOM)
        shuffle(q->out, run, turn);
    if (config->sortlist && find_preference(q, config->sortlist, &preference))
        sort(q, run, &preference);
}

static bool continues(const struct run *run, const struct message_record *record)
{
    return run->count && run->count < RUN_MAX && record->type == run->first.type &&
           record->section == run->first.section && record->rdata_length == run->first.rdata_length &&
           name_equal(record->owner, run->first.owner);
}

static bool is_address(const struct message_record *record)
{
    return (record->type == TYPE_A && record->rdata_length == 4) ||
           (record->type == TYPE_AAAA && record->rdata_length == 16);
}

void reply_order(struct query *q, unsigned turn)
{
    struct message_reader reader;
    struct message_record record;
    struct run run = {.count = 0};
    if (q->explanation || q->no_reply || message_open(&reader, q->out, q->out_length))
        return;
    while (message_next(&reader, &record) == 1) {
        if (!continues(&run, &record)) {
            put_in_order(q, &run, turn);
            run.count = 0;
        }
        if (!is_address(&record))
            continue;
        if (!run.count)
            run.first = record;
        run.at[run.count++] = (size_t)(record.rdata - q->out);
    }
    put_in_order(q, &run, turn);
}
