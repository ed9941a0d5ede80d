# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule made once is remembered: asked again, however often and by whomever, it is the same answer, counted and logged each time, and gone with the rule."""
import os
import sys

import dns.edns

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
logging { channel out { stderr; severity info; }; category rpz { out; }; };
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; workers 1;
    recursion yes; dnssec-validation no; empty-zones-enable no; querylog no; server-id "one"; dns64 64:ff9b::/96 { };
    response-policy { zone "first.test"; zone "rpz.test" ede filtered; } qname-wait-recurse %s;
};
zone "first.test" { type primary; file "first"; };
zone "rpz.test" { type primary; file "rpz"; };
zone "world.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };
"""
HEAD = "$TTL 300\n@ SOA ns.boss.test. root.boss.test. %d 3600 600 86400 60\n@ NS ns.boss.test.\n"
NAMES = "nx nodata local two redirected x.below address clean passed dropped"
WORLD = HEAD % 1 + "".join("%s A 192.0.2.%d\n" % (n, i) for i, n in enumerate(NAMES.split())) + "wall A 192.0.2.99\n"
# A rule for an address in the stronger zone: what the other zone's rules may do depends on the truth.
FIRST = HEAD % 1 + "32.6.2.0.192.rpz-ip CNAME *.\n"
RPZ = HEAD % 1 + """
nx.world.test CNAME .
nodata.world.test CNAME *.
local.world.test A 198.51.100.1
two.world.test A 198.51.100.2
two.world.test A 198.51.100.3
two.world.test TXT "because" "of this"
redirected.world.test CNAME wall.world.test.
*.below.world.test CNAME .
address.world.test A 198.51.100.4
passed.world.test CNAME rpz-passthru.
dropped.world.test CNAME rpz-drop.
counted.world.test CNAME .
given.world.test A 198.51.100.5
*.under.world.test CNAME .
24.0.0.9.127.rpz-client-ip CNAME *.
"""
TIMES = 5
COOKIE = dns.edns.GenericOption(10, bytes(range(8)))
NSID = dns.edns.GenericOption(3, b"")
WAYS = {
    "plain": {}, "without EDNS": dict(edns=False), "DO": dict(do=True), "CD": dict(cd=True), "AD": dict(ad=True),
    "a cookie": dict(options=[COOKIE]), "NSID": dict(options=[NSID]), "a cookie and NSID": dict(options=[COOKIE, NSID]),
    "TCP": dict(tcp=True), "without RD": dict(rd=False), "a client with a rule of his own": dict(source="127.9.0.0"),
}


def form(message):
    """All of an answer but its number and what a cookie is: TTLs of the truth count down, and are rounded."""
    def section(rrsets):
        return sorted((s.name.to_text(), s.rdtype, -(-s.ttl // 100) if s.ttl > 5 else s.ttl, sorted(r.to_text() for r in s)) for s in rrsets)
    options = {code: [len(o) if code == 10 else o for o in found] for code, found in ask.options(message).items()}
    return (message.flags, message.edns, message.ednsflags, message.payload, options, [q.to_text() for q in message.question],
            [section(s) for s in (message.answer, message.authority, message.additional)])


def heard(candord, name, qtype, **how):
    try:
        return form(ask.ask(candord, name, qtype, timeout=0.3 if "dropped" in name else 5, **how))
    except ask.Timeout:
        return None


def stat(candord, name):
    return {"%s_%s" % (m["room"], m["name"]): m["value"] for m in candord.ctl_json("stats")["metrics"]}["serve_" + name]


def each_again(candord):
    """Every question in every way, `TIMES` times; those that were not answered the same each time."""
    for way, how in WAYS.items():
        for name in NAMES.split():
            if name == "dropped" and way != "plain":
                continue
            for qtype in ("A", "TXT", "AAAA"):
                found = [heard(candord, name + ".world.test", qtype, **how) for _ in range(TIMES)]
                if any(f != found[0] for f in found):
                    yield "%s %s, %s:\n  %s" % (name, qtype, way, "\n  ".join(map(str, found)))


def case_of_names(candord):
    """The question comes back as it was asked, and so does the owner of what a rule gives."""
    for name in ("LOCAL.world.test", "local.WORLD.test", "local.world.test"):
        for _ in range(2):
            answer = ask.ask(candord, name)
            tap.equal([answer.question[0].name.to_text(), answer.answer[0].name.to_text()], [name + "."] * 2)


def synthesized(candord):
    """What the cache holds of AAAA is no answer for a client of DNS64."""
    for _ in range(3):
        tap.equal(ask.data(ask.ask(candord, "clean.world.test", "AAAA")), ["64:ff9b::c000:207"])


def counted_and_logged(candord):
    begin, memo = stat(candord, "rewritten"), stat(candord, "policy_memo_hits")
    for name in ("counted", "given", "x.under"):    # of which nothing else asks
        for _ in range(10):
            ask.ask(candord, name + ".world.test")
    tap.equal(stat(candord, "rewritten") - begin, 30)
    used = stat(candord, "policy_memo_hits") - memo
    assert used >= 20, "ready answers were used %d times" % used
    lines = ["rewrite counted.world.test/A/IN via counted.world.test.rpz.test", "rewrite given.world.test/A/IN via given.world.test.rpz.test",
             "rewrite x.under.world.test/A/IN via *.under.world.test.rpz.test"]
    candord.wait(lambda: all(candord.log().count(line) >= 10 for line in lines), what="logging each")
    tap.equal([candord.log().count(line) for line in lines], [10] * 3)


def after_a_change(candord):
    candord.write("rpz", (HEAD % 2).replace("boss", "new") + "local.world.test A 198.51.100.77\nclean.world.test CNAME .\n")
    candord.ctl("reload", "rpz.test")
    tap.equal(ask.data(ask.ask(candord, "local.world.test")), ["198.51.100.77"])
    tap.equal(int(ask.ask(candord, "nx.world.test").rcode()), 0)
    answer = ask.ask(candord, "clean.world.test")
    tap.equal((int(answer.rcode()), ask.soa(answer.additional)), (3, "rpz.test."))


def small_room(candord):
    """An answer that is remembered with EDNS may be too large without."""
    long = ".".join(["a" * 60] * 3) + ".below.world.test"
    for _ in range(3):
        for how in ({}, dict(edns=False)):
            tap.equal(int(ask.ask(candord, long, **how).rcode()), 3)


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        upstream = box.nsd({"world.test": WORLD})
        for wait in ("yes", "no"):
            candord = box.candord(CONFIGURATION % (wait, upstream.port), files={"first": FIRST, "rpz": RPZ})
            with tap.case("qname-wait-recurse %s: each question is answered alike each time" % wait):
                different = list(each_again(candord))
                assert not different, "\n".join(different)
            with tap.case("qname-wait-recurse %s: letter case" % wait):
                case_of_names(candord)
            with tap.case("qname-wait-recurse %s: rule_29 DNS64 also from the cache" % wait):
                synthesized(candord)
            with tap.case("qname-wait-recurse %s: each is counted and logged" % wait):
                counted_and_logged(candord)
            with tap.case("qname-wait-recurse %s: long names" % wait):
                small_room(candord)
            with tap.case("qname-wait-recurse %s: with the rule goes what it made" % wait):
                after_a_change(candord)
    tap.finish()


main()
