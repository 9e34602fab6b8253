"""The cluster that KUBECONFIG leads to, by kubectl: whatever way of signing in it names."""

import contextlib
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "cluster"))
from cluster_fixtures import CRDS, EVENTS, WORKFLOWS, programs  # noqa: E402
from kube_api import Api, ApiError  # noqa: E402

KUBECTL_SECONDS = 120
PROXY_SECONDS = 30
ARGO = "/apis/argoproj.io/v1alpha1"


class Kubernetes:
    def __init__(self, kubeconfig):
        self.kubeconfig = str(kubeconfig)
        self.program = programs() / "kubectl"
        # Deaf to Ctrl-C, because what the tests made is deleted through it; the kernel ends it with
        # this process, whatever happens.
        self._proxy = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", self.program, "--kubeconfig", self.kubeconfig,
             "proxy", "--port=0"], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self._proxy.stdout.readline()
        found = re.search(r"127\.0\.0\.1:\d+", line)
        assert found, f"kubectl proxy does not start: {line}"
        self.api = Api(f"http://{found.group()}")

    def close(self):
        self.api.close()
        self._proxy.terminate()
        self._proxy.wait(timeout=PROXY_SECONDS)
        self._proxy.stdout.close()

    def kubectl(self, *arguments, check=True, token=None, **options):
        """As whoever the kubeconfig names, or as the bearer of a token alone."""
        with contextlib.ExitStack() as stack:
            kubeconfig = stack.enter_context(self._of_bearer(token)) if token else self.kubeconfig
            done = subprocess.run(
                [self.program, "--kubeconfig", kubeconfig, *map(str, arguments)],
                capture_output=True, text=True, timeout=KUBECTL_SECONDS, check=False, **options)
        if check:
            assert done.returncode == 0, f"kubectl {arguments}: {done.stderr}"
        return done

    @contextlib.contextmanager
    def _of_bearer(self, token):
        """Beside a client certificate a token would count for nothing."""
        config = self.config()
        config["users"][0]["user"] = {"token": token}
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(config, file)
            file.flush()
            yield file.name

    def config(self):
        """The kubeconfig's current cluster and user, with the data of its files in it."""
        shown = self.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json")
        return json.loads(shown.stdout)

    @property
    def issuer(self):
        """Of the tokens of service accounts."""
        return self.api.get("/.well-known/openid-configuration")["issuer"]

    def install_argo_definitions(self):
        """Argo's resource types, where the cluster has none."""
        where = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        for folder in (f"workflows-{WORKFLOWS}", f"events-{EVENTS}"):
            for file in sorted((CRDS / folder).glob("*.json")):
                definition = json.loads(file.read_text(encoding="utf-8"))
                if not self.api.exists(f"{where}/{definition['metadata']['name']}"):
                    self.api.create(where, definition)
        for kind in ("workflows", "workflowtemplates", "eventsources", "sensors"):
            self.wait_until(lambda kind=kind: self.serves(f"{ARGO}/{kind}"), f"{kind} are served")

    def serves(self, path):
        with contextlib.suppress(ApiError):
            self.api.get(f"{path}?limit=1")
            return True
        return False

    def wait_until(self, condition, what, seconds=60.0):
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < end, f"waited {seconds:.0f} s in vain: {what}"
            time.sleep(0.2)
        return found

    def create_namespace(self, name):
        self.api.create("/api/v1/namespaces", {
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        self.wait_until(lambda: self.api.exists(account), f"namespace {name} has an account")

    def delete_namespace(self, name):
        with contextlib.suppress(ApiError):
            self.api.delete(f"/api/v1/namespaces/{name}")

    def pods(self, namespace, selector=""):
        query = f"?labelSelector={selector}" if selector else ""
        return self.api.list(f"/api/v1/namespaces/{namespace}/pods{query}")

    def log(self, namespace, pod, container="main"):
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log?container={container}"
        code, text = self.api.send("GET", path)
        return text if code == 200 else f"(no log of {pod}/{container}: {text})"
