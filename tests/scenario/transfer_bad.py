# SPDX-License-Identifier: GPL-3.0-or-later
"""A primary that lies, breaks off, sends what does not fit, or does not end: the rules in force go on acting, and
candorctl says why."""
import os
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, primary as primaries, servers, tap

CONFIGURATION = """
%(top)s
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes;
    dnssec-validation no; empty-zones-enable no; min-refresh-time 1; min-retry-time 1000; max-retry-time 1000;
    response-policy { zone "rpz.test"; } %(policy)s;
    %(options)s
};
zone "rpz.test" { type secondary; primaries { 127.0.0.1 port %(port)d %(how)s; %(more)s }; max-records 1000; };
zone "plain.test" { type primary; file "plain"; };
"""
PLAIN = "$TTL 300\n@ SOA ns host 1 3600 2 86400 60\n@ NS ns\nns A 192.0.2.53\n* A 192.0.2.1\n"
WORLD = {"top": "", "policy": "", "options": "", "how": "", "more": ""}
SECRET = "c2VjcmV0IG9mIHRyYW5zZmVycyBpbiB0ZXN0cw=="
KEY = 'key "transfer." { algorithm hmac-sha256; secret "%s"; };\n' % SECRET


def start(box, primary, **how):
    conf = CONFIGURATION % dict(WORLD, port=primary.port, **how)
    return box.candord(conf, files={"plain": PLAIN})


def is_blocked(candord, name):
    got = ask.ask(candord, name + ".plain.test")
    return ask.rcode(got) == "NXDOMAIN" and ask.soa(got.additional) == "rpz.test."


def wait_blocked(candord, name):
    candord.wait(lambda: is_blocked(candord, name), 20, name + " blocked")


def refresh(candord, verb="refresh"):
    """candorctl refresh: (did it succeed, what it said)."""
    r = subprocess.run([servers.program(candord.box.build, "candorctl"), "-s", candord.socket, verb, "rpz.test"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return r.returncode == 0, r.stdout + r.stderr


def zone_of(candord):
    return [z for z in candord.ctl_json("zones")["zones"] if z["name"] == "rpz.test."][0]


# --- wrong transfers: each is a function of the primary and the query, as support/primary.py wants it

def soa_changes_on_the_way(p, query):
    yield [p.soa()] + p.records()
    yield [p.soa(p.serial + 1)]


def two_zones(p, query):
    yield [p.soa()] + p.records()
    yield [p.soa(zone="sub." + p.zone), p.soa()]


def other_zone(p, query):
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.AA
    answer.question[0].name = dns.name.from_text("other.test.")
    answer.answer = [p.soa(zone="other.test."), p.soa(zone="other.test.")]
    yield answer


def other_id(p, query):
    answer = dns.message.make_response(query)
    answer.id ^= 1
    answer.answer = [p.soa(), p.soa()]
    yield answer


def refused(p, query):
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.REFUSED)
    yield answer


def truncated(p, query):
    answer = dns.message.make_response(query)
    answer.flags |= dns.flags.TC
    answer.answer = [p.soa(), p.soa()]
    yield answer


def empty_answer(p, query):
    yield []


def not_an_soa_first(p, query):
    yield p.records() + [p.soa(), p.soa()]


def behind_the_end(p, query):
    yield [p.soa()] + p.records() + [p.soa(), p.rule("behind")]


def garbage(p, query):
    yield random.Random(7).randbytes(5000)


def message_of_no_length(p, query):
    yield [p.soa()]
    yield b"\0\0"


def endless(p, query):
    yield [p.soa()]
    for i in range(100000):
        yield [p.rule("endless-%d" % i)]


WRONG = [
    ("a serial that changes on the way", soa_changes_on_the_way, "ends with"),
    ("a second SOA below the zone", two_zones, "not the zone's"),
    ("another zone", other_zone, "no answer to our question"),
    ("another id", other_id, "no answer to our question"),
    ("REFUSED", refused, "REFUSED"),
    ("TC over TCP", truncated, "truncated"),
    ("an answer without records", empty_answer, "without records"),
    ("an answer that does not begin with the SOA", not_an_soa_first, "does not begin with the SOA"),
    ("records behind the end", behind_the_end, "behind the last SOA"),
    ("garbage", garbage, ""),
    ("a message of no length", message_of_no_length, "malformed"),
    ("more records than max-records", endless, "max-records"),
]


def check_wrong_transfers(box):
    with primaries.Primary() as p:
        candord = start(box, p)
        wait_blocked(candord, "blocked")
        for title, transfer, told in WRONG:
            with tap.case("%s: the rules in force stay, and the reason is told" % title):
                p.serial += 1
                p.rules["new-%d" % p.serial] = "."
                p.transfer = transfer
                good, said = refresh(candord)
                assert not good and told in said, said
                assert is_blocked(candord, "blocked")
                assert not is_blocked(candord, "new-%d" % p.serial)
                zone = zone_of(candord)
                assert told in (zone["secondary"]["problem"] or ""), zone
                line = zone["secondary"]["problem"].split(": ", 1)[1] + "; the version in force stays"
                candord.wait_log(re.escape(line))
                tap.equal(candord.log().count(line), 1)
        with tap.case("the same trouble again is logged once"):
            since = len(candord.log())
            for _ in range(3):
                assert not refresh(candord)[0]
            assert "failed" not in candord.log()[since:], candord.log()[since:]
        with tap.case("afterwards a good transfer brings what is new, and the problem is gone"):
            p.transfer = primaries.Primary.whole
            good, said = refresh(candord)
            assert good, said
            assert is_blocked(candord, "new-%d" % p.serial)
            tap.equal(zone_of(candord)["secondary"]["problem"], None)
            tap.equal(zone_of(candord)["problem"], None)


def check_breaking_off(box):
    """Cut behind every message, and at many bytes."""
    with primaries.Primary() as p:
        p.rules.update({"r%d" % i: "." for i in range(4)})
        candord = start(box, p)
        wait_blocked(candord, "blocked")
        whole = len(list(p.transfer(p, None)))
        with tap.case("a transfer that breaks off behind any message leaves the rules in force"):
            for upto in range(whole):
                p.serial += 1

                def cut(primary, query, upto=upto):
                    for i, piece in enumerate(primaries.Primary.whole(primary, query)):
                        if i == upto:
                            return
                        yield piece
                p.transfer = cut
                good, said = refresh(candord)
                assert not good and "closed" in said, (upto, said)
                assert is_blocked(candord, "blocked")
        with tap.case("a transfer that breaks off inside a message leaves the rules in force"):
            for at in (1, 2, 3, 13, 30, 60):
                p.serial += 1

                def cut_bytes(primary, query, at=at):
                    answer = dns.message.make_response(query)
                    answer.answer = [primary.soa()] + primary.records() + [primary.soa()]
                    wire = answer.to_wire()
                    yield (struct.pack("!H", len(wire)) + wire)[:at]
                p.transfer = cut_bytes
                assert not refresh(candord)[0]
                assert is_blocked(candord, "blocked")
        with tap.case("a transfer that comes byte by byte is taken"):
            p.serial += 1
            p.rules["slow"] = "."

            def slow(primary, query):
                answer = dns.message.make_response(query)
                answer.answer = [primary.soa()] + primary.records() + [primary.soa()]
                wire = answer.to_wire()
                for byte in struct.pack("!H", len(wire)) + wire:
                    time.sleep(0.0005)
                    yield bytes([byte])
            p.transfer = slow
            good, said = refresh(candord)
            assert good and is_blocked(candord, "slow"), said


def check_ixfr(box):
    with primaries.Primary() as p:
        candord = start(box, p)
        wait_blocked(candord, "blocked")

        def changes(*steps):
            def transfer(primary, query):
                if query.question[0].rdtype == dns.rdatatype.AXFR:
                    yield from primaries.Primary.whole(primary, query)
                    return
                yield [primary.soa()]
                for old, removed, new, added in steps:
                    yield [primary.soa(old)] + removed
                    yield [primary.soa(new)] + added
                yield [primary.soa()]
            return transfer
        with tap.case("changes in several steps are in force"):
            p.serial = 3
            p.transfer = changes((1, [p.rule("blocked")], 2, [p.rule("two")]), (2, [], 3, [p.rule("three")]))
            assert refresh(candord)[0]
            tap.equal([is_blocked(candord, n) for n in ("blocked", "two", "three")], [False, True, True])
        with tap.case("changes that remove what is not there are followed by an AXFR"):
            p.serial, p.rules, p.asked = 4, {"four": "."}, []
            p.transfer = changes((3, [p.rule("nobody-has-this")], 4, []))
            good, said = refresh(candord)
            assert good and is_blocked(candord, "four") and not is_blocked(candord, "two"), said
            tap.equal(p.asked, ["IXFR", "AXFR"])
        with tap.case("changes that begin at another serial are followed by an AXFR"):
            p.serial, p.rules, p.asked = 6, {"six": "."}, []
            p.transfer = changes((5, [p.rule("four")], 6, [p.rule("wrong")]))
            assert refresh(candord)[0] and is_blocked(candord, "six")
            tap.equal(p.asked, ["IXFR", "AXFR"])
        with tap.case("an IXFR that is refused is followed by an AXFR"):
            p.serial, p.rules, p.asked = 7, {"seven": "."}, []

            def only_axfr(primary, query):
                wants = query.question[0].rdtype == dns.rdatatype.AXFR
                yield from (primaries.Primary.whole if wants else refused)(primary, query)
            p.transfer = only_axfr
            assert refresh(candord)[0] and is_blocked(candord, "seven")
            tap.equal(p.asked, ["IXFR", "AXFR"])
        with tap.case("a serial that is promised and not there changes nothing and is no failure of the zone"):
            p.said_serial, p.asked, p.transfer = 99, [], changes()
            assert refresh(candord)[0]
            assert is_blocked(candord, "seven")
            tap.equal(zone_of(candord)["serial"], 7)
        with tap.case("a serial that goes back is not followed, and told once"):
            p.said_serial, p.asked = 3, []
            assert refresh(candord)[0] and refresh(candord)[0]
            tap.equal(p.asked, [])
            candord.wait_log("received from primary")
            tap.equal(candord.log().count("received from primary"), 1)
        with tap.case("candorctl retransfer takes the zone whatever its serial"):
            p.said_serial, p.serial, p.rules = None, 3, {"old": "."}
            good, said = refresh(candord, "retransfer")
            assert good and is_blocked(candord, "old"), said
            tap.equal(zone_of(candord)["serial"], 3)


def check_tsig(box):
    with primaries.Primary(key=("transfer.", SECRET)) as p:
        candord = start(box, p, top=KEY, how="key transfer.")
        wait_blocked(candord, "blocked")

        def unsigned(primary, query):
            answer = dns.message.make_response(query)
            answer.tsig = None
            answer.answer = [primary.soa()] + primary.records() + [primary.soa()]
            wire = answer.to_wire()
            yield struct.pack("!H", len(wire)) + wire

        def wrongly(primary, query):
            answer = dns.message.make_response(query)
            answer.answer = [primary.soa()] + primary.records() + [primary.soa()]
            wire = bytearray(answer.to_wire())
            wire[-20] ^= 1
            yield struct.pack("!H", len(wire)) + bytes(wire)
        for title, transfer, told in (("without a signature", unsigned, "no signature"),
                                      ("with a wrong signature", wrongly, "BADSIG")):
            with tap.case("a transfer %s is not taken" % title):
                p.serial += 1
                p.rules["unsigned"] = "."
                p.transfer = transfer
                good, said = refresh(candord)
                assert not good and told in said, said
                assert is_blocked(candord, "blocked") and not is_blocked(candord, "unsigned")
        with tap.case("a signed one is"):
            p.transfer = primaries.Primary.whole
            good, said = refresh(candord)
            assert good and is_blocked(candord, "unsigned"), said


def check_notify(box):
    with primaries.Primary() as p:
        candord = start(box, p, options="allow-notify { 127.0.0.2; };")
        wait_blocked(candord, "blocked")
        with tap.case("a NOTIFY is answered at once, with its opcode and AA, and the zone is asked for"):
            p.serial, p.rules = 2, {"notified": "."}
            answer = p.notify(candord, 2)
            tap.equal((answer.opcode(), answer.rcode(), bool(answer.flags & dns.flags.AA)),
                      (dns.opcode.NOTIFY, dns.rcode.NOERROR, True))
            wait_blocked(candord, "notified")
            candord.wait(lambda: not zone_of(candord)["secondary"]["asking"], 10, "done with the round")
        with tap.case("a NOTIFY of a serial that we have asks nobody"):
            p.asked = []
            since = len(candord.log())
            p.notify(candord, 2)
            candord.wait_log("zone is up to date", since=since)
            tap.equal(p.asked, [])
        with tap.case("a NOTIFY of an unknown zone is NOTAUTH"):
            zone, p.zone = p.zone, "other.test."
            tap.equal(p.notify(candord, 2).rcode(), dns.rcode.NOTAUTH)
            p.zone = zone
        with tap.case("a NOTIFY that is no question for an SOA is FORMERR"):
            message = dns.message.make_query("rpz.test.", "A", use_edns=False)
            message.set_opcode(dns.opcode.NOTIFY)
            got = ask.raw(candord, message.to_wire())
            tap.equal(dns.message.from_wire(got).rcode(), dns.rcode.FORMERR)
    with primaries.Primary() as p:
        candord = start(box, p, how="", options="")
        wait_blocked(candord, "blocked")
        with tap.case("a NOTIFY from a stranger is refused"):
            message = dns.message.make_query("rpz.test.", "SOA", use_edns=False)
            message.set_opcode(dns.opcode.NOTIFY)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind(("127.0.0.3", 0))
                s.settimeout(5)
                s.sendto(message.to_wire(), (candord.address, candord.port))
                tap.equal(dns.message.from_wire(s.recv(4096)).rcode(), dns.rcode.REFUSED)


def check_absent_primary(box):
    with tap.case("a policy zone that has never come holds the answers back with servfail-until-ready"):
        port = servers.free_port()
        conf = CONFIGURATION % dict(WORLD, port=port, policy="servfail-until-ready yes")
        candord = box.candord(conf, files={"plain": PLAIN})
        tap.equal(ask.rcode(ask.ask(candord, "x.plain.test")), "SERVFAIL")
        state = zone_of(candord)
        assert state["state"] in ("empty", "failed"), state
    with tap.case("the zone itself is SERVFAIL then"):
        tap.equal(ask.rcode(ask.ask(candord, "rpz.test", "SOA")), "SERVFAIL")
    with tap.case("the second of two primaries is asked when the first does not answer"):
        with primaries.Primary() as p:
            conf = CONFIGURATION % dict(WORLD, port=port, more="127.0.0.1 port %d;" % p.port)
            other = box.candord(conf, files={"plain": PLAIN})
            wait_blocked(other, "blocked")
            assert str(p.port) in zone_of(other)["secondary"]["primary"], zone_of(other)


def check_odd_primaries(box):
    with primaries.Primary() as p:
        p.no_edns = True
        with tap.case("a primary that stumbles over EDNS is asked without"):
            candord = start(box, p, options="transfer-source 127.0.0.9;")
            wait_blocked(candord, "blocked")
        with tap.case("transfer-source is where transfers are asked from"):
            tap.equal(p.peers, {"127.0.0.9"})
        candord.stop()
    with primaries.Primary() as p:
        p.silent = True
        with tap.case("a primary that is silent over UDP is asked over TCP"):
            wait_blocked(start(box, p), "blocked")
    with primaries.Primary(key=("transfer.", SECRET)) as p:
        with tap.case("a server block gives the key, and says that whole zones are wanted"):
            candord = start(box, p, top=KEY + "server 127.0.0.1 { keys transfer.; request-ixfr no; };")
            wait_blocked(candord, "blocked")
            p.serial, p.rules = 2, {"second": "."}
            assert refresh(candord)[0] and is_blocked(candord, "second")
            tap.equal(p.asked, ["AXFR", "AXFR"])
    with primaries.Primary() as p:
        with tap.case("a transfer under way does not hold up the end, and a reload lets it go on"):
            going = threading.Event()

            def waits(primary, query):
                yield [primary.soa()]
                going.set()
                time.sleep(30)
            candord = start(box, p)
            wait_blocked(candord, "blocked")
            p.serial, p.transfer = 2, waits
            candord.ctl("refresh", "rpz.test", "--no-wait")
            assert going.wait(10)
            asked = len(p.asked)
            candord.reload()
            assert is_blocked(candord, "blocked") and zone_of(candord)["secondary"]["asking"]
            tap.equal(len(p.asked), asked)
            tap.equal(candord.stop(5), 0)


def check_expiry(box):
    with primaries.Primary() as p:
        p.refresh, p.expire = 1, 2
        candord = start(box, p)
        wait_blocked(candord, "blocked")
        with tap.case("a zone that nobody confirms expires, loudly, and comes back"):
            p.transfer = refused
            conf = (CONFIGURATION % dict(WORLD, port=p.port)).replace("min-retry-time 1000", "min-retry-time 1")
            candord.write("named.conf", conf)
            candord.reload()
            p.said_serial = 5
            candord.wait_log("expired", 20)
            candord.wait(lambda: not is_blocked(candord, "blocked"), 10, "without rules")
            tap.equal(zone_of(candord)["state"], "expired")
            p.said_serial, p.refresh, p.expire = None, 3600, 86400
            assert refresh(candord)[0]
            assert is_blocked(candord, "blocked"), "the same serial, confirmed"
            tap.equal(zone_of(candord)["state"], "loaded")


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        for check in (check_wrong_transfers, check_breaking_off, check_ixfr, check_tsig, check_notify,
                      check_absent_primary, check_odd_primaries, check_expiry):
            check(box)
    tap.finish()


main()
