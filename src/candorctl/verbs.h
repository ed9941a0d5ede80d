/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What can be asked of candord, as one table: it drives the reading of arguments, the usage text and the
 * printing. */
#ifndef CANDORCTL_VERBS_H
#define CANDORCTL_VERBS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/error.h"

enum { VERB_PLACES = 3, VERB_OPTIONS = 6 };

/* An argument by its place; becomes a member of the request. */
struct verb_place {
    const char *member; /* NULL: no more */
    const char *word;   /* "NAME" in the usage */
    int required;
};

/* An argument by its name. */
struct verb_option {
    const char *name; /* "--client"; NULL: no more */
    const char *member;
    const char *word; /* of its value; NULL: it has none and sets the member to `value` */
    int value;
    const char *help;
};

struct verb {
    const char *name, *help;
    struct verb_place places[VERB_PLACES];
    struct verb_option options[VERB_OPTIONS];
    void (*print)(const json_t *result);
    void (*progress)(const json_t *progress); /* NULL: is not told */
    /* What is done here instead of being asked of candord; returns the exit code. NULL: candord does it. */
    int (*run)(const char *socket, bool json, const json_t *request);
};

/* Ends with name NULL. */
extern const struct verb verbs[];

const struct verb *verb_find(const char *name);

/* Has it the option --wait? */
bool verb_waits(const struct verb *verb);

/* Fills the request from what follows the verb. ERR_INVALID: what is wrong has been said on stderr. */
int verb_parse(const struct verb *verb, int argc, char **argv, json_t *request) MUST_CHECK;

void verb_usage(const struct verb *verb, FILE *out);

/* --- printing; results are as doc/control.md says --- */

void print_status(const json_t *result);
void print_zones(const json_t *result);
void print_history(const json_t *result);
void print_diff(const json_t *result);
void print_rollback(const json_t *result);
void print_sync(const json_t *result);
void print_reload(const json_t *result);
void print_refresh(const json_t *result);
void print_reload_progress(const json_t *progress);
void print_flush(const json_t *result);
void print_stats(const json_t *result);
void print_hits(const json_t *result);
void print_explain(const json_t *result);

#endif
