/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any text as a master file: every record that comes out is well formed and has its place, and a comment at
 * the end of each line, with which none is of the simplest form, changes nothing where nothing is wrong. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "dns/record.h"
#include "dns/zonefile.h"

struct counts {
    uint64_t lines, records, problems, fatals;
    uint64_t hash; /* of all records */
};

static int see_record(void *context, const struct zonefile_record *r)
{
    struct counts *counts = context;
    must(name_check(r->owner, NAME_MAX_BYTES) > 0);
    must(rdata_check(r->type, r->rdata, r->rdata_length));
    must(r->ttl_s <= INT32_MAX);
    must(r->line >= 1 && r->line <= counts->lines);
    const uint64_t rest[] = {counts->hash, r->type, r->rclass, r->ttl_s, r->line};
    counts->hash = hash_bytes(0, rest, sizeof rest);
    counts->hash = hash_bytes(counts->hash, r->owner, name_length(r->owner));
    counts->hash = hash_bytes(counts->hash, r->rdata, r->rdata_length);
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

static struct counts read_whole(const uint8_t *data, size_t size, bool has_ttl)
{
    struct counts counts = {.lines = 2};
    struct zonefile_options options = {
        .origin = (const uint8_t *)"\7example",
        .default_ttl_s = has_ttl ? 60 : 0,
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
    return counts;
}

/* A newline ends the line, whatever is in front of it, and the scanner is not confused by a comment. */
static bool is_line_by_line(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!data[i] || strchr("()\"\\;$\r", data[i]))
            return false;
    return true;
}

static void read_with_comments(const uint8_t *data, size_t size, bool has_ttl, const struct counts *expected)
{
    uint8_t *text = malloc(3 * size + 1);
    size_t used = 0;
    must(text);
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n') {
            memcpy(text + used, " ;", 2);
            used += 2;
        }
        text[used++] = data[i];
    }
    struct counts counts = read_whole(text, used, has_ttl);
    must(counts.records == expected->records && counts.hash == expected->hash);
    must(!counts.problems);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct counts counts = read_whole(data, size, size % 2);
    if (!counts.problems && is_line_by_line(data, size))
        read_with_comments(data, size, size % 2, &counts);
    return 0;
}
