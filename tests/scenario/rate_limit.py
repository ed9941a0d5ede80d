# SPDX-License-Identifier: GPL-3.0-or-later
"""rate-limit, beside named: bursts of questions from one network, and how many get an answer, a truncated one, or
none. Only what goes out is compared; named counts in whole seconds, so that a burst that crosses one is sent again."""
import os
import socket
import sys
import time

import dns.edns
import dns.flags
import dns.message

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

ZONE = """$TTL 300
@ SOA ns host 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
www A 192.0.2.1
alias CNAME www
*.wild A 192.0.2.9
sub NS ns.sub
ns.sub A 192.0.2.54
"""
RPZ = """$TTL 300
@ SOA localhost. host. 1 3600 600 86400 60
@ NS localhost.
*.listed.test CNAME .
"""
OPTIONS = """
options {
    listen-on port @PORT@ { any; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion no; allow-query-cache { none; }; empty-zones-enable no; dnssec-validation no; minimal-responses yes; %s
    rate-limit { %s };
};
zone "example.test" { type primary; file "zone"; };
"""
FIVE = "responses-per-second 5; window 5;"
BURST = 20


class Counted:
    """What came back of a burst."""

    def __init__(self):
        self.answers = self.truncated = self.badcookie = 0
        self.cookies = []

    def take(self, message):
        if message.flags & dns.flags.TC:
            self.truncated += 1
        elif message.rcode() == 23:
            self.badcookie += 1
        else:
            self.answers += 1
        self.cookies += [o.data for o in message.options if o.otype == 10]

    def numbers(self):
        return self.answers, self.truncated, self.badcookie


def burst(server, name, qtype="A", count=BURST, source="127.0.0.1", quiet_s=0.5, **how):
    """`name` may have a place for the number of the question. Several sockets: the kernel hands them to different
    workers."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    counted = Counted()
    wires = [ask.make(name % i if "%" in name else name, qtype, rd=False, **how).to_wire() for i in range(count)]
    for s in sockets:
        s.bind((source, 0))
    if time.time() % 1 > 0.5:  # named counts in whole seconds: a burst is within one
        time.sleep(1.02 - time.time() % 1)
    for i, wire in enumerate(wires):
        sockets[i % len(sockets)].sendto(wire, (server.address, server.port))
    for s in sockets:
        s.settimeout(quiet_s)
        try:
            while True:
                counted.take(dns.message.from_wire(s.recv(4096)))
        except socket.timeout:
            quiet_s = 0.05
        s.close()
    return counted


def both(box, limits, more=""):
    text = OPTIONS % (more, limits)
    plain = text.replace("workers 4;", "")
    return [box.named(plain, files={"zone": ZONE}), box.candord(text, files={"zone": ZONE})]


def same(pair, source, *question, **how):
    """Both give as many of each; one number for both."""
    numbers = [burst(server, *question, source=source, **how).numbers() for server in pair]
    tap.equal(numbers[1], numbers[0], "%s: candord beside named" % (question,))
    return numbers[1]


def check_kinds(box):
    pair = both(box, FIVE, "workers 4;")
    with tap.case("of 20 like questions within a second 5 are answered, and every other of the rest is told to use TCP"):
        tap.equal(same(pair, "127.0.1.1", "www.example.test"), (5, 8, 0))
    with tap.case("a network is limited, not an address; another network is not"):
        tap.equal(same(pair, "127.0.2.1", "www.example.test"), (5, 8, 0))
        tap.equal(same(pair, "127.0.2.200", "www.example.test", count=2), (0, 1, 0))
        tap.equal(same(pair, "127.0.3.1", "www.example.test", count=5), (5, 0, 0))
    with tap.case("names that do not exist are limited by their zone, whatever they are"):
        tap.equal(same(pair, "127.0.4.1", "x%d.example.test"), (5, 8, 0))
    with tap.case("and so are names that a wildcard makes, and referrals by the cut"):
        tap.equal(same(pair, "127.0.5.1", "x%d.wild.example.test"), (5, 8, 0))
        tap.equal(same(pair, "127.0.5.1", "x%d.sub.example.test"), (5, 8, 0))
    with tap.case("answers without data are alike for all types; those with data are not"):
        tap.equal(same(pair, "127.0.6.1", "www.example.test", "AAAA"), (5, 8, 0))
        tap.equal(same(pair, "127.0.6.1", "www.example.test", "TXT", count=5), (0, 2, 0))
        tap.equal(same(pair, "127.0.6.1", "www.example.test", "A", count=5), (5, 0, 0))
    with tap.case("errors are dropped, never truncated"):
        tap.equal(same(pair, "127.0.7.1", "x%d.elsewhere.test"), (5, 0, 0))
    with tap.case("an alias counts by the name that was asked"):
        tap.equal(same(pair, "127.0.8.1", "alias.example.test"), (5, 8, 0))
        tap.equal(same(pair, "127.0.8.1", "www.example.test"), (5, 8, 0))
    with tap.case("TCP is not limited"):
        for server in pair:
            for _ in range(10):
                tap.equal(ask.rcode(ask.ask(server, "www.example.test", rd=False, tcp=True, source="127.0.1.1")),
                          "NOERROR")
    candord = pair[1]
    with tap.case("candorctl counts what was dropped and what was truncated, and the log says when limiting begins"):
        metrics = {m["name"]: m["value"] for m in candord.ctl_json("stats")["metrics"] if m["room"] == "serve"}
        tap.equal(metrics["rate_slipped"] > 40 and metrics["rate_dropped"] > 40 and metrics["rate_log_only"] == 0, True)
        candord.wait_log(r"limit responses to 127\.0\.1\.0/24 for www\.example\.test IN A")
        candord.wait_log(r"limit NXDOMAIN responses to 127\.0\.4\.0/24 for example\.test\n")
        candord.wait_log(r"limit REFUSED error responses to 127\.0\.7\.0/24")
    with tap.case("a reload that leaves rate-limit as it is forgives nobody"):
        burst(candord, "www.example.test", source="127.0.9.1", count=60)
        candord.reload()
        tap.equal(burst(candord, "www.example.test", source="127.0.9.1", count=4).numbers(), (0, 2, 0))
    for server in pair:
        server.stop()


def check_cookies(box):
    pair = both(box, FIVE)
    cookie = [(10, b"clientco")]
    with tap.case("a client with a cookie of its own alone is sent BADCOOKIE in place of TC"):
        tap.equal(same(pair, "127.0.1.1", "www.example.test", options=[ask_option(*cookie[0])]), (5, 0, 8))
    with tap.case("and with ours it is not limited"):
        for server in pair:
            first = burst(server, "ns.example.test", source="127.0.2.1", count=1, options=[ask_option(*cookie[0])])
            tap.equal(len(first.cookies[0]) > 8, True, server.name)
            tap.equal(burst(server, "www.example.test", source="127.0.2.1",
                            options=[ask_option(10, first.cookies[0])]).numbers(), (BURST, 0, 0), server.name)
    for server in pair:
        server.stop()


def ask_option(code, data):
    return dns.edns.GenericOption(code, data)


def check_words(box):
    pair = both(box, "responses-per-second 5; nxdomains-per-second 3; errors-per-second 0; slip 3; window 5; "
                     "ipv4-prefix-length 16; exempt-clients { 127.9.0.1; };")
    with tap.case("each kind has its own rate, 0 is none, and slip says how many are dropped in between"):
        tap.equal(same(pair, "127.1.1.1", "www.example.test"), (5, 5, 0))
        tap.equal(same(pair, "127.1.1.1", "x%d.example.test"), (3, 6, 0))
        tap.equal(same(pair, "127.1.1.1", "x%d.elsewhere.test"), (BURST, 0, 0))
    with tap.case("ipv4-prefix-length"):
        tap.equal(same(pair, "127.3.1.1", "www.example.test", count=60), (5, 19, 0))
        tap.equal(same(pair, "127.3.77.1", "www.example.test", count=3), (0, 1, 0))
        tap.equal(same(pair, "127.2.1.1", "www.example.test", count=3), (3, 0, 0))
    with tap.case("exempt-clients are not limited"):
        tap.equal(same(pair, "127.9.0.1", "www.example.test"), (BURST, 0, 0))
    for server in pair:
        server.stop()
    pair = both(box, "responses-per-second 10; all-per-second 12; slip 2; window 5;")
    with tap.case("all-per-second holds for all answers together, and drops"):
        tap.equal(same(pair, "127.1.1.1", "www.example.test", count=60), (10, 1, 0))
        tap.equal(same(pair, "127.1.1.1", "ns.example.test", count=6), (0, 0, 0))
    for server in pair:
        server.stop()
    pair = both(box, FIVE + "log-only yes;")
    with tap.case("with log-only everything is answered, and the log says what would have been"):
        tap.equal(same(pair, "127.1.1.1", "www.example.test"), (BURST, 0, 0))
        pair[1].wait_log(r"would limit responses to 127\.1\.1\.0/24 for www\.example\.test IN A")
        metrics = {m["name"]: m["value"] for m in pair[1].ctl_json("stats")["metrics"] if m["room"] == "serve"}
        tap.equal((metrics["rate_log_only"], metrics["rate_dropped"]), (BURST - 5, 0))
    for server in pair:
        server.stop()


def check_policy(box):
    with tap.case("answers of policy are limited as well, and those of the cache"):
        world = box.nsd({"far.test": ZONE, "listed.test": ZONE.replace("*.wild", "*")})
        candord = box.candord("""
options {
    listen-on port @PORT@ { any; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; workers 2;
    allow-recursion { any; }; empty-zones-enable no; dnssec-validation no; response-policy { zone "rpz"; };
    rate-limit { %s };
};
zone "rpz" { type primary; file "rpz"; };
zone "far.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };
zone "listed.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };
""" % (FIVE, world.port, world.port), files={"rpz": RPZ})
        for name in ("www.far.test", "x.listed.test"):
            tap.equal(ask.rcode(ask.ask(candord, name, source="127.7.7.7")), "NXDOMAIN" if "listed" in name else "NOERROR")
        tap.equal(burst_rd(candord, "www.far.test", "127.0.1.1"), (5, 8, 0))
        tap.equal(burst_rd(candord, "x.listed.test", "127.0.1.1"), (5, 8, 0))
        tap.equal(burst_rd(candord, "y%d.far.test", "127.0.1.1"), (5, 8, 0))
        candord.stop()


def burst_rd(server, name, source):
    counted = Counted()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        for i in range(BURST):
            s.sendto(ask.make(name % i if "%" in name else name).to_wire(), (server.address, server.port))
        s.settimeout(1)
        try:
            while True:
                counted.take(dns.message.from_wire(s.recv(4096)))
        except socket.timeout:
            return counted.numbers()


def main():
    arguments = servers.arguments(__doc__)
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        check_kinds(box)
        check_cookies(box)
        check_words(box)
        check_policy(box)
    tap.finish()


main()
