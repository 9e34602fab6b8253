"""The generator of a pipeline's Kubernetes objects, as a Python function, and random settings.

`build/<preset>/bin/argo_probe` answers one request a line; one process serves a whole session.
"""

import json
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass

from hypothesis import strategies as st

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "properties"))
from strategies import account_ids, configurations, regions, to_yaml  # noqa: E402

VERSIONS = ["3.4", "3.5", "3.6", "3.7", "4.0", "4.1"]
PARAMETERS = ["commitSha", "repositoryUrl", "branch", "author", "message"]
REPOSITORY = "archon-agent"


class Refused(Exception):
    """The generator's message, where it makes no objects."""


@dataclass
class Generated:
    objects: list
    secret_values: dict
    wait_for: list
    plan: dict
    digest: str
    yaml: str
    microseconds: int

    def all(self, kind):
        return [item for item in self.objects if item["kind"] == kind]

    def one(self, kind, name=None):
        found = [item for item in self.all(kind)
                 if name is None or item["metadata"]["name"] == name]
        assert len(found) == 1, f"{len(found)} objects {kind} {name or ''}"
        return found[0]

    @property
    def workflow_template(self):
        """The pipeline's: the first, since pull requests' comes after it."""
        return self.all("WorkflowTemplate")[0]

    @property
    def sensor(self):
        return self.all("Sensor")[0]

    def templates(self, workflow_template=None):
        spec = (workflow_template or self.workflow_template)["spec"]
        return {item["name"]: item for item in spec["templates"]}

    def tasks(self, workflow_template=None):
        return self.templates(workflow_template)["main"]["dag"]["tasks"]

    def stages(self, workflow_template=None):
        """Of each task in order: the task, its template, and the plan in it, as a pod reads it."""
        templates = self.templates(workflow_template)
        return [(task, templates[task["template"]], embedded_plan(templates[task["template"]]))
                for task in self.tasks(workflow_template)
                if "suspend" not in templates[task["template"]]]

    def gates(self):
        """Of each gate in order: its task and its template."""
        templates = self.templates()
        return [(task, templates[task["template"]]) for task in self.tasks()
                if "suspend" in templates[task["template"]]]


def artifact(template, name):
    for item in template.get("inputs", {}).get("artifacts", []):
        if item["name"] == name:
            return item["raw"]["data"]
    raise KeyError(name)


def embedded_plan(template):
    return json.loads(artifact(template, "plan"))


def variables(container):
    return {item["name"]: item["value"] for item in container["env"]}


class Generator:
    def __init__(self):
        program = pathlib.Path(os.environ.get("APHEX_BIN", ROOT / "build/release/bin/aphex"))
        path = program.parent / "argo_probe"
        assert path.exists(), f"{path} is not there: build it, or set APHEX_BIN"
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, encoding="utf-8")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)

    def __call__(self, configuration, settings, repository=None):
        text = configuration if isinstance(configuration, str) else to_yaml(configuration)
        request = {"configuration": text, "settings": settings,
                   "repository": repository or REPOSITORY}
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return Generated(answer["objects"], answer["secretValues"], answer["waitFor"],
                         answer["plan"], answer["digest"], answer["yaml"], answer["microseconds"])


def example_settings(**changes):
    """Those of the example's pipeline, as the golden files have them."""
    return {
        "version": 1,
        "pipeline": "archon-agent",
        "cluster": "arbiter",
        "namespace": "pipelines",
        "github": {"owner": "archon", "repository": "archon-agent", "branch": "main"},
        "account": "111122223333",
        "region": "us-east-1",
        "executionRoleArn": "arn:aws:iam::111122223333:role/ArchonAgentWorkflowExecutionRole",
        "artifactBucket": "archon-agent-artifacts-111122223333-us-east-1",
        "webhookSecret": {"key": "secret", "secret": "archon-agent/webhook"},
        "githubToken": {"key": "token", "secret": "archon-agent/github-token"},
        "webhook": {"exposure": "ingress", "host": "hooks.example.com", "ingressClass": "alb",
                    "certificateArn": "arn:aws:acm:us-east-1:111122223333:certificate/1"},
        "logGroup": "/aphex/archon-agent",
        "metricNamespace": "Aphex",
        "pullRequests": "build",
    } | changes


def labels(most):
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    ends = st.sampled_from(letters)
    middle = st.text(letters + "-", max_size=most - 2)
    return ends | st.builds(lambda first, rest, last: first + rest + last, ends, middle, ends)


def branches():
    """Branch names, among them such as a regular expression or YAML would misread."""
    edges = ["main", "release/1.x", "a+b", "(x)|main", "feature/$1", "yes", "1e5", "v{2}",
             "Ünïcode"]
    return st.sampled_from(edges) | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,40}[A-Za-z0-9]",
                                                  fullmatch=True)


@st.composite
def webhooks(draw):
    exposure = draw(st.sampled_from(["none", "ingress", "loadbalancer"]))
    webhook = {"exposure": exposure}
    if exposure == "ingress":
        webhook["host"] = draw(labels(20)) + ".example.com"
        webhook["ingressClass"] = draw(st.sampled_from(["", "alb", "nginx"]))
    if exposure == "loadbalancer" and draw(st.booleans()):
        webhook["publicUrl"] = "http://hooks.example.com"
    if exposure != "none" and draw(st.booleans()):
        webhook["certificateArn"] = "arn:aws:acm:us-east-1:111122223333:certificate/1"
        webhook["annotations"] = {"example.com/owner": draw(st.sampled_from(["on", "3", "team a"]))}
    return webhook


@st.composite
def settings_of_pipelines(draw):
    pipeline = draw(labels(40))
    settings = {
        "version": 1,
        "pipeline": pipeline,
        "cluster": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", fullmatch=True)),
        "namespace": draw(labels(63)),
        "argo": draw(st.sampled_from(VERSIONS)),
        "eventBus": draw(st.sampled_from(["default", "pipelines"])),
        "github": {"owner": draw(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}", fullmatch=True)),
                   "repository": draw(st.from_regex(r"[A-Za-z0-9_.-]{1,60}", fullmatch=True)),
                   "branch": draw(branches())},
        "account": draw(account_ids()),
        "region": draw(regions()),
        "artifactBucket": "artifacts-" + draw(labels(20)),
        "webhookSecret": {"key": "secret", "secret": f"{pipeline}/webhook"},
        "webhook": draw(webhooks()),
        "pullRequests": draw(st.sampled_from(["ignore", "validate", "build"])),
        "forks": draw(st.sampled_from(["ignore", "accept"])),
        "prometheus": draw(st.booleans()),
        "infrastructureRetries": draw(st.integers(0, 10)),
    }
    if draw(st.booleans()):
        settings["eventsNamespace"] = draw(labels(63))
    if draw(st.booleans()):
        settings["executionRoleArn"] = f"arn:aws:iam::{settings['account']}:role/{pipeline}"
    if draw(st.booleans()):
        settings["githubToken"] = {"key": draw(st.sampled_from(["token", "GITHUB_TOKEN"])),
                                   "secret": "github", "jsonKey": "token"}
    if draw(st.booleans()):
        settings["logGroup"] = f"/aphex/{pipeline}"
        settings["metricNamespace"] = "Aphex"
        settings["notificationTopicArn"] = f"arn:aws:sns:us-east-1:{settings['account']}:runs"
    if draw(st.booleans()):
        settings["images"] = {"default": "registry.example.com/aphex@sha256:" + "0" * 64,
                              "deploy": "registry.example.com/deploy:2"}
        settings["resources"] = {"build": {"cpuRequest": "2", "memoryLimit": "8Gi"}}
    if draw(st.booleans()):
        settings["names"] = {"workflowTemplate": draw(labels(62)) + "w",
                             "eventSource": draw(labels(46)) + "e",
                             "sensor": draw(labels(62)) + "s",
                             "executorAccount": draw(labels(62)) + "x"}
    return settings


@st.composite
def pipelines(draw):
    """A configuration and the settings of its pipeline."""
    return draw(configurations()), draw(settings_of_pipelines())
