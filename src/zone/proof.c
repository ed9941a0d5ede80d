/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a zone signed with NSEC says along with its denials (RFC 4035 section 3.1.3). Zones with NSEC3 give
 * their signed SOA without a proof. */
#include "dns/name.h"
#include "zone/content.h"

static int put_covering(struct answering *a, const uint8_t *name)
{
    const struct rrset *nsec = a->dnssec && name ? content_nsec_before(a->content, name) : NULL;
    return nsec ? section_put(a, &a->authority, nsec, NULL) : 0;
}

static int put_own(struct answering *a, const struct node_view *view)
{
    const struct rrset *nsec = a->dnssec ? view_find(view, TYPE_NSEC) : NULL;
    return nsec ? section_put(a, &a->authority, nsec, NULL) : 0;
}

int proof_nodata(struct answering *a, const uint8_t *name, const struct find *found)
{
    if (found->kind == FIND_WILDCARD) {
        int error = put_covering(a, name);
        return error ? error : put_covering(a, found->wildcard);
    }
    /* An empty non-terminal has no NSEC of its own; the one before it spans it. */
    return found->view.count ? put_own(a, &found->view) : put_covering(a, name);
}

int proof_nxdomain(struct answering *a, const uint8_t *name, const struct find *found)
{
    int error = put_covering(a, name);
    return error ? error : put_covering(a, found->wildcard);
}

int proof_wildcard(struct answering *a, const uint8_t *name)
{
    return put_covering(a, name);
}

int proof_no_ds(struct answering *a, const struct find *cut)
{
    const struct rrset *ds = a->dnssec ? view_find(&cut->view, TYPE_DS) : NULL;
    return ds ? section_put(a, &a->authority, ds, NULL) : put_own(a, &cut->view);
}
