# SPDX-License-Identifier: GPL-3.0-or-later
"""Updates of secondary zones go on to the primary: nsupdate against candord and named as secondaries of one named; keys
that only the primary has; primaries that are dead, slow or talk nonsense; update-quota."""
import os
import socket
import subprocess
import sys
import threading
import time

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, canned, servers, tap

SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0IGtleSBvbmx5IGZvciBpdA=="
OTHER = "YW5vdGhlciBzZWNyZXQgdGhhdCBub2JvZHkgaGFzIGhlcmU="
KEYS = "".join('key "%s" { algorithm hmac-sha256; secret "%s"; };\n' % (k, SECRET) for k in ("shared", "far"))
ZONE = "$TTL 300\n@ SOA ns host 10 3600 600 86400 60\n@ NS ns.out.test.\nwww A 192.0.2.1\n"
PRIMARY = KEYS + """
tls t { cert-file "%s"; key-file "%s"; };
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on port @CONTROL@ tls t { 127.0.0.1; }; listen-on-v6 { none; };
    directory "@DIR@"; pid-file none; recursion no; notify no; allow-transfer { any; }; session-keyfile none; };
zone "z.test" { type primary; file "zone"; allow-update { key shared; key far; }; };
zone "open.test" { type primary; file "zone2"; allow-update { any; }; };
zone "closed.test" { type primary; file "zone3"; };
"""
SECONDARY = KEYS.split("\n")[0] + """
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion no; notify no; session-keyfile none; allow-update-forwarding { any; }; %s };
"""
COPY = 'zone "%s" { type secondary; primaries { %s }; %s };\n'


def secondary(primary, options="", more="", primaries=None):
    at = primaries or "127.0.0.1 port %d;" % primary.port
    return SECONDARY % options + "".join(COPY % (zone, at, "") for zone in ("z.test", "open.test", "closed.test")) + \
        COPY % ("shut.test", at, "allow-update-forwarding { 127.0.0.2; };") + more


def update(zone, name):
    message = dns.update.Update(zone)
    message.add("%s.%s." % (name, zone), 60, "A", "192.0.2.77")
    return message


def send(server, message, key=None, secret=SECRET, tcp=False, timeout=30, source=None):
    """The code of the answer, which is signed when the question was: dnspython looks after that."""
    if key:
        message.use_tsig(dns.tsigkeyring.from_text({key: secret}), algorithm=dns.tsig.HMAC_SHA256)
    how = dns.query.tcp if tcp else dns.query.udp
    try:
        got = how(message, server.address, timeout=timeout, port=server.port, source=source)
    except dns.tsig.PeerError as why:
        return type(why).__name__
    assert not key or got.had_tsig, got
    return ask.rcode(got)


def nsupdate(server, script, key=None, secret=SECRET, tcp=False):
    words = [servers.tool("nsupdate")] + (["-v"] if tcp else []) + (["-y", "hmac-sha256:%s:%s" % (key, secret)] if key else [])
    r = subprocess.run(words, input="server %s %d\n%s\nsend\n" % (server.address, server.port, script), text=True,
                       capture_output=True, timeout=60)
    return r.returncode, (r.stdout + r.stderr).replace(str(server.port), "PORT")


def check_compare(primary, pair):
    for zone, key, secret, tcp in (("z.test", "shared", SECRET, False), ("z.test", "shared", SECRET, True),
                                   ("z.test", "far", SECRET, False), ("z.test", "far", SECRET, True),
                                   ("z.test", None, None, False), ("open.test", None, None, False),
                                   ("open.test", None, None, True), ("closed.test", None, None, False),
                                   ("z.test", "shared", OTHER, False), ("shut.test", None, None, False)):
        with tap.case("nsupdate through a secondary ends as through named: %s, key %s%s%s"
                      % (zone, key, " with a wrong secret" if secret == OTHER else "", ", TCP" if tcp else "")):
            results = []
            for number, server in enumerate(pair):
                name = "n%d%s%d%d.%s" % (number, key or "", tcp, secret == OTHER, zone)
                results.append(nsupdate(server, "zone %s\nupdate add %s 60 A 192.0.2.40" % (zone, name), key, secret, tcp))
                there = ask.rcode(ask.ask(primary, name)) == "NOERROR"
                tap.equal(there, results[-1] == (0, ""))
            tap.equal(results[0], results[1])
    with tap.case("a prerequisite that fails: the primary's code comes back"):
        script = "zone z.test\nprereq nxdomain www.z.test\nupdate add www.z.test 60 A 192.0.2.41"
        results = [nsupdate(s, script, "far") for s in pair]
        tap.equal(results[0], results[1])
        assert "YXDOMAIN" in results[0][1], results
    with tap.case("a key that nobody has: refused"):
        for zone, code in (("z.test", "PeerBadKey"), ("shut.test", "PeerBadKey")):
            tap.equal(send(pair[0], update(zone, "x"), "nobody"), code)


def check_tls(box, primary):
    with tap.case("the way to the primary may be TLS"):
        at = "127.0.0.1 port %d tls ephemeral;" % primary.control
        candord = box.candord(secondary(primary, primaries=at))
        tap.equal(send(candord, update("z.test", "tls"), "far"), "NOERROR")
        tap.equal(ask.rcode(ask.ask(primary, "tls.z.test")), "NOERROR")
        candord.stop()


class Mute:
    """Accepts and never answers. Or answers with nonsense."""

    def __init__(self, reply=None):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.reply, self.kept = self.socket.getsockname()[1], reply, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.kept.append(connection)
            if self.reply:
                connection.recv(4096)
                connection.sendall(self.reply)

    def close(self):
        self.socket.close()
        for connection in self.kept:
            connection.close()


def check_bad_primaries(box, primary):
    dead, mute, liar = servers.free_port(), Mute(), Mute(b"\0\x0c\x12\x34\x80\0\0\0\0\0\0\0\0\0")
    with tap.case("the first primary is dead, the second talks nonsense, the third takes the update"):
        at = "".join("127.0.0.1 port %d; " % p for p in (dead, liar.port, primary.port))
        candord = box.candord(secondary(primary, primaries=at))
        tap.equal(send(candord, update("z.test", "third"), "far"), "NOERROR")
        tap.equal(ask.rcode(ask.ask(primary, "third.z.test")), "NOERROR")
        candord.stop()
    with tap.case("no primary can be had: SERVFAIL, signed where we have the key, and the log says why"):
        candord = box.candord(secondary(primary, primaries="127.0.0.1 port %d;" % dead))
        tap.equal(send(candord, update("z.test", "x"), "shared"), "SERVFAIL")
        tap.equal(send(candord, update("open.test", "x")), "SERVFAIL")
        candord.wait_log(r"updating zone 'z.test/IN': not forwarded: 127.0.0.1#%d: " % dead)
        candord.stop()
    with tap.case("a primary that is silent holds up nobody else, and no more than update-quota wait for it"):
        candord = box.candord(secondary(primary, "update-quota 3; workers 1;",
                                        'zone "own.test" { type primary; file "own"; };\n',
                                        "127.0.0.1 port %d;" % mute.port), files={"own": ZONE})
        sockets = []
        for number in range(3):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.sendto(update("z.test", "x%d" % number).to_wire(), (candord.address, candord.port))
            sockets.append(one)
        candord.wait(lambda: len(mute.kept) >= 3)
        began = time.monotonic()
        tap.equal(ask.rcode(ask.ask(candord, "www.own.test")), "NOERROR")
        assert time.monotonic() - began < 3
        try:
            raise AssertionError(send(candord, update("z.test", "x"), timeout=1))
        except dns.exception.Timeout:
            pass
        counted = {m["name"]: m["value"] for m in candord.ctl_json("stats")["metrics"]}
        tap.equal((counted["updates_forwarded"], counted["limit_updates"]), (3, 1))
    with tap.case("a stop does not wait for it"):
        began = time.monotonic()
        tap.equal(candord.stop(), 0)
        assert time.monotonic() - began < 10, time.monotonic() - began
    mute.close()
    liar.close()


def main():
    arguments = servers.arguments(__doc__)
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        primary = box.named(PRIMARY % canned.certificate(box.dir), files={"zone": ZONE, "zone2": ZONE, "zone3": ZONE})
        pair = box.candord(secondary(primary)), box.named(secondary(primary))
        for server in pair:
            server.wait(lambda: ask.rcode(ask.ask(server, "www.open.test")) == "NOERROR")
        check_compare(primary, pair)
        check_tls(box, primary)
        check_bad_primaries(box, primary)
    tap.finish()


main()
