/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "candord/server_table.h"
#include "dns/name.h"

static int here, there; /* two sources of truth */

static const uint8_t *name_of(const char *text)
{
    static uint8_t names[4][NAME_MAX_BYTES];
    static unsigned next;
    uint8_t *name = names[next++ % 4];
    assert_true(name_from_text(text, NULL, name) > 0);
    return name;
}

static int put(struct server_table *table, const void *source, const char *name, uint64_t expires_ms,
               const struct policy_server *servers, size_t count)
{
    const struct server_entry entry = {.source = source,
                                       .name = name_of(name),
                                       .expires_ms = expires_ms,
                                       .server_count = count,
                                       .servers = servers};
    return server_table_put(table, &entry);
}

static void a_cut_comes_back_with_servers_and_addresses(void **state)
{
    (void)state;
    struct server_table *table = server_table_new();
    struct ip_address addresses[2];
    assert_int_equal(ip_from_text("192.0.2.1", &addresses[0]), 0);
    assert_int_equal(ip_from_text("2001:db8::1", &addresses[1]), 0);
    struct policy_server servers[2] = {
        {.name = name_of("NS1.example.org."), .addresses = addresses, .address_count = 2},
        {.name = name_of("ns2.example.net.")},
    };
    assert_int_equal(put(table, &here, "example.org.", 1000, servers, 2), 0);
    memset(addresses, 0, sizeof addresses); /* the table has its own copy */
    const struct server_entry *entry = server_table_find(table, &here, name_of("example.org."), 0);
    assert_non_null(entry);
    assert_int_equal(entry->server_count, 2);
    char text[NAME_TEXT_MAX], ip[IP_TEXT_MAX];
    assert_string_equal(name_to_text(entry->servers[0].name, text), "ns1.example.org.");
    assert_int_equal(entry->servers[0].address_count, 2);
    assert_string_equal(ip_to_text(&entry->servers[0].addresses[1], ip), "2001:db8::1");
    assert_string_equal(name_to_text(entry->servers[1].name, text), "ns2.example.net.");
    assert_int_equal(entry->servers[1].address_count, 0);
    server_table_free(table);
}

static void entries_expire(void **state)
{
    (void)state;
    struct server_table *table = server_table_new();
    assert_int_equal(put(table, &here, "example.org.", 1000, NULL, 0), 0);
    assert_non_null(server_table_find(table, &here, name_of("example.org."), 999));
    assert_null(server_table_find(table, &here, name_of("example.org."), 1000));
    server_table_free(table);
}

static void sources_do_not_share(void **state)
{
    (void)state;
    struct server_table *table = server_table_new();
    assert_int_equal(put(table, &here, "example.org.", 1000, NULL, 0), 0);
    assert_null(server_table_find(table, &there, name_of("example.org."), 0));
    server_table_free(table);
}

static void a_newer_entry_replaces_the_older(void **state)
{
    (void)state;
    struct server_table *table = server_table_new();
    const struct policy_server server = {.name = name_of("ns.example.org.")};
    assert_int_equal(put(table, &here, "example.org.", 1000, NULL, 0), 0);
    assert_int_equal(put(table, &here, "example.org.", 2000, &server, 1), 0);
    const struct server_entry *entry = server_table_find(table, &here, name_of("example.org."), 1500);
    assert_non_null(entry);
    assert_int_equal(entry->server_count, 1);
    server_table_free(table);
}

static void a_full_table_stays_within_its_bound_and_keeps_the_newest(void **state)
{
    (void)state;
    struct server_table *table = server_table_new();
    char text[64];
    unsigned found = 0;
    for (unsigned i = 0; i < 3 * SERVER_TABLE_ENTRIES; i++) {
        snprintf(text, sizeof text, "n%u.example.", i);
        assert_int_equal(put(table, &here, text, 1000 + i, NULL, 0), 0);
        assert_non_null(server_table_find(table, &here, name_of(text), 0));
    }
    for (unsigned i = 0; i < 3 * SERVER_TABLE_ENTRIES; i++) {
        snprintf(text, sizeof text, "n%u.example.", i);
        found += server_table_find(table, &here, name_of(text), 0) != NULL;
    }
    assert_in_range(found, SERVER_TABLE_ENTRIES / 2, SERVER_TABLE_ENTRIES);
    server_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_comes_back_with_servers_and_addresses),
        cmocka_unit_test(entries_expire),
        cmocka_unit_test(sources_do_not_share),
        cmocka_unit_test(a_newer_entry_replaces_the_older),
        cmocka_unit_test(a_full_table_stays_within_its_bound_and_keeps_the_newest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
