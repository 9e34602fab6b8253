"""A workflow that waits at its gate, as the generator makes it, for tests and for pages."""

import time

from argo_generator import example_settings

ARGO = "/apis/argoproj.io/v1alpha1"
SECONDS = 60
# What docs/approvals.md says that whoever decides needs.
RIGHTS = [{"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["get", "patch"]}]


def configuration(**approval):
    return {"version": "1.0", "build": {"commands": ["npm ci"]},
            "environments": [{"name": "prod", "region": "us-east-1", "account": "111122223333",
                              "stacks": [{"name": "Api", "path": "lib/app-stack.ts"}],
                              "approval": approval}]}


class Waiting:
    """A workflow of a gate and of one node behind it, which takes what the gate gives out."""

    def __init__(self, cluster, generate, namespace, name=None, **approval):
        self.api = cluster.admin
        made = generate(configuration(**approval), example_settings(namespace=namespace))
        [(task, self.gate)] = made.gates()
        [deploy] = [item for item in made.tasks() if item["name"] == "deploy-prod"]
        gate_task = {"name": task["name"], "template": task["template"],
                     "arguments": {"parameters": [{"name": "digest", "value": "d1"},
                                                  {"name": "summary", "value": "1 stack is new"}]}}
        behind = {"name": "behind", "template": "behind", "depends": deploy["depends"],
                  "arguments": deploy["arguments"]}
        names = [item["name"] for item in deploy["arguments"]["parameters"]]
        templates = [{"name": "main", "dag": {"tasks": [gate_task, behind]}}, self.gate,
                     {"name": "behind", "suspend": {},
                      "inputs": {"parameters": [{"name": name} for name in names]}}]
        head = {"apiVersion": "argoproj.io/v1alpha1"}
        template = self.api.create(f"{ARGO}/namespaces/{namespace}/workflowtemplates", head | {
            "kind": "WorkflowTemplate",
            "metadata": {"generateName": "shop-", "namespace": namespace},
            "spec": {"entrypoint": "main", "templates": templates}})
        created = self.api.create(f"{ARGO}/namespaces/{namespace}/workflows", head | {
            "kind": "Workflow",
            "metadata": ({"name": name} if name else {"generateName": "shop-"})
            | {"namespace": namespace},
            "spec": {"workflowTemplateRef": {"name": template["metadata"]["name"]},
                     "arguments": {"parameters": [
                         {"name": "author", "value": "Ada <ada@example.org>"}]}}})
        self.name = created["metadata"]["name"]
        self.path = f"{ARGO}/namespaces/{namespace}/workflows/{self.name}"
        self.until(lambda: self.node("gate-prod").get("phase") == "Running")

    @property
    def status(self):
        return self.api.get(self.path).get("status", {})

    def node(self, name):
        return next((node for node in self.status.get("nodes", {}).values()
                     if node["displayName"] == name), {})

    def until(self, condition):
        end = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < end, self.status
            time.sleep(0.1)

    def given(self):
        """What the node behind the gate was given."""
        self.until(lambda: self.node("behind"))
        return {item["name"]: item["value"] for item in
                self.node("behind")["inputs"]["parameters"]}
