/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is kept of a zone on disk, and how long its versions act. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "candord/conf_value.h"
#include "candord/config_build.h"

static bool differences(const struct scope *scope, enum zone_kind kind)
{
    const struct conf_item *item = scope_value(scope, "ixfr-from-differences");
    bool yes = false;
    if (!item || kind != ZONE_PRIMARY)
        return false;
    if (strcasecmp(item->text, "primary") == 0 || strcasecmp(item->text, "master") == 0)
        return true;
    return conf_bool(item->text, &yes) == 0 && yes;
}

static uint64_t journal_bytes(const struct scope *scope)
{
    const struct conf_item *item = scope_value(scope, "max-journal-size");
    uint64_t bytes = 0;
    if (!item || strcasecmp(item->text, "default") == 0)
        return 0;
    if (strcasecmp(item->text, "unlimited") == 0)
        return UINT64_MAX;
    return conf_size(item->text, &bytes) == 0 ? bytes : 0;
}

static bool takes_updates(const struct acl *acl)
{
    return acl->count > 1 || (acl->count == 1 && acl->elements[0].kind != ACL_NONE);
}

static const char *path_beside(struct builder *b, const char *file, const char *end)
{
    size_t length = strlen(file) + strlen(end) + 1;
    char *path = build_alloc(b, length);
    if (path)
        snprintf(path, length, "%s%s", file, end);
    return path;
}

static void build_image(struct builder *b, const struct scope *scope, struct zone_config *zone)
{
    const struct conf_item *item = scope_value(scope, "saved-image");
    if (!zone->file || (item && strcasecmp(item->text, "no") == 0))
        return;
    zone->store.image_path = path_beside(b, zone->file, ".image");
    zone->store.image_always = item && strcasecmp(item->text, "yes") == 0;
}

void build_store(struct builder *b, const struct scope *scope, struct zone_config *zone)
{
    const struct conf_item *expire = scope_value(scope, "on-expire");
    const struct conf_item *format = scope_value(scope, "masterfile-format");
    struct store_config *store = &zone->store;
    store->keep_expired = expire && strcasecmp(expire->text, "keep") == 0;
    store->ixfr_from_differences = differences(scope, zone->kind);
    store->max_journal_bytes = journal_bytes(scope);
    store->text = zone->kind == ZONE_SECONDARY && format && strcasecmp(format->text, "text") == 0;
    bool others_fill = zone->kind == ZONE_SECONDARY || zone->kind == ZONE_FEED;
    bool ours_changes =
        zone->kind == ZONE_PRIMARY && (zone->update.rules || takes_updates(zone->allow_update) ||
                                       store->ixfr_from_differences || zone->guard.options.on);
    if (zone->file && (others_fill || ours_changes))
        store->path = path_beside(b, zone->file, ".journal");
    if (others_fill || zone->kind == ZONE_PRIMARY)
        build_image(b, scope, zone);
}
