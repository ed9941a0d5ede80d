/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <string.h>

#include "dns/name.h"

/* Bytes of the name `text`, valid until the eighth next call. */
static const uint8_t *wire(const char *text)
{
    static uint8_t names[8][NAME_MAX_BYTES];
    static int turn;
    uint8_t *out = names[turn++ % 8];
    assert_true(name_from_text(text, NULL, out) > 0);
    return out;
}

/* A name of `bytes` bytes in labels of 63 and a shorter one in front. */
static const char *text_of_length(size_t bytes)
{
    static char text[300];
    size_t used = 0, first = (bytes - 1) % 64;
    for (size_t left = bytes - 1; left;) {
        size_t label = (left % 64 ? first : 64) - 1;
        memset(text + used, 'a', label);
        text[used + label] = '.';
        used += label + 1;
        left -= label + 1;
    }
    text[used] = 0;
    return text;
}

static void assert_text(const char *text, const void *expected, int length)
{
    uint8_t out[NAME_MAX_BYTES];
    assert_int_equal(name_from_text(text, NULL, out), length);
    assert_memory_equal(out, expected, (size_t)length);
}

static void text_becomes_wire(void **state)
{
    (void)state;
    assert_text(".", "", 1);
    assert_text("a.", "\1a", 3);
    assert_text("a", "\1a", 3);
    assert_text("Example.ORG.", "\7Example\3ORG", 13);
    assert_text("a\\.b.c", "\3a.b\1c", 7);
    assert_text("\\000\\255.x", "\2\0\xff\1x", 6);
    assert_text("a\\.", "\2a.", 4);
    assert_text("\\\\", "\1\\", 3);
}

static void relative_text_gets_the_origin(void **state)
{
    (void)state;
    uint8_t out[NAME_MAX_BYTES];
    assert_int_equal(name_from_text("www", wire("example.org"), out), 17);
    assert_true(name_equal(out, wire("www.example.org")));
    assert_int_equal(name_from_text("www.", wire("example.org"), out), 5);
    assert_int_equal(name_from_text("www\\.", wire("org"), out), 10);
}

static void bad_text_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {"",      "..",    "a..b", ".a",    "a\\", "\\25",
                                        "\\256", "\\1x2", "a..",  "\\999", "a.\\"};
    uint8_t out[NAME_MAX_BYTES];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(name_from_text(texts[i], NULL, out), ERR_MALFORMED);
    char label[66];
    memset(label, 'a', 64);
    label[64] = 0;
    assert_int_equal(name_from_text(label, NULL, out), ERR_MALFORMED);
    assert_int_equal(name_from_text(label + 1, NULL, out), 65);
}

static void longest_name_fits_and_the_next_does_not(void **state)
{
    (void)state;
    uint8_t out[NAME_MAX_BYTES];
    assert_int_equal(name_from_text(text_of_length(255), NULL, out), 255);
    assert_int_equal(name_check(out, 255), 255);
    assert_int_equal(name_from_text(text_of_length(256), NULL, out), ERR_SPACE);
    assert_int_equal(name_from_text(text_of_length(257), NULL, out), ERR_SPACE);
    assert_int_equal(name_from_text(text_of_length(260), NULL, out), ERR_SPACE);
    char relative[300];
    strcpy(relative, text_of_length(251));
    relative[strlen(relative) - 1] = 0;
    assert_int_equal(name_from_text(relative, wire("org"), out), 255);
    assert_int_equal(name_from_text(relative, wire("orgs"), out), ERR_SPACE);
}

static void wire_becomes_text(void **state)
{
    (void)state;
    char out[NAME_TEXT_MAX];
    assert_string_equal(name_to_text((const uint8_t *)"", out), ".");
    assert_string_equal(name_to_text_nodot((const uint8_t *)"", out), ".");
    assert_string_equal(name_to_text(wire("Example.org"), out), "Example.org.");
    assert_string_equal(name_to_text_nodot(wire("Example.org"), out), "Example.org");
    assert_string_equal(name_to_text((const uint8_t *)"\4a. \xff\2$;", out), "a\\.\\032\\255.\\$\\;.");
    assert_string_equal(name_to_text((const uint8_t *)"\1*\3_tc", out), "*._tc.");
}

static void any_bytes_survive_text(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t name[4] = {2, 'x', (uint8_t)c, 0}, back[NAME_MAX_BYTES];
        char text[NAME_TEXT_MAX];
        assert_int_equal(name_from_text(name_to_text(name, text), NULL, back), 4);
        assert_memory_equal(back, name, 4);
    }
    uint8_t longest[NAME_MAX_BYTES] = {0}, back[NAME_MAX_BYTES];
    char text[NAME_TEXT_MAX];
    for (size_t at = 0; at < 254; at += 64)
        longest[at] = at < 192 ? 63 : 61;
    assert_true(strlen(name_to_text(longest, text)) < NAME_TEXT_MAX);
    assert_int_equal(name_from_text(text, NULL, back), 255);
    assert_memory_equal(back, longest, 255);
}

static void check_finds_bad_wire(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t available;
        int result;
    } cases[] = {
        {"", 1, 1},
        {"", 0, ERR_MALFORMED},
        {"\1a", 3, 3},
        {"\1a", 2, ERR_MALFORMED},
        {"\1a\0xx", 5, 3},
        {"\300\14", 2, ERR_MALFORMED},
        {"\100a", 3, ERR_MALFORMED},
        {"\77a", 3, ERR_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(name_check((const uint8_t *)cases[i].bytes, cases[i].available), cases[i].result);
    uint8_t long_name[300];
    for (size_t i = 0; i < sizeof long_name; i += 2)
        memcpy(long_name + i, "\1a", 2);
    long_name[254] = 0;
    assert_int_equal(name_check(long_name, sizeof long_name), 255);
    memcpy(long_name + 254, "\1a", 3);
    assert_int_equal(name_check(long_name, sizeof long_name), ERR_MALFORMED);
}

static void lengths_and_labels(void **state)
{
    (void)state;
    assert_int_equal(name_length(wire(".")), 1);
    assert_int_equal(name_labels(wire(".")), 0);
    assert_int_equal(name_length(wire("a.bc.d")), 8);
    assert_int_equal(name_labels(wire("a.bc.d")), 3);
    assert_true(name_is_root(wire(".")));
    assert_true(name_is_wildcard(wire("*.a")));
    assert_false(name_is_wildcard(wire("**.a")));
    assert_true(name_equal(name_skip(wire("a.b.c"), 2), wire("c")));
    assert_true(name_is_root(name_skip(wire("a.b.c"), 3)));
    const uint8_t *labels[NAME_MAX_LABELS], *name = wire("a.bc.d");
    assert_int_equal(name_split(name, labels), 3);
    assert_ptr_equal(labels[1], name + 2);
}

static void lower_case_touches_letters_only(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        uint8_t name[12] = {10, 'A', (uint8_t)c, 'b', 'C', 'D', 'E', 'F', 'Z', (uint8_t)c, '@'}, out[12];
        uint8_t expected = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : (uint8_t)c;
        assert_int_equal(name_copy_lower(out, name), 12);
        assert_int_equal(out[2], expected);
        assert_int_equal(out[9], expected);
        assert_int_equal(out[10], '@');
        assert_int_equal(out[8], 'z');
        name_to_lower(name);
        assert_memory_equal(name, out, 12);
    }
}

static void lower_copy_of_known_length_is_the_same_at_every_length(void **state)
{
    (void)state;
    uint8_t name[NAME_MAX_BYTES], plain[NAME_MAX_BYTES], known[NAME_MAX_BYTES + 1];
    char text[64] = "";
    for (unsigned letters = 1; letters < 40; letters++) {
        text[letters - 1] = (char)(letters % 2 ? 'A' + letters % 26 : '@' + letters % 8);
        text[letters] = 0;
        int length = name_from_text(text, NULL, name);
        assert_true(length > 0);
        memset(known, 0xee, sizeof known);
        name_copy_lower(plain, name);
        name_copy_lower_known(known, name, (size_t)length);
        assert_memory_equal(plain, known, (size_t)length);
        assert_int_equal(known[length], 0xee);
    }
}

static void equality_ignores_case(void **state)
{
    (void)state;
    assert_true(name_equal(wire("wWw.Example.ORG"), wire("WwW.eXAMPLE.org")));
    assert_false(name_equal(wire("a.example.org"), wire("b.example.org")));
    assert_false(name_equal(wire("example.org"), wire("example.orgs")));
    assert_false(name_equal(wire("ab.c"), wire("a.bc")));
    assert_false(name_equal(wire("[.a"), wire("{.a"))); /* 0x5b, 0x7b: not letters */
    assert_true(name_equal(wire("."), wire(".")));
}

static void order_is_canonical(void **state)
{
    (void)state;
    static const char *const ordered[] = {".",
                                          "example.",
                                          "a.example.",
                                          "yljkjljk.a.example.",
                                          "Z.a.example.",
                                          "zABC.a.EXAMPLE.",
                                          "z.example.",
                                          "\\001.z.example.",
                                          "*.z.example.",
                                          "\\200.z.example."}; /* RFC 4034 section 6.1 */
    size_t count = sizeof ordered / sizeof *ordered;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            int order = name_compare(wire(ordered[i]), wire(ordered[j]));
            assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

static void within_counts_whole_labels(void **state)
{
    (void)state;
    assert_true(name_is_within(wire("www.Example.org"), wire("eXample.org")));
    assert_true(name_is_within(wire("example.org"), wire("example.org")));
    assert_true(name_is_within(wire("example.org"), wire(".")));
    assert_false(name_is_within(wire("badexample.org"), wire("example.org")));
    assert_false(name_is_within(wire("org"), wire("example.org")));
    /* bytes that look like the ancestor inside a label are not it */
    assert_false(name_is_within((const uint8_t *)"\5x\3org", (const uint8_t *)"\3org"));
}

static void join_respects_the_limit(void **state)
{
    (void)state;
    uint8_t out[NAME_MAX_BYTES];
    assert_int_equal(name_join(wire("www"), wire("example.org"), out), 17);
    assert_true(name_equal(out, wire("www.example.org")));
    assert_int_equal(name_join(wire("."), wire("."), out), 1);
    uint8_t long_name[NAME_MAX_BYTES];
    memcpy(long_name, wire(text_of_length(251)), 251);
    assert_int_equal(name_join(long_name, wire("org"), out), 255);
    assert_int_equal(name_join(long_name, wire("orgs"), out), ERR_SPACE);
}

static void shared_labels_are_counted_from_the_end(void **state)
{
    (void)state;
    assert_int_equal(name_shared_labels(wire("a.b.c"), wire("x.B.c")), 2);
    assert_int_equal(name_shared_labels(wire("a.b.c"), wire("a.b.d")), 0);
    assert_int_equal(name_shared_labels(wire("a.b.c"), wire("b.c")), 2);
    assert_int_equal(name_shared_labels(wire("c"), wire(".")), 0);
    assert_int_equal(name_shared_labels(wire("a.x.c"), wire("a.y.c")), 1);
}

static void hash_depends_on_name_and_seed(void **state)
{
    (void)state;
    const uint8_t *a = wire("example.org"), *b = wire("example.com");
    assert_true(name_hash_lower(1, a, 13) == name_hash_lower(1, wire("example.org"), 13));
    assert_true(name_hash_lower(1, a, 13) != name_hash_lower(1, b, 13));
    assert_true(name_hash_lower(1, a, 13) != name_hash_lower(2, a, 13));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_wire),
        cmocka_unit_test(relative_text_gets_the_origin),
        cmocka_unit_test(bad_text_is_malformed),
        cmocka_unit_test(longest_name_fits_and_the_next_does_not),
        cmocka_unit_test(wire_becomes_text),
        cmocka_unit_test(any_bytes_survive_text),
        cmocka_unit_test(check_finds_bad_wire),
        cmocka_unit_test(lengths_and_labels),
        cmocka_unit_test(lower_case_touches_letters_only),
        cmocka_unit_test(lower_copy_of_known_length_is_the_same_at_every_length),
        cmocka_unit_test(equality_ignores_case),
        cmocka_unit_test(order_is_canonical),
        cmocka_unit_test(within_counts_whole_labels),
        cmocka_unit_test(join_respects_the_limit),
        cmocka_unit_test(shared_labels_are_counted_from_the_end),
        cmocka_unit_test(hash_depends_on_name_and_seed),
    };
    return RUN_TESTS(tests);
}
