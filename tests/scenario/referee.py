# SPDX-License-Identifier: GPL-3.0-or-later
# serial
# timeout 600
"""The referee: generated policy zones and questions go to Debian's named and to candord, with the same file.

  referee.py [--build DIR] [--seed S] [--questions N] [--policies N] [--times N] [--only P] [--shrink N] [--self]

Every difference of rcode, flags, sections or EDNS fails the run unless it is on the short list of
tests/support/wanted.py, where each entry names the rule of doc/rpz.md that wants it. The log lines about
rewriting are compared too. Each difference is printed with the rules that could have to do with it and the dig
command; --shrink cuts the policy down to the rules that it needs. --self puts named in candord's place, to see
that the referee itself is sound. Some configurations have two views with a policy each; in some candord gets the
policy zones from another named, the last third of the rules by IXFR; in others both servers get it half way, by a
reload or by dynamic updates, and are asked before and after; some have DNS64; those with rules about name servers resolve
through a tree of delegations, the others through one forwarder.

Not refereed: owners outside the zone and reloads with included files (Debian's named 9.18.49 aborts on the one
and misses rules after the other); nsip-wait-recurse and nsdname-wait-recurse no, where what decides is what a cache has, and the
words of one zone that Debian's named forgets (tests/scenario/name_servers.py).
"""
import asyncio
import collections
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

import dns.query
import dns.rcode
import dns.update

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from support import policyworld, referee, servers, tap, wanted

LOG_S = 2      # for lines that one log does not have yet
PRINTED = 12  # differences in full; the rest is counted


# --- the two servers, and the world behind them ----------------------------------------------------------------

def sign(box, name, text):
    """A zone's text, signed."""
    def run(*command):
        done = subprocess.run(command, cwd=box.dir, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError("%s: %s%s" % (" ".join(command), done.stdout, done.stderr))
        return done.stdout.strip()
    file = box.write(name + ".zone", "$ORIGIN %s.\n%s" % (name, text))
    key = run(servers.tool("ldns-keygen"), "-a", "ECDSAP256SHA256", name)
    run(servers.tool("ldns-signzone"), "-o", name, file, key)
    with open(file + ".signed") as f:
        return f.read()


async def failing_server():
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        referee.Failing, local_addr=("127.0.0.1", 0))
    return transport, transport.get_extra_info("sockname")[1]


class Court:
    """The world's servers, for the whole run."""

    def __init__(self, box, seed, named_against_itself, nameservers):
        self.box, self.itself = box, named_against_itself
        self.transfers = 0
        self.net = servers.free_net() if nameservers else "127.53"
        self.world = policyworld.World(random.Random("%s/world" % seed), self.net)
        for zones, name in ((self.world.far, policyworld.SIGNED), (self.world.zones, policyworld.SIGNED_PRIMARY)):
            zones[name] = sign(box, name, zones[name])
        self.forwarder = box.nsd(self.world.far)
        if nameservers:
            for name, (zones, addresses) in self.world.tree().items():
                box.nsd(zones, addresses=addresses, port=53)

    def start_both(self, setting, failing_port):
        configuration = setting.configuration(self.forwarder.port, failing_port)
        files = setting.before_change().files(policyworld.SERIAL - 1) if setting.change else setting.files()
        theirs = self.box.named(configuration, files=files)
        if self.itself:
            return self.box.named(configuration, files=files), theirs
        if setting.transferred:
            return self.start_secondary(setting, configuration, files), theirs
        return self.box.candord(configuration, files=files), theirs

    def start_secondary(self, setting, configuration, files):
        """candord with policy zones that came by AXFR, and then by IXFR to what they are now, from another named."""
        before = setting.files_before()
        self.transfers += 1  # each in a folder of its own: journals and copies of zones stay there
        primary = servers.Named(self.box, "primary-%d" % self.transfers, setting.primary_configuration())
        for name, text in before.items():
            primary.write(name, text)
        primary.start()
        candord = servers.Candord(self.box, "secondary-%d" % self.transfers,
                                  setting.secondary_configuration(configuration, primary.port))
        for name in files.keys() - before.keys():
            candord.write(name, files[name])
        candord.start()
        self.wait_serial(candord, setting, policyworld.SERIAL - 1)
        for name in before:
            primary.write(name, files[name])
        primary.signal(signal.SIGHUP)
        primary.wait(lambda: primary.log().count("loaded serial %d\n" % policyworld.SERIAL) >= len(before), 20, "reloaded")
        for policy in setting.policies:
            for zone in policy.zones:
                candord.ctl("refresh", zone.name)
        self.wait_serial(candord, setting, policyworld.SERIAL)
        assert primary.log().count("IXFR started") >= len(before), "no IXFR:\n" + primary.log()[-3000:]
        self.stop([primary])
        return candord

    def change(self, server, setting):
        """The policy zones become what the setting has at last, by a reload or by dynamic updates, and act."""
        since, zones = len(server.log()), sum(len(p.zones) for p in setting.policies)
        if setting.change == "update":
            for policy in setting.policies:
                self.update(server, policy)
        else:
            for name, text in setting.files().items():
                server.write(name, text)
            server.signal(signal.SIGHUP)
        if isinstance(server, servers.Candord):
            self.wait_serial(server, setting, policyworld.SERIAL)
        else:
            server.wait(lambda: server.log()[since:].count(": reload done: success") >= zones, 60, "changed")

    @staticmethod
    def update(server, policy):
        for zone in policy.zones:
            message = dns.update.UpdateMessage(zone.name + ".")
            for i, line in enumerate(zone.lines):
                if i % 3 == 0:
                    message.add(*line.split(" ", 3))
            done = dns.query.tcp(message, server.address, 20, server.port, source=policy.sources[0])
            assert done.rcode() == dns.rcode.NOERROR, "%s: %s" % (server.name, done)

    @staticmethod
    def wait_serial(candord, setting, serial):
        wanted_ones = {z.name + "." for p in setting.policies for z in p.zones}
        candord.wait(lambda: all(z.get("serial") == serial for z in candord.ctl_json("zones")["zones"]
                                 if z["name"] in wanted_ones), 30, "at serial %d" % serial)

    def stop(self, some):
        for server in some:
            server.stop()
            shutil.rmtree(server.dir)  # with journals, which the next one would read
            self.box.servers.remove(server)


# --- the log ---------------------------------------------------------------------------------------------------

REWRITE = re.compile(r"client @\S+ (\S+)#\d+ \((\S*)\): (.*\brpz \S+ \S+ rewrite ([^/]+)/\S+ via )(\S+)(.*)")


def server_rule(policy, owner):
    """The NSDNAME rule for a server as its zone has it: itself, or the wildcard of the closest name that exists."""
    server, zone = owner.split(".rpz-nsdname.")
    trigger = ".rpz-nsdname"
    owners = {l.split()[0].lower() for z in policy.zones if z.name == zone for l in z.lines}
    if server + trigger in owners:
        return owner
    parent = server.split(".", 1)[-1]
    while "." in parent and not any(o == parent + trigger or o.endswith("." + parent + trigger) for o in owners):
        parent = parent.split(".", 1)[1]
    return "*.%s%s.%s" % (parent, trigger, zone)


Line = collections.namedtuple("Line", "client qname disabled name zone text")


def rewrites(log, setting):
    """What a log says about rewriting, each line once: a question that was asked again says it again. Of a
    wildcard candord names the rule's owner (rule 35), named the name that it covered: that is made equal."""
    found = set()
    for m in REWRITE.finditer(log.lower()):
        owner, zone = m[5], m[5].rsplit(".", 1)[1]
        if ".rpz-nsdname." in owner and not owner.startswith("*."):
            owner = server_rule(setting.policy_for(m[1]), owner)
        elif owner.startswith("*.") and ".rpz-nsdname." not in owner:
            owner = "%s.%s" % (m[4], zone)
        found.add(Line(m[1], m[2], "disabled rpz" in m[0], m[4], zone, m[3] + owner + m[6]))
    return found


def only_in_one(ours, theirs, setting):
    """The lines that one log should have as well as the other. Of a disabled zone candord tells the one rule that
    would decide, named all that match, also in zones behind the one that decides."""
    def told_enough(line):
        policy = setting.policy_for(line.client)
        order = [z.name for z in policy.zones]
        silent = [i for i, z in enumerate(policy.zones) if "log no" in z.options]
        same = [l for l in ours if l[:2] == line[:2] and l.name == line.name]
        behind = any(not l.disabled and order.index(l.zone) < order.index(line.zone) for l in same)
        return behind or any(l.disabled and l.zone == line.zone for l in same) or any(
            i < order.index(line.zone) for i in silent)
    missing = [l for l in theirs - ours if not (l.disabled and told_enough(l))]
    return [("candord", l) for l in sorted(ours - theirs)] + [("named", l) for l in sorted(missing)]


# --- one policy ------------------------------------------------------------------------------------------------

class Verdicts:
    """What came of the questions to one configuration."""

    def __init__(self, setting):
        self.setting = setting
        self.differences, self.unstable = [], []
        self.excused = collections.Counter()
        self.asked = self.dropped = self.made = 0
        self.crashed, self.logged, self.apart = [], [], []

    def note(self, outcome):
        self.asked += 1
        self.dropped += outcome.theirs is None
        self.made += wanted.policy_soa(outcome.theirs or {})
        left, policy = [], self.setting.policy_for(outcome.question.source)
        for field in outcome.fields:
            entry = wanted.find(policy, field, outcome)
            if entry:
                self.excused[entry.rule] += 1
                self.apart += [outcome] if entry.one_sided or entry.rule == "not policy" else []
            else:
                left.append(field)
        if left:
            self.differences.append(outcome._replace(fields=left))
        elif outcome.unstable:
            self.unstable.append(outcome)
        elif wanted.may_log_apart(policy, outcome):
            self.apart.append(outcome)


async def ask_both(pair, questions, verdicts):
    since = [len(s.log()) for s in pair]
    await referee.compare(pair, questions, verdicts.note)
    verdicts.crashed = [(s.name, s.log()) for s in pair if not s.running()]
    end = time.monotonic() + LOG_S
    while True:  # candord writes its log beside the answers
        ours, theirs = (rewrites(s.log()[n:], verdicts.setting) for s, n in zip(pair, since))
        verdicts.logged = only_in_one(ours, theirs, verdicts.setting)
        if not (theirs - ours) or time.monotonic() > end:
            return
        await asyncio.sleep(0.1)


async def hear(court, setting, questions, verdicts, before=None):
    """Asks both servers; with `before` some of the questions before the policy zones change."""
    transport, port = await failing_server()
    pair = court.start_both(setting, port)
    try:
        if setting.change:
            if before:
                await ask_both(pair, questions[:len(questions) // 12], before)
            for server in pair:
                court.change(server, setting)
        await ask_both(pair, questions, verdicts)
    finally:
        court.stop(pair)
        transport.close()


def shrink(court, setting, question, field):
    """The policy with only those rules that the difference needs."""
    policy = setting.policy_for(question.source)

    def differs(zones):
        verdicts = Verdicts(setting.with_zones(policy, zones))
        asyncio.run(hear(court, verdicts.setting, [question], verdicts))
        return any(field in d.fields for d in verdicts.differences)

    zones = policy.zones
    for i in reversed(range(len(zones))):
        without = zones[:i] + zones[i + 1:]
        if without and differs(without):
            zones = without
    for i, zone in enumerate(zones):
        lines, size = zone.lines, max(1, len(zone.lines) // 2)
        while size:
            at = 0
            while at < len(lines):
                fewer = lines[:at] + lines[at + size:]
                if differs(zones[:i] + [zone._replace(lines=fewer)] + zones[i + 1:]):
                    lines = fewer
                else:
                    at += size
            zones = zones[:i] + [zone._replace(lines=lines)] + zones[i + 1:]
            size //= 2
    return policy.with_zones(zones)


# --- telling about differences ---------------------------------------------------------------------------------

def dig(question):
    words = ["dig", "@127.0.0.1 -p PORT -b", question.source]
    words += ["+" + ("" if on else "no") + word
              for word, on in (("recurse", question.rd), ("dnssec", question.do), ("cdflag", question.cd),
                               ("adflag", question.ad), ("edns", question.edns), ("tcp", question.tcp))]
    words += ["+bufsize=%d" % question.edns] * (question.edns > 0)
    return " ".join([*words, question.name, question.type])


def names_in(question, *answers):
    """The names that the answers' chains go through, and the query name with its world."""
    found = {question.name.lower()}
    for answer in filter(None, answers):
        for record in answer.get("answer", ()):
            owner, _, rdtype, data = record.split(" ", 3)
            found.add(owner.rstrip("."))
            if rdtype in ("CNAME", "DNAME"):
                found.add(data.lower().rstrip("."))
    return found


ADDRESS_RULES = ("rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname")


def relevant(zone, names):
    """Rules that could have to do with the names: theirs, wildcards above, and all of addresses."""
    for line in zone.lines:
        owner = line.split()[0].lower()
        bare = owner[2:] if owner.startswith("*.") else owner
        if owner.rsplit(".", 1)[-1] in ADDRESS_RULES or any(
                n == bare or n.endswith("." + bare) or bare.endswith("." + n) for n in names):
            yield line


def world_lines(world, names):
    for zone, text in [*world.zones.items(), *world.far.items()]:
        for line in text.split("\n"):
            owner = line.split(" ")[0].lower()
            if line and any(n == owner + "." + zone or (owner[:2] == "*." and n.endswith(owner[1:] + "." + zone))
                            for n in names):
                yield "%s | %s" % (zone, line)


def describe(answer):
    if answer is None:
        return "  no reply\n"
    return "".join("  %-10s %s\n" % (k, v if isinstance(v, str) else "\n             ".join(sorted(v)) or "-")
                   for k, v in answer.items())


def tell(index, policy, difference, complete=False):
    question, ours, theirs, fields, _ = difference
    names = names_in(question, ours, theirs)
    text = "--- policy %d: differs in %s\n%s\n%s" % (index, ", ".join(fields), dig(question), policy.response_policy())
    for zone in policy.zones:
        lines = zone.lines if complete else list(relevant(zone, names))
        text += "%s (%d of %d rules)\n%s" % (zone.name, len(lines), len(zone.lines), "".join("  %s\n" % l for l in lines))
    text += "world\n" + "".join("  %s\n" % l for l in world_lines(policy.world, names))
    return text + "candord\n%snamed\n%s" % (describe(ours), describe(theirs))


# --- the run ---------------------------------------------------------------------------------------------------

def add_arguments(parser):
    parser.add_argument("--seed", default=None, help="default: 1; with --long a new one, printed")
    parser.add_argument("--questions", type=int, default=None, help="default: 3,200; with --long 20,000")
    parser.add_argument("--policies", type=int, default=8)
    parser.add_argument("--times", type=int, default=4, help="each question is asked so often: what is remembered must answer alike")
    parser.add_argument("--only", type=int, help="only the policy of this number")
    parser.add_argument("--shrink", type=int, metavar="N", help="cut the policy down to what the Nth difference needs")
    parser.add_argument("--nameservers", type=float, default=0.4,
                        help="share of policies with NSDNAME and NSIP rules (default: 0.4; 0 when port 53 cannot be had)")
    parser.add_argument("--self", dest="itself", action="store_true")


def tell_log(verdicts):
    """The lines of questions on which the servers agree."""
    apart = {(o.question.source, o.question.name.lower()) for o in verdicts.differences + verdicts.unstable + verdicts.apart}
    lines = [(who, l) for who, l in verdicts.logged
             if l[:2] not in apart and not wanted.server_disputed(verdicts.setting.policy_for(l.client), l.name, l.qname)]
    for who, line in lines[:PRINTED]:
        tap.comment("only %s: %s %s: %s" % (who, line.client, line.qname, line.text))
    assert not lines, "%d lines are in one log only" % len(lines)


def tree_share(wanted_share):
    """The tree of servers for NSDNAME and NSIP needs port 53."""
    try:
        servers.free_net()
        return wanted_share
    except tap.Skip as why:
        tap.comment("no policies with rules about name servers: %s" % why)
        return 0.0


def tell_answers(a, index, court, verdicts, begin):
    setting = verdicts.setting
    tap.comment("%d questions, %d answered by a rule with SOA, %d dropped, %d unstable, excused %s, %.1f s" % (
        verdicts.asked, verdicts.made, verdicts.dropped, len(verdicts.unstable), dict(verdicts.excused),
        time.monotonic() - begin))
    for outcome in verdicts.unstable[:3]:
        tap.comment("agreed only when asked again (%s): %s" % (outcome.unstable, dig(outcome.question)))
    for difference in verdicts.differences[:PRINTED]:
        tap.comment(tell(index, setting.policy_for(difference.question.source), difference))
    if a.shrink and len(verdicts.differences) >= a.shrink:
        first = verdicts.differences[a.shrink - 1]
        tap.comment("cut down:\n" + tell(index, shrink(court, setting, first.question, first.fields[0]), first, True))
    assert not verdicts.crashed, "\n".join("%s ended:\n%s" % (name, (log[log.find("ERROR: AddressSanitizer"):][:3500] if "ERROR: AddressSanitizer" in log else log[-3000:])) for name, log in verdicts.crashed)
    assert not verdicts.differences, "%d of %d answers differ; --seed %s --policies %d --questions %d --only %d" % (
        len(verdicts.differences), verdicts.asked, a.seed, a.policies, a.questions, index)


def hear_policy(a, court, index, each):
    rng = random.Random("%s/%d" % (a.seed, index))
    setting = policyworld.Setting(court.world, rng, each, rng.random() < a.nameservers)
    before = Verdicts(setting.before_change()) if setting.change else None
    verdicts = Verdicts(setting)
    begin = time.monotonic()
    with tap.case("policy %d of seed %s: %s" % (index, a.seed, setting.words())):
        asyncio.run(hear(court, setting, setting.questions * a.times, verdicts, before))
        tell_answers(a, index, court, verdicts, begin)
    with tap.case("policy %d of seed %s: the logs tell the same" % (index, a.seed)):
        tell_log(verdicts)
    if before:
        with tap.case("policy %d of seed %s: before the %s" % (index, a.seed, setting.change)):
            tell_answers(a, index, court, before, begin)
            tell_log(before)
    return verdicts.made + verdicts.dropped


def main():
    a = servers.arguments(__doc__, add_arguments)
    a.seed = a.seed or ("%08x" % random.randrange(1 << 32) if a.long else "1")
    a.nameservers = tree_share(a.nameservers)
    a.questions = a.questions or (20000 if a.long else 3200)
    tap.on_failure.clear()
    with servers.Sandbox(a.build, a.keep) as box:
        court = Court(box, a.seed, a.itself, a.nameservers > 0)
        decided = sum(hear_policy(a, court, index, a.questions // a.policies)
                      for index in range(a.policies) if a.only in (None, index))
        with tap.case("rules decided often enough to say something"):
            assert decided > a.questions / 20 or a.only is not None, "only %d times" % decided
    tap.finish()


main()
