/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes as a list: the first chooses its form, the second the action. What comes out is a zone with an
 * SOA, names and data well formed, or a reason why not; and reading the same again gives the same. */
#include "fuzz.h"

#include "dns/name.h"
#include "dns/record.h"
#include "feed/feed.h"

static const uint8_t *const origin = (const uint8_t *)"\4feed\4test";

static int see_record(void *context, const struct policy_record *r)
{
    uint64_t *records = context;
    must(name_check(r->owner, NAME_MAX_BYTES) > 0);
    must(name_is_within(r->owner, origin));
    must(rdata_check(r->type, r->rdata, r->rdata_length));
    must(++*records > 1 || r->type == TYPE_SOA);
    return 0;
}

static struct feed_action choose_action(uint8_t number)
{
    static const enum rpz_action actions[] = {RPZ_NXDOMAIN, RPZ_NODATA, RPZ_PASSTHRU, RPZ_DROP, RPZ_TCP_ONLY};
    if (number < sizeof actions / sizeof *actions)
        return (struct feed_action){.action = actions[number]};
    struct feed_action action = {.action = RPZ_LOCAL_DATA};
    if (number % 2)
        action.cname = (const uint8_t *)"\5block\4test";
    else
        action.addresses[0] = (struct ip_address){IP_V4, {192, 0, 2, 1}};
    return action;
}

static void see_report(int error, const struct feed_report *report)
{
    uint64_t skipped = 0;
    must(!error || error == ERR_MALFORMED);
    must((error != 0) == (report->problem[0] != 0));
    for (int i = 0; i < FEED_SKIPS; i++) {
        must(!report->skipped[i] || feed_skip_text((enum feed_skip)i));
        skipped += report->skipped[i];
    }
    must(report->names <= report->entries);
    must(report->entries - report->names <= skipped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct feed_options options = {.origin = origin,
                                         .format = (enum feed_format)(data[0] % FEED_FORMATS),
                                         .action = choose_action(data[1]),
                                         .host = "lists.example.net",
                                         .serial = 1};
    struct feed_report report, again;
    struct zone_content *zone = NULL, *other = NULL;
    uint64_t records = 0;
    int error = feed_read(data + 2, size - 2, &options, &zone, &report);
    must((error == 0) == (zone != NULL));
    see_report(error, &report);
    must(feed_read(data + 2, size - 2, &options, &other, &again) == error);
    must(again.fingerprint == report.fingerprint && again.names == report.names);
    if (zone)
        must(zone_content_each(zone, see_record, &records) == 0 && records);
    zone_content_unref(zone);
    zone_content_unref(other);
    return 0;
}
