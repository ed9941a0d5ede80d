/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/conf_kind.h"

#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "candord/conf_value.h"
#include "dns/name.h"

static bool is_any(const char *text)
{
    (void)text;
    return true;
}

static bool is_bool(const char *text)
{
    bool value;
    return conf_bool(text, &value) == 0;
}

static bool is_int(const char *text)
{
    uint32_t value;
    return conf_number(text, &value) == 0;
}

static bool is_size(const char *text)
{
    uint64_t value;
    return conf_size(text, &value) == 0;
}

static bool is_percent(const char *text)
{
    unsigned value;
    return conf_percent(text, &value) == 0;
}

static bool is_duration(const char *text)
{
    uint32_t value;
    return conf_duration(text, &value) == 0;
}

static bool is_fixed(const char *text)
{
    return conf_fixed(text) == 0;
}

static bool is_port(const char *text)
{
    uint16_t value;
    return conf_port(text, &value) == 0;
}

static bool is_ports(const char *text)
{
    return strcasecmp(text, "range") == 0 || is_port(text);
}

static bool is_family(const char *text, enum ip_family family)
{
    struct ip_address address;
    return ip_from_text(text, &address) == 0 && (family == IP_NONE || address.family == family);
}

static bool is_address(const char *text)
{
    return is_family(text, IP_NONE);
}

static bool is_address4(const char *text)
{
    return is_family(text, IP_V4);
}

static bool is_address6(const char *text)
{
    return is_family(text, IP_V6);
}

static bool is_prefix(const char *text)
{
    struct ip_prefix prefix;
    return prefix_from_text(text, &prefix) == 0;
}

static bool is_name(const char *text)
{
    uint8_t name[NAME_MAX_BYTES];
    return name_from_text(text, NULL, name) >= 0;
}

static bool is_class(const char *text)
{
    return strcasecmp(text, "IN") == 0 || strcasecmp(text, "CH") == 0 || strcasecmp(text, "CHAOS") == 0 ||
           strcasecmp(text, "HS") == 0;
}

static bool is_severity(const char *text)
{
    static const char *const words[] = {"critical", "error", "warning", "notice", "info", "debug", "dynamic"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i]) == 0)
            return true;
    return false;
}

static bool is_secret(const char *text)
{
    uint8_t bytes[512];
    size_t length;
    return strlen(text) <= sizeof bytes && conf_base64(text, bytes, &length) == 0 && length > 0;
}

static const struct conf_value_kind kinds[] = {
    {"ADDR4", "an IPv4 address", is_address4, false},
    {"ADDR6", "an IPv6 address", is_address6, false},
    {"ADDRESS", "an IP address", is_address, false},
    {"ANY", "a value", is_any, false},
    {"BOOL", "yes or no", is_bool, false},
    {"CLASS", "a class (IN)", is_class, false},
    {"DURATION", "a time (seconds, 1h, 2h30m or PT1H)", is_duration, false},
    {"FIXED", "a number with a decimal point", is_fixed, false},
    {"INT", "a number", is_int, false},
    {"NAME", "a domain name", is_name, false},
    {"PERCENT", "a percentage (50%)", is_percent, false},
    {"PORT", "a port number (0 to 65535)", is_port, false},
    {"PORTS", "a port number (0 to 65535)", is_ports, false},
    {"PREFIX", "an address or prefix (10.0.0.0/8) without bits below the prefix", is_prefix, false},
    {"QSTRING", "a string in double quotes", is_any, true},
    {"SECRET", "a secret in base64", is_secret, false},
    {"SEVERITY", "a severity (critical, error, warning, notice, info, debug, dynamic)", is_severity, false},
    {"SIZE", "a size (bytes, 512k, 256m, 1g)", is_size, false},
    {"STRING", "a word or string", is_any, false},
};

const struct conf_value_kind *conf_kind_find(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, name, length) == 0)
            return &kinds[i];
    return NULL;
}
