/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a dynamic update of a small zone: it is refused with a code, or what it makes is a zone again,
 * with a newer serial. The first byte chooses between a plain zone and a policy zone. */
#include "fuzz.h"

#include "dns/consts.h"
#include "dns/name.h"
#include "dns/zonefile.h"
#include "transfer/update.h"
#include "zone/changes.h"

static const uint8_t *const origin = (const uint8_t *)"\1z";
static const char text[] =
    "$TTL 60\n@ SOA ns h 7 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nns A 192.0.2.2\nns TXT \"x\"\n"
    "c CNAME ns\n*.c CNAME .\n";

static int add(void *context, const struct zonefile_record *r)
{
    const struct policy_record record = {r->owner, r->type, r->rclass, r->ttl_s, r->rdata, r->rdata_length};
    const char *why;
    must(zone_draft_add(context, &record, &why) >= 0);
    return 0;
}

static struct zone_content *make_zone(bool policy)
{
    struct zone_content *content = NULL;
    const char *why;
    struct zone_draft *draft = zone_draft_new(origin, policy);
    const struct zonefile_options options = {.origin = origin, .record = add, .context = draft};
    must(zonefile_read_text(text, sizeof text - 1, "text", &options) == 0);
    must(zone_draft_finish(draft, &content, &why) == 0);
    return content;
}

static void apply(const struct zone_content *zone, const struct zone_changes *changes)
{
    struct zone_content *next = NULL;
    const char *why = NULL;
    uint32_t from, to;
    must(zone_changes_serials(changes, &from, &to) == 0);
    must(from == 7 && serial_newer(to, from));
    int error = zone_content_apply(zone, changes, &next, &why);
    must(error == 0 || error == ERR_INVALID);
    if (!error)
        must(zone_content_serial(next) == to);
    zone_content_unref(next);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct zone_content *zones[2];
    const struct update_terms terms = {.serial_method = SERIAL_INCREMENT};
    unsigned rcode;
    if (size < 1)
        return 0;
    bool policy = data[0] & 1;
    if (!zones[policy])
        zones[policy] = make_zone(policy);
    struct update *update = update_read(data + 1, size - 1, &rcode);
    must(!update == (rcode != RCODE_NOERROR));
    if (!update || !name_equal(update->zone, origin)) {
        update_free(update);
        return 0;
    }
    struct zone_changes *changes = NULL;
    rcode = update_compute(update, zones[policy], &terms, &changes);
    must(rcode == RCODE_NOERROR || !changes);
    if (changes)
        apply(zones[policy], changes);
    zone_changes_free(changes);
    update_free(update);
    return 0;
}
