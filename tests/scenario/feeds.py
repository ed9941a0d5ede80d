# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists from web servers as policy zones: each form, what is asked again and how, and everything that a server can
do wrong while the rules in force stay."""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap, web

OPTIONS = """
options {
    listen-on port @PORT@ { 127.0.0.1; }; listen-on-v6 { none; }; directory "@DIR@"; recursion yes;
    dnssec-validation no; empty-zones-enable no;
    response-policy { %s };
};
zone "example.test" { type primary; file "world"; };
zone "lists.test" { type primary; file "lists"; };
"""
APEX = "$TTL 300\n@ SOA ns host 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n"
FILES = {"world": APEX + "* A 192.0.2.1\n", "lists": APEX + "@ A 127.0.0.1\nother A 127.0.0.1\n"}


def feed(name, url, form="domains", more=""):
    return 'zone "%s" { type feed; url "%s"; format %s; ca-file "ca.pem"; refresh 1h; retry 1h; %s };\n' % (
        name, url, form, more)


def configuration(*feeds):
    names = "".join('zone "%s"; ' % f.split('"')[1] for f in feeds)
    return OPTIONS % names + "".join(feeds)


def files(ca):
    with open(ca.file) as f:
        return dict(FILES, **{"ca.pem": f.read()})


def start(box, ca, *feeds):
    return box.candord(configuration(*feeds), files=files(ca))


def rule(candord, name):
    """(RCODE, zone) of what a policy makes of the name; the zone is None when nothing did."""
    got = ask.ask(candord, name)
    zone = ask.soa(got.additional)
    return ask.rcode(got), zone if zone != "example.test." else None


def blocked(candord, name, zone="feed.test."):
    return rule(candord, name) == ("NXDOMAIN", zone)


def state(candord, name="feed.test."):
    for zone in candord.ctl_json("zones")["zones"]:
        if zone["name"] == name:
            return zone
    return {}


def wait_for(candord, what, seconds=20):
    candord.wait(what, seconds, "as it should be; zones says %s" % json.dumps(candord.ctl_json("zones"))[:3000])


def wait_loaded(candord, name="feed.test."):
    wait_for(candord, lambda: "serial" in state(candord, name))


def reload(candord, zone="feed.test", fails=None):
    """candorctl reload --wait of a feed; `fails` is what it has to say then."""
    since = len(candord.log())
    told = candord.ctl("reload", "--wait", zone, check=fails is None)
    if fails is not None:
        problem = state(candord, zone + ".")["feed"]["problem"] or ""
        assert fails in problem, (fails, problem, told)
        candord.wait_log(re.escape(fails), since=since)
    return state(candord, zone + ".")


def check_formats(box, ca):
    server = web.Server(ca, ["lists.test"])
    server.pages["/domains"] = web.Page("\ufeff# c\r\nBAD.example.test\r\nb\u00fccher.example.test\r\n")
    server.pages["/hosts"] = web.Page("127.0.0.1 localhost\n0.0.0.0 host.example.test other.example.test\n")
    server.pages["/adblock"] = web.Page("! c\n||ads.example.test^\n@@||ok.ads.example.test^\nx##y\n")
    server.pages["/rpz"] = web.Page("$TTL 60\n@ SOA ns.pub.example. host.pub.example. 42 1 2 3 60\n"
                                    "drop.example.test CNAME *.\n")
    candord = start(box, ca, feed("domains.feed", server.url + "/domains"),
                    feed("hosts.feed", server.url + "/hosts", "hosts", "action nodata;"),
                    feed("adblock.feed", server.url + "/adblock", "adblock", "action address 192.0.2.99;"),
                    feed("rpz.feed", server.url + "/rpz", "rpz"))
    for name in ("domains", "hosts", "adblock", "rpz"):
        wait_loaded(candord, name + ".feed.")
    with tap.case("domains: the name and all below it, in capitals, in Unicode"):
        for name in ("bad.example.test", "deep.below.bad.example.test", "xn--bcher-kva.example.test"):
            assert blocked(candord, name, "domains.feed."), name
        tap.equal(rule(candord, "good.example.test"), ("NOERROR", None))
    with tap.case("hosts: the names alone, with the operator's action"):
        tap.equal(rule(candord, "host.example.test"), ("NOERROR", "hosts.feed."))
        tap.equal(ask.data(ask.ask(candord, "other.example.test")), [])
        tap.equal(rule(candord, "below.host.example.test"), ("NOERROR", None))
    with tap.case("adblock: a rule, its exception, and an address as action"):
        tap.equal(ask.data(ask.ask(candord, "x.ads.example.test")), ["192.0.2.99"])
        tap.equal(ask.data(ask.ask(candord, "ok.ads.example.test")), ["192.0.2.1"])
        tap.equal(state(candord, "adblock.feed.")["feed"]["skipped"], {"cosmetic": 1})
    with tap.case("rpz: the publisher's own serial and rules"):
        tap.equal(rule(candord, "drop.example.test"), ("NOERROR", "rpz.feed."))
        tap.equal(state(candord, "rpz.feed.")["serial"], 42)
    with tap.case("explain says who is responsible: the host that the list comes from"):
        told = candord.ctl("explain", "bad.example.test")
        assert "lists.test" in told and "domains.feed" in told, told
    with tap.case("candorctl zones shows each feed to people"):
        told = candord.ctl("zones")
        assert "domains from %s/domains" % server.url in told and "HTTP 200" in told, told
    candord.stop()
    server.close()


def check_changes(box, ca, server):
    server.pages["/list"] = web.Page("one.example.test\n", etag='"1"')
    candord = start(box, ca, feed("feed.test", server.url + "/list", more='file "copy"; max-size 8m;'))
    wait_loaded(candord)
    first = state(candord)
    with tap.case("an unchanged list is not sent again: If-None-Match and 304"):
        after = reload(candord)
        tap.equal(server.seen[-1][1].get("If-None-Match"), '"1"')
        tap.equal((after["feed"]["http_status"], after["feed"]["etag"], after["serial"]), (304, '"1"', first["serial"]))
        assert blocked(candord, "one.example.test")
    with tap.case("a changed list is in force when reload --wait comes back, with a higher serial"):
        server.pages["/list"] = web.Page("two.example.test\n", etag='"2"')
        after = reload(candord)
        assert blocked(candord, "two.example.test") and not blocked(candord, "one.example.test")
        assert after["serial"] > first["serial"], (after["serial"], first["serial"])
    with tap.case("a list that came again with the same rules is no new version"):
        server.pages["/list"] = web.Page("# today\ntwo.example.test\n", etag='"3"')
        again = reload(candord)
        tap.equal((again["serial"], again["feed"]["etag"]), (after["serial"], '"3"'))
    with tap.case("If-Modified-Since, and a compressed list"):
        date = "Sat, 21 Nov 2026 10:00:00 GMT"
        server.pages["/list"] = web.Page("three.example.test\n", modified=date, encoding="gzip")
        reload(candord)
        assert blocked(candord, "three.example.test")
        after = reload(candord)
        tap.equal((server.seen[-1][1].get("If-Modified-Since"), after["feed"]["http_status"]), (date, 304))
    with tap.case("the copy on disk is the list as it came"):
        with open(os.path.join(candord.dir, "copy")) as f:
            tap.equal(f.read(), "three.example.test\n")
    with tap.case("another action in the configuration makes other rules of the same list"):
        with open(candord.file) as f:
            text = f.read()
        candord.write("named.conf", text.replace("format domains;", "format domains; action nodata;"))
        candord.reload()
        wait_for(candord, lambda: rule(candord, "three.example.test") == ("NOERROR", "feed.test."))
        candord.write("named.conf", text)
        candord.reload()
        wait_for(candord, lambda: blocked(candord, "three.example.test"))
    return candord


def check_refusals(candord, server, plain, stranger, wrong_name):
    """Each time: nothing changes, the reason is told."""
    def bad(path_or_url, page, says):
        url = path_or_url
        if page is not None:
            server.pages[path_or_url] = page
            url = server.url + path_or_url
        server.pages["/list"] = web.redirect(url)
        reload(candord, fails=says)
        assert blocked(candord, "three.example.test"), "the rules in force did not stay"
    for what, page, says in (
            ("a list that is gone (404)", web.Page("gone\n", status=404), "HTTP status 404"),
            ("a server in trouble (500)", web.Page("oops\n", status=500), "HTTP status 500"),
            ("a page in place of a list", web.Page("<!DOCTYPE html><html>Log in</html>"), "an HTML page, not a list"),
            ("an empty body", web.Page(""), "an empty body"),
            ("a text that is no list", web.Page("Dear user,\nthis list has moved.\n"), "no list of format domains"),
            ("a body cut off", web.truncated, "bytes remaining to read"),
            ("an endless body", web.endless, "larger than max-size"),
            ("a redirection to itself", web.redirect(server.url + "/bad"), "too many redirections"),
            ("a gzip bomb", web.bomb, "larger than max-size"),
            ("a redirection to a file", web.redirect("file:///etc/passwd"), "file"),
            ("a redirection to a host without address", web.redirect("https://none.lists.test/x"),
             "none.lists.test has no address")):
        with tap.case(what + " changes nothing and is told"):
            bad("/bad", page, says)
    with tap.case("a redirection from https to http is not followed"):
        plain.pages["/list"] = web.Page("evil.example.test\n")
        bad(plain.url + "/list", None, "from https to http")
        assert not plain.seen
    with tap.case("a certificate of an unknown authority is refused"):
        stranger.pages["/list"] = web.Page("evil.example.test\n")
        bad(stranger.url + "/list", None, "certificate")
    with tap.case("a certificate for another host is refused"):
        wrong_name.pages["/list"] = web.Page("evil.example.test\n")
        bad("https://lists.test:%d/list" % wrong_name.port, None, "lists.test")
        assert not stranger.seen and not wrong_name.seen, "a request was sent to a server without a good certificate"
    with tap.case("the same trouble twice is one line in the log; failures are counted"):
        since = len(candord.log())
        server.pages["/list"] = web.Page("gone\n", status=410)
        for _ in range(3):
            candord.ctl("reload", "--wait", "feed.test", check=False)
        candord.wait_log("HTTP status 410", since=since)
        tap.equal(candord.log()[since:].count("HTTP status 410"), 1)
        assert state(candord)["feed"]["failures"] >= 3
    with tap.case("a redirection that leads to a list is followed, and the trouble is over"):
        server.pages["/new"] = web.Page("four.example.test\nthree.example.test\n")
        server.pages["/list"] = web.redirect(server.url + "/new", 301)
        after = reload(candord)
        assert blocked(candord, "four.example.test")
        tap.equal((after["feed"]["failures"], after["feed"]["problem"]), (0, None))


def check_slow(box, ca, server):
    server.pages["/list"] = web.Page("one.example.test\n")
    candord = start(box, ca, feed("feed.test", server.url + "/list", more="timeout 2;"))
    wait_loaded(candord)
    with tap.case("a list that trickles is given up after its timeout, and holds up no answer"):
        server.pages["/list"] = web.trickling
        begun = time.monotonic()
        reload(candord, fails="timed out")
        assert 1.5 < time.monotonic() - begun < 8, time.monotonic() - begun
        assert blocked(candord, "one.example.test")
    with tap.case("a daemon that is told to end does not wait for a slow list"):
        candord.ctl("reload", "--no-wait", "feed.test")
        wait_for(candord, lambda: state(candord)["feed"]["state"] == "fetching")
        begun = time.monotonic()
        tap.equal(candord.stop(), 0)
        assert time.monotonic() - begun < 5, time.monotonic() - begun


def check_restart(box, ca, server):
    server.pages["/list"] = web.Page("kept.example.test\n", etag='"kept"')
    candord = start(box, ca, feed("feed.test", server.url + "/list", more='file "copy"; '))
    wait_loaded(candord)
    candord.stop()
    with tap.case("after a restart the last good copy acts before the first answer, though the server is down"):
        port = server.port
        server.close()
        candord.start()
        assert blocked(candord, "kept.example.test")
    with tap.case("kill -9 changes nothing about that"):
        candord.kill()
        candord.start()
        assert blocked(candord, "kept.example.test")
    with tap.case("when the server is back, the list is asked for with the ETag of the copy that was kept"):
        server = web.Server(ca, ["lists.test"], port=port)
        server.pages["/list"] = web.Page("kept.example.test\n", etag='"kept"')
        tap.equal(reload(candord)["feed"]["http_status"], 304)
        tap.equal(server.seen[-1][1].get("If-None-Match"), '"kept"')
    with tap.case("and a changed list is in force"):
        server.pages["/list"] = web.Page("kept.example.test\nmore.example.test\n", etag='"more"')
        reload(candord)
        assert blocked(candord, "more.example.test") and blocked(candord, "kept.example.test")
    candord.stop()
    server.close()


def check_configuration(box, ca):
    """candord -t reads the copy that would act."""
    def run(copy):
        server = servers.Candord(box, box._name("checked"), configuration(
            feed("feed.test", "http://lists.test/x", more='file "copy";')))
        for name, text in dict(files(ca), copy=copy).items():
            server.write(name, text)
        r = subprocess.run([servers.program(box.build, "candord"), "-c", server.file, "-t"], text=True, timeout=60,
                           stdin=subprocess.DEVNULL, capture_output=True, cwd=server.dir)
        return r.returncode, r.stdout + r.stderr
    with tap.case("candord -t takes a good copy, and warns of http"):
        status, told = run("one.example.test\n")
        tap.equal(status, 0, told)
        assert "comes over http" in told, told
    with tap.case("candord -t names a copy that is no list"):
        status, told = run("<html>Log in</html>")
        assert status != 0 and "an HTML page, not a list" in told, told


def check_resolution(box, ca):
    """The host's address comes from recursion, and no policy stands in the way."""
    nsd = box.nsd({"web.test": APEX + "lists A 127.0.0.1\nalias CNAME lists\n"})
    server = web.Server(ca, ["alias.web.test"])
    server.pages["/list"] = web.Page("web.test\none.example.test\n")
    forward = 'zone "web.test" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };\n' % nsd.port
    conf = configuration(feed("feed.test", server.url + "/list")) + forward
    candord = box.candord(conf, files=files(ca))
    wait_loaded(candord)
    with tap.case("a feed's host is resolved by recursion, also when the feed blocks it"):
        assert blocked(candord, "alias.web.test")
        server.pages["/list"] = web.Page("web.test\ntwo.example.test\n")
        reload(candord)
        assert blocked(candord, "two.example.test")
    with tap.case("a host that cannot be resolved is told as such"):
        nsd.stop()
        candord.ctl("flush")
        reload(candord, fails="alias.web.test has no address")
        assert blocked(candord, "two.example.test")
    candord.stop()
    server.close()


def check_guard(box, ca, server):
    def names(prefix):
        return "".join("%s%d.example.test\n" % (prefix, i) for i in range(1500))
    server.pages["/list"] = web.Page(names("old"))
    candord = start(box, ca, feed("feed.test", server.url + "/list", more='file "copy";'))
    wait_loaded(candord)
    with tap.case("a list that has turned into another one is held: the rules in force stay, the copy too"):
        server.pages["/list"] = web.Page(names("new"), etag='"new"')
        candord.ctl("reload", "feed.test", check=False)
        assert "feed.test" in candord.ctl("held"), candord.ctl("zones")
        assert blocked(candord, "old7.example.test") and not blocked(candord, "new7.example.test")
        with open(os.path.join(candord.dir, "copy")) as f:
            assert f.read().startswith("old0.")
    with tap.case("it is not fetched again while it is held, and acts when it is released"):
        candord.ctl("reload", "feed.test", check=False)
        tap.equal(state(candord)["feed"]["http_status"], 304)
        assert blocked(candord, "old7.example.test")
        candord.ctl("release", "feed.test")
        wait_for(candord, lambda: blocked(candord, "new7.example.test"))
        assert not blocked(candord, "old7.example.test")
    candord.stop()


def check_schedule(box, ca, server):
    server.pages["/list"] = web.Page("one.example.test\n")
    quick = feed("feed.test", server.url + "/list").replace("refresh 1h; retry 1h;", "refresh 2; retry 1;")
    candord = start(box, ca, quick)
    wait_loaded(candord)
    with tap.case("a list is asked for again by itself"):
        server.pages["/list"] = web.Page("two.example.test\n")
        wait_for(candord, lambda: blocked(candord, "two.example.test"))
    with tap.case("and after a failure sooner or later again"):
        server.pages["/list"] = web.Page("x\n", status=503)
        wait_for(candord, lambda: state(candord)["feed"]["failures"] >= 2)
        server.pages["/list"] = web.Page("three.example.test\n")
        wait_for(candord, lambda: blocked(candord, "three.example.test"))
    with tap.case("a publisher who names a time (Retry-After) is listened to"):
        server.pages["/list"] = web.Page("x\n", status=429, headers={"Retry-After": "3600"})
        wait_for(candord, lambda: state(candord)["feed"]["http_status"] == 429 and
                 state(candord)["feed"]["state"] == "waiting")
        assert state(candord)["feed"]["next_at"] - time.time() > 3000
    with tap.case("a feed that is no longer configured goes, with its rules"):
        candord.write("named.conf", configuration())
        candord.reload()
        tap.equal(rule(candord, "three.example.test"), ("NOERROR", None))
        tap.equal(state(candord), {})
    candord.stop()


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        ca = web.Authority(os.path.join(box.dir, "ca"))
        check_formats(box, ca)
        server, plain = web.Server(ca, ["lists.test"]), web.Server(None, ["lists.test"])
        stranger = web.Server(web.Authority(os.path.join(box.dir, "stranger")), ["lists.test"])
        wrong_name = web.Server(ca, ["elsewhere.test"])
        candord = check_changes(box, ca, server)
        check_refusals(candord, server, plain, stranger, wrong_name)
        candord.stop()
        check_slow(box, ca, server)
        check_guard(box, ca, server)
        check_schedule(box, ca, server)
        check_configuration(box, ca)
        check_resolution(box, ca)
        check_restart(box, ca, server)
    tap.finish()


main()
