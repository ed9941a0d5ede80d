/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which zone a master file is of. */
#ifndef CANDORCTL_ORIGIN_H
#define CANDORCTL_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

/* The owner of the file's SOA, if the file says it absolutely; "policy.invalid." when everything in it is
 * relative: then any name will do. False: there is no SOA. */
bool origin_of_file(const char *file, uint8_t origin[255]);

/* Is it the name that stands for any? */
bool origin_is_any(const uint8_t *origin);

#endif
