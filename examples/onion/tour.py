#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ./run --onion shows: a private Tor network on loopback, an onion service that is up, and then is not, in several
ways; what `torsocks check_http` says of each, and what check_http_onion says. Everything is ended and removed.

    tour.py CHECK_HTTP_ONION
"""
import contextlib
import io
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import textwrap
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests"))
from support import plugin, tornet

STATES = {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


def say(text=""):
    print("\n".join(textwrap.wrap(text, 110)) if text else "", flush=True)


class Tour:
    def __init__(self, program):
        self.program = program
        self.folder = tempfile.mkdtemp(prefix="onion-tour-")
        self.net = os.path.join(self.folder, "net")

    def tor(self, *words):
        out = io.StringIO()
        before, sys.argv = sys.argv, ["tornet", *words]
        try:
            with contextlib.redirect_stdout(out):
                tornet.main()
        finally:
            sys.argv = before
        return json.loads(out.getvalue())

    def begin(self):
        self.described = self.tor("up", self.net)
        self.client = self.described["clients"]["client"]
        self.onion = self.described["onion"]

    def end(self):
        with contextlib.suppress(BaseException):
            self.tor("down", self.net)
        shutil.rmtree(self.folder, ignore_errors=True)

    def show(self, command, shown, perfdata):
        result = plugin.run(command, parse=False)
        print("\n%s$ %s%s" % (BOLD, shown, PLAIN))
        for line in result.out.rstrip("\n").replace(self.onion, self.short(self.onion)).split("\n"):
            line = line if perfdata else line.partition("|")[0]
            print("\n".join(textwrap.wrap(line, 106, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False)))
        print("    (%s, exit code %d, %.1f s)" % (STATES.get(result.code, "?"), result.code, result.seconds), flush=True)

    @staticmethod
    def short(onion):
        return onion[:8] + "….onion"

    def ask(self, title, onion=None, perfdata=False):
        """The same question to both."""
        onion = onion or self.onion
        print("\n%s== %s%s" % (BOLD, title, PLAIN))
        self.show(["torsocks", "-i", "-a", "127.0.0.1", "-P", str(self.client["socks_plain"]), plugin.CHECK_HTTP, "-H", onion],
                  "torsocks check_http -H " + self.short(onion), perfdata)
        self.show([self.program, "-H", onion, "--socks", "127.0.0.1:%d" % self.client["socks"],
                   "--control", "127.0.0.1:%d" % self.client["control"], "--cookie", self.client["cookie"]],
                  "check_http_onion -H " + self.short(onion), perfdata)

    def run(self):
        say("Starting a private Tor network on loopback: three authorities, three relays, a client, and an onion service "
            "with a web server behind it. This takes about 20 seconds, more on a busy machine; nothing leaves this machine.")
        began = time.monotonic()
        self.begin()
        say()
        say("Up after %.0f s. The onion service is %s" % (time.monotonic() - began, self.onion))
        self.ask("The service is up (here with the performance data that follow the text)", perfdata=True)
        self.tor("kill", self.net, "web0")
        self.ask("The web server behind it is stopped")
        self.tor("start", self.net, "web0")
        self.tor("kill", self.net, "onion0")
        time.sleep(5)                            # until its introduction points have noticed
        self.ask("The onion service itself is stopped")
        self.ask("A letter of the address is wrong", re.sub("^.", lambda m: "b" if m.group() != "b" else "c", self.onion))
        self.tor("start", self.net, "onion0")
        self.wait_until_back()
        self.ask("Both run again")
        self.tor("kill", self.net, "client")
        self.ask("The service is up, but the Tor of the monitoring machine is not")

    def wait_until_back(self):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if plugin.run([self.program, "-H", self.onion, "--socks", "127.0.0.1:%d" % self.client["socks"], "-t", "10"],
                          parse=False).code == 0:
                return
            time.sleep(0.5)


def main():
    tour = Tour(os.path.abspath(sys.argv[1]))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        tour.run()
    except KeyboardInterrupt:
        return 130
    finally:
        tour.end()
    print("\n%sThat was all; the private network is gone.%s What to type next, with a Tor of your own (apt install tor):\n"
          % (BOLD, PLAIN))
    print("    build-run/src/check_http_onion/check_http_onion -H YOUR.onion\n"
          "    less icinga2/README.md          a green onion in Icinga in ten minutes; Nagios, Prometheus\n"
          "    man man/check_http_onion.1      every option\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
