# SPDX-License-Identifier: GPL-3.0-or-later
# serial
# timeout 240
"""Too much of everything: a dead zone that ten thousand questions wait for, a full cache, floods of nonsense,
kill -9 under load. Others are served meanwhile, memory keeps its bounds, and at no moment does a listed name
get its real answer."""
import os
import random
import socket
import struct
import sys
import threading
import time

import dns.message
import dns.rrset

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

OPTIONS = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion yes; dnssec-validation no; empty-zones-enable no; %s
};
zone "held.test" { type primary; file "held"; };
"""
HELD = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n*.bad A 192.0.2.66\n"
LIVE = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n* A 192.0.2.9\n*.txt TXT \"%s\"\n" % ("x" * 200)


def forward(zone, port):
    return 'zone "%s" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };\n' % (zone, port)


class Upstream:
    """A name server of the test's own: counts questions, and answers after a while or never."""

    def __init__(self, delay_s=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.delay_s, self.names, self.going = delay_s, [], True
        self.thread = threading.Thread(target=self.serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.going = False
        self.thread.join()
        self.socket.close()

    def serve(self):
        while self.going:
            try:
                wire, peer = self.socket.recvfrom(4096)
            except socket.timeout:
                continue
            if self.delay_s is None:
                continue
            question = dns.message.from_wire(wire)
            self.names.append(question.question[0].name.to_text())
            answer = dns.message.make_response(question)
            answer.answer.append(dns.rrset.from_text(question.question[0].name, 300, "IN", "A", "192.0.2.77"))
            threading.Timer(self.delay_s, self.socket.sendto, (answer.to_wire(), peer)).start()


def quick_question(name, number):
    """A question's wire form, made quickly."""
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split("."))
    return struct.pack("!HHHHHH", number & 65535, 0x100, 1, 0, 0, 0) + labels + b"\0\0\1\0\1"


class Listener(threading.Thread):
    """Counts the answers that come to a socket, by rcode."""

    def __init__(self, server):
        super().__init__()
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.connect((server.address, server.port))
        self.socket.settimeout(0.1)
        self.rcodes, self.going = {}, True

    def run(self):
        while self.going:
            try:
                wire = self.socket.recv(4096)
            except OSError:
                continue
            self.rcodes[wire[3] & 15] = self.rcodes.get(wire[3] & 15, 0) + 1

    def end(self):
        self.going = False
        self.join()
        self.socket.close()

    def answered(self):
        return sum(self.rcodes.values())


def check_dead_zone(box):
    world = box.nsd({"live.test": LIVE})
    with Upstream() as dead:
        candord = box.candord(OPTIONS % "resolver-query-timeout 5000;" + forward("dead.test", dead.port)
                              + forward("live.test", world.port), files={"held": HELD})
        with tap.case("ten thousand questions for a dead zone hold up nobody else"):
            listener = Listener(candord)
            listener.start()
            slowest, asked = 0, 0
            for i in range(10000):
                listener.socket.send(quick_question("x%d.dead.test" % i, i))
                if i % 200 == 0:
                    for name in ("www.held.test", "n%d.live.test" % i):
                        start = time.monotonic()
                        tap.equal(ask.rcode(ask.ask(candord, name)), "NOERROR", name)
                        slowest = max(slowest, time.monotonic() - start)
                        asked += 1
            assert slowest < 2, "the slowest of %d took %.1f s" % (asked, slowest)
        with tap.case("each of them gets an answer in the end: SERVFAIL"):
            end = time.monotonic() + 25
            while listener.answered() < 10000 and time.monotonic() < end:
                time.sleep(0.1)
            listener.end()
            assert listener.answered() >= 9900 and set(listener.rcodes) == {2}, listener.rcodes
        with tap.case("and then all is as before"):
            start = time.monotonic()
            tap.equal(ask.data(ask.ask(candord, "after.live.test")), ["192.0.2.9"])
            assert time.monotonic() - start < 1
        candord.stop()
    world.stop()


def check_joining(box):
    with Upstream(0.25) as slow:
        candord = box.candord(OPTIONS % "" + forward("slow.test", slow.port), files={"held": HELD})
        with tap.case("eight who ask the same at once cause one question upstream"):
            got = []
            threads = [threading.Thread(target=lambda: got.append(ask.data(ask.ask(candord, "www.slow.test"))))
                       for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            tap.equal(got, [["192.0.2.77"]] * 8)
            tap.equal([n.lower() for n in slow.names].count("www.slow.test."), 1)
        candord.stop()


def check_full_cache(box):
    world = box.nsd({"live.test": LIVE})
    with tap.case("a cache of 4 MB that fifty thousand answers want to be in keeps to its size"):
        candord = servers.Candord(box, "small", OPTIONS % "max-cache-size 4m;" + forward("live.test", world.port))
        candord.write("held", HELD)
        candord.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        candord.start()
        listener = Listener(candord)
        listener.start()
        sent, sizes = 0, []
        end = time.monotonic() + 90
        while sent < 50000 and time.monotonic() < end:
            for _ in range(50):
                listener.socket.send(quick_question("n%d.txt.live.test" % sent, sent)[:-4] + b"\0\x10\0\1")
                sent += 1
            while listener.answered() < sent - 100 and time.monotonic() < end:
                time.sleep(0.001)
            if sent % 5000 == 0:
                sizes.append(candord.rss_bytes() >> 20)
        listener.end()
        assert listener.rcodes.get(0, 0) > 0.98 * sent, (sent, listener.rcodes)
        assert sizes[-1] - sizes[len(sizes) // 2] < 30, "resident MB while it was full: %s" % sizes
        tap.equal(ask.data(ask.ask(candord, "www.held.test")), ["192.0.2.1"])
    candord.stop()
    world.stop()


def check_nonsense(box):
    candord = box.candord(OPTIONS % "", files={"held": HELD})
    rng = random.Random(2)
    seeds = [ask.make("www.held.test", t, do=d).to_wire() for t in ("A", "ANY", "TXT") for d in (False, True)]

    def nonsense():
        if rng.random() < 0.2:
            return rng.randbytes(rng.randrange(80))
        wire = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 5)):
            wire[rng.randrange(len(wire))] = rng.randrange(256)
        return bytes(wire[:rng.randrange(len(wire) + 1)] if rng.random() < 0.3 else wire)
    with tap.case("forty thousand malformed datagrams do no harm"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((candord.address, candord.port))
            for i in range(40000):
                s.send(nonsense())
                if i % 500 == 0:
                    tap.equal(ask.data(ask.ask(candord, "www.held.test")), ["192.0.2.1"])
    with tap.case("nor do malformed streams"):
        for _ in range(300):
            with ask.tcp_connect(candord) as s:
                try:
                    for _ in range(rng.randrange(1, 6)):
                        wire = nonsense()
                        s.sendall(struct.pack("!H", len(wire) if rng.random() < 0.8 else rng.randrange(65536)) + wire)
                except OSError:
                    pass
        tap.equal(ask.data(ask.ask(candord, "www.held.test", tcp=True)), ["192.0.2.1"])
    candord.stop()


def check_tcp_clients(box):
    candord = box.candord(OPTIONS % "tcp-clients 20; tcp-idle-timeout 20;", files={"held": HELD})
    with tap.case("more TCP clients than allowed: the rest wait or go, and UDP does not notice"):
        crowd = []
        for _ in range(60):
            crowd.append(ask.tcp_connect(candord))
        for _ in range(20):
            tap.equal(ask.data(ask.ask(candord, "www.held.test")), ["192.0.2.1"])
        for s in crowd:
            s.close()
    with tap.case("when they are gone, there is room again"):
        tap.equal(ask.data(ask.ask(candord, "www.held.test", tcp=True)), ["192.0.2.1"])
    with tap.case("who says nothing is sent away after tcp-idle-timeout"):
        with ask.tcp_connect(candord) as s:
            s.settimeout(10)
            start = time.monotonic()
            tap.equal(s.recv(10), b"")
            assert 1 < time.monotonic() - start < 6
    candord.stop()


class Watcher(threading.Thread):
    """Asks for listed names all the time, before the server is there and after; keeps every answer that is not
    the policy's."""

    def __init__(self, server, names):
        super().__init__()
        self.server, self.names = server, names
        self.going, self.answers, self.unfiltered = True, 0, []

    def run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((self.server.address, self.server.port))
            s.settimeout(0.003)
            i = 0
            while self.going:
                i += 1
                try:
                    s.send(quick_question(self.names[i % len(self.names)], i))
                    wire = s.recv(4096)
                except OSError:
                    continue
                self.answers += 1
                if wire[3] & 15 != 3:
                    self.unfiltered.append((self.names[i % len(self.names)], wire[3] & 15, wire.hex()))

    def end(self):
        self.going = False
        self.join()


def check_filtered_from_the_first_packet(box):
    """*.bad.held.test has an address; the policy lists the names. 100,000 rules, so that loading takes a while."""
    rules = "$TTL 60\n@ SOA localhost. host. 1 3600 600 86400 60\n@ NS localhost.\n"
    rules += "".join("filler%d.invalid CNAME .\n" % i for i in range(100000))
    listed = ["n%d.bad.held.test" % i for i in range(50)]
    rules += "".join("%s CNAME .\n" % name for name in listed)
    candord = servers.Candord(box, "first", OPTIONS % 'response-policy { zone "rpz.test"; };'
                              + 'zone "rpz.test" { type primary; file "rpz"; };\n')
    candord.write("held", HELD)
    candord.write("rpz", rules)
    watcher = Watcher(candord, listed)
    watcher.start()
    try:
        with tap.case("from the first packet on no listed name gets its real answer"):
            candord.start()
            time.sleep(0.5)
            assert watcher.answers > 10, watcher.answers
            tap.equal(watcher.unfiltered[:3], [])
            tap.equal(ask.data(ask.ask(candord, "other.bad.held.test")), ["192.0.2.66"])
        with tap.case("nor during a reload"):
            before = watcher.answers
            candord.write("rpz", rules.replace("host. 1", "host. 2"))
            candord.reload()
            assert watcher.answers > before + 10
            tap.equal(watcher.unfiltered[:3], [])
        with tap.case("nor after kill -9 and a restart, three times"):
            for _ in range(3):
                before = watcher.answers
                candord.kill()
                candord.start()
                time.sleep(0.3)
                assert watcher.answers > before
            tap.equal(watcher.unfiltered[:3], [])
    finally:
        watcher.end()
    candord.stop()


def check_zone_quota(box):
    for word, failures in (("", 0), (" drop", 0), (" fail", 15)):
        with Upstream() as dead:
            candord = box.candord(OPTIONS % ("fetches-per-zone 5%s; resolver-query-timeout 2000;" % word)
                                  + forward("dead.test", dead.port), files={"held": HELD})
            with tap.case("fetches-per-zone 5%s: of 20 questions for a dead zone 15 get %s at once"
                          % (word, "SERVFAIL" if failures else "nothing")):
                listener = Listener(candord)
                listener.start()
                for i in range(20):
                    listener.socket.send(quick_question("x%d.dead.test" % i, i))
                limited = lambda: {m["name"]: m["value"] for m in candord.ctl_json("stats")["metrics"]}["limited_zone"]
                candord.wait(lambda: limited() == 15)
                tap.equal(ask.rcode(ask.ask(candord, "www.held.test")), "NOERROR")
                candord.wait(lambda: listener.answered() >= failures)
                early = listener.answered()
                candord.wait(lambda: listener.answered() >= early + 5)  # those that were under way
                listener.end()
                tap.equal((early, listener.rcodes), (failures, {2: failures + 5}))
            candord.stop()


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        check_filtered_from_the_first_packet(box)
        check_joining(box)
        check_tcp_clients(box)
        check_nonsense(box)
        check_dead_zone(box)
        check_zone_quota(box)
        check_full_cache(box)
    tap.finish()


main()
