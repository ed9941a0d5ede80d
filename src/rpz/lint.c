/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "rpz/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/lint_parts.h"

enum { WIDE_V4 = 8, WIDE_V6 = 20 };

static const struct {
    const char *text;
    bool error;
} kinds[LINT_KINDS] = {
    [LINT_BAD_RECORD] = {"bad-record", true},
    [LINT_CONFLICT] = {"conflict", true},
    [LINT_NONCANONICAL] = {"noncanonical", false},
    [LINT_DUPLICATE] = {"duplicate", false},
    [LINT_APEX_DATA] = {"apex-data", false},
    [LINT_PUBLIC_SUFFIX] = {"public-suffix", false},
    [LINT_WIDE_PREFIX] = {"wide-prefix", false},
    [LINT_SHADOWED] = {"shadowed", false},
    [LINT_NO_WILDCARD] = {"no-wildcard", false},
    [LINT_NO_APEX] = {"no-apex", false},
    [LINT_NEEDLESS_PASSTHRU] = {"needless-passthru", false},
    [LINT_CNAME_LOOP] = {"cname-loop", false},
};

/* Why a record is no rule, for its author; what is not here has rpz_skip_text() alone. */
static const char *const reasons[RPZ_SKIPS] = {
    [RPZ_SKIP_OUT_OF_ZONE] = "is not within the zone (is its final dot meant?)",
    [RPZ_SKIP_CLASS] = "is not of class IN",
    [RPZ_SKIP_TYPE] = "is of a type that cannot be a rule (DNSSEC, DNAME, NS or SOA below the apex)",
    [RPZ_SKIP_BARE_TRIGGER] = "names a trigger, but nothing that triggers it",
    [RPZ_SKIP_PREFIX_LENGTH] =
        "has no good prefix length in front: 1 to 32, or 1 to 128, without leading zeros",
    [RPZ_SKIP_ADDRESS] = "is no address: four octets or IPv6 words, in reverse, behind the prefix length",
    [RPZ_SKIP_HOST_BITS] = "has address bits set below its prefix length",
    [RPZ_SKIP_RDATA] = "has data that is malformed for its type",
    [RPZ_SKIP_SPECIAL_TARGET] = "leads to an rpz- name that is no action",
    [RPZ_SKIP_CONFLICT] = "stands beside a CNAME, or is a second one",
    [RPZ_SKIP_NAME_TOO_LONG] = "is too long",
};

const char *lint_kind_text(enum lint_kind kind)
{
    return kinds[kind].text;
}

struct lint *lint_new(const struct lint_options *options)
{
    struct lint *lint = calloc(1, sizeof *lint);
    if (!lint)
        return NULL;
    lint->options = *options;
    arena_init(&lint->arena, 1 << 16);
    return lint;
}

void lint_say(const struct lint *lint, enum lint_kind kind, const char *file, uint64_t line,
              const uint8_t *owner, const char *format, ...)
{
    char message[NAME_TEXT_MAX * 2 + 256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const struct lint_finding finding = {.kind = kind,
                                         .error = kinds[kind].error,
                                         .file = file,
                                         .line = line,
                                         .owner = owner,
                                         .message = message};
    lint->options.found(lint->options.context, &finding);
}

static void say_skipped(const struct lint *lint, enum rpz_skip skip, const struct policy_record *record,
                        const char *file, uint64_t line)
{
    char owner[NAME_TEXT_MAX];
    name_to_text_nodot(record->owner, owner);
    if (skip == RPZ_SKIP_APEX_DATA)
        lint_say(lint, LINT_APEX_DATA, file, line, record->owner,
                 "%s %s: data at the zone's own name is no rule", owner, type_to_text(record->type));
    else
        lint_say(lint, LINT_BAD_RECORD, file, line, record->owner, "%s %s: skipped: %s", owner,
                 type_to_text(record->type), reasons[skip] ? reasons[skip] : rpz_skip_text(skip));
}

static int keep(struct lint *lint, const struct rpz_owner *owner, enum rpz_action action,
                const struct policy_record *record, const char *file, uint64_t line)
{
    if (lint->count == lint->room) {
        size_t room = lint->room ? lint->room * 2 : 1024;
        struct lint_rule *grown = realloc(lint->rules, room * sizeof *grown);
        if (!grown)
            return ERR_NOMEM;
        lint->rules = grown;
        lint->room = room;
    }
    const uint8_t *name = arena_copy(&lint->arena, owner->name, owner->name_length);
    const uint8_t *rdata = arena_copy(&lint->arena, record->rdata, record->rdata_length);
    if (!name || !rdata)
        return ERR_NOMEM;
    lint->rules[lint->count++] = (struct lint_rule){
        .name = name,
        .rdata = rdata,
        .rdata_length = record->rdata_length,
        .type = record->type,
        .trigger = owner->trigger,
        .action = action,
        .wildcard = owner->wildcard,
        .file = file,
        .line = line,
    };
    return 0;
}

static void look_at_prefix(const struct lint *lint, const struct rpz_owner *owner,
                           const struct policy_record *record, const char *file, uint64_t line)
{
    char text[NAME_TEXT_MAX], prefix[IP_TEXT_MAX];
    name_to_text_nodot(record->owner, text);
    if (owner->noncanonical)
        lint_say(lint, LINT_NONCANONICAL, file, line, record->owner,
                 "%s: not the canonical spelling of the address; BIND would skip it", text);
    unsigned wide = owner->prefix.address.family == IP_V4 ? WIDE_V4 : WIDE_V6;
    if (owner->prefix.length < wide)
        lint_say(lint, LINT_WIDE_PREFIX, file, line, record->owner, "%s: covers all of %s", text,
                 prefix_to_text(&owner->prefix, prefix));
}

static enum rpz_skip decode(const struct lint *lint, const struct policy_record *record,
                            struct rpz_owner *owner, enum rpz_action *action)
{
    if (record->rclass != CLASS_IN)
        return RPZ_SKIP_CLASS;
    if (!name_is_within(record->owner, lint->options.origin))
        return RPZ_SKIP_OUT_OF_ZONE;
    if (name_equal(record->owner, lint->options.origin))
        return record->type == TYPE_SOA || record->type == TYPE_NS ? RPZ_SKIP_APEX_SOA_NS
                                                                   : RPZ_SKIP_APEX_DATA;
    enum rpz_skip skip = rpz_owner_decode(record->owner, lint->options.origin, owner);
    return skip ? skip : rpz_action_decode(owner, record->type, record->rdata, record->rdata_length, action);
}

int lint_add(struct lint *lint, const struct policy_record *record, const char *file, uint64_t line)
{
    struct rpz_owner owner;
    enum rpz_action action = RPZ_NONE;
    enum rpz_skip skip = decode(lint, record, &owner, &action);
    if (skip == RPZ_SKIP_APEX_SOA_NS)
        return 0;
    if (skip) {
        say_skipped(lint, skip, record, file, line);
        return 0;
    }
    lint->has_address_rules |= owner.trigger != RPZ_QNAME;
    if (owner.trigger == RPZ_QNAME || owner.trigger == RPZ_NSDNAME)
        return keep(lint, &owner, action, record, file, line);
    look_at_prefix(lint, &owner, record, file, line);
    return 0;
}

void lint_finish(struct lint *lint)
{
    if (!lint)
        return;
    lint_check(lint);
    free(lint->rules);
    arena_fini(&lint->arena);
    free(lint);
}
