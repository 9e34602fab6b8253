"""What goes wrong between a program and a service: an HTTP server that hands every request on to
the real one, but for those that a fault is planned for.

    injector = Injector(upstream="http://localhost:4566", protocol="s3", fault=FAULTS["500"],
                        times=1, wanted=lambda asked: asked.method == "PUT")

`injector.url` is its address; `seen` lists what came, in order: (asked, whether it was hit).
"""

import dataclasses
import gzip
import http.client
import http.server
import json
import re
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

# Above every pause of a client that is well; ends the thread of one that hangs.
SECONDS = 60
SLOW_SECONDS = 1.5
# How long a port is closed that opens again: below the pauses of a client that tries thrice.
CLOSED_SECONDS = 0.05
# Of connection to connection, and so not handed on.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect", "te", "upgrade",
       "proxy-connection"}


def refusal(protocol, status, code, message):
    """As the service of that protocol words it: content type and body."""
    if protocol == "s3":
        return "application/xml", f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    if protocol == "query":
        return "text/xml", (f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
                            f"<Message>{message}</Message></Error></ErrorResponse>")
    if protocol == "json":
        return "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message})
    if protocol == "kubernetes":
        return "application/json", json.dumps(
            {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": code,
             "message": message, "code": status})
    return "text/plain", f"{code}: {message}\n"


# By protocol: status, code, message.
INTERNAL = {"s3": (500, "InternalError", "We encountered an internal error."),
            "query": (500, "InternalFailure", "An internal error occurred."),
            "json": (500, "InternalServerError", "An error occurred on the server side."),
            "kubernetes": (500, "InternalError", "Internal error occurred"),
            "git": (500, "Internal Server Error", "no more")}
UNAVAILABLE = {"s3": (503, "SlowDown", "Please reduce your request rate."),
               "query": (503, "ServiceUnavailable", "The service is unavailable."),
               "json": (503, "ServiceUnavailableException", "The service is unavailable."),
               "kubernetes": (503, "ServiceUnavailable", "the server is not ready"),
               "git": (503, "Service Unavailable", "later")}
THROTTLED = {"s3": (429, "TooManyRequestsException", "Rate exceeded"),
             "query": (400, "Throttling", "Rate exceeded"),
             "json": (400, "ThrottlingException", "Rate exceeded"),
             "kubernetes": (429, "TooManyRequests", "the server has received too many requests"),
             "git": (429, "Too Many Requests", "less")}
EXPIRED = {"s3": (400, "ExpiredToken", "The provided token has expired."),
           "query": (403, "ExpiredToken", "The security token included in the request is expired"),
           "json": (400, "ExpiredTokenException",
                    "The security token included in the request is expired"),
           "kubernetes": (401, "Unauthorized", "Unauthorized"),
           "git": (401, "Unauthorized", "Bad credentials")}
# What a service says of a body that is not what its checksum was made of.
DIGEST = (400, "BadDigest", "The SHA256 you specified did not match the calculated checksum.")


@dataclasses.dataclass(frozen=True)
class Asked:
    method: str
    path: str
    operation: str  # of those protocols of AWS that name it elsewhere than in the path
    agent: str = ""
    content: bytes = dataclasses.field(default=b"", repr=False)  # where the operation stands in it


class Injector:
    def __init__(self, upstream, protocol, fault, times=None, wanted=lambda asked: True,
                 closed_seconds=CLOSED_SECONDS, tls=None, trust=None):
        """`times`: of how many requests; None: of all. `tls`: files of our certificate and key;
        `trust`: the authority's, of a service behind TLS."""
        self.upstream = urllib.parse.urlsplit(upstream)
        self.closed_seconds = closed_seconds
        self.protocol, self.fault, self.left, self.wanted = protocol, fault, times, wanted
        self.trust = ssl.create_default_context(cafile=trust) if trust else None
        self.lock = threading.Lock()
        self.seen = []
        self.connections = set()
        self.server = Server(self)
        self.port = self.server.server_address[1]
        # By this name: moto takes a request to another for one to a bucket.
        self.url = f"{'https' if tls else 'http'}://localhost:{self.port}"
        self.tls = None
        if tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*tls)
        self.thread, self.timer = None, None
        self.open()

    def open(self):
        self.server.server_activate()
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def shut(self):
        """From now on the port, which stays ours, is closed; one that is hit once opens again."""
        with self.lock:
            thread, self.thread = self.thread, None
        if not thread:
            return
        self.server.shutdown()
        thread.join()
        self.server.socket.shutdown(socket.SHUT_RDWR)
        if self.is_over_soon:
            self.timer = threading.Timer(self.closed_seconds, self.open)
            self.timer.start()

    def close(self):
        if self.timer:
            self.timer.join()
        if self.thread:
            self.server.shutdown()
            self.thread.join()
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has gone already
        self.server.server_close()

    @property
    def is_over_soon(self):
        return self.left is not None

    def hits(self):
        return sum(hit for _, hit in self.seen)

    def take(self, asked):
        """Whether this request is one to be hit."""
        with self.lock:
            hit = self.wanted(asked) and (self.left is None or self.left > 0)
            if hit and self.left is not None:
                self.left -= 1
            self.seen.append((asked, hit))
            return hit


def free_port():
    """By its number: a port that the kernel has chosen is given up when it is closed."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # server_close waits for them

    def __init__(self, injector):
        self.injector = injector
        super().__init__(("127.0.0.1", 0), Connection, bind_and_activate=False)
        # Bound, but closed to everybody until open().
        for tries_left in reversed(range(20)):
            self.server_address = ("127.0.0.1", free_port())
            try:
                self.server_bind()
                return
            except OSError:
                # Somebody was faster: the port was free for a moment.
                if not tries_left:
                    raise

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), OSError):  # the other side has gone in its handshake
            super().handle_error(request, client_address)


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SECONDS

    def setup(self):
        if self.server.injector.tls:
            self.request = self.server.injector.tls.wrap_socket(self.request, server_side=True)
        super().setup()
        self.raw = self.request
        with self.server.injector.lock:
            self.server.injector.connections.add(self.raw)

    def finish(self):
        with self.server.injector.lock:
            self.server.injector.connections.discard(self.raw)
        super().finish()

    def handle(self):
        try:
            super().handle()
        except (OSError, http.client.HTTPException):
            self.close_connection = True  # the other side has gone

    def do_any(self):
        injector = self.server.injector
        self.kept = None
        if injector.take(Asked(self.command, self.path, self.operation(),
                               self.headers.get("User-Agent", ""), self.kept or b"")):
            injector.fault(self)
        else:
            self.hand_on(self.body())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

    def operation(self):
        protocol = self.server.injector.protocol
        if protocol == "json":
            return self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if protocol == "query":
            self.kept = self.body()
            return urllib.parse.parse_qs(self.kept.decode()).get("Action", [""])[0]
        if protocol == "git" and self.command == "POST":
            self.kept = self.body()
            plain = (gzip.decompress(self.kept)
                     if self.headers.get("Content-Encoding") == "gzip" else self.kept)
            return (re.findall(rb"command=(ls-refs|fetch)", plain) or [b""])[0].decode()
        return ""

    def body(self):
        if self.kept is not None:
            return self.kept
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass  # trailers
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def ask(self, body):
        """The service's own answer: status, headers, content."""
        injector = self.server.injector
        where = (injector.upstream.hostname, injector.upstream.port)
        made = (http.client.HTTPSConnection(*where, timeout=SECONDS, context=injector.trust)
                if injector.trust else http.client.HTTPConnection(*where, timeout=SECONDS))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
        try:
            made.request(self.command, self.path, body=body or None, headers=headers)
            answer = made.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            made.close()

    def hand_on(self, body):
        self.pass_on(*self.ask(body))

    def pass_on(self, status, headers, content, length=None):
        self.send_response_only(status)
        for name, value in headers:
            # A HEAD's length is of what a GET would bring.
            if name.lower() not in HOP or (name.lower() == "content-length"
                                           and self.command == "HEAD"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, words):
        status, code, message = words
        self.body()
        kind, text = refusal(self.server.injector.protocol, status, code, message)
        headers = [("Content-Type", kind)]
        if status == 401 and self.server.injector.protocol == "git":
            headers.append(("WWW-Authenticate", 'Basic realm="GitHub"'))
        self.pass_on(status, headers, text.encode())

    def cut(self):
        """Ends at once, without a farewell: the other side sees "connection reset"."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_):
        pass


def refused(connection):
    """The service goes away when it is asked: this connection ends, others are not accepted."""
    connection.server.injector.shut()
    connection.cut()


def slow(connection):
    time.sleep(SLOW_SECONDS)
    connection.hand_on(connection.body())


def half(connection):
    """The answer says how long it is, and ends in the middle."""
    status, headers, content = connection.ask(connection.body())
    # An answer without content has no middle: cut before it ends.
    connection.pass_on(status, headers, content[:len(content) // 2], length=max(len(content), 2))
    connection.close_connection = True


def refused_by(words):
    return lambda connection: connection.refuse(words[connection.server.injector.protocol])


def checksum(connection):
    """What is read is not what was sent: on the way here, or on the way back."""
    body = connection.body()
    if connection.command == "PUT":
        kind, text = refusal(connection.server.injector.protocol, *DIGEST)
        connection.pass_on(DIGEST[0], [("Content-Type", kind)], text.encode())
        return
    status, headers, content = connection.ask(body)
    begin, end = len(content) // 2, len(content) // 2 + 64
    if connection.server.injector.protocol == "git":  # within the pack's first object
        begin = content.index(b"PACK") + 40
        end = begin + 16
    damaged = bytes(~byte & 0xFF for byte in content[begin:end])
    connection.pass_on(status, headers, content[:begin] + damaged + content[end:])


def cut_upload(connection):
    """Half of what is sent arrives."""
    length = int(connection.headers.get("Content-Length") or 0)
    connection.rfile.read(length // 2)
    connection.cut()


FAULTS = {
    "connection refused": refused,
    "slow answer": slow,
    "half an answer": half,
    "500": refused_by(INTERNAL),
    "503 SlowDown": refused_by(UNAVAILABLE),
    "throttling": refused_by(THROTTLED),
    "expired token": refused_by(EXPIRED),
    "wrong checksum": checksum,
    "cut in the middle of an upload": cut_upload,
}
