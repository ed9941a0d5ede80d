/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "dns/consts.h"
#include "dns/name.h"
#include "dns/tsig.h"

/* The vectors are dnspython's, at this time. */
enum { NOW_S = 1700000000 };

struct bytes {
    size_t length;
    const uint8_t *bytes;
};

#define BYTES(text)                                                                                          \
    {                                                                                                        \
        sizeof(text) - 1, (const uint8_t *)(text)                                                            \
    }

struct exchange {
    const char *algorithm;
    struct bytes question, answer;
};

static const struct exchange exchanges[] = {
    {"hmac-md5",
     BYTES("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x3a\x08\x48\x4d\x41\x43\x2d\x4d\x44\x35\x07\x53\x49\x47\x2d\x41\x4c\x47\x03\x52"
           "\x45\x47\x03\x49\x4e\x54\x00\x00\x00\x65\x53\xf1\x00\x01\x2c\x00\x10\xf7\xcd\x7f\xeb\xea\x0b\x59"
           "\x3d\x38\xdf\xbc\x2e\xe9\x7d\x0f\xd9\x12\x34\x00\x00\x00\x00"),
     BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x3a\x08\x48\x4d\x41\x43\x2d\x4d\x44\x35\x07\x53\x49\x47\x2d\x41\x4c\x47\x03\x52"
           "\x45\x47\x03\x49\x4e\x54\x00\x00\x00\x65\x53\xf1\x00\x01\x2c\x00\x10\x82\x8e\x5a\x27\xac\x4d\xae"
           "\x01\x4b\xc6\x74\x72\xae\x4b\xb4\x91\x12\x34\x00\x00\x00\x00")},
    {"hmac-sha1",
     BYTES("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x2f\x09\x68\x6d\x61\x63\x2d\x73\x68\x61\x31\x00\x00\x00\x65\x53\xf1\x00\x01\x2c"
           "\x00\x14\x37\x9a\x15\xb0\xce\x75\x93\x05\x8d\xc5\x20\x1a\x44\xda\xd2\xfe\x12\xca\x54\xf0\x12\x34"
           "\x00\x00\x00\x00"),
     BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x2f\x09\x68\x6d\x61\x63\x2d\x73\x68\x61\x31\x00\x00\x00\x65\x53\xf1\x00\x01\x2c"
           "\x00\x14\x30\xef\xf9\x9f\x2e\xcc\x25\x74\xa0\x83\x81\x5a\xd5\xd5\x9e\x8b\x76\xe0\x29\x52\x12\x34"
           "\x00\x00\x00\x00")},
    {"hmac-sha224",
     BYTES("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x39\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x32\x34\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x1c\xe0\x6c\x8f\x19\x67\x26\xf0\xb8\x0f\x6a\x97\xcb\x96\x70\x8c\x87\xfa\xa8\x90\x22"
           "\xf1\x02\x9c\x04\xeb\x34\x9e\xc4\x12\x34\x00\x00\x00\x00"),
     BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x39\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x32\x34\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x1c\x34\x94\xfb\xf7\xa2\xe0\x22\x7c\x30\x8a\xd9\xf7\xba\xf0\x54\x60\x7d\x8a\xbc\x9b"
           "\x1e\x25\xe1\x4f\x77\x42\x37\xbc\x12\x34\x00\x00\x00\x00")},
    {"hmac-sha256",
     BYTES("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x3d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x20\x37\x8f\xd7\xa6\xe4\x98\x4a\x49\xa6\xbd\xb0\xb6\x3a\x13\x84\x06\x4a\xf1\x6a\x77"
           "\x21\xb7\x05\x11\x89\x5d\xcb\xcc\xd7\x00\xd1\xe7\x12\x34\x00\x00\x00\x00"),
     BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x3d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x20\xc1\xde\x55\x9d\x0b\x8a\xcf\x7c\x17\x97\xcf\x2a\xae\xce\x31\xab\x19\x7a\x76\x0c"
           "\xe4\x30\x67\x27\xb5\xb3\x7a\xfb\x39\xc0\x8c\xb4\x12\x34\x00\x00\x00\x00")},
    {"hmac-sha384",
     BYTES("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x4d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x33\x38\x34\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x30\x8f\xcf\x33\x86\x66\x3e\xca\xe1\x2b\x09\xd1\x9c\xc0\xa3\xfb\x97\xba\x5a\x60\x6f"
           "\xc0\xaf\x44\x60\xf0\x62\x7d\xce\xd7\xd6\xa9\x17\xcd\x5d\x53\x0a\x40\x0f\x76\xbc\xf4\xa4\x86\xf1"
           "\x24\xe2\x17\x42\x12\x34\x00\x00\x00\x00"),
     BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x4d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x33\x38\x34\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x30\xb1\xef\x36\x84\x98\x3c\xc5\x94\x0c\x62\x5b\x63\x1b\x52\x0d\xcd\x0d\x8d\xd9\xc1"
           "\xfe\xae\xe1\x22\x43\xd3\x18\x93\x5c\xda\xac\x80\x64\x36\x70\x8f\x1d\xf2\x3c\xa5\x40\xc3\x78\xfc"
           "\x2b\xba\x91\xdd\x12\x34\x00\x00\x00\x00")},
    {"hmac-sha512",
     BYTES("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x5d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x35\x31\x32\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x40\x53\xea\x74\x70\x3f\x10\x9b\x1d\xeb\x90\x30\xa3\x1b\x47\x6b\xc5\x7e\xcc\xbe\x02"
           "\xea\x64\xe7\x06\xfa\xd7\xbe\x53\x96\x8b\xec\x15\x73\x42\x08\x48\x33\x75\x89\x5c\xed\x59\x2d\xc2"
           "\x08\xcb\x75\xe0\x3a\x80\x30\xf8\xff\x30\x31\xd6\x3f\x09\xd2\x3e\x10\x3b\x1d\x76\x12\x34\x00\x00"
           "\x00\x00"),
     BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x5d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x35\x31\x32\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x40\x0f\x07\x2c\xd6\x6a\x26\xab\x3d\xc0\x39\x72\x72\xf9\xbe\x0f\xa0\x60\x50\x50\xfa"
           "\x3c\x70\xfc\x34\x55\xf0\x29\x8a\x2c\x57\x52\xf3\x7d\x89\xce\xa3\x9a\x63\xfe\xd2\xfc\x29\x24\x9e"
           "\x36\xa2\xfe\x65\x59\x95\xea\x3a\xa8\x08\x62\xac\x46\x5c\xde\x1c\x57\x69\x14\x86\x12\x34\x00\x00"
           "\x00\x00")},
    {"hmac-sha256",
     BYTES("\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x2d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x10\x37\x8f\xd7\xa6\xe4\x98\x4a\x49\xa6\xbd\xb0\xb6\x3a\x13\x84\x06\x12\x34\x00\x00"
           "\x00\x00"),
     BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
           "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
           "\x00\x00\x00\x00\x2d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36\x00\x00\x00\x65\x53\xf1\x00"
           "\x01\x2c\x00\x10\x96\x73\x18\x89\x58\xc1\x2f\x28\x9f\x31\xc1\x77\x7a\x94\x77\x8a\x12\x34\x00\x00"
           "\x00\x00")},
};
static const struct bytes stream[] = {
    BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
          "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
          "\x00\x00\x00\x00\x3d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36\x00\x00\x00\x65\x53\xf1\x00"
          "\x01\x2c\x00\x20\xc1\xde\x55\x9d\x0b\x8a\xcf\x7c\x17\x97\xcf\x2a\xae\xce\x31\xab\x19\x7a\x76\x0c"
          "\xe4\x30\x67\x27\xb5\xb3\x7a\xfb\x39\xc0\x8c\xb4\x12\x34\x00\x00\x00\x00"),
    BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
          "\x00\x00\xfc\x00\x01"),
    BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
          "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
          "\x00\x00\x00\x00\x3d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36\x00\x00\x00\x65\x53\xf1\x00"
          "\x01\x2c\x00\x20\x23\xbc\xba\x08\xb3\xff\xb5\x58\x63\x44\xc7\xb7\xbd\xa7\xfb\x6e\xd6\x4b\xc2\xb2"
          "\xf7\x36\x14\x1f\xca\xd3\xe2\xb7\x80\xcf\x1d\x5c\x12\x34\x00\x00\x00\x00"),
    BYTES("\x12\x34\x84\x00\x00\x01\x00\x00\x00\x00\x00\x01\x07\x65\x78\x61\x6d\x70\x6c\x65\x03\x6f\x72\x67"
          "\x00\x00\xfc\x00\x01\x08\x54\x72\x61\x6e\x73\x66\x65\x72\x03\x4b\x65\x79\x00\x00\xfa\x00\xff\x00"
          "\x00\x00\x00\x00\x3d\x0b\x68\x6d\x61\x63\x2d\x73\x68\x61\x32\x35\x36\x00\x00\x00\x65\x53\xf1\x00"
          "\x01\x2c\x00\x20\xbe\x41\x59\x2d\xb4\x63\x0c\xaa\x1e\x03\x68\xc9\x8c\x18\x5a\x47\xe8\x6e\x07\x13"
          "\xee\x39\x6d\x83\x51\x15\x85\xbc\xb1\x22\x6b\x44\x12\x34\x00\x00\x00\x00"),
};

static const uint8_t secret[32] = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                                   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};

static struct tsig_key key_of(const char *algorithm)
{
    struct tsig_key key = {.algorithm = algorithm, .secret = secret, .secret_length = sizeof secret};
    assert_true(name_from_text("transfer.key.", NULL, key.name) > 0);
    return key;
}

/* The question "example.org. AXFR", with nothing behind it. */
static size_t question(uint8_t *to)
{
    static const uint8_t bytes[] = "\x12\x34\0\0\0\1\0\0\0\0\0\0\7example\3org\0\0\xfc\0\1";
    memcpy(to, bytes, sizeof bytes - 1);
    return sizeof bytes - 1;
}

/* Names are written in any case and digested in lower case. */
static void assert_same_but_case(const uint8_t *ours, size_t length, struct bytes theirs)
{
    assert_int_equal(length, theirs.length);
    for (size_t i = 0; i < length; i++)
        assert_int_equal(tolower(ours[i]), tolower(theirs.bytes[i]));
}

static bool is_truncated(const struct exchange *e)
{
    return e == &exchanges[sizeof exchanges / sizeof *exchanges - 1];
}

static void questions_are_signed_as_others_sign_them(void **state)
{
    (void)state;
    for (const struct exchange *e = exchanges; !is_truncated(e); e++) {
        const struct tsig_key key = key_of(e->algorithm);
        struct tsig_session session;
        uint8_t message[512];
        size_t length = question(message);
        tsig_begin(&session, &key);
        assert_int_equal(tsig_sign(&session, message, &length, sizeof message, NOW_S), 0);
        assert_same_but_case(message, length, e->question);
        tsig_end(&session);
    }
}

/* Both ends of each exchange: the request is checked, the answer is checked and made. */
static void answers_are_checked_and_signed_with_every_algorithm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof exchanges / sizeof *exchanges; i++) {
        const struct exchange *e = &exchanges[i];
        struct tsig_key key = key_of(e->algorithm);
        key.mac_bytes = is_truncated(e) ? 16 : 0;
        struct tsig_session session;
        struct tsig_record record;
        assert_int_equal(tsig_find(e->question.bytes, e->question.length, &record), 1);
        assert_true(tsig_key_fits(&key, &record));
        assert_int_equal(
            tsig_verify_request(&session, &key, e->question.bytes, e->question.length, &record, NOW_S),
            TSIG_OK);
        struct tsig_session answerer = session;
        size_t body;
        assert_int_equal(tsig_verify(&session, e->answer.bytes, e->answer.length, NOW_S, &body), 1);
        assert_true(tsig_is_complete(&session));
        uint8_t message[512];
        size_t length = body;
        memcpy(message, e->answer.bytes, body);
        store_u16(message + 10, 0);
        assert_int_equal(tsig_sign(&answerer, message, &length, sizeof message, NOW_S), 0);
        if (!is_truncated(e))
            assert_same_but_case(message, length, e->answer);
        tsig_end(&session);
        tsig_end(&answerer);
    }
}

static void asked(struct tsig_session *session, const struct tsig_key *key)
{
    uint8_t message[512];
    size_t length = question(message);
    tsig_begin(session, key);
    assert_int_equal(tsig_sign(session, message, &length, sizeof message, NOW_S), 0);
}

static void stream_may_have_unsigned_messages_between_signed_ones(void **state)
{
    (void)state;
    const struct tsig_key key = key_of("hmac-sha256");
    const int expected[] = {1, 0, 1, 1};
    struct tsig_session session;
    asked(&session, &key);
    for (int i = 0; i < 4; i++) {
        size_t body;
        assert_int_equal(tsig_verify(&session, stream[i].bytes, stream[i].length, NOW_S, &body), expected[i]);
        assert_int_equal(tsig_is_complete(&session), expected[i]);
        assert_int_equal(body == stream[i].length, expected[i] == 0);
    }
    tsig_end(&session);
}

static void stream_of_ours_verifies(void **state)
{
    (void)state;
    const struct tsig_key key = key_of("hmac-sha512");
    struct tsig_session asker, answerer;
    struct tsig_record record;
    uint8_t message[512];
    size_t length = question(message), body;
    tsig_begin(&asker, &key);
    assert_int_equal(tsig_sign(&asker, message, &length, sizeof message, NOW_S), 0);
    assert_int_equal(tsig_find(message, length, &record), 1);
    assert_int_equal(tsig_verify_request(&answerer, &key, message, length, &record, NOW_S), TSIG_OK);
    for (int i = 0; i < 3; i++) {
        length = question(message);
        message[2] |= 0x80;
        assert_int_equal(tsig_sign(&answerer, message, &length, sizeof message, NOW_S + 1), 0);
        assert_int_equal(tsig_verify(&asker, message, length, NOW_S + 2, &body), 1);
    }
    tsig_end(&asker);
    tsig_end(&answerer);
}

static void first_message_has_to_be_signed_and_every_hundredth(void **state)
{
    (void)state;
    const struct tsig_key key = key_of("hmac-sha256");
    struct tsig_session session;
    size_t body;
    asked(&session, &key);
    assert_int_equal(tsig_verify(&session, stream[1].bytes, stream[1].length, NOW_S, &body), ERR_REFUSED);
    assert_int_equal(session.error, TSIG_MISSING);
    tsig_end(&session);
    asked(&session, &key);
    assert_int_equal(tsig_verify(&session, stream[0].bytes, stream[0].length, NOW_S, &body), 1);
    for (int i = 0; i < TSIG_UNSIGNED_MAX; i++)
        assert_int_equal(tsig_verify(&session, stream[1].bytes, stream[1].length, NOW_S, &body), 0);
    assert_int_equal(tsig_verify(&session, stream[1].bytes, stream[1].length, NOW_S, &body), ERR_REFUSED);
    tsig_end(&session);
}

static void every_changed_bit_of_an_answer_is_noticed(void **state)
{
    (void)state;
    const struct tsig_key key = key_of("hmac-sha256");
    const struct bytes answer = stream[0];
    for (size_t bit = 0; bit < 8 * answer.length; bit++) {
        struct tsig_session session;
        size_t body;
        uint8_t *copy = malloc(answer.length);
        memcpy(copy, answer.bytes, answer.length);
        copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
        asked(&session, &key);
        int result = tsig_verify(&session, copy, answer.length, NOW_S, &body);
        /* The id on the way and the case of names are not signed. */
        bool not_signed = bit / 8 < 2 || (bit % 8 == 5 && bit / 8 > 29);
        if (!not_signed)
            assert_true(result < 0);
        tsig_end(&session);
        free(copy);
    }
}

static void what_is_wrong_with_a_request_is_told_apart(void **state)
{
    (void)state;
    struct tsig_key key = key_of("hmac-sha256"), other = key, short_macs = key;
    const struct bytes whole = exchanges[3].question, truncated = exchanges[6].question;
    struct tsig_session session;
    struct tsig_record record;
    assert_int_equal(tsig_find(whole.bytes, whole.length, &record), 1);
    other.name[1] = 'x';
    assert_false(tsig_key_fits(&other, &record));
    other = key;
    other.algorithm = "hmac-sha1";
    assert_false(tsig_key_fits(&other, &record));
    other = key;
    other.secret_length = 31;
    assert_int_equal(tsig_verify_request(&session, &other, whole.bytes, whole.length, &record, NOW_S),
                     TSIG_BADSIG);
    tsig_end(&session);
    assert_int_equal(tsig_verify_request(&session, &key, whole.bytes, whole.length, &record, NOW_S + 300),
                     TSIG_OK);
    tsig_end(&session);
    assert_int_equal(tsig_verify_request(&session, &key, whole.bytes, whole.length, &record, NOW_S - 301),
                     TSIG_BADTIME);
    tsig_end(&session);
    short_macs.mac_bytes = 20;
    assert_int_equal(tsig_find(truncated.bytes, truncated.length, &record), 1);
    assert_int_equal(
        tsig_verify_request(&session, &short_macs, truncated.bytes, truncated.length, &record, NOW_S),
        TSIG_BADTRUNC);
    tsig_end(&session);
}

/* The asker learns why: from a signed answer with our time, or from one that nobody signed. */
static void asker_is_told_why_its_request_was_refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t answerer_s;
        size_t secret_length;
        enum tsig_error expected;
    } cases[] = {{NOW_S + 400, 32, TSIG_BADTIME}, {NOW_S, 31, TSIG_BADSIG}};
    for (size_t i = 0; i < 2; i++) {
        struct tsig_key key = key_of("hmac-sha224"), theirs = key;
        struct tsig_session asker, answerer;
        struct tsig_record record;
        uint8_t message[512];
        size_t length = question(message), body;
        theirs.secret_length = cases[i].secret_length;
        tsig_begin(&asker, &key);
        assert_int_equal(tsig_sign(&asker, message, &length, sizeof message, NOW_S), 0);
        assert_int_equal(tsig_find(message, length, &record), 1);
        assert_int_equal(
            tsig_verify_request(&answerer, &theirs, message, length, &record, cases[i].answerer_s),
            cases[i].expected);
        length = question(message);
        assert_int_equal(tsig_sign(&answerer, message, &length, sizeof message, cases[i].answerer_s), 0);
        assert_int_equal(tsig_verify(&asker, message, length, NOW_S, &body), ERR_REFUSED);
        assert_int_equal(asker.error, cases[i].expected);
        assert_int_equal(asker.peer_error, cases[i].expected);
        tsig_end(&asker);
        tsig_end(&answerer);
    }
}

static void unknown_key_is_answered_with_badkey(void **state)
{
    (void)state;
    const struct tsig_key key = key_of("hmac-sha256");
    struct tsig_session session;
    struct tsig_record record;
    uint8_t message[512];
    size_t length = question(message), body;
    tsig_begin(&session, &key);
    assert_int_equal(tsig_sign(&session, message, &length, sizeof message, NOW_S), 0);
    assert_int_equal(tsig_find(message, length, &record), 1);
    uint8_t answer[512];
    length = question(answer);
    assert_int_equal(tsig_put_badkey(&record, answer, &length, sizeof answer), 0);
    assert_int_equal(tsig_verify(&session, answer, length, NOW_S, &body), ERR_REFUSED);
    assert_int_equal(session.peer_error, TSIG_BADKEY);
    tsig_end(&session);
}

static void signature_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    const struct tsig_key key = key_of("hmac-sha256");
    uint8_t message[512], before[512];
    size_t whole = exchanges[3].question.length;
    for (size_t size = question(message); size < whole; size++) {
        struct tsig_session session;
        size_t length = question(message);
        memcpy(before, message, sizeof before);
        tsig_begin(&session, &key);
        assert_int_equal(tsig_sign(&session, message, &length, size, NOW_S), ERR_SPACE);
        assert_int_equal(length, question(before));
        assert_memory_equal(message, before, length);
        tsig_end(&session);
    }
}

static void session_without_key_signs_nothing(void **state)
{
    (void)state;
    struct tsig_session session;
    uint8_t message[512];
    size_t length = question(message), before = length, body;
    tsig_begin(&session, NULL);
    assert_int_equal(tsig_sign(&session, message, &length, sizeof message, NOW_S), 0);
    assert_int_equal(length, before);
    assert_int_equal(tsig_verify(&session, message, length, NOW_S, &body), 0);
    assert_true(tsig_is_complete(&session));
    tsig_end(&session);
}

static void every_truncation_of_a_signed_message_is_malformed(void **state)
{
    (void)state;
    const struct bytes whole = exchanges[3].question;
    struct tsig_record record;
    for (size_t length = 0; length < whole.length; length++) {
        uint8_t *copy = malloc(length ? length : 1);
        memcpy(copy, whole.bytes, length);
        assert_int_equal(tsig_find(copy, length, &record), ERR_MALFORMED);
        free(copy);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_signed_as_others_sign_them),
        cmocka_unit_test(answers_are_checked_and_signed_with_every_algorithm),
        cmocka_unit_test(stream_may_have_unsigned_messages_between_signed_ones),
        cmocka_unit_test(stream_of_ours_verifies),
        cmocka_unit_test(first_message_has_to_be_signed_and_every_hundredth),
        cmocka_unit_test(every_changed_bit_of_an_answer_is_noticed),
        cmocka_unit_test(what_is_wrong_with_a_request_is_told_apart),
        cmocka_unit_test(asker_is_told_why_its_request_was_refused),
        cmocka_unit_test(unknown_key_is_answered_with_badkey),
        cmocka_unit_test(signature_that_does_not_fit_changes_nothing),
        cmocka_unit_test(session_without_key_signs_nothing),
        cmocka_unit_test(every_truncation_of_a_signed_message_is_malformed),
    };
    return RUN_TESTS(tests);
}
