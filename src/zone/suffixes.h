/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The public suffix list (publicsuffix.org): names below which anybody may have a name of his own. The door
 * to libpsl, which reads Debian's package publicsuffix, or knows a list of its own. */
#ifndef ZONE_SUFFIXES_H
#define ZONE_SUFFIXES_H

#include <stdbool.h>
#include <stdint.h>

struct suffixes;

/* NULL: there is no list. */
struct suffixes *suffixes_open(void);
void suffixes_close(struct suffixes *suffixes);

/* Does `name` (lower case) itself stand in the list? The list's implicit rule `*` does not count. Any thread.
 */
bool suffixes_has(const struct suffixes *suffixes, const uint8_t *name);

#endif
