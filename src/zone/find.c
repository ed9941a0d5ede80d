/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the apex down towards a name: cuts, DNAMEs, the closest encloser and its wildcard (RFC 1034 section
 * 4.3.2, RFC 4592, RFC 6672). */
#include "dns/name.h"
#include "zone/content.h"

/* The wildcard below `encloser` (which is not the name that was asked for). */
static int find_wildcard(const struct zone_content *content, struct arena *arena, struct find *out)
{
    static const uint8_t star[] = {1, '*', 0};
    uint8_t *name = arena_alloc(arena, NAME_MAX_BYTES);
    if (!name)
        return ERR_NOMEM;
    /* Cannot be too long: the name asked for has at least as long a label in its place. */
    if (name_join(star, out->encloser, name) < 0)
        return 0;
    out->wildcard = name;
    int error = content_at(content, name, arena, &out->view);
    if (!error && out->view.exists)
        out->kind = FIND_WILDCARD;
    return error;
}

/* A policy zone's records that are no rules stand in no tree: their parents do not show, they do. */
static int find_loose(const struct zone_content *content, const uint8_t *name, struct arena *arena,
                      struct find *out)
{
    struct node_view view;
    int error = content_at(content, name, arena, &view);
    if (!error && view.count) {
        out->kind = FIND_NODE;
        out->encloser = name;
        out->view = view;
    }
    return error;
}

int content_find(const struct zone_content *content, const uint8_t *name, bool parent_side,
                 struct arena *arena, struct find *out)
{
    *out = (struct find){.kind = FIND_NOTHING};
    unsigned below = name_labels(name) - name_labels(content->origin);
    for (unsigned skip = below + 1; skip-- > 0;) {
        const uint8_t *at = name_skip(name, skip);
        struct node_view view;
        int error = content_at(content, at, arena, &view);
        if (error)
            return error;
        if (!view.exists && skip > 0 && content->policy)
            error = find_loose(content, name, arena, out);
        if (error || out->kind == FIND_NODE)
            return error;
        if (!view.exists)
            return find_wildcard(content, arena, out);
        out->encloser = at;
        out->view = view;
        if (skip != below && !(skip == 0 && parent_side) && view_find(&view, TYPE_NS)) {
            out->kind = FIND_CUT;
            return 0;
        }
        if (skip != 0 && view_find(&view, TYPE_DNAME)) {
            out->kind = FIND_DNAME;
            return 0;
        }
    }
    out->kind = FIND_NODE;
    return 0;
}
