/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is put into a store is there when it is opened again: versions, steps, what acts and why. */
#include "storing.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

struct loaded {
    struct zone_content *latest, *in_force;
    struct store_state state;
};

static struct loaded load(struct store *store)
{
    struct loaded loaded = {0};
    assert_int_equal(store_load(store, &loaded.latest, &loaded.in_force, &loaded.state), 0);
    return loaded;
}

static void loaded_end(struct loaded *loaded)
{
    zone_content_unref(loaded->latest);
    zone_content_unref(loaded->in_force);
}

static void assert_acts(struct store *store, uint32_t latest, uint32_t in_force, bool policy)
{
    struct loaded loaded = load(store);
    struct zone_content *a = version(latest, policy), *b = version(in_force, policy);
    assert_non_null(loaded.latest);
    assert_true(same_content(loaded.latest, a));
    assert_true(same_content(loaded.in_force, b));
    zone_content_unref(a);
    zone_content_unref(b);
    loaded_end(&loaded);
}

/* Versions 1 … count, the first whole, each in force. */
static void fill(struct store *store, uint32_t count, bool policy, unsigned more)
{
    struct zone_content *before = NULL;
    for (uint32_t serial = 1; serial <= count; serial++) {
        struct zone_content *next = version_more(serial, policy, more);
        struct store_state state = {.in_force = STORE_THIS, .checked_at_s = serial};
        snprintf(state.from, sizeof state.from, "192.0.2.%u#53", serial);
        assert_int_equal(before ? add_step(store, before, next, &state) : add_whole(store, next, &state), 0);
        assert_int_equal(state.in_force, store_latest(store));
        zone_content_unref(before);
        before = next;
    }
    zone_content_unref(before);
}

static void versions_are_there_again(void **unused)
{
    (void)unused;
    for (int policy = 0; policy < 2; policy++) {
        struct place place = place_make();
        struct store *store = open_at(&place, policy);
        struct loaded nothing = load(store);
        assert_null(nothing.latest);
        assert_null(nothing.in_force);
        assert_false(place_has(&place, ""));
        fill(store, 9, policy, 0);
        store_unref(store);
        store = open_at(&place, policy);
        assert_acts(store, 9, 9, policy);
        store_unref(store);
        place_remove(&place);
    }
}

static void a_step_needs_something_to_start_from(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct store *store = open_at(&place, true);
    struct zone_content *a = version(1, true), *b = version(2, true);
    struct store_state state = {.in_force = STORE_THIS};
    assert_int_equal(add_step(store, a, b, &state), ERR_NOT_FOUND);
    zone_content_unref(a);
    zone_content_unref(b);
    store_unref(store);
    place_remove(&place);
}

static void another_process_has_it(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct store *store = open_at(&place, true), *second = NULL;
    const struct store_options options = {.path = place.path, .origin = origin, .policy = true};
    fill(store, 1, true, 0);
    assert_int_equal(store_open(&options, &second), ERR_EXISTS);
    assert_null(second);
    store_unref(store);
    place_remove(&place);
}

static void what_is_held_stays_held(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct store *store = open_at(&place, true);
    fill(store, 3, true, 0);
    struct zone_content *three = version(3, true), *four = version(4, true);
    struct store_state state = {.in_force = store_find(store, 3), .hold = 1, .checked_at_s = 77};
    snprintf(state.reason, sizeof state.reason, "covers *.fr");
    snprintf(state.tag, sizeof state.tag, "W/\"etag\"");
    assert_int_equal(add_step(store, three, four, &state), 0);
    store_unref(store);

    store = open_at(&place, true);
    assert_acts(store, 4, 3, true);
    struct loaded loaded = load(store);
    assert_int_equal(loaded.state.hold, 1);
    assert_int_equal(loaded.state.checked_at_s, 77);
    assert_string_equal(loaded.state.reason, "covers *.fr");
    assert_string_equal(loaded.state.tag, "W/\"etag\"");
    loaded_end(&loaded);

    state.hold = 2; /* rolled back further */
    state.in_force = store_find(store, 1);
    assert_int_equal(store_set_state(store, &state), 0);
    store_unref(store);
    store = open_at(&place, true);
    assert_acts(store, 4, 1, true);
    state.in_force = 4711;
    assert_int_equal(store_set_state(store, &state), ERR_NOT_FOUND);
    zone_content_unref(three);
    zone_content_unref(four);
    store_unref(store);
    place_remove(&place);
}

static void a_side_version_acts_and_leaves_the_chain_alone(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct store *store = open_at(&place, true);
    fill(store, 3, true, 0);
    struct zone_content *three = version(3, true), *thirty = version(30, true), *four = version(4, true);
    struct zone_changes *changes = NULL;
    bool same;
    assert_int_equal(store_diff(three, thirty, &changes, &same), 0);
    struct store_body *body = store_body_step(origin, changes);
    struct store_state state = {.in_force = STORE_THIS, .hold = 1};
    assert_int_equal(store_add_side(store, body, 0, 1, &state), 0);
    store_body_free(body);
    zone_changes_free(changes);
    assert_int_equal(store_find(store, 30), 0);
    assert_acts(store, 3, 30, true);
    assert_int_equal(add_step(store, three, four, &state), 0);
    store_unref(store);
    store = open_at(&place, true);
    assert_acts(store, 4, 30, true);
    assert_int_equal(store_compact(store), 0);
    assert_acts(store, 4, 30, true);
    zone_content_unref(three);
    zone_content_unref(thirty);
    zone_content_unref(four);
    store_unref(store);
    place_remove(&place);
}

struct steps {
    uint32_t at, count;
    struct zone_content *content;
};

static int take_step(void *context, const struct store_version *version, const struct zone_changes *changes)
{
    struct steps *steps = context;
    struct zone_content *next = NULL;
    const char *why;
    assert_int_equal(version->serial_from, steps->at);
    steps->at = version->serial;
    steps->count++;
    assert_int_equal(zone_content_apply(steps->content, changes, &next, &why), 0);
    zone_content_unref(steps->content);
    steps->content = next;
    return 0;
}

static void steps_lead_from_serial_to_serial(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct store *store = open_at(&place, true);
    fill(store, 9, true, 0);
    struct steps steps = {3, 0, version(3, true)};
    assert_int_equal(store_each_step(store, 3, 8, take_step, &steps), 0);
    assert_int_equal(steps.count, 5);
    struct zone_content *eight = version(8, true);
    assert_true(same_content(steps.content, eight));
    assert_int_equal(store_each_step(store, 8, 3, take_step, &steps), ERR_NOT_FOUND);
    assert_int_equal(store_each_step(store, 77, 8, take_step, &steps), ERR_NOT_FOUND);
    assert_int_equal(store_each_step(store, 8, 8, take_step, &steps), 0);
    struct store_state state = {.in_force = STORE_THIS};
    struct zone_content *ten = version(10, true);
    assert_int_equal(add_whole(store, ten, &state), 0);
    assert_int_equal(store_each_step(store, 8, 10, take_step, &steps), ERR_NOT_FOUND); /* no step to 10 */
    assert_int_equal(steps.count, 5);
    zone_content_unref(ten);
    zone_content_unref(eight);
    zone_content_unref(steps.content);
    store_unref(store);
    place_remove(&place);
}

static void the_list_tells_what_is_kept(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct store *store = open_at(&place, true);
    struct store_version *list = NULL;
    fill(store, 3, true, 0);
    assert_int_equal(store_list(store, &list), 3);
    assert_true(list[0].whole && !list[1].whole);
    assert_int_equal(list[1].serial_from, 1);
    assert_int_equal(list[1].serial, 2);
    assert_int_equal(list[2].at_s, 1003);
    assert_string_equal(list[2].from, "192.0.2.3#53");
    assert_true(list[2].added > 0 && list[2].removed > 0);
    free(list);
    struct zone_content *built = NULL, *two = version(2, true);
    assert_int_equal(store_build(store, store_find(store, 2), &built), 0);
    assert_true(same_content(built, two));
    zone_content_unref(built);
    zone_content_unref(two);
    assert_int_equal(store_build(store, 4711, &built), ERR_NOT_FOUND);
    store_unref(store);
    place_remove(&place);
}

static void old_versions_become_one(void **unused)
{
    (void)unused;
    enum { MORE = 2000, VERSIONS = 30 };
    struct place place = place_make();
    struct store *store = open_at(&place, true);
    fill(store, VERSIONS, true, MORE);
    uint64_t before = store_bytes(store);
    assert_int_equal(store_compact(store), 0);
    assert_true(store_bytes(store) < before / 4);
    assert_int_equal(store_find(store, 1), 0);
    assert_true(store_find(store, VERSIONS - 1) != 0);
    struct zone_content *next = version_more(VERSIONS + 1, true, MORE);
    struct zone_content *last = version_more(VERSIONS, true, MORE);
    struct store_state state = {.in_force = STORE_THIS};
    assert_int_equal(add_step(store, last, next, &state), 0);
    store_unref(store);
    store = open_at(&place, true);
    struct loaded loaded = load(store);
    assert_true(same_content(loaded.latest, next));
    loaded_end(&loaded);
    zone_content_unref(next);
    zone_content_unref(last);
    assert_false(place_has(&place, ".new"));
    store_unref(store);
    place_remove(&place);
}

static void what_acts_is_not_lost_when_versions_become_one(void **unused)
{
    (void)unused;
    enum { MORE = 2000 };
    struct place place = place_make();
    struct store *store = open_at(&place, true);
    fill(store, 30, true, MORE);
    struct store_state state = {.in_force = store_find(store, 5), .hold = 3};
    assert_int_equal(store_set_state(store, &state), 0);
    assert_int_equal(store_compact(store), 0);
    struct loaded loaded = load(store);
    struct zone_content *five = version_more(5, true, MORE);
    assert_true(same_content(loaded.in_force, five));
    assert_int_equal(zone_content_serial(loaded.latest), 30);
    zone_content_unref(five);
    loaded_end(&loaded);
    store_unref(store);
    place_remove(&place);
}

static void the_helper_keeps_the_file_small(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct store_helper *helper = store_helper_start();
    struct store *store = NULL;
    const struct store_options options = {
        .path = place.path, .origin = origin, .policy = true, .helper = helper};
    assert_non_null(helper);
    assert_int_equal(store_open(&options, &store), 0);
    fill(store, 200, true, 500);
    store_helper_stop(helper); /* does what is queued */
    assert_true(store_bytes(store) < 1000000 /* without it: 5,000,000 */);
    struct loaded loaded = load(store);
    struct zone_content *last = version_more(200, true, 500);
    assert_true(same_content(loaded.latest, last));
    zone_content_unref(last);
    loaded_end(&loaded);
    store_unref(store);
    place_remove(&place);
}

static void a_full_disk_leaves_it_as_it_was(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct store *store = open_at(&place, true);
    struct rlimit old, small;
    fill(store, 3, true, 0);
    struct zone_content *three = version(3, true), *four = version_more(4, true, 1000);
    struct zone_content *plain_four = version(4, true);
    struct store_state state = {.in_force = STORE_THIS};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = store_bytes(store) + 500;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_true(add_step(store, three, four, &state) < 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_acts(store, 3, 3, true);
    store_unref(store);
    store = open_at(&place, true);
    assert_acts(store, 3, 3, true);
    assert_false(place_has(&place, ".damaged"));
    assert_int_equal(add_step(store, three, plain_four, &state), 0); /* there is room again */
    assert_acts(store, 4, 4, true);
    zone_content_unref(three);
    zone_content_unref(four);
    zone_content_unref(plain_four);
    store_unref(store);
    place_remove(&place);
}

static void change_byte(const char *path, uint64_t at)
{
    uint8_t byte;
    int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
    close(fd);
}

static void assert_builds(struct store *store, const struct zone_content *content)
{
    struct zone_content *built;
    assert_int_equal(store_build(store, store_find(store, zone_content_serial(content)), &built), 0);
    assert_true(same_content(built, content));
    zone_content_unref(built);
}

/* Too large to wait in memory, and to be read in one piece. */
static void large_versions_are_written_and_read_in_pieces(void **unused)
{
    (void)unused;
    enum { VERSIONS = 5, MORE = 70000 };
    struct place place = place_make();
    struct zone_content *all[VERSIONS], *built;
    struct store *store = open_at(&place, true);
    for (uint32_t i = 0; i < VERSIONS; i++) {
        struct store_state state = {.in_force = STORE_THIS};
        all[i] = version_more(i + 1, true, i == 1 || i == 2 ? MORE : 0);
        assert_int_equal(add_whole(store, all[i], &state), 0);
    }
    assert_true(store_bytes(store) > 2 * MORE * 20);
    assert_builds(store, all[1]);
    assert_int_equal(store_compact(store), 0);
    assert_true(store_find(store, 1) == 0);
    store_unref(store);
    store = open_at(&place, true);
    for (unsigned i = 1; i < VERSIONS; i++)
        assert_builds(store, all[i]);
    change_byte(place.path, store_bytes(store) / 4 * 3);
    assert_int_equal(store_build(store, store_find(store, 3), &built), ERR_MALFORMED);
    assert_builds(store, all[1]);
    assert_acts(store, 5, 5, true);
    store_unref(store);
    for (unsigned i = 0; i < VERSIONS; i++)
        zone_content_unref(all[i]);
    place_remove(&place);
}

static void no_room_beside_the_store_is_told_when_a_version_is_added(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct store *store = open_at(&place, true);
    struct zone_content *one = version_more(1, true, 70000);
    struct store_state state = {.in_force = STORE_THIS};
    struct store_body *body = store_body_whole(one, "/nonexistent/zone.journal");
    assert_non_null(body);
    assert_int_equal(store_add(store, body, 1, 1000, &state), err_from_errno(ENOENT));
    store_body_free(body);
    assert_int_equal(store_latest(store), 0);
    assert_int_equal(add_whole(store, one, &state), 0);
    zone_content_unref(one);
    store_unref(store);
    place_remove(&place);
}

static void a_difference_is_a_step_and_the_same_is_none(void **unused)
{
    (void)unused;
    for (int policy = 0; policy < 2; policy++) {
        struct zone_content *a = version(1, policy), *b = version(2, policy), *again = version(1, policy);
        struct zone_content *made = NULL;
        struct zone_changes *changes = NULL;
        const char *why;
        bool same = true;
        assert_int_equal(store_diff(a, b, &changes, &same), 0);
        assert_false(same);
        assert_int_equal(zone_content_apply(a, changes, &made, &why), 0);
        assert_true(same_content(made, b));
        assert_true(same_content(a, again));
        zone_changes_free(changes);
        zone_content_unref(a);
        zone_content_unref(b);
        zone_content_unref(again);
        zone_content_unref(made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_there_again),
        cmocka_unit_test(a_step_needs_something_to_start_from),
        cmocka_unit_test(another_process_has_it),
        cmocka_unit_test(what_is_held_stays_held),
        cmocka_unit_test(a_side_version_acts_and_leaves_the_chain_alone),
        cmocka_unit_test(steps_lead_from_serial_to_serial),
        cmocka_unit_test(the_list_tells_what_is_kept),
        cmocka_unit_test(old_versions_become_one),
        cmocka_unit_test(what_acts_is_not_lost_when_versions_become_one),
        cmocka_unit_test(the_helper_keeps_the_file_small),
        cmocka_unit_test(a_full_disk_leaves_it_as_it_was),
        cmocka_unit_test(large_versions_are_written_and_read_in_pieces),
        cmocka_unit_test(no_room_beside_the_store_is_told_when_a_version_is_added),
        cmocka_unit_test(a_difference_is_a_step_and_the_same_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
