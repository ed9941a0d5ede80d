# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the authority and additional sections an answer carries: every value of minimal-responses, in a view of
its own, for answers, negatives, delegations and aliases out of zones we hold. Debian's named is asked the same."""
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
"""
QUESTIONS = [("www", "A"), ("alias", "A"), ("", "MX"), ("", "NS"), ("", "SOA"), ("_s._tcp", "SRV"), ("x.wild", "MX"),
             ("www", "TXT"), ("nothing", "A"), ("ns", "A"), ("ns", "AAAA")]


def configuration():
    text = HEAD
    for i, value in enumerate(VALUES):
        text += ('view "v%d" { match-clients { 127.1.%d.1; }; %s\n'
                 '    zone "own.test" { type primary; file "zone"; }; };\n'
                 % (i, i, "minimal-responses %s;" % value if value else ""))
    return text


def seen(server, i, name, qtype, rd):
    got = ask.ask(server, (name + ".own.test").lstrip("."), qtype, rd=rd, source="127.1.%d.1" % i)
    return (ask.rcode(got), sorted(ask.flags(got)), sorted(ask.answers(got)), sorted(ask.rrsets(got.authority)),
            sorted(ask.rrsets(got.additional)))


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        candord, named = (start(configuration(), files={"zone": ZONE}) for start in (box.candord, box.named))
        for (i, value), (name, qtype), rd in itertools.product(enumerate(VALUES), QUESTIONS, (True, False)):
            with tap.case("minimal-responses %s: %s %s, RD %s" % (value or "not given", name or "the apex", qtype, rd)):
                tap.equal(seen(candord, i, name, qtype, rd), seen(named, i, name, qtype, rd))
        for i, value in enumerate(VALUES):
            with tap.case("minimal-responses %s: a delegation" % (value or "not given")):
                tap.equal(seen(candord, i, "x.sub", "A", False), seen(named, i, "x.sub", "A", False))
    tap.finish()


main()
