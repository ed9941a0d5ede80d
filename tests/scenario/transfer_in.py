# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones that come from primaries: named, nsd and Knot DNS; AXFR, IXFR, NOTIFY, TSIG, TLS, and what the operator
sees of it."""
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, canned, primary as primaries, servers, tap

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
        candord.wait_log(r"Transfer completed: .*changes", since=since)
    with tap.case("a plain zone takes changes as well"):
        nsupdate(primary, "plain.test", "update add new.plain.test 60 A 192.0.2.99")
        candord.wait(lambda: ask.data(ask.ask(candord, "new.plain.test")) == ["192.0.2.99"])
    check_control(primary, candord)


def check_control(primary, candord):
    with tap.case("candorctl zones tells the primary, when it is asked next and when the zone expires"):
        state = zone_of(candord)["secondary"]
        assert state["primary"] == "127.0.0.1#%d (key transfer)" % primary.port, state
        assert state["next_at"] > state["checked_at"] > 0 and state["expires_at"] > state["next_at"], state
        tap.equal((state["failures"], state["problem"], state["expired"]), (0, None, False))
        told = candord.ctl("zones", "rpz.test")
        assert "127.0.0.1#%d" % primary.port in told and "expires in" in told, told
    with tap.case("candorctl refresh, retransfer and reload wait for the primary's answer"):
        for verb in ("refresh", "retransfer", "reload"):
            assert candord.ctl_json(verb, "rpz.test")["waited"], verb
        assert candord.ctl_json("refresh", "rpz.test", "--no-wait") == {"waited": False}
    with tap.case("candorctl refresh of what is no secondary zone fails and says so"):
        r = subprocess.run([servers.program(candord.box.build, "candorctl"), "-s", candord.socket, "refresh", "no.such"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        assert r.returncode == 1 and "secondary" in r.stderr, r
    with tap.case("a primary that is gone is told, and the rules in force act"):
        primary.stop()
        r = subprocess.run([servers.program(candord.box.build, "candorctl"), "-s", candord.socket, "refresh", "rpz.test"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
        assert r.returncode == 1 and str(primary.port) not in r.stdout, r
        assert is_blocked(candord, "late.plain.test")
        assert "FAILED" in candord.ctl("zones")
    with tap.case("a reload of the configuration keeps the zones that came"):
        candord.reload()
        assert is_blocked(candord, "late.plain.test")
    with tap.case("a secondary with a transfer under way ends when it is told to"):
        tap.equal(candord.stop(), 0)


def check_wrong_key(box):
    with tap.case("a key that the primary does not know, or knows otherwise, is told as such"):
        candord = servers.Candord(box, box._name("candord"), "")
        primary = servers.Named(box, box._name("named"), PRIMARY % {"notify": candord.port, "options": "", "zone": ""})
        for name, text in zones().items():
            primary.write(name, text)
        primary.start()
        conf = SECONDARY % {"port": primary.port, "options": "", "zone": "", "extra": ""}
        candord.write("named.conf", conf.replace(SECRET, "d3Jvbmcgc2VjcmV0"))
        candord.start()
        candord.wait_log("our signature: BADSIG")
        candord.write("named.conf", conf.replace('key "transfer"', 'key "other"').replace("key transfer", "key other"))
        candord.reload()
        candord.wait_log("our signature: BADKEY")
        candord.write("named.conf", conf)
        candord.reload()
        wait_blocked(candord, "blocked.plain.test")


TLS = """
%(tls)s
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes;
    dnssec-validation no; response-policy { zone "rpz.test"; };
};
zone "rpz.test" { type secondary; primaries { 127.0.0.1 port %(port)d tls %(name)s; }; };
zone "plain.test" { type primary; file "plain"; };
"""


def check_tls(box):
    cert, key = canned.certificate(box.dir, name="primary.test")
    other, _ = canned.certificate(box.dir, days=300, name="primary.test")
    port = servers.free_port()
    primary = servers.Named(box, box._name("named"), """
tls "own" { cert-file "%s"; key-file "%s"; };
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on port %d tls own { 127.0.0.1; }; listen-on-v6 { none; };
    directory "@DIR@"; pid-file none; recursion no; session-keyfile none; dnssec-validation no;
    allow-transfer transport tls { any; }; };
zone "rpz.test" { type primary; file "rpz"; };
""" % (cert, key, port))
    primary.write("rpz", zones()["rpz"])
    primary.start()

    def secondary(name, block):
        tls = 'tls "named" { %s };' % block if block else ""
        return box.candord(TLS % {"tls": tls, "port": port, "name": name}, files={"plain": zones()["plain"]})
    good = 'ca-file "%s"; remote-hostname "primary.test";' % cert
    for title, name, block in (("with its certificate checked", "named", good), ("of which nothing is demanded", "ephemeral", "")):
        with tap.case("a zone comes over TLS (RFC 9103) from a primary %s" % title):
            candord = secondary(name, block)
            wait_blocked(candord, "blocked.plain.test")
            candord.wait_log(r"\(TLS\)")
            assert "over TLS" in zone_of(candord)["secondary"]["primary"]
    for title, block in (("of another name", good.replace('"primary.test"', '"other.test"')),
                         ("of an unknown authority", good.replace(cert, other)),
                         ("that is not for its address", 'ca-file "%s";' % cert)):
        with tap.case("a primary with a certificate %s gives no zone" % title):
            candord = secondary("named", block)
            candord.wait_log("its certificate is not accepted")
            assert not is_blocked(candord, "blocked.plain.test")


def check_nsd(box):
    conf = KEY + """
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes;
    dnssec-validation no; empty-zones-enable no; response-policy { zone "rpz.test"; }; };
zone "rpz.test" { type secondary; primaries { 127.0.0.1 port %d key transfer; }; };
zone "plain.test" { type primary; file "plain"; };
"""
    candord = servers.Candord(box, box._name("candord"), "")
    nsd = servers.Nsd(box, "nsd", {"rpz.test": zones()["rpz"]})
    with open(os.path.join(nsd.dir, "nsd.conf")) as f:
        text = f.read()
    nsd.write("nsd.conf", text + 'key:\n  name: "transfer"\n  algorithm: hmac-sha256\n  secret: "%s"\n' % SECRET)
    with open(os.path.join(nsd.dir, "nsd.conf")) as f:
        text = f.read()
    nsd.write("nsd.conf", text.replace('  zonefile: "zone0"', '  zonefile: "zone0"\n  provide-xfr: 127.0.0.1 transfer\n'
                                       '  notify: 127.0.0.1@%d NOKEY\n  store-ixfr: yes\n  create-ixfr: yes' % candord.port))
    candord.write("named.conf", conf % nsd.port)
    candord.write("plain", zones()["plain"])
    with tap.case("AXFR with TSIG from nsd"):
        nsd.start()
        candord.start()
        wait_blocked(candord, "blocked.plain.test")
    with tap.case("a changed zone of nsd's comes"):
        nsd.write("zone0", RPZ % (2, 3600, "late.plain.test CNAME .\n"))
        nsd.signal(signal.SIGHUP)
        wait_blocked(candord, "late.plain.test")


KNOT = """
server:
    listen: 127.0.0.1@@PORT@
    rundir: "@DIR@"
    user: root
database:
    storage: "@DIR@/db"
log:
  - target: stderr
    any: info
key:
  - id: transfer
    algorithm: hmac-sha256
    secret: %(secret)s
acl:
  - id: transfer
    key: transfer
    action: [transfer, update]
remote:
  - id: secondary
    address: 127.0.0.1@%(notify)d
zone:
  - domain: rpz.test
    file: "@DIR@/rpz"
    acl: transfer
    notify: secondary
    zonefile-sync: -1
    journal-content: changes
"""


def check_knot(box):
    try:
        program = servers.tool("knotd")
    except FileNotFoundError:
        program = None
    with tap.case("AXFR with TSIG from Knot DNS"):
        if not program:
            raise tap.Skip("knotd is not installed")
        candord = servers.Candord(box, box._name("candord"), "")
        knot = servers.Server(box, "knot")
        os.makedirs(os.path.join(knot.dir, "db"), exist_ok=True)
        knot.write("rpz", zones()["rpz"].replace("@ SOA", "@ 300 IN SOA"))
        knot.command = [program, "-c", knot.write("knot.conf", KNOT % {"secret": SECRET, "notify": candord.port})]
        knot.spawn()
        knot.wait(lambda: servers.answers(knot), 20)
        candord.write("named.conf", (SECONDARY % {"port": knot.port, "options": "", "zone": "", "extra": ""}).replace(
            'zone "plain.test" { type secondary; primaries { 127.0.0.1 port %d key transfer; }; };' % knot.port,
            'zone "plain.test" { type primary; file "plain"; };'))
        candord.write("plain", zones()["plain"])
        candord.start()
        wait_blocked(candord, "blocked.plain.test")
    with tap.case("an update on Knot DNS is in force here by NOTIFY and IXFR"):
        if not program:
            raise tap.Skip("knotd is not installed")
        since = len(candord.log())
        nsupdate(knot, "rpz.test", "update add late.plain.test.rpz.test 60 CNAME .")
        wait_blocked(candord, "late.plain.test")
        candord.wait_log(r"Transfer completed: .*changes", since=since)


def check_views(box):
    with tap.case("the same zone in two views comes twice, and each acts for its clients"):
        with primaries.Primary() as one, primaries.Primary() as two:
            one.rules, two.rules = {"one": "."}, {"two": "."}
            part = ('zone "rpz.test" { type secondary; primaries { 127.0.0.1 port %d; }; };\n'
                    'zone "plain.test" { type primary; file "plain"; };\nresponse-policy { zone "rpz.test"; };\n')
            candord = box.candord("""
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes;
    dnssec-validation no; };
view "one" { match-clients { 127.0.0.1; }; %s };
view "two" { match-clients { 127.0.0.2; }; %s };
""" % (part % one.port, part % two.port), files={"plain": PLAIN % (1, 1) + "one A 192.0.2.8\ntwo A 192.0.2.9\n"})

            def rcodes(source):
                return [ask.rcode(ask.ask(candord, n + ".plain.test", source=source)) for n in ("one", "two")]
            candord.wait(lambda: rcodes("127.0.0.1") == ["NXDOMAIN", "NOERROR"], 20, "view one")
            candord.wait(lambda: rcodes("127.0.0.2") == ["NOERROR", "NXDOMAIN"], 20, "view two")


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        check_named(box)
        check_wrong_key(box)
        check_tls(box)
        check_nsd(box)
        check_knot(box)
        check_views(box)
    tap.finish()


main()
