/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/configuration.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "resolve/root_keys.h"

/* Texts that were in force before may still be read by another thread: they are kept. There are few. */
struct text {
    struct text *older;
    char bytes[];
};

struct configuration {
    char *fixed; /* all but the root's keys */
    _Atomic(struct text *) newest;
    char *state_file; /* NULL: the root's keys are not followed */
    struct root_keys keys;
};

static int renew_text(struct configuration *c)
{
    char *clauses = c->state_file ? root_keys_clauses(&c->keys) : strdup("");
    if (!clauses)
        return ERR_NOMEM;
    size_t length = strlen(c->fixed) + strlen(clauses) + 1;
    struct text *text = malloc(sizeof *text + length);
    if (text) {
        snprintf(text->bytes, length, "%s%s", c->fixed, clauses);
        text->older = atomic_load(&c->newest);
        atomic_store(&c->newest, text);
    }
    free(clauses);
    return text ? 0 : ERR_NOMEM;
}

static void keep_state(const struct configuration *c)
{
    int error = root_keys_write(&c->keys, c->state_file);
    if (error)
        log_write(LOG_DNSSEC, LEVEL_WARN, "trust anchor state %s is not written: %s", c->state_file,
                  err_text(error));
}

/* The keys that the system's package brings are trusted, but for those that were seen revoked. */
static void add_system_keys(struct root_keys *keys)
{
    struct root_keys system;
    if (root_keys_read(&system, ROOT_KEYS_SYSTEM_FILE) == 0)
        for (size_t i = 0; i < system.count; i++)
            root_keys_trust(keys, &system.keys[i]);
}

static int read_keys(struct configuration *c, const char *path)
{
    int error = root_keys_read(&c->keys, path);
    if (error && error != err_from_errno(ENOENT))
        log_write(LOG_DNSSEC, LEVEL_WARN, "trust anchor state %s is begun anew: %s", path, err_text(error));
    add_system_keys(&c->keys);
    if (!c->keys.count) {
        log_write(LOG_DNSSEC, LEVEL_WARN, "no key of the root in %s", ROOT_KEYS_SYSTEM_FILE);
        return 0;
    }
    c->state_file = strdup(path);
    if (!c->state_file)
        return ERR_NOMEM;
    keep_state(c);
    return 0;
}

int configuration_new(const struct resolver_options *options, const struct recursor_share *share,
                      struct configuration **out, char *problem, size_t problem_size)
{
    struct configuration *c = calloc(1, sizeof *c);
    if (!c)
        return ERR_NOMEM;
    int error = options->validate && options->anchor_file ? read_keys(c, options->anchor_file) : 0;
    if (!error)
        error = recursor_config_text(options, share, c->state_file != NULL, &c->fixed, problem, problem_size);
    if (!error)
        error = renew_text(c);
    if (error)
        configuration_free(c);
    else
        *out = c;
    return error;
}

void configuration_free(struct configuration *c)
{
    struct text *text = c ? atomic_load(&c->newest) : NULL;
    while (text) {
        struct text *older = text->older;
        free(text);
        text = older;
    }
    if (c) {
        free(c->fixed);
        free(c->state_file);
    }
    free(c);
}

const char *configuration_text(const struct configuration *c)
{
    return atomic_load(&c->newest)->bytes;
}

bool configuration_follows_root(const struct configuration *c)
{
    return c->state_file != NULL;
}

int configuration_root_seen(struct configuration *c, const struct truth *truth)
{
    bool changed;
    int error = root_keys_update_from(&c->keys, truth, clock_wall_s(), &changed);
    if (error)
        return error;
    keep_state(c);
    if (!changed)
        return 0;
    log_write(LOG_DNSSEC, LEVEL_NOTICE, "the root has other keys to be trusted now (RFC 5011)");
    error = renew_text(c);
    return error ? error : 1;
}
