#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP: memory per idle connection, CPU per question of many pipelining clients, and whether the idle ones are answered.

  tcp.py --data DATA --work TMP [--peers candor,unbound] [--idle 10000] [--busy 1000] [--pipeline 10] [--secs 5]

Each server has the policy zone of gen_rpz.py, one thread, its limit for TCP clients raised above what is asked of it
(variant `tcp` in bench_peers.py), and a warm cache. The servers take turns, --reps times. Prints one JSON object per
server and round, also into TMP/results.jsonl.
"""
import argparse
import json
import os
import resource
import subprocess
import sys

import bench_peers


def build_load(work):
    program = os.path.join(work, "tcp_load")
    source = os.path.join(bench_peers.HERE, "tcp_load.c")
    if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
        subprocess.check_call(["gcc", "-O2", "-o", program, source])
    return program


def measure(a, server, program):
    names = os.path.join(a.data, "clean.txt")
    server.dnsperf(names, 0, once=2)
    before = bench_peers.mem(server.pids)
    load = subprocess.Popen([program, "127.0.0.1", str(server.port), names, str(a.idle), str(a.busy), str(a.pipeline), str(a.secs)],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

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

    until("ready")
    idle, cpu = bench_peers.mem(server.pids), bench_peers.cpu(server.pids)
    go_on()
    found = until("done")
    cpu = bench_peers.cpu(server.pids) - cpu
    busy = bench_peers.mem(server.pids)
    go_on()
    found.update(until("end"))
    load.wait()
    return dict(found, us=cpu / max(found["answered"], 1) * 1e6, qps=found["answered"] / found["seconds"],
                rss=before, rss_idle=idle, rss_busy=busy, peak=bench_peers.mem(server.pids, "VmHWM"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--peers", default="candor")
    parser.add_argument("--idle", type=int, default=10000)
    parser.add_argument("--busy", type=int, default=1000)
    parser.add_argument("--pipeline", type=int, default=10)
    parser.add_argument("--secs", type=float, default=5)
    parser.add_argument("--reps", type=int, default=3)
    parser.add_argument("--base", type=int, default=5900, help="first port")
    a = parser.parse_args()
    a.data, a.work = os.path.abspath(a.data), os.path.abspath(a.work)
    os.makedirs(a.work, exist_ok=True)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    a.idle = min(a.idle, files - a.busy - 200)
    program = build_load(a.work)
    rules = bench_peers.count_rules(a.data)
    with bench_peers.authoritative(a):
        for _ in range(a.reps):
            for name in a.peers.split(","):
                server = bench_peers.Server(a, name + "+tcp", 1, "file")
                if not server.spec:
                    continue
                try:
                    server.start()
                    row = measure(a, server, program)
                except Exception as why:
                    row = dict(error=str(why)[-500:])
                finally:
                    server.stop()
                line = json.dumps(dict(row, peer=name, test="FAILED" if "error" in row else "tcp", rpz="file", threads=1, rules=rules,
                                       load=os.getloadavg()[0], wanted_idle=a.idle, wanted_busy=a.busy, pipeline=a.pipeline))
                print(line, flush=True)
                with open(os.path.join(a.work, "results.jsonl"), "a") as f:
                    f.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
