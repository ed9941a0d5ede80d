#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""icinga2/nagios in a real Nagios, icinga2/prometheus beside a fake onion service."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import plugin, tap
from support.fakesocks import Behaviour, Proxy

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NAGIOS_OBJECTS = "/etc/nagios4/objects"
ONION = "sjnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyid.onion"
METRIC = re.compile(r'check_http_onion_(\w+)\{target="((?:[^"\\\n]|\\.)*)"((?:,\w+="(?:[^"\\\n]|\\.)*")*)\} ([-+0-9.e]+)')

options = plugin.arguments()
folder = tempfile.TemporaryDirectory(prefix="monitors-")
proxy = Proxy(lambda host, _port, _number: Behaviour(reply=broken))
broken = 0
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
environment = dict(os.environ, LC_ALL="C", CHECK_HTTP_ONION=options.check, TOR_SOCKS_HOST="127.0.0.1", TOR_SOCKS_PORT=str(proxy.port))


def shipped(*names):
    return os.path.join(TOP, "icinga2", *names)


def metrics(text):
    """{name: value} of an exposition; every line of it must be one. HELP and TYPE stand once, before the value."""
    found, described = {}, set()
    for line in text.rstrip("\n").split("\n"):
        comment = re.fullmatch(r"# (HELP|TYPE) check_http_onion_(\w+) (.+)", line)
        value = METRIC.fullmatch(line)
        assert comment or value, "no metric: %r" % line
        if comment:
            assert comment.group(1, 2) not in described and comment.group(2) not in found, line
            described.add(comment.group(1, 2))
        else:
            assert {("HELP", value.group(1)), ("TYPE", value.group(1))} <= described, line
            found[value.group(1)] = float(value.group(4))
    return found


# ---- Prometheus, on demand ----

def probe(request, *arguments):
    """(status line, body)"""
    done = subprocess.run([shipped("prometheus", "onion-probe"), *arguments], input=request.encode(), stdout=subprocess.PIPE,
                          env=environment, timeout=60, check=True)
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    return head.split("\r\n")[0], body


def get(path):
    return "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: Prometheus/2.42.0\r\n\r\n" % path


with tap.case("onion-probe: a service that is up"):
    status, body = probe(get("/probe?target=" + ONION))
    tap.equal(status, "HTTP/1.0 200 OK")
    found = metrics(body)
    tap.equal((found["up"], found["state"], found["circuits"], found["circuits_failed"]), (1, 0, 1, 0))
    assert abs(found["checked_timestamp_seconds"] - time.time()) < 60, found

with tap.case("onion-probe: the port and options go to the check"):
    status, body = probe(get("/probe?module=x&target=%s%%3A8080&y=1" % ONION), "-u", "/x")
    tap.equal(status, "HTTP/1.0 200 OK")
    tap.equal((proxy.seen[-1]["host"], proxy.seen[-1]["port"]), (ONION, 8080))
    tap.equal(proxy.seen[-1]["request"].split(b"\r\n")[0].split(b" ")[1], b"/x")

with tap.case("onion-probe: a service that is down is an answer, not an error"):
    broken = 0xF2
    status, body = probe(get("/probe?target=" + ONION))
    broken = 0
    tap.equal(status, "HTTP/1.0 200 OK")
    found = metrics(body)
    tap.equal((found["up"], found["state"], found["circuits_failed"]), (0, 2, 3))
    assert "not at its introduction points" in body, body

with tap.case("onion-probe: nothing but an onion name gets through"):
    asked = len(proxy.seen)
    for target in ("", "example.com", "127.0.0.1", "-V", ONION + ";id", "$(id)", "%0a" + ONION, ONION + "%20-V",
                   ONION + ":1:2", "x" * 5000, ONION[1:]):
        tap.equal(probe(get("/probe?target=" + target))[0], "HTTP/1.0 400 Bad Request", target)
    tap.equal(probe(get("/metrics"))[0], "HTTP/1.0 400 Bad Request")
    tap.equal(probe("POST /probe?target=%s HTTP/1.1\r\n\r\n" % ONION)[0], "HTTP/1.0 405 Method Not Allowed")
    tap.equal(probe("")[0], "")
    tap.equal(len(proxy.seen), asked)

# ---- Prometheus, textfile collector ----


def collect(listed, into):
    with open(os.path.join(folder.name, "onions"), "w") as f:
        f.write(listed)
    return subprocess.run([shipped("prometheus", "onion-textfile"), f.name, into], env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


def read(*names):
    with open(os.path.join(*names)) as f:
        return f.read()


with tap.case("onion-textfile: a file for each service, of metrics only"):
    into = tempfile.mkdtemp(dir=folder.name)
    done = collect("# ours\n\nblog -H %s -u /*\nold -H aerisryzdvrx7teq.onion\nwrong --no-such-option\n" % ONION, into)
    tap.equal((done.returncode, sorted(os.listdir(into))), (0, ["onion-blog.prom", "onion-old.prom"]))
    assert "no-such-option" in done.stderr, done.stderr
    tap.equal(metrics(read(into, "onion-blog.prom"))["state"], 0)
    tap.equal(metrics(read(into, "onion-old.prom"))["state"], 3)
    tap.equal(proxy.seen[-1]["request"].split(b" ")[1], b"/*")

with tap.case("onion-textfile: the next run replaces the file"):
    broken = 0xF0
    tap.equal(collect("blog -H %s\n" % ONION, into).returncode, 0)
    broken = 0
    tap.equal(metrics(read(into, "onion-blog.prom"))["state"], 2)
    tap.equal(sorted(os.listdir(into)), ["onion-blog.prom", "onion-old.prom"])

# ---- Nagios ----

MAIN = """
log_file=@DIR@/nagios.log
@OBJECTS@
object_cache_file=@DIR@/objects.cache
precached_object_file=@DIR@/objects.precache
resource_file=@DIR@/resource.cfg
status_file=@DIR@/status.dat
status_update_interval=1
nagios_user=@USER@
nagios_group=@USER@
check_external_commands=0
command_file=@DIR@/nagios.cmd
query_socket=@DIR@/nagios.qh
lock_file=@DIR@/nagios.lock
temp_file=@DIR@/nagios.tmp
temp_path=@DIR@
check_result_path=@DIR@/results
state_retention_file=@DIR@/retention.dat
retain_state_information=0
log_initial_states=1
use_syslog=0
enable_notifications=0
execute_service_checks=1
service_inter_check_delay_method=n
max_service_check_spread=1
date_format=iso8601
illegal_object_name_chars=`~!$%^&*|'"<>?,()=
illegal_macro_output_chars=`~$&|'"<>
"""


def nagios_files(into):
    """A sandbox for Nagios: our files, Debian's templates, and the check where $USER1$ is."""
    objects = [os.path.join(NAGIOS_OBJECTS, n + ".cfg") for n in ("commands", "contacts", "timeperiods", "templates")]
    objects += [shipped("nagios", "check_http_onion.cfg"), shipped("nagios", "example.cfg")]
    os.makedirs(os.path.join(into, "results"))
    os.symlink(options.check, os.path.join(into, "check_http_onion"))
    text = MAIN.replace("@OBJECTS@", "\n".join("cfg_file=" + o for o in objects)).replace("@DIR@", into)
    with open(os.path.join(into, "nagios.cfg"), "w") as f:
        f.write(text.replace("@USER@", "root" if os.geteuid() == 0 else str(os.geteuid())))
    with open(os.path.join(into, "resource.cfg"), "w") as f:
        f.write("$USER1$=%s\n" % into)
    return f.name.replace("resource.cfg", "nagios.cfg")


def nagios_status(process, into):
    """The service's block of the status file, once it has been checked."""
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            block = re.search(r"servicestatus \{(.*?)\n\t\}", read(into, "status.dat"), re.S)
            fields = dict(line.strip().split("=", 1) for line in block.group(1).strip().split("\n"))
            if fields["has_been_checked"] == "1":
                return fields
        except (OSError, AttributeError):
            pass
        time.sleep(0.1)
    raise AssertionError("no service has been checked: %s" % read(into, "out"))


nagios = shutil.which("nagios4") or shutil.which("nagios4", path="/usr/sbin")
into = tempfile.mkdtemp(dir=folder.name)
with tap.case("Nagios takes the files without a warning"):
    if not nagios:
        raise tap.Skip("nagios4 is not installed")
    main = nagios_files(into)
    done = subprocess.run([nagios, "-v", main], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0 and "Total Warnings: 0\n" in done.stdout and "Total Errors:   0\n" in done.stdout, done.stdout

with tap.case("Nagios runs the check with the service's name and options, and reads the result"):
    if not nagios:
        raise tap.Skip("nagios4 is not installed")
    with open(os.path.join(into, "out"), "w") as out:
        process = subprocess.Popen([nagios, main], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment, start_new_session=True)
    try:
        fields = nagios_status(process, into)
    finally:
        process.terminate()
        process.wait(20)
    tap.equal((fields["current_state"], fields["max_attempts"], fields["retry_interval"]), ("0", "5", "2.000000"), str(fields))
    assert fields["plugin_output"].startswith("HTTP OK: HTTP/1.1 200 OK"), fields
    assert fields["performance_data"].startswith("time="), fields
    tap.equal(proxy.seen[-1]["host"], ONION)

tap.finish()
