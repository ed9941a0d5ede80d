/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/rdata_layout.h"

#include <libknot/descriptor.h>
#include <libknot/rrtype/naptr.h>

struct rdata_walk rdata_walk(uint16_t type)
{
    static const int unknown[] = {KNOT_RDATA_WF_REMAINDER, KNOT_RDATA_WF_END};
    const knot_rdata_descriptor_t *descriptor = knot_get_rdata_descriptor(type);
    if (!descriptor->type_name)
        descriptor = knot_get_obsolete_rdata_descriptor(type);
    return (struct rdata_walk){descriptor->type_name ? descriptor->block_types : unknown};
}

int rdata_walk_next(struct rdata_walk *walk, const uint8_t *at, size_t left, size_t *length)
{
    int block = *walk->blocks, header;
    if (block != KNOT_RDATA_WF_END)
        walk->blocks++;
    switch (block) {
    case KNOT_RDATA_WF_END:
        return FIELD_END;
    case KNOT_RDATA_WF_FIXED_DNAME:
        return FIELD_PLAIN_NAME;
    case KNOT_RDATA_WF_COMPRESSIBLE_DNAME:
        return FIELD_NAME;
    case KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME:
        return FIELD_OLD_NAME;
    case KNOT_RDATA_WF_REMAINDER:
        *length = left;
        return FIELD_REST;
    case KNOT_RDATA_WF_NAPTR_HEADER:
        header = knot_naptr_header_size(at, at + left);
        *length = header < 0 ? 0 : (size_t)header;
        return header < 0 ? ERR_MALFORMED : FIELD_BYTES;
    default:
        *length = (size_t)block;
        return FIELD_BYTES;
    }
}
