# SPDX-License-Identifier: GPL-3.0-or-later
"""The example as its reader tries it: every answer of examples/loppsi, from candord and from Debian's named."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

EXAMPLE = os.path.join(servers.TOP, "examples", "loppsi")
SOA = "loppsi.gouv.fr. 3600 IN SOA gueant.interieur.gouv.fr. root.elysee.fr. 2011031800 7200 1800 2592000 3600"

# What is asked, the rcode, the answer section, and whether a rule of the policy zone decided.
TRANSCRIPTS = [
    ("a listed name does not exist", "google-analytics.com", "A", "NXDOMAIN", set(), True),
    ("nor does a name below it", "www.google-analytics.com", "A", "NXDOMAIN", set(), True),
    ("in any letter case", "GOOGLE-Analytics.COM", "A", "NXDOMAIN", set(), True),
    ("a name with `CNAME *.` has no data", "enlarge-your-penis.biz", "A", "NOERROR", set(), True),
    ("nor has a name below it", "buy.enlarge-your-penis.biz", "A", "NOERROR", set(), True),
    ("of no type", "buy.enlarge-your-penis.biz", "TXT", "NOERROR", set(), True),
    ("the address is ours", "ads.example.net", "AAAA", "NOERROR", {"ads.example.net. 5 IN AAAA 2001:db8::1"}, True),
    ("and where we have none there is none", "ads.example.net", "A", "NOERROR", set(), True),
    ("Wikipedia is closed", "wikipedia.org", "A", "NXDOMAIN", set(), True),
    ("in English too", "en.wikipedia.org", "A", "NXDOMAIN", set(), True),
    ("but not in French", "fr.wikipedia.org", "A", "NOERROR", {"fr.wikipedia.org. 3600 IN A 203.0.113.41"}, False),
    ("nor in French for telephones, the newer way", "fr.m.wikipedia.org", "A", "NOERROR",
     {"fr.m.wikipedia.org. 3600 IN A 203.0.113.42"}, False),
    ("an address in 192.0.2.0/24 is refused", "www.example.org", "A", "NXDOMAIN", set(), True),
    ("also as one among others", "both.example.org", "A", "NXDOMAIN", set(), True),
    ("also behind an alias", "mirror.example.org", "A", "NXDOMAIN",
     {"mirror.example.org. 3600 IN CNAME www.example.org."}, True),
    ("an address outside is not", "mail.example.org", "A", "NOERROR", {"mail.example.org. 3600 IN A 198.51.100.51"},
     False),
    ("an alias of a listed name leads nowhere", "stats.example.net", "A", "NXDOMAIN",
     {"stats.example.net. 3600 IN CNAME www.google-analytics.com."}, True),
    ("names that nobody lists are as they are", "www.example.net", "AAAA", "NOERROR",
     {"www.example.net. 3600 IN AAAA 2001:db8:30::1"}, False),
    ("and so are names that do not exist", "nothing.example.net", "A", "NXDOMAIN", set(), False),
]


def check_transcripts(server):
    for title, name, qtype, rcode, answer, policy in TRANSCRIPTS:
        with tap.case("%s: %s: %s %s" % (server.name, title, name, qtype)):
            got = ask.ask(server, name, qtype)
            tap.equal(ask.rcode(got), rcode)
            tap.equal(ask.answers(got), answer)
            tap.equal(got.question[0].name.to_text(), name + ".")
            if policy:
                tap.equal(ask.rrsets(got.additional), {SOA}, "additional section")
                tap.equal(ask.rrsets(got.authority), set(), "authority section")
            else:
                tap.equal(ask.soa(got.additional), None, "SOA in additional")
            if policy and server.name == "candord":
                assert "AA" not in ask.flags(got), "what a rule made is nobody's authority"
    with tap.case("%s: the list itself is not public" % server.name):
        for name, qtype in (("loppsi.gouv.fr", "SOA"), ("google-analytics.com.loppsi.gouv.fr", "CNAME")):
            tap.equal(ask.rcode(ask.ask(server, name, qtype)), "REFUSED")


def check_dig(server):
    with tap.case("dig prints what the article's reader expects to see"):
        out = subprocess.run(["dig", "-4", "@localhost", "-p", str(server.port), "A", "google-analytics.com"], text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=20).stdout
        for line in ("status: NXDOMAIN", "flags: qr rd ra; QUERY: 1, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 2",
                     "ADDITIONAL SECTION", "root.elysee.fr. 2011031800"):
            assert line in out, "%r is missing in:\n%s" % (line, out)


def check_explain(candord):
    with tap.case("candorctl explain names the rule and the zone"):
        told = candord.ctl("explain", "www.google-analytics.com", "A")
        assert "*.google-analytics.com" in told and "loppsi.gouv.fr" in told, told
    with tap.case("candorctl zones counts the rules"):
        assert "2011031800" in candord.ctl("zones")
    with tap.case("every rewrite is logged in BIND's form, with the owner of the rule"):
        candord.wait_log(r"rpz QNAME NXDOMAIN rewrite www\.google-analytics\.com/A/IN via "
                         r"\*\.google-analytics\.com\.loppsi\.gouv\.fr")
        candord.wait_log(r"rpz IP NXDOMAIN rewrite both\.example\.org/A/IN via 24\.0\.2\.0\.192\.rpz-ip\.loppsi\.gouv\.fr")


def main():
    a = servers.arguments(__doc__)
    file = os.path.join(EXAMPLE, "named.conf")
    with open(file) as f:
        text = f.read().replace("9053", "@PORT@")
    with servers.Sandbox(a.build, a.keep) as box:
        check_transcripts(box.named(text, cwd=EXAMPLE))
        candord = box.candord(file=file, cwd=EXAMPLE)
        check_transcripts(candord)
        check_dig(candord)
        check_explain(candord)
    tap.finish()


main()
