/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Collects the records of a plain zone and makes its content. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/random.h"
#include "dns/name.h"
#include "zone/content.h"

enum { NODE_RECORDS_MAX = 65535 /* what the counts of a set can hold */ };

struct build_node {
    const uint8_t *name; /* lower case */
    uint64_t hash;
    struct set_record *first, *last;
    unsigned count;
    bool has_cname, has_ns, has_other; /* other: what may not stand beside a CNAME */
};

struct zone_builder {
    struct zone_content *content; /* what will come out; its arena holds names and data */
    struct arena scratch;         /* what is needed only while building */
    struct build_node **slots;    /* open addressing, NULL: free */
    size_t slot_count, node_count;
};

static struct build_node **find_slot(const struct zone_builder *b, uint64_t hash, const uint8_t *name)
{
    size_t at = hash & (b->slot_count - 1);
    while (b->slots[at] && (b->slots[at]->hash != hash || !name_equal(b->slots[at]->name, name)))
        at = (at + 1) & (b->slot_count - 1);
    return &b->slots[at];
}

static int grow(struct zone_builder *b)
{
    struct zone_builder larger = *b;
    larger.slot_count = b->slot_count ? 2 * b->slot_count : 64;
    larger.slots = calloc(larger.slot_count, sizeof *larger.slots);
    if (!larger.slots)
        return ERR_NOMEM;
    for (size_t i = 0; i < b->slot_count; i++) {
        if (b->slots[i])
            *find_slot(&larger, b->slots[i]->hash, b->slots[i]->name) = b->slots[i];
    }
    free(b->slots);
    *b = larger;
    return 0;
}

/* The node of `name` (lower case), made if it is not there. NULL: memory. */
static struct build_node *one_node(struct zone_builder *b, const uint8_t *name, bool *made)
{
    *made = false;
    if (2 * b->node_count >= b->slot_count && grow(b) != 0)
        return NULL;
    size_t length = name_length(name);
    uint64_t hash = name_hash_lower(b->content->seed, name, length);
    struct build_node **slot = find_slot(b, hash, name);
    if (*slot)
        return *slot;
    struct build_node *node = arena_zalloc(&b->scratch, sizeof *node);
    uint8_t *copy = arena_copy(&b->content->arena, name, length);
    if (!node || !copy)
        return NULL;
    node->name = copy;
    node->hash = hash;
    *slot = node;
    b->node_count++;
    *made = true;
    return node;
}

/* The same, with the empty non-terminals above it (RFC 4592 section 2.2.2). */
static struct build_node *node_with_parents(struct zone_builder *b, const uint8_t *name)
{
    bool made;
    struct build_node *node = one_node(b, name, &made);
    for (; node && made && !name_equal(name, b->content->origin); name = name_skip(name, 1)) {
        if (!one_node(b, name_skip(name, 1), &made))
            return NULL;
    }
    return node;
}

struct zone_builder *zone_builder_new(const uint8_t *origin)
{
    struct zone_builder *b = calloc(1, sizeof *b);
    struct zone_content *content = calloc(1, sizeof *content);
    if (!b || !content) {
        free(b);
        free(content);
        return NULL;
    }
    b->content = content;
    arena_init(&b->scratch, 0);
    arena_init(&content->arena, 0);
    content->references = 1;
    content->seed = random_u64();

    uint8_t lower[NAME_MAX_BYTES];
    name_copy_lower(lower, origin);
    bool made;
    struct build_node *apex = one_node(b, lower, &made);
    if (!apex) {
        zone_builder_free(b);
        return NULL;
    }
    content->origin = apex->name;
    return b;
}

void zone_builder_free(struct zone_builder *builder)
{
    if (!builder)
        return;
    zone_content_unref(builder->content);
    arena_fini(&builder->scratch);
    free(builder->slots);
    free(builder);
}

/* --- adding --- */

/* What may stand beside a CNAME (RFC 4035 section 2.5, RFC 3007). */
static bool beside_cname(uint16_t type)
{
    return type == TYPE_RRSIG || type == TYPE_NSEC || type == TYPE_KEY || type == TYPE_SIG;
}

/* Types of questions and of the message itself: no data of a zone. */
static bool is_meta(uint16_t type)
{
    return type == 0 || type == TYPE_OPT || (type >= 128 && type <= 255);
}

static bool same_record(const struct set_record *a, uint16_t type, const uint8_t *rdata, uint16_t length)
{
    return a->type == type && a->rdata.length == length &&
           (!length || !memcmp(a->rdata.bytes, rdata, length));
}

/* The record of a type that a name has but once, or NULL. */
static const struct set_record *single(const struct build_node *node, uint16_t type)
{
    for (const struct set_record *r = node->first; r; r = r->next) {
        if (r->type == type)
            return r;
    }
    return NULL;
}

static const char *why_not_here(const struct zone_builder *b, const uint8_t *owner, uint16_t type,
                                uint16_t rclass, const uint8_t *rdata, uint16_t length)
{
    if (!name_is_within(owner, b->content->origin))
        return "outside the zone";
    if (rclass != CLASS_IN)
        return "the class is not IN";
    if (is_meta(type))
        return "a type that no zone holds";
    if (!rdata_check(type, rdata, length))
        return "malformed data";
    if (type == TYPE_SOA && !name_equal(owner, b->content->origin))
        return "SOA that is not at the zone's own name";
    if (type == TYPE_NS && name_is_wildcard(owner))
        return "NS at a wildcard";
    return NULL;
}

static const char *why_not_beside(const struct build_node *node, uint16_t type, const uint8_t *rdata,
                                  uint16_t length)
{
    if (node->count >= NODE_RECORDS_MAX)
        return "too many records at one name";
    if (type == TYPE_CNAME && node->has_other)
        return "CNAME beside other data";
    if (type != TYPE_CNAME && node->has_cname && !beside_cname(type))
        return "other data beside a CNAME";
    if (type != TYPE_SOA && type != TYPE_CNAME && type != TYPE_DNAME)
        return NULL;
    const struct set_record *there = single(node, type);
    if (!there || same_record(there, type, rdata, length))
        return NULL;
    return type == TYPE_SOA ? "a second SOA" : type == TYPE_CNAME ? "a second CNAME" : "a second DNAME";
}

/* The owner as written: the node's own bytes when they are equal. NULL: memory. */
static const uint8_t *keep_owner(struct zone_builder *b, const struct build_node *node, const uint8_t *owner)
{
    size_t length = name_length(owner);
    if (!memcmp(node->name, owner, length))
        return node->name;
    return arena_copy(&b->content->arena, owner, length);
}

static int append(struct zone_builder *b, struct build_node *node, const struct set_record *model)
{
    struct set_record *record = arena_alloc(&b->scratch, sizeof *record);
    const uint8_t *bytes = arena_copy(&b->content->arena, model->rdata.bytes, model->rdata.length);
    const uint8_t *owner = keep_owner(b, node, model->owner);
    if (!record || !bytes || !owner)
        return ERR_NOMEM;
    *record = *model;
    record->next = NULL;
    record->owner = owner;
    record->rdata.bytes = bytes;
    record->order = node->count++;
    if (node->last)
        node->last->next = record;
    else
        node->first = record;
    node->last = record;
    return 0;
}

int zone_builder_add(struct zone_builder *builder, const uint8_t *owner, uint16_t type, uint16_t rclass,
                     uint32_t ttl_s, const uint8_t *rdata, uint16_t rdata_length, const char **why)
{
    *why = why_not_here(builder, owner, type, rclass, rdata, rdata_length);
    if (*why)
        return ERR_INVALID;
    uint8_t lower[NAME_MAX_BYTES];
    name_copy_lower(lower, owner);
    struct build_node *node =
        *find_slot(builder, name_hash_lower(builder->content->seed, lower, name_length(lower)), lower);
    if (node && (*why = why_not_beside(node, type, rdata, rdata_length)))
        return ERR_INVALID;
    if (!node && !(node = node_with_parents(builder, lower)))
        return ERR_NOMEM;

    struct set_record model = {.owner = owner, .type = type, .ttl_s = ttl_s, .rdata = {rdata_length, rdata}};
    int error = append(builder, node, &model);
    if (error)
        return error;
    node->has_cname |= type == TYPE_CNAME;
    node->has_ns |= type == TYPE_NS;
    node->has_other |= type != TYPE_CNAME && !beside_cname(type);
    return 0;
}

/* --- finishing --- */

static int compare_nodes(const void *a, const void *b)
{
    return name_compare(((const struct zone_node *)a)->name, ((const struct zone_node *)b)->name);
}

static int fill_nodes(struct zone_builder *b)
{
    struct zone_content *content = b->content;
    content->nodes = arena_zalloc(&content->arena, b->node_count * sizeof *content->nodes);
    if (!content->nodes)
        return ERR_NOMEM;
    for (size_t i = 0; i < b->slot_count; i++) {
        const struct build_node *from = b->slots[i];
        if (!from)
            continue;
        struct zone_node *node = &content->nodes[content->node_count++];
        node->name = from->name;
        size_t sets = 0, records = 0;
        if (from->count && sets_make(from->first, from->count, &content->arena, &b->scratch, &node->sets,
                                     &sets, &records) != 0)
            return ERR_NOMEM;
        node->set_count = (uint32_t)sets;
        content->records += records;
    }
    qsort(content->nodes, content->node_count, sizeof *content->nodes, compare_nodes);
    return 0;
}

/* In canonical order everything below a cut follows it directly. */
static void mark_below_cuts(struct zone_content *content)
{
    const uint8_t *cut = NULL;
    for (size_t i = 0; i < content->node_count; i++) {
        struct zone_node *node = &content->nodes[i];
        struct node_view view = {true, node->sets, node->set_count};
        if (cut && !name_is_within(node->name, cut))
            cut = NULL;
        if (!cut && view_find(&view, TYPE_NS) && !name_equal(node->name, content->origin))
            cut = node->name;
        node->below_cut = cut != NULL;
    }
}

static int index_nodes(struct zone_content *content)
{
    size_t size = 16;
    while (size < 2 * content->node_count)
        size *= 2;
    content->slots = arena_zalloc(&content->arena, size * sizeof *content->slots);
    if (!content->slots)
        return ERR_NOMEM;
    content->slot_mask = size - 1;
    for (size_t i = 0; i < content->node_count; i++) {
        const uint8_t *name = content->nodes[i].name;
        size_t at = name_hash_lower(content->seed, name, name_length(name)) & content->slot_mask;
        while (content->slots[at])
            at = (at + 1) & content->slot_mask;
        content->slots[at] = (uint32_t)i + 1;
    }
    return 0;
}

static int check_apex(struct zone_content *content, const char **why)
{
    struct node_view apex;
    int error = content_at(content, content->origin, &content->arena, &apex);
    if (error)
        return error;
    content->soa = view_find(&apex, TYPE_SOA);
    *why = !content->soa                ? "no SOA at the zone's own name"
           : !view_find(&apex, TYPE_NS) ? "no NS at the zone's own name"
                                        : NULL;
    return *why ? ERR_NOT_FOUND : 0;
}

int zone_builder_finish(struct zone_builder *builder, struct zone_content **out, const char **why)
{
    *why = "out of memory";
    struct zone_content *content = builder->content;
    int error = fill_nodes(builder);
    if (!error)
        error = index_nodes(content);
    if (!error)
        error = check_apex(content, why);
    if (!error) {
        mark_below_cuts(content);
        *out = zone_content_ref(content);
    }
    zone_builder_free(builder);
    return error;
}
