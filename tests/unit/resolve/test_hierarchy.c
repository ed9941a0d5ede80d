/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The resolver against a private, signed DNS hierarchy with broken corners (tests/support/dnsroot.py, which
 * runs nsd on loopback addresses of its own). Skipped where that cannot be brought up (no nsd, no right to
 * bind port 53). */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <urcu-qsbr.h>

#include <cmocka.h>

#include "asker.h"
#include "dns/consts.h"
#include "dns/name.h"

static struct {
    char directory[64];
    char hints[96];
    char anchor[1024];
    pid_t servers;
    bool up;
    struct asker asker;
} world;

/* Asks a server for the root's NS over UDP until it says anything. */
static bool server_answers(const char *address_text)
{
    static const uint8_t query[] = {0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};
    struct ip_address address;
    union sockaddr_any to;
    uint8_t answer[512];
    if (ip_from_text(address_text, &address))
        return false;
    socklen_t length = ip_to_sockaddr(&address, 53, &to);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool answered = false;
    for (int i = 0; i < 200 && !answered; i++) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        sendto(fd, query, sizeof query, 0, &to.any, length);
        if (poll(&wait, 1, 25) == 1)
            answered = recv(fd, answer, sizeof answer, 0) > 0;
        if (!answered && waitpid(world.servers, NULL, WNOHANG) != 0)
            break;
    }
    close(fd);
    return answered;
}

static bool servers_answer(const char *net)
{
    static const char *const hosts[] = {"0.1", "1.1", "2.1", "10.1", "18.1"}; /* one of each nsd */
    char address[IP_TEXT_MAX];
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        snprintf(address, sizeof address, "%s.%s", net, hosts[i]);
        if (!server_answers(address))
            return false;
    }
    return true;
}

static void end_servers(void)
{
    if (world.servers > 0) {
        kill(world.servers, SIGTERM);
        waitpid(world.servers, NULL, 0);
    }
    world.servers = 0;
}

static bool start_servers(const char *net)
{
    const char *script = getenv("DNSROOT");
    world.servers = fork();
    if (world.servers == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execl("/usr/bin/python3", "python3", script ? script : "tests/support/dnsroot.py", world.directory,
              "--net", net, "--load", "3", (char *)NULL);
        _exit(127);
    }
    world.up = world.servers > 0 && servers_answer(net);
    if (!world.up)
        end_servers();
    return world.up;
}

static bool read_anchor(void)
{
    char path[96];
    snprintf(path, sizeof path, "%s/root.key", world.directory);
    FILE *file = fopen(path, "r");
    bool got = file && fgets(world.anchor, sizeof world.anchor, file);
    if (file)
        fclose(file);
    world.anchor[strcspn(world.anchor, "\n")] = 0;
    return got;
}

static int bring_up(void **state)
{
    (void)state;
    char net[32];
    rcu_register_thread();
    strcpy(world.directory, "/tmp/candor-hierarchy-XXXXXX");
    if (!mkdtemp(world.directory))
        return -1;
    for (int attempt = 0; attempt < 3 && !world.up; attempt++) {
        snprintf(net, sizeof net, "127.%d", 100 + (getpid() + attempt * 37) % 140);
        start_servers(net);
    }
    if (!world.up)
        return 0;
    snprintf(world.hints, sizeof world.hints, "%s/root.hints", world.directory);
    assert_true(read_anchor());
    struct resolver_options options = asker_options();
    const char *anchors[] = {world.anchor};
    options.validate = true;
    options.anchors = anchors;
    options.anchor_count = 1;
    options.hints_file = world.hints;
    return asker_open(&world.asker, &options);
}

static int take_down(void **state)
{
    (void)state;
    char command[128];
    if (world.up)
        asker_close(&world.asker);
    end_servers();
    snprintf(command, sizeof command, "rm -rf %s", world.directory);
    int failed = system(command);
    rcu_unregister_thread();
    return failed;
}

static struct truth *ask(const char *name, uint16_t qtype)
{
    if (!world.up)
        skip();
    struct answer_shown shown = asker_ask(&world.asker, name, qtype);
    assert_int_equal(shown.error, 0);
    assert_non_null(shown.truth);
    return shown.truth;
}

static void assert_answer(const char *name, uint16_t qtype, enum truth_security security, const char *plain)
{
    struct truth *truth = ask(name, qtype);
    assert_string_equal(wire_text(truth, &truth->plain), plain);
    assert_int_equal(truth->security, security);
    assert_int_equal(truth->rcode, RCODE_NOERROR);
    truth_unref(truth);
}

static void signed_names_are_secure_and_their_signatures_kept_apart(void **state)
{
    (void)state;
    struct truth *truth = ask("www.signed.alpha.", TYPE_A);
    assert_int_equal(truth->security, TRUTH_SECURE);
    assert_true(truth->has_sigs);
    assert_int_equal(truth->zone_labels, 2);
    assert_string_equal(wire_text(truth, &truth->plain), "0 www.signed.alpha. 300 A 192.0.2.10\n");
    assert_non_null(strstr(wire_text(truth, &truth->full), "RRSIG A 13 3 300"));
    truth_unref(truth);
}

static void unsigned_names_are_insecure(void **state)
{
    (void)state;
    assert_answer("www.plain.alpha.", TYPE_A, TRUTH_INSECURE, "0 www.plain.alpha. 300 A 192.0.2.12\n");
}

static void assert_bogus(const char *name, int ede)
{
    struct truth *truth = ask(name, TYPE_A);
    assert_int_equal(truth->security, TRUTH_BOGUS);
    assert_int_equal(truth->ede, ede);
    assert_non_null(truth->ede_text);
    assert_true(truth->plain.counts[0] == 1); /* for those who set CD */
    assert_false(truth->failed);
    assert_true(truth->expires_ms <= truth->fetched_ms + BOGUS_TTL_S * 1000);
    truth_unref(truth);
}

static void a_wrong_signature_is_bogus(void **state)
{
    (void)state;
    assert_bogus("www.bogus.alpha.", EDE_DNSSEC_BOGUS);
}

static void an_expired_signature_is_bogus(void **state)
{
    (void)state;
    assert_bogus("www.expired.beta.", EDE_SIGNATURE_EXPIRED);
}

static void a_key_that_the_parent_does_not_know_is_bogus(void **state)
{
    (void)state;
    assert_bogus("www.wrongds.beta.", EDE_DNSKEY_MISSING);
}

static void a_missing_name_has_the_soa_and_its_ttl(void **state)
{
    (void)state;
    struct truth *truth = ask("nope.nsec3.alpha.", TYPE_A);
    assert_int_equal(truth->rcode, RCODE_NXDOMAIN);
    assert_int_equal(truth->security, TRUTH_SECURE);
    assert_int_equal(truth->plain.counts[0], 0);
    assert_int_equal(truth->plain.counts[1], 1);
    assert_int_equal(truth->plain.answer_end, 0);
    assert_non_null(strstr(wire_text(truth, &truth->plain), "1 nsec3.alpha. 60 SOA"));
    assert_null(strstr(wire_text(truth, &truth->plain), "NSEC"));
    assert_non_null(strstr(wire_text(truth, &truth->full), "NSEC3"));
    assert_int_equal(truth->expires_ms - truth->fetched_ms, 60000);
    assert_int_equal(truth->zone_labels, 2);
    truth_unref(truth);
}

static void a_missing_type_is_an_empty_answer(void **state)
{
    (void)state;
    struct truth *truth = ask("ok.signed.alpha.", TYPE_AAAA);
    assert_int_equal(truth->rcode, RCODE_NOERROR);
    assert_int_equal(truth->plain.counts[0], 0);
    assert_int_equal(truth->plain.counts[1], 1);
    truth_unref(truth);
}

static void a_wildcard_answer_keeps_its_proof_for_do(void **state)
{
    (void)state;
    struct truth *truth = ask("x.wild.signed.alpha.", TYPE_A);
    assert_int_equal(truth->security, TRUTH_SECURE);
    assert_string_equal(wire_text(truth, &truth->plain), "0 x.wild.signed.alpha. 300 A 192.0.2.10\n");
    assert_non_null(strstr(wire_text(truth, &truth->full), "\n1 "));
    assert_non_null(strstr(wire_text(truth, &truth->full), "NSEC"));
    truth_unref(truth);
}

static void dnssec_types_are_given_when_asked_for(void **state)
{
    (void)state;
    struct truth *truth = ask("signed.alpha.", TYPE_NSEC);
    assert_non_null(strstr(wire_text(truth, &truth->plain), " NSEC "));
    assert_int_equal(truth->plain.counts[0], 1);
    assert_int_equal(truth->full.counts[0], 2);
    truth_unref(truth);
}

static void a_chain_has_a_link_for_each_name(void **state)
{
    (void)state;
    struct truth *truth = ask("c1.cdn.beta.", TYPE_A);
    assert_string_equal(wire_text(truth, &truth->plain), "0 c1.cdn.beta. 300 CNAME c2.cdn.beta.\n"
                                                         "0 c2.cdn.beta. 300 CNAME c3.cdn.beta.\n"
                                                         "0 c3.cdn.beta. 300 CNAME www.plain.alpha.\n"
                                                         "0 www.plain.alpha. 300 A 192.0.2.12\n");
    assert_int_equal(truth->link_count, 4);
    assert_memory_equal(truth->links[3].name, "\3www\5plain\5alpha", 17);
    assert_int_equal(truth->links[3].record_count, 3);
    assert_int_equal(truth->links[3].address_count, 1);
    assert_int_equal(truth->links[3].addresses[0].bytes[3], 12);
    assert_int_equal(truth->links[0].wire_end, 0);
    assert_int_equal(truth->links[0].address_count, 0);
    assert_true(truth->links[3].wire_end < truth->plain.answer_end);
    truth_unref(truth);
}

static void a_dname_stands_before_the_cname_it_makes(void **state)
{
    (void)state;
    struct truth *truth = ask("www.dn.cdn.beta.", TYPE_A);
    assert_string_equal(wire_text(truth, &truth->plain), "0 dn.cdn.beta. 300 DNAME plain.alpha.\n"
                                                         "0 www.dn.cdn.beta. 300 CNAME www.plain.alpha.\n"
                                                         "0 www.plain.alpha. 300 A 192.0.2.12\n");
    assert_int_equal(truth->link_count, 2);
    assert_int_equal(truth->links[1].record_count, 2);
    truth_unref(truth);
}

static void a_dname_stands_before_a_cname_that_was_asked_for(void **state)
{
    (void)state;
    const char *both = "0 dn.cdn.beta. 300 DNAME plain.alpha.\n"
                       "0 alias.dn.cdn.beta. 300 CNAME alias.plain.alpha.\n";
    truth_unref(ask("dn.cdn.beta.", TYPE_DNAME)); /* then the CNAME is made without asking anybody */
    struct truth *truth = ask("alias.dn.cdn.beta.", TYPE_CNAME);
    assert_string_equal(wire_text(truth, &truth->plain), both);
    assert_int_equal(truth->link_count, 1);
    truth_unref(truth);
}

static void a_chain_to_a_missing_name_has_both(void **state)
{
    (void)state;
    struct truth *truth = ask("tonx.cdn.beta.", TYPE_A);
    assert_int_equal(truth->rcode, RCODE_NXDOMAIN);
    assert_int_equal(truth->plain.counts[0], 1);
    assert_int_equal(truth->plain.counts[1], 1);
    assert_int_equal(truth->link_count, 2);
    truth_unref(truth);
}

static void assert_failed(const char *name)
{
    struct truth *truth = ask(name, TYPE_A);
    assert_true(truth->failed);
    assert_int_equal(truth->rcode, RCODE_SERVFAIL);
    assert_int_equal(truth->ede, EDE_NO_REACHABLE_AUTHORITY);
    assert_int_equal(truth->plain.length, 0);
    truth_unref(truth);
}

static void a_chain_that_is_too_long_fails(void **state)
{
    (void)state;
    assert_failed("l0.cdn.beta.");
}

static void a_chain_that_never_ends_is_no_hang(void **state)
{
    (void)state;
    struct truth *truth = ask("loop1.cdn.beta.", TYPE_A);
    assert_true(truth->failed || truth->plain.counts[0] == 2);
    truth_unref(truth);
}

static void a_refusing_server_is_a_failure_that_is_remembered(void **state)
{
    (void)state;
    assert_failed("www.refused.beta.");
    assert_non_null(asker_cached(&world.asker, "www.refused.beta.", TYPE_A));
}

static void a_big_answer_comes_whole(void **state)
{
    (void)state;
    struct truth *truth = ask("big.cdn.beta.", TYPE_TXT);
    assert_int_equal(truth->plain.counts[0], 40);
    assert_true(truth->plain.length > 40 * 90);
    assert_non_null(strstr(wire_text(truth, &truth->plain), "\"39-xxxx"));
    truth_unref(truth);
}

static void an_answer_that_lives_for_no_time_is_given_but_not_cached(void **state)
{
    (void)state;
    assert_answer("ttl0.cdn.beta.", TYPE_A, TRUTH_INSECURE, "0 ttl0.cdn.beta. 0 A 192.0.2.121\n");
    assert_null(asker_cached(&world.asker, "ttl0.cdn.beta.", TYPE_A));
    assert_answer("ttl0.cdn.beta.", TYPE_A, TRUTH_INSECURE, "0 ttl0.cdn.beta. 0 A 192.0.2.121\n");
}

static void the_special_names_of_libunbound_are_asked_like_others(void **state)
{
    (void)state;
    static const char *const names[] = {"localhost.", "x.test.", "1.0.0.127.in-addr.arpa.", "x.onion.",
                                        "1.0.0.10.in-addr.arpa."};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct truth *truth = ask(names[i], TYPE_A); /* the private root has none of them */
        assert_int_equal(truth->rcode, RCODE_NXDOMAIN);
        assert_non_null(strstr(wire_text(truth, &truth->plain), "a.rootns."));
        truth_unref(truth);
    }
}

static bool file_has(const char *path, const char *word)
{
    char text[8192];
    FILE *file = fopen(path, "r");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = 0;
    return strstr(text, word) != NULL;
}

static void the_root_key_is_followed_in_its_state_file(void **state)
{
    (void)state;
    char path[96];
    struct asker asker;
    if (!world.up)
        skip();
    snprintf(path, sizeof path, "%s/state.key", world.directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", world.anchor);
    fclose(file);
    struct resolver_options options = asker_options();
    options.validate = true;
    options.anchor_file = path;
    options.hints_file = world.hints;
    assert_int_equal(asker_open(&asker, &options), 0);
    struct answer_shown shown = asker_ask(&asker, "www.signed.alpha.", TYPE_A);
    assert_int_equal(shown.error, 0);
    assert_int_equal(shown.truth->security, TRUTH_SECURE);
    truth_unref(shown.truth);
    /* The key of the private root is seen after a second; the system's are trusted, but missing there. */
    for (unsigned i = 0; i < 50 && !file_has(path, ";;state=3"); i++)
        usleep(100000);
    assert_true(file_has(path, ";;state=2"));
    assert_true(file_has(path, ";;state=3"));
    asker_close(&asker);
}

/* libunbound, left to itself, ends the process here. */
static void a_state_file_that_cannot_be_written_harms_nobody(void **state)
{
    (void)state;
    char folder[80], path[96];
    struct asker asker;
    if (!world.up)
        skip();
    snprintf(folder, sizeof folder, "%s/gone", world.directory);
    snprintf(path, sizeof path, "%s/state.key", folder);
    assert_int_equal(mkdir(folder, 0700), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", world.anchor);
    fclose(file);
    struct resolver_options options = asker_options();
    options.validate = true;
    options.anchor_file = path;
    options.hints_file = world.hints;
    assert_int_equal(asker_open(&asker, &options), 0);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
    for (unsigned i = 0; i < 50 && !asker_cached(&asker, ".", TYPE_DNSKEY); i++) {
        rcu_thread_offline();
        usleep(100000);
        rcu_thread_online();
    }
    assert_non_null(asker_cached(&asker, ".", TYPE_DNSKEY));
    struct answer_shown shown = asker_ask(&asker, "www.signed.alpha.", TYPE_A);
    assert_int_equal(shown.error, 0);
    assert_int_equal(shown.truth->security, TRUTH_SECURE);
    truth_unref(shown.truth);
    asker_close(&asker);
}

static void what_is_excepted_from_validation_is_insecure(void **state)
{
    (void)state;
    struct asker asker;
    uint8_t name[255];
    const uint8_t *names[] = {name};
    const char *anchors[] = {world.anchor};
    if (!world.up)
        skip();
    assert_true(name_from_text("bogus.alpha.", NULL, name) > 0);
    struct resolver_options options = asker_options();
    options.validate = true;
    options.anchors = anchors;
    options.anchor_count = 1;
    options.hints_file = world.hints;
    options.insecure = names;
    options.insecure_count = 1;
    assert_int_equal(asker_open(&asker, &options), 0);
    struct answer_shown shown = asker_ask(&asker, "www.bogus.alpha.", TYPE_A);
    assert_int_equal(shown.error, 0);
    assert_int_equal(shown.truth->security, TRUTH_INSECURE);
    truth_unref(shown.truth);
    asker_close(&asker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signed_names_are_secure_and_their_signatures_kept_apart),
        cmocka_unit_test(unsigned_names_are_insecure),
        cmocka_unit_test(a_wrong_signature_is_bogus),
        cmocka_unit_test(an_expired_signature_is_bogus),
        cmocka_unit_test(a_key_that_the_parent_does_not_know_is_bogus),
        cmocka_unit_test(a_missing_name_has_the_soa_and_its_ttl),
        cmocka_unit_test(a_missing_type_is_an_empty_answer),
        cmocka_unit_test(a_wildcard_answer_keeps_its_proof_for_do),
        cmocka_unit_test(dnssec_types_are_given_when_asked_for),
        cmocka_unit_test(a_chain_has_a_link_for_each_name),
        cmocka_unit_test(a_dname_stands_before_the_cname_it_makes),
        cmocka_unit_test(a_dname_stands_before_a_cname_that_was_asked_for),
        cmocka_unit_test(a_chain_to_a_missing_name_has_both),
        cmocka_unit_test(a_chain_that_is_too_long_fails),
        cmocka_unit_test(a_chain_that_never_ends_is_no_hang),
        cmocka_unit_test(a_refusing_server_is_a_failure_that_is_remembered),
        cmocka_unit_test(a_big_answer_comes_whole),
        cmocka_unit_test(an_answer_that_lives_for_no_time_is_given_but_not_cached),
        cmocka_unit_test(the_special_names_of_libunbound_are_asked_like_others),
        cmocka_unit_test(the_root_key_is_followed_in_its_state_file),
        cmocka_unit_test(a_state_file_that_cannot_be_written_harms_nobody),
        cmocka_unit_test(what_is_excepted_from_validation_is_insecure),
    };
    return cmocka_run_group_tests_name("resolve/hierarchy", tests, bring_up, take_down);
}
