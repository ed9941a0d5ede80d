/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sixteen characters of a master file at a time. Inner header of dns/. */
#ifndef DNS_ZONEFILE_MARKS_H
#define DNS_ZONEFILE_MARKS_H

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { MARKS_AT_ONCE = 16 };

/* A bit for each character, the lowest for the first one. */
struct marks {
    uint32_t dots;
    uint32_t others; /* neither dot nor one that means itself in a name, here and to the scanner: a-z A-Z 0-9
                        - _ * */
};

#ifdef __SSE2__

/* Bytes that are at least `from` and below `from` + `count`. */
static inline __m128i marks_range(__m128i bytes, int from, int count)
{
    __m128i lowest = _mm_add_epi8(bytes, _mm_set1_epi8((char)(-128 - from)));
    return _mm_cmplt_epi8(lowest, _mm_set1_epi8((char)(-128 + count)));
}

/* Copies the sixteen bytes, too. */
static inline struct marks marks_copy(uint8_t *to, const char *from)
{
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
    __m128i dots = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('.'));
    __m128i letters = marks_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 26);
    __m128i dash_to_digits = marks_range(bytes, '-', '9' + 1 - '-'); /* with dot and slash */
    __m128i rest =
        _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('_')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('*')));
    __m128i known = _mm_or_si128(_mm_or_si128(letters, dash_to_digits), rest);
    known = _mm_andnot_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('/')), known);
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
    return (struct marks){(uint32_t)_mm_movemask_epi8(dots), ~(uint32_t)_mm_movemask_epi8(known) & 0xffff};
}

#else

static inline struct marks marks_copy(uint8_t *to, const char *from)
{
    struct marks marks = {0, 0};
    for (unsigned i = 0; i < MARKS_AT_ONCE; i++) {
        uint8_t c = (uint8_t)from[i];
        int ordinary =
            (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '-' || c == '_' || c == '*';
        marks.dots |= (uint32_t)(c == '.') << i;
        marks.others |= (uint32_t)(!ordinary && c != '.') << i;
    }
    memcpy(to, from, MARKS_AT_ONCE);
    return marks;
}

#endif
#endif
