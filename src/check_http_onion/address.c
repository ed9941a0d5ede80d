// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/address.h"

#include "check_http_onion/tls.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

static const char SUFFIX[] = ".onion";
enum { SUFFIX_LETTERS = sizeof SUFFIX - 1, KEY_BYTES = 32, DECODED_BYTES = 35 /* key, checksum, version */ };

/* Length of `name` without ".onion" and a final dot; 0 when it has no such end. */
static size_t stem_length(const char *name)
{
    size_t length = strlen(name);
    if (length && name[length - 1] == '.')
        length--;
    if (length < SUFFIX_LETTERS || strncasecmp(name + length - SUFFIX_LETTERS, SUFFIX, SUFFIX_LETTERS))
        return 0;
    return length - SUFFIX_LETTERS;
}

bool onion_is(const char *name)
{
    return stem_length(name) > 0;
}

static int base32_digit(char letter)
{
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a';
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    return letter >= '2' && letter <= '7' ? letter - '2' + 26 : -1;
}

/* 56 letters are exactly 35 bytes. */
static bool decode(const char *letters, uint8_t out[DECODED_BYTES])
{
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < ONION_LETTERS_V3; i++) {
        int digit = base32_digit(letters[i]);
        if (digit < 0)
            return false;
        bits = bits << 5 | (uint32_t)digit;
        count += 5;
        if (count >= 8) {
            count -= 8;
            *out++ = (uint8_t)(bits >> count);
        }
    }
    return true;
}

/* checksum = the first two bytes of SHA3-256(".onion checksum" | key | version) */
static bool checksum_right(const uint8_t decoded[DECODED_BYTES])
{
    static const char LABEL[] = ".onion checksum";
    uint8_t text[sizeof LABEL - 1 + KEY_BYTES + 1], digest[32];
    memcpy(text, LABEL, sizeof LABEL - 1);
    memcpy(text + sizeof LABEL - 1, decoded, KEY_BYTES);
    text[sizeof text - 1] = decoded[DECODED_BYTES - 1];
    return !tls_sha3_256(text, sizeof text, digest) && !memcmp(digest, decoded + KEY_BYTES, 2);
}

enum onion_kind onion_judge(const char *name, size_t *letters)
{
    uint8_t decoded[DECODED_BYTES];
    size_t stem = stem_length(name), start = stem;
    while (start && name[start - 1] != '.')
        start--;
    if (letters)
        *letters = stem - start;
    if (!stem)
        return ONION_NONE;
    if (stem - start == ONION_LETTERS_V2)
        return ONION_V2;
    if (stem - start != ONION_LETTERS_V3)
        return ONION_LENGTH;
    if (!decode(name + start, decoded))
        return ONION_LETTERS;
    if (decoded[DECODED_BYTES - 1] != 3)
        return ONION_VERSION;
    return checksum_right(decoded) ? ONION_V3 : ONION_CHECKSUM;
}
