/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model.h"

#include <stdio.h>

#include "images.h"

const uint8_t *wire(const char *text)
{
    static uint8_t names[16][NAME_MAX_BYTES];
    static unsigned turn;
    uint8_t *out = names[turn++ % 16];
    assert_true(name_from_text(text, NULL, out) > 0);
    return out;
}

uint32_t dice_below(struct dice *dice, uint32_t bound)
{
    dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((dice->state >> 32) * bound >> 32);
}

bool dice_percent(struct dice *dice, unsigned percent)
{
    return dice_below(dice, 100) < percent;
}

void model_init(struct model *model, const char *origin)
{
    model->count = 0;
    assert_true(name_from_text(origin, NULL, model->origin) > 0);
}

/* --- records ------------------------------------------------------------------------------------------- */

static uint16_t soa_rdata(uint32_t serial, uint8_t *out)
{
    memset(out, 0, 22);
    memcpy(out + 2,
           (uint8_t[]){(uint8_t)(serial >> 24), (uint8_t)(serial >> 16), (uint8_t)(serial >> 8),
                       (uint8_t)serial},
           4);
    return 22;
}

void model_record_from_text(struct model_record *out, const uint8_t *origin, const char *text)
{
    char owner[300], type[16], data[300];
    unsigned ttl;
    memset(out, 0, sizeof *out);
    assert_int_equal(sscanf(text, "%299s %u %15s %299s", owner, &ttl, type, data), 4);
    if (strcmp(owner, "@") == 0)
        name_copy(out->owner, origin);
    else
        assert_true(name_from_text(owner, origin, out->owner) > 0);
    int number = type_from_text(type);
    assert_true(number >= 0);
    out->type = (uint16_t)number;
    out->ttl_s = ttl;
    if (number == TYPE_A || number == TYPE_AAAA) {
        struct ip_address address;
        assert_int_equal(ip_from_text(data, &address), 0);
        out->rdata_length = (uint16_t)(ip_bits(address.family) / 8);
        memcpy(out->rdata, address.bytes, out->rdata_length);
    } else if (number == TYPE_SOA) {
        out->rdata_length = soa_rdata((uint32_t)strtoul(data, NULL, 10), out->rdata);
    } else if (number == TYPE_TXT) {
        out->rdata[0] = (uint8_t)strlen(data);
        memcpy(out->rdata + 1, data, out->rdata[0]);
        out->rdata_length = out->rdata[0] + 1u;
    } else {
        uint8_t name[NAME_MAX_BYTES];
        assert_true(name_from_text(data, NULL, name) > 0 && name_length(name) <= MODEL_RDATA);
        out->rdata_length = (uint16_t)name_copy(out->rdata, name);
    }
}

struct policy_record model_policy_record(const struct model_record *record)
{
    return (struct policy_record){record->owner, record->type,  CLASS_IN,
                                  record->ttl_s, record->rdata, record->rdata_length};
}

static bool same_data(const struct model_record *a, const struct model_record *b)
{
    if (a->type != b->type || a->rdata_length != b->rdata_length)
        return false;
    return a->type == TYPE_CNAME ? name_equal(a->rdata, b->rdata)
                                 : memcmp(a->rdata, b->rdata, a->rdata_length) == 0;
}

static enum rpz_skip judge_alone(const struct model *model, struct model_record *record)
{
    if (!name_is_within(record->owner, model->origin))
        return RPZ_SKIP_OUT_OF_ZONE;
    if (name_equal(record->owner, model->origin)) {
        if (record->type == TYPE_SOA || record->type == TYPE_NS)
            return RPZ_SKIP_APEX_SOA_NS;
        return rpz_type_is_rule(record->type) ? RPZ_SKIP_APEX_DATA : RPZ_SKIP_TYPE;
    }
    enum rpz_skip skip = rpz_owner_decode(record->owner, model->origin, &record->decoded);
    /* What is wrong with both is reported by the type for names, by the owner for the others. */
    return skip ? skip
                : rpz_action_decode(&record->decoded, record->type, record->rdata, record->rdata_length,
                                    &record->action);
}

/* A CNAME stands alone, and the first one stays. */
static enum rpz_skip judge(const struct model *model, struct model_record *record, size_t before)
{
    enum rpz_skip skip = judge_alone(model, record);
    for (size_t i = 0; i < before && !skip; i++) {
        const struct model_record *other = &model->records[i];
        if (other->skip == RPZ_KEPT && name_equal(other->owner, record->owner) &&
            (record->type == TYPE_CNAME || other->type == TYPE_CNAME) && !same_data(other, record))
            skip = RPZ_SKIP_CONFLICT;
    }
    return skip;
}

enum rpz_skip model_add(struct model *model, const struct model_record *record)
{
    struct model_record fresh = *record;
    fresh.skip = judge(model, &fresh, model->count);
    for (size_t i = 0; i < model->count; i++)
        if (same_data(&model->records[i], record) && name_equal(model->records[i].owner, record->owner))
            return fresh.skip;
    assert_true(model->count < MODEL_RECORDS);
    if (fresh.skip != RPZ_SKIP_OUT_OF_ZONE)
        model->records[model->count++] = fresh;
    return fresh.skip;
}

void model_add_text(struct model *model, const char *text)
{
    struct model_record record;
    model_record_from_text(&record, model->origin, text);
    (void)model_add(model, &record);
}

bool model_remove(struct model *model, const struct model_record *record)
{
    for (size_t i = 0; i < model->count; i++) {
        if (!same_data(&model->records[i], record) || !name_equal(model->records[i].owner, record->owner))
            continue;
        memmove(model->records + i, model->records + i + 1, (--model->count - i) * sizeof *record);
        return true;
    }
    return false;
}

void model_rejudge(struct model *model)
{
    for (size_t i = 0; i < model->count; i++)
        model->records[i].skip = judge(model, &model->records[i], i);
}

void model_rules_first(struct model *model)
{
    static struct model_record skipped[MODEL_RECORDS];
    size_t kept = 0, left = 0;
    for (size_t i = 0; i < model->count; i++) {
        if (model->records[i].skip)
            skipped[left++] = model->records[i];
        else
            model->records[kept++] = model->records[i];
    }
    memcpy(model->records + kept, skipped, left * sizeof *skipped);
}

struct policy_zone *model_build(const struct model *model)
{
    struct policy_builder *builder = policy_builder_new(model->origin);
    struct policy_zone *zone = NULL;
    assert_non_null(builder);
    for (size_t i = 0, some; i < model->count; i += some) {
        struct policy_record records[POLICY_TOGETHER];
        int results[POLICY_TOGETHER];
        some = 1 + (model->count + i) % POLICY_TOGETHER;
        some = some < model->count - i ? some : model->count - i;
        for (size_t k = 0; k < some; k++)
            records[k] = model_policy_record(&model->records[i + k]);
        policy_builder_add_all(builder, records, some, results);
        for (size_t k = 0; k < some; k++)
            assert_int_equal(results[k], model->records[i + k].skip);
    }
    assert_int_equal(policy_builder_finish(builder, &zone), 0);
#ifdef THROUGH_IMAGES
    zone = through_image(zone);
#endif
    return zone;
}

/* --- matching ------------------------------------------------------------------------------------------ */

static bool is_rule(const struct model_record *record, enum rpz_trigger trigger)
{
    return record->skip == RPZ_KEPT && record->decoded.trigger == trigger;
}

static void full_name(const struct model_record *rule, uint8_t out[NAME_MAX_BYTES + 2])
{
    memcpy(out, "\1*", 2);
    name_copy(out + (rule->decoded.wildcard ? 2 : 0), rule->decoded.name);
}

static bool exists(const struct model *model, enum rpz_trigger trigger, const uint8_t *name)
{
    uint8_t rule_name[NAME_MAX_BYTES + 2];
    for (size_t i = 0; i < model->count; i++) {
        if (!is_rule(&model->records[i], trigger))
            continue;
        full_name(&model->records[i], rule_name);
        if (name_is_within(rule_name, name))
            return true;
    }
    return false;
}

static const struct model_record *rule_at(const struct model *model, enum rpz_trigger trigger,
                                          const uint8_t *name, bool wildcard)
{
    for (size_t i = 0; i < model->count; i++) {
        const struct model_record *record = &model->records[i];
        if (is_rule(record, trigger) && record->decoded.wildcard == wildcard &&
            name_equal(record->decoded.name, name))
            return record;
    }
    return NULL;
}

/* The most specific that covers: at the name its own rule; above it the wildcard, then the name's. */
static const struct model_record *match_subdomains(const struct model *model, enum rpz_trigger trigger,
                                                   const uint8_t *name)
{
    const struct model_record *rule = rule_at(model, trigger, name, false);
    while (!rule && !name_is_root(name)) {
        name = name_skip(name, 1);
        rule = rule_at(model, trigger, name, true);
        if (!rule)
            rule = rule_at(model, trigger, name, false);
    }
    return rule;
}

const struct model_record *model_match_name(const struct model *model, enum rpz_trigger trigger,
                                            const uint8_t *name, bool include_subdomains)
{
    if (name_is_root(name))
        return NULL;
    if (include_subdomains)
        return match_subdomains(model, trigger, name);
    if (exists(model, trigger, name)) {
        const struct model_record *rule = rule_at(model, trigger, name, false);
        return rule || !name_is_wildcard(name) ? rule : rule_at(model, trigger, name + 2, true);
    }
    do
        name = name_skip(name, 1);
    while (!name_is_root(name) && !exists(model, trigger, name));
    return rule_at(model, trigger, name, true);
}

const struct model_record *model_match_address(const struct model *model, enum rpz_trigger trigger,
                                               const struct ip_address *address)
{
    const struct model_record *best = NULL;
    for (size_t i = 0; i < model->count; i++) {
        const struct model_record *record = &model->records[i];
        if (!is_rule(record, trigger) || !prefix_contains(&record->decoded.prefix, address))
            continue;
        int order = best ? record->decoded.prefix.length - best->decoded.prefix.length : 1;
        if (order > 0 || (order == 0 && name_compare(record->owner, best->owner) < 0))
            best = record;
    }
    return best;
}

enum rpz_action model_action(const struct model_record *rule, const uint8_t *name)
{
    if (name && rule->type == TYPE_CNAME && rule->action == RPZ_LOCAL_DATA && name_equal(rule->rdata, name))
        return RPZ_PASSTHRU;
    return rule->action;
}

/* --- chance -------------------------------------------------------------------------------------------- */

static void random_text_name(struct dice *dice, char *out, unsigned deepest)
{
    static const char *const labels[] = {"a", "b", "c", "D", "com", "*", "long-label-of-some-size"};
    unsigned depth = 1 + dice_below(dice, deepest);
    out[0] = 0;
    for (unsigned i = 0; i < depth; i++) {
        if (i)
            strcat(out, ".");
        strcat(out, labels[dice_percent(dice, 80) ? dice_below(dice, 3) : dice_below(dice, 7)]);
    }
}

void model_random_name(struct dice *dice, uint8_t out[NAME_MAX_BYTES])
{
    char text[300];
    random_text_name(dice, text, 5);
    assert_true(name_from_text(text, NULL, out) > 0);
    name_to_lower(out);
}

struct ip_address model_random_address(struct dice *dice)
{
    struct ip_address address = {.family = dice_percent(dice, 60) ? IP_V4 : IP_V6};
    if (address.family == IP_V4)
        memcpy(address.bytes, (uint8_t[]){10, 0, (uint8_t)dice_below(dice, 2), (uint8_t)dice_below(dice, 16)},
               4);
    else
        memcpy(address.bytes, (uint8_t[]){0x20, 1, 0xd, 0xb8, 0, (uint8_t)dice_below(dice, 2)}, 6);
    if (address.family == IP_V6)
        address.bytes[15] = (uint8_t)dice_below(dice, 8);
    return address;
}

static void random_prefix_owner(struct dice *dice, char *out)
{
    static const unsigned v4_lengths[] = {1, 8, 16, 23, 24, 28, 30, 31, 32};
    static const unsigned v6_lengths[] = {16, 32, 47, 48, 64, 126, 128};
    struct rpz_owner owner = {.trigger = RPZ_IP, .prefix.address = model_random_address(dice)};
    bool v4 = owner.prefix.address.family == IP_V4;
    owner.prefix.length = (uint8_t)(v4 ? v4_lengths[dice_below(dice, 9)] : v6_lengths[dice_below(dice, 7)]);
    ip_mask(&owner.prefix.address, owner.prefix.length);
    uint8_t name[NAME_MAX_BYTES];
    char text[NAME_TEXT_MAX];
    assert_true(rpz_owner_encode(&owner, wire("."), name) > 0);
    name_to_text(name, text);
    strcpy(out, text);
    out[strlen(out) - strlen("rpz-ip.") - 1] = 0;
    char *zz = strstr(out, ".zz.");
    if (zz && dice_percent(dice, 20)) { /* another spelling of the same address */
        memmove(zz + 2, zz, strlen(zz) + 1);
        memcpy(zz, ".0", 2);
    }
}

static void random_owner(struct dice *dice, char *out)
{
    static const char *const suffixes[] = {".rpz-client-ip", ".rpz-ip", ".rpz-nsip"};
    unsigned kind = dice_below(dice, 100);
    if (kind < 50) {
        random_text_name(dice, out, 4);
    } else if (kind < 65) {
        random_text_name(dice, out, 3);
        strcat(out, ".rpz-nsdname");
    } else if (kind < 95) {
        random_prefix_owner(dice, out);
        strcat(out, suffixes[dice_below(dice, 3)]);
    } else {
        static const char *const odd[] = {
            "*", "rpz-ip", "x.rpz-foo", "24.5.0.0.10.rpz-ip", "*.rpz-nsdname", "a.rpz-ip.b"};
        strcpy(out, odd[dice_below(dice, 6)]);
    }
}

void model_random_record(struct dice *dice, const uint8_t *origin, struct model_record *out)
{
    static const char *const data[] = {"CNAME .",
                                       "CNAME .",
                                       "CNAME *.",
                                       "CNAME rpz-passthru.",
                                       "CNAME rpz-drop.",
                                       "CNAME rpz-tcp-only.",
                                       "CNAME a.",
                                       "CNAME garden.",
                                       "CNAME *.garden.tld",
                                       "CNAME rpz-what.",
                                       "A 10.9.9.1",
                                       "A 10.9.9.2",
                                       "AAAA ::1",
                                       "TXT hello",
                                       "NS a.",
                                       "CNAME RPZ-Drop."};
    static const unsigned ttls[] = {300, 300, 300, 60, 5, 1, 7, 86400};
    char text[700], owner[300];
    random_owner(dice, owner);
    unsigned ttl = ttls[dice_below(dice, dice_percent(dice, 80) ? 3 : 8)];
    snprintf(text, sizeof text, "%s %u %s", owner, ttl, data[dice_below(dice, 16)]);
    if (dice_percent(dice, 4) && strlen(owner) < 40 && !strchr(owner, '*'))
        snprintf(text, sizeof text, "%s %u CNAME %s.", owner, ttl, owner);
    model_record_from_text(out, origin, text);
}

/* --- comparison ---------------------------------------------------------------------------------------- */

struct tally {
    const struct model *model;
    bool seen[MODEL_RECORDS];
    size_t count;
};

static int tally_record(void *context, const struct policy_record *record)
{
    struct tally *tally = context;
    const struct model *model = tally->model;
    for (size_t i = 0; i < model->count; i++) {
        const struct model_record *known = &model->records[i];
        struct model_record found = {.type = record->type, .rdata_length = record->rdata_length};
        if (known->type != record->type || known->rdata_length != record->rdata_length)
            continue;
        memcpy(found.rdata, record->rdata, record->rdata_length);
        if (!same_data(known, &found) || !name_equal(known->owner, record->owner))
            continue;
        assert_false(tally->seen[i]);
        assert_int_equal(record->ttl_s, known->ttl_s);
        assert_int_equal(record->rclass, CLASS_IN);
        tally->seen[i] = true;
        tally->count++;
        return 0;
    }
    fail_msg("a record that was never added");
    return -1;
}

void model_assert_same(const struct model *model, const struct policy_zone *zone)
{
    static struct tally tally;
    struct policy_zone_counts counts;
    memset(&tally, 0, sizeof tally);
    tally.model = model;
    assert_int_equal(policy_zone_each(zone, tally_record, &tally), 0);
    assert_int_equal(tally.count, model->count);
    policy_zone_count(zone, &counts);
    assert_int_equal(counts.records, model->count);
}
