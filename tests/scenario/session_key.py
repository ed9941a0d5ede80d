# SPDX-License-Identifier: GPL-3.0-or-later
"""update-policy local: nsupdate -l with the session key changes zones, of candord and of named alike; nobody else does."""
import os
import re
import stat
import subprocess
import sys

import dns.query
import dns.tsig
import dns.tsigkeyring
import dns.update

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

OTHER = "YW5vdGhlciBzZWNyZXQgdGhhdCBub2JvZHkgaGFzIGhlcmU="
CONFIGURATION = """
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 port @PORT@ { ::1; }; directory "@DIR@"; pid-file none;
    recursion no; notify no; allow-transfer { any; }; session-keyfile "@DIR@/keys/session.key"; %s };
zone "z.test" { type primary; file "zone"; update-policy local; };
zone "granted.test" { type primary; file "zone2"; update-policy { grant %s subdomain sub.granted.test. A; }; };
zone "closed.test" { type primary; file "zone3"; };
"""
ZONE = "$TTL 300\n@ SOA ns host 10 3600 600 86400 60\n@ NS ns.out.test.\nwww A 192.0.2.1\n"
FILES = {"zone": ZONE, "zone2": ZONE, "zone3": ZONE}


def key_file(server):
    return os.path.join(server.dir, "keys", "session.key")


def read_key(server):
    """(name, algorithm, secret)"""
    with open(key_file(server)) as f:
        return re.fullmatch(r'key "(.+)" \{\n\s*algorithm (.+);\n\s*secret "(.+)";\n\};\n', f.read()).groups()


def nsupdate(server, script):
    r = subprocess.run([servers.tool("nsupdate"), "-l", "-p", str(server.port), "-k", key_file(server)],
                       input=script + "\nsend\n", text=True, capture_output=True, timeout=60)
    return r.returncode, (r.stdout + r.stderr).replace(str(server.port), "PORT")


def send(server, name, secret=None, source="127.0.0.1", zone="z.test", key=None):
    """The code of an update that adds an address at `name`."""
    message = dns.update.Update(zone)
    message.add(name + ".", 60, "A", "192.0.2.77")
    used, algorithm, good = read_key(server)
    message.use_tsig(dns.tsigkeyring.from_text({key or used: secret or good}), algorithm=algorithm)
    try:
        return ask.rcode(dns.query.udp(message, server.address, timeout=10, port=server.port, source=source))
    except dns.tsig.PeerBadSignature:
        return "BADSIG"


def both(pair, *what, **how):
    codes = [send(s, *what, **how) for s in pair]
    tap.equal(codes[0], codes[1])
    return codes[0]


def check_nsupdate(pair):
    for script in ("update add new.z.test 60 A 192.0.2.40", "update delete www.z.test A",
                   "zone z.test\nupdate add z.test 60 NS ns2.out.test.",
                   "zone closed.test\nupdate add x.closed.test 60 A 192.0.2.40",
                   "zone granted.test\nupdate add x.sub.granted.test 60 A 192.0.2.40",
                   "zone granted.test\nupdate add x.granted.test 60 A 192.0.2.40"):
        with tap.case("nsupdate -l ends as with named: %s" % script.replace("\n", "; ")):
            tap.equal(nsupdate(pair[0], script), nsupdate(pair[1], script))
    with tap.case("what nsupdate -l added is there, what it deleted is not"):
        for server in pair:
            tap.equal([ask.rcode(ask.ask(server, n)) for n in ("new.z.test", "www.z.test", "x.sub.granted.test")],
                      ["NOERROR", "NXDOMAIN", "NOERROR"])


def check_others(pair):
    with tap.case("the session key from an address that is not this machine's is refused, as by named"):
        tap.equal(both(pair, "far.z.test", source="127.0.0.2"), "REFUSED")
        tap.equal(both(pair, "near.z.test"), "NOERROR")
    with tap.case("a wrong secret is not let in"):
        tap.equal(both(pair, "evil.z.test", secret=OTHER), "BADSIG")
    with tap.case("without a signature nobody is let in"):
        message = dns.update.Update("z.test")
        message.add("evil.z.test.", 60, "A", "192.0.2.66")
        tap.equal([ask.rcode(dns.query.udp(message, s.address, timeout=10, port=s.port)) for s in pair], ["REFUSED"] * 2)


def check_file(box, candord):
    with tap.case("the file of the key: for the owner alone, no other left beside it"):
        status = os.stat(key_file(candord))
        tap.equal((stat.S_IMODE(status.st_mode), os.listdir(os.path.dirname(key_file(candord)))), (0o600, ["session.key"]))
    with tap.case("a reload keeps the key, a stop removes it, a start makes another"):
        before = read_key(candord)
        candord.reload()
        tap.equal(read_key(candord), before)
        tap.equal(candord.stop(), 0)
        assert not os.path.exists(key_file(candord))
        candord.start()
        after = read_key(candord)
        tap.equal(after[:2], before[:2])
        assert after[2] != before[2]
        tap.equal(send(candord, "again.z.test"), "NOERROR")
        tap.equal(send(candord, "again.z.test", secret=before[2]), "BADSIG")
    with tap.case("a key that kill -9 left behind is replaced; a file that somebody else put there stays"):
        old = read_key(candord)
        candord.kill()
        assert os.path.exists(key_file(candord))
        candord.start()
        assert read_key(candord) != old
        os.rename(key_file(candord), key_file(candord) + ".ours")
        with open(key_file(candord), "w") as f:
            f.write("theirs")
        tap.equal(candord.stop(), 0)
        assert open(key_file(candord)).read() == "theirs"


def check_words(box):
    for algorithm in ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha384", "hmac-sha512"):
        with tap.case("session-keyname and session-keyalg %s" % algorithm):
            server = box.candord(CONFIGURATION % ("session-keyname me.here; session-keyalg %s;" % algorithm, "me.here"),
                                 files=FILES)
            tap.equal(read_key(server)[:2], ("me.here", algorithm))
            tap.equal(nsupdate(server, "update add new.z.test 60 A 192.0.2.40"), (0, ""))
            tap.equal(ask.rcode(ask.ask(server, "new.z.test")), "NOERROR")
            server.stop()
    with tap.case("a zone that gets update-policy local by a reload: the key is written then"):
        text = CONFIGURATION % ("", "nobody")
        without = text.replace('session-keyfile "@DIR@/keys/session.key";', "").replace("update-policy local;", "")
        server = box.candord(without, files=FILES)
        assert not os.path.exists(key_file(server))
        server.write("named.conf", text)
        server.reload()
        assert "'session-keyfile' has changed" in server.log()
    with tap.case("a place that cannot be written is said, and everything else goes on"):
        server = box.candord(CONFIGURATION.replace("@DIR@/keys/", "/proc/nosuch/") % ("", "nobody"), files=FILES)
        server.wait_log("cannot write the session key for dynamic updates to /proc/nosuch/session.key: ")
        tap.equal(ask.rcode(ask.ask(server, "www.z.test")), "NOERROR")


def main():
    arguments = servers.arguments(__doc__)
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        pair = []
        for kind in (servers.Candord, servers.Named):
            server = kind(box, kind.__name__.lower(), CONFIGURATION % ("", "local-ddns"))
            os.mkdir(os.path.join(server.dir, "keys"))
            for name, text in FILES.items():
                server.write(name, text)
            pair.append(server.start())
        check_nsupdate(pair)
        check_others(pair)
        check_file(box, pair[0])
        check_words(box)
    tap.finish()


main()
