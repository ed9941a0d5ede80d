# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that ask over TCP and do not read: thousands of questions in one stream, each with a large answer.
candord makes no more answers than it may hold for them, cuts them off when nothing moves, and goes on answering
others; who reads slowly but steadily gets all."""
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

QUEUE_BYTES = 1 << 20
STALL_S = 2.5  # tcp-initial-timeout is in tenths of a second
CONFIGURATION = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none;
    recursion yes; dnssec-validation no; empty-zones-enable no;
    workers 1; tcp-clients 100; tcp-initial-timeout 25; tcp-write-queue 1m;
};
zone "held.test" { type primary; file "held"; };
zone "far.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };
"""
APEX = "$TTL 3600\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n"
LARGE = APEX + "".join('large TXT "%03d%s"\n' % (i, "x" * 240) for i in range(120))  # an answer of 30 kB
ANSWER_BYTES = 29000  # and more


def questions(name, count):
    """A stream of them, each with another id."""
    wire = ask.make(name, "TXT").to_wire()
    return b"".join(struct.pack("!HH", len(wire), i) + wire[2:] for i in range(count))


class Flood:
    """A connection that sends questions whenever it may, and reads nothing."""

    def __init__(self, server, stream):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.socket.connect((server.address, server.port))
        self.socket.setblocking(False)
        self.stream, self.sent, self.cut_off = stream, 0, False

    def push(self):
        try:
            self.sent += self.socket.send(self.stream[self.sent % len(self.stream):])
        except BlockingIOError:
            pass
        except (ConnectionResetError, BrokenPipeError):
            self.cut_off = True


def closed_slow(candord):
    return [m["value"] for m in candord.ctl_json("stats")["metrics"] if m["name"] == "tcp_closed_slow"][0]


def check_flood(candord, name, count):
    """Returns by how much memory grew at most."""
    stream = questions(name, 5000)
    floods = [Flood(candord, stream) for _ in range(count)]
    before, most, slowest, start = candord.rss_bytes(), 0, 0.0, time.monotonic()
    closed = closed_slow(candord)
    while not all(f.cut_off for f in floods) and time.monotonic() < start + 30:
        for flood in floods:
            if not flood.cut_off:
                flood.push()
        for tcp in (False, True):
            began = time.monotonic()
            tap.equal(ask.data(ask.ask(candord, "www.held.test", tcp=tcp)), ["192.0.2.1"])
            slowest = max(slowest, time.monotonic() - began)
        most = max(most, candord.rss_bytes())
    for flood in floods:
        flood.socket.close()
    tap.equal(sum(f.cut_off for f in floods), count, "cut off")
    assert time.monotonic() - start > 0.9 * STALL_S, "before the time was over"
    assert slowest < 1, "another client waited %.1f s" % slowest
    tap.equal(closed_slow(candord) - closed, count, "tcp_closed_slow")
    assert min(f.sent for f in floods) > 100 * 50, "hardly anything was asked"
    return most - before


def check_slow_but_steady(candord):
    """Reads 64 kB at a time with pauses in which the queue fills; 150 answers of 30 kB are more than it holds."""
    numbers, data = set(), b""
    with socket.create_connection((candord.address, candord.port), timeout=10) as s:
        s.sendall(questions("large.held.test", 150))
        while len(numbers) < 150:
            more = s.recv(65536)
            assert more, "cut off after %d answers" % len(numbers)
            data += more
            while len(data) > 2 and len(data) >= 2 + (length := struct.unpack("!H", data[:2])[0]):
                message, data = data[2:2 + length], data[2 + length:]
                assert len(message) > ANSWER_BYTES, len(message)
                numbers.add(message[:2])
            time.sleep(0.02)


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        far = box.nsd({"far.test": LARGE})
        candord = servers.Candord(box, "candord", CONFIGURATION % far.port)
        candord.environment["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        candord.write("held", LARGE)
        candord.start()
        for name in ("large.held.test", "large.far.test"):
            with tap.case("%s has a large answer" % name):
                assert len(ask.ask(candord, name, "TXT", tcp=True).to_wire()) > ANSWER_BYTES
            with tap.case("%s: who asks for it over and over and does not read is cut off" % name):
                grown = check_flood(candord, name, 1)
                assert grown < 16 * QUEUE_BYTES, "memory grew by %d kB" % (grown >> 10)
            with tap.case("%s: forty at a time take no more than their queues" % name):
                grown = check_flood(candord, name, 40)
                assert grown < (16 + 2 * 40) * QUEUE_BYTES, "memory grew by %d kB" % (grown >> 10)
        with tap.case("who reads slowly but steadily gets every answer"):
            check_slow_but_steady(candord)
        with tap.case("and all ends well"):
            tap.equal(candord.stop(), 0)
    tap.finish()


main()
