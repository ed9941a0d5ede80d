# SPDX-License-Identifier: GPL-3.0-or-later
"""A tiny TAP writer for the scenario tests.

    with tap.case("a blocked name is NXDOMAIN"):
        assert answer.rcode() == 3
    tap.finish()

A case fails when its block raises; the traceback follows as a comment, then what `on_failure` has to say
(servers.py adds the ends of the servers' logs).
"""
import contextlib
import sys
import traceback

on_failure = []
_done = 0
_failed = 0


class Skip(Exception):
    """Raised inside a case: it cannot be run here; the argument says why."""


def comment(text):
    for line in str(text).rstrip("\n").split("\n"):
        print("#", line, flush=True)


def _result(ok, name, directive=""):
    global _done, _failed
    _done += 1
    _failed += not ok
    print("%s %d - %s%s" % ("ok" if ok else "not ok", _done, name.replace("#", "\\#"), directive), flush=True)


@contextlib.contextmanager
def case(name):
    try:
        yield
    except Skip as why:
        _result(True, name, " # SKIP %s" % why)
    except Exception:
        _result(False, name)
        comment(traceback.format_exc())
        for report in on_failure:
            comment(report())
    else:
        _result(True, name)


def equal(got, want, what=""):
    if got != want:
        raise AssertionError("%swant %r, got %r" % (what + ": " if what else "", want, got))


def finish():
    """The last thing that a test does: prints the plan and ends the process."""
    print("1..%d" % _done, flush=True)
    sys.exit(1 if _failed or not _done else 0)
