# SPDX-License-Identifier: GPL-3.0-or-later
"""candord's life: start, ready, reload, end; checking a configuration; rights; the control socket."""
import json
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

CONFIGURATION = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; pid-file "candord.pid";
    recursion yes; dnssec-validation no; empty-zones-enable no; %s
    response-policy { zone "rpz.test"; };
};
zone "rpz.test" { type primary; file "rpz"; };
zone "example.test" { type primary; file "zone"; };
"""
ZONE = "$TTL 300\n@ SOA ns host %d 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.%d\none A 192.0.2.1\n"
RPZ = "$TTL 300\n@ SOA localhost. host. %d 3600 600 86400 60\n@ NS localhost.\n%s CNAME .\n"


def files(serial=1, blocked="blocked.example.test"):
    return {"zone": ZONE % (serial, serial), "rpz": RPZ % (serial, blocked)}


def is_blocked(candord, name):
    got = ask.ask(candord, name)
    return ask.rcode(got) == "NXDOMAIN" and ask.soa(got.additional) == "rpz.test."


def candord_t(box, name, conf, others):
    """candord -t: (exit status, output)."""
    server = servers.Candord(box, name, conf)
    for file, text in others.items():
        server.write(file, text)
    r = subprocess.run([servers.program(box.build, "candord"), "-c", server.file, "-t"], text=True, timeout=60,
                       stdin=subprocess.DEVNULL, capture_output=True, cwd=server.dir)
    return r.returncode, r.stdout + r.stderr


def check_reload(candord):
    with tap.case("a reload brings new rules and new data"):
        assert is_blocked(candord, "blocked.example.test") and not is_blocked(candord, "one.example.test")
        for name, text in files(2, "one.example.test").items():
            candord.write(name, text)
        candord.reload()
        assert is_blocked(candord, "one.example.test") and not is_blocked(candord, "blocked.example.test")
        tap.equal(ask.data(ask.ask(candord, "www.example.test")), ["192.0.2.2"])
    with tap.case("a broken policy file keeps the rules in force, and the log says where it is broken"):
        candord.write("rpz", "$TTL 300\n@ SOA localhost. host. 3 3600\nthis is no zone file\n")
        since = len(candord.log())
        candord.reload()
        assert is_blocked(candord, "one.example.test")
        candord.wait_log("rpz:", since=since)
    with tap.case("a policy file that is gone keeps the rules in force"):
        os.unlink(os.path.join(candord.dir, "rpz"))
        candord.reload()
        assert is_blocked(candord, "one.example.test")
        candord.write("rpz", files(4, "blocked.example.test")["rpz"])
    with tap.case("a broken zone file keeps the zone in force"):
        candord.write("zone", "www A 192.0.2.99\n")
        candord.reload()
        tap.equal(ask.data(ask.ask(candord, "www.example.test")), ["192.0.2.2"])
        assert is_blocked(candord, "blocked.example.test"), "the good one of two zones was not loaded"
        candord.write("zone", files(5)["zone"])
    with tap.case("a broken configuration changes nothing"):
        with open(candord.file) as f:
            good = f.read()
        candord.write("named.conf", good + "\nzone { nonsense;\n")
        candord.reload()
        assert is_blocked(candord, "blocked.example.test")
        tap.equal(ask.data(ask.ask(candord, "www.example.test")), ["192.0.2.2"])
        candord.write("named.conf", good)
        candord.reload()
        tap.equal(ask.data(ask.ask(candord, "www.example.test")), ["192.0.2.5"])
    with tap.case("a configuration may lose and gain zones"):
        candord.write("named.conf", good.replace('zone "example.test"', 'zone "other.test"'))
        candord.reload()
        tap.equal(ask.data(ask.ask(candord, "www.other.test")), ["192.0.2.5"])
        assert ask.data(ask.ask(candord, "www.example.test", timeout=20)) == []
        candord.write("named.conf", good)
        candord.reload()
        tap.equal(ask.data(ask.ask(candord, "www.example.test")), ["192.0.2.5"])
    with tap.case("candorctl reload of one zone"):
        candord.write("zone", files(6)["zone"])
        candord.write("rpz", files(6, "one.example.test")["rpz"])
        candord.ctl("reload", "example.test")
        tap.equal(ask.data(ask.ask(candord, "www.example.test")), ["192.0.2.6"])
        assert is_blocked(candord, "blocked.example.test"), "the other zone was reloaded too"
        candord.ctl("reload")
        assert is_blocked(candord, "one.example.test")
    with tap.case("candorctl reload of a zone that is not there fails and says so"):
        r = subprocess.run([servers.program(candord.box.build, "candorctl"), "-s", candord.socket, "reload", "no.such"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        assert r.returncode != 0 and "no" in (r.stdout + r.stderr), r


def check_control(candord):
    with tap.case("every command of candorctl has --json"):
        for words in (["status"], ["zones"], ["stats"], ["explain", "one.example.test"], ["flush"], ["reload"]):
            assert candord.ctl_json(*words) is not None, words
    with tap.case("candorctl zones tells serial, rules and when a zone was loaded"):
        told = json.dumps(candord.ctl_json("zones"))
        assert "rpz.test" in told and "6" in told, told
    with tap.case("candorctl explain tells the rule, its zone and what it does"):
        told = candord.ctl("explain", "one.example.test", "A")
        assert "one.example.test" in told and "rpz.test" in told and "NXDOMAIN" in told.upper(), told
    with tap.case("nonsense on the control socket is answered or closed, and harms nobody"):
        for text in (b"nonsense\n", b"{\"command\": 7}\n", b"{" * 5000 + b"\n", b"\0" * 100, b""):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
                s.settimeout(5)
                s.connect(candord.socket)
                s.sendall(text)
                s.shutdown(socket.SHUT_WR)
                try:
                    while s.recv(4096):
                        pass
                except ConnectionResetError:
                    pass
        candord.ctl("status")
    with tap.case("a client of the control socket that says nothing does not block others"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.connect(candord.socket)
            s.send(b"{")
            candord.ctl("status")
    with tap.case("only its owner may use the control socket"):
        mode = stat.S_IMODE(os.stat(candord.socket).st_mode)
        assert mode & 0o007 == 0, oct(mode)
    with tap.case("a second candord does not take the control socket of the first"):
        other = servers.Candord(candord.box, "other", CONFIGURATION % "")
        for name, text in files().items():
            other.write(name, text)
        other.command = [candord.socket if c == other.socket else c for c in other.command]
        other.spawn()
        try:
            tap.equal(other.process.wait(20), 1)
        finally:
            other.stop()
        candord.ctl("status")


def check_end(candord):
    with tap.case("the pid file has the pid"):
        with open(os.path.join(candord.dir, "candord.pid")) as f:
            tap.equal(int(f.read()), candord.pid)
    with tap.case("SIGTERM: what is under way is still answered, then it ends with 0"):
        questions = [ask.make("www.example.test") for _ in range(50)]
        for i, question in enumerate(questions):
            question.id = 1000 + i
        with ask.tcp_connect(candord) as connection:
            ask.tcp_send(connection, *questions)
            first = ask.tcp_receive(connection)
            start = time.monotonic()
            candord.signal(signal.SIGTERM)
            got = [first] + [ask.tcp_receive(connection) for _ in questions[1:]]
        tap.equal({m and m.id for m in got}, {m.id for m in questions})
        tap.equal(candord.process.wait(20), 0)
        assert time.monotonic() - start < 10
    with tap.case("it takes its control socket and its pid file with it"):
        tap.equal([n for n in ("control.sock", "candord.pid") if os.path.exists(os.path.join(candord.dir, n))], [])
    with tap.case("it can start again at once on the same port"):
        candord.start()
        tap.equal(ask.data(ask.ask(candord, "www.example.test")), ["192.0.2.6"])
    with tap.case("after a kill -9 too, past the socket that was left"):
        candord.kill()
        assert os.path.exists(candord.socket)
        candord.start()
        candord.ctl("status")
    with tap.case("SIGINT ends it as well"):
        candord.signal(signal.SIGINT)
        tap.equal(candord.process.wait(20), 0)


def check_checking(box):
    good = CONFIGURATION.replace("@PORT@", "5300") % ""
    with tap.case("-t of a good configuration is silent about errors and exits 0"):
        status, out = candord_t(box, "t-good", good, files())
        tap.equal(status, 0, out)
    trials = [
        ("an unknown word", good.replace("recursion yes;", "recursion yes;\n    frobnicate yes;"), files(), "named.conf:5:"),
        ("a wrong value", good.replace("recursion yes;", "\n    recursion perhaps;"), files(), "named.conf:5:"),
        ("a missing semicolon", good + 'zone "x.test" { type primary; file "zone" }\n', files(), "named.conf:10:"),
        ("a policy zone that is not there", good.replace('zone "rpz.test" { type primary; file "rpz"; };', ""), files(),
         "named.conf:"),
        ("a zone file that is not there", good, {"rpz": files()["rpz"]}, "zone"),
        ("an include that is not there", good + 'include "nowhere";\n', files(), "named.conf:9:"),
        ("a broken record in a zone", good, dict(files(), zone=files()["zone"] + "bad A 192.0.2.300\n"), "zone:7:"),
        ("a policy zone without a SOA", good, dict(files(), rpz="x CNAME .\n"), "rpz"),
    ]
    for i, (title, conf, others, where) in enumerate(trials):
        with tap.case("-t names the place of %s and exits 1" % title):
            status, out = candord_t(box, "t-%d" % i, conf, others)
            tap.equal(status, 1, out)
            assert where in out, out
    with tap.case("-t of a file that is not there"):
        r = subprocess.run([servers.program(box.build, "candord"), "-t", "-c", os.path.join(box.dir, "nowhere.conf")],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        assert r.returncode == 1 and "nowhere.conf" in r.stdout + r.stderr, r
    with tap.case("a bad record in a policy zone is skipped, not an error"):
        bad = files()["rpz"] + "24.5.0.0.10.rpz-ip CNAME .\nout.of.zone. CNAME .\nodd CNAME rpz-nonsense.\n"
        status, out = candord_t(box, "t-skip", good, dict(files(), rpz=bad))
        tap.equal(status, 0, out)
        for owner in ("24.5.0.0.10.rpz-ip", "out.of.zone", "odd"):
            assert owner in out, (owner, out)
    with tap.case("wrong arguments are told apart from a wrong configuration"):
        for words in (["-p", "70000"], ["--what"], ["stray"]):
            r = subprocess.run([servers.program(box.build, "candord"), *words], stdin=subprocess.DEVNULL,
                               capture_output=True, text=True, timeout=20)
            tap.equal(r.returncode, 2, str(words))


def check_start(box):
    with tap.case("a port that is taken is an error that names it"):
        server = servers.Candord(box, "taken", CONFIGURATION % "")
        for name, text in files().items():
            server.write(name, text)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", server.port))
            server.spawn()
            tap.equal(server.process.wait(20), 1)
        assert str(server.port) in server.log(), server.log()
    with tap.case("an address that this machine does not have is not listened on; the others are"):
        conf = CONFIGURATION.replace("{ 127.0.0.1; }", "{ 192.0.2.1; 127.0.0.1; }") % ""
        server = box.candord(conf, files=files())
        tap.equal(ask.data(ask.ask(server, "www.example.test")), ["192.0.2.1"])
        server.wait_log("192.0.2.1#%d" % server.port)
        server.stop()
    with tap.case("a file in the place of the control socket is not removed"):
        server = servers.Candord(box, "file", CONFIGURATION % "")
        for name, text in files().items():
            server.write(name, text)
        with open(server.socket, "w") as f:
            f.write("precious")
        server.spawn()
        tap.equal(server.process.wait(20), 1)
        with open(server.socket) as f:
            tap.equal(f.read(), "precious")
    with tap.case("a policy file that does not load at the start: no rules, said loudly, and the rest is served"):
        server = box.candord(CONFIGURATION % "", files=dict(files(), rpz="nonsense\n"))
        tap.equal(ask.data(ask.ask(server, "www.example.test")), ["192.0.2.1"])
        server.wait_log("rpz")
        server.stop()
    with tap.case("-u drops the rights of root after binding"):
        if os.geteuid() != 0:
            raise tap.Skip("only root can drop rights")
        nobody = pwd.getpwnam("nobody")
        server = servers.Candord(box, "rights", CONFIGURATION.replace('pid-file "candord.pid";', "pid-file none;") % "",
                                 options=("-u", "nobody"))
        for name, text in files().items():
            server.write(name, text)
        os.chown(server.dir, nobody.pw_uid, nobody.pw_gid)
        server.start()
        with open("/proc/%d/status" % server.pid) as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        tap.equal(set(status["Uid"].split()), {str(nobody.pw_uid)})
        tap.equal(set(status["Gid"].split()), {str(nobody.pw_gid)})
        tap.equal(int(status["CapEff"], 16), 0)
        for name, text in files(7, "one.example.test").items():
            server.write(name, text)
        server.reload()
        assert is_blocked(server, "one.example.test")
        server.stop()


def check_reload_under_questions(box):
    with tap.case("ten reloads while questions come: none unanswered, each by one version of the rules"):
        candord = box.candord(CONFIGURATION % "", files=files(1, "a.example.test"))
        trouble, asked, going = [], [0], [True]

        def questioner():
            while going[0]:
                try:
                    got = ask.ask(candord, "one.example.test", timeout=5)
                    asked[0] += 1
                    if ask.rcode(got) not in ("NOERROR", "NXDOMAIN"):
                        trouble.append(ask.rcode(got))
                except Exception as why:
                    trouble.append(repr(why))
        threads = [threading.Thread(target=questioner) for _ in range(3)]
        for thread in threads:
            thread.start()
        for i in range(10):
            for name, text in files(i + 2, "one.example.test" if i % 2 else "a.example.test").items():
                candord.write(name, text)
            candord.reload()
            tap.equal(is_blocked(candord, "one.example.test"), bool(i % 2))
        going[0] = False
        for thread in threads:
            thread.join()
        tap.equal(trouble, [])
        assert asked[0] > 50, asked
        candord.stop()


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        check_checking(box)
        check_start(box)
        candord = box.candord(CONFIGURATION % "", files=files())
        check_reload(candord)
        check_control(candord)
        check_end(candord)
        check_reload_under_questions(box)
    tap.finish()


main()
