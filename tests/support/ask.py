# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions and what to look at in answers, over dnspython."""
import socket
import struct

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype

Timeout = dns.exception.Timeout


def make(name, qtype="A", *, rd=True, do=False, cd=False, ad=False, edns=True, payload=1232, options=None,
         qclass="IN"):
    message = dns.message.make_query(name, qtype, qclass, use_edns=0 if edns else -1,
                                     payload=payload, options=options, want_dnssec=do)
    if not edns:
        message.use_edns(-1)
    message.flags = (dns.flags.RD if rd else 0) | (dns.flags.CD if cd else 0) | (dns.flags.AD if ad else 0)
    return message


def ask(server, name, qtype="A", *, tcp=False, timeout=5, source=None, address=None, **how):
    """Asks a server (anything with .address and .port) once; raises Timeout when nothing comes."""
    message = make(name, qtype, **how)
    send = dns.query.tcp if tcp else dns.query.udp
    return send(message, address or server.address, timeout=timeout, port=server.port, source=source)


def raw(server, data, timeout=2, address=None):
    """Sends bytes over UDP; the bytes that come back, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect((address or server.address, server.port))
        s.send(data)
        try:
            return s.recv(65535)
        except (socket.timeout, ConnectionRefusedError):
            return None


def tcp_connect(server, timeout=5, address=None):
    s = socket.create_connection((address or server.address, server.port), timeout=timeout)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def tcp_send(s, *messages):
    wires = [m if isinstance(m, bytes) else m.to_wire() for m in messages]
    s.sendall(b"".join(struct.pack("!H", len(w)) + w for w in wires))


def tcp_receive(s):
    """One message from a TCP connection; None when the other side has closed it."""
    def exactly(n):
        data = b""
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more:
                return None
            data += more
        return data
    head = exactly(2)
    body = exactly(struct.unpack("!H", head)[0]) if head else None
    return dns.message.from_wire(body) if body else None


def rcode(message):
    return dns.rcode.to_text(message.rcode())


def flags(message):
    """{"QR", "RD", "RA"}: the header's flags."""
    return set(dns.flags.to_text(message.flags).split())


def rrsets(section):
    """{"ads.example.net. 5 IN AAAA 2001:db8::1"}: one line per record."""
    return {line for rrset in section for line in rrset.to_text().split("\n")}


def answers(message):
    return rrsets(message.answer)


def data(message, qtype=None):
    """The answer's data as sorted text, of one type or of all."""
    want = qtype and dns.rdatatype.from_text(qtype)
    return sorted(r.to_text() for s in message.answer if want in (None, s.rdtype) for r in s)


def soa(section):
    """The owner of the SOA in a section, or None."""
    for rrset in section:
        if rrset.rdtype == dns.rdatatype.SOA:
            return rrset.name.to_text()
    return None


def options(message):
    """EDNS options by code: {3: [b"id"]}."""
    found = {}
    for option in message.options if message.edns >= 0 else ():
        wire = option.to_wire()
        found.setdefault(int(option.otype), []).append(wire if wire is not None else b"")
    return found


def ede(message):
    """Extended DNS errors: [(15, "text")]."""
    return [(struct.unpack("!H", o[:2])[0], o[2:].decode(errors="replace")) for o in options(message).get(15, [])]
