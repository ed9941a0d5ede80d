/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Our options as the text of an unbound.conf. */
#ifndef RESOLVE_RECURSOR_CONFIG_H
#define RESOLVE_RECURSOR_CONFIG_H

#include <stddef.h>

#include "base/error.h"
#include "resolve/resolver.h"

struct recursor_share {
    unsigned questions; /* that one context may have under way */
    size_t cache_bytes; /* for its caches */
    unsigned contexts;  /* how many share this process's descriptors */
};

/* How many sockets one context may have open: as many as its questions want, if the process has them. */
unsigned recursor_sockets(const struct recursor_share *share);

/* *out is malloc'ed text. `without_root`: the caller adds the root's trust anchors. ERR_NOMEM; ERR_INVALID:
 * something cannot be said in such a file; `problem` says what. */
int recursor_config_text(const struct resolver_options *options, const struct recursor_share *share,
                         bool without_root, char **out, char *problem, size_t problem_size) MUST_CHECK;

#endif
