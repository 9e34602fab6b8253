"""A pipeline's workflow as the template that stands in the cluster has it, its stages executed as
pods would be, with the rights that the stack gave their service account."""

import os
import subprocess
import sys
import types

import planted
import yaml
from world import CDK, ROOT

for folder in ("e2e", "stage"):
    sys.path.insert(0, str(ROOT / "tests" / folder))
from workflow import Workflow  # noqa: E402

GIT = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
       "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
       "GIT_CONFIG_GLOBAL": "/dev/null"}


class Repository:
    def __init__(self, directory):
        self.directory = directory
        self.git("init", "-q", "-b", "main")
        self.write(".gitignore", "cdk.out\n")

    def git(self, *arguments):
        return subprocess.run(["git", "-C", self.directory, *arguments],
                              env={**os.environ, **GIT}, capture_output=True, text=True,
                              check=True).stdout.strip()

    def write(self, path, text):
        (self.directory / path).write_text(text, encoding="utf-8")

    def commit(self, message="A change"):
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")


class InCluster:
    def __init__(self, app, directory):
        self.app = app
        self.directory = directory
        self.repository = Repository(app.folder)
        self.workflows = 0

    @property
    def template(self):
        return self.app.live()[("WorkflowTemplate", f"{self.app.name}-pipeline")]

    def kubeconfig(self):
        cluster = self.app.world.cluster
        account = self.template["spec"]["serviceAccountName"]
        token = cluster.user_token(f"system:serviceaccount:{self.app.namespace}:{account}")
        file = planted.holds(self.directory / "kubeconfig", "token of the cluster")
        file.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "pod",
            "clusters": [{"name": "c", "cluster": {"server": cluster.endpoint,
                                                   "certificate-authority": str(cluster.ca_file)}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "pod", "context": {"cluster": "c", "user": "u"}}]}))
        return file

    def variables(self):
        """Of its pods."""
        return self.app.world.environment() | {
            "APHEX_CDK": str(CDK), "KUBECONFIG": str(self.kubeconfig()),
            "TMPDIR": str(self.directory)}

    def parameters(self, commit):
        return {"commitSha": commit, "repositoryUrl": f"file://{self.app.folder}",
                "branch": "main", "author": "Ada", "message": "A change"}

    def workflow(self, commit):
        """Of the template as it is now."""
        self.workflows += 1
        template = self.template
        templates = {each["name"]: each for each in template["spec"]["templates"]}
        generated = types.SimpleNamespace(templates=lambda: templates, workflow_template=template)
        return Workflow(
            self.directory / f"run-{self.workflows}", generated, self.parameters(commit),
            self.variables(), f"{self.app.name}-{self.workflows}", self.app.namespace)

    def run(self, commit):
        workflow = self.workflow(commit)
        return workflow.run("pipeline"), workflow
