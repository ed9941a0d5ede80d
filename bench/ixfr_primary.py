#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A primary for measurements: SOA, AXFR and IXFR over TCP and UDP, from the files of gen_rpz.

It costs the machine next to nothing while an update runs (all messages are there before), so that the resolver's own work is
what is measured. Reads commands on stdin: `bump` raises the serial by one and sends NOTIFY to --notify; `axfr-only` makes it
answer with whole zones from then on. Prints `ready`, `bumped SERIAL TIME`, and `KIND FROM TO ASKED SENT` (CLOCK_MONOTONIC
seconds; SENT of an IXFR: just before its first byte goes) for each transfer.
"""
import argparse
import mmap
import os
import socket
import struct
import sys
import threading
import time

ORIGIN = b"\3rpz\4test\0"
HEADER = struct.Struct("!HHHHHH")
SOA, IXFR, AXFR = 6, 251, 252
BATCH = 1 << 20


def labels(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))


def rule(owner):
    return labels(owner) + b"\xc0\x0c" + struct.pack("!HHIHB", 5, 1, 300, 1, 0)


def soa(serial):
    rdata = b"\x09localhost\0\x04root\x09localhost\0" + struct.pack("!5I", serial, 3600, 600, 86400, 300)
    return b"\xc0\x0c" + struct.pack("!HHIH", SOA, 1, 300, len(rdata)) + rdata


class Zone:
    """What the files say; the serial that is served."""

    def __init__(self, data):
        self.serial, self.axfr_only, self.wires, self.deltas = 1, False, {}, {}
        version = 1
        while os.path.exists(os.path.join(data, "axfr-%d.wire" % version)):
            with open(os.path.join(data, "axfr-%d.wire" % version), "rb") as f:
                self.wires[version] = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
            if version > 1:
                with open(os.path.join(data, "delta-%d.txt" % version)) as f:
                    lines = f.read().split()
                self.deltas[version] = [[rule(line[1:]) for line in lines if line[0] == sign] for sign in "-+"]
            version += 1

    def changes(self, serial):
        """The records of an IXFR from `serial`, or None."""
        if self.axfr_only or not all(s in self.deltas for s in range(serial + 1, self.serial + 1)):
            return None
        records = [soa(self.serial)]
        for s in range(serial + 1, self.serial + 1):
            records += [soa(s - 1)] + self.deltas[s][0] + [soa(s)] + self.deltas[s][1]
        return records + [soa(self.serial)]


def messages(question, records):
    """TCP messages of up to 16 kB each."""
    number, section = question[:2], question[12:]
    body, count, out = [], 0, []

    def finish():
        message = number + struct.pack("!HHHHH", 0x8400, 1, count, 0, 0) + section + b"".join(body)
        out.append(struct.pack("!H", len(message)) + message)
    size = 0
    for record in records:
        if size + len(record) > 16000:
            finish()
            body, count, size = [], 0, 0
        body.append(record)
        count += 1
        size += len(record)
    finish()
    return b"".join(out)


def send_whole(connection, question, wire):
    """The messages of a file, as answers to this question."""
    number, section = question[:2], question[12:]
    at, view, out, size = 0, memoryview(wire), [], 0
    while at < len(wire):
        length = view[at] << 8 | view[at + 1]
        out += [view[at:at + 2], number, view[at + 4:at + 14], section, view[at + 14 + len(section):at + 2 + length]]
        at += 2 + length
        size += length
        if size > BATCH:
            connection.sendall(b"".join(out))
            out, size = [], 0
    connection.sendall(b"".join(out))


def parse(message):
    """A question cut off behind its section, its type, and the serial of an IXFR's SOA, which follows it."""
    end = 12
    while message[end]:
        end += message[end] + 1
    end += 5
    serial = None
    at = skip_name(message, end)
    if at + 10 < len(message):
        at = skip_name(message, skip_name(message, at + 10))
        serial = struct.unpack_from("!I", message, at)[0] if at + 4 <= len(message) else None
    return message[:end], struct.unpack_from("!H", message, end - 4)[0], serial


def skip_name(message, at):
    while at < len(message) and 0 < message[at] < 192:
        at += message[at] + 1
    return at + (2 if at < len(message) and message[at] >= 192 else 1)


def say(*words):
    print(*words, flush=True)


def answer(zone, message, connection):
    """Over TCP: all that belongs to one question."""
    question, qtype, serial = parse(message)
    asked = time.monotonic()
    if question[12:-4].lower() != ORIGIN:
        connection.sendall(struct.pack("!H", len(question)) + question[:2] + struct.pack("!HHHHH", 0x8405, 1, 0, 0, 0) + question[12:])
        return
    now = zone.serial
    changes = zone.changes(serial) if qtype == IXFR and serial else None
    if qtype == SOA or (qtype == IXFR and serial == now):
        connection.sendall(messages(question, [soa(now)]))
    elif changes:
        ready = messages(question, changes)
        sent = time.monotonic()     # before: behind it this process may have waited for the resolver's turn on the core
        connection.sendall(ready)
        say("ixfr", serial, now, asked, sent)
    else:
        send_whole(connection, question, zone.wires[now])
        say("axfr", serial, now, asked, time.monotonic())


def serve_connection(zone, connection):
    buffered = b""
    try:
        while True:
            while len(buffered) < 2 or len(buffered) < 2 + struct.unpack_from("!H", buffered)[0]:
                more = connection.recv(65536)
                if not more:
                    return
                buffered += more
            end = 2 + struct.unpack_from("!H", buffered)[0]
            message, buffered = buffered[2:end], buffered[end:]
            answer(zone, message, connection)
    except OSError:
        pass
    finally:
        connection.close()


def serve_tcp(zone, listener):
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve_connection, args=(zone, connection), daemon=True).start()


def serve_udp(zone, udp):
    while True:
        message, client = udp.recvfrom(4096)
        if message[2] & 0x80:           # an answer to our NOTIFY
            continue
        question, _, _ = parse(message)
        udp.sendto(messages(question, [soa(zone.serial)])[2:], client)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--notify", type=int, required=True, help="port of the resolver on 127.0.0.1")
    a = parser.parse_args()
    zone = Zone(a.data)
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", a.port))
    listener = socket.create_server(("127.0.0.1", a.port), backlog=16)
    threading.Thread(target=serve_tcp, args=(zone, listener), daemon=True).start()
    threading.Thread(target=serve_udp, args=(zone, udp), daemon=True).start()
    say("ready")
    for line in sys.stdin:
        if line.strip() == "axfr-only":
            zone.axfr_only = True
        elif line.strip() == "bump":
            zone.serial += 1
            now = time.monotonic()
            udp.sendto(HEADER.pack(4242, 0x2400, 1, 0, 0, 0) + ORIGIN + struct.pack("!HH", SOA, 1), ("127.0.0.1", a.notify))
            say("bumped", zone.serial, now)


main()
