#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# timeout 200
"""check_http_onion beside Debian's check_http on the same local server, over every option and many answers: the
text, the performance data, the exit code and the request must be the same, but for the departures that
check_http_onion(1) lists by number. A case names its departure; a case that names one and does not differ fails
as well, so the list stays true."""
import os
import re
import socket
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import canned, plugin, tap

options = plugin.arguments()
folder = tempfile.TemporaryDirectory(prefix="compare-")
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEPARTURES_MAX = 12

OK = (b"HTTP/1.1 200 OK\r\nDate: Tue, 25 Dec 2001 02:59:03 GMT\r\nLast-Modified: Mon, 24 Dec 2001 02:59:03 GMT\r\n"
      b"Content-Type: text/html\r\nContent-Length: 18\r\n\r\nhello\nworld 1.5 |\n\n")[:-1]
OK = OK.replace(b"Content-Length: 18", b"Content-Length: %d" % len(b"hello\nworld 1.5 |\n"))
AT = ["-I", "127.0.0.1", "-p", "@PORT@"]
WWW = ["-H", "www.x.test"] + AT

# (arguments, number of the departure or None); the server answers OK.
OPTIONS = [
    ([], None), (["-w", "5"], None), (["-w", "5", "-c", "8"], None), (["-w", "0"], None), (["-c", "0.0000001"], None),
    (["-w", "1:2", "-c", "3"], None), (["-w", "abc"], None), (["-w", ""], None), (["-w", "10:"], None),
    (["-w", "~:5"], None), (["-w", "@0:10"], None), (["-w", "@5:10", "-c", "@0:1"], None), (["-c", "11"], None),
    (["-c", "5:", "-t", "3"], None), (["-w", "2x"], None), (["-wt", "1", "-ct", "2", "-to", "5"], None),
    (["-m", "10"], None), (["-m", "10:20"], None), (["-m", "1000:2000"], None), (["-m", "1000"], None), (["-m", "abc"], None),
    (["-m", "5:6:7"], None), (["-m", ":5"], None), (["-m", "5:"], None), (["-m", ""], None),
    (["-s", "hello"], None), (["-s", "nope"], None), (["-s", "HELLO"], None), (["-s", ""], None),
    (["-s", "a text of more than thirty characters in all"], None), (["-s", "exactly twenty-nine letters.."], None),
    (["-s", "exactly thirty letters, or so."], None), (["-s", "Content-Type"], None), (["-s", "hello\nworld"], None),
    (["-d", "text/html"], None), (["-d", "zzz"], None), (["-d", "hello"], None), (["-d", "Content-Type: text/html"], None),
    (["-d", "a header of more than thirty characters in all"], None), (["-s", "nope", "-d", "nope"], None),
    (["-r", "h.llo"], None), (["-r", "nope"], None), (["-r", "HELLO"], None), (["-R", "HELLO"], None),
    (["-r", "^world"], None), (["-r", "hello.world"], None), (["-l", "-r", "hello.world"], None),
    (["-r", "hello.world", "-l"], None), (["--ereg", "[0-9]\\.[0-9]"], None), (["--eregi", "WORLD"], None),
    (["--regex=hello$"], None), (["--linespan", "--regex", "^world"], None), (["--invert-regex", "-r", "hello"], None),
    (["--invert-regex", "-r", "nope"], None), (["-r", "nope", "-s", "nope", "-m", "5000", "-w", "0"], None),
    (["-e", "200"], None), (["-e", "404"], None), (["-e", "404,200"], None), (["-e", "HTTP/1.1 2", "-s", "nope"], None),
    (["-e", ""], None), (["-e", "OK"], None), (["--expect=200 OK"], None),
    (["-M", "1"], None), (["-M", "1d"], None), (["-M", "23h"], None), (["-M", "2d"], None), (["-M", "86400s"], None),
    (["-M", "1440m"], None), (["-M", "0"], None),
    (["-j", "PUT"], None), (["-j", "DELETE"], None), (["-j", "OPTIONS"], None), (["-j", "TRACE"], None),
    (["-j", "CONNECT"], None), (["-P", "a=b"], None), (["-P", "a=b", "-T", "text/plain"], None),
    (["-P", "x", "-j", "PUT"], None), (["-j", "PUT", "-P", "x"], None), (["-P", ""], None), (["-P", "a", "-P", "b"], None),
    (["-T", "text/plain"], None), (["-A", "agent/1"], None), (["-A", ""], None), (["--useragent=x y"], None),
    (["-k", "X: y"], None), (["-k", "X: y", "-k", "Z: 1", "-k", "X: 2"], None), (["-k", "Host: other.test"], None),
    (["-k", "User-Agent: z"], None), (["-k", "Cookie: a=b; c=d"], None), (["-k", ""], None),
    (["-a", "user:secret"], None), (["-a", "user"], None), (["-a", ""], None), (["-b", "user:secret"], None),
    (["-a", "u:p", "-b", "q:r", "-k", "A: b", "-P", "d", "-T", "t/t", "-A", "g"], None),
    (["-u", "/a?b=c&d"], None), (["-u", "/a b"], None), (["-u", "noslash"], None), (["-u", ""], None), (["-u", "/../x"], None),
    (["-u", "http://www.x.test/y"], None), (["-u", "/%7e#f"], None), (["-u", "*"], None),
    (["-4"], None), (["-E"], None), (["-E", "-w", "5", "-c", "6"], None), (["-B"], 2), (["-L"], None), (["-n"], None), (["-L", "-n"], None),
    (["-L", "-s", "nope"], None), (["-v"], 2), (["-v", "-v"], 2), (["-t", "7"], None), (["-t", "0"], None), (["-t", ""], None),
    (["-f", "ok"], None), (["-f", "follow"], None), (["--max-redirs=2"], None), (["--nohtml"], None),
    (["-u", "/link", "-L"], None), (["--sni"], None), (["--continue-after-certificate"], None),
    (["-N"], 12), (["--no-body", "-s", "nope"], 12),
    (["-t", "x"], 11), (["-t", "-1"], 11), (["-t", "10.5"], 11), (["-t", "99999999999"], 11), (["-p", "x"], 11), (["-C", "x"], 11),
    (["-C", "1,x"], 11), (["-f", "x"], 11), (["-S9"], 11), (["-r", "["], 11), (["-M", "x"], 11), (["-M", "5x"], 11), (["-M", ""], 11),
    (["-w", "5:1"], 11), (["-w", "-1"], 11), (["--max-redirs", "x"], 11), (["-J", "/nope"], 11), (["-J", "/dev/null"], 11),
    (["--bogus"], 11), (["-X"], 11), (["-V"], 11), (["-h"], 11), (["-U"], 11), (["-D"], 11),
    (["--extra-opts=@/nope"], None),
    (["-S3"], 10), (["-S2"], 10), (["-k", "host: other.test"], 9), (["-6"], 1), (["-S"], 1), (["-C", "1"], 1), (["-S1.2+"], 1),
]

# Ways to name the server. (arguments, departure)
PLACES = [
    (["-H", "127.0.0.1", "-p", "@PORT@"], None), (["-I", "127.0.0.1", "-p", "@PORT@"], None), (["-H", "127.0.0.1:@PORT@"], None),
    (["-H", "127.0.0.1:@PORT@", "-s", "nope"], None), (["-H", "www.x.test:81"] + AT, None),
    (["-H", "127.0.0.1:81", "-p", "@PORT@"], None), (["127.0.0.1", "-p", "@PORT@"], None),
    (["-p", "@PORT@", "127.0.0.1", "www.y.test"], None), (["-H", "h.test", "-p", "@PORT@", "127.0.0.1"], None),
    (["-hn", "h.test"] + AT, None), (["-H", "localhost", "-p", "@PORT@", "-4"], None), (["--hostname=h.test", "--IP-address=127.0.0.1", "--port=@PORT@"], None),
    (["-I", "127.0.0.1", "-p", "@PORT@", "-v"], 2), (["-I", "127.0.0.1", "-p", "@PORT@", "-P", "x"], None),
    (["-I", "127.0.0.1", "-p", "@PORT@", "-k", "Host: h.test"], 9),
    ([], 11), (["-u", "/"], 11), (["-H", "127.0.0.1", "-p", "1"], 1), (["-H", "127.0.0.1:1"], 1), (["-H", "nope.invalid"], 1), (["-H", ""], 1),
    (["-I", "/nope/socket"], 1), (["-H", "::1", "-p", "1"], 1), (["-4", "-H", "::1", "-p", "1"], 1), (["-H", "127.0.0.1", "-p", "0"], 1),
    (["-H", "127.0.0.1", "-p", "99999"], 1), (["-H", "[::1]:1"], 1),
]

# Answers. (bytes, arguments, departure)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"
ANSWERS = [
    (b"", [], None),
    (b"HTTP/1.1 404 Not Found\r\n\r\n", [], None), (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", [], None),
    (b"HTTP/1.1 404 Not Found\r\n\r\n", ["-e", "404"], None), (b"HTTP/1.1 404 Not Found\r\n\r\n", ["-s", "x"], None),
    (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno", [], None),
    (b"HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\nno", ["-w", "0"], None),
    (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", [], None),
    (b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", ["-e", "302"], None),
    (b"HTTP/1.1 600 X\r\n\r\n", [], None), (b"HTTP/1.1 099 X\r\n\r\n", [], None), (b"HTTP/1.1 99 X\r\n\r\n", [], None),
    (b"HTTP/1.1 2000 X\r\n\r\n", [], None), (b"HTTP/1.1 abc X\r\n\r\n", [], None), (b"HTTP/2.0 200 OK\r\n\r\n", [], None),
    (b"HTTP/3 200 OK\r\n\r\n", [], None), (b"FOO\r\n\r\n", [], None), (b"SSH-2.0-x\r\n", [], None), (b"SSH-2.0-x\r\n", ["-e", "SSH-2.0"], None),
    (b"HTTP/1.1 200\r\n\r\nx", [], None), (b"HTTP/1.1 200   OK  \r\n\r\nx", [], None), (b" HTTP/1.1 200 OK\r\n\r\nx", [], None),
    (b"HTTP/1.1 200 OK\n\nx", [], None), (b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", ["-d", "Length"], None),
    (b"HTTP/1.0 200 OK\r\n\r\nbody", ["-s", "body"], 7), (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 300000, [], None),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300000, ["-m", "1:299999"], None),
    (b"HTTP/1.1 200 OK\r\n" + b"".join(b"H%d: %s\r\n" % (i, b"v" * 200) for i in range(100)) + b"\r\nx", ["-d", "H99"], None),
    (b"HTTP/1.1 204 No Content\r\n\r\n", [], None), (b"HTTP/1.1 304 Not Modified\r\n\r\n", [], None),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nhello", ["-s", "hello"], None), (CHUNKED, [], None),
    (CHUNKED, ["-s", "hello world"], None), (CHUNKED, ["-s", "5\r\nhello"], 2), (CHUNKED, ["-r", "^hello world$"], None),
    (CHUNKED, ["-B"], None),
    (b"\r\nHTTP/1.1 200 OK\r\n\r\nx", [], None),
    (b"HTTP/1.1 200 OK <b>bold</b>\r\n\r\nx", [], None),
    (b"HTTP/1.1 200 OK | a=1\r\n\r\nx", [], 2), (b"HTTP/1.1 200 \x1b[2J\x07\r\n\r\nx", [], 2),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello", [], 3),
    (b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello", [], 3),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhello", [], 3),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n", [], 3),
    (b"HTTP/1.1 200 OK", [], 3), (b"HTTP/1.1 200 OK\r\nA: \0b\r\n\r\nhello", [], 3),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", [], 5),
    (b"HTTP/1.1\r\n\r\n", [], 7),
]

MONDAY = b"Mon, 24 Dec 2001 02:59:03 GMT"
DATES = [(b"Tue, 25 Dec 2001 02:59:03 GMT", d) for d in (
    b"Tue, 25 Dec 2001 02:58:03 GMT", b"Tue, 25 Dec 2001 03:58:03 GMT", b"Tue, 25 Dec 2001 02:59:33 GMT", b"Tue, 11 Dec 2001 02:58:03 GMT", b"x",
    b"Tue,  5 Dec 2001 02:58:03 GMT", b"Tue, 35 Dec 2001 02:58:03 GMT", b"Tue, 25 Foo 2001 02:58:03 GMT",
    b"Tue, 25 Dec 2001 02:59:03 GMT", b"Tuesday, 25-Dec-01 02:59:03 GMT", None)] + [(None, MONDAY), (b"x", MONDAY)]

# Redirects. (Location, arguments, departure)
REDIRECTS = [
    (b"Location: /", ["-f", "follow"], None), (b"Location: /x", ["-f", "follow"], None), (b"Location:", ["-f", "follow"], None),
    (b"location: http://127.0.0.1:@PORT@/", ["-f", "follow"], None), (b"X: y", ["-f", "follow"], None),
    (b"Location: http://127.0.0.1:@PORT@/y", ["-f", "follow", "--max-redirs=0"], None),
    (b"Location: https://127.0.0.1:@PORT@/", ["-f", "follow"], None), (b"Location: http://127.0.0.1:@PORT@", ["-f", "follow"], None),
    (b"Location: http://127.0.0.1:1/y", ["-f", "stickyport"], None), (b"Location: http://127.0.0.1:1/y", ["-f", "sticky"], 1),
    (b"Location: http://127.0.0.1:1/", ["-f", "follow"], 1), (b"Location: /x", ["-f", "warning"], None),
    (b"Location: /x", ["-f", "critical"], None), (b"Location: /x", ["-f", "unknown"], None), (b"Location: /x", ["-f", "ok"], None),
    (b"Location: x", ["-f", "follow"], 6), (b"Location: http://[::1]:1/", ["-f", "follow"], 6), (b"Location: ftp://x/", ["-f", "follow"], 6),
    (b"Location: //127.0.0.1:@PORT@/z", ["-f", "follow"], 6), (b"Location: http://127.0.0.1:99999/", ["-f", "follow"], 6),
    (b"Location: /x", ["-f", "follow", "-v"], None),
]

TLS = [
    (["-S"], None), (["--ssl"], None), (["-S", "-E"], None), (["-S", "--sni"], None), (["-S1.2"], None), (["-S1.2+"], None),
    (["-S1+"], None), (["-S1.1+"], None), (["-S2+"], None), (["-S3+"], None), (["--ssl=1.2"], None), (["-S", "-s", "nope"], None), (["-S", "-L"], None),
    (["-C", "1"], None), (["-C", "400"], None), (["-C", "400,370"], None), (["-C", "364"], None), (["-C", "365,1"], None), (["-L", "-C", "400"], None),
    (["-C", "1", "--continue-after-certificate"], None), (["-C", "400", "--continue-after-certificate"], None),
    (["-C", "400,399", "--continue-after-certificate", "-s", "nope"], None), (["-J", "@CERT@", "-K", "@KEY@"], None), (["-K", "@KEY@"], None),
    (["-S1"], 1), (["-S1.1"], 1), (["-S1.3"], 10), (["-J", "@KEY@", "-K", "@CERT@"], 1),
]


def normal(text):
    """Without what differs from one run to the next: times."""
    text = re.sub(r"in \d+\.\d+ second", "in T second", text)
    text = re.sub(r"\b(time\w*)=\d+\.\d+s", r"\1=Ts", text)
    return re.sub(r"^check_http_onion:", "check_http:", text, flags=re.M)


def normal_request(request):
    """The request line and the body as they are, the header lines in any order."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    return lines[0], sorted(line.rstrip() for line in lines[1:]), body


def ask(program, server, arguments):
    done = plugin.run([program] + arguments, timeout=40, parse=False)
    seen, server.requests = [normal_request(r) for r in server.requests], []
    return (done.code, normal(done.out)), seen


def compare(name, server, arguments, departure):
    places = {"@PORT@": str(server.port), "@CERT@": CERTIFICATE[0], "@KEY@": CERTIFICATE[1]}
    arguments = [re.sub("@[A-Z]+@", lambda m: places[m.group()], a) for a in arguments]
    with tap.case("%s%s" % (name, ", departure %d" % departure if departure else "")):
        theirs, their_requests = ask(plugin.CHECK_HTTP, server, arguments)
        ours, our_requests = ask(options.check, server, arguments)
        assert ours[0] in (0, 1, 2, 3), ours
        if departure:
            used.add(departure)
            assert (ours, our_requests) != (theirs, their_requests), "no difference: %r" % (ours,)
            if departure == 1:                   # only the text differs
                tap.equal(ours[0], theirs[0])
        else:
            tap.equal(ours, theirs)
            tap.equal(our_requests, their_requests, "requests")


def listed_departures():
    """Their numbers in the manual: .IP N. 4 in the section DEPARTURES FROM CHECK_HTTP."""
    with open(os.path.join(TOP, "man", "check_http_onion.1")) as f:
        section = f.read().split(".SH DEPARTURES FROM CHECK_HTTP")[1].split("\n.SH ")[0]
    return [int(n) for n in re.findall(r"^\.IP (\d+)\. ", section, re.M)]


def silence(_request):
    time.sleep(9)
    return b""


used = set()
CERTIFICATE = canned.certificate(folder.name)

with canned.Server(OK) as server:
    for arguments, departure in OPTIONS:
        compare("option " + " ".join(arguments or ["none"]), server, WWW + arguments, departure)
    for arguments, departure in PLACES:
        compare("place " + " ".join(arguments or ["nowhere"]), server, arguments, departure)
    path = os.path.join(folder.name, "socket")
    with canned.Server(OK, path=path) as local:
        compare("a Unix socket", local, ["-H", "x.test", "-I", path], None)

with canned.Server(OK, family=socket.AF_INET6) as server:
    compare("IPv6", server, ["-H", "::1", "-p", "@PORT@"], None)
    compare("IPv6 by -I in brackets", server, ["-H", "x.test", "-I", "[::1]", "-p", "@PORT@"], None)
    compare("IPv6 with -6", server, ["-6", "-H", "x.test", "-I", "::1", "-p", "@PORT@"], None)
    compare("IPv6 with a port in -H", server, ["-H", "[::1]:@PORT@"], 8)

for reply, arguments, departure in ANSWERS:
    with canned.Server(reply) as server:
        shown = reply[:40].decode("latin-1").encode("unicode_escape").decode()
        compare("answer %s %s" % (shown, " ".join(arguments)), server, WWW + arguments, departure)

with canned.Server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello") as server:
    compare("more than announced", server, WWW + ["-s", "hello"], 12)

for date, modified in DATES:
    head = b"HTTP/1.1 200 OK\r\n" + (b"Date: %s\r\n" % date if date else b"")
    head += (b"Last-Modified: %s\r\n" % modified if modified else b"") + b"Content-Length: 2\r\n\r\nok"
    with canned.Server(head) as server:
        compare("age of %s at %s" % (modified, date), server, WWW + ["-M", "10"], None)

for place, arguments, departure in REDIRECTS:
    with canned.Server(b"HTTP/1.1 302 Found\r\n" + place + b"\r\nContent-Length: 5\r\n\r\nhello") as server:
        compare("redirect %s %s" % (place.decode(), " ".join(arguments)), server, ["-H", "127.0.0.1", "-p", "@PORT@"] + arguments, departure)

with canned.Server(lambda r: b"HTTP/1.1 301 Moved\r\nLocation: /two\r\nContent-Length: 0\r\n\r\n" if b" / " in r else OK) as server:
    compare("a redirect that leads somewhere", server, ["-H", "127.0.0.1", "-p", "@PORT@", "-f", "follow", "-s", "hello"], None)

with canned.Server(OK, tls=CERTIFICATE) as server:
    for arguments, departure in TLS:
        compare("TLS " + " ".join(arguments), server, WWW + arguments, departure)

with canned.Server(OK, tls=CERTIFICATE) as server, canned.Tunnel() as proxy:
    proxy.port_behind = server.port
    for arguments in ([], ["-s", "nope"], ["-b", "user:secret"]):
        with tap.case("a tunnel through an HTTP proxy %s" % " ".join(arguments)):
            said = []
            for program in (plugin.CHECK_HTTP, options.check):
                done = plugin.run([program, "-I", "127.0.0.1", "-p", proxy.port, "-u", "/x", "-S", "-H", "www.v.test", "-j", "CONNECT"] + arguments)
                asked, proxy.requests = proxy.requests, []
                said.append((done.code, normal(done.out), [normal_request(r) for r in server.requests]))
                server.requests = []
                assert asked[0].startswith(b"CONNECT www.v.test:443 HTTP/1.1\r\n"), asked
                tap.equal(b"Proxy-Authorization: Basic" in asked[0], "-b" in arguments)
            if "-b" in arguments:                # departure 9: check_http sends the proxy's password on to the server
                used.add(9)
                tap.equal([b"Proxy-Authorization" in str(r).encode() for _, _, (r,) in said], [True, False])
                said = [(code, text) for code, text, _ in said]
            tap.equal(said[1], said[0])

for start, what in (("-20 days", "expired"), ("-10 days +2 hours +30 seconds", "ends in 2 hours"), ("-10 days +20 minutes +30 seconds", "ends in 20 minutes")):
    with canned.Server(OK, tls=canned.certificate(folder.name, 10, what.replace(" ", "-"), start)) as server:
        compare("a certificate that " + what, server, WWW + ["-C", "3,1"], None)

with canned.Server(OK, linger_s=30) as server:
    compare("a server that does not close", server, WWW + ["-t", "2"], 12)
with canned.Server(b"HTTP/1.1 200 OK\r\n\r\nbegun", linger_s=30) as server:
    compare("a server that does not end", server, WWW + ["-t", "2"], None)
with canned.Server(silence) as server:
    compare("a silent server", server, WWW + ["-t", "2"], None)
    compare("a silent server, -c above -t", server, WWW + ["-t", "1", "-c", "2"], None)

with tap.case("every departure met here is in the manual, by its number"):
    listed = listed_departures()
    tap.equal(listed, list(range(1, len(listed) + 1)))
    assert len(listed) <= DEPARTURES_MAX, listed
    assert used <= set(listed), (used, listed)
folder.cleanup()
tap.finish()
