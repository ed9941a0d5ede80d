#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How calm and how dear check_http_onion is, beside `torsocks check_http`. Prints two tables in Markdown.

Calm: a SOCKS5 proxy that fails each circuit with a probability, in front of a web server that is always up: every
check that is not OK is a false alarm. The proxy draws anew for each connection, which flatters torsocks: with the real
Tor its checks share a circuit, and a bad one stays for minutes. Each tool gets the reply that it would get from Tor
(F2 with ExtendedErrors; 04 on a plain port), and both draw from the same seed.

Cost: time and the plugin's CPU (with torsocks' shell and library) on a private Tor network, one fresh circuit for each
check, the tools in turns.

    bench/onion_calm.py [--runs 1000] [--cost-runs 60] [--check PROGRAM] [--only calm|cost]
"""
import argparse
import atexit
import concurrent.futures
import contextlib
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tests"))
from support import plugin, tornet
from support.fakesocks import Behaviour, Proxy

ONION = tornet.bad_address("never")


def build():
    """An optimized check_http_onion in build-bench/."""
    folder = os.path.join(TOP, "build-bench")

    def call(*command):
        subprocess.run(command, cwd=TOP, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    call("packaging/install-packages", "build", "test")
    if not os.path.exists(os.path.join(folder, "build.ninja")):
        call("meson", "setup", folder, "-Dbuildtype=release", "-Dtests=disabled")
    call("ninja", "-C", folder, "src/check_http_onion/check_http_onion")
    return os.path.join(folder, "src/check_http_onion/check_http_onion")


def ours(program, onion, port, *more):
    return [program, "-H", onion, "--socks", "127.0.0.1:%d" % port, *more]


def theirs(onion, port, *more, isolate=False):
    return ["torsocks", *(["-i"] if isolate else []), "-a", "127.0.0.1", "-P", str(port), plugin.CHECK_HTTP, "-H", onion, *more]


def once(command):
    """(exit code, seconds, CPU seconds of the command and all that it ran)"""
    began = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, time.monotonic() - began, used.ru_utime + used.ru_stime


# ---- calm ----

def false_alarms(make_command, reply, probability, runs, seed):
    """(false alarms, circuits that the proxy failed, circuits in all)"""
    draw = random.Random(seed)
    failed = []

    def behave(_host, _port, _number):
        with proxy.lock:
            bad = draw.random() < probability
        failed.append(bad)
        return Behaviour(reply=reply if bad else 0)

    with Proxy(behave) as proxy, concurrent.futures.ThreadPoolExecutor(3) as pool:
        codes = list(pool.map(lambda _: once(make_command(proxy.port))[0], range(runs)))
    return sum(code != 0 for code in codes), sum(failed), len(failed)


def calm(program, runs):
    tools = [
        ("`torsocks check_http`", 0x04, lambda port: theirs(ONION, port)),
        ("`check_http_onion --circuits 1`", 0xF2, lambda port: ours(program, ONION, port, "--circuits", "1")),
        ("`check_http_onion --circuits 2`", 0xF2, lambda port: ours(program, ONION, port, "--circuits", "2")),
        ("`check_http_onion`", 0xF2, lambda port: ours(program, ONION, port)),
    ]
    print("| false alarms in %d checks | a circuit fails with 0.05 | with 0.2 |\n| --- | --- | --- |" % runs)
    for name, reply, command in tools:
        cells = []
        for probability in (0.05, 0.2):
            alarms, failed, circuits = false_alarms(command, reply, probability, runs, 1789)
            cells.append("%d (%d of %d circuits failed)" % (alarms, failed, circuits))
        print("| %s | %s |" % (name, " | ".join(cells)), flush=True)


# ---- cost ----

def tor(*words):
    out = io.StringIO()
    before, sys.argv = sys.argv, ["tornet", *words]
    try:
        with contextlib.redirect_stdout(out):
            tornet.main()
    finally:
        sys.argv = before
    return json.loads(out.getvalue())


def cost(program, runs):
    with tempfile.TemporaryDirectory(prefix="onion-cost-") as folder:
        net_folder = os.path.join(folder, "net")

        def down():
            with contextlib.suppress(BaseException):
                tor("down", net_folder)
        atexit.register(down)
        net = tor("up", net_folder)
        client = net["clients"]["client"]
        tools = {"`torsocks -i check_http`": theirs(net["onion"], client["socks_plain"], isolate=True),
                 "`check_http_onion`": ours(program, net["onion"], client["socks"])}
        measured = {name: [] for name in tools}
        for _ in range(runs):
            for name, command in tools.items():
                measured[name].append(once(command))
        down()
    print("\n| %d checks, one fresh circuit each | OK | median s | p95 s | plugin CPU ms, median |\n| --- | --- | --- | --- | --- |" % runs)
    for name, rows in measured.items():
        seconds = sorted(r[1] for r in rows)
        print("| %s | %d | %.3f | %.3f | %.1f |" % (name, sum(r[0] == 0 for r in rows), statistics.median(seconds),
                                                   seconds[int(len(seconds) * 0.95)], 1000 * statistics.median(r[2] for r in rows)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--cost-runs", type=int, default=60)
    parser.add_argument("--check", help="the program; else build-bench/ is built")
    parser.add_argument("--only", choices=["calm", "cost"])
    options = parser.parse_args()
    program = os.path.abspath(options.check) if options.check else build()
    for word in ("TOR_SOCKS_HOST", "TOR_SOCKS_PORT"):
        os.environ.pop(word, None)
    if options.only != "cost":
        calm(program, options.runs)
    if options.only != "calm":
        cost(program, options.cost_runs)


if __name__ == "__main__":
    main()
