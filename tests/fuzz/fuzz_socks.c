/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a SOCKS proxy's side of the conversation, in pieces whose length the first byte says: the
 * machine ends in the same phase however the bytes are cut. */
#include "fuzz.h"

#include "check_http_onion/socks.h"

/* Feeds everything in pieces; returns how many bytes were taken. */
static size_t feed(struct socks *s, const uint8_t *data, size_t size, size_t piece)
{
    size_t taken = 0, waiting;
    must(socks_begin(s, "abc.onion", 80, "user", "password") == 0);
    while (taken < size && s->phase == SOCKS_TALKING) {
        if (socks_output(s, &waiting))
            socks_sent(s, waiting);
        size_t length = size - taken < piece ? size - taken : piece,
               now = socks_feed(s, data + taken, length);
        must(now <= length && now > 0);
        taken += now;
    }
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct socks whole, cut;
    if (size < 1)
        return 0;
    size_t taken = feed(&whole, data + 1, size - 1, size);
    must(feed(&cut, data + 1, size - 1, (size_t)data[0] % 7 + 1) == taken);
    must(cut.phase == whole.phase && cut.reply == whole.reply);
    must(whole.phase != SOCKS_GRANTED || whole.reply == 0);
    must(whole.phase != SOCKS_REFUSED || whole.reply != 0);
    return 0;
}
