#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""plot.py RESULTS DOC [RULES…]: bars (SVG) of what bench/run has noted, candord beside its peers. Plain text, no library."""
import os
import statistics
import sys

import peers
import results
from results import THEY

OURS, THEIRS, FLOOR = "#1b6e3c", "#8a94a6", "#c9b458"
ROW, LABEL, BARS, TOP = 24, 190, 400, 44


def answers(kind):
    def of(size):
        found = {peers.title(p): size.rounds(p, kind) for p in ("candor", "candor+zones") + THEY}
        found["echo"] = size.rounds("echo", "clean", None)
        return {name: statistics.median(us) for name, us in found.items() if us}
    return of


def memory(size):
    return {peers.title(p): size.bytes_per_rule(p) for p in ("candor",) + THEY}


def gaps(part, kind):
    def of(size):
        found = {peers.title(p): size.median(part, lambda r: r["gap_ms"], p, kind=kind) for p in ("candor",) + THEY}
        noise = [r["noise_ms"] for r in size.rows(part, "candor", kind=kind)]
        return dict(found, **{"noise (candor)": statistics.median(noise)}) if noise else found
    return of


def start(size):
    return {peers.title(p): size.median("start", lambda r: r["wall"], p, policy="file") for p in ("candor",) + THEY}


def restart(size):
    found = {}
    for peer in size.peers("restart"):
        for kind in ("image", "copy and image", "copy"):
            found["%s, %s" % (peers.title(peer.partition("+")[0]), kind)] = size.median("restart", lambda r: r["wall"], peer, kind=kind)
    return found


def tcp(size):
    return {peers.title(p): size.median("tcp", lambda r: r["us"] if r["answered"] > 1000 else None, p, kind="tcp") for p in ("candor",) + THEY}


PLOTS = (
    ("clean", "CPU µs per clean cached answer, policy in force", answers("clean")),
    ("hit", "CPU µs per answer of a rule (NXDOMAIN)", answers("hit")),
    ("memory", "Bytes of memory per rule", memory),
    ("start", "Start from the text file until blocked names are blocked, s", start),
    ("restart", "Restart with what was saved until blocked names are blocked, s", restart),
    ("reload", "Longest gap between two answers during a reload, ms", gaps("reload", "reload")),
    ("axfr", "Longest gap between two answers during an AXFR, ms", gaps("transfer", "axfr")),
    ("ixfr", "Longest gap between two answers during an IXFR of 1,000 changes, ms", gaps("transfer", "ixfr")),
    ("tcp", "CPU µs per answer over TCP, pipelining clients", tcp),
)


def bar(y, peer, value, most):
    width = max(1, value / most * BARS)
    colour = OURS if peer.startswith("candor") else FLOOR if peer.startswith(("echo", "noise")) else THEIRS
    number = "%.3f" % value if value < 0.1 else "%.2f" % value if value < 10 else "{:,.0f}".format(value)
    return ('<text x="%d" y="%d" text-anchor="end">%s</text><rect x="%d" y="%d" width="%.1f" height="16" fill="%s"/>'
            '<text x="%.1f" y="%d">%s</text>' % (LABEL - 8, y + 13, peer, LABEL, y, width, colour, LABEL + width + 6, y + 13, number))


def draw(title, values):
    rows = sorted(values.items(), key=lambda item: item[1])
    most = max(values.values())
    height = TOP + ROW * len(rows) + 8
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" width="660" height="%d" font-family="sans-serif" font-size="13">' % height,
             '<rect width="660" height="%d" fill="white"/><text x="12" y="24" font-size="15">%s</text>' % (height, title)]
    lines += [bar(TOP + ROW * i, peer, value, most) for i, (peer, value) in enumerate(rows)]
    return "\n".join(lines + ["</svg>"]) + "\n"


def plots(size):
    """(file, title, values), those that were measured."""
    for name, title, of in PLOTS:
        values = {peer: value for peer, value in of(size).items() if value and value > 0}
        if any(peer.startswith("candor") for peer in values):
            yield ("measured-%s%s.svg" % (name, "-10m" if size.rules >= 10 ** 7 else ""), "%s; %s rules" % (title, "{:,}".format(size.rules)), values)


def links(sizes):
    """Markdown."""
    return "\n".join(["## Plots\n"] + ["![%s](%s)" % (title, name) for size in sizes for name, title, _ in plots(size)])


def main():
    wanted = {int(n) for n in sys.argv[3:]}
    for size in results.read(sys.argv[1], lambda rules: not wanted or rules in wanted):
        for name, title, values in plots(size):
            with open(os.path.join(sys.argv[2], name), "w") as f:
                f.write(draw(title, values))


if __name__ == "__main__":
    main()
