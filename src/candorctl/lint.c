/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candorctl/lint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "candorctl/client.h"
#include "candorctl/origin.h"
#include "dns/name.h"
#include "zone/lint.h"

enum { EXIT_USAGE = 2, EXIT_NO_DAEMON = 3, SHOWN_OF_A_KIND = 20, PATH_SIZE = 4096 };

struct linting {
    bool json, all;
    unsigned errors, warnings;
    unsigned counts[LINT_KINDS];
    json_t *findings;
};

/* --- where the zone is --- */

static int ask_for_zone(const char *socket, const char *what, char *file, uint8_t *origin)
{
    json_t *request = json_pack("{s:s, s:s}", "command", "zones", "zone", what), *answer = NULL;
    int error = client_ask(socket, request, NULL, &answer);
    int code = EXIT_NO_DAEMON;
    if (error) {
        fprintf(stderr, "candorctl: there is no file %s, and to look for a zone of that name:\n", what);
        client_print_trouble(socket, error);
    } else {
        const json_t *zone = json_array_get(json_object_get(json_object_get(answer, "result"), "zones"), 0);
        const char *path = json_string_value(json_object_get(zone, "file"));
        const char *name = json_string_value(json_object_get(zone, "name"));
        code = path && name && name_from_text(name, NULL, origin) > 0 && strlen(path) < PATH_SIZE
                   ? 0
                   : LINT_EXIT_ERRORS;
        if (code)
            fprintf(stderr, "candorctl: there is neither a file nor a zone with a file called %s\n", what);
        else
            strcpy(file, path);
    }
    json_decref(answer);
    json_decref(request);
    return code;
}

static int locate(const char *socket, const json_t *request, char *file, uint8_t *origin)
{
    const char *what = json_string_value(json_object_get(request, "what"));
    const char *given = json_string_value(json_object_get(request, "origin"));
    if (access(what, F_OK) || strlen(what) >= PATH_SIZE)
        return ask_for_zone(socket, what, file, origin);
    strcpy(file, what);
    if (given && name_from_text(given, NULL, origin) < 0) {
        fprintf(stderr, "candorctl: --origin wants a domain name, not \"%s\"\n", given);
        return EXIT_USAGE;
    }
    if (!given && !origin_of_file(file, origin)) {
        fprintf(stderr,
                "candorctl: %s: no SOA record is found, so this is no zone file (or give --origin NAME)\n",
                file);
        return LINT_EXIT_ERRORS;
    }
    return 0;
}

/* --- what is found --- */

static void note(struct linting *l, const char *kind, bool error, const char *file, uint64_t line,
                 const char *message, bool show)
{
    if (error)
        l->errors++;
    else
        l->warnings++;
    if (l->json)
        json_array_append_new(l->findings, json_pack("{s:s, s:s, s:s, s:I, s:s*}", "kind", kind, "severity",
                                                     error ? "error" : "warning", "file", file, "line",
                                                     (json_int_t)line, "message", message));
    else if (show)
        printf("%s:%llu: %s: %s [%s]\n", file, (unsigned long long)line, error ? "error" : "warning", message,
               kind);
}

static void found(void *context, const struct lint_finding *finding)
{
    struct linting *l = context;
    bool show = l->all || l->counts[finding->kind]++ < SHOWN_OF_A_KIND;
    note(l, lint_kind_text(finding->kind), finding->error, finding->file, finding->line, finding->message,
         show);
}

static void unreadable(void *context, const char *file, uint64_t line, const char *message)
{
    note(context, "unreadable", true, file, line, message, true);
}

static void print_end(const struct linting *l, const char *file)
{
    for (enum lint_kind kind = 0; kind < LINT_KINDS; kind++)
        if (!l->all && l->counts[kind] > SHOWN_OF_A_KIND)
            printf("… and %u more of [%s] (--all shows them)\n", l->counts[kind] - SHOWN_OF_A_KIND,
                   lint_kind_text(kind));
    if (l->errors || l->warnings)
        printf("%s: %u error%s, %u warning%s\n", file, l->errors, l->errors == 1 ? "" : "s", l->warnings,
               l->warnings == 1 ? "" : "s");
    else
        printf("%s: nothing to say against it\n", file);
}

static void print_json(struct linting *l, const char *file, const char *origin)
{
    json_t *result =
        json_pack("{s:s, s:s, s:I, s:I, s:O}", "file", file, "origin", origin, "errors",
                  (json_int_t)l->errors, "warnings", (json_int_t)l->warnings, "findings", l->findings);
    json_dumpf(result, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(result);
}

int lint_run(const char *socket, bool json, const json_t *request)
{
    char file[PATH_SIZE], text[NAME_TEXT_MAX];
    uint8_t origin[NAME_MAX_BYTES];
    int code = locate(socket, request, file, origin);
    if (code)
        return code;
    struct linting l = {
        .json = json, .all = json_is_true(json_object_get(request, "all")), .findings = json_array()};
    const struct zone_lint_options options = {
        .origin = origin,
        .file = file,
        .include_subdomains = json_is_true(json_object_get(request, "include_subdomains")),
        .found = found,
        .unreadable = unreadable,
        .context = &l,
    };
    int error = zone_lint(&options);
    if (error && !l.errors)
        unreadable(&l, file, 0, err_text(error));
    if (json)
        print_json(&l, file, name_to_text(origin, text));
    else
        print_end(&l, file);
    json_decref(l.findings);
    return l.errors ? LINT_EXIT_ERRORS : l.warnings ? LINT_EXIT_WARNINGS : LINT_EXIT_CLEAN;
}
