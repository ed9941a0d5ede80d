# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that run: started, asked, weighed and ended; and where the results of a part go."""
import json
import os
import re
import resource
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

import peers

STOP_S = 60
SETTLES_S = 10


def free_port():
    """One that is free for UDP and TCP on 127.0.0.1."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


def question(name, number):
    return struct.pack("!HHHHHH", number & 65535, 0x100, 1, 0, 0, 0) + \
        b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\1\0\1"


def median(rows, of):
    return statistics.median(of(r) for r in rows)


def end(process, how=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Bench:
    """What a run is told, and what it notes."""

    def __init__(self, options, work, programs):
        self.__dict__.update(vars(options))
        self.work, self.programs = work, programs
        self.auth = free_port()
        self.limit_s = 120 + self.rules / 20000
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        with open(self.file("made.txt")) as f:
            self.listed = int(f.read().split()[2])

    def file(self, name):
        return os.path.join(self.data, name)

    def program(self, name):
        return os.path.join(self.programs, name)

    def versions(self):
        """Those behind the first: half of them for what is done with the file or by IXFR, half for AXFR."""
        all_of_them = list(range(2, 2 + 2 * self.updates))
        return all_of_them[:self.updates], all_of_them[self.updates:]

    def note(self, part, key, rows, began):
        """The rows of a part replace those of an earlier run; key: the server, or what took turns."""
        path = os.path.join(self.results, str(self.rules), part + ".json")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        found = {}
        if os.path.exists(path):
            with open(path) as f:
                found = json.load(f)
        found[key] = dict(began, load_after=os.getloadavg()[0], seconds=round(time.time() - began["at"]), listed=self.listed, rows=rows)
        with open(path + ".new", "w") as f:
            json.dump(found, f, indent=1)
        os.rename(path + ".new", path)


def beginning():
    return dict(at=time.time(), date=time.strftime("%Y-%m-%d %H:%M"), load=os.getloadavg()[0])


def say(text):
    print("%s  %s" % (time.strftime("%H:%M:%S"), text), file=sys.stderr, flush=True)


class Authoritative:
    """nsd with bench.test: a context."""

    def __init__(self, bench):
        conf = os.path.join(bench.work, "nsd.conf")
        with open(conf, "w") as f:
            f.write(f"""server:
  ip-address: 127.0.0.1@{bench.auth}
  server-count: 1
  username: ""
  zonesdir: "{bench.data}"
  database: ""
  pidfile: "{bench.work}/nsd.pid"
  xfrdfile: "{bench.work}/xfrd"
  logfile: "{bench.work}/nsd.log"
  zonelistfile: "{bench.work}/zl"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: bench.test
  zonefile: auth.zone
""")
        self.port, self.command = bench.auth, ["nsd", "-d", "-c", conf]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL)
        try:
            self.wait()
        except BaseException:
            end(self.process)
            raise
        return self

    def wait(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect(("127.0.0.1", self.port))
            s.settimeout(0.1)
            until = time.monotonic() + 30
            while time.monotonic() < until and self.process.poll() is None:
                try:
                    s.send(question("n00000.bench.test", 1))
                    s.recv(512)
                    return
                except OSError:
                    time.sleep(0.05)
        raise RuntimeError("nsd does not answer")

    def __exit__(self, *_):
        end(self.process)


class Server:
    """One server: `name` is that of a peer with its variant, `policy` None, 'file' or 'transfer'. The same directory serves
    several starts. `made` is False when this peer cannot do it."""

    def __init__(self, bench, name, policy, primary=0):
        peer, _, variant = name.partition("+")
        self.bench, self.name, self.policy = bench, name, policy
        self.directory = os.path.join(bench.work, "%s-%s" % (name, policy))
        self.zone = os.path.join(self.directory, "rpz.zone")
        self.clean_up()
        os.makedirs(self.directory)
        if policy == "file":
            self.place(1, self.zone)
        self.port = free_port()
        spec = peers.PEERS[peer](peers.Setting(
            directory=self.directory, programs=bench.programs, port=self.port, control=free_port(), threads=1, policy=policy,
            zone=self.zone, auth=bench.auth, primary=primary, variant=variant))
        self.made = spec is not None
        self.spec = spec or {}
        self.process = None

    def place(self, version, path):
        """The file of a version at `path`: another name for it where that can be."""
        try:
            os.link(self.bench.file("rpz-%d.zone" % version), path)
        except OSError:
            shutil.copy(self.bench.file("rpz-%d.zone" % version), path)

    def clean_up(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def alive(self):
        if self.process.poll() is not None:
            with open(os.path.join(self.directory, "out")) as f:
                raise RuntimeError("%s exited with %d: %s" % (self.name, self.process.returncode, f.read()[-800:]))

    def start(self, then_s=0.3):
        """Starts it, and asks for blocked names from the first moment until one is blocked and `then_s` longer. A row: seconds and
        CPU seconds until then, when the first answer came, how many blocked names were answered unfiltered, for how long."""
        began = time.monotonic()
        with open(os.path.join(self.directory, "out"), "w") as out:
            self.process = subprocess.Popen(self.spec["command"], stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=self.directory)
        self.pid = self.process.pid
        asking = Asking(self, began)
        until = None
        while until is None or time.monotonic() < until:
            self.alive()
            asking.ask()
            if until is None and asking.row["wall"] is not None:
                until = time.monotonic() + (then_s if self.policy else 0)
            if until is None and time.monotonic() - began > self.bench.limit_s:
                raise RuntimeError("%s is not ready after %d s" % (self.name, self.bench.limit_s))
        asking.socket.close()
        return asking.row

    def stop(self):
        if self.process:
            end(self.process)
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        self.clean_up()

    def cpu(self):
        """Seconds of user and system time of the whole process, to the nanosecond."""
        return time.clock_gettime(~self.pid << 3 | 2)

    def memory(self, key="VmRSS"):
        """kB"""
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(key + r":\s+(\d+)", f.read()).group(1))

    def forget_peak(self):
        with open("/proc/%d/clear_refs" % self.pid, "w") as f:
            f.write("5")

    def settle(self):
        """Until it has had next to nothing to do for a second: what follows an update (saving, giving back memory) is over."""
        idle, until = 0, time.monotonic() + SETTLES_S + self.bench.rules / 200000
        while idle < 2 and time.monotonic() < until:
            before = self.cpu()
            time.sleep(0.5)
            idle = idle + 1 if self.cpu() - before < 0.02 else 0

    def weigh(self):
        """What it takes when all is in force and it rests."""
        self.settle()
        return dict(rss=self.memory(), peak=self.memory("VmHWM"))

    def load(self, name, seconds=0, once=0):
        """dnsperf with the questions of a file, for some seconds or so many times through it."""
        before = self.cpu()
        command = ["dnsperf", "-s", "127.0.0.1", "-p", str(self.port), "-d", self.bench.file(name), "-c", "8", "-q", "100", "-T", "1"]
        said = subprocess.run(command + (["-n", str(once)] if once else ["-l", str(seconds)]), capture_output=True, text=True).stdout
        cpu = self.cpu() - before

        def figure(what):
            return re.search(what, said).group(1)
        count = int(figure(r"Queries completed:\s+(\d+)"))
        return dict(qps=float(figure(r"Queries per second:\s+([\d.]+)")), us=cpu / max(count, 1) * 1e6, n=count,
                    lost=int(figure(r"Queries lost:\s+(\d+)")), rcodes=figure(r"Response codes:\s+(.*)"))


class Asking:
    """Asks a server that comes up: each millisecond in the first half second, then each fifth."""

    def __init__(self, server, began):
        self.server, self.began, self.number = server, began, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.connect(("127.0.0.1", server.port))
        self.row = dict(wall=None, cpu=None, first_answer=None, asked=0, leaked=0, leak_s=0.0)
        self.first_leak = self.first_blocked = None

    def ask(self):
        at = time.monotonic()
        self.number += 1
        self.row["asked"] += 1
        name = "k%05d.startup.bench.test" % (self.number % 20000) if self.server.policy else "n00000.bench.test"
        next_at = at + (0.001 if at - self.began < 0.5 else 0.005)
        try:
            self.socket.send(question(name, self.number))
        except OSError:                 # nobody listens yet
            pass
        while True:
            left = next_at - time.monotonic()
            if left <= 0:
                return
            self.socket.settimeout(left)
            try:
                self.take(self.socket.recv(4096))
            except ConnectionRefusedError:
                pass
            except OSError:
                return

    def take(self, reply):
        now, row = time.monotonic(), self.row
        rcode = reply[3] & 15
        row["first_answer"] = row["first_answer"] or now - self.began
        if rcode == (3 if self.server.policy else 0):
            if row["wall"] is None:
                row.update(wall=now - self.began, cpu=self.server.cpu())
        elif rcode == 0:
            self.first_leak = self.first_leak or now
            row["leaked"] += 1
            row["leak_s"] = now - self.first_leak
