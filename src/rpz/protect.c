/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/protect.h"

#include <stdlib.h>

#include "dns/name.h"

static int order(const void *a, const void *b)
{
    return name_compare(((const struct protected_name *)a)->name, ((const struct protected_name *)b)->name);
}

void protected_init(struct protected_names *protected, struct protected_name *names, size_t count)
{
    size_t kept = 0;
    if (count)
        qsort(names, count, sizeof *names, order); /* a name stands right before all that is below it */
    for (size_t i = 0; i < count; i++)
        if (kept && name_equal(names[kept - 1].name, names[i].name))
            names[kept - 1].how |= names[i].how;
        else
            names[kept++] = names[i];
    protected->names = names;
    protected->count = kept;
}

/* The first name that is not before `name`. */
static size_t first_from(const struct protected_names *names, const uint8_t *name)
{
    size_t low = 0, high = names->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (name_compare(names->names[middle].name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct protected_name *get(const struct protected_names *names, const uint8_t *name)
{
    size_t at = first_from(names, name);
    return at < names->count && name_equal(names->names[at].name, name) ? &names->names[at] : NULL;
}

static const uint8_t *at_or_above(const struct protected_names *names, const uint8_t *name)
{
    unsigned labels = name_labels(name);
    for (unsigned skipped = 0; skipped <= labels; skipped++) {
        const struct protected_name *found = get(names, name_skip(name, skipped));
        if (found && found->how & (skipped ? PROTECT_BELOW : PROTECT_EXACT))
            return found->name;
    }
    return NULL;
}

const uint8_t *protected_find(const struct protected_names *names, const uint8_t *name, bool covers_below,
                              bool (*covers)(void *context, const uint8_t *protected), void *context)
{
    if (!names || !names->count)
        return NULL;
    const uint8_t *found = at_or_above(names, name);
    if (found || !covers_below)
        return found;
    for (size_t i = first_from(names, name); i < names->count; i++) {
        const struct protected_name *below = &names->names[i];
        if (!name_is_within(below->name, name))
            break;
        if (below->how & PROTECT_ABOVE && !name_equal(below->name, name) && covers(context, below->name))
            return below->name;
    }
    return NULL;
}
