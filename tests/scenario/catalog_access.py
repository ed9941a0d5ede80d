# SPDX-License-Identifier: GPL-3.0-or-later
"""allow-query.ext and allow-transfer.ext of a catalog: who may ask about its members and take them, beside named as
another reader of the same catalog."""
import os
import sys

import dns.exception
import dns.query
import dns.rcode

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

APEX = "$TTL 300\n@ SOA ns.invalid. host.invalid. %d 3600 600 86400 60\n@ NS ns.invalid.\n"
PRIMARY = """
options { directory "@DIR@"; listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;
    session-keyfile none; notify explicit; also-notify { %s }; notify-delay 0; allow-transfer { any; };
    empty-zones-enable no; };
"""
READER = """
options { directory "@DIR@"; listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; %(more)s
    empty-zones-enable no; min-retry-time 1; min-refresh-time 1; notify no; allow-transfer { 127.0.0.1; };
    allow-query { 127.0.0.0/8; };
    catalog-zones { zone "catz.test" default-primaries { 127.0.0.1 port %(port)d; } in-memory yes min-update-interval 0; }; };
zone "catz.test" { type secondary; primaries { 127.0.0.1 port %(port)d; }; file "catz.db"; allow-query { any; }; };
"""
# Each member's own word, under its label; `all`: the catalog's.
MEMBERS = {
    "none": {},
    "one": {"allow-query": "1:127.0.0.2/32"},
    "net": {"allow-query": "!1:127.0.0.3/32 1:127.0.0.0/8", "allow-transfer": "1:127.0.0.2/32"},
    "other": {"allow-query": "2:2001:db8::/32"},
    "taken": {"allow-transfer": "!1:127.0.0.1/32 1:127.0.0.0/8 2:::/0"},
}
SOURCES = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


def catalog(all_="", members=MEMBERS):
    text = 'version TXT "2"\n' + all_
    for label, words in members.items():
        text += "%s.zones PTR %s.test.\n" % (label, label)
        text += "".join("%s.ext.%s.zones APL %s\n" % (word, label, apl) for word, apl in words.items())
    return text


def rights(server):
    """{(member, source): (code of a question, is the zone handed over?)}"""
    found = {}
    for label in MEMBERS:
        for source in SOURCES:
            code = ask.rcode(ask.ask(server, "www.%s.test" % label, rd=False, source=source))
            try:
                list(dns.query.xfr(server.address, label + ".test", port=server.port, source=source, timeout=10, lifetime=20))
                taken = True
            except (dns.exception.DNSException, OSError):
                taken = False
            found[label, source] = code, taken
    return found


def publish(primary, serial, text):
    primary.write("catz.test.db", APEX % serial + text)
    primary.signal(1)



def settled(readers, want):
    """Catalogs are followed a moment after they have come."""
    candord, named = readers
    for reader in readers:
        try:
            reader.wait(lambda: rights(reader) == want, 15)
        except servers.NotReady:
            pass
    tap.equal(rights(named), want, "named")
    tap.equal(rights(candord), want, "candord")


def expected(query_all=None, transfer_all=None, members=MEMBERS):
    asks = {"127.0.0.0/8": set(SOURCES), "1:127.0.0.2/32": {"127.0.0.2"}, "2:2001:db8::/32": set(),
            "!1:127.0.0.3/32 1:127.0.0.0/8": {"127.0.0.1", "127.0.0.2"}, "1:127.0.0.1/32": {"127.0.0.1"},
            "!1:127.0.0.1/32 1:127.0.0.0/8 2:::/0": {"127.0.0.2", "127.0.0.3"}, "127.0.0.1": {"127.0.0.1"}}
    return {(label, source): (
        "NOERROR" if source in asks[words.get("allow-query", query_all or "127.0.0.0/8")] else "REFUSED",
        source in asks[words.get("allow-transfer", transfer_all or "127.0.0.1")])
        for label, words in members.items() for source in SOURCES}


def main():
    arguments = servers.arguments(__doc__)
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        candord, named = servers.Candord(box, "candord", ""), servers.Named(box, "named-reader", None, file="x")
        primary = servers.Named(box, "named", PRIMARY % "".join("127.0.0.1 port %d; " % s.port for s in (candord, named)))
        with open(primary.file, "a") as conf:
            for label in list(MEMBERS):
                conf.write('zone "%s.test" { type primary; file "member.db"; };\n' % label)
            conf.write('zone "catz.test" { type primary; file "catz.test.db"; };\n')
        primary.write("member.db", APEX % 1 + "www A 192.0.2.1\n")
        primary.write("catz.test.db", APEX % 1 + catalog())
        primary.start()
        candord.write("named.conf", READER % {"port": primary.port, "more": "pid-file none;"})
        named.file = named.write("named.conf", READER % {"port": primary.port, "more": "pid-file none; session-keyfile none;"}
                                 + "controls { };\n")
        named.command[-1] = named.file
        readers = candord.start(), named.start()
        with tap.case("members' own lists; options hold where there is none, as with named"):
            settled(readers, expected())
        with tap.case("the catalog's lists hold for members without their own"):
            publish(primary, 2, catalog("allow-query.ext APL 1:127.0.0.1/32\nallow-transfer.ext APL 1:127.0.0.2/32\n"))
            settled(readers, expected("1:127.0.0.1/32", "1:127.0.0.2/32"))
        with tap.case("a list that goes is no longer in force"):
            fewer = dict(MEMBERS, one={})
            publish(primary, 3, catalog(members=fewer))
            settled(readers, expected(members=fewer))
    tap.finish()


main()
