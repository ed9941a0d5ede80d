/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a signed message: as a request, as an answer, as a stream of them. Nobody without the secret
 * makes a signature that is taken. */
#include "fuzz.h"

#include <string.h>

#include "dns/tsig.h"

static const uint8_t secret[16] = "0123456789abcdef";

static void check_answer(const struct tsig_key *key, const uint8_t *data, size_t size)
{
    uint8_t question[512] = {1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1};
    struct tsig_session session;
    size_t length = 17, body, half = size / 2;
    tsig_begin(&session, key);
    must(tsig_sign(&session, question, &length, sizeof question, 1000) == 0);
    must(tsig_verify(&session, data, half, 1000, &body) < 0 || session.unsigned_count);
    must(tsig_verify(&session, data + half, size - half, 1000, &body) < 0);
    tsig_end(&session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tsig_key key = {.name = "\1k", .algorithm = "hmac-sha256", .secret = secret, .secret_length = 16};
    struct tsig_record record;
    struct tsig_session session;
    check_answer(&key, data, size);
    if (tsig_find(data, size, &record) != 1)
        return 0;
    must(record.offset >= 12 && record.offset < size);
    must(record.mac + record.mac_length <= data + size && record.other + record.other_length <= data + size);
    key.algorithm = "hmac-sha1";
    must(tsig_verify_request(&session, &key, data, size, &record, record.time_s) != TSIG_OK);
    uint8_t answer[1024] = {0};
    size_t length = 12;
    must(tsig_sign(&session, answer, &length, sizeof answer, 1000) == 0);
    must(length == 12 || (tsig_find(answer, length, &record) == 1 && record.error == session.error));
    tsig_end(&session);
    return 0;
}
