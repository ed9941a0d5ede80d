/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/failures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "dns/consts.h"

/* Texts as libunbound 1.17 gave them for the broken corners of the test hierarchy. */
static void libunbounds_texts_have_codes(void **state)
{
    (void)state;
    assert_int_equal(
        ede_from_bogus_text("validation failure <www.bogus.alpha. A IN>: ECDSA signature verification "
                            "failed from 127.53.13.1"),
        EDE_DNSSEC_BOGUS);
    assert_int_equal(
        ede_from_bogus_text("validation failure <www.expired.beta. A IN>: signature expired from "
                            "127.53.14.1 for key expired.beta. while building chain of trust"),
        EDE_SIGNATURE_EXPIRED);
    assert_int_equal(
        ede_from_bogus_text("validation failure <www.wrongds.beta. A IN>: no keys have a DS with "
                            "algorithm ECDSAP256SHA256 from 127.53.15.1"),
        EDE_DNSKEY_MISSING);
    assert_int_equal(ede_from_bogus_text("validation failure <a. A IN>: no signatures from 192.0.2.1"),
                     EDE_RRSIGS_MISSING);
    assert_int_equal(ede_from_bogus_text("validation failure <a. A IN>: signature before inception date"),
                     EDE_SIGNATURE_NOT_YET_VALID);
}

static void an_unknown_or_missing_text_is_plainly_bogus(void **state)
{
    (void)state;
    assert_int_equal(ede_from_bogus_text("something else"), EDE_DNSSEC_BOGUS);
    assert_int_equal(ede_from_bogus_text(NULL), EDE_DNSSEC_BOGUS);
}

static void the_reason_stands_behind_the_name(void **state)
{
    (void)state;
    assert_string_equal(bogus_reason("validation failure <a.b. A IN>: signature expired"),
                        "signature expired");
    assert_string_equal(bogus_reason("unlike that"), "unlike that");
    assert_null(bogus_reason(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libunbounds_texts_have_codes),
        cmocka_unit_test(an_unknown_or_missing_text_is_plainly_bogus),
        cmocka_unit_test(the_reason_stands_behind_the_name),
    };
    return cmocka_run_group_tests_name("resolve/failures", tests, NULL, NULL);
}
