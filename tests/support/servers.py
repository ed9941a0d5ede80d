# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts and stops the programs that a scenario test talks to: candord, named, unbound, nsd, a signed root.

    with servers.Sandbox(build) as box:
        candord = box.candord(configuration)
        named = box.named(configuration)
        answer = ask.ask(candord, "example.net")

Each server has a folder of its own below the sandbox, listens on free loopback ports only, and is ready when
its start returns. In configuration texts @PORT@, @CONTROL@ (a port, for rndc and the like), @DIR@ and @SOCKET@
(control socket of candord) are filled in. Leaving the sandbox ends what was started in it, and only that.
"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from . import dnsroot, tap

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def arguments(description, add=None):
    """Every scenario test takes --build DIR; --long is for what takes minutes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--build", default=os.path.join(TOP, "build-test"))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the sandbox's folder, say where it is")
    if add:
        add(parser)
    parsed = parser.parse_args()
    parsed.build = os.path.abspath(parsed.build)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return parsed


def program(build, name):
    path = os.path.join(build, "src", name, name)
    if not os.access(path, os.X_OK):
        raise FileNotFoundError("%s is not built" % path)
    return path


def free_port(address="127.0.0.1"):
    """A port that is free for UDP and TCP, below the range that the kernel hands out by itself."""
    for _ in range(200):
        port = random.randrange(15000, 32000)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as udp, socket.socket(family, socket.SOCK_STREAM) as tcp:
            try:
                udp.bind((address, port))
                tcp.bind((address, port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


class NotReady(Exception):
    pass


class Server:
    """A process in a folder of its own. .address and .port are where it answers DNS."""

    def __init__(self, box, name, address="127.0.0.1", cwd=None):
        self.name, self.box, self.address = name, box, address
        self.dir = os.path.join(box.dir, name)
        self.cwd = cwd or self.dir
        os.makedirs(self.dir, exist_ok=True)
        self.port = free_port(address)
        self.control = free_port(address)
        self.socket = os.path.join(self.dir, "control.sock")
        self.log_file = os.path.join(self.dir, "log")
        self.process = None
        self.command = []
        self.environment = {}
        box.servers.append(self)        # which ends it, however it was started

    def fill(self, text):
        for word, value in (("@PORT@", self.port), ("@CONTROL@", self.control), ("@DIR@", self.dir),
                            ("@SOCKET@", self.socket)):
            text = text.replace(word, str(value))
        return text

    def write(self, name, text):
        """Writes a file of this server's folder in one step; its path."""
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w") as f:
            f.write(self.fill(text))
        os.rename(path + ".new", path)
        return path

    def spawn(self):
        with open(self.log_file, "a") as log:
            self.process = subprocess.Popen(self.command, cwd=self.cwd, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=dict(os.environ, **self.environment))
        return self

    @property
    def pid(self):
        return self.process.pid

    def running(self):
        return self.process is not None and self.process.poll() is None

    def log(self):
        try:
            with open(self.log_file, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def wait(self, ready, seconds=20, what="ready"):
        """Until ready() is true; NotReady with the log's end when the process ends or the time does."""
        end = time.monotonic() + seconds
        while True:
            if ready():
                return self
            if not self.running():
                raise NotReady("%s ended with %s before it was %s:\n%s"
                               % (self.name, self.process and self.process.returncode, what, self.log()[-4000:]))
            if time.monotonic() > end:
                raise NotReady("%s: not %s after %d s:\n%s" % (self.name, what, seconds, self.log()[-4000:]))
            time.sleep(0.01)

    def wait_log(self, pattern, seconds=20, since=0):
        """Until the log (from an offset on) has the regular expression."""
        return self.wait(lambda: re.search(pattern, self.log()[since:]), seconds, "saying %r" % pattern)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=20):
        """SIGTERM, then SIGKILL; the exit status, or None when it was not running."""
        if not self.running():
            return self.process.returncode if self.process else None
        self.process.terminate()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise NotReady("%s did not end in %d s after SIGTERM" % (self.name, seconds))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def rss_bytes(self):
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024


class Candord(Server):
    """candord; ready by sd_notify. `conf` is the configuration's text, or None with `file` (then -p gives the port)."""

    def __init__(self, box, name, conf, file=None, options=(), address="127.0.0.1", cwd=None):
        super().__init__(box, name, address, cwd)
        self.file = file or self.write("named.conf", conf)
        self.command = [program(box.build, "candord"), "-c", self.file, "--control", self.socket]
        if file:
            self.command += ["-p", str(self.port)]
        self.command += list(options)

    def start(self, seconds=30):
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.setblocking(False)
        path = os.path.join(self.dir, "notify")
        if os.path.exists(path):
            os.unlink(path)
        self.notify.bind(path)
        os.chmod(path, 0o777)       # it may have become another user by then
        self.environment["NOTIFY_SOCKET"] = path
        self.spawn()
        return self.wait_notified("READY=1", seconds)

    def wait_notified(self, word, seconds=30):
        """Until systemd would have been told `word`."""
        def told():
            try:
                return word in self.notify.recv(4096).decode(errors="replace").split("\n")
            except BlockingIOError:
                return False
        return self.wait(told, seconds, "saying " + word)

    def ctl(self, *words, check=True):
        """candorctl's output."""
        r = subprocess.run([program(self.box.build, "candorctl"), "-s", self.socket, *words], text=True,
                           stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        if check and r.returncode:
            raise AssertionError("candorctl %s: exit %d: %s%s" % (" ".join(words), r.returncode, r.stdout, r.stderr))
        return r.stdout

    def ctl_json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def reload(self, seconds=30):
        """SIGHUP; returns when it is done."""
        self.signal(signal.SIGHUP)
        self.wait_notified("RELOADING=1", seconds)
        return self.wait_notified("READY=1", seconds)


class Named(Server):
    """Debian's named. A copy of the program, so that AppArmor's profile for /usr/sbin/named stays out. (Its
    option -p and the word `port` also change the port that it asks others on: use listen-on port.)"""

    def __init__(self, box, name, conf, file=None, address="127.0.0.1", cwd=None):
        super().__init__(box, name, address, cwd)
        if conf and "controls" not in conf:
            conf += "\ncontrols { };\n"
        self.file = file or self.write("named.conf", conf)
        self.command = [box.copy_of("named"), "-g", "-n", "2", "-c", self.file]

    def start(self, seconds=30):
        since = len(self.log())
        self.spawn()
        self.wait_log(r" running\n", seconds, since)
        self.wait_for_policy(since)
        return self

    def wait_for_policy(self, since, seconds=60):
        """named answers before its policy is in force: waits until the log has told that of each policy zone, which
        it does where the configuration leaves logging alone."""
        with open(self.file) as f:
            text = f.read()
        blocks = re.findall(r"response-policy\s*{((?:[^{}]|{[^{}]*})*)}", text)
        wanted = sum(len(re.findall(r"\bzone\b", block)) for block in blocks)
        if not re.search(r"\blogging\s*{", text):
            self.wait(lambda: len(re.findall(r"rpz: \S+: reload done: ", self.log()[since:])) >= wanted, seconds,
                      "told that its policy acts")


class Unbound(Server):
    def __init__(self, box, name, conf, address="127.0.0.1"):
        super().__init__(box, name, address)
        self.file = self.write("unbound.conf", conf)
        self.command = [box.copy_of("unbound"), "-d", "-p", "-c", self.file]

    def start(self, seconds=20):
        self.spawn()
        return self.wait(lambda: answers(self), seconds)


class Nsd(Server):
    """An authoritative server for `zones` {name: text}; `addresses`: all that it listens on."""

    def __init__(self, box, name, zones, addresses=("127.0.0.1",), port=None):
        super().__init__(box, name, addresses[0])
        self.port = port or self.port
        conf = "server:\n" + "".join("  ip-address: %s@%d\n" % (a, self.port) for a in addresses)
        conf += ("  server-count: 1\n  username: \"\"\n  zonesdir: \"@DIR@\"\n"
                "  database: \"\"\n  pidfile: \"@DIR@/pid\"\n  xfrdfile: \"\"\n  xfrdir: \"@DIR@\"\n"
                "  zonelistfile: \"@DIR@/list\"\n  rrl-ratelimit: 0\nremote-control:\n  control-enable: no\n")
        for i, (origin, text) in enumerate(zones.items()):
            self.write("zone%d" % i, text)
            conf += "zone:\n  name: \"%s\"\n  zonefile: \"zone%d\"\n" % (origin, i)
        self.command = [tool("nsd"), "-d", "-c", self.write("nsd.conf", conf)]

    def start(self, seconds=20):
        self.spawn()
        return self.wait(lambda: answers(self), seconds)


class Root:
    """The signed hierarchy of dnsroot.py on port 53 of addresses 127.N.*.*; .info describes it."""

    def __init__(self, box, load=1000):
        if os.geteuid() != 0:
            raise tap.Skip("the private root needs port 53, and so root")
        self.net = free_net()
        self.dir = os.path.join(box.dir, "root")
        self.info, configurations = dnsroot.prepare(self.dir, self.net, 53, load)
        self.servers = {}
        for name, conf in configurations.items():
            server = Server(box, "root-" + name, self.info["addresses"][name][0])
            server.port = 53
            server.command = [tool("nsd"), "-d", "-c", conf]
            self.servers[name] = server
        self.hints, self.anchor = self.info["root_hints"], self.info["trust_anchor"]
        self.names = self.info["names"]

    def start(self):
        for server in self.servers.values():
            server.spawn()
        for name, server in self.servers.items():
            for address in self.info["addresses"][name]:
                server.wait(lambda: answers(server, address), 30)
        return self

    def stop(self):
        for server in self.servers.values():
            server.stop()


def tool(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not path:
        raise FileNotFoundError(name + " is not installed")
    return path


def answers(server, address=None):
    """Does anything answer a question on the server's UDP port?"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)
        try:
            s.connect((address or server.address, server.port))
            s.send(b"\x12\x34\0\0\0\1\0\0\0\0\0\0\0\0\6\0\1")
            return s.recv(4096)[:2] == b"\x12\x34"
        except OSError:
            return False


def free_net():
    """The first two octets of a loopback net whose port 53 nobody uses."""
    for _ in range(100):
        net = "127.%d" % random.randrange(60, 250)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind((net + ".0.1", 53))
                return net
            except PermissionError:
                raise tap.Skip("port 53 of a loopback address cannot be bound")
            except OSError:
                continue
    raise tap.Skip("port 53 is taken on every loopback address")


class Sandbox:
    """The folder and the servers of one test."""

    def __init__(self, build, keep=False):
        self.build, self.keep = build, keep
        self.servers = []

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="candor-test-")
        os.chmod(self.dir, 0o755)
        tap.on_failure.append(self.logs)
        return self

    def __exit__(self, kind, error, trace):
        handled = self.as_case(kind, error)
        for server in reversed(self.servers):
            try:
                server.stop()
            except NotReady as why:
                tap.comment(why)
        tap.on_failure.remove(self.logs)
        if self.keep:
            tap.comment("kept: " + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        return handled

    @staticmethod
    def as_case(kind, error):
        """Trouble outside a case (a server that does not start) ends the test as one failed or skipped case."""
        if kind is None or not issubclass(kind, Exception):
            return False
        with tap.case("the servers of the test run"):
            raise error
        return True

    def _name(self, kind):
        taken = sum(s.name.startswith(kind) for s in self.servers)
        return kind if not taken else "%s-%d" % (kind, taken + 1)

    def candord(self, conf=None, *, files=None, **how):
        """Starts candord with a configuration's text and files {name: text} beside it."""
        server = Candord(self, self._name("candord"), conf, **how)
        for name, text in (files or {}).items():
            server.write(name, text)
        return server.start()

    def named(self, conf=None, *, files=None, **how):
        server = Named(self, self._name("named"), conf, **how)
        for name, text in (files or {}).items():
            server.write(name, text)
        return server.start()

    def unbound(self, conf, **how):
        return Unbound(self, self._name("unbound"), conf, **how).start()

    def nsd(self, zones, **how):
        return Nsd(self, self._name("nsd"), zones, **how).start()

    def root(self, load=1000):
        return Root(self, load).start()

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def copy_of(self, name):
        copy = os.path.join(self.dir, "bin", name)
        if not os.path.exists(copy):
            os.makedirs(os.path.dirname(copy), exist_ok=True)
            shutil.copy(tool(name), copy)
        return copy

    def logs(self):
        """The ends of all logs, for a failing case."""
        found = []
        for server in self.servers:
            state = "running" if server.running() else "ended"
            found.append("--- %s (%s)\n%s" % (server.name, state, server.log()[-3000:]))
        return "\n".join(found)
