# SPDX-License-Identifier: GPL-3.0-or-later
"""How each server is configured and started. A further resolver is one function more, and a row in PEERS.

A function gets a Setting (directory, port, control: its ports; auth, primary: those of bench.test and of the policy's
primary; threads; variant; policy: None, 'file' or 'transfer'; zone: the file of the policy) and returns a dict, or None when it
cannot be done:
  command  argv of the server, which stays in the foreground
  reload   argv that makes it read the zone's file again (None: it watches the file); absent: it cannot
  copy     a file that appears when what was transferred is saved
  image    the same for a mapped image of the zone

Variants, NAME+VARIANT: tcp = allows 12,000 TCP clients; copy = saves what it transfers; zones = candor with the rules
in a hundred zones; image = candor that saves an image of the zone whatever its size; journal = candor without images;
ready = candor with servfail-until-ready.
"""
import base64
import os

ORIGIN = "rpz.test"
TCP_CLIENTS = 12000
MANY_ZONES = 100
# The names that the new version blocks are a good part of what is asked: the guard weighs them as it does by default, and agrees.
GUARD = "guard { max-affected-queries 100%; }; "
IMAGES = {"image": "saved-image yes; ", "journal": "saved-image no; "}
# Server -> the program whose presence says that it can be run here; None: it is built here.
PROGRAMS = {"echo": None, "candor": None, "bind": "named", "unbound": "unbound", "pdns": "pdns_recursor", "kresd": "kresd"}
TITLES = {"candor+zones": "candor, 100 zones", "pdns": "PowerDNS", "kresd": "Knot Resolver", "bind": "BIND", "unbound": "Unbound"}


class Setting:
    def __init__(self, **fields):
        self.__dict__.update(fields)
        self.secondary = os.path.join(self.directory, "rpz.secondary")      # the file of a zone that is transferred

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w") as f:
            f.write(text)
        return path


def bind_form(s):
    """What BIND and candor are told alike: the policy's zone, where bench.test is asked for."""
    source = ('type primary; file "%s"; notify no;' % s.zone if s.policy == "file" else
              'type secondary; file "%s"; notify no; primaries { 127.0.0.1 port %d; };' % (s.secondary, s.primary))
    return dict(
        zone='zone "%s" { %s allow-query { none; }; %%s};\n' % (ORIGIN, source) if s.policy else "",
        options='listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };\n'
                '  recursion yes; dnssec-validation no; max-cache-size 256m; empty-zones-enable no;\n'
                '  forward only; forwarders { 127.0.0.1 port %d; };\n' % (s.port, s.auth),
        forward='zone "bench.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };\n' % s.auth)


def bind(s):
    key = base64.b64encode(os.urandom(32)).decode()
    form = bind_form(s)
    conf = s.write("named.conf", f"""
key k {{ algorithm hmac-sha256; secret "{key}"; }};
controls {{ inet 127.0.0.1 port {s.control} allow {{ 127.0.0.1; }} keys {{ k; }}; }};
logging {{ channel l {{ file "log"; severity info; print-time yes; }}; category default {{ l; }};
  category rpz {{ null; }}; category query-errors {{ null; }}; category lame-servers {{ null; }}; }};
options {{ directory "{s.directory}"; pid-file "named.pid"; session-keyfile "s.key";
  {form["options"]}
  {'tcp-clients %d; tcp-listen-queue 4096;' % TCP_CLIENTS if s.variant == 'tcp' else ''}
  {'response-policy { zone "%s"; } qname-wait-recurse no min-update-interval 1;' % ORIGIN if s.policy else ''} }};
{form["forward"]}
{form["zone"] % "" if s.policy else ""}
""")
    control = s.write("rndc.conf", f'key k {{ algorithm hmac-sha256; secret "{key}"; }};\n'
                      f'options {{ default-key k; default-server 127.0.0.1; default-port {s.control}; }};\n')
    return dict(command=["named", "-f", "-n", str(s.threads), "-c", conf], reload=["rndc", "-c", control, "reload", ORIGIN],
                copy=s.secondary)


def unbound(s):
    policy = ""
    if s.policy:
        policy = "rpz:\n  name: %s\n  %s\n" % (ORIGIN, "zonefile: " + s.zone if s.policy == "file" else "primary: 127.0.0.1@%d" % s.primary)
        if s.policy == "transfer" and s.variant == "copy":
            policy += "  zonefile: %s\n" % s.secondary
    conf = s.write("unbound.conf", f"""
server:
  directory: "{s.directory}"
  username: ""
  chroot: ""
  pidfile: "{s.directory}/pid"
  logfile: "{s.directory}/log"
  use-syslog: no
  interface: 127.0.0.1
  port: {s.port}
  num-threads: {s.threads}
  so-reuseport: yes
  module-config: "{'respip ' if s.policy else ''}iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  msg-cache-size: 128m
  rrset-cache-size: 256m
  outgoing-range: 4096
  num-queries-per-thread: 2048
  {'incoming-num-tcp: 15000' if s.variant == 'tcp' else ''}
  {'tcp-idle-timeout: 120000' if s.variant == 'tcp' else ''}
remote-control:
  control-enable: yes
  control-interface: 127.0.0.1
  control-port: {s.control}
  control-use-cert: no
stub-zone:
  name: "bench.test"
  stub-addr: 127.0.0.1@{s.auth}
forward-zone:
  name: "."
  forward-addr: 127.0.0.1@{s.auth}
{policy}""")
    return dict(command=["unbound", "-d", "-c", conf], reload=["unbound-control", "-c", conf, "auth_zone_reload", ORIGIN],
                copy=s.secondary if s.variant == "copy" else None)


def pdns(s):
    policy = ""
    if s.policy == "file":
        policy = 'rpzFile("%s", {policyName="p"})\n' % s.zone
    elif s.policy:
        copy = ', dumpFile="%s", seedFile="%s"' % (s.secondary, s.secondary) if s.variant == "copy" else ""
        policy = 'rpzPrimary("127.0.0.1:%d", "%s", {refresh=1, axfrTimeout=600%s})\n' % (s.primary, ORIGIN, copy)
    rules = s.write("rpz.lua", policy)
    s.write("recursor.conf", f"""
local-address=127.0.0.1
local-port={s.port}
socket-dir={s.directory}
daemon=no
threads={s.threads}
pdns-distributes-queries=no
reuseport=yes
dnssec=off
security-poll-suffix=
dont-query=
quiet=yes
loglevel=4
forward-zones=bench.test=127.0.0.1:{s.auth},.=127.0.0.1:{s.auth}
lua-config-file={rules}
{'max-tcp-clients=%d' % TCP_CLIENTS if s.variant == 'tcp' else ''}
""")
    return dict(command=["pdns_recursor", "--config-dir=" + s.directory],
                reload=["rec_control", "--config-dir=" + s.directory, "--socket-dir=" + s.directory, "reload-lua-config"],
                copy=s.secondary if s.variant == "copy" else None)


def kresd(s):
    if s.policy == "transfer" or s.threads != 1:
        return None
    conf = s.write("kresd.conf", f"""
net.listen('127.0.0.1', {s.port}, {{ kind = 'dns' }})
for _, m in ipairs({{'ta_update', 'ta_signal_query', 'priming', 'detect_time_skew', 'detect_time_jump'}}) do
  pcall(modules.unload, m)
end
trust_anchors.remove('.')
cache.open(200 * MB, 'lmdb://{s.directory}/cache')
{"policy.add(policy.rpz(policy.DENY, '%s', true))" % s.zone if s.policy else ''}
policy.add(policy.all(policy.STUB('127.0.0.1@{s.auth}')))
""")
    return dict(command=["kresd", "-n", "-q", "-c", conf, s.directory], reload=None)


def split_zone(s):
    """The rules dealt out to MANY_ZONES files; their names. Those that want more than the question's name all go to the last,
    or no rule behind them could act before recursion."""
    names = ["rpz%d.test" % i for i in range(MANY_ZONES)]
    files = [open(os.path.join(s.directory, n), "w") for n in names]
    with open(s.zone) as f:
        for part in files:
            part.write("$TTL 300\n@ SOA localhost. root.localhost. 1 3600 600 86400 300\n@ NS localhost.\n")
        for i, line in enumerate(f):
            if line[0] not in "$@":
                files[-1 if ".rpz-" in line else i // 2 % MANY_ZONES].write(line)     # a name and its wildcard stay together
    for part in files:
        part.close()
    return names


def candor(s):
    """The resolver of this project: BIND's configuration form. Programs from CANDORD and CANDORCTL, else PATH. As with its
    peers, rules for name servers cost no second question for each new name that is forwarded."""
    daemon, control = os.environ.get("CANDORD", "candord"), os.environ.get("CANDORCTL", "candorctl")
    form = bind_form(s)
    policy, zones = 'zone "%s" log no;' % ORIGIN if s.policy else "", form["zone"]
    if s.policy and s.variant == "zones":
        names = split_zone(s)
        policy = " ".join('zone "%s" log no;' % n for n in names)
        zones = "".join('zone "%s" { type primary; file "%s"; notify no; };\n' % (n, n) for n in names)
    elif s.policy:
        zones %= IMAGES.get(s.variant, "") + (GUARD if s.policy == "transfer" else "")
    ready = " servfail-until-ready yes" if s.variant == "ready" else ""
    conf = s.write("candord.conf", f"""
options {{ directory "{s.directory}"; control-socket "{s.directory}/ctl"; workers {s.threads}; querylog no;
  nameserver-lookup-forwarded no;
  {form["options"]}
  {'tcp-clients %d; tcp-idle-timeout 1200;' % TCP_CLIENTS if s.variant == 'tcp' else ''}
  {'response-policy { %s } qname-wait-recurse no min-update-interval 1%s;' % (policy, ready) if s.policy else ''} }};
{form["forward"]}
{zones}
""")
    return dict(command=[daemon, "-c", conf], reload=[control, "-s", os.path.join(s.directory, "ctl"), "reload", ORIGIN],
                copy=s.secondary + ".journal", image=(s.zone if s.policy == "file" else s.secondary) + ".image")


def echo(s):
    """No resolver: the floor, what receiving and sending alone cost (echo.c)."""
    if s.policy or s.threads != 1:
        return None
    return dict(command=[os.path.join(s.programs, "echo"), "127.0.0.1", str(s.port)])


PEERS = {"echo": echo, "candor": candor, "bind": bind, "unbound": unbound, "pdns": pdns, "kresd": kresd}


def title(name):
    return TITLES.get(name, name)
