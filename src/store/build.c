/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Versions out of a file: a base and the steps behind it, which are applied all at once. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "dns/name.h"
#include "store/parts.h"

enum { PIECE_BYTES = 256 << 10 };

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

/* A body on its way in. */
struct pieces {
    int fd;
    uint64_t at, left, hash;
    uint8_t *bytes;
    size_t kept, length; /* bytes of a record that goes on, and all there are */
};

static int next_piece(struct pieces *p)
{
    size_t length = p->left < PIECE_BYTES ? (size_t)p->left : PIECE_BYTES;
    uint8_t *to = p->bytes + p->kept;
    int error = file_read(p->fd, to, length, p->at);
    if (error)
        return error;
    p->at += length;
    p->left -= length;
    p->length = p->kept + length;
    p->hash = p->left ? hash_more(p->hash, to, length) : hash_rest(p->hash, to, length);
    return 0;
}

static void drop_read(struct pieces *p, size_t used)
{
    p->kept = p->length - used;
    memmove(p->bytes, p->bytes + used, p->kept);
}

/* The records of an entry, read in pieces. They are given to `each` before the hash is known, so the caller
 * must be able to drop them. ERR_MALFORMED: damaged, whatever else was found. */
static int each_record(const struct store_reading *reading, const struct store_entry *entry,
                       int (*each)(void *context, bool remove, const struct policy_record *record),
                       void *context)
{
    const struct store_head *head = &entry->head;
    uint64_t state_at = entry->offset + STORE_HEAD_BYTES;
    uint8_t state[STORE_SLOT_BYTES];
    struct pieces p = {.fd = reading->file->fd,
                       .at = state_at + head->state_bytes,
                       .left = head->body_bytes,
                       .hash = store_body_hash_begin(head->body_bytes),
                       .bytes = malloc(PIECE_BYTES + STORE_RECORD_BYTES_MAX)};
    int error = p.bytes ? file_read(p.fd, state, head->state_bytes, state_at) : ERR_NOMEM, result = 0;
    do {
        size_t used = 0;
        if (!error)
            error = next_piece(&p);
        if (!error && !result)
            result = store_body_some(p.bytes, p.length, !p.left, reading->origin, each, context, &used);
        if (!error)
            drop_read(&p, result ? p.length : used);
    } while (p.left && !error);
    free(p.bytes);
    if (!error && store_hash(head->stamp ^ p.hash, state, head->state_bytes) != head->rest_hash)
        error = ERR_MALFORMED;
    return error ? error : result;
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
    const char *why = NULL;
    struct zone_draft *draft = zone_draft_new(reading->origin, reading->policy);
    int error = draft ? each_record(reading, entry, add_to_draft, draft) : ERR_NOMEM;
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
    return each_record(reading, entry, add_to_changes, changes);
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
