# SPDX-License-Identifier: GPL-3.0-or-later
"""A SOCKS5 proxy that behaves as told, connection by connection. It speaks to nobody else: where it grants, it
is the web server, too, or connects to the local port that `routes` names."""
import os
import socket
import threading
import time

REPLY_V4 = b"\0\1\0\0\0\0\0\0"


class Behaviour:
    """What one connection does. `method`: the chosen one (None: as Tor, password when offered). `auth`: status of
    the password. `reply`: code. `tail`: the rest of the reply (reserved byte, address, port). `raw`: sent instead
    of everything, at once. `close_after`: closes when so many bytes of its own have been sent. `silent`: "", or
    the step at which it says nothing more: "method", "auth", "reply", "http". `glued`: the HTTP answer goes in the
    same segment as the reply. `hang_after`: so many bytes of the answer, then silence; `cut_after`: then the end."""

    def __init__(self, reply=0, method=None, auth=0, tail=REPLY_V4, raw=None, close_after=None, silent="",
                 pieces=False, glued=False, delay_s=0.0, cut_after=None, hang_after=None):
        self.reply, self.method, self.auth, self.tail, self.raw = reply, method, auth, tail, raw
        self.close_after, self.silent, self.pieces, self.glued = close_after, silent, pieces, glued
        self.delay_s, self.cut_after, self.hang_after = delay_s, cut_after, hang_after


class Closed(Exception):
    pass


class Proxy:
    """`behave`: a Behaviour, a list of them (one a connection, the last one for all further ones), or a function
    of (host, port, number). `answer`: HTTP bytes. `routes`: {(host, port): local port}."""

    def __init__(self, behave=None, answer=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", routes=None, path=None):
        self.behave = behave if behave is not None else Behaviour()
        self.answer, self.routes = answer, routes or {}
        self.seen = []                           # a dict for each connection
        self.lock = threading.Lock()
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_STREAM)
        self.socket.bind(path or ("127.0.0.1", 0))
        self.socket.listen(64)
        self.port = 0 if path else self.socket.getsockname()[1]
        self.done = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self.done.set()
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
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _behaviour(self, number, host=None, port=None):
        if callable(self.behave):
            return self.behave(host, port, number) if host else None
        if isinstance(self.behave, list):
            return self.behave[min(number, len(self.behave) - 1)]
        return self.behave

    @staticmethod
    def _take(connection, count):
        data = b""
        while len(data) < count:
            piece = connection.recv(count - len(data))
            if not piece:
                raise Closed
            data += piece
        return data

    def _say(self, connection, seen, behaviour, data):
        for i in range(len(data)) if behaviour.pieces or behaviour.close_after is not None else (slice(None),):
            piece = data[i:i + 1] if isinstance(i, int) else data
            if behaviour.close_after is not None and seen["sent"] >= behaviour.close_after:
                raise Closed
            connection.sendall(piece)
            seen["sent"] += len(piece)
            if behaviour.pieces:
                time.sleep(0.002)
        if behaviour.close_after is not None and seen["sent"] >= behaviour.close_after:
            raise Closed

    def _silent(self):
        self.done.wait(60)
        raise Closed

    def _talk(self, connection):
        seen = {"sent": 0, "user": None, "password": None, "host": None, "port": None, "type": None, "began": time.monotonic(),
                "request": b""}
        with self.lock:
            number = len(self.seen)
            self.seen.append(seen)
        try:
            connection.settimeout(60)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) if connection.family == socket.AF_INET else None
            self._handshake(connection, seen, number)
        except (Closed, OSError):
            pass
        finally:
            connection.close()

    def _handshake(self, connection, seen, number):
        early = self._behaviour(number) or Behaviour()
        if early.raw is not None:
            self._take(connection, 3)
            connection.sendall(early.raw)
            time.sleep(0.1)
            return
        version, count = self._take(connection, 2)
        methods = self._take(connection, count)
        if early.silent == "method":
            self._silent()
        method = early.method if early.method is not None else (2 if 2 in methods else 0)
        self._say(connection, seen, early, bytes([5, method]))
        if method == 2:
            _, length = self._take(connection, 2)
            seen["user"] = self._take(connection, length).decode()
            seen["password"] = self._take(connection, self._take(connection, 1)[0]).decode()
            if early.silent == "auth":
                self._silent()
            self._say(connection, seen, early, bytes([1, early.auth]))
        head = self._take(connection, 4)
        seen["version"], seen["command"], seen["type"] = version, head[1], head[3]
        length = self._take(connection, 1)[0] if head[3] == 3 else 4 if head[3] == 1 else 16
        seen["host"] = self._take(connection, length).decode("latin-1")
        seen["port"] = int.from_bytes(self._take(connection, 2), "big")
        behaviour = self._behaviour(number, seen["host"], seen["port"])
        time.sleep(behaviour.delay_s)
        if behaviour.silent == "reply":
            self._silent()
        reply = bytes([5, behaviour.reply]) + behaviour.tail
        self._say(connection, seen, behaviour, reply + (self.answer if behaviour.glued else b""))
        if behaviour.reply == 0:
            self._serve_http(connection, seen, behaviour)

    def _serve_http(self, connection, seen, behaviour):
        route = self.routes.get((seen["host"], seen["port"]))
        if route:
            return self._relay(connection, route)
        while b"\r\n\r\n" not in seen["request"]:
            piece = connection.recv(65536)
            if not piece or piece[0] == 0x16:    # no TLS here
                return None
            seen["request"] += piece
        if behaviour.silent == "http":
            self._silent()
        if not behaviour.glued:
            part = self.answer[:behaviour.cut_after if behaviour.cut_after is not None else behaviour.hang_after]
            connection.sendall(part)
            if behaviour.hang_after is not None:
                self._silent()
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
        return None

    @staticmethod
    def _relay(connection, port):
        far = socket.create_connection(("127.0.0.1", port))

        def pump(source, sink):
            try:
                while True:
                    data = source.recv(65536)
                    if not data:
                        break
                    sink.sendall(data)
                sink.shutdown(socket.SHUT_WR)
            except OSError:
                pass
        thread = threading.Thread(target=pump, args=(far, connection), daemon=True)
        thread.start()
        pump(connection, far)
        thread.join(10)
        far.close()


def temporary_path(folder, name="socks"):
    return os.path.join(folder, name)
