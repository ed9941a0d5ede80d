/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any datagram as a query: what is reported lies inside it and is well formed. */
#include "fuzz.h"

#include "dns/name.h"
#include "dns/query.h"

static void check_question(const uint8_t *data, size_t size, const struct dns_query *query)
{
    must(query->qname == data + DNS_HEADER_BYTES);
    must(name_check(query->qname, size - DNS_HEADER_BYTES) == query->qname_length);
    must(name_labels(query->qname) == query->qname_labels);
    must(query->question_end == (size_t)DNS_HEADER_BYTES + query->qname_length + 4);
    must(query->question_end <= size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_query query;
    enum query_verdict verdict = query_parse(data, size, &query);
    must(verdict != QUERY_OK || query.qname);
    must(verdict != QUERY_BADVERS || query.edns_version);
    must(size >= DNS_HEADER_BYTES || verdict == QUERY_DROP);
    must(query.udp_size >= DNS_UDP_CLASSIC);
    if (query.qname)
        check_question(data, size, &query);
    if (query.has_cookie) {
        must(query.cookie_length == 8 || (query.cookie_length >= 16 && query.cookie_length <= 40));
        must(query.cookie > data && query.cookie + query.cookie_length <= data + size);
    }
    return 0;
}
