/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candord/commands_parts.h"
#include "dns/name.h"

/* Members are optional where a line says so; doc/control.md has them all. */
static const struct control_command commands[] = {
    {"status", command_status, "what runs, since when, and how it is"},
    {"zones", command_zones, "the zones held: serial, rules, skipped records, when loaded"},
    {"history", command_history, "the versions of a \"zone\" that are kept"},
    {"diff", command_diff, "what leads from one kept version of a \"zone\" to another: \"from\", \"to\""},
    {"rollback", command_rollback, "put a kept version of a \"zone\" in force: \"serial\""},
    {"sync", command_sync, "write the latest version of a \"zone\" into its file"},
    {"reload", command_reload,
     "read the configuration and all zones again, or one \"zone\"; \"wait\" for the end"},
    {"refresh", command_refresh, "ask the primaries of a secondary \"zone\" now; \"wait\" for the end"},
    {"retransfer", command_retransfer, "take a secondary \"zone\" as a whole, whatever its serial"},
    {"flush", command_flush, "forget cached answers: all, or of a \"name\", with \"tree\" also below it"},
    {"stats", command_stats, "every counter"},
    {"held", command_held, "the versions that the guard or an operator keeps back, and why"},
    {"release", command_release, "the latest version of a \"zone\" goes into force"},
    {"reject", command_reject, "the version held of a \"zone\" is not wanted; the next one is weighed again"},
    {"simulate", command_simulate,
     "what the guard would say to a \"file\", or to what is held of a \"zone\""},
    {"hits", command_hits, "which rules act most, lately: all, or those of a \"zone\"; at \"most\" so many"},
    {"explain", command_explain, "what a client would be answered to a \"name\", and which rules make it so"},
    {0}};

int commands_open(struct daemon *daemon, const char *path, char *problem, size_t problem_size)
{
    const struct config *config = daemon->holder->config;
    const struct control_options options = {
        .path = path,
        .make_directory = !config->server.control_socket_given && !daemon->options.control,
        .commands = commands,
        .context = daemon,
    };
    int error = control_open(&options, daemon->loop, &daemon->control);
    if (error == ERR_EXISTS)
        snprintf(problem, problem_size, "%s: another process listens there, or it is no socket", path);
    else if (error)
        snprintf(problem, problem_size, "%s: %s", path, err_text(error));
    return error;
}

void commands_close(struct daemon *daemon)
{
    control_close(daemon->control);
    daemon->control = NULL;
}

/* --- pieces of JSON --- */

json_t *json_text(const char *text)
{
    json_t *made = text ? json_string(text) : json_null();
    return made ? made : json_string("?");
}

json_t *json_name(const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    return json_text(name_to_text(name, text));
}

json_t *json_address(const struct ip_address *address)
{
    char text[IP_TEXT_MAX];
    return json_text(ip_to_text(address, text));
}

json_t *json_soa(const struct rrset *soa)
{
    const uint8_t *mname = soa->rdatas[0].bytes, *rname = mname + name_length(mname);
    return json_pack("{s:o, s:o, s:I}", "mname", json_name(mname), "rname", json_name(rname), "serial",
                     (json_int_t)soa_serial(mname));
}

static const char *lower(const char *text, char *out, size_t size)
{
    size_t i = 0;
    for (; text[i] && i + 1 < size; i++)
        out[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    out[i] = 0;
    return out;
}

const char *trigger_key(enum rpz_trigger trigger)
{
    static _Thread_local char key[16];
    return lower(rpz_trigger_text(trigger), key, sizeof key);
}

const char *action_key(enum rpz_action action)
{
    static _Thread_local char key[16];
    return lower(rpz_action_text(action), key, sizeof key);
}

bool request_name(const json_t *request, const char *member, struct control_reply *reply, uint8_t out[255])
{
    const char *text = control_string(request, member);
    if (text && name_from_text(text, NULL, out) > 0) {
        name_to_lower(out);
        return true;
    }
    if (text)
        control_fail(reply, "\"%s\" is not a domain name", text);
    else
        control_fail(reply, "the request lacks \"%s\"", member);
    return false;
}

const struct view_config *config_view(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->view_count; i++)
        if (!strcmp(config->views[i].name, name))
            return &config->views[i];
    return NULL;
}
