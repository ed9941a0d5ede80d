// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/extra_opts.h"

#include "check_http_onion/usage.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTIONS_MAX = 256, FILE_MAX = 256 << 10 };

/* Where the Monitoring Plugins look. */
static const char *const places[] = {
    "/etc/nagios-plugins/monitoring-plugins.ini",
    "/etc/monitoring-plugins/monitoring-plugins.ini",
    "/usr/local/etc/monitoring-plugins.ini",
    "/etc/monitoring-plugins.ini",
    "/etc/nagios/plugins.ini",
    "/etc/nagios-plugins/plugins.ini",
    "/etc/opt/monitoring-plugins.ini",
};

/* The line without white space around it. */
static char *trimmed(struct arena *arena, const char *line, size_t length)
{
    while (length && isspace((unsigned char)*line)) {
        line++;
        length--;
    }
    while (length && isspace((unsigned char)line[length - 1]))
        length--;
    return arena_printf(arena, "%.*s", (int)length, line);
}

/* KEY=VALUE or KEY, as an option. NULL when memory is out. */
static char *option_of_line(struct arena *arena, const char *line)
{
    size_t key = strcspn(line, "=");
    const char *dashes = trimmed(arena, line, key);
    if (!dashes)
        return NULL;
    bool is_letter = strlen(dashes) == 1;
    if (!line[key])
        return arena_printf(arena, "%s%s", is_letter ? "-" : "--", dashes);
    const char *value = trimmed(arena, line + key + 1, strlen(line + key + 1));
    if (!value)
        return NULL;
    return arena_printf(arena, "%s%s%s%s", is_letter ? "-" : "--", dashes, is_letter ? "" : "=", value);
}

int extra_opts_section(struct arena *arena, const char *text, const char *section, char **out, int max)
{
    bool inside = false, found = false;
    int count = 0;
    for (const char *at = text; *at; at += strcspn(at, "\n") + (at[strcspn(at, "\n")] != 0)) {
        char *line = trimmed(arena, at, strcspn(at, "\n"));
        if (!line)
            return ERR_NOMEM;
        size_t length = strlen(line);
        if (*line == '[' && line[length - 1] == ']') {
            inside = length - 2 == strlen(section) && !strncmp(line + 1, section, length - 2);
            found = found || inside;
        } else if (inside && *line && *line != '#' && *line != ';') {
            if (count == max)
                return ERR_LIMIT;
            out[count] = option_of_line(arena, line);
            if (!out[count++])
                return ERR_NOMEM;
        }
    }
    return found ? count : ERR_NOT_FOUND;
}

static char *read_file(struct arena *arena, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd >= 0 ? arena_alloc(arena, FILE_MAX) : NULL;
    ssize_t got = text ? read(fd, text, FILE_MAX - 1) : -1;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return NULL;
    text[got] = 0;
    return text;
}

static const char *default_file(void)
{
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (!access(places[i], R_OK))
            return places[i];
    return NULL;
}

/* The options of one --extra-opts into `out`; returns how many or an error. */
static int expand_one(struct arena *arena, const char *argument, char **out, int max, const char **why)
{
    const char *at = strchr(argument, '@'), *file = at ? at + 1 : default_file();
    size_t length = at ? (size_t)(at - argument) : strlen(argument);
    const char *section = length ? arena_printf(arena, "%.*s", (int)length, argument) : PROGRAM_NAME;
    *why = "Cannot find config file in any standard location.\n";
    if (!file || !section)
        return ERR_NOT_FOUND;
    char *text = read_file(arena, file);
    *why = arena_printf(arena, "Can't read config file: %s\n", strerrordesc_np(errno));
    if (!text)
        return err_from_errno(errno);
    int count = extra_opts_section(arena, text, section, out, max);
    if (count == ERR_NOT_FOUND && !length) /* a configuration made for the original */
        count = extra_opts_section(arena, text, "check_http", out, max);
    *why = arena_printf(arena, "Can't use section '%s' of the config file: %s\n", section,
                        err_text(count < 0 ? count : 0));
    return count;
}

int extra_opts_expand(struct arena *arena, int *argc, char ***argv, const char **why)
{
    static const char NAME[] = "--extra-opts";
    char **line = arena_zalloc(arena, sizeof *line * ((size_t)*argc + OPTIONS_MAX + 1));
    int count = 0, budget = OPTIONS_MAX;
    *why = "out of memory\n";
    if (!line)
        return ERR_NOMEM;
    for (int i = 0; i < *argc; i++) {
        const char *word = (*argv)[i];
        bool is_extra = i && !strncmp(word, NAME, sizeof NAME - 1) &&
                        (!word[sizeof NAME - 1] || word[sizeof NAME - 1] == '=');
        if (!is_extra) {
            line[count++] = (*argv)[i];
            continue;
        }
        int added =
            expand_one(arena, word[sizeof NAME - 1] ? word + sizeof NAME : "", line + count, budget, why);
        if (added < 0)
            return added;
        count += added;
        budget -= added;
    }
    *argc = count;
    *argv = line;
    return 0;
}
