// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include "check_http_onion/address.h"

/* The Tor Project's own site and the article's blog: addresses that others made. */
#define TORPROJECT "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid"
#define BLOG "sjnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyid"

static void real_addresses_are_version_3(void **state)
{
    (void)state;
    assert_int_equal(onion_judge(TORPROJECT ".onion", NULL), ONION_V3);
    assert_int_equal(onion_judge(BLOG ".onion", NULL), ONION_V3);
}

static void case_subdomain_and_final_dot_do_not_matter(void **state)
{
    (void)state;
    assert_int_equal(onion_judge("WWW." BLOG ".Onion.", NULL), ONION_V3);
    assert_int_equal(onion_judge("2GZYXA5IHM7NSGGFXNU52RCK2VV4RVMDLKIU3ZZUI5DU4XYCLEN53WID.ONION", NULL),
                     ONION_V3);
}

static void every_changed_letter_is_found(void **state)
{
    (void)state;
    char name[] = BLOG ".onion";
    for (size_t i = 0; i < ONION_LETTERS_V3; i++) {
        char old = name[i];
        name[i] = old == 'a' ? 'b' : 'a';
        assert_int_not_equal(onion_judge(name, NULL), ONION_V3);
        name[i] = old;
    }
}

static void each_kind_of_wrong(void **state)
{
    size_t letters;
    (void)state;
    assert_int_equal(onion_judge("example.com", NULL), ONION_NONE);
    assert_int_equal(onion_judge("onion", NULL), ONION_NONE);
    assert_int_equal(onion_judge(".onion", NULL), ONION_NONE);
    assert_int_equal(onion_judge("", NULL), ONION_NONE);
    assert_int_equal(onion_judge("x.onion.example.com", NULL), ONION_NONE);
    assert_int_equal(onion_judge("aerisryzdvrx7teq.onion", NULL), ONION_V2);
    assert_int_equal(onion_judge("www.abc.onion", &letters), ONION_LENGTH);
    assert_int_equal(letters, 3);
    assert_int_equal(onion_judge("0jnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyid.onion", NULL),
                     ONION_LETTERS);
    assert_int_equal(onion_judge("sjnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyie.onion", NULL),
                     ONION_VERSION);
    assert_int_equal(onion_judge("ajnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyid.onion", NULL),
                     ONION_CHECKSUM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_addresses_are_version_3),
        cmocka_unit_test(case_subdomain_and_final_dot_do_not_matter),
        cmocka_unit_test(every_changed_letter_is_found),
        cmocka_unit_test(each_kind_of_wrong),
    };
    return RUN_TESTS(tests);
}
