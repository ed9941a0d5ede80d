# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones for others: AXFR and IXFR to dig, kdig, named, Unbound, PowerDNS, NSD and Knot, NOTIFY that makes them
come, who may and who may not, slow readers, readers that go away, and a million rules while questions are
answered."""
import os
import socket
import struct
import subprocess
import sys
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0IGtleSBvbmx5IGZvciBpdA=="
KEY = 'key "k" { algorithm hmac-sha256; secret "%s"; };\n' % SECRET
KEYRING = dns.tsigkeyring.from_text({"k": SECRET})
CONFIGURATION = KEY + """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion yes; dnssec-validation no; empty-zones-enable no; notify explicit; notify-delay 0; transfers-out 4;
    response-policy { zone "rpz.test"; };
};
zone "rpz.test" { type primary; file "rpz"; allow-query { none; }; allow-transfer { key k; 127.0.0.2; 127.0.0.1; };
    allow-update { key k; }; also-notify { %s }; };
zone "z.test" { type primary; file "zone"; ixfr-from-differences yes; allow-transfer { key k; !127.0.0.3; 127.0.0.0/8; }; };
zone "one.test" { type primary; file "zone"; };
zone "closed.test" { type primary; file "zone"; allow-transfer { none; }; };
"""
SOA = "$TTL 300\n@ SOA ns.out.test. host 10 3600 600 86400 60\n@ NS ns.out.test.\n"
ZONE = SOA + ("www A 192.0.2.1\nwww A 192.0.2.2\nWWW TXT \"one\" \"two\"\nalias CNAME Www\nmail MX 10 www\n*.wild AAAA ::1\n"
              "a.b.deep SRV 1 2 3 www\nsub NS ns.sub\nns.sub A 192.0.2.53\n")
RPZ = SOA + "blocked.z.test CNAME .\n*.blocked.z.test CNAME .\nlocal.z.test A 192.0.2.80\n8.0.0.0.10.rpz-ip CNAME .\n"
SIGNED = ["-y", "hmac-sha256:k:" + SECRET]


def run(*words, timeout=60):
    r = subprocess.run(words, text=True, capture_output=True, timeout=timeout, stdin=subprocess.DEVNULL)
    return r.stdout + r.stderr


def dig(server, *words, tool="dig"):
    """The records that a transfer brought, sorted, one spelling; or what dig says instead."""
    out = run(servers.tool(tool), "@" + server.address, "-p", str(server.port), "+tcp", *words)
    lines = [" ".join(line.split()) for line in out.split("\n") if line and not line.startswith(";")]
    return sorted(line for line in lines if " tsig " not in line.lower()) or out


def xfr(server, zone, rdtype="AXFR", serial=0, source=None, key=True, **how):
    return list(dns.query.xfr(server.address, zone, rdtype, port=server.port, serial=serial, relativize=False,
                              keyring=KEYRING if key else None, keyalgorithm=dns.tsig.HMAC_SHA256, source=source,
                              timeout=20, lifetime=120, **how))


def records(messages):
    return [(r.name, r.rdtype, d) for m in messages for r in m.answer for d in r]


def update(server, *changes):
    message = dns.update.Update("rpz.test")
    for verb, *words in changes:
        getattr(message, verb)(*words)
    message.use_tsig(KEYRING, algorithm=dns.tsig.HMAC_SHA256)
    tap.equal(ask.rcode(dns.query.tcp(message, server.address, timeout=20, port=server.port)), "NOERROR")


def check_tools(candord, named):
    for tool in "dig", "kdig":
        with tap.case("%s takes the same zones from candord and from named, with a key and without" % tool):
            for zone in "z.test", "rpz.test":
                for key in [], SIGNED:
                    ours, theirs = (dig(s, zone, "AXFR", *key, tool=tool) for s in (candord, named))
                    assert len(ours) > 5, ours
                    tap.equal([x.lower() for x in ours], [x.lower() for x in theirs])
    with tap.case("who is not in allow-transfer is refused; who is, also where allow-query is none"):
        assert "failed" in dig(candord, "closed.test", "AXFR"), dig(candord, "closed.test", "AXFR")
        assert "failed" in dig(candord, "closed.test", "AXFR", *SIGNED)
        assert "failed" in dig(candord, "z.test", "AXFR", "-b", "127.0.0.3")
        assert len(dig(candord, "z.test", "AXFR", "-b", "127.0.0.3", *SIGNED)) > 5
        assert "failed" in dig(candord, "rpz.test", "AXFR", "-b", "127.0.0.3")
        assert len(dig(candord, "rpz.test", "AXFR", "-b", "127.0.0.2")) > 5
    with tap.case("the SOA of a hidden zone is for those who may transfer it, and nothing else of it"):
        tap.equal(ask.rcode(ask.ask(candord, "rpz.test", "SOA")), "NOERROR")
        tap.equal(ask.rcode(ask.ask(candord, "rpz.test", "SOA", source="127.0.0.3")), "REFUSED")
        tap.equal(ask.rcode(ask.ask(candord, "rpz.test", "NS")), "REFUSED")
    with tap.case("AXFR of what is no zone, and over UDP"):
        tap.equal(ask.rcode(ask.ask(candord, "www.z.test", "AXFR", tcp=True)), "NOTAUTH")
        tap.equal(ask.rcode(ask.ask(candord, "z.test", "AXFR")), "FORMERR")


def ixfr_question(serial, payload=1232):
    question = dns.message.make_query("rpz.test", "IXFR", use_edns=0, payload=payload)
    question.authority.append(dns.rrset.from_text("rpz.test.", 0, "IN", "SOA", ". . %d 0 0 0 0" % serial))
    return question


def check_ixfr(candord):
    with tap.case("an IXFR from the serial in force gets the SOA alone, from a newer one too"):
        for serial in 10, 11:
            tap.equal([r[1] for r in records(xfr(candord, "rpz.test", "IXFR", serial))], [dns.rdatatype.SOA])
    with tap.case("over UDP as well; without an SOA it is FORMERR"):
        got = dns.query.udp(ixfr_question(10), candord.address, port=candord.port, timeout=5)
        tap.equal((ask.rcode(got), len(got.answer), len(got.answer[0])), ("NOERROR", 1, 1))
        tap.equal(ask.rcode(ask.ask(candord, "rpz.test", "IXFR")), "FORMERR")
    update(candord, ("add", "n1.test.rpz.test.", 60, "CNAME", "."), ("delete", "blocked.z.test.rpz.test."))
    update(candord, ("add", "n2.test.rpz.test.", 60, "CNAME", "."))
    with tap.case("an IXFR from two updates before brings both as changes"):
        got = records(xfr(candord, "rpz.test", "IXFR", 10))
        serials = [d.serial for _, t, d in got if t == dns.rdatatype.SOA]
        tap.equal(serials, [12, 10, 11, 11, 12, 12])
        names = [n.to_text() for n, t, _ in got if t != dns.rdatatype.SOA]
        tap.equal(names, ["blocked.z.test.rpz.test.", "n1.test.rpz.test.", "n2.test.rpz.test."])
    with tap.case("over UDP too when it fits, else the SOA alone"):
        got = dns.query.udp(ixfr_question(10), candord.address, port=candord.port, timeout=5, one_rr_per_rrset=True)
        tap.equal(sum(len(r) for r in got.answer), 9)
        for i in range(40):
            update(candord, ("add", "a-rather-long-name-%d.example.rpz.test." % i, 60, "CNAME", "."))
        got = dns.query.udp(ixfr_question(10, 512), candord.address, port=candord.port, timeout=5)
        tap.equal((len(got.answer), got.answer[0][0].serial), (1, 52))
    with tap.case("an IXFR from a serial that is not known gets the whole zone"):
        got = records(xfr(candord, "rpz.test", "IXFR", 3))
        assert got[1][1] != dns.rdatatype.SOA and got[-1][1] == dns.rdatatype.SOA
        tap.equal(len(got), len(records(xfr(candord, "rpz.test"))))


RATIO = KEY + """
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; recursion no;
    notify no; max-ixfr-ratio %s; %s };
zone "rpz.test" { type primary; file "rpz"; allow-update { key k; }; allow-transfer { key k; }; };
"""


def is_incremental(server, serial):
    got = records(xfr(server, "rpz.test", "IXFR", serial))
    return got[1][1] == dns.rdatatype.SOA


def check_ratio(box):
    """Far from the limit on either side: named counts bytes, candord records."""
    many = SOA + "".join("n%d.example CNAME .\n" % i for i in range(200))
    for ratio, expected in (("20%", [True, False]), ("unlimited", [True, True]), ("1000%", [True, True])):
        with tap.case("max-ixfr-ratio %s: one change in 200 and 150, sent as named sends them" % ratio):
            forms = []
            for start, own in ((box.candord, ""), (box.named, "session-keyfile none;")):
                server = start(RATIO % (ratio, own), files={"rpz": many})
                update(server, ("add", "more.rpz.test.", 300, "TXT", "one"))
                form = [is_incremental(server, 10)]
                update(server, *[("add", "more%d.rpz.test." % i, 300, "TXT", "many") for i in range(150)])
                forms.append(form + [is_incremental(server, 10)])
                server.stop()
            tap.equal(forms, [expected] * 2)


def check_reload(candord):
    with tap.case("a changed zone file is an IXFR, too"):
        candord.write("zone", ZONE.replace("host 10", "host 11").replace("mail MX 10 www\n", "new A 192.0.2.4\n"))
        candord.reload()
        got = records(xfr(candord, "z.test", "IXFR", 10))
        tap.equal([(n.to_text(), dns.rdatatype.to_text(t)) for n, t, _ in got],
                  [("z.test.", "SOA"), ("z.test.", "SOA"), ("mail.z.test.", "MX"), ("z.test.", "SOA"),
                   ("new.z.test.", "A"), ("z.test.", "SOA")])


def check_connection(candord):
    with tap.case("two transfers and a question on one connection, all signed, are all answered"):
        s = ask.tcp_connect(candord)
        questions = [dns.message.make_query("rpz.test", "AXFR"), dns.message.make_query("z.test", "AXFR"),
                     dns.message.make_query("www.z.test", "A")]
        ask.tcp_send(s, *questions)
        done, want = {}, {q.id for q in questions}
        while any(not done.get(i) for i in want):
            got = ask.tcp_receive(s)
            soas = sum(len(r) for r in got.answer if r.rdtype == dns.rdatatype.SOA)
            done[got.id] = done.get(got.id, 0) + (2 if got.question and got.question[0].rdtype == 1 else soas)
            done[got.id] = done[got.id] if done[got.id] < 3 else 3
        s.close()
    with tap.case("more transfers than transfers-out at once are SERVFAIL; afterwards there is room again"):
        holders = [start_slow(candord, "big.test") for _ in range(4)] if candord.big else []
        if holders:
            tap.equal(ask.rcode(ask.ask(candord, "z.test", "AXFR", tcp=True)), "SERVFAIL")
        for s in holders:
            s.close()
        end = time.monotonic() + 10
        while ask.rcode(ask.ask(candord, "z.test", "AXFR", tcp=True)) != "NOERROR" and time.monotonic() < end:
            pass
        tap.equal(ask.rcode(ask.ask(candord, "z.test", "AXFR", tcp=True)), "NOERROR")


def start_slow(candord, zone):
    """A connection that has asked for a transfer and reads only the first bytes of it."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(20)
    s.connect((candord.address, candord.port))
    ask.tcp_send(s, dns.message.make_query(zone, "AXFR"))
    s.recv(2)
    return s


# --- secondaries of other makes ---

def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise AssertionError("not within %d s" % seconds)
        time.sleep(0.05)


def blocked(server, name):
    try:
        got = ask.ask(server, name, timeout=2)
    except ask.Timeout:
        return False
    return ask.rcode(got) == "NXDOMAIN"


def serial_of(server, zone="rpz.test"):
    try:
        got = ask.ask(server, zone, "SOA", rd=False, timeout=2)
        return got.answer[0][0].serial if got.answer else None
    except (ask.Timeout, OSError):
        return None


class Program(servers.Server):
    def __init__(self, box, name, file, conf, command):
        super().__init__(box, name)
        self.path = self.write(file, conf)
        self.command = [w.replace("@CONF@", self.path).replace("@DIR@", self.dir) for w in command]


def secondaries(box):
    """Programs that will take rpz.test from a server that is not there yet: {name: (server, configuration)}."""
    return {
        "named": Program(box, "named-secondary", "named.conf", "", [box.copy_of("named"), "-g", "-c", "@CONF@"]),
        "nsd": Program(box, "nsd-secondary", "nsd.conf", "", [servers.tool("nsd"), "-d", "-c", "@CONF@"]),
        "knot": Program(box, "knot", "knot.conf", "", [servers.tool("knotd"), "-c", "@CONF@"]),
        "unbound": Program(box, "unbound-secondary", "unbound.conf", "",
                           [box.copy_of("unbound"), "-d", "-p", "-c", "@CONF@"]),
        "pdns": Program(box, "pdns", "recursor.conf", "", [servers.tool("pdns_recursor"), "--config-dir=@DIR@"]),
    }


CONFS = {
    "named": ("named.conf", KEY + """
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion yes; dnssec-validation no; };
zone "rpz.test" { type secondary; primaries { 127.0.0.1 port @PRIMARY@ key k; }; file "copy"; };
controls { };
"""),
    "nsd": ("nsd.conf", """
server:
  ip-address: 127.0.0.1@@PORT@
  server-count: 1
  username: ""
  zonesdir: "@DIR@"
  database: ""
  pidfile: "@DIR@/pid"
  xfrdfile: ""
  xfrdir: "@DIR@"
  zonelistfile: "@DIR@/list"
remote-control:
  control-enable: no
key:
  name: k
  algorithm: hmac-sha256
  secret: "%s"
zone:
  name: rpz.test
  zonefile: copy
  request-xfr: 127.0.0.1@@PRIMARY@ k
  allow-notify: 127.0.0.1 NOKEY
  allow-notify: 127.0.0.1 k
""" % SECRET),
    "knot": ("knot.conf", """
server:
  listen: 127.0.0.1@@PORT@
  rundir: "@DIR@"
database:
  storage: "@DIR@"
log:
  - target: stderr
    any: info
key:
  - id: k
    algorithm: hmac-sha256
    secret: %s
remote:
  - id: primary
    address: 127.0.0.1@@PRIMARY@
    key: k
acl:
  - id: notify
    address: 127.0.0.1
    action: notify
  - id: signed
    key: k
    action: notify
zone:
  - domain: rpz.test
    storage: "@DIR@"
    master: primary
    acl: [ notify, signed ]
""" % SECRET),
    "unbound": ("unbound.conf", """
server:
  interface: 127.0.0.1@@PORT@
  directory: "@DIR@"
  chroot: ""
  username: ""
  pidfile: ""
  do-daemonize: no
  use-syslog: no
  do-not-query-localhost: no
  module-config: "respip iterator"
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@@PRIMARY@
rpz:
  name: rpz.test
  primary: 127.0.0.1@@PRIMARY@
  allow-notify: 127.0.0.1
  zonefile: "copy"
"""),
}


def start_secondaries(found, primary):
    for name, server in found.items():
        if name == "pdns":
            server.write("recursor.conf", "local-address=127.0.0.1\nlocal-port=@PORT@\nsocket-dir=@DIR@\ndaemon=no\n"
                         "lua-config-file=@DIR@/rpz.lua\nforward-zones-recurse=.=127.0.0.1:%d\nsecurity-poll-suffix=\n"
                         "dnssec=off\nwrite-pid=no\n" % primary.port)
            server.write("rpz.lua", "rpzPrimary(\"127.0.0.1:%d\", \"rpz.test\", {refresh=1, tsigname=\"k\", "
                         "tsigalgo=\"hmac-sha256\", tsigsecret=\"%s\"})\n" % (primary.port, SECRET))
        else:
            file, conf = CONFS[name]
            server.write(file, conf.replace("@PRIMARY@", str(primary.port)))
        server.spawn()


def has_rule(name, server, rule):
    if name in ("unbound", "pdns"):
        return blocked(server, rule)
    got = ask.ask(server, rule + ".rpz.test", "CNAME", rd=False, timeout=2)
    return bool(got.answer)


def check_secondaries(candord, found):
    update(candord, ("add", "first.z.test.rpz.test.", 60, "CNAME", "."))
    for name, server in found.items():
        with tap.case("%s takes the zone from us" % name):
            wait_for(lambda: safe(has_rule, name, server, "first.z.test"))
    ours, since = len(candord.log()), {name: len(server.log()) for name, server in found.items()}
    update(candord, ("add", "second.z.test.rpz.test.", 60, "CNAME", "."))
    for name, server in found.items():
        with tap.case("a change is there as well, %s" % ("at the next refresh" if name == "pdns" else "by our NOTIFY")):
            wait_for(lambda: safe(has_rule, name, server, "second.z.test"), 10)
    with tap.case("named took the change as IXFR"):
        found["named"].wait_log(r"transfer of 'rpz.test/IN' from .*: Transfer completed", 10, since["named"])
        candord.wait_log(": IXFR ended: 1 messages, 5 records", 10, ours)
        copies = [sorted(x.lower() for x in dig(s, "rpz.test", "AXFR", *SIGNED)) for s in (candord, found["named"])]
        tap.equal(copies[0], copies[1])


def safe(what, *words):
    try:
        return what(*words)
    except (ask.Timeout, OSError):
        return False


# --- NOTIFY ---

def check_notify(box):
    sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sink.bind(("127.0.0.1", 0))
    sink.settimeout(15)
    conf = CONFIGURATION % ("127.0.0.1 port %d key k;" % sink.getsockname()[1])
    candord = box.candord(conf, files={"rpz": RPZ, "zone": ZONE})
    with tap.case("at the start a NOTIFY goes out, signed, with the SOA"):
        wire, peer = sink.recvfrom(4096)
        first = dns.message.from_wire(wire, keyring=KEYRING)
        assert first.opcode() == dns.opcode.NOTIFY and first.flags & dns.flags.AA and first.had_tsig
        tap.equal(first.answer[0][0].serial, 10)
    with tap.case("it comes again while it is not answered, and no more after the answer"):
        began = time.monotonic()
        wire, peer = sink.recvfrom(4096)
        assert 2 < time.monotonic() - began < 8
        again = dns.message.from_wire(wire, keyring=KEYRING)
        answer = dns.message.make_response(again)
        answer.use_tsig(KEYRING, keyname=again.keyname, algorithm=dns.tsig.HMAC_SHA256)
        answer.request_mac = again.mac
        sink.sendto(answer.to_wire(), peer)
        sink.settimeout(8)
        try:
            sink.recvfrom(4096)
            raise AssertionError("another NOTIFY")
        except socket.timeout:
            pass
    with tap.case("each update is told, the newest serial last"):
        sink.settimeout(5)
        for i in range(30):
            update(candord, ("add", "n%d.test.rpz.test." % i, 60, "CNAME", "."))
        serial = 0
        while serial < 40:
            got = dns.message.from_wire(sink.recvfrom(4096)[0], keyring=KEYRING)
            assert got.answer[0][0].serial > serial
            serial = got.answer[0][0].serial
    candord.stop()


def check_notify_servers(box):
    with tap.case("a server of the NS records is told at its address in the zone, the SOA's primary is not"):
        net = servers.free_net()
        sinks = {}
        for name in "ns1", "ns2":
            sinks[name] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sinks[name].bind(("%s.0.%s" % (net, name[-1]), 53))
        zone = ("$TTL 300\n@ SOA ns1 host 7 3600 600 86400 60\n@ NS ns1\n@ NS ns2\nns1 A %s.0.1\nns2 A %s.0.2\n"
                % (net, net))
        candord = box.candord("""options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; };
            directory "@DIR@"; pid-file none; recursion no; }; zone "told.test" { type primary; file "zone"; };""",
                              files={"zone": zone})
        sinks["ns2"].settimeout(10)
        got = dns.message.from_wire(sinks["ns2"].recvfrom(4096)[0])
        tap.equal((got.opcode(), got.question[0].name.to_text(), got.answer[0][0].serial), (4, "told.test.", 7))
        sinks["ns1"].settimeout(0.5)
        try:
            sinks["ns1"].recvfrom(4096)
            raise AssertionError("the SOA's primary was told")
        except socket.timeout:
            pass
        candord.stop()


# --- size ---

def big_zone(count):
    return SOA + "".join("n%d.example.com CNAME .\n*.n%d.example.com CNAME .\n" % (i, i) for i in range(count // 2))


def ask_on(candord, gaps, going):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect((candord.address, candord.port))
        wire = dns.message.make_query("www.z.test", "A").to_wire()
        while going.is_set():
            began = time.monotonic()
            s.send(wire)
            s.recv(4096)
            gaps.append(time.monotonic() - began)
            time.sleep(0.001)


def drain(candord, zone):
    """Takes a whole transfer; (records, bytes, seconds)."""
    began, total, count, soas = time.monotonic(), 0, 0, 0
    with socket.create_connection((candord.address, candord.port), timeout=60) as s:
        ask.tcp_send(s, dns.message.make_query(zone, "AXFR"))
        stream, last = s.makefile("rb", 1 << 20), b""
        while True:
            length = struct.unpack("!H", stream.read(2))[0]
            last = stream.read(length)
            total, count = total + length, count + struct.unpack_from("!H", last, 6)[0]
            soas += sum(r.rdtype == dns.rdatatype.SOA for r in dns.message.from_wire(last).answer) \
                if total == length or length < 20000 or count > 999000 else 0
            if soas >= 2:
                return count, total, time.monotonic() - began


def check_size(candord, rules):
    with tap.case("%d rules go out whole, and questions are answered meanwhile" % rules):
        gaps, going = [], threading.Event()
        going.set()
        asker = threading.Thread(target=ask_on, args=(candord, gaps, going))
        asker.start()
        count, size, seconds = drain(candord, "big.test")
        going.clear()
        asker.join()
        tap.comment("%d records, %d bytes, %.1f s; %d questions meanwhile, slowest %.1f ms, mean %.2f ms"
                    % (count, size, seconds, len(gaps), 1000 * max(gaps), 1000 * sum(gaps) / len(gaps)))
        tap.equal(count, rules + 3)
        assert max(gaps) < 0.5, "a question waited %.3f s" % max(gaps)
    with tap.case("slow readers cost one buffer each; readers that go away cost nothing"):
        before = candord.rss_bytes()
        slow = [start_slow(candord, "big.test") for _ in range(4)]
        ask.ask(candord, "www.z.test")
        grown = candord.rss_bytes() - before
        assert grown < 8 << 20, "%d bytes more" % grown
        since = len(candord.log())
        for s in slow:
            s.close()
        candord.wait_log(r"(?s)(AXFR broken off.*){4}", 20, since)
        tap.equal(ask.rcode(ask.ask(candord, "www.z.test")), "NOERROR")


def main():
    arguments = servers.arguments(__doc__)
    rules = 1000000 if arguments.long else 100000
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        found = secondaries(box)
        notified = " ".join("127.0.0.1 port %d%s;" % (s.port, "" if n == "unbound" else " key k")
                            for n, s in found.items() if n != "pdns")
        conf = CONFIGURATION % notified + 'zone "big.test" { type primary; file "big"; };\n'
        conf = conf.replace('zone "rpz.test"; };', 'zone "rpz.test"; zone "big.test" policy disabled; };')
        files = {"rpz": RPZ, "zone": ZONE, "big": big_zone(rules)}
        candord = box.candord(conf, files=files)
        candord.big = True
        named = box.named(CONFIGURATION % "", files={"rpz": RPZ, "zone": ZONE})
        check_tools(candord, named)
        check_ixfr(candord)
        check_reload(candord)
        check_ratio(box)
        check_connection(candord)
        start_secondaries(found, candord)
        check_secondaries(candord, found)
        check_size(candord, rules)
        check_notify(box)
        check_notify_servers(box)
    tap.finish()


main()
