// SPDX-License-Identifier: GPL-3.0-or-later
#include "check_http_onion/options.h"

#include "check_http_onion/address.h"
#include "check_http_onion/endpoint.h"
#include "check_http_onion/usage.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The parser's hands: where it writes, and what it says when it refuses. */
struct parser {
    struct arena *arena;
    struct options *options;
    struct options_refusal *refusal;
};

static int refuse(struct parser *p, enum plugin_state state, bool usage, const char *text)
{
    *p->refusal = (struct options_refusal){.state = state, .text = text, .short_usage = usage};
    return text ? ERR_INVALID : ERR_NOMEM;
}

/* check_http's form of a usage error: "PROGRAM: what - the argument", then the short usage. */
static int refuse_argument(struct parser *p, const char *what, const char *argument)
{
    return refuse(p, STATE_UNKNOWN, true, arena_printf(p->arena, PROGRAM_NAME ": %s - %s\n", what, argument));
}

static int refuse_usage(struct parser *p, const char *what)
{
    return refuse(p, STATE_UNKNOWN, true, arena_printf(p->arena, PROGRAM_NAME ": %s\n", what));
}

/* A whole number that is not negative; an empty text counts as 0, as check_http has it. */
static bool read_count(const char *text, int *out)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    bool ok = !errno && !*end && value >= 0 && value <= INT_MAX;
    *out = ok ? (int)value : 0;
    return ok;
}

static bool read_seconds(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && isfinite(*out) && *out >= 0 && *out <= 86400.0 * 365;
}

static int set_help(struct parser *p, const char *argument)
{
    (void)argument;
    *p->refusal = (struct options_refusal){.state = STATE_UNKNOWN, .text = "", .full_help = true};
    return ERR_INVALID;
}

static int set_version(struct parser *p, const char *argument)
{
    (void)argument;
    return refuse(p, STATE_UNKNOWN, false,
                  PROGRAM_NAME " v" PROGRAM_VERSION " (candor " PROGRAM_VERSION ")\n");
}

static int set_host(struct parser *p, const char *argument)
{
    struct options *o = p->options;
    const char *colon = *argument == '[' ? strstr(argument, "]:") : strchr(argument, ':');
    if (colon && *argument == '[')
        colon++;
    else if (colon && strchr(colon + 1, ':'))
        colon = NULL; /* an IPv6 address without brackets */
    o->host_name = colon ? arena_printf(p->arena, "%.*s", (int)(colon - argument), argument) : argument;
    if (!colon)
        return 0;
    o->host_port = atoi(colon + 1);
    if (!o->port_given)
        o->port = o->host_port;
    return o->host_name ? 0 : ERR_NOMEM;
}

static int set_port(struct parser *p, const char *argument)
{
    if (!read_count(argument, &p->options->port))
        return refuse_argument(p, "Invalid port number", argument);
    p->options->port_given = true;
    return 0;
}

static void enable_tls(struct options *o)
{
    o->tls = true;
    if (!o->port_given)
        o->port = 443;
}

/* -S, -S1.2, -S1.2+. What follows the version is ignored unless it is a '+'. */
static int set_tls(struct parser *p, const char *argument)
{
    static const struct {
        const char *text;
        enum tls_version version;
    } versions[] = {{"1.1", TLS_1_1}, {"1.2", TLS_1_2}, {"1.3", TLS_1_3},
                    {"1", TLS_1_0},   {"2", TLS_SSL2},  {"3", TLS_SSL3}};
    struct options *o = p->options;
    enable_tls(o);
    for (size_t i = 0; argument && i < sizeof versions / sizeof *versions; i++) {
        if (strncmp(argument, versions[i].text, strlen(versions[i].text)))
            continue;
        o->tls_min = versions[i].version;
        o->tls_max = strchr(argument, '+') ? TLS_ANY : versions[i].version;
        return 0;
    }
    return argument ? refuse_usage(p, "Invalid option - Valid SSL/TLS versions: 2, 3, 1, 1.1, 1.2, 1.3 "
                                      "(with optional '+' suffix)")
                    : 0;
}

static int set_certificate(struct parser *p, const char *argument)
{
    struct options *o = p->options;
    const char *comma = strchr(argument, ',');
    const char *warn = comma ? arena_printf(p->arena, "%.*s", (int)(comma - argument), argument) : argument;
    if (!warn)
        return ERR_NOMEM;
    o->certificate_crit_days = 0;
    if (!read_count(warn, &o->certificate_warn_days))
        return refuse_argument(p, "Invalid certificate expiration period", warn);
    if (comma && !read_count(comma + 1, &o->certificate_crit_days))
        return refuse_argument(p, "Invalid certificate expiration period", comma + 1);
    o->check_certificate = true;
    enable_tls(o);
    return 0;
}

static int set_tls_file(struct parser *p, const char *argument, const char **out)
{
    if (access(argument, R_OK))
        return refuse_argument(p, "file does not exist or is not readable", argument);
    *out = argument;
    enable_tls(p->options);
    return 0;
}

static int set_client_cert(struct parser *p, const char *argument)
{
    return set_tls_file(p, argument, &p->options->client_cert);
}

static int set_client_key(struct parser *p, const char *argument)
{
    return set_tls_file(p, argument, &p->options->client_key);
}

static int set_header(struct parser *p, const char *argument)
{
    if (p->options->header_count == HEADERS_MAX)
        return refuse_usage(p, "too many -k");
    p->options->headers[p->options->header_count++] = argument;
    return 0;
}

static int set_post(struct parser *p, const char *argument)
{
    struct options *o = p->options;
    if (!o->post_data)
        o->post_data = argument;
    if (!o->method)
        o->method = "POST";
    return 0;
}

static int set_linespan(struct parser *p, const char *argument)
{
    (void)argument;
    p->options->pattern_flags &= ~REG_NEWLINE;
    return 0;
}

static int set_pattern(struct parser *p, const char *argument)
{
    struct options *o = p->options;
    char *cut = arena_printf(p->arena, "%.*s", PATTERN_MAX - 1, argument), why[200];
    if (!cut)
        return ERR_NOMEM;
    if (o->has_pattern)
        regfree(&o->pattern);
    int error = regcomp(&o->pattern, cut, o->pattern_flags);
    o->has_pattern = !error;
    if (!error)
        return 0;
    regerror(error, &o->pattern, why, sizeof why);
    return refuse(p, STATE_UNKNOWN, true,
                  arena_printf(p->arena,
                               "Could Not Compile Regular Expression: %s" PROGRAM_NAME
                               ": Could not parse arguments\n",
                               why));
}

static int set_pattern_any_case(struct parser *p, const char *argument)
{
    p->options->pattern_flags |= REG_ICASE;
    return set_pattern(p, argument);
}

/* MIN or MIN:MAX; unreadable numbers are 0, which is no bound. */
static int set_page_size(struct parser *p, const char *argument)
{
    const char *min = argument + strspn(argument, ":"), *colon = strchr(min, ':');
    if (strchr(argument, ':') && (!colon || !colon[strspn(colon, ":")]))
        return refuse(p, STATE_WARNING, false, "Bad format: try \"-m min:max\"\n");
    p->options->size_min = atoi(min);
    if (colon)
        p->options->size_max = atoi(colon + 1);
    return 0;
}

static int set_max_age(struct parser *p, const char *argument)
{
    size_t length = strlen(argument);
    char unit = length ? argument[length - 1] : 'x';
    int factor = unit == 'd'                    ? 86400
                 : unit == 'h'                  ? 3600
                 : unit == 'm'                  ? 60
                 : unit == 's' || isdigit(unit) ? 1
                                                : 0;
    if (!factor)
        return refuse(p, STATE_WARNING, false, arena_printf(p->arena, "unparsable max-age: %s\n", argument));
    long long age_s = atoll(argument) * factor;
    p->options->max_age_s = age_s > INT_MAX ? INT_MAX : age_s < -1 ? -1 : (int)age_s;
    return 0;
}

static int set_on_redirect(struct parser *p, const char *argument)
{
    static const struct {
        const char *word;
        enum redirect_mode mode;
        enum plugin_state state;
        bool sticky_host, sticky_port;
    } modes[] = {{"ok", REDIRECT_STATE, STATE_OK, 0, 0},
                 {"warning", REDIRECT_STATE, STATE_WARNING, 0, 0},
                 {"critical", REDIRECT_STATE, STATE_CRITICAL, 0, 0},
                 {"unknown", REDIRECT_STATE, STATE_UNKNOWN, 0, 0},
                 {"follow", REDIRECT_FOLLOW, STATE_OK, 0, 0},
                 {"sticky", REDIRECT_FOLLOW, STATE_OK, 1, 0},
                 {"stickyport", REDIRECT_FOLLOW, STATE_OK, 1, 1}};
    struct options *o = p->options;
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(argument, modes[i].word)) {
            o->on_redirect = modes[i].mode;
            o->redirect_state = modes[i].state;
            o->sticky_host = modes[i].sticky_host;
            o->sticky_port = modes[i].sticky_port;
            return 0;
        }
    return refuse_argument(p, "Invalid onredirect option", argument);
}

static int set_redirects_max(struct parser *p, const char *argument)
{
    return read_count(argument, &p->options->redirects_max)
               ? 0
               : refuse_argument(p, "Invalid max_redirs count", argument);
}

static int set_timeout(struct parser *p, const char *argument)
{
    if (!read_count(argument, &p->options->timeout_s))
        return refuse_argument(p, "Timeout interval must be a positive integer", argument);
    p->options->timeout_given = true;
    return 0;
}

static int set_state(struct parser *p, const char *argument, enum plugin_state *out)
{
    for (enum plugin_state s = STATE_OK; s <= STATE_UNKNOWN; s++)
        if (!strcasecmp(argument, state_text(s)) || (isdigit(*argument) && atoi(argument) == (int)s)) {
            *out = s;
            return 0;
        }
    return refuse_argument(p, "not a state (ok, warning, critical, unknown)", argument);
}

static int set_timeout_state(struct parser *p, const char *argument)
{
    return set_state(p, argument, &p->options->timeout_state);
}

static int set_output(struct parser *p, const char *argument)
{
    p->options->output = !strcmp(argument, "prometheus") ? OUTPUT_PROMETHEUS : OUTPUT_PLUGIN;
    return p->options->output == OUTPUT_PLUGIN && strcmp(argument, "plugin")
               ? refuse_argument(p, "--output is plugin or prometheus", argument)
               : 0;
}

static int set_socks(struct parser *p, const char *argument)
{
    int error = endpoint_from_text(p->arena, argument, &p->options->socks);
    p->options->socks_given = true;
    return error == ERR_INVALID ? refuse_argument(p, "--socks is HOST:PORT or a path", argument) : error;
}

static int set_control(struct parser *p, const char *argument)
{
    int error = endpoint_from_text(p->arena, argument, &p->options->control);
    p->options->has_control = true;
    return error == ERR_INVALID ? refuse_argument(p, "--control is HOST:PORT or a path", argument) : error;
}

static int set_circuits(struct parser *p, const char *argument)
{
    int *circuits = &p->options->circuits;
    if (!read_count(argument, circuits) || *circuits < 1 || *circuits > CIRCUITS_MAX)
        return refuse_argument(p, "--circuits is a number from 1 to 16", argument);
    return 0;
}

static int set_circuits_warn(struct parser *p, const char *argument)
{
    return read_count(argument, &p->options->circuits_warn)
               ? 0
               : refuse_argument(p, "--warn-circuits is a number", argument);
}

static int set_hedge(struct parser *p, const char *argument)
{
    return read_seconds(argument, &p->options->hedge_s) ? 0
                                                        : refuse_argument(p, "--hedge is seconds", argument);
}

static int set_patience(struct parser *p, const char *argument)
{
    return read_seconds(argument, &p->options->patience_s)
               ? 0
               : refuse_argument(p, "--patience is seconds", argument);
}

static int set_reference(struct parser *p, const char *argument)
{
    struct options *o = p->options;
    char *name = arena_printf(p->arena, "%.*s", (int)strcspn(argument, ":"), argument);
    if (!name)
        return ERR_NOMEM;
    if (onion_judge(name, NULL) != ONION_V3)
        return refuse_argument(p, "--reference is the address of an onion service (v3)", argument);
    if (o->reference_count == REFERENCES_MAX)
        return refuse_usage(p, "too many --reference");
    o->references[o->reference_count++] = argument;
    return 0;
}

/* A row: a handler, or a place for the argument (text) or for true (flag). */
struct option_row {
    const char *name; /* long name, or NULL */
    int letter;       /* its short form, or 0 */
    int argument;     /* no_argument, required_argument, optional_argument */
    int (*set)(struct parser *p, const char *argument);
    size_t text_at, flag_at; /* offset + 1 into struct options; 0: none */
};

#define TEXT(member) .text_at = offsetof(struct options, member) + 1
#define FLAG(member) .flag_at = offsetof(struct options, member) + 1

static const struct option_row rows[] = {
    {"help", 'h', no_argument, set_help, 0, 0},
    {"version", 'V', no_argument, set_version, 0, 0},
    {"verbose", 'v', no_argument, NULL, FLAG(verbose)},
    {"timeout", 't', required_argument, set_timeout, 0, 0},
    {"critical", 'c', required_argument, NULL, TEXT(crit_text)},
    {"warning", 'w', required_argument, NULL, TEXT(warn_text)},
    {"hostname", 'H', required_argument, set_host, 0, 0},
    {"link", 'L', no_argument, NULL, FLAG(link)},
    {"nohtml", 'n', no_argument, NULL, 0, 0},
    {"ssl", 'S', optional_argument, set_tls, 0, 0},
    {"sni", 0, no_argument, NULL, FLAG(sni)},
    {"post", 'P', required_argument, set_post, 0, 0},
    {"method", 'j', required_argument, NULL, TEXT(method)},
    {"IP-address", 'I', required_argument, NULL, TEXT(address)},
    {"url", 'u', required_argument, NULL, TEXT(path)},
    {"port", 'p', required_argument, set_port, 0, 0},
    {"authorization", 'a', required_argument, NULL, TEXT(authorization)},
    {"proxy-authorization", 'b', required_argument, NULL, TEXT(proxy_authorization)},
    {"header-string", 'd', required_argument, NULL, TEXT(header_string)},
    {"string", 's', required_argument, NULL, TEXT(body_string)},
    {"expect", 'e', required_argument, NULL, TEXT(expect)},
    {"regex", 'r', required_argument, set_pattern, 0, 0},
    {"ereg", 'r', required_argument, set_pattern, 0, 0},
    {"eregi", 'R', required_argument, set_pattern_any_case, 0, 0},
    {"linespan", 'l', no_argument, set_linespan, 0, 0},
    {"onredirect", 'f', required_argument, set_on_redirect, 0, 0},
    {"certificate", 'C', required_argument, set_certificate, 0, 0},
    {"client-cert", 'J', required_argument, set_client_cert, 0, 0},
    {"private-key", 'K', required_argument, set_client_key, 0, 0},
    {"continue-after-certificate", 0, no_argument, NULL, FLAG(continue_after_certificate)},
    {"useragent", 'A', required_argument, NULL, TEXT(user_agent)},
    {"header", 'k', required_argument, set_header, 0, 0},
    {"no-body", 'N', no_argument, NULL, FLAG(ignore_body)},
    {"max-age", 'M', required_argument, set_max_age, 0, 0},
    {"content-type", 'T', required_argument, NULL, TEXT(content_type)},
    {"pagesize", 'm', required_argument, set_page_size, 0, 0},
    {"invert-regex", 0, no_argument, NULL, FLAG(invert_pattern)},
    {"use-ipv4", '4', no_argument, NULL, FLAG(ipv4_only)},
    {"use-ipv6", '6', no_argument, NULL, FLAG(ipv6_only)},
    {"extended-perfdata", 'E', no_argument, NULL, FLAG(extended_perfdata)},
    {"show-body", 'B', no_argument, NULL, FLAG(show_body)},
    {"max-redirs", 0, required_argument, set_redirects_max, 0, 0},
    /* ours */
    {"timeout-result", 0, required_argument, set_timeout_state, 0, 0},
    {"output", 0, required_argument, set_output, 0, 0},
    {"socks", 0, required_argument, set_socks, 0, 0},
    {"circuits", 0, required_argument, set_circuits, 0, 0},
    {"warn-circuits", 0, required_argument, set_circuits_warn, 0, 0},
    {"hedge", 0, required_argument, set_hedge, 0, 0},
    {"reference", 0, required_argument, set_reference, 0, 0},
    {"control", 0, required_argument, set_control, 0, 0},
    {"cookie", 0, required_argument, NULL, TEXT(cookie_file)},
    {"control-password-file", 0, required_argument, NULL, TEXT(control_password_file)},
    {"tor-critical", 0, no_argument, NULL, FLAG(tor_critical)},
    {"auth-critical", 0, no_argument, NULL, FLAG(auth_critical)},
    {"state", 0, required_argument, NULL, TEXT(state_file)},
    {"patience", 0, required_argument, set_patience, 0, 0},
};
enum {
    ROWS = sizeof rows / sizeof *rows,
    LETTERLESS = 0x1000 /* getopt's value of a row without a letter */
};

static int apply(struct parser *p, const struct option_row *row, const char *argument)
{
    if (row->set)
        return row->set(p, argument);
    if (row->text_at)
        *(const char **)((char *)p->options + row->text_at - 1) = argument;
    if (row->flag_at)
        *(bool *)((char *)p->options + row->flag_at - 1) = true;
    if (row->letter == 'n')
        p->options->link = false;
    return 0;
}

static const struct option_row *row_of(int value)
{
    for (size_t i = 0; i < ROWS; i++)
        if (value >= LETTERLESS ? (size_t)(value - LETTERLESS) == i : rows[i].letter == value)
            return &rows[i];
    return NULL;
}

/* getopt_long's tables, made of ours. */
static void getopt_tables(struct option *longs, char *shorts)
{
    for (size_t i = 0; i < ROWS; i++) {
        int value = rows[i].letter ? rows[i].letter : LETTERLESS + (int)i;
        longs[i] = (struct option){rows[i].name, rows[i].argument, NULL, value};
        if (!rows[i].letter)
            continue;
        *shorts++ = (char)rows[i].letter;
        for (int colons = rows[i].argument; colons > 0; colons--)
            *shorts++ = ':';
    }
    longs[ROWS] = (struct option){0};
    *shorts = 0;
}

/* Spellings of the 1990s that check_http still takes. */
static void modernise(int argc, char **argv)
{
    static const char *const old[][2] = {
        {"-to", "-t"}, {"-hn", "-H"}, {"-wt", "-w"}, {"-ct", "-c"}, {"-nohtml", "-n"}};
    for (int i = 1; i < argc; i++)
        for (size_t j = 0; j < sizeof old / sizeof *old; j++)
            if (!strcmp(argv[i], old[j][0]))
                argv[i] = (char *)old[j][1];
}

/* What getopt_long() does not know, or lacks a value: optopt is its letter, 0 or a row when it is a long one.
 */
static int refuse_option(struct parser *p, char **argv)
{
    const char letter[] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > ' ' && optopt < 0x7f;
    return refuse_argument(p, "Unknown option, or its value is missing",
                           is_letter ? letter : argv[optind - 1]);
}

static int parse_words(struct parser *p, int argc, char **argv)
{
    struct option longs[ROWS + 1];
    char shorts[ROWS * 3 + 1];
    int value, error = 0;
    getopt_tables(longs, shorts);
    optind = 0; /* the GNU way to begin afresh */
    opterr = 0; /* monitoring shows what is on standard output */
    while (!error && (value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        const struct option_row *row = value == '?' ? NULL : row_of(value);
        error = row ? apply(p, row, optarg) : refuse_option(p, argv);
    }
    if (error)
        return error;
    if (!p->options->address && optind < argc)
        p->options->address = argv[optind++];
    if (!p->options->host_name && optind < argc)
        p->options->host_name = argv[optind++];
    return 0;
}

static int read_threshold(struct parser *p, const char *text, struct range *out, bool *given)
{
    *given = text != NULL;
    return text && range_from_text_lenient(text, out)
               ? refuse(p, STATE_UNKNOWN, false, "Range format incorrect\n")
               : 0;
}

/* TOR_SOCKS_HOST and TOR_SOCKS_PORT, as Tor's own tools have them. */
static int socks_from_environment(struct parser *p)
{
    const char *host = getenv("TOR_SOCKS_HOST"), *port = getenv("TOR_SOCKS_PORT");
    int number = 9050;
    p->options->socks = (struct endpoint){.host = host && *host ? host : "127.0.0.1", .port = 9050};
    if (port && *port && (!read_count(port, &number) || number < 1 || number > 65535))
        return refuse_argument(p, "TOR_SOCKS_PORT is not a port", port);
    p->options->socks.port = (uint16_t)number;
    return 0;
}

static const struct options defaults = {
    .port = 80,
    .path = "/",
    .user_agent = "check_http/v2.3.3 (monitoring-plugins 2.3.3)",
    .pattern_flags = REG_EXTENDED | REG_NOSUB | REG_NEWLINE,
    .max_age_s = -1,
    .redirects_max = 15,
    .timeout_state = STATE_CRITICAL,
    .control = {.host = "127.0.0.1", .port = 9051},
    .circuits = 3,
    .hedge_s = 5,
};

/* What depends on more than one option. */
static int complete(struct parser *p)
{
    struct options *o = p->options;
    if (!o->address && !o->host_name)
        return refuse_usage(p, "You must specify a server address or host name");
    if (!o->address)
        o->address = o->host_name;
    int error = read_threshold(p, o->warn_text, &o->warn, &o->has_warn);
    if (!error)
        error = read_threshold(p, o->crit_text, &o->crit, &o->has_crit);
    if (error)
        return error;
    const char *target = o->host_name && onion_is(o->host_name) ? o->host_name : o->address;
    if (!o->timeout_given)
        o->timeout_s = onion_is(target) ? TIMEOUT_ONION_S : TIMEOUT_CLEAR_S;
    if (o->has_crit && isfinite(o->crit.end) && o->crit.end > o->timeout_s)
        o->timeout_s = o->crit.end < INT_MAX - 1 ? (int)o->crit.end + 1 : INT_MAX;
    if (!o->method)
        o->method = "GET";
    if (o->client_cert && !o->client_key)
        return refuse_usage(p, "If you use a client certificate you must also specify a private key file");
    if (o->patience_s > 0 && !o->state_file)
        return refuse_usage(p, "--patience needs --state FILE");
    return 0;
}

int options_parse(struct arena *arena, int argc, char **argv, struct options *out,
                  struct options_refusal *refusal)
{
    struct parser p = {arena, out, refusal};
    *out = defaults;
    *refusal = (struct options_refusal){.text = ""};
    if (argc < 2)
        return refuse_usage(&p, "Could not parse arguments");
    modernise(argc, argv);
    int error = socks_from_environment(&p);
    if (!error)
        error = parse_words(&p, argc, argv);
    return error ? error : complete(&p);
}

void options_fini(struct options *options)
{
    if (options->has_pattern)
        regfree(&options->pattern);
    options->has_pattern = false;
}
