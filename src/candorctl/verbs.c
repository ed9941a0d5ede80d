/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candorctl/verbs.h"

#include <string.h>

#include "candorctl/guard.h"
#include "candorctl/lint.h"

const struct verb verbs[] = {
    {.name = "status", .help = "what runs, since when, and how it is", .print = print_status},
    {.name = "zones",
     .help = "the zones held: serial, rules by trigger, what was skipped and why",
     .places = {{"zone", "ZONE", 0}},
     .print = print_zones},
    {.name = "reload",
     .help = "read the configuration and every zone again, or one zone's file",
     .places = {{"zone", "ZONE", 0}},
     .options = {{"--wait", "wait", NULL, 1, "until the new versions are in force (the default)"},
                 {"--no-wait", "wait", NULL, 0, "return at once; what goes wrong is only logged"}},
     .print = print_reload,
     .progress = print_reload_progress},
    {.name = "refresh",
     .help = "ask the primaries of a secondary zone whether it has changed, and take it if it has",
     .places = {{"zone", "ZONE", 1}},
     .options = {{"--wait", "wait", NULL, 1, "until they have answered (the default)"},
                 {"--no-wait", "wait", NULL, 0, "return at once"}},
     .print = print_refresh,
     .progress = print_reload_progress},
    {.name = "retransfer",
     .help = "take a secondary zone as a whole, whatever its serial",
     .places = {{"zone", "ZONE", 1}},
     .options = {{"--wait", "wait", NULL, 1, "until it has come (the default)"},
                 {"--no-wait", "wait", NULL, 0, "return at once"}},
     .print = print_refresh,
     .progress = print_reload_progress},
    {.name = "held",
     .help = "the versions that are kept back, by the guard or an operator, and why",
     .print = print_held},
    {.name = "release",
     .help = "put the latest version of a zone in force, whatever keeps it back",
     .places = {{"zone", "ZONE", 1}},
     .options = {{"--view", "view", "VIEW", 0, "in this view only"}},
     .print = print_released},
    {.name = "reject",
     .help = "say no to the version that is held; the next one is weighed again",
     .places = {{"zone", "ZONE", 1}},
     .options = {{"--view", "view", "VIEW", 0, "in this view only"}},
     .print = print_rejected},
    {.name = "history",
     .help = "the versions of a zone that are kept: when they came, from where, what they changed",
     .places = {{"zone", "ZONE", 1}},
     .options = {{"--view", "view", "VIEW", 0, "of this view"}},
     .print = print_history},
    {.name = "diff",
     .help = "what leads from one kept version of a zone to another",
     .places = {{"zone", "ZONE", 1}, {"from", "SERIAL", 1}, {"to", "SERIAL", 1}},
     .options = {{"--view", "view", "VIEW", 0, "of this view"}},
     .print = print_diff},
    {.name = "rollback",
     .help = "put a kept version of a zone in force, whatever comes, until it is released",
     .places = {{"zone", "ZONE", 1}, {"serial", "SERIAL", 1}},
     .options = {{"--view", "view", "VIEW", 0, "in this view"}},
     .print = print_rollback},
    {.name = "sync",
     .help = "write the latest version of a zone into its file, with the updates of its journal",
     .places = {{"zone", "ZONE", 1}},
     .options = {{"--view", "view", "VIEW", 0, "of this view"}},
     .print = print_sync},
    {.name = "simulate",
     .help =
         "what the guard would say to a file, or says to what is held of a zone; exits 1 if it would hold "
         "it, 4 if it would warn",
     .places = {{"what", "FILE|ZONE", 1}},
     .options = {{"--zone", "zone", "NAME", 0, "the zone that the file is of (default: its SOA's owner)"},
                 {"--view", "view", "VIEW", 0, "as it is in this view"},
                 {"--against", "against", "FILE", 0, "this is the version in force; candord is not asked"}},
     .run = simulate_run},
    {.name = "flush",
     .help = "forget cached answers: all of them, or those of a name",
     .places = {{"name", "NAME", 0}},
     .options = {{"--tree", "tree", NULL, 1, "and of all names below it"}},
     .print = print_flush},
    {.name = "stats", .help = "every counter", .print = print_stats},
    {.name = "hits",
     .help = "which rules have acted most in the last hour, of all policy zones or of one",
     .places = {{"zone", "ZONE", 0}},
     .options = {{"--most", "most", "N", 0, "so many rules (default 20)"}},
     .print = print_hits},
    {.name = "explain",
     .help = "what would be answered, which rule decides, and why the others do not",
     .places = {{"name", "NAME", 1}, {"type", "TYPE", 0}},
     .options = {{"--client", "client", "ADDRESS", 0, "as if this client asked (default 127.0.0.1)"},
                 {"--view", "view", "VIEW", 0, "in this view, whoever the client is"},
                 {"--tcp", "tcp", NULL, 1, "as if asked over TCP"},
                 {"--dnssec", "dnssec", NULL, 1, "as if asked with DO set"},
                 {"--no-recurse", "recurse", NULL, 0, "as if asked without RD"}},
     .print = print_explain},
    {.name = "lint",
     .help = "what is wrong with a policy zone's file; exits 1 with errors, 4 with warnings only",
     .places = {{"what", "FILE|ZONE", 1}},
     .options = {{"--origin", "origin", "NAME", 0, "the zone's name (default: its SOA's owner)"},
                 {"--include-subdomains", "include_subdomains", NULL, 1,
                  "as a zone with include-subdomains yes"},
                 {"--all", "all", NULL, 1, "every finding, not only the first 20 of a kind"}},
     .run = lint_run},
    {0}};

const struct verb *verb_find(const char *name)
{
    for (const struct verb *verb = verbs; verb->name; verb++)
        if (!strcmp(verb->name, name))
            return verb;
    return NULL;
}

bool verb_waits(const struct verb *verb)
{
    return verb->options[0].name && !strcmp(verb->options[0].name, "--wait");
}

void verb_usage(const struct verb *verb, FILE *out)
{
    fprintf(out, "usage: candorctl [-s SOCKET] [--json] %s", verb->name);
    for (size_t i = 0; i < VERB_PLACES && verb->places[i].member; i++)
        fprintf(out, verb->places[i].required ? " %s" : " [%s]", verb->places[i].word);
    for (size_t i = 0; i < VERB_OPTIONS && verb->options[i].name; i++) {
        const struct verb_option *option = &verb->options[i];
        fprintf(out, option->word ? " [%s %s]" : " [%s]", option->name, option->word);
    }
    fprintf(out, "\n  %s\n", verb->help);
    for (size_t i = 0; i < VERB_OPTIONS && verb->options[i].name; i++)
        fprintf(out, "  %-14s %s\n", verb->options[i].name, verb->options[i].help);
}

static const struct verb_option *option_of(const struct verb *verb, const char *name)
{
    for (size_t i = 0; i < VERB_OPTIONS && verb->options[i].name; i++)
        if (!strcmp(verb->options[i].name, name))
            return &verb->options[i];
    return NULL;
}

static int set_text(json_t *request, const char *member, const char *text)
{
    json_t *value = json_string(text);
    if (!value) {
        fprintf(stderr, "candorctl: \"%s\" is not UTF-8\n", text);
        return ERR_INVALID;
    }
    return json_object_set_new(request, member, value) ? ERR_NOMEM : 0;
}

/* Takes an option and its value, if it has one; returns how many words, or an error. */
static int take_option(const struct verb *verb, int argc, char **argv, json_t *request)
{
    const struct verb_option *option = option_of(verb, argv[0]);
    if (!option) {
        fprintf(stderr, "candorctl: %s has no option %s\n", verb->name, argv[0]);
        return ERR_INVALID;
    }
    if (!option->word)
        return json_object_set_new(request, option->member, json_boolean(option->value)) ? ERR_NOMEM : 1;
    if (argc < 2) {
        fprintf(stderr, "candorctl: %s wants %s\n", option->name, option->word);
        return ERR_INVALID;
    }
    int error = set_text(request, option->member, argv[1]);
    return error ? error : 2;
}

static int check_places(const struct verb *verb, size_t given)
{
    if (given >= VERB_PLACES || !verb->places[given].required)
        return 0;
    fprintf(stderr, "candorctl: %s wants %s\n", verb->name, verb->places[given].word);
    return ERR_INVALID;
}

int verb_parse(const struct verb *verb, int argc, char **argv, json_t *request)
{
    size_t place = 0;
    int error = 0, taken = 1;
    for (int i = 0; i < argc && !error; i += taken) {
        taken = 1;
        if (argv[i][0] == '-' && argv[i][1]) {
            taken = take_option(verb, argc - i, argv + i, request);
            error = taken < 0 ? taken : 0;
        } else if (place < VERB_PLACES && verb->places[place].member) {
            error = set_text(request, verb->places[place++].member, argv[i]);
        } else {
            fprintf(stderr, "candorctl: %s: what is \"%s\"?\n", verb->name, argv[i]);
            error = ERR_INVALID;
        }
    }
    return error ? error : check_places(verb, place);
}
