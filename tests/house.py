#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The house rules that a program can check. Prints FILE:LINE: message for each breach; exit 1 if there is one.

Includes point down only and each outside library enters through its door (ARCHITECTURE.md), every source says
its licence first, no file names a path of one machine, sources keep to a size that can be read.
"""
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MAX_LINES = 600

# Room -> the rooms that it may include (ARCHITECTURE.md, "Includes point down only").
BELOW = {
    "base": [],
    "dns": ["base"],
    "net": ["base"],
    "plugin": ["base"],
    "rpz": ["dns", "base"],
    "resolve": ["net", "dns", "base"],
    "zone": ["rpz", "net", "dns", "base"],
    "feed": ["zone", "rpz", "net", "dns", "base"],
    "transfer": ["zone", "rpz", "dns", "base"],
    "store": ["zone", "rpz", "dns", "base"],
    "candord": ["store", "transfer", "feed", "zone", "resolve", "rpz", "net", "dns", "base"],
    "candorctl": ["zone", "rpz", "dns", "base"],
    "check_http_onion": ["plugin", "net", "dns", "base"],
}

# Header of an outside library -> where it may be included (ARCHITECTURE.md, "Dependencies").
DOORS = [
    (r"unbound(-event)?\.h", [r"src/resolve/recursor(_\w+)?\.[ch]"]),
    (r"libknot/|libzscanner/|libdnssec/", [r"src/dns/\w+\.[ch]"]),
    (r"urcu/list\.h", [r"src/(net|base|candord)/\w+\.[ch]"]),
    (r"urcu(?!/list\.h)", [r"src/base/(inbox|reader)\.[ch]", r"src/resolve/\w+\.[ch]", r"src/candord/\w+\.[ch]", r"tests/unit/"]),
    (r"sodium/", [r"src/dns/cookie\.c"]),
    (r"libpsl\.h", [r"src/zone/suffixes\.c"]),
    (r"systemd/", [r"src/candord/(main|daemon)\.c"]),
    (r"jansson\.h", [r"src/candord/control\w*\.[ch]", r"src/candorctl/\w+\.[ch]"]),
    (r"idn2\.h", [r"src/feed/idn\.c"]),
    (r"curl/", [r"src/check_http_onion/http\.c", r"src/feed/fetch\.c"]),
    (r"openssl/", [r"src/check_http_onion/tls\.c", r"src/candord/(link_tls|tls_server|tls_ephemeral)\.c", r"src/candord/tls_parts\.h"]),
    (r"cmocka\.h", [r"tests/unit/"]),
]

MACHINE_PATHS = re.compile(r"(?<![\w.])/(home|work|farm|root|Users)/\w+|/tmp/(bash_jobs|studio)")
SOURCE = re.compile(r"\.(c|h|py|sh)$|^(test|run)$|^\.ci/run$|^packaging/install-packages$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

problems = 0


def problem(path, line, message):
    global problems
    problems += 1
    print("%s:%d: %s" % (path, line, message))


def check_include(path, number, quoted, header):
    for library, doors in DOORS:
        if re.match(library, header) and not any(re.match(d, path) for d in doors):
            problem(path, number, "%s enters only through %s" % (header, ", ".join(doors)))
    room = re.match(r"src/(\w+)/", path)
    if not room or quoted != '"':
        return
    target = header.split("/")[0] if "/" in header else None
    if header == "version.h":        # made by the build
        return
    if target is None:
        problem(path, number, 'include "%s" with its room, as "room/file.h"' % header)
    elif target in BELOW and target != room.group(1) and target not in BELOW.get(room.group(1), []):
        problem(path, number, "%s/ may not include %s: includes point down only" % (room.group(1), header))


def check_source(path, lines):
    if not any("SPDX-License-Identifier: GPL-3.0-or-later" in line for line in lines[:3]):
        problem(path, 1, "no SPDX-License-Identifier: GPL-3.0-or-later in the first lines")
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if found:
            check_include(path, number, found.group(1), found.group(2))
    if path.startswith("src/") and len(lines) > MAX_LINES:
        print("%s: warning: %d lines; more than one subject?" % (path, len(lines)))


def check_rooms():
    for room in sorted(os.listdir(os.path.join(TOP, "src"))):
        if os.path.isdir(os.path.join(TOP, "src", room)) and room not in BELOW:
            problem("src/" + room, 1, "a room that ARCHITECTURE.md and this program do not know")


def check_rules(files):
    """Every numbered rule of doc/rpz.md has a test with its number in its name."""
    with open(os.path.join(TOP, "doc/rpz.md")) as f:
        numbers = set(map(int, re.findall(r"^\*\*(\d+)\.", f.read(), re.M)))
    tested = set()
    for path in files:
        if re.match(r"tests/(unit|scenario)/.*\.(c|py)$", path) and os.path.isfile(os.path.join(TOP, path)):
            with open(os.path.join(TOP, path), errors="replace") as f:
                tested |= set(map(int, re.findall(r"\brule_(\d\d)[_ ]", f.read())))
    for number in sorted(numbers - tested):
        problem("doc/rpz.md", 1, "rule %d has no test named rule_%02d_…" % (number, number))
    for number in sorted(tested - numbers):
        problem("doc/rpz.md", 1, "tests are named rule_%02d, which is no rule" % number)


def main():
    files = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=TOP, check=True,
                           stdout=subprocess.PIPE, text=True).stdout.split("\n")
    check_rooms()
    check_rules(files)
    for path in filter(None, files):
        full = os.path.join(TOP, path)
        if os.path.islink(full) or not os.path.isfile(full):
            continue
        with open(full, "rb") as f:
            data = f.read()
        if b"\0" in data or path.startswith("tests/fuzz/corpus"):
            continue
        lines = data.decode(errors="replace").split("\n")
        for number, line in enumerate(lines, 1):
            if MACHINE_PATHS.search(line) and path != "tests/house.py":
                problem(path, number, "a path of one machine: " + MACHINE_PATHS.search(line).group(0))
        if SOURCE.search(path):
            check_source(path, lines)
    print("house rules: %s" % ("kept" if not problems else "%d breaches" % problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
