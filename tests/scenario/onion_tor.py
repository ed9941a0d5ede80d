#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# timeout 400
# serial
"""check_http_onion on a private Tor network with real onion services: each failure that there is, its exit code
and its sentence, beside what `torsocks check_http` says of it; circuits proven distinct by the control port; a
relay killed in mid-body; a sick Tor against a dead service."""
import atexit
import contextlib
import io
import json
import os
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import canned, plugin, tap, tornet

options = plugin.arguments()
folder = tempfile.TemporaryDirectory(prefix="onion-tor-")
NET = os.path.join(folder.name, "net")
BEGAN = time.monotonic()


def tor(*words):
    """One verb of tornet; its JSON."""
    out = io.StringIO()
    old, sys.argv = sys.argv, ["tornet"] + [str(w) for w in words]
    try:
        with contextlib.redirect_stdout(out):
            tornet.main()
    finally:
        sys.argv = old
    return json.loads(out.getvalue()) if out.getvalue().strip() else {}


def down():
    with contextlib.suppress(BaseException):
        tor("down", NET)


atexit.register(down)
with tap.case("the private Tor network comes up"):
    net = tor("up", NET, "--timeout", "90", "--relays", "4")
    clients = net["clients"]
    ONION = net["onion"]
    CLIENT = clients["client"]
tap.comment("network up after %.1f s" % (time.monotonic() - BEGAN))


def arguments(onion, client=None, plain=False, more=()):
    client = client or CLIENT
    return [options.check, "-H", onion, "--socks", "127.0.0.1:%d" % client["socks_plain" if plain else "socks"]] + [str(m) for m in more]


def control(client=None):
    client = client or CLIENT
    return ["--control", "127.0.0.1:%d" % client["control"], "--cookie", client["cookie"]]


def check(onion, *more, client=None, plain=False):
    return plugin.run(arguments(onion, client, plain, more), timeout=60)


def torsocks(onion, *more, client=None):
    """What the article's script says: check_http under torsocks, on the plain port."""
    port = (client or CLIENT)["socks_plain"]
    return plugin.run(["torsocks", "-i", "-a", "127.0.0.1", "-P", port, plugin.CHECK_HTTP, "-H", onion] + [str(m) for m in more], parse=False)


def expect(result, code, *words):
    tap.equal(result.out.count("\n"), 1, result.out)
    tap.equal(result.err, "")
    for word in words:  # or a tuple, of which one has to be there
        assert any(w in result.text for w in (word if isinstance(word, tuple) else (word,))), "%r not in %r" % (word, result.line)
    tap.equal(result.code, code, result.line)


def row(name, onion, code, words, *more, client=None, plain_words=None, theirs=(2,), their_more=("-t", "4")):
    """One failure: ours on both kinds of port, theirs beside it."""
    with tap.case(name + ": " + (words[0][0] if isinstance(words[0], tuple) else words[0])):
        began = time.monotonic()
        other = {}
        thread = threading.Thread(target=lambda: other.update(result=torsocks(onion, *their_more, client=client)))
        thread.start()
        ours = check(onion, *more, client=client)
        took = time.monotonic() - began
        expect(ours, code, *words)
        if plain_words:
            expect(check(onion, *more, client=client, plain=True), code, *plain_words)
        thread.join()
        tap.comment("%-28s ours %d (%.1f s) %s" % (name, ours.code, took, ours.text))
        said = other["result"].out.strip().split("\n")
        tap.comment("%-28s torsocks check_http %d: %s" % ("", other["result"].code, " / ".join(said)[:150]))
        tap.equal(other["result"].code in theirs, True, "torsocks check_http said %r" % (said,))


ADD_TO_TORRC = "add ExtendedErrors to the SocksPort line in torrc"

# ---- other nodes that later rows need, made while the first rows run ----

made = {}


def make():
    made["auth"] = tor("add-onion", NET, "--port", net["onions"]["onion0"]["target"].split(":")[1], "--client-auth", "--name", "onionauth")
    made["nobody"] = tor("add-onion", NET, "--port", "1", "--name", "onionnobody", "--no-wait")
    made["tls"] = tor("add-onion", NET, "--port", tls_server.port, "--virtport", "443", "--name", "oniontls", "--no-wait")
    made["cold"] = tor("add-client", NET, "--name", "cold")
    made["unreachable"] = tor("add-client", NET, "--name", "unreachable", "--network", "unreachable")
    made["disabled"] = tor("add-client", NET, "--name", "disabled", "--network", "disabled")


tls_server = canned.Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", tls=canned.certificate(folder.name, 30))

# ---- the service is up ----

with tap.case("healthy, extended and plain port: OK, one circuit"):
    for plain in (False, True):
        result = check(ONION, *control(), plain=plain)
        expect(result, 0, "HTTP OK: HTTP/1.0 200 OK - 181 bytes in ")
        tap.equal([result.perfdata[k][0] for k in ("circuits", "circuits_failed", "bootstrap")], [1, 0, 100])
        assert result.perfdata["time_socks"][0] > 0
    tap.comment("torsocks check_http: " + torsocks(ONION).line)
make()
with tap.case("what the web server says is judged as check_http does"):
    for path, code, words in (("/status/503", 2, "HTTP CRITICAL: HTTP/1.0 503"), ("/status/404", 1, "HTTP WARNING: HTTP/1.0 404"),
                              ("/redirect", 0, "HTTP OK: HTTP/1.0 302 Found"), ("/bytes/200000", 0, "HTTP OK: HTTP/1.0 200 OK - 2001")):
        ours, theirs = check(ONION, "-u", path), torsocks(ONION, "-u", path)
        expect(ours, code, words)
        tap.equal(ours.text.split(" second ")[0].rsplit(" in ", 1)[0], theirs.line.split(" second ")[0].rsplit(" in ", 1)[0])
        tap.equal(ours.code, theirs.code)
with tap.case("a slow page within -t is OK; circuits that were tried meanwhile are said"):
    result = check(ONION, "-u", "/hang/2", "--hedge", "0.8", "-t", "10")
    expect(result, 0, "HTTP OK", "slow, 3 circuits used")
row("body cut short", ONION, 2, ["HTTP CRITICAL: body cut at 44 of 1000000 bytes", "3 of 3 circuits failed"], "-u", "/cut",
    their_more=("-u", "/cut"), theirs=(0,))
row("empty reply", ONION, 2, ["HTTP CRITICAL - No data received from host"], "-u", "/empty", their_more=("-u", "/empty"))
row("web server hung", ONION, 2, ["ONION CRITICAL: no answer in 4 s on 3 circuits: the service takes connections, its web server is silent"],
    "-u", "/hang/9", "-t", "4", "--hedge", "1", their_more=("-u", "/hang/9", "-t", "4"))

with tap.case("TLS over an onion service: the answer, the handshake's time, the certificate"):
    result = check(made["tls"]["address"], "-S", "--sni")
    expect(result, 0, "HTTP OK: HTTP/1.1 200 OK - 40 bytes")
    assert result.perfdata["time_tls"][0] > 0
    expect(check(made["tls"]["address"], "-C", "10"), 0, "OK - Certificate 'test.example' will expire on ")
    expect(check(made["tls"]["address"], "-C", "40"), 1, "WARNING - Certificate 'test.example' expires in ")
    expect(check(made["tls"]["address"], "-S1.1"), 2, "CRITICAL - Cannot make SSL connection")

# ---- no Tor, or a Tor that is not well ----

row("no tor", ONION, 3, ["TOR UNKNOWN: nobody listens at 127.0.0.1:1 (Connection refused)"], client={"socks": 1, "socks_plain": 1})
row("tor told to stay off the network", ONION, 3, ["TOR UNKNOWN: nobody listens at"], client=made["disabled"])
row("tor not bootstrapped, control port", ONION, 3, ["TOR UNKNOWN: no answer in 4 s", "not the service's fault: it has not joined the network: bootstrap"],
    "-t", "4", "--hedge", "1", *control(made["unreachable"]), client=made["unreachable"])
row("tor not bootstrapped, reference", ONION, 3, ["TOR UNKNOWN: no answer in 3 s", "the reference onion is silent, too"],
    "-t", "3", "--hedge", "1", "--reference", ONION, client=made["unreachable"], their_more=("-t", "3"))
with tap.case("tor not bootstrapped and nothing to tell: the timeout's state, and what would tell"):
    expect(check(ONION, "-t", "2", "--hedge", "1", client=made["unreachable"]), 2, "ONION CRITICAL: no answer in 2 s", "--control or --reference would tell")
with tap.case("--tor-critical wakes"):
    expect(check(ONION, "-t", "2", "--hedge", "1", "--tor-critical", *control(made["unreachable"]), client=made["unreachable"]), 2, "TOR CRITICAL")
with tap.case("a control port that refuses us is said, and blames nobody"):
    never = tornet.bad_address("never")
    expect(check(never, "--control", "127.0.0.1:%d" % CLIENT["control"]), 2, "ONION CRITICAL: no descriptor", "the control port refused us")
    expect(check(never, "--control", "127.0.0.1:%d" % CLIENT["control"], "--cookie", "/nonexistent"), 2, "cannot read the control port's cookie")
    expect(check(never, "--control", "127.0.0.1:1"), 2, "the control port does not answer (Connection refused)")

# ---- the address ----

row("never published", tornet.bad_address("never"), 2, ["ONION CRITICAL: no descriptor of the service", "descriptor FAILED: NOT_FOUND",
    "this tor seems well (bootstrapped, network up), so it is probably the service"], *control(), plain_words=["ONION CRITICAL", ADD_TO_TORRC])
row("wrong checksum", tornet.bad_address("checksum"), 3, ["ONION UNKNOWN: the checksum of the address is wrong"])
row("key of low order", tornet.bad_address("torsion"), 3, ["ONION UNKNOWN: Tor says that the address is impossible (SOCKS F6)"])
row("wrong length", tornet.bad_address("length"), 3, ["ONION UNKNOWN: an onion address has 56 letters (this one has 54)"])
row("version 2", "aerisryzdvrx7teq.onion", 3, ["ONION UNKNOWN: this is a version 2 address (16 letters)"])
row("wrong virtual port", ONION, 2, ["ONION CRITICAL: the service does not offer port 81 (SOCKS 05)"], "-p", "81",
    plain_words=["does not offer port 81"], their_more=("-p", "81", "-t", "4"))

# ---- client authorization ----

AUTH = made["auth"]["address"]
tor("client-auth", NET, "onionauth", "none")
row("client key missing", AUTH, 3, ["ONION UNKNOWN: this tor holds no key for the service, which wants client authorization (SOCKS F4)"])
with tap.case("on a plain port a missing key cannot be told from a dead web server"):
    expect(check(AUTH, plain=True), 2, "ONION CRITICAL", "a missing or wrong key of ours", ADD_TO_TORRC)
with tap.case("--auth-critical wakes"):
    expect(check(AUTH, "--auth-critical"), 2, "ONION CRITICAL: this tor holds no key")
tor("client-auth", NET, "onionauth", "wrong")
row("client key wrong", AUTH, 3, ["ONION UNKNOWN: this tor holds a wrong key for the service (client authorization) (SOCKS F5)"])
tor("client-auth", NET, "onionauth", "good")
with tap.case("client key right: OK"):
    expect(check(AUTH), 0, "HTTP OK")

# ---- circuits ----


def circuits_now():
    """{circuit: path} of the rendezvous circuits with a stream on them, from the control port."""
    k = tornet.Ctl(CLIENT["control"], CLIENT["cookie"])
    streams = {line.replace("250+stream-status=", "").replace("250-stream-status=", "").split()[2]
               for line in k.cmd("GETINFO stream-status") if "SUCCEEDED" in line}
    paths = {}
    for line in k.cmd("GETINFO circuit-status"):
        words = line.replace("250+circuit-status=", "").split()
        if len(words) > 2 and words[0] in streams:
            paths[words[0]] = words[2]
    return paths


with tap.case("three circuits of one run are distinct, and none is shared with the next run (control port)"):
    runs = []
    for _ in range(2):
        found = {}
        thread = threading.Thread(target=lambda: found.update(result=check(ONION, "-u", "/hang/5", "--hedge", "0.5", "-t", "15")))
        thread.start()
        seen, until = {}, time.monotonic() + 5.5
        while len(seen) < 3 and time.monotonic() < until:
            seen.update(circuits_now())
            time.sleep(0.2)
        thread.join()
        expect(found["result"], 0, "HTTP OK")
        tap.equal(len(seen), 3, repr(seen))
        runs.append(set(seen))
    assert not runs[0] & runs[1], runs

# ---- the service is off ----

row("web server behind it down", made["nobody"]["address"], 2,
    ["ONION CRITICAL: tor of the service answers, the web server behind it does not (SOCKS 01), 3 of 3 circuits"], plain_words=["ONION CRITICAL", ADD_TO_TORRC])
tor("kill", NET, "onionnobody")
tor("kill", NET, "onion0")
OFF = "ONION CRITICAL: the service is not at its introduction points"


# Right after a service's tor has ended, its clients may be silent about it for a while, and on a busy machine for minutes, instead
# of knowing it. A client that is new knows.
OFF_OR_SILENT = (OFF, "ONION CRITICAL: no answer in 25 s, 3 of 3 circuits")


def wait_until_gone(wait_s):
    until = time.monotonic() + wait_s
    while OFF not in check(ONION, "-t", "20").text and time.monotonic() < until:
        time.sleep(0.5)


wait_until_gone(60)
row("stopped, reference good", ONION, 2, [OFF_OR_SILENT, "this tor is well (the reference onion is reached), so it is the service"], "--reference", AUTH, "-t", "25",
    plain_words=[("ONION CRITICAL: the service cannot be reached", OFF_OR_SILENT[1])])
row("stopped, control healthy", ONION, 2, [OFF_OR_SILENT, "descriptor RECEIVED", "so it is probably the service"], "-t", "25", *control())
row("stopped, cold client", ONION, 2, [OFF], client=made["cold"])
tor("start", NET, "onion0")
with tap.case("started again: OK without anybody's help"):
    until = time.monotonic() + 30
    result = check(ONION)
    while result.code and time.monotonic() < until:
        time.sleep(0.5)
        result = check(ONION)
    expect(result, 0, "HTTP OK")
tor("kill", NET, "--hard", "onion0")
wait_until_gone(30)
row("killed", ONION, 2, [OFF_OR_SILENT], "-t", "25")
tor("start", NET, "onion0")
with tap.case("started after a kill: OK"):
    until = time.monotonic() + 30
    while check(ONION).code and time.monotonic() < until:
        time.sleep(0.5)
    expect(check(ONION), 0, "HTTP OK")
tor("pause", NET, "onion0")
row("hung, reference good", ONION, 2, ["ONION CRITICAL: no answer in 5 s, 3 of 3 circuits", "so it is the service"], "-t", "5", "--hedge", "1", "--reference", AUTH)
tor("resume", NET, "onion0")

# ---- the path breaks in mid-body ----


def hops_of_streams():
    return [hop.split("~")[1] for path in circuits_now().values() for hop in path.split(",")[1:]]


def relay_killed():
    """One check whose circuit loses a relay while the body is awaited; None when no ordinary relay was on it."""
    found = {}
    thread = threading.Thread(target=lambda: found.update(result=check(ONION, "-u", "/slow/6", "--circuits", "1", "-t", "20")))
    thread.start()
    hops, until = [], time.monotonic() + 4
    while not hops and time.monotonic() < until:
        time.sleep(0.2)
        hops = hops_of_streams()
    ordinary = [hop for hop in hops if hop[0] == "r"]
    if ordinary:
        tor("kill", NET, "--hard", ordinary[0])
    thread.join()
    if ordinary:
        tor("start", NET, ordinary[0])
        tap.comment("killed %s: %s" % (ordinary[0], found["result"].line))
    return found["result"] if ordinary else None


with tap.case("a relay killed in mid-body: never a plain OK"):
    killed = None
    for _ in range(5):
        killed = killed or relay_killed()
    assert killed, "no circuit with an ordinary relay behind its guard"
    # Tor tells its client that the circuit is gone, or is silent about it until the check's time is over.
    expect(killed, 2)
    assert any(words in killed.text for words in ("HTTP CRITICAL: body cut at 0 of 44 bytes", "ONION CRITICAL: no answer in 20 s on 1 circuit")), killed.line

# ---- a sick Tor against a dead service ----

RELAYS = [n for n in json.load(open(os.path.join(NET, "state.json")))["nodes"] if n[0] in "ar" and n[1:].isdigit()]
tor("pause", NET, *RELAYS)
row("the whole network is silent", ONION, 3, ["TOR UNKNOWN: no answer in 4 s", "not the service's fault: the reference onion is silent, too"],
    "-t", "4", "--hedge", "1", "--reference", AUTH)
tor("resume", NET, *RELAYS)
tap.comment("whole test %.1f s" % (time.monotonic() - BEGAN))
down()
folder.cleanup()
tap.finish()
