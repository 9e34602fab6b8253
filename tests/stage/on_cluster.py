"""A pipeline whose objects are in a cluster with a real API server, and its workflows there."""

import copy
import re

import planted
import yaml
from kube_api import ApiError

TEMPLATES = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflowtemplates/{}"
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflows/{}"
OWNER = {"aphex.dev/owner": "cloudformation/111122223333/us-east-1/AppPipelineStack",
         "aphex.dev/resource": "KubernetesWorkflowTemplate"}


class OnCluster:
    """Its objects are applied as the provider does."""

    def __init__(self, pipeline, cluster, directory):
        self.pipeline = pipeline
        self.cluster = cluster
        self.namespace = cluster.namespace()
        self.directory = directory
        self.kubeconfigs = 0

    def generate(self, **changes):
        return self.pipeline.generate(namespace=self.namespace, **changes)

    def install(self, generated):
        self.generated = generated
        self.template_name = generated.workflow_template["metadata"]["name"]
        for made in generated.all("WorkflowTemplate"):
            marked = copy.deepcopy(made)
            marked["metadata"]["annotations"] |= OWNER
            self.cluster.admin.apply(marked, manager="aphex")
        account = generated.workflow_template["spec"]["serviceAccountName"]
        role = next(each for each in generated.all("Role")
                    if each["metadata"]["name"] == account)
        user = f"system:serviceaccount:{self.namespace}:{account}"
        self.cluster.bind(user, role["rules"], self.namespace)
        self.kubeconfig = self.write_kubeconfig(self.cluster.user_token(user))
        return generated

    def write_kubeconfig(self, token, server=None):
        self.kubeconfigs += 1
        file = self.directory / f"kubeconfig-{self.kubeconfigs}"
        planted.holds(file, "token of the cluster")
        file.write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "pod",
            "clusters": [{"name": "arbiter", "cluster": {
                "server": server or self.cluster.endpoint,
                "certificate-authority": str(self.cluster.ca_file)}}],
            "users": [{"name": "executor", "user": {"token": token}}],
            "contexts": [{"name": "pod", "context": {
                "cluster": "arbiter", "user": "executor", "namespace": self.namespace}}],
        }), encoding="utf-8")
        return file

    @property
    def template(self):
        return self.cluster.admin.get(TEMPLATES.format(self.namespace, self.template_name))

    def workflow(self, commit, generated=None, **more):
        made = self.pipeline.workflow(commit, generated or self.generated, **more)
        made.namespace = self.namespace
        return made

    def run(self, workflow, **variables):
        return workflow.run("pipeline", KUBECONFIG=str(self.kubeconfig),
                            APHEX_NAMESPACE=self.namespace, **variables)

    def successor(self, workflow):
        return self.cluster.admin.get(WORKFLOWS.format(self.namespace, f"{workflow.name}-r1"))

    def has_successor(self, workflow):
        try:
            return bool(self.successor(workflow))
        except ApiError as error:
            assert error.code == 404
            return False

    def go(self, workflow, until=None, **variables):
        """Stage after stage as the template's graph has them, to the first that fails (or the stage
        `until`): what each of those that began ended with. `variables` are of stages:
        deploy_dev={...}."""
        def run(stage):
            of_stage = variables.get(stage.replace("-", "_"), {})
            return (self.run(workflow, **of_stage) if stage == "pipeline"
                    else workflow.run(stage, **of_stage))

        return follow(workflow.generated.workflow_template, run, until)


def follow(template, run, until=None):
    """What each stage of the template that Argo would start ended with."""
    ended = {}
    for task in tasks_of(template):
        if begins(task, ended):
            ended[task["name"]] = run(task["name"])
            if task["name"] == until:
                break
    return ended


def tasks_of(template):
    [main] = [each for each in template["spec"]["templates"] if each["name"] == "main"]
    return main["dag"]["tasks"]


def begins(task, ended):
    """Whether Argo would start it: what it depends on has succeeded, and its condition holds."""
    if "depends" in task:
        needed = re.fullmatch(r"([\w-]+)\.Succeeded", task["depends"]).group(1)
        if needed not in ended or ended[needed].code != 0:
            return False
    if "when" in task:
        condition = "'{{tasks.pipeline.outputs.parameters.outcome}}' == 'continue'"
        assert task["when"] == condition
        return outcome(ended["pipeline"]) == "continue"
    return True


def outcome(ended):
    file = ended.volume / "work" / "outcome"
    return file.read_text(encoding="utf-8") if file.exists() else None


def stages_of(template):
    return [task["name"] for task in tasks_of(template)]
