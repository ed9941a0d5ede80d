/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The additional section: what a client will ask for next, as far as this zone holds it. */
#include <string.h>

#include "dns/name.h"
#include "zone/content.h"

enum {
    ADDITIONAL_MAX = 40, /* sets; enough for any sane NS or SRV set, and a bound on the work */
    TYPE_AFSDB = 18,
    TYPE_RT = 21,
    TYPE_NAPTR = 35,
    TYPE_KX = 36,
};

/* Where the RDATA of a type names a host. */
static const struct target_rule {
    uint16_t type;
    uint8_t offset;
} target_rules[] = {
    {TYPE_NS, 0}, {TYPE_MX, 2}, {TYPE_SRV, 6},  {TYPE_AFSDB, 2},
    {TYPE_RT, 2}, {TYPE_KX, 2}, {TYPE_SVCB, 2}, {TYPE_HTTPS, 2},
};

/* What to fetch for one record. */
struct wanted {
    const uint8_t *name;
    uint16_t types[3]; /* 0: none */
};

/* NAPTR: two numbers, three strings, the name; its flags say what the name leads to (RFC 3403). */
static bool want_naptr(const struct rdata *rdata, struct wanted *out)
{
    size_t at = 4;
    char flag = 0;
    for (int string = 0; string < 3; string++) {
        if (at >= rdata->length)
            return false;
        if (string == 0 && rdata->bytes[at] == 1 && at + 1 < rdata->length)
            flag = (char)(rdata->bytes[at + 1] | 0x20);
        at += 1u + rdata->bytes[at];
    }
    if (at >= rdata->length)
        return false;
    *out = (struct wanted){.name = rdata->bytes + at};
    if (flag == 's')
        out->types[0] = TYPE_SRV;
    else if (flag == 'a')
        out->types[0] = TYPE_A, out->types[1] = TYPE_AAAA;
    return out->types[0] != 0;
}

/* A service in alias mode (priority 0) leads to the same type at its target (RFC 9460 section 4.2); a target
 * of "." is the owner in service mode and nothing in alias mode. */
static bool want_service(const struct rrset *set, const struct rdata *rdata, struct wanted *out)
{
    bool alias = rdata->bytes[0] == 0 && rdata->bytes[1] == 0;
    if (name_is_root(out->name))
        out->name = set->owner;
    else if (alias)
        out->types[2] = set->type;
    return !alias || out->types[2] != 0;
}

static bool want(const struct rrset *set, const struct rdata *rdata, struct wanted *out)
{
    if (set->type == TYPE_NAPTR)
        return want_naptr(rdata, out);
    for (size_t i = 0; i < sizeof target_rules / sizeof *target_rules; i++) {
        if (target_rules[i].type != set->type || target_rules[i].offset >= rdata->length)
            continue;
        *out = (struct wanted){rdata->bytes + target_rules[i].offset, {TYPE_A, TYPE_AAAA, 0}};
        if (set->type == TYPE_SVCB || set->type == TYPE_HTTPS)
            return want_service(set, rdata, out);
        return !name_is_root(out->name);
    }
    return false;
}

static bool section_has(const struct section *section, const uint8_t *owner, uint16_t type)
{
    for (size_t i = 0; i < section->count; i++) {
        if (section->sets[i].type == type && name_equal(section->sets[i].owner, owner))
            return true;
    }
    return false;
}

/* Finds the data at `lower` as authority, or, with `glue`, below a cut. */
static int find_target(struct answering *a, const uint8_t *lower, bool glue, struct find *found)
{
    int error = content_find(a->content, lower, false, a->arena, found);
    if (error || !glue)
        return error;
    bool below_cut = found->kind == FIND_CUT;
    error = below_cut ? content_at(a->content, lower, a->arena, &found->view) : 0;
    found->kind = below_cut && found->view.exists ? FIND_NODE : FIND_NOTHING;
    return error;
}

static int put_wanted(struct answering *a, const struct wanted *wanted, bool glue)
{
    uint8_t lower[NAME_MAX_BYTES];
    name_copy_lower(lower, wanted->name);
    if (!name_is_within(lower, a->content->origin))
        return 0;
    struct find found;
    int error = find_target(a, lower, glue, &found);
    if (error || (found.kind != FIND_NODE && found.kind != FIND_WILDCARD))
        return error;
    const uint8_t *owner = found.kind == FIND_WILDCARD ? wanted->name : NULL;
    for (size_t i = 0; i < 3 && !error; i++) {
        const struct rrset *set = wanted->types[i] ? view_find(&found.view, wanted->types[i]) : NULL;
        if (set && a->additional.count < ADDITIONAL_MAX && !section_has(&a->answer, wanted->name, set->type))
            error = section_put(a, &a->additional, set, owner);
    }
    return error;
}

static int put_for_set(struct answering *a, const struct rrset *set, bool glue)
{
    int error = 0;
    struct wanted wanted;
    for (unsigned i = 0; i < set->count && !error && a->additional.count < ADDITIONAL_MAX; i++) {
        if (want(set, &set->rdatas[i], &wanted))
            error = put_wanted(a, &wanted, glue);
    }
    return error;
}

int additional_put(struct answering *a, const struct section *section, bool glue)
{
    int error = 0;
    for (size_t i = 0; i < section->count && !error; i++)
        error = put_for_set(a, &section->sets[i], glue);
    /* What was added may name hosts itself: NAPTR leads to SRV leads to addresses. The section may move while
     * it grows, so each set is copied first. */
    for (size_t i = 0; i < a->additional.count && !error && !glue; i++) {
        struct rrset set = a->additional.sets[i];
        error = put_for_set(a, &set, false);
    }
    return error;
}
