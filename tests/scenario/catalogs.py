# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalog zones (RFC 9432): Debian's named says which zones there are, candord has them, and those of a group are its
policy."""
import json
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

NAMED = """
options { directory "@DIR@"; listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; recursion no;
    dnssec-validation no; notify explicit; also-notify { 127.0.0.1 port %d; }; notify-delay 0; allow-transfer { any; };
    empty-zones-enable no; };
key "deep.key" { algorithm hmac-sha256; secret "MDEyMzQ1Njc4OWFiY2RlZg=="; };
"""
CANDORD = """
options { directory "@DIR@"; listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; recursion yes;
    dnssec-validation no; empty-zones-enable no; min-retry-time 1; min-refresh-time 1;
    catalog-zones {
        zone "catz.test" default-primaries { 127.0.0.1 port %(port)d; } zone-directory "members" min-update-interval 0;
        zone "second.test" default-primaries { 127.0.0.1 port %(port)d; } in-memory yes min-update-interval 0;
    };
    response-policy { catalog "catz.test" group "first"; zone "local.rpz"; catalog "catz.test" group "late" policy nodata; };
};
key "deep.key" { algorithm hmac-sha256; secret "MDEyMzQ1Njc4OWFiY2RlZg=="; };
zone "catz.test" { type secondary; primaries { 127.0.0.1 port %(port)d; }; file "catz.db"; };
zone "second.test" { type secondary; primaries { 127.0.0.1 port %(port)d; }; file "second.db"; };
zone "local.rpz" { type primary; file "local.rpz"; };
zone "world.test" { type primary; file "world"; };
"""
APEX = "$TTL 300\n@ SOA ns.invalid. host.invalid. %d 3600 600 86400 60\n@ NS ns.invalid.\n"
RULES = {"local.rpz": APEX % 1 + "both.world.test CNAME *.\nlocal.world.test CNAME .\n",
         "world": APEX % 1 + "* A 192.0.2.1\n"}


class Primary:
    """named with catalogs and members; what changes is written and SIGHUP'd."""

    def __init__(self, box, notify_port):
        self.zones = {}
        self.serial = 1
        self.server = servers.Named(box, "named", NAMED % notify_port)
        with open(self.server.file) as f:
            self.head = f.read()

    def set(self, zones, remove=()):
        """zones {name: records}; the serial of each that is given moves."""
        self.serial += 1
        for name, records in zones.items():
            self.zones[name] = records
            self.server.write(name + ".db", APEX % self.serial + records)
        for name in remove:
            del self.zones[name]
        self.server.write("named.conf", self.head + "".join(
            'zone "%s" { type primary; file "%s.db"; %s };\n'
            % (name, name, 'allow-transfer { key "deep.key"; };' if name.startswith("keyed") else "")
            for name in self.zones))
        if self.server.running():
            since = len(self.server.log())
            self.server.signal(signal.SIGHUP)
            self.server.wait_log(r"all zones loaded|running", 20, since)

    def catalog(self, records, name="catz.test", others=None, remove=()):
        self.set(dict({name: 'version TXT "2"\n' + records}, **(others or {})), remove)


def zones(candord):
    return {zone["name"]: zone for zone in candord.ctl_json("zones")["zones"]}


def wait(candord, what, seconds=20):
    candord.wait(what, seconds, "as it should be; zones: %s" % json.dumps(candord.ctl_json("zones"))[:3000])


def serves(candord, name, address):
    """Asks without RD: what is not held yet is not looked for elsewhere."""
    return lambda: ask.data(ask.ask(candord, name, rd=False)) == [address]


def policy(candord, name):
    got = ask.ask(candord, name)
    zone = ask.soa(got.additional)
    return ask.rcode(got), zone if zone != "world.test." else None


MEMBERS = {"plain.test": "www A 192.0.2.10\n",
           "one.rpz": "both.world.test CNAME .\none.world.test CNAME .\n",
           "two.rpz": "both.world.test CNAME .\ntwo.world.test CNAME .\nlocal.world.test CNAME .\n"}
FIRST = ("a1.zones PTR plain.test.\na2.zones PTR one.rpz.\ngroup.a2.zones TXT first\n"
         "a3.zones PTR two.rpz.\ngroup.a3.zones TXT late\n")


def check_members(primary, candord):
    with tap.case("the members of a catalog are transferred and answered"):
        wait(candord, serves(candord, "www.plain.test", "192.0.2.10"))
        tap.equal(zones(candord)["plain.test."]["catalog"], "catz.test.")
        tap.equal(zones(candord)["catz.test."]["members"], 3)
    with tap.case("members of a group that response-policy names are policy, in the order of the statements"):
        wait(candord, lambda: policy(candord, "two.world.test") == ("NOERROR", "two.rpz."))
        wait(candord, lambda: policy(candord, "one.world.test") == ("NXDOMAIN", "one.rpz."))
        tap.equal(policy(candord, "both.world.test"), ("NXDOMAIN", "one.rpz."))
        tap.equal(policy(candord, "local.world.test"), ("NXDOMAIN", "local.rpz."))
        now = zones(candord)
        tap.equal([now[name].get("order") for name in ("one.rpz.", "local.rpz.", "two.rpz.", "plain.test.")],
                  [1, 2, 3, None])
    with tap.case("candorctl zones says to people whose member a zone is"):
        told = candord.ctl("zones")
        assert "plain.test.: a member of the catalog catz.test." in told, told
        assert "catz.test.: a catalog of 3 zones" in told, told
    with tap.case("a new member comes, without a reload"):
        primary.catalog(FIRST + "a4.zones PTR new.test.\n", others={"new.test": "www A 192.0.2.11\n"})
        wait(candord, serves(candord, "www.new.test", "192.0.2.11"))
        tap.equal(policy(candord, "one.world.test"), ("NXDOMAIN", "one.rpz."))
    with tap.case("another group is another place in the order"):
        primary.catalog(FIRST.replace("TXT late", "TXT first") + "a4.zones PTR new.test.\n")
        wait(candord, lambda: policy(candord, "two.world.test") == ("NXDOMAIN", "two.rpz."))
        tap.equal(policy(candord, "local.world.test"), ("NXDOMAIN", "two.rpz."))
        tap.equal(zones(candord)["local.rpz."]["order"], 3)
    with tap.case("a member that is no longer listed goes, with its rules"):
        primary.catalog("a1.zones PTR plain.test.\na2.zones PTR one.rpz.\ngroup.a2.zones TXT first\n")
        wait(candord, lambda: policy(candord, "two.world.test") == ("NOERROR", None))
        tap.equal(sorted(zones(candord)), ["catz.test.", "local.rpz.", "one.rpz.", "plain.test.", "second.test.",
                                           "world.test."])
        tap.equal(policy(candord, "one.world.test"), ("NXDOMAIN", "one.rpz."))
        kept = os.listdir(os.path.join(candord.dir, "members"))
        assert any("one.rpz" in name for name in kept) and not any("two.rpz" in name for name in kept), kept


def check_properties(primary, candord):
    with tap.case("primaries.ext with a key: the member is transferred with TSIG from the server that the catalog names"):
        port = primary.server.port
        # The property has no port: the server has to be asked at 53, which nobody serves here. So the key is what shows.
        primary.catalog("a1.zones PTR plain.test.\na2.zones PTR one.rpz.\ngroup.a2.zones TXT first\n"
                        "k.zones PTR far.test.\nx.primaries.ext.k.zones A 127.0.0.77\n"
                        "x.primaries.ext.k.zones TXT deep.key\n")
        wait(candord, lambda: "far.test." in zones(candord) or "127.0.0.77" in candord.log())
        candord.wait_log(r"far\.test.*127\.0\.0\.77#53|127\.0\.0\.77#53.*far\.test")
        assert port != 53
    with tap.case("a key that is not configured is told, and its server is not asked"):
        since = len(candord.log())
        primary.catalog("a1.zones PTR plain.test.\na2.zones PTR one.rpz.\ngroup.a2.zones TXT first\n"
                        "k.zones PTR far.test.\nx.primaries.ext.k.zones A 127.0.0.77\n"
                        "x.primaries.ext.k.zones TXT no.such.key\n")
        candord.wait_log(r"catalog catz\.test: it names the key 'no\.such\.key', which is not configured", since=since)
        primary.catalog("a1.zones PTR plain.test.\na2.zones PTR one.rpz.\ngroup.a2.zones TXT first\n")
        wait(candord, lambda: "far.test." not in zones(candord))
    with tap.case("a member of a name that is configured is left out"):
        since = len(candord.log())
        primary.catalog("a1.zones PTR plain.test.\na2.zones PTR one.rpz.\ngroup.a2.zones TXT first\n"
                        "w.zones PTR world.test.\n", others={"world.test": "evil A 192.0.2.66\n"})
        candord.wait_log(r"zone 'world\.test' stands in the configuration", since=since)
        tap.equal(ask.data(ask.ask(candord, "evil.world.test")), ["192.0.2.1"])
    with tap.case("a member whose unique label changes begins anew"):
        since = len(candord.log())
        primary.catalog("b1.zones PTR plain.test.\na2.zones PTR one.rpz.\ngroup.a2.zones TXT first\n",
                        others={"plain.test": "www A 192.0.2.20\n"})
        candord.wait_log(r"(?s)catalogs: 2 member zones.*zone plain\.test/IN: serial", since=since)
        wait(candord, serves(candord, "www.plain.test", "192.0.2.20"))


def check_ownership(primary, candord):
    with tap.case("a member of two catalogs stays with the first, until it lets it go"):
        since = len(candord.log())
        primary.catalog("c1.zones PTR plain.test.\nc2.zones PTR moved.test.\n", name="second.test",
                        others={"moved.test": "www A 192.0.2.30\n"})
        wait(candord, serves(candord, "www.moved.test", "192.0.2.30"))
        tap.equal(zones(candord)["plain.test."]["catalog"], "catz.test.")
        primary.catalog("b1.zones PTR plain.test.\ncoo.b1.zones PTR second.test.\na2.zones PTR one.rpz.\n"
                        "group.a2.zones TXT first\n")
        wait(candord, lambda: zones(candord).get("plain.test.", {}).get("catalog") == "second.test.")
        wait(candord, serves(candord, "www.plain.test", "192.0.2.20"))


def check_broken(primary, candord):
    with tap.case("a broken catalog changes nothing, and is told once"):
        since = len(candord.log())
        for text in ('version TXT "3"\n', 'version TXT "3"\nx TXT again\n'):
            primary.set({"catz.test": text})
            candord.ctl("reload", "catz.test", check=False)
            wait(candord, lambda: zones(candord)["catz.test."]["serial"] == primary.serial)
        candord.wait_log(r"catalog catz\.test is not followed: it is of a version other than 2", since=since)
        tap.equal(candord.log()[since:].count("is not followed"), 1)
        tap.equal(policy(candord, "one.world.test"), ("NXDOMAIN", "one.rpz."))
        tap.equal(zones(candord)["catz.test."]["catalog_problem"], "it is of a version other than 2")
    with tap.case("and is followed again when it is whole"):
        primary.catalog("a2.zones PTR one.rpz.\ngroup.a2.zones TXT first\na9.zones PTR late.test.\n",
                        others={"late.test": "www A 192.0.2.40\n"})
        wait(candord, serves(candord, "www.late.test", "192.0.2.40"))
        assert "catalog_problem" not in zones(candord)["catz.test."]
    with tap.case("a half edited named.conf plays no part when a catalog changes"):
        with open(candord.file) as f:
            good = f.read()
        candord.write("named.conf", good + "zone { nonsense")
        primary.catalog("a2.zones PTR one.rpz.\ngroup.a2.zones TXT first\na9.zones PTR late.test.\n"
                        "a10.zones PTR later.test.\n", others={"later.test": "www A 192.0.2.41\n"})
        wait(candord, serves(candord, "www.later.test", "192.0.2.41"))
        candord.write("named.conf", good)
    with tap.case("a reload of the configuration keeps the members"):
        candord.reload()
        tap.equal(ask.data(ask.ask(candord, "www.later.test")), ["192.0.2.41"])
        tap.equal(policy(candord, "one.world.test"), ("NXDOMAIN", "one.rpz."))


def check_restart(primary, candord):
    primary.server.stop()
    for how, end in (("a restart", candord.stop), ("kill -9", candord.kill)):
        with tap.case("after %s members with files act before the first answer, though the primary is down" % how):
            end()
            candord.start()
            tap.equal(policy(candord, "one.world.test"), ("NXDOMAIN", "one.rpz."))
            tap.equal(ask.data(ask.ask(candord, "www.later.test")), ["192.0.2.41"])


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        candord = servers.Candord(box, "candord", "")
        os.mkdir(os.path.join(candord.dir, "members"))
        primary = Primary(box, candord.port)
        for name, text in RULES.items():
            candord.write(name, text)
        candord.write("named.conf", CANDORD % {"port": primary.server.port})
        primary.catalog(FIRST, others=MEMBERS)
        primary.catalog("", name="second.test")
        primary.server.start()
        candord.start()
        check_members(primary, candord)
        check_properties(primary, candord)
        check_ownership(primary, candord)
        check_broken(primary, candord)
        check_restart(primary, candord)
    tap.finish()


main()
