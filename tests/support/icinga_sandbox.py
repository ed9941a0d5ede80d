#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Icinga 2 daemon on a scratch directory.

    with Icinga(folder, conf=["http-onion.conf", "hosts.conf"], contrib=plugins) as icinga:
        row = icinga.force("serveur-secret!onion")      # a check now, and what came of it

Everything that the daemon writes is under the folder; its REST API listens on a free loopback port, and no other
feature than the checker runs. The base configuration holds what a Debian installation gives: the template library,
"generic-host" and "generic-service". The files under test are included unchanged. It runs as the caller; leaving
the block ends what was started, and only that.

By hand: icinga_sandbox.py check CONF…          validates; exit 0 when Icinga takes them
         icinga_sandbox.py run CONF…            checks everything once, prints the rows as JSON
with --contrib DIR for PluginContribDir and --plugins DIR for PluginDir.
"""
import argparse
import base64
import grp
import json
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PLUGINS = "/usr/lib/nagios/plugins"
SERVICE_STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]

BASE = '''\
const PluginDir = "%(plugins)s"
const ManubulonPluginDir = PluginDir
const PluginContribDir = "%(contrib)s"
const NodeName = "sandbox"
const ZoneName = NodeName
const TicketSalt = ""
object Endpoint NodeName { host = "127.0.0.1" }
object Zone ZoneName { endpoints = [ NodeName ] }
include <itl>
include <plugins>
include <plugins-contrib>
object CheckerComponent "checker" { }
object IcingaApplication "app" { enable_notifications = false }
template Host "generic-host" {
  max_check_attempts = 3
  check_interval = %(interval)s
  retry_interval = %(interval)s
  check_command = "hostalive"
}
template Service "generic-service" {
  max_check_attempts = 5
  check_interval = %(interval)s
  retry_interval = %(interval)s
}
'''
API = '''\
object ApiListener "api" {
  bind_host = "127.0.0.1"
  bind_port = %(port)d
  accept_config = false
  accept_commands = false
}
object ApiUser "sandbox" {
  password = "%(password)s"
  permissions = [ "*" ]
}
'''


class NotUp(Exception):
    """The daemon, or a check, did not come; the text has the end of the log."""


def program():
    return shutil.which("icinga2") or shutil.which("icinga2", path="/usr/sbin:/sbin:/usr/local/sbin")


def quoted(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Icinga:
    """`conf`: files under test. `interval_s`: of generic-host and generic-service. `environment`: added to the
    daemon's, and so to the plugins'."""

    def __init__(self, folder, conf, contrib=None, plugins=None, interval_s=1.0, environment=None):
        self.dir = os.path.abspath(folder)
        self.conf = [os.path.abspath(c) for c in conf]
        self.plugins = os.path.abspath(plugins or PLUGINS)
        self.contrib = os.path.abspath(contrib or self.plugins)
        self.interval_s = interval_s
        self.environment = dict(os.environ, **(environment or {}))
        self.process = None
        self.port, self.password = 0, base64.b16encode(os.urandom(8)).decode()
        self.main = os.path.join(self.dir, "icinga2.conf")
        self.log_file = os.path.join(self.dir, "icinga2.log")

    def __enter__(self):
        try:
            return self.up()
        except BaseException:                    # also the exit that a signal asks for
            self.down()
            raise

    def __exit__(self, *_):
        self.down()

    # ---- the daemon ----

    def _write(self, api):
        os.makedirs(self.dir, exist_ok=True)
        with open(self.main, "w") as f:
            f.write(BASE % {"plugins": self.plugins, "contrib": self.contrib, "interval": "%gs" % self.interval_s})
            f.write(API % {"port": self.port, "password": self.password} if api else "")
            f.writelines("include %s\n" % quoted(c) for c in self.conf)

    def _command(self, *more):
        command = [program(), "daemon", "-c", self.main]
        for constant, name in (("ConfigDir", "etc"), ("DataDir", "data"), ("LogDir", "log"), ("CacheDir", "cache"),
                               ("SpoolDir", "spool"), ("InitRunDir", "run")):
            path = os.path.join(self.dir, name)
            os.makedirs(path, exist_ok=True)
            command += ["-D", "%s=%s" % (constant, path)]
        command += ["-D", "RunAsUser=" + pwd.getpwuid(os.geteuid()).pw_name,
                    "-D", "RunAsGroup=" + grp.getgrgid(os.getegid()).gr_name, "-D", "Concurrency=2"]
        return command + list(more)

    def validate(self):
        """(does Icinga take the configuration?, what it said)"""
        self._write(api=False)
        done = subprocess.run(self._command("-C"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", env=self.environment, timeout=60)
        return done.returncode == 0, done.stdout

    def _certificate(self):
        """A self-signed one, which is its own CA: the API wants both. (icinga2's own are RSA-4096, and slow.)"""
        folder = os.path.join(self.dir, "data", "certs")
        os.makedirs(folder, exist_ok=True)
        cert = os.path.join(folder, "sandbox.crt")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=sandbox", "-addext", "subjectAltName=DNS:sandbox", "-days", "3650",
                        "-keyout", os.path.join(folder, "sandbox.key"), "-out", cert],
                       check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        shutil.copy(cert, os.path.join(folder, "ca.crt"))
        context = ssl.create_default_context(cafile=cert)
        context.check_hostname = False
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))

    def up(self, timeout_s=30):
        """Starts the daemon; returns when its API answers. When it raises, down() is still to be called."""
        self.port = free_port()
        self._write(api=True)
        self._certificate()
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=self.environment, start_new_session=True)
        end = time.monotonic() + timeout_s
        while True:
            try:
                self.call("GET", "/v1/status/IcingaApplication")
                return self
            except (OSError, ValueError):
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                raise NotUp("icinga2 is not up (exit %s):\n%s" % (self.process.returncode, self.log()))
            time.sleep(0.05)

    def down(self):
        """The process that we started passes SIGTERM on to its worker; both are in a process group of their own."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def log(self):
        with open(self.log_file, errors="replace") as f:
            return f.read()[-3000:]

    # ---- the API ----

    def call(self, method, path, body=None):
        token = base64.b64encode(("sandbox:" + self.password).encode()).decode()
        request = urllib.request.Request("https://127.0.0.1:%d%s" % (self.port, path), method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Accept": "application/json", "Authorization": "Basic " + token,
                                                  "Content-Type": "application/json"})
        with self.opener.open(request, timeout=10) as answer:
            return json.load(answer)

    def rows(self):
        """{object's name: row} of all services and hosts."""
        found = {}
        for kind in ("service", "host"):
            for result in self.call("GET", "/v1/objects/%ss" % kind)["results"]:
                found[result["name"]] = row(kind, result["attrs"])
        return found

    def force(self, *names, timeout_s=60):
        """Has these services or hosts (all, without names) checked now; their rows when that is done: the row
        itself for one name, else {name: row}."""
        before = self.rows()
        names_wanted = names or tuple(before)
        asked = time.time()
        for name in names_wanted:
            self.call("POST", "/v1/actions/reschedule-check",
                      {"type": before[name]["kind"].capitalize(), before[name]["kind"]: name, "force": True})
        rows = self.wait(lambda now: all((now[n]["began"] or 0) >= asked - 0.001 for n in names_wanted), timeout_s, "checked")
        return rows[names[0]] if len(names) == 1 else {n: rows[n] for n in names_wanted}

    def wait(self, ready, timeout_s=30, what="as wanted"):
        """The rows, once ready(rows)."""
        end = time.monotonic() + timeout_s
        while True:
            rows = self.rows()
            if ready(rows):
                return rows
            if time.monotonic() > end:
                raise NotUp("not %s after %d s: %s\n%s" % (what, timeout_s, json.dumps(rows, indent=1), self.log()))
            time.sleep(0.05)


def row(kind, attributes):
    result = attributes.get("last_check_result") or {}
    state = int(attributes["state"])
    output, _, more = (result.get("output") or "").partition("\n")
    return {"kind": kind, "check_command": attributes["check_command"], "vars": attributes["vars"],
            "state": SERVICE_STATES[state] if kind == "service" else ("UP" if state == 0 else "DOWN"),
            "state_type": "HARD" if attributes["state_type"] else "SOFT",
            "attempt": int(attributes["check_attempt"]), "attempts_max": int(attributes["max_check_attempts"]),
            "check_interval_s": attributes["check_interval"], "retry_interval_s": attributes["retry_interval"],
            "exit_status": int(result["exit_status"]) if result else None, "output": output, "long_output": more,
            "performance_data": result.get("performance_data"), "argv": result.get("command"),
            "began": result.get("execution_start")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["check", "run"])
    parser.add_argument("conf", nargs="+")
    parser.add_argument("--contrib")
    parser.add_argument("--plugins")
    options = parser.parse_args()
    if not program():
        sys.exit("icinga2 is not installed")
    with tempfile.TemporaryDirectory(prefix="icinga-") as folder:
        icinga = Icinga(folder, options.conf, options.contrib, options.plugins)
        if options.verb == "check":
            good, said = icinga.validate()
            sys.stdout.write(re.sub(r"^\[[^]]*\] ", "", said, flags=re.M))
            sys.exit(not good)
        with icinga:
            print(json.dumps(icinga.force(), indent=1))


if __name__ == "__main__":
    main()
