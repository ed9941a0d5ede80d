/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "candord/ready_table.h"

static const uint8_t NAME[] = "\3ads\4test", OTHER[] = "\3bad\4test";
static const uint8_t RECORDS[] = {1, 2, 3}, OPT[] = {4, 5};

static struct ready_key key_of(const uint8_t *name, uint64_t hash)
{
    return (struct ready_key){
        .hash = hash << 20, .snapshot_id = 7, .name = name, .name_length = sizeof NAME, .qtype = 1};
}

static struct ready_table *table_with(const struct ready_key *key)
{
    struct ready_table *table = ready_table_new();
    const struct ready_answer from = {
        .rcode = 3, .length = sizeof RECORDS, .opt_length = sizeof OPT, .match.ttl_s = 5};
    assert_non_null(table);
    assert_true(ready_table_put(table, key, &from, RECORDS, OPT));
    return table;
}

static void an_answer_comes_back_whole(void **state)
{
    (void)state;
    struct ready_key key = key_of(NAME, 1);
    struct ready_table *table = table_with(&key);
    const struct ready_answer *ready = ready_table_find(table, &key);
    assert_non_null(ready);
    assert_int_equal(ready->rcode, 3);
    assert_int_equal(ready->match.ttl_s, 5);
    assert_memory_equal(ready->match.name, NAME, sizeof NAME);
    assert_memory_equal(ready_records(ready), "\1\2\3\4\5", 5);
    ready_table_free(table);
}

static void only_for_the_very_same_question(void **state)
{
    (void)state;
    struct ready_key key = key_of(NAME, 1);
    struct ready_table *table = table_with(&key);
    struct ready_key others[] = {key, key, key, key, key, key};
    others[0].name = OTHER; /* the hash is the same: a collision */
    others[1].qtype = 28;
    others[2].snapshot_id = 8;
    others[3].view = 1;
    others[4].dnssec_ok = true;
    others[5].hash++;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_null(ready_table_find(table, &others[i]));
    ready_table_free(table);
}

static void what_is_too_large_is_not_taken(void **state)
{
    (void)state;
    static const uint8_t records[READY_BYTES];
    struct ready_key key = key_of(NAME, 1);
    struct ready_table *table = ready_table_new();
    struct ready_answer from = {.length = READY_BYTES - sizeof NAME - sizeof OPT, .opt_length = sizeof OPT};
    assert_true(ready_table_put(table, &key, &from, records, OPT));
    from.length++;
    assert_false(ready_table_put(table, &key, &from, records, OPT));
    ready_table_free(table);
}

static void who_is_asked_for_twice_gets_the_place(void **state)
{
    (void)state;
    /* All want the same two places. */
    struct ready_key often = key_of(NAME, 1), too = key_of(NAME, 1 + READY_TABLE_ENTRIES),
                     once = key_of(OTHER, 1 + 2 * READY_TABLE_ENTRIES);
    struct ready_table *table = table_with(&often);
    const struct ready_answer from = {.length = sizeof RECORDS};
    assert_true(ready_table_wants(table, &too)); /* there is room */
    assert_true(ready_table_put(table, &too, &from, RECORDS, OPT));
    assert_false(ready_table_wants(table, &once));
    assert_false(ready_table_wants(table, &often));
    assert_false(ready_table_wants(table, &once));
    assert_non_null(ready_table_find(table, &often)); /* both are still there */
    assert_non_null(ready_table_find(table, &too));
    assert_true(ready_table_wants(table, &once));
    assert_true(ready_table_put(table, &once, &from, RECORDS, OPT));
    assert_null(ready_table_find(table, &often)); /* it had been there longer */
    assert_non_null(ready_table_find(table, &too));
    assert_non_null(ready_table_find(table, &once));
    ready_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_back_whole),
        cmocka_unit_test(only_for_the_very_same_question),
        cmocka_unit_test(what_is_too_large_is_not_taken),
        cmocka_unit_test(who_is_asked_for_twice_gets_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
