/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/text_stream.h"

static void all_that_is_written_comes_back(void **state)
{
    (void)state;
    struct text_stream stream;
    assert_int_equal(text_stream_begin(&stream), 0);
    for (int i = 0; i < 20000; i++)
        fprintf(stream.to, "%05d\n", i);
    char *text = text_stream_end(&stream);
    assert_non_null(text);
    assert_int_equal(strlen(text), 20000 * 6);
    assert_memory_equal(text, "00000\n00001\n", 12);
    assert_string_equal(text + 19999 * 6, "19999\n");
    free(text);
}

static void one_large_piece_fits(void **state)
{
    (void)state;
    static char large[100000];
    struct text_stream stream;
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(text_stream_begin(&stream), 0);
    fputs(large, stream.to);
    char *text = text_stream_end(&stream);
    assert_string_equal(text, large);
    free(text);
}

static void nothing_written_is_an_empty_text(void **state)
{
    (void)state;
    struct text_stream stream;
    assert_int_equal(text_stream_begin(&stream), 0);
    char *text = text_stream_end(&stream);
    assert_string_equal(text, "");
    free(text);
}

static void what_was_lost_once_is_never_a_text(void **state)
{
    (void)state;
    struct text_stream stream;
    assert_int_equal(text_stream_begin(&stream), 0);
    fputs("the beginning", stream.to);
    fflush(stream.to);
    stream.failed = true; /* as when memory runs out */
    fputs("the middle", stream.to);
    fflush(stream.to);
    assert_null(text_stream_end(&stream));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_written_comes_back),
        cmocka_unit_test(one_large_piece_fits),
        cmocka_unit_test(nothing_written_is_an_empty_text),
        cmocka_unit_test(what_was_lost_once_is_never_a_text),
    };
    return RUN_TESTS(tests);
}
