# SPDX-License-Identifier: GPL-3.0-or-later
"""What an update of the policy does to answers: probe.c asks before, during and after it."""
import os
import subprocess
import sys
import time

import running

POST_S = 2          # watched after the new version acts
SETTLE_S = 0.5
FRESH_US = {"reload": 10000, "axfr": 10000, "ixfr": 1000}
LOST_S = 999.0      # a question without any answer, in a percentile


class Primary:
    """The policy's primary: a context. `lines` are those that it has said."""

    def __init__(self, bench, notify, port):
        self.command = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "ixfr_primary.py"), "--data", bench.data,
                        "--port", str(port), "--notify", str(notify)]
        self.log = os.path.join(bench.work, "primary.log")

    def __enter__(self):
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=log, text=True)
        try:
            self.wait_for("ready")
        except BaseException:
            running.end(self.process)
            raise
        return self

    def __exit__(self, *_):
        running.end(self.process)
        self.process.stdin.close()

    def lines(self):
        with open(self.log) as f:
            return [line.split() for line in f]

    def wait_for(self, word):
        until = time.monotonic() + 60
        while not any(line[:1] == [word] for line in self.lines()):
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("the primary is not %s" % word)
            time.sleep(0.02)

    def say(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def last_transfer(self):
        """(kind, when it was sent: an AXFR's last byte, an IXFR's first)"""
        found = [line for line in self.lines() if len(line) == 5]
        return (found[-1][0], float(found[-1][4])) if found else (None, None)


def percentile(ordered, share):
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def longest_gap(answered_at, begin, finish):
    """Between any two answers in a stretch of time, its ends included: how long, and when it began."""
    inside = [begin] + sorted(t for t in answered_at if begin <= t <= finish) + [finish]
    return max((b - a, a) for a, b in zip(inside, inside[1:]))


def ms(seconds):
    return round(seconds * 1000, 3)


def read_probe(path):
    with open(path) as f:
        return [tuple(map(float, line.split())) for line in f]


def update(server, kind, version, quiet_s, trigger):
    """One update that trigger() starts (it returns when that was). The machine's noise is what the same probe sees in the time
    before, as long as the update and what is watched after it: `quiet_s` is as long as we expect that to be. A row."""
    bench = server.bench
    raw = os.path.join(bench.work, "probe.txt")
    server.settle()
    server.forget_peak()
    row = dict(version=version, rss_before=server.memory())
    command = [bench.program("probe"), "127.0.0.1", str(server.port), bench.file("clean.txt"), "f%d.bench.test" % version,
               str(FRESH_US[kind]), "startup.bench.test", str(POST_S), str(quiet_s + bench.limit_s), raw]
    probe = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(SETTLE_S)
        cpu_at, quiet_cpu = time.monotonic(), server.cpu()
        time.sleep(quiet_s)
        idle = (server.cpu() - quiet_cpu) / (time.monotonic() - cpu_at)
        before, began = server.cpu(), trigger()
        effect = None
        for line in probe.stdout:
            words = line.split()
            if words[0] == "EFFECT":
                effect = float(words[1])
                at_effect = server.cpu()
                time.sleep(POST_S / 2)
                then = server.cpu()
                time.sleep(POST_S / 2)
                # Work that goes on when the version acts is over a second later, we suppose; from then on it only answers.
                row["cpu_effect"] = at_effect - before - idle * (effect - began)
                row["cpu"] = row["cpu_effect"] + max(0, 2 * then - at_effect - server.cpu())
            elif words[0] == "BLOCKED":
                row.update(blocked=int(words[1]), leaked=int(words[2]))
    finally:
        running.end(probe)
        probe.stdout.close()
    if effect is None:
        raise RuntimeError("%s: version %d does not act after %d s" % (server.name, version, bench.limit_s))
    row.update(weigh(read_probe(raw), began, effect), effect=effect - began, effect_at=effect, peak=server.memory("VmHWM"), rss_after=server.memory())
    return row


def weigh(lines, began, effect):
    finish = effect + POST_S
    quiet = max(lines[0][0], began - (finish - began))
    answered = [sent + waited for sent, waited in lines if waited >= 0]
    window = sorted(waited if waited >= 0 else LOST_S for sent, waited in lines if began <= sent < finish)
    gap, gap_at = longest_gap(answered, began, finish)
    return dict(gap_ms=ms(gap), gap_at=round(gap_at - began, 3), noise_ms=ms(longest_gap(answered, quiet, began)[0]),
                window_s=round(finish - began, 3), noise_s=round(began - quiet, 3), asked=len(window),
                p50_ms=ms(percentile(window, .5)), p999_ms=ms(percentile(window, .999)),
                lost=sum(waited == -1 for sent, waited in lines if began <= sent < finish),
                other=sum(waited == -2 for sent, waited in lines if began <= sent < finish))


class Updates:
    """The updates of one server, one after the other."""

    def __init__(self, server, first_s):
        self.server, self.expected_s = server, first_s * 1.2

    def one(self, kind, version, trigger):
        row = update(self.server, kind, version, self.expected_s + POST_S + 0.5, trigger)
        self.expected_s = row["effect"] * 1.2
        return row

    def reload(self, version):
        server, commands = self.server, []
        server.place(version, server.zone + ".new")

        def trigger():
            began = time.monotonic()
            os.rename(server.zone + ".new", server.zone)
            if server.spec["reload"]:
                commands.append(subprocess.Popen(server.spec["reload"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            return began
        try:
            return self.one("reload", version, trigger)
        finally:
            for process in commands:
                process.wait()

    def transfer(self, version, kind, primary):
        def trigger():
            began = time.monotonic()
            primary.say("bump")
            return began
        if kind == "axfr":
            primary.say("axfr-only")
        row = self.one(kind, version, trigger)
        served, sent = primary.last_transfer()
        return dict(row, served=served, after_arrival=row["effect_at"] - sent if sent else None)
