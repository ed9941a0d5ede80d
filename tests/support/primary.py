# SPDX-License-Identifier: GPL-3.0-or-later
"""A primary in Python that can be as wrong as one likes: SOA over UDP and TCP, and transfers that a function makes
message by message."""
import socket
import struct
import threading

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring


def rrset(owner, kind, data, ttl=60):
    return dns.rrset.from_text(owner, ttl, "IN", kind, data)


class Primary:
    """`transfer(primary, query)` yields what is sent in answer to an AXFR or IXFR: lists of RRsets (a message each),
    dns.message.Message, or bytes that go out as they are; raising Close ends the connection."""

    class Close(Exception):
        pass

    def __init__(self, zone="rpz.test.", serial=1, key=None):
        self.zone, self.serial, self.key = zone, serial, key
        self.said_serial = None         # what a SOA question is told; None: serial
        self.rules = {"blocked": "."}
        self.transfer = Primary.whole
        self.asked = []                 # types of the transfers asked for
        self.peers = set()              # addresses that asked for them
        self.silent = False             # over UDP
        self.no_edns = False            # FORMERR for questions with EDNS
        self.refresh, self.expire = 3600, 86400
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        while True:
            self.udp.bind(("127.0.0.1", 0))
            self.port = self.udp.getsockname()[1]
            try:
                self.tcp = socket.create_server(("127.0.0.1", self.port))
                break
            except OSError:
                self.udp.close()
                self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.closed = False
        for work in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=work, daemon=True).start()

    def close(self):
        self.closed = True
        self.udp.close()
        self.tcp.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- what it holds

    def soa(self, serial=None, zone=None):
        return rrset(zone or self.zone, "SOA", "localhost. host. %d %d 1 %d 60"
                     % (self.serial if serial is None else serial, self.refresh, self.expire))

    def records(self):
        made = [rrset(self.zone, "NS", "localhost.")]
        return made + [rrset("%s.plain.test.%s" % (n, self.zone), "CNAME", t) for n, t in self.rules.items()]

    def rule(self, name, target="."):
        return rrset("%s.plain.test.%s" % (name, self.zone), "CNAME", target)

    @staticmethod
    def whole(primary, query):
        """A good AXFR, one record a message."""
        yield [primary.soa()]
        for record in primary.records():
            yield [record]
        yield [primary.soa()]

    # --- serving

    def _keyring(self):
        return {dns.name.from_text(self.key[0]): dns.tsig.Key(self.key[0], self.key[1])} if self.key else None

    def _read(self, wire):
        return dns.message.from_wire(wire, keyring=self._keyring() or False)

    def _soa_answer(self, query):
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.AA
        if self.no_edns and query.edns >= 0:
            answer.set_rcode(dns.rcode.FORMERR)
            answer.use_edns(-1)
        else:
            answer.answer.append(self.soa(self.said_serial))
        return answer.to_wire()

    def _serve_udp(self):
        while not self.closed:
            try:
                wire, peer = self.udp.recvfrom(65535)
                if not self.silent:
                    self.udp.sendto(self._soa_answer(self._read(wire)), peer)
            except OSError:
                return

    def _serve_tcp(self):
        while not self.closed:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    @staticmethod
    def _receive(connection):
        data = b""
        while len(data) < 2 or len(data) < 2 + struct.unpack("!H", data[:2])[0]:
            piece = connection.recv(65536)
            if not piece:
                return None
            data += piece
        return data[2:]

    def _answer(self, connection):
        try:
            with connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wire = self._receive(connection)
                if wire is None:
                    return
                query = self._read(wire)
                kind = dns.rdatatype.to_text(query.question[0].rdtype)
                if kind == "SOA":
                    self._send(connection, self._soa_answer(query))
                    return
                self.asked.append(kind)
                self.peers.add(connection.getpeername()[0])
                self._send_all(connection, query)
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(2)
                connection.recv(1)
        except (OSError, Primary.Close):
            pass

    @staticmethod
    def _send(connection, wire):
        connection.sendall(struct.pack("!H", len(wire)) + wire)

    def _send_all(self, connection, query):
        context = None
        for piece in self.transfer(self, query):
            if isinstance(piece, bytes):
                connection.sendall(piece)
                continue
            message = piece
            if isinstance(piece, list):
                message = dns.message.make_response(query)
                message.flags |= dns.flags.AA
                message.answer = list(piece)
            if message.had_tsig or self.key and isinstance(piece, list):
                message.use_tsig(self._keyring()) if not message.keyring else None
                wire = message.to_wire(multi=True, tsig_ctx=context)
                context = message.tsig_ctx
            else:
                wire = message.to_wire()
            self._send(connection, wire)

    def notify(self, server, serial=None):
        """Tells a server; its answer."""
        message = dns.message.Message()
        message.set_opcode(dns.opcode.NOTIFY)
        message.flags |= dns.flags.AA
        message.question.append(dns.rrset.RRset(dns.name.from_text(self.zone), 1, dns.rdatatype.SOA))
        if serial is not None:
            message.answer.append(self.soa(serial))
        return dns.query.udp(message, server.address, port=server.port, timeout=5)
