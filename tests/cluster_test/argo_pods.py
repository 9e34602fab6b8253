"""A template of Argo's as a pod: what its controller makes of it, and what came of it.

Beside the user's container stands another, `wait`, as Argo's does: it has the reporter's token and
the same volumes, and what the template declares as output is read through it.
"""

import dataclasses
import json
import time

from kube_api import ApiError


POLL_SECONDS = 0.5
# Until it is there, a pod has no container to be waited for.
WAIT = 'trap "exit 0" TERM; until [ -e /argo/end ]; do sleep 0.2; done'
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
PARTS = "input-artifacts"


class Stopped(Exception):
    """The tests have ended."""


@dataclasses.dataclass
class PodEnded:
    phase: str  # Succeeded, Failed, or Error where it is not the container that failed
    code: int | None
    message: str
    outputs: dict


def pod_of(run, template, name):
    return Pod(run, template, name[:63].rstrip("-").lower())


class Pod:
    def __init__(self, run, template, name):
        self.run_ = run
        self.kubernetes = run.driver.kubernetes
        self.api = run.api
        self.namespace = run.driver.namespace
        self.template = template
        self.name = name
        self.pods = f"/api/v1/namespaces/{self.namespace}/pods"

    def run(self, deadline):
        self._create_artifacts()
        self.api.create(self.pods, self.manifest())
        while True:
            try:
                pod = self.api.get(f"{self.pods}/{self.name}")
            except ApiError as error:
                if error.code != 404:
                    raise
                return PodEnded("Error", None, "pod deleted", self._outputs(None))
            if ended := self._ended(pod):
                return ended
            if time.monotonic() > deadline:
                self.api.delete(f"{self.pods}/{self.name}")
                return PodEnded("Failed", None, "Pod was active on the node longer than the "
                                "specified deadline", self._outputs(None))
            if self.run_.driver.stopping.wait(POLL_SECONDS):
                self.api.delete(f"{self.pods}/{self.name}")
                raise Stopped

    # --- what it is made of ---

    def _artifacts(self):
        return self.template.get("inputs", {}).get("artifacts", [])

    def _create_artifacts(self):
        if self._artifacts():
            data = {each["name"]: each["raw"]["data"] for each in self._artifacts()}
            self.api.create(f"/api/v1/namespaces/{self.namespace}/configmaps", {
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.name},
                "data": data})

    def manifest(self):
        spec, template = self.run_.spec, self.template
        labels = {**spec.get("podMetadata", {}).get("labels", {}),
                  **template.get("metadata", {}).get("labels", {}),
                  "workflows.argoproj.io/workflow": self.run_.name}
        made = {
            "restartPolicy": "Never", "serviceAccountName": spec["serviceAccountName"],
            "securityContext": spec.get("securityContext", {}),
            "automountServiceAccountToken": template.get(
                "automountServiceAccountToken", spec.get("automountServiceAccountToken", True)),
            "volumes": [*spec.get("volumes", []), *template.get("volumes", []),
                        *self._own_volumes()],
            "initContainers": template.get("initContainers", []),
            "containers": [self._wait_container(), self._main_container()]}
        made |= _read_patch(spec.get("podSpecPatch"))
        return {"apiVersion": "v1", "kind": "Pod", "spec": made,
                "metadata": {"name": self.name, "namespace": self.namespace, "labels": labels,
                             "annotations": template.get("metadata", {}).get("annotations", {})}}

    def _own_volumes(self):
        account = self.run_.spec["executor"]["serviceAccountName"]
        modes = {each["mode"] for each in self._artifacts()} or {0o444}
        volumes = [{"name": "argo", "emptyDir": {}},
                   {"name": "reporter-token",
                    "secret": {"secretName": f"{account}.service-account-token"}}]
        if self._artifacts():
            volumes.append({"name": PARTS,
                            "configMap": {"name": self.name, "defaultMode": max(modes)}})
        return volumes

    def _main_container(self):
        container = self.template["container"] | {"name": "main"}
        mounts = [{"name": PARTS, "mountPath": each["path"], "subPath": each["name"],
                   "readOnly": True} for each in self._artifacts()]
        return container | {"volumeMounts": [*container.get("volumeMounts", []), *mounts]}

    def _wait_container(self):
        user = self.template["container"]
        return {"name": "wait", "image": user["image"], "command": ["bash", "-c", WAIT],
                "securityContext": user["securityContext"],
                "volumeMounts": [*user.get("volumeMounts", []),
                                 {"name": "argo", "mountPath": "/argo"},
                                 {"name": "reporter-token", "mountPath": TOKEN_PATH,
                                  "readOnly": True}]}

    # --- what came of it ---

    def _ended(self, pod):
        status = pod["status"]
        for each in status.get("initContainerStatuses", []):
            code = each.get("state", {}).get("terminated", {}).get("exitCode", 0)
            if code != 0:
                return PodEnded("Failed", code, f"{each['name']}: Error (exit code {code})",
                                self._outputs(None))
        states = {each["name"]: each for each in status.get("containerStatuses", [])}
        ended = states.get("main", {}).get("state", {}).get("terminated")
        if ended:
            outputs = self._outputs(states["wait"])
            code = ended["exitCode"]
            if code == 0:
                return PodEnded("Succeeded", code, "", outputs)
            return PodEnded("Failed", code, f"main: Error (exit code {code})", outputs)
        if status["phase"] == "Failed":
            phase = "Failed" if "message" in status else "Error"
            return PodEnded(phase, None, status.get("message", "the pod failed"),
                            self._outputs(None))
        return None

    def _outputs(self, wait):
        """What lies in the files, else the defaults. The pod ends with it."""
        found = {}
        alive = wait and "running" in wait.get("state", {})
        for parameter in self.template.get("outputs", {}).get("parameters", []):
            source = parameter["valueFrom"]
            read = self._execute("cat", source["path"]) if alive else None
            if read and read.returncode == 0:
                found[parameter["name"]] = read.stdout
            elif "default" in source:
                found[parameter["name"]] = source["default"]
            else:
                raise AssertionError(f"{self.name} left no {source['path']}")
        if alive:
            self._execute("touch", "/argo/end")
        return found

    def _execute(self, *words):
        return self.kubernetes.kubectl("exec", "--namespace", self.namespace, self.name,
                                       "--container", "wait", "--", *words, check=False)


def _read_patch(text):
    """podSpecPatch, where it sets single values."""
    patch = json.loads(text) if text else {}
    nested = [key for key, value in patch.items() if isinstance(value, (dict, list))]
    assert not nested, f"podSpecPatch is more than the driver knows: {nested}"
    return patch
