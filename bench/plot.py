#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""plot.py WORK DOC: bars (SVG) of the results that bench/run left in WORK: what an answer costs, what a rule takes, how
long a reload stops the answers. Plain text, no library."""
import json
import os
import statistics
import sys

OURS, THEIRS, FLOOR = "#1b6e3c", "#8a94a6", "#c9b458"
ROW, LABEL, BARS, TOP = 24, 150, 420, 44


def median(rows, value):
    return statistics.median(value(r) for r in rows)


def cpu(results, test):
    """Peer -> CPU µs per answer."""
    found = {}
    for r in results:
        if r["test"] == test and r.get("mix") and (r["rpz"] == "file" or r["peer"] == "echo"):
            found[r["peer"]] = r["us"]
    return found


def bytes_per_rule(results):
    found = {}
    for peer in {r["peer"] for r in results if r["test"] == "start"}:
        mine = [r for r in results if r["test"] == "start" and r["peer"] == peer]
        with_rules = [r for r in mine if r["rpz"] == "file"]
        without = [r for r in mine if r["rpz"] is None]
        if with_rules and without:
            more = median(with_rules, lambda r: r["rss"]) - median(without, lambda r: r["rss"])
            found[peer] = more * 1024 / with_rules[0]["rules"]
    return found


def gaps(results):
    peers = dict.fromkeys(r["peer"] for r in results if r["test"] == "reload")
    return {p: median([r for r in results if r["test"] == "reload" and r["peer"] == p], lambda r: r["gap_ms"]) for p in peers}


def tcp(results):
    peers = dict.fromkeys(r["peer"] for r in results if r["test"] == "tcp" and r["answered"])
    return {p: median([r for r in results if r["test"] == "tcp" and r["peer"] == p], lambda r: r["us"]) for p in peers}


PLOTS = (
    ("clean", "CPU µs per clean cached answer, policy in force", lambda r: cpu(r, "clean")),
    ("hit", "CPU µs per answer of a rule", lambda r: cpu(r, "hit")),
    ("memory", "Bytes of memory per rule", bytes_per_rule),
    ("reload", "Longest gap between two answers during a reload, ms", gaps),
    ("tcp", "CPU µs per answer over TCP, pipelining clients", tcp),
)


def bar(y, peer, value, most):
    width = max(1, value / most * BARS)
    colour = OURS if peer.startswith("candor") else FLOOR if peer == "echo" else THEIRS
    return ('<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.1f" height="16" fill="%s"/>'
            '<text x="%.1f" y="%d">%s</text>' % (LABEL - 8, y + 13, peer, LABEL, y, width, colour, LABEL + width + 6, y + 13,
                                              "{:,.1f}".format(value) if value < 100 else "{:,.0f}".format(value)))


def draw(title, values):
    rows = sorted(values.items(), key=lambda item: item[1])
    most = max(values.values())
    height = TOP + ROW * len(rows) + 8
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" width="660" height="%d" font-family="sans-serif" font-size="13">' % height,
             '<rect width="660" height="%d" fill="white"/><text x="12" y="24" font-size="15">%s</text>' % (height, title)]
    lines += [bar(TOP + ROW * i, peer, value, most) for i, (peer, value) in enumerate(rows)]
    return "\n".join(lines + ["</svg>"]) + "\n"


def main():
    with open(os.path.join(sys.argv[1], "results.jsonl")) as f:
        results = [json.loads(line) for line in f]
    for name, title, of in PLOTS:
        values = {peer: value for peer, value in of(results).items() if value and value > 0}
        path = os.path.join(sys.argv[2], "measured-%s.svg" % name)
        if values:
            with open(path, "w") as f:
                f.write(draw(title, values))
            print("![%s](%s)" % (title, os.path.basename(path)))


if __name__ == "__main__":
    main()
