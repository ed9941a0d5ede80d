/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A file that was cut at any length, or has any byte changed (of its fixed start: many), gives a version that
 * was once whole, or none; never another, never a crash; and it can be written to again. */
#include "storing.h"

#include <sys/stat.h>

enum { VERSIONS = 4, ENTRIES_AT = 12288, POLICY = false /* plain zones are built faster */ };

struct bytes {
    uint8_t *at;
    size_t length;
};

static struct zone_content *known[VERSIONS + 2];

static struct bytes slurp(const char *path)
{
    struct stat stat;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &stat) == 0);
    struct bytes bytes = {malloc((size_t)stat.st_size), (size_t)stat.st_size};
    assert_int_equal(read(fd, bytes.at, bytes.length), bytes.length);
    close(fd);
    return bytes;
}

static void spill(const char *path, const uint8_t *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    close(fd);
}

/* Versions 1 to 3 in force, then 4, held. */
static struct bytes make_file(const struct place *place)
{
    struct store *store = open_at(place, POLICY);
    for (uint32_t serial = 1; serial <= VERSIONS; serial++) {
        struct store_state state = {.in_force = STORE_THIS};
        if (serial == VERSIONS) {
            state.in_force = store_find(store, serial - 1);
            state.hold = 1;
        }
        assert_int_equal(serial == 1 ? add_whole(store, known[serial], &state)
                                     : add_step(store, known[serial - 1], known[serial], &state),
                         0);
    }
    store_unref(store);
    return slurp(place->path);
}

static bool is_known(const struct zone_content *content)
{
    uint32_t serial = zone_content_serial(content);
    return serial >= 1 && serial <= VERSIONS + 1 && same_content(content, known[serial]);
}

/* Opens, checks what is there, writes on, and checks again. Returns the latest serial found; 0: none. */
static uint32_t open_and_go_on(const struct place *place)
{
    struct store *store = open_at(place, POLICY);
    struct zone_content *latest, *in_force;
    struct store_state state;
    assert_int_equal(store_load(store, &latest, &in_force, &state), 0);
    assert_true(!latest == !in_force);
    assert_true(!latest || (is_known(latest) && is_known(in_force)));
    uint32_t serial = latest ? zone_content_serial(latest) : 0;
    assert_true(!latest || zone_content_serial(in_force) == (serial == VERSIONS ? serial - 1 : serial) ||
                zone_content_serial(in_force) == serial);
    state.in_force = STORE_THIS;
    assert_int_equal(latest ? add_step(store, latest, known[VERSIONS + 1], &state)
                            : add_whole(store, known[VERSIONS + 1], &state),
                     0);
    zone_content_unref(latest);
    zone_content_unref(in_force);
    store_unref(store);
    store = open_at(place, POLICY);
    assert_int_equal(store_load(store, &latest, &in_force, &state), 0);
    assert_non_null(latest);
    assert_true(same_content(latest, known[VERSIONS + 1]));
    zone_content_unref(latest);
    zone_content_unref(in_force);
    store_unref(store);
    return serial;
}

static void every_length_gives_a_whole_version(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct bytes bytes = make_file(&place);
    uint32_t last = 0;
    for (size_t length = 0; length <= bytes.length; length += length < ENTRIES_AT - 100 ? 97 : 1) {
        spill(place.path, bytes.at, length);
        uint32_t serial = open_and_go_on(&place);
        assert_true(serial >= last); /* more bytes never give an older version */
        last = serial;
    }
    assert_int_equal(last, VERSIONS);
    free(bytes.at);
    place_remove(&place);
}

static void every_changed_byte_gives_a_whole_version(void **unused)
{
    (void)unused;
    struct place place = place_make();
    struct bytes bytes = make_file(&place);
    unsigned found[VERSIONS + 1] = {0};
    for (size_t at = 0; at < bytes.length; at += at < ENTRIES_AT ? 13 : 1) {
        bytes.at[at] ^= (uint8_t)(1 + at % 255);
        spill(place.path, bytes.at, bytes.length);
        bytes.at[at] ^= (uint8_t)(1 + at % 255);
        found[open_and_go_on(&place)]++;
    }
    for (unsigned i = 0; i <= VERSIONS; i++)
        assert_true(found[i] > 0); /* each kind of damage was seen */
    assert_true(place_has(&place, ".damaged"));
    free(bytes.at);
    place_remove(&place);
}

static void what_is_no_store_is_set_aside(void **unused)
{
    (void)unused;
    struct place place = place_make();
    spill(place.path, (const uint8_t *)"$TTL 300\n", 9);
    assert_int_equal(open_and_go_on(&place), 0);
    assert_true(place_has(&place, ".damaged"));
    place_remove(&place);
}

static int make_known(void **unused)
{
    static const struct log_config quiet;
    (void)unused;
    assert_int_equal(log_start(&quiet), 0);
    for (uint32_t serial = 1; serial <= VERSIONS + 1; serial++)
        known[serial] = version(serial, POLICY);
    return 0;
}

static int drop_known(void **unused)
{
    (void)unused;
    for (uint32_t serial = 1; serial <= VERSIONS + 1; serial++)
        zone_content_unref(known[serial]);
    log_stop();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_gives_a_whole_version),
        cmocka_unit_test(every_changed_byte_gives_a_whole_version),
        cmocka_unit_test(what_is_no_store_is_set_aside),
    };
    return cmocka_run_group_tests(tests, make_known, drop_known);
}
