#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeded generator of RPZ zones, of the local authoritative zone and of query files.

Writes into --out DIR:
  rpz-1.zone .. rpz-V.zone   RPZ versions (serial = version), RULES qname records each
                             (RULES/2 domains, each as the pair `name` + `*.name` CNAME .)
                             plus IP_RULES rpz-ip records; each version replaces CHANGE
                             records of the one before and adds the probe pair
                             `fV.bench.test` + `*.fV.bench.test`.
  delta-2.txt .. delta-V.txt `-owner` / `+owner` lines (relative to the origin)
  auth.zone                  bench.test: NAMES A names, probe names for every version
  clean.txt hits.txt         dnsperf query files
"""
import argparse, os, random

TLDS = ("com net org info biz xyz top site online shop club live icu vip work app dev io co me tv cc "
        "ru cn de fr nl pl br in uk us ca au it es se no fi dk cz at ch be jp kr tr ua "
        "com.br co.uk com.cn net.au org.uk").split()
CH = "abcdefghijklmnopqrstuvwxyz0123456789"
WORDS = ("track ads pixel login secure update mail cdn static bank pay verify account cloud free win prize "
         "click metrics stats beacon api img data sync shop news game play link go files").split()


def domains(rng, seen):
    while True:
        k = rng.random()
        n = "%s%d-%s" % (rng.choice(WORDS), rng.randrange(1000000),
                         "".join(rng.choices(CH, k=rng.randint(2, 10))))
        if k < 0.4:                       # three labels under the suffix's registrable name
            n = "%s.%s" % (rng.choice(WORDS) + str(rng.randrange(100)), n)
        n = "%s.%s" % (n, rng.choice(TLDS))
        if n not in seen:
            seen.add(n)
            yield n


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--out", required=True)
    ap.add_argument("--rules", type=int, default=1000000, help="QNAME records (two per domain)")
    ap.add_argument("--ip-rules", type=int, default=1000)
    ap.add_argument("--versions", type=int, default=4)
    ap.add_argument("--change", type=int, default=1000, help="records replaced per version")
    ap.add_argument("--names", type=int, default=10000)
    ap.add_argument("--probe-names", type=int, default=4000)
    ap.add_argument("--origin", default="rpz.test")
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    os.makedirs(a.out, exist_ok=True)
    p = lambda f: os.path.join(a.out, f)
    rng = random.Random(a.seed)
    gen = domains(rng, set())
    doms = [next(gen) for _ in range(a.rules // 2)]
    ips = []
    seen = set()
    while len(ips) < a.ip_rules:          # 198.18.0.0/15 + 203.0.0.0/8: never in bench.test answers
        pl = rng.choice((24, 28, 32))
        x = (203 << 24) | rng.randrange(1 << 24)
        x &= ~((1 << (32 - pl)) - 1)
        o = [x >> 24, x >> 16 & 255, x >> 8 & 255, x & 255]
        k = "%d.%d.%d.%d.%d.rpz-ip" % (pl, o[3], o[2], o[1], o[0])
        if k not in seen:
            seen.add(k)
            ips.append(k)
    probes = ["startup.bench.test"]
    for v in range(1, a.versions + 1):
        if v > 1:
            n = a.change // 2
            idx = rng.sample(range(len(doms)), n)
            with open(p("delta-%d.txt" % v), "w") as f:
                old = [doms[i] for i in idx]
                for i in idx:
                    doms[i] = next(gen)
                for d in old:
                    f.write("-%s\n-*.%s\n" % (d, d))
                for d in [doms[i] for i in idx] + ["f%d.bench.test" % v]:
                    f.write("+%s\n+*.%s\n" % (d, d))
            probes.append("f%d.bench.test" % v)
        with open(p("rpz-%d.zone" % v), "w") as f:
            f.write("$ORIGIN %s.\n$TTL 300\n@ SOA localhost. root.localhost. %d 3600 600 86400 300\n"
                    "@ NS localhost.\n" % (a.origin, v))
            f.writelines("%s CNAME .\n" % i for i in ips)
            f.writelines("%s CNAME .\n*.%s CNAME .\n" % (d, d) for d in doms)
            f.writelines("%s CNAME .\n*.%s CNAME .\n" % (d, d) for d in probes)
        if v == 1:
            h = rng.sample(doms, min(100000, len(doms)))
            with open(p("hits.txt"), "w") as f:
                f.writelines("%s%s A\n" % ("www." if i & 1 else "", d) for i, d in enumerate(h))
    with open(p("auth.zone"), "w") as f:
        f.write("$ORIGIN bench.test.\n$TTL 86400\n@ SOA ns root 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n")
        names = ["n%05d" % i for i in range(a.names)]
        f.writelines("%s A 10.1.%d.%d\n" % (n, i >> 8, i & 255) for i, n in enumerate(names))
        for z in ["startup"] + ["f%d" % v for v in range(2, a.versions + 1)]:
            f.writelines("k%05d.%s A 10.2.%d.%d\n" % (i, z, i >> 8, i & 255) for i in range(a.probe_names))
        f.writelines("u%06d A 10.3.%d.%d\n" % (i, (i >> 8) & 255, i & 255) for i in range(200000))
    rng.shuffle(names)
    with open(p("clean.txt"), "w") as f:
        f.writelines("%s.bench.test A\n" % n for n in names)
    with open(p("cold.txt"), "w") as f:
        f.writelines("u%06d.bench.test A\n" % i for i in range(200000))


main()
