# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the same questions to two servers, many at a time, and compares what they answer.

An answer is brought into a form that does not depend on luck: sections are sets, TTLs that count down in caches
are rounded to what they counted down from. A question without an answer (policy drop) is None.
"""
import asyncio
import collections
import struct

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from . import policyworld

WINDOW = 150         # questions under way at a time
UDP_TIMEOUT_S = 0.8  # both servers are on this machine and have the answer at hand
SURE_TIMEOUT_S = 6.0  # more than nameserver-lookup-time

Difference = collections.namedtuple("Difference", "question field ours theirs")


def wire(question, ident):
    """The question as bytes; made by hand, it is done thousands of times."""
    flags = (0x0100 if question.rd else 0) | (0x0010 if question.cd else 0) | (0x0020 if question.ad else 0)
    name = dns.name.from_text(question.name).to_wire()
    head = struct.pack("!HHHHHH", ident, flags, 1, 0, 0, 1 if question.edns else 0)
    opt = struct.pack("!BHHIH", 0, 41, question.edns, 0x8000 if question.do else 0, 0) if question.edns else b""
    return head + name + struct.pack("!HH", dns.rdatatype.from_text(question.type), 1) + opt


class Socket(asyncio.DatagramProtocol):
    """One client address towards one server."""

    def __init__(self):
        self.waiting = {}
        self.next = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, _):
        future = self.waiting.pop(data[:2], None)
        if future and not future.done():
            future.set_result(data)

    def error_received(self, error):
        for future in self.waiting.values():
            if not future.done():
                future.set_exception(error)
        self.waiting.clear()

    async def ask(self, question, timeout):
        self.next = (self.next + 1) & 0xffff
        ident = struct.pack("!H", self.next)
        future = asyncio.get_running_loop().create_future()
        self.waiting[ident] = future
        self.transport.sendto(wire(question, self.next))
        try:
            return await asyncio.wait_for(future, timeout)
        except asyncio.TimeoutError:
            return None
        finally:
            self.waiting.pop(ident, None)


def address_of(server, source):
    """Where a client of this address finds the server."""
    return source if ":" in source else server.address


async def ask_tcp(server, question, timeout):
    async def exchange():
        reader, writer = await asyncio.open_connection(address_of(server, question.source), server.port,
                                                       local_addr=(question.source, 0))
        try:
            message = wire(question, 4711)
            writer.write(struct.pack("!H", len(message)) + message)
            length, = struct.unpack("!H", await reader.readexactly(2))
            return await reader.readexactly(length)
        finally:
            writer.close()
    try:
        return await asyncio.wait_for(exchange(), timeout)
    except (asyncio.TimeoutError, asyncio.IncompleteReadError, ConnectionError):
        return None


class Clients:
    """All client addresses towards one server."""

    def __init__(self, server):
        self.server = server

    async def open(self):
        loop = asyncio.get_running_loop()
        self.sockets = {}
        for source in policyworld.SOURCES:
            _, self.sockets[source] = await loop.create_datagram_endpoint(
                Socket, local_addr=(source, 0), remote_addr=(address_of(self.server, source), self.server.port))
        return self

    def close(self):
        for s in self.sockets.values():
            s.transport.close()

    async def ask(self, question, timeout=UDP_TIMEOUT_S):
        try:
            if question.tcp:
                return await ask_tcp(self.server, question, timeout)
            return await self.sockets[question.source].ask(question, timeout)
        except ConnectionError:
            return None  # the server has ended: hear() says so


# --- an answer in a form that can be compared ---

def rounded(ttl):
    """A TTL that counts down, as what it started from."""
    for start in (policyworld.FAR_TTL, policyworld.NEGATIVE_TTL):
        if start - 1500 <= ttl <= start:
            return start
    return ttl


WITH_NAMES = {dns.rdatatype.from_text(t) for t in "CNAME DNAME NS MX SRV PTR SOA".split()}


def section(rrsets):
    found = set()
    for rrset in rrsets:
        owner, rdtype = rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype)
        for rdata in rrset:
            text = rdata.to_text()
            if rrset.rdtype in WITH_NAMES:
                text = text.lower()
            if rrset.rdtype == dns.rdatatype.RRSIG:
                text = " ".join(text.split()[:3]) + " …"  # two signings of one set may both be in caches
            found.add("%s %d %s %s" % (owner, rounded(rrset.ttl), rdtype, text))
    return found


FLAGS = [("AA", 0x0400), ("TC", 0x0200), ("RD", 0x0100), ("RA", 0x0080), ("AD", 0x0020), ("CD", 0x0010)]


def judged(data):
    """{field: value}, or None for no answer."""
    if data is None:
        return None
    try:
        m = dns.message.from_wire(data)
    except Exception as why:  # whatever the reader says, it is an answer that cannot be read
        return {"readable": repr(why)}
    found = {"rcode": dns.rcode.to_text(m.rcode()),
             "flags": " ".join(name for name, bit in FLAGS if m.flags & bit),
             "question": " ".join(q.to_text() for q in m.question),
             "edns": "none" if m.edns < 0 else "version %d DO %d size %d" % (m.edns, bool(m.ednsflags & 0x8000), m.payload)}
    if not m.flags & dns.flags.TC:  # what is left in a cut answer is anyone's choice
        found["answer"] = section(m.answer)
        found["authority"] = section(m.authority)
        found["additional"] = section(m.additional)
    return found


def fields_that_differ(ours, theirs):
    if ours is None or theirs is None:
        return [] if ours is theirs else ["reply"]
    return [f for f in sorted(set(ours) | set(theirs)) if ours.get(f) != theirs.get(f)]


# --- asking both ---

Outcome = collections.namedtuple("Outcome", "question ours theirs fields unstable")
AGAIN = 3


async def compare_one(pair, question):
    """Asks again, patiently, before it says that two answers differ: `unstable` tells who changed his mind."""
    async def both(timeout):
        return [judged(d) for d in await asyncio.gather(*(c.ask(question, timeout) for c in pair))]
    first = ours, theirs = await both(UDP_TIMEOUT_S)
    if ours is theirs is None:  # dropped, or did both still have to find out?
        first = ours, theirs = await both(UDP_TIMEOUT_S)
    fields, unstable = fields_that_differ(ours, theirs), ""
    for _ in range(AGAIN if fields else 0):
        ours, theirs = await both(SURE_TIMEOUT_S)
        if fields_that_differ(first[0], ours):
            unstable = "ours"
        elif fields_that_differ(first[1], theirs):
            unstable = unstable or "theirs"
        fields = fields_that_differ(ours, theirs)
        if not fields:
            break
    return Outcome(question, ours, theirs, fields, unstable)


async def compare(servers, questions, each):
    """Asks both servers every question; each(Outcome) for every one."""
    pair = [await Clients(s).open() for s in servers]
    window = asyncio.Semaphore(WINDOW)

    async def one(question):
        async with window:
            each(await compare_one(pair, question))
    try:
        await asyncio.gather(*(one(q) for q in questions))
    finally:
        for clients in pair:
            clients.close()


class Failing(asyncio.DatagramProtocol):
    """A server that refuses whatever it is asked."""

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        if len(data) >= 12:
            flags = struct.unpack("!H", data[2:4])[0]
            head = data[:2] + struct.pack("!HHHHH", flags & 0x0110 | 0x8005, 1, 0, 0, 0)
            end = data.find(b"\0", 12) + 5
            self.transport.sendto(head + data[12:end], address)
