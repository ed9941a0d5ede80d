/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include "candord/acl.h"
#include "dns/name.h"

static struct acl_environment environment;

static struct acl_element prefix(const char *text, bool negated)
{
    struct acl_element element = {.kind = ACL_PREFIX, .negated = negated};
    assert_int_equal(prefix_from_text(text, &element.prefix), 0);
    return element;
}

static bool allows(const struct acl_element *elements, size_t count, const char *address)
{
    struct acl acl = {count, elements};
    struct acl_subject subject = {.key = NULL};
    assert_int_equal(ip_from_text(address, &subject.address), 0);
    return acl_allows(&acl, &subject, &environment);
}

static void first_match_decides(void **state)
{
    (void)state;
    struct acl_element list[] = {prefix("10.1.0.0/16", true), prefix("10.0.0.0/8", false)};
    assert_false(allows(list, 2, "10.1.2.3"));
    assert_true(allows(list, 2, "10.2.2.3"));
    struct acl_element turned[] = {list[1], list[0]};
    assert_true(allows(turned, 2, "10.1.2.3"));
}

static void no_match_and_no_list_deny(void **state)
{
    (void)state;
    struct acl_element list[] = {prefix("2001:db8::/32", false)};
    struct acl_subject subject = {0};
    assert_false(allows(list, 1, "10.0.0.1"));
    assert_false(allows(list, 0, "10.0.0.1"));
    assert_true(allows(list, 1, "2001:db8::1"));
    assert_false(acl_allows(NULL, &subject, &environment));
}

static void none_and_any(void **state)
{
    (void)state;
    struct acl_element list[] = {{.kind = ACL_NONE}, {.kind = ACL_ANY}};
    assert_false(allows(list, 1, "::1"));
    assert_true(allows(list, 2, "::1"));
    list[1].negated = true;
    assert_false(allows(list, 2, "::1"));
}

static void a_negated_nested_list_never_allows_by_itself(void **state)
{
    (void)state;
    struct acl_element inside[] = {prefix("10.0.0.1", true), {.kind = ACL_ANY}};
    struct acl inner = {2, inside};
    struct acl_element outer[] = {{.kind = ACL_NESTED, .negated = true, .nested = &inner},
                                  prefix("10.0.0.0/8", false)};
    assert_false(allows(outer, 1, "10.0.0.1")); /* twice negated, and still not allowed */
    assert_true(allows(outer, 2, "10.0.0.1"));  /* the next element decides */
    assert_false(allows(outer, 2, "10.0.0.2")); /* inside the nested list: negated */
}

static void keys_match_without_case(void **state)
{
    (void)state;
    uint8_t name[NAME_MAX_BYTES], asked[NAME_MAX_BYTES];
    assert_true(name_from_text("transfer.key", NULL, name) > 0);
    assert_true(name_from_text("Transfer.KEY", NULL, asked) > 0);
    struct acl_element list[] = {{.kind = ACL_KEY, .key = name}};
    struct acl acl = {1, list};
    struct acl_subject subject = {.key = asked};
    assert_true(acl_allows(&acl, &subject, &environment));
    subject.key = NULL;
    assert_false(acl_allows(&acl, &subject, &environment));
}

static void localhost_and_localnets_come_from_the_machine(void **state)
{
    (void)state;
    struct ip_address addresses[1];
    struct ip_prefix networks[1];
    assert_int_equal(ip_from_text("192.0.2.7", &addresses[0]), 0);
    assert_int_equal(prefix_from_text("192.0.2.0/24", &networks[0]), 0);
    environment = (struct acl_environment){addresses, 1, networks, 1};
    struct acl_element host[] = {{.kind = ACL_LOCALHOST}}, nets[] = {{.kind = ACL_LOCALNETS}};
    assert_true(allows(host, 1, "192.0.2.7"));
    assert_false(allows(host, 1, "192.0.2.8"));
    assert_true(allows(nets, 1, "192.0.2.8"));
    assert_false(allows(nets, 1, "192.0.3.8"));
    environment = (struct acl_environment){0};
}

static void equal_is_element_by_element(void **state)
{
    (void)state;
    struct acl_element list[] = {prefix("10.1.0.0/16", true), {.kind = ACL_LOCALNETS}};
    struct acl_element same[] = {prefix("10.1.0.0/16", true), {.kind = ACL_LOCALNETS}};
    struct acl_element longer[] = {prefix("10.1.0.0/17", true), {.kind = ACL_LOCALNETS}};
    struct acl_element allowed[] = {prefix("10.1.0.0/16", false), {.kind = ACL_LOCALNETS}};
    struct acl_element other[] = {prefix("10.1.0.0/16", true), {.kind = ACL_ANY}};
    struct acl a = {2, list}, b = {2, same}, shorter = {1, list};
    assert_true(acl_equal(&a, &b));
    assert_false(acl_equal(&a, &shorter));
    assert_false(acl_equal(&a, &(struct acl){2, longer}));
    assert_false(acl_equal(&a, &(struct acl){2, allowed}));
    assert_false(acl_equal(&a, &(struct acl){2, other}));
    struct acl_element in_a = {.kind = ACL_NESTED, .nested = &a}, in_b = {.kind = ACL_NESTED, .nested = &b},
                       in_shorter = {.kind = ACL_NESTED, .nested = &shorter};
    assert_true(acl_equal(&(struct acl){1, &in_a}, &(struct acl){1, &in_b}));
    assert_false(acl_equal(&(struct acl){1, &in_a}, &(struct acl){1, &in_shorter}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_match_decides),
        cmocka_unit_test(no_match_and_no_list_deny),
        cmocka_unit_test(none_and_any),
        cmocka_unit_test(a_negated_nested_list_never_allows_by_itself),
        cmocka_unit_test(keys_match_without_case),
        cmocka_unit_test(equal_is_element_by_element),
        cmocka_unit_test(localhost_and_localnets_come_from_the_machine),
    };
    return RUN_TESTS(tests);
}
