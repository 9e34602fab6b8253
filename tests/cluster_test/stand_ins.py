"""What pods of a pipeline reach in place of AWS and GitHub, all of it in the tests' process.

- `Forwarder`: the sandbox listens on loopback; this lets pods in.
- `GitServer`: repositories by git's own HTTP, in place of GitHub.
- `PodIdentity`: gives pods their account's AWS role, as the webhook of EKS does, and the way to the
  sandbox. That is `http://localhost:<port>` in every pod, as on this machine (a container beside
  the stage's forwards it), because clients of S3 and the sandbox's addresses go by that name.
"""

import base64
import contextlib
import copy
import hmac
import http.server
import json
import os
import secrets
import select
import socket
import ssl
import subprocess
import threading
from ipaddress import ip_address
from pathlib import Path

from cluster_fixtures import certificate, new_key, pem, write_authority, write_public

ROLE = "eks.amazonaws.com/role-arn"
TOKEN_FOLDER = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
LABEL = "aphex.dev/cluster-test"
HOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
BLOCK_BYTES = 65536
WORD_SECONDS = 10
FORWARD = """
const net = require("net"), [port, host, there, word] = process.argv.slice(1);
net.createServer((near) => {
  const far = net.connect(there, host);
  far.write(word);
  near.pipe(far).pipe(near);
  for (const each of [near, far]) each.on("error", () => { near.destroy(); far.destroy(); });
}).listen(port, "localhost");
process.on("SIGTERM", () => process.exit(0));
"""


def git_backend():
    path = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
    return Path(path.stdout.strip(), "git-http-backend")


class Forwarder:
    """ADDRESS:port → 127.0.0.1:`to`, for those who begin with the word that our pods are given:
    the address may be one that others reach, and the sandbox starts programs for who asks it to.
    """

    def __init__(self, address, to):
        self.to = to
        self.word = secrets.token_hex(16)
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                threading.Thread(target=self._forward, args=(near,), daemon=True).start()

    def _forward(self, near):
        with near, contextlib.suppress(OSError):
            near.settimeout(WORD_SECONDS)
            said = near.recv(len(self.word), socket.MSG_WAITALL)
            if not hmac.compare_digest(said, self.word.encode()):
                return
            near.settimeout(None)
            with socket.create_connection(("127.0.0.1", self.to)) as far:
                others = {near: far, far: near}
                while True:
                    ready, _, _ = select.select(list(others), [], [])
                    for each in ready:
                        data = each.recv(BLOCK_BYTES)
                        if not data:
                            return
                        others[each].sendall(data)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class _Server:
    """An HTTP server on the address that pods reach."""

    def __init__(self, address, handler, context=None):
        self.server = http.server.ThreadingHTTPServer((address, 0), handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class GitServer(_Server):
    """Repositories below a directory, without signing in, as public ones of GitHub."""

    def __init__(self, address, directory):
        self.available = True
        backend, outer = git_backend(), self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self):
                if not outer.available:
                    self.send_error(503)
                    return
                path, _, query = self.path.partition("?")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                done = subprocess.run([backend], input=body, capture_output=True, check=False, env={
                    "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(directory),
                    "GIT_HTTP_EXPORT_ALL": "1", "GIT_CONFIG_COUNT": "2",
                    # GitHub gives any commit that somebody names.
                    "GIT_CONFIG_KEY_0": "uploadpack.allowAnySHA1InWant",
                    "GIT_CONFIG_VALUE_0": "true",
                    "GIT_CONFIG_KEY_1": "safe.directory", "GIT_CONFIG_VALUE_1": "*",
                    "REQUEST_METHOD": self.command, "PATH_INFO": path, "QUERY_STRING": query,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)), "REMOTE_ADDR": self.client_address[0],
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", "")})
                head, _, content = done.stdout.partition(b"\r\n\r\n")
                headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if line]
                status = dict(headers).get("Status", "200 OK")
                self.send_response(int(status.split()[0]))
                for name, value in headers:
                    if name != "Status":
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer

            def log_message(self, *_):
                pass

        super().__init__(address, Handler)
        self.address = f"http://{address}:{self.port}"


class PodIdentity(_Server):
    """A mutating webhook for pods of namespaces that have our label."""

    def __init__(self, kubernetes, address, directory, name, sandbox_port, forwarder):
        self.kubernetes = kubernetes
        self.name = name
        self.sandbox_port = sandbox_port
        self.forward = [str(sandbox_port), address, str(forwarder.port), forwarder.word]
        directory.mkdir()
        authority, key = write_authority(directory)
        own = new_key()
        write_public(directory / "server.pem", certificate(
            "aphex-cluster-test", own, authority, key, addresses=[ip_address(address)]))
        (directory / "server.key").write_bytes(pem(own))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.pem", directory / "server.key")
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                review = json.loads(body)
                answer = json.dumps(outer.review(review)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        super().__init__(address, Handler, context)
        authority_data = base64.b64encode((directory / "ca.pem").read_bytes()).decode()
        kubernetes.api.create(HOOKS, {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "MutatingWebhookConfiguration", "metadata": {"name": name},
            "webhooks": [{
                "name": "pod-identity.aphex.dev", "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "failurePolicy": "Fail",
                "clientConfig": {"url": f"https://{address}:{self.port}/",
                                 "caBundle": authority_data},
                "namespaceSelector": {"matchLabels": {LABEL: name}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"],
                           "operations": ["CREATE"]}]}]})

    def close(self):
        self.kubernetes.api.delete(f"{HOOKS}/{self.name}")
        super().close()

    def review(self, review):
        request = review["request"]
        response = {"uid": request["uid"], "allowed": True}
        pod = request["object"]
        account = self.kubernetes.api.get(
            f"/api/v1/namespaces/{request['namespace']}/serviceaccounts/"
            f"{pod['spec'].get('serviceAccountName', 'default')}")
        role = account["metadata"].get("annotations", {}).get(ROLE)
        if role:
            patch = [{"op": "replace", "path": "/spec", "value": self.mutated(pod["spec"], role)}]
            response |= {"patchType": "JSONPatch",
                         "patch": base64.b64encode(json.dumps(patch).encode()).decode()}
        return {"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}

    def mutated(self, given, role):
        spec = copy.deepcopy(given)
        variables = {"AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": f"{TOKEN_FOLDER}/token",
                     "AWS_STS_REGIONAL_ENDPOINTS": "regional",
                     "AWS_ENDPOINT_URL": f"http://localhost:{self.sandbox_port}"}
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            present = {each["name"] for each in container.get("env", [])}
            container["env"] = container.get("env", []) + [
                {"name": name, "value": value} for name, value in variables.items()
                if name not in present]
            container.setdefault("volumeMounts", []).append(
                {"name": "aws-iam-token", "mountPath": TOKEN_FOLDER, "readOnly": True})
        spec.setdefault("volumes", []).append({
            "name": "aws-iam-token", "projected": {"sources": [{"serviceAccountToken": {
                "audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}}]}})
        main = next((each for each in spec["containers"] if each["name"] == "main"),
                    spec["containers"][0])
        sandbox = {"name": "aws-sandbox", "image": main["image"], "restartPolicy": "Always",
                   "command": ["node", "-e", FORWARD, "--", *self.forward],
                   "securityContext": main.get("securityContext", {})}
        spec["initContainers"] = [sandbox, *spec.get("initContainers", [])]
        return spec
