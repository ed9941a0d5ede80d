/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside store/: a store in memory, its file, and the queue of the helper. */
#ifndef STORE_PARTS_H
#define STORE_PARTS_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/format.h"
#include "store/image.h"

/* An open file, shared with those who read it while a new one takes its place. */
struct store_file {
    _Atomic unsigned references;
    int fd;
};

struct store_entry {
    struct store_head head;
    uint64_t offset; /* of the head */
};

struct store {
    _Atomic unsigned references;
    pthread_mutex_t lock; /* guards what follows */
    char *path;
    uint8_t origin[255];
    bool policy;
    uint64_t max_bytes;
    struct store_helper *helper;
    struct store_image *image; /* NULL: none is made */
    struct store_file *file;   /* NULL: not made yet */
    struct store_entry *entries;
    size_t count, room;
    uint64_t end;    /* where the next entry goes */
    uint64_t stamp;  /* the last one given */
    uint64_t latest; /* stamp of the newest version that is not a side; 0: none */
    uint64_t whole;  /* stamp of the newest version with all its records; 0: none */
    unsigned slot;   /* where the next state goes */
    struct store_state state;
    bool compacting;
    /* The helper's, under its lock. */
    bool dirty;
    struct store *next_dirty;
};

/* --- files (store/file.c) --- */

int file_read(int fd, void *to, size_t length, uint64_t offset) MUST_CHECK; /* all of it, or an error */
int file_write(int fd, const void *from, size_t length, uint64_t offset) MUST_CHECK;
int file_copy(int from, uint64_t from_at, int to, uint64_t to_at, uint64_t length) MUST_CHECK;
struct store_file *file_ref(struct store_file *file);
void file_unref(struct store_file *file);

/* A new file PATH.new with header and state, locked; file_put() gives it its name. */
int file_make(const struct store *store, struct store_file **out) MUST_CHECK;
int file_put(const struct store *store) MUST_CHECK;
void file_drop(const struct store *store); /* PATH.new is not wanted after all */

/* Locks against other processes. ERR_EXISTS: it is in use. */
int file_lock(int fd) MUST_CHECK;

/* Sees that the directory knows of a new name. */
void file_sync_directory(const char *path);

/* The end of writing a file anew: it takes the place of `path`, or goes when there was an `error`, which is
 * returned. */
int file_replace(const char *new_path, const char *path, int error) MUST_CHECK;

/* --- the entries (store/entries.c), under the lock --- */

/* Reads what is in the file. `*cut`: where it ends to be whole; `*damaged`: not by an append that was broken
 * off. */
int entries_read(struct store *store, uint64_t size, bool *damaged) MUST_CHECK;
int entries_append(struct store *store, const struct store_head *head, uint64_t offset) MUST_CHECK;
/* NULL: no such version. */
const struct store_entry *entries_find(const struct store *store, uint64_t stamp);
/* Forgets all from number `first` on. */
void entries_cut(struct store *store, size_t first);
uint64_t entry_bytes(const struct store_entry *entry);
/* Tells the entry from others of its stamp, also when it has become a root. */
uint64_t entry_mark(const struct store_entry *entry);
/* Is `ancestor` on the way to `stamp`, with nothing but steps behind it? */
bool entries_lead(const struct store *store, uint64_t ancestor, uint64_t stamp);

/* What leads to a version: its base and the steps behind, oldest first; malloc'ed. `from` 0: from a whole
 * one; else the steps behind that version. Returns how many, ERR_NOT_FOUND or ERR_NOMEM. */
int entries_path(const struct store *store, uint64_t from, uint64_t stamp,
                 struct store_entry **out) MUST_CHECK;

/* --- damage (store/damage.c), under the lock --- */

/* Keeps entries before number `first`, and what lies in the file before them. With `aside` the file as it was
 * is kept beside. Logged. */
int store_cut(struct store *store, size_t first, bool aside, const char *why) MUST_CHECK;

/* --- versions from a file (store/build.c) --- */

struct store_reading {
    struct store_file *file; /* a reference */
    uint8_t origin[255];
    bool policy;
};
void reading_begin(struct store *store, struct store_reading *out); /* under the lock */
void reading_end(struct store_reading *reading);

/* Builds what a path leads to, from `base` when it does not begin with a whole one. *bad: the number of the
 * entry that is damaged when the result is ERR_MALFORMED. */
int reading_build(const struct store_reading *reading, const struct zone_content *base,
                  const struct store_entry *path, size_t count, struct zone_content **out,
                  size_t *bad) MUST_CHECK;

/* Appends an entry's records to `changes`, which are to be dropped when it fails. */
int reading_changes(const struct store_reading *reading, const struct store_entry *entry,
                    struct zone_changes *changes) MUST_CHECK;

/* --- the helper --- */

void helper_dirty(struct store_helper *helper, struct store *store);   /* to be synced within a second */
void helper_compact(struct store_helper *helper, struct store *store); /* store->compacting has been set */
bool store_is_fat(const struct store *store);                          /* under the lock */
size_t store_root(const struct store *store); /* number of the first version that a compaction keeps */

#endif
