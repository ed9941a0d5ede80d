# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of doc/rpz.md that show in whole answers, each by its number; what unit tests, name_servers.py, dns64.py and stale.py
prove is not repeated here. Where named may do the same, it is asked as well."""
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; session-keyfile none;
    recursion yes; dnssec-validation no; empty-zones-enable no; allow-recursion { any; };
    allow-query { !127.0.0.9; any; };
    response-policy { zone "quiet.test" add-soa no; zone "rpz.test"; zone "last.test"; } %(all)s;
};
zone "world.test" { type primary; file "world"; allow-query { !127.0.0.9; any; }; };
zone "quiet.test" { type primary; file "quiet"; };
zone "rpz.test" { type primary; file "rpz"; };
zone "last.test" { type primary; file "last"; };
"""
HEAD = "$TTL 300\n@ 900 SOA ns.boss.test. root.boss.test. %d 3600 600 86400 60\n@ NS ns.boss.test.\n"
NAMES = "nx nodata drop local hop pool www quiet dup twice wild-a.wild moved"
WORLD = HEAD % 1 + "".join("%s A 192.0.2.%d\n" % (n, i + 1) for i, n in enumerate(NAMES.split())) + (
    "alias CNAME nx\nfree A 192.0.2.99\nfree TXT free\n")
RULES = """
nx.world.test CNAME .
nodata.world.test CNAME *.
drop.world.test CNAME rpz-drop.
local.world.test A 203.0.113.9
local.world.test A 203.0.113.8
local.world.test TXT "made"
32.9.113.0.203.rpz-ip CNAME .
hop.world.test CNAME www.world.test.
www.world.test CNAME .
*.wild.world.test A 203.0.113.7
moved.world.test CNAME *.
"""
TWICE = "dup.world.test CNAME .\ndup.world.test CNAME *.\ndup.world.test A 203.0.113.1\ntwice.world.test CNAME .\ntwice.world.test CNAME .\n"
FILES = {"world": WORLD, "quiet": HEAD % 1 + "quiet.world.test CNAME .\n", "rpz": HEAD % 1 + RULES,
         "last": HEAD % 1 + "other.world.test CNAME .\n"}
EVERY_TYPE = "A AAAA NS SOA DS RRSIG ANY MX TXT CNAME DNAME HTTPS TYPE65280".split()


def shape(m):
    """Code, answer and who is responsible; AA is ours to leave clear (rule 23)."""
    return ask.rcode(m), sorted(ask.answers(m)), sorted(ask.rrsets(m.authority)), sorted(
        r for r in ask.rrsets(m.additional))


def same(both, name, qtype="A", **how):
    """candord's answer, which must be named's."""
    ours, theirs = (ask.ask(s, name, qtype, **how) for s in both)
    tap.equal(shape(ours), shape(theirs), "%s %s" % (name, qtype))
    return ours


def answers_of(both):
    with tap.case("rule_15 what policy made is not policed: a target with a rule of its own, an address with a rule"):
        m = same(both, "hop.world.test")
        assert "192.0.2.7" in ask.data(m, "A") and ask.rcode(m) == "NOERROR", m
        tap.equal(ask.data(same(both, "local.world.test")), ["203.0.113.8", "203.0.113.9"])
    with tap.case("rule_23 AA is clear, RA set, RD as in the question"):
        for name in ("nx.world.test", "nodata.world.test", "local.world.test", "hop.world.test"):
            tap.equal(ask.flags(ask.ask(both[0], name)), {"QR", "RD", "RA"}, name)
        tap.equal(ask.flags(ask.ask(both[0], "free.world.test")), {"QR", "AA", "RD", "RA"})
    with tap.case("rule_24 empty answer and authority, and the policy zone's SOA in additional"):
        for name, rcode in (("nx", "NXDOMAIN"), ("nodata", "NOERROR")):
            m = same(both, name + ".world.test")
            tap.equal((ask.rcode(m), m.answer, m.authority), (rcode, [], []))
            soa, = m.additional
            tap.equal((soa.name.to_text(), soa.ttl), ("rpz.test.", 60))  # the minimum is less than its TTL
    with tap.case("rule_24 the chain up to the name that was hit stays"):
        m = same(both, "alias.world.test")
        tap.equal((ask.rcode(m), ask.data(m), m.authority), ("NXDOMAIN", ["nx.world.test."], []))
    with tap.case("rule_24 add-soa no: nothing in additional"):
        m = same(both, "quiet.world.test")
        tap.equal((ask.rcode(m), m.additional), ("NXDOMAIN", []))
    with tap.case("rule_26 the owner is the name asked for, as it was written"):
        m = ask.ask(both[0], "X.wILd.World.Test")
        tap.equal([s.name.to_text() for s in m.answer], ["X.wILd.World.Test."])


def types_of(both):
    with tap.case("rule_27 NXDOMAIN and NODATA hold for every type"):
        for qtype in EVERY_TYPE:
            tap.equal(ask.rcode(same(both, "nx.world.test", qtype)), "NXDOMAIN", qtype)
            m = same(both, "nodata.world.test", qtype)
            tap.equal((ask.rcode(m), m.answer), ("NOERROR", []), qtype)
    with tap.case("rule_27 local data: the type asked for, ANY gets all, RRSIG and a type that it lacks nothing"):
        for qtype, want in (("TXT", 1), ("A", 2), ("ANY", 3), ("AAAA", 0), ("RRSIG", 0), ("MX", 0)):
            m = same(both, "local.world.test", qtype, tcp=True)
            tap.equal((ask.rcode(m), len(ask.data(m))), ("NOERROR", want), qtype)
    with tap.case("rule_27 a CNAME is followed, but for CNAME and ANY it is itself the answer"):
        for qtype, want in (("A", 2), ("CNAME", 1), ("ANY", 1)):
            tap.equal(len(ask.data(same(both, "hop.world.test", qtype, tcp=True))), want, qtype)


def is_silent(server, name, **how):
    try:
        ask.ask(server, name, timeout=1, **how)
        return False
    except (ask.Timeout, EOFError):
        return True


def silence(both):
    with tap.case("rule_32 DROP: nothing comes over UDP"):
        tap.equal([is_silent(s, "drop.world.test") for s in both], [True, True])
    with tap.case("rule_32 DROP: nor over TCP, and the connection serves on"):
        for server in both:
            with ask.tcp_connect(server) as s:
                ask.tcp_send(s, ask.make("drop.world.test"), ask.make("free.world.test"))
                tap.equal(ask.tcp_receive(s).question[0].name.to_text(), "free.world.test.", server.name)


def access(both):
    with tap.case("rule_31 who may not ask is refused, whatever the rules say"):
        for name in ("nx.world.test", "drop.world.test", "free.world.test"):
            tap.equal([ask.rcode(ask.ask(s, name, source="127.0.0.9")) for s in both], ["REFUSED"] * 2, name)


LINE = re.compile(r"client @0x[0-9a-f]+ (\S+)#\d+ \((\S+)\): rpz (\S+) (\S+) rewrite (\S+) via (\S+)$", re.M)


def log_lines(candord):
    with tap.case("rule_35 each rewrite is logged in BIND's form, with the rule's owner"):
        since = len(candord.log())
        ask.ask(candord, "nx.world.test", "MX")
        ask.ask(candord, "x.wild.world.test")
        candord.wait(lambda: len(LINE.findall(candord.log()[since:])) >= 2, 10, "two lines")
        tap.equal(LINE.findall(candord.log()[since:]), [
            ("127.0.0.1", "nx.world.test", "QNAME", "NXDOMAIN", "nx.world.test/MX/IN", "nx.world.test.rpz.test"),
            ("127.0.0.1", "x.wild.world.test", "QNAME", "Local-Data", "x.wild.world.test/A/IN", "*.wild.world.test.rpz.test")])


EDE = {"none": [], "forged": [4], "blocked": [15], "censored": [16], "filtered": [17], "prohibited": [18]}


def extended_errors(box):
    """Debian's named does not know the word: only ours."""
    words = list(EDE)
    zones = "".join('zone "%s.ede" %s; ' % (w, "ede " + w) for w in words)
    configuration = CONFIGURATION.replace('zone "last.test"; }', 'zone "last.test"; %s}' % zones)
    configuration += "".join('zone "%s.ede" { type primary; file "%s"; };\n' % (w, w) for w in words)
    rules = {w: HEAD % 1 + "%s.world.test CNAME .\nlocal-%s.world.test A 203.0.113.1\n" % (w, w) for w in words}
    world = WORLD + "".join("%s A 192.0.2.1\nlocal-%s A 192.0.2.2\n" % (w, w) for w in words)
    candord = box.candord(configuration % {"all": ""}, files=dict(FILES, world=world, **rules))
    with tap.case("rule_24 ede: each word has its code, the text names the zone, and it is told with any action"):
        for word, codes in EDE.items():
            for name in (word, "local-" + word):
                tap.equal(ask.ede(ask.ask(candord, name + ".world.test")), [(c, word + ".ede") for c in codes], name)
        tap.equal(ask.ede(ask.ask(candord, "free.world.test")), [])


def first_record(box):
    with tap.case("rule_07 of two CNAMEs, or a CNAME and other data, the first record is the rule; the same twice is one"):
        candord = box.candord(CONFIGURATION % {"all": ""}, files=dict(FILES, last=HEAD % 1 + TWICE))
        tap.equal([ask.rcode(ask.ask(candord, n + ".world.test")) for n in ("dup", "twice")], ["NXDOMAIN"] * 2)
        zone, = [z for z in candord.ctl_json("zones")["zones"] if z["name"] == "last.test."]
        tap.equal((zone["rules"]["qname"], zone["skipped"]), (2, {"conflict": 2}))


def updates(box, candord):
    with tap.case("rule_33 an update is seen whole: one rule goes as the other comes"):
        def seen():
            return [ask.rcode(ask.ask(candord, n + ".world.test")) + str(len(ask.data(ask.ask(candord, n + ".world.test"))))
                    for n in ("moved", "pool")]
        tap.equal(seen(), ["NOERROR0", "NOERROR1"])
        candord.write("rpz", HEAD % 2 + RULES.replace("moved.world", "pool.world"))
        candord.ctl("reload", "rpz.test")
        tap.equal(seen(), ["NOERROR1", "NOERROR0"])
    with tap.case("rule_33 a file that cannot be used leaves the rules in force"):
        candord.write("rpz", "this is no zone\n")
        candord.ctl("reload", "rpz.test", check=False)
        tap.equal(seen(), ["NOERROR1", "NOERROR0"])
    without = {n: t for n, t in FILES.items() if n != "last"}
    with tap.case("rule_33 a zone that was never loaded has no rules, the others have"):
        partly = box.candord(CONFIGURATION % {"all": ""}, files=without)
        tap.equal([ask.rcode(ask.ask(partly, n + ".world.test")) for n in ("free", "nx")], ["NOERROR", "NXDOMAIN"])
    with tap.case("rule_33 servfail-until-ready: nothing is answered until every zone is there"):
        waiting = box.candord(CONFIGURATION % {"all": "servfail-until-ready yes"}, files=without)
        tap.equal([ask.rcode(ask.ask(waiting, n + ".world.test")) for n in ("free", "nx")], ["SERVFAIL"] * 2)
        waiting.write("last", FILES["last"])
        waiting.ctl("reload", "last.test")
        tap.equal([ask.rcode(ask.ask(waiting, n + ".world.test")) for n in ("free", "nx")], ["NOERROR", "NXDOMAIN"])


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        both = [start(CONFIGURATION % {"all": ""}, files=FILES) for start in (box.candord, box.named)]
        answers_of(both)
        types_of(both)
        silence(both)
        access(both)
        log_lines(both[0])
        first_record(box)
        extended_errors(box)
        updates(box, both[0])
    tap.finish()


main()
