#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private, DNSSEC-signed DNS hierarchy on loopback, with broken corners, for tests.

  dnsroot.py DIR [--net 127.53] [--port 53] [--load N]

Makes zones, keys, signatures and one nsd configuration per level of the hierarchy (root, each TLD, leaves,
sub-leaf) under DIR. As a program it then runs the servers until it is ended, after it has printed one JSON
object that says what is where; servers.py calls prepare() and runs them itself.

Needs nsd and ldnsutils. Binding port 53 needs root or CAP_NET_BIND_SERVICE.

Hierarchy (NET = 127.53 by default):
  .               signed       a.rootns. NET.0.1   b.rootns. NET.0.2
  alpha.          signed NSEC  ns1.nic.alpha. NET.1.1  ns2.nic.alpha. NET.1.2
  beta.           signed NSEC3 ns1.nic.beta.  NET.2.1
  signed.alpha.   signed NSEC  ns1.signed.alpha. NET.10.1 ns2.signed.alpha. NET.10.2
  nsec3.alpha.    signed NSEC3 (opt-out off)  NET.11.1
  plain.alpha.    unsigned, no DS  NET.12.1
  bogus.alpha.    DS in parent, signatures do not verify  NET.13.1
  expired.beta.   DS in parent, signatures expired   NET.14.1
  wrongds.beta.   DS in parent matches no key        NET.15.1
  evilhost.alpha. unsigned, the home of the bad name servers NET.66.1
  victim.beta.    unsigned, NS ns1.evilhost.alpha. + ns2.evilhost.alpha.
                  (out of bailiwick, no glue): NSDNAME ns1.evilhost.alpha.,
                  NSIP 32.66.66.53.127 (NET.66.66) / NET.66.67
  split.beta.     parent NS ns1.split.beta. (NET.16.1), child apex NS also
                  ns-hidden.evilhost.alpha. (NET.66.68): parent/child differ
  deep.beta.      signed NET.17.1, delegates sub.deep.beta. (unsigned NET.18.1,
                  NS ns.sub.deep.beta.) with a.b.c.d.e.sub.deep.beta.
  lame.beta.      NS address NET.99.1 where nothing listens
  refused.beta.   NS address serves no such zone (REFUSED) NET.19.1
  cdn.beta.       unsigned NET.20.1: CNAME chains, loop, DNAME, wildcard, big TXT
  load.beta.      unsigned NET.21.1: h0..h(N-1) A records, for benchmarks
"""
import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import time

TTL = 300


def need(tool):
    p = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")
    if not p:
        raise FileNotFoundError("%s not found (apt-get install nsd ldnsutils)" % tool)
    return p


def sh(*a, **k):
    r = subprocess.run(a, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **k)
    if r.returncode:
        raise RuntimeError("%s failed: %s%s" % (" ".join(a), r.stdout, r.stderr))
    return r.stdout


class Zone:
    def __init__(self, name, server, ns, sign=None, body="", ttl=TTL):
        self.name, self.server, self.ns, self.sign, self.body, self.ttl = name, server, ns, sign, body, ttl
        self.ds = ""          # DS lines for the parent
        self.dnskey = ""

    def text(self, extra=""):
        z = self.name
        t = "$ORIGIN %s\n$TTL %d\n" % (z, self.ttl)
        t += "@ IN SOA %s hostmaster.nic.alpha. 1 3600 600 86400 60\n" % self.ns[0][0]
        for n, addrs in self.ns:
            t += "@ IN NS %s\n" % n
            for a in addrs:
                t += "%s IN A %s\n" % (n, a)
        return t + self.body + extra

    def fname(self):
        return (self.name.rstrip(".") or "root") + ".zone"


def hierarchy(net, load):
    ip = lambda a, b: "%s.%d.%d" % (net, a, b)
    hosts = lambda n, a: ("@ IN A 192.0.2.%d\nwww IN A 192.0.2.%d\nwww IN AAAA 2001:db8::%x\n"
                          "ok IN A 192.0.2.%d\nrpzip IN A 198.51.100.%d\n"
                          "rpzip6 IN AAAA 2001:db8:bad::%x\n*.wild IN A 192.0.2.%d\n"
                          "txt IN TXT \"%s\"\nalias IN CNAME www\n"
                          % (a, a, a, a, a, a, a, n))
    Z = {}

    def add(name, server, ns, sign=None, body="", ttl=TTL):
        Z[name] = Zone(name, server, ns, sign, body, ttl)

    add(".", "root", [("a.rootns.", [ip(0, 1)]), ("b.rootns.", [ip(0, 2)])], "nsec", ttl=86400)
    add("alpha.", "alpha", [("ns1.nic.alpha.", [ip(1, 1)]), ("ns2.nic.alpha.", [ip(1, 2)])], "nsec", ttl=3600)
    add("beta.", "beta", [("ns1.nic.beta.", [ip(2, 1)])], "nsec3", ttl=3600)
    L = "leaf"
    add("signed.alpha.", L, [("ns1.signed.alpha.", [ip(10, 1)]), ("ns2.signed.alpha.", [ip(10, 2)])],
        "nsec", hosts("signed", 10))
    add("nsec3.alpha.", L, [("ns1.nsec3.alpha.", [ip(11, 1)])], "nsec3", hosts("nsec3", 11))
    add("plain.alpha.", L, [("ns1.plain.alpha.", [ip(12, 1)])], None, hosts("plain", 12))
    add("bogus.alpha.", L, [("ns1.bogus.alpha.", [ip(13, 1)])], "bogus", hosts("bogus", 13))
    add("expired.beta.", L, [("ns1.expired.beta.", [ip(14, 1)])], "expired", hosts("expired", 14))
    add("wrongds.beta.", L, [("ns1.wrongds.beta.", [ip(15, 1)])], "wrongds", hosts("wrongds", 15))
    add("evilhost.alpha.", L, [("ns0.evilhost.alpha.", [ip(66, 1)])], None,
        hosts("evilhost", 66) + "ns1 IN A %s\nns2 IN A %s\nns-hidden IN A %s\n"
        % (ip(66, 66), ip(66, 67), ip(66, 68)))
    add("victim.beta.", L, [("ns1.evilhost.alpha.", []), ("ns2.evilhost.alpha.", [])], None, hosts("victim", 67))
    add("split.beta.", L, [("ns1.split.beta.", [ip(16, 1)]), ("ns-hidden.evilhost.alpha.", [])], None,
        hosts("split", 16))
    add("deep.beta.", L, [("ns1.deep.beta.", [ip(17, 1)])], "nsec",
        hosts("deep", 17) + "sub IN NS ns.sub\nns.sub IN A %s\n" % ip(18, 1))
    add("sub.deep.beta.", "sub", [("ns.sub.deep.beta.", [ip(18, 1)])], None,
        hosts("sub", 18) + "a.b.c.d.e IN A 192.0.2.118\n")
    cdn = hosts("cdn", 20)
    cdn += "c1 IN CNAME c2\nc2 IN CNAME c3\nc3 IN CNAME www.plain.alpha.\n"
    cdn += "tosigned IN CNAME www.signed.alpha.\ntobogus IN CNAME www.bogus.alpha.\n"
    cdn += "tovictim IN CNAME www.victim.beta.\ntonx IN CNAME nope.plain.alpha.\n"
    cdn += "loop1 IN CNAME loop2\nloop2 IN CNAME loop1\ndn IN DNAME plain.alpha.\n"
    for i in range(20):
        cdn += "l%d IN CNAME l%d\n" % (i, i + 1)
    cdn += "l20 IN A 192.0.2.120\n"
    for i in range(40):
        cdn += "big IN TXT \"%d-%s\"\n" % (i, "x" * 90)
    for i in range(12):
        cdn += "many IN A 198.51.100.%d\n" % (100 + i)
    cdn += "ttl0 0 IN A 192.0.2.121\nttl1 1 IN A 192.0.2.122\n"
    add("cdn.beta.", L, [("ns1.cdn.beta.", [ip(20, 1)])], None, cdn)
    add("load.beta.", L, [("ns1.load.beta.", [ip(21, 1)])], None,
        "".join("h%d IN A 10.%d.%d.%d\n" % (i, i >> 16 & 255, i >> 8 & 255, i & 255) for i in range(load)))
    # delegations that no zone of ours is made for
    extra_deleg = {"beta.": "lame IN NS ns1.lame\nns1.lame IN A %s\n"
                            "refused IN NS ns1.refused\nns1.refused IN A %s\n" % (ip(99, 1), ip(19, 1))}
    servers = {"root": [ip(0, 1), ip(0, 2)], "alpha": [ip(1, 1), ip(1, 2)], "beta": [ip(2, 1)],
               "sub": [ip(18, 1)],
               "leaf": [ip(n, 1) for n in (10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 66)]
                       + [ip(10, 2), ip(66, 66), ip(66, 67), ip(66, 68)]}
    return Z, extra_deleg, servers


def parent_of(name, Z):
    if name == ".":
        return None
    while True:
        name = name.split(".", 1)[1] or "."
        if name in Z:
            return name


def sign(z, zdir, kdir):
    src = os.path.join(zdir, z.fname())
    if not z.sign:
        return
    keygen, signzone, key2ds = need("ldns-keygen"), need("ldns-signzone"), need("ldns-key2ds")
    ksk = sh(keygen, "-k", "-a", "ECDSAP256SHA256", z.name, cwd=kdir).strip()
    zsk = sh(keygen, "-a", "ECDSAP256SHA256", z.name, cwd=kdir).strip()
    z.ds = sh(key2ds, "-n", "-2", "-f", os.path.join(kdir, ksk + ".key"))
    z.dnskey = open(os.path.join(kdir, ksk + ".key")).read()
    now = datetime.datetime.now(datetime.timezone.utc)
    fmt = lambda days: (now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%S")
    inc, exp = fmt(-2), fmt(365)
    if z.sign == "expired":
        inc, exp = fmt(-60), fmt(-30)
    args = [signzone, "-o", z.name, "-i", inc, "-e", exp, "-f", src + ".signed"]
    if z.sign == "nsec3":
        args += ["-n", "-t", "0"]
    sh(*args, src, os.path.join(kdir, ksk), os.path.join(kdir, zsk))
    if z.sign == "bogus":      # break every signature but those over DNSKEY
        out = []
        for line in open(src + ".signed"):
            f = line.split()
            if len(f) > 12 and f[3] == "RRSIG" and f[4] != "DNSKEY":
                sig = f[12]
                f[12] = ("B" if sig[0] != "B" else "C") + sig[1:]
                line = "\t".join(f) + "\n"
            out.append(line)
        open(src + ".signed", "w").writelines(out)
    if z.sign == "wrongds":    # DS of a key that the zone lacks
        other = sh(keygen, "-k", "-a", "ECDSAP256SHA256", z.name, cwd=kdir).strip()
        z.ds = sh(key2ds, "-n", "-2", "-f", os.path.join(kdir, other + ".key"))
    os.rename(src + ".signed", src)


NSD_SERVER = """server:
  username: ""
  port: {port}
  server-count: 1
  zonesdir: "{zones}"
  pidfile: "{run}/{name}.pid"
  xfrdfile: ""
  xfrdir: "{run}"
  zonelistfile: "{run}/{name}.zonelist"
  database: ""
  chroot: ""
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
  minimal-responses: no
  do-ip6: no
  tcp-count: 200
  hide-version: yes
"""


def delegation(child, parent):
    """The lines that a parent zone holds for a child zone."""
    text = ""
    if parent != "deep.beta.":          # deep.beta. has its cut in its body
        for ns, addresses in [child.ns[0]] if child.name == "split.beta." else child.ns:
            text += "%s %d IN NS %s\n" % (child.name, child.ttl, ns)
            for address in addresses:
                if ns.endswith("." + child.name):
                    text += "%s %d IN A %s\n" % (ns, child.ttl, address)
    if child.ds:
        text += child.ds.rstrip("\n") + "\n"
    return text


def write_zones(zones, extra, zdir, kdir):
    # From the leaves up, so that a parent can take its children's DS.
    for name in sorted(zones, key=lambda n: 0 if n == "." else n.count("."), reverse=True):
        more = extra.get(name, "")
        for child in zones:
            if parent_of(child, zones) == name:
                more += delegation(zones[child], name)
        with open(os.path.join(zdir, zones[name].fname()), "w") as f:
            f.write(zones[name].text(more))
        sign(zones[name], zdir, kdir)


def write_configuration(directory, name, addresses, zones, port):
    path = os.path.join(directory, "nsd-%s.conf" % name)
    with open(path, "w") as f:
        f.write(NSD_SERVER.format(port=port, name=name, zones=os.path.join(directory, "zones"),
                                  run=os.path.join(directory, "run")))
        f.writelines("  ip-address: %s\n" % address for address in addresses)
        f.write("remote-control:\n  control-enable: no\n")
        for zone in zones.values():
            if zone.server == name:
                f.write("zone:\n  name: \"%s\"\n  zonefile: \"%s\"\n" % (zone.name, zone.fname()))
    return path


def prepare(directory, net="127.53", port=53, load=1000):
    """Writes everything; (what is where, {server: path of its nsd.conf})."""
    d = os.path.abspath(directory)
    for sub in ("zones", "keys", "run"):
        shutil.rmtree(os.path.join(d, sub), ignore_errors=True)
        os.makedirs(os.path.join(d, sub))
    zones, extra, servers = hierarchy(net, load)
    write_zones(zones, extra, os.path.join(d, "zones"), os.path.join(d, "keys"))
    hints = os.path.join(d, "root.hints")
    with open(hints, "w") as f:
        for ns, addresses in zones["."].ns:
            f.write(". 3600000 NS %s\n" % ns)
            f.writelines("%s 3600000 A %s\n" % (ns, address) for address in addresses)
    anchor = os.path.join(d, "root.key")
    with open(anchor, "w") as f:
        f.write(zones["."].dnskey)
    configurations = {name: write_configuration(d, name, addresses, zones, port)
                      for name, addresses in servers.items()}
    return describe(d, net, port, load, zones, servers, hints, anchor), configurations


def describe(d, net, port, load, zones, servers, hints, anchor):
    return {
        "dir": d, "root_hints": hints, "trust_anchor": anchor, "port": port, "net": net, "addresses": servers,
        "zones": {z.name: {"server": z.server, "dnssec": z.sign or "unsigned", "ns": [n for n, _ in z.ns],
                           "file": os.path.join(d, "zones", z.fname()),
                           "addresses": sorted({x for _, ad in z.ns for x in ad})} for z in zones.values()},
        "names": {
            "secure": "www.signed.alpha.", "secure_nsec3": "www.nsec3.alpha.",
            "insecure": "www.plain.alpha.", "bogus": ["www.bogus.alpha.", "www.expired.beta.", "www.wrongds.beta."],
            "nxdomain": ["nope.signed.alpha.", "nope.nsec3.alpha.", "nope.plain.alpha."],
            "nodata": "ok.signed.alpha. AAAA", "wildcard": "x.wild.signed.alpha.",
            "cname_chain": "c1.cdn.beta.", "cname_loop": "loop1.cdn.beta.", "cname_long": "l0.cdn.beta.",
            "dname": "www.dn.cdn.beta.", "truncated": "big.cdn.beta. TXT",
            "nsdname_out_of_bailiwick": "www.victim.beta.", "nsip": net + ".66.66",
            "nsdname_child_only": "www.split.beta.", "deep": "a.b.c.d.e.sub.deep.beta.",
            "lame": "www.lame.beta.", "refused": "www.refused.beta.",
            "response_ip": ["rpzip.plain.alpha. A", "rpzip6.plain.alpha. AAAA", "many.cdn.beta. A"],
            "load": "h0.load.beta. .. h%d.load.beta." % (load - 1)},
    }


def main():
    parser = argparse.ArgumentParser(description="a private signed DNS hierarchy on loopback")
    parser.add_argument("dir")
    parser.add_argument("--net", default="127.53", help="first two octets (default 127.53)")
    parser.add_argument("--port", type=int, default=53)
    parser.add_argument("--load", type=int, default=1000, help="hosts in load.beta.")
    a = parser.parse_args()
    info, configurations = prepare(a.dir, a.net, a.port, a.load)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    running = []
    try:
        for conf in configurations.values():
            running.append(subprocess.Popen([need("nsd"), "-d", "-c", conf], stdin=subprocess.DEVNULL,
                                            stdout=sys.stderr))
        print(json.dumps(info, indent=1), flush=True)
        while all(p.poll() is None for p in running):
            time.sleep(0.2)
        sys.exit("dnsroot: an nsd ended")
    except KeyboardInterrupt:
        pass
    finally:
        for p in running:
            p.terminate()
        for p in running:
            p.wait()


if __name__ == "__main__":
    main()
