/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names, and the texts of -h. */
#ifndef CHECK_USAGE_H
#define CHECK_USAGE_H

#define PROGRAM_NAME "check_http_onion"
#define PROGRAM_VERSION CANDOR_VERSION /* the build says it */

extern const char usage_short[]; /* a few lines, after an error */
extern const char usage_full[];  /* every option */

#endif
