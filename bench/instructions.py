#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""User-space instructions per question, counted by callgrind: the figure to steer by.

Time on a shared machine moves by 20 %; instructions do not. Starts each server below callgrind with the policy
zone of gen_rpz.py, warms it, and counts while it answers N and then 2N questions: the difference over N is what
one question costs, without start, warming and idling.

  instructions.py --data DATA --work TMP [--peers candor,unbound] [--questions 20000]

Kinds: clean = a cached answer that no rule matches; opt, cookie = the same asked with EDNS, with a cookie; nxdomain = a
listed name; below = a name below a listed one (`*.`); many = listed names, more in turn than candord remembers; local =
local data of a rule. Prints one JSON object per server and kind, also into TMP/results.jsonl.
"""
import argparse
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import bench_peers

WINDOW = 64
LOCAL_OWNER = "local-data.bench.test"
MANY = 40000
OPT = bytes.fromhex("00002904d000000000")
OPTIONS = {"opt": OPT + b"\0\0", "cookie": OPT + b"\0\x0c\0\x0a\0\x08" + bytes(range(8))}


def read_names(path, limit, want=lambda name: True):
    names = []
    with open(path) as f:
        for line in f:
            name = line.split()[0]
            if want(name):
                names.append(name)
                if len(names) == limit:
                    break
    return names


def wire(name, opt):
    """A question without its number."""
    plain = bench_peers.query(name, 0)[2:]
    return plain[:8] + b"\0\1" + plain[10:] + opt if opt else plain


def ask_all(port, names, count, opt):
    """Asks `count` questions, at most WINDOW at a time; a lost one counts too. The rcodes seen."""
    wires = [wire(name, opt) for name in names]
    seen = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        s.connect(("127.0.0.1", port))
        s.settimeout(20)
        sent = 0
        while sent < count:
            batch = min(WINDOW, count - sent)
            for i in range(batch):
                s.send(((sent + i) & 65535).to_bytes(2, "big") + wires[(sent + i) % len(wires)])
            for _ in range(batch):
                reply = s.recv(4096)
                seen[reply[3] & 15] = seen.get(reply[3] & 15, 0) + 1
            sent += batch
    return seen


class Counter:
    """A server below callgrind."""

    def __init__(self, server, work):
        self.server = server
        self.out = os.path.join(work, "callgrind.%s" % server.name)
        for old in glob.glob(self.out + "*"):
            os.unlink(old)
        command = server.spec["cmds"][0]
        command[0] = shutil.which(command[0]) or command[0]
        server.spec["cmds"][0] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + self.out,
                                  "--separate-threads=no", "-q"] + command
        self.dumps = 0

    def dump(self):
        """Instructions since the last dump."""
        self.dumps += 1
        subprocess.run(["callgrind_control", "--dump", str(self.server.pids[0])], check=True, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        path = "%s.%d" % (self.out, self.dumps)
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if os.path.exists(path):
                with open(path) as f:
                    found = re.findall(r"^(?:summary|totals): (\d+)", f.read(), re.M)
                if found:
                    return int(found[-1])
            time.sleep(0.1)
        raise RuntimeError("callgrind wrote no %s" % path)


def measure(counter, names, questions, opt):
    port = counter.server.port
    for _ in range(3):
        ask_all(port, names, len(names), opt)
    counter.dump()
    seen = ask_all(port, names, questions, opt)
    once = counter.dump()
    ask_all(port, names, 2 * questions, opt)
    return (counter.dump() - once) / questions, seen


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--peers", default="candor")
    parser.add_argument("--questions", type=int, default=20000)
    parser.add_argument("--base", type=int, default=5700, help="first port")
    a = parser.parse_args()
    a.data, a.work = os.path.abspath(a.data), os.path.abspath(a.work)
    os.makedirs(a.work, exist_ok=True)
    bench_peers.build_tools(a.work)
    kinds = {
        "clean": read_names(os.path.join(a.data, "clean.txt"), 1000),
        "nxdomain": read_names(os.path.join(a.data, "hits.txt"), 1000, lambda n: not n.startswith("www.")),
        "below": read_names(os.path.join(a.data, "hits.txt"), 1000, lambda n: n.startswith("www.")),
        "many": read_names(os.path.join(a.data, "hits.txt"), MANY),
        "local": [LOCAL_OWNER],
    }
    kinds["opt"] = kinds["cookie"] = kinds["clean"]
    with bench_peers.authoritative(a):
        for name in a.peers.split(","):
            for policy in (None, "file"):
                run(a, name, policy, kinds)


def run(a, name, policy, kinds):
    server = bench_peers.Server(a, name, 1, policy)
    if not server.spec:
        return
    if policy:
        with open(server.zone, "a") as f:
            f.write("%s A 192.0.2.1\n" % LOCAL_OWNER)
    counter = Counter(server, a.work)
    try:
        server.start()
        for kind, names in kinds.items():
            if kind == "local" and "+" in name: # its owner is added to the one zone
                continue
            if policy or kind == "clean":
                cost, seen = measure(counter, names, a.questions, OPTIONS.get(kind))
                line = json.dumps(dict(peer=name, test="instructions", rpz=policy, kind=kind, instructions=round(cost),
                                       rcodes=seen, threads=1, rules=bench_peers.count_rules(a.data)))
                print(line, flush=True)
                with open(os.path.join(a.work, "results.jsonl"), "a") as f:
                    f.write(line + "\n")
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
