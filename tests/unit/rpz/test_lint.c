/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <stdio.h>
#include <string.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "rpz/lint.h"

/* What a lint finds in a zone that is written "owner target" line by line (CNAMEs; "A" for an address
 * record), as "line:kind" words. */
struct run {
    char found[1024];
    unsigned errors;
};

static void collect(void *context, const struct lint_finding *finding)
{
    struct run *run = context;
    size_t used = strlen(run->found);
    snprintf(run->found + used, sizeof run->found - used, "%s%llu:%s", used ? " " : "",
             (unsigned long long)finding->line, lint_kind_text(finding->kind));
    run->errors += finding->error;
    assert_true(strlen(finding->message) > 10);
}

static bool only_co_uk(void *context, const uint8_t *name)
{
    char text[NAME_TEXT_MAX];
    (void)context;
    return !strcmp(name_to_text_nodot(name, text), "co.uk");
}

static void add(struct lint *lint, const uint8_t *origin, const char *owner, const char *target,
                uint64_t line)
{
    uint8_t name[NAME_MAX_BYTES], rdata[NAME_MAX_BYTES] = {192, 0, 2, 1};
    bool address = !strcmp(target, "A");
    int length = address ? 4 : name_from_text(target, NULL, rdata);
    assert_true(name_from_text(owner, origin, name) > 0 && length > 0);
    const struct policy_record record = {.owner = name,
                                         .type = address ? TYPE_A : TYPE_CNAME,
                                         .rclass = CLASS_IN,
                                         .ttl_s = 60,
                                         .rdata = rdata,
                                         .rdata_length = (uint16_t)length};
    assert_int_equal(lint_add(lint, &record, "zone", line), 0);
}

static void run_lint(struct run *run, bool include_subdomains, const char *const lines[])
{
    uint8_t origin[NAME_MAX_BYTES];
    assert_true(name_from_text("rpz.test.", NULL, origin) > 0);
    const struct lint_options options = {.origin = origin,
                                         .include_subdomains = include_subdomains,
                                         .is_public_suffix = only_co_uk,
                                         .found = collect,
                                         .context = run};
    struct lint *lint = lint_new(&options);
    assert_non_null(lint);
    for (unsigned i = 0; lines[2 * i]; i++)
        add(lint, origin, lines[2 * i], lines[2 * i + 1], i + 1);
    lint_finish(lint);
}

#define ASSERT_FOUND(want, ...)                                                                              \
    do {                                                                                                     \
        struct run run = {0};                                                                                \
        run_lint(&run, false, (const char *const[]){__VA_ARGS__, NULL});                                     \
        assert_string_equal(run.found, want);                                                                \
    } while (0)

static void a_good_pair_has_no_findings(void **state)
{
    (void)state;
    ASSERT_FOUND("", "bad.example", ".", "*.bad.example", ".");
}

static void bad_records_are_errors_with_their_line(void **state)
{
    (void)state;
    struct run run = {0};
    run_lint(&run, false,
             (const char *const[]){"24.5.0.0.10.rpz-ip", ".", "rpz-ip", ".", "1.2.3.4.rpz-ip", ".",
                                   "x.example", "rpz-nonsense.", NULL});
    assert_string_equal(run.found, "1:bad-record 2:bad-record 3:bad-record 4:bad-record");
    assert_int_equal(run.errors, 4);
}

static void data_at_the_apex_is_found(void **state)
{
    (void)state;
    ASSERT_FOUND("1:apex-data", "rpz.test.", "A");
}

static void one_of_a_pair_is_found(void **state)
{
    (void)state;
    ASSERT_FOUND("1:no-wildcard", "bad.example", ".");
    ASSERT_FOUND("1:no-apex", "*.bad.example", ".");
}

static void a_wildcard_above_covers_the_missing_half(void **state)
{
    (void)state;
    ASSERT_FOUND("", "example.org", ".", "*.example.org", ".", "*.deep.example.org", ".");
}

static void rule_08_an_empty_nonterminal_hides_a_wildcard(void **state)
{
    (void)state;
    ASSERT_FOUND("3:shadowed", "ent.example", ".", "*.ent.example", ".", "x.y.ent.example", ".",
                 "*.x.y.ent.example", ".");
}

static void rule_08_a_name_of_its_own_hides_a_wildcard_from_what_is_below_it(void **state)
{
    (void)state;
    ASSERT_FOUND("3:shadowed", "example.org", ".", "*.example.org", ".", "www.example.org", ".");
}

static void one_hidden_name_is_said_once(void **state)
{
    (void)state;
    ASSERT_FOUND("3:shadowed", "e.example", ".", "*.e.example", ".", "a.y.e.example", ".", "*.a.y.e.example",
                 ".", "b.y.e.example", ".", "*.b.y.e.example", ".");
}

static void suffixes_and_top_level_domains_are_found(void **state)
{
    (void)state;
    ASSERT_FOUND("1:public-suffix 1:no-apex", "*.fr", ".");
}

static void a_listed_suffix_is_found(void **state)
{
    (void)state;
    ASSERT_FOUND("2:public-suffix", "co.uk", ".", "*.co.uk", ".");
}

static void the_root_wildcard_covers_everything(void **state)
{
    (void)state;
    ASSERT_FOUND("1:public-suffix", "*", ".");
}

static void passthru_of_a_suffix_is_no_danger(void **state)
{
    (void)state;
    ASSERT_FOUND("2:public-suffix", "*.fr", "rpz-passthru.", "*", ".");
}

static void duplicates_and_conflicts_are_told_apart(void **state)
{
    (void)state;
    ASSERT_FOUND("2:duplicate 3:conflict", "a.example", ".", "a.example", ".", "a.example", "*.",
                 "*.a.example", ".");
}

static void a_passthru_that_nothing_needs_is_found(void **state)
{
    (void)state;
    ASSERT_FOUND("1:needless-passthru", "free.example", "rpz-passthru.");
    ASSERT_FOUND("", "free.example.org", "rpz-passthru.", "*.example.org", ".", "example.org", ".");
    ASSERT_FOUND("", "free.example", "rpz-passthru.", "24.0.2.0.192.rpz-ip", ".");
}

static void cname_loops_are_found(void **state)
{
    (void)state;
    ASSERT_FOUND("1:no-wildcard 1:cname-loop 2:no-wildcard 2:cname-loop", "a.example", "b.example.",
                 "b.example", "a.example.");
}

static void wide_prefixes_are_found(void **state)
{
    (void)state;
    ASSERT_FOUND("1:wide-prefix", "4.0.0.0.16.rpz-ip", ".", "8.0.0.0.10.rpz-ip", ".");
}

static void include_subdomains_needs_no_wildcards(void **state)
{
    (void)state;
    struct run run = {0};
    run_lint(&run, true, (const char *const[]){"bad.example", ".", "x.y.bad.example", ".", NULL});
    assert_string_equal(run.found, "");
}

static void an_empty_zone_is_fine(void **state)
{
    (void)state;
    struct run run = {0};
    run_lint(&run, false, (const char *const[]){NULL});
    assert_string_equal(run.found, "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_pair_has_no_findings),
        cmocka_unit_test(bad_records_are_errors_with_their_line),
        cmocka_unit_test(data_at_the_apex_is_found),
        cmocka_unit_test(one_of_a_pair_is_found),
        cmocka_unit_test(a_wildcard_above_covers_the_missing_half),
        cmocka_unit_test(rule_08_an_empty_nonterminal_hides_a_wildcard),
        cmocka_unit_test(rule_08_a_name_of_its_own_hides_a_wildcard_from_what_is_below_it),
        cmocka_unit_test(one_hidden_name_is_said_once),
        cmocka_unit_test(suffixes_and_top_level_domains_are_found),
        cmocka_unit_test(a_listed_suffix_is_found),
        cmocka_unit_test(the_root_wildcard_covers_everything),
        cmocka_unit_test(passthru_of_a_suffix_is_no_danger),
        cmocka_unit_test(duplicates_and_conflicts_are_told_apart),
        cmocka_unit_test(a_passthru_that_nothing_needs_is_found),
        cmocka_unit_test(cname_loops_are_found),
        cmocka_unit_test(wide_prefixes_are_found),
        cmocka_unit_test(include_subdomains_needs_no_wildcards),
        cmocka_unit_test(an_empty_zone_is_fine),
    };
    return RUN_TESTS(tests);
}
