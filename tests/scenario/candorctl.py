# SPDX-License-Identifier: GPL-3.0-or-later
"""candorctl: every verb, for people and as JSON, its exit status, and what explain tells of each kind of rule."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    dnssec-validation no; empty-zones-enable no;
};
view "people" {
    match-clients { 127.0.0.1; 127.0.0.2; };
    recursion yes;
    response-policy { zone "first.rpz"; zone "second.rpz"; zone "watch.rpz" policy disabled; };
    zone "first.rpz" { type primary; file "first"; };
    zone "second.rpz" { type primary; file "second"; };
    zone "watch.rpz" { type primary; file "watch"; };
    zone "example.test" { type primary; file "zone"; };
    zone "served.test" { type primary; file "served"; };
};
view "staff" {
    match-clients { 127.0.0.9; };
    recursion yes;
    zone "example.test" { type primary; file "zone"; };
};
"""
HEAD = "$TTL 300\n@ SOA ns.boss.test. bo\\.ss.boss.test. %d 3600 600 86400 60\n@ NS localhost.\n"
FIRST = HEAD + """
blocked.example.test CNAME .
empty.example.test CNAME *.
*.wild.example.test CNAME .
local.example.test A 192.0.2.80
local.example.test TXT "this is ours"
32.2.0.0.127.rpz-client-ip CNAME rpz-drop.
tcp.example.test CNAME rpz-tcp-only.
bad.example.test DNAME elsewhere.test.
999.2.0.0.127.rpz-client-ip CNAME .
32.1.2.0.192.rpz-ip CNAME .
"""
SECOND = HEAD + """
blocked.example.test CNAME rpz-passthru.
white.example.test CNAME rpz-passthru.
24.0.2.0.192.rpz-ip CNAME *.
"""
WATCH = HEAD + "plain.example.test CNAME .\nevil.served.test.rpz-nsdname CNAME .\n32.66.100.51.198.rpz-nsip CNAME .\n"
ZONE = """$TTL 300
@ SOA ns host 1 3600 600 86400 60
@ NS ns
ns A 198.51.100.53
blocked A 198.51.100.1
empty A 198.51.100.2
a.wild A 198.51.100.3
local A 198.51.100.4
white A 198.51.100.5
plain A 198.51.100.6
tcp A 198.51.100.7
refused A 192.0.2.1
alias CNAME refused
"""
SERVED = "$TTL 300\n@ SOA evil host 1 3600 600 86400 60\n@ NS evil\nevil A 198.51.100.66\nwww A 198.51.100.8\n"


def run(candord, *words):
    """(exit status, standard output, standard error)"""
    r = subprocess.run([servers.program(candord.box.build, "candorctl"), "-s", candord.socket, *words], text=True,
                       stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return r.returncode, r.stdout, r.stderr


def explain(candord, *words):
    return candord.ctl_json("explain", *words)


def winner(told):
    won = [r for r in told["rules"] if r["wins"]]
    assert len(won) <= 1, won
    return won[0] if won else None


def check_status(candord):
    with tap.case("status says who runs where, since when, with what"):
        told = candord.ctl_json("status")
        tap.equal(told["pid"], candord.pid)
        tap.equal(told["listening"], [{"address": "127.0.0.1", "port": candord.port, "tls": None}])
        tap.equal([(v["name"], v["policy_zones"], v["policy_ready"]) for v in told["views"]],
                  [("people", ["first.rpz.", "second.rpz.", "watch.rpz."], True), ("staff", [], True)])
        assert 0 <= time.time() - told["started_at"] < 60 and told["configured_at"] >= told["started_at"], told
        tap.equal((told["zones"]["loaded"], told["zones"]["failed"], told["zones"]["rules"]), (6, 0, 13))
        assert told["memory_bytes"] > 1 << 20, told
    with tap.case("status counts queries and rewrites"):
        before = candord.ctl_json("status")["queries"]
        for name in ("blocked.example.test", "plain.example.test"):
            ask.ask(candord, name)
        after = candord.ctl_json("status")["queries"]
        tap.equal((after["all"] - before["all"], after["rewritten"] - before["rewritten"]), (2, 1))
    with tap.case("status for people"):
        code, out, _ = run(candord, "status")
        tap.equal(code, 0)
        for part in ("pid %d" % candord.pid, "127.0.0.1#%d" % candord.port, "6 loaded", "13 rules", "first.rpz."):
            assert part in out, (part, out)


def check_zones(candord):
    with tap.case("zones tells rules by trigger and skipped records by reason"):
        first = candord.ctl_json("zones", "first.rpz")["zones"][0]
        tap.equal(first["rules"], {"client-ip": 1, "qname": 5, "ip": 1, "nsdname": 0, "nsip": 0})
        tap.equal(sum(first["skipped"].values()), 2)
        tap.equal((first["serial"], first["state"], first["order"], first["override"]), (7, "loaded", 1, "given"))
        tap.equal(first["soa"]["rname"], "bo\\.ss.boss.test.")
        assert abs(time.time() - first["loaded_at"]) < 120, first
        tap.equal(candord.ctl_json("zones", "watch.rpz")["zones"][0]["override"], "disabled")
    with tap.case("zones lists those of every view in the order of the configuration"):
        told = candord.ctl_json("zones")["zones"]
        tap.equal([(z["view"], z["name"]) for z in told],
                  [("people", n) for n in ("first.rpz.", "second.rpz.", "watch.rpz.", "example.test.", "served.test.")]
                  + [("staff", "example.test.")])
        assert "rules" not in told[3], told[3]
    with tap.case("zones counts hits by trigger and action"):
        def hits():
            return candord.ctl_json("zones", "first.rpz")["zones"][0]["hits"].get("qname", {}).get("nxdomain", 0)
        before = hits()
        ask.ask(candord, "blocked.example.test")
        tap.equal(hits(), before + 1)
        explain(candord, "blocked.example.test")
        tap.equal(hits(), before + 1, "after an explain")
    with tap.case("zones for people is a table with notes below it"):
        _, out, _ = run(candord, "zones")
        lines = out.split("\n")
        assert lines[0].startswith("ZONE") and "QNAME" in lines[0], out
        assert any(line.startswith("first.rpz.") and "loaded" in line for line in lines), out
        assert "skipped: " in out and "watch.rpz.: policy disabled" in out, out


def check_explain(candord):
    with tap.case("explain: the first zone wins over the second, which says why it loses"):
        told = explain(candord, "blocked.example.test")
        tap.equal((told["answer"]["status"], told["policy"]), ("NXDOMAIN", "applied"))
        rule = winner(told)
        tap.equal((rule["zone"], rule["owner"], rule["trigger"], rule["action"], rule["matched"]),
                  ("first.rpz.", "blocked.example.test.first.rpz.", "QNAME", "NXDOMAIN", "blocked.example.test."))
        tap.equal(rule["soa"], {"mname": "ns.boss.test.", "rname": "bo\\.ss.boss.test.", "serial": 7})
        losers = [r for r in told["rules"] if not r["wins"]]
        tap.equal([r["zone"] for r in losers], ["second.rpz."])
        assert losers[0]["why"], losers
        assert any("SOA" in line for line in told["answer"]["additional"]), told["answer"]
    with tap.case("explain: the truth that a rule hides"):
        told = explain(candord, "blocked.example.test")
        tap.equal((told["truth"]["status"], told["truth"]["ours"]), ("NOERROR", True))
        tap.equal(told["truth"]["chain"], [{"name": "blocked.example.test.", "addresses": ["198.51.100.1"], "servers": []}])
    with tap.case("explain: a wildcard rule, and no data"):
        rule = winner(explain(candord, "a.wild.example.test"))
        tap.equal((rule["owner"], rule["matched"]), ("*.wild.example.test.first.rpz.", "*.wild.example.test."))
        told = explain(candord, "empty.example.test", "AAAA")
        tap.equal((told["answer"]["status"], told["answer"]["answer"], winner(told)["action"]), ("NOERROR", [], "NODATA"))
    with tap.case("explain: local data is shown, all types of it"):
        told = explain(candord, "local.example.test")
        assert told["answer"]["answer"][0].endswith("IN A 192.0.2.80"), told["answer"]
        tap.equal(sorted(winner(told)["data"]), ["A 192.0.2.80", "TXT \"this is ours\""])
    with tap.case("explain: an address behind an alias, the longer prefix of the first zone before the second's"):
        told = explain(candord, "alias.example.test")
        rule = winner(told)
        tap.equal((rule["trigger"], rule["matched"], rule["name"]), ("IP", "192.0.2.1/32", "refused.example.test."))
        tap.equal([link["name"] for link in told["truth"]["chain"]], ["alias.example.test.", "refused.example.test."])
        tap.equal([r["matched"] for r in told["rules"] if not r["wins"]], ["192.0.2.0/24"])
        assert told["answer"]["answer"][0].endswith("CNAME refused.example.test."), told["answer"]
    with tap.case("explain: a passthru lets the truth out"):
        told = explain(candord, "white.example.test")
        tap.equal(winner(told)["action"], "PASSTHRU")
        assert told["answer"]["answer"][0].endswith("198.51.100.5"), told["answer"]
    with tap.case("explain: a disabled zone's rule matches and does not decide"):
        told = explain(candord, "plain.example.test")
        tap.equal((winner(told), [r["zone"] for r in told["rules"]]), (None, ["watch.rpz."]))
        assert told["answer"]["answer"][0].endswith("198.51.100.6"), told["answer"]
    with tap.case("explain: rules for name servers, and which servers those are"):
        told = explain(candord, "www.served.test")
        tap.equal([(r["trigger"], r["matched"], r["name"]) for r in told["rules"]],
                  [("NSDNAME", "evil.served.test.", "evil.served.test."),
                   ("NSIP", "198.51.100.66/32", "evil.served.test.")])
        tap.equal(told["truth"]["chain"], [{"name": "www.served.test.", "addresses": ["198.51.100.8"], "servers": [
            {"name": "evil.served.test.", "addresses": ["198.51.100.66"]}]}])
    with tap.case("explain --client: a rule for that client only"):
        told = explain(candord, "plain.example.test", "--client", "127.0.0.2")
        tap.equal((told["answer"]["status"], winner(told)["trigger"], winner(told)["matched"]),
                  ("DROPPED", "CLIENT-IP", "127.0.0.2/32"))
    with tap.case("explain --tcp: TCP-ONLY truncates over UDP and lets TCP pass"):
        tap.equal("tc" in explain(candord, "tcp.example.test")["answer"]["flags"], True)
        told = explain(candord, "tcp.example.test", "--tcp")
        tap.equal(("tc" in told["answer"]["flags"], len(told["answer"]["answer"])), (False, 1))
    with tap.case("explain: views differ, by client or by name"):
        for words in (["--client", "127.0.0.9"], ["--view", "staff"]):
            told = explain(candord, "blocked.example.test", *words)
            tap.equal((told["question"]["view"], told["policy"], told["answer"]["status"]), ("staff", "none", "NOERROR"))
        told = explain(candord, "blocked.example.test", "--client", "198.51.100.200")
        tap.equal((told["question"]["view"], told["policy"], told["answer"]["status"]), (None, "refused", "REFUSED"))
    with tap.case("explain says what a client is answered"):
        for name, qtype in (("blocked", "A"), ("empty", "TXT"), ("local", "TXT"), ("alias", "A"), ("white", "A"),
                            ("plain", "A"), ("nothing", "A"), ("a.wild", "MX")):
            told = explain(candord, name + ".example.test", qtype)["answer"]
            got = ask.ask(candord, name + ".example.test", qtype)
            tap.equal(told["status"], ask.rcode(got), name)
            tap.equal(len(told["answer"]), sum(len(s) for s in got.answer), name)
    with tap.case("explain for people is a short story"):
        _, out, _ = run(candord, "explain", "blocked.example.test")
        for part in ("blocked.example.test. A, asked by 127.0.0.1", "NXDOMAIN", "blocked.example.test.first.rpz.",
                     "bo.ss@boss.test", "198.51.100.1", "second.rpz."):
            assert part in out, (part, out)


def check_reload(candord):
    with tap.case("reload of one zone returns when the new rules are in force"):
        candord.write("first", FIRST % 8 + "plain.example.test CNAME .\n")
        tap.equal(candord.ctl_json("reload", "first.rpz")["waited"], True)
        tap.equal(ask.rcode(ask.ask(candord, "plain.example.test")), "NXDOMAIN")
    with tap.case("a reload that fails says so, and zones says why"):
        candord.write("first", "no zone at all (\n")
        code, out, err = run(candord, "reload")
        tap.equal((code, out), (1, ""))
        assert "reload" in err, err
        first = candord.ctl_json("zones", "first.rpz")["zones"][0]
        tap.equal((first["state"], first["serial"]), ("failed", 8))
        assert "first" in first["problem"], first
        tap.equal(ask.rcode(ask.ask(candord, "plain.example.test")), "NXDOMAIN")
        assert "FAILED" in candord.ctl("status") and "not loaded" in candord.ctl("zones"), candord.ctl("zones")
    with tap.case("reload --no-wait returns at once; the log tells the rest"):
        candord.write("first", FIRST % 9)
        tap.equal(candord.ctl_json("reload", "--no-wait"), {"waited": False})
        candord.wait(lambda: candord.ctl_json("zones", "first.rpz")["zones"][0]["serial"] == 9)


def check_flush_and_stats(candord):
    with tap.case("flush takes nothing, a name, or a tree"):
        for words in (["flush"], ["flush", "example.test"], ["flush", "--tree", "test"]):
            assert candord.ctl_json(*words)["removed"] >= 0, words
        assert "forgotten" in candord.ctl("flush")
    with tap.case("stats has name, value, unit and meaning of each counter"):
        metrics = {"%s_%s" % (m["room"], m["name"]): m for m in candord.ctl_json("stats")["metrics"]}
        assert metrics["serve_udp_queries"]["value"] > 0, metrics["serve_udp_queries"]
        assert metrics["net_udp_received"]["value"] >= metrics["serve_udp_queries"]["value"], metrics
        with ask.tcp_connect(candord):
            def open_now():
                return [m["value"] for m in candord.ctl_json("stats")["metrics"] if m["name"] == "tcp_open"][0]
            candord.wait(lambda: open_now() == 1)
        assert all(m["help"] and m["kind"] in ("counter", "gauge") for m in metrics.values())
        assert "serve_udp_queries" in candord.ctl("stats")


def check_exits(candord):
    with tap.case("1 when candord says no, with why on standard error"):
        for words, part in ((["explain", "a..b"], "not a domain name"), (["explain", "a", "NOTYPE"], "record type"),
                            (["explain", "a", "--client", "x"], "not an address"),
                            (["explain", "a", "--view", "x"], "no view"), (["zones", "no.such"], "no zone"),
                            (["reload", "no.such"], "no such zone")):
            code, out, err = run(candord, *words)
            tap.equal((code, out), (1, ""), words)
            assert part in err, (words, err)
    with tap.case("the same as JSON"):
        code, out, _ = run(candord, "--json", "zones", "no.such")
        tap.equal(code, 1)
        assert '"ok": false' in out and "no zone" in out, out
    with tap.case("2 for wrong usage, with the right one on standard error"):
        for words in ([], ["destroy"], ["explain"], ["status", "x"], ["flush", "--nothing"], ["explain", "a", "--view"]):
            code, out, err = run(candord, *words)
            tap.equal((code, out), (2, ""), words)
            assert "usage:" in err, err
    with tap.case("3 when there is no candord"):
        for path in (os.path.join(candord.dir, "no.sock"), candord.file):
            code, _, err = run(candord, "-s", path, "status")
            tap.equal(code, 3)
            assert path in err, err
    with tap.case("-h and -V"):
        for words in (["-h"], ["-V"], ["explain", "-h"]):
            code, out, err = run(candord, *words)
            tap.equal((code, err), (0, ""))
            assert "candorctl" in out, out


def check_end(candord):
    with tap.case("who waits for a reload while candord ends is told how it went"):
        candord.write("second", SECOND % 2 + "".join("n%d.test CNAME .\n" % i for i in range(100000)))
        command = [servers.program(candord.box.build, "candorctl"), "-s", candord.socket, "reload"]
        waiting = [subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                    text=True) for _ in range(3)]
        candord.ctl("status")
        tap.equal(candord.stop(60), 0)
        for process in waiting:
            _, err = process.communicate(timeout=20)
            assert process.returncode == 0 or "ending" in err or "no such socket" in err, (process.returncode, err)


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        candord = servers.Candord(box, "candord", CONFIGURATION)
        for name, text in (("first", FIRST % 7), ("second", SECOND % 1), ("watch", WATCH % 1), ("zone", ZONE),
                           ("served", SERVED)):
            candord.write(name, text)
        candord.start()
        check_status(candord)
        check_zones(candord)
        check_explain(candord)
        check_reload(candord)
        check_flush_and_stats(candord)
        check_exits(candord)
        check_end(candord)
    tap.finish()


main()
