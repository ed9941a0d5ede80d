# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones that come from primaries: named, nsd and Knot DNS; AXFR, IXFR, NOTIFY, TSIG, TLS, and what the operator
sees of it."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

SECRET = "c2VjcmV0IG9mIHRyYW5zZmVycyBpbiB0ZXN0cw=="
KEY = 'key "transfer" { algorithm hmac-sha256; secret "%s"; };\n' % SECRET

PRIMARY = KEY + """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; recursion no;
    session-keyfile none; dnssec-validation no; notify explicit; also-notify { 127.0.0.1 port %(notify)d; };
    allow-transfer { key transfer; }; notify-delay 0; max-ixfr-ratio unlimited; %(options)s
};
zone "rpz.test" { type primary; file "rpz"; allow-update { key transfer; }; %(zone)s };
zone "plain.test" { type primary; file "plain"; allow-update { key transfer; }; };
"""
SECONDARY = KEY + """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes;
    dnssec-validation no; empty-zones-enable no; min-refresh-time 1; min-retry-time 1; %(options)s
    response-policy { zone "rpz.test"; };
};
%(extra)s
zone "rpz.test" { type secondary; primaries { 127.0.0.1 port %(port)d key transfer; }; %(zone)s };
zone "plain.test" { type secondary; primaries { 127.0.0.1 port %(port)d key transfer; }; };
"""
RPZ = "$TTL 300\n@ SOA localhost. host. %d %d 2 86400 60\n@ NS localhost.\nblocked.plain.test CNAME .\n%s"
PLAIN = ("$TTL 300\n@ SOA ns host %d 3600 2 86400 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.%d\n"
         "blocked A 192.0.2.1\nlate A 192.0.2.2\n")


def zones(serial=1, refresh=3600, rules=""):
    return {"rpz": RPZ % (serial, refresh, rules), "plain": PLAIN % (serial, serial)}


def is_blocked(candord, name):
    got = ask.ask(candord, name)
    return ask.rcode(got) == "NXDOMAIN" and ask.soa(got.additional) == "rpz.test."


def wait_blocked(candord, name, blocked=True, seconds=20):
    candord.wait(lambda: is_blocked(candord, name) == blocked, seconds, "%s %sblocked" % (name, "" if blocked else "not "))


def zone_of(candord, name="rpz.test."):
    return [z for z in candord.ctl_json("zones")["zones"] if z["name"] == name][0]


def nsupdate(primary, zone, *lines, key=True):
    text = "server %s %d\nzone %s\n%s\nsend\n" % (primary.address, primary.port, zone, "\n".join(lines))
    command = ["nsupdate"] + (["-y", "hmac-sha256:transfer:" + SECRET] if key else [])
    r = subprocess.run(command, input=text, text=True, capture_output=True, timeout=30)
    assert r.returncode == 0, r.stdout + r.stderr


def pair(box, primary_options="", primary_zone="", options="", zone="", extra="", rules=""):
    """named and a candord that takes its zones; both run, and the zones have come."""
    candord = servers.Candord(box, box._name("candord"), "")
    primary = servers.Named(box, box._name("named"), PRIMARY % {"notify": candord.port, "options": primary_options,
                                                                 "zone": primary_zone})
    for name, text in zones(rules=rules).items():
        primary.write(name, text)
    primary.start()
    candord.write("named.conf", SECONDARY % {"port": primary.port, "options": options, "zone": zone, "extra": extra})
    candord.start()
    wait_blocked(candord, "blocked.plain.test")
    candord.wait(lambda: ask.data(ask.ask(candord, "www.plain.test")) == ["192.0.2.1"], 20, "plain.test")
    return primary, candord


def check_named(box):
    with tap.case("AXFR with TSIG from named: rules act and the zone is answered"):
        primary, candord = pair(box)
        candord.wait_log("Transfer completed")
    with tap.case("an update on named is in force here by NOTIFY and IXFR"):
        since = len(candord.log())
        nsupdate(primary, "rpz.test", "update add late.plain.test.rpz.test 60 CNAME .",
                 "update delete blocked.plain.test.rpz.test CNAME")
        wait_blocked(candord, "late.plain.test")
        assert not is_blocked(candord, "blocked.plain.test")
        tap.equal(ask.data(ask.ask(candord, "blocked.plain.test")), ["192.0.2.1"])
        assert re.search(r"Transfer completed: .*changes", candord.log()[since:]), candord.log()[since:]
    with tap.case("a plain zone takes changes as well"):
        nsupdate(primary, "plain.test", "update add new.plain.test 60 A 192.0.2.99")
        candord.wait(lambda: ask.data(ask.ask(candord, "new.plain.test")) == ["192.0.2.99"])


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        check_named(box)
    tap.finish()


main()
