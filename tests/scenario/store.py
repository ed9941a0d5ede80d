# SPDX-License-Identifier: GPL-3.0-or-later
"""What survives: versions of zones over kill -9, damage and disks that cannot be written, with a real primary."""
import os
import random
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

PRIMARY = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; recursion no;
    session-keyfile none; dnssec-validation no; notify explicit; also-notify { 127.0.0.1 port %(notify)d; };
    notify-delay 0; max-ixfr-ratio unlimited;
};
zone "rpz.test" { type primary; file "rpz"; allow-update { 127.0.0.1; }; };
"""
SECONDARY = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes;
    dnssec-validation no; empty-zones-enable no; min-refresh-time 1; min-retry-time 1;
    response-policy { zone "rpz.test"; } qname-wait-recurse no;
};
zone "rpz.test" { type secondary; primaries { 127.0.0.1 port %(port)d; }; file "rpz.db"; allow-query { any; }; %(zone)s };
"""
FILE_PRIMARY = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes;
    dnssec-validation no; empty-zones-enable no; response-policy { zone "rpz.test"; } qname-wait-recurse no;
};
zone "rpz.test" { type primary; file "rpz"; ixfr-from-differences yes; allow-query { any; }; };
"""
HEAD = "$TTL 300\n@ SOA localhost. host. %d 2 1 %d 60\n@ NS localhost.\n"


def text(serial, *names, expire=86400):
    return HEAD % (serial, expire) + "".join("%s CNAME .\n" % name for name in names)


def serial_of(candord):
    """Of what is in force; None: nothing is."""
    got = ask.ask(candord, "rpz.test", "SOA", cd=False)
    data = ask.data(got)
    return int(data[0].split()[2]) if data else None


def is_blocked(candord, name):
    return ask.rcode(ask.ask(candord, name)) == "NXDOMAIN"


def zone_of(candord):
    return candord.ctl_json("zones", "rpz.test")["zones"][0]


def wait_serial(candord, serial):
    candord.wait(lambda: serial_of(candord) == serial, 20, "serial %d" % serial)


def kill(server):
    server.kill()


def update(primary, *lines):
    command = "server 127.0.0.1 %d\nzone rpz.test\n%s\nsend\n" % (primary.port, "\n".join(lines))
    done = subprocess.run(["nsupdate"], input=command, text=True, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def pair(box, zone="", expire=86400):
    candord = servers.Candord(box, box._name("candord"), "")
    primary = servers.Named(box, box._name("named"), PRIMARY % {"notify": candord.port})
    primary.write("rpz", text(1, "first.example", expire=expire))
    primary.start()
    candord.write("named.conf", SECONDARY % {"port": primary.port, "zone": zone})
    candord.start()
    wait_serial(candord, 1)
    return primary, candord


def check_file(box):
    with tap.case("a reloaded file is a step, and both versions survive kill -9"):
        candord = servers.Candord(box, box._name("candord"), FILE_PRIMARY)
        candord.write("rpz", text(1, "one.example"))
        candord.start()
        candord.write("rpz", text(2, "two.example"))
        candord.ctl("reload", "--wait", "rpz.test")
        assert serial_of(candord) == 2
        kill(candord)
        candord.start()
        assert serial_of(candord) == 2 and is_blocked(candord, "two.example")
        assert "problem" not in zone_of(candord) or zone_of(candord)["problem"] is None
    return candord


def check_rollback(box, candord):
    with tap.case("history tells the versions, diff what lies between them"):
        candord.write("rpz", text(3, "three.example"))
        candord.ctl("reload", "--wait", "rpz.test")
        versions = candord.ctl_json("history", "rpz.test")["versions"]
        tap.equal([v["serial"] for v in versions], [1, 2, 3])
        tap.equal([v["in_force"] for v in versions], [False, False, True])
        assert versions[2]["source"] == "file" and versions[2]["added"] == 2 and versions[2]["removed"] == 2, versions
        changes = candord.ctl_json("diff", "rpz.test", "1", "3")
        assert changes["added"] == 2 and changes["removed"] == 2, changes
        records = [(r["added"], r["record"]) for r in changes["records"]]
        assert (True, "three.example.rpz.test. 300 CNAME .") in records, records
        assert (False, "one.example.rpz.test. 300 CNAME .") in records, records
        assert "+ three.example.rpz.test." in candord.ctl("diff", "rpz.test", "1", "3")
        assert "in force" in candord.ctl("history", "rpz.test")
    with tap.case("rollback puts an older version in force, over kill -9 and new versions, until it is released"):
        candord.ctl("rollback", "rpz.test", "1")
        assert serial_of(candord) == 1 and is_blocked(candord, "one.example")
        kill(candord)
        candord.start()
        assert serial_of(candord) == 1 and is_blocked(candord, "one.example")
        candord.write("rpz", text(4, "four.example"))
        candord.ctl("reload", "--wait", "rpz.test")
        assert serial_of(candord) == 1
        held = candord.ctl_json("held")["zones"]
        assert held[0]["in_force"] == 1 and held[0]["hold"]["serial"] == 4, held
        candord.ctl("release", "rpz.test")
        assert serial_of(candord) == 4 and is_blocked(candord, "four.example")
        kill(candord)
        candord.start()
        assert serial_of(candord) == 4
        try:
            candord.ctl("rollback", "rpz.test", "77")
            raise RuntimeError("rolled back to what there is not")
        except AssertionError as refused:
            assert "no such version" in str(refused), refused


def check_updates(box):
    with tap.case("updates by hand survive kill -9 and a reload of the file that lacks them"):
        candord = servers.Candord(box, box._name("candord"), FILE_PRIMARY.replace(
            "ixfr-from-differences yes", "allow-update { 127.0.0.1; }"))
        candord.write("rpz", text(1, "one.example"))
        candord.start()
        update(candord, "update add hand.example.rpz.test 300 CNAME .")
        assert serial_of(candord) == 2 and is_blocked(candord, "hand.example")
        kill(candord)
        candord.start()
        assert serial_of(candord) == 2 and is_blocked(candord, "hand.example")
        candord.ctl("reload", "--wait", "rpz.test")
        assert serial_of(candord) == 2 and is_blocked(candord, "hand.example")
    with tap.case("a file that was edited without them is refused, until its serial is higher"):
        candord.write("rpz", text(2, "two.example"))
        try:
            candord.ctl("reload", "--wait", "rpz.test")
            raise RuntimeError("taken")
        except AssertionError as refused:
            candord.wait_log("lacks the updates of its journal")
        assert is_blocked(candord, "hand.example")
        candord.write("rpz", text(3, "three.example"))
        candord.ctl("reload", "--wait", "rpz.test")
        assert serial_of(candord) == 3 and is_blocked(candord, "three.example")
    with tap.case("sync writes them into the file"):
        update(candord, "update add more.example.rpz.test 300 CNAME .")
        candord.ctl("sync", "rpz.test")
        with open(os.path.join(candord.dir, "rpz")) as f:
            assert "more.example.rpz.test.\t300\tIN\tCNAME\t." in f.read()
        candord.ctl("reload", "--wait", "rpz.test")
        assert serial_of(candord) == 4 and is_blocked(candord, "more.example")


def check_held(box):
    with tap.case("what the guard holds is held again after kill -9, with what came behind it, and released"):
        primary, candord = pair(box)
        update(primary, "update add com.rpz.test 300 CNAME .", "update add *.com.rpz.test 300 CNAME .")
        candord.wait(lambda: candord.ctl_json("held")["zones"], 20, "held")
        update(primary, "update add behind.example.rpz.test 300 CNAME .")
        candord.wait(lambda: candord.ctl_json("held")["zones"][0]["hold"]["serial"] == 3, 20, "the next one")
        before = candord.ctl_json("held")["zones"][0]
        kill(primary)
        kill(candord)
        candord.start()
        after = candord.ctl_json("held")["zones"][0]
        assert serial_of(candord) == 1 and after["in_force"] == 1, after
        tap.equal(after["hold"]["reason"], before["hold"]["reason"])
        candord.ctl("release", "rpz.test")
        assert serial_of(candord) == 3 and is_blocked(candord, "behind.example")
        kill(candord)
        candord.start()
        assert serial_of(candord) == 3 and is_blocked(candord, "behind.example")


def check_text(box):
    with tap.case("masterfile-format text: what was transferred stands in the file as text"):
        _, candord = pair(box, zone="masterfile-format text;")
        path = os.path.join(candord.dir, "rpz.db")
        candord.wait(lambda: os.path.exists(path), 20, "the file")
        with open(path) as f:
            assert "first.example.rpz.test.\t300\tIN\tCNAME\t." in f.read()


def check_progress(box):
    with tap.case("a long load tells how far it is"):
        candord = servers.Candord(box, box._name("candord"), FILE_PRIMARY)
        candord.write("rpz", text(1, "one.example"))
        candord.start()
        candord.write("rpz", text(2) + "".join("n%d.example CNAME .\n*.n%d.example CNAME .\n" % (i, i)
                                               for i in range(400000)))
        told = candord.ctl("reload", "--wait", "rpz.test")
        assert "load rpz.test.: " in told and "/s" in told and " %)" in told, told
        assert serial_of(candord) == 2


def check_restart(box):
    with tap.case("what was transferred is in force before the first answer, without its primary"):
        primary, candord = pair(box)
        update(primary, "update add more.example.rpz.test 300 CNAME .")
        wait_serial(candord, 2)
        kill(primary)
        kill(candord)
        candord.start()
        assert serial_of(candord) == 2
        assert is_blocked(candord, "more.example") and is_blocked(candord, "first.example")
    with tap.case("kill -9 while updates arrive: never less than was answered, never half an update"):
        primary.start()
        generator = random.Random(1)
        added = 1
        for _ in range(6):
            for _ in range(generator.randrange(1, 5)):
                added += 1
                update(primary, "update add a%d.example.rpz.test 300 CNAME ." % added,
                       "update add b%d.example.rpz.test 300 CNAME ." % added)
            time.sleep(generator.random() / 4)
            seen = serial_of(candord)
            kill(candord)
            candord.start()
            found = serial_of(candord)
            assert seen is not None and found is not None and found >= seen, (seen, found)
            for number in range(2, found):
                assert is_blocked(candord, "a%d.example" % number) and is_blocked(candord, "b%d.example" % number), number
        wait_serial(candord, added + 1)
    return primary, candord


def check_damage(box, primary, candord):
    path = os.path.join(candord.dir, "rpz.db.journal")
    with tap.case("a journal whose end is broken off loses that end, says so, and goes on"):
        last = serial_of(candord)
        kill(primary)
        kill(candord)
        with open(path, "r+b") as f:
            f.truncate(os.path.getsize(path) - 3)
        candord.start()
        assert serial_of(candord) == last - 1, (serial_of(candord), last)
        candord.wait_log("broken off")
        primary.start()
        candord.ctl("refresh", "rpz.test")
        wait_serial(candord, last)
    with tap.case("a damaged journal is set aside, said, and the zone is fetched again"):
        kill(candord)
        with open(path, "r+b") as f:
            f.seek(100)
            f.write(b"\xff\xff\xff")
        candord.start()
        wait_serial(candord, last)
        assert os.path.exists(path + ".damaged") and os.path.exists(path)
        candord.wait_log("set aside")


def check_expiry(box):
    with tap.case("an expired zone stops, also over a restart; a primary that is back brings it back"):
        primary, candord = pair(box, expire=3)
        kill(primary)
        candord.wait(lambda: serial_of(candord) is None, 20, "the zone's end")
        assert ask.rcode(ask.ask(candord, "rpz.test", "SOA")) == "SERVFAIL"
        kill(candord)
        candord.start()
        assert serial_of(candord) is None
        primary.start()
        candord.wait(lambda: serial_of(candord) == 1, 20, "the zone's return")
    with tap.case("on-expire keep: its last version goes on, loudly"):
        primary, candord = pair(box, zone="on-expire keep;", expire=3)
        kill(primary)
        candord.wait(lambda: "on-expire keep" in candord.log(), 20, "the expiry")
        assert is_blocked(candord, "first.example")
        kill(candord)
        candord.start()
        assert is_blocked(candord, "first.example")


def check_disk(box):
    with tap.case("a journal that cannot be written: the version is in force, and it is said"):
        primary, candord = pair(box)
        path = os.path.join(candord.dir, "rpz.db.journal")
        subprocess.run(["prlimit", "--pid", str(candord.pid), "--fsize=%d" % os.path.getsize(path)], check=True)
        update(primary, "update add more.example.rpz.test 300 CNAME .")
        wait_serial(candord, 2)
        assert is_blocked(candord, "more.example")
        problem = zone_of(candord)["storage"]["problem"]
        assert "rpz.db.journal" in problem and "too large" in problem, problem
        assert "not kept: " in candord.ctl("zones")
        kill(primary)
        kill(candord)
        candord.start()
        assert serial_of(candord) == 1
        assert zone_of(candord)["storage"]["problem"] is None


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        check_rollback(box, check_file(box))
        check_updates(box)
        check_progress(box)
        check_text(box)
        check_held(box)
        primary, candord = check_restart(box)
        check_damage(box, primary, candord)
        check_expiry(box)
        check_disk(box)
    tap.finish()


main()
