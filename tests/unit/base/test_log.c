/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static char folder[] = "/tmp/test_log.XXXXXX";
static char content[4 << 20];

static const char *path_of(const char *name)
{
    static char path[4][100];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static const char *content_of(const char *name)
{
    FILE *file = fopen(path_of(name), "r");
    if (!file)
        return NULL;
    size_t length = fread(content, 1, sizeof content - 1, file);
    content[length] = 0;
    fclose(file);
    return content;
}

static struct log_channel file_channel(const char *name)
{
    return (struct log_channel){
        .name = name, .kind = LOG_TO_FILE, .path = path_of(name), .level = LEVEL_INFO};
}

static struct log_config all_to_first(const struct log_channel *channels, size_t count)
{
    struct log_config config = {.channels = channels, .channel_count = count};
    for (int c = 0; c < LOG_CATEGORIES; c++)
        config.routes[c] = 1;
    return config;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void lines_go_to_the_channels_of_their_category(void **state)
{
    (void)state;
    struct log_channel channels[] = {file_channel("a"), file_channel("b")};
    struct log_config config = all_to_first(channels, 2);
    config.routes[LOG_RPZ] = 3;
    config.routes[LOG_QUERIES] = 0;
    assert_int_equal(log_start(&config), 0);
    log_write(LOG_RPZ, LEVEL_INFO, "rewrite %d", 1);
    log_write(LOG_DEFAULT, LEVEL_ERROR, "other");
    log_write(LOG_QUERIES, LEVEL_CRITICAL, "nowhere");
    log_flush();
    assert_string_equal(content_of("a"), "rewrite 1\nother\n");
    assert_string_equal(content_of("b"), "rewrite 1\n");
    assert_false(log_enabled(LOG_QUERIES, LEVEL_CRITICAL));
    log_stop();
}

static void level_of_the_channel_decides(void **state)
{
    (void)state;
    struct log_channel channels[] = {file_channel("level")};
    channels[0].level = LEVEL_WARN;
    struct log_config config = all_to_first(channels, 1);
    assert_int_equal(log_start(&config), 0);
    assert_true(log_enabled(LOG_RPZ, LEVEL_WARN));
    assert_false(log_enabled(LOG_RPZ, LEVEL_NOTICE));
    log_write(LOG_RPZ, LEVEL_NOTICE, "notice");
    log_write(LOG_RPZ, LEVEL_WARN, "warning");
    log_stop();
    assert_string_equal(content_of("level"), "warning\n");
}

static void prefix_is_in_the_shape_of_bind(void **state)
{
    (void)state;
    struct log_channel channels[] = {file_channel("shape")};
    channels[0].print_time = channels[0].print_category = channels[0].print_severity = true;
    struct log_config config = all_to_first(channels, 1);
    assert_int_equal(log_start(&config), 0);
    log_write(LOG_RPZ_PASSTHRU, LEVEL_WARN, "text");
    log_stop();
    int day, year, hour, minute, second, ms, used = 0;
    char month[4];
    const char *line = content_of("shape");
    assert_int_equal(sscanf(line, "%2d-%3s-%4d %2d:%2d:%2d.%3d %n", &day, month, &year, &hour, &minute,
                            &second, &ms, &used),
                     7);
    assert_string_equal(line + used, "rpz-passthru: warning: text\n");
}

static void control_characters_cannot_forge_a_line(void **state)
{
    (void)state;
    struct log_channel channels[] = {file_channel("forge")};
    struct log_config config = all_to_first(channels, 1);
    assert_int_equal(log_start(&config), 0);
    log_write(LOG_DEFAULT, LEVEL_INFO, "a\nb\x1b[0m\x7f");
    log_stop();
    assert_string_equal(content_of("forge"), "a\\012b\\033[0m\\177\n");
}

static void long_lines_are_cut(void **state)
{
    (void)state;
    struct log_channel channels[] = {file_channel("long")};
    struct log_config config = all_to_first(channels, 1);
    assert_int_equal(log_start(&config), 0);
    log_write(LOG_DEFAULT, LEVEL_INFO, "%05000d", 0);
    log_stop();
    assert_int_equal(strlen(content_of("long")), 2001);
}

static void second_start_switches_the_channels(void **state)
{
    (void)state;
    struct log_channel first[] = {file_channel("first")}, second[] = {file_channel("second")};
    struct log_config before = all_to_first(first, 1), after = all_to_first(second, 1);
    assert_int_equal(log_start(&before), 0);
    log_write(LOG_DEFAULT, LEVEL_INFO, "one");
    assert_int_equal(log_start(&after), 0);
    log_write(LOG_DEFAULT, LEVEL_INFO, "two");
    log_stop();
    assert_string_equal(content_of("first"), "one\n");
    assert_string_equal(content_of("second"), "two\n");
}

static void failing_start_keeps_what_was_in_force(void **state)
{
    (void)state;
    struct log_channel good[] = {file_channel("good")}, bad[] = {file_channel("no/such/folder")};
    struct log_config before = all_to_first(good, 1), after = all_to_first(bad, 1);
    assert_int_equal(log_start(&before), 0);
    assert_true(log_start(&after) < 0);
    log_write(LOG_DEFAULT, LEVEL_INFO, "still here");
    log_stop();
    assert_string_equal(content_of("good"), "still here\n");
}

static void full_file_is_rotated_and_old_ones_kept(void **state)
{
    (void)state;
    struct log_channel channels[] = {file_channel("rotate")};
    channels[0].max_bytes = 20;
    channels[0].versions = 2;
    struct log_config config = all_to_first(channels, 1);
    assert_int_equal(log_start(&config), 0);
    for (int i = 0; i < 8; i++)
        log_write(LOG_DEFAULT, LEVEL_INFO, "line %04d", i);
    log_stop();
    assert_string_equal(content_of("rotate"), "line 0006\nline 0007\n");
    assert_string_equal(content_of("rotate.0"), "line 0004\nline 0005\n");
    assert_string_equal(content_of("rotate.1"), "line 0002\nline 0003\n");
    assert_null(content_of("rotate.2"));
}

static void full_file_without_versions_starts_again(void **state)
{
    (void)state;
    struct log_channel channels[] = {file_channel("again")};
    channels[0].max_bytes = 20;
    struct log_config config = all_to_first(channels, 1);
    assert_int_equal(log_start(&config), 0);
    for (int i = 0; i < 3; i++)
        log_write(LOG_DEFAULT, LEVEL_INFO, "line %04d", i);
    log_stop();
    assert_string_equal(content_of("again"), "line 0002\n");
}

static void *stop_the_log(void *unused)
{
    log_stop();
    return unused;
}

/* A pipe that nobody reads holds the log's thread up; writers must not notice. */
static void full_queue_drops_counts_and_says_so(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    int reading = open(path_of("fifo"), O_RDONLY | O_NONBLOCK);
    struct log_channel channels[] = {file_channel("fifo")};
    struct log_config config = all_to_first(channels, 1);
    uint64_t before = log_dropped(), lines = 0;
    assert_int_equal(log_start(&config), 0);
    for (; log_dropped() == before && lines < 100000; lines++)
        log_write(LOG_DEFAULT, LEVEL_INFO, "%0500llu", (unsigned long long)lines);
    assert_true(log_dropped() > before);
    assert_true(lines > 1000);
    fcntl(reading, F_SETFL, 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_the_log, NULL), 0);
    size_t used = 0;
    for (ssize_t got;
         used < sizeof content - 1 && (got = read(reading, content + used, sizeof content - 1 - used)) > 0;)
        used += (size_t)got;
    content[used] = 0;
    pthread_join(thread, NULL);
    close(reading);
    assert_non_null(strstr(content, " log lines dropped"));
}

static void without_a_start_lines_go_to_stderr(void **state)
{
    (void)state;
    int saved = dup(STDERR_FILENO), file = open(path_of("stderr"), O_WRONLY | O_CREAT, 0600);
    dup2(file, STDERR_FILENO);
    log_write(LOG_DEFAULT, LEVEL_INFO, "direct");
    log_write(LOG_DEFAULT, LEVEL_DEBUG, "too much");
    log_flush();
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(file);
    assert_string_equal(content_of("stderr"), "direct\n");
}

enum { WRITERS = 4, LINES = 1000 };

static void *write_many(void *argument)
{
    for (int i = 0; i < LINES; i++)
        log_write(LOG_RPZ, LEVEL_INFO, "%s %d", (const char *)argument, i);
    return NULL;
}

static void many_threads_lose_nothing(void **state)
{
    (void)state;
    struct log_channel channels[] = {file_channel("many")};
    struct log_config config = all_to_first(channels, 1);
    pthread_t threads[WRITERS];
    assert_int_equal(log_start(&config), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, "writer"), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    log_flush();
    int lines = 0;
    for (const char *at = content_of("many"); *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, WRITERS * LINES);
    log_stop();
}

static void category_words_are_those_of_bind(void **state)
{
    (void)state;
    for (int c = 0; c < LOG_CATEGORIES; c++)
        assert_int_equal(log_category_from_text(log_category_text((enum log_category)c)), c);
    assert_int_equal(log_category_from_text("RPZ"), LOG_RPZ);
    assert_int_equal(log_category_from_text("lame-servers"), LOG_DEFAULT);
    assert_int_equal(log_category_from_text("nonsense"), ERR_NOT_FOUND);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_go_to_the_channels_of_their_category),
        cmocka_unit_test(level_of_the_channel_decides),
        cmocka_unit_test(prefix_is_in_the_shape_of_bind),
        cmocka_unit_test(control_characters_cannot_forge_a_line),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(second_start_switches_the_channels),
        cmocka_unit_test(failing_start_keeps_what_was_in_force),
        cmocka_unit_test(full_file_is_rotated_and_old_ones_kept),
        cmocka_unit_test(full_file_without_versions_starts_again),
        cmocka_unit_test(full_queue_drops_counts_and_says_so),
        cmocka_unit_test(without_a_start_lines_go_to_stderr),
        cmocka_unit_test(many_threads_lose_nothing),
        cmocka_unit_test(category_words_are_those_of_bind),
    };
    return cmocka_run_group_tests_name("base/log", tests, make_folder, remove_folder);
}
