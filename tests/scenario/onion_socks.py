#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# timeout 200
"""check_http_onion against SOCKS proxies that misbehave: every reply code, replies byte by byte, early ends,
silence, nonsense; how many circuits are used and when; what goes through the proxy and what does not. No Tor is
needed."""
import concurrent.futures
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import canned, plugin, tap, tornet
from support.fakesocks import Behaviour, Proxy, temporary_path

options = plugin.arguments()
folder = tempfile.TemporaryDirectory(prefix="onion-socks-")
ONION = tornet.bad_address("never")
OK_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def check(proxy, *arguments, host=ONION, env=None):
    command = [options.check, "-H", host]
    if proxy is not None:
        command += ["--socks", "127.0.0.1:%d" % proxy.port]
    result = plugin.run(command + list(arguments), env=env)
    tap.equal(result.err, "", "stderr")
    return result


def one_line(result):
    assert result.out.endswith("\n") and result.out.count("\n") == 1, result.out
    assert result.out.count("|") <= 1, result.out


def expect(result, code, *words):
    one_line(result)
    for word in words:
        assert word in result.text, "%r not in %r" % (word, result.line)
    tap.equal(result.code, code, result.line)


# ---- every reply ----

# Code -> exit code, words, circuits used. Anything else: this Tor's fault.
KNOWN = {
    0x01: (2, "ONION CRITICAL: tor of the service answers, the web server behind it does not (SOCKS 01)", 3),
    0x02: (3, "TOR UNKNOWN: this tor's rules do not allow it", 1), 0x03: (3, "TOR UNKNOWN: this tor cannot reach the network", 3),
    0x04: (2, "ONION CRITICAL: the service cannot be reached", 3), 0x05: (2, "ONION CRITICAL: the service does not offer port 80", 1),
    0x06: (3, "TOR UNKNOWN: this tor gave up trying", 3), 0x07: (3, "TOR UNKNOWN: the proxy cannot connect at all", 1),
    0x08: (3, "TOR UNKNOWN: the proxy does not take names", 1), 0xF0: (2, "ONION CRITICAL: no descriptor", 3),
    0xF1: (2, "ONION CRITICAL: the descriptor of the service cannot be read", 3),
    0xF2: (2, "ONION CRITICAL: the service is not at its introduction points", 3),
    0xF3: (3, "ONION UNKNOWN: the service did not come to the rendezvous", 3),
    0xF4: (3, "ONION UNKNOWN: this tor holds no key for the service", 1), 0xF5: (3, "ONION UNKNOWN: this tor holds a wrong key", 1),
    0xF6: (3, "ONION UNKNOWN: Tor says that the address is impossible", 1),
    0xF7: (3, "ONION UNKNOWN: the introduction points of the service do not answer in time", 3),
}
WRONG_CHECKSUM = "a" * 55 + "d.onion"


def extended(code):
    """A port with ExtendedErrors that always fails so; it knows the address with the wrong checksum."""
    return lambda host, _port, _number: Behaviour(reply=0xF6 if host == WRONG_CHECKSUM else code)


def ask_reply(code):
    with Proxy(extended(code)) as proxy:
        result = check(proxy, "-t", "20")
        return result, sum(s["host"] == ONION for s in proxy.seen)


with concurrent.futures.ThreadPoolExecutor(4) as pool:
    replies = list(pool.map(ask_reply, range(256)))
with tap.case("reply 00 is a connection, and the answer is check_http's"):
    expect(replies[0][0], 0, "HTTP OK: HTTP/1.1 200 OK - 40 bytes in ")
    tap.equal(replies[0][1], 1)
for code, (exit_code, words, circuits) in KNOWN.items():
    with tap.case("reply %02X: %s, %d circuits" % (code, words, circuits)):
        expect(replies[code][0], exit_code, words, "SOCKS %02X" % code)
        tap.equal(replies[code][0].perfdata["socks_code"][0], code)
        tap.equal(replies[code][1], circuits)
with tap.case("the other 239 replies: UNKNOWN, one line, with the code"):
    for code in set(range(1, 256)) - set(KNOWN):
        expect(replies[code][0], 3, "TOR UNKNOWN: an answer that SOCKS does not have (SOCKS %02X)" % code)

for code, option, words in ((0xF4, "--auth-critical", "ONION CRITICAL"), (0xF5, "--auth-critical", "ONION CRITICAL"),
                            (0x03, "--tor-critical", "TOR CRITICAL")):
    with tap.case("%s wakes on reply %02X" % (option, code)):
        with Proxy(extended(code)) as proxy:
            expect(check(proxy, option), 2, words)

for code in (0x01, 0x04):
    with tap.case("a plain SocksPort is recognised at reply %02X, and the line for torrc is named" % code):
        with Proxy(lambda host, port, n: Behaviour(reply=0x01 if host == WRONG_CHECKSUM else code)) as proxy:
            expect(check(proxy), 2, "ONION CRITICAL", "add ExtendedErrors to the SocksPort line in torrc")

# ---- the shape of replies ----

for name, behaviour in {
        "byte by byte": Behaviour(pieces=True), "a reply with a name in it": Behaviour(tail=b"\0\3\5abcde\0\1"),
        "a reply with an empty name": Behaviour(tail=b"\0\3\0\0\1"),
        "a reply with an IPv6 address": Behaviour(tail=b"\0\4" + b"\1" * 16 + b"\0\1"),
        "a proxy without authentication": Behaviour(method=0),
        "the answer in the same segment as the reply": Behaviour(glued=True),
        "byte by byte, with a name": Behaviour(pieces=True, tail=b"\0\3\377" + b"x" * 255 + b"\0\1")}.items():
    with tap.case(name):
        with Proxy(behaviour) as proxy:
            expect(check(proxy), 0, "HTTP OK: HTTP/1.1 200 OK - 40 bytes")
            tap.equal(len(proxy.seen), 1)

with tap.case("the proxy closes after each byte of its side of the handshake"):
    for count in range(2 + 2 + 10):
        with Proxy(Behaviour(close_after=count, reply=0 if count < 14 else 1)) as proxy:
            expect(check(proxy, "-t", "10"), 3, "TOR UNKNOWN: the proxy at 127.0.0.1:", "broke off")

for name, behaviour, words in (
        ("an HTTP server", Behaviour(raw=b"HTTP/1.1 400 Bad Request\r\n\r\n"), "does not speak SOCKS5"),
        ("a SOCKS4 proxy", Behaviour(raw=b"\0\x5b\0\0\0\0\0\0"), "does not speak SOCKS5"),
        ("no acceptable method", Behaviour(method=0xFF), "does not take our credentials"),
        ("GSSAPI only", Behaviour(method=1), "does not take our credentials"),
        ("the password is refused", Behaviour(auth=1), "does not take our credentials"),
        ("an address type that there is not", Behaviour(tail=b"\0\7\0\0\0\0\0\0"), "does not speak SOCKS5")):
    with tap.case("not a proxy for us: " + name):
        with Proxy(behaviour) as proxy:
            expect(check(proxy), 3, "TOR UNKNOWN", words)
            tap.equal(len(proxy.seen), 1, "connections")

with tap.case("nobody listens"):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        result = plugin.run([options.check, "-H", ONION, "--socks", "127.0.0.1:%d" % s.getsockname()[1]])
    expect(result, 3, "TOR UNKNOWN: nobody listens at 127.0.0.1:", "(Connection refused)")

# ---- silence and the time budget ----

for step in ("method", "auth", "reply", "http"):
    with tap.case("silence at %s ends within -t" % step):
        with Proxy(Behaviour(silent=step)) as proxy:
            result = check(proxy, "-t", "2", "--hedge", "0.5")
            expect(result, 2, "ONION CRITICAL: no answer in 2 s", "3 circuits")
            assert 1.9 <= result.seconds < 3.5, result.seconds
            words = "its web server is silent" if step == "http" else "whether it is the service or this tor"
            expect(result, 2, words)
with tap.case("--timeout-result"):
    with Proxy(Behaviour(silent="reply")) as proxy:
        expect(check(proxy, "-t", "1", "--timeout-result", "unknown"), 3, "ONION UNKNOWN: no answer in 1 s")
with tap.case("a body that stops is CRITICAL at the deadline"):
    with Proxy(Behaviour(hang_after=39)) as proxy:
        result = check(proxy, "-t", "2", "--hedge", "0.5")
        expect(result, 2, "no answer in 2 s")
        assert result.seconds < 3.5, result.seconds
with tap.case("a redirect chain shares one budget"):
    with Proxy(Behaviour(delay_s=0.4), b"HTTP/1.1 302 Found\r\nLocation: /@\r\nContent-Length: 0\r\n\r\n") as proxy:
        proxy.answer = b"HTTP/1.1 302 Found\r\nLocation: http://%s:81/\r\nContent-Length: 0\r\n\r\n" % ONION.encode()
        result = check(proxy, "-t", "2", "-f", "follow", "-p", "80", "--max-redirs", "40")
        assert result.seconds < 3.5 and result.code in (1, 2), result

# ---- circuits ----

with tap.case("one circuit on a good day"):
    with Proxy() as proxy:
        result = check(proxy)
        expect(result, 0)
        tap.equal((len(proxy.seen), result.perfdata["circuits"][0], result.perfdata["circuits_failed"][0]), (1, 1, 0))
        assert "circuit" not in result.text, result.text
with tap.case("the first fails, another answers: OK, and said"):
    with Proxy([Behaviour(reply=0xF2), Behaviour()]) as proxy:
        result = check(proxy)
        expect(result, 0, "HTTP OK: HTTP/1.1 200 OK - 1 of 3 circuits failed - ")
        tap.equal((result.perfdata["circuits"][0], result.perfdata["circuits_failed"][0]), (3, 1))
with tap.case("two of three fail: OK; --warn-circuits 2: WARNING"):
    for extra, code in (([], 0), (["--warn-circuits", "3"], 0), (["--warn-circuits", "2"], 1)):
        with Proxy([Behaviour(reply=0xF2), Behaviour(reply=0xF2), Behaviour(delay_s=0.5)]) as proxy:
            expect(check(proxy, *extra), code, "2 of 3 circuits failed")
with tap.case("the first is silent: the others after --hedge"):
    with Proxy([Behaviour(silent="reply"), Behaviour()]) as proxy:
        result = check(proxy, "--hedge", "1")
        expect(result, 0, "slow, 3 circuits used")
        assert 1.0 <= result.seconds < 2.5, result.seconds
        starts = sorted(s["began"] for s in proxy.seen)
        assert 0.9 <= starts[1] - starts[0] < 1.5 and starts[-1] - starts[1] < 0.3, starts
with tap.case("--circuits 1 uses one and says what it saw"):
    with Proxy([Behaviour(reply=0xF2), Behaviour()]) as proxy:
        expect(check(proxy, "--circuits", "1"), 2, "ONION CRITICAL: the service is not at its introduction points")
        tap.equal(len(proxy.seen), 1)
with tap.case("a body cut on one circuit, whole on another: OK"):
    with Proxy([Behaviour(cut_after=39), Behaviour()]) as proxy:
        expect(check(proxy), 0, "1 of 3 circuits failed")
with tap.case("a body cut on every circuit: CRITICAL, never OK"):
    with Proxy(Behaviour(cut_after=39)) as proxy:
        expect(check(proxy), 2, "HTTP CRITICAL: body cut at 1 of 2 bytes - HTTP/1.1 200 OK - 3 of 3 circuits failed")
with tap.case("a web server's own 503 is an answer: one circuit"):
    with Proxy(answer=b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n") as proxy:
        expect(check(proxy), 2, "HTTP CRITICAL: HTTP/1.1 503 No - ")
        tap.equal(len(proxy.seen), 1)
with tap.case("each try has credentials of its own, in one run and across runs; the name goes as a name"):
    with Proxy(lambda host, port, n: Behaviour(reply=0xF2)) as proxy:
        check(proxy, "-p", "8080")
        check(proxy, "-p", "8080")
        tries = [s for s in proxy.seen if s["host"] == ONION]
        tap.equal(len(tries), 6)
        tap.equal({(s["user"], s["type"], s["port"], s["command"]) for s in tries}, {("<torS0X>0", 3, 8080, 1)})
        tap.equal(len({s["password"] for s in tries}), 6)
        assert all(len(s["password"]) >= 16 for s in tries)

# ---- evidence ----

REFERENCE = tornet.bad_address("never")
for name, target, reference, code, words in (
        ("reference reached, service off: the service", 0xF2, 0, 2, "this tor is well (the reference onion is reached), so it is the service"),
        ("reference reached at a closed port counts", 0xF0, 5, 2, "so it is the service"),
        ("both fail: this tor", 0xF2, 0xF2, 3, "not the service's fault: the reference onion fails, too"),
        ("rendezvous failed, reference good: CRITICAL", 0xF3, 0, 2, "ONION CRITICAL: the service did not come to the rendezvous"),
        ("gave up, reference good: CRITICAL", 0x06, 0, 2, "ONION CRITICAL: this tor gave up trying")):
    with tap.case(name):
        with Proxy(lambda host, port, n: Behaviour(reply=target if host == ONION else reference if host == REFERENCE else 0xF6)) as proxy:
            expect(check(proxy, "--reference", REFERENCE + ":80"), code, words)
with tap.case("service silent, reference good: CRITICAL; both silent: UNKNOWN"):
    for silent, code, words in (("", 2, "so it is the service"), ("reply", 3, "the reference onion is silent, too")):
        with Proxy(lambda host, port, n: Behaviour(silent="reply" if host == ONION else silent)) as proxy:
            expect(check(proxy, "-t", "2", "--hedge", "0.3", "--reference", REFERENCE), code, words)

# ---- what goes where ----

with canned.Server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclear") as web:
    clear = ("127.0.0.1", web.port)
    with tap.case("a redirect out of Tor is reported, and not followed by default"):
        with Proxy(answer=b"HTTP/1.1 301 Moved\r\nLocation: http://www.example.com/x\r\nContent-Length: 0\r\n\r\n") as proxy:
            expect(check(proxy), 0, "HTTP OK: HTTP/1.1 301 Moved - redirects out of Tor to http://www.example.com:80/x")
    with tap.case("-f follow out of Tor goes through Tor, as a name"):
        with Proxy(answer=b"HTTP/1.1 301 Moved\r\nLocation: http://www.example.com/x\r\nContent-Length: 0\r\n\r\n",
                   routes={("www.example.com", 80): web.port}) as proxy:
            expect(check(proxy, "-f", "follow", "-s", "clear"), 0, "redirects out of Tor to http://www.example.com:80/x")
            tap.equal([(s["host"], s["port"], s["type"]) for s in proxy.seen], [(ONION, 80, 3), ("www.example.com", 80, 3)])
    with tap.case("a redirect to a loopback address is not fetched directly either"):
        with Proxy(answer=b"HTTP/1.1 301 Moved\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % web.port,
                   behave=lambda host, port, n: Behaviour(reply=0 if host == ONION else 2)) as proxy:
            before = len(web.requests)
            expect(check(proxy, "-f", "follow"), 2, "HTTP CRITICAL - Unable to open TCP socket")
            tap.equal(len(web.requests), before)
    with tap.case("-I with an onion name sends nothing to the clear address"):
        with Proxy() as proxy:
            before = len(web.requests)
            expect(check(proxy, "-I", "127.0.0.1", "-p", str(web.port)), 0, "40 bytes")
            tap.equal((len(web.requests), proxy.seen[0]["host"], proxy.seen[0]["port"]), (before, ONION, web.port))
    with tap.case("a sticky redirect from a clear server to an onion goes through Tor"):
        reply = b"HTTP/1.1 302 Found\r\nLocation: http://%s/\r\nContent-Length: 0\r\n\r\n" % ONION.encode()
        with canned.Server(reply) as first, Proxy() as proxy:
            result = plugin.run([options.check, "-H", "127.0.0.1", "-p", first.port, "-f", "sticky"],
                                env={"TOR_SOCKS_HOST": "127.0.0.1", "TOR_SOCKS_PORT": str(proxy.port)})
            expect(result, 0, "HTTP OK")
            tap.equal([s["host"] for s in proxy.seen], [ONION])
            tap.equal(len(first.requests), 1)
    with tap.case("a clear name goes direct, whatever TOR_SOCKS_PORT says"):
        with Proxy() as proxy:
            result = plugin.run([options.check, "-H", "127.0.0.1", "-p", web.port], env={"TOR_SOCKS_PORT": str(proxy.port)})
            expect(result, 0, "HTTP OK: HTTP/1.1 200 OK - 43 bytes")
            tap.equal(proxy.seen, [])
    with tap.case("a clear name with --socks: everything through the proxy, check_http's text"):
        with Proxy(routes={("www.x.test", web.port): web.port, clear: web.port}) as proxy:
            for arguments in (["-p", str(web.port)], ["-I", "127.0.0.1", "-p", str(web.port)]):
                result = check(proxy, *arguments, host="www.x.test")
                expect(result, 0, "HTTP OK: HTTP/1.1 200 OK - 43 bytes in ")
                tap.equal(sorted(result.perfdata), ["size", "time"])
            tap.equal([s["host"] for s in proxy.seen], ["www.x.test", "127.0.0.1"])
    with tap.case("a clear name with --socks: redirects and failures, check_http's text"):
        with Proxy(behave=lambda host, port, n: Behaviour(reply=0 if host == "a.test" else 5),
                   answer=b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % web.port) as proxy:
            before = len(web.requests)
            expect(check(proxy, "-f", "follow", host="a.test"), 2,
                   "HTTP CRITICAL - Unable to open TCP socket: connect to address 127.0.0.1 and port %d: Connection refused" % web.port)
            tap.equal(len(web.requests), before)
    with tap.case("a clear name behind a silent proxy: check_http's timeout"):
        with Proxy(Behaviour(silent="reply")) as proxy:
            result = check(proxy, "-t", "1", host="a.test")
            tap.equal((result.code, result.out), (2, "CRITICAL - Socket timeout after 1 seconds\n"))

with tap.case("TOR_SOCKS_HOST and TOR_SOCKS_PORT are where onion names go"):
    with Proxy() as proxy:
        expect(check(None, env={"TOR_SOCKS_HOST": "127.0.0.1", "TOR_SOCKS_PORT": str(proxy.port)}), 0, "HTTP OK")
with tap.case("a proxy on a Unix socket"):
    path = temporary_path(folder.name)
    with Proxy(path=path):
        expect(plugin.run([options.check, "-H", ONION, "--socks", path]), 0, "HTTP OK")
        expect(plugin.run([options.check, "-H", ONION, "--socks", "unix:" + path]), 0, "HTTP OK")
with tap.case("TLS through the proxy, SNI and certificate"):
    with canned.Server(OK_ANSWER, tls=canned.certificate(folder.name, 30)) as web, Proxy(routes={(ONION, 443): web.port}) as proxy:
        result = check(proxy, "-S", "--sni")
        expect(result, 0, "HTTP OK: HTTP/1.1 200 OK - 40 bytes")
        assert result.perfdata["time_tls"][0] > 0
        expect(check(proxy, "-C", "10"), 0, "OK - Certificate 'test.example' will expire on ")
        expect(check(proxy, "-C", "40,35"), 2, "CRITICAL - Certificate 'test.example' expires in ", " day(s) (")
with tap.case("a tunnel through an HTTP proxy that is itself behind --socks"):
    with canned.Server(OK_ANSWER, tls=canned.certificate(folder.name, 30)) as web, canned.Tunnel() as http_proxy, \
            Proxy(routes={("proxy.test", 3128): http_proxy.port}) as proxy:
        http_proxy.port_behind = web.port
        result = check(proxy, "-I", "proxy.test", "-p", "3128", "-S", "-j", "CONNECT", host="www.v.test")
        expect(result, 0, "HTTP OK: HTTP/1.1 200 OK - 40 bytes")
        tap.equal([(s["host"], s["port"]) for s in proxy.seen], [("proxy.test", 3128)])
        assert http_proxy.requests[0].startswith(b"CONNECT www.v.test:443 "), http_proxy.requests
    with Proxy() as proxy:
        expect(check(proxy, "-S", "-j", "CONNECT", "-I", "127.0.0.1"), 3, "ONION UNKNOWN: -j CONNECT asks an HTTP proxy")
        tap.equal(proxy.seen, [])
with tap.case("TLS to a server that does not speak it"):
    with Proxy() as proxy:
        expect(check(proxy, "-S"), 2, "CRITICAL - Cannot make SSL connection")
with tap.case("a large body arrives whole"):
    with Proxy(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + b"y" * 2999999 + b"z") as proxy:
        result = check(proxy, "-s", "yz")
        expect(result, 0)
        tap.equal(result.perfdata["size"][0], 3000044)
with tap.case("a large request goes out whole"):
    with Proxy() as proxy:
        expect(check(proxy, "-P", "x" * 120000), 0)
with tap.case("what a hostile server writes stays one line without performance data of its own"):
    with Proxy(answer=b"HTTP/1.1 200 OK | time=0s;;;\x1b[2J\x00\nX: y\r\nContent-Length: 0\r\n\r\n") as proxy:
        one_line(check(proxy))
with tap.case("Prometheus: the metrics parse, the exit code stays"):
    with Proxy(extended(0xF2)) as proxy:
        result = check(proxy, "--output", "prometheus")
        tap.equal(result.code, 2)
        assert 'check_http_onion_up{target="http://%s:80/"} 0\n' % ONION in result.out, result.out
        assert 'check_http_onion_state{target="http://%s:80/"} 2\n' % ONION in result.out
        assert 'check_http_onion_socks_code{target="http://%s:80/"} 242\n' % ONION in result.out
        for line in result.out.splitlines():
            assert line.startswith("# ") or line.rsplit(" ", 1)[1].replace(".", "").isdigit(), line

# ---- addresses: judged before any packet ----

with Proxy() as proxy:
    for name, host, words in (
            ("a wrong checksum", tornet.bad_address("checksum"), "the checksum of the address is wrong"),
            ("a wrong length", tornet.bad_address("length"), "an onion address has 56 letters (this one has 54)"),
            ("a version 2 address", "aerisryzdvrx7teq.onion", "version 2 address (16 letters)"),
            ("another version", tornet.onion_of(b"\1" * 32, version=4), "the version in the address is not 3"),
            ("a letter that is none", ONION[:10] + "1" + ONION[11:], "only the letters a to z and 2 to 7"),
            ("no address at all", "www.onion", "56 letters (this one has 3)"),
            ("a subdomain of a wrong address", "www." + tornet.bad_address("checksum"), "checksum")):
        with tap.case("not a packet for " + name):
            expect(check(proxy, host=host), 3, "ONION UNKNOWN: ", words)
            tap.equal(proxy.seen, [])
    for name, host in (("upper case", ONION.upper()), ("a final dot", ONION + "."), ("a subdomain", "www." + ONION)):
        with tap.case("a good address with " + name):
            expect(check(proxy, host=host), 0, "HTTP OK")
            tap.equal(proxy.seen[-1]["host"], host)

# ---- no look-up ----

LISTENER = r"""
import json, os, socket, subprocess, sys
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
subprocess.run(["mount", "--bind", sys.argv[1], "/etc/resolv.conf"], check=True)
dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dns.bind(("127.0.0.1", 53)); dns.settimeout(0.3)
seen = {}
for name, command in json.loads(sys.argv[2]).items():
    subprocess.run(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    seen[name] = 0
    try:
        while True:
            dns.recv(4096); seen[name] += 1
    except socket.timeout:
        pass
print(json.dumps(seen))
"""
with tap.case("no DNS packet leaves for an onion name, whatever the options; a clear name shows that one would be seen"):
    resolv = os.path.join(folder.name, "resolv.conf")
    with open(resolv, "w") as f:
        f.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    onion = [options.check, "-H", ONION, "-t", "3"]
    runs = {"plain": onion, "-I": onion + ["-I", "www.example.com"], "-I alone": [options.check, "-I", ONION, "-t", "3"], "positional": [options.check, ONION],
            "TLS": onion + ["-S", "--sni"], "-4": onion + ["-4"], "checksum": [options.check, "-H", tornet.bad_address("checksum")],
            "upper": [options.check, "-H", ONION.upper()], "dot": [options.check, "-H", ONION + "."], "sub": [options.check, "-H", "a." + ONION],
            "v2": [options.check, "-H", "aerisryzdvrx7teq.onion"], "tunnel": onion + ["-S", "-j", "CONNECT", "-I", "127.0.0.1"],
            "reference": onion + ["--reference", REFERENCE], "clear": [options.check, "-H", "www.example.com", "-t", "3"]}
    done = subprocess.run(["unshare", "-rmn", "/usr/bin/python3", "-c", LISTENER, resolv, json.dumps(runs)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode and b"unshare" in done.stderr:
        raise tap.Skip("no namespaces here: " + done.stderr.decode().strip())
    tap.equal(done.stderr, b"")
    seen = json.loads(done.stdout)
    assert seen.pop("clear") > 0, "the listener sees nothing"
    tap.equal(seen, dict.fromkeys(seen, 0))
with tap.case("-t holds while a resolver is silent"):
    with open(resolv, "w") as f:
        f.write("nameserver 127.0.0.1\noptions timeout:20 attempts:3\n")
    slow = ("import subprocess, sys, time; began = time.monotonic(); done = subprocess.run(sys.argv[1:]); "
            "print(done.returncode, time.monotonic() - began)")
    script = LISTENER.split("seen = {}")[0] + "sys.exit(subprocess.run(json.loads(sys.argv[2])).returncode)"
    done = subprocess.run(["unshare", "-rmn", "/usr/bin/python3", "-c", script, resolv,
                           json.dumps(["/usr/bin/python3", "-c", slow, options.check, "-H", "www.example.com", "-t", "2"])],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, text=True)
    if done.returncode and "unshare" in done.stderr:
        raise tap.Skip("no namespaces here: " + done.stderr.strip())
    line, (code, seconds) = done.stdout.split("\n")[0], done.stdout.split("\n")[1].split()
    tap.equal((line, code), ("CRITICAL - Socket timeout after 2 seconds", "2"))
    assert float(seconds) < 3, seconds

folder.cleanup()
tap.finish()
