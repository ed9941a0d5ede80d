/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/counters.h"

#define COUNT(name, unit, help)                                                                              \
    {                                                                                                        \
        name, unit, help, METRIC_COUNTER                                                                     \
    }

static const struct metric_def defs[SERVE_METRICS] = {
    [SERVE_UDP_QUERIES] = COUNT("udp_queries", "queries", "Questions that came over UDP."),
    [SERVE_TCP_QUERIES] = COUNT("tcp_queries", "queries", "Questions that came over TCP."),
    [SERVE_DROPPED_BLACKHOLE] =
        COUNT("dropped_blackhole", "questions", "Questions of clients in blackhole: not answered."),
    [SERVE_DROPPED_MALFORMED] =
        COUNT("dropped_malformed", "packets", "Packets that are no question at all: not answered."),
    [SERVE_FORMERR] = COUNT("formerr", "answers", "Questions that do not parse, answered FORMERR."),
    [SERVE_NOTIMP] = COUNT("notimp", "answers", "Operations that are not offered, answered NOTIMP."),
    [SERVE_BADVERS] = COUNT("badvers", "answers", "Questions with an unknown EDNS version."),
    [SERVE_REFUSED_ACCESS] = COUNT("refused_access", "answers", "Questions refused by an access list."),
    [SERVE_CACHE_HITS] = COUNT("cache_hits", "queries", "Questions answered from the cache."),
    [SERVE_CACHE_MISSES] = COUNT("cache_misses", "queries", "Questions that had to wait for recursion."),
    [SERVE_STALE_ANSWERS] =
        COUNT("stale_answers", "answers", "Answers given from expired data (serve-stale)."),
    [SERVE_LOCAL_ANSWERS] = COUNT("local_answers", "queries", "Questions that a zone of ours answered."),
    [SERVE_REWRITTEN] = COUNT("rewritten", "answers", "Answers that a policy rule changed."),
    [SERVE_PASSTHRU] = COUNT("passthru", "answers", "Answers that a policy rule let pass."),
    [SERVE_DROPPED_POLICY] =
        COUNT("dropped_policy", "queries", "Questions not answered because a rule says DROP."),
    [SERVE_DISABLED_MATCHES] =
        COUNT("disabled_matches", "matches", "Matches of zones with `policy disabled`."),
    [SERVE_POLICY_MEMO_HITS] =
        COUNT("policy_memo_hits", "queries", "Answers for which it was remembered what policy says."),
    [SERVE_NOERROR] = COUNT("noerror", "answers", "Answers with NOERROR."),
    [SERVE_NXDOMAIN] = COUNT("nxdomain", "answers", "Answers with NXDOMAIN."),
    [SERVE_SERVFAIL] = COUNT("servfail", "answers", "Answers with SERVFAIL."),
    [SERVE_OTHER_RCODES] = COUNT("other_rcodes", "answers", "Answers with any other code."),
    [SERVE_TRUNCATED] = COUNT("truncated", "answers", "Answers that did not fit and say TC."),
    [SERVE_WAITING] = {"waiting", "queries", "Questions that wait for recursion now.", METRIC_GAUGE},
    [SERVE_LIMIT_CLIENTS] = COUNT("limit_recursive_clients", "queries",
                                  "Questions answered SERVFAIL because recursive-clients was reached."),
    [SERVE_PREFETCHES] = COUNT("prefetches", "queries", "Refreshes begun before or at the end of a TTL."),
    [SERVE_NOT_READY] = COUNT("policy_not_ready", "answers",
                              "SERVFAIL because a policy zone is not loaded yet (servfail-until-ready)."),
    [SERVE_SERVER_WALKS] =
        COUNT("server_walks", "walks", "Look-ups of a zone's name servers for NSDNAME and NSIP rules."),
    [SERVE_BAD_SIGNATURES] = COUNT("bad_signatures", "questions",
                                   "Questions with a TSIG that is not good: BADKEY, BADSIG, BADTIME."),
    [SERVE_TRANSFERS_OUT] = COUNT("transfers_out", "transfers", "Zone transfers that others began to take."),
    [SERVE_UPDATES] = COUNT("updates", "updates", "Dynamic updates that were allowed and worked out."),
    [SERVE_UPDATES_FORWARDED] =
        COUNT("updates_forwarded", "updates", "Dynamic updates that were passed on to a primary."),
    [SERVE_LIMIT_UPDATES] =
        COUNT("limit_updates", "updates", "Dynamic updates not answered because update-quota was reached."),
    [SERVE_RATE_DROPPED] = COUNT("rate_dropped", "answers", "Answers not sent because of rate-limit."),
    [SERVE_RATE_SLIPPED] =
        COUNT("rate_slipped", "answers", "Answers that rate-limit made into TC (or BADCOOKIE) ones."),
    [SERVE_RATE_WOULD] =
        COUNT("rate_log_only", "answers", "Answers that rate-limit would have held back but for log-only."),
    [SERVE_RATE_CROWDED] = COUNT("rate_table_full", "entries",
                                 "Entries of rate-limit given up before their time: max-table-size."),
    [SERVE_SERVER_BUDGET] = COUNT("server_budget", "walks", "Such look-ups cut short by their budget."),
};

const struct metric_group serve_metrics = {.room = "serve", .defs = defs, .count = SERVE_METRICS};
