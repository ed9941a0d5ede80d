/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Values of a configuration file: text to number. Pure. */
#ifndef CANDORD_CONF_VALUE_H
#define CANDORD_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/error.h"

/* yes true 1 / no false 0, in any case. */
int conf_bool(const char *text, bool *out) MUST_CHECK;

/* A decimal number up to 2^32-1. */
int conf_number(const char *text, uint32_t *out) MUST_CHECK;

/* A number of bytes with an optional k, m, g or t (powers of 1024). */
int conf_size(const char *text, uint64_t *out) MUST_CHECK;

/* "50%". Up to 100 for percentages of memory; BIND allows more elsewhere, so the bound is the caller's. */
int conf_percent(const char *text, unsigned *out) MUST_CHECK;

/* Seconds: 3600, 1h, 2h30m, 1w2d, or ISO 8601 PT1H, P1DT12H (a month is 31 days, a year 365, as BIND). */
int conf_duration(const char *text, uint32_t *seconds) MUST_CHECK;

/* 0 … 65535. */
int conf_port(const char *text, uint16_t *out) MUST_CHECK;

/* "1.5" and the like: only checked. */
int conf_fixed(const char *text) MUST_CHECK;

/* Base64 (RFC 4648 section 4), padding needed. `out` has room for 3/4 of the text. */
int conf_base64(const char *text, uint8_t *out, size_t *length) MUST_CHECK;

/* Hexadecimal digits, an even number of them; `out` has `room` bytes. */
int conf_hex(const char *text, uint8_t *out, size_t room, size_t *length) MUST_CHECK;

#endif
