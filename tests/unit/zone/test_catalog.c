/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Catalog zones: what is read of them, and which are broken. */
#include "zone/catalog.h"

#include "zonetext.h"

#define APEX "$TTL 0\n@ SOA invalid. invalid. 1 3600 600 86400 0\n@ NS invalid.\n"
#define VERSION "version TXT \"2\"\n"

static struct catalog *read_text(const char *text, char *problem)
{
    struct zone_content *content = zone_of("catz.test.", text);
    struct catalog *catalog = NULL;
    int error = catalog_read(content, &catalog, problem, 256);
    zone_content_unref(content);
    assert_true(error == (catalog ? 0 : ERR_MALFORMED));
    return catalog;
}

static void is_broken(const char *text, const char *says)
{
    char problem[256] = "";
    assert_null(read_text(text, problem));
    if (!strstr(problem, says))
        print_error("said: %s\n", problem);
    assert_non_null(strstr(problem, says));
}

static void members_come_in_order_with_their_properties(void **state)
{
    (void)state;
    char problem[256];
    struct catalog *c = read_text(APEX VERSION "u2.zones PTR B.example.\nu1.zones PTR a.example.\n"
                                               "group.u1.zones TXT \"rpz\"\ngroup.u1.zones TXT \"first\"\n"
                                               "coo.u2.zones PTR other.test.\nx.u2.zones A 192.0.2.9\n",
                                  problem);
    assert_non_null(c);
    assert_int_equal(c->count, 2);
    assert_true(name_equal(c->members[0]->name, name_of("a.example.")));
    assert_memory_equal(c->members[0]->unique, "\2u1", 3);
    assert_true(catalog_in_group(c->members[0], "rpz") && catalog_in_group(c->members[0], "first"));
    assert_false(catalog_in_group(c->members[1], "rpz"));
    assert_true(name_equal(c->members[1]->coo, name_of("other.test.")));
    assert_ptr_equal(catalog_find(c, name_of("b.EXAMPLE.")), c->members[1]);
    assert_null(catalog_find(c, name_of("c.example.")));
    catalog_free(c);
}

static void primaries_stand_for_all_or_for_one_with_their_keys(void **state)
{
    (void)state;
    char problem[256], text[IP_TEXT_MAX];
    struct catalog *c =
        read_text(APEX VERSION "u1.zones PTR a.example.\nprimaries.ext A 192.0.2.1\n"
                               "l.primaries.ext AAAA 2001:db8::1\nl.primaries.ext TXT \"key.one\"\n"
                               "masters.ext.u1.zones A 192.0.2.2\nm.primaries.ext.u1.zones TXT \"lonely\"\n",
                  problem);
    assert_non_null(c);
    const struct catalog_primary *one = c->primaries->key ? c->primaries : c->primaries->next;
    assert_string_equal(one->key, "key.one");
    assert_string_equal(ip_to_text(&one->address, text), "2001:db8::1");
    const struct catalog_primary *own = c->members[0]->primaries;
    assert_string_equal(ip_to_text(&own->address, text), "192.0.2.2");
    assert_null(own->key);
    assert_null(own->next);
    catalog_free(c);
}

static void expect_prefixes(const struct catalog_access *access, const char *expected)
{
    char text[256] = "", one[IP_TEXT_MAX];
    assert_true(access->given);
    for (size_t i = 0; i < access->count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s ",
                 access->prefixes[i].negated ? "!" : "", prefix_to_text(&access->prefixes[i].prefix, one));
    assert_string_equal(text, expected);
}

static void access_lists_are_read_from_apl(void **state)
{
    (void)state;
    char problem[256];
    struct catalog *c = read_text(
        APEX VERSION "u1.zones PTR a.example.\nu2.zones PTR b.example.\nallow-query.ext APL 1:10.1.2.3/8 "
                     "!2:2001:db8::/32 1:0.0.0.0/0\n"
                     "allow-query.ext.u1.zones APL 1:192.0.2.1/32\nallow-transfer.ext.u1.zones APL\n"
                     "allow-query.ext.u2.zones TXT nobody\nx.allow-query.ext.u2.zones APL 1:10.0.0.0/8\n",
        problem);
    assert_non_null(c);
    expect_prefixes(&c->query, "10.0.0.0/8 !2001:db8::/32 0.0.0.0/0 ");
    assert_false(c->transfer.given);
    expect_prefixes(&c->members[0]->query, "192.0.2.1/32 ");
    expect_prefixes(&c->members[0]->transfer, "");
    assert_false(c->members[1]->query.given);
    catalog_free(c);
}

/* Bytes as a transfer may bring them: what cannot be read allows nobody more. */
static void broken_apl_allows_nobody(void **state)
{
    (void)state;
    char problem[256];
    struct catalog *c = read_text(
        APEX VERSION "u1.zones PTR a.example.\n"
                     "allow-query.ext APL \\# 11 0001 08 01 0a  0003 08 02 ffff\n" /* family 3 */
                     "allow-transfer.ext APL \\# 9 0001 21 01 0a  0001 08 7f\n"    /* /33; too short */
                     "allow-query.ext.u1.zones APL \\# 9 0001 20 05 0a00000001\n"  /* five bytes of IPv4 */
                     "allow-transfer.ext.u1.zones APL \\# 3 000108\n",
        problem);
    assert_non_null(c);
    expect_prefixes(&c->query, "10.0.0.0/8 ");
    expect_prefixes(&c->transfer, "");
    expect_prefixes(&c->members[0]->query, "");
    expect_prefixes(&c->members[0]->transfer, "");
    catalog_free(c);
}

static void a_member_twice_counts_once(void **state)
{
    (void)state;
    char problem[256];
    struct catalog *c = read_text(APEX VERSION "b.zones PTR a.example.\na.zones PTR A.example.\n", problem);
    assert_non_null(c);
    assert_int_equal(c->count, 1);
    assert_int_equal(c->ignored, 1);
    assert_memory_equal(c->members[0]->unique, "\1a", 2);
    catalog_free(c);
}

static void a_catalog_without_members_is_one(void **state)
{
    (void)state;
    char problem[256];
    struct catalog *c = read_text(APEX VERSION "group.u.zones TXT \"of nobody\"\n", problem);
    assert_non_null(c);
    assert_int_equal(c->count, 0);
    catalog_free(c);
}

static void many_members_are_kept_apart(void **state)
{
    (void)state;
    static char text[200000] = APEX VERSION;
    char problem[256], *at = text + strlen(text);
    for (int i = 0; i < 3000; i++)
        at += sprintf(at, "u%d.zones PTR z%d.example.\n", i, i);
    struct catalog *c = read_text(text, problem);
    assert_non_null(c);
    assert_int_equal(c->count, 3000);
    catalog_free(c);
}

static void broken_catalogs_are_not_followed(void **state)
{
    (void)state;
    is_broken(APEX "u.zones PTR a.example.\n", "no version");
    is_broken(APEX "version TXT \"1\"\n", "other than 2");
    is_broken(APEX "version TXT \"2\" \"2\"\n", "other than 2");
    is_broken(APEX "version TXT \"2\"\nversion TXT \"1\"\n", "more than one version");
    is_broken(APEX VERSION "u.zones PTR a.example.\nu.zones PTR b.example.\n",
              "u.zones.catz.test.: more than one PTR");
    is_broken(APEX VERSION "coo.u.zones PTR a.example.\ncoo.u.zones PTR b.example.\n", "more than one PTR");
}

static void the_hash_moves_with_what_is_said(void **state)
{
    (void)state;
    char problem[256];
    struct catalog *a = read_text(APEX VERSION "u.zones PTR a.example.\n", problem);
    struct catalog *b = read_text(
        "$TTL 9\n@ SOA invalid. invalid. 2 1 1 1 1\n@ NS x.\nU.zones PTR a.example.\n" VERSION, problem);
    struct catalog *c = read_text(APEX VERSION "v.zones PTR a.example.\n", problem);
    assert_true(a->hash == b->hash);
    assert_true(a->hash != c->hash);
    catalog_free(a);
    catalog_free(b);
    catalog_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_in_order_with_their_properties),
        cmocka_unit_test(primaries_stand_for_all_or_for_one_with_their_keys),
        cmocka_unit_test(access_lists_are_read_from_apl),
        cmocka_unit_test(broken_apl_allows_nobody),
        cmocka_unit_test(a_member_twice_counts_once),
        cmocka_unit_test(a_catalog_without_members_is_one),
        cmocka_unit_test(many_members_are_kept_apart),
        cmocka_unit_test(broken_catalogs_are_not_followed),
        cmocka_unit_test(the_hash_moves_with_what_is_said),
    };
    return RUN_TESTS(tests);
}
