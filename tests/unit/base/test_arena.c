/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <string.h>

#include "base/arena.h"

static void pieces_are_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 64);
    uint8_t *pieces[100];
    for (size_t i = 0; i < 100; i++) {
        pieces[i] = arena_alloc(&arena, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < 100; i++)
        for (size_t j = 0; j < i; j++)
            assert_int_equal(pieces[i][j], i);
    arena_fini(&arena);
}

static void large_piece_gets_a_block_of_its_own(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 64);
    uint8_t *large = arena_zalloc(&arena, 100000);
    assert_non_null(large);
    assert_int_equal(large[0] | large[99999], 0);
    assert_int_equal(arena.used_bytes, 100000);
    arena_fini(&arena);
}

static void impossible_size_gives_null(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 15));
    arena_fini(&arena);
}

static void copied_array_is_aligned(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {1, 2, 3};
    struct arena arena;
    arena_init(&arena, 0);
    assert_non_null(arena_copy(&arena, "x", 1));
    const uint64_t *copy = arena_copy_array(&arena, numbers, 3, sizeof *numbers);
    assert_int_equal((uintptr_t)copy % alignof(uint64_t), 0);
    assert_memory_equal(copy, numbers, sizeof numbers);
    assert_non_null(arena_copy_array(&arena, NULL, 0, 8));
    assert_null(arena_copy_array(&arena, numbers, SIZE_MAX / 4, 8));
    arena_fini(&arena);
}

static void reset_forgets_but_can_be_used_again(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 128);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 50; i++)
            assert_non_null(arena_alloc(&arena, 100));
        assert_int_equal(arena.used_bytes, 5000);
        arena_reset(&arena);
        assert_int_equal(arena.used_bytes, 0);
    }
    arena_fini(&arena);
    arena_fini(&arena);
}

static void copies_and_prints(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 0);
    assert_memory_equal(arena_copy(&arena, "abc", 3), "abc", 3);
    assert_non_null(arena_copy(&arena, "", 0));
    assert_string_equal(arena_strdup(&arena, "example"), "example");
    assert_string_equal(arena_printf(&arena, "%s:%d", "zone", 7), "zone:7");
    assert_string_equal(arena_printf(&arena, "%s", ""), "");
    arena_fini(&arena);
}

static void what_could_not_be_given_is_remembered(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 64);
    assert_non_null(arena_alloc(&arena, 10));
    assert_false(arena.failed);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_non_null(arena_alloc(&arena, 10));
    assert_true(arena.failed);
    arena_reset(&arena);
    assert_false(arena.failed);
    assert_null(arena_copy_array(&arena, NULL, SIZE_MAX / 4, 8));
    assert_true(arena.failed);
    arena_fini(&arena);
    assert_false(arena.failed);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_apart),
        cmocka_unit_test(large_piece_gets_a_block_of_its_own),
        cmocka_unit_test(impossible_size_gives_null),
        cmocka_unit_test(copied_array_is_aligned),
        cmocka_unit_test(reset_forgets_but_can_be_used_again),
        cmocka_unit_test(copies_and_prints),
        cmocka_unit_test(what_could_not_be_given_is_remembered),
    };
    return RUN_TESTS(tests);
}
