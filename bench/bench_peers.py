#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""RPZ benchmark driver. See --help. A further resolver is added by one config function, see PEERS.

  gen_rpz.py --out DATA                      # once per rule set
  bench_peers.py --data DATA --work TMP --peers bind,unbound --threads 1 --tests base,rpz,reload,ixfr
  bench_peers.py --work TMP --tables         # Markdown tables of TMP/results.jsonl

A config function gets a Ctx (dir, port, ctl, threads, rpz: None|'file'|'xfr', zone: path of the RPZ
file in use, auth/primary: ports) and returns a dict:
  cmds    argv of each server process (must stay in the foreground)
  reload  argv that makes the server re-read the RPZ file (None: it watches the file), absent: cannot
  pre     optional argv run after the server processes started
Variants (NAME+VARIANT): tcp = allows 12,000 TCP clients; zones = candor with the rules in 100 zones; unbound+zonefile,
pdns+nopc.
"""
import argparse, base64, json, os, re, shutil, signal, socket, statistics, struct, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
ORIGIN = "rpz.test"
HZ = os.sysconf("SC_CLK_TCK")
LOST = 999.0
TCP_CLIENTS = 12000
MANY_ZONES = 100


class Ctx:
    def __init__(self, **k):
        self.__dict__.update(k)

    def write(self, name, text):
        p = os.path.join(self.dir, name)
        with open(p, "w") as f:
            f.write(text)
        return p


def bind(c):
    key = base64.b64encode(os.urandom(32)).decode()
    rpz = ""
    if c.rpz:
        src = ('type primary; file "%s"; notify no;' % c.zone if c.rpz == "file" else
               'type secondary; file "rpz.sec"; notify no; primaries { 127.0.0.1 port %d; };' % c.primary)
        rpz = 'zone "%s" { %s allow-query { none; }; };' % (ORIGIN, src)
    conf = c.write("named.conf", f"""
key k {{ algorithm hmac-sha256; secret "{key}"; }};
controls {{ inet 127.0.0.1 port {c.ctl} allow {{ 127.0.0.1; }} keys {{ k; }}; }};
logging {{ channel l {{ file "log"; severity info; print-time yes; }}; category default {{ l; }};
  category rpz {{ null; }}; category query-errors {{ null; }}; category lame-servers {{ null; }}; }};
options {{ directory "{c.dir}"; pid-file "named.pid"; session-keyfile "s.key"; listen-on port {c.port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }}; recursion yes; dnssec-validation no; max-cache-size 256m; empty-zones-enable no;
  forward only; forwarders {{ 127.0.0.1 port {c.auth}; }};
  {'tcp-clients %d; tcp-listen-queue 4096;' % TCP_CLIENTS if c.variant == 'tcp' else ''}
  {'response-policy { zone "%s"; } qname-wait-recurse no min-update-interval 1;' % ORIGIN if c.rpz else ''} }};
zone "bench.test" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {c.auth}; }}; }};
{rpz}
""")
    rk = c.write("rndc.conf", f'key k {{ algorithm hmac-sha256; secret "{key}"; }};\n'
                 f'options {{ default-key k; default-server 127.0.0.1; default-port {c.ctl}; }};\n')
    return dict(cmds=[["named", "-f", "-n", str(c.threads), "-c", conf]],
                reload=["rndc", "-c", rk, "reload", ORIGIN])


def unbound(c):
    rpz = ""
    if c.rpz:
        rpz = "rpz:\n  name: %s\n  %s\n" % (ORIGIN, "zonefile: " + c.zone if c.rpz == "file" else
                                             "primary: 127.0.0.1@%d" % c.primary)
        if c.rpz == "xfr" and c.variant == "zonefile":
            rpz += "  zonefile: %s/sec.zone\n" % c.dir
    conf = c.write("unbound.conf", f"""
server:
  directory: "{c.dir}"
  username: ""
  chroot: ""
  pidfile: "{c.dir}/pid"
  logfile: "{c.dir}/log"
  use-syslog: no
  interface: 127.0.0.1
  port: {c.port}
  num-threads: {c.threads}
  so-reuseport: yes
  module-config: "{'respip ' if c.rpz else ''}iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  msg-cache-size: 128m
  rrset-cache-size: 256m
  outgoing-range: 4096
  num-queries-per-thread: 2048
  {'incoming-num-tcp: 15000' if c.variant == 'tcp' else ''}
  {'tcp-idle-timeout: 120000' if c.variant == 'tcp' else ''}
remote-control:
  control-enable: yes
  control-interface: 127.0.0.1
  control-port: {c.ctl}
  control-use-cert: no
stub-zone:
  name: "bench.test"
  stub-addr: 127.0.0.1@{c.auth}
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{c.auth}
{rpz}""")
    return dict(cmds=[["unbound", "-d", "-c", conf]],
                reload=["unbound-control", "-c", conf, "auth_zone_reload", ORIGIN])


def pdns(c):
    lua = c.write("rpz.lua", "" if not c.rpz else
                  'rpzFile("%s", {defpol=Policy.NXDOMAIN, policyName="p"})\n' % c.zone if c.rpz == "file" else
                  'rpzPrimary("127.0.0.1:%d", "%s", {refresh=1, axfrTimeout=120})\n' % (c.primary, ORIGIN))
    c.write("recursor.conf", f"""
local-address=127.0.0.1
local-port={c.port}
socket-dir={c.dir}
daemon=no
threads={c.threads}
pdns-distributes-queries=no
reuseport=yes
dnssec=off
security-poll-suffix=
dont-query=
quiet=yes
loglevel=4
forward-zones=bench.test=127.0.0.1:{c.auth},.=127.0.0.1:{c.auth}
lua-config-file={lua}
{'disable-packetcache=yes' if c.variant == 'nopc' else ''}
{'max-tcp-clients=%d' % TCP_CLIENTS if c.variant == 'tcp' else ''}
""")
    return dict(cmds=[["pdns_recursor", "--config-dir=" + c.dir]],
                reload=["rec_control", "--config-dir=" + c.dir, "--socket-dir=" + c.dir, "reload-lua-config"])


def kresd(c):
    if c.rpz == "xfr":
        return None
    conf = c.write("kresd.conf", f"""
net.listen('127.0.0.1', {c.port}, {{ kind = 'dns' }})
for _, m in ipairs({{'ta_update', 'ta_signal_query', 'priming', 'detect_time_skew', 'detect_time_jump'}}) do
  pcall(modules.unload, m)
end
trust_anchors.remove('.')
cache.open(200 * MB, 'lmdb://{c.dir}/cache')
{"policy.add(policy.rpz(policy.DENY, '%s', true))" % c.zone if c.rpz else ''}
policy.add(policy.all(policy.STUB('127.0.0.1@{c.auth}')))
""")
    return dict(cmds=[["kresd", "-n", "-q", "-c", conf, c.dir]] * c.threads, reload=None)


def split_zone(c):
    """The rules dealt out to MANY_ZONES files; their names. Those for addresses all go to the last, or no rule behind them
    could act before recursion."""
    names = ["rpz%d.test" % i for i in range(MANY_ZONES)]
    files = [open(os.path.join(c.dir, n), "w") for n in names]
    with open(c.zone) as f:
        for f2 in files:
            f2.write("$TTL 300\n@ SOA localhost. root.localhost. 1 3600 600 86400 300\n@ NS localhost.\n")
        for i, line in enumerate(l for l in f if l[0] not in "$@"):
            pair = i // 2                               # a name and its wildcard stay together
            files[-1 if ".rpz-ip " in line else pair % MANY_ZONES].write(line)
    for f in files:
        f.close()
    return names


def candor(c):
    """The resolver of this project: BIND's configuration form. Binaries from CANDORD and CANDORCTL, else PATH."""
    daemon, ctl = os.environ.get("CANDORD", "candord"), os.environ.get("CANDORCTL", "candorctl")
    rpz = policy = ""
    if c.rpz and c.variant == "zones":
        names = split_zone(c)
        policy = " ".join('zone "%s" log no;' % n for n in names)
        rpz = "".join('zone "%s" { type primary; file "%s"; notify no; };\n' % (n, n) for n in names)
    elif c.rpz:
        policy = 'zone "%s" log no;' % ORIGIN
        src = ('type primary; file "%s"; notify no;' % c.zone if c.rpz == "file" else
               'type secondary; file "rpz.sec"; notify no; primaries { 127.0.0.1 port %d; };' % c.primary)
        rpz = 'zone "%s" { %s allow-query { none; }; };' % (ORIGIN, src)
    conf = c.write("candord.conf", f"""
options {{ directory "{c.dir}"; listen-on port {c.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  control-socket "{c.dir}/ctl"; workers {c.threads}; querylog no;
  recursion yes; dnssec-validation no; max-cache-size 256m; empty-zones-enable no;
  forward only; forwarders {{ 127.0.0.1 port {c.auth}; }};
  {'tcp-clients %d; tcp-idle-timeout 1200;' % TCP_CLIENTS if c.variant == 'tcp' else ''}
  {'response-policy { %s } qname-wait-recurse no min-update-interval 1;' % policy if c.rpz else ''} }};
zone "bench.test" {{ type forward; forward only; forwarders {{ 127.0.0.1 port {c.auth}; }}; }};
{rpz}
""")
    return dict(cmds=[[daemon, "-c", conf]], reload=[ctl, "-s", os.path.join(c.dir, "ctl"), "reload", ORIGIN])


def echo(c):
    """No resolver: the floor, what receiving and sending alone cost (echo.c)."""
    if c.rpz or c.threads != 1:
        return None
    return dict(cmds=[[os.path.join(os.path.dirname(c.dir), "echo"), "127.0.0.1", str(c.port)]])


PEERS = {"echo": echo, "bind": bind, "unbound": unbound, "pdns": pdns, "kresd": kresd, "candor": candor}


# --- helpers ------------------------------------------------------------------------------------
def query(name, qid):
    return struct.pack("!HHHHHH", qid, 0x100, 1, 0, 0, 0) + \
        b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + b"\0\0\1\0\1"


def cpu(pids):
    t = 0
    for p in pids:
        with open("/proc/%d/stat" % p) as f:
            s = f.read().rsplit(")", 1)[1].split()
        t += int(s[11]) + int(s[12])
    return t / HZ


def mem(pids, key="VmRSS"):
    """kB over all processes"""
    return sum(int(re.search(key + r":\s+(\d+)", open("/proc/%d/status" % p).read()).group(1)) for p in pids)


class Server:
    def __init__(self, a, name, threads, rpz, slot=10):
        self.peer, _, variant = name.partition("+")
        self.name, self.rpz = name, rpz
        self.dir = os.path.join(a.work, "run-%s-%s" % (name, rpz))
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        i = list(PEERS).index(self.peer)
        self.zone = os.path.join(self.dir, "rpz.zone")
        if rpz == "file":
            shutil.copy(os.path.join(a.data, "rpz-1.zone"), self.zone)
        self.port = a.base + slot + i
        self.spec = PEERS[self.peer](Ctx(dir=self.dir, port=self.port, ctl=a.base + 100 + slot + i, threads=threads, rpz=rpz,
                                         zone=self.zone, auth=a.base, primary=a.base + 1, variant=variant))
        self.procs = []

    def start(self, limit=300):
        t0 = time.monotonic()
        with open(os.path.join(self.dir, "out"), "w") as out:
            for cmd in self.spec["cmds"]:
                self.procs.append(subprocess.Popen(cmd, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                                   cwd=self.dir))
        self.pids = [p.pid for p in self.procs]
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(("127.0.0.1", self.port))
        s.settimeout(0.01)
        n, first, leaked, leak0 = 0, None, 0, None   # leaked: answers to blocked names without the policy
        want = 3 if self.rpz else 0
        while time.monotonic() - t0 < limit:
            n += 1
            if any(p.poll() is not None for p in self.procs):
                raise RuntimeError(self.name + " exited: " + open(os.path.join(self.dir, "out")).read()[-2000:])
            t = time.monotonic()
            try:
                s.send(query("k%05d.startup.bench.test" % (n % 4000) if self.rpz else "n00000.bench.test", n & 65535))
                while True:
                    r = s.recv(4096)
                    first = first or time.monotonic() - t0
                    if r[3] & 15 == want and struct.unpack("!H", r[:2])[0] == n & 65535:
                        t = time.monotonic()
                        return dict(wall=t - t0, cpu=cpu(self.pids), first_answer=first, leaked=leaked,
                                    leak_s=round(t - leak0, 3) if leak0 else 0)
                    if r[3] & 15 == 0:
                        leaked += 1
                        leak0 = leak0 or time.monotonic()
            except OSError:
                pass
            d = 0.01 - (time.monotonic() - t)
            if d > 0:
                time.sleep(d)
        raise RuntimeError(self.name + " not ready in %d s" % limit)

    def stop(self):
        for p in self.procs:
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
        for p in self.procs:
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.procs = []

    def dnsperf(self, f, secs, once=0):
        c0 = cpu(self.pids)
        cmd = ["dnsperf", "-s", "127.0.0.1", "-p", str(self.port), "-d", f, "-c", "8", "-q", "100", "-T", "1"]
        o = subprocess.run(cmd + (["-n", str(once)] if once else ["-l", str(secs)]), capture_output=True, text=True).stdout
        c = cpu(self.pids) - c0
        g = lambda r: re.search(r, o).group(1)
        n = int(g(r"Queries completed:\s+(\d+)"))
        return dict(qps=float(g(r"Queries per second:\s+([\d.]+)")), us=c / max(n, 1) * 1e6, n=n,
                    lost=int(g(r"Queries lost:\s+(\d+)")), rc=g(r"Response codes:\s+(.*)"),
                    cpu_share=c / float(g(r"Run time \(s\):\s+([\d.]+)")))


def med(rs):
    return {k: statistics.median(r[k] for r in rs) if isinstance(rs[0][k], (int, float)) else rs[-1][k] for k in rs[0]}


def pct(v, q):
    return v[min(len(v) - 1, int(len(v) * q))] if v else float("nan")


def update(a, srv, version, trigger):
    """prober before, during and after an update; trigger() starts it and returns its start time"""
    for p in srv.pids:
        with open("/proc/%d/clear_refs" % p, "w") as f:
            f.write("5")
    rss0 = mem(srv.pids)
    raw = os.path.join(a.work, "probe.txt")
    pr = subprocess.Popen([os.path.join(a.work, "probe"), "127.0.0.1", str(srv.port), "1000",
                           os.path.join(a.data, "clean.txt"), "f%d.bench.test" % version, str(a.post), str(a.maxsec), raw],
                          stdout=subprocess.PIPE, text=True)
    time.sleep(3)
    c0 = cpu(srv.pids)
    t0 = trigger()
    eff = None
    for line in pr.stdout:
        if line.startswith("EFFECT"):
            eff = float(line.split()[1])
    pr.wait()
    c1 = cpu(srv.pids)
    L = [tuple(map(float, l.split())) for l in open(raw)]
    end = (eff or L[-1][0]) + a.post
    ans = lambda x: sorted(l for s, l in x if l >= 0)
    before = [x for x in L if x[0] < t0]
    win = [x for x in L if t0 <= x[0] <= end]
    arr = sorted(s + l for s, l in L if l >= 0 and s >= t0 - 0.5)
    gap = max((b - x for x, b in zip(arr, arr[1:])), default=float("nan"))
    # in the percentiles a lost query counts as LOST seconds
    lost = sum(l == -1 for s, l in win)
    w = sorted(l if l >= 0 else LOST for s, l in win)
    ms = lambda x: round(x * 1000, 3)
    return dict(effect=round(eff - t0, 3) if eff else None, gap_ms=ms(gap), p50_ms=ms(pct(w, .5)), p99_ms=ms(pct(w, .99)),
                p999_ms=ms(pct(w, .999)), max_ms=ms(ans(win)[-1]) if ans(win) else None, lost=lost, n=len(win),
                slow10=sum(l > .010 or l == -1 for s, l in win), bad=sum(l == -2 for s, l in win),
                before_p999_ms=ms(pct(ans(before), .999)), before_max_ms=ms(ans(before)[-1]),
                cpu=c1 - c0, rss0=rss0, peak=mem(srv.pids, "VmHWM"), rss1=mem(srv.pids))


class authoritative:
    """nsd with bench.test, on port a.base; a context, or end it with close()."""

    def __init__(self, a):
        auth_conf = os.path.join(a.work, "nsd.conf")
        with open(auth_conf, "w") as f:
            f.write(f"""server:
  ip-address: 127.0.0.1@{a.base}
  server-count: 1
  username: ""
  zonesdir: "{a.data}"
  database: ""
  pidfile: "{a.work}/nsd.pid"
  xfrdfile: "{a.work}/xfrd"
  logfile: "{a.work}/nsd.log"
  zonelistfile: "{a.work}/zl"
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: bench.test
  zonefile: auth.zone
""")
        self.process = subprocess.Popen(["nsd", "-d", "-c", auth_conf], stdin=subprocess.DEVNULL)
        time.sleep(2)

    def close(self):
        self.process.terminate()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def build_tools(work):
    for tool in ("probe", "echo"):
        if not os.path.exists(os.path.join(work, tool)):
            subprocess.check_call(["gcc", "-O2", "-o", os.path.join(work, tool), os.path.join(HERE, tool + ".c")])


def count_rules(data):
    with open(os.path.join(data, "rpz-1.zone")) as f:
        return sum(l.endswith("CNAME .\n") for l in f)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--work", required=True, help="scratch folder; results go to results.jsonl in it")
    ap.add_argument("--data", help="folder written by gen_rpz.py")
    ap.add_argument("--peers", default=",".join(PEERS), help="comma list; NAME+VARIANT passes a variant to the config function")
    ap.add_argument("--threads", type=int, default=1)
    ap.add_argument("--tests", default="base,rpz,reload,ixfr",
                    help="base: no RPZ; rpz: RPZ from file; reload: updates by file; ixfr: updates by IXFR; cold: unique names; "
                    "mix: throughput of all peers in turn, in place of base,rpz")
    ap.add_argument("--starts", type=int, default=3)
    ap.add_argument("--reps", type=int, default=3)
    ap.add_argument("--secs", type=int, default=5)
    ap.add_argument("--post", type=float, default=2, help="seconds observed after an update took effect")
    ap.add_argument("--maxsec", type=float, default=60)
    ap.add_argument("--base", type=int, default=5400, help="first port (authoritative server)")
    ap.add_argument("--tables", action="store_true")
    a = ap.parse_args()
    a.work = os.path.abspath(a.work)
    os.makedirs(a.work, exist_ok=True)
    res = os.path.join(a.work, "results.jsonl")
    if a.tables:
        return tables([json.loads(l) for l in open(res)])
    a.data = os.path.abspath(a.data)
    rules = count_rules(a.data)
    build_tools(a.work)
    tests = a.tests.split(",")
    auth = authoritative(a)
    D = lambda f: os.path.join(a.data, f)

    def out(**k):
        k = dict(k, rules=rules, threads=a.threads, load=os.getloadavg()[0])
        with open(res, "a") as f:
            f.write(json.dumps(k) + "\n")
        print(json.dumps(k), flush=True)

    def load(s, what, reps=a.reps):
        f = D({"clean": "clean.txt", "hit": "hits.txt"}[what])
        s.dnsperf(f, 0, once=2 if what == "clean" else 1)
        rs = [s.dnsperf(f, a.secs) for _ in range(reps)]
        out(peer=s.name, test=what, rpz=s.rpz, qps_all=[r["qps"] for r in rs], us_all=[round(r["us"], 2) for r in rs], **med(rs))

    def started(name, rpz, n):
        for i in range(n):
            s = Server(a, name, a.threads, rpz)
            if not s.spec:
                return None
            try:
                r = s.start()
            except Exception:
                s.stop()
                raise
            time.sleep(1)
            out(peer=name, test="start", rpz=rpz, rss=mem(s.pids), hwm=mem(s.pids, "VmHWM"), **r)
            if i < n - 1:
                s.stop()
        return s

    def mix():
        """throughput of all peers, with and without RPZ, round robin, so that a noisy machine hits them alike"""
        S = []
        try:
            for name in a.peers.split(","):
                for rpz in (None, "file"):
                    s = Server(a, name, a.threads, rpz, 50 + 10 * len(S))
                    if not s.spec:
                        continue
                    S.append(s)
                    out(peer=name, test="mixstart", rpz=rpz, **s.start())
                    s.dnsperf(D("clean.txt"), 0, once=3)
                    if rpz:
                        s.dnsperf(D("hits.txt"), 0, once=1)
            rs = {}
            for i in range(a.reps):
                for s in S[::-1] if i & 1 else S:
                    for what in ("clean", "hit") if s.rpz else ("clean",):
                        rs.setdefault((s.name, s.rpz, what), []).append(
                            s.dnsperf(D({"clean": "clean.txt", "hit": "hits.txt"}[what]), a.secs))
            for (n, rpz, what), r in rs.items():
                out(peer=n, test=what, rpz=rpz, mix=1, qps_all=[x["qps"] for x in r],
                    us_all=[round(x["us"], 2) for x in r], **med(r))
            if "cold" in tests:
                for s in S:
                    out(peer=s.name, test="cold", rpz=s.rpz, mix=1, **s.dnsperf(D("cold.txt"), 0, once=1))
        finally:
            for s in S:
                s.stop()

    try:
        if "mix" in tests:
            mix()
        for name in a.peers.split(","):
            s = None
            try:
                if "base" in tests:
                    s = started(name, None, a.starts)
                    load(s, "clean")
                    out(peer=name, test="warm", rpz=None, rss=mem(s.pids))
                    if "cold" in tests:
                        out(peer=name, test="cold", rpz=None, **s.dnsperf(D("cold.txt"), 0, once=1))
                    s.stop()
                if "rpz" in tests or "reload" in tests:
                    s = started(name, "file", a.starts if "rpz" in tests else 1)
                    if not s:
                        continue
                    if "rpz" in tests:
                        load(s, "clean")
                        load(s, "hit")
                        out(peer=name, test="warm", rpz="file", rss=mem(s.pids))
                        if "cold" in tests:
                            out(peer=name, test="cold", rpz="file", **s.dnsperf(D("cold.txt"), 0, once=1))
                    if "reload" in tests and "reload" in s.spec:
                        s.dnsperf(D("clean.txt"), 0, once=2)
                        v = 2
                        while os.path.exists(D("rpz-%d.zone" % v)):
                            def trig():
                                shutil.copy(D("rpz-%d.zone" % v), s.zone + ".new")
                                time.sleep(1)   # the copy itself is not part of the update
                                t = time.monotonic()
                                os.rename(s.zone + ".new", s.zone)
                                if s.spec["reload"]:
                                    trig.p = subprocess.Popen(s.spec["reload"], stdout=subprocess.DEVNULL)
                                return t
                            trig.p = None
                            r = update(a, s, v, trig)
                            if trig.p:
                                trig.p.wait()
                            out(peer=name, test="reload", rpz="file", version=v, **r)
                            v += 1
                    s.stop()
                if "ixfr" in tests:
                    s = Server(a, name, a.threads, "xfr")
                    if s.spec:
                        plog = open(os.path.join(a.work, "primary-%s.log" % name), "w+")
                        pri = subprocess.Popen([sys.executable, os.path.join(HERE, "ixfr_primary.py"), "--data", a.data,
                                                "--port", str(a.base + 1), "--notify", str(s.port)],
                                               stdin=subprocess.PIPE, stdout=plog, text=True)
                        try:
                            while "ready" not in open(plog.name).read():
                                time.sleep(.1)
                            r = s.start()
                            time.sleep(1)
                            out(peer=name, test="start", rpz="xfr", rss=mem(s.pids), hwm=mem(s.pids, "VmHWM"), **r)
                            s.dnsperf(D("clean.txt"), 0, once=2)
                            v = 2
                            while os.path.exists(D("delta-%d.txt" % v)):
                                def trig():
                                    t = time.monotonic()
                                    pri.stdin.write("bump\n")
                                    pri.stdin.flush()
                                    return t
                                r = update(a, s, v, trig)
                                out(peer=name, test="ixfr", rpz="xfr", version=v,
                                    served=open(plog.name).read().split("bumped")[-1].split("\n")[1:], **r)
                                v += 1
                        finally:
                            pri.kill()
                            pri.wait()
                        s.stop()
            except Exception as e:
                out(peer=name, test="FAILED", error=str(e)[-1500:])
            finally:
                if s:
                    s.stop()
    finally:
        auth.close()


def tables(R):
    def sel(**k):
        return [r for r in R if all(r.get(x) == y for x, y in k.items())]

    keys = sorted({(r["rules"], r["threads"], r["peer"]) for r in R}, key=lambda k: (-k[0], k[1], k[2]))
    M = lambda rs, f, nd=1: "–" if not rs else ("%%.%df" % nd) % statistics.median(f(r) for r in rs)
    print("### Start-up and memory\n\n| peer | rules | thr | start no RPZ s (CPU) | start RPZ file s (CPU) | start AXFR s (CPU) "
          "| RSS no RPZ MB | RSS RPZ file MB | peak MB | bytes/rule | RSS RPZ AXFR MB "
          "| blocked names answered unfiltered at start, s: file / AXFR |\n|" + "---|" * 12)
    for n, t, p in keys:
        k = dict(rules=n, threads=t, peer=p, test="start")
        b, f, x = sel(rpz=None, **k), sel(rpz="file", **k), sel(rpz="xfr", **k)
        b0 = b or sel(peer=p, threads=t, test="start", rpz=None)
        w = lambda rs: "–" if not rs else M(rs, lambda r: r["wall"], 2) + " (" + M(rs, lambda r: r["cpu"], 2) + ")"
        m = lambda rs, key="rss": M(rs, lambda r: r[key] / 1024, 0)
        bpr = "–" if not (f and b0) else "%.0f" % ((statistics.median(r["rss"] for r in f) -
                                                     statistics.median(r["rss"] for r in b0)) * 1024 / n)
        if not (b or f or x):
            continue
        lk = lambda v: M([r for r in R if r["test"] in ("start", "mixstart") and r["rpz"] == v and "leak_s" in r and
                          (r["rules"], r["peer"], r["threads"]) == (n, p, t)], lambda r: r["leak_s"], 1)
        print("|", " | ".join([p, str(n), str(t), w(b), w(f), w(x), m(b), m(f), m(f, "hwm"), bpr, m(x),
                               lk("file") + " / " + lk("xfr")]), "|")
    print("\n### Throughput (median kQPS / server CPU µs per answer)\n\n| peer | rules | thr | clean, no RPZ | clean, RPZ | policy hit "
          "| clean CPU overhead of RPZ | cold no RPZ | cold RPZ |\n|" + "---|" * 9)
    for n, t, p in keys:
        k = dict(rules=n, threads=t, peer=p)
        if sel(mix=1, rules=n, threads=t):
            k["mix"] = 1                # the interleaved runs are the ones to compare
        b, f, h = sel(test="clean", rpz=None, **k), sel(test="clean", rpz="file", **k), sel(test="hit", rpz="file", **k)
        cb, cf = sel(test="cold", rpz=None, **k), sel(test="cold", rpz="file", **k)
        w = lambda rs: "–" if not rs else "%s / %s" % (M(rs, lambda r: r["qps"] / 1000), M(rs, lambda r: r["us"]))
        o = "–" if not (b and f) else "%+.1f µs (%+.0f%%)" % (f[-1]["us"] - b[-1]["us"], (f[-1]["us"] / b[-1]["us"] - 1) * 100)
        if b or f:
            print("|", " | ".join([p, str(n), str(t), w(b), w(f), w(h), o, w(cb), w(cf)]), "|")
    for test in ("reload", "ixfr"):
        if not sel(test=test):
            continue
        print("\n### Update by %s (median of the updates; worst gap in brackets)\n\n| peer | rules | thr | effective s | longest gap ms | p50 ms "
              "| p99 ms | p99.9 ms | longest wait of one query ms | lost (of n) | >10 ms or lost | before: p99.9 ms | CPU s | RSS before MB | peak MB | after MB |\n|" % test + "---|" * 16)
        for n, t, p in keys:
            rs = sel(test=test, rules=n, threads=t, peer=p)
            if not rs:
                continue
            g = lambda key, nd=2: M([r for r in rs if r[key] is not None], lambda r: r[key], nd)
            pc = lambda key: "lost" if float(g(key)) >= 9000 or float(g("p50_ms")) >= 9000 else g(key)
            mb = lambda key: M(rs, lambda r: r[key] / 1024, 0)
            print("|", " | ".join([p, str(n), str(t), g("effect"), g("gap_ms", 1) + " (%.1f)" % max(r["gap_ms"] for r in rs), pc("p50_ms"),
                                   pc("p99_ms"), pc("p999_ms"), g("max_ms", 0), g("lost", 0) + " (%s)" % g("n", 0), g("slow10", 0), g("before_p999_ms"),
                                   g("cpu"), mb("rss0"), mb("peak"), mb("rss1")]), "|")


if __name__ == "__main__":
    main()
