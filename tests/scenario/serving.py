# SPDX-License-Identifier: GPL-3.0-or-later
"""How questions are taken and answers given, whatever they say: EDNS, cookies, truncation, TCP, other opcodes
and classes, access lists, malformed messages. Most expectations are put to Debian's named too: it is the proof
that they are BIND's."""
import os
import socket
import struct
import sys
import time

import dns.edns
import dns.message
import dns.rdatatype

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
acl us { 127.0.0.1; 127.0.0.2; 127.0.0.4; };
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 port @PORT@ { ::1; };
    directory "@DIR@"; pid-file none; empty-zones-enable no; dnssec-validation no;
    recursion yes; allow-query { us; ::1; }; allow-recursion { 127.0.0.1; ::1; };
    minimal-any yes; server-id "id-of-test"; hostname "host-of-test"; version "version-of-test";
    response-policy { zone "rpz.test"; };
};
zone "rpz.test" { type primary; file "rpz"; };
zone "example.test" { type primary; file "zone"; };
zone "secret.test" { type primary; file "zone"; allow-query { none; }; };
"""
ZONE = """$TTL 300
@ SOA ns host 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.53
www A 192.0.2.1
www AAAA 2001:db8::1
www TXT "text"
alias CNAME www
outside CNAME www.elsewhere.invalid.
sub NS ns.sub
ns.sub A 192.0.2.54
*.wild A 192.0.2.9
a.b.ent A 192.0.2.10
""" + "".join('big TXT "%02d-%s"\n' % (i, "x" * 120) for i in range(30))
RPZ = """$TTL 300
@ SOA localhost. host. 1 3600 600 86400 60
@ NS localhost.
blocked.example.test CNAME .
www.secret.test CNAME rpz-passthru.
drop.example.test CNAME rpz-drop.
tcp.example.test CNAME rpz-tcp-only.
"""

NSID, COOKIE, EDE = 3, 10, 15


def option(code, data=b""):
    return dns.edns.GenericOption(code, data)


def shape(message):
    """"NOERROR aa qr ra rd q1 a1 soa": rcode, flags, counts, whether a SOA is in the authority section."""
    if message is None:
        return "silence"
    if isinstance(message, bytes):
        message = dns.message.from_wire(message, ignore_trailing=True)
    words = [ask.rcode(message), *sorted(f.lower() for f in ask.flags(message)), "q%d" % len(message.question),
             "a%d" % len(ask.answers(message))]
    if ask.soa(message.authority):
        words.append("soa")
    return " ".join(words)


def header(wire):
    """"NOTIMP": the rcode of an answer that dnspython may not know the opcode of."""
    return "silence" if wire is None else {0: "NOERROR", 1: "FORMERR", 4: "NOTIMP", 5: "REFUSED", 9: "NOTAUTH"}.get(
        wire[3] & 15, str(wire[3] & 15))


def without_edns(name="www.example.test", qtype="A"):
    return bytearray(ask.make(name, qtype, edns=False).to_wire())


def with_bytes(changes, tail=b"", cut=0):
    """A plain question with some bytes of it changed."""
    wire = without_edns()
    for at, value in changes.items():
        wire[at] = value
    return bytes(wire[:len(wire) - cut]) + tail


def with_opcode(opcode):
    wire = without_edns("example.test", "SOA")
    wire[2] = (wire[2] & 0x87) | opcode << 3
    return bytes(wire)


def edns_version_1():
    message = ask.make("www.example.test")
    message.use_edns(1)
    return message.to_wire()


OPT = b"\0\0\x29\4\xd0\0\0\0\0"
A = "www.example.test"

# (what is tested, question, the answer's shape). The question is a function of the server.
ANSWERS = [
    ("a name of a zone we hold", lambda s: ask.ask(s, A), "NOERROR aa qr ra rd q1 a1"),
    ("the same without EDNS", lambda s: ask.ask(s, A, edns=False), "NOERROR aa qr ra rd q1 a1"),
    ("the same over TCP", lambda s: ask.ask(s, A, tcp=True), "NOERROR aa qr ra rd q1 a1"),
    ("RD is copied", lambda s: ask.ask(s, "nothing.example.test", rd=False), "NXDOMAIN aa qr ra q1 a0 soa"),
    ("CD is copied", lambda s: ask.ask(s, A, cd=True), "NOERROR aa cd qr ra rd q1 a1"),
    ("a name that does not exist", lambda s: ask.ask(s, "nothing.example.test"), "NXDOMAIN aa qr ra rd q1 a0 soa"),
    ("a type that does not exist", lambda s: ask.ask(s, A, "MX"), "NOERROR aa qr ra rd q1 a0 soa"),
    ("an empty non-terminal has no data", lambda s: ask.ask(s, "b.ent.example.test"), "NOERROR aa qr ra rd q1 a0 soa"),
    ("a type nobody knows", lambda s: ask.ask(s, A, "TYPE65280"), "NOERROR aa qr ra rd q1 a0 soa"),
    ("a wildcard", lambda s: ask.ask(s, "x.y.wild.example.test"), "NOERROR aa qr ra rd q1 a1"),
    ("an alias", lambda s: ask.ask(s, "alias.example.test"), "NOERROR aa qr ra rd q1 a2"),
    ("an alias asked for as such", lambda s: ask.ask(s, "alias.example.test", "CNAME"), "NOERROR aa qr ra rd q1 a1"),
    ("a delegation", lambda s: ask.ask(s, "x.sub.example.test", rd=False), "NOERROR qr ra q1 a0"),
    ("ANY over UDP is one RRset (RFC 8482)", lambda s: ask.ask(s, A, "ANY"), "NOERROR aa qr ra rd q1 a1"),
    ("ANY over TCP is everything", lambda s: ask.ask(s, A, "ANY", tcp=True), "NOERROR aa qr ra rd q1 a3"),
    ("DO of an unsigned zone", lambda s: ask.ask(s, A, do=True), "NOERROR aa qr ra rd q1 a1"),
    ("EDNS version 1 is BADVERS", lambda s: ask.raw(s, edns_version_1()), "BADVERS qr rd q1 a0"),
    ("an unknown EDNS option is ignored", lambda s: ask.ask(s, A, options=[option(65001, b"x")]),
     "NOERROR aa qr ra rd q1 a1"),
    ("a cookie of a wrong length is FORMERR", lambda s: ask.ask(s, A, options=[option(COOKIE, b"1234")]),
     "FORMERR qr rd q1 a0"),
    ("an answer over 1232 bytes is truncated", lambda s: ask.ask(s, "big.example.test", "TXT"),
     "NOERROR aa qr ra rd tc q1 a0"),
    ("also when the client offers 4096", lambda s: ask.ask(s, "big.example.test", "TXT", payload=4096),
     "NOERROR aa qr ra rd tc q1 a0"),
    ("over TCP it is whole", lambda s: ask.ask(s, "big.example.test", "TXT", tcp=True), "NOERROR aa qr ra rd q1 a30"),
    ("a zone with allow-query none is refused", lambda s: ask.ask(s, "mail.secret.test"), "REFUSED qr ra rd q1 a0"),
    ("also where a rule matches", lambda s: ask.ask(s, "www.secret.test"), "REFUSED qr ra rd q1 a0"),
    ("a listed name without RD is not policed", lambda s: ask.ask(s, "blocked.example.test", rd=False),
     "NXDOMAIN aa qr ra q1 a0 soa"),
    ("class HS is refused", lambda s: ask.ask(s, A, qclass="HS"), "REFUSED qr rd q1 a0"),
    ("class ANY is FORMERR", lambda s: ask.ask(s, A, qclass="ANY"), "FORMERR qr rd q1 a0"),
    ("type AXFR of a name inside a zone", lambda s: ask.ask(s, A, "AXFR"), "NOTAUTH qr ra rd q1 a0"),
    ("type OPT is FORMERR", lambda s: ask.ask(s, A, "OPT"), "FORMERR qr ra rd q1 a0"),
    ("type MAILB is not implemented", lambda s: ask.ask(s, A, "MAILB"), "NOTIMP qr ra rd q1 a0"),
    ("trailing bytes are ignored", lambda s: ask.raw(s, with_bytes({}, b"xx")), "NOERROR aa qr ra rd q1 a1"),
    ("TC in a question is ignored", lambda s: ask.raw(s, with_bytes({2: 3})), "NOERROR aa qr ra rd q1 a1"),
    ("Z and rcode in a question are ignored", lambda s: ask.raw(s, with_bytes({3: 0x4f})), "NOERROR aa qr ra rd q1 a1"),
    ("two questions are FORMERR", lambda s: ask.raw(s, with_bytes({5: 2}, without_edns()[12:])), "FORMERR qr rd q0 a0"),
    ("no question is FORMERR", lambda s: ask.raw(s, with_bytes({5: 0}, cut=len(without_edns()) - 12)),
     "FORMERR qr rd q0 a0"),
    ("two OPT records are FORMERR", lambda s: ask.raw(s, with_bytes({11: 2}, (OPT + b"\0\0") * 2)),
     "FORMERR qr rd q1 a0"),
    ("an OPT record with an owner is FORMERR", lambda s: ask.raw(s, with_bytes({11: 1}, b"\1a" + OPT + b"\0\0")),
     "FORMERR qr rd q1 a0"),
    ("an OPT record that is cut off is FORMERR", lambda s: ask.raw(s, with_bytes({11: 1}, OPT + b"\0\4\0\1")),
     "FORMERR qr rd q1 a0"),
    ("an EDNS option that runs over its record is FORMERR",
     lambda s: ask.raw(s, with_bytes({11: 1}, OPT + b"\0\4\0\1\0\x20")), "FORMERR qr rd q1 a0"),
]

# (what is tested, bytes that are sent, the answer's rcode or silence)
RAW = [
    ("a name that points to itself is FORMERR", with_bytes({}, b"\xc0\x0c\0\1\0\1", cut=len(without_edns()) - 12), "FORMERR"),
    ("an unknown label type is FORMERR", with_bytes({}, b"\x41a\0\0\1\0\1", cut=len(without_edns()) - 12), "FORMERR"),
    ("a question that is cut off is FORMERR", with_bytes({}, cut=3), "FORMERR"),
    ("a name of 256 bytes is FORMERR",
     with_bytes({}, (b"\x3f" + b"a" * 63) * 4 + b"\0\0\1\0\1", cut=len(without_edns()) - 12), "FORMERR"),
    ("an answer instead of a question is not answered", with_bytes({2: 0x81}), "silence"),
    ("eleven bytes are not answered", with_bytes({}, cut=len(without_edns()) - 11), "silence"),
    ("an empty datagram is not answered", b"", "silence"),
    ("opcode IQUERY is NOTIMP", with_opcode(1), "NOTIMP"),
    ("opcode STATUS is NOTIMP", with_opcode(2), "NOTIMP"),
    ("opcode 3 is NOTIMP", with_opcode(3), "NOTIMP"),
    ("opcode DSO is NOTIMP", with_opcode(6), "NOTIMP"),
    ("opcode 15 is NOTIMP", with_opcode(15), "NOTIMP"),
]

CHAOS = [
    ("version.bind", "TXT", "NOERROR", ['"version-of-test"']),
    ("hostname.bind", "TXT", "NOERROR", ['"host-of-test"']),
    ("id.server", "TXT", "NOERROR", ['"id-of-test"']),
    ("VERSION.bind", "TXT", "NOERROR", ['"version-of-test"']),
    ("version.bind", "A", "NOERROR", []),
    ("version.bind", "ANY", "NOERROR", ['"version-of-test"']),
    ("version.server", "TXT", "REFUSED", []),
    ("example.test", "TXT", "REFUSED", []),
]


def check_answers(server):
    for title, question, want in ANSWERS:
        with tap.case("%s: %s" % (server.name, title)):
            tap.equal(shape(question(server)), want)
    for title, wire, want in RAW:
        with tap.case("%s: %s" % (server.name, title)):
            tap.equal(header(ask.raw(server, wire, timeout=0.4 if want == "silence" else 5)), want)
    for name, qtype, rcode, data in CHAOS:
        with tap.case("%s: CH %s %s" % (server.name, qtype, name)):
            got = ask.ask(server, name, qtype, qclass="CH")
            tap.equal((ask.rcode(got), [r.to_text() for s in got.answer for r in s]), (rcode, data))


def has_ipv6():
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        try:
            s.bind(("::1", 0))
            return True
        except OSError:
            return False


def check_ipv6(server):
    with tap.case("%s: over IPv6, UDP and TCP" % server.name):
        if not has_ipv6():
            raise tap.Skip("this machine has no ::1")
        for tcp in (False, True):
            tap.equal(shape(ask.ask(server, A, address="::1", tcp=tcp)), "NOERROR aa qr ra rd q1 a1")


def check_edns(server):
    with tap.case("%s: NSID is given to who asks" % server.name):
        tap.equal(ask.options(ask.ask(server, A, options=[option(NSID)])).get(NSID), [b"id-of-test"])
        tap.equal(ask.options(ask.ask(server, A)).get(NSID), None)
    with tap.case("%s: who uses no EDNS gets none" % server.name):
        tap.equal(ask.ask(server, A, edns=False).edns, -1)
    with tap.case("%s: our UDP size is 1232" % server.name):
        tap.equal(ask.ask(server, A).payload, 1232)
    with tap.case("%s: a client's cookie is answered with ours" % server.name):
        ours = ask.options(ask.ask(server, A, options=[option(COOKIE, b"12345678")]))[COOKIE][0]
        tap.equal((ours[:8], len(ours)), (b"12345678", 24))
        again = ask.options(ask.ask(server, A, options=[option(COOKIE, ours)]))[COOKIE][0]
        tap.equal(again[:8], b"12345678")
        forged = ask.ask(server, A, options=[option(COOKIE, b"12345678" + b"x" * 16)])
        tap.equal(ask.rcode(forged), "NOERROR")
        assert ask.options(forged)[COOKIE][0][8:] != b"x" * 16, "a forged cookie came back"
    with tap.case("%s: a refused question is told why (EDE 18)" % server.name):
        tap.equal([code for code, _ in ask.ede(ask.ask(server, "mail.secret.test"))], [18])
    with tap.case("%s: without EDNS an answer keeps to 512 bytes" % server.name):
        wire = ask.raw(server, bytes(without_edns("big.example.test", "TXT")))
        assert len(wire) <= 512 and wire[2] & 2, (len(wire), wire[2])
    with tap.case("%s: with EDNS an answer keeps to 1232 bytes and to what is offered" % server.name):
        for payload, most in ((4096, 1232), (1232, 1232), (600, 600), (100, 512)):
            wire = ask.raw(server, ask.make("big.example.test", "TXT", payload=payload).to_wire())
            assert len(wire) <= most, (payload, len(wire))


def check_case(server):
    with tap.case("%s: the question keeps its letter case" % server.name):
        for name in ("wWw.EXAMPLE.test.", "bLocked.eXample.TEST.", "Nothing.EXAMPLE.test."):
            tap.equal(ask.ask(server, name).question[0].name.to_text(), name)


def check_policy_here(server):
    with tap.case("%s: rpz-drop is silence over UDP" % server.name):
        tap.equal(header(ask.raw(server, ask.make("drop.example.test").to_wire(), timeout=0.5)), "silence")
    with tap.case("%s: rpz-tcp-only sends to TCP" % server.name):
        got = ask.ask(server, "tcp.example.test")
        assert "TC" in ask.flags(got) and not got.answer
        assert "TC" not in ask.flags(ask.ask(server, "tcp.example.test", tcp=True))


def check_access(server):
    with tap.case("%s: who is not in allow-query gets REFUSED, whatever a rule says" % server.name):
        for name in (A, "blocked.example.test", "elsewhere.invalid"):
            tap.equal(ask.rcode(ask.ask(server, name, source="127.0.0.3")), "REFUSED", name)
    with tap.case("%s: who may query but not recurse gets our zones only, and no RA" % server.name):
        tap.equal(shape(ask.ask(server, A, source="127.0.0.2")), "NOERROR aa qr rd q1 a1")
        tap.equal(shape(ask.ask(server, "elsewhere.invalid", source="127.0.0.2")), "REFUSED qr rd q1 a0")
    with tap.case("%s: the same over TCP" % server.name):
        tap.equal(ask.rcode(ask.ask(server, "blocked.example.test", source="127.0.0.3", tcp=True)), "REFUSED")


def receive_all(connection, count):
    found = []
    for _ in range(count):
        message = ask.tcp_receive(connection)
        assert message, "the connection ended after %d answers" % len(found)
        found.append(message)
    return found


def check_tcp(server):
    with tap.case("%s: a hundred questions at once on one connection" % server.name):
        with ask.tcp_connect(server) as connection:
            questions = [ask.make(A if i % 2 else "big.example.test", "A" if i % 2 else "TXT") for i in range(100)]
            for i, question in enumerate(questions):
                question.id = 1000 + i
            ask.tcp_send(connection, *questions)
            got = receive_all(connection, 100)
        tap.equal(sorted(m.id for m in got), sorted(m.id for m in questions))
        by_id = {m.id: m for m in questions}
        assert all(m.question == by_id[m.id].question for m in got)
    with tap.case("%s: a question that comes byte by byte" % server.name):
        wire = ask.make(A).to_wire()
        with ask.tcp_connect(server) as connection:
            for byte in struct.pack("!H", len(wire)) + wire:
                connection.sendall(bytes([byte]))
            tap.equal(shape(ask.tcp_receive(connection)), "NOERROR aa qr ra rd q1 a1")
    with tap.case("%s: a client who half-closes still gets its answer" % server.name):
        with ask.tcp_connect(server) as connection:
            ask.tcp_send(connection, ask.make(A))
            connection.shutdown(socket.SHUT_WR)
            tap.equal(shape(ask.tcp_receive(connection)), "NOERROR aa qr ra rd q1 a1")
    with tap.case("%s: a message too short for a header gets no answer" % server.name):
        with ask.tcp_connect(server) as connection:
            connection.sendall(b"\0\5hello")
            question = ask.make(A)
            try:
                ask.tcp_send(connection, question)
                got = ask.tcp_receive(connection)
            except (ConnectionResetError, BrokenPipeError):
                got = None          # named ends the connection
            assert got is None or got.id == question.id, got


def check_slow_clients(candord):
    with tap.case("candord: a client that never reads does not hold up others"):
        with ask.tcp_connect(candord) as connection:
            connection.settimeout(0.5)
            question = ask.make("big.example.test", "TXT")
            try:
                for _ in range(4000):
                    ask.tcp_send(connection, question)
            except OSError:
                pass
            start = time.monotonic()
            tap.equal(ask.rcode(ask.ask(candord, A)), "NOERROR")
            tap.equal(ask.rcode(ask.ask(candord, A, tcp=True)), "NOERROR")
            assert time.monotonic() - start < 1
    with tap.case("candord: 200 idle connections do not keep a new one out"):
        idle = [ask.tcp_connect(candord) for _ in range(200)]
        try:
            tap.equal(ask.rcode(ask.ask(candord, A, tcp=True)), "NOERROR")
        finally:
            for connection in idle:
                connection.close()


def check_source_address(box):
    with tap.case("candord: with listen-on any the reply leaves from the address asked"):
        conf = CONFIGURATION.replace("port @PORT@ { 127.0.0.1; }", "port @PORT@ { any; }")
        conf = conf.replace("port @PORT@ { ::1; }", "port @PORT@ { any; }").replace("{ us; ::1; }", "{ any; }")
        candord = box.candord(conf, files={"rpz": RPZ, "zone": ZONE})
        for address in ("127.0.0.1", "127.0.0.7", "127.1.2.3") + (("::1",) if has_ipv6() else ()):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as s:
                s.settimeout(5)
                s.sendto(ask.make(A).to_wire(), (address, candord.port))
                tap.equal(s.recvfrom(4096)[1][0], address)
        candord.stop()


def main():
    a = servers.arguments(__doc__)
    files = {"rpz": RPZ, "zone": ZONE}
    with servers.Sandbox(a.build, a.keep) as box:
        for start in (box.named, box.candord):
            server = start(CONFIGURATION, files=files)
            check_answers(server)
            check_ipv6(server)
            check_edns(server)
            check_case(server)
            check_policy_here(server)
            check_access(server)
            check_tcp(server)
        candord = server
        with tap.case("candord: a rule's answer is nobody's authority"):
            tap.equal(shape(ask.ask(candord, "blocked.example.test")), "NXDOMAIN qr ra rd q1 a0")
        check_slow_clients(candord)
        check_source_address(box)
        with tap.case("candord: is still there"):
            assert candord.running()
    tap.finish()


main()
