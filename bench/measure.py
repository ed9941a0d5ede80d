#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures: the parts of the benchmark, one after the other, each into its file of results. bench/run builds the programs and calls
this; README.md says what the parts are."""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import instructions
import parts
import peers
import tcp
from running import Bench, say


def count_instructions(bench):
    names = [p for p in bench.peers if p in ("echo", "candor", "unbound")]
    parts.alone(bench, "instructions", names + (["candor+zones"] if "candor" in names else []), instructions.measure)


PARTS = {"start": parts.start, "answers": parts.answers, "reload": parts.reload, "transfer": parts.transfer, "restart": parts.restart,
         "tcp": tcp.tcp, "instructions": count_instructions}


def chosen_peers(names):
    """Those that can be run here; without them, the rows are candord's alone."""
    found = []
    for name in names.split(","):
        if name not in peers.PEERS:
            sys.exit("no such peer: " + name)
        program = peers.PROGRAMS[name]
        if program is None or shutil.which(program):
            found.append(name)
        else:
            say("%s is not installed: left out" % name)
    return found


def chosen_parts(names):
    for name in names.split(","):
        if name not in PARTS:
            sys.exit("no such part: %s (there are %s)" % (name, ", ".join(PARTS)))
    return names.split(",")


def make_data(options, programs):
    """The rules and questions, unless they are there: 10 M take a minute."""
    versions = 1 + 2 * options.updates
    made = os.path.join(options.data, "made.txt")
    if os.path.exists(made):
        with open(made) as f:
            rules, there, _ = map(int, f.read().split())
        if rules == options.rules and there >= versions:
            return
    say("making %s" % options.data)
    fresh = tempfile.mkdtemp(prefix=os.path.basename(options.data) + ".", dir=os.path.dirname(options.data))
    try:
        subprocess.run([os.path.join(programs, "gen_rpz")] + [fresh, str(options.rules), str(versions)], check=True)
        shutil.rmtree(options.data, ignore_errors=True)
        os.rename(fresh, options.data)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="where candor was built")
    parser.add_argument("--rules", type=int, default=1000000)
    parser.add_argument("--peers", default=",".join(peers.PEERS))
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--data", help="made there, or found")
    parser.add_argument("--results", help="directory of the results")
    parser.add_argument("--starts", type=int, help="of each server, without and with policy")
    parser.add_argument("--restarts", type=int, default=5)
    parser.add_argument("--updates", type=int, help="reloads, IXFRs, AXFRs of each server")
    parser.add_argument("--rounds", type=int, default=5, help="of answers")
    parser.add_argument("--seconds", type=float, default=1.5, help="of one load in them")
    parser.add_argument("--questions", type=int, default=20000, help="counted below callgrind")
    parser.add_argument("--idle", type=int, default=10000, help="TCP connections that say nothing")
    parser.add_argument("--tcp-rounds", type=int, default=2)
    parser.add_argument("--tcp-seconds", type=float, default=3)
    parser.add_argument("--quick", action="store_true", help="figures that show that it works")
    options = parser.parse_args()
    large = options.rules > 3000000
    if options.quick:
        options.rounds, options.seconds, options.questions = 2, 0.5, 5000
        options.idle, options.tcp_rounds, options.tcp_seconds, options.restarts = 2000, 1, 1, 2
    options.starts = options.starts or (1 if options.quick else 2 if large else 3)
    options.updates = options.updates or (1 if options.quick else 2 if large else 3)
    options.data = os.path.abspath(options.data or os.path.join(options.build, "data-%d-%d" % (options.rules, options.updates)))
    options.results = os.path.abspath(options.results or os.path.join(options.build, "results"))
    options.peers, options.parts = chosen_peers(options.peers), chosen_parts(options.parts)
    return options


def interrupted(*_):
    raise KeyboardInterrupt


def main():
    options = parse()
    build, programs = os.path.abspath(options.build), os.path.abspath(os.path.join(options.build, "bench"))
    os.environ.setdefault("CANDORD", os.path.join(build, "src/candord/candord"))
    os.environ.setdefault("CANDORCTL", os.path.join(build, "src/candorctl/candorctl"))
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    make_data(options, programs)
    work = tempfile.mkdtemp(prefix="candor-bench.")
    failed = False
    try:
        bench = Bench(options, work, programs)
        for part in options.parts:
            began = time.monotonic()
            try:
                PARTS[part](bench)
            except Exception as why:        # the other parts are measured
                failed = True
                say("%s: %r" % (part, why))
            say("%s took %.0f s" % (part, time.monotonic() - began))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
