/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <urcu/list.h>

#include "candord/control_socket.h"

enum { READ_BYTES = 4096 };

/* A client, and its request while one is worked on: the next is read when that is done. */
struct control_reply {
    struct loop_watch watch; /* first: ready() casts back */
    struct loop_timer timer; /* request to come, or answer to be read */
    struct control *control; /* NULL: closed */
    struct cds_list_head link;
    bool open;
    bool asked;   /* a request is worked on */
    bool running; /* inside its run() */
    bool last;    /* close when the answer is read */
    char *input;
    size_t input_used, input_capacity;
    char *output;
    size_t output_start, output_used;
};

struct control {
    struct loop_watch watch; /* first */
    struct loop *loop;
    struct control_socket socket;
    const struct control_command *commands;
    void *context;
    struct cds_list_head clients;
    unsigned client_count;
};

static struct control_reply *of_timer(struct loop_timer *timer)
{
    return (struct control_reply *)(void *)((char *)timer - offsetof(struct control_reply, timer));
}

/* --- the end of a client --- */

static void free_client(struct control_reply *client)
{
    free(client->input);
    free(client->output);
    free(client);
}

/* Closes; the object stays while its request is worked on. */
static void close_client(struct control_reply *client)
{
    struct control *control = client->control;
    if (!client->open)
        return;
    client->open = false;
    loop_unwatch(control->loop, &client->watch);
    loop_timer_cancel(control->loop, &client->timer);
    close(client->watch.fd);
    cds_list_del(&client->link);
    /* A place is free again: the listener may have been resting. */
    if (control->client_count-- == CONTROL_CLIENTS)
        (void)!loop_rewatch(control->loop, &control->watch, LOOP_READ);
}

static void time_is_up(struct loop_timer *timer)
{
    struct control_reply *client = of_timer(timer);
    close_client(client);
    if (!client->asked)
        free_client(client);
}

/* --- writing --- */

static bool has_output(const struct control_reply *client)
{
    return client->output_used > client->output_start;
}

/* Writes what goes out now. */
static void flush(struct control_reply *client)
{
    while (client->open && has_output(client)) {
        ssize_t sent = send(client->watch.fd, client->output + client->output_start,
                            client->output_used - client->output_start, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            client->output_start += (size_t)sent;
        else if (errno == EAGAIN)
            return;
        else if (errno != EINTR)
            close_client(client);
    }
    client->output_start = client->output_used = 0;
}

/* Appends a line; takes over `line`. */
static void put_line(struct control_reply *client, json_t *line)
{
    static const char no_memory[] = "{\"ok\": false, \"error\": \"out of memory\"}";
    char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    const char *out = text ? text : no_memory;
    size_t length = strlen(out);
    char *grown = client->open ? realloc(client->output, client->output_used + length + 1) : NULL;
    if (grown) {
        memcpy(grown + client->output_used, out, length);
        grown[client->output_used + length] = '\n';
        client->output = grown;
        client->output_used += length + 1;
        flush(client);
    } else {
        close_client(client);
    }
    free(text);
    json_decref(line);
}

/* --- requests --- */

static const struct control_command *find_command(const struct control *control, const char *verb)
{
    for (const struct control_command *command = control->commands; command->verb; command++)
        if (!strcmp(command->verb, verb))
            return command;
    return NULL;
}

static void refuse_unknown(struct control_reply *client, const char *verb)
{
    char known[512] = "";
    for (const struct control_command *command = client->control->commands; command->verb; command++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", command->verb);
    }
    control_fail(client, "unknown command \"%.64s\"; known are: %s", verb, known);
}

static void run_request(struct control_reply *client, const char *line, size_t length)
{
    json_error_t where;
    json_t *request = json_loadb(line, length, JSON_REJECT_DUPLICATES, &where);
    const char *verb = json_string_value(json_object_get(request, "command"));
    const struct control_command *command = verb ? find_command(client->control, verb) : NULL;
    if (!request) {
        control_fail(client, "the request is not JSON: %s (column %d)", where.text, where.column);
    } else if (!verb) {
        control_fail(client, "the request is no object with a \"command\"");
    } else if (!command) {
        refuse_unknown(client, verb);
    } else {
        int error = command->run(client->control->context, request, client);
        if (error)
            control_fail(client, "%s", err_text(error));
    }
    json_decref(request);
}

/* Takes one line from the input and runs it. */
static void take_line(struct control_reply *client, size_t length)
{
    char *line = client->input;
    client->input = NULL;
    size_t rest = client->input_used - length - 1;
    client->input_used = client->input_capacity = 0;
    if (rest) { /* the next request, which came early */
        client->input = malloc(rest);
        if (client->input) {
            memcpy(client->input, line + length + 1, rest);
            client->input_used = client->input_capacity = rest;
        }
    }
    loop_timer_cancel(client->control->loop, &client->timer);
    client->asked = client->running = true;
    run_request(client, line, length);
    client->running = false;
    free(line);
}

static void refuse_long(struct control_reply *client)
{
    client->asked = client->running = client->last = true;
    control_fail(client, "a request is at most %d bytes long", CONTROL_LINE_BYTES);
    client->running = false;
}

/* The client's turn (to ask or to read) has a time limit; ours has none here. */
static void begin_wait(struct control_reply *client)
{
    struct loop *loop = client->control->loop;
    bool output = has_output(client);
    unsigned events = output ? LOOP_WRITE : client->asked ? 0u : LOOP_READ;
    int error = loop_rewatch(loop, &client->watch, events);
    if (!error && events && !client->timer.heap_index)
        error = loop_timer_set(loop, &client->timer, loop_now_ms(loop) + CONTROL_REQUEST_MS, time_is_up);
    if (error)
        close_client(client);
}

/* Runs requests that have come, one after another; then waits for what has to happen next. May free. */
static void go_on(struct control_reply *client)
{
    while (client->open && !client->asked && !client->last && !has_output(client)) {
        char *end = client->input_used ? memchr(client->input, '\n', client->input_used) : NULL;
        if (end)
            take_line(client, (size_t)(end - client->input));
        else if (client->input_used >= CONTROL_LINE_BYTES)
            refuse_long(client);
        else
            break;
    }
    if (client->open && client->last && !has_output(client))
        close_client(client);
    if (client->open)
        begin_wait(client);
    if (!client->open && !client->asked)
        free_client(client);
}

static void read_more(struct control_reply *client)
{
    if (client->input_capacity - client->input_used < READ_BYTES) {
        char *grown = realloc(client->input, client->input_used + READ_BYTES);
        if (!grown) {
            close_client(client);
            return;
        }
        client->input = grown;
        client->input_capacity = client->input_used + READ_BYTES;
    }
    ssize_t got = recv(client->watch.fd, client->input + client->input_used, READ_BYTES, MSG_DONTWAIT);
    if (got > 0)
        client->input_used += (size_t)got;
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        close_client(client);
}

static void ready(struct loop_watch *watch, unsigned events)
{
    struct control_reply *client = (struct control_reply *)watch;
    if (events & LOOP_READ && !client->asked)
        read_more(client);
    else if (events & LOOP_ERROR)
        close_client(client);
    if (events & LOOP_WRITE) {
        flush(client);
        if (client->open && !has_output(client))
            loop_timer_cancel(client->control->loop, &client->timer);
    }
    go_on(client);
}

/* --- what handlers call --- */

void control_progress(struct control_reply *reply, json_t *progress)
{
    put_line(reply, json_pack("{s:o}", "progress", progress));
    if (reply->open && !reply->running)
        begin_wait(reply);
}

/* When it comes later than run(), the client's next request is looked for from here. */
static void end_with(struct control_reply *reply, json_t *line)
{
    put_line(reply, line);
    reply->asked = false;
    if (!reply->running)
        go_on(reply);
}

void control_end(struct control_reply *reply, json_t *result)
{
    end_with(reply, result ? json_pack("{s:b, s:o}", "ok", 1, "result", result) : NULL);
}

void control_fail(struct control_reply *reply, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_t *error = json_string(text); /* NULL when a name in it is cut within a character */
    end_with(reply, json_pack("{s:b, s:o}", "ok", 0, "error", error ? error : json_string("not UTF-8")));
}

const char *control_string(const json_t *request, const char *name)
{
    return json_string_value(json_object_get(request, name));
}

bool control_flag(const json_t *request, const char *name)
{
    return json_is_true(json_object_get(request, name));
}

/* --- the listener --- */

static int begin_client(struct control *control, int fd)
{
    struct control_reply *client = calloc(1, sizeof *client);
    int error = client ? loop_watch(control->loop, &client->watch, fd, LOOP_READ, ready) : ERR_NOMEM;
    if (error) {
        free(client);
        return error;
    }
    client->control = control;
    client->open = true;
    cds_list_add(&client->link, &control->clients);
    control->client_count++;
    go_on(client);
    return 0;
}

static void accept_ready(struct loop_watch *watch, unsigned events)
{
    struct control *control = (struct control *)watch;
    (void)events;
    int fd = accept4(control->socket.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0 && begin_client(control, fd) != 0)
        close(fd);
    if (control->client_count >= CONTROL_CLIENTS)
        (void)!loop_rewatch(control->loop, &control->watch, 0);
}

int control_open(const struct control_options *options, struct loop *loop, struct control **out)
{
    struct control *control = calloc(1, sizeof *control);
    if (!control)
        return ERR_NOMEM;
    control->loop = loop;
    control->commands = options->commands;
    control->context = options->context;
    CDS_INIT_LIST_HEAD(&control->clients);
    int error = control_socket_open(&control->socket, options->path, options->make_directory, 0660);
    if (!error) {
        error = loop_watch(loop, &control->watch, control->socket.fd, LOOP_READ, accept_ready);
        if (error)
            control_socket_close(&control->socket);
    }
    if (error)
        free(control);
    else
        *out = control;
    return error;
}

void control_close(struct control *control)
{
    struct control_reply *client, *next;
    if (!control)
        return;
    loop_unwatch(control->loop, &control->watch);
    control_socket_close(&control->socket);
    cds_list_for_each_entry_safe(client, next, &control->clients, link)
    {
        if (client->asked)
            put_line(client, json_pack("{s:b, s:s}", "ok", 0, "error", "candord is ending"));
        close_client(client);
        client->control = NULL;
        if (!client->asked)
            free_client(client);
    }
    free(control);
}
