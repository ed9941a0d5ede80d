/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verbs of the control socket, one file for each kind of question; commands.c has their table. The shapes
 * of the replies are in doc/control.md. All run on the main thread. */
#ifndef CANDORD_COMMANDS_PARTS_H
#define CANDORD_COMMANDS_PARTS_H

#include "candord/control.h"
#include "candord/daemon.h"

int command_status(void *context, const json_t *request, struct control_reply *reply);
int command_stats(void *context, const json_t *request, struct control_reply *reply);
int command_zones(void *context, const json_t *request, struct control_reply *reply);
int command_hits(void *context, const json_t *request, struct control_reply *reply);
int command_explain(void *context, const json_t *request, struct control_reply *reply);
int command_history(void *context, const json_t *request, struct control_reply *reply);
int command_diff(void *context, const json_t *request, struct control_reply *reply);
int command_rollback(void *context, const json_t *request, struct control_reply *reply);
int command_sync(void *context, const json_t *request, struct control_reply *reply);
int command_reload(void *context, const json_t *request, struct control_reply *reply);
int command_held(void *context, const json_t *request, struct control_reply *reply);
int command_release(void *context, const json_t *request, struct control_reply *reply);
int command_reject(void *context, const json_t *request, struct control_reply *reply);
int command_simulate(void *context, const json_t *request, struct control_reply *reply);
int command_refresh(void *context, const json_t *request, struct control_reply *reply);
int command_retransfer(void *context, const json_t *request, struct control_reply *reply);
int command_flush(void *context, const json_t *request, struct control_reply *reply);

/* Adds to the objects of `zones` what is known of feeds, catalogs and their members. */
void commands_add_sources(struct daemon *daemon, const struct config *config, json_t *zones);

/* reload of a secondary zone is a refresh. False: it is something else; nothing has been done. */
bool commands_reload_secondary(struct daemon *daemon, const json_t *request, struct control_reply *reply);

/* {"loading": […]}: the zones on which work is under way, and how far it has come. */
json_t *json_progress(struct daemon *daemon);

/* Says of the secondary zones in a list of zones what is known of their primaries. */
void commands_add_secondaries(struct daemon *daemon, json_t *zones);

/* {"doing", "records", "bytes", "total_bytes", "for_ms"} of long work on a zone, or null. */
json_t *json_work(const struct kept_zone *zone);

/* A text of ours or of a file's; "?" where it is not UTF-8. */
json_t *json_text(const char *text);
/* A name with its final dot. */
json_t *json_name(const uint8_t *name);
json_t *json_address(const struct ip_address *address);
/* {"mname", "rname", "serial"} of an SOA: who is responsible. */
json_t *json_soa(const struct rrset *soa);

/* What keeps the latest version of a zone back, or null. Under the keeper's lock. */
json_t *json_hold(const struct kept_zone *zone);

/* "qname", "client-ip": triggers and actions as keys. */
const char *trigger_key(enum rpz_trigger trigger);
const char *action_key(enum rpz_action action);

/* A name that a request gives, in lower case. False: it is missing or no name, and the reply has been ended
 * with why. */
bool request_name(const json_t *request, const char *member, struct control_reply *reply, uint8_t out[255]);

/* The configured view of a name; NULL: there is none. */
const struct view_config *config_view(const struct config *config, const char *name);

#endif
