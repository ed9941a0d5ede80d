#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tornet: a private Tor network on loopback, for tests of onion-service tools.

Only the Python 3 standard library, the `tor` and `tor-gencert` programs, and
free loopback ports are needed.  Every file and every pid lives under DIR;
`down DIR` ends only processes that this DIR started.  Nothing ever leaves
127.0.0.1.

  tornet.py up DIR [--auths 3 --relays 3 ...]   start network, client, one onion + web server
  tornet.py down DIR [--purge]                  stop it (and remove DIR)
  tornet.py status DIR                          JSON: ports, onions, nodes, CPU, RSS
  tornet.py add-onion DIR --port LOCAL [...]    one more onion service (own tor process)
  tornet.py add-client DIR --name N [...]       one more client (--network unreachable: never bootstraps)
  tornet.py kill|start|pause|resume DIR NODE    any node: a0, r1, client, onion0, web0 ...
  tornet.py client-auth DIR ONION good|wrong|none   key the client holds for a --client-auth onion
  tornet.py address never|checksum|torsion|length   an address that must fail (no network needed)
  tornet.py fetch DIR [--onion N --path / ...]  one GET through SOCKS, JSON result
  tornet.py ctl DIR COMMAND...                  raw control-port commands on the client
All verbs print JSON on stdout.

Guards and vanguards-lite are tor's own defaults (`up --vanguards 0` turns the latter off).  All relays
have the same weight in the consensus, always; relay_lines says why a start can hang without that.
"""
import argparse, base64, binascii, contextlib, hashlib, json, os, re, secrets, shutil
import signal, socket, subprocess, sys, time, urllib.request

LOOP = "127.0.0.1"


def say(*a):
    print("tornet:", *a, file=sys.stderr, flush=True)


# ---------------------------------------------------------------- state, pids
class Net:
    def __init__(self, d, must_exist=True):
        self.dir = os.path.abspath(d)
        self.path = os.path.join(self.dir, "state.json")
        if must_exist:
            with open(self.path) as f:
                self.s = json.load(f)
        else:
            self.s = {"nodes": {}, "onions": {}, "clients": {}, "opts": {}}

    def save(self):
        tmp = self.path + ".tmp"
        with open(tmp, "w") as f:
            json.dump(self.s, f, indent=1)
        os.replace(tmp, self.path)

    def node(self, name):
        if name not in self.s["nodes"]:
            sys.exit("tornet: no node %r; nodes: %s" % (name, " ".join(self.s["nodes"])))
        return self.s["nodes"][name]


def starttime(pid):
    """Kernel start time of pid: with the pid it names one process for good."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return int(f.read().rsplit(")", 1)[1].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def usage(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            v = f.read().rsplit(")", 1)[1].split()
        cpu = (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")
        rss = pss = 0
        with open("/proc/%d/smaps_rollup" % pid) as f:
            for line in f:
                if line.startswith("Rss:"):
                    rss = int(line.split()[1])
                elif line.startswith("Pss:"):
                    pss = int(line.split()[1])
        return cpu, rss, pss
    except (OSError, ValueError, IndexError):
        return 0.0, 0, 0


def alive(n):
    pid = n.get("pid")
    if not pid or starttime(pid) != n.get("start"):
        return False
    with open("/proc/%d/stat" % pid) as f:
        return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"


def launch(net, name):
    n = net.node(name)
    if alive(n):
        return
    log = open(os.path.join(net.dir, name + ".out"), "ab")
    p = subprocess.Popen(n["argv"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                         start_new_session=True, cwd=net.dir)
    n["pid"], n["start"] = p.pid, starttime(p.pid)
    net.save()


def end(n, wait=3.0, sig=signal.SIGTERM):
    if not alive(n):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(n["pid"], signal.SIGCONT)
        os.kill(n["pid"], sig)
    t = time.time() + wait
    while alive(n) and time.time() < t:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(n["pid"], os.WNOHANG)
        time.sleep(0.02)
    if alive(n):
        with contextlib.suppress(ProcessLookupError):
            os.kill(n["pid"], signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(n["pid"], os.WNOHANG)


class Ports:
    """Free loopback ports; each stays bound until release(), so none is dealt twice."""
    def __init__(self, base=0):
        self.base, self.held = base, []

    def get(self):
        s = socket.socket()
        while True:
            try:
                s.bind((LOOP, self.base))
                break
            except OSError:
                if not self.base:
                    raise
                self.base += 1
        if self.base:
            self.base += 1
        self.held.append(s)
        return s.getsockname()[1]

    def release(self):
        for s in self.held:
            s.close()
        self.held = []


# ---------------------------------------------------------------- addresses
P25519 = 2 ** 255 - 19
D25519 = -121665 * pow(121666, P25519 - 2, P25519) % P25519


def ed_add(a, b):
    x1, y1 = a
    x2, y2 = b
    t = D25519 * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + t, P25519 - 2, P25519) % P25519,
            (y1 * y2 + x1 * x2) * pow(1 - t, P25519 - 2, P25519) % P25519)


def ed_pub(k):
    by = 4 * pow(5, P25519 - 2, P25519) % P25519
    bx = 15112221349535400772501151409588531511454012693041857206046113283949847762202
    q, b = (0, 1), (bx, by)
    while k:
        if k & 1:
            q = ed_add(q, b)
        b = ed_add(b, b)
        k >>= 1
    return (q[1] | ((q[0] & 1) << 255)).to_bytes(32, "little")


def onion_of(pub, version=3, checksum=None):
    c = hashlib.sha3_256(b".onion checksum" + pub + bytes([version])).digest()[:2]
    return base64.b32encode(pub + (checksum or c) + bytes([version])).decode().lower() + ".onion"


def x25519(k, u=9):
    k = bytearray(k)
    k[0] &= 248
    k[31] = (k[31] & 127) | 64
    k = int.from_bytes(k, "little")
    x1, x2, z2, x3, z3, swap = u, 1, 0, u, 1, 0
    for t in range(254, -1, -1):
        kt = (k >> t) & 1
        if swap ^ kt:
            x2, x3, z2, z3 = x3, x2, z3, z2
        swap = kt
        a, b = (x2 + z2) % P25519, (x2 - z2) % P25519
        aa, bb = a * a % P25519, b * b % P25519
        e, da, cb = (aa - bb) % P25519, (x3 - z3) * a % P25519, (x3 + z3) * b % P25519
        x3, z3 = pow(da + cb, 2, P25519), x1 * pow(da - cb, 2, P25519) % P25519
        x2, z2 = aa * bb % P25519, e * (aa + 121665 * e) % P25519
    if swap:
        x2, z2 = x3, z3
    return (x2 * pow(z2, P25519 - 2, P25519) % P25519).to_bytes(32, "little")


def b32(b):
    return base64.b32encode(b).decode().rstrip("=")


def bad_address(kind):
    pub = ed_pub(secrets.randbelow(2 ** 252) | 1)
    if kind == "never":                       # well formed, nobody ever published it
        return onion_of(pub)
    if kind == "checksum":                    # one checksum byte off
        good = hashlib.sha3_256(b".onion checksum" + pub + b"\3").digest()[:2]
        return onion_of(pub, checksum=bytes([good[0] ^ 1, good[1]]))
    if kind == "torsion":                     # checksum right, key is a low-order point
        return onion_of((1).to_bytes(32, "little"))
    return onion_of(pub)[:54] + ".onion"      # two letters short


# ---------------------------------------------------------------- control port, SOCKS
class Ctl:
    def __init__(self, port, cookie, timeout=5):
        self.k = socket.create_connection((LOOP, port), timeout)
        self.f = self.k.makefile("rb")
        with open(cookie, "rb") as f:
            self.cmd("AUTHENTICATE " + binascii.hexlify(f.read()).decode())

    def cmd(self, line):
        self.k.sendall(line.encode() + b"\r\n")
        out = []
        while True:
            l = self.f.readline().decode("utf-8", "replace").rstrip("\r\n")
            if not l:
                raise OSError("control port closed")
            out.append(l)
            if l[3:4] == "+":
                while True:
                    m = self.f.readline().decode("utf-8", "replace").rstrip("\r\n")
                    if m == ".":
                        break
                    out.append(m)
            elif l[3:4] == " " and l[:3].isdigit():
                return out


def socks_connect(port, host, dport, user=None, password=None, timeout=60):
    """-> (socket or None, reply code or None, text). user=None: no authentication."""
    k = socket.create_connection((LOOP, port), timeout)
    k.settimeout(timeout)
    try:
        k.sendall(b"\5\1\2" if user is not None else b"\5\1\0")
        r = k.recv(2)
        if len(r) < 2 or r[1] == 0xFF:
            return None, None, "method refused"
        if r[1] == 2:
            u, p = user.encode(), (password or "").encode()
            k.sendall(bytes([1, len(u)]) + u + bytes([len(p)]) + p)
            r = k.recv(2)
            if len(r) < 2 or r[1]:
                return None, None, "authentication refused"
        h = host.encode()
        k.sendall(b"\5\1\0\3" + bytes([len(h)]) + h + dport.to_bytes(2, "big"))
        r = b""
        while len(r) < 4:
            b = k.recv(4 - len(r))
            if not b:
                return None, None, "closed without reply"
            r += b
        n = {1: 4, 4: 16}.get(r[3])
        if n is None:
            n = k.recv(1)[0]
        k.recv(n + 2)
        if r[1]:
            k.close()
            return None, r[1], "reply 0x%02X" % r[1]
        return k, 0, "granted"
    except socket.timeout:
        k.close()
        return None, None, "timeout"
    except OSError as e:
        k.close()
        return None, None, str(e)


def http_get(port, host, dport=80, path="/", **kw):
    t0 = time.time()
    k, code, text = socks_connect(port, host, dport, **kw)
    t1 = time.time()
    res = {"socks": code, "text": text, "socks_s": round(t1 - t0, 3), "status": None}
    if k:
        try:
            k.sendall(("GET %s HTTP/1.0\r\nHost: %s\r\n\r\n" % (path, host)).encode())
            b = b""
            while True:
                c = k.recv(65536)
                if not c:
                    break
                b += c
            m = re.match(rb"HTTP/1\.\d (\d+)", b)
            res["status"], res["bytes"] = (int(m.group(1)) if m else None), len(b)
        except OSError as e:
            res["text"] = str(e)
        finally:
            k.close()
    res["total_s"] = round(time.time() - t0, 3)
    return res


# ---------------------------------------------------------------- torrc
def torrc_common(net, name):
    o = net.s["opts"]
    d = os.path.join(net.dir, name)
    return ["TestingTorNetwork 1", "Nickname " + name, "DataDirectory " + d,
            "PathsNeededToBuildCircuits 0.67", "V3AuthNIntervalsValid %d" % o["valid"],
            "ShutdownWaitLength 0", "DisableDebuggerAttachment 0", "NumCPUs 1",
            "CircuitBuildTimeout %d" % o["circuit_timeout"],
            "VanguardsLiteEnabled %s" % o["vanguards"], "AddressDisableIPv6 1", "OutboundBindAddress " + LOOP,
            "SafeLogging 0", "LogTimeGranularity 1", "LogMessageDomains 1", "ProtocolWarnings 1",
            "Log %s file %s" % (o["log"], os.path.join(d, "tor.log")),
            ] + ["DirAuthority " + a for a in net.s["dirauth"]] + o["torrc"]


def write_node(net, name, lines, **extra):
    d = os.path.join(net.dir, name)
    os.makedirs(d, mode=0o700, exist_ok=True)
    with open(os.path.join(d, "torrc"), "w") as f:
        f.write("\n".join(lines) + "\n")
    net.s["nodes"][name] = dict(extra, kind=extra.get("kind", "tor"), argv=[
        net.s["opts"]["tor"], "--defaults-torrc", os.path.join(net.dir, "empty"),
        "--hush", "-f", os.path.join(d, "torrc")])


def relay_lines(port, ctl):
    return ["ORPort %s:%d" % (LOOP, port), "Address " + LOOP, "AssumeReachable 1",
            # Loopback traffic does not count, so every relay advertises 0 B/s and clients choose
            # among all of them alike.  Counted (the default of TestingTorNetwork), the traffic of the
            # first two seconds gives each relay 0 kB/s or, by bad luck, one authority 1 and the rest
            # 0.  That one is then guard and last hop of every onion-service circuit (guard, middle,
            # guard), and the middle refuses to "extend back to the previous hop".
            "CountPrivateBandwidth 0",
            "ExitRelay 0", "SocksPort 0", "ControlPort %d" % ctl, "CookieAuthentication 1"]


def make_client(net, name, ports, network="ok"):
    d = os.path.join(net.dir, name)
    ext, plain, ctl = ports.get(), ports.get(), ports.get()
    keys = os.path.join(d, "auth")
    os.makedirs(keys, mode=0o700, exist_ok=True)
    os.chmod(d, 0o700)
    lines = torrc_common(net, name) + [
        "SocksPort %s:%d ExtendedErrors" % (LOOP, ext), "SocksPort %s:%d" % (LOOP, plain),
        "ControlPort %s:%d" % (LOOP, ctl), "CookieAuthentication 1", "ClientOnly 1",
        "ClientOnionAuthDir " + keys]
    if network == "disabled":                 # tor runs, told not to touch the network
        lines += ["DisableNetwork 1"]
    elif network == "unreachable":            # directory authorities nobody answers for
        dead = ports.get()
        lines = [re.sub(r"orport=\d+", "orport=%d" % dead, re.sub(
            r"(127\.0\.0\.1):\d+", r"\1:%d" % dead, l)) if l.startswith("DirAuthority ") else l
            for l in lines]
    write_node(net, name, lines, socks=ext, socks_plain=plain, control=ctl,
               cookie=os.path.join(d, "control_auth_cookie"), authdir=keys)
    net.s["clients"][name] = {"socks": ext, "socks_plain": plain, "control": ctl,
                              "cookie": os.path.join(d, "control_auth_cookie")}


def make_onion(net, name, target, virtport, ports, auth=False, intro=3):
    d = os.path.join(net.dir, name)
    hs = os.path.join(d, "hs")
    os.makedirs(os.path.join(hs, "authorized_clients"), mode=0o700, exist_ok=True)
    os.chmod(d, 0o700)
    os.chmod(hs, 0o700)
    o = {"virtport": virtport, "target": target, "hsdir": hs, "client_auth": bool(auth)}
    if auth:
        k = secrets.token_bytes(32)
        with open(os.path.join(hs, "authorized_clients", "c.auth"), "w") as f:
            f.write("descriptor:x25519:" + b32(x25519(k)) + "\n")
        o["client_key"] = b32(k)
    write_node(net, name, torrc_common(net, name) + [
        "SocksPort 0", "ControlPort %s:%d" % (LOOP, ports.get()), "CookieAuthentication 1",
        "HiddenServiceDir " + hs, "HiddenServicePort %d %s" % (virtport, target),
        "HiddenServiceNumIntroductionPoints %d" % intro])
    net.s["onions"][name] = o


def make_web(net, name, port):
    net.s["nodes"][name] = {"kind": "web", "port": port,
                            "argv": [sys.executable, os.path.abspath(__file__), "_web", str(port)]}


# ---------------------------------------------------------------- verbs
def onion_address(net, name, wait=20):
    p = os.path.join(net.s["onions"][name]["hsdir"], "hostname")
    t = time.time() + wait
    while time.time() < t:
        with contextlib.suppress(OSError):
            with open(p) as f:
                a = f.read().strip()
            if a:
                net.s["onions"][name]["address"] = a
                net.save()
                return a
        time.sleep(0.05)
    sys.exit("tornet: %s wrote no hostname; see %s" % (name, os.path.dirname(p)))


def consensus_routers(port):
    try:
        with urllib.request.urlopen("http://%s:%d/tor/status-vote/current/consensus-microdesc"
                                    % (LOOP, port), timeout=2) as r:
            t = r.read().decode("ascii", "replace")
    except (OSError, ValueError):
        return 0, 0
    flags = re.findall(r"^s (.*)$", t, re.M)
    return (sum("Running" in f.split() for f in flags), sum("HSDir" in f.split() for f in flags))


def wait_for(what, test, limit, step=0.1):
    t = time.time() + limit
    while time.time() < t:
        v = test()
        if v:
            return v
        time.sleep(step)
    sys.exit("tornet: gave up waiting %ss for %s" % (limit, what))


def bootstrapped(c):
    try:
        l = Ctl(c["control"], c["cookie"]).cmd("GETINFO status/bootstrap-phase")
        return any("PROGRESS=100" in x for x in l)
    except OSError:
        return False


def bootstrap_client(net, name, limit):
    """Wait for a client; if it is slow, HUP makes tor forget its download back-off,
    and after 12 s start it again with an empty cache."""
    c, t0, hups, fresh = net.s["clients"][name], time.time(), 0, 0
    while time.time() - t0 < limit:
        if bootstrapped(c):
            net.s.setdefault("nudges", {})[name] = {"hup": hups, "restart": fresh}
            return
        time.sleep(0.2)
        e = time.time() - t0 - 12 * fresh
        if e > 12:
            end(net.node(name), sig=signal.SIGKILL)
            d = os.path.join(net.dir, name)
            for f in os.listdir(d):
                if f.startswith("cached-") or f in ("state", "lock"):
                    os.unlink(os.path.join(d, f))
            launch(net, name)
            fresh, hups = fresh + 1, 0
        elif e > 5 * (hups + 1) and alive(net.node(name)):
            os.kill(net.node(name)["pid"], signal.SIGHUP)
            hups += 1
    sys.exit("tornet: %s did not bootstrap in %ss; see %s" % (
        name, limit, os.path.join(net.dir, name, "tor.log")))


def summary(net):
    out = {"dir": net.dir, "clients": net.s["clients"]}
    c = net.s["clients"].get("client")
    if c:
        out.update(c)
    out["onions"] = {k: {x: v[x] for x in v if x not in ("client_key", "hsdir")}
                     for k, v in net.s["onions"].items()}
    first = net.s["onions"].get("onion0")
    if first and "address" in first:
        out["onion"] = first["address"]
    out["timing"] = net.s.get("timing")
    out["nudges"] = net.s.get("nudges")
    return out


def v_up(a):
    if os.path.exists(os.path.join(a.dir, "state.json")):
        sys.exit("tornet: %s already holds a network; run down --purge first" % a.dir)
    tor, gencert = shutil.which(a.tor), shutil.which(a.gencert)
    if not tor or not gencert:
        sys.exit("tornet: need the programs tor and tor-gencert in PATH (or --tor, --gencert)")
    os.makedirs(a.dir, mode=0o700, exist_ok=True)
    net = Net(a.dir, must_exist=False)
    open(os.path.join(net.dir, "empty"), "w").close()
    T0 = time.time()
    timing = {}
    net.s["opts"] = {"tor": tor, "valid": a.valid_intervals, "log": a.log, "torrc": a.torrc,
                     "circuit_timeout": a.circuit_timeout,
                     "vanguards": a.vanguards}
    net.s["dirauth"] = []
    ports = Ports(a.base_port)
    names = ["a%d" % i for i in range(a.auths)] + ["r%d" % i for i in range(a.relays)]
    # keys of the authorities, all at once
    procs, auth = [], {}
    for n in names[:a.auths]:
        d = os.path.join(net.dir, n)
        os.makedirs(os.path.join(d, "keys"), mode=0o700)
        os.chmod(d, 0o700)
        orp, dirp = ports.get(), ports.get()
        auth[n] = (orp, dirp)
        k = os.path.join(d, "keys", "authority_")
        g = subprocess.Popen([gencert, "--create-identity-key", "--passphrase-fd", "0",
                              "-i", k + "identity_key", "-s", k + "signing_key",
                              "-c", k + "certificate", "-m", "12", "-a", "%s:%d" % (LOOP, dirp)],
                             stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
        g.stdin.write(b"tornet\n")
        g.stdin.close()
        l = subprocess.Popen([tor, "--defaults-torrc", os.path.join(net.dir, "empty"),
                              "-f", os.path.join(net.dir, "empty"), "--ignore-missing-torrc",
                              "--list-fingerprint", "--orport", "1", "--hush",
                              "--dirauthority", "x 127.0.0.1:1 " + "f" * 40,
                              "--datadirectory", d, "--nickname", n],
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True)
        procs.append((n, k, g, l))
    for n, k, g, l in procs:
        out = l.communicate()[0]
        if g.wait() or l.returncode:
            sys.exit("tornet: key generation for %s failed: %s" % (n, out))
        with open(k + "certificate") as f:
            v3 = re.search(r"^fingerprint ([0-9A-F]{40})", f.read(), re.M).group(1)
        fpr = "".join(re.findall(r"\b[0-9A-F]{4}\b", out.strip().splitlines()[-1]))[-40:]
        net.s["dirauth"].append("%s orport=%d no-v2 v3ident=%s %s:%d %s"
                                % (n, auth[n][0], v3, LOOP, auth[n][1], fpr))
    timing["keys"] = round(time.time() - T0, 2)
    # The first vote is the slow thing: place it just after the relays have had
    # time to upload, by moving the voting grid (offset) under the clock.  A relay
    # that misses it waits --interval for the next, so where making the keys took
    # long (a loaded machine) the relays get as long to upload.
    now = time.time()
    ini = a.initial_interval
    boundary = now + max(a.upload_time, timing["keys"]) + a.vote_delay + a.dist_delay
    offset = int(boundary) % ini
    for i, n in enumerate(names):
        lines = torrc_common(net, n)
        orp = auth[n][0] if n in auth else ports.get()
        ctl = ports.get()
        lines += relay_lines(orp, ctl)
        if n in auth:
            lines += ["DirPort %s:%d" % (LOOP, auth[n][1]), "AuthoritativeDirectory 1",
                      "V3AuthoritativeDirectory 1", "ContactInfo tornet@localhost",
                      "TestingDirAuthVoteHSDir *", "TestingDirAuthVoteGuard *",
                      "TestingMinExitFlagThreshold 0",
                      # Uptime thresholds of 0: every relay is Stable (onion circuits use no others).
                      "MinMeasuredBWsForAuthToIgnoreAdvertised -1",
                      "TestingV3AuthInitialVotingInterval %d" % ini,
                      "TestingV3AuthInitialVoteDelay %d" % a.vote_delay,
                      "TestingV3AuthInitialDistDelay %d" % a.dist_delay,
                      "TestingV3AuthVotingStartOffset %d" % offset,
                      "V3AuthVotingInterval %d" % a.interval,
                      "V3AuthVoteDelay %d" % a.vote_delay, "V3AuthDistDelay %d" % a.dist_delay]
        write_node(net, n, lines, orport=orp, control=ctl,
                   cookie=os.path.join(net.dir, n, "control_auth_cookie"))
    make_client(net, "client", ports)
    web = ports.get()
    if not a.no_onion:
        make_web(net, "web0", web)
        make_onion(net, "onion0", "%s:%d" % (LOOP, web), 80, ports, intro=a.intro)
    ports.release()
    net.save()
    for n in names:
        launch(net, n)
    if not a.no_onion:
        launch(net, "web0")
    want = len(names)
    dirp = auth["a0"][1]
    wait_for("a consensus with %d relays" % want,
             lambda: consensus_routers(dirp)[0] >= want, a.timeout)
    timing["consensus"] = round(time.time() - T0, 2)
    # HUP makes every relay fetch the consensus now instead of on its back-off.
    for n in names:
        os.kill(net.node(n)["pid"], signal.SIGHUP)
    mds = [os.path.join(net.dir, n, "cached-microdesc-consensus") for n in names]
    wait_for("every relay to hold the consensus", lambda: all(map(os.path.exists, mds)), a.timeout)
    timing["relays_have_consensus"] = round(time.time() - T0, 2)
    t = time.time() + 15                     # not fatal: a relay may lag
    while time.time() < t and not all(bootstrapped(net.node(n)) for n in names):
        time.sleep(0.2)
    timing["relays_bootstrapped"] = round(time.time() - T0, 2)
    launch(net, "client")
    if not a.no_onion:
        launch(net, "onion0")
    bootstrap_client(net, "client", a.timeout)
    timing["client_bootstrapped"] = round(time.time() - T0, 2)
    if not a.no_onion:
        addr = onion_address(net, "onion0")
        wait_onion(net, "onion0", a.timeout)
        timing["first_fetch"] = round(time.time() - T0, 2)
    net.s["timing"] = timing
    net.save()
    print(json.dumps(summary(net), indent=1))


def wait_onion(net, name, limit):
    """Wait for a GET; a service whose tor is stuck is started again every 12 s."""
    o, c = net.s["onions"][name], net.s["clients"]["client"]
    if o["client_auth"]:
        return
    t0, again, r = time.time(), 0, {}
    while time.time() - t0 < limit:
        r = http_get(c["socks"], o["address"], o["virtport"], user="<torS0X>0",
                     password=secrets.token_hex(8), timeout=15)
        if r["status"] is not None:
            net.s.setdefault("nudges", {})[name] = {"restart": again}
            return
        if time.time() - t0 > 12 * (again + 1):
            end(net.node(name))
            launch(net, name)
            again += 1
        time.sleep(0.3)
    sys.exit("tornet: no GET from %s in %ss; last: %s" % (name, limit, r))


def v_down(a):
    net = Net(a.dir)
    for n in net.s["nodes"].values():
        if alive(n):
            with contextlib.suppress(ProcessLookupError):
                os.kill(n["pid"], signal.SIGCONT)
                os.kill(n["pid"], signal.SIGTERM)
    for n in net.s["nodes"].values():
        end(n)
    if a.purge:
        shutil.rmtree(net.dir)
    print(json.dumps({"down": net.dir, "left": [k for k, n in net.s["nodes"].items() if alive(n)]}))


def v_status(a):
    net = Net(a.dir)
    out = summary(net)
    tot = [0.0, 0, 0]
    out["nodes"] = {}
    for k, n in net.s["nodes"].items():
        u = usage(n["pid"]) if alive(n) else (0.0, 0, 0)
        tot = [x + y for x, y in zip(tot, u)]
        out["nodes"][k] = {"alive": alive(n), "pid": n.get("pid"), "cpu_s": round(u[0], 2),
                           "rss_kb": u[1], "pss_kb": u[2]}
    out["total"] = {"cpu_s": round(tot[0], 2), "rss_kb": tot[1], "pss_kb": tot[2],
                    "processes": sum(n["alive"] for n in out["nodes"].values())}
    print(json.dumps(out, indent=1))


def v_add_onion(a):
    net = Net(a.dir)
    name = a.name or "onion%d" % len(net.s["onions"])
    web = name.replace("onion", "web") if "onion" in name else "web-" + name
    if name in net.s["nodes"] or web in net.s["nodes"]:
        sys.exit("tornet: there is a node %s or %s already" % (name, web))
    ports = Ports(a.base_port)
    T0 = time.time()
    if a.port:
        target = "%s:%d" % (LOOP, a.port)
    else:                                    # its own little web server
        p = ports.get()
        make_web(net, web, p)
        target = "%s:%d" % (LOOP, p)
    make_onion(net, name, target, a.virtport, ports, a.client_auth, a.intro)
    ports.release()
    if not a.port:
        launch(net, web)
    if a.no_start:
        net.save()
    else:
        launch(net, name)
        onion_address(net, name)
        if not a.no_wait:
            wait_onion(net, name, a.timeout)
    out = {x: v for x, v in net.s["onions"][name].items() if x not in ("client_key", "hsdir")}
    print(json.dumps(dict(out, name=name, ready_s=round(time.time() - T0, 2)), indent=1))


def v_add_client(a):
    net = Net(a.dir)
    ports = Ports(a.base_port)
    T0 = time.time()
    make_client(net, a.name, ports, a.network)
    ports.release()
    launch(net, a.name)
    c = net.s["clients"][a.name]
    if a.network == "ok" and not a.no_wait:
        bootstrap_client(net, a.name, a.timeout)
    print(json.dumps(dict(c, name=a.name, ready_s=round(time.time() - T0, 2)), indent=1))


def v_kill(a):
    net = Net(a.dir)
    for n in a.node:
        end(net.node(n), sig=signal.SIGKILL if a.hard else signal.SIGTERM)
    print(json.dumps({"killed": a.node}))


def v_start(a):
    net = Net(a.dir)
    for n in a.node:
        launch(net, n)
    print(json.dumps({"started": {n: net.node(n)["pid"] for n in a.node}}))


def v_pause(a):
    net = Net(a.dir)
    for n in a.node:
        if alive(net.node(n)):
            os.kill(net.node(n)["pid"], signal.SIGSTOP if a.verb == "pause" else signal.SIGCONT)
    print(json.dumps({a.verb + "d": a.node}))


def v_client_auth(a):
    net = Net(a.dir)
    o, c = net.s["onions"][a.onion], net.node(a.client)
    f = os.path.join(c["authdir"], a.onion + ".auth_private")
    if a.mode == "none":
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f)
    else:
        key = o["client_key"] if a.mode == "good" else b32(secrets.token_bytes(32))
        with open(f, "w") as h:
            h.write("%s:descriptor:x25519:%s\n" % (o["address"][:56], key))
        os.chmod(f, 0o600)
    os.kill(c["pid"], signal.SIGHUP)
    time.sleep(0.3)
    print(json.dumps({"client": a.client, "onion": a.onion, "mode": a.mode}))


def v_address(a):
    print(json.dumps({"kind": a.kind, "address": bad_address(a.kind)}))


def v_fetch(a):
    net = Net(a.dir)
    o = net.s["onions"].get(a.onion, {})
    c = net.s["clients"][a.client]
    host = a.host or o["address"]
    print(json.dumps(http_get(c["socks_plain" if a.plain else "socks"], host,
                              a.vport or o.get("virtport", 80), a.path, user=a.user,
                              password=a.password, timeout=a.timeout)))


def v_ctl(a):
    net = Net(a.dir)
    c = net.s["clients"][a.client]
    k = Ctl(c["control"], c["cookie"])
    print(json.dumps({x: k.cmd(x) for x in a.command}, indent=1))


def v_web(a):
    """A tiny web server with the behaviours a check has to tell apart."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class H(BaseHTTPRequestHandler):
        def do_GET(self):
            p = self.path.strip("/").split("/")
            code, body = 200, b"<html><title>tornet</title>It works.</html>\n"
            if p[0] == "status":
                code = int(p[1])
            elif p[0] == "bytes":
                body = b"x" * int(p[1])
            elif p[0] == "slow":                 # headers at once, body later
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.flush()
                time.sleep(float(p[1]))
                self.wfile.write(body)
                return
            elif p[0] == "hang":                 # nothing at all for N seconds
                time.sleep(float(p[1]))
            elif p[0] == "cut":                  # promises more than it sends
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                self.wfile.write(body)
                return
            elif p[0] == "empty":
                self.close_connection = True
                return
            elif p[0] == "redirect":
                code = 302
            self.send_response(code)
            if code in (301, 302):
                self.send_header("Location", "/")
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        do_HEAD = do_POST = do_GET

        def log_message(self, *x):
            pass
    ThreadingHTTPServer((LOOP, a.port), H).serve_forever()


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    sub = ap.add_subparsers(dest="verb", required=True)

    def verb(name, fn, d=True):
        p = sub.add_parser(name)
        p.set_defaults(fn=fn)
        if d:
            p.add_argument("dir")
        return p
    p = verb("up", v_up)
    p.add_argument("--auths", type=int, default=3)
    p.add_argument("--relays", type=int, default=3)
    p.add_argument("--interval", type=int, default=60, help="voting interval, s (divides a day; >= 10)")
    p.add_argument("--initial-interval", type=int, default=20, help="before the first consensus, s (>= 5)")
    p.add_argument("--vote-delay", type=int, default=2)
    p.add_argument("--dist-delay", type=int, default=2)
    p.add_argument("--upload-time", type=float, default=4, help="s the relays get before the first vote")
    p.add_argument("--valid-intervals", type=int, default=10)
    p.add_argument("--intro", type=int, default=3, help="introduction points of the onion")
    p.add_argument("--base-port", type=int, default=0, help="first port to try; 0: any free ports")
    p.add_argument("--vanguards", choices=["0", "1", "auto"], default="auto", help="VanguardsLiteEnabled")
    p.add_argument("--circuit-timeout", type=int, default=60, help="CircuitBuildTimeout, s (tor: 60)")
    p.add_argument("--torrc", action="append", default=[], help="extra line for every node")
    p.add_argument("--log", default="notice")
    p.add_argument("--tor", default="tor")
    p.add_argument("--gencert", default="tor-gencert")
    p.add_argument("--timeout", type=float, default=90)
    p.add_argument("--no-onion", action="store_true")
    p = verb("down", v_down)
    p.add_argument("--purge", action="store_true")
    verb("status", v_status)
    p = verb("add-onion", v_add_onion)
    p.add_argument("--port", type=int, default=0, help="local port of the web server; 0: start one")
    p.add_argument("--name")
    p.add_argument("--virtport", type=int, default=80)
    p.add_argument("--client-auth", action="store_true")
    p.add_argument("--intro", type=int, default=3)
    p.add_argument("--no-start", action="store_true")
    p.add_argument("--no-wait", action="store_true")
    p.add_argument("--base-port", type=int, default=0)
    p.add_argument("--timeout", type=float, default=90)
    p = verb("add-client", v_add_client)
    p.add_argument("--name", required=True)
    p.add_argument("--network", choices=["ok", "disabled", "unreachable"], default="ok",
                   help="disabled, unreachable: a client that never bootstraps")
    p.add_argument("--no-wait", action="store_true")
    p.add_argument("--base-port", type=int, default=0)
    p.add_argument("--timeout", type=float, default=90)
    p = verb("kill", v_kill)
    p.add_argument("node", nargs="+")
    p.add_argument("--hard", action="store_true", help="SIGKILL")
    p = verb("start", v_start)
    p.add_argument("node", nargs="+")
    for v in ("pause", "resume"):
        p = verb(v, v_pause)
        p.add_argument("node", nargs="+")
    p = verb("client-auth", v_client_auth)
    p.add_argument("onion")
    p.add_argument("mode", choices=["good", "wrong", "none"])
    p.add_argument("--client", default="client")
    p = verb("address", v_address, d=False)
    p.add_argument("kind", choices=["never", "checksum", "torsion", "length"])
    p = verb("fetch", v_fetch)
    p.add_argument("--onion", default="onion0")
    p.add_argument("--client", default="client")
    p.add_argument("--host")
    p.add_argument("--vport", type=int)
    p.add_argument("--path", default="/")
    p.add_argument("--user")
    p.add_argument("--password")
    p.add_argument("--plain", action="store_true", help="the SocksPort without ExtendedErrors")
    p.add_argument("--timeout", type=float, default=130)
    p = verb("ctl", v_ctl)
    p.add_argument("command", nargs="+")
    p.add_argument("--client", default="client")
    p = verb("_web", v_web, d=False)
    p.add_argument("port", type=int)
    a = ap.parse_args()
    a.fn(a)


if __name__ == "__main__":
    main()
