# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard between a provider's primary and our clients: named blocks a whole top-level domain by mistake, we do not;
later changes accumulate behind the held version; what is held survives kill -9."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap, web

PRIMARY = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; recursion no;
    session-keyfile none; dnssec-validation no; notify explicit; also-notify { 127.0.0.1 port %d; };
    allow-transfer { any; }; notify-delay 0; max-ixfr-ratio unlimited;
};
zone "rpz.test" { type primary; file "rpz"; allow-update { any; }; };
"""
# No guard block: the defaults are in force for a secondary zone.
SECONDARY = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes; allow-query { any; };
    dnssec-validation no; empty-zones-enable no; min-refresh-time 1; min-retry-time 1;
    response-policy { zone "rpz.test"; } qname-wait-recurse no;
};
zone "rpz.test" { type secondary; file "rpz.copy"; primaries { 127.0.0.1 port %d; }; };
zone "fr" { type primary; file "fr"; };
"""
RPZ = "$TTL 300\n@ SOA localhost. host. 1 3600 2 86400 60\n@ NS localhost.\nbad.fr CNAME .\n"
FR = "$TTL 300\n@ SOA ns host 1 3600 2 86400 60\n@ NS ns\nns A 192.0.2.53\n" + "".join(
    "%s A 192.0.2.1\n" % name for name in ("bad", "www", "late", "later", "last"))


def blocked(candord, name):
    return ask.rcode(ask.ask(candord, name)) == "NXDOMAIN"


def update(primary, *lines):
    text = "server %s %d\nzone rpz.test\n%s\nsend\n" % (primary.address, primary.port, "\n".join(lines))
    r = subprocess.run(["nsupdate"], input=text, text=True, capture_output=True, timeout=30)
    assert r.returncode == 0, r.stdout + r.stderr


def hold(candord):
    zones = candord.ctl_json("held")["zones"]
    return zones[0]["hold"] if zones else None


def wait_serial(candord, serial):
    """Until the latest version, held or in force, is this one."""
    def come():
        zone = [z for z in candord.ctl_json("zones")["zones"] if z["name"] == "rpz.test."][0]
        return serial == (zone["hold"]["serial"] if zone.get("hold") else zone.get("serial"))
    candord.wait(come, 20, "serial %d" % serial)


def check_hold(primary, candord):
    with tap.case("an IXFR that blocks all of a top-level domain is held by default"):
        update(primary, "update add *.fr.rpz.test 60 CNAME .")
        wait_serial(candord, 2)
        told = hold(candord)
        assert told["by"] == "guard" and "*.fr (NXDOMAIN)" in told["reason"], told
        assert blocked(candord, "bad.fr") and not blocked(candord, "www.fr")
        candord.wait_log("serial 2 .* is held: public-suffix")
    with tap.case("later IXFRs go on accumulating behind it"):
        update(primary, "update add late.fr.rpz.test 60 CNAME .")
        wait_serial(candord, 3)
        update(primary, "update add later.fr.rpz.test 60 CNAME .", "update delete bad.fr.rpz.test")
        wait_serial(candord, 4)
        tap.equal(hold(candord)["serial"], 4)
        assert blocked(candord, "bad.fr") and not blocked(candord, "late.fr") and not blocked(candord, "later.fr")
        report = candord.ctl_json("zones", "rpz.test")["zones"][0]
        tap.equal(report["serial"], 1)


def simulate_held(candord):
    r = subprocess.run([servers.program(candord.box.build, "candorctl"), "-s", candord.socket, "--json", "simulate",
                        "rpz.test"], text=True, capture_output=True, timeout=60)
    assert r.returncode == 1 and '"added": 3' in r.stdout, (r.returncode, r.stdout, r.stderr)


def check_restart(primary, candord):
    with tap.case("after kill -9 the version before is in force, the held one is held, and its reason is known"):
        before = hold(candord)
        candord.kill()
        candord.start()
        assert blocked(candord, "bad.fr") and not blocked(candord, "www.fr") and not blocked(candord, "late.fr")
        tap.equal(hold(candord), before)
        simulate_held(candord)
    with tap.case("a decision survives kill -9 as well"):
        candord.ctl("reject", "rpz.test")
        candord.kill()
        candord.start()
        tap.equal(hold(candord)["by"], "rejected")
        assert not blocked(candord, "www.fr")


def check_mended(primary, candord):
    with tap.case("when the provider mends his list it goes into force by itself, with all that came meanwhile"):
        update(primary, "update delete *.fr.rpz.test")
        wait_serial(candord, 5)
        candord.wait(lambda: blocked(candord, "late.fr"), 10, "late.fr blocked")
        assert blocked(candord, "later.fr") and not blocked(candord, "bad.fr") and not blocked(candord, "www.fr")
        tap.equal(hold(candord), None)
    with tap.case("release puts a held transfer in force, and it stays so after kill -9"):
        update(primary, "update add *.fr.rpz.test 60 CNAME .")
        wait_serial(candord, 6)
        assert not blocked(candord, "www.fr")
        candord.ctl("release", "rpz.test")
        assert blocked(candord, "www.fr")
        candord.kill()
        candord.start()
        assert blocked(candord, "www.fr") and hold(candord) is None
        update(primary, "update add last.fr.rpz.test 60 CNAME .")
        wait_serial(candord, 7)
        tap.equal(hold(candord), None)


FEED = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes; allow-query { any; };
    dnssec-validation no; empty-zones-enable no; response-policy { zone "feed.test"; } qname-wait-recurse no;
};
zone "feed.test" { type feed; url "%s/list"; format domains; refresh 1h; ca-file "ca.pem"; };
zone "fr" { type primary; file "fr"; };
zone "lists.test" { type primary; file "lists"; };
"""


def check_expired(box):
    candord = servers.Candord(box, "candord-expiry", "")
    primary = servers.Named(box, "named-expiry", PRIMARY % candord.port)
    short = RPZ.replace("3600 2 86400", "1 1 3")
    primary.write("rpz", short)
    primary.start()
    candord.write("named.conf", SECONDARY.replace("min-retry-time 1;", "min-retry-time 1; max-retry-time 1;") % primary.port)
    candord.write("fr", FR)
    candord.start()
    candord.wait(lambda: blocked(candord, "bad.fr"), 20, "the first transfer")
    with tap.case("what comes after the zone expired is weighed against what acted before"):
        primary.stop()
        candord.wait_log("rpz.test/IN: expired", 60)
        assert not blocked(candord, "bad.fr")
        primary.write("rpz", short.replace(" 1 1 1 3", " 2 1 1 3") + "*.fr CNAME .\n")
        primary.start()
        candord.wait(lambda: hold(candord), 30, "the next version is held")
        candord.wait(lambda: blocked(candord, "bad.fr"), 10, "bad.fr blocked again")
        assert not blocked(candord, "www.fr")
    candord.stop()
    primary.stop()


def check_feed(box):
    ca = web.Authority(os.path.join(box.dir, "ca"))
    server = web.Server(ca, ["lists.test"])
    server.pages["/list"] = web.Page("bad.fr\n")
    with open(ca.file) as f:
        files = {"fr": FR, "ca.pem": f.read(), "lists": FR.split("bad A")[0] + "@ A 127.0.0.1\n"}
    candord = box.candord(FEED % server.url, files=files)
    candord.wait(lambda: blocked(candord, "bad.fr"), 20, "the feed")
    with tap.case("a list with a whole top-level domain in it is held; the feed is mended and in force by itself"):
        server.pages["/list"] = web.Page("bad.fr\n.fr\nlate.fr\n")
        candord.ctl("reload", "--wait", "feed.test")
        assert "*.fr (NXDOMAIN)" in hold(candord)["reason"], hold(candord)
        assert blocked(candord, "bad.fr") and not blocked(candord, "www.fr") and not blocked(candord, "late.fr")
        server.pages["/list"] = web.Page("bad.fr\nlate.fr\n")
        candord.ctl("reload", "--wait", "feed.test")
        tap.equal(hold(candord), None)
        assert blocked(candord, "late.fr") and not blocked(candord, "www.fr")
    candord.stop()
    server.close()


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        candord = servers.Candord(box, "candord", "")
        primary = servers.Named(box, "named", PRIMARY % candord.port)
        primary.write("rpz", RPZ)
        primary.start()
        candord.write("named.conf", SECONDARY % primary.port)
        candord.write("fr", FR)
        candord.start()
        candord.wait(lambda: blocked(candord, "bad.fr"), 20, "the first transfer")
        check_hold(primary, candord)
        check_restart(primary, candord)
        check_mended(primary, candord)
        check_expired(box)
        check_feed(box)
    tap.finish()


main()
