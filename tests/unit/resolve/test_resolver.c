/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What libunbound lacks and the resolver gives: joining, limits in time and number, memory of failures, stale
 * answers kept, prefetch, flush. Two servers stand in for the world: one for good.test., one for dead.test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include <cmocka.h>

#include "asker.h"
#include "authority.h"
#include "base/clock.h"
#include "dns/consts.h"
#include "dns/name.h"

struct world {
    struct authority good, dead;
    struct asker asker;
};

/* Changes to the options that a test wants. */
typedef void adjust_fn(struct resolver_options *options);

static struct world *open_world(adjust_fn *adjust)
{
    struct world *world = calloc(1, sizeof *world);
    authority_start(&world->good, 300);
    authority_start(&world->dead, 300);
    atomic_store(&world->dead.mode, AUTHORITY_SILENT);
    struct forward_zone zones[2] = {
        {.mode = STUB, .servers = &world->good.endpoint, .server_count = 1},
        {.mode = STUB, .servers = &world->dead.endpoint, .server_count = 1},
    };
    assert_true(name_from_text("good.test.", NULL, zones[0].origin) > 0);
    assert_true(name_from_text("dead.test.", NULL, zones[1].origin) > 0);
    struct resolver_options options = asker_options();
    options.forwards = zones;
    options.forward_count = 2;
    options.qname_minimization = false;
    if (adjust)
        adjust(&options);
    int error = asker_open(&world->asker, &options);
    if (error)
        print_error("%s\n", world->asker.problem);
    assert_int_equal(error, 0);
    return world;
}

static void close_world(struct world *world)
{
    asker_close(&world->asker);
    authority_end(&world->good);
    authority_end(&world->dead);
    free(world);
}

/* The last byte of the A record: which of the server's answers this is. 0: a failure. */
static unsigned answer_number(struct answer_shown shown)
{
    assert_int_equal(shown.error, 0);
    unsigned number = shown.truth->failed ? 0 : shown.truth->links[0].addresses[0].bytes[3];
    truth_unref(shown.truth);
    return number;
}

static unsigned ask_number(struct world *world, const char *name)
{
    return answer_number(asker_ask(&world->asker, name, TYPE_A));
}

static void sleep_ms(unsigned ms)
{
    rcu_thread_offline();
    usleep(ms * 1000);
    rcu_thread_online();
}

static void identical_questions_are_asked_once(void **state)
{
    (void)state;
    struct world *world = open_world(NULL);
    atomic_store(&world->good.mode, AUTHORITY_HOLDS);
    for (unsigned i = 0; i < 20; i++)
        asker_post(&world->asker, "same.good.test.", TYPE_A, false);
    assert_null(asker_next(&world->asker, 50));
    atomic_store(&world->good.mode, AUTHORITY_ANSWERS);
    struct truth *first = NULL;
    for (unsigned i = 0; i < 20; i++) {
        struct resolver_ask *ask = asker_next(&world->asker, 5000);
        assert_non_null(ask);
        assert_int_equal(ask->error, 0);
        first = first ? first : ask->truth;
        assert_ptr_equal(ask->truth, first);
        if (i)
            truth_unref(ask->truth);
        free(ask);
    }
    assert_ptr_equal(asker_cached(&world->asker, "same.good.test.", TYPE_A), first);
    truth_unref(first);
    assert_int_equal(atomic_load(&world->good.asked), 1);
    assert_int_equal(asker_metric(&world->asker, "joined"), 19);
    assert_int_equal(asker_metric(&world->asker, "recursions"), 1);
    close_world(world);
}

static void allow_five_joined(struct resolver_options *options)
{
    options->max_joined = 5;
}

static void too_many_for_one_question_are_refused(void **state)
{
    (void)state;
    struct world *world = open_world(allow_five_joined);
    atomic_store(&world->good.mode, AUTHORITY_HOLDS);
    for (unsigned i = 0; i < 8; i++)
        asker_post(&world->asker, "same.good.test.", TYPE_A, false);
    for (unsigned i = 0; i < 3; i++) {
        struct resolver_ask *ask = asker_next(&world->asker, 5000);
        assert_non_null(ask);
        assert_int_equal(ask->error, ERR_LIMIT);
        assert_null(ask->truth);
        free(ask);
    }
    assert_int_equal(asker_metric(&world->asker, "limited_joined"), 3);
    close_world(world);
}

static void hurry(struct resolver_options *options)
{
    options->query_timeout_ms = 150;
    options->servfail_ttl_ms = 1000;
}

static void an_asker_is_told_in_time_and_the_late_answer_is_kept(void **state)
{
    (void)state;
    struct world *world = open_world(hurry);
    atomic_store(&world->good.mode, AUTHORITY_HOLDS);
    struct answer_shown shown = asker_ask(&world->asker, "late.good.test.", TYPE_A);
    assert_int_equal(shown.error, 0);
    assert_true(shown.truth->failed);
    assert_int_equal(shown.truth->ede, EDE_NO_REACHABLE_AUTHORITY);
    assert_true(shown.took_ms >= 140 && shown.took_ms < 1500);
    truth_unref(shown.truth);
    assert_true(asker_cached(&world->asker, "late.good.test.", TYPE_A)->failed);
    assert_int_equal(asker_metric(&world->asker, "outstanding"), 1); /* libunbound goes on */
    atomic_store(&world->good.mode, AUTHORITY_ANSWERS);
    for (unsigned i = 0; i < 200 && asker_metric(&world->asker, "outstanding"); i++)
        sleep_ms(10);
    struct truth *truth = asker_cached(&world->asker, "late.good.test.", TYPE_A);
    assert_non_null(truth);
    assert_false(truth->failed);
    close_world(world);
}

static void a_failure_is_remembered_for_its_time(void **state)
{
    (void)state;
    struct world *world = open_world(hurry);
    assert_int_equal(ask_number(world, "x.dead.test."), 0);
    struct answer_shown shown = asker_ask(&world->asker, "x.dead.test.", TYPE_A);
    assert_true(shown.truth->failed);
    truth_unref(shown.truth);
    assert_int_equal(asker_metric(&world->asker, "found"), 1);
    sleep_ms(1010);
    assert_true(clock_mono_ms() >= asker_cached(&world->asker, "x.dead.test.", TYPE_A)->expires_ms);
    close_world(world);
}

static void ten_thousand(struct resolver_options *options)
{
    options->max_outstanding = 1000;
    options->query_timeout_ms = 10000;
}

enum { DEAD_QUESTIONS = 10000, GOOD_QUESTIONS = 100 };

static void a_dead_zone_does_not_hold_up_others(void **state)
{
    (void)state;
    struct world *world = open_world(ten_thousand);
    char name[64];
    for (unsigned i = 0; i < DEAD_QUESTIONS; i++) {
        snprintf(name, sizeof name, "host%u.dead.test.", i);
        asker_post(&world->asker, name, TYPE_A, false);
    }
    for (unsigned i = 0; i < GOOD_QUESTIONS; i++) {
        snprintf(name, sizeof name, "host%u.good%u.good.test.", i, i);
        asker_post(&world->asker, name, TYPE_A, false);
    }
    uint64_t start_ms = clock_mono_ms();
    unsigned good = 0, refused = 0;
    while (good < GOOD_QUESTIONS || refused < DEAD_QUESTIONS / 2) {
        struct resolver_ask *ask = asker_next(&world->asker, 3000);
        assert_non_null(ask);
        good += ask->error == 0 && !ask->truth->failed;
        refused += ask->error == ERR_LIMIT;
        truth_unref(ask->truth);
        free(ask);
    }
    assert_true(clock_mono_ms() - start_ms < 3000); /* the dead zone takes ten seconds and more */
    assert_int_equal(good, GOOD_QUESTIONS);
    assert_true(asker_metric(&world->asker, "limited_zone") >= DEAD_QUESTIONS / 2);
    assert_int_equal(asker_metric(&world->asker, "limited_all"), 0);
    close_world(world);
}

static void few_descriptors_bound_the_questions(void **state)
{
    (void)state;
    struct rlimit before, few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = 600;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct world *world = open_world(ten_thousand);
    char name[64];
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "host%u.dead.test.", i);
        asker_post(&world->asker, name, TYPE_A, false);
    }
    asker_post(&world->asker, "www.good.test.", TYPE_A, false);
    unsigned good = 0;
    while (!good) {
        struct resolver_ask *ask = asker_next(&world->asker, 3000);
        assert_non_null(ask);
        good = ask->error == 0 && !ask->truth->failed;
        truth_unref(ask->truth);
        free(ask);
    }
    assert_in_range(asker_metric(&world->asker, "outstanding"), 50, 172); /* (600 - 256) / 2 contexts */
    close_world(world);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static void keep_stale(struct resolver_options *options)
{
    options->max_stale_ttl_s = 3600;
    options->servfail_ttl_ms = 2000;
    options->query_timeout_ms = 1000;
}

static void a_failed_refresh_keeps_the_stale_answer(void **state)
{
    (void)state;
    struct world *world = open_world(keep_stale);
    atomic_store(&world->good.ttl_s, 1);
    assert_int_equal(ask_number(world, "a.good.test."), 1);
    sleep_ms(1100);
    struct truth *stale = asker_cached(&world->asker, "a.good.test.", TYPE_A);
    assert_true(clock_mono_ms() >= stale->expires_ms && clock_mono_ms() < stale->stale_until_ms);
    truth_ref(stale);
    atomic_store(&world->good.mode, AUTHORITY_REFUSES);
    assert_int_equal(answer_number(asker_refresh(&world->asker, "a.good.test.", TYPE_A)), 0);
    assert_ptr_equal(asker_cached(&world->asker, "a.good.test.", TYPE_A), stale);
    assert_true(atomic_load(&stale->refresh_failed_ms) > 0);
    unsigned asked = atomic_load(&world->good.asked);
    assert_int_equal(answer_number(asker_refresh(&world->asker, "a.good.test.", TYPE_A)), 0);
    assert_int_equal(atomic_load(&world->good.asked), asked); /* not asked again at once */
    truth_unref(stale);
    close_world(world);
}

static void a_refresh_replaces_the_stale_answer(void **state)
{
    (void)state;
    struct world *world = open_world(keep_stale);
    atomic_store(&world->good.ttl_s, 1);
    assert_int_equal(ask_number(world, "a.good.test."), 1);
    sleep_ms(1010); /* within the second in which libunbound's copy is still good */
    assert_int_equal(answer_number(asker_refresh(&world->asker, "a.good.test.", TYPE_A)), 2);
    struct truth *truth = asker_cached(&world->asker, "a.good.test.", TYPE_A);
    assert_int_equal(truth->links[0].addresses[0].bytes[3], 2);
    close_world(world);
}

static void prefetch_gets_a_new_answer_before_the_old_one_ends(void **state)
{
    (void)state;
    struct world *world = open_world(keep_stale);
    atomic_store(&world->good.ttl_s, 10);
    assert_int_equal(ask_number(world, "a.good.test."), 1);
    uint64_t first_end_ms = asker_cached(&world->asker, "a.good.test.", TYPE_A)->expires_ms;
    sleep_ms(1100);
    assert_int_equal(answer_number(asker_refresh(&world->asker, "a.good.test.", TYPE_A)), 2);
    struct truth *truth = asker_cached(&world->asker, "a.good.test.", TYPE_A);
    assert_true(truth->expires_ms >= first_end_ms + 1000);
    assert_int_equal(asker_metric(&world->asker, "prefetches"), 1);
    /* And what has just been fetched is not fetched again. */
    assert_int_equal(answer_number(asker_refresh(&world->asker, "a.good.test.", TYPE_A)), 2);
    close_world(world);
}

static void a_flush_makes_libunbound_forget_too(void **state)
{
    (void)state;
    struct world *world = open_world(NULL);
    assert_int_equal(ask_number(world, "a.good.test."), 1);
    cache_flush(world->asker.cache, NULL, false);
    assert_int_equal(ask_number(world, "a.good.test."), 1); /* libunbound's own copy */
    cache_flush(world->asker.cache, NULL, false);
    resolver_flush(world->asker.resolver);
    assert_int_equal(ask_number(world, "a.good.test."), 2);
    close_world(world);
}

static void a_flush_lets_questions_under_way_end(void **state)
{
    (void)state;
    struct world *world = open_world(NULL);
    atomic_store(&world->good.mode, AUTHORITY_HOLDS);
    asker_post(&world->asker, "a.good.test.", TYPE_A, false);
    assert_null(asker_next(&world->asker, 50));
    resolver_flush(world->asker.resolver);
    atomic_store(&world->good.mode, AUTHORITY_ANSWERS);
    struct resolver_ask *ask = asker_next(&world->asker, 5000);
    assert_non_null(ask);
    assert_int_equal(ask->error, 0);
    assert_false(ask->truth->failed);
    truth_unref(ask->truth);
    free(ask);
    close_world(world);
}

static void stopping_gives_every_question_back(void **state)
{
    (void)state;
    struct world *world = open_world(NULL);
    atomic_store(&world->good.mode, AUTHORITY_HOLDS);
    for (unsigned i = 0; i < 10; i++) {
        char name[64];
        snprintf(name, sizeof name, "h%u.good.test.", i % 7);
        asker_post(&world->asker, name, TYPE_A, false);
    }
    rcu_thread_offline();
    resolver_stop(world->asker.resolver);
    rcu_thread_online();
    world->asker.resolver = NULL;
    for (unsigned i = 0; i < 10; i++) {
        struct resolver_ask *ask = asker_next(&world->asker, 0);
        assert_non_null(ask);
        assert_int_equal(ask->error, ERR_CLOSED);
        free(ask);
    }
    close_world(world);
}

static void two_threads_share_the_questions(struct resolver_options *options)
{
    options->threads = 2;
}

static void two_threads_answer_everything(void **state)
{
    (void)state;
    struct world *world = open_world(two_threads_share_the_questions);
    for (unsigned i = 0; i < 30; i++) {
        char name[64];
        snprintf(name, sizeof name, "h%u.good.test.", i);
        assert_true(ask_number(world, name) > 0);
    }
    assert_int_equal(asker_metric(&world->asker, "recursions"), 30);
    close_world(world);
}

static void names_of_any_bytes_reach_the_server(void **state)
{
    (void)state;
    struct world *world = open_world(NULL);
    char name[64];
    for (unsigned byte = 0; byte < 256; byte++) {
        snprintf(name, sizeof name, "\\%03ux.good.test.", byte);
        struct answer_shown shown = asker_ask(&world->asker, name, TYPE_A);
        assert_int_equal(shown.error, 0);
        assert_false(shown.truth->failed);
        assert_int_equal(shown.truth->links[0].address_count, 1);
        truth_unref(shown.truth);
    }
    assert_int_equal(atomic_load(&world->good.asked), 256 - 26); /* A to Z are a to z */
    close_world(world);
}

/* --- forwarding and anchors: one server, and a root that is not there --- */

struct hints {
    char directory[64], path[96], state[96];
};

static void make_hints(struct hints *hints)
{
    strcpy(hints->directory, "/tmp/candor-resolver-XXXXXX");
    assert_non_null(mkdtemp(hints->directory));
    snprintf(hints->path, sizeof hints->path, "%s/hints", hints->directory);
    snprintf(hints->state, sizeof hints->state, "%s/root.key", hints->directory);
    FILE *file = fopen(hints->path, "w");
    assert_non_null(file);
    fputs(". 3600 NS a.rootns.\na.rootns. 3600 A 127.99.99.99\n", file);
    fclose(file);
}

static void remove_hints(struct hints *hints)
{
    unlink(hints->path);
    unlink(hints->state);
    assert_int_equal(rmdir(hints->directory), 0);
}

static void forwarders_are_asked_but_for_a_hole_among_them(void **state)
{
    (void)state;
    struct authority forwarder;
    struct asker asker;
    struct hints hints;
    make_hints(&hints);
    authority_start(&forwarder, 300);
    struct forward_zone zones[2] = {
        {.mode = FORWARD_ONLY, .servers = &forwarder.endpoint, .server_count = 1},
        {.mode = FORWARD_NONE},
    };
    assert_true(name_from_text("hole.test.", NULL, zones[1].origin) > 0);
    struct resolver_options options = asker_options();
    options.forwards = zones;
    options.forward_count = 2;
    options.hints_file = hints.path;
    options.query_timeout_ms = 200;
    assert_int_equal(asker_open(&asker, &options), 0);
    assert_int_equal(answer_number(asker_ask(&asker, "www.example.org.", TYPE_A)), 1);
    assert_int_equal(answer_number(asker_ask(&asker, "www.hole.test.", TYPE_A)), 0);
    assert_int_equal(atomic_load(&forwarder.asked), 1);
    asker_close(&asker);
    authority_end(&forwarder);
    remove_hints(&hints);
}

/* How often a forwarder for everything is asked for a name that our cache has lost. */
static unsigned asked_after_a_flush(size_t holes)
{
    struct authority forwarder;
    struct asker asker;
    struct forward_zone zones[2] = {
        {.mode = FORWARD_ONLY, .servers = &forwarder.endpoint, .server_count = 1},
        {.mode = FORWARD_NONE},
    };
    authority_start(&forwarder, 300);
    assert_true(name_from_text("hole.test.", NULL, zones[1].origin) > 0);
    struct resolver_options options = asker_options();
    options.forwards = zones;
    options.forward_count = 1 + holes;
    assert_int_equal(asker_open(&asker, &options), 0);
    assert_int_equal(answer_number(asker_ask(&asker, "www.example.org.", TYPE_A)), 1);
    cache_flush(asker.cache, NULL, false);
    assert_true(answer_number(asker_ask(&asker, "www.example.org.", TYPE_A)) > 0);
    unsigned asked = atomic_load(&forwarder.asked);
    asker_close(&asker);
    authority_end(&forwarder);
    return asked;
}

static void what_forwarders_say_is_kept_once_where_all_is_theirs(void **state)
{
    (void)state;
    assert_int_equal(asked_after_a_flush(0), 2);
    assert_int_equal(asked_after_a_flush(1), 1);
}

static void the_state_of_the_root_key_is_made_and_stands_for_its_anchors(void **state)
{
    (void)state;
    static const char *const anchors[] = {
        ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        "example.org. IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"};
    struct asker asker;
    struct hints hints;
    if (access("/usr/share/dns/root.key", R_OK))
        skip();
    make_hints(&hints);
    struct resolver_options options = asker_options();
    options.validate = true;
    options.anchors = anchors;
    options.anchor_count = 2;
    options.anchor_file = hints.state;
    options.hints_file = hints.path;
    options.threads = 2;
    int error = asker_open(&asker, &options);
    assert_string_equal(asker.problem, "");
    assert_int_equal(error, 0);
    assert_int_equal(access(hints.state, R_OK), 0);
    asker_close(&asker);
    remove_hints(&hints);
}

static void the_systems_root_key_is_taken_where_none_is_given(void **state)
{
    (void)state;
    struct asker asker;
    struct hints hints;
    if (access("/usr/share/dns/root.key", R_OK))
        skip();
    make_hints(&hints);
    struct resolver_options options = asker_options();
    options.validate = true;
    options.hints_file = hints.path;
    options.anchor_file = "/nonexistent/root.key"; /* not to be made: it does without */
    assert_int_equal(asker_open(&asker, &options), 0);
    asker_close(&asker);
    remove_hints(&hints);
}

static void have_bad_hints(struct resolver_options *options)
{
    options->hints_file = "/nonexistent/\"root.hints";
}

static void options_that_cannot_be_said_are_a_problem_told(void **state)
{
    (void)state;
    struct asker asker;
    struct resolver_options options = asker_options();
    have_bad_hints(&options);
    assert_int_equal(asker_open(&asker, &options), ERR_INVALID);
    assert_non_null(strstr(asker.problem, "root-hints"));
    asker_close(&asker);
}

static int set_up(void **state)
{
    (void)state;
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    rcu_register_thread();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rcu_unregister_thread();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identical_questions_are_asked_once),
        cmocka_unit_test(too_many_for_one_question_are_refused),
        cmocka_unit_test(an_asker_is_told_in_time_and_the_late_answer_is_kept),
        cmocka_unit_test(a_failure_is_remembered_for_its_time),
        cmocka_unit_test(a_dead_zone_does_not_hold_up_others),
        cmocka_unit_test(few_descriptors_bound_the_questions),
        cmocka_unit_test(a_failed_refresh_keeps_the_stale_answer),
        cmocka_unit_test(a_refresh_replaces_the_stale_answer),
        cmocka_unit_test(prefetch_gets_a_new_answer_before_the_old_one_ends),
        cmocka_unit_test(a_flush_makes_libunbound_forget_too),
        cmocka_unit_test(a_flush_lets_questions_under_way_end),
        cmocka_unit_test(stopping_gives_every_question_back),
        cmocka_unit_test(two_threads_answer_everything),
        cmocka_unit_test(names_of_any_bytes_reach_the_server),
        cmocka_unit_test(forwarders_are_asked_but_for_a_hole_among_them),
        cmocka_unit_test(what_forwarders_say_is_kept_once_where_all_is_theirs),
        cmocka_unit_test(the_state_of_the_root_key_is_made_and_stands_for_its_anchors),
        cmocka_unit_test(the_systems_root_key_is_taken_where_none_is_given),
        cmocka_unit_test(options_that_cannot_be_said_are_a_problem_told),
    };
    return cmocka_run_group_tests_name("resolve/resolver", tests, set_up, tear_down);
}
