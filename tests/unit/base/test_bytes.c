/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include "base/bytes.h"

static void numbers_are_in_network_order(void **state)
{
    (void)state;
    uint8_t buffer[7];
    struct writer w = writer_of(buffer, sizeof buffer);
    write_u8(&w, 0x01);
    write_u16(&w, 0x0203);
    write_u32(&w, 0x04050607);
    assert_int_equal(w.error, 0);
    assert_int_equal(writer_used(&w), 7);
    assert_memory_equal(buffer, "\1\2\3\4\5\6\7", 7);
    struct reader r = reader_of(buffer, sizeof buffer);
    assert_int_equal(read_u8(&r), 0x01);
    assert_int_equal(read_u16(&r), 0x0203);
    assert_int_equal(read_u32(&r), 0x04050607);
    assert_int_equal(r.error, 0);
    assert_int_equal(reader_left(&r), 0);
    assert_int_equal(reader_offset(&r), 7);
}

static void read_past_the_end_is_remembered(void **state)
{
    (void)state;
    struct reader r = reader_of("\1\2\3", 3);
    assert_int_equal(read_u32(&r), 0);
    assert_int_equal(r.error, ERR_MALFORMED);
    assert_int_equal(read_u8(&r), 0); /* also where it would fit */
    assert_null(read_bytes(&r, 0));
    assert_int_equal(reader_offset(&r), 0);
}

static void write_past_the_end_is_remembered_and_writes_nothing(void **state)
{
    (void)state;
    uint8_t buffer[4] = {9, 9, 9, 9};
    struct writer w = writer_of(buffer, 3);
    write_u32(&w, 1);
    assert_int_equal(w.error, ERR_SPACE);
    write_u8(&w, 1);
    write_bytes(&w, "ab", 2);
    assert_int_equal(writer_used(&w), 0);
    assert_memory_equal(buffer, "\11\11\11\11", 4);
}

static void room_is_exact(void **state)
{
    (void)state;
    uint8_t buffer[4];
    struct writer w = writer_of(buffer, sizeof buffer);
    assert_ptr_equal(write_room(&w, 4), buffer);
    assert_int_equal(writer_left(&w), 0);
    assert_non_null(write_room(&w, 0));
    assert_null(write_room(&w, 1));
}

static void short_copies_and_comparisons_are_exact(void **state)
{
    (void)state;
    uint8_t from[70], to[70];
    for (size_t i = 0; i < sizeof from; i++)
        from[i] = (uint8_t)(i + 1);
    for (size_t length = 4; length < 68; length++) {
        memset(to, 0, sizeof to);
        copy_short(to + 1, from, length);
        assert_memory_equal(to + 1, from, length);
        assert_int_equal(to[0] | to[length + 1], 0);
    }
    for (size_t length = 0; length < 68; length++) {
        memset(to, 0, sizeof to);
        memcpy(to, from, length);
        assert_true(same_short(to, from, length));
        for (size_t i = 0; i < length; i++) {
            to[i] ^= 0x80;
            assert_false(same_short(to, from, length));
            to[i] ^= 0x80;
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_in_network_order),
        cmocka_unit_test(read_past_the_end_is_remembered),
        cmocka_unit_test(write_past_the_end_is_remembered_and_writes_nothing),
        cmocka_unit_test(room_is_exact),
        cmocka_unit_test(short_copies_and_comparisons_are_exact),
    };
    return RUN_TESTS(tests);
}
