# SPDX-License-Identifier: GPL-3.0-or-later
"""NSDNAME and NSIP rules on live answers (rpz.md rules 11, 17, 20): the private root's world, named beside us, and a zone
made to waste our time."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion yes; dnssec-validation no; empty-zones-enable no; allow-query { any; }; allow-recursion { any; };
    response-policy { zone "rpz.test"%(zone)s; }%(all)s;
};
zone "." { type hint; file "%(hints)s"; };
zone "rpz.test" { type primary; file "rpz"; };
%(more)s
"""
HEAD = "$TTL 300\n@ SOA ns.boss.test. root.boss.test. 1 3600 600 86400 60\n@ NS ns.boss.test.\n"
POLICY = HEAD + """
ns1.evilhost.alpha.rpz-nsdname CNAME .
ns-hidden.evilhost.alpha.rpz-nsdname A 192.0.2.250
*.deep.beta.rpz-nsdname CNAME rpz-passthru.
32.1.17.%(net)s.rpz-nsip CNAME .
32.1.12.%(net)s.rpz-nsip CNAME *.
32.1.20.%(net)s.rpz-nsip TXT "from a rule"
ns1.signed.alpha.rpz-nsdname CNAME .
ns1.nic.alpha.rpz-nsdname CNAME .
"""

# what, name, type, the rest of the question
QUESTIONS = [
    ("rule_17 a server's name out of bailiwick", "www.victim.beta", "A", {}),
    ("rule_17 the same from the cache", "www.victim.beta", "A", {}),
    ("rule_17 the apex itself", "victim.beta", "A", {}),
    ("rule_20 NXDOMAIN from upstream is rewritten too", "nope.victim.beta", "A", {}),
    ("rule_20 no data from upstream is rewritten too", "www.victim.beta", "MX", {}),
    ("rule_11 a passthru by name wins over an address of the same zone", "www.deep.beta", "A", {}),
    ("rule_17 the parents' servers count", "a.b.c.d.e.sub.deep.beta", "A", {}),
    ("rule_17 a server's address", "www.plain.alpha", "A", {}),
    ("rule_17 a server's address, another type", "txt.plain.alpha", "TXT", {}),
    ("rule_17 local data for the type asked", "www.cdn.beta", "TXT", {}),
    ("rule_17 local data for another type", "www.cdn.beta", "A", {}),
    ("rule_17 top-level domains are above min-ns-dots", "www.nsec3.alpha", "A", {}),
    ("rule_21 signed, without DO", "www.signed.alpha", "A", {}),
    ("rule_21 signed, with DO, escapes", "www.signed.alpha", "A", {"do": True}),
    ("rule_11 a chain: the first name's servers decide", "c1.cdn.beta", "TXT", {}),
    ("rule_28 without RD nothing is rewritten", "www.victim.beta", "A", {"rd": False}),
]


def shape(answer):
    """What must be the same: code, and the answer's records without the TTLs that the cache counts down."""
    records = sorted("%s %s %s" % (s.name, s.rdtype, r) for s in answer.answer for r in s)
    return int(answer.rcode()), records, [str(s.name) for s in answer.additional if s.rdtype == 6]


def values(candord):
    return {"%(room)s_%(name)s" % m: m["value"] for m in candord.ctl_json("stats")["metrics"]}


def start_both(box, root, name, **words):
    words = dict({"zone": "", "all": "", "more": "", "hints": root.hints}, **words)
    both = [servers.Named(box, "named-" + name, CONFIGURATION % words),
            servers.Candord(box, "candord-" + name, CONFIGURATION % words)]
    for server in both:
        server.write("rpz", POLICY % {"net": ".".join(reversed(root.net.split(".")))})
        server.start()
    return both


def compare(both, questions):
    named, candord = both
    for what, name, qtype, how in questions:
        theirs = shape(ask.ask(named, name, qtype, timeout=20, **how))
        with tap.case(what):
            tap.equal(shape(ask.ask(candord, name, qtype, timeout=20, **how)), theirs)


def options(box, root):
    """The options that change what is looked up, both ways."""
    both = start_both(box, root, "dots", all=" min-ns-dots 0")
    compare(both, [("min-ns-dots 0: top-level domains' servers count", "www.nsec3.alpha", "A", {}),
                   ("min-ns-dots 0: the rest as before", "www.victim.beta", "A", {})])
    both = start_both(box, root, "off", all=" nsdname-enable no nsip-enable no")
    compare(both, [("nsdname-enable no", "www.victim.beta", "A", {}), ("nsip-enable no", "www.plain.alpha", "A", {})])
    candord = start_both(box, root, "nowait", all=" nsdname-wait-recurse no nsip-wait-recurse no")[1]
    with tap.case("wait-recurse no: what is not known yet is not waited for, and known the next time"):
        ask.ask(candord, "www.victim.beta", timeout=20)
        deadline = time.monotonic() + 20
        while ask.ask(candord, "ok.victim.beta", timeout=20).rcode() != 3:
            assert time.monotonic() < deadline, "never rewritten"
            time.sleep(0.1)


def hidden_servers(box, root):
    """Parent and child disagree: we see the child's set (libunbound shows no delegation), named the parent's."""
    candord = start_both(box, root, "split")[1]
    with tap.case("rule_17 difference: the child's own server set counts"):
        answer = ask.ask(candord, "www.split.beta", timeout=20)
        tap.equal([str(r) for s in answer.answer for r in s], ["192.0.2.250"])


def escapes(box, root):
    """rule_21, told to the operator."""
    candord = start_both(box, root, "escapes")[1]
    with tap.case("rule_21 explain says when a client with DO escapes"):
        assert "a client that sets DO is given the truth" in candord.ctl("explain", "www.signed.alpha")
        assert candord.ctl_json("explain", "www.signed.alpha")["escapes_with_do"] is True
        assert candord.ctl_json("explain", "www.victim.beta")["escapes_with_do"] is False
    with tap.case("rule_21 and at start-up"):
        candord.wait_log(r"break-dnssec is no: clients that set DO")


def walks_are_paid_once(box, root):
    candord = start_both(box, root, "once")[1]
    with tap.case("names of one clean zone cost one walk of its servers, a cached name none"):
        for _ in range(3):
            ask.ask(candord, "www.nsec3.alpha", timeout=20)
        walks = values(candord)["serve_server_walks"]
        for _ in range(5):
            ask.ask(candord, "www.nsec3.alpha", timeout=20)
        tap.equal(values(candord)["serve_server_walks"], walks)


def start_candord(box, name, **words):
    candord = servers.Candord(box, "candord-" + name, CONFIGURATION % dict({"zone": "", "all": "", "more": ""}, **words))
    candord.write("rpz", POLICY % {"net": "2.0.192"})
    candord.start()
    return candord


def proven_zones(box, root):
    """What the answer itself proves is not asked."""
    candord = start_candord(box, "proven", hints=root.hints, all="; workers 1")
    ask.ask(candord, "www.nsec3.alpha", timeout=20)
    for name, what in ("nope1.nsec3.alpha", "a denial"), ("a.b.nope2.nsec3.alpha", "a denial, deeper"):
        with tap.case("rule_17 %s says which zone the name is in" % what):
            before = values(candord)["serve_cache_misses"]
            tap.equal(int(ask.ask(candord, name, timeout=20).rcode()), 3)
            tap.equal(values(candord)["serve_cache_misses"] - before, 1)


def forwarded(box, root):
    behind = start_candord(box, "behind", hints=root.hints, all=" nsdname-enable no nsip-enable no")
    for word, rcode in ("yes", 3), ("no", 0):
        words = "; forward only; forwarders { 127.0.0.1 port %d; }; nameserver-lookup-forwarded %s" % (behind.port, word)
        candord = start_candord(box, "forward-" + word, hints=root.hints, all=words)
        with tap.case("nameserver-lookup-forwarded " + word):
            tap.equal(int(ask.ask(candord, "www.victim.beta", timeout=20).rcode()), rcode)


def later_rules(box, root):
    """What was looked up for a policy that wanted names only is not all that a later one wants."""
    candord = servers.Candord(box, "candord-later", CONFIGURATION % {"zone": "", "all": "", "more": "", "hints": root.hints})
    candord.write("rpz", HEAD + "ns.no.where.rpz-nsdname CNAME .\n")
    candord.start()
    with tap.case("rule_17 an address rule that comes later acts on zones whose servers' names are known"):
        for i in range(8):
            tap.equal(int(ask.ask(candord, "www.plain.alpha", timeout=20).rcode()), 0)
        candord.write("rpz", HEAD.replace(" 1 3600", " 2 3600") + "32.1.12.%s.rpz-nsip CNAME .\n" % ".".join(reversed(root.net.split("."))))
        candord.ctl("reload", "rpz.test")
        for i in range(8):
            tap.equal(int(ask.ask(candord, "www.plain.alpha", timeout=20).rcode()), 3)


def budget(box, root):
    """A zone of forty servers whose names never resolve."""
    hostile = servers.Nsd(box, "hostile", {"hostile.test": HEAD.replace("@ NS ns.boss.test.\n", "".join(
        "@ NS n%d.lame.beta.\n" % i for i in range(40))) + "www A 192.0.2.1\n" + "".join(
            "n%d A 192.0.2.%d\n" % (i, i) for i in range(10, 60))})
    hostile.start()
    forward = 'zone "hostile.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };' % hostile.port
    words = {"zone": "", "all": "", "more": forward, "hints": root.hints}
    candord = servers.Candord(box, "candord-budget", CONFIGURATION % words)
    candord.write("rpz", POLICY % {"net": ".".join(reversed(root.net.split(".")))})
    candord.start()
    with tap.case("a zone with many dead servers costs no more than the budget, and is answered"):
        started = time.monotonic()
        answer = ask.ask(candord, "www.hostile.test", timeout=30)
        tap.equal(int(answer.rcode()), 0)
        assert time.monotonic() - started < 15, time.monotonic() - started
        assert values(candord)["serve_server_budget"] >= 1, values(candord)
    with tap.case("each worker pays that once, not with every question"):
        slow = 0
        for i in range(10, 18):
            started = time.monotonic()
            tap.equal(int(ask.ask(candord, "n%d.hostile.test" % i, timeout=30).rcode()), 0)
            slow += time.monotonic() - started > 2
        assert slow < candord.ctl_json("status")["workers"], "%d of 8 questions took long" % slow
    with tap.case("meanwhile others are answered"):
        started = time.monotonic()
        tap.equal(int(ask.ask(candord, "www.victim.beta", timeout=20).rcode()), 3)
        assert time.monotonic() - started < 10


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        root = servers.Root(box).start()
        compare(start_both(box, root, "all"), QUESTIONS)
        options(box, root)
        hidden_servers(box, root)
        escapes(box, root)
        walks_are_paid_once(box, root)
        proven_zones(box, root)
        forwarded(box, root)
        later_rules(box, root)
        budget(box, root)
    tap.finish()


main()
