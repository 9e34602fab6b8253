"""Clusters that are added by a kubeconfig: the real API server behind the sandbox's proxy."""

import base64
import datetime
import json
import os
import socket
import ssl
import threading
import time

import eks_tokens
import planted
import pytest
import yaml
from conftest import PIPELINE, REGION, TARGET
from kube_api import Api, ApiError
from test_clusters import as_role, role

NAME = "mine"


def kubeconfig_of(cluster):
    return yaml.safe_load(cluster.kubeconfig.read_text())


@pytest.fixture
def kubeconfig(cluster, tmp_path):
    """Writes a changed copy of the administrator's."""

    def write(user=None, cluster_=None, name="config", **more):
        content = kubeconfig_of(cluster)
        content["users"][0]["user"] = user or content["users"][0]["user"]
        content["clusters"][0]["cluster"] |= cluster_ or {}
        content |= more
        path = planted.holds(tmp_path / name, "token of the cluster")
        path.write_text(yaml.safe_dump(content))
        return path

    return write


def add(sandbox, path, **more):
    given = {"account": PIPELINE, "region": REGION, "name": NAME, "kubeconfig": str(path), **more}
    return sandbox.call("POST", "/_aphex/clusters", given)


def added(sandbox, path, **more):
    code, answer = add(sandbox, path, **more)
    assert code == 200, answer
    return answer


def api(sandbox, sts, cluster=NAME, name=NAME):
    shown = sandbox.client("eks").describe_cluster(name=name)["cluster"]
    ca = base64.b64decode(shown["certificateAuthority"]["data"]).decode()
    return Api(shown["endpoint"], ca, eks_tokens.token(sts, cluster), "test")


def test_a_token_of_the_cluster_acts_as_the_kubeconfigs_user(sandbox, cluster, kubeconfig):
    answer = added(sandbox, kubeconfig())
    content = kubeconfig_of(cluster)
    assert answer["via"] == {
        "server": cluster.endpoint,
        "context": content["current-context"],
        "user": content["users"][0]["name"],
    }
    assert answer["version"] == "1.34"
    assert answer["endpoint"].startswith("https://127.0.0.1:")
    assert answer["endpoint"] != cluster.endpoint
    sts = as_role(sandbox, role(sandbox))
    through = api(sandbox, sts)
    namespace = cluster.namespace()
    made = through.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "namespace": namespace},
            "data": {"large": "x" * 300_000},
        }
    )
    assert len(made["data"]["large"]) == 300_000
    place = f"/api/v1/namespaces/{namespace}/configmaps/c"
    assert cluster.admin.get(place) == through.get(place)
    users = {r["user"] for r in cluster.requests() if f"/{namespace}/configmaps" in r["uri"]}
    assert users == {"administrator"}
    # What the API server refuses is its own answer.
    with pytest.raises(ApiError) as refused:
        through.get(f"/api/v1/namespaces/{namespace}/configmaps/other")
    assert (refused.value.code, refused.value.reason) == (404, "NotFound")


def old_token(sts):
    url = eks_tokens.presign(sts, NAME)
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=16)
    return eks_tokens.encode(
        eks_tokens.with_parameter(url, "X-Amz-Date", f"{old:%Y%m%dT%H%M%SZ}")
    )


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda sts: eks_tokens.token(sts, "another"), "not one for the cluster mine"),
        (old_token, "the token has expired"),
        (lambda sts: eks_tokens.token(sts, NAME, expires_seconds=901), "at most 900 is allowed"),
        (lambda sts: eks_tokens.token(sts, NAME, sign_header=False), "x-k8s-aws-id is not signed"),
        (
            lambda sts: eks_tokens.token(sts, NAME, action="AssumeRole"),
            "is not one of GetCallerIdentity",
        ),
        (
            lambda sts: eks_tokens.encode(
                eks_tokens.presign(sts, NAME).replace("localhost", "example.com")
            ),
            "is no STS of this sandbox",
        ),
        (
            lambda sts: eks_tokens.encode(eks_tokens.presign(sts, NAME) + "&More=1"),
            "the parameter more does not belong there",
        ),
        (lambda sts: "secret", "does not begin with k8s-aws-v1."),
        (lambda sts: "k8s-aws-v1.*", "holds no address"),
        (lambda sts: "k8s-aws-v1." + "a" * 5000, "the token is too long"),
        (lambda sts: "", "there is no bearer token"),
    ],
)
def test_any_other_token_is_refused_and_the_log_says_why(sandbox, kubeconfig, make, why):
    answer = added(sandbox, kubeconfig())
    ca = base64.b64decode(answer["certificateAuthority"]).decode()
    token = make(sandbox.client("sts"))
    with pytest.raises(ApiError) as refused:
        Api(answer["endpoint"], ca, token, "test").get("/api/v1/namespaces")
    assert (refused.value.code, refused.value.reason) == (401, "Unauthorized")
    last = [
        line
        for line in (sandbox.state_dir / "server.log").read_text().splitlines()
        if "refuses a token" in line
    ][-1]
    assert why in last


def test_only_the_clusters_account_is_let_in(sandbox, kubeconfig):
    added(sandbox, kubeconfig())
    assert api(sandbox, sandbox.client("sts")).get("/api/v1/namespaces")
    with pytest.raises(ApiError, match="Unauthorized"):
        api(sandbox, sandbox.client("sts", TARGET)).get("/api/v1/namespaces")


def test_nobody_is_impersonated(sandbox, kubeconfig):
    import urllib.error
    import urllib.request

    answer = added(sandbox, kubeconfig())
    ca = base64.b64decode(answer["certificateAuthority"]).decode()
    token = eks_tokens.token(sandbox.client("sts"), NAME)
    headers = {"Authorization": f"Bearer {token}", "Impersonate-User": "system:admin"}
    request = urllib.request.Request(answer["endpoint"] + "/api", headers=headers)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, context=ssl.create_default_context(cadata=ca))
    assert refused.value.code == 403
    assert "impersonate" in json.loads(refused.value.read())["message"]


def test_a_watch_is_passed_on_as_it_comes(sandbox, cluster, kubeconfig):
    import urllib.request

    answer = added(sandbox, kubeconfig())
    ca = base64.b64decode(answer["certificateAuthority"]).decode()
    namespace = cluster.namespace()
    token = eks_tokens.token(sandbox.client("sts"), NAME)
    place = f"/api/v1/namespaces/{namespace}/configmaps"
    request = urllib.request.Request(
        f"{answer['endpoint']}{place}?watch=true", headers={"Authorization": f"Bearer {token}"}
    )
    context = ssl.create_default_context(cadata=ca)
    with urllib.request.urlopen(request, context=context, timeout=20) as stream:
        maker = threading.Timer(
            0.3,
            lambda: cluster.admin.create(
                place,
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "late", "namespace": namespace},
                },
            ),
        )
        maker.start()
        event = json.loads(stream.readline())
        maker.join()
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "late")


def test_kubectl_works_through_it(sandbox, cluster, kubeconfig):
    answer = added(sandbox, kubeconfig())
    content = kubeconfig_of(cluster)
    content["clusters"][0]["cluster"] = {
        "server": answer["endpoint"],
        "certificate-authority-data": answer["certificateAuthority"],
    }
    token = eks_tokens.token(sandbox.client("sts"), NAME)
    content["users"][0]["user"] = {"token": token}
    path = kubeconfig(name="through")
    path.write_text(yaml.safe_dump(content))
    done = cluster.kubectl("--kubeconfig", str(path), "get", "namespaces", "-o", "name")
    assert done.returncode == 0, done.stderr
    assert "namespace/default" in done.stdout


def test_several_clients_are_served_side_by_side(sandbox, kubeconfig):
    from concurrent.futures import ThreadPoolExecutor

    added(sandbox, kubeconfig())
    through = api(sandbox, sandbox.client("sts"))
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: through.get("/api/v1/namespaces"), range(64)))
    assert {a["kind"] for a in answers} == {"NamespaceList"}


def test_it_outlives_a_restart_on_the_same_port(own, cluster, kubeconfig):
    first = own()
    before = added(first, kubeconfig())
    first.stop()
    second = own(state_dir=first.state_dir)
    after = second.call("GET", "/_aphex/clusters")[1]["clusters"]
    assert after == [before]
    assert api(second, second.client("sts")).get("/api/v1/namespaces")
    second.stop()
    # Somebody else has the port: another one is taken, and EKS says so.
    port = int(before["endpoint"].rpartition(":")[2])
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        third = own(state_dir=first.state_dir)
        shown = third.client("eks").describe_cluster(name=NAME)["cluster"]
        assert shown["endpoint"] != before["endpoint"]
        assert shown["certificateAuthority"]["data"] == before["certificateAuthority"]
        assert api(third, third.client("sts")).get("/api/v1/namespaces")
    assert "PRIVATE KEY" not in third.call("GET", "/_aphex/clusters")[1].__repr__()


def test_removing_and_resetting_end_it(sandbox, kubeconfig):
    def listens(answer):
        try:
            socket.create_connection(("127.0.0.1", port_of(answer)), timeout=1).close()
        except OSError:
            return False
        return True

    def port_of(answer):
        return int(answer["endpoint"].rpartition(":")[2])

    def wait_until_closed(answer):
        end = time.monotonic() + 5
        while listens(answer):
            assert time.monotonic() < end
            time.sleep(0.05)

    place = {"account": PIPELINE, "region": REGION, "name": NAME}
    answer = added(sandbox, kubeconfig())
    assert listens(answer)
    assert sandbox.call("DELETE", "/_aphex/clusters", place)[0] == 200
    wait_until_closed(answer)
    answer = added(sandbox, kubeconfig())
    sandbox.call("POST", "/_aphex/reset")
    wait_until_closed(answer)


def test_a_cluster_that_is_gone_is_named(sandbox, cluster, kubeconfig):
    answer = added(sandbox, kubeconfig())
    through = api(sandbox, sandbox.client("sts"))
    assert answer["via"]["server"] == cluster.endpoint
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        unused = listener.getsockname()[1]
    code, problem = add(
        sandbox, kubeconfig(cluster_={"server": f"https://127.0.0.1:{unused}"}), name="gone"
    )
    assert code == 400
    assert f"https://127.0.0.1:{unused} cannot be reached" in problem["error"]
    # The one before is as it was.
    assert through.get("/api/v1/namespaces")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"user": {"exec": {"command": "aws"}}}, "is let in by exec; the sandbox can use a client"),
        ({"user": {"username": "a", "password": "b"}}, "is let in by username"),
        ({"user": {"as": "b"}}, "has neither a client certificate nor a token"),
        ({"user": {"token": "wrong"}}, "does not let in the user"),
        ({"user": {"tokenFile": "missing"}}, "which cannot be read: No such file or directory"),
        (
            {"user": {"client-certificate-data": "bm9uZQ==", "client-key-data": "bm9uZQ=="}},
            "a certificate or key cannot be used",
        ),
        ({"user": {"client-certificate-data": "%"}}, "client-certificate is not PEM text"),
        ({"cluster_": {"server": "http://x"}}, "is no https address: http://x"),
        ({"cluster_": {"proxy-url": "http://x"}}, "needs a proxy"),
        ({"cluster_": {"tls-server-name": "other.example"}}, "cannot be reached"),
        ({"current-context": None}, "has no current context; choose one of"),
        ({"current-context": "nowhere"}, "has no context nowhere; it has"),
        ({"users": []}, "has no user"),
        ({"clusters": []}, "has no cluster"),
    ],
)
def test_a_kubeconfig_that_does_not_do_is_named(sandbox, kubeconfig, change, message):
    path = kubeconfig(**change)
    code, answer = add(sandbox, path)
    assert code == 400, answer
    assert message in answer["error"]
    assert sandbox.call("GET", "/_aphex/clusters")[1] == {"clusters": []}


def test_what_is_no_kubeconfig_is_named(sandbox, tmp_path):
    code, answer = add(sandbox, tmp_path / "missing")
    assert (code, "cannot be read: No such file" in answer["error"]) == (400, True)
    (tmp_path / "text").write_text("hello")
    assert "is no kubeconfig" in add(sandbox, tmp_path / "text")[1]["error"]
    assert "absolute path" in add(sandbox, "relative")[1]["error"]


def test_files_beside_the_kubeconfig_are_read_at_once(sandbox, cluster, kubeconfig, tmp_path):
    content = kubeconfig_of(cluster)
    (tmp_path / "ca.pem").write_text(cluster.ca_pem)
    (tmp_path / "token").write_text(content["users"][0]["user"]["token"] + "\n")
    path = kubeconfig(user={"tokenFile": "token"})
    content = yaml.safe_load(path.read_text())
    content["clusters"][0]["cluster"] = {
        "server": cluster.endpoint,
        "certificate-authority": "ca.pem",
    }
    path.write_text(yaml.safe_dump(content))
    added(sandbox, path)
    for file in ("token", "ca.pem", "config"):
        os.unlink(tmp_path / file)
    assert api(sandbox, sandbox.client("sts")).get("/api/v1/namespaces")


def test_the_overview_shows_it(sandbox, kubeconfig):
    answer = added(sandbox, kubeconfig())
    (found,) = sandbox.call("GET", "/_aphex/resources")[1]["environments"]
    assert found["clusters"] == [
        {"name": NAME, "endpoint": answer["endpoint"], "via": answer["via"]}
    ]


# An API server that lets in client certificates only, as kind's and k3s's kubeconfigs have them.


class CertificateServer:
    """Answers as far as the proxy and these tests ask; what is upgraded is echoed."""

    def __init__(self, folder):
        self._folder = folder
        self.ca, self.client_certificate, self.client_key = self._make_keys()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=self.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(folder / "server.pem")
        self._listener = context.wrap_socket(socket.create_server(("127.0.0.1", 0)), True)
        self.endpoint = f"https://127.0.0.1:{self._listener.getsockname()[1]}/below"
        self.heads: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _make_keys(self):
        from datetime import UTC, timedelta
        from ipaddress import ip_address

        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        def text(key):
            return key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            ).decode()

        def certificate(name, key, issuer, signer, is_ca):
            now = datetime.datetime.now(UTC)
            place = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
            made = (
                x509.CertificateBuilder()
                .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
                .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
                .public_key(key.public_key())
                .serial_number(x509.random_serial_number())
                .not_valid_before(now - timedelta(hours=1))
                .not_valid_after(now + timedelta(hours=1))
                .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
                .add_extension(place, critical=False)
                .sign(signer, hashes.SHA256())
            )
            return made.public_bytes(serialization.Encoding.PEM).decode()

        ca_key, key, client_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        ca = certificate("ca", ca_key, "ca", ca_key, True)
        server = certificate("server", key, "ca", ca_key, False)
        (self._folder / "server.pem").write_text(server + text(key))
        return ca, certificate("client", client_key, "ca", ca_key, False), text(client_key)

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except ssl.SSLError:
                continue  # a client without a certificate
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        stream = connection.makefile("rwb", buffering=0)
        while line := stream.readline():
            head = line.decode()
            while (text := stream.readline()) not in (b"\r\n", b""):
                head += text.decode()
            self.heads.append(head)
            if "Upgrade: echo" in head:
                stream.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\r\n")
                while chunk := connection.recv(4096):
                    connection.sendall(chunk.upper())
                return
            body = b'{"major": "1", "minor": "30+"}'
            stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            if "Connection: close" in head:
                connection.close()
                return

    def close(self):
        # Who still waits in accept() may get the connections of the descriptor's next owner.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


@pytest.fixture
def certificates(tmp_path):
    server = CertificateServer(tmp_path)
    yield server
    server.close()


def certificate_kubeconfig(server, folder):
    def encoded(text):
        return base64.b64encode(text.encode()).decode()

    content = {
        "current-context": "kind-dev",
        "contexts": [{"name": "kind-dev", "context": {"cluster": "kind", "user": "kind-admin"}}],
        "clusters": [
            {
                "name": "kind",
                "cluster": {
                    "server": server.endpoint,
                    "certificate-authority-data": encoded(server.ca),
                },
            }
        ],
        "users": [
            {
                "name": "kind-admin",
                "user": {
                    "client-certificate-data": encoded(server.client_certificate),
                    "client-key-data": encoded(server.client_key),
                },
            }
        ],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_client_certificate_lets_in_and_no_token_reaches_the_server(
    sandbox, certificates, tmp_path
):
    answer = added(sandbox, certificate_kubeconfig(certificates, tmp_path))
    assert answer["via"]["user"] == "kind-admin"
    assert answer["version"] == "1.30"
    found = api(sandbox, sandbox.client("sts")).get("/api/v1/things?limit=1")
    assert found["major"] == "1"
    head = certificates.heads[-1]
    assert head.startswith("GET /below/api/v1/things?limit=1 HTTP/1.1\r\n")
    assert "authorization" not in head.lower()
    assert f"Host: {certificates.endpoint.split('/')[2]}\r\n" in head
    # Neither the key nor the certificate is left in a file.
    assert not [p for p in sandbox.state_dir.rglob("*.pem")]


def test_an_upgraded_connection_goes_both_ways(sandbox, certificates, tmp_path):
    answer = added(sandbox, certificate_kubeconfig(certificates, tmp_path))
    context = ssl.create_default_context(
        cadata=base64.b64decode(answer["certificateAuthority"]).decode()
    )
    port = int(answer["endpoint"].rpartition(":")[2])
    token = eks_tokens.token(sandbox.client("sts"), NAME)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(
            b"POST /api/v1/exec HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n"
            b"Authorization: Bearer " + token.encode() + b"\r\n\r\n"
        )
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(4096)
        assert received.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        for word in (b"one", b"two"):
            connection.sendall(word)
            assert connection.recv(4096) == word.upper()
    assert "Connection: Upgrade\r\n" in certificates.heads[-1]
