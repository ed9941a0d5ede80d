# SPDX-License-Identifier: GPL-3.0-or-later
"""candorctl lint and candord -t: what is wrong with a policy zone is said with file and line, and by the exit code."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import servers, tap

HEAD = "$ORIGIN rpz.test.\n$TTL 300\n@ SOA ns.test. root.test. 1 3600 600 86400 60\n@ NS localhost.\n"
CONFIGURATION = """
options { listen-on port 5300 { 127.0.0.1; }; directory "%s"; response-policy { zone "rpz.test"; }; };
zone "rpz.test" { type primary; file "rpz.zone"; };
"""


def run(program, *arguments, cwd=None):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, cwd=cwd)
    return done.returncode, done.stdout, done.stderr


def write(folder, text, name="rpz.zone"):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write(text)
    return path


def lint_cases(ctl, folder):
    with tap.case("a good zone has nothing said against it, exit 0"):
        status, out, _ = run(ctl, "lint", write(folder, HEAD + "bad.example CNAME .\n*.bad.example CNAME .\n"))
        assert status == 0 and "nothing to say" in out, out
    with tap.case("warnings only: exit 4, each with its line"):
        path = write(folder, HEAD + "bad.example CNAME .\n")
        status, out, _ = run(ctl, "lint", path)
        assert status == 4 and out.startswith(path + ":5: warning: bad.example: "), out
    with tap.case("an error: exit 1"):
        status, out, _ = run(ctl, "lint", write(folder, HEAD + "24.5.0.0.10.rpz-ip CNAME .\n"))
        assert status == 1 and ":5: error: " in out and "below its prefix length" in out, out
    with tap.case("a public suffix is found with Debian's list"):
        _, out, _ = run(ctl, "lint", write(folder, HEAD + "*.gouv.fr CNAME .\ngouv.fr CNAME .\n"))
        assert "covers a public suffix" in out, out
        _, out, _ = run(ctl, "lint", write(folder, HEAD + "*.fr CNAME .\nfr CNAME .\n"))
        assert "covers a top-level domain" in out, out
    with tap.case("--include-subdomains: a name alone is enough"):
        status, out, _ = run(ctl, "lint", "--include-subdomains", write(folder, HEAD + "bad.example CNAME .\n"))
        assert status == 0, out
    with tap.case("many findings of a kind are cut, --all shows them"):
        path = write(folder, HEAD + "".join("n%d.example CNAME .\n" % i for i in range(50)))
        _, out, _ = run(ctl, "lint", path)
        assert out.count("[no-wildcard]") == 21 and "30 more of [no-wildcard]" in out, out
        _, out, _ = run(ctl, "lint", "--all", path)
        assert out.count("[no-wildcard]") == 50, out
    with tap.case("--json has kind, severity, file, line and message"):
        path = write(folder, HEAD + "bad.example CNAME .\n")
        result = json.loads(run(ctl, "--json", "lint", path)[1])
        assert result["errors"] == 0 and result["warnings"] == 1 and result["origin"] == "rpz.test.", result
        finding = result["findings"][0]
        assert finding["kind"] == "no-wildcard" and finding["severity"] == "warning" and finding["line"] == 5, finding
    with tap.case("a file in which all is relative gets its name from --origin"):
        path = write(folder, HEAD.replace("$ORIGIN rpz.test.\n", "") + "bad.example CNAME bad.example.\n*.bad.example CNAME .\n")
        assert run(ctl, "lint", path, "--origin", "rpz.test")[0] in (0, 4)
        assert run(ctl, "lint", path, "--origin", "a..b")[0] == 2
    with tap.case("what is no zone file, and what is not there, is said"):
        status, _, err = run(ctl, "lint", write(folder, "hello\n", "hello.txt"))
        assert status == 1 and "no SOA" in err, err
        status, _, err = run(ctl, "-s", os.path.join(folder, "none"), "lint", "no.such.zone")
        assert status == 3 and "no file" in err, err


def check_cases(daemon, folder):
    conf = write(folder, CONFIGURATION % folder, "named.conf")
    with tap.case("candord -t says what the lint finds, as warnings"):
        path = write(folder, HEAD + "bad.example CNAME .\n")
        status, out, _ = run(daemon, "-t", "-c", conf)
        assert status == 0 and "%s:5: warning: bad.example: " % path in out, out
    with tap.case("candord -t: include-subdomains of the configuration counts"):
        other = write(folder, (CONFIGURATION % folder).replace('zone "rpz.test";', 'zone "rpz.test" include-subdomains yes;'),
                      "subdomains.conf")
        status, out, _ = run(daemon, "-t", "-c", other)
        assert status == 0 and out == "", out
    with tap.case("candord -t: a skipped record is said once and fails nothing"):
        path = write(folder, HEAD + "24.5.0.0.10.rpz-ip CNAME .\n")
        status, out, _ = run(daemon, "-t", "-c", conf)
        assert status == 0 and out.count("%s:5: " % path) == 1, out


def main():
    a = servers.arguments(__doc__)
    with tempfile.TemporaryDirectory(prefix="candor-lint-") as folder:
        lint_cases(servers.program(a.build, "candorctl"), folder)
        check_cases(servers.program(a.build, "candord"), folder)
    tap.finish()


main()
