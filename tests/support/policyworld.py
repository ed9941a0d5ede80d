# SPDX-License-Identifier: GPL-3.0-or-later
"""What the referee asks about, made from a seed: a world of names, policy zones about it, and questions.

The world is the same for every policy of a run: a few primary zones that the servers under test hold themselves
(w1.test …), and zones behind a forwarder (a root, test., f1.test …, one of them signed, one that only fails).
TTLs tell where a record comes from: zones behind the forwarder have FAR_TTL and negative answers NEGATIVE_TTL,
which count down in caches; every other TTL is exact.
"""
import collections
import socket

FAR_TTL = NEGATIVE_TTL = 10000
LOCAL_TTL = 777

SIGNED_PRIMARY = "w3.test"
PRIMARIES = ["w1.test", "w2.test", SIGNED_PRIMARY]
FAR = ["f1.test", "f2.test"]
SIGNED = "s1.test"
FAILING = "fail.test"

Question = collections.namedtuple("Question", "name type rd do cd ad edns tcp source")  # edns: its size, 0 for none
PolicyZone = collections.namedtuple("PolicyZone", "name lines options")


def has_ipv6():
    """Is there ::1?"""
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
        return True
    except OSError:
        return False


SOURCES = ["127.0.0.%d" % i for i in range(1, 13)] + ["::1"] * has_ipv6()
HALVES = [SOURCES[i::4] + SOURCES[i + 1::4] for i in (0, 2)]  # of the clients, when there are two views

TYPES = (["A"] * 16 + ["AAAA"] * 6 + ["TXT"] * 2 + ["MX"] * 2 + ["ANY"] * 2 + ["CNAME", "NS", "SOA", "DS", "RRSIG"]
         + ["PTR", "HTTPS", "SRV", "DNAME", "TYPE65280", "DNSKEY", "NSEC"])


# Small zones behind the forwarder, for what name servers can be like.
SPLIT = "split.test"      # the parent's NS set and the child's are not the same
HALF = "half.test"        # one server whose name cannot be resolved, one with a second address where nobody is
NOGLUE = "noglue.test"    # both servers out of bailiwick, without glue
BELOW = "u.f1.test"       # two cuts below test.
DEAD = "dead.test"        # nobody answers
CORNERS = [SPLIT, HALF, NOGLUE, BELOW]

SERVERS = {"w1.test": ["ns.w1.test"], "w2.test": ["ns.w2.test", "ns.host.f2.test"], "w3.test": ["ns.w3.test"],
           "f1.test": ["ns.f1.test"],
           "f2.test": ["ns.host.f2.test", "ns2.host.f2.test"], "s1.test": ["ns.s1.test", "ns.host.f2.test"],
           SPLIT: ["ns.split.test", "ns-child.host.f2.test"],
           HALF: ["ns.half.test", "ns.dead.test"],
           NOGLUE: ["ns2.host.f2.test", "ns3.host.f2.test"],
           BELOW: ["ns.u.f1.test", "ns-u.host.f2.test"],
           DEAD: ["ns.dead.test"],
           "test": ["ns.test"], ".": ["ns.rootns"]}
PARENTS_SERVERS = {**SERVERS, SPLIT: ["ns.split.test", "ns-parent.host.f2.test"]}

# The servers of the tree (nsd): which zones each holds; the rest of the far zones are the leaf's.
TREE = {"root": ["."], "test": ["test"], "below": [BELOW]}


def trigger_address(owner):
    """(what it is about, length, address) of an address rule's owner; the address as a list of numbers."""
    length, *words, trigger = owner.lower().split(".")
    if len(words) == 4 and "zz" not in words:
        return trigger + "4", length, [int(w) for w in reversed(words)]
    at = words.index("zz") if "zz" in words else len(words)
    words[at:at + 1] = ["0"] * (9 - len(words))
    return trigger + "6", length, [int(w, 16) for w in reversed(words[:8])]


def wire(owner):
    return [(len(label), label.lower()) for label in owner.split(".")]


def tree_server(name):
    """Which of the tree's servers is behind the name of a name server."""
    return {"ns.rootns": "root", "ns.test": "test", "ns.u.f1.test": "below", "ns-u.host.f2.test": "below",
            "ns.dead.test": "nobody"}.get(name, "leaf")


def server_addresses(net):
    """{name of a name server: its addresses}, all in the loopback net (two octets)."""
    names = sorted({n for some in (SERVERS, PARENTS_SERVERS) for servers in some.values() for n in servers})
    found = {name: ["%s.%d.1" % (net, 10 + i)] for i, name in enumerate(names)}
    found["ns.half.test"].append("%s.99.1" % net)  # nobody is there
    return found


# What named makes of these depends on what its cache happens to hold.
ODD_BY_RECURSION = ("ANY", "RRSIG", "NSEC")


SERIAL = 7               # of policy zones; before a change one less
DNS64_SHARE = 0.15
LONG = "l" * 63          # a label; three of them leave no room for a long garden
LONG_GARDEN = "*.%s.%s.garden.w1.test." % ("b" * 60, "b" * 60)


class World:
    """Zone texts by name, and the names in them. `net`: the first two octets of the tree's addresses."""

    def __init__(self, rng, net):
        self.rng = rng
        self.servers = server_addresses(net)
        self.names = []    # every name with something at it or below a wildcard, absolute without the last dot
        self.zones = {}    # name -> text, held by the servers under test
        self.far = {}      # name -> text, behind the forwarder
        self.v4 = ["10.%d.%d.%d" % (1 + i % 2, i // 16 % 4, i % 16) for i in range(128)]
        self.v6 = ["2001:db8:%x::%x" % (i % 4, i) for i in range(64)]
        everything = PRIMARIES + FAR + [SIGNED]
        self.gardens_of = ["g%d.%s" % (i, z) for z in everything for i in range(7)] + [
            "no.garden.test", "g9.w1.test", "g9.f1.test", "garden.w2.test", "g1." + FAILING]
        self.gardens_of_rules = {g + "." for g in self.gardens_of}
        self.targets = ["h%d.%s" % (i, z) for z in everything for i in range(8)]
        for zone in everything:
            text = "$TTL %d\n%s%s" % (LOCAL_TTL if zone in PRIMARIES else FAR_TTL, self.apex(zone), self.body(zone))
            (self.zones if zone in PRIMARIES else self.far)[zone] = text
        for zone in CORNERS:
            self.far[zone] = "$TTL %d\n%s%s" % (FAR_TTL, self.apex(zone), self.small_body(zone))
        self.names += ["h1." + DEAD, DEAD]
        self.far["f1.test"] += self.cut(BELOW)
        self.far["test"] = "$TTL %d\n%s%s" % (FAR_TTL, self.apex("test"), "".join(
            self.cut(z) for z in [*everything, SPLIT, HALF, NOGLUE, DEAD]))
        self.far["."] = "$TTL %d\n%s%s" % (FAR_TTL, self.apex("."), self.cut("test"))

    def addresses_of(self, names):
        return "".join("%s. A %s\n" % (n, a) for n in names for a in self.servers[n])

    def apex(self, zone):
        text = "@ SOA %s. host.test. 1 3600 900 604800 %d\n" % (SERVERS[zone][0], NEGATIVE_TTL)
        text += "".join("@ NS %s.\n" % n for n in SERVERS[zone])
        if zone in (".", "test"):
            return text + self.addresses_of(SERVERS[zone])
        return text + self.addresses_of(n for n in self.servers if n.endswith("." + zone) and (zone == BELOW or not n.endswith("." + BELOW)))

    def cut(self, zone):
        """A delegation, with glue where it cannot do without."""
        text = "".join("%s. NS %s.\n" % (zone, n) for n in PARENTS_SERVERS[zone])
        inside = [n for n in PARENTS_SERVERS[zone] if n.endswith("." + zone)]
        return text + self.addresses_of(inside)

    def tree(self):
        """{server: ({zone: text}, addresses)} of the delegated world."""
        texts = {server: {z: self.far[z] for z in zones} for server, zones in TREE.items()}
        texts["leaf"] = {z: t for z, t in self.far.items() if not any(z in zones for zones in TREE.values())}
        # Of the zones that the servers under test hold themselves the world sees only the apex (split horizon).
        texts["leaf"].update({z: "$TTL %d\n%s" % (FAR_TTL, self.apex(z)) for z in PRIMARIES})
        return {server: (zones, [a for n, some in self.servers.items() for a in some[:1] if tree_server(n) == server])
                for server, zones in texts.items()}

    def hints(self):
        return ". 3600000 NS %s.\n%s" % (SERVERS["."][0], self.addresses_of(SERVERS["."]))

    def small_body(self, zone):
        rng, lines = self.rng, []
        for i in range(3):
            lines.append("h%d A %s" % (i, rng.choice(self.v4)))
            lines.append("h%d AAAA %s" % (i, rng.choice(self.v6)))
        lines += ['text TXT "only text"', "*.wild A %s" % rng.choice(self.v4), "c1 CNAME %s." % rng.choice(self.targets),
                  "c2 CNAME h1.%s." % rng.choice(CORNERS)]
        self.names += ["%s.%s" % (n, zone) for n in ("h0", "h1", "h2", "text", "x.wild", "c1", "c2", "nothing", "a.b.wild")]
        self.names.append(zone)
        return "".join(line + "\n" for line in lines)

    def addresses(self, count, pool):
        return self.rng.sample(pool, count)

    def body(self, zone):
        rng, lines = self.rng, []

        def host(owner):
            for a in self.addresses(rng.choice([1, 1, 1, 2, 4]), self.v4):
                lines.append("%s A %s" % (owner, a))
            for a in self.addresses(rng.choice([0, 1, 1, 2]), self.v6):
                lines.append("%s AAAA %s" % (owner, a))
            if rng.random() < 0.4:
                lines.append('%s TXT "of %s" "in %s"' % (owner, owner, zone))
            if rng.random() < 0.2:
                lines.append("%s MX 10 h%d" % (owner, rng.randrange(8)))

        def note(owner):
            self.names.append("%s.%s" % (owner, zone) if owner != "@" else zone)

        for i in range(8):
            host("h%d" % i)
            note("h%d" % i)
        host("a.b.ent")
        for name in ("a.b.ent", "b.ent", "x.b.ent", "ent", "x.ent"):
            note(name)
        host("*.wild")
        host("deep.under.wild")
        for name in ("wild", "x.wild", "y.x.wild", "deep.under.wild", "under.wild", "z.under.wild", "WiLd", "*.wild"):
            note(name)
        host("*.long")
        lines.append('text TXT "only text"')
        lines.append("srv SRV 0 0 53 h0")
        lines.append("svc HTTPS 1 h1")
        lines.append('*.alias CNAME %s.' % rng.choice(self.targets))
        for name in ("@", "text", "srv", "svc", "x.alias", "nothing", "no.thing", "H1", "hH2"):
            note(name)
        lines += ["cut NS ns.cut", "cut NS ns.w1.test.", "ns.cut A 10.9.0.1", "ns.cut AAAA 2001:db8:9::1",
                  "www.cut A 10.9.0.2"]
        self.gardens(lines, host, zone)
        self.chains(lines, note, zone)
        return "".join(line + "\n" for line in lines)

    def gardens(self, lines, host, zone):
        """Where rules send people. Nobody asks for these names: Debian's named aborts when a rule makes a name an
        alias of itself."""
        for i in range(4):
            host("g%d" % i)
        host("*.garden")
        for i, target in enumerate(["g%d.%s" % (self.rng.randrange(4), self.rng.choice(PRIMARIES + FAR)), "g9." + zone,
                                    "g4.%s" % self.rng.choice(FAR)]):
            if target != "g%d.%s" % (4 + i, zone):
                lines.append("g%d CNAME %s." % (4 + i, target))

    def chains(self, lines, note, zone):
        rng = self.rng
        for i in range(10):
            inner = rng.random()
            if inner < 0.10:
                target = "h%d.%s" % (rng.randrange(3), rng.choice(CORNERS))
            elif inner < 0.45:
                target = "c%d.%s" % (rng.randrange(i + 1, 14), rng.choice([zone, zone, *PRIMARIES, *FAR, SIGNED]))
            elif inner < 0.9:
                target = rng.choice(self.targets + ["x.wild." + zone, "text." + zone])
            else:
                target = rng.choice(["nothing." + zone, "nothing.at.all", "h1." + FAILING, "b.ent." + zone])
            lines.append("c%d CNAME %s." % (i, target))
            note("c%d" % i)
        for i in range(10, 14):
            lines.append("c%d A %s" % (i, rng.choice(self.v4)))
            note("c%d" % i)
        lines.append("loop1 CNAME loop2")
        lines.append("loop2 CNAME loop1")
        lines.append("d DNAME %s." % rng.choice([z for z in PRIMARIES + FAR if z != zone]))
        lines.append("din DNAME wild")
        for name in ("loop1", "d", "h1.d", "nothing.d", "c1.d", "din", "q.din", "deep.under.din"):
            note(name)


class Setting:
    """One configuration, of one policy or of two views with a policy each, and the questions to ask it."""

    def __init__(self, world, rng, questions, nameservers=False):
        self.world, self.nameservers = world, nameservers
        views = HALVES if rng.random() < 0.3 else [SOURCES]
        self.policies = [Policy(world, rng, questions // len(views), nameservers, sources) for sources in views]
        self.questions = [q for p in self.policies for q in p.questions]
        self.dns64 = rng.random() < DNS64_SHARE
        self.transferred = len(views) == 1 and rng.random() < 0.4  # candord gets its policy zones from a primary
        # Or half way both servers get other policy zones, which act when the other half of the questions is put.
        self.change = None if self.transferred else rng.choice([None, "reload", "update"])
        for policy in self.policies:
            policy.dns64 = self.dns64
            policy.globals += ["min-update-interval 0"] if self.change else []

    def policy_for(self, source):
        return next(p for p in self.policies if source in p.sources)

    def with_zones(self, policy, zones):
        """The same with other zones in one of the policies."""
        other = Setting.__new__(Setting)
        other.__dict__.update(self.__dict__, policies=[p.with_zones(zones) if p is policy else p for p in self.policies])
        return other

    def before_change(self):
        """Itself as it is before the change: a third of the records is to come."""
        other = self
        for policy in self.policies:
            other = other.with_zones(policy, [zone._replace(lines=[line for i, line in enumerate(zone.lines) if i % 3])
                                              for zone in policy.zones])
        return other

    def words(self):
        return " | ".join(" ".join(p.globals) or "defaults" for p in self.policies) + ", dns64" * self.dns64 + (
            ", transferred" * self.transferred + (", then " + self.change if self.change else ""))

    def file_name(self, policy, zone):
        return "%s.%d" % (zone.name, self.policies.index(policy))

    def files(self, serial=SERIAL):
        found = {z + ".zone": text for z, text in self.world.zones.items()}
        found["hints"] = self.world.hints()
        for policy in self.policies:
            for zone in policy.zones:
                found[self.file_name(policy, zone)] = zone_text(zone.name, serial, zone.lines)
        return found

    def files_before(self):
        """The policy zones as they were before: a third of the rules is to come, and some strong ones are to go."""
        found = {}
        for policy in self.policies:
            for zone in policy.zones:
                taken = {line.split()[0].lower() for line in zone.lines}
                gone = [line for line in GONE if line.split()[0] not in taken]
                found[self.file_name(policy, zone)] = zone_text(
                    zone.name, SERIAL - 1, [line for i, line in enumerate(zone.lines) if i % 3] + gone)
        return found

    def primary_configuration(self):
        """Of the named that candord gets the policy zones from."""
        return PRIMARY_CONFIGURATION + "".join(
            'zone "%s" { type primary; file "%s"; };\n' % (z.name, self.file_name(p, z)) for p in self.policies for z in p.zones)

    def secondary_configuration(self, configuration, primary):
        """candord's, from that which named gets."""
        for policy in self.policies:
            for zone in policy.zones:
                configuration = configuration.replace('type primary; file "%s"' % self.file_name(policy, zone),
                                                      "type secondary; primaries { 127.0.0.1 port %d; }" % primary)
        return configuration

    def zones_of(self, policy, failing):
        zones = "".join('zone "%s" { type primary; file "%s.zone"; };\n' % (z, z) for z in self.world.zones)
        update = " allow-update { any; };" * (self.change == "update")
        zones += "".join('zone "%s" { type primary; file "%s";%s };\n' % (z.name, self.file_name(policy, z), update)
                         for z in policy.zones)
        for name in (FAILING,) if self.nameservers else (FAILING, DEAD):
            zones += 'zone "%s" { type forward; forward only; forwarders { 127.0.0.1 port %d; }; };\n' % (name, failing)
        return zones + ('zone "." { type hint; file "hints"; };\n' if self.nameservers else "")

    def configuration(self, forwarder, failing):
        """For policies with rules about name servers recursion walks the tree; for others one forwarder has it all."""
        forward = "" if self.nameservers else "  forward only;\n  forwarders { 127.0.0.1 port %d; };\n" % forwarder
        forward += "  dns64 64:ff9b::/96 { };\n" * self.dns64
        if len(self.policies) == 1:
            policy, = self.policies
            return CONFIGURATION % (forward, policy.response_policy(), self.zones_of(policy, failing))
        return CONFIGURATION % (forward, "", "".join(
            'view "v%d" {\n  match-clients { %s };\n%s%s};\n' % (
                i, "".join(s + "; " for s in p.sources), p.response_policy(), self.zones_of(p, failing))
            for i, p in enumerate(self.policies)))


class Policy:
    """Policy zones and the words of response-policy, and the questions to ask about them."""

    def __init__(self, world, rng, questions, nameservers, sources):
        self.world, self.rng, self.nameservers, self.sources = world, rng, nameservers, sources
        self.with_clients = rng.random() < 0.6
        self.globals = self.global_words()
        self.prefixes = {}  # owner of an address rule: the only zone that has it
        words = [self.zone_words(i == 0) for i in range(rng.choice([1, 2, 2, 3, 4]))]
        self.disabled = {i for i, w in enumerate(words) if "policy disabled" in w}
        self.behind = {kind: rng.random() < 0.5 for kind in ("ip", "client", "nsip")}
        self.zones = [self.zone(i, w) for i, w in enumerate(words)]
        self.questions = [self.question() for _ in range(questions)]
        self.dns64 = False

    def with_zones(self, zones):
        other = Policy.__new__(Policy)
        other.__dict__.update(self.__dict__, zones=zones)
        return other

    # --- the words of response-policy ---

    def global_words(self):
        rng, words = self.rng, []
        for word, chance in (("break-dnssec", 0.4), ("qname-wait-recurse", 0.5), ("recursive-only", 0.4),
                             ("add-soa", 0.25), *self.enabling()):
            if rng.random() < chance:
                words.append("%s %s" % (word, rng.choice(["yes", "no"])))
        if rng.random() < 0.4:
            words.append("max-policy-ttl %d" % rng.choice([0, 1, 60, 7000]))
        # wait-recurse no: what is known already decides, with named also glue (tests/scenario/name_servers.py).
        for word, chance, values in (("nsip-wait-recurse", 0.2, ["yes"]), ("nsdname-wait-recurse", 0.2, ["yes"]),
                                     ("min-ns-dots", 0.3, [0, 1, 2])):
            if self.nameservers and rng.random() < chance:
                words.append("%s %s" % (word, rng.choice(values)))
        return words

    def zone_words(self, first):
        rng, words = self.rng, []
        if rng.random() < (0.15 if first else 0.35):
            words.append("policy " + rng.choice(["given", "disabled", "passthru", "no-op", "drop", "tcp-only", "nxdomain",
                                                 "nodata", "cname g0.w1.test", "cname g9.w2.test",
                                                 "cname *.garden.w1.test", "cname g4.f1.test"]))
        if rng.random() < 0.25:
            words.append("max-policy-ttl %d" % rng.choice([0, 3, 90, 5000]))
        for word, chance in (("recursive-only", 0.2), ("log", 0.2), ("add-soa", 0.2)):
            if rng.random() < chance:
                words.append("%s %s" % (word, rng.choice(["yes", "no"])))
        return words

    def enabling(self):
        """Only for all zones: Debian's named 9.18 reads these words in a zone's own list, and forgets them."""
        return [("nsip-enable", 0.1), ("nsdname-enable", 0.1)] if self.nameservers else []

    # --- rules ---

    def may_have(self, kind, index):
        """named 9.18, once a disabled zone has an address rule, overlooks those of later zones: then either the
        disabled zones have rules of a kind or the others (rule 10 has unit tests of its own)."""
        return not self.disabled or (index in self.disabled) != self.behind[kind]

    def zone(self, index, words):
        rng = self.rng
        name = "rpz%d" % index
        rules, self.equal = {}, collections.defaultdict(list)
        for _ in range(rng.choice([6, 15, 30, 60])):
            owner, kind = self.owner(index)
            key = owner.lower()
            if kind == "ip" and self.prefixes.setdefault(key, index) != index:
                continue  # named 9.18, once it has a rule of a zone, overlooks longer prefixes that a later zone has too
            if kind == "ip" and not self.in_both_orders(owner):
                continue
            if len(owner) + len(name) < 240 and key not in rules:
                rules[key] = [(owner, data) for data in self.action(owner, kind)]
        lines = ["%s %d %s" % (owner, ttl, data)
                 for records in rules.values() for ttl in [rng.choice([1, 4, 30, 300, 3600])] for owner, data in records]
        lines += self.oddities(set(rules))
        rng.shuffle(lines)
        return PolicyZone(name, lines, words)

    def owner(self, index):
        roll = self.rng.random()
        if roll < 0.62:
            return self.name_owner()
        if self.nameservers and roll < 0.75:
            return self.server_owner(self.may_have("nsip", index))
        if (roll < 0.90 or not self.with_clients) and sum(map(len, self.equal.values())) < 18 and self.may_have("ip", index):
            return self.prefix(self.rng.choice([self.v4_prefix, self.v4_prefix, self.v6_prefix])()) + ".rpz-ip", "ip"
        if not self.with_clients or not self.may_have("client", index):
            return self.name_owner()
        return self.prefix(self.client_prefix()) + ".rpz-client-ip", "client"

    def name_owner(self):
        rng = self.rng
        name = rng.choice(self.world.names).lstrip("*.")
        roll = rng.random()
        if roll < 0.5:
            return name, "name"
        if roll < 0.8:
            return "*." + (name if rng.random() < 0.8 or name.count(".") < 2 else name.split(".", 1)[1]), "name"
        if roll < 0.9:
            return "%s.%s" % (rng.choice(["x", "deep.er", "y.x"]), name), "name"  # makes empty non-terminals
        if roll < 0.97:
            return rng.choice(["*.", ""]) + rng.choice(["no.such.name", "at.all", "nothing.at.all", "made.up.test"]), "name"
        return rng.choice([name.upper(), "x.rpz-foo", "*." + name.title()]), "name"

    def server_owner(self, with_addresses):
        rng = self.rng
        name = rng.choice([*self.world.servers])
        if rng.random() < 0.5 or not with_addresses:
            return rng.choice([name, name, "*." + name.split(".", 1)[1]]) + ".rpz-nsdname", "name"
        length = rng.choice([32, 32, 31, 24, 22])
        return self.prefix(self.cut_v4(rng.choice(self.world.servers[name]), length)) + ".rpz-nsip", "ip"

    @staticmethod
    def cut_v4(address, length):
        value = int.from_bytes(bytes(map(int, address.split("."))), "big") >> (32 - length) << (32 - length)
        return length, ".".join(str(b) for b in reversed(value.to_bytes(4, "big")))

    def in_both_orders(self, owner):
        """Between prefixes of one length in one zone the smallest address wins (rule 11; BIND's manual says the
        same), with named the owner that is smallest label by label, a short label before a long one: 32.7.2.2.10
        before 32.11.1.2.10. There are only rules on whose order both agree."""
        *kind, address = trigger_address(owner)
        equal = self.equal[tuple(kind)]
        if any((address < other) != (wire(owner) < wire(theirs)) for other, theirs in equal):
            return False
        equal.append((address, owner))
        return True

    def v4_prefix(self):
        rng = self.rng
        return self.cut_v4(rng.choice(self.world.v4), rng.choice([32, 32, 32, 31, 30, 29, 28, 27, 26, 25, 24, 22, 20, 16]))

    def v6_prefix(self):
        rng = self.rng
        words = [0x2001, 0xdb8, rng.randrange(4), 0, 0, 0, 0, rng.randrange(64)]
        length = rng.choice([128, 128, 128, 127, 127, 126, 126, 125, 125, 64, 48, 40, 8, 3])
        value = sum(w << 16 * (7 - i) for i, w in enumerate(words)) >> (128 - length) << (128 - length)
        words = [value >> 16 * (7 - i) & 0xffff for i in range(8)]
        return length, zz(words)

    def client_prefix(self):
        rng = self.rng
        if rng.random() < 0.25:  # around ::1
            length = rng.choice([128, 128, 127, 112])  # named: what covers ::ffff:0:0/96 is for IPv4 clients too
            return length, "1.zz" if length == 128 else "zz"
        return self.cut_v4("127.0.0.%d" % rng.randrange(5, 13), rng.choice([32] * 8 + [31, 31, 30, 30, 29, 8, 1]))

    @staticmethod
    def prefix(pair):
        return "%d.%s" % pair

    def action(self, owner, kind):
        """The data of a rule's records."""
        rng = self.rng
        roll = rng.random()
        if roll < 0.22:
            return ["CNAME ."]
        if roll < 0.38:
            return ["CNAME *."]
        if roll < 0.50:
            return ["CNAME rpz-passthru."]
        if roll < 0.53:
            return ["CNAME " + rng.choice(["rpz-drop.", "RPZ-Drop."])]
        if roll < 0.59:
            return ["CNAME rpz-tcp-only."]
        if roll < 0.64 and owner[0] != "*" and "rpz-foo" not in owner:  # the old passthru: a CNAME to the trigger itself
            return ["CNAME %s." % (owner.rsplit(".", 1)[0] if kind != "name" or owner.endswith("rpz-nsdname") else owner)]
        if roll < 0.80:
            return self.local_data()
        if roll < 0.81 and kind == "name" and owner.startswith("*."):
            return ["CNAME " + LONG_GARDEN]
        if roll < 0.86:
            return ["CNAME *.%s." % rng.choice(["garden.w1.test", "garden.f1.test", "garden.s1.test", "no.garden.test"])]
        return ["CNAME %s." % rng.choice(self.world.gardens_of)]

    def local_data(self):
        rng = self.rng
        data = []
        for one, chance in (("A 198.51.100.%d" % rng.randrange(256), 0.7), ("A 198.51.100.%d" % rng.randrange(256), 0.3),
                            ("A " + rng.choice(self.world.v4), 0.2), ("AAAA 2001:db8:f::%x" % rng.randrange(99), 0.4),
                            ('TXT "made" "up"', 0.3), ("MX 5 h2.w1.test.", 0.2), ("PTR p.w1.test.", 0.1),
                            ("HTTPS 1 . alpn=h2", 0.1), ("TYPE65280 \\# 3 010203", 0.1), ("SRV 0 0 1 h1.f1.test.", 0.1)):
            if rng.random() < chance:
                data.append(one)
        return list(dict.fromkeys(data)) or ["A 198.51.100.7"]

    def oddities(self, taken):
        """Records that are no rules, in the way of the rules beside them."""
        rng, lines = self.rng, []
        for line in ("@ A 192.0.2.99", "rpz-ip CNAME .", "33.1.2.3.10.rpz-ip CNAME .", "24.5.0.1.10.rpz-ip CNAME .",
                     "0.0.0.0.0.rpz-ip CNAME .", "32.1.2.3.256.rpz-ip CNAME .",
                     "129.zz.rpz-ip CNAME .", '@ TXT "apex"', "rpz-client-ip A 192.0.2.1"):
            if rng.random() < 0.15 and line.split()[0].lower() not in taken:
                lines.append(line.replace(" ", " 300 ", 1))
        return lines

    # --- questions ---

    def question(self):
        rng = self.rng
        roll = rng.random()
        if roll < 0.60:
            name = rng.choice(self.world.names)
        elif roll < 0.80:
            name = self.rule_name()
        elif roll < 0.83:
            name = self.owner_of_a_rule()
        elif roll < 0.91:
            name = "%s.%s" % (rng.choice(["x", "y.x", "deep.er", LONG + ".x"]), rng.choice(self.world.names))
        elif roll < 0.93:
            name = self.long_name()
        else:
            name = rng.choice(["nothing.at.all", "made.up.test", "x.no.such.name", "h1." + FAILING, "test", "x.garden.w1.test"])
        # Without RD only for what the servers hold: elsewhere the answer is what the cache happens to have.
        if rng.random() < 0.03:
            return self.referral()
        held = (*PRIMARIES, *(z.name for z in self.zones))
        rd = rng.random() < 0.88 or not name.lower().endswith(held)
        qtype = rng.choice(TYPES)
        if qtype in ODD_BY_RECURSION and not name.lower().endswith(held):
            qtype = "A"
        if rng.random() < 0.08:
            name = "".join(rng.choice([c.upper(), c]) for c in name)
        edns = rng.choice([0, 512] + [1232] * 8)
        return Question(name, qtype, rd, edns > 0 and rng.random() < 0.35, rng.random() < 0.1,
                        rng.random() < 0.1, edns, rd and rng.random() < 0.15, rng.choice(self.sources))

    def referral(self):
        """Below a cut of a zone of ours; without RD, as nobody answers there."""
        rng = self.rng
        name = rng.choice(["cut", "www.cut", "x.cut", "y.x.cut", "ns.cut"]) + "." + rng.choice(PRIMARIES)
        return Question(name, rng.choice(["A", "NS", "DS", "ANY", "AAAA", "SOA"]), False, rng.random() < 0.4, False, False,
                        1232, False, rng.choice(self.sources))

    def owner_of_a_rule(self):
        """A policy zone is a zone: its records can be asked for. Not where they lead to a garden (see gardens())."""
        zone = self.rng.choice(self.zones)
        lines = [line for line in zone.lines if line.split()[3] not in self.world.gardens_of_rules]
        owner = self.rng.choice(lines).split()[0] if lines else "@"
        return zone.name if owner == "@" else "%s.%s" % (owner, zone.name)

    def long_name(self):
        """Some 90 to 250 octets, below a wildcard or a DNAME."""
        rng = self.rng
        above = rng.choice(["long", "x.wild", "d", "din"]) + "." + rng.choice([*PRIMARIES, *FAR, SIGNED])
        return ".".join([*[LONG] * rng.randrange(1, 4), "s" * rng.randrange(1, 40), above])

    def rule_name(self):
        zone = self.rng.choice(self.zones)
        names = [line.split()[0] for line in zone.lines if "rpz-" not in line.split()[0] and line[0] != "@"]
        if not names:
            return self.rng.choice(self.world.names)
        return self.rng.choice(names).replace("*", self.rng.choice(["x", "Star", "y.x"]))

    # --- as text ---

    def response_policy(self):
        zones = "".join('    zone "%s"%s;\n' % (z.name, "".join(" " + w for w in z.options)) for z in self.zones)
        return "  response-policy {\n%s  }%s;\n" % (zones, "".join(" " + w for w in self.globals))


def zone_text(name, serial, lines):
    return "$TTL 300\n@ 900 SOA ns.%s. host.%s. %d 3600 900 604800 60\n@ NS ns.w1.test.\n%s" % (
        name, name, serial, "".join(line + "\n" for line in lines))


GONE = ["*.test 30 CNAME .", "8.0.0.0.10.rpz-ip 30 CNAME *.", "8.0.0.0.127.rpz-client-ip 30 CNAME rpz-drop.",
        "*.host.f2.test.rpz-nsdname 30 CNAME rpz-tcp-only."]
PRIMARY_CONFIGURATION = """options {
  directory "@DIR@";
  listen-on port @PORT@ { 127.0.0.1; };
  listen-on-v6 { none; };
  pid-file "@DIR@/pid";
  session-keyfile "@DIR@/session.key";
  recursion no;
  dnssec-validation no;
  allow-transfer { any; };
  notify no;
  ixfr-from-differences yes;
  max-ixfr-ratio unlimited;
};
controls { };
"""
CONFIGURATION = """options {
  directory "@DIR@";
  listen-on port @PORT@ { 127.0.0.1; };
  listen-on-v6 port @PORT@ { ::1; };
  pid-file "@DIR@/pid";
  session-keyfile "@DIR@/session.key";
  recursion yes;
  allow-query { any; };
  allow-recursion { any; };
  dnssec-validation no;
  empty-zones-enable no;
  notify no;
  servfail-ttl 0;
%s%s};
controls { };
%s"""


def zz(words):
    """IPv6 words as a rule's owner has them: reversed, the longest run of zeros as zz."""
    best, at = 0, 0
    for start in range(8):
        length = next((i for i, w in enumerate(words[start:]) if w), 8 - start)
        if length > best:
            best, at = length, start
    text = ["%x" % w for w in words]
    if best > 1:
        text[at:at + best] = ["zz"]
    return ".".join(reversed(text))
