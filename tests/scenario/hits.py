# SPDX-License-Identifier: GPL-3.0-or-later
"""candorctl hits: which rules act, counted rule by rule, whichever way their answers go."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

SOA = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
FILES = {
    "own": SOA + "www A 192.0.2.1\nmoved CNAME www\nfree A 192.0.2.2\n* A 192.0.2.3\n",
    "first": SOA + "good.own.test CNAME rpz-passthru.\nBad.own.test CNAME .\n*.wild.own.test CNAME .\n32.9.0.0.127.rpz-client-ip CNAME *.\n",
    "second": SOA + "32.1.2.0.192.rpz-ip A 198.51.100.1\nmany.own.test TXT made\n" + "".join(
        "n%d.own.test CNAME .\n" % i for i in range(3000)),
    "tested": SOA + "free.own.test CNAME .\n",
}
VIEW = """view "%s" { match-clients { %s };
    response-policy { zone "first"; zone "tested" policy disabled; zone "second"; } %s;
    zone "own.test" { type primary; file "own"; };
    zone "first" { type primary; file "first"; }; zone "second" { type primary; file "second"; };
    zone "tested" { type primary; file "tested"; };
};
"""
CONFIGURATION = """options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; workers 2;
    empty-zones-enable no; dnssec-validation no; recursion yes;
};
""" + VIEW % ("office", "127.0.0.1; 127.0.0.9;", "") + VIEW % ("guests", "any;", "qname-wait-recurse no")


def hits(candord, *words):
    return candord.ctl_json("hits", *words)


def counts(candord, view, *words):
    return {r["owner"]: r["hits"] for r in hits(candord, *words)["rules"] if r["view"] == view}


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        candord = box.candord(CONFIGURATION, files=FILES)
        with tap.case("before anything is asked no rule has acted"):
            tap.equal(hits(candord), {"since": None, "hits": 0, "rules_seen": 0, "overcount": 0, "rules": []})
            tap.equal(candord.ctl("hits"), "no rule has acted in the last hour\n")
        asked = [("bad.own.test", 40, {}), ("BAD.own.test", 2, {"tcp": True}), ("a.wild.own.test", 3, {}),
                 ("b.c.wild.own.test", 4, {"do": True}), ("good.own.test", 5, {}), ("www.own.test", 6, {}),
                 ("moved.own.test", 7, {}), ("free.own.test", 8, {}), ("other.own.test", 9, {}),
                 ("other.own.test", 10, {"source": "127.0.0.9"})]
        for name, times, how in asked:
            for _ in range(times):
                ask.ask(candord, name, **how)
        office = {"bad.own.test.first.": 42, "*.wild.own.test.first.": 7, "good.own.test.first.": 5,
                  "32.1.2.0.192.rpz-ip.second.": 13, "free.own.test.tested.": 8, "32.9.0.0.127.rpz-client-ip.first.": 10}
        with tap.case("each rule is counted under its owner, also that of a disabled zone"):
            tap.equal(counts(candord, "office"), office)
            tap.equal(hits(candord)["overcount"], 0)
        with tap.case("most hits first, at most so many; the sums are of all"):
            told = hits(candord, "--most", "2")
            tap.equal([(r["owner"], r["hits"]) for r in told["rules"]],
                      [("bad.own.test.first.", 42), ("32.1.2.0.192.rpz-ip.second.", 13)])
            tap.equal((told["hits"], told["rules_seen"]), (sum(office.values()), len(office)))
        with tap.case("of one zone"):
            tap.equal(counts(candord, "office", "second"), {"32.1.2.0.192.rpz-ip.second.": 13})
            tap.equal({r["zone"] for r in hits(candord, "FIRST.")["rules"]}, {"first."})
        with tap.case("a view has its own counts, also of rules that act before recursion"):
            for _ in range(30):
                ask.ask(candord, "bad.own.test", source="127.0.0.3")
            tap.equal(counts(candord, "guests"), {"bad.own.test.first.": 30})
            tap.equal(counts(candord, "office"), office)
        with tap.case("for people"):
            lines = [line.split() for line in candord.ctl("hits", "first").splitlines()]
            tap.equal(lines[:2], [["HITS", "ZONE", "VIEW", "RULE"], ["42", "first.", "office", "bad.own.test"]])
        with tap.case("what is no policy zone or no number is said"):
            for words in (("nowhere.test",), ("own.test",), ("--most", "x"), ("--most", "0"), ("--most", "-1")):
                said = ""
                try:
                    candord.ctl("hits", *words)
                except AssertionError as why:
                    said = str(why)
                assert "no policy zone" in said or "is to be a number" in said, (words, said)
        with tap.case("counts go on over a reload"):
            candord.reload()
            ask.ask(candord, "bad.own.test")
            tap.equal(counts(candord, "office")["bad.own.test.first."], 43)
        with tap.case("with more rules than are kept the sum stays, and the bound is told"):
            for i in range(3000):
                ask.ask(candord, "n%d.own.test" % i)
            told = hits(candord, "--most", "10000")
            ours = [r["hits"] for r in told["rules"] if r["view"] == "office"]
            assert abs(sum(ours) - sum(office.values()) - 3001) < 100, sum(ours)
            assert len(ours) <= 2 * 1024 and 0 < told["overcount"] <= 6, (len(ours), told["overcount"])
            assert abs(counts(candord, "office")["bad.own.test.first."] - 43) <= told["overcount"]
    tap.finish()


main()
