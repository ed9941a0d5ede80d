/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/load.h"

#include <stdlib.h>
#include <unistd.h>

#include "zonetext.h"

#define APEX "@ SOA ns host 5 7200 1800 2592000 77\n@ NS ns\n"

/* A folder for one test, and what was reported: "LINE error|warning message\n" each. */
struct fixture {
    char folder[64], file[128];
    struct text reports;
    unsigned count;
};

static int make_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/candor-load-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->file, sizeof f->file, "%s/zone", f->folder);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    struct fixture *f = *state;
    char included[128];
    snprintf(included, sizeof included, "%s/included", f->folder);
    unlink(included);
    unlink(f->file);
    rmdir(f->folder);
    free(f);
    return 0;
}

static void write_file(const struct fixture *f, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void on_report(void *context, const char *file, uint64_t line, bool error, const char *message)
{
    struct fixture *f = context;
    const char *base = strrchr(file, '/');
    f->count++;
    put_text(&f->reports, "%s:%u %s: %s\n", base ? base + 1 : file, (unsigned)line,
             error ? "error" : "warning", message);
}

static int load_after(struct fixture *f, bool policy, const struct zone_content *old,
                      struct zone_content **out)
{
    struct zone_load_options options = {.origin = name_of("ex."),
                                        .file = "zone",
                                        .directory = f->folder,
                                        .old = old,
                                        .policy = policy,
                                        .report = on_report,
                                        .context = f};
    *out = NULL;
    f->reports = (struct text){.length = 0};
    f->count = 0;
    return zone_load(&options, out);
}

static int load(struct fixture *f, bool policy, struct zone_content **out)
{
    return load_after(f, policy, NULL, out);
}

static int load_text(struct fixture *f, bool policy, const char *text, struct zone_content **out)
{
    write_file(f, "zone", text);
    return load(f, policy, out);
}

static void a_good_zone_loads_without_a_word(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_int_equal(load_text(f, false, "$TTL 1h\n" APEX "ns A 192.0.2.1\n", &zone), 0);
    assert_string_equal(f->reports.bytes, "");
    assert_int_equal(zone_content_serial(zone), 5);
    assert_int_equal(zone_content_records(zone), 3);
    assert_null(zone_content_get_policy(zone));
    zone_content_unref(zone);
}

static int count_change(void *context, const struct policy_change *change)
{
    (void)change;
    ++*(unsigned *)context;
    return 0;
}

/* What is said and what comes of it is the same, whichever version is at hand. */
static void a_policy_file_is_loaded_beside_any_version_of_it(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"a CNAME .\nb CNAME *.\nc A 192.0.2.1\n",
                                        "a CNAME .\nb CNAME .\nb A 192.0.2.1\n", "",
                                        "b CNAME .\na CNAME .\nelsewhere.test. CNAME .\nx.rpz-ip CNAME .\n"};
    enum { TEXTS = sizeof texts / sizeof *texts };
    for (size_t i = 0; i < TEXTS * TEXTS * 2; i++) {
        struct zone_content *old, *loaded, *made;
        struct text reports;
        char text[300];
        unsigned changes = 0;
        snprintf(text, sizeof text, "$TTL 1h\n" APEX "%s", texts[i % TEXTS]);
        /* A plain zone of the same name, as after a change of the configuration, is of no use. */
        assert_int_equal(load_text(f, i < TEXTS * TEXTS, i < TEXTS * TEXTS ? text : "$TTL 1h\n" APEX, &old),
                         0);
        snprintf(text, sizeof text, "$TTL 1h\n" APEX "%s", texts[i / TEXTS % TEXTS]);
        assert_int_equal(load_text(f, true, text, &loaded), 0);
        reports = f->reports;
        assert_int_equal(load_after(f, true, old, &made), 0);
        assert_string_equal(f->reports.bytes, reports.bytes);
        assert_int_equal(policy_zone_diff(zone_content_get_policy(made), zone_content_get_policy(loaded),
                                          count_change, &changes),
                         0);
        assert_int_equal(changes, 0);
        assert_int_equal(zone_content_records(made), zone_content_records(loaded));
        zone_content_unref(old);
        zone_content_unref(loaded);
        zone_content_unref(made);
    }
}

static void a_policy_file_becomes_a_policy_zone(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_int_equal(load_text(f, true, "$TTL 1h\n" APEX "bad.test CNAME .\n", &zone), 0);
    assert_string_equal(f->reports.bytes, "");
    struct policy_hit hit;
    assert_true(
        policy_zone_match_name(zone_content_get_policy(zone), RPZ_QNAME, name_of("bad.test."), false, &hit));
    assert_int_equal(hit.action, RPZ_NXDOMAIN);
    zone_content_unref(zone);
}

static void included_files_are_found_beside_and_named_in_reports(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    write_file(f, "included", "a A 192.0.2.1\nb.other. A 192.0.2.2\n");
    assert_int_equal(load_text(f, false, "$TTL 1h\n" APEX "$INCLUDE included\n", &zone), 0);
    assert_string_equal(f->reports.bytes, "included:2 warning: b.other. A: outside the zone, left out\n");
    assert_int_equal(zone_content_records(zone), 3);
    zone_content_unref(zone);
}

static void a_bad_record_fails_a_plain_zone_and_all_are_named(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_int_equal(load_text(f, false,
                               "$TTL 1h\n" APEX "c CNAME x\nc A 192.0.2.1\nd A nonsense\ne A 192.0.2.1\n",
                               &zone),
                     ERR_MALFORMED);
    assert_null(zone);
    assert_int_equal(f->count, 2);
    assert_non_null(strstr(f->reports.bytes, "zone:5 error: c.ex. A: other data beside a CNAME\n"));
    assert_non_null(strstr(f->reports.bytes, "zone:6 error: "));
}

static void a_bad_record_never_fails_a_policy_zone(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_int_equal(load_text(f, true,
                               "$TTL 1h\n" APEX "24.5.0.0.10.rpz-ip CNAME .\n"
                               "d A nonsense\n"
                               "out.other. CNAME .\n"
                               "1.2.3.4.rpz-ip CNAME .\n"
                               "x CNAME rpz-unknown.\n"
                               "fine CNAME .\n",
                               &zone),
                     0);
    assert_int_equal(f->count, 5);
    for (int line = 4; line <= 8; line++) {
        char start[32];
        snprintf(start, sizeof start, "zone:%d warning: ", line);
        assert_non_null(strstr(f->reports.bytes, start));
    }
    assert_non_null(strstr(f->reports.bytes, "24.5.0.0.10.rpz-ip.ex. CNAME is no rule and is skipped: "));
    struct policy_hit hit;
    assert_true(
        policy_zone_match_name(zone_content_get_policy(zone), RPZ_QNAME, name_of("fine."), false, &hit));
    zone_content_unref(zone);
}

static void many_problems_are_counted_not_listed(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_int_equal(
        load_text(f, true, "$TTL 1h\n" APEX "$GENERATE 1-250 1.2.3.$.rpz-ip CNAME .\nfine CNAME .\n", &zone),
        0);
    assert_int_equal(f->count, 101);
    assert_non_null(strstr(f->reports.bytes, "zone:0 warning: 150 more problems like these\n"));
    zone_content_unref(zone);
}

static void a_policy_zone_needs_soa_but_no_ns(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_int_equal(load_text(f, true, "$TTL 1h\n@ NS ns\nbad CNAME .\n", &zone), ERR_NOT_FOUND);
    assert_string_equal(f->reports.bytes, "zone:0 error: no SOA at the zone's own name\n");
    assert_null(zone);
    assert_int_equal(
        load_text(f, true, "$TTL 1h\n@ SOA ns host 5 7200 1800 2592000 77\nbad CNAME .\n", &zone), 0);
    assert_string_equal(f->reports.bytes,
                        "zone:0 warning: no NS at the zone's own name; BIND would refuse it\n");
    zone_content_unref(zone);
}

static void a_plain_zone_needs_soa_and_ns(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_int_equal(load_text(f, false, "$TTL 1h\n@ NS ns\n", &zone), ERR_NOT_FOUND);
    assert_string_equal(f->reports.bytes, "zone:0 error: no SOA at the zone's own name\n");
    assert_int_equal(load_text(f, false, "$TTL 1h\n@ SOA ns host 5 7200 1800 2592000 77\n", &zone),
                     ERR_NOT_FOUND);
    assert_string_equal(f->reports.bytes, "zone:0 error: no NS at the zone's own name\n");
}

static void a_missing_file_is_an_error_that_is_reported(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_true(load(f, true, &zone) < 0);
    assert_null(zone);
    assert_int_equal(f->count, 1);
    assert_non_null(strstr(f->reports.bytes, "No such file"));
}

static void without_ttl_the_soa_minimum_holds(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_int_equal(load_text(f, false, APEX "a A 192.0.2.1\nb 9 A 192.0.2.2\nc A 192.0.2.3\n", &zone), 0);
    expect(zone, "a.ex.", "A", ASK_PLAIN, "ANSWER\nan a.ex. 77 A 192.0.2.1\n");
    expect(zone, "b.ex.", "A", ASK_PLAIN, "ANSWER\nan b.ex. 9 A 192.0.2.2\n");
    expect(zone, "c.ex.", "A", ASK_PLAIN, "ANSWER\nan c.ex. 77 A 192.0.2.3\n");
    zone_content_unref(zone);
}

static void without_ttl_the_last_one_written_holds(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone;
    assert_int_equal(load_text(f, false,
                               "@ 600 SOA ns host 5 7200 1800 2592000 77\n@ NS ns\nb 9 A 192.0.2.2\n"
                               "c A 192.0.2.3\n$TTL 40\nd A 192.0.2.4\n",
                               &zone),
                     0);
    expect(zone, "ex.", "NS", ASK_PLAIN, "ANSWER\nan ex. 600 NS ns.ex.\n");
    expect(zone, "c.ex.", "A", ASK_PLAIN, "ANSWER\nan c.ex. 9 A 192.0.2.3\n");
    expect(zone, "d.ex.", "A", ASK_PLAIN, "ANSWER\nan d.ex. 40 A 192.0.2.4\n");
    zone_content_unref(zone);
}

static void progress_is_kept_up_to_date(void **state)
{
    struct fixture *f = *state;
    struct zone_content *zone = NULL;
    _Atomic uint64_t bytes = 0, records = 0;
    write_file(f, "zone", "$TTL 1h\n" APEX "$GENERATE 1-5000 h$ CNAME .\n");
    struct zone_load_options options = {.origin = name_of("ex."),
                                        .file = f->file,
                                        .policy = true,
                                        .progress_bytes = &bytes,
                                        .progress_records = &records};
    assert_int_equal(zone_load(&options, &zone), 0);
    assert_int_equal(records, 5002);
    zone_content_unref(zone);
}

#define LOAD_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOAD_TEST(a_good_zone_loads_without_a_word),
        LOAD_TEST(a_policy_file_becomes_a_policy_zone),
        LOAD_TEST(a_policy_file_is_loaded_beside_any_version_of_it),
        LOAD_TEST(included_files_are_found_beside_and_named_in_reports),
        LOAD_TEST(a_bad_record_fails_a_plain_zone_and_all_are_named),
        LOAD_TEST(a_bad_record_never_fails_a_policy_zone),
        LOAD_TEST(many_problems_are_counted_not_listed),
        LOAD_TEST(a_policy_zone_needs_soa_but_no_ns),
        LOAD_TEST(a_plain_zone_needs_soa_and_ns),
        LOAD_TEST(a_missing_file_is_an_error_that_is_reported),
        LOAD_TEST(without_ttl_the_soa_minimum_holds),
        LOAD_TEST(without_ttl_the_last_one_written_holds),
        LOAD_TEST(progress_is_kept_up_to_date),
    };
    return RUN_TESTS(tests);
}
