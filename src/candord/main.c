/* SPDX-License-Identifier: GPL-3.0-or-later */
/* candord: a DNS resolver whose policy is RPZ, and who says so. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "candord/daemon.h"
#include "version.h"

static const char usage[] =
    "usage: candord [-c FILE] [-p PORT] [--control SOCKET] [-u USER] [-t]\n"
    "  -c FILE           configuration, in BIND's form (default /etc/candor/named.conf)\n"
    "  -p PORT           listen on this port instead of the configured ones\n"
    "  --control SOCKET  control socket instead of the configured one\n"
    "  -u USER           become this user once the sockets are open\n"
    "  -t                check the configuration and every zone it names, then end\n"
    "  -V                print the version\n"
    "See candord(8) and candord.conf(5).\n";

struct arguments {
    struct daemon_options daemon;
    bool check;
};

static int parse_port(const char *text)
{
    char *end;
    unsigned long port = strtoul(text, &end, 10);
    return *text && !*end && port > 0 && port < 65536 ? (int)port : -1;
}

/* 0: go on; otherwise the exit status + 1. */
static int parse_arguments(int argc, char **argv, struct arguments *out)
{
    static const struct option long_options[] = {{"control", required_argument, NULL, 'C'},
                                                 {"help", no_argument, NULL, 'h'},
                                                 {"version", no_argument, NULL, 'V'},
                                                 {0}};
    int option;
    out->daemon.config_file = "/etc/candor/named.conf";
    while ((option = getopt_long(argc, argv, "c:p:u:tVhfg", long_options, NULL)) != -1) {
        int port;
        switch (option) {
        case 'c':
            out->daemon.config_file = optarg;
            break;
        case 'p':
            if ((port = parse_port(optarg)) < 0) {
                fprintf(stderr, "candord: -p wants a port from 1 to 65535, not '%s'\n", optarg);
                return 2 + 1;
            }
            out->daemon.port = (uint16_t)port;
            break;
        case 'C':
            out->daemon.control = optarg;
            break;
        case 'u':
            out->daemon.user = optarg;
            break;
        case 't':
            out->check = true;
            break;
        case 'f':
        case 'g': /* named's: foreground, which is all we do */
            break;
        case 'V':
            puts("candord " CANDOR_VERSION);
            return 0 + 1;
        case 'h':
            fputs(usage, stdout);
            return 0 + 1;
        default:
            fputs(usage, stderr);
            return 2 + 1;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "candord: what is '%s'?\n%s", argv[optind], usage);
        return 2 + 1;
    }
    return 0;
}

static void print_problem(void *context, const struct config_problem *problem)
{
    (void)context;
    printf("%s:%u: %s%s\n", problem->file, problem->line,
           problem->error ? "" : "warning: ", problem->message);
}

/* Certificates are read as a start would read them. */
static unsigned check_tls(const struct config *config, const char *file)
{
    struct tls_servers *servers = NULL;
    char problem[512];
    int error = tls_servers_new(config, &servers, problem, sizeof problem);
    if (error)
        printf("%s: TLS cannot be served: %s\n", file, problem);
    else
        tls_servers_free(servers);
    return error != 0;
}

static int check(const struct daemon_options *options)
{
    const struct config_read_options read = {.file = options->config_file,
                                             .port = options->port,
                                             .control = options->control,
                                             .problem = print_problem};
    struct config *config;
    int error = config_read(&read, &config);
    if (error == ERR_NOMEM)
        printf("%s: %s\n", options->config_file, err_text(error));
    if (error)
        return 1;
    unsigned errors = keeper_check(config, stdout) + check_tls(config, options->config_file);
    config_free(config);
    return errors ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {0};
    static struct daemon daemon;
    int ended = parse_arguments(argc, argv, &arguments);
    if (ended)
        return ended - 1;
    if (arguments.check)
        return check(&arguments.daemon);
    int error = daemon_start(&daemon, &arguments.daemon);
    if (!error)
        daemon_run(&daemon);
    daemon_stop(&daemon);
    return error ? 1 : 0;
}
