/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs config-cases.txt (argument 1): each case is a configuration with the errors it must give, or none.
 * Debian's named-checkconf, where installed, has to judge the same unless the case says why not. */
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "candord/config.h"

enum { MAX_CASES = 1000, MAX_ERRORS = 4096 };

struct config_case {
    char *name, *expected, *text;
    bool named_differs;
};

static struct config_case cases[MAX_CASES];
static size_t case_count;
static bool have_named;
static char folder[] = "/tmp/candor-config-XXXXXX";

static char *append(char *text, const char *line)
{
    size_t length = text ? strlen(text) : 0;
    text = realloc(text, length + strlen(line) + 1);
    assert_non_null(text);
    strcpy(text + length, line);
    return text;
}

static void load_cases(const char *path)
{
    char line[4096];
    bool body = false;
    struct config_case *c = NULL;
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        if (strncmp(line, "==== ", 5) == 0) {
            assert_true(case_count < MAX_CASES);
            line[strcspn(line, "\n")] = '\0';
            c = &cases[case_count++];
            *c = (struct config_case){append(NULL, line + 5), append(NULL, ""), append(NULL, ""), false};
            body = false;
        } else if (c && !body && strcmp(line, "----\n") == 0) {
            body = true;
        } else if (c && !body && strncmp(line, "named differs: ", 15) == 0) {
            c->named_differs = true;
        } else if (c && body) {
            c->text = append(c->text, line);
        } else if (c && strcmp(line, "ok\n") != 0) {
            c->expected = append(c->expected, line);
        }
    }
    fclose(in);
}

static void collect(void *context, const struct config_problem *problem)
{
    char *errors = context;
    size_t used = strlen(errors);
    assert_true(problem->message[0]);
    if (problem->error)
        snprintf(errors + used, MAX_ERRORS - used, "%u: %s\n", problem->line, problem->message);
}

/* Cases write FILE for the name of the file, which differs from run to run. */
static void hide_file_name(char *errors, const char *file)
{
    char *at;
    while ((at = strstr(errors, file))) {
        memcpy(at, "FILE", 4);
        memmove(at + 4, at + strlen(file), strlen(at + strlen(file)) + 1);
    }
}

static bool named_accepts(const char *file)
{
    char command[256];
    snprintf(command, sizeof command, "cd %s && named-checkconf %s >/dev/null 2>&1", folder, file);
    int status = system(command);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void is_judged_as_expected(void **state)
{
    const struct config_case *c = *state;
    char file[128], errors[MAX_ERRORS] = "";
    snprintf(file, sizeof file, "%s/case.conf", folder);
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    fputs(c->text, out);
    fclose(out);
    struct config *config = NULL;
    struct config_read_options options = {.file = file, .problem = collect, .context = errors};
    int error = config_read(&options, &config);
    hide_file_name(errors, file);
    assert_string_equal(errors, c->expected);
    assert_int_equal(error, *c->expected ? ERR_INVALID : 0);
    config_free(config);
    if (have_named)
        assert_int_equal(named_accepts(file), (error == 0) != c->named_differs);
    unlink(file);
}

int main(int argc, char **argv)
{
    static struct CMUnitTest tests[MAX_CASES];
    if (argc != 2 || !mkdtemp(folder))
        return 2;
    load_cases(argv[1]);
    have_named = system("command -v named-checkconf >/dev/null") == 0;
    for (size_t i = 0; i < case_count; i++)
        tests[i] = (struct CMUnitTest){cases[i].name, is_judged_as_expected, NULL, NULL, &cases[i]};
    int failed = _cmocka_run_group_tests("config cases", tests, case_count, NULL, NULL);
    for (size_t i = 0; i < case_count; i++) {
        free(cases[i].name);
        free(cases[i].expected);
        free(cases[i].text);
    }
    rmdir(folder);
    return failed || case_count == 0;
}
