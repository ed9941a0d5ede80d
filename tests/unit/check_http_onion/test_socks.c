// SPDX-License-Identifier: GPL-3.0-or-later
#include "../unit.h"

#include <string.h>

#include "check_http_onion/socks.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

/* Takes all that waits to be sent and compares. */
static void assert_sends(struct socks *s, const char *bytes, size_t length)
{
    size_t waiting;
    const uint8_t *out = socks_output(s, &waiting);
    assert_int_equal(waiting, length);
    if (length)
        assert_memory_equal(out, bytes, length);
    socks_sent(s, length);
    assert_null(socks_output(s, &waiting));
}

static void begin(struct socks *s)
{
    assert_int_equal(socks_begin(s, "abc.onion", 80, "u", "pw"), 0);
    assert_sends(s, "\5\2\2\0", 4);
}

static void name_goes_as_a_name_with_password(void **state)
{
    struct socks s;
    (void)state;
    begin(&s);
    assert_int_equal(socks_feed(&s, BYTES("\5\2")), 2);
    assert_sends(&s, "\1\1u\2pw", 6);
    assert_int_equal(socks_feed(&s, BYTES("\1\0")), 2);
    assert_sends(&s, "\5\1\0\3\11abc.onion\0\120", 16);
    assert_int_equal(socks_feed(&s, BYTES("\5\0\0\1\0\0\0\0\0\0HTTP")), 10);
    assert_int_equal(s.phase, SOCKS_GRANTED);
}

static void without_user_nothing_but_no_authentication_is_offered(void **state)
{
    struct socks s;
    (void)state;
    assert_int_equal(socks_begin(&s, "a", 1, NULL, NULL), 0);
    assert_sends(&s, "\5\1\0", 3);
    socks_feed(&s, BYTES("\5\2"));
    assert_int_equal(s.phase, SOCKS_NO_METHOD);
}

static void proxy_may_want_no_password(void **state)
{
    struct socks s;
    (void)state;
    begin(&s);
    socks_feed(&s, BYTES("\5\0"));
    assert_sends(&s, "\5\1\0\3\11abc.onion\0\120", 16);
}

/* To the request, with the password refused or taken. */
static struct socks requested(void)
{
    struct socks s;
    begin(&s);
    socks_feed(&s, BYTES("\5\2\1\0"));
    return s;
}

static void every_reply_code_is_kept(void **state)
{
    (void)state;
    for (int code = 1; code < 256; code++) {
        struct socks s = requested();
        uint8_t reply[10] = {5, (uint8_t)code, 0, 1};
        assert_int_equal(socks_feed(&s, reply, sizeof reply), sizeof reply);
        assert_int_equal(s.phase, SOCKS_REFUSED);
        assert_int_equal(s.reply, code);
    }
}

static void replies_of_every_length_byte_by_byte(void **state)
{
    (void)state;
    for (size_t name = 0; name <= SOCKS_NAME_MAX; name++) {
        struct socks s = requested();
        uint8_t reply[4 + 1 + SOCKS_NAME_MAX + 2] = {5, 0, 0, 3, (uint8_t)name};
        for (size_t i = 0; i < 4 + 1 + name + 2; i++) {
            assert_int_equal(s.phase, SOCKS_TALKING);
            assert_int_equal(socks_feed(&s, &reply[i], 1), 1);
        }
        assert_int_equal(s.phase, SOCKS_GRANTED);
        assert_int_equal(socks_feed(&s, reply, 1), 0);
    }
    struct socks s = requested();
    uint8_t six[22] = {5, 0, 0, 4};
    assert_int_equal(socks_feed(&s, six, 21), 21);
    assert_int_equal(s.phase, SOCKS_TALKING);
    socks_feed(&s, six, 1);
    assert_int_equal(s.phase, SOCKS_GRANTED);
}

static void what_is_not_socks5_is_nonsense(void **state)
{
    struct socks s;
    (void)state;
    begin(&s);
    socks_feed(&s, BYTES("HT"));
    assert_int_equal(s.phase, SOCKS_NONSENSE);
    s = requested();
    socks_feed(&s, BYTES("\4"));
    assert_int_equal(s.phase, SOCKS_NONSENSE);
    s = requested();
    socks_feed(&s, BYTES("\5\0\0\2"));
    assert_int_equal(s.phase, SOCKS_NONSENSE);
}

static void refusals_before_the_request(void **state)
{
    struct socks s;
    (void)state;
    begin(&s);
    socks_feed(&s, BYTES("\5\377"));
    assert_int_equal(s.phase, SOCKS_NO_METHOD);
    begin(&s);
    socks_feed(&s, BYTES("\5\2\1\1"));
    assert_int_equal(s.phase, SOCKS_AUTH_REFUSED);
}

static void names_must_fit(void **state)
{
    char name[SOCKS_NAME_MAX + 2];
    struct socks s;
    (void)state;
    memset(name, 'a', sizeof name);
    name[SOCKS_NAME_MAX + 1] = 0;
    assert_int_equal(socks_begin(&s, name, 1, NULL, NULL), ERR_INVALID);
    name[SOCKS_NAME_MAX] = 0;
    assert_int_equal(socks_begin(&s, name, 1, name, name), 0);
    assert_int_equal(socks_begin(&s, "", 1, NULL, NULL), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_goes_as_a_name_with_password),
        cmocka_unit_test(without_user_nothing_but_no_authentication_is_offered),
        cmocka_unit_test(proxy_may_want_no_password),
        cmocka_unit_test(every_reply_code_is_kept),
        cmocka_unit_test(replies_of_every_length_byte_by_byte),
        cmocka_unit_test(what_is_not_socks5_is_nonsense),
        cmocka_unit_test(refusals_before_the_request),
        cmocka_unit_test(names_must_fit),
    };
    return RUN_TESTS(tests);
}
