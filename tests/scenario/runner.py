# SPDX-License-Identifier: GPL-3.0-or-later
"""The test runner itself: what it counts, and that nothing that goes wrong is counted as passed."""
import os
import sys
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
import run_tests
from support import tap


def cases(script, timeout_s=20, is_tap=True):
    job = run_tests.Job("trial", ["/bin/sh", "-c", script], {}, timeout_s, True, is_tap, [])
    found, _ = run_tests.run(job)
    return [(c.ok, c.name) for c in found]


def command_lines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/cmdline" % pid) as f:
                yield f.read().replace("\0", " ")
        except OSError:
            pass


TRIALS = [
    ("two that pass", "echo 'ok 1 - one'; echo 'ok 2 - two'; echo 1..2", [(True, "one"), (True, "two")]),
    ("the plan may come first", "echo 1..1; echo 'ok 1 - one'", [(True, "one")]),
    ("one that fails", "echo 'ok 1 - one'; echo 'not ok 2 - two'; echo 1..2; exit 1", [(True, "one"), (False, "two")]),
    ("cmocka's way to write a failure", "echo 1..1; echo 'not ok - one'; echo '# why'; exit 1", [(False, "one")]),
    ("fewer than planned", "echo 1..3; echo 'ok 1 - one'",
     [(True, "one"), (False, "1 cases ran, 3 were planned, exit status 0")]),
    ("no plan at all", "echo 'ok 1 - one'", [(True, "one"), (False, "1 cases ran, None were planned, exit status 0")]),
    ("silence", "true", [(False, "0 cases ran, None were planned, exit status 0")]),
    ("a status that is not 0 though all passed", "echo 'ok 1 - one'; echo 1..1; exit 3",
     [(True, "one"), (False, "exit status 3")]),
    ("a signal", "echo 'ok 1 - one'; kill -SEGV $$", [(True, "one"), (False, "was ended by signal 11")]),
]


def main():
    for title, script, want in TRIALS:
        with tap.case("counted: " + title):
            tap.equal(cases(script), want)
    with tap.case("counted: a skipped case, with its reason"):
        found, plan = run_tests.parse_tap("ok 1 - one # SKIP no root\n1..1\n")
        tap.equal([(c.ok, c.name, c.skipped) for c in found] + [plan], [(True, "one", "no root"), 1])
    with tap.case("what follows a result is its output"):
        found, _ = run_tests.parse_tap("not ok 1 - one\n# because\nok 2 - two\n1..2\n")
        tap.equal([c.output for c in found], [["because"], []])
    with tap.case("a test without TAP is one case"):
        tap.equal(cases("exit 0", is_tap=False), [(True, "replay")])
        tap.equal(cases("exit 4", is_tap=False), [(False, "ended with status 4")])
    with tap.case("a test that leaves a process behind has failed, and the process is ended"):
        mark = "sleep 97.%d" % os.getpid()
        become = "until [ $(cat /proc/$!/comm) = sleep ]; do :; done"  # until then it is a copy of the shell
        tap.equal(cases("echo 'ok 1 - one'; echo 1..1; %s >/dev/null 2>&1 & %s" % (mark, become)),
                  [(True, "one"), (False, "left running: " + mark)])
        gone = time.monotonic() + 15
        while time.monotonic() < gone and any(mark in line for line in command_lines()):
            time.sleep(0.05)
        tap.equal([line for line in command_lines() if mark in line], [])
    with tap.case("a test that hangs is ended, and its children with it"):
        start = time.monotonic()
        mark = "sleep 98.%d" % os.getpid()
        tap.equal(cases("%s & %s; true" % (mark, mark), timeout_s=1), [(False, "took more than 1 s")])
        assert time.monotonic() - start < 15
        while time.monotonic() - start < 15 and any(mark in line for line in command_lines()):
            time.sleep(0.05)
        tap.equal([line for line in command_lines() if mark in line], [])
    tap.finish()


main()
