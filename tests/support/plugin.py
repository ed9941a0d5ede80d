# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs monitoring plugins and takes their output apart."""
import argparse
import collections
import os
import re
import subprocess
import time

CHECK_HTTP = "/usr/lib/nagios/plugins/check_http"
STATES = ["OK", "WARNING", "CRITICAL", "UNKNOWN"]

Result = collections.namedtuple("Result", "code out err seconds line text perfdata")


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    options.check = os.path.abspath(os.path.join(options.build, "src/check_http_onion/check_http_onion"))
    return options


def parse_perfdata(text):
    """{label: (number, unit, warn, crit, min, max)}"""
    found = {}
    for item in text.split():
        label, _, rest = item.partition("=")
        fields = (rest.split(";") + [""] * 5)[:5]
        number = re.match(r"-?[0-9.]+", fields[0])
        if not number:
            raise AssertionError("no performance data: %r in %r" % (item, text))
        found[label] = (float(number.group()), fields[0][number.end():], *fields[1:])
    return found


def run(command, timeout=60, env=None, parse=True):
    """Runs a plugin. Its first line is split at the first '|'; `parse`: what follows must be performance data."""
    began = time.monotonic()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TOR_SOCKS")}
    environment.update({"LC_ALL": "C", "TZ": "UTC"}, **(env or {}))
    done = subprocess.run([str(x) for x in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=timeout, env=environment)
    seconds = time.monotonic() - began
    out, err = done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")
    line = out.split("\n")[0]
    text, bar, perfdata = line.partition("|")
    return Result(done.returncode, out, err, seconds, line, text, parse_perfdata(perfdata) if bar and parse else {})
