/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/rule.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "dns/record.h"

static const char *const trigger_labels[RPZ_TRIGGERS] = {
    [RPZ_CLIENT_IP] = "rpz-client-ip", [RPZ_QNAME] = "",        [RPZ_IP] = "rpz-ip",
    [RPZ_NSDNAME] = "rpz-nsdname",     [RPZ_NSIP] = "rpz-nsip",
};

/* One label of a name: points at its length byte. */
static bool label_is(const uint8_t *label, const char *text)
{
    size_t length = strlen(text);
    return label[0] == length && strncasecmp((const char *)label + 1, text, length) == 0;
}

enum rpz_trigger rpz_trigger_of_label(const uint8_t *label)
{
    if (label[0] < 6 || strncasecmp((const char *)label + 1, "rpz-", 4) != 0)
        return RPZ_QNAME;
    for (enum rpz_trigger t = RPZ_CLIENT_IP; t < RPZ_TRIGGERS; t++)
        if (t != RPZ_QNAME && label_is(label, trigger_labels[t]))
            return t;
    return RPZ_QNAME;
}

/* Copies the labels from `at` up to `end` as an absolute name in lower case. */
static void take_labels(const uint8_t *at, const uint8_t *end, struct rpz_owner *out)
{
    size_t length = (size_t)(end - at);
    memcpy(out->name, at, length);
    out->name[length] = 0;
    name_to_lower(out->name);
    out->name_length = (uint8_t)(length + 1);
}

static enum rpz_skip decode_name(const uint8_t *owner, const uint8_t *end, struct rpz_owner *out)
{
    out->wildcard = name_is_wildcard(owner);
    take_labels(out->wildcard ? owner + 2 : owner, end, out);
    return RPZ_KEPT;
}

/* A decimal number without leading zeros; -1 when it is none or above `max`. */
static int decimal_label(const uint8_t *label, int max)
{
    int value = 0;
    if (label[0] == 0 || label[0] > 3 || (label[1] == '0' && label[0] > 1))
        return -1;
    for (unsigned i = 1; i <= label[0]; i++) {
        if (label[i] < '0' || label[i] > '9')
            return -1;
        value = value * 10 + (label[i] - '0');
    }
    return value <= max ? value : -1;
}

/* One to four hexadecimal digits; -1 when it is none. */
static int hex_label(const uint8_t *label)
{
    int value = 0;
    if (label[0] == 0 || label[0] > 4)
        return -1;
    for (unsigned i = 1; i <= label[0]; i++) {
        uint8_t c = label[i] | 0x20;
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Labels d c b a of the address a.b.c.d. */
static enum rpz_skip decode_v4(const uint8_t *const *labels, struct ip_address *out)
{
    *out = (struct ip_address){.family = IP_V4};
    for (unsigned i = 0; i < 4; i++) {
        int octet = decimal_label(labels[3 - i], 255);
        if (octet < 0)
            return RPZ_SKIP_ADDRESS;
        out->bytes[i] = (uint8_t)octet;
    }
    return RPZ_KEPT;
}

/* Labels are the words last first; one `zz` stands for as many zero words as are missing. */
static enum rpz_skip decode_v6(const uint8_t *const *labels, unsigned count, struct ip_address *out)
{
    *out = (struct ip_address){.family = IP_V6};
    unsigned word = 0;
    bool zz_seen = false;
    if (count > 8)
        return RPZ_SKIP_ADDRESS;
    for (unsigned i = count; i-- > 0;) {
        if (label_is(labels[i], "zz")) {
            if (zz_seen)
                return RPZ_SKIP_ADDRESS;
            zz_seen = true;
            word += 9 - count;
            continue;
        }
        int value = hex_label(labels[i]);
        if (value < 0 || word >= 8)
            return RPZ_SKIP_ADDRESS;
        out->bytes[word * 2] = (uint8_t)(value >> 8);
        out->bytes[word * 2 + 1] = (uint8_t)value;
        word++;
    }
    return word == 8 ? RPZ_KEPT : RPZ_SKIP_ADDRESS;
}

/* Writes the reversed words of an IPv6 address: no leading zeros, `zz` for the longest run of at least two
 * zero words, the leftmost of the address where runs are equally long. BIND accepts this form only. */
static char *v6_labels_text(const struct ip_address *address, char *at, size_t size)
{
    unsigned words[8], best = 8, best_length = 1;
    for (unsigned i = 0; i < 8; i++)
        words[i] = (unsigned)address->bytes[i * 2] << 8 | address->bytes[i * 2 + 1];
    for (unsigned i = 0, run = 0; i < 8; i++) {
        run = words[i] ? 0 : run + 1;
        if (run > best_length) {
            best_length = run;
            best = i + 1 - run;
        }
    }
    for (unsigned i = 8; i-- > 0;) {
        bool in_run = i >= best && i < best + best_length;
        if (in_run && i != best)
            continue;
        int n = in_run ? snprintf(at, size, ".zz") : snprintf(at, size, ".%x", words[i]);
        at += n;
        size -= (size_t)n;
    }
    return at;
}

/* "24.0.2.0.192.": the address part of an owner, as a name. */
static void prefix_to_name(const struct ip_prefix *prefix, uint8_t out[NAME_MAX_BYTES])
{
    char text[64];
    const uint8_t *b = prefix->address.bytes;
    if (prefix->address.family == IP_V4) {
        snprintf(text, sizeof text, "%u.%u.%u.%u.%u.", prefix->length, b[3], b[2], b[1], b[0]);
    } else {
        int n = snprintf(text, sizeof text, "%u", prefix->length);
        char *end = v6_labels_text(&prefix->address, text + n, sizeof text - (size_t)n);
        memcpy(end, ".", 2);
    }
    int length = name_from_text(text, NULL, out);
    if (length < 0)
        out[0] = 0;
}

/* `1.2.3.4.rpz-ip`: an address, and no prefix length before it. */
static bool lacks_prefix(const uint8_t *const *labels, unsigned count)
{
    if (count != 4)
        return false;
    for (unsigned i = 0; i < 4; i++)
        if (decimal_label(labels[i], 255) < 0)
            return false;
    return true;
}

/* `count` labels before the trigger's: the prefix length, then the address. */
static enum rpz_skip decode_prefix(const uint8_t *const *labels, unsigned count, struct ip_prefix *out)
{
    int length = decimal_label(labels[0], 128);
    if (length < 1 || lacks_prefix(labels, count))
        return RPZ_SKIP_PREFIX_LENGTH;
    bool v4 = count == 5;
    for (unsigned i = 1; i < count; i++)
        v4 = v4 && !label_is(labels[i], "zz");
    enum rpz_skip skip =
        v4 ? decode_v4(labels + 1, &out->address) : decode_v6(labels + 1, count - 1, &out->address);
    if (skip)
        return skip;
    if ((unsigned)length > ip_bits(out->address.family))
        return RPZ_SKIP_PREFIX_LENGTH;
    out->length = (uint8_t)length;
    return ip_mask(&out->address, out->length) ? RPZ_SKIP_HOST_BITS : RPZ_KEPT;
}

static enum rpz_skip decode_address(const uint8_t *owner, const uint8_t *end, const uint8_t *const *labels,
                                    unsigned count, struct rpz_owner *out)
{
    take_labels(owner, end, out);
    enum rpz_skip skip = decode_prefix(labels, count, &out->prefix);
    if (!skip && out->prefix.address.family == IP_V6) {
        uint8_t canonical[NAME_MAX_BYTES];
        prefix_to_name(&out->prefix, canonical);
        out->noncanonical = !name_equal(canonical, out->name);
    }
    return skip;
}

enum rpz_skip rpz_owner_decode(const uint8_t *owner, const uint8_t *origin, struct rpz_owner *out)
{
    const uint8_t *labels[NAME_MAX_LABELS];
    unsigned count = name_split(owner, labels) - name_labels(origin);
    const uint8_t *end = name_skip(owner, count), *last = labels[count - 1];
    out->trigger = rpz_trigger_of_label(last);
    out->noncanonical = out->wildcard = false;
    out->prefix = (struct ip_prefix){0};
    if (out->trigger == RPZ_QNAME)
        return decode_name(owner, end, out);
    if (count == 1)
        return RPZ_SKIP_BARE_TRIGGER;
    if (out->trigger == RPZ_NSDNAME)
        return decode_name(owner, last, out);
    return decode_address(owner, last, labels, count - 1, out);
}

int rpz_owner_encode(const struct rpz_owner *rule, const uint8_t *origin, uint8_t out[255])
{
    uint8_t head[NAME_MAX_BYTES + 2], tail[NAME_MAX_BYTES];
    const char *label = trigger_labels[rule->trigger];
    if (rule->trigger == RPZ_QNAME || rule->trigger == RPZ_NSDNAME) {
        if (rule->wildcard && name_length(rule->name) > NAME_MAX_BYTES - 2)
            return ERR_SPACE;
        memcpy(head, "\1*", 2);
        name_copy_lower(head + (rule->wildcard ? 2 : 0), rule->name);
    } else {
        prefix_to_name(&rule->prefix, head);
    }
    int length = *label ? name_from_text(label, origin, tail) : (int)name_copy(tail, origin);
    if (length < 0)
        return length;
    length = name_join(head, tail, out);
    if (length > 0)
        name_to_lower(out);
    return length;
}

enum rpz_skip rpz_target_decode(const uint8_t *target, enum rpz_action *action)
{
    static const struct {
        const char *label;
        enum rpz_action action;
    } special[] = {{"rpz-passthru", RPZ_PASSTHRU}, {"rpz-drop", RPZ_DROP}, {"rpz-tcp-only", RPZ_TCP_ONLY}};
    *action = RPZ_LOCAL_DATA;
    if (name_is_root(target) || (name_is_wildcard(target) && target[2] == 0)) {
        *action = name_is_root(target) ? RPZ_NXDOMAIN : RPZ_NODATA;
        return RPZ_KEPT;
    }
    const uint8_t *last = target;
    while (last[1 + last[0]])
        last += 1 + last[0];
    if (last[0] < 4 || strncasecmp((const char *)last + 1, "rpz-", 4) != 0)
        return RPZ_KEPT;
    for (size_t i = 0; last == target && i < sizeof special / sizeof *special; i++)
        if (label_is(target, special[i].label)) {
            *action = special[i].action;
            return RPZ_KEPT;
        }
    return RPZ_SKIP_SPECIAL_TARGET;
}

/* The old way to say PASSTHRU. A wildcard is never equal to a target: `*.x CNAME *.x.` is a wildcard CNAME.
 */
static bool targets_itself(const struct rpz_owner *owner, const uint8_t *target)
{
    return !owner->wildcard && name_equal(target, owner->name);
}

bool rpz_type_is_rule(uint16_t type)
{
    static const uint16_t never[] = {TYPE_NS,  TYPE_SOA,     TYPE_DNAME,  TYPE_SIG,   TYPE_KEY,
                                     TYPE_DS,  TYPE_NSEC,    TYPE_DNSKEY, TYPE_NSEC3, TYPE_NSEC3PARAM,
                                     TYPE_CDS, TYPE_CDNSKEY, TYPE_RRSIG};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (type == never[i])
            return false;
    return true;
}

enum rpz_skip rpz_action_decode(const struct rpz_owner *owner, uint16_t type, const uint8_t *rdata,
                                uint16_t rdata_length, enum rpz_action *action)
{
    *action = RPZ_NONE;
    if (!rpz_type_is_rule(type))
        return RPZ_SKIP_TYPE;
    *action = RPZ_LOCAL_DATA;
    if (!rdata_check(type, rdata, rdata_length))
        return RPZ_SKIP_RDATA;
    if (type != TYPE_CNAME)
        return RPZ_KEPT;
    enum rpz_skip skip = rpz_target_decode(rdata, action);
    if (!skip && *action == RPZ_LOCAL_DATA && targets_itself(owner, rdata))
        *action = RPZ_PASSTHRU;
    return skip;
}

const char *rpz_trigger_text(enum rpz_trigger trigger)
{
    static const char *const texts[RPZ_TRIGGERS] = {
        [RPZ_CLIENT_IP] = "CLIENT-IP", [RPZ_QNAME] = "QNAME", [RPZ_IP] = "IP",
        [RPZ_NSDNAME] = "NSDNAME",     [RPZ_NSIP] = "NSIP",
    };
    return trigger < RPZ_TRIGGERS ? texts[trigger] : "?";
}

const char *rpz_action_text(enum rpz_action action)
{
    static const char *const texts[RPZ_ACTIONS] = {
        [RPZ_NONE] = "NONE",
        [RPZ_NXDOMAIN] = "NXDOMAIN",
        [RPZ_NODATA] = "NODATA",
        [RPZ_PASSTHRU] = "PASSTHRU",
        [RPZ_DROP] = "DROP",
        [RPZ_TCP_ONLY] = "TCP-ONLY",
        [RPZ_LOCAL_DATA] = "Local-Data",
    };
    return action < RPZ_ACTIONS ? texts[action] : "?";
}

const char *rpz_skip_text(enum rpz_skip skip)
{
    static const char *const texts[RPZ_SKIPS] = {
        [RPZ_KEPT] = "kept",
        [RPZ_SKIP_APEX_SOA_NS] = "apex-soa-ns",
        [RPZ_SKIP_APEX_DATA] = "apex-data",
        [RPZ_SKIP_OUT_OF_ZONE] = "out-of-zone",
        [RPZ_SKIP_CLASS] = "class",
        [RPZ_SKIP_TYPE] = "type",
        [RPZ_SKIP_BARE_TRIGGER] = "bare-trigger",
        [RPZ_SKIP_PREFIX_LENGTH] = "prefix-length",
        [RPZ_SKIP_ADDRESS] = "address",
        [RPZ_SKIP_HOST_BITS] = "host-bits",
        [RPZ_SKIP_RDATA] = "rdata",
        [RPZ_SKIP_SPECIAL_TARGET] = "special-target",
        [RPZ_SKIP_CONFLICT] = "conflict",
        [RPZ_SKIP_NAME_TOO_LONG] = "name-too-long",
    };
    return skip < RPZ_SKIPS ? texts[skip] : "?";
}
