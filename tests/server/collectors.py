"""Those who are told, for tests: a webhook, GitHub's API, a mail server. Each on a free port."""

import copy
import datetime
import email
import email.policy
import http.server
import json
import pathlib
import re
import socket
import ssl
import threading
import time
import urllib.parse

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey
from jsonschema import Draft202012Validator, FormatChecker

from program import planted, wait_until

GITHUB_API = json.loads(
    (pathlib.Path(__file__).resolve().parents[1] / "data/github-api.json").read_text())


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body
        self.at = time.monotonic()

    @property
    def json(self):
        return json.loads(self.body)


class Cut(Exception):
    """The connection ends without an answer."""


class Collector:
    """An HTTP server that records; `script` says what the next answers are: a status, a status with
    headers, or a function that may sleep or raise Cut."""

    def __init__(self):
        self.requests, self.script = [], []
        self.lock = threading.Lock()
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self.command, self.path, dict(self.headers), body)
                try:
                    status, headers, text = collector.answer(request)
                except Cut:
                    self.close_connection = True
                    self.connection.close()
                    return
                data = text.encode()
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                except OSError:
                    pass  # whoever asked is gone

            do_GET = do_POST = do_PATCH = handle_any

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def answer(self, request):
        with self.lock:
            self.requests.append(request)
            planned = self.script.pop(0) if self.script else None
        if callable(planned):
            planned = planned(request)
        if planned is None:
            return self.usual(request)
        status, headers = planned if isinstance(planned, tuple) else (planned, {})
        return status, headers, "not now"

    def usual(self, request):
        return 200, {}, "ok"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def await_requests(self, count, seconds=60):
        wait_until(lambda: len(self.requests) >= count, f"{count} requests", seconds)
        return self.requests


class GitHub(Collector):
    """As its published description has it: every request is checked, answers are its examples."""

    def __init__(self, token="a-token-of-a-person", repositories=("acme/app",)):
        self.token, self.repositories = planted.secret("GitHub token", token), repositories
        self.public_key = None  # of the app
        self.statuses, self.checks, self.complaints = [], {}, []
        self.after = lambda kind: None  # called when something was written, before the answer
        super().__init__()

    def use_app(self):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.public_key = RSAKey.import_key(key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        pem = key.private_bytes(serialization.Encoding.PEM,
                                serialization.PrivateFormat.TraditionalOpenSSL,
                                serialization.NoEncryption()).decode()
        return planted.secret("GitHub app's key", pem)

    @staticmethod
    def operation_of(request):
        path = urllib.parse.urlsplit(request.path).path
        for name in GITHUB_API["operations"]:
            method, template = name.split(" ")
            pattern = re.sub(r"\{[^}]+\}", "([^/]+)", template)
            found = re.fullmatch(pattern, path)
            if method == request.method and found:
                return name, found.groups()
        return None, ()

    def check(self, name, request):
        described = GITHUB_API["operations"][name]
        if "request" in described:
            validator = Draft202012Validator(described["request"], format_checker=FormatChecker())
            self.complaints += [f"{name}: {each.message}"
                                for each in validator.iter_errors(request.json)]
        known = {each["name"]: each["schema"] for each in described["query"]}
        for key, value in urllib.parse.parse_qsl(urllib.parse.urlsplit(request.path).query):
            if key not in known:
                self.complaints.append(f"{name}: there is no {key}")
            elif known[key].get("enum") and value not in known[key]["enum"]:
                self.complaints.append(f"{name}: {key}={value}")
        if request.headers.get("X-GitHub-Api-Version") != "2022-11-28":
            self.complaints.append(f"{name}: no version of the API")

    def is_app(self, bearer):
        try:
            claims = jwt.decode(bearer, self.public_key, algorithms=["RS256"]).claims
        except Exception:  # noqa: BLE001  whatever is wrong with it
            return False
        now = time.time()
        return claims["iss"] == "12345" and claims["iat"] <= now < claims["exp"] <= now + 600

    def usual(self, request):
        name, parts = self.operation_of(request)
        if name is None:
            self.complaints.append(f"nothing is described at {request.method} {request.path}")
            return 404, {}, json.dumps({"message": "Not Found"})
        self.check(name, request)
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        as_app = "installation" in name
        if not (self.is_app(bearer) if as_app else bearer == self.token):
            return 401, {}, json.dumps({"message": "Bad credentials"})
        of_a_repository = name.split(" ")[1].startswith("/repos/")
        if of_a_repository and "/".join(parts[:2]) not in self.repositories:
            return 404, {}, json.dumps({"message": "Not Found"})
        described = GITHUB_API["operations"][name]["answer"]
        answer = copy.deepcopy(described["example"])
        method, path = name.split(" ")
        change = getattr(self, f"{method}_{re.sub('[^a-z]+', '_', path).strip('_')}".lower())
        answer = change(answer, parts, request)
        return described["status"], {}, json.dumps(answer)

    def get_repos_owner_repo(self, answer, parts, request):
        return answer | {"permissions": {"admin": False, "push": True, "pull": True}}

    def get_repos_owner_repo_installation(self, answer, parts, request):
        return answer | {"id": 77}

    def post_app_installations_installation_id_access_tokens(self, answer, parts, request):
        assert parts == ("77",)
        until = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
        return answer | {"token": self.token, "expires_at": until.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def post_repos_owner_repo_statuses_sha(self, answer, parts, request):
        made = request.json | {"id": len(self.statuses) + 1, "sha": parts[2]}
        self.statuses.append(made)
        self.after("status")
        return answer | made

    def get_repos_owner_repo_commits_ref_statuses(self, answer, parts, request):
        (example,) = answer
        return [example | each for each in reversed(self.statuses) if each["sha"] == parts[2]]

    def post_repos_owner_repo_check_runs(self, answer, parts, request):
        made = request.json | {"id": len(self.checks) + 1, "history": [request.json["status"]]}
        self.checks[made["id"]] = made
        self.after("check")
        return answer | {"id": made["id"]}

    def patch_repos_owner_repo_check_runs_check_run_id(self, answer, parts, request):
        check = self.checks[int(parts[2])]
        check.update(request.json)
        check["history"].append(request.json["status"])
        self.after("check")
        return answer | {"id": check["id"]}

    def get_repos_owner_repo_commits_ref_check_runs(self, answer, parts, request):
        (example,) = answer["check_runs"]
        found = [example | {"id": each["id"], "external_id": each["external_id"]}
                 for each in self.checks.values() if each["head_sha"] == parts[2]]
        return {"total_count": len(found), "check_runs": found}

    def states(self, commit, context="aphex/app"):
        return [each["state"] for each in self.statuses
                if each["sha"] == commit and each["context"] == context]


class Mailbox:
    """A mail server; what it takes, it keeps, parsed by Python's email package."""

    def __init__(self, tls=None, directory=None, password=None, refuse=()):
        self.mails, self.envelopes, self.answers = [], [], []
        self.password, self.refuse = password, refuse
        if password:
            planted.secret("SMTP password", password)
        certificate = self.certificate = make_certificate(directory) if tls else None
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self.certificate)
        options = {"decode_data": False, "enable_SMTPUTF8": False}
        if password:
            options |= {"auth_required": True, "authenticator": self.authenticate,
                        "auth_require_tls": tls == "starttls"}
        if tls == "starttls":
            options |= {"tls_context": context, "require_starttls": True}

        def factory(mailbox=self):
            return SMTP(mailbox, **options)

        class OfOptions(Controller):
            def factory(self):
                return factory()

            def _trigger_server(self):
                """Its own probe speaks no TLS."""
                with socket.create_connection((self.hostname, self.port), 10) as plain:
                    if tls == "tls":
                        client = ssl.create_default_context(cafile=str(certificate))
                        client.wrap_socket(plain, server_hostname="localhost").recv(64)
                    else:
                        plain.recv(64)

        self.controller = OfOptions(self, hostname="127.0.0.1", port=free_port(),
                                    ssl_context=context if tls == "tls" else None,
                                    server_hostname="localhost", ready_timeout=60)
        self.controller.start()
        self.port = self.controller.port

    def authenticate(self, server, session, envelope, mechanism, auth_data):
        fits = auth_data.login == b"aphex" and auth_data.password == self.password.encode()
        return AuthResult(success=fits, handled=False)

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuse:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer.startswith("250"):
            self.envelopes.append(envelope)
            self.mails.append(email.message_from_bytes(envelope.content,
                                                       policy=email.policy.default))
        return answer

    def await_mails(self, count, seconds=60):
        wait_until(lambda: len(self.mails) >= count, f"{count} mails", seconds)
        return self.mails

    def close(self):
        self.controller.stop()


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def make_certificate(directory):
    """Of localhost, signed by itself; key and certificate in one file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
            .sign(key, hashes.SHA256()))
    path = directory / "certificate.pem"
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM,
                                       serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption())
                     + made.public_bytes(serialization.Encoding.PEM))
    return path
