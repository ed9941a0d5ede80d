/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Problems as they are found, told in the order of the file: several passes look at it. */
#ifndef CANDORD_CONFIG_PROBLEMS_H
#define CANDORD_CONFIG_PROBLEMS_H

#include "candord/config.h"

enum { PROBLEMS_MAX = 10000 /* nobody reads more */ };

struct kept_problem;

struct problems {
    struct arena *arena; /* holds the messages */
    struct kept_problem *list;
    size_t count, room;
};

void problems_init(struct problems *problems, struct arena *arena);

/* Keeps a problem; its file's name must live until they are told. `context` is a struct problems. What does
 * not fit is dropped: the reader has enough by then. */
void problems_add(void *context, const struct config_problem *problem);

/* Tells all, by file and line, and forgets them. */
void problems_tell(struct problems *problems,
                   void (*tell)(void *context, const struct config_problem *problem), void *context);

#endif
