# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP: memory per idle connection, CPU per question of many pipelining clients, and whether the idle ones are answered.

Each server has the policy in force, its limit for TCP clients raised above what is asked of it (variant `tcp` in peers.py), and a
warm cache. The servers take turns. tcp_load.c asks.
"""
import subprocess

import running
from running import Authoritative, Server, beginning, say

BUSY, PIPELINE = 1000, 10


def measure(bench, server):
    server.load("clean.txt", once=2)
    before = server.memory()
    load = subprocess.Popen([bench.program("tcp_load"), "127.0.0.1", str(server.port), bench.file("clean.txt"), str(bench.idle), str(BUSY),
                             str(PIPELINE), str(bench.tcp_seconds)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def until(word):
        found = {}
        for line in load.stdout:
            if line.strip() == word:
                break
            key, value = line.strip().split("=")
            found[key] = float(value)
        return found

    def go_on():
        load.stdin.write("\n")
        load.stdin.flush()
    try:
        until("ready")
        idle, cpu = server.memory(), server.cpu()
        go_on()
        found = until("done")
        cpu = server.cpu() - cpu
        busy = server.memory()
        go_on()
        found.update(until("end"))
    finally:
        running.end(load)
        load.stdin.close()
        load.stdout.close()
    return dict(found, us=cpu / max(found["answered"], 1) * 1e6, qps=found["answered"] / found["seconds"], rss=before, rss_idle=idle,
                rss_busy=busy, peak=server.memory("VmHWM"))


def tcp(bench):
    began, rows = beginning(), []
    with Authoritative(bench):
        for number in range(bench.tcp_rounds):
            for name in bench.peers:
                if name == "echo":
                    continue
                say("tcp: round %d of %d: %s" % (number + 1, bench.tcp_rounds, name))
                with Server(bench, name + "+tcp", "file") as server:
                    try:
                        server.start()
                        rows.append(dict(measure(bench, server), peer=name, kind="tcp", wanted_idle=bench.idle, wanted_busy=BUSY,
                                         pipeline=PIPELINE))
                    except Exception as why:        # the others are measured
                        say("tcp: %s: %s" % (name, why))
                        rows.append(dict(peer=name, kind="failed", why=str(why)[-500:]))
    bench.note("tcp", "all", rows, began)
