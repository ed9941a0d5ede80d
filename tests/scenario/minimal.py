# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the authority and additional sections an answer carries: every value of minimal-responses, in a view of
its own, for answers, negatives, delegations and aliases out of zones we hold, keys among them, and for clients of
every size. Debian's named is asked the same."""
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

VALUES = ("no", "yes", "no-auth", "no-auth-recursive", None)
HEAD = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; };
    directory "@DIR@"; pid-file none; empty-zones-enable no; dnssec-validation no;
};
"""
ZONE = """$TTL 300
@ SOA ns host 1 3600 600 86400 60
@ NS ns
@ NS ns2.other.test.
@ MX 10 mail
ns A 192.0.2.53
ns AAAA 2001:db8::53
mail A 192.0.2.25
www A 192.0.2.1
alias CNAME www
_s._tcp SRV 0 0 1 mail
sub NS ns.sub
sub NS ns
ns.sub A 192.0.2.54
*.wild MX 10 mail
@ DNSKEY 256 3 13 Km3bOxj6KuFHd1ng+5HYn0bPVqqS1QnhY8ebaQWL5BIGnKtPamAlNTzFZ5zy7EAEPJ2LI/WgpGl896OnhgpL/Q==
@ CDNSKEY 0 3 0 AA==
@ CDS 0 0 0 00
sub DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
www KEY 256 3 13 Km3bOxj6KuFHd1ng+5HYn0bPVqqS1QnhY8ebaQWL5BIGnKtPamAlNTzFZ5zy7EAEPJ2LI/WgpGl896OnhgpL/Q==
"""
QUESTIONS = [("www", "A"), ("alias", "A"), ("", "MX"), ("", "NS"), ("", "SOA"), ("_s._tcp", "SRV"), ("x.wild", "MX"),
             ("www", "TXT"), ("nothing", "A"), ("ns", "A"), ("ns", "AAAA"), ("", "DNSKEY"), ("", "CDS"), ("", "CDNSKEY"), ("sub", "DS"), ("www", "KEY"),
             ("www", "DNSKEY"), ("alias", "DNSKEY")]
SIZES = ({}, {"payload": 512}, {"payload": 513}, {"edns": False}, {"payload": 512, "tcp": True})


def configuration():
    text = HEAD
    for i, value in enumerate(VALUES):
        text += ('view "v%d" { match-clients { 127.1.%d.1; }; %s\n'
                 '    zone "own.test" { type primary; file "zone"; }; };\n'
                 % (i, i, "minimal-responses %s;" % value if value else ""))
    return text


def seen(server, i, name, qtype, rd, **how):
    got = ask.ask(server, (name + ".own.test").lstrip("."), qtype, rd=rd, source="127.1.%d.1" % i, **how)
    return (ask.rcode(got), sorted(ask.flags(got)), sorted(ask.answers(got)), sorted(ask.rrsets(got.authority)),
            sorted(ask.rrsets(got.additional)))


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        candord, named = (start(configuration(), files={"zone": ZONE}) for start in (box.candord, box.named))
        for (i, value), (name, qtype), rd in itertools.product(enumerate(VALUES), QUESTIONS, (True, False)):
            with tap.case("minimal-responses %s: %s %s, RD %s" % (value or "not given", name or "the apex", qtype, rd)):
                tap.equal(seen(candord, i, name, qtype, rd), seen(named, i, name, qtype, rd))
        for (i, value), (name, qtype), how in itertools.product(enumerate(VALUES), QUESTIONS, SIZES):
            with tap.case("minimal-responses %s: %s %s with %s" % (
                    value or "not given", name or "the apex", qtype, how or "EDNS")):
                tap.equal(seen(candord, i, name, qtype, False, **how), seen(named, i, name, qtype, False, **how))
        for (i, value), how in itertools.product(enumerate(VALUES), SIZES):
            with tap.case("minimal-responses %s: a delegation with %s" % (value or "not given", how or "EDNS")):
                tap.equal(seen(candord, i, "x.sub", "A", False, **how), seen(named, i, "x.sub", "A", False, **how))
    tap.finish()


main()
