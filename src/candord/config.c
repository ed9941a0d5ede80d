/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/config.h"

#include <stdlib.h>

#include "candord/conf_tree.h"
#include "candord/conf_words.h"
#include "candord/config_build.h"
#include "candord/config_problems.h"

static const struct conf_statement *options_of(const struct conf_statement *top, struct conf_place *at)
{
    const struct conf_statement *options = conf_find(top, "options");
    const struct conf_item *block = options ? conf_block(options) : NULL;
    if (options)
        *at = options->items->at;
    return block ? block->block : NULL;
}

/* Every part is built even after errors, so that one run tells them all. */
static void build(struct builder *b)
{
    build_environment(b);
    build_keys(b);
    build_tls(b);
    build_named_servers(b);
    build_named_acls(b);
    check_references(b);
    build_server(b);
    build_logging(b);
    build_views(b);
}

/* `text` NULL: from the file. */
static void read_into(const struct config_read_options *options, const char *text, size_t length,
                      struct config *config, struct conf_report *report)
{
    struct builder b = {.config = config,
                        .arena = &config->arena,
                        .report = report,
                        .read = options,
                        .at = {options->file, 0}};
    if (options->from)
        b.top = options->from->top;
    else if (text)
        b.top = conf_parse_text(text, length, options->file, b.arena, report);
    else
        b.top = conf_parse_file(options->file, b.arena, report);
    if (!b.top && report->errors)
        return;
    if (!options->from)
        conf_check(report, b.top, TOP);
    config->top = b.top;
    b.options = options_of(b.top, &b.at);
    build(&b);
}

int config_read_text(const struct config_read_options *options, const char *text, size_t length,
                     struct config **out)
{
    struct problems problems;
    struct conf_report report = {.problem = problems_add, .context = &problems};
    struct config *config = calloc(1, sizeof *config);
    if (!config)
        return ERR_NOMEM;
    arena_init(&config->arena, 1 << 16);
    problems_init(&problems, &config->arena);
    read_into(options, text, length, config, &report);
    problems_tell(&problems, options->problem, options->context);
    /* Whoever could do without what he asked for: a configuration that lacks anything is not the one that was
     * written. */
    bool no_memory = report.out_of_memory || config->arena.failed;
    if (no_memory || report.errors) {
        config_free(config);
        return no_memory ? ERR_NOMEM : ERR_INVALID;
    }
    *out = config;
    return 0;
}

int config_read(const struct config_read_options *options, struct config **out)
{
    return config_read_text(options, NULL, 0, out);
}

void config_free(struct config *config)
{
    if (config)
        arena_fini(&config->arena);
    free(config);
}
