#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny RPZ primary for measurements: SOA, AXFR and IXFR over TCP/UDP from the files of gen_rpz.py.

It costs the machine next to nothing while an update runs (all messages are built before), so that the
resolver's own work is what is measured. Reads commands on stdin: `bump` raises the serial by one and
sends NOTIFY to --notify; prints `bumped SERIAL MONOTONIC_TIME` and one line per request served.
"""
import argparse, os, socket, struct, sys, threading, time

ap = argparse.ArgumentParser()
ap.add_argument("--data", required=True)
ap.add_argument("--port", type=int, required=True)
ap.add_argument("--notify", type=int, required=True, help="port of the resolver on 127.0.0.1")
ap.add_argument("--origin", default="rpz.test")
a = ap.parse_args()

enc = lambda n: b"".join(bytes([len(l)]) + l.encode() for l in n.split(".") if l)
ORIGIN = enc(a.origin) + b"\0"
PTR = b"\xc0\x0c"
RRH = struct.pack("!HHIH", 5, 1, 300, 1) + b"\0"
rr = lambda owner: enc(owner) + PTR + RRH
lock = threading.Lock()
serial = 1


def soa(s):
    rd = b"\x09localhost\0\x04root\x09localhost\0" + struct.pack("!5I", s, 3600, 600, 86400, 300)
    return PTR + struct.pack("!HHIH", 6, 1, 300, len(rd)) + rd


NS = PTR + struct.pack("!HHIH", 2, 1, 300, 11) + b"\x09localhost\0"


def pack(rrs, qtype, aa=0x8400):
    """list of wire RRs -> list of (count, body) messages of up to 16 kB of RRs"""
    out, cur, size = [], [], 0
    for r in rrs:
        if size + len(r) > 16000:
            out.append((len(cur), b"".join(cur))); cur, size = [], 0
        cur.append(r); size += len(r)
    out.append((len(cur), b"".join(cur)))
    return out


def owners(v):
    with open(os.path.join(a.data, "rpz-%d.zone" % v)) as f:
        for l in f:
            if l.endswith(" CNAME .\n"):
                yield l[:-9]


def axfr(v):
    def g():
        yield soa(v); yield NS
        for o in owners(v):
            yield rr(o)
        yield soa(v)
    return pack(g(), 252)


axfrs = {1: axfr(1)}
deltas = {}
v = 2
while os.path.exists(os.path.join(a.data, "delta-%d.txt" % v)):
    ls = open(os.path.join(a.data, "delta-%d.txt" % v)).read().split()
    deltas[v] = ([rr(l[1:]) for l in ls if l[0] == "-"], [rr(l[1:]) for l in ls if l[0] == "+"])
    v += 1
say = lambda *x: print(*x, flush=True)


def answer(q, tcp):
    """-> list of messages"""
    qid = q[:2]
    i = 12
    while q[i]:
        i += q[i] + 1
    i += 1
    qtype = struct.unpack("!H", q[i:i + 2])[0]
    qsec = q[12:i + 4]
    cur = serial
    m = lambda c, body: qid + struct.pack("!HHHHH", 0x8400, 1, c, 0, 0) + qsec + body
    if qsec[:-4].lower() != ORIGIN:
        return [qid + struct.pack("!HHHHH", 0x8405, 1, 0, 0, 0) + qsec]
    if qtype == 6 or (qtype == 251 and not tcp):
        return [m(1, soa(cur))]
    if qtype == 251:
        have = cur
        try:                               # authority section: name, type, class, ttl, rdlen, SOA rdata
            j = i + 4
            while q[j] and q[j] < 192:
                j += q[j] + 1
            j += 2 if q[j] >= 192 else 1
            j += 10
            for _ in range(2):
                while q[j] and q[j] < 192:
                    j += q[j] + 1
                j += 2 if q[j] >= 192 else 1
            have = struct.unpack("!I", q[j:j + 4])[0]
        except (IndexError, struct.error):
            pass
        if have == cur:
            return [m(1, soa(cur))]
        if all(s in deltas for s in range(have + 1, cur + 1)):
            rrs = [soa(cur)]
            for s in range(have + 1, cur + 1):
                rrs += [soa(s - 1)] + deltas[s][0] + [soa(s)] + deltas[s][1]
            rrs.append(soa(cur))
            say("ixfr", have, cur, time.monotonic())
            return [m(c, b) for c, b in pack(rrs, 251)]
    if qtype in (251, 252):
        with lock:
            if cur not in axfrs:
                axfrs[cur] = axfr(cur)
        say("axfr", cur, time.monotonic())
        return [m(c, b) for c, b in axfrs[cur]]
    return [m(0, b"")]


def tcp_client(c):
    try:
        buf = b""
        while True:
            while len(buf) < 2 or len(buf) < 2 + struct.unpack("!H", buf[:2])[0]:
                d = c.recv(65536)
                if not d:
                    return
                buf += d
            n = struct.unpack("!H", buf[:2])[0]
            q, buf = buf[2:2 + n], buf[2 + n:]
            out, size = [], 0
            for x in answer(q, True):
                out.append(struct.pack("!H", len(x)) + x); size += len(x)
                if size > 1 << 20:
                    c.sendall(b"".join(out)); out, size = [], 0
            c.sendall(b"".join(out))
    except OSError:
        pass
    finally:
        c.close()


def tcp_loop(s):
    while True:
        c, _ = s.accept()
        threading.Thread(target=tcp_client, args=(c,), daemon=True).start()


u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", a.port))


def udp_loop():
    while True:
        q, peer = u.recvfrom(4096)
        if q[2] & 0x80:
            say("notify-answer rcode", q[3] & 15, time.monotonic())
            continue
        for x in answer(q, False):
            u.sendto(x, peer)


t = socket.socket()
t.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
t.bind(("127.0.0.1", a.port))
t.listen(16)
threading.Thread(target=tcp_loop, args=(t,), daemon=True).start()
threading.Thread(target=udp_loop, daemon=True).start()
say("ready")
for line in sys.stdin:
    if line.strip() == "bump":
        serial += 1
        now = time.monotonic()
        u.sendto(struct.pack("!HHHHHH", 4242, 0x2400, 1, 0, 0, 0) + ORIGIN + struct.pack("!HH", 6, 1),
                 ("127.0.0.1", a.notify))
        say("bumped", serial, now)
