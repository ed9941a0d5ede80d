# SPDX-License-Identifier: GPL-3.0-or-later
"""Where candord answers otherwise than named on purpose: the referee's list.

Each entry names the rule of doc/rpz.md that wants the difference, or says that it is none about policy, and has a
test that is as narrow as the answers allow. A test gets the policy, the field that differs, and the outcome; a
reply that did not come counts as empty.
"""
import collections
import ipaddress

from . import policyworld

Wanted = collections.namedtuple("Wanted", "rule why applies one_sided", defaults=(False,))


# --- looking at answers ---

def flags(answer):
    return set(answer.get("flags", "").split())


def record_type(record):
    return record.split(" ")[2]


def policy_soa(answer):
    return any(" SOA ns.rpz" in record for record in answer.get("additional", ()))


def rewritten(policy, o):
    """Did a rule make both answers? Without add-soa it does not show."""
    return (policy_soa(o.ours) and policy_soa(o.theirs)) or "add-soa no" in policy.response_policy()


def deciding_zone(policy, answer):
    """The number of the zone whose SOA is in the answer, or None."""
    owners = [r.split(".")[0] for r in answer.get("additional", ()) if " SOA ns.rpz" in r]
    return next((i for i, z in enumerate(policy.zones) if z.name in owners), None)


def without_ttls(records):
    return {" ".join(r.split(" ")[:1] + r.split(" ")[2:]) for r in records}


def too_long(o):
    """Would the name that a rule leads to be more than 255 octets?"""
    return bool(o.ours and o.theirs) and o.ours["rcode"] == o.theirs["rcode"] == "YXDOMAIN"


def unsigned(records):
    return {r for r in records if record_type(r) not in ("RRSIG", "NSEC")}


def leads_far(answer):
    """Does the answer's chain go through names that the servers do not hold themselves?"""
    held = tuple("." + z + "." for z in policyworld.PRIMARIES)
    for record in answer.get("answer", ()):
        owner, _, rdtype, data = record.split(" ", 3)
        for name in (owner, data if rdtype in ("CNAME", "DNAME") else owner):
            if not ("." + name).endswith(held) and not name.startswith("rpz"):
                return True
    return False


# --- the tests ---

def signed_any(policy, field, o):
    signed = any(record_type(r) == "RRSIG" for r in o.ours.get("answer", ()))
    return o.question.do and o.question.type in ("ANY", "RRSIG") and signed and not policy_soa(o.ours)


def signatures_of_the_chain(policy, field, o):
    if field not in ("answer", "authority") or not rewritten(policy, o):
        return False
    return o.ours[field] == unsigned(o.theirs[field]) and o.ours[field] != o.theirs[field]


def aa_on_policy_answers(policy, field, o):
    told = policy_soa(o.theirs) or policy_soa(o.ours) or "add-soa no" in policy.response_policy()
    claimed = {"AA", "AD"} if too_long(o) else {"AA"}
    return field == "flags" and told and flags(o.ours) < flags(o.theirs) <= flags(o.ours) | claimed


def flags_on_truncation(policy, field, o):
    empty = not o.ours.get("answer") and "TC" in flags(o.ours)
    return field == "flags" and empty and flags(o.ours) < flags(o.theirs) <= flags(o.ours) | {"AA", "AD"}


def ns_of_the_policy_zone(policy, field, o):
    return (field == "authority" and rewritten(policy, o) and not o.ours["authority"] and not o.question.rd
            and all(r.startswith("rpz") and record_type(r) == "NS" for r in unsigned(o.theirs["authority"])))


def code_of_truncation(policy, field, o):
    unknown = "qname-wait-recurse no" in policy.globals or not o.question.rd
    return (field == "rcode" and "TC" in flags(o.ours) & flags(o.theirs) and unknown
            and {o.ours["rcode"], o.theirs["rcode"]} == {"NOERROR", "NXDOMAIN"})


def leaked_ttl(policy, field, o):
    return (field == "answer" and o.question.type in ("ANY", "RRSIG")
            and without_ttls(o.ours["answer"]) == without_ttls(o.theirs["answer"]))


def ttl_of_an_override(policy, field, o):
    return (field == "answer" and any("policy cname" in " ".join(z.options) for z in policy.zones) and rewritten(policy, o)
            and without_ttls(o.ours["answer"]) == without_ttls(unsigned(o.theirs["answer"])))


def ttl_of_synthesized(policy, field, o):
    if field != "answer" or not policy.dns64:
        return False
    ours, theirs = (unsigned(a["answer"]) if rewritten(policy, o) else a["answer"] for a in (o.ours, o.theirs))
    return without_ttls(ours) == without_ttls(theirs) and all(" AAAA 64:ff9b::" in r for r in ours ^ theirs)


def dns64_for_who_validates(policy, field, o):
    return policy.dns64 and o.question.type == "AAAA" and o.question.do


def dns64_of_both_families(policy, field, o):
    """Has the rule AAAA as well as A records, or its target?"""
    ours, theirs = ({r for r in a.get("answer", ()) if record_type(r) == "AAAA"} for a in (o.ours, o.theirs))
    made = all(" 64:ff9b::" in r for r in theirs) and not any(" 64:ff9b::" in r for r in ours)
    return policy.dns64 and field == "answer" and bool(ours) and made and rewritten(policy, o)


def servers_beside_synthesized(policy, field, o):
    return (policy.dns64 and field == "authority" and o.question.type == "AAAA" and not o.ours["authority"]
            and {record_type(r) for r in o.theirs["authority"]} <= {"NS", "RRSIG"} and not o.question.rd)


def luck_of_the_cache(policy, field, o):
    return (not o.question.rd or o.question.type in policyworld.ODD_BY_RECURSION) and (
        leads_far(o.ours) or leads_far(o.theirs))


def additional_from_cache(policy, field, o):
    if field != "additional":
        return False
    extra = o.theirs["additional"] - o.ours["additional"]
    ours = tuple("." + z + "." for z in policyworld.PRIMARIES)
    if not o.question.rd and not rewritten(policy, o) and any(("." + r.split(" ")[0]).endswith(ours) for r in extra):
        return False
    return o.ours["additional"] <= o.theirs["additional"] and {record_type(r) for r in extra} <= {"A", "AAAA", "RRSIG"}


def fits_into_less_room(policy, field, o):
    cut = "TC" in flags(o.theirs) - flags(o.ours)
    return o.question.edns <= 512 and not o.question.tcp and cut and bool(o.ours["answer"] | o.ours["authority"])


def proofs_by_recursion(policy, field, o):
    if field != "authority" or not o.question.do or not leads_far(o.theirs):
        return False
    return {record_type(r) for r in o.ours["authority"] ^ o.theirs["authority"]} <= {"RRSIG", "NSEC"}


def servers_without_rd(policy, o):
    """Are there rules about name servers for a client without RD? What named has to find out about those it asks for,
    and goes on as if the client had set RD: its answer is that of the servers, and zones with recursive-only act."""
    words = (*policy.globals, *(w for z in policy.zones for w in z.options))
    return policy.nameservers and not o.question.rd and "recursive-only no" in words


def below_our_cut(policy, field, o):
    below = any(("." + o.question.name.lower()).endswith(".cut." + z) for z in policyworld.PRIMARIES)
    return below and servers_without_rd(policy, o)


def rule_about_server(policy, names):
    """Has the policy an NSDNAME rule for one of these servers, or an NSIP rule for one of their addresses?"""
    addresses = [ipaddress.ip_address(a) for n in names for a in policy.world.servers[n]]
    for owner in {l.split()[0].lower() for z in policy.zones for l in z.lines}:
        if owner.endswith(".rpz-nsdname"):
            rule = owner[:-len(".rpz-nsdname")]
            if rule in names or rule[:2] == "*." and any(n.endswith(rule[1:]) for n in names):
                return True
        elif owner.endswith(".rpz-nsip"):
            length, *octets = owner.split(".")[:-1]
            net = ipaddress.ip_network("%s/%s" % (".".join(reversed(octets)), length))
            if any(a in net for a in addresses):
                return True
    return False


def disputed_servers(zone):
    """The servers that not both parent and child name, or whose address only a parent's glue tells."""
    if zone == policyworld.SPLIT:
        return set(policyworld.PARENTS_SERVERS[zone]) ^ set(policyworld.SERVERS[zone])
    return policyworld.SERVERS[policyworld.DEAD] if zone == policyworld.HALF else ()


def leads_through(o, zone):
    """Is the question, or a name of an answer's chain, in the zone?"""
    names = {o.question.name.lower() + "."}
    for answer in (o.ours, o.theirs):
        for record in answer.get("answer", ()):
            owner, _, rdtype, data = record.split(" ", 3)
            names |= {owner, data.lower()} if rdtype in ("CNAME", "DNAME") else {owner}
    return any(("." + n).endswith("." + zone + ".") for n in names)


def parent_and_child_disagree(policy, field, o):
    zone = policyworld.SPLIT
    return policy.nameservers and leads_through(o, zone) and rule_about_server(policy, disputed_servers(zone))


def address_in_glue_only(policy, field, o):
    zone = policyworld.HALF
    return policy.nameservers and leads_through(o, zone) and rule_about_server(policy, disputed_servers(zone))


def server_disputed(policy, *names):
    """Is one of the names in a zone whose servers are not the same for both, and are there rules about those?"""
    return policy.nameservers and any(
        ("." + name).endswith("." + zone) and rule_about_server(policy, disputed_servers(zone))
        for zone in (policyworld.SPLIT, policyworld.HALF) for name in names)


def additional_of_a_wildcard(policy, field, o):
    extra = o.ours["additional"] - o.theirs["additional"]
    return (field == "additional" and o.question.type == "HTTPS" and o.theirs["additional"] < o.ours["additional"]
            and all(r.startswith("*.") and record_type(r) in ("A", "AAAA") for r in extra))


def may_log_apart(policy, o):
    """May the logs differ though the answers do not? Either cache may have had the rest of a chain at first, or
    neither has answered, as servers that are dead have to be given up before; or named's recursion has answered what
    a rule of ours does. A rule that cannot be carried out, as the name would be too long, named does not tell of."""
    dead = (policyworld.HALF, policyworld.DEAD)
    if servers_without_rd(policy, o) or too_long(o):
        return True
    if o.ours is o.theirs is None:
        return policy.nameservers and ("." + o.question.name.lower()).endswith(tuple("." + z for z in dead))
    return bool(o.ours and o.theirs) and luck_of_the_cache(policy, None, o)


WANTED = [
    Wanted("14, 18", "without recursion the real code is not known; named takes it from its cache if it can",
           code_of_truncation),
    Wanted("21", "a signed answer to ANY or RRSIG passes like any other; named finds no signatures there", signed_any, True),
    Wanted("22", "rewritten answers carry no RRSIG and no NSEC, not of the chain before either", signatures_of_the_chain),
    Wanted("23", "what a rule made is nobody's authority: AA is never set", aa_on_policy_answers),
    Wanted("22, 23", "nor is AD or AA set when a rule sends to TCP", flags_on_truncation),
    Wanted("24", "the authority section of what a rule made is empty, without RD too", ns_of_the_policy_zone),
    Wanted("25", "max-policy-ttl caps what a rule made; named's cap leaks into other answers of these types", leaked_ttl),
    Wanted("25", "an override's CNAME has the rule's TTL; named takes 5 when the rule has no data of the type",
           ttl_of_an_override),
    Wanted("25, 29", "max-policy-ttl caps what is made from a rule's A too; named takes the truth's SOA minimum",
           ttl_of_synthesized),
    Wanted("29", "an AAAA of the rule for an A, or of its target, is given as it is; named makes one from the A",
           dns64_of_both_families),
    Wanted("not policy", "a client that validates (DO and CD, DO and a signed name) gets nothing synthesized (RFC 6147, 5.5)",
           dns64_for_who_validates, True),
    Wanted("not policy", "without RD, named adds the zone's servers to what DNS64 made", servers_beside_synthesized),
    Wanted("28", "without RD, and for types that caches hold by chance, the rest of a chain is luck", luck_of_the_cache,
           True),
    Wanted("24", "additional: what a cache happens to have for MX and SRV targets is no part of it", additional_from_cache),
    Wanted("17", "of NS sets that differ we see the child's (libunbound shows no delegation), named what its cache has",
           parent_and_child_disagree, True),
    Wanted("17", "an address that only the parent's glue tells of is unknown to us", address_in_glue_only, True),
    Wanted("17", "named asks about the servers of a cut for a client without RD, and answers what came of that",
           below_our_cut, True),
    Wanted("not policy", "asked for a wildcard itself, we add the addresses of what its HTTPS record means by '.'",
           additional_of_a_wildcard),
    Wanted("not policy", "in 512 bytes we get what named, which compresses less, cuts", fits_into_less_room, True),
    Wanted("not policy", "which proofs of a chain by recursion come along is libunbound's choice", proofs_by_recursion),
]


def find(policy, field, outcome):
    """The entry that excuses a difference, or None."""
    o = outcome._replace(ours=outcome.ours or {}, theirs=outcome.theirs or {})
    both_whole = "answer" in o.ours and "answer" in o.theirs
    both_cut = "TC" in flags(o.ours) and "TC" in flags(o.theirs)
    for entry in WANTED:
        if (both_whole or both_cut or entry.one_sided) and entry.applies(policy, field, o):
            return entry
    return None
