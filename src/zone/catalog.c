/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "dns/consts.h"
#include "dns/name.h"

enum {
    LABELS_MAX = 6, /* below the catalog that are looked at: label.primaries.ext.unique.zones */
    APL_HEAD_BYTES = 4,
};

struct reading {
    struct catalog *catalog;
    struct catalog_member *found;  /* all that have been seen, newest first */
    struct catalog_member **slots; /* by unique label */
    size_t mask, seen;
    unsigned versions;
    bool version_2;
    char *problem;
    size_t problem_size;
};

/* The labels of an owner below the catalog, from the right: labels[0] is "zones" or "version". */
struct path {
    const uint8_t *labels[LABELS_MAX];
    unsigned count;
};

static bool label_is(const uint8_t *label, const char *text)
{
    return *label == strlen(text) && strncasecmp((const char *)label + 1, text, *label) == 0;
}

static int broken(struct reading *r, const uint8_t *owner, const char *what)
{
    char text[NAME_TEXT_MAX];
    snprintf(r->problem, r->problem_size, "%s: %s", name_to_text(owner, text), what);
    return ERR_MALFORMED;
}

/* --- members --- */

static const uint8_t *keep_label(struct reading *r, const uint8_t *label)
{
    uint8_t *copy = arena_alloc(&r->catalog->arena, *label + 2u);
    if (!copy)
        return NULL;
    memcpy(copy, label, *label + 1u);
    copy[*label + 1] = 0;
    name_to_lower(copy);
    return copy;
}

static struct catalog_member **member_slot(const struct reading *r, const uint8_t *label)
{
    size_t at = hash_bytes(1, label, *label + 1u) & r->mask;
    while (r->slots[at] && memcmp(r->slots[at]->unique, label, *label + 1u) != 0)
        at = (at + 1) & r->mask;
    return &r->slots[at];
}

static int grow(struct reading *r)
{
    struct catalog_member **slots = calloc(2 * (r->mask + 1), sizeof(struct catalog_member *));
    if (!slots)
        return ERR_NOMEM;
    free(r->slots);
    r->slots = slots;
    r->mask = 2 * r->mask + 1;
    for (struct catalog_member *member = r->found; member; member = member->next)
        *member_slot(r, member->unique) = member;
    return 0;
}

static struct catalog_member *find_or_add(struct reading *r, const uint8_t *label)
{
    const uint8_t *unique = keep_label(r, label);
    if (!unique || (2 * r->seen > r->mask && grow(r)))
        return NULL;
    struct catalog_member **slot = member_slot(r, unique);
    if (*slot)
        return *slot;
    struct catalog_member *member = arena_zalloc(&r->catalog->arena, sizeof *member);
    if (!member)
        return NULL;
    member->unique = unique;
    member->next = r->found;
    r->found = *slot = member;
    r->seen++;
    return member;
}

static int set_name(struct reading *r, const uint8_t **to, const struct policy_record *record)
{
    uint8_t *name = *to ? NULL : arena_alloc(&r->catalog->arena, record->rdata_length);
    if (*to)
        return broken(r, record->owner, "more than one PTR");
    if (!name)
        return ERR_NOMEM;
    name_copy_lower(name, record->rdata);
    *to = name;
    return 0;
}

/* --- properties --- */

/* The strings of a TXT as one text; what cannot stand in a text ends it. */
static char *text_of(struct reading *r, const struct policy_record *record)
{
    char *text = arena_zalloc(&r->catalog->arena, record->rdata_length + 1u);
    size_t used = 0;
    for (size_t at = 0; text && at < record->rdata_length; at += record->rdata[at] + 1u) {
        memcpy(text + used, record->rdata + at + 1, record->rdata[at]);
        used += record->rdata[at];
    }
    return text;
}

static int add_group(struct reading *r, struct catalog_member *member, const struct policy_record *record)
{
    struct catalog_group *group = arena_alloc(&r->catalog->arena, sizeof *group);
    const char *text = text_of(r, record);
    if (!group || !text)
        return ERR_NOMEM;
    *group = (struct catalog_group){text, member->groups};
    member->groups = group;
    return 0;
}

static bool same_label(const uint8_t *a, const uint8_t *b)
{
    return a && b ? *a == *b && memcmp(a, b, *a + 1u) == 0 : a == b;
}

/* A key and its addresses belong together by their label. */
static int add_primary(struct reading *r, struct catalog_primary **list, const uint8_t *label,
                       const struct policy_record *record)
{
    const uint8_t *kept = label ? keep_label(r, label) : NULL;
    struct catalog_primary *primary = arena_zalloc(&r->catalog->arena, sizeof *primary);
    if (!primary || (label && !kept))
        return ERR_NOMEM;
    *primary = (struct catalog_primary){.label = kept, .next = *list};
    if (record->type == TYPE_TXT)
        primary->key = text_of(r, record);
    else
        primary->address = rdata_address(record->type, record->rdata, record->rdata_length);
    *list = primary;
    return record->type == TYPE_TXT && !primary->key ? ERR_NOMEM : 0;
}

static int read_primaries(struct reading *r, struct catalog_primary **list, const struct path *path,
                          unsigned from, const struct policy_record *record)
{
    bool address = record->type == TYPE_A || record->type == TYPE_AAAA;
    bool named = path->count > from &&
                 (label_is(path->labels[from], "primaries") || label_is(path->labels[from], "masters"));
    if (!named || path->count > from + 2 ||
        (!address && (record->type != TYPE_TXT || path->count == from + 1)))
        return 0;
    return add_primary(r, list, path->count == from + 2 ? path->labels[from + 1] : NULL, record);
}

/* AFI, prefix length, negation and length of what follows, the address without zeros at its end. False: that
 * is none, or of no family that we know. */
static bool read_apl_item(const uint8_t *at, size_t left, struct catalog_prefix *out, size_t *used)
{
    if (left < APL_HEAD_BYTES || left < APL_HEAD_BYTES + (at[3] & 0x7fu)) {
        *used = left;
        return false;
    }
    unsigned family = (unsigned)at[0] << 8 | at[1], length = at[3] & 0x7f;
    *used = APL_HEAD_BYTES + length;
    *out = (struct catalog_prefix){.negated = at[3] & 0x80, .prefix.length = at[2]};
    out->prefix.address.family = family == 1 ? IP_V4 : family == 2 ? IP_V6 : IP_NONE;
    if (at[2] > ip_bits(out->prefix.address.family) || length * 8 > ip_bits(out->prefix.address.family))
        return false;
    memcpy(out->prefix.address.bytes, at + APL_HEAD_BYTES, length);
    ip_mask(&out->prefix.address, at[2]);
    return out->prefix.address.family != IP_NONE;
}

/* The first APL counts; what it says that cannot be read allows nobody. */
static int set_access(struct reading *r, struct catalog_access *to, const struct policy_record *record)
{
    if (to->given)
        return 0;
    struct catalog_prefix *prefixes =
        arena_alloc(&r->catalog->arena, (record->rdata_length / APL_HEAD_BYTES + 1) * sizeof *prefixes);
    if (!prefixes)
        return ERR_NOMEM;
    to->given = true;
    to->prefixes = prefixes;
    for (size_t at = 0, used; at < record->rdata_length; at += used)
        to->count +=
            read_apl_item(record->rdata + at, record->rdata_length - at, &prefixes[to->count], &used);
    return 0;
}

/* What stands below `ext`, at labels[from]. */
static int read_extension(struct reading *r, struct catalog_primary **primaries, struct catalog_access *query,
                          struct catalog_access *transfer, const struct path *path, unsigned from,
                          const struct policy_record *record)
{
    if (record->type != TYPE_APL)
        return read_primaries(r, primaries, path, from, record);
    if (path->count == from + 1 && label_is(path->labels[from], "allow-query"))
        return set_access(r, query, record);
    if (path->count == from + 1 && label_is(path->labels[from], "allow-transfer"))
        return set_access(r, transfer, record);
    return 0;
}

static int read_member(struct reading *r, const struct path *path, const struct policy_record *record)
{
    struct catalog_member *member = find_or_add(r, path->labels[1]);
    if (!member)
        return ERR_NOMEM;
    if (path->count == 2)
        return record->type == TYPE_PTR ? set_name(r, &member->name, record) : 0;
    if (path->count == 3 && label_is(path->labels[2], "coo") && record->type == TYPE_PTR)
        return set_name(r, &member->coo, record);
    if (path->count == 3 && label_is(path->labels[2], "group") && record->type == TYPE_TXT)
        return add_group(r, member, record);
    if (label_is(path->labels[2], "ext"))
        return read_extension(r, &member->primaries, &member->query, &member->transfer, path, 3, record);
    return 0; /* a property that is not ours (4.5) */
}

static int read_version(struct reading *r, const struct policy_record *record)
{
    r->versions++;
    r->version_2 = record->rdata_length == 2 && record->rdata[0] == 1 && record->rdata[1] == '2';
    return 0;
}

/* --- records --- */

/* False: deeper than anything that has a meaning. */
static bool split(const uint8_t *owner, const uint8_t *origin, struct path *out)
{
    unsigned below = name_labels(owner) - name_labels(origin);
    out->count = below;
    for (unsigned i = 0; i < below && below <= LABELS_MAX; i++)
        out->labels[i] = name_skip(owner, below - 1 - i);
    return below && below <= LABELS_MAX;
}

static void add_hash(struct reading *r, const struct policy_record *record)
{
    uint8_t owner[NAME_MAX_BYTES];
    uint64_t hash = hash_bytes(record->type, owner, name_copy_lower(owner, record->owner));
    r->catalog->hash += hash_bytes(hash, record->rdata, record->rdata_length);
}

static int read_record(void *context, const struct policy_record *record)
{
    struct reading *r = context;
    struct path path;
    if (record->rclass != CLASS_IN)
        return broken(r, record->owner, "not of class IN");
    if (!split(record->owner, r->catalog->origin, &path))
        return 0;
    add_hash(r, record);
    if (path.count == 1 && label_is(path.labels[0], "version") && record->type == TYPE_TXT)
        return read_version(r, record);
    if (path.count >= 2 && label_is(path.labels[0], "zones"))
        return read_member(r, &path, record);
    if (path.count >= 2 && label_is(path.labels[0], "ext"))
        return read_extension(r, &r->catalog->primaries, &r->catalog->query, &r->catalog->transfer, &path, 1,
                              record);
    return 0;
}

/* --- the end --- */

/* Each label's key goes to its addresses. */
static void join_keys(struct catalog_primary **list)
{
    for (struct catalog_primary *key = *list; key; key = key->next)
        for (struct catalog_primary *at = key->key && key->address.family == IP_NONE ? *list : NULL; at;
             at = at->next)
            if (at->address.family != IP_NONE && same_label(at->label, key->label))
                at->key = key->key;
    for (struct catalog_primary **at = list; *at;)
        if ((*at)->address.family == IP_NONE)
            *at = (*at)->next;
        else
            at = &(*at)->next;
}

static int by_name(const void *a, const void *b)
{
    const struct catalog_member *one = *(const struct catalog_member *const *)a;
    const struct catalog_member *other = *(const struct catalog_member *const *)b;
    int order = name_compare(one->name, other->name);
    return order ? order : memcmp(one->unique, other->unique, *one->unique + 1u);
}

static int finish(struct reading *r)
{
    struct catalog *catalog = r->catalog;
    catalog->members = arena_alloc(&catalog->arena, (r->seen + 1) * sizeof(struct catalog_member *));
    if (!catalog->members)
        return ERR_NOMEM;
    for (struct catalog_member *member = r->found; member; member = member->next) {
        join_keys(&member->primaries);
        if (member->name)
            catalog->members[catalog->count++] = member;
    }
    join_keys(&catalog->primaries);
    qsort(catalog->members, catalog->count, sizeof(struct catalog_member *), by_name);
    size_t kept = 0;
    for (size_t i = 0; i < catalog->count; i++)
        if (!kept || !name_equal(catalog->members[kept - 1]->name, catalog->members[i]->name))
            catalog->members[kept++] = catalog->members[i];
    catalog->ignored = catalog->count - kept;
    catalog->count = kept;
    return 0;
}

static int check_version(struct reading *r)
{
    if (r->versions == 1 && r->version_2)
        return 0;
    snprintf(r->problem, r->problem_size, "%s",
             !r->versions      ? "it says no version; expected TXT \"2\" at its name `version`"
             : r->versions > 1 ? "it says more than one version"
                               : "it is of a version other than 2");
    return ERR_MALFORMED;
}

int catalog_read(const struct zone_content *content, struct catalog **out, char *problem, size_t problem_size)
{
    struct catalog *catalog = calloc(1, sizeof *catalog);
    struct reading r = {.catalog = catalog,
                        .slots = calloc(16, sizeof(struct catalog_member *)),
                        .mask = 15,
                        .problem = problem,
                        .problem_size = problem_size};
    int error = catalog && r.slots ? 0 : ERR_NOMEM;
    if (catalog) {
        arena_init(&catalog->arena, 0);
        name_copy_lower(catalog->origin, zone_content_origin(content));
    }
    if (!error)
        error = zone_content_each(content, read_record, &r);
    if (!error)
        error = check_version(&r);
    if (!error)
        error = finish(&r);
    free(r.slots);
    if (error)
        catalog_free(catalog);
    else
        *out = catalog;
    return error;
}

void catalog_free(struct catalog *catalog)
{
    if (catalog)
        arena_fini(&catalog->arena);
    free(catalog);
}

const struct catalog_member *catalog_find(const struct catalog *catalog, const uint8_t *name)
{
    size_t low = 0, high = catalog->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = name_compare(catalog->members[middle]->name, name);
        if (!order)
            return catalog->members[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool catalog_in_group(const struct catalog_member *member, const char *group)
{
    for (const struct catalog_group *at = member->groups; at; at = at->next)
        if (strcmp(at->text, group) == 0)
            return true;
    return false;
}
