#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests of a build and counts their cases; ./test calls it.

Unit tests and fuzz replays are the executables that meson knows as tests; scenario tests are
tests/scenario/*.py, called with --build DIR. Both speak TAP. Two run at a time, except those with a line
`# serial` (a scenario) or is_parallel false (meson), which run alone. `# timeout N` in a scenario's head gives
it N seconds. A NAME picks the tests whose name contains it, and single cases by their name. Ends with one line:
N passed, N failed (and how many were skipped, each with its reason).
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PYTHON = "/usr/bin/python3"
DEFAULT_TIMEOUT_S = 120
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}

Job = collections.namedtuple("Job", "name command environment timeout_s parallel tap sources")
# `whole`: not a case of the test, but what became of the test as a whole.
Case = collections.namedtuple("Case", "ok name skipped output whole", defaults=(False,))


def meson_jobs(build):
    def introspect(what):
        return json.loads(subprocess.run(["meson", "introspect", what, build], check=True, stdout=subprocess.PIPE,
                                         stdin=subprocess.DEVNULL).stdout)
    sources = {}
    for target in introspect("--targets"):
        for file in target["filename"]:
            sources[file] = [s for group in target["target_sources"] for s in group.get("sources", [])]
    for test in introspect("--tests"):
        yield Job(test["name"], test["cmd"], test["env"], test["timeout"] or DEFAULT_TIMEOUT_S, test["is_parallel"],
                  test["protocol"] == "tap", sources.get(test["cmd"][0], []))


def scenario_jobs(build, long):
    folder = os.path.join(TOP, "tests", "scenario")
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".py"):
            continue
        path = os.path.join(folder, file)
        with open(path) as f:
            head = "".join(f.readlines()[:15])
        timeout = re.search(r"^# timeout (\d+)", head, re.M)
        timeout_s = int(timeout.group(1)) if timeout else DEFAULT_TIMEOUT_S
        command = [PYTHON, path, "--build", build] + (["--long"] if long else [])
        yield Job("scenario/" + file[:-3], command, {}, timeout_s * (10 if long else 1),
                  not re.search(r"^# serial", head, re.M), True, [path])


def choose(jobs, names):
    """The jobs to run, each with the names of which its cases must contain one (None: all cases). A name that no
    test has is looked for in the sources, among the names of cases."""
    case_names = [n for n in names if not any(n in job.name for job in jobs)]
    for job in jobs:
        if not names or any(n in job.name for n in names):
            yield job, None
            continue
        texts = [open(s, errors="replace").read() for s in job.sources if case_names]
        wanted = [n for n in case_names if any(n in text for text in texts)]
        if wanted:
            yield job, wanted


def end_group(process):
    """SIGTERM lets a scenario end its own servers; whatever is then left of the group is killed."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        pass
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def left_behind(group):
    """Command lines of the processes that are still in a process group."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as f:
                state, _, its_group = f.read().rsplit(")", 1)[1].split()[:3]
            if int(its_group) == group and state not in "ZX":
                with open("/proc/%s/cmdline" % pid) as f:
                    found.append(f.read().replace("\0", " ").strip())
        except OSError:
            pass
    return found


def execute(job):
    """(exit status or None for a timeout, stdout, stderr, what it left running)"""
    environment = dict(os.environ, **SANITIZERS, **job.environment)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(job.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=TOP,
                                   env=environment, start_new_session=True)
        try:
            status = process.wait(job.timeout_s)
        except subprocess.TimeoutExpired:
            end_group(process)
            status = None
        except BaseException:
            end_group(process)
            raise
        left = left_behind(process.pid)
        if left:
            end_group(process)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        return status, texts[0], texts[1], left


RESULT = re.compile(r"(not )?ok\b\s*(\d+)?\s*-?\s*(.*)")
PLAN = re.compile(r"1\.\.(\d+)")


def parse_tap(text):
    """The cases, and the count that the plan promises (None: no plan). What follows a result line up to the
    next one belongs to it."""
    cases, plan = [], None
    for line in text.split("\n"):
        result, count = RESULT.match(line), PLAN.match(line)
        if result:
            name, _, directive = result.group(3).partition("# SKIP")
            skipped = directive.strip() or "no reason given" if "# SKIP" in line else None
            cases.append(Case(not result.group(1), name.strip().lstrip("- "), skipped, []))
        elif count:
            plan = (plan or 0) + int(count.group(1))
        elif cases and line:
            cases[-1].output.append(line.removeprefix("# "))
    return cases, plan


def run(job):
    """Every case of one job; trouble of the whole is a failed case of its own."""
    start = time.monotonic()
    status, out, err, left = execute(job)
    seconds = time.monotonic() - start
    if not job.tap:
        what = "ended with status %s" % status if status is not None else "took more than %d s" % job.timeout_s
        return [Case(status == 0, "replay" if status == 0 else what, None, (out + err).split("\n")[-60:])], seconds
    cases, plan = parse_tap(out)
    trouble = None
    if status is None:
        trouble = "took more than %d s" % job.timeout_s
    elif status < 0:
        trouble = "was ended by signal %d" % -status
    elif plan is None or plan != len(cases):
        trouble = "%d cases ran, %s were planned, exit status %d" % (len(cases), plan, status)
    elif status and all(c.ok for c in cases):
        trouble = "exit status %d" % status
    elif left:
        trouble = "left running: " + ", ".join(left)
    if trouble:
        output = (out if plan is None else "").split("\n")[-60:] + err.split("\n")[-80:]
        cases.append(Case(False, trouble, None, output, True))
    elif err.strip() and not all(c.ok for c in cases):
        next(c for c in cases if not c.ok).output.extend(err.split("\n")[-80:])
    return cases, seconds


def report(job, cases, seconds):
    failed = [c for c in cases if not c.ok]
    print("%-6s %-32s %4d case%s %6.1f s" % ("FAILED" if failed else "ok", job.name, len(cases),
                                             " " if len(cases) == 1 else "s", seconds), flush=True)
    for case in cases:
        if case.skipped:
            print("       skipped: %s: %s" % (case.name, case.skipped))


def run_all(chosen):
    """[(job, cases)]: the parallel ones two at a time, then the serial ones."""
    results = []

    def collect(job, names, cases, seconds):
        if names:
            cases = [c for c in cases if c.whole or any(n in c.name for n in names)]
            if not cases:
                return
        report(job, cases, seconds)
        results.append((job, cases))

    # The longest first, so that the end is not one long test beside an idle core.
    parallel = sorted((c for c in chosen if c[0].parallel), key=lambda c: -c[0].name.startswith("scenario/"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = {pool.submit(run, job): (job, names) for job, names in parallel}
        for future in concurrent.futures.as_completed(running):
            collect(*running[future], *future.result())
    for job, names in chosen:
        if not job.parallel:
            collect(job, names, *run(job))
    return results


def fuzz(build, seconds):
    """Fuzzing as one more job."""
    command = [os.path.join(TOP, "tests", "fuzz", "run.sh"), str(seconds), build]
    job = Job("fuzz/%d-seconds" % seconds, command, {}, seconds + 600, False, False, [])
    cases, took = run(job)
    report(job, cases, took)
    return job, cases


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--list", action="store_true", help="print the tests' names, run nothing")
    parser.add_argument("--long", action="store_true", help="the scenarios' long modes too")
    parser.add_argument("--fuzz-seconds", type=int, default=0)
    parser.add_argument("name", nargs="*")
    a = parser.parse_args()
    build = os.path.abspath(a.build)
    chosen = list(choose([*meson_jobs(build), *scenario_jobs(build, a.long)], a.name))
    if a.list:
        for job, _ in chosen:
            print(job.name)
        return 0
    start = time.monotonic()
    results = run_all(chosen)
    if a.fuzz_seconds:
        results.append(fuzz(build, a.fuzz_seconds))
    cases = [c for _, group in results for c in group]
    for job, group in results:
        for case in group:
            if not case.ok:
                print("\n--- failed: %s: %s\n%s" % (job.name, case.name, "\n".join(case.output).rstrip()))
    failed = sum(not c.ok for c in cases)
    skipped = sum(c.skipped is not None for c in cases)
    if not cases:
        print("no test has such a name")
        failed = 1
    print("\n%.0f seconds" % (time.monotonic() - start))
    print("%d passed, %d failed%s" % (len(cases) - failed - skipped if cases else 0, failed,
                                      ", %d skipped" % skipped if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
