/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/querylog.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "dns/name.h"

enum { CLIENT_TEXT_MAX = NAME_TEXT_MAX + 256 };

/* As BIND has it: who, about what, and in which view if the configuration has some. */
static void client_text(const struct query *q, char *out, size_t size)
{
    char address[IP_TEXT_MAX], name[NAME_TEXT_MAX];
    bool has_views = strcmp(q->view->config->name, "_default") != 0;
    snprintf(out, size, "client @%p %s#%u (%s)%s%s", (const void *)q, ip_to_text(&q->client.address, address),
             q->client.port, name_to_text_nodot(q->asked.qname, name), has_views ? ": view " : "",
             has_views ? q->view->config->name : "");
}

/* + or - for RD, then E(version), T, D, C, V or K, as BIND prints them. */
static void flags_text(const struct query *q, char *out, size_t size)
{
    const struct dns_query *a = &q->asked;
    char edns[8] = "";
    if (a->has_edns)
        snprintf(edns, sizeof edns, "E(%u)", a->edns_version);
    snprintf(out, size, "%s%s%s%s%s%s", query_rd(a) ? "+" : "-", edns,
             q->client.transport == TRANSPORT_TCP ? "T" : "", a->dnssec_ok ? "D" : "", query_cd(a) ? "C" : "",
             a->has_cookie ? "K" : "");
}

void querylog_question(const struct query *q)
{
    if (!log_enabled(LOG_QUERIES, LEVEL_INFO))
        return;
    char client[CLIENT_TEXT_MAX], name[NAME_TEXT_MAX], local[IP_TEXT_MAX], flags[32];
    client_text(q, client, sizeof client);
    flags_text(q, flags, sizeof flags);
    log_write(LOG_QUERIES, LEVEL_INFO, "%s: query: %s %s %s %s (%s)", client,
              name_to_text_nodot(q->asked.qname, name), class_to_text(q->asked.qclass),
              type_to_text(q->asked.qtype), flags, ip_to_text(&q->client.local, local));
}

/* The name of the chain that the rule is for, as the client wrote it if it is the question's. */
static const uint8_t *name_for(const struct query *q, const struct policy_match *match)
{
    return match->link ? q->chain.links[match->link].name : q->asked.qname;
}

/* What the rule's data comes to for the type asked for. */
struct shown_data {
    uint16_t qtype;
    bool has_answer, has_a;
    const uint8_t *cname;
};

static int look_at_set(void *context, const struct rrset *set)
{
    struct shown_data *shown = context;
    bool is_cname = set->type == TYPE_CNAME;
    if (is_cname)
        shown->cname = set->rdatas[0].bytes;
    shown->has_a |= set->type == TYPE_A;
    shown->has_answer |= is_cname || set->type == shown->qtype || shown->qtype == TYPE_ANY;
    return 0;
}

/* BIND's word for what is done; `to` gets " (CNAME to: NAME)" where a CNAME is made that is no record. */
static const char *action_text(const struct query *q, const struct policy_match *match, char *to, size_t size)
{
    struct shown_data shown = {.qtype = q->stage == STAGE_DNS64 ? TYPE_A : q->asked.qtype,
                               .cname = match->override_cname};
    uint8_t joined[NAME_MAX_BYTES];
    char target[NAME_TEXT_MAX];
    *to = 0;
    if (match->action != RPZ_LOCAL_DATA)
        return rpz_action_text(match->action);
    if (!match->override_cname &&
        policy_hit_data(q->view->policy->zones[match->zone].zone, &match->hit, look_at_set, &shown))
        return rpz_action_text(match->action);
    bool is_wildcard = shown.cname && name_is_wildcard(shown.cname);
    if (!match->override_cname && !is_wildcard && !shown.has_answer && shown.has_a &&
        shown.qtype == TYPE_AAAA && q->view->config->dns64_count)
        return "DNS64"; /* made from the rule's A */
    if (!match->override_cname && !is_wildcard)
        return rpz_action_text(shown.has_answer ? RPZ_LOCAL_DATA : RPZ_NODATA);
    const uint8_t *name = shown.cname;
    if (is_wildcard && name_join(name_for(q, match), name_skip(shown.cname, 1), joined) > 0)
        name = joined;
    snprintf(to, size, " (CNAME to: %s)", name_to_text_nodot(name, target));
    return "CNAME";
}

void querylog_rewrite(const struct query *q, const struct policy_match *match, bool disabled)
{
    enum log_category category = match->action == RPZ_PASSTHRU ? LOG_RPZ_PASSTHRU : LOG_RPZ;
    if (!log_enabled(category, LEVEL_INFO))
        return;
    char client[CLIENT_TEXT_MAX], name[NAME_TEXT_MAX], owner[NAME_TEXT_MAX], to[NAME_TEXT_MAX + 16];
    uint8_t owner_name[NAME_MAX_BYTES];
    policy_hit_owner(q->view->policy->zones[match->zone].zone, &match->hit, match->name, owner_name);
    client_text(q, client, sizeof client);
    const char *action = action_text(q, match, to, sizeof to);
    if (disabled)
        *to = 0; /* as BIND: nothing is made */
    log_write(category, LEVEL_INFO, "%s: %srpz %s %s rewrite %s/%s/%s via %s%s", client,
              disabled ? "disabled " : "", rpz_trigger_text(match->hit.trigger), action,
              name_to_text_nodot(name_for(q, match), name), type_to_text(q->asked.qtype),
              class_to_text(q->asked.qclass), name_to_text_nodot(owner_name, owner), to);
}
