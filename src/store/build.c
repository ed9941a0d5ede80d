/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Versions out of a file: a base and the steps behind it, which are applied all at once. */
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "store/parts.h"

void reading_begin(struct store *store, struct store_reading *out)
{
    *out =
        (struct store_reading){.file = store->file ? file_ref(store->file) : NULL, .policy = store->policy};
    name_copy(out->origin, store->origin);
}

void reading_end(struct store_reading *reading)
{
    file_unref(reading->file);
    reading->file = NULL;
}

static int add_to_draft(void *context, bool remove, const struct policy_record *record)
{
    const char *why = NULL;
    if (remove || !name_length(record->owner))
        return ERR_MALFORMED;
    int result = zone_draft_add(context, record, &why);
    return result == ERR_INVALID ? ERR_MALFORMED : result < 0 ? result : 0;
}

static int build_base(const struct store_reading *reading, const struct store_entry *entry,
                      struct zone_content **out)
{
    uint8_t *bytes = NULL;
    const char *why = NULL;
    int error = file_read_entry(reading->file, entry, &bytes);
    struct zone_draft *draft = error ? NULL : zone_draft_new(reading->origin, reading->policy);
    if (!error && !draft)
        error = ERR_NOMEM;
    if (!error)
        error = store_body_each(bytes + entry->head.state_bytes, entry->head.body_bytes, reading->origin,
                                add_to_draft, draft);
    free(bytes);
    if (error) {
        zone_draft_free(draft);
        return error;
    }
    error = zone_draft_finish(draft, out, &why);
    return error == ERR_NOT_FOUND ? ERR_MALFORMED : error;
}

static int add_to_changes(void *context, bool remove, const struct policy_record *record)
{
    return zone_changes_add(context, remove, record);
}

int reading_changes(const struct store_reading *reading, const struct store_entry *entry,
                    struct zone_changes *changes)
{
    uint8_t *bytes = NULL;
    int error = file_read_entry(reading->file, entry, &bytes);
    if (!error)
        error = store_body_each(bytes + entry->head.state_bytes, entry->head.body_bytes, reading->origin,
                                add_to_changes, changes);
    free(bytes);
    return error;
}

static int apply_steps(const struct store_reading *reading, const struct zone_content *base,
                       const struct store_entry *steps, size_t count, struct zone_content **out, size_t *bad)
{
    struct zone_changes *changes = zone_changes_new();
    const char *why = NULL;
    int error = changes ? 0 : ERR_NOMEM;
    for (size_t i = 0; i < count && !error; i++) {
        *bad = i;
        error = reading_changes(reading, &steps[i], changes);
    }
    if (!error) {
        error = zone_content_apply(base, changes, out, &why);
        *bad = 0; /* the steps are as written, but do not fit: none of them can be trusted */
        if (error == ERR_NOT_FOUND || error == ERR_INVALID)
            error = ERR_MALFORMED;
    }
    zone_changes_free(changes);
    return error;
}

int reading_build(const struct store_reading *reading, const struct zone_content *base,
                  const struct store_entry *path, size_t count, struct zone_content **out, size_t *bad)
{
    struct zone_content *whole = NULL;
    bool begins = count && path[0].head.whole;
    int error = 0;
    *out = NULL;
    *bad = 0;
    if (begins)
        error = build_base(reading, &path[0], &whole);
    if (error || count == (size_t)begins) {
        *out = begins ? whole : zone_content_ref((struct zone_content *)base);
        return error;
    }
    error = apply_steps(reading, begins ? whole : base, path + begins, count - begins, out, bad);
    *bad += begins;
    zone_content_unref(whole);
    return error;
}
