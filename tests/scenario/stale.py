# SPDX-License-Identifier: GPL-3.0-or-later
"""Serve-stale and policy (rpz.md rule 30): an expired answer is policed like a fresh one, also under rules that came later."""
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion yes; dnssec-validation no; empty-zones-enable no;
    stale-cache-enable yes; stale-answer-enable yes; stale-answer-client-timeout 0; max-stale-ttl 1h;
    response-policy { zone "rpz.test"; };
};
zone "rpz.test" { type primary; file "rpz"; };
zone "world.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };
"""
HEAD = "$TTL 300\n@ SOA ns.boss.test. root.boss.test. %d 3600 600 86400 60\n@ NS ns.boss.test.\n"
WORLD = HEAD % 1 + "free 1 A 192.0.2.1\nbad 1 A 198.51.100.1\nlater 1 A 192.0.2.3\nlater-by-name 1 A 192.0.2.4\n"
NAMES = ["free", "bad", "later", "later-by-name"]


def rcode_of(candord, label):
    return int(ask.ask(candord, label + ".world.test", timeout=15).rcode())


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        upstream = servers.Nsd(box, "upstream", {"world.test": WORLD})
        upstream.start()
        candord = servers.Candord(box, "candord", CONFIGURATION % upstream.port)
        candord.write("rpz", HEAD % 1 + "32.1.100.51.198.rpz-ip CNAME .\n")
        candord.start()
        with tap.case("fresh answers: only the address with a rule is blocked"):
            tap.equal([rcode_of(candord, name) for name in NAMES], [0, 3, 0, 0])
        upstream.stop()
        time.sleep(1.5)  # their TTL ends, and nobody is there to ask
        with tap.case("a stale answer without a rule goes out, and says that it is stale"):
            answer = ask.ask(candord, "free.world.test", timeout=15)
            tap.equal([str(r) for s in answer.answer for r in s], ["192.0.2.1"])
            assert any(option.otype == 15 for option in answer.options), answer.options
        with tap.case("rule_30 a stale answer is policed"):
            tap.equal(rcode_of(candord, "bad"), 3)
        candord.write("rpz", HEAD % 2 + "32.3.2.0.192.rpz-ip CNAME .\nlater-by-name.world.test CNAME *.\n")
        candord.ctl("reload", "rpz.test")
        with tap.case("rule_30 also by rules that came after it had expired"):
            tap.equal(rcode_of(candord, "later"), 3)
            answer = ask.ask(candord, "later-by-name.world.test", timeout=15)
            tap.equal((int(answer.rcode()), len(answer.answer)), (0, 0))
        with tap.case("rule_34 and what a rule made was never kept: without the rule the stale truth is back"):
            tap.equal(rcode_of(candord, "bad"), 0)
    tap.finish()


main()
