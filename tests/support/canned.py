# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that answers every request with the same bytes, and remembers what it was asked; and a certificate
made for the occasion."""
import os
import socket
import ssl
import subprocess
import threading
import time


def certificate(folder, days=365, name="test.example", start=None, alternative=False):
    """A self-signed certificate: (certificate file, key file). `start`: a faketime of its making; `alternative`: the
    name stands in its subjectAltName, too."""
    cert, key = os.path.join(folder, "cert-%s-%s.pem" % (name, days)), os.path.join(folder, "key-%s-%s.pem" % (name, days))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-keyout", key, "-out", cert, "-days", str(days), "-subj", "/CN=" + name]
    command += ["-addext", "subjectAltName=DNS:" + name] if alternative else []
    subprocess.run((["faketime", start] if start else []) + command, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


class Server:
    """`reply`: bytes, or a function of the request. @PORT@ in it becomes the port. `linger_s`: how long the
    connection stays open after it. `pieces_s`: the reply goes byte by byte with that pause."""

    def __init__(self, reply=b"", tls=None, linger_s=0.0, pieces_s=None, family=socket.AF_INET, path=None):
        self.reply, self.linger_s, self.pieces_s = reply, linger_s, pieces_s
        self.requests = []
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.socket = socket.socket(socket.AF_UNIX if path else family, socket.SOCK_STREAM)
        self.socket.bind(path or ("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        self.socket.listen(64)
        self.port = 0 if path else self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    @staticmethod
    def read_request(connection):
        data = b""
        connection.settimeout(5)
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece or piece[0] == 0x16:
                return b""                       # a TLS handshake, where none is spoken
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        wanted = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                wanted = int(line.split(b":")[1])
        while len(body) < wanted:
            piece = connection.recv(65536)
            if not piece:
                break
            body += piece
        return head + b"\r\n\r\n" + body[:wanted]

    def _answer(self, connection):
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            request = self.read_request(connection)
            if not request:
                return
            self.requests.append(request)
            reply = self.reply(request) if callable(self.reply) else self.reply
            reply = reply.replace(b"@PORT@", str(self.port).encode())
            step = 1 if self.pieces_s is not None else max(1, len(reply))
            for i in range(0, len(reply), step):
                connection.sendall(reply[i:i + step])
                if self.pieces_s is not None:
                    time.sleep(self.pieces_s)
            time.sleep(self.linger_s)
            if self.tls:
                connection.unwrap()
            else:
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(1)
                while connection.recv(65536):
                    pass
        except OSError:
            pass
        finally:
            connection.close()


class Tunnel:
    """An HTTP proxy that takes CONNECT only; whatever is asked for, `port_behind` is what one gets."""

    def __init__(self):
        self.requests, self.port_behind = [], None
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _serve(self):
        while True:
            try:
                near, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near):
        try:
            self.requests.append(Server.read_request(near))
            far = socket.create_connection(("127.0.0.1", self.port_behind))
            near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=self._pump, args=(far, near), daemon=True)
            back.start()
            self._pump(near, far)
            back.join(5)
            far.close()
        except OSError:
            pass
        finally:
            near.close()

    @staticmethod
    def _pump(source, sink):
        try:
            while True:
                data = source.recv(65536)
                if not data:
                    break
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass
