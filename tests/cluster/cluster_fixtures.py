"""The fixture `cluster`: a real Kubernetes API server for a test session. See README.md.

Two processes, etcd and kube-apiserver, on free ports of loopback, with their data below pytest's
temporary directory; the kernel ends them with the process that started them, whatever happens to
it. The webhook that decides about tokens lives in the test's own process.
"""

import base64
import concurrent.futures
import contextlib
import datetime
import ipaddress
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from eks_authenticator import Authenticator
from kube_api import Api, ApiError

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "support"))
import planted  # noqa: E402

REPO = HERE.parents[1]
CRDS = HERE / "crds"
KEPT_LOGS = REPO / "build" / "test-logs"
WORKFLOWS = "v4.1.2"
EVENTS = "v1.9.11"
START_SECONDS = 240  # five on a quiet machine; this one builds beside
START_TRIES = 3
STOP_SECONDS = 5
KUBECTL_SECONDS = 60
RIGHT_SECONDS = 30
AUDIT_SECONDS = 5
LOG_TAIL_LINES = 15
ADMINISTRATOR = "administrator"
# Nothing is recorded twice, and no content: objects may be secrets.
AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
                "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}


class NotStarted(Exception):
    """A process of the cluster ended, or was not ready in time."""


def programs():
    """The directory that tests/cluster/build has filled."""
    printed = subprocess.run([HERE / "build", "--print"], capture_output=True, text=True)
    if printed.returncode != 0:
        pytest.fail(printed.stderr, pytrace=False)
    return Path(printed.stdout.strip())


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def pem(key):
    # The form that kube-apiserver reads as a private and as a public key.
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def new_key():
    return ec.generate_private_key(ec.SECP256R1())


def certificate(subject, key, issuer, issuer_key, addresses=(), organization=None):
    """Of a server where addresses are given, else of a client; of an authority without issuer."""
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.NameAttribute(NameOID.COMMON_NAME, subject)]
    if organization:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    name = x509.Name(names)
    issuer_name = issuer.subject if issuer else name
    builder = (x509.CertificateBuilder().subject_name(name).issuer_name(issuer_name)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(now - datetime.timedelta(hours=1))
               .not_valid_after(now + datetime.timedelta(days=2))
               .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                   issuer_key.public_key()), False))
    if addresses:
        known = [x509.DNSName(each) if isinstance(each, str) else x509.IPAddress(each)
                 for each in addresses]
        builder = builder.add_extension(x509.SubjectAlternativeName(known), False)
    if issuer:
        usage = ExtendedKeyUsageOID.SERVER_AUTH if addresses else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), False)
    return builder.sign(issuer_key, hashes.SHA256())


def write_public(path, certificate_):
    path.write_bytes(certificate_.public_bytes(serialization.Encoding.PEM))


def write_authority(directory):
    """Writes ca.pem; returns the certificate and its key."""
    key = new_key()
    authority = certificate("aphex-test-ca", key, None, key)
    write_public(directory / "ca.pem", authority)
    return authority, key


def write_keys(directory):
    """ca.pem, server.pem, server.key and service-account.key; returns the authority's PEM."""
    authority, authority_key = write_authority(directory)
    server_key = new_key()
    addresses = ["localhost", ipaddress.ip_address("127.0.0.1")]
    write_public(directory / "server.pem", certificate(
        "kube-apiserver", server_key, authority, authority_key, addresses=addresses))
    (directory / "server.key").write_bytes(pem(server_key))
    (directory / "service-account.key").write_bytes(pem(new_key()))
    return (directory / "ca.pem").read_text(encoding="utf-8")


def write_kubeconfig(path, cluster, user):
    """JSON is YAML too."""
    path.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }), encoding="utf-8")


def tail(path):
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join([f"the end of {path}:", *lines[-LOG_TAIL_LINES:]])


class Server:
    """etcd and kube-apiserver as processes."""

    def __init__(self, directory, binaries, webhook):
        self.directory = directory
        self.binaries = binaries
        self.processes = {}
        self.port, self._etcd_port = free_ports(2)
        self._webhook = webhook

    def start(self):
        self._spawn("etcd", *self._etcd_flags())
        self.wait_until(self._etcd_listens, "etcd")
        self._spawn("kube-apiserver", *self._server_flags())

    def _spawn(self, name, *flags):
        with open(self.directory / f"{name}.log", "ab") as log:
            # setpriv becomes the program; the kernel kills it when this process has gone.
            self.processes[name] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", self.binaries / name, *flags], stdout=log,
                stderr=log, stdin=subprocess.DEVNULL, cwd=self.directory, start_new_session=True)

    def _etcd_flags(self):
        client, peer = f"http://127.0.0.1:{self._etcd_port}", "http://127.0.0.1:0"
        return ["--data-dir", self.directory / "etcd", "--listen-client-urls", client,
                "--advertise-client-urls", client, "--listen-peer-urls", peer,
                "--unsafe-no-fsync", "--log-level", "warn"]

    def _server_flags(self):
        here = self.directory
        return [
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            "--advertise-address=127.0.0.1", "--endpoint-reconciler-type=none",
            "--service-cluster-ip-range=10.96.0.0/16",
            f"--tls-cert-file={here}/server.pem", f"--tls-private-key-file={here}/server.key",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={here}/service-account.key",
            f"--service-account-signing-key-file={here}/service-account.key",
            "--anonymous-auth=false", "--authorization-mode=RBAC",
            f"--token-auth-file={here}/tokens.csv",
            f"--authentication-token-webhook-config-file={here}/webhook.json",
            "--authentication-token-webhook-version=v1",
            # A refused token may be good a moment later. (An accepted one is remembered for 10 s,
            # which no flag changes.)
            "--authentication-token-webhook-cache-ttl=1ms",
            f"--audit-policy-file={here}/audit-policy.json",
            f"--audit-log-path={here}/audit.log", "--audit-log-maxsize=1000",
            "--enable-priority-and-fairness=false", "--profiling=false",
        ]

    def _etcd_listens(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self._etcd_port), timeout=1).close()
            return True
        return False

    def wait_until(self, condition, what):
        end = time.monotonic() + START_SECONDS
        while not condition():
            for name, process in self.processes.items():
                if process.poll() is not None:
                    raise NotStarted(f"{name} ended with {process.returncode}; "
                                     + tail(self.directory / f"{name}.log"))
            if time.monotonic() > end:
                raise NotStarted(f"{what} is not ready after {START_SECONDS} s; "
                                 + tail(self.directory / f"{self._log_of(what)}.log"))
            time.sleep(0.02)

    def _log_of(self, what):
        return what if what in self.processes else "kube-apiserver"

    def stop(self):
        # Nothing of theirs is kept, so they need no time to end well.
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes.values():
            process.wait(timeout=STOP_SECONDS)


class Cluster:
    def __init__(self, directory, server, ca_pem, admin_token, eks):
        self._directory = directory
        self._server = server
        # Counted by whoever asks, side by side.
        self._names = {what: itertools.count(1) for what in ("namespace", "binding", "kubeconfig")}
        self.endpoint = f"https://127.0.0.1:{server.port}"
        self.ca_pem = ca_pem
        self.ca_data = base64.b64encode(ca_pem.encode()).decode()
        self.ca_file = directory / "ca.pem"
        self.eks = eks
        self.admin = self.api(admin_token)
        self.kubeconfig = self._write_kubeconfig(admin_token)

    def _next(self, what):
        return next(self._names[what])

    def _write_kubeconfig(self, token):
        path = self._directory / f"kubeconfig-{self._next('kubeconfig')}.json"
        planted.holds(path, "token of the cluster")
        write_kubeconfig(path, {"server": self.endpoint, "certificate-authority-data":
                                self.ca_data}, {"token": token})
        return path

    def api(self, token, agent="aphex-tests"):
        return Api(self.endpoint, self.ca_pem, token, agent)

    def user_token(self, name, groups=()):
        return planted.secret("token of the cluster", self.eks.user_token(name, groups))

    def namespace(self, name=None):
        name = name or f"test-{self._next('namespace')}"
        self.admin.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        return name

    def remove_namespace(self, name):
        """At once: no controller runs here that would end a namespace."""
        path = f"/api/v1/namespaces/{name}"
        self.admin.delete(path)
        try:
            ending = self.admin.get(path)
            ending["spec"]["finalizers"] = []
            self.admin.replace(f"{path}/finalize", ending)
        except ApiError as error:
            if error.code != 404:
                raise

    def bind(self, user, rules, namespace=None, group=False):
        kind = "Role" if namespace else "ClusterRole"
        metadata = {"name": f"test-{self._next('binding')}"}
        if namespace:
            metadata["namespace"] = namespace
        api_group = "rbac.authorization.k8s.io"
        subject = {"kind": "Group" if group else "User", "name": user, "apiGroup": api_group}
        role = {"apiVersion": f"{api_group}/v1", "metadata": metadata}
        self.admin.apply(role | {"kind": kind, "rules": rules})
        self.admin.apply(role | {
            "kind": f"{kind}Binding", "subjects": [subject],
            "roleRef": {"apiGroup": api_group, "kind": kind, "name": metadata["name"]}})
        for rule in rules:
            if rule.get("resources"):
                self._wait_for_right(user, rule, namespace, group)

    def _wait_for_right(self, user, rule, namespace, group):
        """Granted is a right only when the server's authorizer has seen the binding."""
        resource, _, below = rule["resources"][0].partition("/")
        attributes = {"verb": rule["verbs"][0], "group": rule["apiGroups"][0],
                      "resource": resource, "subresource": below, "namespace": namespace or "",
                      "name": (rule.get("resourceNames") or [""])[0]}
        who = {"user": "somebody", "groups": [user]} if group else {"user": user}
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                  "spec": who | {"resourceAttributes": attributes}}
        end = time.monotonic() + RIGHT_SECONDS
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        while not self.admin.create(path, review)["status"]["allowed"]:
            assert time.monotonic() < end, f"the server does not grant {attributes} to {user}"
            time.sleep(0.01)

    def kubectl(self, *arguments, input=None, token=None):
        kubeconfig = self._write_kubeconfig(token) if token else self.kubeconfig
        # Of the person who runs the tests nothing but PATH: kubectl reads plugins and preferences.
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._directory)}
        return subprocess.run(
            [self._server.binaries / "kubectl", "--kubeconfig", kubeconfig, "--cache-dir",
             self._directory / "kubectl-cache", *arguments],
            input=input, capture_output=True, text=True, timeout=KUBECTL_SECONDS, env=environment)

    def requests(self, user=None):
        """The audit log until now, which is complete once it holds a request made now."""
        marker = f"/version?marker={time.monotonic_ns()}"
        self.admin.get(marker)
        end = time.monotonic() + AUDIT_SECONDS
        while marker not in (text := (self._directory / "audit.log").read_text(encoding="utf-8")):
            assert time.monotonic() < end, "the audit log does not grow"
            time.sleep(0.01)
        events = (json.loads(line) for line in text.splitlines())
        entries = [{"verb": event["verb"], "user": event["user"].get("username", ""),
                    "uri": event["requestURI"], "code": event["responseStatus"]["code"]}
                   for event in events if event["stage"] == "ResponseComplete"]
        return [entry for entry in entries if "/version?marker=" not in entry["uri"]
                and user in (None, entry["user"])]

    @contextlib.contextmanager
    def pause(self):
        process = self._server.processes["kube-apiserver"]
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def install(self, *folders):
        """Custom resource definitions, until their objects can be stored."""
        paths = sorted(path for folder in folders for path in (CRDS / folder).glob("*.json"))
        definitions = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        where = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        # The server needs a second of computing for each of the large ones.
        with concurrent.futures.ThreadPoolExecutor(len(definitions)) as pool:
            list(pool.map(lambda definition: self.admin.create(where, definition), definitions))
        kinds = {}
        for definition in definitions:
            spec = definition["spec"]
            group = f"/apis/{spec['group']}/{spec['versions'][0]['name']}"
            kinds.setdefault(group, set()).add(spec["names"]["plural"])
        for group, names in kinds.items():
            self._server.wait_until(lambda g=group, n=names: self._serves(g, n), group)

    def _serves(self, group, names):
        try:
            listed = {resource["name"] for resource in self.admin.get(group)["resources"]}
            if not names <= listed:
                return False
            for name in names:
                self.admin.get(f"{group}/{name}?limit=1")
        except ApiError as error:
            if error.code in (404, 503):
                return False
            raise
        return True


def write_configuration(directory, webhook, admin_token):
    planted.secret("token of the cluster", admin_token)
    planted.holds(directory / "tokens.csv", "token of the cluster")
    # Of the pipelines' Secrets, which etcd keeps.
    planted.holds(directory / "etcd", "GitHub token", "webhook secret")
    (directory / "tokens.csv").write_text(
        f'{admin_token},{ADMINISTRATOR},{ADMINISTRATOR},"system:masters"\n', encoding="utf-8")
    (directory / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY), encoding="utf-8")
    write_kubeconfig(directory / "webhook.json", {"server": webhook}, {})


def is_ready(admin):
    try:
        return admin.send("GET", "/readyz")[0] == 200
    except OSError:
        return False


@contextlib.contextmanager
def running(directory, workflows=WORKFLOWS):
    """A cluster with its data in this directory, for those who do not use the fixture."""
    binaries = programs()
    eks = Authenticator()
    webhook = eks.start()
    server = None
    try:
        ca_pem = write_keys(directory)
        admin_token = f"admin-{os.urandom(16).hex()}"
        write_configuration(directory, webhook, admin_token)
        for last in (*[False] * (START_TRIES - 1), True):
            server = Server(directory, binaries, webhook)
            try:
                server.start()
                cluster = Cluster(directory, server, ca_pem, admin_token, eks)
                server.wait_until(lambda: is_ready(cluster.admin), "kube-apiserver")
                break
            except NotStarted as error:
                # Somebody else may have taken a port that was free a moment before.
                if last or "address already in use" not in str(error):
                    raise
                server.stop()
                shutil.rmtree(directory / "etcd", ignore_errors=True)
        cluster.install(f"workflows-{workflows}", f"events-{EVENTS}")
        yield cluster
    finally:
        if server:
            server.stop()
        eks.stop()


def keep_logs(directory, prefix="cluster", names=("etcd", "kube-apiserver", "audit")):
    KEPT_LOGS.mkdir(parents=True, exist_ok=True)
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(directory / f"{name}.log", KEPT_LOGS / f"{prefix}-{name}.log")
    print(f"logs of the Kubernetes API server: {KEPT_LOGS}/{prefix}-*.log", file=sys.stderr)


@pytest.fixture(scope="session")
def cluster(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("cluster")
    failed_before = request.session.testsfailed
    try:
        with running(directory, getattr(request, "param", WORKFLOWS)) as started:
            yield started
    except NotStarted:
        keep_logs(directory)
        raise
    if request.session.testsfailed > failed_before:
        keep_logs(directory)
