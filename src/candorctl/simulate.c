/* SPDX-License-Identifier: GPL-3.0-or-later */
/* candorctl simulate: what would the guard say? A running candord knows the version in force and what is
 * asked; without one, a file is weighed by itself or against an older file. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "candorctl/client.h"
#include "candorctl/guard.h"
#include "candorctl/origin.h"
#include "candorctl/print_parts.h"
#include "dns/name.h"
#include "rpz/guard.h"
#include "zone/load.h"
#include "zone/suffixes.h"

enum { EXIT_NO = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

static int exit_code(const json_t *report)
{
    const char *verdict = member_text(report, "verdict");
    return !strcmp(verdict, "held")    ? SIMULATE_EXIT_HELD
           : !strcmp(verdict, "warns") ? SIMULATE_EXIT_WARNS
                                       : SIMULATE_EXIT_PASSES;
}

static int show(const json_t *report, bool json)
{
    if (json) {
        json_dumpf(report, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_guard_report(report);
    }
    return exit_code(report);
}

/* --- without a daemon --- */

static void say_problem(void *context, const char *file, uint64_t line, bool error, const char *message)
{
    (void)context;
    if (error)
        fprintf(stderr, "candorctl: %s:%llu: %s\n", file, (unsigned long long)line, message);
}

static struct zone_content *load(const char *file, const uint8_t *origin)
{
    const struct zone_load_options options = {
        .origin = origin, .file = file, .directory = ".", .policy = true, .report = say_problem};
    struct zone_content *content = NULL;
    return zone_load(&options, &content) ? NULL : content;
}

static bool is_public_suffix(const void *suffixes, const uint8_t *name)
{
    return suffixes_has(suffixes, name);
}

static json_t *weigh(const struct zone_content *old, const struct zone_content *fresh)
{
    struct suffixes *suffixes = suffixes_open();
    struct guard_report *report = malloc(sizeof *report);
    const struct guard_options options = guard_defaults();
    const struct guard_input input = {
        .options = &options,
        .old = old ? zone_content_get_policy(old) : NULL,
        .fresh = zone_content_get_policy(fresh),
        .is_public_suffix = suffixes ? is_public_suffix : NULL,
        .suffixes = suffixes,
    };
    char *text = report && !guard_weigh(&input, report) ? guard_report_json(report) : NULL;
    json_t *made = text ? json_loads(text, 0, NULL) : NULL;
    free(text);
    free(report);
    suffixes_close(suffixes);
    return made;
}

static int weigh_files(const char *file, const char *against, const uint8_t *origin, bool json)
{
    char name[NAME_TEXT_MAX];
    struct zone_content *fresh = load(file, origin), *old = against ? load(against, origin) : NULL;
    json_t *report = fresh && (old || !against) ? weigh(old, fresh) : NULL;
    int code = EXIT_NO;
    if (report && !json_object_set_new(report, "name", json_string(name_to_text(origin, name))))
        code = show(report, json);
    json_decref(report);
    zone_content_unref(old);
    zone_content_unref(fresh);
    return code;
}

/* --- with one --- */

/* 0 with the exit code in *code; or the error of the connection. */
static int ask(const char *socket, const json_t *request, bool json, int *code)
{
    json_t *answer = NULL;
    int error = client_ask(socket, request, NULL, &answer);
    if (!error && json_is_true(json_object_get(answer, "ok"))) {
        *code = show(json_object_get(answer, "result"), json);
    } else if (!error) {
        fprintf(stderr, "candorctl: simulate: %s\n", member_text(answer, "error"));
        *code = EXIT_NO;
    }
    json_decref(answer);
    return error;
}

static int ask_about_zone(const char *socket, const json_t *given, bool json)
{
    json_t *request = json_pack("{s:s, s:s}", "command", "simulate", "zone", member_text(given, "what"));
    int code = EXIT_NO_DAEMON;
    if (*member_text(given, "view"))
        json_object_set(request, "view", json_object_get(given, "view"));
    int error = ask(socket, request, json, &code);
    if (error)
        client_print_trouble(socket, error);
    json_decref(request);
    return code;
}

static int ask_about_file(const char *socket, const json_t *given, const char *path, const uint8_t *origin,
                          bool json)
{
    char name[NAME_TEXT_MAX];
    json_t *request =
        json_pack("{s:s, s:s, s:s}", "command", "simulate", "zone", name_to_text(origin, name), "file", path);
    int code = EXIT_NO;
    if (!request) {
        fprintf(stderr, "candorctl: the name of %s is not UTF-8\n", path);
        return EXIT_USAGE;
    }
    if (*member_text(given, "view"))
        json_object_set(request, "view", json_object_get(given, "view"));
    int error = ask(socket, request, json, &code);
    json_decref(request);
    if (!error)
        return code;
    fprintf(stderr, "candorctl: there is no candord at %s: the file is weighed by itself\n", socket);
    return weigh_files(path, NULL, origin, json);
}

/* The zone's name: as given, or as the file says it. */
static int find_origin(const json_t *given, const char *file, uint8_t *origin)
{
    const char *zone = member_text(given, "zone");
    if (*zone && name_from_text(zone, NULL, origin) < 0) {
        fprintf(stderr, "candorctl: --zone wants a domain name, not \"%s\"\n", zone);
        return EXIT_USAGE;
    }
    if (*zone) {
        name_to_lower(origin);
        return 0;
    }
    if (!origin_of_file(file, origin)) {
        fprintf(stderr, "candorctl: %s: no SOA record is found, so this is no zone file\n", file);
        return EXIT_NO;
    }
    return 0;
}

int simulate_run(const char *socket, bool json, const json_t *request)
{
    char path[PATH_MAX];
    uint8_t origin[NAME_MAX_BYTES];
    const char *what = member_text(request, "what"), *against = member_text(request, "against");
    if (access(what, F_OK) || !realpath(what, path))
        return ask_about_zone(socket, request, json);
    int code = find_origin(request, path, origin);
    if (code)
        return code;
    if (*against)
        return weigh_files(path, against, origin, json);
    if (origin_is_any(origin)) {
        fprintf(stderr, "candorctl: %s does not say of which zone it is; --zone NAME does\n", what);
        return EXIT_USAGE;
    }
    return ask_about_file(socket, request, path, origin, json);
}
