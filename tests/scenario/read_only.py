# SPDX-License-Identifier: GPL-3.0-or-later
"""A directory that candord may not write: what comes acts all the same, that it is not kept is said once."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, primary as primaries, servers, tap

CONFIGURATION = """
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; recursion yes;
    dnssec-validation no; empty-zones-enable no; min-retry-time 1; response-policy { zone "rpz.test"; zone "own.test"; }; };
key "k" { algorithm hmac-sha256; secret "c2VjcmV0IG9mIHRoZSB0ZXN0IGtleSBvbmx5IGZvciBpdA=="; };
zone "rpz.test" { type secondary; primaries { 127.0.0.1 port %d; }; file "kept/rpz.db"; };
zone "own.test" { type primary; file "kept/own"; allow-update { 127.0.0.1; }; };
zone "plain.test" { type primary; file "kept/plain"; };
"""
APEX = "$TTL 300\n@ SOA localhost. host. 1 3600 600 86400 60\n@ NS localhost.\n"


def zone_of(candord, name="rpz.test."):
    return [z for z in candord.ctl_json("zones")["zones"] if z["name"] == name][0]


def code(candord, name):
    return ask.rcode(ask.ask(candord, name + ".plain.test"))


def lines(candord):
    """What the log says of it."""
    return [line for line in candord.log().split("\n") if "rpz.test" in line and "ermission" in line]


def main():
    arguments = servers.arguments(__doc__)
    with servers.Sandbox(arguments.build, arguments.keep) as box, primaries.Primary() as source:
        source.rules = {"blocked": "."}
        root = os.geteuid() == 0
        candord = servers.Candord(box, "candord", CONFIGURATION % source.port, options=("-u", "nobody") if root else ())
        os.mkdir(os.path.join(candord.dir, "kept"))
        candord.write("kept/own", APEX + "own.plain.test CNAME .\n")
        candord.write("kept/plain", APEX + "* A 192.0.2.1\n")
        os.chmod(os.path.join(candord.dir, "kept"), 0o555)
        before = sorted(os.listdir(os.path.join(candord.dir, "kept")))
        candord.start()
        with tap.case("a zone that cannot be kept acts"):
            candord.wait(lambda: code(candord, "blocked") == "NXDOMAIN")
            tap.equal(code(candord, "own"), "NXDOMAIN")
        with tap.case("candorctl zones shows why it is not kept, also to people"):
            assert "ermission denied" in zone_of(candord)["storage"]["problem"], zone_of(candord)
            assert "ermission denied" in candord.ctl("zones"), candord.ctl("zones")
        with tap.case("further versions act as well, and the log says it once"):
            for serial in range(2, 8):
                source.serial, source.rules = serial, {"n%d" % serial: "."}
                candord.ctl("refresh", "rpz.test")
                candord.wait(lambda: code(candord, "n%d" % serial) == "NXDOMAIN")
                tap.equal(code(candord, "n%d" % (serial - 1)), "NOERROR")
            tap.equal(len(lines(candord)), 1, "\n".join(lines(candord)))
        with tap.case("nothing was left in the directory"):
            tap.equal(sorted(os.listdir(os.path.join(candord.dir, "kept"))), before)
        with tap.case("when it may be written again, what comes is kept (here at once, after a restart), and survives kill -9"):
            os.chmod(os.path.join(candord.dir, "kept"), 0o777)
            tap.equal(candord.stop(), 0)
            candord.start()
            candord.wait(lambda: code(candord, "n7") == "NXDOMAIN")
            tap.equal(zone_of(candord)["storage"]["problem"], None)
            candord.kill()
            source.close()
            candord.start()
            tap.equal(code(candord, "n7"), "NXDOMAIN")
    tap.finish()


main()
