/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model.h"

#include "rpz/packed.h"

/* Packs and unpacks; returns how many bytes it took. */
static size_t round_trip(const uint8_t *name)
{
    uint8_t packed[PACKED_MAX_BYTES + 2], again[NAME_MAX_BYTES];
    size_t length = name_length(name), bytes = packed_make(packed, name, length);
    assert_int_equal(packed_bytes(packed), bytes);
    assert_int_equal(packed_name(packed, again), length);
    assert_memory_equal(again, name, length);
    return bytes;
}

static void three_characters_take_two_bytes(void **state)
{
    (void)state;
    assert_int_equal(round_trip(wire(".")), 2);
    assert_int_equal(round_trip(wire("a.")), 2);
    assert_int_equal(round_trip(wire("az.")), 2);
    assert_int_equal(round_trip(wire("abc.")), 4); /* the end takes a place too */
    assert_int_equal(round_trip(wire("a.b.")), 4);
    assert_int_equal(round_trip(wire("_dmarc.09-az.example.")), 14);
}

static void other_octets_are_kept_behind_a_mark(void **state)
{
    (void)state;
    static const char *const names[] = {"*.",         "a.*.b.", "a\\.b.", "a\\000b.c.",
                                        "\\255.com.", "a/b.",   "\\046.", "\\001a.example."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const uint8_t *name = wire(names[i]);
        assert_int_equal(round_trip(name), 2 + name_length(name));
    }
}

static void every_octet_comes_back(void **state)
{
    (void)state;
    for (unsigned place = 1; place <= 6; place++)
        for (unsigned octet = 0; octet < 256; octet++) {
            uint8_t name[] = "\6aaaaaa\2bb";
            name[place] = (uint8_t)octet;
            (void)round_trip(name);
        }
}

/* Longest names, of long labels and of short ones. */
static void every_length_comes_back(void **state)
{
    (void)state;
    for (unsigned label = 1; label <= 63; label++)
        for (unsigned odd = 0; odd < 2; odd++) {
            uint8_t name[NAME_MAX_BYTES] = {0};
            for (size_t at = 0; at + label + 2 <= sizeof name; at += label + 1) {
                name[at] = (uint8_t)label;
                memset(name + at + 1, odd ? '!' : '9', label);
                (void)round_trip(name);
            }
        }
}

static void names_that_differ_have_different_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"a.",    "b.",  "aa.",    "a.a.", "aaa.",    "a.aa.",
                                        "aa.a.", "a-.", "a\\.a.", "a_a.", "a\\000.", "a\\000a."};
    uint8_t packed[2][PACKED_MAX_BYTES];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (size_t j = 0; j < i; j++) {
            size_t bytes[2];
            const uint8_t *name = wire(names[i]);
            bytes[0] = packed_make(packed[0], name, name_length(name));
            name = wire(names[j]);
            bytes[1] = packed_make(packed[1], name, name_length(name));
            assert_false(bytes[0] == bytes[1] && memcmp(packed[0], packed[1], bytes[0]) == 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_characters_take_two_bytes),
        cmocka_unit_test(other_octets_are_kept_behind_a_mark),
        cmocka_unit_test(every_octet_comes_back),
        cmocka_unit_test(every_length_comes_back),
        cmocka_unit_test(names_that_differ_have_different_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
