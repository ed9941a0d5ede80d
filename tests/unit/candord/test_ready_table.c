/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "candord/ready_table.h"

static const uint8_t NAME[] = "\3ads\4test", OTHER[] = "\3bad\4test";

static struct digest digest_of(const uint8_t *name, uint16_t qtype)
{
    return digest_bytes((struct digest){1, 2}, name, sizeof NAME, qtype);
}

static struct ready_key key_of(const uint8_t *name, uint64_t hash)
{
    return (struct ready_key){.digest = digest_of(name, 1), .hash = hash << 20, .snapshot_id = 7};
}

static struct ready_form form_of(uint32_t zone)
{
    return (struct ready_form){.from = {.snapshot_id = 7, .zone = zone, .action = 1},
                               .rcode = 3,
                               .length = 3,
                               .opt_length = 2,
                               .bytes = {1, 2, 3, 4, 5}};
}

static struct ready_table *table_with(const struct ready_key *key)
{
    struct ready_table *table = ready_table_new(4711);
    const struct ready_form form = form_of(0);
    assert_non_null(table);
    ready_table_put(table, key, ready_table_add(table, &form));
    return table;
}

static void an_answer_comes_back_whole(void **state)
{
    (void)state;
    struct ready_key key = key_of(NAME, 1);
    struct ready_table *table = table_with(&key);
    const struct ready_form *ready = ready_table_find(table, &key), made = form_of(0);
    assert_non_null(ready);
    assert_int_equal(ready->rcode, 3);
    assert_memory_equal(ready->bytes, made.bytes, 5);
    assert_ptr_equal(ready_table_form(table, &made.from), ready);
    ready_table_free(table);
}

static void only_for_the_very_same_question(void **state)
{
    (void)state;
    struct ready_key key = key_of(NAME, 1);
    struct ready_table *table = table_with(&key);
    struct ready_key others[] = {key, key, key, key, key, key};
    others[0].digest = digest_of(OTHER, 1); /* the hash is the same: a collision */
    others[1].digest = digest_of(NAME, 28);
    others[2].snapshot_id = 8;
    others[3].view = 1;
    others[4].dnssec_ok = true;
    others[5].hash++;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_null(ready_table_find(table, &others[i]));
    assert_non_null(ready_table_find(table, &key));
    ready_table_free(table);
}

static void a_form_is_found_by_all_that_it_is_made_from(void **state)
{
    (void)state;
    struct ready_table *table = ready_table_new(4711);
    struct ready_form form = form_of(0);
    struct ready_source others[7];
    (void)ready_table_add(table, &form);
    for (size_t i = 0; i < 7; i++)
        others[i] = form.from;
    others[0].snapshot_id++;
    others[1].data = NAME;
    others[2].zone = 1;
    others[3].view = 1;
    others[4].qtype = 1;
    others[5].action = 2;
    others[6].needs_truth = true;
    for (size_t i = 0; i < 7; i++)
        assert_null(ready_table_form(table, &others[i]));
    assert_non_null(ready_table_form(table, &form.from));
    ready_table_free(table);
}

/* With the form goes what every question was answered with it; another form in its place is not taken for it.
 */
static void forms_are_bounded(void **state)
{
    (void)state;
    struct ready_key key = key_of(NAME, 1);
    struct ready_table *table = table_with(&key);
    for (uint32_t zone = 1; zone <= READY_FORMS; zone++) {
        struct ready_form form = form_of(zone);
        assert_non_null(ready_table_find(table, &key));
        (void)ready_table_add(table, &form);
    }
    struct ready_form first = form_of(0), last = form_of(READY_FORMS);
    assert_null(ready_table_find(table, &key));
    assert_null(ready_table_form(table, &first.from));
    assert_non_null(ready_table_form(table, &last.from));
    ready_table_free(table);
}

static void who_is_asked_once_drives_nobody_out(void **state)
{
    (void)state;
    struct ready_key often = key_of(NAME, 1), once = key_of(OTHER, 1);
    struct ready_table *table = table_with(&often);
    const struct ready_form made = form_of(0), *form = ready_table_form(table, &made.from);
    for (unsigned i = 1; i < READY_GROUP; i++) { /* there is room */
        often.hash++;
        ready_table_put(table, &often, form);
        assert_non_null(ready_table_find(table, &often));
    }
    once.hash += READY_GROUP;
    ready_table_put(table, &once, form);
    assert_null(ready_table_find(table, &once));
    ready_table_put(table, &once, form);
    assert_non_null(ready_table_find(table, &once));
    unsigned left = 0;
    for (unsigned i = 0; i < READY_GROUP; i++, often.hash--)
        left += ready_table_find(table, &often) != NULL;
    assert_int_equal(left, READY_GROUP - 1);
    ready_table_free(table);
}

static void what_was_made_under_another_snapshot_gives_way(void **state)
{
    (void)state;
    struct ready_key old = key_of(NAME, 1), new = key_of(OTHER, 1);
    struct ready_table *table = table_with(&old);
    const struct ready_form made = form_of(0), *form = ready_table_form(table, &made.from);
    for (unsigned i = 1; i < READY_GROUP; i++) {
        old.hash++;
        ready_table_put(table, &old, form);
    }
    struct ready_form newer = form_of(0);
    new.snapshot_id = newer.from.snapshot_id = 8;
    new.hash += READY_GROUP;
    ready_table_put(table, &new, ready_table_add(table, &newer));
    assert_non_null(ready_table_find(table, &new));
    ready_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_back_whole),
        cmocka_unit_test(only_for_the_very_same_question),
        cmocka_unit_test(a_form_is_found_by_all_that_it_is_made_from),
        cmocka_unit_test(forms_are_bounded),
        cmocka_unit_test(who_is_asked_once_drives_nobody_out),
        cmocka_unit_test(what_was_made_under_another_snapshot_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
