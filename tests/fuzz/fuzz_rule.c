/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any owner and data as an RPZ rule: what is decoded encodes to an owner that decodes to the same. The input
 * is the owner below the zone's name, the type, and the data. */
#include "fuzz.h"

#include <string.h>

#include "base/bytes.h"
#include "dns/name.h"
#include "dns/record.h"
#include "rpz/rule.h"

static const uint8_t *const origin = (const uint8_t *)"\3rpz\4test";

static void check_owner(const struct rpz_owner *owner)
{
    struct rpz_owner again;
    uint8_t encoded[NAME_MAX_BYTES];
    must(owner->trigger < RPZ_TRIGGERS);
    int length = rpz_owner_encode(owner, origin, encoded);
    if (length == ERR_SPACE) /* a full IPv6 spelling may be longer than the one that was given */
        return;
    must(name_check(encoded, sizeof encoded) == length);
    must(name_is_within(encoded, origin));
    must(rpz_owner_decode(encoded, origin, &again) == RPZ_KEPT);
    must(again.trigger == owner->trigger && again.wildcard == owner->wildcard);
    must(!again.noncanonical);
    if (owner->trigger == RPZ_QNAME || owner->trigger == RPZ_NSDNAME) {
        must(name_check(owner->name, sizeof owner->name) == owner->name_length);
        must(again.name_length == owner->name_length && name_equal(again.name, owner->name));
    } else {
        must(again.prefix.length == owner->prefix.length);
        must(ip_equal(&again.prefix.address, &owner->prefix.address));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rpz_owner owner;
    uint8_t name[NAME_MAX_BYTES];
    struct reader in = reader_of(data, size);
    int length = name_check(data, size);
    if (length <= 1 || name_join(data, origin, name) < 0)
        return 0;
    read_bytes(&in, (size_t)length);
    uint16_t type = read_u16(&in);
    enum rpz_skip skip = rpz_owner_decode(name, origin, &owner);
    must(skip < RPZ_SKIPS && rpz_skip_text(skip));
    if (skip != RPZ_KEPT)
        return 0;
    check_owner(&owner);
    if (!in.error && reader_left(&in) <= UINT16_MAX && rdata_check(type, in.at, reader_left(&in))) {
        enum rpz_action action = RPZ_NONE;
        skip = rpz_action_decode(&owner, type, in.at, (uint16_t)reader_left(&in), &action);
        must(skip < RPZ_SKIPS && (skip != RPZ_KEPT || (action > RPZ_NONE && action < RPZ_ACTIONS)));
    }
    return 0;
}
