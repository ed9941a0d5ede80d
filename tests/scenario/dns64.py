# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS64 (RFC 6147), alone and with policy (rpz.md rule 29): the same configuration for named and for candord."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion yes; dnssec-validation no; empty-zones-enable no; allow-query { any; }; allow-recursion { any; };
    dns64 64:ff9b::/96 { clients { any; }; };
    response-policy { zone "rpz.test"; };
};
zone "rpz.test" { type primary; file "rpz"; };
zone "world.test" { type primary; file "world"; };
zone "signed.test" { type primary; file "signed"; };
"""
HEAD = "$TTL 300\n@ SOA ns.world.test. root.world.test. 1 3600 600 86400 60\n@ NS ns.world.test.\n"
WORLD = HEAD + """
ns A 192.0.2.1
only4 A 192.0.2.4
both A 192.0.2.6
both AAAA 2001:db8::6
mapped AAAA ::ffff:192.0.2.9
mapped A 192.0.2.9
alias CNAME only4
none TXT "no address"
blockedip A 198.51.100.1
passed A 198.51.100.2
local A 192.0.2.77
nodata A 192.0.2.77
garden A 192.0.2.90
gone A 192.0.2.77
towalled A 192.0.2.77
given A 198.51.100.3
let A 198.51.100.4
"""
POLICY = HEAD + """
32.1.100.51.198.rpz-ip CNAME .
32.2.100.51.198.rpz-ip CNAME .
32.3.100.51.198.rpz-ip A 192.0.2.99
32.4.100.51.198.rpz-ip CNAME rpz-passthru.
passed.world.test CNAME rpz-passthru.
local.world.test A 192.0.2.88
nodata.world.test CNAME *.
gone.world.test CNAME .
towalled.world.test CNAME garden.world.test.
"""

# Nobody here looks at what a signature says.
SIGNED = HEAD + """
to4 CNAME local.world.test.
to4 RRSIG CNAME 13 3 300 20360101000000 20200101000000 1 signed.test. AAAA
true4 CNAME only4.world.test.
true4 RRSIG CNAME 13 3 300 20360101000000 20200101000000 1 signed.test. AAAA
"""

# name, what candord says to AAAA: rcode, addresses
EXPECTED = [
    ("a name with A only is synthesized", "only4", 0, ["64:ff9b::c000:204"]),
    ("a name with AAAA is left alone", "both", 0, ["2001:db8::6"]),
    ("an IPv4-mapped AAAA counts as none", "mapped", 0, ["64:ff9b::c000:209"]),
    ("through a CNAME", "alias", 0, ["64:ff9b::c000:204"]),
    ("a name without addresses stays without", "none", 0, []),
    ("rule_29 NODATA by rule is not synthesized", "nodata", 0, []),
    ("rule_29 NXDOMAIN by rule stays", "gone", 3, []),
    ("rule_29 local data with A only is synthesized from the policy's A", "local", 0, ["64:ff9b::c000:258"]),
    ("rule_29 the A record looked up is policed by ip rules", "blockedip", 3, []),
    ("rule_29 a passthru covers the A record looked up", "passed", 0, ["64:ff9b::c633:6402"]),
    ("rule_29 an ip rule's A is synthesized from", "given", 0, ["64:ff9b::c000:263"]),
    ("rule_29 a policy CNAME's target is synthesized", "towalled", 0, ["64:ff9b::c000:25a"]),
]


def addresses(answer):
    return sorted(str(rdata) for rrset in answer.answer for rdata in rrset if rrset.rdtype == 28)


def signed_link(both):
    with tap.case("rule_29 with DO, behind a signed alias, local data is synthesized from: it is nobody's signed answer"):
        for server in both:
            answer = ask.ask(server, "to4.signed.test", "AAAA", do=True)
            tap.equal(addresses(answer), ["64:ff9b::c000:258"], server.name)


    with tap.case("with DO, behind a signed alias, an unsigned name is synthesized from"):
        for server in both:
            answer = ask.ask(server, "true4.signed.test", "AAAA", do=True)
            tap.equal(addresses(answer), ["64:ff9b::c000:204"], server.name)


def lines(both):
    with tap.case("rule_35 BIND's word for a rule without the type, when DNS64 may make it, is DNS64"):
        for server in both:
            ask.ask(server, "local.world.test", "AAAA")
            server.wait_log(r"rpz QNAME DNS64 rewrite local.world.test/AAAA/IN via local.world.test.rpz.test\n", 10)
    with tap.case("rule_35 the data of a rule for the A is Local-Data"):
        for server in both:
            ask.ask(server, "given.world.test", "AAAA")
            server.wait_log(r"rpz IP Local-Data rewrite given.world.test/AAAA/IN via 32.3.100.51.198.rpz-ip.rpz.test\n", 10)
    with tap.case("rule_35 a rule that lets the A pass is told of"):
        for server in both:
            ask.ask(server, "let.world.test", "AAAA")
            server.wait_log(r"rpz IP PASSTHRU rewrite let.world.test/AAAA/IN via 32.4.100.51.198.rpz-ip.rpz.test\n", 10)


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        both = [servers.Named(box, "named", CONFIGURATION), servers.Candord(box, "candord", CONFIGURATION)]
        for server in both:
            server.write("world", WORLD)
            server.write("rpz", POLICY)
            server.write("signed", SIGNED)
            server.start()
        named, candord = both
        for what, label, rcode, wanted in EXPECTED:
            name = label + ".world.test"
            theirs = ask.ask(named, name, "AAAA")
            tap.comment("named %s: %s %s" % (label, theirs.rcode(), addresses(theirs)))
            with tap.case(what):
                ours = ask.ask(candord, name, "AAAA")
                tap.equal(int(ours.rcode()), rcode)
                tap.equal(addresses(ours), wanted)
        signed_link(both)
        lines(both)
    tap.finish()


main()
