# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynamic updates (RFC 2136) with nsupdate and by generated messages, candord and named side by side: the same
codes, the same zone afterwards. Signatures (RFC 8945) of those who ask. A policy zone takes rules and acts."""
import os
import random
import struct
import subprocess
import sys
import time

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.update
import dns.zone

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

SECRET = "c2VjcmV0IG9mIHRoZSB0ZXN0IGtleSBvbmx5IGZvciBpdA=="
OTHER = "YW5vdGhlciBzZWNyZXQgdGhhdCBub2JvZHkgaGFzIGhlcmU="
KEYS = "".join('key "%s" { algorithm hmac-sha256; secret "%s"; };\n' % (k, SECRET) for k in ("k", "few", "other"))
CONFIGURATION = KEYS + """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion yes; dnssec-validation no; notify no;
    response-policy { zone "rpz.test"; }; %s
    allow-transfer { key k; };
};
zone "z.test" { type primary; file "zone"; allow-update { key k; }; };
zone "ruled.test" { type primary; file "zone"; update-policy {
    deny few name fixed.ruled.test.; grant few subdomain sub.ruled.test. TXT A; grant k zonesub ANY; }; };
zone "closed.test" { type primary; file "zone"; };
zone "rpz.test" { type primary; file "rpz"; allow-update { key k; }; allow-query { none; }; };
"""
ZONE = ("$TTL 300\n@ SOA ns host 10 3600 600 86400 60\n@ NS ns.out.test.\nns A 192.0.2.53\nwww A 192.0.2.1\nwww A 192.0.2.2\n"
        "www TXT \"one\"\nalias CNAME www\nfixed A 192.0.2.7\nmail MX 10 www\n*.wild A 192.0.2.9\na.b.deep A 192.0.2.8\n")
RPZ = "$TTL 300\n@ SOA localhost. host. 1 3600 600 86400 60\n@ NS localhost.\nblocked.z.test CNAME .\n"
FILES = {"zone": ZONE, "rpz": RPZ}


def keyring(name="k", secret=SECRET):
    return dns.tsigkeyring.from_text({name: secret})


def send(server, message, name="k", secret=SECRET, tcp=False):
    if name:
        message.use_tsig(keyring(name, secret), algorithm=dns.tsig.HMAC_SHA256)
    how = dns.query.tcp if tcp else dns.query.udp
    return how(message, server.address, timeout=10, port=server.port)


def transfer(server, zone, name="k"):
    """The zone as text lines without its SOA, and its serial."""
    keys = keyring(name) if name else None
    messages = dns.query.xfr(server.address, zone, port=server.port, keyring=keys, relativize=False, timeout=20,
                             lifetime=60, keyalgorithm=dns.tsig.HMAC_SHA256)
    got = dns.zone.from_xfr(messages, relativize=False, check_origin=False)
    lines = sorted("%s %d %s %s" % (n.to_text().lower(), ttl, dns.rdatatype.to_text(r.rdtype), r.to_text().lower())
                   for n, ttl, r in got.iterate_rdatas() if r.rdtype != dns.rdatatype.SOA)
    return lines, got.get_rdataset(dns.name.from_text(zone), "SOA")[0].serial


def nsupdate(server, script, key="k", secret=SECRET):
    """(exit status, output)"""
    words = [servers.tool("nsupdate")] + (["-y", "hmac-sha256:%s:%s" % (key, secret)] if key else [])
    r = subprocess.run(words, input="server %s %d\n%s\nsend\n" % (server.address, server.port, script), text=True,
                       capture_output=True, timeout=60)
    return r.returncode, r.stdout + r.stderr


def check_nsupdate(pair):
    scripts = [
        "zone z.test\nupdate add new.z.test 60 A 192.0.2.40",
        "zone z.test\nprereq nxdomain new.z.test\nupdate add new.z.test 60 A 192.0.2.41",
        "zone z.test\nprereq yxdomain new.z.test\nupdate add new.z.test 60 A 192.0.2.41",
        "zone z.test\nprereq yxrrset www.z.test A 192.0.2.1\nupdate delete www.z.test A",
        "zone z.test\nprereq yxrrset www.z.test A 192.0.2.1\nprereq yxrrset www.z.test A 192.0.2.2\n"
        "update delete www.z.test A 192.0.2.2",
        "zone z.test\nprereq nxrrset mail.z.test MX\nupdate delete mail.z.test",
        "zone z.test\nupdate add alias.z.test 60 A 192.0.2.1",
        "zone z.test\nupdate add x.elsewhere.test 60 A 192.0.2.1",
        "zone closed.test\nupdate add x.closed.test 60 A 192.0.2.1",
        "zone nosuch.test\nupdate add x.nosuch.test 60 A 192.0.2.1",
        "zone ruled.test\nupdate add x.ruled.test 60 MX 1 a.",
    ]
    for script in scripts:
        with tap.case("nsupdate ends as with named: %s" % script.replace("\n", "; ")):
            tap.equal(nsupdate(pair[0], script), nsupdate(pair[1], script))
    with tap.case("without or with a wrong key nsupdate is refused as by named"):
        script = "zone z.test\nupdate add evil.z.test 60 A 192.0.2.66"
        for key, secret in ((None, None), ("k", OTHER), ("nobody", OTHER), ("few", SECRET)):
            tap.equal(nsupdate(pair[0], script, key, secret), nsupdate(pair[1], script, key, secret))
    with tap.case("the zones are the same afterwards"):
        for zone in ("z.test", "ruled.test", "closed.test"):
            tap.equal(transfer(pair[0], zone), transfer(pair[1], zone))


def check_rules(pair):
    cases = [("sub.ruled.test", "A", True), ("x.sub.ruled.test", "TXT", True), ("x.sub.ruled.test", "MX", False),
             ("fixed.ruled.test", "A", False), ("y.ruled.test", "A", False)]
    data = {"A": "192.0.2.1", "TXT": '"t"', "MX": "1 a."}
    for name, rdtype, allowed in cases:
        with tap.case("update-policy %s %s of %s" % ("grants" if allowed else "denies", rdtype, name)):
            codes = []
            for server in pair:
                message = dns.update.Update("ruled.test")
                message.add(name + ".", 60, rdtype, data[rdtype])
                codes.append(ask.rcode(send(server, message, "few")))
            tap.equal(codes, ["NOERROR" if allowed else "REFUSED"] * 2)


NAMES = ["z.test.", "www.z.test.", "alias.z.test.", "n1.z.test.", "N2.z.test.", "*.wild.z.test.", "deep.z.test.",
         "b.deep.z.test.", "ns.z.test.", "out.other.test."]
DATA = {"A": ["192.0.2.1", "192.0.2.2", "192.0.2.3"], "TXT": ['"one"', '"two"', '"One"'],
        "CNAME": ["www.z.test.", "WWW.z.test.", "n1.z.test."], "NS": ["ns.out.test.", "ns2.out.test."],
        "MX": ["10 www.z.test.", "10 WWW.z.test.", "20 n1.z.test."], "AAAA": ["2001:db8::1"],
        "SRV": ["1 2 3 www.z.test."], "DNAME": ["other.test."]}


def some_data(rng, name):
    """A type and data for it. NS at a wildcard is REFUSED here and taken by named."""
    rdtype = rng.choice([t for t in DATA if t != "NS" or name[0] != "*"])
    return rdtype, rng.choice(DATA[rdtype])


def random_update(rng, serial):
    message = dns.update.Update("z.test")
    for _ in range(rng.randrange(3)):
        name, rdtype = rng.choice(NAMES[:-1]), rng.choice(list(DATA))
        kind = rng.randrange(5)
        if kind == 0:
            message.present(name)
        elif kind == 1:
            message.absent(name)
        elif kind == 2:
            message.present(name, rdtype)
        elif kind == 3:
            message.absent(name, rdtype)
        else:
            message.present(name, rdtype, *rng.sample(DATA[rdtype], 1))
    for _ in range(rng.randrange(1, 6)):
        name = rng.choice(NAMES[:-1] if rng.random() < 0.97 else NAMES)
        rdtype, data = some_data(rng, name)
        kind = rng.randrange(10)
        if kind < 5:
            message.add(name, rng.choice([60, 300]), rdtype, data)
        elif kind < 6:
            message.delete(name)
        elif kind < 7:
            message.delete(name, rdtype)
        elif kind < 9:
            message.delete(name, rdtype, data)
        else:
            message.add(rng.choice(NAMES[:2]), 300, "SOA",
                        "ns.z.test. host.z.test. %d 1 2 3 4" % (serial + rng.choice([-1, 0, 5])))
    return message


def check_random(pair, rounds, seed):
    tap.comment("seed %d" % seed)
    with tap.case("%d random updates: the same codes and the same zone as named at each step" % rounds):
        rng, serial = random.Random(seed), 20
        for step in range(rounds):
            message = random_update(rng, serial)
            text = message.to_text()
            codes = [ask.rcode(send(s, dns.message.from_wire(message.to_wire()))) for s in pair]
            assert codes[0] == codes[1], "step %d: %r\n%s" % (step, codes, text)
            ours, theirs = transfer(pair[0], "z.test"), transfer(pair[1], "z.test")
            if ours != theirs:
                raise AssertionError("step %d: %s\nonly ours: %r\nonly theirs: %r\nserials %d %d\n%s" % (
                    step, codes[0], sorted(set(ours[0]) - set(theirs[0])), sorted(set(theirs[0]) - set(ours[0])),
                    ours[1], theirs[1], text))
            serial = ours[1]


def blocked(server, name):
    got = ask.ask(server, name)
    return ask.rcode(got) == "NXDOMAIN" and ask.soa(got.additional) == "rpz.test."


def check_policy(candord):
    with tap.case("a rule that nsupdate adds acts at once, and no longer once it is deleted"):
        assert not blocked(candord, "www.z.test") and blocked(candord, "blocked.z.test")
        for _ in range(20):
            tap.equal(nsupdate(candord, "zone rpz.test\nupdate add www.z.test.rpz.test 60 CNAME .")[0], 0)
            assert blocked(candord, "www.z.test")
            tap.equal(nsupdate(candord, "zone rpz.test\nupdate delete www.z.test.rpz.test")[0], 0)
            assert not blocked(candord, "www.z.test")
    with tap.case("1,000 rules in one message are in force when it is answered"):
        message = dns.update.Update("rpz.test")
        for i in range(1000):
            message.add("n%d.z.test.rpz.test." % i, 60, "CNAME", ".")
        tap.equal(ask.rcode(send(candord, message, tcp=True)), "NOERROR")
        assert all(blocked(candord, "n%d.z.test" % i) for i in range(0, 1000, 37)) and blocked(candord, "n999.z.test")
    with tap.case("allow-query { none; } hides the zone, transfers and updates go on"):
        tap.equal(ask.rcode(ask.ask(candord, "rpz.test", "SOA")), "REFUSED")
        tap.equal(ask.rcode(ask.ask(candord, "n1.z.test.rpz.test", "CNAME")), "REFUSED")
        tap.equal(len(transfer(candord, "rpz.test")[0]), 1002)
    with tap.case("a thousand updates one after the other are all there"):
        for i in range(1000):
            message = dns.update.Update("rpz.test")
            message.add("m%d.z.test.rpz.test." % i, 60, "CNAME", ".")
            tap.equal(ask.rcode(send(candord, message)), "NOERROR")
        lines, serial = transfer(candord, "rpz.test")
        tap.equal((len(lines), serial), (2002, 1042))


def check_signatures(pair):
    query = dns.message.make_query("www.z.test", "A")
    with tap.case("a signed question gets a signed answer"):
        for server in pair:
            got = send(server, dns.message.from_wire(query.to_wire()))
            assert got.had_tsig and ask.rcode(got) == "NOERROR", got
    with tap.case("a wrong secret: NOTAUTH with BADSIG; an unknown key: BADKEY; an old time: BADTIME, signed"):
        for name, secret, time_offset, error in (("k", OTHER, 0, 16), ("nobody", OTHER, 0, 17), ("k", SECRET, -4000, 18)):
            answers = []
            for server in pair:
                message = dns.message.from_wire(query.to_wire())
                wire = signed(message, name, secret, time_offset)
                answers.append(signature(ask.raw(server, wire)))
            tap.equal(answers[0], answers[1], name)
            tap.equal(answers[0][:2], (dns.rcode.NOTAUTH, error))


VIEWS = KEYS + """
options { listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion no; notify no; };
view "keyed" { match-clients { key k; }; zone "z.test" { type primary; file "keyed"; allow-query { any; }; }; };
view "rest" { match-clients { any; };
    zone "z.test" { type primary; file "zone"; };
    zone "open.test" { type primary; file "zone2"; allow-query { key few; }; };
    zone "copy.test" { type secondary; primaries { 127.0.0.1 port 9; }; allow-update-forwarding { none; }; }; };
"""


def check_lists(box):
    pair = [start(VIEWS, files={"keyed": ZONE.replace("192.0.2.1\n", "192.0.2.111\n", 1), "zone": ZONE, "zone2": ZONE})
            for start in (box.candord, box.named)]
    cases = [("z.test", None), ("z.test", "k"), ("z.test", "few"), ("open.test", None), ("open.test", "few"),
             ("open.test", "other")]
    for zone, key in cases:
        with tap.case("a key chooses the view and opens allow-query as with named: %s, key %s" % (zone, key)):
            answers = [send(s, dns.message.make_query("www." + zone, "A"), key) for s in pair]
            tap.equal(*[(ask.rcode(a), sorted(d.to_text() for r in a.answer for d in r)) for a in answers])
    with tap.case("an update of a secondary zone is refused as by named"):
        message = dns.update.Update("copy.test")
        message.add("x.copy.test.", 60, "A", "192.0.2.1")
        tap.equal([ask.rcode(send(s, dns.message.from_wire(message.to_wire()), None)) for s in pair], ["REFUSED"] * 2)


def signature(wire):
    """(rcode, the TSIG's error, is it signed?, are the ids equal?, length of "other")"""
    at = wire.rindex(b"\0\xfa\0\xff\0\0\0\0") + 10
    at += dns.name.from_wire(wire, at)[1] + 8
    mac = struct.unpack_from("!H", wire, at)[0]
    original, error, other = struct.unpack_from("!HHH", wire, at + 2 + mac)
    return wire[3] & 15, error, mac > 0, original == struct.unpack_from("!H", wire)[0], other


def check_kill(candord):
    with tap.case("after kill -9 every update that was answered is in force"):
        candord.kill()
        candord.start()
        assert blocked(candord, "n999.z.test") and blocked(candord, "m999.z.test")
        lines, serial = transfer(candord, "rpz.test")
        tap.equal((len(lines), serial), (2002, 1042))


def signed(message, name, secret, time_offset):
    real = time.time
    time.time = lambda: real() + time_offset
    try:
        message.use_tsig(keyring(name, secret), algorithm=dns.tsig.HMAC_SHA256)
        return message.to_wire()
    finally:
        time.time = real


def main():
    def more(parser):
        parser.add_argument("--rounds", type=int, default=200)
        parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = servers.arguments(__doc__, more)
    with servers.Sandbox(arguments.build, arguments.keep) as box:
        candord = box.candord(CONFIGURATION % "empty-zones-enable no;", files=FILES)
        named = box.named((CONFIGURATION % "empty-zones-enable no; check-names primary ignore; check-integrity no;").replace(
            "file \"zone\"; allow", "file \"zone1\"; allow").replace("file \"zone\"; update", "file \"zone2\"; update"),
            files=dict(FILES, zone1=ZONE, zone2=ZONE))
        pair = candord, named
        check_nsupdate(pair)
        check_rules(pair)
        check_signatures(pair)
        check_lists(box)
        check_policy(candord)
        with tap.case("updates and bad signatures are counted"):
            counted = {m["name"]: m["value"] for m in candord.ctl_json("stats")["metrics"]}
            assert counted["updates"] > 1000 and counted["bad_signatures"] >= 3, counted
            assert counted["transfers_out"] >= 4, counted
        check_kill(candord)
        check_random(pair, 3 * arguments.rounds if arguments.long else arguments.rounds, arguments.seed)
    tap.finish()


main()
