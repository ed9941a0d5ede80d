/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes, cut into messages by their own length bytes, as the answer to an AXFR or IXFR. The first byte
 * chooses which, and the sort of zone. What is complete makes a version, or changes from one to another. */
#include "fuzz.h"

#include "base/bytes.h"
#include "dns/consts.h"
#include "transfer/incoming.h"

static const uint8_t zone[] = "\1z";

static void look_at(struct incoming *in)
{
    const char *why;
    struct zone_content *content = NULL;
    must(incoming_left_out(in, &why) == 0 || why);
    if (incoming_kind(in) == INCOMING_WHOLE && incoming_build(in, &content) == 0) {
        must(zone_content_serial(content) == incoming_soa(in)->serial);
        must(zone_content_records(content) <= incoming_records(in));
    }
    if (incoming_kind(in) == INCOMING_CHANGES) {
        struct zone_changes *changes = incoming_changes(in);
        uint32_t from, to;
        must(zone_changes_serials(changes, &from, &to) == 0);
        must(from == 5 && to == incoming_soa(in)->serial);
        zone_changes_free(changes);
    }
    zone_content_unref(content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct incoming_options options = {
        .request = {.zone = zone, .id = 7, .type = data[0] & 1 ? TYPE_IXFR : TYPE_AXFR, .serial = 5},
        .policy = data[0] & 2,
        .has_version = data[0] & 1,
        .max_records = 1000};
    struct incoming *in = incoming_new(&options);
    struct reader r = reader_of(data + 1, size - 1);
    int result = 1;
    while (result == 1 && reader_left(&r) > 1) {
        size_t length = read_u16(&r);
        if (length > reader_left(&r))
            length = reader_left(&r);
        result = incoming_take(in, read_bytes(&r, length), length);
        must(result >= 0 || incoming_problem(in)[0]);
    }
    if (result == 0)
        look_at(in);
    incoming_free(in);
    return 0;
}
