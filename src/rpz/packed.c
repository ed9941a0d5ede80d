/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/packed.h"

enum { END, DOT = PACKED_SYMBOLS - 1 };

/* What an octet adds to a word, by its place there; beside that, plain ones are counted. */
#define PLAIN (1u << 24)
#define WEIGHTS(w)                                                                                           \
    {                                                                                                        \
        ['a'] = PLAIN + 1 * (w), ['b'] = PLAIN + 2 * (w), ['c'] = PLAIN + 3 * (w), ['d'] = PLAIN + 4 * (w),  \
        ['e'] = PLAIN + 5 * (w), ['f'] = PLAIN + 6 * (w), ['g'] = PLAIN + 7 * (w), ['h'] = PLAIN + 8 * (w),  \
        ['i'] = PLAIN + 9 * (w), ['j'] = PLAIN + 10 * (w), ['k'] = PLAIN + 11 * (w),                         \
        ['l'] = PLAIN + 12 * (w), ['m'] = PLAIN + 13 * (w), ['n'] = PLAIN + 14 * (w),                        \
        ['o'] = PLAIN + 15 * (w), ['p'] = PLAIN + 16 * (w), ['q'] = PLAIN + 17 * (w),                        \
        ['r'] = PLAIN + 18 * (w), ['s'] = PLAIN + 19 * (w), ['t'] = PLAIN + 20 * (w),                        \
        ['u'] = PLAIN + 21 * (w), ['v'] = PLAIN + 22 * (w), ['w'] = PLAIN + 23 * (w),                        \
        ['x'] = PLAIN + 24 * (w), ['y'] = PLAIN + 25 * (w), ['z'] = PLAIN + 26 * (w),                        \
        ['0'] = PLAIN + 27 * (w), ['1'] = PLAIN + 28 * (w), ['2'] = PLAIN + 29 * (w),                        \
        ['3'] = PLAIN + 30 * (w), ['4'] = PLAIN + 31 * (w), ['5'] = PLAIN + 32 * (w),                        \
        ['6'] = PLAIN + 33 * (w), ['7'] = PLAIN + 34 * (w), ['8'] = PLAIN + 35 * (w),                        \
        ['9'] = PLAIN + 36 * (w), ['-'] = PLAIN + 37 * (w), ['_'] = PLAIN + 38 * (w), ['.'] = DOT * (w)      \
    }
static const uint32_t weights[3][256] = {WEIGHTS(PACKED_SYMBOLS * PACKED_SYMBOLS), WEIGHTS(PACKED_SYMBOLS),
                                         WEIGHTS(1)};

/* Packs the text up to `end`, of which zeros fill up the last word. Returns how many octets were plain, which
 * leaves out the dots: those that were put between the labels, and others. */
static unsigned pack(uint8_t *to, const uint8_t *text, const uint8_t *end)
{
    uint32_t sum = 0;
    do {
        uint32_t sums = weights[0][text[0]] + weights[1][text[1]] + weights[2][text[2]];
        uint16_t word = (uint16_t)sums;
        memcpy(to, &word, sizeof word);
        sum += sums;
        to += sizeof word;
        text += 3;
    } while (text < end);
    return sum / PLAIN;
}

size_t packed_make(uint8_t out[PACKED_MAX_BYTES], const uint8_t *name, size_t length)
{
    static const uint8_t ends[3];
    uint8_t text[NAME_MAX_BYTES + sizeof ends];
    size_t labels = 0, symbols = length > 1 ? length - 1 : 1;
    memcpy(text, name + 1, length - 1);
    memcpy(text + length - 1, ends, sizeof ends);
    for (size_t at = 0; name[at]; labels++) {
        at += 1u + name[at];
        text[at - 1] = '.';
    }
    text[symbols - 1] = 0;
    if (pack(out, text, text + symbols) == length - 1 - labels)
        return (symbols + 2) / 3 * sizeof(uint16_t);
    const uint16_t mark = PACKED_WIRE;
    memcpy(out, &mark, sizeof mark);
    memcpy(out + sizeof mark, name, length);
    return sizeof mark + length;
}

size_t packed_name(const uint8_t *packed, uint8_t out[NAME_MAX_BYTES])
{
    /* One more than there are symbols: of an image that is wrong a word may be any. */
    static const char characters[PACKED_SYMBOLS + 1] = "\0abcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t *label = out, *at = out + 1, *end = out + NAME_MAX_BYTES - 1;
    uint16_t word;
    for (;; packed += sizeof word) {
        memcpy(&word, packed, sizeof word);
        if (word == PACKED_WIRE)
            return name_copy(out, packed + sizeof word);
        const uint8_t symbols[] = {(uint8_t)(word / (PACKED_SYMBOLS * PACKED_SYMBOLS)),
                                   (uint8_t)(word / PACKED_SYMBOLS % PACKED_SYMBOLS),
                                   (uint8_t)(word % PACKED_SYMBOLS)};
        for (unsigned i = 0; i < sizeof symbols; i++) {
            if (symbols[i] == END || at == end) {
                *label = (uint8_t)(at - label - 1);
                if (*label)
                    *at++ = 0;
                return (size_t)(at - out);
            }
            if (symbols[i] == DOT) {
                *label = (uint8_t)(at - label - 1);
                label = at;
            }
            *at++ = (uint8_t)characters[symbols[i]];
        }
    }
}
