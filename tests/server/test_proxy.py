"""Behind nginx, with the configuration that docs/access.md has: who comes, logins, forms, streams,
deliveries."""

import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import time

import pytest
from callers import Browser, bearer, token
from program import REPO, wait_until
from test_access import audited, certificate
from test_streams import Stream

from conftest import SECRET, Answer, Server, push_payload, signature

sys.path.insert(0, str(REPO / "tests/support"))
import unpacked  # noqa: E402

NAME = "aphex.example.com"
START = "/pipelines/app/run"
# What stands around the page's block where nginx is not the system's. As root it would take another
# user for what it keeps of large bodies.
AROUND = """\
daemon off;
{user}
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
{server}
}}
"""


def own_address():
    """Of this machine, other than a loopback one: whoever comes from there is no local caller."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return None
        return probe.getsockname()[0]


STRANGER = own_address()
pytestmark = pytest.mark.skipif(STRANGER is None, reason="this machine is on no network: there is "
                                "no address but loopback ones to come from")


def shown_configuration():
    page = (REPO / "docs/access.md").read_text(encoding="utf-8")
    return re.search(r"^```nginx\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1]


def replaced(text, old, new):
    assert text.count(old) == 1, old
    return text.replace(old, new)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxied(Server):
    """The same server, asked over nginx and TLS from another address."""

    def __init__(self, server, port, certificate_file):
        self.__dict__.update(server.__dict__)
        self.port = port
        self.context = ssl.create_default_context(cafile=certificate_file)

    def connect(self):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30,
                                           context=self.context, source_address=(STRANGER, 0))

    def request(self, method, path, body=None, headers=None):
        connection = self.connect()
        try:
            connection.request(method, path, body, {"Host": NAME} | (headers or {}))
            return Answer(connection.getresponse())
        finally:
            connection.close()


@pytest.fixture
def proxied(server, tmp_path):
    """The server as the page has it, and nginx before it."""
    page = (REPO / "docs/access.md").read_text(encoding="utf-8")
    for line in (f"publicUrl: https://{NAME}", "trustedProxies: [127.0.0.1]"):
        assert line in page
    server.start(publicUrl=f"https://{NAME}", trustedProxies=["127.0.0.1"])
    directory = tmp_path / "nginx"
    directory.mkdir()
    certificate(directory, NAME, 1)
    port = free_port()
    shown = replaced(shown_configuration(), "listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    shown = replaced(shown, "/etc/nginx/aphex/fullchain.pem", f"{directory}/cert.pem")
    shown = replaced(shown, "/etc/nginx/aphex/key.pem", f"{directory}/key.pem")
    shown = replaced(shown, "http://127.0.0.1:8737", f"http://127.0.0.1:{server.port}")
    (directory / "nginx.conf").write_text(AROUND.format(
        directory=directory, server=shown, user="user root;" if os.geteuid() == 0 else ""))
    program, variables = unpacked.program("nginx")
    process = subprocess.Popen([program, "-c", directory / "nginx.conf", "-p", directory],
                               env={**os.environ, **variables}, start_new_session=True,
                               stderr=subprocess.DEVNULL)
    try:
        def listens():
            assert process.poll() is None, (directory / "error.log").read_text()
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(listens, "nginx listens", 20)
        yield Proxied(server, port, directory / "cert.pem")
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def browser_of(proxied):
    browser = Browser(proxied, "https")
    browser.host, browser.origin = NAME, f"https://{NAME}"
    return browser


def test_a_login_and_what_follows(proxied):
    root = token(proxied, "root")
    browser = browser_of(proxied)
    answer = browser.log_in(token(proxied, "ada", "run"))
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-aphex_session=")
    assert "; Secure" in cookie and "; HttpOnly" in cookie and "; SameSite=Strict" in cookie
    assert "ada" in browser.get("/account").text
    commit = proxied.application.commit()
    assert browser.post(START, {"commit": commit}).status == 303
    assert browser.post("/logout").status == 303
    assert browser.get("/account").status == 303
    # Who came is who nginx saw, and not nginx.
    for action in ("login", "run.start", "logout"):
        assert [each["client"] for each in audited(proxied, root, action=action)] == [STRANGER]
    wait_until(lambda: all(each["state"] == "ended" for each in proxied.request(
        "GET", "/api/v1/queue", headers=bearer(root)).json["queue"]), "the run ends", 120)


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": None},
    {"Origin": f"http://{NAME}", "Sec-Fetch-Site": None},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": None, "X-Forwarded-Host": "evil.example"},
    {"Origin": None, "Sec-Fetch-Site": None},
])
def test_a_form_of_another_site_does_nothing(proxied, headers):
    browser = browser_of(proxied)
    assert browser.log_in(token(proxied)).status == 303
    refused = browser.post(START, {"commit": "0" * 40}, **headers)
    assert refused.status == 403, refused.text
    # As its own page sends it, it gets as far as the commit.
    assert browser.post(START, {"commit": "0" * 39}).status == 400


def test_the_forms_token_comes_through(proxied):
    browser = browser_of(proxied)
    browser.log_in(token(proxied))
    silent = {"Origin": None, "Sec_Fetch_Site": None}
    shown = re.search(r'name="form_token" value="([0-9a-f]{64})"', browser.get("/account").text)
    assert browser.post(START, {"commit": "0" * 39, "form_token": shown[1]},
                        **silent).status == 400
    assert browser.post(START, {"commit": "0" * 39, "form_token": "0" * 64},
                        **silent).status == 403


def test_what_a_client_says_of_itself_is_not_believed(proxied):
    root = token(proxied, "root")
    claims = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http",
              "Forwarded": "for=203.0.113.9"}
    proxied.request("POST", "/api/v1/runs/1/cancel", headers=bearer(root) | claims)
    assert [each["client"] for each in audited(proxied, root, action="run.cancel")] == [STRANGER]
    answer = browser_of(proxied).post("/login", {"token": root}, X_Forwarded_Proto="http")
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_without_a_token_a_stranger_is_nobody(proxied):
    """nginx is on the server's own machine, which may do all there; those behind it may not."""
    answer = proxied.request("GET", "/api/v1/queue")
    assert answer.status == 403, answer.text
    assert proxied.request("GET", "/").status in (303, 403)
    assert proxied.request("GET", "/healthz").status == 200


def test_guesses_are_counted_by_who_makes_them(proxied):
    root = token(proxied)
    for _ in range(11):
        browser_of(proxied).log_in("wrong")
    assert browser_of(proxied).log_in(root).status == 429
    # On the server's own machine, past nginx.
    direct = http.client.HTTPConnection("127.0.0.1", proxied_port(proxied), timeout=10)
    direct.request("GET", "/api/v1/queue", headers=bearer(root))
    assert direct.getresponse().status == 200
    direct.close()


def proxied_port(proxied):
    """The server's own."""
    text = next(pathlib.Path(proxied.directory.parent, "nginx").glob("nginx.conf")).read_text()
    return int(re.search(r"proxy_pass http://127\.0\.0\.1:(\d+)", text)[1])


class ProxiedStream(Stream):
    def __init__(self, proxied, path, **headers):
        self.connection = proxied.connect()
        self.connection.request("GET", path, headers={"Host": NAME} | headers)
        self.answer = self.connection.getresponse()


def test_events_come_when_they_happen(proxied):
    root = token(proxied)
    stream = ProxiedStream(proxied, "/events?topic=overview&seen=nothing", **bearer(root))
    try:
        assert stream.answer.status == 200
        assert stream.answer.getheader("Content-Type") == "text/event-stream"
        assert stream.event()[0] == "change"
        # The stream stays open: what waits in a buffer of nginx would not come.
        stream.connection.sock.settimeout(20)
        began = time.monotonic()
        assert proxied.push().status == 202
        assert stream.event()[0] == "change"
        assert time.monotonic() - began < 10
    finally:
        stream.close()
    wait_until(lambda: all(each["state"] == "ended" for each in proxied.request(
        "GET", "/api/v1/queue", headers=bearer(root)).json["queue"]), "the run ends", 120)


def test_a_stream_in_which_nothing_happens_is_kept_open(proxied):
    """nginx gives up what is silent for a minute; the server says something four times in one."""
    stream = ProxiedStream(proxied, "/events?topic=overview&seen=nothing", **bearer(token(proxied)))
    try:
        assert stream.event()[0] == "change"
        stream.connection.sock.settimeout(30)
        assert stream.line() == ": still here"
    finally:
        stream.close()


def test_deliveries_of_github(proxied):
    commit = proxied.application.commit()
    # nginx's own bound is 1 MB; GitHub's is 25.
    large = push_payload(commit, branch="other", padding="x" * (20 << 20))
    assert proxied.deliver(large).json["verdict"] == "ignored"
    assert proxied.deliver(large, secret="another").status == 401
    body = json.dumps(push_payload(commit)).encode()
    changed = proxied.deliver(body + b" ", **{"X-Hub-Signature-256": signature(body, SECRET)})
    assert changed.status == 401
    assert proxied.deliver(push_payload(commit)).json["reason"] == "runs app"
    root = bearer(token(proxied))
    listed = proxied.request("GET", "/api/v1/deliveries", headers=root).json["deliveries"]
    assert {each["client"] for each in listed} == {STRANGER}
    wait_until(lambda: all(each["state"] == "ended" for each in proxied.request(
        "GET", "/api/v1/queue", headers=root).json["queue"]), "the run ends", 120)
