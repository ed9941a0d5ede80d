/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Dynamic updates: the forms of RFC 2136, what they are answered, and what they leave. Each line of a script
 * is one record of the message: the prerequisites and changes of nsupdate(1), in its words. */
#include <stdlib.h>

#include "../zone/zonetext.h"

#include "dns/message.h"
#include "transfer/update.h"

#define APEX "@ 3600 SOA ns.z. root.z. 7 7200 1800 2592000 3600\n@ NS ns.z.\n"
#define BODY "a A 192.0.2.1\na A 192.0.2.2\na TXT \"x\"\nc CNAME a\n"

/* --- writing an update --- */

struct message {
    uint8_t bytes[4096];
    struct writer w;
    unsigned counts[4];
};

static void begin(struct message *m, const char *zone, uint16_t type)
{
    m->w = writer_of(m->bytes, sizeof m->bytes);
    memset(m->counts, 0, sizeof m->counts);
    write_u16(&m->w, 1);
    write_u16(&m->w, OPCODE_UPDATE << 11);
    write_u32(&m->w, 0);
    write_u32(&m->w, 0);
    const uint8_t *name = name_of(zone);
    write_bytes(&m->w, name, name_length(name));
    write_u16(&m->w, type);
    write_u16(&m->w, CLASS_IN);
    m->counts[0] = 1;
}

static void put(struct message *m, unsigned section, const char *owner, uint16_t type, uint16_t rclass,
                uint32_t ttl_s, const void *rdata, size_t length)
{
    const uint8_t *name = name_of(owner);
    write_bytes(&m->w, name, name_length(name));
    write_u16(&m->w, type);
    write_u16(&m->w, rclass);
    write_u32(&m->w, ttl_s);
    write_u16(&m->w, (uint16_t)length);
    write_bytes(&m->w, rdata, length);
    m->counts[section]++;
}

struct putting {
    struct message *m;
    unsigned section;
    uint16_t rclass;
    bool ttl;
};

static int put_parsed(void *context, const struct zonefile_record *r)
{
    struct putting *p = context;
    char owner[NAME_TEXT_MAX];
    put(p->m, p->section, name_to_text(r->owner, owner), r->type, p->rclass, p->ttl ? r->ttl_s : 0, r->rdata,
        r->rdata_length);
    return 0;
}

/* "+ RECORD" adds, "- RECORD" deletes it, "-set NAME TYPE", "-all NAME"; "?yx NAME", "?nx NAME", "?yxset NAME
 * TYPE", "?nxset NAME TYPE", "?is RECORD". */
static void put_line(struct message *m, const char *line)
{
    char word[16], rest[256], name[128], type[32] = "ANY";
    assert_int_equal(sscanf(line, "%15s %255[^\n]", word, rest), 2);
    bool record = !strcmp(word, "+") || !strcmp(word, "-") || !strcmp(word, "?is");
    struct putting p = {m, word[0] == '?' ? 1 : 2, word[0] == '-' ? CLASS_NONE : CLASS_IN, word[0] == '+'};
    struct zonefile_options options = {.origin = name_of("z."),
                                       .default_ttl_s = 300,
                                       .record = put_parsed,
                                       .problem = fail_on_problem,
                                       .context = &p};
    if (record) {
        assert_int_equal(zonefile_read_text(rest, strlen(rest), "test", &options), 0);
        return;
    }
    sscanf(rest, "%127s %31s", name, type);
    if (name[strlen(name) - 1] != '.')
        strcat(name, name[0] == '@' ? "" : ".z.");
    bool absent = !strncmp(word, "?nx", 3);
    put(m, p.section, name[0] == '@' ? "z." : name, (uint16_t)type_from_text(type),
        absent ? CLASS_NONE : CLASS_ANY, 0, NULL, 0);
}

static size_t end(struct message *m)
{
    assert_int_equal(m->w.error, 0);
    for (unsigned i = 0; i < 4; i++)
        store_u16(m->bytes + 4 + 2 * i, (uint16_t)m->counts[i]);
    return writer_used(&m->w);
}

static size_t write_script(struct message *m, const char *script)
{
    begin(m, "z.", TYPE_SOA);
    while (*script) {
        char line[300];
        size_t length = strcspn(script, "\n");
        snprintf(line, sizeof line, "%.*s", (int)length, script);
        put_line(m, line);
        script += length + (script[length] == '\n');
    }
    return end(m);
}

/* --- what it makes --- */

static int list(void *context, const struct policy_record *r)
{
    char owner[NAME_TEXT_MAX], data[300];
    put_text(context, "%s %u %s %s\n", name_to_text(r->owner, owner), (unsigned)r->ttl_s,
             type_to_text(r->type), rdata_to_text(r->type, r->rdata, r->rdata_length, data, sizeof data));
    return 0;
}

/* The rcode, and the zone afterwards without its SOA; "serial N" when it moved. */
static unsigned run(struct zone_content *zone, const char *script, const struct update_terms *terms,
                    struct text *after)
{
    static struct message m;
    size_t length = write_script(&m, script);
    unsigned rcode;
    struct zone_changes *changes = NULL;
    struct update *update = update_read(m.bytes, length, &rcode);
    memset(after, 0, sizeof *after);
    if (update)
        rcode = update_compute(update, zone, terms, &changes);
    update_free(update);
    if (!changes)
        return rcode;
    struct zone_content *next = NULL;
    const char *why = "";
    assert_int_equal(zone_content_apply(zone, changes, &next, &why), 0);
    zone_changes_free(changes);
    put_text(after, "serial %u\n", zone_content_serial(next));
    assert_int_equal(zone_content_each(next, list, after), 0);
    zone_content_unref(next);
    return rcode;
}

static const struct update_terms anybody = {.serial_method = SERIAL_INCREMENT};

static unsigned rcode_of(const char *script)
{
    static struct text after;
    struct zone_content *zone = zone_of("z.", APEX BODY);
    unsigned rcode = run(zone, script, &anybody, &after);
    zone_content_unref(zone);
    return rcode;
}

/* Does the zone hold `wanted` (or not) after the script? */
static void leaves(const char *script, bool holds, const char *wanted)
{
    static struct text after;
    struct zone_content *zones[] = {zone_of("z.", APEX BODY), policy_of("z.", APEX BODY)};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(run(zones[i], script, &anybody, &after), RCODE_NOERROR);
        if (!strstr(after.bytes, wanted) == holds)
            print_error("%s\nleaves:\n%s", script, after.bytes);
        assert_int_equal(strstr(after.bytes, wanted) != NULL, holds);
        zone_content_unref(zones[i]);
    }
}

static void changes_nothing(const char *script)
{
    leaves(script, false, "serial");
}

static void prerequisites_are_checked(void **state)
{
    (void)state;
    assert_int_equal(rcode_of("?yx a"), RCODE_NOERROR);
    assert_int_equal(rcode_of("?yx b"), RCODE_NXDOMAIN);
    assert_int_equal(rcode_of("?nx b"), RCODE_NOERROR);
    assert_int_equal(rcode_of("?nx A"), RCODE_YXDOMAIN);
    assert_int_equal(rcode_of("?yxset a TXT"), RCODE_NOERROR);
    assert_int_equal(rcode_of("?yxset a MX"), RCODE_NXRRSET);
    assert_int_equal(rcode_of("?nxset a MX"), RCODE_NOERROR);
    assert_int_equal(rcode_of("?nxset a TXT"), RCODE_YXRRSET);
    assert_int_equal(rcode_of("?is a A 192.0.2.2\n?is a A 192.0.2.1"), RCODE_NOERROR);
    assert_int_equal(rcode_of("?is a A 192.0.2.1"), RCODE_NXRRSET);
    assert_int_equal(rcode_of("?is a A 192.0.2.1\n?is a A 192.0.2.2\n?is a A 192.0.2.3"), RCODE_NXRRSET);
    assert_int_equal(rcode_of("?is c CNAME A.z."), RCODE_NOERROR);
    assert_int_equal(rcode_of("?is b A 192.0.2.1"), RCODE_NXRRSET);
    assert_int_equal(rcode_of("?yx a.other."), RCODE_NOTZONE);
}

static void a_failed_prerequisite_changes_nothing(void **state)
{
    (void)state;
    static struct text after;
    struct zone_content *zone = zone_of("z.", APEX BODY);
    assert_int_equal(run(zone, "?nx a\n+ b A 192.0.2.9", &anybody, &after), RCODE_YXDOMAIN);
    assert_int_equal(after.length, 0);
    zone_content_unref(zone);
}

static void records_come_and_go(void **state)
{
    (void)state;
    leaves("+ b A 192.0.2.9", true, "b.z. 300 A 192.0.2.9\n");
    leaves("+ b A 192.0.2.9", true, "serial 8\n");
    leaves("- a A 192.0.2.1", false, "a.z. 300 A 192.0.2.1\n");
    leaves("- a A 192.0.2.1", true, "a.z. 300 A 192.0.2.2\n");
    leaves("-set a A", false, "a.z. 300 A ");
    leaves("-set a A", true, "a.z. 300 TXT");
    leaves("-all a", false, "\na.z. ");
    changes_nothing("+ a A 192.0.2.1");
    changes_nothing("- a A 192.0.2.77");
    changes_nothing("-all b");
    changes_nothing("- a A 192.0.2.1\n+ a A 192.0.2.1");
    changes_nothing("+ b A 192.0.2.1\n-all b");
}

static void a_set_has_one_ttl(void **state)
{
    (void)state;
    leaves("+ a 60 A 192.0.2.3", true, "a.z. 60 A 192.0.2.1\n");
    leaves("+ a 60 A 192.0.2.1", true, "a.z. 60 A 192.0.2.2\n");
    leaves("+ a 60 A 192.0.2.1", true, "a.z. 300 TXT");
}

static void aliases_stand_alone(void **state)
{
    (void)state;
    changes_nothing("+ a CNAME b");
    changes_nothing("+ c A 192.0.2.1");
    changes_nothing("+ *.c DNAME x");
    leaves("+ c CNAME b", true, "c.z. 300 CNAME b.z.\n");
    leaves("+ c CNAME b", false, "c.z. 300 CNAME a.z.\n");
    leaves("-all c\n+ c A 192.0.2.1", true, "c.z. 300 A 192.0.2.1\n");
    leaves("+ c CNAME b\n+ c CNAME a\n+ d A 192.0.2.1", true, "c.z. 300 CNAME a.z.\n");
}

static void the_apex_keeps_what_makes_a_zone(void **state)
{
    (void)state;
    changes_nothing("- @ NS ns.z.");
    changes_nothing("-set @ NS");
    changes_nothing("-set @ SOA");
    changes_nothing("-all @");
    changes_nothing("- @ SOA ns.z. root.z. 7 7200 1800 2592000 3600");
    leaves("+ @ NS x\n- @ NS ns.z.", true, "z. 300 NS x.z.\n");
    leaves("+ @ NS x\n- @ NS ns.z.", false, "NS ns.z.\n");
    leaves("+ @ TXT \"t\"\n+ a TXT \"y\"\n-all @", false, "z. 300 TXT \"t\"");
}

static void a_serial_only_goes_up(void **state)
{
    (void)state;
    changes_nothing("+ @ SOA ns.z. root.z. 7 1 1 1 1");
    changes_nothing("+ @ SOA ns.z. root.z. 6 1 1 1 1");
    changes_nothing("+ a SOA ns.z. root.z. 9 1 1 1 1");
    leaves("+ @ SOA ns.z. root.z. 20 1 1 1 1", true, "serial 20\nz. 300 SOA ns.z. root.z. 20 1 1 1 1\n");
    leaves("+ @ SOA ns.z. root.z. 20 1 1 1 1\n+ b A 192.0.2.1", true, "serial 20\n");
}

static void serials_follow_their_method(void **state)
{
    (void)state;
    struct update_terms terms = {.serial_method = SERIAL_INCREMENT, .now_s = 1700000000, .today = 20231114};
    assert_int_equal(serial_next(7, &terms), 8);
    assert_int_equal(serial_next(UINT32_MAX, &terms), 1);
    terms.serial_method = SERIAL_UNIXTIME;
    assert_int_equal(serial_next(7, &terms), 1700000000);
    assert_int_equal(serial_next(1700000000, &terms), 1700000001);
    terms.serial_method = SERIAL_DATE;
    assert_int_equal(serial_next(7, &terms), 2023111400);
    assert_int_equal(serial_next(2023111400, &terms), 2023111401);
}

static void malformed_updates_are_refused(void **state)
{
    (void)state;
    static struct message m;
    unsigned rcode;
    begin(&m, "z.", TYPE_A);
    size_t length = end(&m);
    assert_null(update_read(m.bytes, length, &rcode));
    assert_int_equal(rcode, RCODE_FORMERR);
    static const struct {
        unsigned section;
        uint16_t type, rclass;
        uint32_t ttl_s;
        size_t length;
        unsigned rcode;
    } cases[] = {
        {2, TYPE_ANY, CLASS_IN, 0, 0, RCODE_FORMERR}, {2, TYPE_AXFR, CLASS_ANY, 0, 0, RCODE_FORMERR},
        {2, TYPE_A, CLASS_ANY, 5, 0, RCODE_FORMERR},  {2, TYPE_A, CLASS_ANY, 0, 4, RCODE_FORMERR},
        {2, TYPE_A, CLASS_NONE, 1, 4, RCODE_FORMERR}, {2, TYPE_ANY, CLASS_NONE, 0, 0, RCODE_FORMERR},
        {2, TYPE_A, CLASS_CH, 0, 4, RCODE_FORMERR},   {2, TYPE_A, CLASS_IN, 0, 3, RCODE_FORMERR},
        {2, TYPE_A, CLASS_IN, 0, 0, RCODE_FORMERR},   {1, TYPE_A, CLASS_IN, 1, 4, RCODE_FORMERR},
        {1, TYPE_A, CLASS_ANY, 0, 4, RCODE_FORMERR},  {1, TYPE_ANY, CLASS_IN, 0, 0, RCODE_FORMERR},
        {1, TYPE_A, CLASS_CH, 0, 4, RCODE_FORMERR},   {2, TYPE_NSEC3, CLASS_ANY, 0, 0, RCODE_REFUSED},
        {2, TYPE_A, CLASS_IN, 0, 4, RCODE_NOERROR},   {1, TYPE_A, CLASS_NONE, 0, 0, RCODE_NOERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin(&m, "z.", TYPE_SOA);
        put(&m, cases[i].section, "a.z.", cases[i].type, cases[i].rclass, cases[i].ttl_s, "abcd",
            cases[i].length);
        length = end(&m);
        struct update *update = update_read(m.bytes, length, &rcode);
        assert_int_equal(rcode, cases[i].rcode);
        update_free(update);
        assert_null(update_read(m.bytes, length - 1, &rcode));
        assert_int_equal(rcode, RCODE_FORMERR);
    }
    assert_int_equal(rcode_of("+ a.other. A 192.0.2.1"), RCODE_NOTZONE);
}

static bool rules_allow(const struct update_rule *rules, size_t count, const char *key, const char *name,
                        uint16_t type)
{
    const struct update_rules all = {count, rules};
    return update_rules_allow(&all, name_of("z."), key ? name_of(key) : NULL, name_of(name), type);
}

static void rules_decide_in_their_order(void **state)
{
    (void)state;
    uint8_t key[NAME_MAX_BYTES], any_key[NAME_MAX_BYTES], sub[NAME_MAX_BYTES], wild[NAME_MAX_BYTES];
    name_copy(key, name_of("k.z."));
    name_copy(any_key, name_of("*."));
    name_copy(sub, name_of("s.z."));
    name_copy(wild, name_of("*.w.z."));
    static const uint16_t txt[] = {TYPE_TXT}, any[] = {TYPE_ANY};
    const struct update_rule rules[] = {
        {false, key, UPDATE_NAME, sub, 0, NULL},    {true, key, UPDATE_SUBDOMAIN, sub, 1, txt},
        {true, key, UPDATE_WILDCARD, wild, 0, 0},   {true, any_key, UPDATE_SELF, NULL, 0, NULL},
        {true, key, UPDATE_SELFWILD, NULL, 1, any},
    };
    assert_false(rules_allow(rules, 5, "k.z.", "s.z.", TYPE_A));
    assert_false(rules_allow(rules, 5, "k.z.", "s.z.",
                             TYPE_NS)); /* the first rule says nothing of NS, nor does another */
    assert_true(rules_allow(rules, 5, "k.z.", "x.s.z.", TYPE_TXT));
    assert_false(rules_allow(rules, 5, "k.z.", "x.s.z.", TYPE_A));
    assert_true(rules_allow(rules, 5, "k.z.", "x.w.z.", TYPE_A));
    assert_false(rules_allow(rules, 5, "k.z.", "w.z.", TYPE_A));
    assert_false(rules_allow(rules, 5, "k.z.", "x.w.z.", TYPE_SOA));
    assert_true(rules_allow(rules, 5, "k.z.", "k.z.", TYPE_A));
    assert_true(rules_allow(rules, 5, "other.z.", "other.z.", TYPE_A));
    assert_false(rules_allow(rules, 5, "other.z.", "x.w.z.", TYPE_A));
    assert_true(rules_allow(rules, 5, "k.z.", "a.k.z.", TYPE_NS));
    assert_false(rules_allow(rules, 5, "k.z.", "a.k.z.", TYPE_NSEC));
    assert_false(rules_allow(rules, 5, NULL, "k.z.", TYPE_A));
}

static void deleting_a_name_needs_the_right_to_each_type(void **state)
{
    (void)state;
    static struct text after;
    static const uint16_t some[] = {TYPE_A}, all[] = {TYPE_A, TYPE_TXT};
    uint8_t key[NAME_MAX_BYTES];
    name_copy(key, name_of("k."));
    struct update_rule rule = {true, key, UPDATE_ZONESUB, NULL, 1, some};
    const struct update_rules rules = {1, &rule};
    struct update_terms terms = {.rules = &rules, .key = key};
    struct zone_content *zone = zone_of("z.", APEX BODY);
    assert_int_equal(run(zone, "-all a", &terms, &after), RCODE_REFUSED);
    assert_int_equal(run(zone, "+ b A 192.0.2.1\n+ b TXT \"x\"", &terms, &after), RCODE_REFUSED);
    rule.type_count = 2;
    rule.types = all;
    assert_int_equal(run(zone, "-all a", &terms, &after), RCODE_NOERROR);
    assert_true(after.length > 0);
    terms.key = NULL;
    assert_int_equal(run(zone, "-all a", &terms, &after), RCODE_REFUSED);
    zone_content_unref(zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prerequisites_are_checked),
        cmocka_unit_test(a_failed_prerequisite_changes_nothing),
        cmocka_unit_test(records_come_and_go),
        cmocka_unit_test(a_set_has_one_ttl),
        cmocka_unit_test(aliases_stand_alone),
        cmocka_unit_test(the_apex_keeps_what_makes_a_zone),
        cmocka_unit_test(a_serial_only_goes_up),
        cmocka_unit_test(serials_follow_their_method),
        cmocka_unit_test(malformed_updates_are_refused),
        cmocka_unit_test(rules_decide_in_their_order),
        cmocka_unit_test(deleting_a_name_needs_the_right_to_each_type),
    };
    return RUN_TESTS(tests);
}
