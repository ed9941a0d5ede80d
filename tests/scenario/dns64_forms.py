# SPDX-License-Identifier: GPL-3.0-or-later
"""dns64 in all its forms: prefix lengths, suffix, clients, mapped, exclude, several prefixes, recursive-only;
each in a view of its own. Debian's named is asked the same."""
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

FORMS = [
    "dns64 64:ff9b::/96 { };",
    "dns64 2001:db8::/32 { };",
    "dns64 2001:db8:100::/40 { };",
    "dns64 2001:db8:122::/48 { };",
    "dns64 2001:db8:122:300::/56 { };",
    "dns64 2001:db8:122:344::/64 { };",
    "dns64 2001:db8::/32 { suffix ::1:2:3; };",
    "dns64 2001:db8:122:344::/64 { suffix ::aa; };",
    "dns64 64:ff9b::/96 { clients { 127.0.0.1; }; };",
    "dns64 64:ff9b::/96 { clients { !127.0.0.0/8; any; }; };",
    "dns64 64:ff9b::/96 { mapped { !10.0.0.0/8; any; }; };",
    "dns64 64:ff9b::/96 { mapped { 10.0.0.0/8; }; };",
    "dns64 64:ff9b::/96 { exclude { 2001:db8::/32; }; };",
    "dns64 64:ff9b::/96 { exclude { any; }; };",
    "dns64 64:ff9b::/96 { exclude { none; }; };",
    "dns64 64:ff9b::/96 { recursive-only yes; };",
    "dns64 64:ff9b::/96 { break-dnssec yes; };",
    "dns64 64:ff9b::/96 { }; dns64 2001:db8:1::/96 { };",
    "dns64 64:ff9b::/96 { mapped { 192.0.2.0/24; }; }; dns64 2001:db8:1::/96 { mapped { 10.0.0.0/8; }; };",
]
HEAD = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; };
    directory "@DIR@"; pid-file none; empty-zones-enable no; dnssec-validation no;
};
"""
ZONE = """$TTL 300
@ 7200 SOA ns host 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
four A 192.0.2.1
four A 10.1.2.3
six AAAA 2001:db8::1
both A 192.0.2.2
both AAAA 2001:db9::2
mixed A 192.0.2.4
mixed AAAA 2001:db8::4
mixed AAAA 2001:db9::4
mapped A 192.0.2.3
mapped AAAA ::ffff:192.0.2.3
alias CNAME four
text TXT "x"
long 100000 A 192.0.2.6
"""
NAMES = ("four", "six", "both", "mixed", "mapped", "alias", "text", "nothing", "long")


def configuration():
    return HEAD + "".join('view "v%d" { match-clients { 127.1.%d.1; }; %s\n'
                          '    zone "own.test" { type primary; file "zone"; }; };\n' % (i, i, form)
                          for i, form in enumerate(FORMS))


def seen(server, i, name, rd, do):
    got = ask.ask(server, name + ".own.test", "AAAA", rd=rd, do=do, source="127.1.%d.1" % i)
    return ask.rcode(got), sorted(ask.flags(got)), sorted(ask.answers(got))


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        candord, named = (start(configuration(), files={"zone": ZONE}) for start in (box.candord, box.named))
        for (i, form), name in itertools.product(enumerate(FORMS), NAMES):
            with tap.case("%s %s" % (form, name)):
                for rd, do in ((True, False), (False, False), (True, True)):
                    tap.equal(seen(candord, i, name, rd, do), seen(named, i, name, rd, do), "RD %s, DO %s" % (rd, do))
    tap.finish()


main()
