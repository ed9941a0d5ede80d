/* SPDX-License-Identifier: GPL-3.0-or-later */
/* response-padding { LIST } block-size N. */
#include "candord/conf_value.h"
#include "candord/config_build.h"

enum { BLOCK_MAX = 512 /* BIND's bound */ };

void build_padding(struct builder *b, const struct scope *scope, struct view_config *view)
{
    const struct conf_statement *s = scope_find(scope, "response-padding");
    const struct conf_item *block = s ? conf_block(s) : NULL, *size = block ? conf_item_at(s, 3) : NULL;
    uint32_t bytes;
    view->padded = block ? build_acl(b, block) : &acl_none;
    if (!size || conf_number(size->text, &bytes) != 0)
        return;
    if (bytes > BLOCK_MAX)
        conf_notice(b->report, size->at, "block-size %u is more than %d; %d is used", bytes, BLOCK_MAX,
                    BLOCK_MAX);
    view->padding_block_bytes = (uint16_t)(bytes < BLOCK_MAX ? bytes : BLOCK_MAX);
}
