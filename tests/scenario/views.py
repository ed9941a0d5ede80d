# SPDX-License-Identifier: GPL-3.0-or-later
"""Views: which clients get which zones, which recursion and which policy, from one process. The same
configuration and the same questions go to Debian's named; what only we have (ede, include-subdomains) and what
a reload does to views is asked of candord alone."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
acl children { 127.0.0.10; 127.0.0.11; };
acl guests { !127.0.0.25; 127.0.0.16/28; };
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 port @PORT@ { ::1; };
    directory "@DIR@"; pid-file none; empty-zones-enable no; dnssec-validation no;
    blackhole { 127.0.0.66; };
};
view "kids" {
    match-clients { children; };
    response-policy { zone "strict.rpz"@EDE@; zone "common.rpz" max-policy-ttl 30; };
    zone "strict.rpz" { type primary; file "strict"; };
    zone "common.rpz" { type primary; file "common"; };
    zone "example.test" { type primary; file "world"; };
    zone "own.test" { type primary; file "kids"; };
};
view "six" {
    match-destinations { ::1; }; recursion no;
    zone "example.test" { in-view "kids"; };
};
view "guests" {
    match-clients { guests; };
    response-policy { zone "common.rpz" policy nodata; };
    zone "common.rpz" { type primary; file "common"; };
    zone "example.test" { in-view "kids"; };
    zone "own.test" { type primary; file "guests"; };
};
view "asking" {
    match-clients { 127.0.0.40; }; match-recursive-only yes;
    zone "own.test" { type primary; file "asking"; };
    zone "example.test" { in-view "kids"; };
};
view "others" {
    allow-query { !127.0.0.99; any; };
    zone "own.test" { type primary; file "others"; };
    zone "six.test" { type primary; file "others"; allow-query-on { ::1; }; };
    zone "example.test" { in-view "kids"; };
};
"""
HEAD = "$TTL 300\n@ SOA localhost. host. 1 3600 600 86400 60\n@ NS localhost.\n"
FILES = {
    "strict": HEAD + "www.example.test CNAME .\n32.3.2.0.192.rpz-ip CNAME .\ntree.example.test CNAME .\n",
    "common": HEAD + "bad.example.test A 192.0.2.200\nwww.example.test CNAME *.\n",
    "world": HEAD + "www A 192.0.2.1\nbad A 192.0.2.2\nother A 192.0.2.3\nfree A 192.0.2.4\na.tree A 192.0.2.5\n",
    **{view: HEAD + "who TXT %s\n" % view for view in ("kids", "guests", "asking", "others")},
}

# (client, destination, RD, name, type)
QUESTIONS = [(client, "127.0.0.1", rd, name, qtype)
             for client in ("127.0.0.10", "127.0.0.20", "127.0.0.25", "127.0.0.40", "127.0.0.1", "127.0.0.99")
             for rd in (True, False)
             for name, qtype in (("who.own.test", "TXT"), ("www.example.test", "A"), ("bad.example.test", "A"),
                                 ("other.example.test", "A"), ("free.example.test", "A"))]
QUESTIONS += [("127.0.0.1", "127.0.0.1", True, "who.six.test", "TXT")]
QUESTIONS += [("::1", "::1", True, "www.example.test", "A"), ("::1", "::1", True, "who.own.test", "TXT")]


def seen(server, client, destination, rd, name, qtype):
    got = ask.ask(server, name, qtype, source=client, address=destination, rd=rd)
    return ask.rcode(got), sorted(ask.answers(got)), sorted(ask.rrsets(got.additional))


def compare(candord, named):
    for question in QUESTIONS:
        with tap.case("%s asks %s (RD %s) for %s %s" % question):
            tap.equal(seen(candord, *question), seen(named, *question))


def silence(*running):
    for server in running:
        with tap.case("%s: a client in blackhole gets no answer" % server.name):
            try:
                ask.ask(server, "who.own.test", "TXT", source="127.0.0.66", timeout=0.5)
            except ask.Timeout:
                continue
            raise AssertionError("an answer")


def who(server, client):
    return seen(server, client, "127.0.0.1", True, "who.own.test", "TXT")[1]


def only_ours(candord):
    with tap.case("EDE of the view's policy zone"):
        got = ask.ask(candord, "www.example.test", source="127.0.0.10")
        tap.equal([int.from_bytes(o.to_wire()[:2], "big") for o in got.options if int(o.otype) == 15], [17])
    with tap.case("a rule without include-subdomains covers its name alone"):
        tap.equal(seen(candord, "127.0.0.10", "127.0.0.1", True, "a.tree.example.test", "A")[0], "NOERROR")
    text = CONFIGURATION.replace("@EDE@", " include-subdomains yes")
    candord.write("named.conf", text.replace("acl children { 127.0.0.10; 127.0.0.11; };",
                                             "acl children { 127.0.0.11; };"))
    candord.reload()
    with tap.case("after a reload a client is in another view"):
        tap.equal(who(candord, "127.0.0.10"), ['who.own.test. 300 IN TXT "others"'])
        tap.equal(who(candord, "127.0.0.11"), ['who.own.test. 300 IN TXT "kids"'])
    with tap.case("with include-subdomains the whole tree is covered, in this view alone"):
        tap.equal(seen(candord, "127.0.0.11", "127.0.0.1", True, "a.tree.example.test", "A")[0], "NXDOMAIN")
        tap.equal(seen(candord, "127.0.0.1", "127.0.0.1", True, "a.tree.example.test", "A")[0], "NOERROR")
    candord.write("named.conf", "options { recursoin yes; };")
    candord.reload()
    with tap.case("a configuration with an error leaves what is in force, and is told with its line"):
        tap.equal(who(candord, "127.0.0.11"), ['who.own.test. 300 IN TXT "kids"'])
        assert "named.conf:1: unknown word 'recursoin' in options; is it 'recursion'?" in candord.log()


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        same = CONFIGURATION.replace("@EDE@", "")
        both = box.candord(same, files=FILES), box.named(same, files=FILES)
        compare(*both)
        silence(*both)
        only_ours(box.candord(CONFIGURATION.replace("@EDE@", " ede filtered"), files=FILES))
    tap.finish()


main()
