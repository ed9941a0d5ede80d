/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/root_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dns/message.h"
#include "resolve/configuration.h"

#define OLD "257 3 8 AAAA"
#define NEW "257 3 8 BBBB"

enum { DAY_S = 86400, START_S = 1000000 };

static struct root_keys trusting_old(void)
{
    return (struct root_keys){.count = 1, .keys = {{.state = ROOT_KEY_VALID, .text = "3 8 AAAA"}}};
}

static bool see(struct root_keys *keys, const char *a, const char *b, int64_t now_s)
{
    const char *seen[] = {a, b};
    return root_keys_update(keys, seen, b ? 2 : 1, now_s);
}

static void a_new_key_is_trusted_after_thirty_days(void **state)
{
    (void)state;
    struct root_keys keys = trusting_old();
    assert_false(see(&keys, OLD, NEW, START_S));
    assert_int_equal(keys.keys[1].state, ROOT_KEY_PENDING);
    assert_false(see(&keys, OLD, NEW, START_S + 30 * DAY_S - 1));
    assert_true(see(&keys, OLD, NEW, START_S + 30 * DAY_S));
    assert_int_equal(keys.keys[1].state, ROOT_KEY_VALID);
    assert_false(see(&keys, OLD, NEW, START_S + 31 * DAY_S));
}

static void a_new_key_that_goes_away_begins_anew(void **state)
{
    (void)state;
    struct root_keys keys = trusting_old();
    see(&keys, OLD, NEW, START_S);
    see(&keys, OLD, NULL, START_S + 29 * DAY_S);
    assert_int_equal(keys.count, 1);
    assert_false(see(&keys, OLD, NEW, START_S + 31 * DAY_S));
    assert_int_equal(keys.keys[1].since_s, START_S + 31 * DAY_S);
}

static void a_revoked_key_is_trusted_no_more(void **state)
{
    (void)state;
    struct root_keys keys = trusting_old();
    see(&keys, OLD, NEW, START_S);
    see(&keys, OLD, NEW, START_S + 30 * DAY_S);
    assert_true(see(&keys, "385 3 8 AAAA", NEW, START_S + 40 * DAY_S));
    assert_int_equal(keys.keys[0].state, ROOT_KEY_REVOKED);
    assert_false(see(&keys, OLD, NEW, START_S + 41 * DAY_S)); /* for good */
    assert_int_equal(keys.keys[0].state, ROOT_KEY_REVOKED);
    assert_false(see(&keys, NEW, NULL, START_S + 80 * DAY_S));
    assert_int_equal(keys.count, 1);
}

static void a_missing_key_stays_trusted(void **state)
{
    (void)state;
    struct root_keys keys = trusting_old();
    see(&keys, OLD, NEW, START_S);
    see(&keys, OLD, NEW, START_S + 30 * DAY_S);
    assert_false(see(&keys, NEW, NULL, START_S + 31 * DAY_S));
    assert_int_equal(keys.keys[0].state, ROOT_KEY_MISSING);
    assert_false(see(&keys, OLD, NEW, START_S + 32 * DAY_S));
    assert_int_equal(keys.keys[0].state, ROOT_KEY_VALID);
}

static void the_last_trusted_key_is_never_lost(void **state)
{
    (void)state;
    struct root_keys keys = trusting_old();
    assert_false(see(&keys, "385 3 8 AAAA", NEW, START_S));
    assert_int_equal(keys.count, 1);
    assert_int_equal(keys.keys[0].state, ROOT_KEY_VALID);
}

static void zone_keys_and_nonsense_are_passed_over(void **state)
{
    (void)state;
    struct root_keys keys = trusting_old();
    const char *seen[] = {OLD, "256 3 8 CCCC", "", "257", "257 3 8", "hello there you all"};
    assert_false(root_keys_update(&keys, seen, 6, START_S));
    assert_int_equal(keys.count, 1);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void a_file_is_read_and_written(void **state)
{
    (void)state;
    char path[] = "/tmp/candor-keys-XXXXXX";
    struct root_keys keys, again;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_text(path, "; a comment\n. IN DNSKEY 257 3 8 AA AA ;{id = 1}\n"
                     ". 172800 IN DNSKEY 257 3 8 BBBB ;;state=1 [ ADDPEND ] ;;count=2 ;;lastchange=77 ;;Thu\n"
                     ". IN DNSKEY 256 3 8 CCCC\nexample. IN DNSKEY 257 3 8 DDDD\n");
    assert_int_equal(root_keys_read(&keys, path), 0);
    assert_int_equal(keys.count, 2);
    assert_string_equal(keys.keys[0].text, "3 8 AAAA");
    assert_int_equal(keys.keys[0].state, ROOT_KEY_VALID);
    assert_int_equal(keys.keys[1].state, ROOT_KEY_PENDING);
    assert_int_equal(keys.keys[1].since_s, 77);
    assert_int_equal(root_keys_write(&keys, path), 0);
    assert_int_equal(root_keys_read(&again, path), 0);
    assert_int_equal(again.count, 2);
    assert_string_equal(again.keys[1].text, "3 8 BBBB");
    assert_int_equal(again.keys[1].since_s, 77);
    unlink(path);
}

static void a_file_without_a_trusted_key_is_none(void **state)
{
    (void)state;
    char path[] = "/tmp/candor-keys-XXXXXX";
    struct root_keys keys = trusting_old();
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(root_keys_read(&keys, path), ERR_MALFORMED);
    write_text(path, ". IN DNSKEY 257 3 8 BBBB ;;state=4\n");
    assert_int_equal(root_keys_read(&keys, path), ERR_MALFORMED);
    unlink(path);
    assert_true(root_keys_read(&keys, path) < 0);
    assert_true(root_keys_write(&keys, "/nonexistent/root.key") < 0);
}

static void only_trusted_keys_are_told_to_libunbound(void **state)
{
    (void)state;
    struct root_keys keys = trusting_old();
    see(&keys, OLD, NEW, START_S);
    char *text = root_keys_clauses(&keys);
    assert_string_equal(text, "server:\n  trust-anchor: \". IN DNSKEY 257 3 8 AAAA\"\n");
    free(text);
}

/* --- from an answer --- */

static struct truth *dnskey_truth(enum truth_security security)
{
    static const uint8_t root[] = {0};
    static const uint8_t old_key[] = {1, 1, 3, 8, 0, 0, 0}, new_key[] = {1, 1, 3, 8, 4, 16, 65},
                         zone_key[] = {1, 0, 3, 8, 1, 1, 1};
    const struct rdata rdatas[] = {{7, old_key}, {7, new_key}, {7, zone_key}};
    const struct rrset set = {.owner = root, .type = TYPE_DNSKEY, .ttl_s = 300, .count = 3, .rdatas = rdatas};
    struct message_writer m;
    uint8_t bytes[512];
    message_begin(&m, bytes, sizeof bytes, 0, DNS_QR);
    assert_int_equal(message_put_question(&m, root, TYPE_DNSKEY, CLASS_IN), 0);
    assert_int_equal(message_put_rrset(&m, SECTION_ANSWER, &set, false), 0);
    struct truth_source source = {.name = root,
                                  .qtype = TYPE_DNSKEY,
                                  .message = bytes,
                                  .message_length = message_finish(&m, RCODE_NOERROR),
                                  .security = security,
                                  .max_ttl_s = 86400};
    struct truth *truth = NULL;
    assert_int_equal(truth_from_message(&source, &truth), 0);
    return truth;
}

static void keys_are_taken_from_a_secure_answer(void **state)
{
    (void)state;
    struct root_keys keys = trusting_old();
    struct truth *truth = dnskey_truth(TRUTH_SECURE);
    bool changed;
    assert_int_equal(root_keys_update_from(&keys, truth, START_S, &changed), 0);
    assert_false(changed);
    assert_int_equal(keys.count, 2);
    assert_string_equal(keys.keys[1].text, "3 8 BBBB");
    assert_int_equal(root_keys_update_from(&keys, truth, START_S + 30 * DAY_S, &changed), 0);
    assert_true(changed);
    truth_unref(truth);
}

static void what_is_not_secure_is_not_believed(void **state)
{
    (void)state;
    static const enum truth_security securities[] = {TRUTH_INSECURE, TRUTH_BOGUS};
    struct root_keys keys = trusting_old();
    bool changed;
    for (size_t i = 0; i < 2; i++) {
        struct truth *truth = dnskey_truth(securities[i]);
        assert_int_equal(root_keys_update_from(&keys, truth, START_S, &changed), ERR_REFUSED);
        truth_unref(truth);
    }
    assert_int_equal(keys.count, 1);
}

/* --- what libunbound is told --- */

static void a_new_trusted_key_is_in_the_next_configuration(void **state)
{
    (void)state;
    char path[] = "/tmp/candor-keys-XXXXXX", problem[256];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    write_text(path, ". IN DNSKEY 257 3 8 AAAA\n. IN DNSKEY 257 3 8 BBBB ;;state=1 ;;lastchange=1000\n");
    struct resolver_options options = {.validate = true, .anchor_file = path};
    struct recursor_share share = {.questions = 10, .cache_bytes = 1 << 20, .contexts = 1};
    struct configuration *c = NULL;
    assert_int_equal(configuration_new(&options, &share, &c, problem, sizeof problem), 0);
    assert_true(configuration_follows_root(c));
    const char *before = configuration_text(c);
    assert_non_null(strstr(before, "257 3 8 AAAA"));
    assert_null(strstr(before, "257 3 8 BBBB"));
    struct truth *truth = dnskey_truth(TRUTH_SECURE);
    assert_int_equal(configuration_root_seen(c, truth), 1);
    assert_non_null(strstr(configuration_text(c), "257 3 8 BBBB"));
    assert_null(strstr(before, "257 3 8 BBBB")); /* who still reads it may go on */
    assert_int_equal(configuration_root_seen(c, truth), 0);
    truth_unref(truth);
    configuration_free(c);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_key_is_trusted_after_thirty_days),
        cmocka_unit_test(a_new_key_that_goes_away_begins_anew),
        cmocka_unit_test(a_revoked_key_is_trusted_no_more),
        cmocka_unit_test(a_missing_key_stays_trusted),
        cmocka_unit_test(the_last_trusted_key_is_never_lost),
        cmocka_unit_test(zone_keys_and_nonsense_are_passed_over),
        cmocka_unit_test(a_file_is_read_and_written),
        cmocka_unit_test(a_file_without_a_trusted_key_is_none),
        cmocka_unit_test(keys_are_taken_from_a_secure_answer),
        cmocka_unit_test(what_is_not_secure_is_not_believed),
        cmocka_unit_test(a_new_trusted_key_is_in_the_next_configuration),
        cmocka_unit_test(only_trusted_keys_are_told_to_libunbound),
    };
    return cmocka_run_group_tests_name("resolve/root_keys", tests, NULL, NULL);
}
