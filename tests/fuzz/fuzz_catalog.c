/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any master file as a catalog zone: it is followed or it is broken, and what is followed names each zone
 * once, in order, with servers that have addresses. */
#include "fuzz.h"

#include <string.h>

#include "dns/name.h"
#include "dns/zonefile.h"
#include "zone/catalog.h"
#include "zone/changes.h"

enum { RECORDS_MAX = 500 };

static const uint8_t *const origin = (const uint8_t *)"\4catz\4test";
static const char apex[] = "$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS invalid.\n";

struct building {
    struct zone_draft *draft;
    size_t given;
};

static int add(void *context, const struct zonefile_record *r)
{
    struct building *b = context;
    const char *why;
    struct policy_record record = {r->owner, r->type, r->rclass, r->ttl_s, r->rdata, r->rdata_length};
    int result = zone_draft_add(b->draft, &record, &why);
    must(result >= 0 || result == ERR_INVALID);
    return ++b->given == RECORDS_MAX;
}

static void see_primaries(const struct catalog_primary *primary)
{
    for (; primary; primary = primary->next)
        must(primary->address.family != IP_NONE);
}

static void see(const struct catalog *catalog)
{
    see_primaries(catalog->primaries);
    for (size_t i = 0; i < catalog->count; i++) {
        const struct catalog_member *member = catalog->members[i];
        must(name_check(member->name, NAME_MAX_BYTES) > 0);
        must(*member->unique && *member->unique <= 63);
        must(!i || name_compare(catalog->members[i - 1]->name, member->name) < 0);
        must(catalog_find(catalog, member->name) == member);
        must(!member->groups || catalog_in_group(member, member->groups->text));
        see_primaries(member->primaries);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct building b = {.draft = zone_draft_new(origin, false)};
    struct zonefile_options options = {
        .origin = origin, .no_includes = true, .max_generated = 50, .record = add, .context = &b};
    struct zone_content *content = NULL;
    struct catalog *catalog = NULL;
    char problem[256] = "";
    const char *why;
    must(zonefile_read_text(apex, strlen(apex), "apex", &options) == 0);
    int ignored = zonefile_read_text((const char *)data, size, "text", &options);
    (void)ignored;
    must(zone_draft_finish(b.draft, &content, &why) == 0);
    int error = catalog_read(content, &catalog, problem, sizeof problem);
    must(error == 0 || (error == ERR_MALFORMED && *problem));
    must((error == 0) == (catalog != NULL));
    if (catalog)
        see(catalog);
    catalog_free(catalog);
    zone_content_unref(content);
    return 0;
}
