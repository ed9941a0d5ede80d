/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Opening a store, and writing to it. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "dns/name.h"
#include "store/parts.h"

/* --- opening --- */

static struct store *store_new(const struct store_options *options)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return NULL;
    store->path = strdup(options->path);
    if (!store->path) {
        free(store);
        return NULL;
    }
    atomic_init(&store->references, 1);
    pthread_mutex_init(&store->lock, NULL);
    name_copy(store->origin, options->origin);
    store->policy = options->policy;
    store->max_bytes = options->max_bytes;
    store->helper = options->helper;
    store->image = options->image ? store_image_ref(options->image) : NULL;
    store->end = STORE_ENTRIES_AT;
    return store;
}

/* The newest state: of a slot, or of the last entry, whose writing both are. */
static int read_state(struct store *store)
{
    uint8_t bytes[STORE_SLOT_BYTES];
    struct store_state found;
    for (unsigned i = 0; i < STORE_SLOTS; i++) {
        int error = file_read(store->file->fd, bytes, sizeof bytes,
                              STORE_HEADER_BYTES + (uint64_t)i * STORE_SLOT_BYTES);
        if (error)
            return error;
        if (store_slot_read(bytes, &found) == 0 && found.stamp > store->state.stamp) {
            store->state = found;
            store->slot = 1 - i;
        }
    }
    const struct store_entry *last = store->count ? &store->entries[store->count - 1] : NULL;
    if (last && last->head.stamp > store->state.stamp) {
        int error =
            file_read(store->file->fd, bytes, last->head.state_bytes, last->offset + STORE_HEAD_BYTES);
        if (error)
            return error;
        if (store_state_read(bytes, last->head.state_bytes, &found) == 0)
            store->state = found;
    }
    store->stamp = store->state.stamp > store->stamp ? store->state.stamp : store->stamp;
    return 0;
}

static int read_header(struct store *store, uint64_t size)
{
    uint8_t bytes[STORE_HEADER_BYTES];
    if (size < STORE_ENTRIES_AT)
        return ERR_MALFORMED;
    int error = file_read(store->file->fd, bytes, sizeof bytes, 0);
    return error ? error : store_header_read(bytes, store->origin);
}

/* What is no store of this zone is out of the way, and the next version makes a new one. */
static int set_aside(struct store *store)
{
    char name[NAME_TEXT_MAX], damaged[PATH_MAX];
    if (snprintf(damaged, sizeof damaged, "%s.damaged", store->path) >= (int)sizeof damaged)
        return ERR_SPACE;
    if (rename(store->path, damaged))
        return err_from_errno(errno);
    log_write(
        LOG_ZONELOAD, LEVEL_ERROR,
        "zone %s/IN: %s is damaged, or not this zone's; it is set aside as %s, and the zone starts anew",
        name_to_text_nodot(store->origin, name), store->path, damaged);
    file_unref(store->file);
    store->file = NULL;
    return 0;
}

static int read_all(struct store *store)
{
    struct stat stat;
    bool damaged = false;
    if (fstat(store->file->fd, &stat))
        return err_from_errno(errno);
    uint64_t size = (uint64_t)stat.st_size;
    int error = read_header(store, size);
    if (error == ERR_MALFORMED || error == ERR_INVALID)
        return set_aside(store);
    if (!error)
        error = entries_read(store, size, &damaged);
    if (!error)
        error = read_state(store);
    if (!error && store->end < size)
        error = store_cut(store, store->count, damaged,
                          damaged ? "damaged" : "its end was broken off while it was written");
    return error;
}

static int open_file(struct store *store)
{
    int fd = open(store->path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_from_errno(errno);
    store->file = calloc(1, sizeof *store->file);
    if (!store->file) {
        close(fd);
        return ERR_NOMEM;
    }
    atomic_init(&store->file->references, 1);
    store->file->fd = fd;
    int error = file_lock(fd);
    return error ? error : read_all(store);
}

int store_open(const struct store_options *options, struct store **out)
{
    struct store *store = store_new(options);
    int error = store ? open_file(store) : ERR_NOMEM;
    if (error)
        store_unref(store);
    else
        *out = store;
    return error;
}

struct store *store_ref(struct store *store)
{
    atomic_fetch_add(&store->references, 1);
    return store;
}

void store_unref(struct store *store)
{
    if (!store || atomic_fetch_sub(&store->references, 1) > 1)
        return;
    file_unref(store->file);
    store_image_unref(store->image);
    pthread_mutex_destroy(&store->lock);
    free(store->entries);
    free(store->path);
    free(store);
}

void store_set_policy(struct store *store, bool policy)
{
    pthread_mutex_lock(&store->lock);
    store->policy = policy;
    pthread_mutex_unlock(&store->lock);
}

void store_set_image(struct store *store, struct store_image *image)
{
    pthread_mutex_lock(&store->lock);
    struct store_image *old = store->image;
    store->image = image ? store_image_ref(image) : NULL;
    pthread_mutex_unlock(&store->lock);
    store_image_unref(old);
}

/* --- writing --- */

static int write_entry(struct store *store, const struct store_head *head, const uint8_t *state,
                       const struct store_body *body)
{
    uint8_t bytes[STORE_HEAD_BYTES];
    store_head_write(head, bytes);
    struct iovec parts[] = {
        {bytes, sizeof bytes}, {(void *)state, head->state_bytes}, {body->bytes, body->used}};
    ssize_t put = pwritev(store->file->fd, parts, 3, (off_t)store->end);
    size_t done = put < 0 ? 0 : (size_t)put, start = 0;
    int error = put < 0 && errno != EINTR ? err_from_errno(errno) : 0;
    for (unsigned i = 0; i < 3 && !error; i++) { /* what did not go in one */
        size_t skip = done > start ? done - start : 0;
        if (skip < parts[i].iov_len)
            error = file_write(store->file->fd, (uint8_t *)parts[i].iov_base + skip, parts[i].iov_len - skip,
                               store->end + start + skip);
        start += parts[i].iov_len;
    }
    if (!error && body->fd >= 0)
        error = file_copy(body->fd, body->at, store->file->fd, store->end + start, body->length);
    return error;
}

static int make_file(struct store *store)
{
    if (store->file)
        return 0;
    int error = file_make(store, &store->file);
    if (!error)
        error = file_put(store);
    if (error) {
        file_drop(store);
        file_unref(store->file);
        store->file = NULL;
    }
    return error;
}

static int append(struct store *store, const struct store_body *body, struct store_head *head,
                  struct store_state *state)
{
    uint8_t bytes[STORE_SLOT_BYTES];
    head->stamp = store->stamp + 1;
    struct store_state written = *state;
    written.stamp = head->stamp;
    written.in_force = state->in_force == STORE_THIS ? head->stamp : state->in_force;
    head->state_bytes = (uint32_t)store_state_write(&written, bytes);
    head->rest_hash = store_hash(head->stamp ^ body->hash, bytes, head->state_bytes);
    int error = write_entry(store, head, bytes, body);
    if (!error)
        error = entries_append(store, head, store->end);
    if (error) {
        if (ftruncate(store->file->fd, (off_t)store->end))
            log_write(LOG_ZONELOAD, LEVEL_ERROR, "%s: %s", store->path, strerror(errno));
        return error;
    }
    *state = store->state = written;
    if (store->helper)
        helper_dirty(store->helper, store);
    return 0;
}

static int add(struct store *store, const struct store_body *body, bool side, uint8_t source, int64_t at_s,
               struct store_state *state)
{
    struct store_head head = {.whole = body->whole,
                              .side = side,
                              .source = source,
                              .serial_from = body->serial_from,
                              .serial = body->serial,
                              .at_s = at_s,
                              .added = body->added,
                              .removed = body->removed,
                              .mark = random_u64() | 1,
                              .body_bytes = body->length};
    pthread_mutex_lock(&store->lock);
    head.parent = store->latest;
    int error = body->error;
    if (!error)
        error = head.parent || body->whole ? make_file(store) : ERR_NOT_FOUND;
    if (!error)
        error = append(store, body, &head, state);
    bool fat = !error && store->helper && !store->compacting && store_is_fat(store);
    store->compacting = store->compacting || fat;
    pthread_mutex_unlock(&store->lock);
    if (fat)
        helper_compact(store->helper, store);
    return error;
}

int store_add(struct store *store, const struct store_body *body, uint8_t source, int64_t at_s,
              struct store_state *state)
{
    return add(store, body, false, source, at_s, state);
}

int store_add_side(struct store *store, const struct store_body *body, uint8_t source, int64_t at_s,
                   struct store_state *state)
{
    return add(store, body, true, source, at_s, state);
}

static int write_state(struct store *store, struct store_state *state)
{
    uint8_t bytes[STORE_SLOT_BYTES];
    struct store_state written = *state;
    written.stamp = store->stamp + 1;
    store_slot_write(&written, bytes);
    int error = file_write(store->file->fd, bytes, sizeof bytes,
                           STORE_HEADER_BYTES + (uint64_t)store->slot * STORE_SLOT_BYTES);
    if (error)
        return error;
    store->stamp = written.stamp;
    store->slot = (store->slot + 1) % STORE_SLOTS;
    *state = store->state = written;
    if (store->helper)
        helper_dirty(store->helper, store);
    return 0;
}

int store_set_state(struct store *store, struct store_state *state)
{
    pthread_mutex_lock(&store->lock);
    int error = entries_find(store, state->in_force) ? write_state(store, state) : ERR_NOT_FOUND;
    pthread_mutex_unlock(&store->lock);
    return error;
}

int store_sync(struct store *store)
{
    pthread_mutex_lock(&store->lock);
    struct store_file *file = store->file ? file_ref(store->file) : NULL;
    pthread_mutex_unlock(&store->lock);
    int error = file && fdatasync(file->fd) ? err_from_errno(errno) : 0;
    file_unref(file);
    return error;
}
