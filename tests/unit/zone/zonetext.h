/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests of zone/: a zone from text, and an answer as text. */
#ifndef TEST_ZONETEXT_H
#define TEST_ZONETEXT_H

#include <stdio.h>
#include <string.h>

#include "../unit.h"

#include "base/bytes.h"
#include "dns/name.h"
#include "dns/zonefile.h"
#include "rpz/zone.h"
#include "zone/zone.h"

static inline const uint8_t *name_of(const char *text)
{
    static uint8_t names[8][NAME_MAX_BYTES];
    static unsigned next;
    uint8_t *name = names[next++ % 8];
    assert_true(name_from_text(text, NULL, name) > 0);
    return name;
}

static inline int add_plain(void *context, const struct zonefile_record *r)
{
    const char *why = NULL;
    int error =
        zone_builder_add(context, r->owner, r->type, r->rclass, r->ttl_s, r->rdata, r->rdata_length, &why);
    if (error)
        print_error("%s:%u: %s\n", r->file, (unsigned)r->line, why ? why : "memory");
    return error;
}

static inline void fail_on_problem(void *context, const struct zonefile_problem *problem)
{
    (void)context;
    print_error("line %u: %s\n", (unsigned)problem->line, problem->message);
    fail();
}

static inline struct zone_content *zone_of(const char *origin, const char *text)
{
    uint8_t name[NAME_MAX_BYTES];
    assert_true(name_from_text(origin, NULL, name) > 0);
    struct zone_builder *builder = zone_builder_new(name);
    struct zonefile_options options = {.origin = name,
                                       .default_ttl_s = 300,
                                       .record = add_plain,
                                       .problem = fail_on_problem,
                                       .context = builder};
    assert_int_equal(zonefile_read_text(text, strlen(text), "test", &options), 0);
    struct zone_content *content = NULL;
    const char *why;
    assert_int_equal(zone_builder_finish(builder, &content, &why), 0);
    return content;
}

static inline int add_policy(void *context, const struct zonefile_record *r)
{
    struct policy_record record = {r->owner, r->type, r->rclass, r->ttl_s, r->rdata, r->rdata_length};
    return policy_builder_add(context, &record) < 0 ? ERR_NOMEM : 0;
}

static inline struct zone_content *policy_of(const char *origin, const char *text)
{
    uint8_t name[NAME_MAX_BYTES];
    assert_true(name_from_text(origin, NULL, name) > 0);
    struct policy_builder *builder = policy_builder_new(name);
    struct zonefile_options options = {.origin = name,
                                       .default_ttl_s = 300,
                                       .record = add_policy,
                                       .problem = fail_on_problem,
                                       .context = builder};
    assert_int_equal(zonefile_read_text(text, strlen(text), "test", &options), 0);
    struct policy_zone *zone = NULL;
    assert_int_equal(policy_builder_finish(builder, &zone), 0);
    struct zone_content *content = zone_content_policy(zone);
    policy_zone_unref(zone);
    assert_non_null(content);
    return content;
}

struct text {
    char bytes[16384];
    size_t length;
};

static inline void put_text(struct text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(t->bytes + t->length, sizeof t->bytes - t->length, format, arguments);
    va_end(arguments);
    t->length += (size_t)length;
    assert_true(t->length < sizeof t->bytes);
}

static inline void put_set(struct text *t, const char *section, const struct rrset *set)
{
    char owner[NAME_TEXT_MAX], data[2048];
    for (unsigned i = 0; i < (unsigned)set->count + set->sig_count; i++) {
        bool is_data = i < set->count;
        const struct rdata *rdata = is_data ? &set->rdatas[i] : &set->sigs[i - set->count];
        uint16_t type = is_data ? set->type : (uint16_t)TYPE_RRSIG;
        put_text(t, "%s %s %u %s ", section, name_to_text(set->owner, owner), (unsigned)set->ttl_s,
                 type_to_text(type));
        /* Of a signature only what it covers: the rest differs from run to run. */
        if (type == TYPE_RRSIG)
            put_text(t, "%s\n", type_to_text(load_u16(rdata->bytes)));
        else
            put_text(t, "%s\n", rdata_to_text(type, rdata->bytes, rdata->length, data, sizeof data));
    }
}

static inline void put_answer(struct text *t, const struct zone_answer *answer)
{
    static const char *const results[] = {
        [ZONE_ANSWER] = "ANSWER",         [ZONE_NODATA] = "NODATA",       [ZONE_NXDOMAIN] = "NXDOMAIN",
        [ZONE_DELEGATION] = "DELEGATION", [ZONE_CNAME_OUT] = "CNAME_OUT", [ZONE_LOOP] = "LOOP",
        [ZONE_YXDOMAIN] = "YXDOMAIN"};
    char target[NAME_TEXT_MAX];
    put_text(t, "%s", results[answer->result]);
    if (answer->result == ZONE_CNAME_OUT)
        put_text(t, " %s", name_to_text(answer->target, target));
    put_text(t, "\n");
    for (size_t i = 0; i < answer->answer_count; i++)
        put_set(t, "an", &answer->answer[i]);
    for (size_t i = 0; i < answer->authority_count; i++)
        put_set(t, "au", &answer->authority[i]);
    for (size_t i = 0; i < answer->additional_count; i++)
        put_set(t, "ad", &answer->additional[i]);
}

enum { ASK_PLAIN = 0, ASK_DNSSEC = 1, ASK_AUTHORITY = 2 /* and what minimal-responses may leave out */ };

/* Asks and compares the whole answer with `expected`: the result, then one line for each record. */
static inline void expect(const struct zone_content *content, const char *qname, const char *type, int flags,
                          const char *expected)
{
    struct arena arena;
    arena_init(&arena, 0);
    struct zone_answer answer;
    struct text t = {.length = 0};
    uint16_t qtype = (uint16_t)type_from_text(type);
    assert_int_equal(zone_content_answer(content, name_of(qname), qtype, flags & ASK_DNSSEC, &arena, &answer),
                     0);
    if (flags & ASK_AUTHORITY)
        assert_int_equal(zone_content_add_authority(content, qtype, flags & ASK_DNSSEC, &arena, &answer), 0);
    put_answer(&t, &answer);
    if (strcmp(t.bytes, expected) != 0)
        print_error("%s %s\n--- got\n%s--- expected\n%s", qname, type, t.bytes, expected);
    assert_string_equal(t.bytes, expected);
    arena_fini(&arena);
}

#endif
