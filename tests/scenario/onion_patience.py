#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""check_http_onion --patience and --state: a failure is CRITICAL only when it lasts, is never hidden, and the file
serves many services and parallel checks; -t holds whatever the file does."""
import concurrent.futures
import fcntl
import os
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import canned, plugin, tap, tornet
from support.fakesocks import Behaviour, Proxy

options = plugin.arguments()
folder = tempfile.TemporaryDirectory(prefix="onion-patience-")
ONION = tornet.bad_address("never")
OTHER = tornet.bad_address("never")
STATE = os.path.join(folder.name, "state")


def check(proxy, *more, host=ONION, patience=2, state=STATE):
    return plugin.run([options.check, "-H", host, "--socks", "127.0.0.1:%d" % proxy.port, "--state", state, "--patience", patience] + list(more))


def expect(result, code, *words):
    tap.equal(result.err, "")
    tap.equal(result.out.count("\n"), 1)
    for word in words:
        assert word in result.text, "%r not in %r" % (word, result.line)
    tap.equal(result.code, code, result.line)


OFF = lambda host, port, n: Behaviour(reply=0xF2)

with Proxy(OFF) as off, Proxy() as up:
    with tap.case("up: OK, and the performance data says that it does not fail"):
        result = check(up)
        expect(result, 0, "HTTP OK")
        tap.equal(result.perfdata["failing"][0], 0)
    with tap.case("down: WARNING at first, with what failed and for how long; CRITICAL when it lasts"):
        result = check(off)
        expect(result, 1, "ONION WARNING: failing for 0 s (CRITICAL after 2 s): the service is not at its introduction points")
        tap.equal(result.perfdata["failing"][3], "2")
        time.sleep(1.1)
        result = check(off)
        expect(result, 1, "ONION WARNING: failing for 1 s")
        assert result.perfdata["failing"][0] >= 1
        time.sleep(1.6)
        result = check(off)
        expect(result, 2, "ONION CRITICAL: the service is not at its introduction points")
        assert result.perfdata["failing"][0] >= 2
    with tap.case("another service in the same file has patience of its own"):
        expect(check(off, host=OTHER), 1, "failing for 0 s")
        expect(check(off), 2, "ONION CRITICAL")
    with tap.case("a sick Tor neither begins nor ends a failure"):
        nobody = [options.check, "-H", ONION, "--socks", "127.0.0.1:1", "--state", STATE, "--patience", 2]
        expect(plugin.run(nobody), 3, "TOR UNKNOWN")
        expect(check(off), 2, "ONION CRITICAL")
        fresh = os.path.join(folder.name, "fresh")
        expect(plugin.run(nobody[:6] + [fresh] + nobody[7:]), 3, "TOR UNKNOWN")
        expect(check(off, state=fresh), 1, "failing for 0 s")
    with tap.case("up again: forgotten, and the next failure begins anew"):
        expect(check(up), 0, "HTTP OK")
        expect(check(off), 1, "failing for 0 s")
        expect(check(up), 0)
    with tap.case("without --patience the file only keeps count"):
        result = check(off, patience=0)
        expect(result, 2, "ONION CRITICAL: the service is not at")
        assert "failing" in result.perfdata
        expect(check(up), 0)
    with tap.case("a 404 is no failure to wait for"):
        with Proxy(answer=b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n") as missing:
            expect(check(missing), 1, "HTTP WARNING: HTTP/1.1 404 No")
            tap.equal(check(missing).perfdata["failing"][0], 0)
    with tap.case("clear names, too: a 503 is a WARNING until it lasts"):
        with canned.Server(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n") as web:
            command = [options.check, "-H", "127.0.0.1", "-p", web.port, "--state", STATE, "--patience", 60]
            expect(plugin.run(command), 1, "HTTP WARNING: failing for 0 s (CRITICAL after 60 s): HTTP/1.1 503 No")
    with tap.case("parallel checks lose nothing"):
        hosts = [tornet.bad_address("never") for _ in range(16)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for result in pool.map(lambda h: check(off, host=h, patience=60), hosts):
                expect(result, 1, "failing for 0 s")
        with open(STATE) as f:
            text = f.read()
        tap.equal([h for h in hosts if h not in text], [])
    with tap.case("a file that makes no sense is set aside and said; the check goes on"):
        with open(STATE, "w") as f:
            f.write("\0\1 not ours\n")
        expect(check(off), 1, "failing for 0 s", "state file was broken, now " + STATE + ".broken")
        with open(STATE + ".broken", "rb") as f:
            tap.equal(f.read(), b"\0\1 not ours\n")
        expect(check(off), 1, "failing for")
    with tap.case("a place that cannot be written is said, and nothing is softened"):
        expect(check(off, state="/nonexistent/state"), 2, "ONION CRITICAL", "state file not kept: No such file or directory")
        expect(check(up, state="/nonexistent/state"), 0, "HTTP OK", "state file not kept")
    with tap.case("a lock that is never released does not break -t"):
        with open(STATE + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with Proxy(Behaviour(silent="reply")) as silent:
                result = check(silent, "-t", "2", "--hedge", "0.5")
                expect(result, 2, "ONION CRITICAL: no answer in 2 s", "state file not kept: timed out")
                assert result.seconds < 2.6, result.seconds

folder.cleanup()
tap.finish()
