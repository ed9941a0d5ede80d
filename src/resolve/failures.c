/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/failures.h"

#include <stddef.h>
#include <string.h>

#include "dns/consts.h"

/* The first that occurs in the text decides. The texts are those of libunbound 1.17's validator. */
static const struct {
    const char *text;
    int ede;
} bogus_texts[] = {
    {"signature expired", EDE_SIGNATURE_EXPIRED},
    {"signature before inception date", EDE_SIGNATURE_NOT_YET_VALID},
    {"signature inception after expiration", EDE_SIGNATURE_EXPIRED},
    {"No DNSKEY record", EDE_DNSKEY_MISSING},
    {"no DNSKEY rrset", EDE_DNSKEY_MISSING},
    {"Missing DNSKEY", EDE_DNSKEY_MISSING},
    {"no keys have a DS", EDE_DNSKEY_MISSING},
    {"keys did not match a DS", EDE_DNSKEY_MISSING},
    {"signatures from unknown keys", EDE_DNSKEY_MISSING},
    {"no signatures", EDE_RRSIGS_MISSING},
    {"no RRSIG", EDE_RRSIGS_MISSING},
    {"no NSEC", EDE_NSEC_MISSING},
    {"No NSEC", EDE_NSEC_MISSING},
    {"no DNSSEC records", EDE_NSEC_MISSING},
    {"nodata proof failed", EDE_NSEC_MISSING},
    {"nameerror proof failed", EDE_NSEC_MISSING},
    {"did not prove", EDE_NSEC_MISSING},
    {"no proof", EDE_NSEC_MISSING},
};

int ede_from_bogus_text(const char *text)
{
    if (!text)
        return EDE_DNSSEC_BOGUS;
    for (size_t i = 0; i < sizeof bogus_texts / sizeof *bogus_texts; i++)
        if (strstr(text, bogus_texts[i].text))
            return bogus_texts[i].ede;
    return EDE_DNSSEC_BOGUS;
}

const char *bogus_reason(const char *text)
{
    const char *reason = text ? strstr(text, ">: ") : NULL;
    return reason ? reason + 3 : text;
}
