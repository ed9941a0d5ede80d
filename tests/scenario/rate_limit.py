# SPDX-License-Identifier: GPL-3.0-or-later
"""rate-limit, beside named: bursts of questions from one network, and how many get an answer, a truncated one, or
none. Only what goes out is compared."""
import os
import select
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


class Late(Exception):
    """The machine was too slow for a burst to be one: what it was answered says nothing."""


def drained(server):
    """When the server has taken all that was sent to it from its sockets."""
    port = ":%04X" % server.port
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with open("/proc/net/udp") as f:
            waiting = [row[4] for row in map(str.split, f) if row[1].endswith(port) and not row[4].endswith(":00000000")]
        if not waiting:
            return time.time()
        time.sleep(0.005)
    raise Late("%s does not receive" % server.name)


def collect(sockets, wanted):
    """Replies until there are as many as wanted, or for long none; and whoever comes too much."""
    counted, got, until = Counted(), 0, time.monotonic() + 5
    while time.monotonic() < until:
        for s in select.select(sockets, [], [], 0.1)[0]:
            counted.take(dns.message.from_wire(s.recv(4096)))
            got += 1
        if got >= wanted:
            until = min(until, time.monotonic() + 0.2)
    return counted


def burst(server, wanted, name, qtype="A", count=BURST, source="127.0.0.1", rd=False, **how):
    """Sends `count` questions at once, of which `wanted` are replied to; `name` may have a place for the number of the
    question. Several sockets: the kernel hands them to different workers. Late: it took so long that a right server
    might have answered more (named counts in whole seconds, candord a fifth of one at least)."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    wires = [ask.make(name % i if "%" in name else name, qtype, rd=rd, **how).to_wire() for i in range(count)]
    try:
        for s in sockets:
            s.bind((source, 0))
        if time.time() % 1 > 0.5:
            time.sleep(1.02 - time.time() % 1)
        began = time.time()
        for i, wire in enumerate(wires):
            sockets[i % len(sockets)].sendto(wire, (server.address, server.port))
        ended = drained(server)
        if ended - began > 0.08 or int(ended) != int(began):
            raise Late("%.3f s for a burst" % (ended - began))
        return collect(sockets, wanted)
    finally:
        for s in sockets:
            s.close()


def case(text, check):
    """A case whose bursts come from networks of its own: check(N) says 127.N for them; once more with others when the
    machine was too slow."""
    with tap.case(text):
        for attempt in range(20):
            try:
                return check(10 * attempt)
            except Late as why:
                print("# again, from other networks: %s" % why)
        raise AssertionError("this machine never sent a burst within 0.08 s")


def both(box, limits, more=""):
    text = OPTIONS % (more, limits)
    plain = text.replace("workers 4;", "")
    return [box.named(plain, files={"zone": ZONE}), box.candord(text, files={"zone": ZONE})]


def same(pair, want, source, *question, within=None, **how):
    """Both give as many answers, truncated ones and BADCOOKIEs. `within`: a moment before which the question has to be
    asked, as later less would be owed."""
    for server in pair:
        numbers = burst(server, sum(want), *question, source=source, **how).numbers()
        if within and time.monotonic() > within:
            raise Late("the burst before was too long ago")
        tap.equal(numbers, want, "%s, %s" % (server.name, question))


def soon():
    """Who has been sent 60 questions too many owes for five seconds."""
    return time.monotonic() + 4


def check_kinds(box):
    pair = both(box, FIVE, "workers 4;")
    www = "www.example.test"

    def network(n):
        until = soon()
        same(pair, (5, 28, 0), "127.%d.2.1" % n, www, count=60)
        same(pair, (0, 1, 0), "127.%d.2.200" % n, www, count=2, within=until)
        same(pair, (5, 0, 0), "127.%d.3.1" % n, www, count=5)

    def made_names(n):
        same(pair, (5, 8, 0), "127.%d.5.1" % n, "x%d.wild.example.test")
        same(pair, (5, 8, 0), "127.%d.5.1" % n, "x%d.sub.example.test")

    def without_data(n):
        until = soon()
        same(pair, (5, 28, 0), "127.%d.6.1" % n, www, "AAAA", count=60)
        same(pair, (0, 2, 0), "127.%d.6.1" % n, www, "TXT", count=5, within=until)
        same(pair, (5, 0, 0), "127.%d.6.1" % n, www, "A", count=5)

    def aliases(n):
        same(pair, (5, 8, 0), "127.%d.8.1" % n, "alias.example.test")
        same(pair, (5, 8, 0), "127.%d.8.1" % n, www)

    case("of 20 like questions within a second 5 are answered, and every other of the rest is told to use TCP",
         lambda n: same(pair, (5, 8, 0), "127.%d.1.1" % n, www))
    case("a network is limited, not an address; another network is not", network)
    case("names that do not exist are limited by their zone, whatever they are",
         lambda n: same(pair, (5, 8, 0), "127.%d.4.1" % n, "x%d.example.test"))
    case("and so are names that a wildcard makes, and referrals by the cut", made_names)
    case("answers without data are alike for all types; those with data are not", without_data)
    case("errors are dropped, never truncated", lambda n: same(pair, (5, 0, 0), "127.%d.7.1" % n, "x%d.elsewhere.test"))
    case("an alias counts by the name that was asked", aliases)
    with tap.case("TCP is not limited"):
        for server in pair:
            for _ in range(10):
                tap.equal(ask.rcode(ask.ask(server, www, rd=False, tcp=True, source="127.0.1.1")), "NOERROR")
    check_reports(pair[1])
    for server in pair:
        server.stop()


def check_reports(candord):
    with tap.case("candorctl counts what was dropped and what was truncated, and the log says when limiting begins"):
        metrics = {m["name"]: m["value"] for m in candord.ctl_json("stats")["metrics"] if m["room"] == "serve"}
        tap.equal(metrics["rate_slipped"] > 40 and metrics["rate_dropped"] > 40 and metrics["rate_log_only"] == 0, True)
        candord.wait_log(r"limit responses to 127\.0\.1\.0/24 for www\.example\.test IN A")
        candord.wait_log(r"limit NXDOMAIN responses to 127\.0\.4\.0/24 for example\.test\n")
        candord.wait_log(r"limit REFUSED error responses to 127\.0\.7\.0/24")

    def reload(n):
        until = soon()
        burst(candord, 33, "www.example.test", source="127.%d.9.1" % n, count=60)
        candord.reload()
        same([candord], (0, 2, 0), "127.%d.9.1" % n, "www.example.test", count=4, within=until)
    case("a reload that leaves rate-limit as it is forgives nobody", reload)


def check_cookies(box):
    pair = both(box, FIVE)
    own = ask_option(10, b"clientco")

    def with_ours(n):
        for server in pair:
            first = burst(server, 1, "ns.example.test", source="127.%d.2.1" % n, count=1, options=[own])
            tap.equal(len(first.cookies[0]) > 8, True, server.name)
            same([server], (BURST, 0, 0), "127.%d.2.1" % n, "www.example.test", options=[ask_option(10, first.cookies[0])])
    case("a client with a cookie of its own alone is sent BADCOOKIE in place of TC",
         lambda n: same(pair, (5, 0, 8), "127.%d.1.1" % n, "www.example.test", options=[own]))
    case("and with ours it is not limited", with_ours)
    for server in pair:
        server.stop()


def ask_option(code, data):
    return dns.edns.GenericOption(code, data)


def check_words(box):
    pair = both(box, "responses-per-second 5; nxdomains-per-second 3; errors-per-second 0; slip 3; window 5; "
                     "ipv4-prefix-length 16; exempt-clients { 127.9.0.1; };")

    def kinds(n):
        same(pair, (5, 5, 0), "127.%d.1.1" % (n + 1), "www.example.test")
        same(pair, (3, 6, 0), "127.%d.1.1" % (n + 1), "x%d.example.test")
        same(pair, (BURST, 0, 0), "127.%d.1.1" % (n + 1), "x%d.elsewhere.test")

    def prefixes(n):
        until = soon()
        same(pair, (5, 19, 0), "127.%d.1.1" % (n + 3), "www.example.test", count=60)
        same(pair, (0, 1, 0), "127.%d.77.1" % (n + 3), "www.example.test", count=3, within=until)
        same(pair, (3, 0, 0), "127.%d.1.1" % (n + 2), "www.example.test", count=3)
    case("each kind has its own rate, 0 is none, and slip says how many are dropped in between", kinds)
    case("ipv4-prefix-length", prefixes)
    case("exempt-clients are not limited", lambda n: same(pair, (BURST, 0, 0), "127.9.0.1", "www.example.test"))
    for server in pair:
        server.stop()
    check_all(both(box, "responses-per-second 10; all-per-second 12; slip 2; window 5;"))
    check_log_only(both(box, FIVE + "log-only yes;"))


def check_all(pair):
    def all_together(n):
        until = soon()
        same(pair, (10, 1, 0), "127.%d.1.1" % n, "www.example.test", count=60)
        same(pair, (0, 0, 0), "127.%d.1.1" % n, "ns.example.test", count=6, within=until)
    case("all-per-second holds for all answers together, and drops", all_together)
    for server in pair:
        server.stop()


def check_log_only(pair):
    def counts():
        metrics = {m["name"]: m["value"] for m in pair[1].ctl_json("stats")["metrics"] if m["room"] == "serve"}
        return metrics["rate_log_only"], metrics["rate_dropped"]

    def log_only(n):
        before = counts()
        same(pair, (BURST, 0, 0), "127.%d.1.1" % n, "www.example.test")
        tap.equal(counts(), (before[0] + BURST - 5, 0))
        pair[1].wait_log(r"would limit responses to 127\.0\.1\.0/24 for www\.example\.test IN A")
    case("with log-only everything is answered, and the log says what would have been", log_only)
    for server in pair:
        server.stop()


def check_policy(box):
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

    def policy(n):
        for name in ("www.far.test", "x.listed.test", "y%d.far.test"):
            for i in range(BURST):  # from then on it is in the cache
                ask.ask(candord, name % i if "%" in name else name, source="127.%d.%d.1" % (n + 5, i + 1))
            same([candord], (5, 8, 0), "127.%d.1.1" % n, name, rd=True)
    case("answers of policy are limited as well, and those of the cache", policy)
    candord.stop()


def main():
    arguments = servers.arguments(__doc__)
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        check_kinds(box)
        check_cookies(box)
        check_words(box)
        check_policy(box)
    tap.finish()


main()
