# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory that runs out, at the first allocation, at the second, and so on: a start ends with a message or filters; later
on what was in force stays, no name on a list is answered unfiltered, and once there is memory again all is well."""
import os
import shutil
import subprocess
import sys

import dns.message
import dns.rdatatype

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap
from support.memory import Memory
from support.primary import Primary

CONFIGURATION = """
acl ours { 127.0.0.0/8; ::1; };
key "k" { algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"; };
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file "candord.pid"; workers 2;
    recursion yes; dnssec-validation no; empty-zones-enable no; allow-query { ours; }; session-keyfile none;
    min-refresh-time 1; min-retry-time 1; resolver-query-timeout 2; ixfr-from-differences yes;
    response-policy { zone "rpz.test"; zone "sec.test"; };
};
logging { channel rules { file "rules.log" versions 2 size 1m; }; category rpz { rules; }; };
zone "rpz.test" { type primary; file "rpz"; allow-update { any; }; saved-image yes; guard { }; };
zone "sec.test" { type secondary; file "sec"; primaries { 127.0.0.1 port PRIMARY; }; saved-image yes; };
zone "example.test" { type primary; file "zone"; };
zone "plain.test" { type primary; file "zone"; };
"""
ZONE = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n* A 192.0.2.1\n"
RPZ = """$TTL 300
@ SOA localhost. host. %d 3600 600 86400 60
@ NS localhost.
blocked.example.test CNAME .
local.example.test A 10.1.2.3
32.9.9.9.10.rpz-ip CNAME .
ns.nope.rpz-nsdname CNAME *.
rule%d.example.test CNAME .
"""
LISTED = {"blocked.example.test": ["NXDOMAIN"], "blocked.plain.test": ["NXDOMAIN"], "local.example.test": ["10.1.2.3"]}


def make(box, primary):
    candord = servers.Candord(box, box._name("candord"), CONFIGURATION.replace("PRIMARY", str(primary.port)))
    candord.write("zone", ZONE)
    candord.write("rpz", RPZ % (1, 1))
    candord.memory = Memory(box.build, candord.dir)
    candord.environment.update(candord.memory.environment)
    return candord


def answer(candord, name, **how):
    """What a client sees: ["192.0.2.1"], ["NXDOMAIN"], or None when nothing came."""
    try:
        got = ask.ask(candord, name, timeout=1, **how)
    except (ask.Timeout, OSError, EOFError):
        return None
    return ask.data(got) or [ask.rcode(got)]


def unfiltered(candord):
    """Names whose answer is not what the lists say; with memory running out none is fine, too."""
    return [(name, got) for name, want in LISTED.items()
            for got in [answer(candord, name)] if got not in (want, None, ["SERVFAIL"])]


def all_well(candord):
    for name, want in LISTED.items():
        tap.equal(answer(candord, name), want, name)
    tap.equal(answer(candord, "x.example.test"), ["192.0.2.1"])
    tap.equal(answer(candord, "x.example.test", tcp=True), ["192.0.2.1"])


def serial_of(candord, zone):
    return candord.ctl_json("zones", zone)["zones"][0].get("serial")


def wait_serial(candord, zone, serial):
    candord.wait(lambda: serial_of(candord, zone) == serial, 20, "serial %d of %s" % (serial, zone))


def numbers(upto, options):
    """Of the allocations that fail, all or a dozen."""
    return range(1, upto + 3, 1 if options.long else max(1, upto // options.points))


def restore(candord, kept):
    for name in os.listdir(candord.dir):
        if name not in os.listdir(kept) or name == "log":
            os.unlink(os.path.join(candord.dir, name))
    for name in os.listdir(kept):
        shutil.copy2(os.path.join(kept, name), candord.dir)


def one_start(candord, n, many, own):
    candord.memory.fail(n, many, own)
    try:
        candord.start(20)
    except servers.NotReady:
        assert not candord.running(), "it hangs"
        tap.equal(candord.process.returncode, 1)
        assert "critical: success" not in candord.log(), "it says that all went well"
        assert "cannot start" in candord.log() or "out of memory" in candord.log(), "it ended silently"
        return
    candord.memory.well()
    tap.equal(unfiltered(candord), [])
    candord.ctl("reload")
    all_well(candord)
    tap.equal(candord.stop(), 0)


def check_start(box, primary, options, many):
    candord = make(box, primary)
    candord.start()
    wait_serial(candord, "sec.test", primary.serial)
    candord.wait_log("sec.image")
    tap.equal(candord.stop(), 0)
    kept = candord.dir + ".kept"
    shutil.copytree(candord.dir, kept, ignore=shutil.ignore_patterns("notify", "log"))
    candord.memory.count(options.own)
    candord.start()
    upto = candord.memory.asked
    candord.stop()
    with tap.case("a start without memory ends with a message, or filters (%s)"
                  % ("one allocation fails" if many == 1 else "all behind one fail")):
        assert upto > 100 or not options.own, upto
        for n in options.only or numbers(upto, options):
            restore(candord, kept)
            try:
                one_start(candord, n, many, options.own)
            except Exception as why:
                candord.process.kill()
                candord.process.wait()
                if not options.go_on:
                    raise AssertionError("allocation %d: %s" % (n, why)) from why
                print("# start %d/%d: %r\n%s" % (n, many, why, candord.log()[-3500:]), flush=True)


def attempts(candord, what, options, act, settle, many=1):
    """`act` with each of its allocations failing in turn; then `settle`, when there is memory again."""
    candord.memory.count(options.own)
    act(0)
    candord.memory.well()
    upto = candord.memory.asked
    settle(0)
    with tap.case("%s without memory: what was in force stays, and all is well afterwards" % what):
        assert upto > 0
        for i, n in enumerate(numbers(upto, options)):
            since = len(candord.log())
            try:
                candord.memory.fail(n, many, options.own)
                act(i + 1)
                tap.equal(unfiltered(candord), [])
                candord.memory.well()
                settle(i + 1)
                assert candord.running()
            except Exception as why:
                candord.memory.well()
                print("# %s %d of %d: %r\n%s" % (what, n, upto, why, candord.log()[since:][-3500:]), flush=True)
                if not options.go_on or not candord.running():
                    raise


def check_reload(candord, options):
    serial = [serial_of(candord, "rpz.test")]

    def write(i):
        serial[0] += 1
        candord.write("rpz", RPZ % (serial[0], serial[0]))

    def reload(i):
        write(i)
        candord.ctl("reload", check=False)

    def settle(i):
        write(i)        # what the guard could not weigh is held; the next version is weighed anew
        candord.ctl("reload")
        wait_serial(candord, "rpz.test", serial[0])
        all_well(candord)
        tap.equal(answer(candord, "rule%d.example.test" % serial[0]), ["NXDOMAIN"])

    attempts(candord, "a reload", options, reload, settle)


def check_transfer(candord, primary, options, name, transfer):
    def send(i):
        old = primary.serial
        primary.serial += 1
        primary.rules["rule%d" % primary.serial] = "."
        primary.transfer = transfer(primary, old)
        candord.ctl("refresh", "sec.test", check=False)

    def settle(i):
        primary.serial += 1     # what the guard could not weigh is held
        primary.rules["rule%d" % primary.serial] = "."
        primary.transfer = Primary.whole
        candord.ctl("retransfer", "sec.test")
        wait_serial(candord, "sec.test", primary.serial)
        all_well(candord)
        tap.equal(answer(candord, "rule%d.plain.test" % primary.serial), ["NXDOMAIN"])

    attempts(candord, name, options, send, settle)


def steps(primary, old):
    new = primary.serial

    def ixfr(p, query):
        if query.question[0].rdtype != dns.rdatatype.IXFR or not query.authority or query.authority[0][0].serial != old:
            yield from Primary.whole(p, query)
            return
        yield [p.soa(new), p.soa(old), p.soa(new), p.rule("rule%d" % new), p.soa(new)]
    return ixfr


def check_queries(candord, options):
    rounds = [0]

    def act(i):
        rounds[0] += 1
        for qtype in ("A", "AAAA", "ANY", "SOA"):
            answer(candord, "new%d.example.test" % rounds[0], qtype=qtype)
        answer(candord, "tcp%d.example.test" % rounds[0], tcp=True)
        answer(candord, "blocked.example.test", tcp=True)
        answer(candord, "www.unknown%d.invalid" % rounds[0])

    attempts(candord, "asking", options, act, lambda i: all_well(candord))


def check_control(candord, options):
    def act(i):
        for words in (["status"], ["zones"], ["stats"], ["hits"], ["explain", "blocked.example.test"],
                      ["history", "rpz.test"], ["held"], ["flush"], ["sync", "rpz.test"],
                      ["simulate", "rpz.test"]):
            candord.ctl(*words, check=False)

    def settle(i):
        candord.ctl("status")
        all_well(candord)

    attempts(candord, "commands", options, act, settle)


def check_updates(candord, options):
    count = [0]

    def add(i, check=False):
        count[0] += 1
        text = "server 127.0.0.1 %d\nzone rpz.test\nupdate add u%d.example.test.rpz.test 300 CNAME .\nsend\n"
        done = subprocess.run(["nsupdate", "-t", "5"], input=text % (candord.port, count[0]), text=True,
                              capture_output=True, timeout=30)
        assert done.returncode == 0 or not check, done.stdout + done.stderr

    def settle(i):
        add(i, True)
        tap.equal(answer(candord, "u%d.example.test" % count[0]), ["NXDOMAIN"])
        all_well(candord)

    attempts(candord, "an update", options, add, settle)


def main():
    def more(parser):
        parser.add_argument("--points", type=int, default=8)
        parser.add_argument("--libraries", action="store_false", dest="own", help="their allocations fail as well")
        parser.add_argument("--go-on", action="store_true", help="after the first that goes wrong")
        parser.add_argument("--only", type=int, nargs="*")
        parser.add_argument("--part", default="")
    options = servers.arguments(__doc__, more)
    with servers.Sandbox(options.build, options.keep) as box, Primary(zone="sec.test.") as primary:
        if options.part in ("", "start"):
            check_start(box, primary, options, 1)
            check_start(box, primary, options, 1 << 40)
        candord = make(box, primary).start()
        candord.notify.close()      # nobody would read what each reload tells
        wait_serial(candord, "sec.test", primary.serial)
        parts = {
            "reload": lambda: check_reload(candord, options),
            "ixfr": lambda: check_transfer(candord, primary, options, "an IXFR", steps),
            "axfr": lambda: check_transfer(candord, primary, options, "an AXFR", lambda p, old: Primary.whole),
            "updates": lambda: check_updates(candord, options),
            "queries": lambda: check_queries(candord, options),
            "control": lambda: check_control(candord, options),
        }
        for name, part in parts.items():
            if options.part in ("", name):
                part()
        with tap.case("it ends as it should"):
            tap.equal(candord.stop(), 0)
    tap.finish()


if __name__ == "__main__":
    main()
