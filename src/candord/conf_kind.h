/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The kinds of values that a form of the table of words can ask for: BOOL, SIZE, NAME … (conf_words.h). */
#ifndef CANDORD_CONF_KIND_H
#define CANDORD_CONF_KIND_H

#include <stdbool.h>
#include <stddef.h>

struct conf_value_kind {
    const char *name;
    const char *expected; /* for messages: "yes or no" */
    bool (*fits)(const char *text);
    bool quoted_only;
};

/* The kind of this name (`length` letters), or NULL. */
const struct conf_value_kind *conf_kind_find(const char *name, size_t length);

#endif
