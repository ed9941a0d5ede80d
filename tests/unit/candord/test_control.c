/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "candord/control.h"

static struct loop *loop;
static struct control *control;
static struct control_reply *kept; /* of "later" */
static struct loop_timer timer;
static char directory[64], path[96];

/* --- verbs --- */

static int run_echo(void *context, const json_t *request, struct control_reply *reply)
{
    assert_ptr_equal(&control, context);
    control_end(reply, json_deep_copy(request));
    return 0;
}

static int run_later(void *context, const json_t *request, struct control_reply *reply)
{
    (void)context;
    assert_null(kept);
    kept = reply;
    if (control_flag(request, "progress"))
        control_progress(reply, json_pack("{s:i}", "done", 1));
    return 0;
}

static int run_broken(void *context, const json_t *request, struct control_reply *reply)
{
    (void)context;
    (void)request;
    (void)reply;
    return ERR_NOT_FOUND;
}

static int run_big(void *context, const json_t *request, struct control_reply *reply)
{
    (void)context;
    (void)request;
    json_t *list = json_array();
    for (int i = 0; i < 200000; i++)
        json_array_append_new(list, json_integer(i));
    control_end(reply, list);
    return 0;
}

static const struct control_command commands[] = {{"echo", run_echo, "says the request again"},
                                                  {"later", run_later, "waits"},
                                                  {"broken", run_broken, "fails"},
                                                  {"big", run_big, "says much"},
                                                  {0}};

/* --- a control socket in this thread's loop --- */

static int open_control(bool make_directory)
{
    struct control_options options = {
        .path = path, .make_directory = make_directory, .commands = commands, .context = &control};
    return control_open(&options, loop, &control);
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/test_control.XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/socket", directory);
    loop = loop_new();
    kept = NULL;
    control = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    control_close(control);
    loop_free(loop);
    unlink(path);
    return rmdir(directory);
}

static void stop_loop(struct loop_timer *fired)
{
    (void)fired;
    loop_stop(loop);
}

static void serve_for(unsigned ms)
{
    assert_int_equal(0, loop_timer_set(loop, &timer, loop_now_ms(loop) + ms, stop_loop));
    loop_run(loop);
}

static int client(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(0, connect(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(strlen(text), send(fd, text, strlen(text), MSG_NOSIGNAL));
}

/* The next line, while the loop runs; NULL when the end comes instead. */
static json_t *hear(int fd)
{
    char line[8192];
    size_t used = 0;
    for (int tries = 0; tries < 200; tries++) {
        ssize_t got = recv(fd, line + used, 1, 0);
        if (got == 0 || (got < 0 && errno != EAGAIN))
            return NULL;
        if (got < 0)
            serve_for(5);
        else if (line[used++] == '\n')
            return json_loadb(line, used, 0, NULL);
        else
            tries = 0;
    }
    fail_msg("no line came");
    return NULL;
}

static void hear_ok(int fd)
{
    json_t *line = hear(fd);
    assert_true(json_is_true(json_object_get(line, "ok")));
    json_decref(line);
}

static void hear_error(int fd, const char *part)
{
    json_t *line = hear(fd);
    assert_true(json_is_false(json_object_get(line, "ok")));
    const char *text = control_string(line, "error");
    assert_non_null(text);
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    json_decref(line);
}

/* --- the tests --- */

static void a_request_on_a_line_gets_its_answer_on_a_line(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    int fd = client();
    say(fd, "{\"command\":\"echo\",\"name\":\"b\303\274cher\"}\n");
    json_t *line = hear(fd);
    assert_true(json_is_true(json_object_get(line, "ok")));
    assert_string_equal("b\303\274cher", control_string(json_object_get(line, "result"), "name"));
    json_decref(line);
    close(fd);
}

static void several_requests_at_once_are_answered_in_order(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    int fd = client();
    say(fd,
        "{\"command\":\"echo\",\"n\":1}\n{\"command\":\"broken\"}\n{\"command\":\"echo\",\"n\":2}\n{\"comm");
    hear_ok(fd);
    hear_error(fd, "");
    hear_ok(fd);
    serve_for(10);
    say(fd, "and\":\"echo\"}\n");
    hear_ok(fd);
    close(fd);
}

static void an_answer_may_come_later_after_progress(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    int fd = client(), other = client();
    say(fd, "{\"command\":\"later\",\"progress\":true}\n{\"command\":\"echo\"}\n");
    json_t *line = hear(fd);
    assert_non_null(json_object_get(line, "progress"));
    json_decref(line);
    say(other, "{\"command\":\"echo\"}\n"); /* others are served meanwhile */
    hear_ok(other);
    control_progress(kept, json_pack("{s:i}", "done", 2));
    line = hear(fd);
    assert_int_equal(2, json_integer_value(json_object_get(json_object_get(line, "progress"), "done")));
    json_decref(line);
    control_end(kept, json_object());
    hear_ok(fd);
    hear_ok(fd); /* the next request waited */
    close(fd);
    close(other);
}

static void a_client_that_goes_away_leaves_its_request_to_be_ended(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    int fd = client();
    say(fd, "{\"command\":\"later\"}\n");
    serve_for(20);
    assert_non_null(kept);
    close(fd);
    serve_for(20);
    control_progress(kept, json_object());
    control_end(kept, json_object());
    kept = NULL;
    fd = client();
    say(fd, "{\"command\":\"later\"}\n");
    serve_for(20);
    control_close(control); /* and so does the daemon's end */
    control = NULL;
    hear_error(fd, "ending");
    control_fail(kept, "too late");
    close(fd);
}

static void nonsense_is_answered_with_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    int fd = client();
    say(fd, "hello\n");
    hear_error(fd, "not JSON");
    say(fd, "\n");
    hear_error(fd, "not JSON");
    say(fd, "[1,2]\n");
    hear_error(fd, "command");
    say(fd, "{\"command\":3}\n");
    hear_error(fd, "command");
    say(fd, "{\"command\":\"destroy\"}\n");
    hear_error(fd, "echo, later, broken, big");
    say(fd, "{\"command\":\"echo\",\"command\":\"echo\"}\n");
    hear_error(fd, "not JSON");
    assert_int_equal(10, send(fd, "{\"a\":\"\xff\"}\n", 10, 0));
    hear_error(fd, "not JSON");
    close(fd);
}

static void a_line_without_end_is_refused_and_the_client_closed(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    int fd = client();
    static char much[CONTROL_LINE_BYTES];
    memset(much, '[', sizeof much);
    for (size_t sent = 0; sent < sizeof much;) {
        ssize_t n = send(fd, much + sent, sizeof much - sent, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        serve_for(2);
    }
    hear_error(fd, "at most");
    assert_null(hear(fd));
    close(fd);
}

static void a_large_answer_arrives_whole_at_a_slow_reader(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    int fd = client();
    static char all[4 << 20];
    size_t used = 0;
    say(fd, "{\"command\":\"big\"}\n");
    for (int tries = 0; tries < 2000 && (!used || all[used - 1] != '\n'); tries++) {
        serve_for(1);
        ssize_t got = recv(fd, all + used, 65536, 0);
        used += got > 0 ? (size_t)got : 0;
    }
    json_t *line = json_loadb(all, used, 0, NULL);
    assert_int_equal(200000, json_array_size(json_object_get(line, "result")));
    json_decref(line);
    close(fd);
}

static void more_clients_than_places_wait_for_their_turn(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    int fds[CONTROL_CLIENTS + 1];
    for (int i = 0; i <= CONTROL_CLIENTS; i++)
        fds[i] = client();
    serve_for(20);
    say(fds[CONTROL_CLIENTS], "{\"command\":\"echo\"}\n");
    serve_for(20);
    char byte;
    assert_int_equal(-1, recv(fds[CONTROL_CLIENTS], &byte, 1, 0));
    close(fds[0]);
    hear_ok(fds[CONTROL_CLIENTS]);
    for (int i = 1; i <= CONTROL_CLIENTS; i++)
        close(fds[i]);
}

static void the_socket_is_for_its_owner_and_group_and_is_removed_at_the_end(void **state)
{
    (void)state;
    struct stat status;
    assert_int_equal(0, open_control(false));
    assert_int_equal(0, stat(path, &status));
    assert_int_equal(0660, status.st_mode & 07777);
    control_close(control);
    control = NULL;
    assert_int_equal(-1, stat(path, &status));
}

static void a_missing_directory_is_made_only_when_told(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "%s/run/socket", directory);
    assert_int_equal(err_from_errno(ENOENT), open_control(false));
    assert_int_equal(0, open_control(true));
    control_close(control);
    control = NULL;
    snprintf(path, sizeof path, "%s/run", directory);
    assert_int_equal(0, rmdir(path));
}

static void a_socket_on_which_another_listens_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    struct control *first = control;
    assert_int_equal(ERR_EXISTS, open_control(false));
    int fd = client();
    control = first;
    say(fd, "{\"command\":\"echo\"}\n");
    hear_ok(fd);
    close(fd);
}

static void a_stale_socket_is_replaced_and_another_file_is_not(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, path);
    int stale = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(0, bind(stale, (struct sockaddr *)&address, sizeof address));
    close(stale);
    assert_int_equal(0, open_control(false));
    control_close(control);
    control = NULL;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(ERR_EXISTS, open_control(false));
    assert_int_equal(0, access(path, F_OK));
}

static void a_socket_that_another_made_in_the_meantime_is_not_removed(void **state)
{
    (void)state;
    assert_int_equal(0, open_control(false));
    struct control *first = control;
    assert_int_equal(0, unlink(path));
    assert_int_equal(0, open_control(false));
    control_close(first);
    assert_int_equal(0, access(path, F_OK));
}

static void a_path_that_is_too_long_is_an_error(void **state)
{
    (void)state;
    char longer[200];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    struct control_options options = {.path = longer, .commands = commands};
    struct control *made;
    assert_int_equal(err_from_errno(ENAMETOOLONG), control_open(&options, loop, &made));
}

#define with_directory(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_directory(a_request_on_a_line_gets_its_answer_on_a_line),
        with_directory(several_requests_at_once_are_answered_in_order),
        with_directory(an_answer_may_come_later_after_progress),
        with_directory(a_client_that_goes_away_leaves_its_request_to_be_ended),
        with_directory(nonsense_is_answered_with_what_is_wrong),
        with_directory(a_line_without_end_is_refused_and_the_client_closed),
        with_directory(a_large_answer_arrives_whole_at_a_slow_reader),
        with_directory(more_clients_than_places_wait_for_their_turn),
        with_directory(the_socket_is_for_its_owner_and_group_and_is_removed_at_the_end),
        with_directory(a_missing_directory_is_made_only_when_told),
        with_directory(a_socket_on_which_another_listens_is_left_alone),
        with_directory(a_stale_socket_is_replaced_and_another_file_is_not),
        with_directory(a_socket_that_another_made_in_the_meantime_is_not_removed),
        with_directory(a_path_that_is_too_long_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
