# SPDX-License-Identifier: GPL-3.0-or-later
# timeout 420
"""The README's first command: ./run builds, starts the example, shows the tour, and says what to type next."""
import os
import re
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import ask, servers, tap

RUN = os.path.join(servers.TOP, "run")


class Place:
    def __init__(self):
        self.address, self.port = "127.0.0.1", servers.free_port()


def check_tour():
    with tap.case("./run --tour shows every kind of answer, and the rule that made it, and ends with 0"):
        place = Place()
        r = subprocess.run([RUN, "--tour", "-p", str(place.port)], stdin=subprocess.DEVNULL, text=True, timeout=400,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        tap.equal(r.returncode, 0, r.stdout[-3000:])
        for words in ("google-analytics.com", "status: NXDOMAIN", "2001:db8::1", "203.0.113.41", "rpz-ip",
                      "*.wikipedia.org", "gueant.interieur.gouv.fr", "198.51.100.51"):
            assert words in r.stdout, "%r is missing in:\n%s" % (words, r.stdout)
        assert "\033" not in r.stdout, "colours where there is no terminal"
        assert not servers.answers(place), "it left its daemon behind"


def check_stays(box):
    with tap.case("./run stays in the foreground, says what to type next, and Ctrl-C ends everything"):
        place = Place()
        log = os.path.join(box.dir, "run.log")
        with open(log, "w") as out:
            process = subprocess.Popen([RUN, "-p", str(place.port)], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                       start_new_session=True)
        try:
            end = time.monotonic() + 60
            while "Ctrl-C" not in open(log).read():
                assert process.poll() is None and time.monotonic() < end, open(log).read()
                time.sleep(0.1)
            tap.equal(ask.rcode(ask.ask(place, "google-analytics.com")), "NXDOMAIN")
            said = re.search(r"(\S+candorctl -s \S+) explain", open(log).read())
            told = subprocess.run(said.group(1).split() + ["explain", "fr.wikipedia.org"], cwd=servers.TOP, text=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=20)
            assert told.returncode == 0 and "fr.wikipedia.org" in told.stdout, told
        finally:
            os.killpg(process.pid, signal.SIGINT)
            process.wait(20)
        assert not servers.answers(place), "candord is still there"


def check_own_configuration(box):
    with tap.case("./run -c FILE runs any configuration"):
        place = Place()
        conf = box.write("my.conf", 'options { listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none;\n'
                         ' directory "%s"; dnssec-validation no; };\n zone "my.test" { type primary; file "my"; };\n'
                         % (place.port, box.dir))
        box.write("my", "$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns\nns A 192.0.2.1\n")
        process = subprocess.Popen([RUN, "-c", conf], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        try:
            for line in process.stdout:
                if "Ctrl-C" in line:
                    break
            tap.equal(ask.data(ask.ask(place, "ns.my.test")), ["192.0.2.1"])
        finally:
            process.terminate()
            process.wait(20)
        assert not servers.answers(place)
    with tap.case("./run of a configuration with a mistake ends with its place"):
        conf = box.write("bad.conf", "options { frobnicate yes; };\n")
        r = subprocess.run([RUN, "-c", conf], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           text=True, timeout=60)
        assert r.returncode == 1 and "bad.conf:1" in r.stdout, r


def main():
    a = servers.arguments(__doc__)
    with servers.Sandbox(a.build, a.keep) as box:
        check_tour()
        check_stays(box)
        check_own_configuration(box)
    tap.finish()


main()
