# SPDX-License-Identifier: GPL-3.0-or-later
"""The goals, and whether the results reach them: each function gives rows (what, goal, figure, reached, best peer), none for what
was not measured. A ratio of CPU is the median of the rounds' ratios."""
from statistics import median

import peers
from results import THEY


def best(of, form):
    """The smallest figure among the peers, with its name."""
    found = {p: of(p) for p in THEY}
    found = {p: value for p, value in found.items() if value is not None}
    if not found:
        return "–"
    name = min(found, key=found.get)
    return "%s (%s)" % (form % found[name], peers.title(name))


def ratio(ours, theirs):
    each = [a / b for a, b in zip(ours, theirs)]
    return median(each), "%.2f x (rounds: %.2f to %.2f)" % (median(each), min(each), max(each))


def us(rounds):
    return "%.2f µs" % median(rounds)


def clean(size):
    ours, floor = size.rounds("candor", "clean"), size.rounds("echo", "clean", None)
    if ours and floor:
        figure, text = ratio(ours, floor)
        yield ("CPU per clean cached answer, policy in force, beside `echo`", "1.15 x", "%s, %s beside %s" % (text, us(ours), us(floor)),
               figure <= 1.15, best(lambda p: median(size.rounds(p, "clean") or [1e9]) / median(floor)
                                    if size.rounds(p, "clean") else None, "%.2f x"))
    bare, full = size.instructions("candor", "clean", None), size.instructions("candor", "clean")
    if bare and full:
        yield ("policy's part of it, user instructions", "2 %", "%.1f %% (%d, without %d)" % ((full / bare - 1) * 100, full, bare),
               full / bare <= 1.02, "–")


def hits(size):
    base = size.rounds("candor", "clean")
    for kind, text in (("hit", "NXDOMAIN, 10,000 names in turn"), ("many", "NXDOMAIN, 100,000 names in turn"), ("local", "local data")):
        ours = size.rounds("candor", kind)
        if ours and base:
            figure, said = ratio(ours, base)
            yield ("CPU per policy hit beside clean: " + text, "1 x", "%s, %s" % (said, us(ours)), figure <= 1,
                   best(lambda p: median(size.rounds(p, kind)) if size.rounds(p, kind) else None, "%.2f µs"))


def instructions(size):
    full = size.instructions("candor", "clean")
    if full:
        yield "user instructions, clean", "900", "%d" % full, full <= 900, "–"
    found = {k: size.instructions("candor", k) for k in ("nxdomain", "below", "local")}
    if all(found.values()):
        yield ("user instructions, hit", "1,000", "listed name %(nxdomain)d, below one %(below)d, local data %(local)d" % found,
               max(found.values()) <= 1000, "–")


def memory_goal(size):
    return 18 if size.rules >= 10 ** 7 else 20


def memory(size):
    figure, goal = size.bytes_per_rule("candor"), memory_goal(size)
    if figure is not None:
        yield "memory per rule, bytes", "%d" % goal, "%.1f" % figure, figure <= goal, best(size.bytes_per_rule, "%.0f")


def text(size):
    figure, goal = size.text_cpu("candor"), 4.0 if size.rules >= 10 ** 7 else 0.35 * size.rules / 1e6
    if figure is not None:
        yield ("text file in force, CPU s", "%.3g" % goal, "%.2f" % figure, figure <= goal, best(size.text_cpu, "%.2f"))


def restart(size):
    figure = size.median("restart", lambda r: r["wall"], "candor+image", kind="image")
    if figure is not None:
        def saved(peer):
            found = [size.median("restart", lambda r: r["wall"], name, kind="copy") for name in (peer, peer + "+copy")]
            from_text = size.median("start", lambda r: r["wall"], peer, policy="file")
            return min([f for f in found + [from_text] if f is not None], default=None)
        yield ("restart with a saved image until a blocked name is blocked, s", "0.05", "%.3f" % figure, figure <= 0.05,
               best(saved, "%.2f"))


TITLES = {"reload": "reload", "ixfr": "IXFR", "axfr": "AXFR of the whole zone"}


def gap(size, part, kind):
    """A row on the gap of updates of a kind."""
    rows = size.rows(part, "candor", kind=kind)
    if rows:
        found, noise = median(r["gap_ms"] for r in rows), [r["noise_ms"] for r in rows]
        yield ("%s: longest gap, ms" % TITLES[kind], "noise", "%.1f, noise %.1f to %.1f (%.2f x its median); %d questions lost" %
               (found, min(noise), max(noise), found / median(noise), sum(r["lost"] for r in rows)), found <= max(noise),
               best(lambda p: size.median(part, lambda r: r["gap_ms"], p, kind=kind), "%.1f"))


def ixfr(size):
    rows = size.rows("transfer", "candor", kind="ixfr")
    if rows:
        def arrival(peer):
            return size.median("transfer", lambda r: r["after_arrival"], peer, kind="ixfr")

        def cpu(peer):
            return size.median("transfer", lambda r: r["cpu"], peer, kind="ixfr")
        yield ("IXFR of 1,000 changes: in force after arrival, ms", "5", "%.1f" % (arrival("candor") * 1000), arrival("candor") <= 0.005,
               best(lambda p: None if arrival(p) is None else arrival(p) * 1000, "%.1f"))
        yield ("IXFR: CPU, ms", "5", "%.1f, %.1f of them until it acts" % (cpu("candor") * 1000, median(
            r["cpu_effect"] for r in rows) * 1000), cpu("candor") <= 0.005,
               best(lambda p: None if cpu(p) is None else cpu(p) * 1000, "%.1f"))
        yield from gap(size, "transfer", "ixfr")


def whole(size):
    for part, kind in (("reload", "reload"), ("transfer", "axfr")):
        rows = size.rows(part, "candor", kind=kind)
        if rows:
            yield from gap(size, part, kind)

            def peak(peer):
                return size.median(part, lambda r: r["peak"] / r["rss_before"], peer, kind=kind)
            yield ("%s: peak memory beside that before" % TITLES[kind], "1.3 x", "%.2f x" % peak("candor"), peak("candor") <= 1.3,
                   best(peak, "%.2f x"))


def unfiltered(size):
    """Of zones with a local copy: starts, restarts, and updates of what is there."""
    def count(peer):
        names = [peer, peer + "+image", peer + "+journal", peer + "+copy"]
        found = [r for part in ("start", "restart") for n in names for r in size.rows(part, n) if r.get("policy", "file") == "file"]
        found += [r for part in ("reload", "transfer") for r in size.rows(part, peer) if r.get("kind") != "first"]
        found = [r["leaked"] for r in found if "leaked" in r]
        return sum(found) if found else None
    figure = count("candor")
    if figure is not None:
        yield ("blocked names answered unfiltered, in all starts, restarts, reloads and transfers", "0", "%d" % figure, figure == 0,
               best(count, "%d"))
    ready = size.rows("transfer", "candor+ready", kind="first")
    if ready:
        leaked = sum(r["leaked"] for r in ready)
        yield "the same before a first transfer, `servfail-until-ready yes`", "0", "%d" % leaked, leaked == 0, "–"


def cold(size):
    for policy, text_ in ((None, "no policy"), ("file", "policy in force")):
        ours, theirs = size.rounds("candor", "cold", policy), size.rounds("unbound", "cold", policy)
        if ours and theirs:
            figure, said = ratio(ours, theirs)
            yield ("cold misses through a stub, CPU beside Unbound: " + text_, "1 x", "%s, %s" % (said, us(ours)), figure <= 1,
                   "%s (Unbound)" % us(theirs))
    theirs = size.instructions("unbound", "cold", None)
    for policy, text_ in ((None, "no policy"), ("file", "policy in force, Unbound's without")):
        ours = size.instructions("candor", "cold", policy)
        if ours and theirs:
            yield ("the same in user instructions: " + text_, "1 x", "%.2f x, %d" % (ours / theirs, ours), ours <= theirs,
                   "%d (Unbound)" % theirs)


def tcp(size):
    rows = size.rows("tcp", "candor", kind="tcp")
    if rows:
        wanted, answered = sum(r["wanted_idle"] for r in rows), sum(r["idle_answered"] for r in rows)
        each = median((r["rss_idle"] - r["rss"]) * 1024 / max(r["idle"], 1) for r in rows)
        yield ("TCP: {:,} idle connections are answered".format(rows[0]["wanted_idle"]), "all", "%.1f %%, %d bytes each" %
               (answered * 100 / wanted, each), answered == wanted, "–")

        def cost(peer):
            return size.median("tcp", lambda r: r["us"] if r["answered"] > 1000 else None, peer, kind="tcp")
        others = [cost(p) for p in THEY if cost(p) is not None]
        if cost("candor") is not None:
            yield ("TCP: CPU per answer of {:,} that pipeline, µs".format(rows[0]["wanted_busy"]), "best peer", "%.2f" % cost("candor"),
                   cost("candor") <= min(others, default=1e9), best(cost, "%.1f"))


def zones(size):
    ours, one = size.rounds("candor+zones", "clean"), size.rounds("candor", "clean")
    if ours and one:
        figure, text_ = ratio(ours, one)
        yield "the rules in 100 zones: CPU per clean answer beside one zone", "1 x", "%s, %s" % (text_, us(ours)), figure <= 1, "–"
    ours, one = size.instructions("candor+zones", "clean"), size.instructions("candor", "clean")
    if ours and one:
        yield "the same in user instructions", "1 x", "%.2f x (%d, %d)" % (ours / one, ours, one), ours <= one, "–"
    figure, goal = size.bytes_per_rule("candor+zones"), memory_goal(size)
    if figure is not None:
        yield "the rules in 100 zones: memory per rule, bytes", "%d" % goal, "%.1f" % figure, figure <= goal, "–"


GOALS = (clean, hits, instructions, memory, text, restart, ixfr, whole, unfiltered, cold, tcp, zones)


def table(size):
    """Markdown."""
    rows = [row for goal in GOALS for row in goal(size)]
    if not rows:
        return
    print("### {:,} rules\n".format(size.rules))
    print("| what | goal | candord | reached | best peer |\n|---|---|---|---|---|")
    for what, goal, figure, reached, peer in rows:
        print("| %s | %s | %s | %s | %s |" % (what, goal, figure, "yes" if reached else "**no**", peer))
    print("\n%d of %d reached.\n" % (sum(r[3] for r in rows), len(rows)))
