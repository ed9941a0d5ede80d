# SPDX-License-Identifier: GPL-3.0-or-later
"""A web server of a test's own, with a certificate authority of its own, whose pages may misbehave in every way.

    ca = web.Authority(folder)
    server = web.Server(ca, ["lists.test"])          # ca None: plain HTTP
    server.pages["/x"] = web.Page("a.example\\n", etag='"1"')
    server.pages["/y"] = lambda handler: ...         # a function answers by itself

server.seen lists (path, headers) of what was asked. Threads of this process; close() ends them.
"""
import gzip
import http.server
import os
import socket
import ssl
import subprocess
import threading


class Authority:
    """Makes certificates with openssl; .file is what a client has to trust."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        self.file, self.key = os.path.join(folder, "ca.pem"), os.path.join(folder, "ca.key")
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                 "-subj", "/CN=test authority", "-keyout", self.key, "-out", self.file)

    def run(self, *words):
        subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)

    def certificate(self, names, days=30):
        """(certificate, key) for these host names or addresses."""
        base = os.path.join(self.folder, names[0].replace(":", "_") + str(days))
        alternatives = ",".join(("IP:" if name[0].isdigit() else "DNS:") + name for name in names)
        with open(base + ".ext", "w") as f:
            f.write("subjectAltName=%s\n" % alternatives)
        self.run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + names[0],
                 "-keyout", base + ".key", "-out", base + ".csr")
        self.run("x509", "-req", "-in", base + ".csr", "-CA", self.file, "-CAkey", self.key, "-CAcreateserial",
                 "-days", str(days), "-extfile", base + ".ext", "-out", base + ".pem")
        return base + ".pem", base + ".key"


class Page:
    def __init__(self, body, etag=None, modified=None, status=200, encoding=None, headers=None):
        self.body = body if isinstance(body, bytes) else body.encode()
        self.etag, self.modified, self.status, self.encoding = etag, modified, status, encoding
        self.headers = headers or {}

    def __call__(self, handler):
        asked = handler.headers
        same = (self.etag and asked.get("If-None-Match") == self.etag or
                self.modified and not self.etag and asked.get("If-Modified-Since") == self.modified)
        status = 304 if same else self.status
        body = b"" if same else self.body
        if self.encoding == "gzip" and "gzip" in asked.get("Accept-Encoding", "") and not same:
            body = gzip.compress(body)
            self.headers["Content-Encoding"] = "gzip"
        handler.send_response(status)
        for name, value in (("ETag", self.etag), ("Last-Modified", self.modified), *self.headers.items()):
            if value:
                handler.send_header(name, value)
        if not same:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.web.seen.append((self.path, dict(self.headers)))
        page = self.server.web.pages.get(self.path) or Page("not here\n", status=404)
        try:
            page(self)
        except (OSError, ssl.SSLError):
            pass                # the client has had enough
        self.close_connection = True

    def log_message(self, *_):
        pass


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass                    # a handshake that the client broke off


class Server:
    def __init__(self, authority, names=("lists.test",), port=0, days=30):
        self.pages, self.seen, self.closed = {}, [], threading.Event()
        self.listener = Listener(("127.0.0.1", port), Handler)
        self.listener.web = self
        self.port = self.listener.server_address[1]
        if authority:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*authority.certificate(list(names), days))
            self.listener.socket = context.wrap_socket(self.listener.socket, server_side=True,
                                                       do_handshake_on_connect=False)
        self.url = "%s://%s:%d" % ("https" if authority else "http", names[0], self.port)
        self.thread = threading.Thread(target=self.listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def close(self):
        self.closed.set()
        self.listener.shutdown()
        self.listener.server_close()
        self.thread.join()


def endless(handler):
    """A list that never ends."""
    handler.send_response(200)
    handler.end_headers()
    i = 0
    while True:
        handler.wfile.write(b"".join(b"n%d.example.test\n" % n for n in range(i, i + 5000)))
        i += 5000


def trickling(handler):
    """A list that comes byte by byte."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    while not handler.server.web.closed.wait(0.1):
        handler.wfile.write(b"#")


def truncated(handler):
    """Promises more than it sends."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b"cut.example.test\n" * 10)
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def bomb(handler):
    """200 MB of one line, compressed to 200 kB."""
    body = gzip.compress(b"bomb.example.test\n" * 1000000 * 11)
    handler.send_response(200)
    handler.send_header("Content-Encoding", "gzip")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def redirect(to, status=302):
    return Page("", status=status, headers={"Location": to})
