/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What new contexts of libunbound are configured with. It changes when the root's keys do. */
#ifndef RESOLVE_CONFIGURATION_H
#define RESOLVE_CONFIGURATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "resolve/recursor_config.h"
#include "resolve/resolver.h"
#include "resolve/truth.h"

struct configuration;

/* Reads the root's keys from options->anchor_file, if there is one, and from the system; writes that file.
 * What cannot be read or written there is a line in the log. Errors of recursor_config_text(). */
int configuration_new(const struct resolver_options *options, const struct recursor_share *share,
                      struct configuration **out, char *problem, size_t problem_size) MUST_CHECK;
void configuration_free(struct configuration *configuration);

/* From any thread; the text lives as long as the configuration. */
const char *configuration_text(const struct configuration *configuration);

/* Are the root's keys to be looked at from time to time? */
bool configuration_follows_root(const struct configuration *configuration);

/* What the root's DNSKEY is now; writes the file. 1: the text has changed, contexts should be made anew; 0:
 * it has not; ERR_REFUSED: the truth is not secure; ERR_NOMEM. One thread. */
int configuration_root_seen(struct configuration *configuration, const struct truth *truth) MUST_CHECK;

#endif
