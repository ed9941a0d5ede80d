/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The scanner takes letters, digits and - _ / * in names, BIND any character that has no meaning in the file:
 * `a+b`, `a:b`, UTF-8. Such a record is written again with escapes. Inner header of dns/. Pure: text to text.
 */
#ifndef DNS_ZONEFILE_REWRITE_H
#define DNS_ZONEFILE_REWRITE_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes zonefile_rewrite_names() may write. */
size_t zonefile_rewrite_room(const char *record, const char *end);

/* Copies a record with the odd characters of its owner, or with `all` of all its words, in escaped form;
 * quoted text and comments stay. Returns the length. */
size_t zonefile_rewrite_names(const char *record, const char *end, bool all, char *out);

#endif
