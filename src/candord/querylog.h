/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two lines that operators' scripts read, in BIND's own form: the question (querylog) and the rewrite
 * (category rpz). */
#ifndef CANDORD_QUERYLOG_H
#define CANDORD_QUERYLOG_H

#include "candord/query.h"

/* client @0x… ADDR#PORT (name): query: name IN A +E(0)DC (LOCAL) */
void querylog_question(const struct query *query);

/* client @0x… ADDR#PORT (name): rpz TRIGGER ACTION rewrite name/type/class via OWNER */
void querylog_rewrite(const struct query *query, const struct policy_match *match, bool disabled);

#endif
