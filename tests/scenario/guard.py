# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard: a new version of a policy zone that would do harm is held while the old rules act; the operator decides."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    dnssec-validation no; recursion yes; allow-query { any; };
    protect { "gouv.fr"; file "popular.txt" exact above; };
    guard { min-queries 100; };
    response-policy { zone "feed.rpz"; zone "mine.rpz"; zone "free.rpz"; zone "trimmed.rpz"; } qname-wait-recurse no;
};
zone "feed.rpz" { type primary; file "feed"; };
zone "mine.rpz" { type primary; file "mine"; guard { suffix-rules warn; }; };
zone "free.rpz" { type primary; file "free"; guard none; };
zone "trimmed.rpz" { type primary; file "trimmed"; guard { min-queries 100; on-hold apply-without-offenders; }; };
zone "fr" { type primary; file "fr"; };
zone "test" { type primary; file "test"; };
"""
HEAD = "$TTL 60\n@ SOA ns.boss.test. host.boss.test. %d 3600 600 86400 60\n@ NS localhost.\n"
FR = HEAD % 1 + "www.libre A 192.0.2.1\nbad.example A 192.0.2.2\nwww.gouv A 192.0.2.3\nother A 192.0.2.4\n"
TEST = HEAD % 1 + "*.many A 192.0.2.9\n*.few A 192.0.2.9\nwww.free A 192.0.2.9\npopular A 192.0.2.9\n"


class Feed:
    """A policy zone's file, and how it is asked to be read again."""

    def __init__(self, candord, name):
        self.candord, self.name, self.serial = candord, name, 0

    def write(self, *rules):
        self.serial += 1
        self.candord.write(self.name, HEAD % self.serial + "".join(r + "\n" for r in rules))

    def publish(self, *rules):
        self.write(*rules)
        self.candord.ctl("reload", "--wait", self.name + ".rpz")
        return self.serial

    def told(self):
        return self.candord.ctl_json("zones", self.name + ".rpz")["zones"][0]


def run(candord, *words):
    r = subprocess.run([servers.program(candord.box.build, "candorctl"), "-s", candord.socket, *words], text=True,
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return r.returncode, r.stdout, r.stderr


def blocked(candord, name):
    return ask.rcode(ask.ask(candord, name)) == "NXDOMAIN"


def held(candord):
    return {z["name"]: z for z in candord.ctl_json("held")["zones"]}


def check_suffix(candord, feed):
    with tap.case("a feed that blocks all of a top-level domain by mistake is held, the old rules act on"):
        serial = feed.publish("bad.example.fr CNAME .", "*.fr CNAME .")
        assert blocked(candord, "bad.example.fr") and not blocked(candord, "www.libre.fr")
        told = held(candord)["feed.rpz."]
        tap.equal((told["in_force"], told["hold"]["serial"], told["hold"]["by"]), (serial - 1, serial, "guard"))
        assert "public-suffix" in told["hold"]["reason"] and "*.fr (NXDOMAIN)" in told["hold"]["reason"], told
    with tap.case("the log says so once, with the offending rule"):
        pattern = "zone feed.rpz/IN: serial 2 from .* is held: .*\\*\\.fr \\(NXDOMAIN\\)"
        candord.wait_log(pattern)
        feed.publish("bad.example.fr CNAME .", "*.fr CNAME .")
        tap.equal(candord.log().count("is held: "), 1)
    with tap.case("zones shows what is held, for people too"):
        told = feed.told()
        tap.equal((told["serial"], told["hold"]["serial"]), (1, 3))
        _, out, _ = run(candord, "zones", "feed.rpz")
        assert "serial 3 is not in force" in out and "*.fr" in out, out
        _, out, _ = run(candord, "held")
        assert "feed.rpz." in out and "serial 3" in out and "serial 1 is in force" in out and "*.fr" in out, out
    with tap.case("what comes later accumulates behind it and is weighed anew"):
        feed.publish("bad.example.fr CNAME .", "*.fr CNAME .", "other.fr CNAME .")
        assert not blocked(candord, "other.fr")
        tap.equal(held(candord)["feed.rpz."]["hold"]["serial"], 4)
        feed.publish("bad.example.fr CNAME .", "other.fr CNAME .")
        assert blocked(candord, "other.fr") and not blocked(candord, "www.libre.fr")
        tap.equal(held(candord), {})


def check_decisions(candord, feed):
    with tap.case("a rule on a protected name is held; release puts it in force"):
        feed.publish("bad.example.fr CNAME .", "www.gouv.fr CNAME .")
        assert not blocked(candord, "www.gouv.fr")
        assert "hits gouv.fr" in held(candord)["feed.rpz."]["hold"]["reason"]
        tap.equal(candord.ctl_json("release", "feed.rpz"),
                  {"zones": [{"name": "feed.rpz.", "view": "_default", "serial": feed.serial}]})
        assert blocked(candord, "www.gouv.fr")
        tap.equal(held(candord), {})
    with tap.case("what was released is no news afterwards"):
        feed.publish("bad.example.fr CNAME .", "www.gouv.fr CNAME .", "other.fr CNAME .")
        tap.equal(held(candord), {})
        assert blocked(candord, "other.fr")
    with tap.case("names of a file are protected, as the words behind it say"):
        feed.publish("www.popular.test CNAME .")
        tap.equal(held(candord), {})
        feed.publish("popular.test CNAME .")
        assert "hits popular.test" in held(candord)["feed.rpz."]["hold"]["reason"]
    with tap.case("reject says no to this version; the next one is weighed again"):
        candord.ctl("reject", "feed.rpz")
        tap.equal(held(candord)["feed.rpz."]["hold"]["by"], "rejected")
        assert not blocked(candord, "popular.test")
        feed.publish("popular.test CNAME .", "more.test CNAME .")
        tap.equal(held(candord)["feed.rpz."]["hold"]["by"], "guard")
        feed.publish("more.test CNAME .")
        tap.equal(held(candord), {})
        assert blocked(candord, "more.test")
    with tap.case("without anything held there is nothing to decide"):
        for verb in ("release", "reject"):
            code, _, err = run(candord, verb, "feed.rpz")
            assert code == 1 and "nothing is held" in err, (code, err)
        code, _, err = run(candord, "release", "nosuch.rpz")
        assert code == 1 and "there is no zone" in err, (code, err)


def check_traffic(candord, feed):
    with tap.case("below min-queries nothing is held for traffic"):
        for i in range(30):
            ask.ask(candord, "www.many.test")
        feed.publish("*.many.test CNAME .")
        assert blocked(candord, "www.many.test")
        feed.publish("more.test CNAME .")
    with tap.case("a rule for much of what is asked is held, and the log says what would have happened"):
        for i in range(80):
            ask.ask(candord, "www.many.test" if i % 2 else "www.few.test")
        since = len(candord.log())
        feed.publish("more.test CNAME .", "*.many.test CNAME .")
        assert not blocked(candord, "www.many.test")
        reason = held(candord)["feed.rpz."]["hold"]["reason"]
        assert "% of the last hour's queries; the largest: www.many.test," in reason, reason
        candord.wait_log("would change the answer to", since=since)
        feed.publish("more.test CNAME .", "*.nobody.test CNAME .")
        tap.equal(held(candord), {})
    with tap.case("names that are hardly asked may be blocked"):
        feed.publish("more.test CNAME .", "bad.example.fr CNAME .")
        assert blocked(candord, "bad.example.fr")
    with tap.case("questions of the operator do not count as asked"):
        before = candord.ctl_json("simulate", "feed.rpz")["queries"]["seen"]
        candord.ctl("explain", "www.libre.fr")
        tap.equal(candord.ctl_json("simulate", "feed.rpz")["queries"]["seen"], before)
        ask.ask(candord, "www.libre.fr")
        tap.equal(candord.ctl_json("simulate", "feed.rpz")["queries"]["seen"], before + 1)


def check_words(candord):
    mine, free, trimmed = (Feed(candord, n) for n in ("mine", "free", "trimmed"))
    for feed in (mine, free, trimmed):
        feed.serial = 1
    with tap.case("suffix-rules warn: it goes into force, and the log warns"):
        mine.publish("*.uk CNAME rpz-tcp-only.")
        tap.equal(held(candord), {})
        candord.wait_log("zone mine.rpz/IN: serial 2 .* the guard warns: public-suffix")
        mine.publish()
    with tap.case("guard none: new versions go into force as they come"):
        free.publish("*.free.test CNAME .", "*.fr CNAME .")
        assert blocked(candord, "www.free.test")
        free.publish()
        tap.equal(held(candord), {})
    with tap.case("apply-without-offenders: what is left of it acts, and the rest is held"):
        trimmed.publish("*.fr CNAME .", "trimmed.test CNAME .", "*.few.test CNAME .")
        assert blocked(candord, "trimmed.test") and not blocked(candord, "www.libre.fr")
        assert not blocked(candord, "www.few.test")
        told = held(candord)["trimmed.rpz."]
        assert "in force without 2 rules" in told["hold"]["reason"], told
        candord.kill()
        candord.start()
        assert blocked(candord, "trimmed.test") and not blocked(candord, "www.libre.fr")
        tap.equal(held(candord)["trimmed.rpz."], told, "after kill -9")
        candord.ctl("release", "trimmed.rpz")
        assert blocked(candord, "www.libre.fr") and blocked(candord, "www.few.test")
        trimmed.publish()
    with tap.case("guard none in a configuration that is read again holds from then on"):
        before = candord.write("named.conf", CONFIGURATION.replace(
            'guard { min-queries 100; on-hold apply-without-offenders; }', 'guard none'))
        trimmed.write("*.few.test CNAME .")
        candord.reload()
        assert blocked(candord, "www.few.test"), before
        trimmed.publish()


def simulate(candord, *words, code):
    got, out, err = run(candord, "--json", "simulate", *words)
    tap.equal(got, code, out + err)
    return json.loads(out)


def check_simulate(candord, feed):
    path = candord.write("draft", HEAD % 99 + "more.test CNAME .\nbad.example.fr CNAME .\n*.fr CNAME .\n")
    with tap.case("simulate FILE answers before it is published, against the version in force and the traffic"):
        told = simulate(candord, path, "--zone", "feed.rpz", code=1)
        tap.equal((told["name"], told["verdict"], told["in_force"], told["serial"], told["guarded"]),
                  ("feed.rpz.", "held", feed.serial, 99, True))
        tap.equal([r["reason"] for r in told["reasons"] if r["holds"]][-2:], ["public-suffix", "protected"])
        tap.equal(told["rules"]["added"], 1)
        assert any(f["rule"] == "*.fr" and f["queries"] > 0 for f in told["findings"]), told
        assert "www.libre.fr." in [n["name"] for n in told["names"]], told
        tap.equal(held(candord), {})
        _, out, _ = run(candord, "simulate", path, "--zone", "feed.rpz")
        assert "would be HELD" in out and "*.fr (NXDOMAIN" in out and "www.libre.fr." in out, out
    with tap.case("simulate of a file that is no zone, of no zone, of a zone without anything held"):
        code, _, err = run(candord, "simulate", candord.write("broken", "hello\n"))
        assert code == 1 and "no SOA" in err, (code, err)
        code, _, err = run(candord, "simulate", "nosuch.rpz")
        assert code == 1 and "there is no zone" in err, (code, err)
        code, _, err = run(candord, "simulate", path)
        assert code == 2 and "--zone" in err, (code, err)
        tap.equal(simulate(candord, "feed.rpz", code=0)["verdict"], "passes")
    with tap.case("simulate ZONE weighs what is held again"):
        feed.publish("more.test CNAME .", "*.fr CNAME .")
        told = simulate(candord, "feed.rpz", code=1)
        tap.equal((told["serial"], told["verdict"]), (feed.serial, "held"))
        feed.publish("more.test CNAME .")
    with tap.case("simulate without a daemon: the file alone, or against an older one"):
        nobody = candord.socket + ".nobody"
        command = [servers.program(candord.box.build, "candorctl"), "-s", nobody, "--json", "simulate"]
        r = subprocess.run([*command, path, "--zone", "feed.rpz"], text=True, capture_output=True, timeout=60)
        told = json.loads(r.stdout)
        tap.equal((r.returncode, told["first_load"], told["verdict"]), (4, True, "warns"))
        assert "by itself" in r.stderr, r.stderr
        old = candord.write("older", HEAD % 98 + "more.test CNAME .\n")
        r = subprocess.run([*command, path, "--against", old], text=True, capture_output=True, timeout=60)
        told = json.loads(r.stdout)
        tap.equal((r.returncode, told["in_force"], told["rules"]["added"]), (1, 98, 2))


def check_checks(candord):
    with tap.case("candord -t says what is wrong with guard and protect"):
        for text, wanted in (('protect { file "nosuch"; };', "No such file"), ("protect { a..b; };", "a domain name"),
                             ("guard { max-change lots; };", "a percentage")):
            file = candord.write("wrong.conf", 'options { directory "%s"; %s };\n'
                                 'zone "x.rpz" { type primary; file "feed"; };\n' % (candord.dir, text))
            r = subprocess.run([servers.program(candord.box.build, "candord"), "-t", "-c", file], text=True,
                               capture_output=True, timeout=60)
            said = r.stdout + r.stderr
            assert r.returncode and "wrong.conf:1: expected" in said and wanted in said, (r.returncode, said)


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        candord = servers.Candord(box, "candord", CONFIGURATION)
        for name in ("feed", "mine", "free", "trimmed"):
            candord.write(name, HEAD % 1 + ("bad.example.fr CNAME .\n" if name == "feed" else ""))
        candord.write("popular.txt", "# rank,name\n1,popular.test\n")
        candord.write("fr", FR)
        candord.write("test", TEST)
        candord.start()
        feed = Feed(candord, "feed")
        feed.serial = 1
        check_suffix(candord, feed)
        check_decisions(candord, feed)
        check_traffic(candord, feed)
        check_simulate(candord, feed)
        check_words(candord)
        check_checks(candord)
    tap.finish()


main()
