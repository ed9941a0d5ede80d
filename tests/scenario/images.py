# SPDX-License-Identifier: GPL-3.0-or-later
"""Saved images: a restart maps the version that was in force, and nothing but time depends on that file."""
import os
import random
import socket
import stat
import subprocess
import sys
import threading
import time

import dns.message

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap, web

OPTIONS = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes;
    dnssec-validation no; empty-zones-enable no; min-refresh-time 1; min-retry-time 1;
    response-policy { zone "rpz.test"; } qname-wait-recurse no;
    %s
};
zone "example" { type primary; file "world"; };
"""
WORLD = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n* A 192.0.2.1\n"
PLAIN = 'zone "rpz.test" { type primary; file "rpz"; allow-query { any; }; };'
KEPT = 'zone "rpz.test" { type primary; file "rpz"; allow-update { 127.0.0.1; }; allow-query { any; }; };'
SECONDARY = 'zone "rpz.test" { type secondary; primaries { 127.0.0.1 port %d; }; file "rpz"; allow-query { any; }; };'
FEED = 'zone "rpz.test" { type feed; url "%s"; format domains; ca-file "ca.pem"; refresh 1h; file "rpz"; allow-query { any; }; };'
PRIMARY = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file none; recursion no;
    session-keyfile none; dnssec-validation no; notify explicit; also-notify { 127.0.0.1 port %d; }; notify-delay 0;
    max-ixfr-ratio unlimited;
};
zone "rpz.test" { type primary; file "rpz"; allow-update { 127.0.0.1; }; };
"""
HEAD = "$TTL 300\n@ SOA localhost. host. %d 2 1 86400 60\n@ NS localhost.\n"
SAVED = r"serial %d is saved in \S*rpz.image"


def text(serial, *names):
    return HEAD % serial + "".join("%s CNAME .\n" % name for name in names)


def is_blocked(candord, name):
    return ask.rcode(ask.ask(candord, name)) == "NXDOMAIN"


def serial_of(candord):
    data = ask.data(ask.ask(candord, "rpz.test", "SOA", cd=False))
    return int(data[0].split()[2]) if data else None


def image_of(candord):
    return candord.ctl_json("zones", "rpz.test")["zones"][0]["image"]


def path_of(candord, file="rpz.image"):
    return os.path.join(candord.dir, file)


def make(box, zone, rules=None, options="saved-image yes;"):
    candord = servers.Candord(box, box._name("candord"), OPTIONS % options + zone)
    candord.write("world", WORLD)
    if rules:
        candord.write("rpz", rules)
    return candord


def restart(candord, image=True):
    """Killed and started again: did it begin with the image? The log since then."""
    if candord.running():
        candord.kill()
    since = len(candord.log())
    candord.start().wait_log("ready: ", since=since)
    log = candord.log()[since:]
    tap.equal(image_of(candord)["used"], image, log)
    assert (") from %s" % path_of(candord) in log) == image, log
    return log


def wait_saved(candord, serial, since=0):
    candord.wait_log(SAVED % serial, since=since)
    candord.wait(lambda: image_of(candord)["bytes"] > 0, 20, "having an image")


def start_saved(candord, serial=1):
    candord.start()
    wait_saved(candord, serial)
    return candord


def update(server, *lines):
    command = "server 127.0.0.1 %d\nzone rpz.test\n%s\nsend\n" % (server.port, "\n".join(lines))
    done = subprocess.run(["nsupdate"], input=command, text=True, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


def add(server, name):
    update(server, "update add %s.rpz.test 300 CNAME ." % name)


def reload(candord, rules):
    candord.write("rpz", rules)
    candord.ctl("reload", "--wait", "rpz.test")


def check_file(box):
    candord = make(box, PLAIN, text(1, "one.example"))
    with tap.case("a zone from a file: what was loaded is saved, and a restart maps it"):
        start_saved(candord)
        tap.equal(stat.S_IMODE(os.stat(path_of(candord)).st_mode) & 0o077, 0)
        assert not os.path.exists(path_of(candord, "rpz.image.new"))
        log = restart(candord)
        assert "serial 1 (3 records) from %s in " % path_of(candord) in log and " ms, in force" in log, log
        assert is_blocked(candord, "one.example") and not is_blocked(candord, "two.example")
    with tap.case("a reload loads the text whatever image there is, and the new version is saved"):
        since = len(candord.log())
        reload(candord, text(2, "two.example"))
        assert is_blocked(candord, "two.example") and not is_blocked(candord, "one.example")
        wait_saved(candord, 2, since)
        restart(candord)
        assert is_blocked(candord, "two.example") and serial_of(candord) == 2
    with tap.case("a file that was written to while nobody was looking is read"):
        candord.kill()
        candord.write("rpz", text(3, "three.example"))
        since = len(candord.log())
        restart(candord, image=False)
        assert is_blocked(candord, "three.example") and not is_blocked(candord, "two.example")
        wait_saved(candord, 3, since)
    with tap.case("a file that includes others is read at each start"):
        candord.write("more", "four.example CNAME .\n")
        reload(candord, text(4) + "$INCLUDE more\n")
        assert is_blocked(candord, "four.example")
        restart(candord, image=False)
        candord.kill()
        candord.write("more", "five.example CNAME .\n")
        restart(candord, image=False)
        assert is_blocked(candord, "five.example") and not is_blocked(candord, "four.example")
        assert "serial 4 is saved" not in candord.log()


def check_kept(box):
    candord = make(box, KEPT, text(1, "one.example"))
    with tap.case("a zone with a journal: image and steps behind it are what was in force"):
        start_saved(candord)
        add(candord, "two.example")
        add(candord, "three.example")
        log = restart(candord)
        assert "the steps behind it" in log, log
        assert serial_of(candord) == 3 and all(is_blocked(candord, n + ".example") for n in ("one", "two", "three"))
        add(candord, "four.example")
        restart(candord)
        assert serial_of(candord) == 4 and is_blocked(candord, "four.example")
        tap.equal([v["serial"] for v in candord.ctl_json("history", "rpz.test")["versions"]], [1, 2, 3, 4])
    with tap.case("a version that an operator went back to is saved, and in force again"):
        since = len(candord.log())
        candord.ctl("rollback", "rpz.test", "2")
        wait_saved(candord, 2, since)
        restart(candord)
        assert serial_of(candord) == 2 and is_blocked(candord, "two.example") and not is_blocked(candord, "four.example")
        candord.ctl("release", "rpz.test")
        restart(candord)
        assert serial_of(candord) == 4 and is_blocked(candord, "four.example")
    with tap.case("a journal that was deleted and begun anew is not mixed up with the image of the old one"):
        candord.kill()
        with open(path_of(candord), "rb") as f:
            old = f.read()
        os.unlink(path_of(candord, "rpz.journal"))
        os.unlink(path_of(candord))
        candord.write("rpz", text(1, "other.example"))
        start_saved(candord)
        candord.kill()
        with open(path_of(candord), "wb") as f:
            f.write(old)
        restart(candord, image=False)
        assert is_blocked(candord, "other.example") and not is_blocked(candord, "one.example")
    with tap.case("without its journal an image is not used"):
        candord.wait(lambda: image_of(candord)["bytes"] > 0, 20, "having an image")
        candord.kill()
        os.unlink(path_of(candord, "rpz.journal"))
        candord.write("rpz", text(1, "text.example"))
        restart(candord, image=False)
        assert is_blocked(candord, "text.example") and not is_blocked(candord, "other.example")
    return candord


def damages(whole, generator):
    """Ways in which the file can be wrong: (what, its bytes; None: a directory)."""
    size = len(whole)
    places = {0, 8, 40, 100, size - 1, size // 2} | {generator.randrange(size) for _ in range(10)}
    for place in sorted(p for p in places if p < size):
        bytes_ = bytearray(whole)
        bytes_[place] ^= 1 << generator.randrange(8)
        yield "bit at %d" % place, bytes(bytes_)
    for length in sorted({1, 100, 4096, size // 2, size - 1}):
        if length < size:
            yield "cut to %d" % length, whole[:length]
    yield "longer", whole + b"\0" * 4096
    yield "empty", b""
    yield "noise", bytes(generator.randrange(256) for _ in range(10000))
    yield "directory", None


def check_damage(box):
    generator = random.Random(7)
    other = make(box, PLAIN.replace('"rpz.test"', '"rpz2.test"'), text(9, "other.example"))
    other.write("named.conf", (OPTIONS % "saved-image yes;" + PLAIN).replace('"rpz.test"', '"rpz2.test"'))
    other.start()
    other.wait_log(SAVED % 9)
    with open(path_of(other), "rb") as f:
        foreign = f.read()
    other.stop()
    for zone, what in ((PLAIN, "text"), (KEPT, "journal")):
        candord = make(box, zone, text(1, "one.example"))
        start_saved(candord)
        with open(path_of(candord), "rb") as f:
            whole = f.read()
        with tap.case("a damaged image: the %s is read, and the log says so" % what):
            for how, damaged in list(damages(whole, generator)) + [("another zone's", foreign)]:
                candord.kill()
                os.unlink(path_of(candord))
                if damaged is None:
                    os.mkdir(path_of(candord))
                else:
                    with open(path_of(candord), "wb") as f:
                        f.write(damaged)
                log = restart(candord, image=False)
                assert "rpz.image is not used" in log, (how, log)
                assert is_blocked(candord, "one.example"), how
                if damaged is None:
                    candord.wait(lambda: image_of(candord)["problem"], 20, "saying what lies there")
                    os.rmdir(path_of(candord))
                    restart(candord, image=False)
                candord.wait(lambda: image_of(candord)["bytes"] == len(whole), 20, "saved again")
            restart(candord)


def check_kill(box):
    with tap.case("kill -9 at any moment while images are written: never less than was answered"):
        generator = random.Random(3)
        names = ["n%d.example" % i for i in range(60000)]
        candord = make(box, KEPT, text(1, *names), options="")
        candord.start()
        for i in range(8):
            names.append("added%d.example" % i)
            if i % 3 == 2:      # a whole version, of which an image is due at once
                reload(candord, text(serial_of(candord) + 1, *names))
            else:
                add(candord, names[-1])
            seen = serial_of(candord)
            time.sleep(generator.random() / 5)
            candord.kill()
            if i % 2 and os.path.exists(path_of(candord)):
                os.unlink(path_of(candord))
            candord.start()
            found = serial_of(candord)
            assert found >= seen, (i, found, seen)
            assert is_blocked(candord, names[-1]) and is_blocked(candord, generator.choice(names)), i
        candord.wait(lambda: image_of(candord)["bytes"] > 0, 20, "having an image")
        candord.stop()
        assert not os.path.exists(path_of(candord, "rpz.image.new"))
        restart(candord)
        tap.equal(serial_of(candord), found)


def check_stop(box):
    with tap.case("who is stopped saves the steps that would make the next start slow, and few are left as they are"):
        candord = make(box, KEPT, text(1, *["n%d.example" % i for i in range(60000)]), options="")
        start_saved(candord)
        for i in range(4):
            update(candord, *["update add a-rule-that-came-later-%d-%d.example.rpz.test 300 CNAME ." % (i, k)
                              for k in range(500)])
        assert "serial 5 is saved" not in candord.log()
        candord.stop()
        assert "serial 5 is saved" in candord.log()
        assert "steps behind it" not in restart(candord) and serial_of(candord) == 5
        add(candord, "one-more.example")
        candord.stop()
        assert "serial 6 is saved" not in candord.log()
        assert "steps behind it" in restart(candord) and is_blocked(candord, "one-more.example")


class Asker:
    """Asks for a listed name from before the start on, and keeps every answer."""

    def __init__(self, candord, name):
        self.to = (candord.address, candord.port)
        self.query = dns.message.make_query(name, "A").to_wire()
        self.answers, self.ending = [], False
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(0.001)
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.ending:
            try:
                self.socket.sendto(self.query, self.to)
                self.answers.append(dns.message.from_wire(self.socket.recv(4096)))
            except (socket.timeout, ConnectionRefusedError):
                pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()
        self.socket.close()


def check_first(box):
    with tap.case("from the first packet on a listed name is never answered unfiltered"):
        names = ["n%d.example" % i for i in range(60000)]
        candord = make(box, PLAIN, text(1, *names), options="")
        start_saved(candord)
        for _ in range(3):
            candord.kill()
            with Asker(candord, "n59999.example") as asker:
                since = len(candord.log())
                candord.start()
                candord.wait(lambda: len(asker.answers) > 20, 20, "answering")
            assert ") from %s" % path_of(candord) in candord.log()[since:]
            tap.equal({ask.rcode(a) for a in asker.answers}, {"NXDOMAIN"})
    with tap.case("saved-image auto: a small zone has no image"):
        reload(candord, text(2, "one.example"))
        since = len(candord.log())
        candord.kill()
        candord.start()
        assert not image_of(candord)["used"] and is_blocked(candord, "one.example")
        assert "is saved" not in candord.log()[since:]


def check_two(box):
    two = 'zone "%s" { type primary; file "%s"; };'
    candord = servers.Candord(box, box._name("candord"), (OPTIONS % "").replace(
        'zone "rpz.test"; }', 'zone "small.test"; zone "rpz.test"; zone "other.test"; }') + two % ("small.test", "small") +
        two % ("rpz.test", "rpz") + two % ("other.test", "other"))
    for file, name in (("world", None), ("small", "small.example"), ("rpz", "first.example"), ("other", "second.example")):
        names = [] if file == "small" else ["%s%d.example" % (file, i) for i in range(60000)]
        candord.write(file, WORLD if file == "world" else text(1, name, *names))

    def used():
        return {z["name"]: z["image"] and z["image"]["used"] for z in candord.ctl_json("zones")["zones"] if z["policy"]}

    def begin():
        candord.kill()
        candord.start()
        for name in ("small", "first", "second", "rpz59999", "other59999"):
            assert is_blocked(candord, name + ".example"), name
        return used()

    with tap.case("several zones, with images and without: each acts, from its own"):
        candord.start()
        for file in ("rpz", "other"):
            candord.wait_log(r"is saved in \S*%s.image" % file)
        tap.equal(begin(), {"small.test.": False, "rpz.test.": True, "other.test.": True})
    with tap.case("one image that is damaged keeps no other from being used"):
        candord.kill()
        with open(path_of(candord), "r+b") as f:
            f.seek(100000)
            f.write(b"nonsense")
        tap.equal(begin(), {"small.test.": False, "rpz.test.": False, "other.test.": True})
        candord.wait_log(r"rpz.test/IN: serial 1 is saved in \S*rpz.image(.|\n)*rpz.test/IN: serial 1 is saved in \S*rpz.image")
        tap.equal(begin(), {"small.test.": False, "rpz.test.": True, "other.test.": True})


def check_word(box):
    candord = make(box, PLAIN, text(1, "one.example"))
    start_saved(candord)
    with tap.case("saved-image no: an image is neither read nor written, and stays"):
        before = os.stat(path_of(candord))
        candord.write("named.conf", OPTIONS % "saved-image no;" + PLAIN)
        candord.kill()
        since = len(candord.log())
        candord.start()
        assert image_of(candord) is None and is_blocked(candord, "one.example")
        reload(candord, text(2, "two.example"))
        assert "rpz.image" not in candord.log()[since:]
        tap.equal(os.stat(path_of(candord)).st_mtime_ns, before.st_mtime_ns)
    with tap.case("saved-image yes after a reload of the configuration: one is written"):
        since = len(candord.log())
        candord.write("named.conf", OPTIONS % "saved-image yes;" + PLAIN)
        candord.ctl("reload")
        wait_saved(candord, 2, since)
        restart(candord)


def check_unwritable(box):
    with tap.case("a full disk: an image that cannot be written is said once and shown, nothing else changes"):
        names = ["n%d.example" % i for i in range(60000)]
        candord = make(box, PLAIN, text(1, "one.example"), options="")
        candord.start()
        subprocess.run(["prlimit", "--pid", str(candord.pid), "--fsize=500000"], check=True)
        reload(candord, text(2, *names))
        candord.wait(lambda: image_of(candord)["problem"], 20, "having a problem")
        problem = image_of(candord)["problem"]
        assert "rpz.image" in problem and "too large" in problem, problem
        assert "no image: " in candord.ctl("zones")
        assert not os.path.exists(path_of(candord, "rpz.image.new")) and not os.path.exists(path_of(candord))
        reload(candord, text(3, "three.example", *names))
        assert is_blocked(candord, "three.example")
        tap.equal(candord.log().count("a restart will take longer"), 1)
        log = restart(candord, image=False)
        assert is_blocked(candord, "three.example")
        wait_saved(candord, 3)
        assert image_of(candord)["problem"] is None, log
    with tap.case("a place that cannot be written to: the same"):
        os.mkdir(path_of(candord, "rpz.image.new"))
        reload(candord, text(4, "four.example", *names))
        candord.wait(lambda: image_of(candord)["problem"], 20, "having a problem")
        assert is_blocked(candord, "four.example")
        restart(candord, image=False)
        assert is_blocked(candord, "four.example")


def check_feed(box):
    ca = web.Authority(os.path.join(box.dir, "ca"))
    server = web.Server(ca, ["127.0.0.1"])
    server.pages["/list"] = web.Page("one.example\ntwo.example\n", etag='"1"')
    candord = make(box, FEED % (server.url + "/list"))
    with open(ca.file) as f:
        candord.write("ca.pem", f.read())
    with tap.case("a feed: its image is in force without its server"):
        candord.start()
        candord.wait(lambda: is_blocked(candord, "one.example"), 20, "fetching the list")
        candord.wait_log(r"is saved in \S*rpz.image")
        server.close()
        restart(candord)
        assert is_blocked(candord, "one.example") and is_blocked(candord, "two.example")


def check_transferred(box):
    candord = make(box, "")
    primary = servers.Named(box, box._name("named"), PRIMARY % candord.port)
    primary.write("rpz", text(1, "one.example"))
    primary.start()
    candord.write("named.conf", OPTIONS % "saved-image yes;" + SECONDARY % primary.port)
    with tap.case("a secondary zone: image and IXFRs behind it are in force without its primary"):
        start_saved(candord)
        add(primary, "two.example")
        candord.wait(lambda: serial_of(candord) == 2, 20, "serial 2")
        primary.kill()
        restart(candord)
        assert serial_of(candord) == 2 and is_blocked(candord, "one.example") and is_blocked(candord, "two.example")
    with tap.case("and changes go on from there"):
        primary.start()
        add(primary, "three.example")
        candord.wait(lambda: serial_of(candord) == 3, 20, "serial 3")
        assert is_blocked(candord, "three.example") and is_blocked(candord, "two.example")


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        check_file(box)
        check_kept(box)
        check_damage(box)
        check_kill(box)
        check_stop(box)
        check_first(box)
        check_two(box)
        check_word(box)
        check_unwritable(box)
        check_transferred(box)
        check_feed(box)
    tap.finish()


main()
