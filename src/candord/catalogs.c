/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/catalogs.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "dns/name.h"
#include "zone/catalog.h"

/* One catalog of one view. */
struct entry {
    struct entry *next; /* in the order of the configuration */
    char view_name[256];
    char file[NAME_TEXT_MAX + 16]; /* "catalog catz.example" */
    uint8_t origin[255];
    struct zone_content *seen; /* the version that was read last */
    struct catalog *catalog;   /* what a version said that was not broken; NULL: none yet */
    uint32_t min_interval_ms;
    uint64_t followed_ms; /* 0: never */
    bool wanted;
    bool changed;  /* says something that is not followed yet */
    bool unlisted; /* `catalog` is newer than the lists */
    char problem[512];
    const struct catalog_member **members, **steady; /* those that belong here; without the resets */
    size_t count, steady_count;
};

/* Whose a member is. */
struct owner {
    char view_name[256];
    uint8_t name[255], catalog[255], unique[65];
    bool reset;
};

struct catalogs {
    pthread_mutex_t lock; /* guards the list and `problem`, for catalogs_problem() */
    struct entry *entries;
    /* By view and name: as they were followed last, and as they are to be. */
    struct owner *owners, *next;
    size_t owner_count, next_count;
    struct catalog_list *lists; /* whole ones, then those without the resets */
    size_t list_count;
    bool dropped; /* a catalog is no longer configured: another may have its members */
};

struct catalogs *catalogs_new(void)
{
    struct catalogs *catalogs = calloc(1, sizeof *catalogs);
    if (catalogs)
        pthread_mutex_init(&catalogs->lock, NULL);
    return catalogs;
}

static void free_entry(struct entry *entry)
{
    zone_content_unref(entry->seen);
    catalog_free(entry->catalog);
    free(entry->members);
    free(entry->steady);
    free(entry);
}

void catalogs_free(struct catalogs *catalogs)
{
    if (!catalogs)
        return;
    while (catalogs->entries) {
        struct entry *entry = catalogs->entries;
        catalogs->entries = entry->next;
        free_entry(entry);
    }
    free(catalogs->owners);
    free(catalogs->next);
    free(catalogs->lists);
    pthread_mutex_destroy(&catalogs->lock);
    free(catalogs);
}

static struct entry *find(const struct catalogs *catalogs, const char *view_name, const uint8_t *origin)
{
    struct entry *entry = catalogs->entries;
    while (entry && (strcmp(entry->view_name, view_name) != 0 || !name_equal(entry->origin, origin)))
        entry = entry->next;
    return entry;
}

/* --- what the catalogs say --- */

static void say(struct entry *entry, const char *problem)
{
    if (problem[0] && strcmp(problem, entry->problem) != 0)
        log_write(LOG_GENERAL, LEVEL_ERROR, "%s is not followed: %s; its zones stay as they are", entry->file,
                  problem);
    snprintf(entry->problem, sizeof entry->problem, "%s", problem);
}

static void say_ignored(const struct entry *entry)
{
    if (entry->catalog->ignored)
        log_write(LOG_GENERAL, LEVEL_WARN, "%s names %zu zone%s more than once; each counts once",
                  entry->file, entry->catalog->ignored, entry->catalog->ignored == 1 ? "" : "s");
}

/* A version that was not seen yet is read; the lists are made anew behind it. */
static void read_version(struct entry *entry, struct zone_content *content)
{
    char problem[512] = "";
    struct catalog *catalog = NULL;
    zone_content_unref(entry->seen);
    entry->seen = zone_content_ref(content);
    int error = catalog_read(content, &catalog, problem, sizeof problem);
    say(entry, error && !problem[0] ? err_text(error) : problem);
    if (error)
        return;
    entry->changed |= !entry->catalog || entry->catalog->hash != catalog->hash;
    catalog_free(entry->catalog);
    entry->catalog = catalog;
    entry->unlisted = true;
    say_ignored(entry);
}

static void look_at(struct catalogs *catalogs, struct keeper *keeper, const char *view_name,
                    const struct catalog_config *config, struct entry **to)
{
    struct zone_look look;
    struct entry *entry = find(catalogs, view_name, config->origin);
    char name[NAME_TEXT_MAX];
    if (!entry) {
        entry = calloc(1, sizeof *entry);
        if (!entry)
            return;
        snprintf(entry->view_name, sizeof entry->view_name, "%s", view_name);
        name_copy(entry->origin, config->origin);
        snprintf(entry->file, sizeof entry->file, "catalog %s", name_to_text_nodot(config->origin, name));
        entry->next = *to;
        *to = entry;
    }
    entry->wanted = true;
    entry->min_interval_ms = config->min_update_interval_s * 1000;
    if (keeper_look(keeper, view_name, config->origin, &look) && look.content && look.content != entry->seen)
        read_version(entry, look.content);
    zone_look_fini(&look);
}

static struct entry **end_of(struct catalogs *catalogs)
{
    struct entry **at = &catalogs->entries;
    while (*at)
        at = &(*at)->next;
    return at;
}

static void drop_unwanted(struct catalogs *catalogs)
{
    for (struct entry **at = &catalogs->entries; *at;) {
        struct entry *entry = *at;
        if (entry->wanted) {
            at = &entry->next;
            continue;
        }
        *at = entry->next;
        free_entry(entry);
        catalogs->dropped = true;
    }
}

/* --- whose a member is (RFC 9432 section 4.4.1) --- */

static int by_member(const void *a, const void *b)
{
    const struct owner *one = a, *other = b;
    int order = strcmp(one->view_name, other->view_name);
    return order ? order : name_compare(one->name, other->name);
}

static const struct owner *find_owner(const struct catalogs *catalogs, const char *view_name,
                                      const uint8_t *name)
{
    struct owner key;
    snprintf(key.view_name, sizeof key.view_name, "%s", view_name);
    name_copy(key.name, name);
    return catalogs->owner_count
               ? bsearch(&key, catalogs->owners, catalogs->owner_count, sizeof key, by_member)
               : NULL;
}

static const struct catalog_member *listed(const struct entry *entry, const uint8_t *name)
{
    return entry && entry->catalog ? catalog_find(entry->catalog, name) : NULL;
}

/* The first catalog of the view that names it. */
static struct entry *first_with(const struct catalogs *catalogs, const char *view_name, const uint8_t *name)
{
    struct entry *entry = catalogs->entries;
    while (entry && (strcmp(entry->view_name, view_name) != 0 || !listed(entry, name)))
        entry = entry->next;
    return entry;
}

/* A catalog lets a member go to another one, if that one names it too. */
static struct entry *handed_over(const struct catalogs *catalogs, struct entry *from, const uint8_t *name)
{
    const struct catalog_member *member = listed(from, name);
    struct entry *to = member && member->coo ? find(catalogs, from->view_name, member->coo) : NULL;
    return listed(to, name) ? to : from;
}

static struct entry *choose(const struct catalogs *catalogs, const struct owner *before,
                            const char *view_name, const uint8_t *name)
{
    struct entry *owner = before ? find(catalogs, view_name, before->catalog) : NULL;
    if (!listed(owner, name))
        owner = first_with(catalogs, view_name, name);
    return handed_over(catalogs, owner, name);
}

static bool same_unique(const struct owner *before, const struct catalog_member *member)
{
    return memcmp(before->unique, member->unique, *member->unique + 1u) == 0;
}

static void set_owner(const struct catalogs *catalogs, struct entry *entry, const uint8_t *name,
                      struct owner *out)
{
    const struct owner *before = find_owner(catalogs, entry->view_name, name);
    struct entry *owner = choose(catalogs, before, entry->view_name, name);
    const struct catalog_member *member = listed(owner, name);
    bool stays = before && (name_equal(before->catalog, owner->origin) ||
                            listed(find(catalogs, entry->view_name, before->catalog), name));
    *out = (struct owner){.reset = before && (!stays || !same_unique(before, member))};
    memcpy(out->view_name, entry->view_name, sizeof out->view_name);
    name_copy(out->name, name);
    name_copy(out->catalog, owner->origin);
    memcpy(out->unique, member->unique, *member->unique + 1u);
    owner->members[owner->count++] = member;
    if (!out->reset)
        owner->steady[owner->steady_count++] = member;
}

static size_t count_members(const struct catalogs *catalogs)
{
    size_t count = 0;
    for (const struct entry *entry = catalogs->entries; entry; entry = entry->next)
        count += entry->catalog ? entry->catalog->count : 0;
    return count;
}

/* Each entry may get what it lists itself. */
static bool empty_lists(struct catalogs *catalogs)
{
    bool good = true;
    for (struct entry *entry = catalogs->entries; entry; entry = entry->next) {
        size_t room = entry->catalog ? entry->catalog->count + 1 : 1;
        free(entry->members);
        free(entry->steady);
        entry->members = calloc(room, sizeof(struct catalog_member *));
        entry->steady = calloc(room, sizeof(struct catalog_member *));
        entry->count = entry->steady_count = 0;
        good &= entry->members && entry->steady;
    }
    return good;
}

static void resolve(struct catalogs *catalogs)
{
    size_t count = 0;
    struct owner *owners = calloc(count_members(catalogs) + 1, sizeof *owners);
    if (!owners || !empty_lists(catalogs)) {
        free(owners);
        return;
    }
    for (struct entry *entry = catalogs->entries; entry; entry = entry->next)
        for (size_t i = 0; entry->catalog && i < entry->catalog->count; i++) {
            const uint8_t *name = entry->catalog->members[i]->name;
            if (first_with(catalogs, entry->view_name, name) == entry)
                set_owner(catalogs, entry, name, &owners[count++]);
        }
    qsort(owners, count, sizeof *owners, by_member);
    free(catalogs->next);
    catalogs->next = owners;
    catalogs->next_count = count;
}

/* --- lists for the configuration --- */

static struct catalog_list list_of(const struct entry *entry, bool whole)
{
    return (struct catalog_list){.view_name = entry->view_name,
                                 .file = entry->file,
                                 .catalog = entry->catalog,
                                 .count = whole ? entry->count : entry->steady_count,
                                 .members = whole ? entry->members : entry->steady};
}

static void make_lists(struct catalogs *catalogs)
{
    size_t count = 0, i = 0;
    for (const struct entry *entry = catalogs->entries; entry; entry = entry->next)
        count += entry->catalog && entry->members;
    free(catalogs->lists);
    catalogs->lists = calloc(2 * count + 1, sizeof *catalogs->lists);
    catalogs->list_count = catalogs->lists ? count : 0;
    for (const struct entry *entry = catalogs->entries; catalogs->lists && entry; entry = entry->next) {
        if (!entry->catalog || !entry->members)
            continue;
        catalogs->lists[i] = list_of(entry, true);
        catalogs->lists[count + i++] = list_of(entry, false);
    }
}

/* --- for the keeper thread --- */

void catalogs_look(struct catalogs *catalogs, struct keeper *keeper, const struct config *config)
{
    bool changed = false;
    pthread_mutex_lock(&catalogs->lock);
    for (struct entry *entry = catalogs->entries; entry; entry = entry->next)
        entry->wanted = false;
    for (size_t v = 0; v < config->view_count; v++)
        for (size_t i = 0; i < config->views[v].catalog_count; i++)
            look_at(catalogs, keeper, config->views[v].name, &config->views[v].catalogs[i], end_of(catalogs));
    drop_unwanted(catalogs);
    pthread_mutex_unlock(&catalogs->lock);
    for (struct entry *entry = catalogs->entries; entry; entry = entry->next) {
        changed |= entry->changed || entry->unlisted;
        entry->unlisted = false;
    }
    if (!changed && !catalogs->dropped)
        return;
    resolve(catalogs);
    make_lists(catalogs);
}

int catalogs_wait_ms(const struct catalogs *catalogs)
{
    uint64_t now_ms = clock_mono_ms();
    int wait_ms = catalogs->dropped ? 0 : -1;
    for (const struct entry *entry = catalogs->entries; entry; entry = entry->next) {
        uint64_t due_ms = entry->followed_ms ? entry->followed_ms + entry->min_interval_ms : 0;
        int left_ms = due_ms > now_ms ? (int)(due_ms - now_ms) : 0;
        if (entry->changed && (wait_ms < 0 || left_ms < wait_ms))
            wait_ms = left_ms;
    }
    return wait_ms;
}

bool catalogs_has_resets(const struct catalogs *catalogs)
{
    for (size_t i = 0; i < catalogs->next_count; i++)
        if (catalogs->next[i].reset)
            return true;
    return false;
}

size_t catalogs_lists(const struct catalogs *catalogs, bool whole, const struct catalog_list **out)
{
    *out = catalogs->lists && !whole ? catalogs->lists + catalogs->list_count : catalogs->lists;
    return catalogs->list_count;
}

void catalogs_followed(struct catalogs *catalogs)
{
    free(catalogs->owners);
    catalogs->owners = catalogs->next;
    catalogs->owner_count = catalogs->next_count;
    catalogs->next = NULL;
    catalogs->next_count = 0;
    catalogs->dropped = false;
    for (struct entry *entry = catalogs->entries; entry; entry = entry->next) {
        entry->followed_ms = entry->changed ? clock_mono_ms() : entry->followed_ms;
        entry->changed = false;
    }
}

void catalogs_problem(struct catalogs *catalogs, const char *view_name, const uint8_t *origin, char *out,
                      size_t size)
{
    pthread_mutex_lock(&catalogs->lock);
    const struct entry *entry = find(catalogs, view_name, origin);
    snprintf(out, size, "%s", entry ? entry->problem : "");
    pthread_mutex_unlock(&catalogs->lock);
}
