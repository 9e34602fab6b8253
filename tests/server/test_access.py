"""Who gets in: attacks on the login, on sessions, on browsers and by proxies."""

import datetime
import http.client
import ipaddress
import os
import re
import socket
import sqlite3
import ssl
import time

import pytest
from callers import Browser, bearer, raw, token
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from program import wait_until

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
START = "/pipelines/app/run"


def test_another_machines_address_needs_a_token(server):
    server.configure(listen="0.0.0.0:0")
    done = server.program.run("serve", cwd=server.directory)
    assert done.code == 1
    assert [line.strip() for line in done.complaint.splitlines()] == [
        "error: this server has no token, and 0.0.0.0 can be reached from other machines",
        "hint: 'aphex token create NAME --role admin' makes one; or listen on 127.0.0.1"]


def test_open_routes_are_open(server):
    server.start()
    token(server)
    assert server.get("/healthz").text == "ok\n"
    assert server.get("/readyz").text == "ok\n"
    assert server.deliver({}, event="ping").status == 200
    assert server.get("/login").status == 200
    for path in ("/api/v1/runs", "/metrics", "/api/v1/openapi.json"):
        assert server.get(path).status == 401, path


def test_pages_lead_to_the_login_and_back(server):
    server.start()
    secret = token(server, "ada", "read")
    browser = Browser(server)
    answer = browser.get("/deliveries?x=1")
    assert (answer.status, answer.headers["Location"]) == (303, "/login?next=%2Fdeliveries%3Fx%3D1")
    shown = browser.get(answer.headers["Location"])
    assert 'name="next" value="&#x2F;deliveries?x&#x3D;1"' in shown.text or (
        'value="/deliveries?x=1"' in shown.text)
    assert "form-action 'self'" in shown.headers["Content-Security-Policy"]
    answer = browser.log_in(secret, next="/deliveries?x=1")
    assert (answer.status, answer.headers["Location"]) == (303, "/deliveries?x=1")
    assert browser.get("/deliveries").status == 200


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(server):
    server.start()
    browser = Browser(server)
    answer = browser.log_in(token(server))
    name, *flags = answer.headers["Set-Cookie"].split("; ")
    assert re.fullmatch(r"aphex_session=[0-9a-f]{64}", name)
    assert set(flags) == {"Max-Age=43200", "Path=/", "HttpOnly", "SameSite=Strict"}


@pytest.mark.parametrize("target", [
    "//evil.example", "https://evil.example/", "/\\evil.example", "/\r\nSet-Cookie: a=b",
    "javascript:alert(1)", "\t//evil.example", ""])
def test_the_login_leads_nowhere_else(server, target):
    server.start()
    answer = Browser(server).log_in(token(server), next=target)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert "a=b" not in str(answer.headers)


def test_a_planted_session_is_worth_nothing(server):
    server.start()
    secret = token(server)
    browser = Browser(server)
    planted = "0" * 64
    browser.cookies["aphex_session"] = planted
    assert browser.get("/").status == 303
    browser.log_in(secret)
    assert browser.cookies["aphex_session"] != planted
    first = browser.cookies["aphex_session"]
    browser.log_in(secret)
    assert browser.cookies["aphex_session"] != first


def test_a_session_ends_with_the_logout_and_with_its_token(server):
    server.start()
    token(server, "root")
    secret = token(server, "ada", "read")
    browser = Browser(server)
    browser.log_in(secret)
    cookie = dict(browser.cookies)
    assert browser.post("/logout").headers["Location"] == "/login"
    browser.cookies = cookie  # a copy that somebody has kept
    assert browser.get("/").status == 303
    browser.log_in(secret)
    assert browser.get("/").status == 200
    server.program.run("token", "revoke", "ada", cwd="/")
    assert browser.get("/").status == 303


def test_a_login_is_of_whom_it_lets_in(server):
    server.start()
    root = token(server, "root")
    Browser(server).log_in(token(server, "ada", "read"))
    (login,) = audited(server, root, action="login")
    assert (login["who"], login["result"], login["object"]) == ("ada", "done", "token ada")


def test_the_session_is_kept_as_its_hash(server):
    server.start()
    browser = Browser(server)
    browser.log_in(token(server))
    server.stop()
    cookie = browser.cookies["aphex_session"].encode()
    for file in server.program.state.rglob("*"):
        assert not file.is_file() or cookie not in file.read_bytes(), file


def test_guessing_is_slow(server):
    server.start()
    secret = token(server)
    browser = Browser(server)
    for _ in range(10):
        assert browser.log_in("aphex_" + "0" * 64).status == 401
    answer = browser.log_in(secret)
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 300
    # Programs go on.
    assert server.request("GET", "/api/v1/runs", headers=bearer(secret)).status == 200


@pytest.mark.parametrize("headers", [
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": None},
    {"Origin": "null", "Sec-Fetch-Site": None},
    {"Origin": None, "Sec-Fetch-Site": "cross-site"},
    {"Origin": None, "Sec-Fetch-Site": "same-site"},
    {"Origin": None, "Sec-Fetch-Site": None},
    {"Origin": "https://127.0.0.1", "Sec-Fetch-Site": None},
])
def test_a_form_of_another_site_does_nothing(server, headers):
    """With a session and without any token; also the login itself."""
    server.start()
    browser = Browser(server)
    wanted = {"Origin": None, **headers}
    local = browser.post(START, {"commit": "0" * 40}, **wanted)
    assert local.status == 403, local.text
    secret = token(server)
    assert browser.log_in(secret).status == 303
    assert browser.post(START, {"commit": "0" * 40}, **wanted).status == 403
    assert browser.post("/logout", {}, **wanted).status == 403
    stranger = Browser(server)
    assert stranger.post("/login", {"token": secret}, **wanted).status == 403
    # Nor does one that a form can send to the API.
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        assert browser.post("/api/v1/pipelines/app/runs", {}, **wanted,
                            Content_Type=kind).status == 403
    assert server.request("GET", "/api/v1/queue", headers=bearer(secret)).json["queue"] == []


def test_the_forms_token_stands_in_for_the_browsers_word(server):
    server.start()
    token(server, "root")
    browser, other = Browser(server), Browser(server)
    secret = token(server, "ada", "run")
    browser.log_in(secret)
    other.log_in(secret)
    silent = {"Origin": None, "Sec_Fetch_Site": None}

    def form_token(who):
        found = re.search(r'name="form_token" value="([0-9a-f]{64})"', who.get("/account").text)
        return found[1]
    fields = {"commit": "0" * 39}
    for wrong in ("", "0" * 64, form_token(other)):
        assert browser.post(START, fields | {"form_token": wrong}, **silent).status == 403
    # The right one gets as far as the commit.
    assert browser.post(START, fields | {"form_token": form_token(browser)}, **silent).status == 400


@pytest.mark.parametrize("host", [
    "evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "127.evil.example",
    "localhost.evil.example", "", "[::1].evil.example", "0.0.0.0:{port}"])
def test_a_name_that_was_made_to_point_here_gets_nothing(server, host):
    server.start()
    answer = server.request("GET", "/api/v1/queue",
                            headers={"Host": host.format(port=server.port)})
    assert answer.status == 403
    assert "the Host header names another server" in answer.json["detail"]


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST", "[::1]:1",
                                  "127.1.2.3", "aphex.example.com"])
def test_its_own_names_are_answered(server, host):
    server.start(publicUrl="https://aphex.example.com")
    assert server.request("GET", "/api/v1/queue",
                          headers={"Host": host.format(port=server.port)}).status == 200


def test_two_hosts_are_none(server):
    server.start()
    answer = raw(server, "GET /api/v1/queue HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n"
                         "Connection: close\r\n\r\n")
    assert answer.startswith("HTTP/1.1 400 ")
    assert "more than one header Host" in answer


def test_without_a_host_only_an_older_client_is_answered(server):
    server.start()
    answer = raw(server, "GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert answer.startswith("HTTP/1.1 400 ") and "the request has no header Host" in answer
    assert raw(server, "GET /healthz HTTP/1.0\r\n\r\n").startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP",
                                    "X-Forwarded-Host"])
def test_a_proxy_does_not_make_strangers_local(server, header):
    server.start()
    answer = server.request("GET", "/api/v1/queue", headers={header: "127.0.0.1"})
    assert answer.status == 403
    assert "a proxy has passed the request on" in answer.json["detail"]


def audited(server, secret, **wanted):
    entries = server.request("GET", "/api/v1/audit", headers=bearer(secret)).json["audit"]
    return [each for each in entries if all(each[key] == value for key, value in wanted.items())]


@pytest.mark.parametrize("trusted, forwarded, client", [
    ([], "203.0.113.9", "127.0.0.1"),
    (["127.0.0.1"], "203.0.113.9", "203.0.113.9"),
    (["127.0.0.1"], "198.51.100.1, 203.0.113.9", "203.0.113.9"),
    (["127.0.0.1", "203.0.113.9"], "198.51.100.1, 203.0.113.9", "198.51.100.1"),
    (["127.0.0.1"], "127.0.0.1, garbage", "127.0.0.1"),
    (["127.0.0.1"], "::ffff:203.0.113.9", "203.0.113.9"),
    (["127.0.0.1"], "<script>", "127.0.0.1"),
])
def test_whom_a_forwarded_request_is_of(server, trusted, forwarded, client):
    server.start(**({"trustedProxies": trusted} if trusted else {}))
    secret = token(server, "ci", "admin")
    server.request("POST", "/api/v1/runs/1/cancel",
                   headers=bearer(secret) | {"X-Forwarded-For": forwarded})
    assert [each["client"] for each in audited(server, secret, action="run.cancel")] == [client]


def test_behind_a_trusted_proxy_the_cookie_is_for_tls_only(server):
    server.start(trustedProxies=["127.0.0.1"], publicUrl="https://aphex.example.com")
    secret = token(server)
    browser = Browser(server)
    answer = browser.post("/login", {"token": secret}, Origin="https://aphex.example.com",
                          X_Forwarded_Proto="https", X_Forwarded_Host="aphex.example.com",
                          X_Forwarded_For="203.0.113.9")
    assert answer.status == 303, answer.text
    assert answer.headers["Set-Cookie"].startswith("__Host-aphex_session=")
    assert "; Secure" in answer.headers["Set-Cookie"]


def test_who_says_https_is_not_believed(server):
    server.start()
    answer = Browser(server).post("/login", {"token": token(server)}, X_Forwarded_Proto="https")
    assert "; Secure" not in answer.headers["Set-Cookie"]


def test_the_guesses_of_one_client_do_not_lock_out_another(server):
    server.start(trustedProxies=["127.0.0.1"])
    secret = token(server)
    for _ in range(11):
        Browser(server).post("/login", {"token": "x"}, X_Forwarded_For="203.0.113.9")
    assert Browser(server).post("/login", {"token": "x"},
                                X_Forwarded_For="203.0.113.9").status == 429
    assert Browser(server).post("/login", {"token": secret},
                                X_Forwarded_For="203.0.113.10").status == 303


def test_no_answer_takes_a_header_from_a_request(server):
    server.start()
    token(server)
    for path in ("/runs/1%0d%0aX-Evil:%20a", "/login?next=/%0d%0aX-Evil:%20a",
                 "/api/v1/queue?cursor=%0d%0aX-Evil:a&limit=1"):
        answer = server.get(path)
        assert "X-Evil" not in answer.headers, path


@pytest.mark.parametrize("path", [
    "/api/v1/../v1/tokens", "//api/v1/tokens", "/api/v1/tokens/", "/API/v1/tokens",
    "/api/v1/%74okens", "/login/../api/v1/tokens", "/healthz/../api/v1/tokens",
    "/webhooks/github/../../api/v1/tokens", "/api/v1/tokens;x", "/api/v1/tokens%00"])
def test_no_path_leads_around_the_gate(server, path):
    server.start()
    token(server)
    answer = server.get(path)
    assert answer.status in (401, 404, 303), answer.text
    assert "tokens" not in answer.text or answer.status != 200


def test_logs_are_the_only_files(server):
    server.start()
    server.push()
    server.await_ended()
    for path in ("../../aphex.db", "..%2f..%2faphex.db", "%2e%2e/%2e%2e/aphex.db",
                 "build.1/../../../../aphex.db", "/etc/passwd"):
        assert server.get(f"/api/v1/runs/1/logs/{path}").status == 404, path


def test_a_hash_that_only_begins_alike_is_of_another(server):
    """Tokens and sessions are looked for by the first digits of their hashes (so that the database
    compares nothing of what is secret), and the rest decides: test_constant_time.py of
    tests/architecture has how."""
    server.start()
    secret = token(server)
    browser = Browser(server)
    browser.log_in(secret)
    assert browser.get("/").status == 200
    assert server.request("GET", "/api/v1/queue", headers=bearer(secret)).status == 200
    database = sqlite3.connect(server.program.state / "aphex.db")
    for table in ("sessions", "tokens"):
        with database:
            changed = database.execute(f"UPDATE {table} SET hash = substr(hash, 1, 63) ||"
                                       " (CASE substr(hash, 64) WHEN '0' THEN '1' ELSE '0' END)")
        assert changed.rowcount == 1
        assert browser.get("/").status == 303
        assert server.request("GET", "/api/v1/queue", headers=bearer(secret)).status == (
            200 if table == "sessions" else 401)
    database.close()


def certificate(directory, name, serial):
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
            .public_key(key.public_key()).serial_number(serial)
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
            .sign(key, hashes.SHA256()))
    for file, data in (("cert.pem", made.public_bytes(serialization.Encoding.PEM)),
                       ("key.pem", key.private_bytes(
                           serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                           serialization.NoEncryption()))):
        (directory / (file + ".new")).write_bytes(data)
        os.replace(directory / (file + ".new"), directory / file)


def start_tls(server):
    server.configure(tls={"certificateFile": "cert.pem", "keyFile": "key.pem"})
    server.process = server.program.start("serve", cwd=server.directory)
    line = server.process.stdout.readline()
    found = re.search(r"https://127\.0\.0\.1:(\d+)", line)
    assert found, line + server.process.stderr.read()
    server.port = int(found[1])


def tls_get(server, path, **settings):
    context = ssl.create_default_context(cafile=server.directory / "cert.pem")
    for name, value in settings.items():
        setattr(context, name, value)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=10, context=context)
    connection.request("GET", path)
    response = connection.getresponse()
    text = response.read().decode()
    serial = ssl.DER_cert_to_PEM_cert(connection.sock.getpeercert(True)) if connection.sock else ""
    version = connection.sock.version() if connection.sock else ""
    connection.close()
    return response.status, text, serial, version


def test_tls_and_a_renewed_certificate(server):
    certificate(server.directory, "first", 1)
    start_tls(server)
    status, text, first, version = tls_get(server, "/healthz")
    assert (status, text, version) == (200, "ok\n", "TLSv1.3")
    assert tls_get(server, "/healthz", maximum_version=ssl.TLSVersion.TLSv1_2)[3] == "TLSv1.2"
    certificate(server.directory, "second", 2)

    def renewed():
        try:
            return tls_get(server, "/healthz")[2] != first
        except ssl.SSLError:
            return False
    wait_until(renewed, "the new certificate is shown", 10)
    # One that does not fit is complained of, and the one before it stays.
    good = (server.directory / "cert.pem").read_bytes()
    (server.directory / "key.pem").write_text("no key")
    time.sleep(1.2)
    assert tls_get(server, "/healthz")[0] == 200
    assert (server.directory / "cert.pem").read_bytes() == good
    ended = server.stop()
    assert "key.pem cannot be used" in ended.err


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_protocols_and_plain_http_get_nothing(server):
    certificate(server.directory, "one", 1)
    start_tls(server)
    with pytest.raises((ssl.SSLError, OSError)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as plain:
            context.wrap_socket(plain)
    with pytest.raises((http.client.HTTPException, OSError)):
        server.get("/healthz")
    assert tls_get(server, "/healthz")[0] == 200


def test_a_certificate_that_is_none(server):
    (server.directory / "cert.pem").write_text("nothing")
    (server.directory / "key.pem").write_text("nothing")
    server.configure(tls={"certificateFile": "cert.pem", "keyFile": "key.pem"})
    done = server.program.run("serve", cwd=server.directory)
    assert done.code != 0
    assert "cert.pem cannot be used" in done.complaint
