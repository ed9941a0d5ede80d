/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is not whole: cut off, or set aside with what is whole kept. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "dns/name.h"
#include "store/parts.h"

/* The file as it is gets another name; a new one holds what is whole. */
static int move_aside(struct store *store)
{
    char damaged[PATH_MAX];
    struct store_file *file = NULL;
    if (snprintf(damaged, sizeof damaged, "%s.damaged", store->path) >= (int)sizeof damaged)
        return ERR_SPACE;
    int error = file_make(store, &file);
    if (!error)
        error = file_copy(store->file->fd, STORE_ENTRIES_AT, file->fd, STORE_ENTRIES_AT,
                          store->end - STORE_ENTRIES_AT);
    if (!error && fsync(file->fd))
        error = err_from_errno(errno);
    if (!error) {
        unlink(damaged);
        error = link(store->path, damaged) ? err_from_errno(errno) : file_put(store);
    }
    if (error) {
        file_drop(store);
        file_unref(file);
        return error;
    }
    file_unref(store->file);
    store->file = file;
    return 0;
}

int store_cut(struct store *store, size_t first, bool aside, const char *why)
{
    char name[NAME_TEXT_MAX];
    entries_cut(store, first);
    log_write(LOG_ZONELOAD, aside ? LEVEL_ERROR : LEVEL_WARN,
              "zone %s/IN: %s: %s; %zu version%s before it %s whole%s",
              name_to_text_nodot(store->origin, name), store->path, why, store->count,
              store->count == 1 ? "" : "s", store->count == 1 ? "is" : "are",
              aside ? "; the file as it was is kept as *.damaged" : "");
    if (aside)
        return move_aside(store);
    return ftruncate(store->file->fd, (off_t)store->end) ? err_from_errno(errno) : 0;
}
