# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS over TLS where listen-on says so: kdig, dig and openssl ask, named takes zones, beside named's own listener; who
breaks TLS, speaks plain text, is slow or sends half; certificates read anew; clients that must show one."""
import os
import re
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

import dns.edns
import dns.message
import dns.query
import dns.rcode
import dns.zone

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, canned, servers, tap

ZONE = "$TTL 300\n@ SOA ns host 10 3600 600 86400 60\n@ NS ns.out.test.\nwww A 192.0.2.1\n" + \
    "".join("n%d TXT \"%s\"\n" % (i, "x" * 200) for i in range(2000))
RPZ = "$TTL 300\n@ SOA localhost. host. 1 3600 600 86400 60\n@ NS localhost.\nblocked.z.test CNAME .\n"
CONFIGURATION = """
tls t { cert-file "@DIR@/cert.pem"; key-file "@DIR@/key.pem"; %(tls)s };
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on port @CONTROL@ tls t { 127.0.0.1; }; listen-on-v6 { none; };
    directory "@DIR@"; pid-file none; recursion no; notify no; %(options)s };
zone "z.test" { type primary; file "zone"; allow-transfer { any; }; };
zone "tls.test" { type primary; file "zone2"; allow-transfer transport tls { any; }; };
zone "tcp.test" { type primary; file "zone3"; allow-transfer transport tcp { any; }; };
zone "port.test" { type primary; file "zone4"; allow-transfer port @CONTROL@ transport tls { any; }; };
"""
FILES = {"zone": ZONE, "zone2": ZONE, "zone3": ZONE, "zone4": ZONE, "rpz": RPZ}


def run(*words, timeout=60):
    r = subprocess.run(words, text=True, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)
    return r.stdout + r.stderr


def start(box, kind, certificate, tls="", options=""):
    server = kind(box, box._name(kind.__name__.lower()), CONFIGURATION % {"tls": tls, "options": options})
    for name, text in FILES.items():
        server.write(name, text)
    show(server, certificate)
    return server.start()


def show(server, certificate):
    for name, path in zip(("cert.pem", "key.pem"), certificate):
        shutil.copy(path, os.path.join(server.dir, name))


def context(ca=None, mine=None, version=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        made.load_verify_locations(ca)
    if mine:
        made.load_cert_chain(*mine)
    if version:
        made.minimum_version = made.maximum_version = version
    return made


def connect(server, **how):
    plain = socket.create_connection((server.address, server.control), timeout=20)
    return context(**how).wrap_socket(plain)


def question(name="www.z.test", rdtype="A", number=None):
    message = dns.message.make_query(name, rdtype)
    if number is not None:
        message.id = number
    wire = message.to_wire()
    return struct.pack("!H", len(wire)) + wire


def asks(server, **how):
    """Is a question answered over TLS?"""
    with connect(server, **how) as connection:
        connection.sendall(question())
        return ask.rcode(ask.tcp_receive(connection)) == "NOERROR"


def counters(server):
    return {m["name"]: m["value"] for m in server.ctl_json("stats")["metrics"] if m["room"] == "net"}


def transfer(server, zone, tool, tls):
    words = ["+tls"] if tls else ["+tcp"]
    out = run(servers.tool(tool), "@" + server.address, "-p", str(server.control if tls else server.port), *words,
              zone, "AXFR")
    lines = sorted(" ".join(line.split()) for line in out.split("\n") if line and not line.startswith(";"))
    return lines


def check_tools(candord, named):
    with tap.case("kdig and dig ask over TLS"):
        for words in (["kdig", "+tls"], ["kdig", "+tls", "+tls-hostname=test.example", "+tls-ca=" + candord.dir + "/cert.pem"],
                      ["dig", "+tls"]):
            out = run(servers.tool(words[0]), "@127.0.0.1", "-p", str(candord.control), *words[1:], "www.z.test")
            assert re.search(r"www\.z\.test\.\s+300\s+IN\s+A\s+192\.0\.2\.1", out), out
    with tap.case("openssl s_client: the chain, TLS 1.3 and 1.2, ALPN dot where it is offered"):
        for version in ("-tls1_3", "-tls1_2"):
            for alpn, said in ((["-alpn", "h2,dot"], "ALPN protocol: dot"), (["-alpn", "h2"], "No ALPN negotiated"),
                               ([], "No ALPN negotiated")):
                out = run("openssl", "s_client", "-connect", "127.0.0.1:%d" % candord.control, version, *alpn,
                          "-CAfile", candord.dir + "/cert.pem")
                assert said in out and "Verify return code: 0 (ok)" in out, out
    for zone in ("z.test", "tls.test", "tcp.test", "port.test"):
        for tls in (True, False):
            with tap.case("AXFR of %s %s: dig brings what it brings from named" % (zone, "over TLS" if tls else "over TCP")):
                ours, theirs = (transfer(s, zone, "dig", tls) for s in (candord, named))
                tap.equal(ours, theirs)
                tap.equal(len(ours) > 2000, zone == "z.test" or tls == (zone != "tcp.test"))
    with tap.case("kdig takes a zone over TLS"):
        tap.equal(len(transfer(candord, "z.test", "kdig", True)), 2003 + 1)


def check_named_takes(box, candord):
    with tap.case("named takes zones over TLS from candord, candord from candord"):
        text = """tls c { ca-file "%s"; remote-hostname "test.example"; };
            options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
                recursion no; notify no; %s };
            zone "tls.test" { type secondary; primaries { 127.0.0.1 port %d tls c; }; };
            """
        certificate = os.path.join(candord.dir, "cert.pem")
        for server in (box.named(text % (certificate, "session-keyfile none;", candord.control)),
                       box.candord(text % (certificate, "", candord.control))):
            server.wait(lambda: ask.rcode(ask.ask(server, "www.tls.test")) == "NOERROR")
            server.stop()


def check_connections(candord):
    with tap.case("many questions in one connection, answered in any order, a message in two records and two in one"):
        with connect(candord) as connection:
            wire = question(number=1)
            for piece in (wire[:1], wire[1:7], wire[7:] + question(number=2), b"".join(question(number=n) for n in range(3, 300))):
                connection.sendall(piece)
            tap.equal(sorted(ask.tcp_receive(connection).id for _ in range(299)), list(range(1, 300)))
    with tap.case("sessions are resumed"):
        made = context()
        plain = socket.create_connection((candord.address, candord.control), timeout=20)
        with made.wrap_socket(plain) as first:
            first.sendall(question())
            ask.tcp_receive(first)
            session = first.session
        plain = socket.create_connection((candord.address, candord.control), timeout=20)
        with made.wrap_socket(plain, session=session) as second:
            second.sendall(question())
            tap.equal((second.session_reused, ask.rcode(ask.tcp_receive(second))), (True, "NOERROR"))
    with tap.case("who has asked and closes his side gets his answers, and a good-bye"):
        connection = connect(candord)
        connection.sendall(question() * 50)
        got = [ask.tcp_receive(connection) for _ in range(50)]
        assert all(got)
        connection.unwrap()     # raises when the other end breaks off
    with tap.case("300 connections one after the other, none is left"):
        before = counters(candord)
        for _ in range(300):
            assert asks(candord)
        candord.wait(lambda: counters(candord)["tls_open"] == 0)
        after = counters(candord)
        tap.equal(after["tls_handshakes"] - before["tls_handshakes"], 300)
        tap.equal(after["tls_failed"], before["tls_failed"])


def plain(server):
    return socket.create_connection((server.address, server.control), timeout=20)


def ended(connection):
    """What comes until the other side ends it."""
    got = b""
    try:
        while True:
            more = connection.recv(65536)
            if not more:
                return got
            got += more
    except ConnectionResetError:
        return got


def hello():
    """A ClientHello, as bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context().wrap_bio(incoming, outgoing)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def check_bad(candord):
    before = counters(candord)
    with tap.case("plain text where TLS is spoken: ended at once, nothing answered"):
        for bytes_ in (question(), b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"x" * 100, os.urandom(2000)):
            with plain(candord) as connection:
                connection.sendall(bytes_)
                assert len(ended(connection)) < 64
    with tap.case("a ClientHello with any one byte changed, or cut at any byte, does no harm"):
        whole = hello()
        for at in range(len(whole)):
            with plain(candord) as connection:
                connection.sendall(whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:])
                connection.shutdown(socket.SHUT_WR)
                ended(connection)
        for at in range(0, len(whole), 7):
            with plain(candord) as connection:
                connection.sendall(whole[:at])
                connection.shutdown(socket.SHUT_WR)
                ended(connection)
        assert asks(candord)
    with tap.case("rubbish after the handshake ends that connection alone"):
        other = connect(candord)
        for _ in range(20):
            connection = connect(candord)
            raw = socket.socket(fileno=os.dup(connection.fileno()))
            raw.settimeout(20)
            raw.sendall(b"\x17\x03\x03\x00\x40" + os.urandom(64))
            ended(raw)
            raw.close()
            connection.close()
        other.sendall(question())
        tap.equal(ask.rcode(ask.tcp_receive(other)), "NOERROR")
        other.close()
    with tap.case("plain DNS on its own port goes on; what was bad is counted"):
        tap.equal(ask.rcode(ask.ask(candord, "www.z.test")), "NOERROR")
        candord.wait(lambda: counters(candord)["tls_open"] == 0)
        assert counters(candord)["tls_failed"] >= before["tls_failed"] + 24, counters(candord)
    with tap.case("TLS 1.1 is not spoken"):
        old = context(version=ssl.TLSVersion.TLSv1_1)
        old.set_ciphers("ALL:@SECLEVEL=0")
        try:
            old.wrap_socket(plain(candord))
            raise AssertionError("TLS 1.1 was accepted")
        except ssl.SSLError:
            pass


def check_slow(box, certificate):
    candord = start(box, servers.Candord, certificate, options="tcp-initial-timeout 25; tcp-idle-timeout 30; workers 1; "
                    "tcp-clients 20; tcp-clients-per-address 15; tcp-write-queue 200K;")
    with tap.case("a handshake that does not end is cut off in time; one that comes byte by byte as well"):
        began = time.monotonic()
        silent, half, slow = plain(candord), plain(candord), plain(candord)
        half.sendall(hello()[:50])
        whole = hello()

        def trickle():
            try:
                for byte in whole:
                    slow.sendall(bytes([byte]))
                    time.sleep(0.1)
            except OSError:
                pass
        threading.Thread(target=trickle, daemon=True).start()
        ended(half)
        took = time.monotonic() - began
        assert 2 < took < 6, took
        ended(slow)
        ended(silent)
        assert time.monotonic() - began < 10
    with tap.case("a connection that says nothing after its handshake is closed with a good-bye"):
        connection = connect(candord)
        tap.equal(connection.recv(10), b"")
    with tap.case("more connections of one address than allowed are refused"):
        open_ones = [connect(candord) for _ in range(15)]
        try:
            connect(candord)
            raise AssertionError("one too many was let in")
        except OSError:
            pass
        assert counters(candord)["tls_refused"] >= 1
        for connection in open_ones:
            connection.close()
        candord.wait(lambda: counters(candord)["tls_open"] == 0)
    with tap.case("who asks for zones and does not read is cut off, others are served meanwhile"):
        greedy = connect(candord)
        for _ in range(20):
            greedy.sendall(question("z.test", "AXFR"))
        assert all(asks(candord) for _ in range(20))
        cut = counters(candord)["tls_closed_slow"]
        candord.wait(lambda: counters(candord)["tls_closed_slow"] > cut or cut >= 3)
        candord.wait(lambda: counters(candord)["tls_open"] == 0)
        greedy.close()
    with tap.case("a stop with connections open, and transfers that wait for another one, ends in time"):
        greedy = connect(candord)
        greedy.sendall(question("z.test", "AXFR") * 30)
        candord.wait_log("transfers-out transfers are under way")
        idle = [connect(candord) for _ in range(5)]
        began = time.monotonic()
        tap.equal(candord.stop(), 0)
        assert time.monotonic() - began < 8
        greedy.close()
        for connection in idle:
            connection.close()


def check_reload(box, candord):
    with tap.case("a reload reads the certificate anew; connections go on with the old one"):
        old = connect(candord, ca=os.path.join(candord.dir, "cert.pem"))
        fresh = canned.certificate(box.dir, days=30)
        show(candord, fresh)
        candord.reload()
        assert asks(candord, ca=fresh[0])
        old.sendall(question())
        tap.equal(ask.rcode(ask.tcp_receive(old)), "NOERROR")
        old.close()
    with tap.case("one that cannot be read is said, and the one in force stays"):
        candord.write("cert.pem", "no certificate")
        candord.reload()
        candord.wait_log("tls t: .*cert.pem: .*; the certificate in force stays")
        assert asks(candord, ca=fresh[0])
    with tap.case("candord -t says which file"):
        r = subprocess.run([servers.program(box.build, "candord"), "-t", "-c", candord.file], text=True, capture_output=True,
                           stdin=subprocess.DEVNULL, timeout=60)
        assert r.returncode == 1 and re.search(r"TLS cannot be served: .*cert\.pem: ", r.stdout), r
    with tap.case("at the start it is an error, and the log says which file"):
        server = servers.Candord(box, "broken", candord.fill(CONFIGURATION % {"tls": "", "options": ""}).replace(
            str(candord.port), "@PORT@").replace(str(candord.control), "@CONTROL@"))
        try:
            server.start()
            raise AssertionError("it started")
        except servers.NotReady:
            assert re.search(r"TLS cannot be served: .*cert.pem: ", server.log()), server.log()


def check_clients(box, certificate):
    mine, others = canned.certificate(box.dir, name="client.example"), canned.certificate(box.dir, name="other.example")
    with tap.case("with a ca-file clients must show a certificate that it vouches for, as with named"):
        results = []
        for kind in (servers.Candord, servers.Named):
            server = start(box, kind, certificate, tls='ca-file "%s";' % mine[0],
                           options="" if kind is servers.Candord else "session-keyfile none;")
            results.append([])
            for how in ({"mine": mine}, {"mine": others}, {}):
                try:
                    results[-1].append(asks(server, **how))
                except (OSError, TypeError, AttributeError):
                    results[-1].append(False)
            server.stop()
        tap.equal(results, [[True, False, False]] * 2)
    with tap.case("protocols { TLSv1.2; } speaks that alone; tls ephemeral makes its own certificate"):
        server = start(box, servers.Candord, certificate, tls="protocols { TLSv1.2; }; session-tickets no; "
                       "prefer-server-ciphers yes; ciphers \"ECDHE-ECDSA-AES256-GCM-SHA384\";")
        with connect(server) as connection:
            tap.equal(connection.cipher()[:2], ("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2"))
        server.stop()
        server = box.candord((CONFIGURATION % {"tls": "", "options": ""}).replace(" tls t {", " tls ephemeral {"), files=FILES)
        assert asks(server)
        server.stop()


def padded(server, tls, name="www.z.test", pad=True, **how):
    """The length of an answer."""
    options = [dns.edns.GenericOption(12, b"\0" * 8)] if pad else []
    wire = ask.make(name, options=options, rd=False, **how).to_wire()
    port = server.control if tls else server.port
    with socket.create_connection((server.address, port), timeout=20) as plain:
        with (context().wrap_socket(plain) if tls else plain) as s:
            ask.tcp_send(s, wire)
            return struct.unpack("!H", s.recv(2, 0 if tls else socket.MSG_WAITALL))[0]


def check_padding(box, certificate):
    with tap.case("who asks for padding over TLS gets answers of n * 468 bytes; over TCP, or who does not ask, none"):
        candord = start(box, servers.Candord, certificate)
        for name in ("www.z.test", "n1.z.test", "nowhere.z.test", "www.elsewhere.test"):
            tap.equal(padded(candord, True, name), 468, name)
            tap.equal(padded(candord, False, name) < 468, True, name)
            tap.equal(padded(candord, True, name, pad=False) < 468, True, name)
        candord.stop()
    with tap.case("response-padding: other lengths, and over TCP, as named"):
        lengths = []
        for kind in (servers.Named, servers.Candord):
            server = start(box, kind, certificate, options="response-padding { any; } block-size 300;")
            lengths.append([padded(server, tls, name) for tls in (True, False) for name in ("www.z.test", "n1.z.test")])
            server.stop()
        tap.equal(lengths[1], lengths[0])
        tap.equal(all(length % 300 == 0 for length in lengths[1]), True, lengths[1])


def check_policy(box, certificate):
    with tap.case("policy acts on what is asked over TLS"):
        server = box.candord("""options { listen-on port @PORT@ { 127.0.0.1; }; listen-on port @CONTROL@ tls ephemeral { 127.0.0.1; };
            listen-on-v6 { none; }; directory "@DIR@"; pid-file none; recursion yes; dnssec-validation no;
            response-policy { zone "rpz"; } qname-wait-recurse no; };
            zone "rpz" { type primary; file "rpz"; };""", files=FILES)
        with connect(server) as connection:
            connection.sendall(question("blocked.z.test"))
            tap.equal(ask.rcode(ask.tcp_receive(connection)), "NXDOMAIN")
        listening = server.ctl_json("status")["listening"]
        tap.equal([(at["port"], at.get("tls")) for at in listening], [(server.port, None), (server.control, "ephemeral")])
        server.stop()


def main():
    arguments = servers.arguments(__doc__)
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        certificate = canned.certificate(box.dir, alternative=True)
        candord = start(box, servers.Candord, certificate)
        named = start(box, servers.Named, certificate, options="session-keyfile none;")
        check_tools(candord, named)
        check_named_takes(box, candord)
        check_connections(candord)
        check_bad(candord)
        check_slow(box, certificate)
        check_clients(box, certificate)
        check_policy(box, certificate)
        check_padding(box, certificate)
        check_reload(box, candord)
    tap.finish()


main()
