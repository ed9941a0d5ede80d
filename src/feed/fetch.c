/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names are resolved and redirections followed here, not by libcurl: so each host comes from our own truth,
 * and nothing leads from https to http. */
#include "feed/fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
    CONNECT_MS = 15000,
    LOW_SPEED_BYTES = 200, /* a second, over LOW_SPEED_S: then nobody is there any more */
    LOW_SPEED_S = 30,
    FIRST_ROOM = 1 << 16,
    RESOLVE_ENTRY_MAX = FETCH_HOST_MAX + 16 + FETCH_ADDRESSES_MAX * (IP_TEXT_MAX + 3),
};

/* One GET under way. */
struct getting {
    const struct fetch_request *request;
    struct fetch_result *result;
    CURL *curl;
    size_t room; /* of result->body */
    bool too_large, out_of_memory;
    char error[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* --- URLs --- */

static void copy_part(CURLU *parts, CURLUPart which, char *out, size_t size)
{
    char *text = NULL;
    if (curl_url_get(parts, which, &text, 0) == CURLUE_OK)
        snprintf(out, size, "%s", text);
    curl_free(text);
}

static void without_brackets(char *host)
{
    size_t length = strlen(host);
    if (*host == '[' && host[length - 1] == ']') {
        memmove(host, host + 1, length - 2);
        host[length - 2] = 0;
    }
}

static bool parse_parts(CURLU *parts, struct fetch_url *out, char *problem, size_t problem_size)
{
    char scheme[16] = "", host[FETCH_HOST_MAX + 64] = "";
    copy_part(parts, CURLUPART_SCHEME, scheme, sizeof scheme);
    copy_part(parts, CURLUPART_HOST, host, sizeof host);
    without_brackets(host);
    out->tls = strcmp(scheme, "https") == 0;
    if (!out->tls && strcmp(scheme, "http") != 0)
        snprintf(problem, problem_size, "expected https:// or http://, found '%s://'", scheme);
    else if (!*host || strlen(host) >= sizeof out->host)
        snprintf(problem, problem_size, "expected a host of at most 253 letters");
    else
        return snprintf(out->host, sizeof out->host, "%s", host) > 0;
    return false;
}

int fetch_url_parse(const char *url, struct fetch_url *out, char *problem, size_t problem_size)
{
    *out = (struct fetch_url){0};
    CURLU *parts = curl_url();
    if (!parts)
        return ERR_NOMEM;
    CURLUcode code = curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME);
    if (code)
        snprintf(problem, problem_size, "%s", curl_url_strerror(code));
    bool good = !code && parse_parts(parts, out, problem, problem_size);
    curl_url_set(parts, CURLUPART_USER, NULL, 0);
    curl_url_set(parts, CURLUPART_PASSWORD, NULL, 0);
    if (good)
        copy_part(parts, CURLUPART_URL, out->shown, sizeof out->shown);
    curl_url_cleanup(parts);
    return good ? 0 : ERR_INVALID;
}

/* --- the body --- */

static bool make_room(struct getting *g, size_t more)
{
    size_t needed = g->result->length + more, room = g->room ? g->room : FIRST_ROOM;
    while (room < needed)
        room *= 2;
    if (room == g->room)
        return true;
    uint8_t *body = realloc(g->result->body, room);
    if (!body)
        return false;
    g->result->body = body;
    g->room = room;
    return true;
}

static long status_of(const struct getting *g)
{
    long status = 0;
    curl_easy_getinfo(g->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

/* What comes here is decompressed already: the limit holds for what a small body may swell to. */
static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct getting *g = context;
    size_t length = size * count;
    if (status_of(g) != 200)
        return 0; /* nobody reads the body of an error */
    g->too_large = length > g->request->max_bytes - g->result->length;
    g->out_of_memory = !g->too_large && !make_room(g, length);
    if (g->too_large || g->out_of_memory)
        return 0;
    memcpy(g->result->body + g->result->length, bytes, length);
    g->result->length += length;
    return length;
}

static int on_progress(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up)
{
    struct getting *g = context;
    (void)total, (void)up_total, (void)up;
    if (g->request->progress_bytes)
        atomic_store_explicit(g->request->progress_bytes, (uint64_t)now, memory_order_relaxed);
    return g->request->cancelled && g->request->cancelled(g->request->context);
}

/* --- the request --- */

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
    char line[512];
    if (!value || !*value)
        return true;
    snprintf(line, sizeof line, "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(*list, line);
    *list = longer ? longer : *list;
    return longer != NULL;
}

/* "host:port:address,address": libcurl then asks nobody. */
static int add_addresses(struct getting *g, const char *host, long port, struct curl_slist **list)
{
    struct ip_address addresses[FETCH_ADDRESSES_MAX];
    char entry[RESOLVE_ENTRY_MAX], text[IP_TEXT_MAX];
    struct ip_address literal;
    if (ip_from_text(host, &literal) == 0)
        return 0;
    int count = g->request->resolve(g->request->context, host, addresses, g->result->problem,
                                    sizeof g->result->problem);
    if (count <= 0)
        return count ? count : ERR_NOT_FOUND;
    int used = snprintf(entry, sizeof entry, "%s:%ld:", host, port);
    for (int i = 0; i < count; i++)
        used += snprintf(entry + used, sizeof entry - (size_t)used,
                         addresses[i].family == IP_V6 ? "%s[%s]" : "%s%s", i ? "," : "",
                         ip_to_text(&addresses[i], text));
    *list = curl_slist_append(NULL, entry);
    return *list ? 0 : ERR_NOMEM;
}

static long port_of(CURLU *parts)
{
    char text[8] = "443", *given = NULL;
    if (curl_url_get(parts, CURLUPART_PORT, &given, CURLU_DEFAULT_PORT) == CURLUE_OK)
        snprintf(text, sizeof text, "%s", given);
    curl_free(given);
    return strtol(text, NULL, 10);
}

static void set_options(struct getting *g, CURLU *url, uint32_t timeout_ms)
{
    CURL *curl = g->curl;
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_CURLU, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* the environment's would resolve names for us */
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, g->error);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "candord");
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip, br");
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)g->request->max_bytes);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(timeout_ms < CONNECT_MS ? timeout_ms : CONNECT_MS));
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)LOW_SPEED_BYTES);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)LOW_SPEED_S);
    if (g->request->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, g->request->ca_file);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, g);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, g);
}

/* --- what came of it --- */

static int say(struct getting *g, int error, const char *text)
{
    snprintf(g->result->problem, sizeof g->result->problem, "%s", text);
    return error;
}

static int judge_failure(struct getting *g, CURLcode code)
{
    static const struct {
        CURLcode code;
        int error;
    } errors[] = {
        {CURLE_PEER_FAILED_VERIFICATION, ERR_REFUSED}, {CURLE_SSL_CACERT_BADFILE, ERR_INVALID},
        {CURLE_SSL_CONNECT_ERROR, ERR_REFUSED},        {CURLE_COULDNT_CONNECT, ERR_REFUSED},
        {CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT},       {CURLE_PARTIAL_FILE, ERR_CLOSED},
        {CURLE_ABORTED_BY_CALLBACK, ERR_CLOSED},       {CURLE_OUT_OF_MEMORY, ERR_NOMEM},
        {CURLE_FILESIZE_EXCEEDED, ERR_LIMIT},
    };
    char text[256];
    if (g->out_of_memory)
        return say(g, ERR_NOMEM, err_text(ERR_NOMEM));
    if (g->too_large || code == CURLE_FILESIZE_EXCEEDED) {
        snprintf(text, sizeof text, "the list is larger than max-size (%llu bytes)",
                 (unsigned long long)g->request->max_bytes);
        return say(g, ERR_LIMIT, text);
    }
    say(g, 0, g->error[0] ? g->error : curl_easy_strerror(code));
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code)
            return errors[i].error;
    return ERR_MALFORMED;
}

static void take_header(struct getting *g, const char *name, char *out, size_t size)
{
    struct curl_header *header;
    bool there = curl_easy_header(g->curl, name, 0, CURLH_HEADER, -1, &header) == CURLHE_OK;
    bool fits = there && strlen(header->value) < size; /* half an ETag would never match */
    snprintf(out, size, "%s", fits ? header->value : "");
}

static void take_headers(struct getting *g)
{
    char text[32];
    curl_off_t received = 0;
    take_header(g, "etag", g->result->etag, sizeof g->result->etag);
    take_header(g, "last-modified", g->result->last_modified, sizeof g->result->last_modified);
    take_header(g, "retry-after", text, sizeof text);
    long after_s = strtol(text, NULL, 10);
    g->result->retry_after_s = after_s > 0 && after_s < 1 << 30 ? (uint32_t)after_s : 0;
    curl_easy_getinfo(g->curl, CURLINFO_SIZE_DOWNLOAD_T, &received);
    g->result->received_bytes = (uint64_t)received;
}

static bool was_conditional(const struct fetch_request *request)
{
    return (request->etag && *request->etag) || (request->last_modified && *request->last_modified);
}

static int judge_status(struct getting *g, CURLcode code)
{
    char text[64];
    g->result->status = status_of(g);
    if (g->result->status == 304 && was_conditional(g->request)) {
        g->result->unchanged = true;
        return 0;
    }
    if (g->result->status == 200)
        return code ? judge_failure(g, code) : 0;
    if (!g->result->status)
        return judge_failure(g, code);
    snprintf(text, sizeof text, "HTTP status %ld", g->result->status);
    return say(g, g->result->status == 404 ? ERR_NOT_FOUND : ERR_REFUSED, text);
}

/* --- one hop, and the next --- */

static int get(struct getting *g, CURLU *url, const char *host, uint32_t timeout_ms)
{
    struct curl_slist *headers = NULL, *addresses = NULL;
    g->result->status = 0;
    int error = add_addresses(g, host, port_of(url), &addresses);
    if (error)
        return error;
    set_options(g, url, timeout_ms);
    bool made = add_header(&headers, "If-None-Match", g->request->etag) &&
                add_header(&headers, "If-Modified-Since", g->request->last_modified);
    curl_easy_setopt(g->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(g->curl, CURLOPT_RESOLVE, addresses);
    g->error[0] = 0;
    g->result->length = 0;
    CURLcode code = made ? curl_easy_perform(g->curl) : CURLE_OUT_OF_MEMORY;
    error = judge_status(g, code);
    take_headers(g);
    curl_slist_free_all(headers);
    curl_slist_free_all(addresses);
    return error;
}

/* Moves `url` to where the answer points. True: there is somewhere to go on; otherwise *error says. */
static bool redirected(struct getting *g, CURLU *url, bool tls, int *error)
{
    struct fetch_url next;
    char text[512], problem[256] = "";
    const char *location = NULL;
    if (g->result->status < 301 || g->result->status > 308 || g->result->status == 304)
        return false;
    curl_easy_getinfo(g->curl, CURLINFO_REDIRECT_URL, &location);
    if (!location || fetch_url_parse(location, &next, problem, sizeof problem)) {
        snprintf(text, sizeof text, "HTTP status %ld that leads nowhere%s%s", g->result->status,
                 *problem ? ": " : "", problem);
        *error = say(g, ERR_REFUSED, text);
        return false;
    }
    if (tls && !next.tls) {
        snprintf(text, sizeof text, "a redirection from https to %.400s is not followed", next.shown);
        *error = say(g, ERR_REFUSED, text);
        return false;
    }
    return curl_url_set(url, CURLUPART_URL, location, 0) == CURLUE_OK;
}

static int follow(struct getting *g, CURLU *url)
{
    uint64_t end_ms = clock_mono_ms() + g->request->timeout_s * 1000ull;
    struct fetch_url parts;
    for (unsigned hops = 0; hops <= FETCH_REDIRECTS_MAX; hops++) {
        uint64_t now_ms = clock_mono_ms();
        if (now_ms >= end_ms)
            return say(g, ERR_TIMEOUT, "no answer within the time limit");
        if (!parse_parts(url, &parts, g->result->problem, sizeof g->result->problem))
            return ERR_INVALID;
        int error = get(g, url, parts.host, (uint32_t)(end_ms - now_ms));
        if (!redirected(g, url, parts.tls, &error))
            return error;
    }
    return say(g, ERR_REFUSED, "too many redirections");
}

int fetch(const struct fetch_request *request, struct fetch_result *result)
{
    *result = (struct fetch_result){0};
    struct getting g = {.request = request, .result = result};
    pthread_once(&once, init_library);
    CURLU *url = curl_url();
    g.curl = curl_easy_init();
    int error = url && g.curl ? 0 : ERR_NOMEM;
    if (!error && curl_url_set(url, CURLUPART_URL, request->url, 0) != CURLUE_OK)
        error = say(&g, ERR_INVALID, "not a URL");
    if (!error)
        error = follow(&g, url);
    if (error && !result->problem[0])
        say(&g, error, err_text(error));
    curl_easy_cleanup(g.curl);
    curl_url_cleanup(url);
    return error;
}

void fetch_result_fini(struct fetch_result *result)
{
    free(result->body);
    result->body = NULL;
}
