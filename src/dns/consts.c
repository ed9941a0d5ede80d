/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/consts.h"

#include <libknot/descriptor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WORD_MAX = 24 };

static const char *const rcodes[] = {
    [RCODE_NOERROR] = "NOERROR",     [RCODE_FORMERR] = "FORMERR", [RCODE_SERVFAIL] = "SERVFAIL",
    [RCODE_NXDOMAIN] = "NXDOMAIN",   [RCODE_NOTIMP] = "NOTIMP",   [RCODE_REFUSED] = "REFUSED",
    [RCODE_YXDOMAIN] = "YXDOMAIN",   [RCODE_YXRRSET] = "YXRRSET", [RCODE_NXRRSET] = "NXRRSET",
    [RCODE_NOTAUTH] = "NOTAUTH",     [RCODE_NOTZONE] = "NOTZONE", [RCODE_BADVERS] = "BADVERS",
    [RCODE_BADCOOKIE] = "BADCOOKIE",
};

/* Types that libknot's table leaves out. */
static const struct {
    uint16_t type;
    const char *text;
} more_types[] = {
    {3, "MD"},
    {4, "MF"},
    {7, "MB"},
    {8, "MG"},
    {9, "MR"},
    {11, "WKS"},
    {19, "X25"},
    {20, "ISDN"},
    {22, "NSAP"},
    {23, "NSAP-PTR"},
    {26, "PX"},
    {27, "GPOS"},
    {30, "NXT"},
    {31, "EID"},
    {32, "NIMLOC"},
    {34, "ATMA"},
    {38, "A6"},
    {40, "SINK"},
    {55, "HIP"},
    {56, "NINFO"},
    {57, "RKEY"},
    {58, "TALINK"},
    {TYPE_MAILB, "MAILB"},
    {TYPE_MAILA, "MAILA"},
    {258, "AVC"},
    {259, "DOA"},
    {260, "AMTRELAY"},
    {32768, "TA"},
    {32769, "DLV"},
};

const char *type_to_text(uint16_t type)
{
    static _Thread_local char text[WORD_MAX];
    for (size_t i = 0; i < sizeof more_types / sizeof *more_types; i++)
        if (more_types[i].type == type)
            return more_types[i].text;
    if (knot_rrtype_to_string(type, text, sizeof text) < 0)
        snprintf(text, sizeof text, "TYPE%u", type);
    return text;
}

const char *class_to_text(uint16_t rclass)
{
    static _Thread_local char text[WORD_MAX];
    switch (rclass) {
    case CLASS_IN:
        return "IN";
    case CLASS_CH:
        return "CH";
    case CLASS_HS:
        return "HS";
    case CLASS_NONE:
        return "NONE";
    case CLASS_ANY:
        return "ANY";
    }
    snprintf(text, sizeof text, "CLASS%u", rclass);
    return text;
}

const char *rcode_to_text(unsigned rcode)
{
    static _Thread_local char text[WORD_MAX];
    if (rcode < sizeof rcodes / sizeof *rcodes && rcodes[rcode])
        return rcodes[rcode];
    snprintf(text, sizeof text, "RCODE%u", rcode);
    return text;
}

static int type_from_number(const char *digits)
{
    char *end;
    if (*digits < '0' || *digits > '9')
        return ERR_NOT_FOUND;
    unsigned long number = strtoul(digits, &end, 10);
    return *end || number > UINT16_MAX ? ERR_NOT_FOUND : (int)number;
}

int type_from_text(const char *text)
{
    uint16_t type;
    if (strncasecmp(text, "TYPE", 4) == 0)
        return type_from_number(text + 4);
    for (size_t i = 0; i < sizeof more_types / sizeof *more_types; i++)
        if (strcasecmp(more_types[i].text, text) == 0)
            return more_types[i].type;
    return knot_rrtype_from_string(text, &type) == 0 ? type : ERR_NOT_FOUND;
}
