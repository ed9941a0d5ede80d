/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candorctl/origin.h"

#include "dns/consts.h"
#include "dns/name.h"
#include "dns/zonefile.h"

static const uint8_t any[] = "\6policy\7invalid";

static int take_soa_owner(void *context, const struct zonefile_record *record)
{
    if (record->type != TYPE_SOA)
        return 0;
    name_copy_lower(context, record->owner);
    return 1;
}

bool origin_of_file(const char *file, uint8_t origin[255])
{
    name_copy(origin, any);
    const struct zonefile_options options = {
        .origin = any, .default_ttl_s = 3600, .record = take_soa_owner, .context = origin};
    return zonefile_read(file, &options) == 1;
}

bool origin_is_any(const uint8_t *origin)
{
    return name_equal(origin, any);
}
