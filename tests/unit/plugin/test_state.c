// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include "plugin/state.h"

static void known_bad_beats_unknown_and_unknown_beats_ok(void **context)
{
    (void)context;
    assert_int_equal(state_worse(STATE_OK, STATE_UNKNOWN), STATE_UNKNOWN);
    assert_int_equal(state_worse(STATE_UNKNOWN, STATE_WARNING), STATE_WARNING);
    assert_int_equal(state_worse(STATE_CRITICAL, STATE_UNKNOWN), STATE_CRITICAL);
    assert_int_equal(state_worse(STATE_WARNING, STATE_OK), STATE_WARNING);
}

static void texts_and_exit_codes_are_the_guidelines(void **context)
{
    (void)context;
    assert_string_equal(state_text((enum plugin_state)0), "OK");
    assert_string_equal(state_text((enum plugin_state)1), "WARNING");
    assert_string_equal(state_text((enum plugin_state)2), "CRITICAL");
    assert_string_equal(state_text((enum plugin_state)3), "UNKNOWN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bad_beats_unknown_and_unknown_beats_ok),
        cmocka_unit_test(texts_and_exit_codes_are_the_guidelines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
