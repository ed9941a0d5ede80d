# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured: RESULTS/RULES/PART.json, each server's (or the turns' of all) with its date and the machine's load."""
import json
import os
import statistics

THEY = ("bind", "unbound", "pdns", "kresd")


class Size:
    """All parts with one number of rules."""

    def __init__(self, directory, rules):
        self.rules, self.parts = rules, {}
        for name in sorted(os.listdir(directory)):
            if name.endswith(".json"):
                with open(os.path.join(directory, name)) as f:
                    self.parts[name[:-5]] = json.load(f)

    def entries(self, part):
        return self.parts.get(part, {})

    def rows(self, part, peer=None, **want):
        """Those of one server, or of all, whose fields are as wanted; each says its `peer` and how many rules there were."""
        found = []
        for key, entry in self.entries(part).items():
            for row in entry["rows"]:
                row = dict(row, peer=row.get("peer", key), listed=entry["listed"])
                if (peer is None or row["peer"] == peer) and all(row.get(k) == v for k, v in want.items()):
                    found.append(row)
        return found

    def peers(self, part, **want):
        """In the order of the servers, ours first."""
        names = dict.fromkeys(r["peer"] for r in self.rows(part, **want))
        rank = {"echo": 0, "candor": 1}
        return sorted(names, key=lambda n: (rank.get(n.partition("+")[0], 2), n))

    def rounds(self, peer, kind, policy="file"):
        """CPU µs per answer, of each round of the turns; empty: not measured."""
        rows = self.rows("answers", peer, kind=kind, policy=policy)
        return rows[-1]["us"] if rows else []

    def median(self, part, of, peer, **want):
        """None: not measured."""
        rows = [r for r in self.rows(part, peer, **want) if of(r) is not None]
        return statistics.median(of(r) for r in rows) if rows else None

    def instructions(self, peer, kind, policy="file"):
        rows = self.rows("instructions", peer, kind=kind, policy=policy)
        return rows[-1]["instructions"] if rows else None

    def bytes_per_rule(self, peer):
        rows = self.rows("start", peer, kind="start", policy="file")
        without = self.median("start", lambda r: r["rss"], peer, kind="start", policy=None)
        if not rows or without is None:
            return None
        return (statistics.median(r["rss"] for r in rows) - without) * 1024 / rows[-1]["listed"]

    def text_cpu(self, peer):
        """Seconds of CPU that the file takes: a start with it less one without."""
        with_it = self.median("start", lambda r: r["cpu"], peer, kind="start", policy="file")
        without = self.median("start", lambda r: r["cpu"], peer, kind="start", policy=None)
        return None if with_it is None or without is None else with_it - without


def read(directory, wanted=lambda rules: True):
    """Sizes, smallest first."""
    numbers = sorted(int(name) for name in os.listdir(directory) if name.isdigit())
    return [Size(os.path.join(directory, str(n)), n) for n in numbers if wanted(n)]
