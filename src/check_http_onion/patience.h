/* SPDX-License-Identifier: GPL-3.0-or-later */
/* --patience: a failure is CRITICAL only when it lasts. Never hides that it failed. */
#ifndef CHECK_PATIENCE_H
#define CHECK_PATIENCE_H

#include "check_http_onion/check.h"

/* How long a run waits for others that use the file. */
enum { STATE_WAIT_MS = 500 };

/* Notes the verdict in --state FILE and softens it while patience lasts. */
void patience_apply(struct arena *arena, const struct options *options, int64_t now_s, struct report *report);

/* The pure part: the verdict of a service that fails since `failing_s` seconds. */
struct verdict patience_judge(struct arena *arena, double patience_s, double failing_s,
                              const struct verdict *verdict);

#endif
