/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/lint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dns/zonefile.h"
#include "zone/suffixes.h"

enum { TTL_IF_NONE_S = 3600 };

struct linting {
    const struct zone_lint_options *options;
    struct lint *lint;
    struct suffixes *suffixes;
    struct arena files; /* names of files, for as long as the lint refers to them */
    const char *last_file;
};

static bool is_suffix(void *context, const uint8_t *name)
{
    const struct linting *l = context;
    return suffixes_has(l->suffixes, name);
}

static void found(void *context, const struct lint_finding *finding)
{
    const struct linting *l = context;
    l->options->found(l->options->context, finding);
}

static const char *keep_file(struct linting *l, const char *file)
{
    if (!l->last_file || strcmp(l->last_file, file) != 0)
        l->last_file = arena_strdup(&l->files, file);
    return l->last_file;
}

static int on_record(void *context, const struct zonefile_record *record)
{
    struct linting *l = context;
    const struct policy_record seen = {.owner = record->owner,
                                       .type = record->type,
                                       .rclass = record->rclass,
                                       .ttl_s = record->ttl_s,
                                       .rdata = record->rdata,
                                       .rdata_length = record->rdata_length};
    const char *file = keep_file(l, record->file);
    return file ? lint_add(l->lint, &seen, file, record->line) : ERR_NOMEM;
}

static void on_problem(void *context, const struct zonefile_problem *problem)
{
    const struct linting *l = context;
    l->options->unreadable(l->options->context, problem->file, problem->line, problem->message);
}

static int read_file(struct linting *l)
{
    const struct zone_lint_options *options = l->options;
    const struct zonefile_options reading = {.origin = options->origin,
                                             .default_ttl_s = TTL_IF_NONE_S,
                                             .base_dir = options->directory,
                                             .record = on_record,
                                             .problem = on_problem,
                                             .context = l};
    char *path = NULL;
    bool relative = options->file[0] != '/' && options->directory;
    if (asprintf(&path, "%s%s%s", relative ? options->directory : "", relative ? "/" : "", options->file) < 0)
        return ERR_NOMEM;
    int error = zonefile_read(path, &reading);
    free(path);
    return error;
}

int zone_lint(const struct zone_lint_options *options)
{
    struct linting l = {.options = options, .suffixes = suffixes_open()};
    const struct lint_options rules = {.origin = options->origin,
                                       .include_subdomains = options->include_subdomains,
                                       .is_public_suffix = l.suffixes ? is_suffix : NULL,
                                       .found = found,
                                       .context = &l};
    arena_init(&l.files, 0);
    l.lint = lint_new(&rules);
    int error = l.lint ? read_file(&l) : ERR_NOMEM;
    lint_finish(l.lint);
    suffixes_close(l.suffixes);
    arena_fini(&l.files);
    return error;
}
