"""A stand-in of github.com: git's own http-backend, behind TLS and an HTTP proxy.

git is given `proxy` as https_proxy. For every CONNECT, whatever the host, the stand-in answers
itself, with a certificate of that name: no tunnel, so no second connection that could outlive the
first. A thread serves each connection; `close` ends the connections, then waits for the threads.
"""

import base64
import http.server
import os
import socket
import ssl
import subprocess
import threading

HOSTS = ("github.com", "gitlab.com")
# Above every pause of a git that is well; ends the thread of one that hangs.
SECONDS = 60


class GitHosting:
    """Repositories that ask for `token`, but for those of the owner "public"."""

    def __init__(self, directory, variables, token):
        self.seen = []  # (host, path, Authorization) of each request
        self.tunnels = []  # the authority of each CONNECT
        self.variables = variables
        self.root = directory / "repositories"
        self.root.mkdir()
        self.authorization = "Basic " + base64.b64encode(
            f"x-access-token:{token}".encode()).decode()
        self.certificate = directory / "certificate.pem"
        key = directory / "key.pem"
        make_certificate(self.certificate, key)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(self.certificate, key)
        self.lock = threading.Lock()
        self.connections = set()
        self.server = Server(self)
        self.proxy = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        """Nobody may wait in accept() for a descriptor that the next test's server gets: first the
        loop ends, then the listener closes."""
        self.server.shutdown()
        self.thread.join()
        with self.lock:
            for connection in self.connections:
                connection.shutdown(socket.SHUT_RDWR)
        self.server.server_close()

    @property
    def environment(self):
        """What leads a git to it."""
        return {"https_proxy": self.proxy, "no_proxy": "", "GIT_SSL_CAINFO": str(self.certificate)}

    def publish(self, source, name):
        target = self.root / f"{name}.git"
        target.parent.mkdir(exist_ok=True)
        for command in (["git", "clone", "-q", "--bare", source, target],
                        ["git", "-C", target, "config", "uploadpack.allowAnySHA1InWant", "true"]):
            subprocess.run(command, check=True, env=self.variables)

    def backend(self, request, body):
        """Headers and content, by CGI."""
        path, _, query = request.path.partition("?")
        answer = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, check=True, timeout=SECONDS,
            env={**self.variables, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1",
                 "REQUEST_METHOD": request.command, "PATH_INFO": path, "QUERY_STRING": query,
                 "CONTENT_LENGTH": str(len(body)),
                 "CONTENT_TYPE": request.headers.get("Content-Type", ""),
                 "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
                 "GIT_PROTOCOL": request.headers.get("Git-Protocol", "")}).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        return dict(line.split(": ", 1) for line in head.decode().splitlines()), content


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # server_close waits for them

    def __init__(self, hosting):
        self.hosting = hosting
        super().__init__(("127.0.0.1", 0), Connection)


class Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = SECONDS

    def setup(self):
        super().setup()
        self.raw = socket.socket(fileno=os.dup(self.request.fileno()))
        with self.server.hosting.lock:
            self.server.hosting.connections.add(self.raw)

    def finish(self):
        with self.server.hosting.lock:
            self.server.hosting.connections.discard(self.raw)
        super().finish()
        self.raw.close()
        self.connection.close()

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the other side has gone

    def do_CONNECT(self):
        self.server.hosting.tunnels.append(self.path)
        self.send_response_only(200)
        self.end_headers()
        for stream in (self.rfile, self.wfile):
            stream.close()
        self.connection = self.server.hosting.tls.wrap_socket(self.connection, server_side=True)
        self.rfile = self.connection.makefile("rb")
        self.wfile = self.connection.makefile("wb", buffering=0)

    def do_GET(self):
        hosting = self.server.hosting
        body = self.body()
        authorization = self.headers.get("Authorization", "")
        hosting.seen.append((self.headers.get("Host"), self.path.partition("?")[0], authorization))
        if not self.path.startswith("/public/") and authorization != hosting.authorization:
            self.answer(401, {"WWW-Authenticate": 'Basic realm="GitHub"'}, b"")
            return
        headers, content = hosting.backend(self, body)
        self.answer(int(headers.pop("Status", "200").split()[0]), headers, content)

    do_POST = do_GET

    def body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return body

    def answer(self, status, headers, content):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def make_certificate(certificate, key):
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "1", "-subj", f"/CN={HOSTS[0]}", "-addext", f"subjectAltName={names}",
         "-keyout", key, "-out", certificate], check=True, capture_output=True)
