#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.py RESULTS [RULES…]: what bench/run has noted, as Markdown: the goals first, then each part's table."""
import os
import platform
import re
import statistics
import subprocess
import sys
import time

import goals
import peers
import plot
import results

PACKAGES = ("bind9", "unbound", "pdns-recursor", "knot-resolver", "dnsperf", "nsd", "valgrind")
INSTRUCTIONS = (("clean", None, "cached answer, no policy"), ("clean", "file", "cached answer, no rule matches"),
                ("opt", "file", "the same, asked with EDNS"), ("cookie", "file", "the same, asked with a cookie"),
                ("nxdomain", "file", "listed name"), ("below", "file", "name below a listed one"),
                ("local", "file", "local data, 1,000 names"), ("many", "file", "listed names, 40,000 in turn"),
                ("cold", None, "asked for the first time, no policy"), ("cold", "file", "the same, no rule matches"))
ANSWERS = (("clean", None, "clean, no policy"), ("clean", "file", "clean"), ("hit", "file", "hit, 10,000 names"),
           ("many", "file", "hit, 100,000 names"), ("local", "file", "local data"), ("cold", None, "cold, no policy"), ("cold", "file", "cold"))


def versions():
    for package in PACKAGES:
        found = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], text=True, capture_output=True)
        if found.returncode == 0 and found.stdout:
            yield "%s %s" % (package, found.stdout)


def machine():
    with open("/proc/cpuinfo") as f:
        model = re.search(r"model name\s*:\s*(.*)", f.read())
    return "%d cores, %s, Linux %s" % (os.cpu_count(), model.group(1) if model else platform.machine(), platform.release())


def when(size, part):
    """The line below a heading."""
    entries = list(size.entries(part).values())
    loads = [e[k] for e in entries for k in ("load", "load_after")]
    dates = sorted(e["date"] for e in entries)
    said = dates[0] if dates[0] == dates[-1] else "%s to %s" % (dates[0], dates[-1])
    print("Measured %s, in %d s; the machine's 1-minute load: %.1f when it began, at most %.1f after a server's turn.\n" %
          (said, sum(e["seconds"] for e in entries), entries[0]["load"], max(loads)))


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def head(*cells):
    row(*cells)
    print("|" + "---|" * len(cells))


def seconds(value):
    return "–" if value is None else "%.3f" % value if value < 0.1 else "%.2f" % value


def mb(kb):
    return "–" if kb is None else "%.0f" % (kb / 1024)


def answers(size):
    print("#### CPU µs per answer, user and system: median (lowest to highest of the rounds)\n")
    when(size, "answers")
    rounds = max(len(r["us"]) for r in size.rows("answers") if "us" in r)
    print("All servers are up and take turns, %d rounds; one thread each. Cold: 60,000 names through a stub, each once, a\n"
          "share in each round. Beside `echo`: the median of the rounds' ratios.\n" % rounds)
    head("server", *[t for _, _, t in ANSWERS], "clean beside echo", "kQPS clean, policy")
    floor = size.rounds("echo", "clean", None)
    for peer in size.peers("answers"):
        cells = []
        for kind, policy, _ in ANSWERS:
            us = size.rounds(peer, kind, policy)
            cells.append("–" if not us else "%.2f" % us[0] if len(us) == 1 else "%.2f (%.2f–%.2f)" % (statistics.median(us), min(us), max(us)))
        ours = size.rounds(peer, "clean") or size.rounds(peer, "clean", None)
        cells.append("%.2f x" % goals.ratio(ours, floor)[0] if floor and ours else "–")
        rows = size.rows("answers", peer, kind="clean", policy="file")
        cells.append("%.0f" % (statistics.median(rows[-1]["qps"]) / 1000) if rows else "–")
        row(peers.title(peer), *cells)
    odd = [r for r in size.rows("answers") if r.get("lost")]
    for r in odd:
        print("\n%s, %s, policy %s: %d questions lost." % (peers.title(r["peer"]), r["kind"], r["policy"], r["lost"]))
    print()


def instructions(size):
    print("#### User instructions per question\n")
    when(size, "instructions")
    print("Counted by callgrind: the same on any machine and under any load. The server starts with the whole policy.\n")
    names = size.peers("instructions")
    head("what is asked", *[peers.title(n) for n in names])
    for kind, policy, text in INSTRUCTIONS:
        found = [size.instructions(n, kind, policy) for n in names]
        if any(found):
            row(text, *["{:,}".format(f) if f else "–" for f in found])
    print()


def start(size):
    print("#### Start from the text file, and memory\n")
    when(size, "start")
    print("From exec until the first blocked name is blocked, asked from the first packet on; medians. Memory when it rests again, a second later\n"
          "at least. Unfiltered:\n"
          "blocked names that were answered as if there were no policy, in all of these starts.\n")
    head("server", "starts", "no policy s (CPU)", "with the file s (CPU)", "the file alone, CPU s", "RSS without MB", "RSS with MB", "peak MB",
         "bytes per rule", "unfiltered (for s)")
    for peer in size.peers("start", kind="start"):
        def mid(key, policy):
            return size.median("start", lambda r: r[key], peer, kind="start", policy=policy)
        with_it = size.rows("start", peer, kind="start", policy="file")
        each = size.bytes_per_rule(peer)
        row(peers.title(peer), "%d" % len(with_it), *["%s (%s)" % (seconds(mid("wall", p)), seconds(mid("cpu", p))) for p in (None, "file")],
            seconds(size.text_cpu(peer)), mb(mid("rss", None)), mb(mid("rss", "file")), mb(mid("peak", "file")),
            "–" if each is None else "%.1f" % each, "%d (%.2f)" % (sum(r["leaked"] for r in with_it), max([r["leak_s"] for r in with_it], default=0)))
    print()


def restart(size):
    print("#### Restart with what was saved\n")
    when(size, "restart")
    print("Image: the file of a primary zone and its mapped image beside it. Copy: what a secondary has saved of its transfers, its primary\n"
          "gone; candord has it as a journal, and as an image beside that. From exec until the first blocked name is blocked.\n")
    head("server", "saved as", "restarts", "s: median (longest)", "CPU s", "RSS MB", "unfiltered (for s)")
    for peer in size.peers("restart"):
        for kind in ("image", "copy and image", "copy"):
            rows = size.rows("restart", peer, kind=kind)
            if rows:
                row(peers.title(peer.partition("+")[0]), kind, "%d" % len(rows), "%s (%s)" % (
                    seconds(statistics.median(r["wall"] for r in rows)), seconds(max(r["wall"] for r in rows))),
                    seconds(statistics.median(r["cpu"] for r in rows)), mb(statistics.median(r["rss"] for r in rows)),
                    "%d (%.2f)" % (sum(r["leaked"] for r in rows), max(r["leak_s"] for r in rows)))
    print()


def first(size):
    rows = size.rows("transfer", kind="first")
    if not rows:
        return
    print("#### First transfer (AXFR)\n")
    when(size, "transfer")
    print("From exec until the first blocked name is blocked; nothing is there before. `candor+ready`: `servfail-until-ready yes`.\n")
    head("server", "s (CPU)", "RSS MB", "peak MB", "peak beside RSS", "unfiltered (for s)")
    for r in sorted(rows, key=lambda r: size.peers("transfer").index(r["peer"])):
        row(peers.title(r["peer"]), "%s (%s)" % (seconds(r["wall"]), seconds(r["cpu"])), mb(r["rss"]), mb(r["peak"]), "%.2f x" % (r["peak"] / r["rss"]),
            "%d (%.2f)" % (r["leaked"], r["leak_s"]))
    print()


def updated(size, part, kind, title, text):
    names = size.peers(part, kind=kind)
    if not names:
        return
    print("#### %s\n" % title)
    when(size, part)
    print(text + "\n")
    arrival = ["after arrival ms"] if kind == "ixfr" else []
    head("server", "times", "acts after s", *arrival, "longest gap ms (worst)", "noise ms (worst)", "gap beside noise", "p50 ms", "p99.9 ms", "lost (of)",
         "other answers", "unfiltered", "CPU s", "before MB", "peak MB", "after MB", "peak beside before")
    for peer in names:
        rows = size.rows(part, peer, kind=kind)

        def mid(key):
            return statistics.median(r[key] for r in rows)

        def wait(key):
            return "lost" if mid(key) > 9e5 else "%.2f" % mid(key)
        after = size.median(part, lambda r: r.get("after_arrival"), peer, kind=kind)
        served = {r["served"] for r in rows if r.get("served")} - {kind}
        row(peers.title(peer) + (" (took %s)" % ", ".join(served) if served else ""), "%d" % len(rows), seconds(mid("effect")),
            *(["–" if after is None else "%.1f" % (after * 1000)] if arrival else []),
            "%.1f (%.1f)" % (mid("gap_ms"), max(r["gap_ms"] for r in rows)), "%.1f (%.1f)" % (mid("noise_ms"), max(r["noise_ms"] for r in rows)),
            "%.1f x" % (mid("gap_ms") / mid("noise_ms")), wait("p50_ms"), wait("p999_ms"), "%d (%d)" % (mid("lost"), mid("asked")),
            "%d" % mid("other"), "%d" % sum(r["leaked"] for r in rows), "%.4f" % mid("cpu") if mid("cpu") < 0.1 else "%.2f" % mid("cpu"),
            mb(mid("rss_before")), mb(mid("peak")), mb(mid("rss_after")), "%.2f x" % statistics.median(r["peak"] / r["rss_before"] for r in rows))
    print()


def updates(size):
    watched = ("A thousand names in a second are asked before, during and for two seconds after; noise: the longest gap in as long a time right before. Medians\n"
               "of the updates. CPU: what the update takes beside answering. ")
    updated(size, "reload", "reload", "Reload of the whole file, 1,000 records changed", watched)
    first(size)
    updated(size, "transfer", "ixfr", "IXFR of 1,000 changes",
            watched + "From NOTIFY until the first new rule acts,\nlooked for every 1 ms; arrival: the primary is about to send its first byte. PowerDNS polls each second.")
    updated(size, "transfer", "axfr", "AXFR of the whole zone over the version before", watched)


def tcp(size):
    rows = size.rows("tcp", kind="tcp")
    if not rows:
        return
    print("#### TCP\n")
    when(size, "tcp")
    print("{:,} connections that say nothing, then {:,} that each keep {} questions under way, then one question on each of the first; one\n"
          "thread, medians of {} rounds.\n".format(rows[0]["wanted_idle"], rows[0]["wanted_busy"], rows[0]["pipeline"],
                                                 sum(r["peer"] == rows[0]["peer"] for r in rows)))
    head("server", "CPU µs per answer", "answers per second", "bytes per idle connection", "peak MB", "busy connections closed", "idle ones answered")
    for peer in size.peers("tcp", kind="tcp"):
        def mid(of):
            return size.median("tcp", of, peer, kind="tcp")
        row(peers.title(peer), "%.2f" % mid(lambda r: r["us"]) if mid(lambda r: r["answered"]) else "–", "{:,.0f}".format(mid(lambda r: r["qps"])),
            "{:,.0f}".format(mid(lambda r: (r["rss_idle"] - r["rss"]) * 1024 / max(r["idle"], 1))), mb(mid(lambda r: r["peak"])),
            "%.0f" % mid(lambda r: r["closed"]), "{:,.0f} of {:,}".format(mid(lambda r: r["idle_answered"]), rows[0]["wanted_idle"]))
    print()


TABLES = {"instructions": instructions, "answers": answers, "start": start, "restart": restart, "tcp": tcp}


def report(sizes):
    print("# Measured\n")
    print("Written by `bench/run` on %s; `bench/README.md` says how to repeat it and how to read it, `doc/performance.md` what it means. %s; %s.\n"
          % (time.strftime("%Y-%m-%d"), machine(), ", ".join(versions())))
    print("## Goals\n")
    print("Computed from the tables below. A gap is not above the noise when the median of the updates' gaps is not longer than the longest gap\n"
          "in the same time before them. `echo` answers without thinking (`bench/echo.c`): what the kernel alone costs.\n")
    for size in sizes:
        goals.table(size)
    for size in sizes:
        print("## {:,} rules\n".format(size.rules))
        for part, table in TABLES.items():
            if size.entries(part):
                table(size)
            if part == "restart":
                updates(size)
        for part in size.parts:
            for r in size.rows(part, kind="failed"):
                print("%s, %s: not measured: %s\n" % (part, peers.title(r["peer"]), r["why"].strip().split("\n")[-1]))


def main():
    wanted = {int(n) for n in sys.argv[2:]}
    sizes = results.read(sys.argv[1], lambda rules: not wanted or rules in wanted)
    report(sizes)
    print(plot.links(sizes))


if __name__ == "__main__":
    main()
