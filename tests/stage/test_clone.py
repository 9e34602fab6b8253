"""The init container: exactly the commit, and a token that only the configured repository sees."""

import base64
import http.server
import json
import pathlib
import socket
import ssl
import subprocess
import threading

import pytest

TOKEN = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"


class GitHub:
    """github.com behind a proxy: git speaks TLS to a server with a certificate of that name, whose
    repositories ask for the token. Serves git's own http-backend."""

    def __init__(self, directory, variables):
        self.directory = directory
        self.seen = []  # (host, path, Authorization) of each request
        self.tunnels = []
        self.certificate, self.key = make_certificate(directory)
        root = directory / "repositories"
        root.mkdir()
        self.root = root
        self.variables = variables
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_git(self):
                outer.answer(self)

            do_GET = do_POST = handle_git

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # The handshake is the handler thread's: in accept(), a silent client holds up the rest.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.proxy = Proxy(self)

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.proxy.close()

    def publish(self, source, name):
        target = self.root / f"{name}.git"
        target.parent.mkdir(exist_ok=True)
        subprocess.run(["git", "clone", "-q", "--bare", source, target], check=True,
                       env=self.variables)
        subprocess.run(["git", "-C", target, "config", "uploadpack.allowAnySHA1InWant", "true"],
                       check=True, env=self.variables)

    def answer(self, request):
        authorization = request.headers.get("Authorization", "")
        path, _, query = request.path.partition("?")
        self.seen.append((request.headers.get("Host"), path, authorization))
        wanted = "Basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()
        if not path.startswith("/public/") and authorization != wanted:
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length)
        done = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, check=True,
            env={**self.variables, "GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1",
                 "REQUEST_METHOD": request.command, "PATH_INFO": path, "QUERY_STRING": query,
                 "CONTENT_TYPE": request.headers.get("Content-Type", ""),
                 "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
                 "GIT_PROTOCOL": request.headers.get("Git-Protocol", "")})
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        request.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)


class Proxy:
    """CONNECT, to the one server, whatever host is asked for."""

    def __init__(self, github):
        self.github = github
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.tunnel, args=(peer,), daemon=True).start()

    def tunnel(self, peer):
        head = b""
        while b"\r\n\r\n" not in head:
            got = peer.recv(4096)
            if not got:
                return
            head += got
        self.github.tunnels.append(head.split()[1].decode())
        server = socket.create_connection(self.github.server.server_address)
        peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for one, other in ((peer, server), (server, peer)):
            threading.Thread(target=pump, args=(one, other), daemon=True).start()


def pump(one, other):
    try:
        while got := one.recv(65536):
            other.sendall(got)
    except OSError:
        pass
    try:
        other.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def make_certificate(directory):
    certificate, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=github.com", "-addext", "subjectAltName=DNS:github.com,DNS:gitlab.com", "-keyout",
         key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def github(tmp_path, surroundings):
    directory = tmp_path / "github"
    directory.mkdir()
    server = GitHub(directory, surroundings)
    yield server
    server.close()


@pytest.fixture
def private(pipeline, application, github, tmp_path):
    """A private repository of the pipeline, and its token's Secret as it is mounted."""
    application.configure()
    commit = application.commit("The first")
    github.publish(application.directory, "archon/archon-agent")
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")

    def workflow(url="https://github.com/archon/archon-agent.git", sha=commit):
        generated = pipeline.generate(githubToken={"key": "token", "secret": "archon/token"})
        return pipeline.workflow(sha, generated, repositoryUrl=url)

    workflow.variables = {
        "APHEX_GITHUB_TOKEN_FILE": str(token), "GIT_SSL_CAINFO": str(github.certificate),
        "https_proxy": f"http://127.0.0.1:{github.proxy.port}"}
    workflow.commit = commit
    return workflow


def everything(directory):
    for file in pathlib.Path(directory).rglob("*"):
        if file.is_file() and not file.is_symlink():
            yield file, file.read_bytes()


def test_the_token_goes_to_the_repository_and_stays_nowhere(private, github):
    pod = private().pod("validate")
    report, ended = pod.clone(**private.variables)
    assert report == {"version": 1, "commit": private.commit}, ended.out
    assert any(authorization for _, _, authorization in github.seen)
    assert set(github.tunnels) == {"github.com:443"}
    head = subprocess.run(["git", "-C", pod.work / "source", "rev-parse", "HEAD"],
                          capture_output=True, text=True, check=True).stdout.strip()
    assert head == private.commit
    encoded = base64.b64encode(f"x-access-token:{TOKEN}".encode())
    for file, content in everything(pod.work):
        assert TOKEN.encode() not in content and encoded not in content, file
    assert TOKEN not in ended.out + ended.err
    config = (pod.work / "source/.git/config").read_text()
    assert "url = https://github.com/archon/archon-agent.git\n" in config
    assert "helper" not in config


@pytest.mark.parametrize("url", ["https://github.com/archon/other.git",
                                 "https://gitlab.com/archon/archon-agent.git"])
def test_no_other_repository_sees_the_token(private, github, application, url):
    github.publish(application.directory, "archon/other")
    pod = private(url).pod("validate")
    report, _ = pod.clone(**private.variables)
    assert report["error"]["code"] == "permission"
    assert "it is sent to no other repository" in report["error"]["hint"]
    assert not any(authorization for _, _, authorization in github.seen)


def test_a_public_repository_needs_no_token(pipeline, github, application, private):
    github.publish(application.directory, "public/app")
    pod = pipeline.workflow(
        private.commit, repositoryUrl="https://github.com/public/app.git").pod("validate")
    report, _ = pod.clone(GIT_SSL_CAINFO=str(github.certificate),
                          https_proxy=private.variables["https_proxy"])
    assert report == {"version": 1, "commit": private.commit}
    ended = pod.run()
    assert ended.code == 0, ended.err


def test_what_went_wrong_is_told_by_the_stage(private, github):
    """The init container ends well, so that the message stands in the log that people read."""
    missing = "f" * 40
    pod = private(sha=missing).pod("build")
    report, ended = pod.clone(**private.variables)
    assert ended.code == 0
    assert f"cannot check out commit {missing}" in report["error"]["message"]
    ended = pod.run()
    assert ended.code == 1
    assert f"cannot check out commit {missing}" in ended.err


def test_a_server_that_cannot_be_reached_may_be_tried_again(private):
    pod = private().pod("build")
    report, _ = pod.clone(**{**private.variables, "https_proxy": "http://127.0.0.1:9"})
    assert report["error"]["code"] == "unavailable"
    assert pod.run().code == 75


def test_without_a_clone_the_stage_says_so(private):
    ended = private().pod("build").run()
    assert ended.code == 75
    assert "the commit was not cloned: there is no" in ended.err


@pytest.mark.parametrize("url", ["--upload-pack=touch /tmp/owned", "ext::sh -c true", "/etc"])
def test_an_address_is_an_address(pipeline, application, url):
    application.configure()
    pod = pipeline.workflow(application.commit(), repositoryUrl=url).pod("build")
    report, _ = pod.clone()
    assert report["error"]["message"] == f"'{url}' is no address of a git repository"


def test_credentials_in_an_address_do_not_stay(private, github):
    pod = private(f"https://x:{TOKEN}@github.com/archon/archon-agent.git").pod("build")
    report, ended = pod.clone(**private.variables)
    assert report == {"version": 1, "commit": private.commit}, ended.out
    for file, content in everything(pod.work):
        assert TOKEN.encode() not in content, file
    assert TOKEN not in json.dumps(report) + ended.out + ended.err
