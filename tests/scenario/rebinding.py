# SPDX-License-Identifier: GPL-3.0-or-later
"""deny-answer-addresses and deny-answer-aliases: what comes from outside may not point inside. Debian's named is
asked the same."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

APEX = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n"
FAR = {
    "far.test": APEX + """ok A 192.0.2.1
bad A 10.1.2.3
bad AAAA 2001:db8::1
mixed A 192.0.2.1
mixed A 10.9.9.9
allowed A 10.0.0.1
alias CNAME bad
six AAAA fd00::1
host.in A 10.1.1.1
fromexcepted CNAME bad
*.wild A 10.4.4.4
mx MX 1 bad
svc HTTPS 1 . ipv4hint=10.1.1.1
www A 192.0.2.8
self CNAME www
out CNAME www.inner.test.
apex CNAME inner.test.
excepted CNAME www.inner.test.
d DNAME inner.test.
""",
    "inner.test": APEX + "@ A 192.0.2.7\nwww A 192.0.2.9\nback CNAME bad.far.test.\nown CNAME www\n",
}
HELD = APEX + "inside A 10.2.2.2\ntobad CNAME bad.far.test.\ntoinner CNAME www.inner.test.\n"
CONFIGURATION = """options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    empty-zones-enable no; dnssec-validation no; recursion yes; forward only; forwarders { 127.0.0.1 port %d; };
    %s
};
zone "held.test" { type primary; file "held"; };
"""
DENY = """deny-answer-addresses { !10.0.0.1; 10/8; { fd00::/8; }; } except-from { "in.far.test"; "fromexcepted.far.test"; };
    deny-answer-aliases { "inner.test"; } except-from { "excepted.far.test"; };"""
# Those for aliases themselves come last: named lets pass what is in its cache.
QUESTIONS = [("ok", "A"), ("bad", "A"), ("bad", "AAAA"), ("bad", "TXT"), ("mixed", "A"),
             ("allowed", "A"), ("alias", "A"), ("six", "AAAA"), ("host.in", "A"), ("fromexcepted", "A"), ("x.wild", "A"),
             ("mx", "MX"), ("svc", "HTTPS"), ("self", "A"), ("out", "A"), ("apex", "A"), ("excepted", "A"), ("www.d", "A"),
             ("back.inner.test", "A"), ("www.inner.test", "A"), ("inside.held.test", "A"), ("tobad.held.test", "A"),
             ("toinner.held.test", "A"), ("out", "CNAME"), ("d", "DNAME")]
DENIED = {"bad A", "mixed A", "alias A", "six AAAA", "fromexcepted A", "x.wild A", "out A", "apex A", "www.d A",
          "back.inner.test A", "tobad.held.test A"}


def seen(server, name, qtype):
    got = ask.ask(server, name if name.endswith(".test") else name + ".far.test", qtype)
    return ask.rcode(got), sorted(r.split(" ")[0] + " " + " ".join(r.split(" ")[2:]) for r in ask.answers(got))


def stat(candord, name):
    return [m["value"] for m in candord.ctl_json("stats")["metrics"] if m["name"] == name][0]


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        far = box.nsd(FAR)
        candord, named = (start(CONFIGURATION % (far.port, DENY), files={"held": HELD}) for start in (box.candord, box.named))
        for name, qtype in QUESTIONS:
            with tap.case("%s %s is %s" % (name, qtype, "denied" if name + " " + qtype in DENIED else "answered")):
                ours = seen(candord, name, qtype)
                tap.equal(ours[0], "SERVFAIL" if name + " " + qtype in DENIED else "NOERROR")
                tap.equal(seen(named, name, qtype), ours)
        with tap.case("whoever is asked, an alias may lead to its own domain"):
            tap.equal(seen(candord, "own.inner.test", "A")[0], "NOERROR")
        with tap.case("it is logged, counted, and said in the answer"):
            candord.wait_log(r"resolver: notice: answer address 10\.1\.2\.3 denied for bad\.far\.test")
            candord.wait_log(r"answer target www\.inner\.test denied for out\.far\.test")
            assert stat(candord, "denied") >= len(DENIED) - 2, stat(candord, "denied")
            tap.equal([code for code, _ in ask.ede(ask.ask(candord, "bad.far.test"))], [15])
        with tap.case("a reload that changes nothing of it keeps what is cached, one that does forgets it"):
            before = stat(candord, "recursions")
            candord.reload()
            tap.equal(seen(candord, "ok", "A")[0], "NOERROR")
            tap.equal(stat(candord, "recursions"), before)
            candord.write("named.conf", CONFIGURATION % (far.port, DENY.replace("10/8", "10/8; 192.0.2.1")))
            candord.reload()
            tap.equal(seen(candord, "ok", "A")[0], "SERVFAIL")
            candord.write("named.conf", CONFIGURATION % (far.port, ""))
            candord.reload()
            tap.equal([seen(candord, name, "A")[0] for name in ("ok", "bad", "out")], ["NOERROR"] * 3)
    tap.finish()


main()
