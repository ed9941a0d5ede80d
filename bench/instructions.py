# SPDX-License-Identifier: GPL-3.0-or-later
"""User-space instructions per question, counted by callgrind: the figure to steer by.

Time on a shared machine moves by 20 %; instructions do not. Each server is started below callgrind, warmed, and counted while it
answers N and then 2N questions: the difference over N is what one question costs, without start, warming and idling.

Kinds: clean = a cached answer that no rule matches; opt, cookie = the same asked with EDNS, with a cookie; nxdomain = a
listed name; below = a name below a listed one (`*.`); many = listed names, more in turn than candord remembers; local =
local data of a rule; cold = asked for the first time, through a stub.
"""
import glob
import os
import re
import shutil
import socket
import subprocess
import time

import running
from running import Server, say

WINDOW = 64
MANY = 40000
COLD = 2000
OPT = bytes.fromhex("00002904d000000000")
OPTIONS = {"opt": OPT + b"\0\0", "cookie": OPT + b"\0\x0c\0\x0a\0\x08" + bytes(range(8))}
# Of the others only what is beside a goal: a start with a million rules takes minutes below callgrind.
ONLY = {"unbound": [("clean", None), ("cold", None)], "echo": [("clean", None)]}


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
    plain = running.question(name, 0)[2:]
    return plain[:8] + b"\0\1" + plain[10:] + opt if opt else plain


def ask_all(port, names, count, opt):
    """Asks `count` questions, at most WINDOW at a time. The rcodes seen."""
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

    def __init__(self, server):
        self.server = server
        self.out = os.path.join(server.bench.work, "callgrind.%s" % server.name)
        for old in glob.glob(self.out + "*"):
            os.unlink(old)
        command = server.spec["command"]
        command[0] = shutil.which(command[0]) or command[0]
        server.spec["command"] = ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + self.out, "--separate-threads=no", "-q"] + command
        self.dumps = 0

    def dump(self):
        """Instructions since the last dump."""
        self.dumps += 1
        subprocess.run(["callgrind_control", "--dump", str(self.server.pid)], check=True, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
        path = "%s.%d" % (self.out, self.dumps)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if os.path.exists(path):
                with open(path) as f:
                    found = re.findall(r"^(?:summary|totals): (\d+)", f.read(), re.M)
                if found:
                    return int(found[-1])
            time.sleep(0.1)
        raise RuntimeError("callgrind wrote no %s" % path)

    def again_and_again(self, names, questions, opt):
        """Per question when the names are asked many times over."""
        port = self.server.port
        for _ in range(3):
            ask_all(port, names, len(names), opt)
        self.dump()
        seen = ask_all(port, names, questions, opt)
        once = self.dump()
        ask_all(port, names, 2 * questions, opt)
        return (self.dump() - once) / questions, seen

    def once_each(self, names):
        """Per question when each name is asked once."""
        port, part = self.server.port, len(names) // 4
        ask_all(port, names[:part], part, b"")
        self.dump()
        seen = ask_all(port, names[part:2 * part], part, b"")
        once = self.dump()
        ask_all(port, names[2 * part:], 2 * part, b"")
        return (self.dump() - once) / part, seen


def kinds_of(bench):
    kinds = {
        "clean": read_names(bench.file("clean.txt"), 1000),
        "nxdomain": read_names(bench.file("hits.txt"), 1000, lambda n: not n.startswith("www.")),
        "below": read_names(bench.file("hits.txt"), 1000, lambda n: n.startswith("www.")),
        "local": read_names(bench.file("local.txt"), 1000),
        "many": read_names(bench.file("hits-many.txt"), MANY),
        "cold": read_names(bench.file("cold.txt"), 4 * COLD),
    }
    kinds["opt"] = kinds["cookie"] = kinds["clean"]
    return kinds


def wanted(name, policy, kind):
    if name in ONLY:
        return (kind, policy) in ONLY[name]
    return policy == "file" or (kind in ("clean", "cold") and "+" not in name)


def measure(bench, name, rows):
    kinds = kinds_of(bench)
    for policy in (None, "file"):
        chosen = [kind for kind in kinds if wanted(name, policy, kind)]
        if not chosen:
            continue
        with Server(bench, name, policy) as server:
            counter = Counter(server)
            server.start()
            for kind in chosen:
                if kind == "cold":
                    cost, seen = counter.once_each(kinds[kind])
                else:
                    cost, seen = counter.again_and_again(kinds[kind], bench.questions, OPTIONS.get(kind, b""))
                rows.append(dict(kind=kind, policy=policy, instructions=round(cost), rcodes=seen))
                say("instructions: %s, %s, policy %s: %.0f" % (name, kind, policy, cost))
