/* SPDX-License-Identifier: GPL-3.0-or-later */
/* candorctl: the operator's command. Asks a running candord over its control socket. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candorctl/client.h"
#include "candorctl/verbs.h"
#include "version.h"

enum exit_code { EXIT_FINE = 0, EXIT_NO = 1, EXIT_USAGE = 2, EXIT_NO_DAEMON = 3 };

struct arguments {
    const char *socket;
    bool json;
    const struct verb *verb;
    json_t *request;
};

static void usage(FILE *out)
{
    fputs("usage: candorctl [-s SOCKET] [--json] VERB …\n\n", out);
    for (const struct verb *verb = verbs; verb->name; verb++)
        fprintf(out, "  %-9s %s\n", verb->name, verb->help);
    fputs("\n  -s SOCKET  candord's control socket (default /run/candor/control.sock)\n"
          "  --json     the daemon's answer as it is (doc/control.md)\n"
          "  -h         this text; after a verb, more about it\n"
          "  -V         the version\n"
          "Exit: 0 done, 1 candord said no, 2 wrong usage, 3 no candord there (lint: 1 errors, 4 warnings "
          "only). See candorctl(1).\n",
          out);
}

/* Takes the options that stand before the verb or anywhere; what remains is moved to the front. Returns how
 * many words remain, or -1 - the exit code. */
static int take_common(int argc, char **argv, struct arguments *out)
{
    int kept = 0;
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--json")) {
            out->json = true;
        } else if (!strcmp(argv[i], "-s") || !strcmp(argv[i], "--socket")) {
            if (++i == argc) {
                fputs("candorctl: -s wants a socket\n", stderr);
                return -1 - EXIT_USAGE;
            }
            out->socket = argv[i];
        } else if (!strcmp(argv[i], "-V") || !strcmp(argv[i], "--version")) {
            puts("candorctl " CANDOR_VERSION);
            return -1 - EXIT_FINE;
        } else if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "--help")) {
            const struct verb *verb = kept ? verb_find(argv[0]) : NULL;
            if (verb)
                verb_usage(verb, stdout);
            else
                usage(stdout);
            return -1 - EXIT_FINE;
        } else {
            argv[kept++] = argv[i];
        }
    }
    return kept;
}

/* -1: go on; otherwise the exit code. */
static int parse_arguments(int argc, char **argv, struct arguments *out)
{
    int count = take_common(argc, argv, out);
    if (count < 0)
        return -1 - count;
    if (!count) {
        usage(stderr);
        return EXIT_USAGE;
    }
    out->verb = verb_find(argv[0]);
    if (!out->verb) {
        fprintf(stderr,
                argv[0][0] == '-' ? "candorctl: there is no option %s\n"
                                  : "candorctl: there is no verb \"%s\"\n",
                argv[0]);
        usage(stderr);
        return EXIT_USAGE;
    }
    out->request = json_pack("{s:s}", "command", out->verb->name);
    /* Whoever types wants to know how it ended. */
    if (verb_waits(out->verb))
        json_object_set_new(out->request, "wait", json_true());
    if (verb_parse(out->verb, count - 1, argv + 1, out->request)) {
        verb_usage(out->verb, stderr);
        return EXIT_USAGE;
    }
    return -1;
}

static int print_answer(const struct arguments *arguments, const json_t *answer)
{
    const json_t *result = json_object_get(answer, "result");
    bool fine = json_is_true(json_object_get(answer, "ok"));
    if (arguments->json) {
        json_dumpf(fine ? result : answer, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        putchar('\n');
    } else if (fine) {
        arguments->verb->print(result);
    } else {
        const char *why = json_string_value(json_object_get(answer, "error"));
        fprintf(stderr, "candorctl: %s: %s\n", arguments->verb->name, why ? why : "candord said no");
    }
    return fine ? EXIT_FINE : EXIT_NO;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.socket = "/run/candor/control.sock"};
    json_t *answer = NULL;
    int code = parse_arguments(argc - 1, argv + 1, &arguments);
    if (code < 0 && arguments.verb->run) {
        code = arguments.verb->run(arguments.socket, arguments.json, arguments.request);
    } else if (code < 0) {
        int error = client_ask(arguments.socket, arguments.request,
                               arguments.json ? NULL : arguments.verb->progress, &answer);
        if (error)
            client_print_trouble(arguments.socket, error);
        code = error ? EXIT_NO_DAEMON : print_answer(&arguments, answer);
    }
    json_decref(answer);
    json_decref(arguments.request);
    if (fflush(stdout) && code == EXIT_FINE)
        code = EXIT_NO;
    return code;
}
