/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who may have how many questions under way: caps in all, per zone, per client. One per resolver thread.
 *
 * The room is shared by a moving bound: a zone may not hold more than what is still free. One busy zone so
 * gets half of the room, two a third each, and there is always room for one more. A client may hold four
 * times what is free (alone: four fifths), as there is often only one.
 *
 * A question's zone is the deepest one that answers have told of (limits_learn()); where none is known, the
 * last two labels, or more below a name that many zones were seen directly below (co.uk). */
#ifndef RESOLVE_LIMITS_H
#define RESOLVE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

struct limits;

/* `max` questions in all; `max_per_zone` 0: only the moving bound. `seed` is a secret, so that no stranger
 * can aim for collisions in the tables. NULL: memory. */
struct limits *limits_new(unsigned max, unsigned max_per_zone, uint64_t seed);
void limits_free(struct limits *limits);

/* What a question holds until it ends; storage of the caller. */
struct limits_place {
    uint64_t zone, client; /* keys; client 0: none */
};

enum limits_verdict { LIMITS_OK, LIMITS_FULL, LIMITS_ZONE_FULL, LIMITS_CLIENT_FULL };

enum limits_verdict limits_enter(struct limits *limits, const uint8_t *name, const struct ip_address *client,
                                 uint64_t now_ms, struct limits_place *place);
/* `answered`: the zone is alive. */
void limits_leave(struct limits *limits, const struct limits_place *place, bool answered, uint64_t now_ms);

/* An answer showed that the last `labels` labels of `name` are a zone. */
void limits_learn(struct limits *limits, const uint8_t *name, unsigned labels);

/* How many labels of `name` are taken for its zone. */
unsigned limits_zone_labels(const struct limits *limits, const uint8_t *name);

unsigned limits_used(const struct limits *limits);

#endif
