# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may ask what: allow-query, allow-recursion, allow-query-cache and recursion, given, denied and left out in
every combination, each in a view of its own. Debian's named is asked the same. Recursion ends at a forwarder
that is not there, so that SERVFAIL says "allowed" and REFUSED says "not"."""
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

HEAD = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; };
    directory "@DIR@"; pid-file none; empty-zones-enable yes; dnssec-validation no;
    forwarders { 127.0.0.1 port @CONTROL@; }; forward only;
};
"""
ZONE = "$TTL 300\n@ SOA localhost. host. 1 3600 600 86400 60\n@ NS localhost.\nwww A 192.0.2.1\n"
LISTS = (None, "any", "none")
COMBINATIONS = list(itertools.product(LISTS, LISTS, LISTS, ("yes", "no")))


def words(query, recursion, cache, recurse):
    lists = (("allow-query", query), ("allow-recursion", recursion), ("allow-query-cache", cache))
    return " ".join(["%s { %s; };" % (word, value) for word, value in lists if value] + ["recursion %s;" % recurse])


def configuration():
    text = HEAD
    for i, combination in enumerate(COMBINATIONS):
        text += ('view "v%d" { match-clients { 127.1.%d.1; 127.1.%d.2; };\n    %s\n'
                 '    zone "own.test" { type primary; file "zone"; };\n'
                 '    zone "open.test" { type primary; file "zone"; allow-query { 127.1.%d.1; }; }; };\n'
                 % (i, i, i, words(*combination), i))
    return text


# (what is asked, name, RD)
QUESTIONS = [
    ("a zone of ours", "www.own.test", True),
    ("a zone of ours without RD", "www.own.test", False),
    ("a zone with a list of its own", "www.open.test", True),
    ("an empty zone", "1.0.0.10.in-addr.arpa", True),
    ("what needs recursion", "www.elsewhere.test", True),
    ("what needs recursion without RD", "www.elsewhere.test", False),
]


def seen(server, i, last, name, rd):
    got = ask.ask(server, name, rd=rd, source="127.1.%d.%d" % (i, last), timeout=10)
    return ask.rcode(got), "RA" in ask.flags(got), len(ask.answers(got))


def same(ours, theirs):
    """Where recursion is not to be had and nothing is cached named sends the client to the root (NOERROR, no
    answer); we refuse, which tells him to ask somebody else."""
    return ours == theirs or (ours[0], theirs[0]) == ("REFUSED", "NOERROR") and ours[1:] == theirs[1:] == (theirs[1], 0)


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        candord, named = (start(configuration(), files={"zone": ZONE}) for start in (box.candord, box.named))
        for i, combination in enumerate(COMBINATIONS):
            with tap.case(words(*combination)):
                for last, (what, name, rd) in itertools.product((1, 2), QUESTIONS):
                    ours, theirs = seen(candord, i, last, name, rd), seen(named, i, last, name, rd)
                    assert same(ours, theirs), "%s, client %d: named %r, candord %r" % (what, last, theirs, ours)
    tap.finish()


main()
