# SPDX-License-Identifier: GPL-3.0-or-later
"""rrset-order and sortlist: in which order addresses go out, beside named; from zones held here and from the cache."""
import os
import sys

import dns.rdatatype

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

ADDRESSES = ["192.0.2.%d" % i for i in range(1, 6)]
ZONE = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\nalias CNAME many\nsix AAAA 2001:db8::1\nsix AAAA 2001:db8::2\n" \
    + "".join("%s A %s\n" % (name, a) for name in ("many", "fixed", "a.below") for a in ADDRESSES)
SORTED = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n" + "".join(
    "x A %s\n" % a for a in ("192.0.2.1", "10.1.2.3", "198.51.100.7", "10.9.9.9", "127.0.0.9"))
CONFIGURATION = """
options {
    listen-on port @PORT@ { any; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; %s
    recursion %s; allow-recursion { any; }; allow-query-cache { any; }; empty-zones-enable no; dnssec-validation no; minimal-responses yes; %s
};
"""
ZONES = 'zone "z.test" { type primary; file "zone"; };\nzone "s.test" { type primary; file "sorted"; };\n'
FILES = {"zone": ZONE, "sorted": SORTED}


def addresses(server, name, qtype="A", **how):
    message = ask.ask(server, name, qtype, **how)
    return [r.to_text() for rrset in message.answer if dns.rdatatype.to_text(rrset.rdtype) == qtype for r in rrset]


def rotations(items):
    return [items[i:] + items[:i] for i in range(len(items))]


def check_order(box):
    order = 'rrset-order { name "fixed.z.test" order none; type A name "*.z.test" order cyclic; type AAAA order random; };'
    candord = box.candord(CONFIGURATION % ("workers 1;", "no", order) + ZONES, files=FILES)
    for name in ("many.z.test", "a.below.z.test", "alias.z.test"):
        with tap.case("cyclic: each answer begins with the next address (%s)" % name):
            seen = [addresses(candord, name) for _ in range(6)]
            assert all(s in rotations(seen[0]) for s in seen), seen
            tap.equal(len({tuple(s) for s in seen}), 5)
            tap.equal([s[0] for s in seen[1:]], [s[1] for s in seen[:-1]])
    with tap.case("none: as they came; random: both orders are seen, over TCP too"):
        tap.equal({tuple(addresses(candord, "fixed.z.test")) for _ in range(6)}, {tuple(addresses(candord, "fixed.z.test"))})
        tap.equal(len({tuple(addresses(candord, "six.z.test", "AAAA", tcp=i % 2 == 1)) for i in range(40)}), 2)
    with tap.case("a resolver's cached answers are put in order as well, with EDNS and without"):
        resolver = box.candord(CONFIGURATION % ("workers 1;", "yes", "rrset-order { order cyclic; };")
                               + 'zone "z.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };' % candord.port)
        seen = [addresses(resolver, "fixed.z.test", edns=i % 2 == 0) for i in range(6)]
        tap.equal(sorted(seen[0]), ADDRESSES)
        assert all(s in rotations(seen[0]) for s in seen), seen
        tap.equal(len({tuple(s) for s in seen}), 5)
        resolver.stop()
    candord.stop()


def check_sortlist(box):
    sortlist = """sortlist { { 127.0.1.1; { 10.9.0.0/16; { 10/8; 198.51.100/24; }; }; }; { 127.0.2.1; 198.51.100/24; };
                   127.0.0.0/24; }; rrset-order { order fixed; };"""
    pair = [kind(CONFIGURATION % ("", "no", sortlist) + ZONES, files=FILES) for kind in (box.named, box.candord)]
    with tap.case("sortlist: who asks has the addresses that he prefers first, as from named"):
        for source, firsts in (("127.0.1.1", ["10.9.9.9", None, None]), ("127.0.2.1", ["198.51.100.7"]), ("127.0.0.1", ["127.0.0.9"])):
            both = [addresses(server, "x.s.test", source=source) for server in pair]
            for got in both:
                tap.equal(len(got), 5, source)
                for place, first in enumerate(firsts):
                    assert first in (None, got[place]), (source, got)
        both = [set(addresses(server, "x.s.test", source="127.0.1.1")[1:3]) for server in pair]
        tap.equal(both[1], {"10.1.2.3", "198.51.100.7"})
        tap.equal(both[1], both[0])
    for server in pair:
        server.stop()


def main():
    arguments = servers.arguments(__doc__)
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        check_order(box)
        check_sortlist(box)
    tap.finish()


main()
