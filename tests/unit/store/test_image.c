/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An image beside a journal: of which version, when it is written, and when it is believed. */
#include "storing.h"

#include <sys/stat.h>

#include "store/image.h"

struct world {
    struct place place;
    char path[160];
    struct store_helper *helper;
    struct store_image *image;
    struct store *store;
    struct zone_content *latest;
    struct store_state state;
};

static void world_open(struct world *w)
{
    snprintf(w->path, sizeof w->path, "%s.image", w->place.path);
    w->helper = store_helper_start();
    w->image = store_image_new(w->path, origin);
    assert_non_null(w->helper);
    assert_non_null(w->image);
    const struct store_options options = {
        .path = w->place.path, .origin = origin, .policy = true, .helper = w->helper, .image = w->image};
    assert_int_equal(store_open(&options, &w->store), 0);
}

static struct world world_make(void)
{
    struct world w = {.place = place_make()};
    world_open(&w);
    return w;
}

/* What is queued is written. */
static void world_settle(struct world *w)
{
    store_helper_stop(w->helper);
    w->helper = NULL;
}

static void world_close(struct world *w)
{
    if (w->helper)
        world_settle(w);
    store_unref(w->store);
    store_image_unref(w->image);
    zone_content_unref(w->latest);
    w->store = NULL;
    w->image = NULL;
    w->latest = NULL;
}

static void world_end(struct world *w)
{
    world_close(w);
    unlink(w->path);
    place_remove(&w->place);
}

static void world_add(struct world *w, uint32_t serial, bool whole, unsigned more)
{
    struct zone_content *next = version_more(serial, true, more);
    w->state.in_force = STORE_THIS;
    assert_int_equal(
        whole ? add_whole(w->store, next, &w->state) : add_step(w->store, w->latest, next, &w->state), 0);
    zone_content_unref(w->latest);
    w->latest = next;
}

static void world_save_at(struct world *w, bool last)
{
    uint64_t stamp = store_latest(w->store);
    store_save_image(w->store, w->latest, stamp, w->latest, w->state.in_force, last);
}

static void world_save(struct world *w)
{
    world_save_at(w, false);
}

/* As the next start. The stamp of the image that was used; 0: none. */
static uint64_t world_restart(struct world *w, uint32_t latest, unsigned more)
{
    struct zone_content *want = version_more(latest, true, more), *found = NULL, *acts = NULL;
    struct store_image_look look;
    world_close(w);
    world_open(w);
    store_image_open(w->image);
    assert_int_equal(store_load(w->store, &found, &acts, &w->state), 0);
    assert_non_null(found);
    assert_true(same_content(found, want));
    zone_content_unref(want);
    zone_content_unref(acts);
    w->latest = found;
    store_image_look(w->image, &look);
    return look.used ? look.label.stamp : 0;
}

static void change_byte(const char *path, long at)
{
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, at < 0 ? SEEK_END : SEEK_SET), 0);
    int byte = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_CUR), 0);
    assert_int_equal(fputc(byte ^ 0x10, file), byte ^ 0x10);
    assert_int_equal(fclose(file), 0);
}

static void start_is_image_and_steps_behind_it(void **unused)
{
    (void)unused;
    struct world w = world_make();
    world_add(&w, 1, true, 50);
    world_save(&w);
    world_add(&w, 2, false, 50);
    world_add(&w, 3, false, 50);
    assert_int_equal(world_restart(&w, 3, 50), 1);
    assert_false(place_has(&w.place, ".image.new"));
    world_end(&w);
}

/* The whole version in the journal is not even read: a damage there is found when it is. */
static void base_is_not_read_when_there_is_an_image(void **unused)
{
    (void)unused;
    struct world w = world_make();
    world_add(&w, 1, true, 50);
    world_save(&w);
    world_close(&w);
    change_byte(w.place.path, 13000);
    assert_int_equal(world_restart(&w, 1, 50), 1);
    assert_false(place_has(&w.place, ".damaged"));
    world_end(&w);
}

static void damaged_image_is_passed_over(void **unused)
{
    (void)unused;
    struct world w = world_make();
    world_add(&w, 1, true, 50);
    world_add(&w, 2, false, 50);
    world_save(&w);
    world_settle(&w);
    struct stat is;
    assert_int_equal(stat(w.path, &is), 0);
    const long places[] = {0, 70, is.st_size / 2, is.st_size - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        change_byte(w.path, places[i]);
        assert_int_equal(world_restart(&w, 2, 50), 0);
        change_byte(w.path, places[i]);
        assert_int_equal(world_restart(&w, 2, 50), 2);
    }
    world_close(&w);
    assert_int_equal(truncate(w.path, is.st_size - 4), 0);
    assert_int_equal(world_restart(&w, 2, 50), 0);
    world_end(&w);
}

static void image_of_another_journal_is_not_used(void **unused)
{
    (void)unused;
    struct world w = world_make();
    world_add(&w, 1, true, 50);
    world_save(&w);
    world_close(&w);
    assert_int_equal(unlink(w.place.path), 0);
    w.state = (struct store_state){0};
    world_open(&w);
    world_add(&w, 1, true, 60); /* the same stamp, the same serial, in the same second */
    assert_int_equal(world_restart(&w, 1, 60), 0);
    world_save(&w);
    assert_int_equal(world_restart(&w, 1, 60), 1);
    world_end(&w);
}

static void damaged_step_behind_an_image_is_cut_off(void **unused)
{
    (void)unused;
    struct world w = world_make();
    world_add(&w, 1, true, 50);
    world_save(&w);
    world_add(&w, 2, false, 50);
    world_close(&w);
    change_byte(w.place.path, -5);
    assert_int_equal(world_restart(&w, 1, 50), 0);
    assert_true(place_has(&w.place, ".damaged"));
    world_end(&w);
}

static void image_survives_compaction_of_its_journal(void **unused)
{
    (void)unused;
    struct world w = world_make();
    world_add(&w, 1, true, 2000);
    for (uint32_t serial = 2; serial < 12; serial++)
        world_add(&w, serial, false, 2000);
    world_save(&w);
    world_settle(&w);
    assert_int_equal(store_compact(w.store), 0);
    assert_int_equal(store_find(w.store, 1), 0); /* it went */
    assert_int_equal(world_restart(&w, 11, 2000), 11);
    world_end(&w);
}

static uint64_t saved(struct world *w)
{
    struct store_image_look look;
    world_save(w);
    world_settle(w);
    store_image_look(w->image, &look);
    assert_string_equal(look.problem, "");
    return look.label.stamp;
}

static void image_is_written_when_it_lags(void **unused)
{
    (void)unused;
    struct world w = world_make();
    world_add(&w, 1, true, 2000);
    assert_int_equal(saved(&w), 1);
    assert_int_equal(world_restart(&w, 1, 2000), 1);
    world_add(&w, 2, false, 2000); /* every name is another: a step of twice the size */
    assert_int_equal(saved(&w), 2);
    assert_int_equal(world_restart(&w, 2, 2000), 2);
    assert_int_equal(saved(&w), 2);
    world_end(&w);
}

static void steps_wait_a_minute_and_whole_versions_do_not(void **unused)
{
    (void)unused;
    struct world w = world_make();
    struct store_image_look look;
    world_add(&w, 1, true, 200);
    world_save(&w);
    do { /* the helper writes it */
        usleep(1000);
        store_image_look(w.image, &look);
    } while (look.writing);
    world_add(&w, 2, false, 200);
    world_save(&w);
    store_image_look(w.image, &look);
    assert_false(look.writing);
    assert_int_equal(look.label.stamp, 1);
    world_add(&w, 3, true, 200);
    assert_int_equal(saved(&w), 3);
    world_end(&w);
}

/* A step that adds `count` rules. */
static void world_grow(struct world *w, uint32_t serial, unsigned count)
{
    struct zone_changes *changes = zone_changes_new();
    struct zone_content *next = NULL;
    const struct rrset *old = zone_content_soa(w->latest);
    const char *why;
    uint8_t soa[22];
    memcpy(soa, old->rdatas[0].bytes, sizeof soa);
    struct policy_record apex = {origin, TYPE_SOA, CLASS_IN, 3600, old->rdatas[0].bytes, sizeof soa};
    assert_int_equal(zone_changes_add(changes, true, &apex), 0);
    store_u32(soa + 2, serial);
    apex.rdata = soa;
    assert_int_equal(zone_changes_add(changes, false, &apex), 0);
    for (unsigned i = 0; i < count; i++) {
        char owner[64];
        uint8_t name[NAME_MAX_BYTES];
        snprintf(owner, sizeof owner, "a-rule-that-came-later-%u.%u.example", i, serial);
        assert_true(name_from_text(owner, origin, name) > 0);
        struct policy_record rule = {name, TYPE_CNAME, CLASS_IN, 300, (const uint8_t *)"", 1};
        assert_int_equal(zone_changes_add(changes, false, &rule), 0);
    }
    assert_int_equal(zone_content_apply(w->latest, changes, &next, &why), 0);
    struct store_body *body = store_body_step(origin, changes);
    w->state.in_force = STORE_THIS;
    assert_int_equal(store_add(w->store, body, 1, 1000, &w->state), 0);
    store_body_free(body);
    zone_changes_free(changes);
    zone_content_unref(w->latest);
    w->latest = next;
}

static uint64_t saved_at_the_end(struct world *w)
{
    world_save_at(w, true);
    world_settle(w);
    struct store_image_look look;
    store_image_look(w->image, &look);
    return look.label.stamp;
}

static void steps_that_wait_are_saved_at_the_end(void **unused)
{
    (void)unused;
    struct world w = world_make();
    struct store_image_look look;
    world_add(&w, 1, true, 60000);
    assert_int_equal(saved(&w), 1);
    assert_int_equal(world_restart(&w, 1, 60000), 1);
    world_grow(&w, 2, 3); /* next to nothing */
    assert_int_equal(saved_at_the_end(&w), 1);
    world_close(&w);
    world_open(&w);
    struct zone_content *acts = NULL;
    assert_true(store_image_open(w.image));
    assert_int_equal(store_load(w.store, &w.latest, &acts, &w.state), 0);
    zone_content_unref(acts);
    world_grow(&w, 3, 2000);
    world_save(&w); /* not yet an eighth */
    store_image_look(w.image, &look);
    assert_false(look.writing);
    assert_int_equal(saved_at_the_end(&w), 3);
    world_end(&w);
}

static void what_a_killed_process_left_is_removed(void **unused)
{
    (void)unused;
    struct world w = world_make();
    char half[170];
    world_add(&w, 1, true, 50);
    assert_int_equal(saved(&w), 1);
    snprintf(half, sizeof half, "%s.new", w.path);
    FILE *file = fopen(half, "we");
    assert_non_null(file);
    fputs("half an image", file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(world_restart(&w, 1, 50), 1);
    assert_false(place_has(&w.place, ".image.new"));
    world_end(&w);
}

static void side_that_acts_comes_from_the_image_too(void **unused)
{
    (void)unused;
    struct world w = world_make();
    world_add(&w, 1, true, 50);
    struct zone_content *side = version_more(1, true, 40), *latest = NULL, *acts = NULL;
    struct zone_changes *changes = NULL;
    bool same;
    assert_int_equal(store_diff(w.latest, side, &changes, &same), 0);
    struct store_body *body = store_body_step(origin, changes);
    w.state.in_force = STORE_THIS;
    assert_int_equal(store_add_side(w.store, body, 1, 1000, &w.state), 0);
    store_body_free(body);
    zone_changes_free(changes);
    store_save_image(w.store, w.latest, store_latest(w.store), side, w.state.in_force, false);
    world_close(&w);
    change_byte(w.place.path, 13000); /* only the image has the base now */
    world_open(&w);
    assert_true(store_image_open(w.image));
    assert_int_equal(store_load(w.store, &latest, &acts, &w.state), 0);
    assert_true(same_content(acts, side));
    zone_content_unref(side);
    zone_content_unref(acts);
    w.latest = latest;
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_is_image_and_steps_behind_it),
        cmocka_unit_test(base_is_not_read_when_there_is_an_image),
        cmocka_unit_test(damaged_image_is_passed_over),
        cmocka_unit_test(image_of_another_journal_is_not_used),
        cmocka_unit_test(damaged_step_behind_an_image_is_cut_off),
        cmocka_unit_test(image_survives_compaction_of_its_journal),
        cmocka_unit_test(image_is_written_when_it_lags),
        cmocka_unit_test(steps_wait_a_minute_and_whole_versions_do_not),
        cmocka_unit_test(steps_that_wait_are_saved_at_the_end),
        cmocka_unit_test(what_a_killed_process_left_is_removed),
        cmocka_unit_test(side_that_acts_comes_from_the_image_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
