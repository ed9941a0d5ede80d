// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/http.h"

#include "check_http_onion/url.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WAIT_FDS_MAX = 64 };

struct http_door {
    CURLM *multi;
    struct http_exchange *first; /* all exchanges, newest first */
};

struct http_exchange {
    struct http_door *door;
    struct http_exchange *next;
    CURL *easy;
    struct curl_slist *lines, *proxy_lines;
    const struct http_request *request;
    struct http_answer *answer;
    bool head_done;     /* the blank line after the headers has come */
    bool stopped_by_us; /* -N: the headers were enough */
    bool no_memory;
};

/* ---- buffers ---- */

static bool buffer_add(struct http_buffer *b, const char *bytes, size_t length)
{
    if (b->length + length + 1 > b->size) {
        size_t size = (b->length + length + 1) * 2;
        char *grown = realloc(b->bytes, size);
        if (!grown)
            return false;
        b->bytes = grown;
        b->size = size;
    }
    memcpy(b->bytes + b->length, bytes, length);
    b->length += length;
    b->bytes[b->length] = 0;
    return true;
}

void http_answer_fini(struct http_answer *answer)
{
    free(answer->head.bytes);
    free(answer->body.bytes);
    answer->head = answer->body = (struct http_buffer){0};
}

/* ---- what libcurl calls ---- */

/* One header line. A status line after a blank line begins the next response (after 1xx): only the last one
 * counts. */
static size_t on_header(char *bytes, size_t unit, size_t count, void *context)
{
    struct http_exchange *x = context;
    struct http_answer *a = x->answer;
    size_t length = unit * count;
    if (x->head_done && a->body_wire_bytes)
        return length; /* trailers of a chunked body */
    if (x->head_done)
        a->head.length = 0;
    a->wire_bytes += length;
    if (a->head.length + length <= HEAD_MAX && !buffer_add(&a->head, bytes, length)) {
        x->no_memory = true;
        return 0;
    }
    x->head_done = *bytes == '\r' || *bytes == '\n';
    long status = 0;
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    x->stopped_by_us = x->head_done && x->request->ignore_body && (status < 100 || status >= 200);
    return x->stopped_by_us ? 0 : length;
}

static size_t on_body(char *bytes, size_t unit, size_t count, void *context)
{
    struct http_exchange *x = context;
    size_t length = unit * count;
    if (x->answer->body.length + length <= BODY_MAX && !buffer_add(&x->answer->body, bytes, length)) {
        x->no_memory = true;
        return 0;
    }
    return length;
}

/* Body bytes as on the wire, before the chunks are taken apart. */
static int on_debug(CURL *easy, curl_infotype type, char *bytes, size_t length, void *context)
{
    struct http_exchange *x = context;
    (void)easy;
    (void)bytes;
    if (type == CURLINFO_DATA_IN) {
        x->answer->wire_bytes += length;
        x->answer->body_wire_bytes += length;
    }
    return 0;
}

static CURLcode on_tls_context(CURL *easy, void *ssl_ctx, void *context)
{
    struct http_exchange *x = context;
    (void)easy;
    tls_note_certificate(ssl_ctx, &x->answer->certificate);
    return CURLE_OK;
}

/* ---- setting up ---- */

/* libcurl removes a header whose value is empty; with a semicolon it sends it so. */
static bool add_line(struct curl_slist **list, const char *line)
{
    char *copy = NULL;
    size_t name = strcspn(line, ":");
    if (line[name] && !line[name + 1 + strspn(line + name + 1, " \t")])
        if (asprintf(&copy, "%.*s;", (int)name, line) < 0)
            return false;
    struct curl_slist *longer = curl_slist_append(*list, copy ? copy : line);
    free(copy);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static bool has_line(const struct http_request *r, const char *name)
{
    for (size_t i = 0; i < r->line_count; i++)
        if (!strncasecmp(r->lines[i], name, strlen(name)))
            return true;
    return false;
}

static bool set_lines(struct http_exchange *x)
{
    static const char *const unwanted[] = {
        "Host:", "Accept:", "Expect:"}; /* libcurl's own, unless we say so */
    const struct http_request *r = x->request;
    bool ok = true;
    for (size_t i = 0; i < r->line_count; i++)
        ok = ok && add_line(&x->lines, r->lines[i]);
    ok = ok && (!r->tunnel_host || add_line(&x->proxy_lines, r->lines[0])); /* the user agent */
    for (size_t i = 0; i < sizeof unwanted / sizeof *unwanted; i++)
        if (!has_line(r, unwanted[i])) {
            struct curl_slist *longer = curl_slist_append(x->lines, unwanted[i]);
            ok = ok && longer;
            x->lines = longer ? longer : x->lines;
        }
    return ok;
}

/* The URL's host is what TLS sends as SNI, so it is the name only where SNI is wanted. Where the connection
 * goes is the leg's matter. */
static bool set_place(struct http_exchange *x)
{
    const struct http_request *r = x->request;
    char *url = NULL, *proxy = NULL;
    bool six = strchr(r->host, ':') != NULL;
    const char *name = r->tunnel_host ? r->tunnel_host : r->sni ? r->sni : "0.0.0.0";
    bool ok = asprintf(&url, "%s://%s:%d/", r->tls ? "https" : "http", name, r->tls ? 443 : 80) >= 0 &&
              asprintf(&proxy, "http://%s%s%s:%d", six ? "[" : "", r->host, six ? "]" : "", r->port) >= 0;
    if (ok)
        curl_easy_setopt(x->easy, CURLOPT_URL, url);
    if (ok && r->tunnel_host) {
        curl_easy_setopt(x->easy, CURLOPT_PROXY, proxy);
        curl_easy_setopt(x->easy, CURLOPT_HTTPPROXYTUNNEL, 1L);
        curl_easy_setopt(x->easy, CURLOPT_PRE_PROXY, r->tunnel_socks);
    } else if (ok) {
        curl_easy_setopt(x->easy, CURLOPT_ABSTRACT_UNIX_SOCKET, r->abstract_socket);
    }
    free(url);
    free(proxy);
    return ok;
}

static void set_request(struct http_exchange *x)
{
    const struct http_request *r = x->request;
    CURL *e = x->easy;
    if (r->body) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, r->body);
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(r->body));
    }
    if (r->no_body)
        curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
    curl_easy_setopt(e, CURLOPT_REQUEST_TARGET, r->path);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                     (long)(r->http10 ? CURL_HTTP_VERSION_1_0 : CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(e, CURLOPT_HTTP09_ALLOWED, 1L);
    curl_easy_setopt(e, CURLOPT_IGNORE_CONTENT_LENGTH, 0L);
    curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, (long)r->connect_only);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, x->lines);
    curl_easy_setopt(e, CURLOPT_PROXYHEADER, x->proxy_lines);
    curl_easy_setopt(e, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
    curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (r->proxy_authorization)
        curl_easy_setopt(e, CURLOPT_PROXYUSERPWD, r->proxy_authorization);
}

static void set_tls(struct http_exchange *x)
{
    static const long minimum[] = {[TLS_ANY] = CURL_SSLVERSION_DEFAULT,  [TLS_SSL2] = CURL_SSLVERSION_DEFAULT,
                                   [TLS_SSL3] = CURL_SSLVERSION_DEFAULT, [TLS_1_0] = CURL_SSLVERSION_TLSv1_0,
                                   [TLS_1_1] = CURL_SSLVERSION_TLSv1_1,  [TLS_1_2] = CURL_SSLVERSION_TLSv1_2,
                                   [TLS_1_3] = CURL_SSLVERSION_TLSv1_3};
    static const long maximum[] = {
        [TLS_ANY] = CURL_SSLVERSION_MAX_NONE,    [TLS_SSL2] = CURL_SSLVERSION_MAX_NONE,
        [TLS_SSL3] = CURL_SSLVERSION_MAX_NONE,   [TLS_1_0] = CURL_SSLVERSION_MAX_TLSv1_0,
        [TLS_1_1] = CURL_SSLVERSION_MAX_TLSv1_1, [TLS_1_2] = CURL_SSLVERSION_MAX_TLSv1_2,
        [TLS_1_3] = CURL_SSLVERSION_MAX_TLSv1_3};
    const struct http_request *r = x->request;
    CURL *e = x->easy;
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, minimum[r->tls_min] | maximum[r->tls_max]);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
    curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, x);
    curl_easy_setopt(e, CURLOPT_SSLCERT, r->client_cert);
    curl_easy_setopt(e, CURLOPT_SSLKEY, r->client_key);
}

static void set_connection(struct http_exchange *x)
{
    const struct http_request *r = x->request;
    CURL *e = x->easy;
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PROXY, ""); /* nothing from the environment */
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT, 86400L); /* the check's own deadline ends it … */
    curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);         /* … without waiting for a resolver's thread */
    if (r->tunnel_host)
        curl_easy_setopt(e, CURLOPT_IPRESOLVE,
                         (long)(r->ipv6_only   ? CURL_IPRESOLVE_V6
                                : r->ipv4_only ? CURL_IPRESOLVE_V4
                                               : CURL_IPRESOLVE_WHATEVER));
}

static void set_callbacks(struct http_exchange *x)
{
    CURL *e = x->easy;
    curl_easy_setopt(e, CURLOPT_PRIVATE, x);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, x->answer->error);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, x);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, x);
    curl_easy_setopt(e, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(e, CURLOPT_DEBUGDATA, x);
    curl_easy_setopt(e, CURLOPT_VERBOSE, 1L);
}

struct http_exchange *http_start(struct http_door *door, const struct http_request *request,
                                 struct http_answer *answer)
{
    _Static_assert(HTTP_ERROR_MAX >= CURL_ERROR_SIZE, "libcurl writes its words there");
    struct http_exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    *answer = (struct http_answer){.announced_bytes = -1, .tls = request->tls};
    *x = (struct http_exchange){.door = door, .next = door->first, .request = request, .answer = answer};
    door->first = x;
    x->easy = curl_easy_init();
    if (!x->easy || !set_lines(x)) {
        http_stop(x);
        return NULL;
    }
    set_callbacks(x);
    set_connection(x);
    set_tls(x);
    set_request(x);
    if (!set_place(x) || curl_multi_add_handle(door->multi, x->easy)) {
        http_stop(x);
        return NULL;
    }
    return x;
}

void http_stop(struct http_exchange *x)
{
    struct http_exchange **link = &x->door->first;
    while (*link != x)
        link = &(*link)->next;
    *link = x->next;
    if (x->easy) {
        curl_multi_remove_handle(x->door->multi, x->easy);
        curl_easy_cleanup(x->easy);
    }
    curl_slist_free_all(x->lines);
    curl_slist_free_all(x->proxy_lines);
    free(x);
}

/* ---- the end of an exchange ---- */

static double seconds(CURL *easy, CURLINFO info)
{
    curl_off_t us = 0;
    curl_easy_getinfo(easy, info, &us);
    return (double)us / 1e6;
}

void http_see_first_bytes(struct http_answer *a, const char *bytes, size_t length, int reset)
{
    if (reset && !a->os_errno)
        a->os_errno = reset;
    if (a->end == HTTP_EMPTY && length && !a->tls)
        a->end = HTTP_CUT; /* something came, but no line of it was whole */
    bool unread = a->end == HTTP_CUT || a->end == HTTP_UNREADABLE;
    if (!unread || a->tls || a->head.length || a->body.length || !length)
        return;
    if (!buffer_add(&a->head, bytes, length))
        a->end = HTTP_FAILED;
    a->wire_bytes = length;
}

static enum http_end end_without_answer(const struct http_exchange *x, CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
        return HTTP_NO_NAME;
    case CURLE_COULDNT_CONNECT:
        return HTTP_NO_CONNECTION;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_CERTPROBLEM:
        return HTTP_NO_TLS;
    case CURLE_GOT_NOTHING:
        return HTTP_EMPTY;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
        return HTTP_UNREADABLE;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        if (x->request->tunnel_host && !x->answer->os_errno)
            return HTTP_NO_TUNNEL;
        return x->answer->os_errno == ECONNRESET || x->answer->os_errno == EPIPE ? HTTP_EMPTY
                                                                                 : HTTP_RECEIVE_FAILED;
    default:
        return HTTP_FAILED;
    }
}

static enum http_end end_of(const struct http_exchange *x, CURLcode code)
{
    if (x->no_memory)
        return HTTP_FAILED;
    if (code == CURLE_OK || x->stopped_by_us)
        return HTTP_COMPLETE;
    if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
        return HTTP_UNREADABLE;
    if (!x->head_done)
        return x->answer->head.length ? HTTP_CUT : end_without_answer(x, code);
    if (code == CURLE_RECV_ERROR && strstr(x->answer->error, "chunk"))
        return HTTP_BAD_CHUNKS;
    return HTTP_CUT;
}

static void finish(struct http_exchange *x, CURLcode code)
{
    struct http_answer *a = x->answer;
    long os_errno = 0;
    curl_off_t announced = -1;
    curl_easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &os_errno);
    curl_easy_getinfo(x->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    a->os_errno = (int)os_errno;
    a->announced_bytes = announced;
    a->connected_s = seconds(x->easy, CURLINFO_CONNECT_TIME_T);
    a->tls_s = seconds(x->easy, CURLINFO_APPCONNECT_TIME_T);
    a->requested_s = seconds(x->easy, CURLINFO_PRETRANSFER_TIME_T);
    a->firstbyte_s = seconds(x->easy, CURLINFO_STARTTRANSFER_TIME_T);
    a->total_s = seconds(x->easy, CURLINFO_TOTAL_TIME_T);
    if (code != CURLE_OK && !*a->error)
        snprintf(a->error, sizeof a->error, "%s", curl_easy_strerror(code));
    a->end = end_of(x, code);
    if (a->end == HTTP_COMPLETE && !a->wire_bytes && !x->request->connect_only)
        a->end = HTTP_EMPTY;
}

/* ---- the door ---- */

struct http_door *http_door_new(bool tls)
{
    if (curl_global_init(tls ? CURL_GLOBAL_SSL : CURL_GLOBAL_NOTHING))
        return NULL;
    struct http_door *door = calloc(1, sizeof *door);
    if (door && (door->multi = curl_multi_init()))
        return door;
    free(door);
    curl_global_cleanup();
    return NULL;
}

void http_door_free(struct http_door *door)
{
    while (door->first)
        http_stop(door->first);
    curl_multi_cleanup(door->multi);
    free(door);
    curl_global_cleanup();
}

static void carry_on(struct http_door *door)
{
    int running, left;
    curl_multi_perform(door->multi, &running);
    for (CURLMsg *m; (m = curl_multi_info_read(door->multi, &left));) {
        struct http_exchange *x = NULL;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &x);
        if (m->msg == CURLMSG_DONE && x)
            finish(x, m->data.result);
    }
}

int http_wait(struct http_door *door, struct pollfd *fds, size_t count, int timeout_ms)
{
    struct curl_waitfd wait[WAIT_FDS_MAX];
    if (count > WAIT_FDS_MAX)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        short events = fds[i].events;
        wait[i] = (struct curl_waitfd){.fd = fds[i].fd,
                                       .events = (short)((events & POLLIN ? CURL_WAIT_POLLIN : 0) |
                                                         (events & POLLOUT ? CURL_WAIT_POLLOUT : 0))};
    }
    carry_on(door);
    for (struct http_exchange *x = door->first; x; x = x->next)
        if (x->answer->end != HTTP_RUNNING)
            timeout_ms = 0;
    if (curl_multi_poll(door->multi, wait, (unsigned)count, timeout_ms, NULL))
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++)
        fds[i].revents = (short)((wait[i].revents & CURL_WAIT_POLLIN ? POLLIN : 0) |
                                 (wait[i].revents & CURL_WAIT_POLLOUT ? POLLOUT : 0));
    carry_on(door);
    return 0;
}

/* ---- URLs ---- */

static int url_error(CURLUcode code)
{
    return code == CURLUE_OUT_OF_MEMORY     ? ERR_NOMEM
           : code == CURLUE_BAD_PORT_NUMBER ? ERR_LIMIT
           : code                           ? ERR_MALFORMED
                                            : 0;
}

/* One part, copied into the arena; "" where there is none. */
static int url_part(struct arena *arena, CURLU *u, CURLUPart part, unsigned flags, const char **out)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(u, part, &text, flags);
    *out = code ? "" : arena_strdup(arena, text);
    curl_free(text);
    return *out ? 0 : ERR_NOMEM;
}

int url_resolve(struct arena *arena, const char *base, const char *reference, struct url *out)
{
    const char *scheme = "", *port = "", *path = "", *query = "";
    CURLU *u = base ? curl_url() : NULL;
    if (!u)
        return ERR_NOMEM;
    int error = url_error(curl_url_set(u, CURLUPART_URL, base, CURLU_PATH_AS_IS | CURLU_URLENCODE));
    if (!error)
        error = url_error(curl_url_set(u, CURLUPART_URL, reference, CURLU_URLENCODE));
    if (!error)
        error = url_part(arena, u, CURLUPART_SCHEME, 0, &scheme);
    if (!error)
        error = url_part(arena, u, CURLUPART_HOST, 0, &out->host);
    if (!error)
        error = url_part(arena, u, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port);
    if (!error)
        error = url_part(arena, u, CURLUPART_PATH, 0, &path);
    if (!error)
        error = url_part(arena, u, CURLUPART_QUERY, 0, &query);
    curl_url_cleanup(u);
    if (error)
        return error;
    out->tls = !strcmp(scheme, "https");
    out->port = atoi(port);
    out->path = arena_printf(arena, "%s%s%s", path, *query ? "?" : "", query);
    if (!out->path)
        return ERR_NOMEM;
    return (out->tls || !strcmp(scheme, "http")) && *out->host ? 0 : ERR_MALFORMED;
}
