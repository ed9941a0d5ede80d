# SPDX-License-Identifier: GPL-3.0-or-later
# timeout 240
"""The truth: recursion and validation against a signed private root with broken corners, caching, stale
answers, forwarders. Where Debian's named gives the same answer by the same configuration it is asked too."""
import os
import sys
import threading
import time

import dns.rdatatype

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

OPTIONS = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion yes; dnssec-validation yes; %s
};
"""
BOGUS = {"www.bogus.alpha": {6, 9, 10}, "www.expired.beta": {6, 7}, "www.wrongds.beta": {6, 9}}


def rooted(root, options=""):
    """A configuration that starts at the private root and trusts its key."""
    with open(root.anchor) as f:
        words = f.read().split()
    flags, protocol, algorithm, key = words[words.index("DNSKEY") + 1:][:4]
    return (OPTIONS % options + 'zone "." { type hint; file "%s"; };\n' % root.hints
            + 'trust-anchors { . static-key %s %s %s "%s"; };\n' % (flags, protocol, algorithm, key))


def types(section):
    return {dns.rdatatype.to_text(s.rdtype) for s in section}


def check_validation(server):
    def case(title):
        return tap.case("%s: %s" % (server.name, title))
    with case("a signed answer has AD for who asks with AD or DO, and only for them"):
        for how, want in (({"ad": True}, True), ({"do": True}, True), ({}, False)):
            got = ask.ask(server, "www.signed.alpha", **how)
            tap.equal(("AD" in ask.flags(got), ask.data(got, "A")), (want, ["192.0.2.10"]), str(how))
    with case("signatures come with DO only"):
        tap.equal(types(ask.ask(server, "www.signed.alpha", do=True).answer), {"A", "RRSIG"})
        tap.equal(types(ask.ask(server, "www.signed.alpha").answer), {"A"})
    with case("an NSEC3 zone is as good"):
        assert "AD" in ask.flags(ask.ask(server, "www.nsec3.alpha", ad=True))
    with case("an unsigned zone below a signed one is insecure"):
        got = ask.ask(server, "www.plain.alpha", do=True)
        tap.equal((ask.rcode(got), "AD" in ask.flags(got), ask.data(got)), ("NOERROR", False, ["192.0.2.12"]))
    for zone in ("signed", "nsec3", "plain"):
        with case("a name that does not exist in %s.alpha" % zone):
            got = ask.ask(server, "nope.%s.alpha" % zone, ad=True)
            tap.equal((ask.rcode(got), "AD" in ask.flags(got)), ("NXDOMAIN", zone != "plain"))
            tap.equal((ask.soa(got.authority), types(got.authority)), (zone + ".alpha.", {"SOA"}))
    with case("the proofs of a name's absence come with DO"):
        got = ask.ask(server, "nope.signed.alpha", do=True)
        assert {"SOA", "RRSIG", "NSEC"} <= types(got.authority), types(got.authority)
    with case("a type that does not exist"):
        got = ask.ask(server, "ok.signed.alpha", "AAAA", ad=True)
        tap.equal((ask.rcode(got), "AD" in ask.flags(got), ask.soa(got.authority)), ("NOERROR", True, "signed.alpha."))
    with case("a wildcard's answer is secure and has the name that was asked"):
        got = ask.ask(server, "x.wild.signed.alpha", ad=True)
        tap.equal((got.answer[0].name.to_text(), "AD" in ask.flags(got)), ("x.wild.signed.alpha.", True))
    for name in BOGUS:
        with case("%s is bogus: SERVFAIL" % name):
            got = ask.ask(server, name, timeout=30)
            tap.equal((ask.rcode(got), got.answer), ("SERVFAIL", []))
        with case("%s with CD is the client's own business" % name):
            got = ask.ask(server, name, cd=True, timeout=30)
            tap.equal((ask.rcode(got), len(got.answer), "AD" in ask.flags(got)), ("NOERROR", 1, False))
    with case("DNSKEY, DS, NS and SOA can be asked for"):
        for name, qtype in (("signed.alpha", "DNSKEY"), ("signed.alpha", "DS"), (".", "NS"), ("cdn.beta", "SOA")):
            got = ask.ask(server, name, qtype)
            tap.equal((ask.rcode(got), types(got.answer)), ("NOERROR", {qtype}), name)


def check_chains(server):
    def case(title):
        return tap.case("%s: %s" % (server.name, title))
    with case("a chain of aliases comes whole and in order"):
        got = ask.ask(server, "c1.cdn.beta")
        tap.equal([s.name.to_text() for s in got.answer],
                  ["c1.cdn.beta.", "c2.cdn.beta.", "c3.cdn.beta.", "www.plain.alpha."])
    with case("an alias into a signed zone is only as secure as its weakest link"):
        got = ask.ask(server, "tosigned.cdn.beta", ad=True)
        tap.equal((ask.data(got, "A"), "AD" in ask.flags(got)), (["192.0.2.10"], False))
    with case("an alias into a bogus zone is SERVFAIL"):
        tap.equal(ask.rcode(ask.ask(server, "tobogus.cdn.beta", timeout=30)), "SERVFAIL")
    with case("an alias to nothing is NXDOMAIN with the alias"):
        got = ask.ask(server, "tonx.cdn.beta")
        tap.equal((ask.rcode(got), ask.data(got), ask.soa(got.authority)),
                  ("NXDOMAIN", ["nope.plain.alpha."], "plain.alpha."))
    with case("a DNAME is followed"):
        got = ask.ask(server, "www.dn.cdn.beta")
        tap.equal((ask.data(got, "A"), "CNAME" in types(got.answer)), (["192.0.2.12"], True))
    with case("a loop of aliases ends"):
        assert ask.rcode(ask.ask(server, "loop1.cdn.beta", timeout=30)) in ("NOERROR", "SERVFAIL")
    with case("a name five labels below a delegation"):
        tap.equal(ask.data(ask.ask(server, "a.b.c.d.e.sub.deep.beta")), ["192.0.2.118"])
    with case("an answer too large for UDP is asked for over TCP, and given over TCP"):
        assert "TC" in ask.flags(ask.ask(server, "big.cdn.beta", "TXT"))
        tap.equal(len(ask.data(ask.ask(server, "big.cdn.beta", "TXT", tcp=True))), 40)
    with case("name servers out of bailiwick are found"):
        tap.equal(ask.data(ask.ask(server, "www.victim.beta")), ["192.0.2.67"])
    with case("the letter case of the question is kept, that of the cache does not matter"):
        got = ask.ask(server, "WwW.pLain.Alpha")
        tap.equal((got.question[0].name.to_text(), ask.data(got)), ("WwW.pLain.Alpha.", ["192.0.2.12"]))
    with case("a server that refuses is SERVFAIL"):
        tap.equal(ask.rcode(ask.ask(server, "www.refused.beta", timeout=30)), "SERVFAIL")


def check_cache(server):
    def ttl(name, section="answer", **how):
        return getattr(ask.ask(server, name, **how), section)[0].ttl
    with tap.case("%s: TTLs count down, of answers and of absences" % server.name):
        first = ttl("www.deep.beta"), ttl("nope.deep.beta", "authority")
        time.sleep(2.1)
        later = ttl("www.deep.beta"), ttl("nope.deep.beta", "authority")
        for a, b in zip(first, later):
            assert 2 <= a - b <= 4, (first, later)
    with tap.case("%s: a record of one second is asked for again after it" % server.name):
        ttl("ttl1.cdn.beta")
        time.sleep(1.2)
        tap.equal(ttl("ttl1.cdn.beta"), 1)


def check_truth_of_ours(candord):
    for name, codes in BOGUS.items():
        with tap.case("candord: the client is told why %s is bogus (EDE)" % name):
            told = {code for code, _ in ask.ede(ask.ask(candord, name, timeout=30))}
            assert told & codes, "EDE %s, not one of %s" % (told, codes)
    with tap.case("candord: a zone without a living server is SERVFAIL within 12 s, and holds up nobody"):
        result = {}

        def ask_dead():
            start = time.monotonic()
            result["rcode"] = ask.rcode(ask.ask(candord, "www.lame.beta", timeout=30))
            result["seconds"] = time.monotonic() - start
        thread = threading.Thread(target=ask_dead)
        thread.start()
        slowest = 0
        for i in range(30):
            start = time.monotonic()
            tap.equal(ask.rcode(ask.ask(candord, "h%d.load.beta" % i)), "NOERROR")
            slowest = max(slowest, time.monotonic() - start)
        thread.join()
        tap.equal(result.get("rcode"), "SERVFAIL")
        assert result["seconds"] < 12 and slowest < 1, (result, slowest)
    with tap.case("candord: flush of a name asks for it again"):
        ask.ask(candord, "www.deep.beta")
        time.sleep(1.1)
        assert ask.ask(candord, "www.deep.beta").answer[0].ttl < 300
        candord.ctl("flush", "www.deep.beta")
        # libunbound keeps a copy of its own; a flush forgets that too.
        tap.equal(ask.ask(candord, "www.deep.beta").answer[0].ttl, 300)
    with tap.case("candord: private reverse zones are empty, and nobody is asked"):
        got = ask.ask(candord, "1.0.168.192.in-addr.arpa", "PTR")
        tap.equal((ask.rcode(got), ask.soa(got.authority)), ("NXDOMAIN", "168.192.in-addr.arpa."))


def check_limits_of_ttl(box, root):
    with tap.case("candord: max-cache-ttl and max-ncache-ttl are kept"):
        candord = box.candord(rooted(root, "max-cache-ttl 100; max-ncache-ttl 20;"))
        tap.equal(ask.ask(candord, "www.plain.alpha").answer[0].ttl, 100)
        assert ask.ask(candord, "nope.plain.alpha").authority[0].ttl <= 20
        candord.stop()


def check_forwarding(box, root):
    """candord behind an unbound that knows the private root, and beside authoritative servers."""
    unbound = box.unbound("server:\n interface: 127.0.0.1@@PORT@\n username: \"\"\n chroot: \"\"\n pidfile: \"\"\n"
                          " directory: \"@DIR@\"\n use-syslog: no\n logfile: \"\"\n do-not-query-localhost: no\n"
                          " root-hints: \"%s\"\n trust-anchor-file: \"%s\"\n module-config: \"validator iterator\"\n"
                          "remote-control:\n control-enable: no\n" % (root.hints, root.anchor))
    leaf = root.info["addresses"]["leaf"][0]
    candord = box.candord(rooted(root, "forward only; forwarders { 127.0.0.1 port %d; };" % unbound.port))
    with tap.case("candord: forward only asks the forwarder, and still validates"):
        tap.equal(ask.data(ask.ask(candord, "www.plain.alpha")), ["192.0.2.12"])
        assert "AD" in ask.flags(ask.ask(candord, "www.signed.alpha", ad=True))
        tap.equal(ask.rcode(ask.ask(candord, "www.bogus.alpha", timeout=30)), "SERVFAIL")
    with tap.case("candord: without its forwarder forward only is SERVFAIL"):
        unbound.stop()
        tap.equal(ask.rcode(ask.ask(candord, "ok.plain.alpha", timeout=30)), "SERVFAIL")
    candord.stop()
    world = box.nsd({"corp.test": "$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.200\n"})
    candord = box.candord(rooted(root, 'validate-except { "corp.test"; };') + """
        zone "corp.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };
        zone "plain.alpha" { type static-stub; server-addresses { %s; }; };
        """ % (world.port, leaf))
    with tap.case("candord: a forward zone goes to its forwarders, the rest to the root"):
        tap.equal(ask.data(ask.ask(candord, "www.corp.test")), ["192.0.2.200"])
        tap.equal(ask.data(ask.ask(candord, "www.signed.alpha")), ["192.0.2.10"])
    with tap.case("candord: a static-stub zone is asked at its addresses"):
        tap.equal(ask.data(ask.ask(candord, "ok.plain.alpha")), ["192.0.2.12"])
    candord.stop()


POLICY = """$TTL 60
@ SOA localhost. host. 1 3600 600 86400 60
@ NS localhost.
24.0.100.51.198.rpz-ip CNAME .
"""


def check_stale(box, root):
    """Last: it takes the leaves' servers down."""
    candord = box.candord(rooted(root, """
        max-cache-ttl 1; stale-answer-enable yes; stale-cache-enable yes; max-stale-ttl 3600; stale-answer-ttl 30;
        stale-refresh-time 0; response-policy { zone "rpz.test"; };""")
        + 'zone "rpz.test" { type primary; file "rpz"; };\n', files={"rpz": POLICY})
    with tap.case("candord: when the servers are gone, an expired answer is better than none"):
        tap.equal(ask.data(ask.ask(candord, "www.plain.alpha")), ["192.0.2.12"])
        tap.equal(ask.rcode(ask.ask(candord, "rpzip.plain.alpha")), "NXDOMAIN")
        root.servers["leaf"].stop()
        time.sleep(1.2)
        got = ask.ask(candord, "www.plain.alpha", timeout=30)
        tap.equal((ask.rcode(got), ask.answers(got)), ("NOERROR", {"www.plain.alpha. 30 IN A 192.0.2.12"}))
        tap.equal([code for code, _ in ask.ede(got)], [3], "EDE")
    with tap.case("candord: a stale answer is policed like any other"):
        got = ask.ask(candord, "rpzip.plain.alpha", timeout=30)
        tap.equal((ask.rcode(got), ask.soa(got.additional)), ("NXDOMAIN", "rpz.test."))
    with tap.case("candord: what was never known is SERVFAIL"):
        tap.equal(ask.rcode(ask.ask(candord, "ok.plain.alpha", timeout=30)), "SERVFAIL")
    candord.stop()


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        root = box.root()
        for start in (box.named, box.candord):
            server = start(rooted(root))
            check_validation(server)
            check_chains(server)
            check_cache(server)
        check_truth_of_ours(server)
        server.stop()
        check_limits_of_ttl(box, root)
        check_forwarding(box, root)
        check_stale(box, root)
    tap.finish()


main()
