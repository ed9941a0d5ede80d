# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerDNS's authoritative server as the primary of a policy: AXFR with TSIG, NOTIFY, changes, and what it refuses."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

SECRET = "c2VjcmV0IG9mIHRyYW5zZmVycyBpbiB0ZXN0cw=="
KEYS = 'key "transfer" { algorithm hmac-sha256; secret "%s"; };\nkey "stranger" { algorithm hmac-sha256; secret "%s"; };\n' % (SECRET, SECRET)
SCHEMA = ("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql", "/usr/share/doc/pdns-backend-sqlite3/schema.sqlite3.sql")
PDNS = """
launch=gsqlite3
gsqlite3-database=@DIR@/zones.sqlite3
gsqlite3-dnssec=yes
local-address=127.0.0.1
local-port=@PORT@
socket-dir=@DIR@
primary=yes
xfr-cycle-interval=3600
allow-axfr-ips=
disable-axfr=no
guardian=no
daemon=no
log-dns-details=no
loglevel=5
security-poll-suffix=
query-cache-ttl=0
cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
"""
CANDORD = KEYS + """
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; recursion yes;
    dnssec-validation no; empty-zones-enable no; min-retry-time 1; response-policy { zone "rpz.test"; }; };
zone "rpz.test" { type secondary; primaries { 127.0.0.1 port %(port)d key transfer; }; file "rpz.db"; };
zone "plain.test" { type secondary; primaries { 127.0.0.1 port %(port)d key transfer; }; file "plain.db"; };
zone "refused.test" { type secondary; primaries { 127.0.0.1 port %(port)d key stranger; }; };
"""
APEX = "$ORIGIN %s.\n$TTL 300\n@ IN SOA localhost. host.localhost. 1 3600 600 86400 60\n@ IN NS localhost.\n"
RPZ = APEX % "rpz.test" + ("blocked.plain.test IN CNAME .\n*.blocked.plain.test IN CNAME .\nnodata.plain.test IN CNAME *.\n"
                           "local.plain.test IN A 192.0.2.80\nlocal.plain.test IN TXT \"why\"\n"
                           "32.66.2.0.192.rpz-ip IN CNAME rpz-drop.\n8.0.0.0.10.rpz-ip IN CNAME .\n")
PLAIN = APEX % "plain.test" + "* IN A 192.0.2.1\nten IN A 10.1.2.3\n"


class Pdns(servers.Server):
    def __init__(self, box, notify_port):
        super().__init__(box, "pdns")
        self.write("pdns.conf", PDNS)
        schema = [path for path in SCHEMA if os.path.exists(path)][0]
        with open(schema) as f:
            subprocess.run([servers.tool("sqlite3"), os.path.join(self.dir, "zones.sqlite3")], stdin=f, check=True)
        self.util("import-tsig-key", "transfer", "hmac-sha256", SECRET)
        for zone, text in (("rpz.test", RPZ), ("plain.test", PLAIN), ("refused.test", APEX % "refused.test")):
            self.util("load-zone", zone, self.write(zone, text))
            self.util("set-kind", zone, "MASTER")
            self.util("activate-tsig-key", zone, "transfer", "primary")
            self.util("set-meta", zone, "ALSO-NOTIFY", "127.0.0.1:%d" % notify_port)
        self.command = [servers.tool("pdns_server"), "--config-dir=" + self.dir]

    def util(self, *words):
        r = subprocess.run([servers.tool("pdnsutil"), "--config-dir=" + self.dir, *words], text=True, capture_output=True,
                           stdin=subprocess.DEVNULL, timeout=60)
        assert r.returncode == 0, "pdnsutil %s: %s%s" % (" ".join(words), r.stdout, r.stderr)
        return r.stdout

    def notify(self, zone):
        subprocess.run([servers.tool("pdns_control"), "--config-dir=" + self.dir, "--socket-dir=" + self.dir, "notify", zone],
                       check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def start(self):
        self.spawn()
        return self.wait(lambda: servers.answers(self))


def zone_of(candord, name="rpz.test."):
    return [z for z in candord.ctl_json("zones")["zones"] if z["name"] == name][0]


def result(candord, name):
    got = ask.ask(candord, name)
    return ask.rcode(got), ask.data(got)


def check_first(pdns, candord):
    with tap.case("a policy and a plain zone come by AXFR with TSIG, and every rule acts"):
        candord.wait(lambda: zone_of(candord).get("serial") == zone_of(candord, "plain.test.").get("serial") == 1)
        tap.equal(result(candord, "free.plain.test"), ("NOERROR", ["192.0.2.1"]))
        tap.equal([result(candord, name)[0] for name in ("blocked.plain.test", "x.blocked.plain.test", "ten.plain.test")],
                  ["NXDOMAIN"] * 3)
        tap.equal(result(candord, "nodata.plain.test"), ("NOERROR", []))
        tap.equal(result(candord, "local.plain.test"), ("NOERROR", ["192.0.2.80"]))
    with tap.case("a key that the primary does not let in: said in candorctl zones, everything else goes on"):
        candord.wait(lambda: "problem" in zone_of(candord, "refused.test."))
        assert zone_of(candord, "refused.test.")["problem"], zone_of(candord, "refused.test.")


def check_changes(pdns, candord):
    with tap.case("a change is in force after its NOTIFY, what it took away no longer acts"):
        pdns.util("add-record", "rpz.test", "late.plain.test", "CNAME", ".")
        pdns.util("delete-rrset", "rpz.test", "nodata.plain.test", "CNAME")
        pdns.util("increase-serial", "rpz.test")
        tap.equal(result(candord, "late.plain.test")[0], "NOERROR")
        pdns.notify("rpz.test")
        candord.wait(lambda: result(candord, "late.plain.test")[0] == "NXDOMAIN")
        tap.equal(result(candord, "nodata.plain.test"), ("NOERROR", ["192.0.2.1"]))
        tap.equal(zone_of(candord).get("serial"), 2)
    with tap.case("a NOTIFY without a change costs one question; candorctl refresh takes one without NOTIFY"):
        since = len(candord.log())
        pdns.notify("rpz.test")
        candord.wait_log("notify from 127.0.0.1#.*serial 2: zone is up to date|zone rpz.test/IN: notify from", since=since)
        pdns.util("add-record", "rpz.test", "later.plain.test", "CNAME", ".")
        pdns.util("increase-serial", "rpz.test")
        candord.ctl("refresh", "rpz.test")
        candord.wait(lambda: result(candord, "later.plain.test")[0] == "NXDOMAIN")


def check_down(pdns, candord):
    with tap.case("the primary is down: the rules go on, also after a restart; it comes back, and so do its changes"):
        pdns.stop()
        candord.kill()
        candord.start()
        tap.equal(result(candord, "later.plain.test")[0], "NXDOMAIN")
        pdns.util("delete-rrset", "rpz.test", "later.plain.test", "CNAME")
        pdns.util("increase-serial", "rpz.test")
        pdns.start()
        pdns.notify("rpz.test")
        candord.wait(lambda: zone_of(candord).get("serial") == 4)
        candord.ctl("refresh", "plain.test")
        candord.wait(lambda: result(candord, "later.plain.test")[0] == "NOERROR")


def main():
    arguments = servers.arguments(__doc__)
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        candord = servers.Candord(box, "candord", "")
        pdns = Pdns(box, candord.port).start()
        candord.write("named.conf", CANDORD % {"port": pdns.port})
        candord.start()
        check_first(pdns, candord)
        check_changes(pdns, candord)
        check_down(pdns, candord)
    tap.finish()


main()
