#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
# timeout 150
"""icinga2/ in a real Icinga 2: it validates, every argument of the CheckCommand arrives as it should, a service that
stops goes from OK over SOFT to HARD and back, and so do the configuration files of the article, as printed there."""
import atexit
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import plugin, tap
from support.fakesocks import Behaviour, Proxy
from support.icinga_sandbox import Icinga

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ITL = "/usr/share/icinga2/include/command-plugins.conf"
SHIPPED = [os.path.join(TOP, "icinga2", f) for f in ("http-onion.conf", "onion-service.conf")]
EXAMPLES = os.path.join(TOP, "icinga2", "examples", "hosts.conf")
ONION = "sjnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyid.onion"
F2 = "ONION CRITICAL: the service is not at its introduction points"

options = plugin.arguments()
folder = tempfile.TemporaryDirectory(prefix="icinga-test-")


def path(name):
    return os.path.join(folder.name, name)


def write(name, text, mode=0o644):
    with open(path(name), "w") as f:
        f.write(text)
    os.chmod(path(name), mode)
    return path(name)


def directory(name):
    os.makedirs(path(name), exist_ok=True)
    return path(name)


def value(v):
    """A value in Icinga's language."""
    return "[ %s ]" % ", ".join(map(value, v)) if isinstance(v, list) else json.dumps(v, ensure_ascii=False)


CONTRIB = os.path.dirname(options.check)
directory("plugins")                             # hostalive: nothing is to be pinged here
write("plugins/check_ping", "#!/bin/sh\necho PING OK\n", 0o755)


def sandbox(name, conf, contrib=CONTRIB, **more):
    return Icinga(path(name), conf, contrib=contrib, plugins=path("plugins"), **more)


# ---- the private Tor network of the last case starts while the others run ----

NET = path("tor")
TORNET = [sys.executable, os.path.join(TOP, "tests", "support", "tornet.py")]


def tor(*words):
    subprocess.run(TORNET + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True, timeout=60)


@atexit.register
def down():
    if network.poll() is None:
        network.terminate()
        network.wait()
    if os.path.exists(os.path.join(NET, "state.json")):
        with contextlib.suppress(Exception):
            tor("down", NET)


signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
network = subprocess.Popen(TORNET + ["up", NET, "--timeout", "90"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

# ---- what is in the files ----

itl_text = re.search(r'^object CheckCommand "http" \{\n.*?^\}', open(ITL).read(), re.S | re.M).group()


def arguments_of(text):
    """{argument: variable} of a CheckCommand's text."""
    found = {}
    for _, name, body in re.findall(r'^(\s*)"(-[^"]*)" = \{\n(.*?)^\1\}$', text, re.S | re.M):
        found[name] = re.findall(r"\$(\w+)\$", body)[-1]
    return found


ours = arguments_of(open(SHIPPED[0]).read())
theirs = arguments_of(itl_text)

with tap.case("the 45 arguments of the library's http command are ours, too, under the same variables"):
    tap.equal(len(theirs), 45)
    tap.equal({a: ours.get(a) for a in theirs}, theirs)

with tap.case("every option that --help names is an argument, but those that have no place in Icinga"):
    help_text = plugin.run([options.check, "--help"], parse=False).out
    options_named = set()
    for line in help_text[:help_text.index("\nExit code")].split("\n"):
        if re.match(r" -| {5}--", line):
            line = re.split(r"  |; ", line.strip())[0]
            pairs = re.findall(r"(-\w), (--[\w-]+)", line)
            paired = {n for p in pairs for n in p}
            options_named |= set(pairs) | {(n,) for n in re.findall(r"--[\w-]+", line) if n not in paired}
    missing = {o for o in options_named if not set(o) & set(ours)}
    tap.equal(missing, {("-h", "--help"), ("-V", "--version"), ("-n", "--nohtml"), ("--output",), ("--ereg",)})

with tap.case("what icinga2/ ships validates"):
    good, said = sandbox("validate", SHIPPED + [EXAMPLES]).validate()
    assert good and "warning" not in said, said

with tap.case("so does the host that the guide begins with"):
    guide = open(os.path.join(TOP, "icinga2", "README.md")).read()
    host = re.search(r"^    object CheckCommand .*?^    }\n\n    object Host .*?^    }\n", guide, re.S | re.M).group()
    good, said = sandbox("guide", SHIPPED + [write("guide.conf", host)]).validate()
    assert good and "warning" not in said and "Instantiated 1 Service" in said, said

# ---- every argument ----

key, ini = write("key.pem", ""), write("plugin.ini", "[onion]\ntimeout=5\n")
A = ["-H", ONION]
TABLE = {                                        # variables of the service -> the words of the command line
    "http_vhost": ("clear.example", ["-H", "clear.example"]), "http_address": ("192.0.2.1", ["-I", "192.0.2.1"]),
    "http_uri": ("/a b?c=d&e|f;g'h\"i", ["-u", "/a b?c=d&e|f;g'h\"i"]), "http_port": (8080, ["-p", "8080"]),
    "http_ssl": (True, ["-S"]), "http_sni": (True, ["--sni"]), "http_ipv4": (True, ["-4"]), "http_ipv6": (True, ["-6"]),
    **{"http_ssl_force_%s%s" % (n, m): (True, ["-S" + v + p])
       for n, v in (("tlsv1", "1"), ("tlsv1_1", "1.1"), ("tlsv1_2", "1.2"), ("tlsv1_3", "1.3"), ("sslv2", "2"), ("sslv3", "3"))
       for m, p in (("", ""), ("_or_higher", "+"))},
    "http_certificate": ("30,14", ["-C", "30,14"]), "http_certificate_continue": (True, ["--continue-after-certificate"]),
    "http_clientcert": (key, ["-J", key]), "http_privatekey": (key, ["-K", key]),
    "http_auth_pair": ("user:se$$cret", ["-a", "user:se$cret"]), "http_proxy_auth_pair": ("u:p", ["-b", "u:p"]),
    "http_ignore_body": (True, ["--no-body"]), "http_warn_time": (2, ["-w", "2"]), "http_critical_time": ("1:4.5", ["-c", "1:4.5"]),
    "http_expect": ("200,301", ["-e", "200,301"]), "http_headerstring": ("text/html", ["-d", "text/html"]),
    "http_string": ("déjà \\ vu", ["-s", "déjà \\ vu"]), "http_post": ("a=b&c=%20", ["-P", "a=b&c=%20"]),
    "http_method": ("HEAD", ["-j", "HEAD"]), "http_maxage": ("2d", ["-M", "2d"]), "http_contenttype": ("text/plain", ["-T", "text/plain"]),
    "http_linespan": (True, ["-l"]), "http_expect_body_regex": ("^a.*b$$", ["-r", "^a.*b$"]),
    "http_expect_body_eregi": ("(x|y)", ["-R", "(x|y)"]), "http_invertregex": (True, ["--invert-regex"]),
    "http_useragent": ("Icinga 2", ["-A", "Icinga 2"]), "http_header": (["X: 1", "Y: 2"], ["-k", "X: 1", "-k", "Y: 2"]),
    "http_extendedperfdata": (True, ["-E"]), "http_onredirect": ("follow", ["-f", "follow"]), "http_max_redirs": (3, ["--max-redirs", "3"]),
    "http_pagesize": ("10:2000", ["-m", "10:2000"]), "http_timeout": (15, ["-t", "15"]),
    "http_timeout_result": ("unknown", ["--timeout-result", "unknown"]), "http_link": (True, ["-L"]), "http_verbose": (True, ["-v"]),
    "http_showbody": (True, ["-B"]), "http_extra_opts": ("onion@" + ini, ["--extra-opts=onion@" + ini]),
    "http_onion_socks": ("127.0.0.1:9150", ["--socks", "127.0.0.1:9150"]), "http_onion_circuits": (5, ["--circuits", "5"]),
    "http_onion_hedge": (2.5, ["--hedge", "2.500000"]), "http_onion_warn_circuits": (2, ["--warn-circuits", "2"]),
    "http_onion_reference": ([ONION, ONION + ":8080"], ["--reference", ONION, "--reference", ONION + ":8080"]),
    "http_onion_control": ("127.0.0.1:1", ["--control", "127.0.0.1:1"]), "http_onion_cookie": (key, ["--cookie", key]),
    "http_onion_control_password_file": (key, ["--control-password-file", key]),
    "http_onion_tor_critical": (True, ["--tor-critical"]), "http_onion_auth_critical": (True, ["--auth-critical"]),
    "http_onion_patience": (600, ["--patience", "600", "--state", path("record/data/check_http_onion.state")]),
    "http_onion_state": (path("state"), ["--state", path("state")]),
}
ALONE_REFUSED = {"http_clientcert"}              # -J without -K is a mistake, as in check_http

with tap.case("the table below has every argument of http-onion"):
    tap.equal(sorted(TABLE), sorted(set(ours.values())))

RECORDER = """#!/usr/bin/python3
import json, sys
print(json.dumps(sys.argv[1:]).encode().hex())
"""
directory("recorder")
write("recorder/check_http_onion", RECORDER, 0o755)
services = {name: ({name: v}, want) for name, (v, want) in TABLE.items()}
services["everything"] = ({n: v for n, (v, _) in TABLE.items()},
                          [w for _, want in TABLE.values() for w in want if want[0] != "--patience"] + ["--patience", "600"])
services["nothing"] = ({}, [])
services["false"] = ({n: False for n, (v, _) in TABLE.items() if v is True}, [])
text = 'object CheckCommand "always_true" { import "dummy" }\nobject Host "h" {\n  check_command = "always_true"\n  address = "192.0.2.1"\n'
for name, (variables, _) in services.items():
    entries = {"http_vhost": ONION, **variables}
    text += '  vars.http_onion_vhosts[%s] = { %s }\n' % (value(name), ", ".join("%s = %s" % (k, value(v)) for k, v in entries.items()))
text += '  vars.http_onion_vhosts[%s] = { }\n}\n' % value(ONION)
recorded = {}
with tap.case("Icinga with a recorder in the program's place"):
    with sandbox("record", SHIPPED + [write("table.conf", text)], contrib=path("recorder")) as icinga:
        for name, row in icinga.force(*["h!" + n for n in services], "h!" + ONION).items():
            recorded[name[2:]] = json.loads(bytes.fromhex(row["output"]))


def command_line(name):
    want = services[name][1]
    return want if "-H" in want else A + want


def pairs(words):
    """An argument with its value; those without one stand alone. (Values here begin with no '-'.)"""
    return sorted((w, v if not v.startswith("-") else "") for w, v in zip(words, words[1:] + ["-"]) if w.startswith("-"))


for name in services:
    with tap.case("%s: %s" % (name, " ".join(command_line(name))[:90])):
        tap.equal(pairs(recorded[name]), pairs(command_line(name)))     # Icinga keeps no order but that of `order`
        tap.equal(len(recorded[name]), len(command_line(name)))
with tap.case("-l stands before the patterns"):
    words = recorded["everything"]
    assert words.index("-l") < min(words.index("-r"), words.index("-R")), words
with tap.case("an entry without http_vhost: its key is the name"):
    tap.equal(recorded[ONION], A)

with tap.case("the program takes each of these command lines"):
    def refused(name):
        said = plugin.run([options.check] + recorded[name], env={"TOR_SOCKS_PORT": "1"}, parse=False)
        return name, "Usage:" in said.out + said.err, said

    # Clear names would be looked up; they are compared with check_http elsewhere.
    names = [n for n in services if n not in ("http_vhost", "everything")]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        wrong = {name: said.line for name, bad, said in pool.map(refused, names) if bad}
    tap.equal(set(wrong), ALONE_REFUSED, str(wrong))

# ---- a service that stops ----


class Onion:
    """A fake one: `broken` is the reply for each circuit, or a list of them for the next ones."""

    def __init__(self):
        self.broken = 0
        self.proxy = Proxy(self._behave)

    def _behave(self, host, _port, _number):
        if isinstance(self.broken, list):
            return Behaviour(reply=self.broken.pop(0) if self.broken else 0)
        return Behaviour(reply=self.broken)


def watch_outage(icinga, service, stop, start, text, attempts):
    """OK, then SOFT until the last attempt, then HARD, then OK; one row for each."""
    row = icinga.force(service)
    tap.equal((row["state"], row["state_type"]), ("OK", "HARD"), row["output"])
    assert row["output"].startswith("HTTP OK: HTTP/1."), row
    stop()
    for attempt in range(1, attempts + 1):
        row = icinga.force(service)
        tap.equal((row["state"], row["state_type"]), ("CRITICAL", "HARD" if attempt == attempts else "SOFT"), row["output"])
        assert row["output"].startswith(text), row
        if attempt < attempts:
            tap.equal(row["attempt"], attempt)
    start()
    row = icinga.force(service)
    tap.equal((row["state"], row["state_type"]), ("OK", "HARD"), row["output"])


onion = Onion()
example = open(EXAMPLES).read().replace("http_timeout = 15", 'http_onion_socks = "127.0.0.1:%d"\n    http_timeout = 15' % onion.proxy.port)
with sandbox("outage", SHIPPED + [write("example.conf", example)]) as icinga:
    with tap.case("the example: OK when the service is up, with its performance data"):
        row = icinga.force("serveur-secret!onion")
        tap.equal((row["state"], row["exit_status"], row["long_output"]), ("OK", 0, ""), row["output"])
        labels = [p.split("=")[0] for p in row["performance_data"]]
        tap.equal(labels[:2], ["time", "size"])
        assert {"circuits", "circuits_failed", "time_socks"} <= set(labels), labels
    with tap.case("the example: a short address is UNKNOWN and explained, and nobody is asked"):
        asked = len(onion.proxy.seen)
        row = icinga.force("internet-libre!aeris")
        tap.equal(row["state"], "UNKNOWN")
        assert "version 2" in row["output"], row
        tap.equal(len(onion.proxy.seen), asked)
    with tap.case("the template's patience: five attempts, two minutes apart"):
        tap.equal((row["attempts_max"], row["check_interval_s"], row["retry_interval_s"]), (5, 300, 120))
    with tap.case("one broken circuit is no problem, and the output says so"):
        onion.broken = [0xF2]
        row = icinga.force("serveur-secret!onion")
        tap.equal(row["state"], "OK", row["output"])
        assert any(p.startswith("circuits_failed=1") for p in row["performance_data"]), row
    with tap.case("the service stops and comes back: OK, four times SOFT, HARD, OK"):
        watch_outage(icinga, "serveur-secret!onion", lambda: setattr(onion, "broken", 0xF2), lambda: setattr(onion, "broken", 0), F2, 5)
    with tap.case("every circuit of it was asked for by name"):
        tap.equal({(s["host"], s["type"]) for s in onion.proxy.seen if s["host"]}, {(ONION, 3)})
    onion.broken = 0

# ---- the article's files, as printed; what it takes over from the library is taken from the library ----

COMMANDS = '''
object CheckCommand "http-onion" {

	command = [ PluginContribDir + "/check_http_onion" ]

	arguments = {
@ARGUMENTS@
	}

	vars.http_address = "$check_address$"
	vars.http_ssl = false
	vars.http_sni = false
	vars.http_linespan = false
	vars.http_invertregex = false
	vars.check_ipv4 = "$http_ipv4$"
	vars.check_ipv6 = "$http_ipv6$"
	vars.http_link = false
	vars.http_verbose = false
}
'''.replace("@ARGUMENTS@", re.search(r"\targuments = \{\n(.*?)\n\t\}\n", itl_text, re.S).group(1))
SERVICES = '''
apply Service for (http_vhost => config in host.vars.http_onion_vhosts) {
  import "generic-service"

  check_command = "http-onion"

  vars += config
}
'''
HOSTS = '''
object Host "serveur-secret" {
  import "generic-host"

  @OTHERS@

  vars.http_onion_vhosts["onion"] = {
    http_uri = "/"
    http_vhost = "sjnrk23rmcl4ie5atmz664v7o7k5nkk4jh7mm6lor2n4hxz2tos3eyid.onion"
    http_ssl = false
    http_timeout = 15
    }
}

object Host "internet-libre" {
  import "generic-host"

  check_command = "always_true"  /* No ping in Tor */

vars.http_onion_vhosts["aeris"] = {
    http_uri = "/"
    http_vhost = "aerisryzdvrx7teq.onion"
    http_ssl = false
    http_timeout = 15
    }

vars.http_onion_vhosts["amaelle"] = {
    http_uri = "/"
    http_vhost = "ozawuyxtechnopol.onion"
    http_ssl = false
    http_timeout = 15
    }

}
'''
article = [write("always_true.conf", 'object CheckCommand "always_true" { import "dummy" }\n'), write("services.conf", SERVICES)]
tor_here = {"TOR_SOCKS_HOST": "127.0.0.1", "TOR_SOCKS_PORT": str(onion.proxy.port)}
with sandbox("article", article + [write("commands.conf", COMMANDS), write("hosts.conf", HOSTS.replace("@OTHERS@", ""))],
             environment=tor_here, interval_s=60) as icinga:
    with tap.case("the article's files: OK, four times SOFT, HARD, OK"):
        watch_outage(icinga, "serveur-secret!onion", lambda: setattr(onion, "broken", 0xF2), lambda: setattr(onion, "broken", 0), F2, 5)
    with tap.case("the article's host for onions alone is up, its short addresses are UNKNOWN"):
        rows = icinga.force("internet-libre", "internet-libre!aeris", "internet-libre!amaelle")
        tap.equal([r["state"] for r in rows.values()], ["UP", "UNKNOWN", "UNKNOWN"])

pasted = COMMANDS.replace("{\n", '{\n\timport "ipv4-or-ipv6"\n', 1)
with sandbox("pasted", article + [write("commands.conf", pasted), write("hosts.conf", HOSTS.replace("@OTHERS@", 'address = "127.0.0.1"'))],
             environment=tor_here, interval_s=60) as icinga:
    with tap.case("the library's whole object pasted: the host's address is given, and the onion is asked all the same"):
        asked = len(onion.proxy.seen)
        row = icinga.force("serveur-secret!onion")
        assert ["-I", "127.0.0.1"] in [row["argv"][i:i + 2] for i in range(len(row["argv"]))], row
        tap.equal(row["state"], "OK", row["output"])
        assert len(onion.proxy.seen) > asked
        tap.equal(onion.proxy.seen[-1]["host"], ONION)

# ---- once with the real Tor ----

with tap.case("a real onion service whose web server stops: OK, four times SOFT, HARD, OK"):
    said, _ = network.communicate(timeout=100)
    tap.equal(network.returncode, 0, "tornet.py up")
    net = json.loads(said)
    client = net["clients"]["client"]
    text = ('object CheckCommand "always_true" { import "dummy" }\nobject Host "h" {\n  check_command = "always_true"\n'
            '  vars.http_onion_vhosts["onion"] = { http_vhost = "%s", http_onion_socks = "127.0.0.1:%d"\n'
            '    http_onion_control = "127.0.0.1:%d", http_onion_cookie = "%s" }\n}\n'
            % (net["onion"], client["socks"], client["control"], client["cookie"]))
    with sandbox("real", SHIPPED + [write("real.conf", text)]) as icinga:
        watch_outage(icinga, "h!onion", lambda: tor("kill", NET, "web0"), lambda: tor("start", NET, "web0"),
                     "ONION CRITICAL: tor of the service answers, the web server behind it does not", 5)

tap.finish()
