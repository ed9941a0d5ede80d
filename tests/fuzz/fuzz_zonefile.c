/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a master file: every record that comes out is well formed and has its place. */
#include "fuzz.h"

#include <string.h>

#include "dns/name.h"
#include "dns/record.h"
#include "dns/zonefile.h"

struct counts {
    uint64_t lines, records, problems, fatals;
};

static int see_record(void *context, const struct zonefile_record *r)
{
    struct counts *counts = context;
    must(name_check(r->owner, NAME_MAX_BYTES) > 0);
    must(rdata_check(r->type, r->rdata, r->rdata_length));
    must(r->ttl_s <= INT32_MAX);
    must(r->line >= 1 && r->line <= counts->lines);
    return ++counts->records > 100000;
}

static void see_problem(void *context, const struct zonefile_problem *p)
{
    struct counts *counts = context;
    must(p->message && *p->message && p->file);
    must(!counts->fatals);
    counts->fatals += p->fatal;
    counts->problems++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct counts counts = {.lines = 2};
    struct zonefile_options options = {
        .origin = (const uint8_t *)"\7example",
        .default_ttl_s = size % 2 ? 60 : 0,
        .base_dir = "/nonexistent",
        .max_generated = 50,
        .record = see_record,
        .problem = see_problem,
        .context = &counts,
    };
    for (size_t i = 0; i < size; i++)
        counts.lines += data[i] == '\n';
    int result = zonefile_read_text((const char *)data, size, "text", &options);
    must(result <= 0 || counts.records > 100000);
    must((result < 0) == (counts.fatals > 0));
    return 0;
}
