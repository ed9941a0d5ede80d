/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any master file as a plain zone: whatever is asked of it, the answer is one that can be sent and read. The
 * first byte chooses the type that is asked for. */
#include "fuzz.h"

#include <string.h>

#include "dns/message.h"
#include "dns/name.h"
#include "dns/zonefile.h"
#include "zone/zone.h"

enum { NAMES_MAX = 100 };

static const uint8_t *const origin = (const uint8_t *)"\7example";
static const char apex[] = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n";

struct building {
    struct zone_builder *builder;
    size_t given;
    uint8_t names[NAMES_MAX][NAME_MAX_BYTES]; /* to be asked for */
};

static int add(void *context, const struct zonefile_record *r)
{
    struct building *b = context;
    const char *why = NULL;
    int error =
        zone_builder_add(b->builder, r->owner, r->type, r->rclass, r->ttl_s, r->rdata, r->rdata_length, &why);
    must(error == 0 || (error == ERR_INVALID && why));
    if (!name_is_within(r->owner, origin))
        return 0;
    name_copy(b->names[b->given], r->owner);
    /* Sometimes the names below and above it, too. */
    if (b->given % 3 == 1 && name_join((const uint8_t *)"\1x", r->owner, b->names[b->given]) < 0)
        name_copy(b->names[b->given], r->owner);
    else if (b->given % 3 == 2 && !name_equal(r->owner, origin))
        name_copy(b->names[b->given], name_skip(r->owner, 1));
    return ++b->given == NAMES_MAX;
}

static void put(struct message_writer *m, enum dns_section section, const struct rrset *sets, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        must(name_check(sets[i].owner, NAME_MAX_BYTES) > 0 && sets[i].count);
        must(message_put_rrset(m, section, &sets[i], true) == 0 || writer_left(&m->writer) < 65535);
    }
}

static void ask(const struct zone_content *content, const uint8_t *qname, uint16_t qtype)
{
    static uint8_t buffer[65535];
    struct message_writer m;
    struct message_reader reader;
    struct message_record record;
    struct zone_answer answer;
    struct arena arena;
    arena_init(&arena, 0);
    must(zone_content_answer(content, qname, qtype, qtype % 2, &arena, &answer) == 0);
    must(answer.result != ZONE_ANSWER || answer.answer_count);
    must(answer.result != ZONE_CNAME_OUT || name_check(answer.target, NAME_MAX_BYTES) > 0);
    message_begin(&m, buffer, sizeof buffer, 1, DNS_QR);
    must(message_put_question(&m, qname, qtype, CLASS_IN) == 0);
    put(&m, SECTION_ANSWER, answer.answer, answer.answer_count);
    put(&m, SECTION_AUTHORITY, answer.authority, answer.authority_count);
    put(&m, SECTION_ADDITIONAL, answer.additional, answer.additional_count);
    must(message_open(&reader, buffer, message_finish(&m, 0)) == 0);
    int more;
    while ((more = message_next(&reader, &record)) > 0)
        ;
    must(more == 0);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint16_t types[] = {TYPE_A,   TYPE_NS, TYPE_CNAME, TYPE_SOA, TYPE_MX,   TYPE_AAAA,
                                     TYPE_ANY, TYPE_DS, TYPE_SRV,   TYPE_TXT, TYPE_DNAME};
    static struct building building;
    struct zone_content *content = NULL;
    const char *why = NULL;
    struct zonefile_options options = {.origin = origin,
                                       .default_ttl_s = 60,
                                       .base_dir = "/nonexistent",
                                       .max_generated = 50,
                                       .record = add,
                                       .context = &building};
    if (!size)
        return 0;
    building = (struct building){.builder = zone_builder_new(origin)};
    must(building.builder && zonefile_read_text(apex, sizeof apex - 1, "apex", &options) == 0);
    if (zonefile_read_text((const char *)data + 1, size - 1, "text", &options) < 0)
        options.default_ttl_s = 0; /* what was read so far is still a zone */
    int error = zone_builder_finish(building.builder, &content, &why);
    must((error == 0) == (content != NULL) && (content || why));
    for (size_t i = 0; content && i < building.given; i++)
        ask(content, building.names[i], types[data[0] % (sizeof types / sizeof *types)]);
    zone_content_unref(content);
    return 0;
}
