/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/suffixes.h"

#include <libpsl.h>

#include "dns/name.h"

/* libpsl's own type behind ours. */
static psl_ctx_t *list_of(const struct suffixes *suffixes)
{
    return (psl_ctx_t *)suffixes;
}

struct suffixes *suffixes_open(void)
{
    return (struct suffixes *)psl_latest(NULL);
}

void suffixes_close(struct suffixes *suffixes)
{
    psl_free(list_of(suffixes));
}

bool suffixes_has(const struct suffixes *suffixes, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    if (name_is_root(name))
        return false;
    name_to_text_nodot(name, text);
    return psl_is_public_suffix2(list_of(suffixes), text, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) == 1;
}
