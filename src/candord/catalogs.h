/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The catalog zones of a daemon (RFC 9432): what they say now, which of them a member belongs to, and when
 * the configuration has to be read again for their sake. The members become part of the configuration
 * (config_catalog.c), so everything that holds for a configured zone holds for them.
 *
 * On the keeper thread (or before it runs), but for catalogs_problem(). */
#ifndef CANDORD_CATALOGS_H
#define CANDORD_CATALOGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "candord/config.h"
#include "candord/keeper.h"

struct catalogs;

/* NULL: memory. */
struct catalogs *catalogs_new(void);
void catalogs_free(struct catalogs *catalogs);

/* Looks at the versions in force of the catalog zones that `config` names. A catalog that is broken, or gone,
 * leaves what was known of it, as the log says once. */
void catalogs_look(struct catalogs *catalogs, struct keeper *keeper, const struct config *config);

/* How long until what has changed may be followed (min-update-interval); 0: now; -1: nothing has changed. */
int catalogs_wait_ms(const struct catalogs *catalogs);

/* Are there members that are to begin anew: with another unique label, or of another catalog without `coo`
 * (RFC 9432 sections 5.4 and 4.4.1)? Then the configuration is first read without them. */
bool catalogs_has_resets(const struct catalogs *catalogs);

/* What to read the configuration with; without those that begin anew, or whole. Valid until the next
 * catalogs_look(). */
size_t catalogs_lists(const struct catalogs *catalogs, bool whole, const struct catalog_list **out);

/* A configuration with the whole lists is in force. */
void catalogs_followed(struct catalogs *catalogs);

/* Why a catalog is not followed, or "". From any thread. */
void catalogs_problem(struct catalogs *catalogs, const char *view_name, const uint8_t *origin, char *out,
                      size_t size);

#endif
