/* SPDX-License-Identifier: GPL-3.0-or-later */
/* explain: a question goes the way of a client's on a worker (explain.h); here it is asked and told in JSON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candord/commands_parts.h"
#include "candord/explain.h"
#include "dns/name.h"

enum { LINE_MAX_BYTES = 4096 };

/* --- the answer as lines --- */

static json_t *record_line(const uint8_t *owner, uint32_t ttl_s, uint16_t type, const struct rdata *rdata)
{
    char name[NAME_TEXT_MAX], data[LINE_MAX_BYTES], line[NAME_TEXT_MAX + LINE_MAX_BYTES + 64];
    rdata_to_text(type, rdata->bytes, rdata->length, data, sizeof data);
    if (owner)
        snprintf(line, sizeof line, "%s %u IN %s %s", name_to_text(owner, name), ttl_s, type_to_text(type),
                 data);
    else
        snprintf(line, sizeof line, "%s %s", type_to_text(type), data);
    return json_text(line);
}

/* The extended error among an OPT's options. */
static json_t *ede_of(const uint8_t *options, size_t length)
{
    struct reader r = reader_of(options, length);
    while (reader_left(&r) >= 4) {
        uint16_t code = read_u16(&r), size = read_u16(&r);
        const uint8_t *data = read_bytes(&r, size);
        if (!data || code != EDNS_EDE || size < 2)
            continue;
        json_t *text = json_stringn((const char *)data + 2, size - 2u);
        return json_pack("{s:i, s:o}", "code", load_u16(data), "text", text ? text : json_string(""));
    }
    return json_null();
}

static json_t *flags_of(uint16_t flags)
{
    static const struct {
        uint16_t bit;
        const char *name;
    } names[] = {{DNS_AA, "aa"}, {DNS_TC, "tc"}, {DNS_RD, "rd"},
                 {DNS_RA, "ra"}, {DNS_AD, "ad"}, {DNS_CD, "cd"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (flags & names[i].bit)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

static void add_records(struct message_reader *reader, struct arena *arena, json_t *answer)
{
    static const char *const sections[] = {"answer", "authority", "additional"};
    struct message_record record;
    struct rdata rdata;
    while (message_next(reader, &record) == 1 && message_rdata(reader, &record, arena, &rdata) == 0)
        if (record.type == TYPE_OPT)
            json_object_set_new(answer, "ede", ede_of(rdata.bytes, rdata.length));
        else
            json_array_append_new(json_object_get(answer, sections[record.section]),
                                  record_line(record.owner, record.ttl_s, record.type, &rdata));
}

static json_t *describe_answer(struct explanation *e)
{
    struct message_reader reader;
    json_t *answer = json_pack("{s:s, s:[], s:[], s:[], s:[], s:n}", "status", "DROPPED", "flags", "answer",
                               "authority", "additional", "ede");
    if (e->answer_length && message_open(&reader, e->answer, e->answer_length) == 0) {
        json_object_set_new(answer, "status", json_string(rcode_to_text(reader.flags & 15u)));
        json_object_set_new(answer, "flags", flags_of(reader.flags));
        add_records(&reader, &e->arena, answer);
    }
    return answer;
}

/* --- what was found on the way --- */

static json_t *describe_addresses(const struct ip_address *addresses, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_address(&addresses[i]));
    return list;
}

static json_t *describe_link(const struct policy_link *link)
{
    json_t *servers = json_array();
    for (size_t i = 0; i < link->server_count; i++)
        json_array_append_new(
            servers,
            json_pack("{s:o, s:o}", "name", json_name(link->servers[i].name), "addresses",
                      describe_addresses(link->servers[i].addresses, link->servers[i].address_count)));
    return json_pack("{s:o, s:o, s:o}", "name", json_name(link->name), "addresses",
                     describe_addresses(link->addresses, link->address_count), "servers", servers);
}

static json_t *describe_truth(const struct explanation *e)
{
    json_t *chain = json_array();
    if (!e->reached_policy) {
        json_decref(chain);
        return json_null();
    }
    for (unsigned i = 0; i < e->link_count; i++)
        json_array_append_new(chain, describe_link(&e->links[i]));
    return json_pack("{s:s, s:b, s:b, s:b, s:b, s:o}", "status", rcode_to_text(e->truth_rcode), "failed",
                     e->truth_failed, "bogus", e->truth_bogus, "signed", e->truth_signed, "ours",
                     e->truth_ours, "chain", chain);
}

/* --- rules --- */

static int add_data(void *context, const struct rrset *rrset)
{
    for (uint16_t i = 0; i < rrset->count; i++)
        json_array_append_new(context, record_line(NULL, rrset->ttl_s, rrset->type, &rrset->rdatas[i]));
    return 0;
}

static json_t *describe_data(const struct policy_set_zone *zone, const struct policy_match *match)
{
    json_t *data = json_array();
    if (match->override_cname) {
        const struct rdata target = {(uint16_t)name_length(match->override_cname), match->override_cname};
        json_array_append_new(data, record_line(NULL, match->ttl_s, TYPE_CNAME, &target));
    } else if (match->hit.action == RPZ_LOCAL_DATA &&
               policy_hit_data(zone->zone, &match->hit, add_data, data) != 0) {
        json_array_clear(data);
    }
    return data;
}

/* What the rule is for: a prefix, or a name with `*.` before it. */
static json_t *describe_trigger(const struct policy_match *match)
{
    char text[NAME_TEXT_MAX + 2] = "*.";
    if (match->hit.trigger != RPZ_QNAME && match->hit.trigger != RPZ_NSDNAME)
        return json_text(prefix_to_text(&match->hit.prefix, text));
    unsigned labels = name_labels(match->name);
    unsigned skip = labels > match->hit.matched_labels ? labels - match->hit.matched_labels : 0;
    name_to_text(name_skip(match->name, skip), text + 2);
    return json_text(match->hit.wildcard ? text : text + 2);
}

static const char *override_of(const struct policy_match *match)
{
    if (match->override_cname)
        return "cname";
    return match->action == match->hit.action ? "given" : action_key(match->action);
}

static json_t *describe_rule(const struct policy_set *set, const struct policy_candidate *candidate)
{
    const struct policy_match *match = &candidate->match;
    const struct policy_set_zone *zone = &set->zones[match->zone];
    uint8_t owner[NAME_MAX_BYTES];
    policy_hit_owner(zone->zone, &match->hit, match->name, owner);
    return json_pack("{s:o, s:i, s:o, s:s, s:s, s:s, s:o, s:o, s:I, s:o, s:b, s:s, s:o}", "zone",
                     json_name(zone->options.origin), "order", (int)match->zone + 1, "owner",
                     json_name(owner), "trigger", rpz_trigger_text(match->hit.trigger), "action",
                     rpz_action_text(match->hit.action), "override", override_of(match), "matched",
                     describe_trigger(match), "name", match->name ? json_name(match->name) : json_null(),
                     "ttl_s", (json_int_t)match->ttl_s, "data", describe_data(zone, match), "wins",
                     candidate->loss == POLICY_WINS, "why", policy_loss_text(candidate->loss), "soa",
                     json_soa(policy_zone_soa(zone->zone)));
}

static json_t *describe_rules(const struct explanation *e)
{
    json_t *rules = json_array();
    for (size_t i = 0; i < e->candidate_count; i++)
        json_array_append_new(rules, describe_rule(e->view->policy, &e->candidates[i]));
    return rules;
}

/* Is a client that sets DO given the truth instead (rpz.md rule 21)? Then the policy holds for some clients
 * only. */
static bool escapes_with_do(const struct explanation *e)
{
    return e->step == POLICY_RULE && e->match.action != RPZ_PASSTHRU &&
           !e->view->policy->options.break_dnssec && e->links[e->match.link].is_signed;
}

/* --- the whole --- */

static json_t *describe_question(const struct explanation *e)
{
    return json_pack("{s:o, s:s, s:o, s:o, s:b, s:b, s:b}", "name", json_name(e->name), "type",
                     type_to_text(e->type), "client", json_address(&e->client), "view",
                     e->view ? json_text(e->view->config->name) : json_null(), "tcp", e->tcp, "dnssec",
                     e->dnssec_ok, "recurse", !e->no_recursion);
}

static const char *policy_part(const struct explanation *e)
{
    if (e->reached_policy)
        return "applied";
    if (!e->view)
        return "refused";
    return e->view->has_policy ? "not-reached" : "none";
}

static void explained(struct job *job)
{
    struct explanation *e = (struct explanation *)job;
    struct control_reply *reply = job->context;
    if (job->error)
        control_fail(reply, "%s", err_text(job->error));
    else
        control_end(reply,
                    json_pack("{s:o, s:o, s:s, s:b, s:b, s:o, s:o}", "question", describe_question(e),
                              "answer", describe_answer(e), "policy", policy_part(e), "before_recursion",
                              e->before_recursion, "escapes_with_do", escapes_with_do(e), "truth",
                              describe_truth(e), "rules", describe_rules(e)));
    explain_free(e);
}

/* Members that are missing keep their defaults. False: one makes no sense; the reply has been ended with why.
 */
static bool read_question(const struct config *config, const json_t *request, struct control_reply *reply,
                          struct explanation *e)
{
    const char *type = control_string(request, "type"), *client = control_string(request, "client"),
               *view = control_string(request, "view");
    int number = type ? type_from_text(type) : TYPE_A;
    if (!request_name(request, "name", reply, e->name))
        return false;
    if (number < 0) {
        control_fail(reply, "\"%s\" is not a record type", type);
        return false;
    }
    if (ip_from_text(client ? client : "127.0.0.1", &e->client)) {
        control_fail(reply, "\"%s\" is not an address", client);
        return false;
    }
    if (view && !config_view(config, view)) {
        control_fail(reply, "there is no view \"%s\"", view);
        return false;
    }
    if (view)
        snprintf(e->view_name, sizeof e->view_name, "%s", view);
    e->type = (uint16_t)number;
    e->tcp = control_flag(request, "tcp");
    e->dnssec_ok = control_flag(request, "dnssec");
    e->no_recursion = json_is_false(json_object_get(request, "recurse"));
    return true;
}

/* The address that a client would have asked: the first we listen on of its family. */
static struct ip_address asked_address(const struct config *config, enum ip_family family)
{
    for (size_t i = 0; i < config->server.listen_count; i++)
        if (config->server.listen[i].address.family == family)
            return config->server.listen[i].address;
    return (struct ip_address){.family = family};
}

int command_explain(void *context, const json_t *request, struct control_reply *reply)
{
    struct daemon *daemon = context;
    struct explanation *e = calloc(1, sizeof *e);
    if (!e)
        return ERR_NOMEM;
    struct snapshot *snapshot = daemon_snapshot(daemon);
    bool good = read_question(snapshot->config, request, reply, e);
    e->local = asked_address(snapshot->config, e->client.family);
    snapshot_unref(snapshot);
    if (!good) {
        free(e);
        return 0;
    }
    e->job.done = explained;
    e->job.context = reply;
    explain_submit(daemon, e);
    return 0;
}
