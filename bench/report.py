#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.py WORK: the results that bench/run left in WORK, as Markdown."""
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time

import bench_peers

PACKAGES = ("bind9", "unbound", "pdns-recursor", "knot-resolver", "dnsperf", "nsd", "valgrind")
KINDS = (("clean", None, "cached answer, no policy"), ("clean", "file", "cached answer, no rule matches"),
         ("opt", "file", "the same, asked with EDNS"), ("cookie", "file", "the same, asked with a cookie"),
         ("nxdomain", "file", "listed name"), ("below", "file", "name below a listed one"),
         ("local", "file", "local data"), ("many", "file", "listed names, 40,000 in turn"))


def versions():
    for package in PACKAGES:
        found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], text=True, capture_output=True)
        if found.returncode == 0:
            yield "%s %s" % (package, found.stdout)


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*:\s*(.*)", f.read())
    return "%d cores, %s, Linux %s" % (os.cpu_count(), model.group(1) if model else platform.machine(),
                                       platform.release())


def instructions(results):
    rows = [r for r in results if r["test"] == "instructions"]
    if not rows:
        return
    peers = list(dict.fromkeys(r["peer"] for r in rows))
    print("## User-space instructions per question\n")
    print("Counted by callgrind (`bench/instructions.py`): the same on any machine and under any load.\n")
    print("| what is asked | %s |\n|%s" % (" | ".join(peers), "---|" * (len(peers) + 1)))
    for kind, policy, text in KINDS:
        cells = []
        for peer in peers:
            found = [r["instructions"] for r in rows if (r["peer"], r["kind"], r["rpz"]) == (peer, kind, policy)]
            cells.append("{:,}".format(found[-1]) if found else "–")
        print("| %s | %s |" % (text, " | ".join(cells)))
    print()


def tcp(results):
    rows = [r for r in results if r["test"] == "tcp"]
    if not rows:
        return

    def median(mine, of):
        return statistics.median(of(r) for r in mine)
    print("## TCP\n")
    print("%d connections that say nothing, then %d that each keep %d questions under way, then one question on each of the first "
          "(`bench/tcp.py`); one thread, medians of %d rounds.\n" % (rows[0]["wanted_idle"], rows[0]["wanted_busy"], rows[0]["pipeline"],
                                                             sum(r["peer"] == rows[0]["peer"] for r in rows)))
    print("| peer | CPU µs per answer | answers per second | bytes per idle connection | peak MB | busy connections closed | idle ones answered |\n|"
          + "---|" * 7)
    for peer in dict.fromkeys(r["peer"] for r in rows):
        mine = [r for r in rows if r["peer"] == peer]
        print("| %s | %s | %s | %s | %.0f | %.0f | %.0f of %.0f |" % (
            peer, "%.1f" % median(mine, lambda r: r["us"]) if median(mine, lambda r: r["answered"]) else "–",
            "{:,.0f}".format(median(mine, lambda r: r["qps"])),
            "{:,.0f}".format(median(mine, lambda r: (r["rss_idle"] - r["rss"]) * 1024 / max(r["idle"], 1))),
            median(mine, lambda r: r["peak"]) / 1024, median(mine, lambda r: r["closed"]),
            median(mine, lambda r: r["idle_answered"]), rows[0]["wanted_idle"]))
    print()


def main():
    with open(os.path.join(sys.argv[1], "results.jsonl")) as f:
        results = [json.loads(line) for line in f]
    rules = max((r["rules"] for r in results), default=0)
    print("# Measured\n")
    print("Written by `bench/run` on %s; `bench/README.md` says how to repeat it and how to read it.\n"
          % time.strftime("%Y-%m-%d"))
    print("%s rules; %s; %s.\n" % ("{:,}".format(rules), machine(), ", ".join(versions())))
    loads = [r["load"] for r in results if "load" in r]
    if loads:
        print("The machine's 1-minute load during the run: %.0f to %.0f (with more than about %d, other work took part: "
              "compare within one table; times and gaps are upper bounds).\n" % (min(loads), max(loads), os.cpu_count() + 1))
    print("`echo` answers without thinking (`bench/echo.c`): what the kernel alone costs.\n")
    instructions(results)
    tcp(results)
    print("## The peers, in turns\n")
    bench_peers.tables([dict({"load": 0}, **r) for r in results if r["test"] not in ("instructions", "tcp", "FAILED")])
    failed = [r for r in results if r["test"] == "FAILED"]
    for r in failed:
        print("\n%s did not finish: %s" % (r["peer"], r["error"].strip().split("\n")[-1]))


main()
