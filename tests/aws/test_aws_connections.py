"""How the AWS library connects: whom it trusts, and by which proxy it goes."""

import http.server
import json
import os
import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("APHEX_BIN", str(REPO / "build" / "release" / "bin" / "aphex"))
PROBE = Path(PROGRAM).parent / "aws_probe"
IDENTITY = (
    b"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn</Arn><UserId>u</UserId>"
    b"<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
)


class Server:
    """Answers every POST with a caller's identity and remembers the targets."""

    def __init__(self, certificate: Path | None = None):
        self.targets: list[str] = []
        targets = self.targets

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                targets.append(self.path)
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Length", str(len(IDENTITY)))
                self.end_headers()
                self.wfile.write(IDENTITY)

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that hangs up is the test
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, certificate.with_suffix(".key"))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def serve():
    servers = []

    def begin(certificate: Path | None = None) -> Server:
        servers.append(Server(certificate))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


@pytest.fixture
def certificate(tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path / "authority.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", path.with_suffix(".key"), "-out", path],
        check=True, capture_output=True,
    )
    return path


def identity(endpoint: str, **extra: str):
    if not PROBE.exists():
        pytest.fail(f"{PROBE} is missing: build the project with its tests, or set APHEX_BIN")
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        **extra,
    }
    done = subprocess.run([PROBE, "identity"], env=environment, capture_output=True, timeout=30)
    return json.loads(done.stdout)


def test_a_certificate_of_an_unknown_authority_is_refused(serve, certificate):
    server = serve(certificate)
    error = identity(f"https://localhost:{server.port}")["error"]
    assert error["code"] == "unavailable"
    assert f"no trusted connection to https://localhost:{server.port}" in error["message"]
    assert "AWS_CA_BUNDLE" in error["hint"]
    assert server.targets == []


def test_a_certificate_of_the_bundle_is_trusted(serve, certificate):
    server = serve(certificate)
    answer = identity(f"https://localhost:{server.port}", AWS_CA_BUNDLE=str(certificate))
    assert answer["account"] == "111122223333"


def test_a_certificate_for_another_name_is_refused(serve, certificate):
    server = serve(certificate)
    error = identity(f"https://127.0.0.1:{server.port}", AWS_CA_BUNDLE=str(certificate))["error"]
    assert "no trusted connection" in error["message"]


def test_a_bundle_that_is_missing_is_an_error(serve, certificate, tmp_path):
    server = serve(certificate)
    answer = identity(f"https://localhost:{server.port}", AWS_CA_BUNDLE=str(tmp_path / "no"))
    error = answer["error"]
    assert "no trusted connection" in error["message"]


def test_a_proxy_of_the_environment_is_used(serve):
    proxy = serve()
    answer = identity("http://aws.invalid", http_proxy=f"http://127.0.0.1:{proxy.port}")
    assert answer["account"] == "111122223333"
    assert proxy.targets == ["http://aws.invalid/"]


def test_a_proxy_is_not_used_for_this_machine(serve):
    proxy, server = serve(), serve()
    answer = identity(
        f"http://localhost:{server.port}", http_proxy=f"http://127.0.0.1:{proxy.port}"
    )
    assert answer["account"] == "111122223333"
    assert (proxy.targets, server.targets) == ([], ["/"])
