"""Tokens of a server under test, and a browser that logs in with them."""

import http.client
import re
import urllib.parse

from program import planted


def token(server, name="ci", role="admin", *more):
    made = server.program.run("token", "create", name, "--role", role, *more, cwd=server.directory)
    assert made.code == 0, made.err
    assert re.fullmatch(r"aphex_[0-9a-f]{64}\n", made.out)
    return planted.secret("API token", made.out.strip())


def bearer(secret):
    return {"Authorization": f"Bearer {secret}"}


class Browser:
    """Sends what browsers send: Host, Origin, Sec-Fetch-Site, cookies."""

    def __init__(self, server, scheme="http"):
        self.server = server
        self.host = f"127.0.0.1:{server.port}"
        self.origin = f"{scheme}://{self.host}"
        self.cookies = {}

    def request(self, method, path, fields=None, **headers):
        sent = {"Host": self.host, "Sec-Fetch-Site": "same-origin"}
        body = None
        if method == "POST":
            body = urllib.parse.urlencode(fields or {})
            sent |= {"Origin": self.origin, "Content-Type": "application/x-www-form-urlencoded"}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.server.request(method, path, body,
                                     {name: value for name, value in sent.items() if value})
        cookie = answer.headers.get("Set-Cookie")
        if cookie:
            name, value = cookie.split(";")[0].split("=", 1)
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, **headers)

    def post(self, path, fields=None, **headers):
        return self.request("POST", path, fields, **headers)

    def log_in(self, secret, **fields):
        return self.post("/login", {"token": secret, **fields})


def raw(server, text):
    """What a client writes byte by byte; the whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.connect()
    try:
        connection.sock.sendall(text.encode("latin-1"))
        connection.sock.settimeout(10)
        received = b""
        while True:
            more = connection.sock.recv(65536)
            if not more:
                return received.decode("latin-1")
            received += more
    finally:
        connection.close()
