# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the benchmark but those over TCP and below callgrind. Each measures and notes its rows."""
import os
import time

import running
import updates
from running import Authoritative, Server, beginning, say

# What is asked: kind -> file of questions.
ANSWERS = {"clean": "clean.txt", "hit": "hits.txt", "many": "hits-many.txt", "local": "local.txt"}
APPEARS_S = 120


def alone(bench, part, names, measure):
    """One server after the other; what goes wrong with one is noted, and the next is measured."""
    with Authoritative(bench):
        for name in names:
            say("%s: %s" % (part, name))
            began, rows = beginning(), []
            try:
                measure(bench, name, rows)
            except Exception as why:        # whatever it is, the others are measured
                say("%s: %s: %s" % (part, name, why))
                rows.append(dict(kind="failed", why=str(why)[-500:]))
            if rows:
                bench.note(part, name, rows, began)


def with_zones(bench):
    """The peers, and candor once more with the rules in a hundred zones."""
    return bench.peers + (["candor+zones"] if "candor" in bench.peers else [])


def start(bench):
    """Memory, time and CPU from the start on, without policy and with its file, or files."""
    def measure(bench, name, rows):
        for policy in (None, "file"):
            for i in range(bench.starts):
                with Server(bench, name, policy) as server:
                    if server.made:
                        row = server.start()
                        rows.append(dict(row, kind="start", policy=policy, **server.weigh()))
    alone(bench, "start", [p for p in with_zones(bench) if p != "echo"], measure)


def reload(bench):
    def measure(bench, name, rows):
        with Server(bench, name, "file") as server:
            if "reload" not in server.spec:
                return
            series = updates.Updates(server, server.start()["wall"])
            server.load("clean.txt", once=2)
            for version in bench.versions()[0]:
                rows.append(dict(series.reload(version), kind="reload"))
    alone(bench, "reload", bench.peers, measure)


def transfer(bench):
    """A first AXFR, IXFRs, and whole zones over the version that is there."""
    def measure(bench, name, rows):
        port = running.free_port()
        with Server(bench, name, "transfer", port) as server:
            if not server.made:
                return
            with updates.Primary(bench, server.port, port) as primary:
                row = server.start()
                rows.append(dict(row, kind="first", **server.weigh()))
                if "+" in name:
                    return
                server.load("clean.txt", once=2)
                series = updates.Updates(server, 0)
                for kind, versions in zip(("ixfr", "axfr"), bench.versions()):
                    series.expected_s = row["wall"] if kind == "axfr" else 1
                    for version in versions:
                        rows.append(dict(series.transfer(version, kind, primary), kind=kind))
    names = [p for p in bench.peers if p != "echo"]
    alone(bench, "transfer", names + (["candor+ready"] if "candor" in names else []), measure)


def wait_for_file(path):
    """Until it is there and no longer grows."""
    until, size = time.monotonic() + APPEARS_S, -1
    while time.monotonic() < until:
        now = os.path.getsize(path) if os.path.exists(path) else -1
        if now == size and now > 0:
            return
        size = now
        time.sleep(0.5)
    raise RuntimeError("no %s after %d s" % (os.path.basename(path), APPEARS_S))


# Peer -> (variant, what is restarted, the file that is waited for before): image = a primary zone's file with an image beside it;
# copy = what a secondary has saved, its primary gone.
RESTARTS = {"candor": (("candor+image", "image", "image"), ("candor+image", "copy and image", "image"), ("candor+journal", "copy", "copy")),
            "bind": (("bind", "copy", "copy"),), "unbound": (("unbound+copy", "copy", "copy"),), "pdns": (("pdns+copy", "copy", "copy"),)}


def restart(bench):
    """Starts with what the run before has saved."""
    def again(server, kind, rows):
        for _ in range(bench.restarts if server.name.startswith("candor") else 1):
            rows.append(dict(server.start(), peer=server.name, kind=kind, **server.weigh()))
            server.stop()

    def measure(bench, peer, rows):
        for name, kind, file in RESTARTS[peer]:
            port = running.free_port()
            with Server(bench, name, "file" if kind == "image" else "transfer", port) as server:
                if server.policy == "file":
                    server.start()
                    wait_for_file(server.spec[file])
                else:
                    with updates.Primary(bench, server.port, port):
                        server.start()
                        wait_for_file(server.spec[file])
                server.stop()
                again(server, kind, rows)
    alone(bench, "restart", [p for p in bench.peers if p in RESTARTS], measure)


def in_pieces(bench, name, count):
    """Files with an equal share each of a file's questions."""
    with open(bench.file(name)) as f:
        questions = f.readlines()
    each = len(questions) // count
    for i in range(count):
        path = os.path.join(bench.work, "%d-%s" % (i, name))
        with open(path, "w") as f:
            f.writelines(questions[i * each:(i + 1) * each])
        yield path


def answers(bench):
    """CPU of answers: all servers are up, without policy and with it, and take turns, so that a noisy machine hits them alike.
    One row for each server, policy and kind, with the figures of each round."""
    servers, began, found, failed = [], beginning(), {}, []
    with Authoritative(bench):
        try:
            for name in with_zones(bench):
                for policy in (None, "file"):
                    server = Server(bench, name, policy)
                    if not server.made or (policy is None and "+" in name):
                        continue
                    servers.append(server)
                    say("answers: %s is started, policy: %s" % (name, policy))
                    try:
                        server.start()
                        for file in ["clean.txt"] + (["hits.txt", "local.txt"] if policy else []):
                            server.load(file, once=3)
                    except Exception as why:    # the others take turns without it
                        say("answers: %s: %s" % (name, why))
                        failed.append(dict(peer=name, kind="failed", why=str(why)[-500:]))
                        servers.remove(server)
                        server.stop()
            for number in range(bench.rounds):
                say("answers: round %d of %d" % (number + 1, bench.rounds))
                for server in servers[::-1] if number & 1 else servers:
                    server.load("clean.txt", 0.2)       # who was idle for long has to find its memory again
                    for kind in ANSWERS if server.policy else ("clean",):
                        found.setdefault((server, kind), []).append(server.load(ANSWERS[kind], bench.seconds))
            for number, piece in enumerate(in_pieces(bench, "cold.txt", bench.rounds)):
                say("answers: cold, round %d of %d" % (number + 1, bench.rounds))
                for server in servers[::-1] if number & 1 else servers:
                    if server.name != "echo":
                        found.setdefault((server, "cold"), []).append(server.load(piece, once=1))
        finally:
            for server in servers:
                server.stop()
                server.clean_up()
    rows = [dict(peer=server.name, policy=server.policy, kind=kind, us=[round(r["us"], 3) for r in rounds], qps=[r["qps"] for r in rounds],
                 lost=sum(r["lost"] for r in rounds), rcodes=rounds[-1]["rcodes"]) for (server, kind), rounds in found.items()]
    rows += failed
    bench.note("answers", "all", rows, began)
