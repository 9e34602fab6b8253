"""A cluster, a local AWS and a git server, and pipelines that are deployed there."""

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import yaml

TESTS = Path(__file__).resolve().parents[1]
for folder in ("e2e", "support", "cluster"):
    sys.path.insert(0, str(TESTS / folder))
from argo_driver import Driver  # noqa: E402
from kube_api import ApiError  # noqa: E402
from kube_access import ARGO  # noqa: E402
from program import BINARY, REPO  # noqa: E402
from sandbox_process import Sandbox  # noqa: E402
from stand_ins import LABEL, Forwarder, GitServer, PodIdentity  # noqa: E402

ACCOUNT = "111122223333"
STAGING_ACCOUNT = "222233334444"
REGION = "us-east-1"
CLUSTER = "shared"
KUBECTL_ROLE = "ClusterKubectlRole"
TOKEN_SECRET = "github-token"
OWNER = "archon"
APPLICATION = Path(__file__).resolve().parent / "application"
PROVIDER = Path(os.environ.get("APHEX_PROVIDER_ZIP",
                               BINARY.parents[1] / "share/aphex/provider/provider.zip"))
CDK_SECONDS = 300
# Far above the slowest run on the slowest machine that we know.
RUN_SECONDS = 900
TAKE_UP_SECONDS = 60
ENDED = ("Succeeded", "Failed", "Error")


def say(text):
    print(f"             {text}", file=sys.__stderr__, flush=True)


class World:
    def __init__(self, kubernetes, directory, variables, surroundings, settings):
        self.kubernetes = kubernetes
        self.directory = directory
        self.variables = variables
        self.surroundings = surroundings
        self.image = settings["IMAGE"]
        self.argo = settings["DRIVER"] == "argo"  # its own controller is there
        self.argo_version = settings["ARGO_VERSION"]
        address = settings["ADDRESS"]
        self.name = f"aphex-test-{uuid.uuid4().hex[:6]}"
        endpoint = variables["AWS_ENDPOINT_URL"]
        self.sandbox = Sandbox(directory, None, endpoint, 0.0)
        port = int(endpoint.rpartition(":")[2])
        self.parts = []
        forwarder = self._own(Forwarder(address, port))
        (directory / "git").mkdir()
        self.git = self._own(GitServer(address, directory / "git"))
        self._own(PodIdentity(kubernetes, address, directory / "pod-identity", self.name, port,
                              forwarder))
        self.issuer = kubernetes.issuer.removeprefix("https://")
        self._prepare_account()

    def _own(self, part):
        self.parts.append(part)
        return part

    def close(self):
        for part in reversed(self.parts):
            part.close()

    def client(self, service, account=ACCOUNT):
        return self.sandbox.client(service, account, REGION)

    @property
    def environment(self):
        """Of programs that work on AWS: a person's own settings are not in it."""
        path = f"{BINARY.parent}:{REPO}/node_modules/.bin:{os.environ['PATH']}"
        return {**self.surroundings, **self.variables, "PATH": path, "CI": "true",
                "CDK_DISABLE_CLI_TELEMETRY": "true", "NODE_NO_WARNINGS": "1",
                "APHEX_PROVIDER_ZIP": str(PROVIDER)}

    def _prepare_account(self):
        """What is there before the first pipeline."""
        kubeconfig = self.directory / "kubeconfig.json"
        kubeconfig.write_text(json.dumps(self.kubernetes.config()), encoding="utf-8")
        # As `aphex sandbox cluster add` does.
        code, answer = self.sandbox.call("POST", "/_aphex/clusters", {
            "account": ACCOUNT, "region": REGION, "name": CLUSTER, "kubeconfig": str(kubeconfig)})
        assert code == 200, answer
        iam = self.client("iam")
        iam.create_open_id_connect_provider(
            Url=f"https://{self.issuer}", ClientIDList=["sts.amazonaws.com"],
            ThumbprintList=["0" * 40])
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
             "Action": "sts:AssumeRole"}]}
        iam.create_role(RoleName=KUBECTL_ROLE, AssumeRolePolicyDocument=json.dumps(trust))
        self.client("secretsmanager").create_secret(Name=TOKEN_SECRET, SecretString="no-real-one")


def environment(name, account=ACCOUNT, tests=("node check.js",), stacks=("Network", "Api")):
    described = {"name": name, "region": REGION, "account": account, "stacks": []}
    for stack in stacks:
        described["stacks"].append({"name": stack, "path": "app.ts"})
    if tests:
        described["tests"] = {"commands": list(tests)}
    return described


class Pipeline:
    """A repository, its pipeline's stack, and a namespace of the cluster with its objects."""

    def __init__(self, world, label):
        self.world = world
        self.kubernetes = world.kubernetes
        self.api = world.kubernetes.api
        self.name = f"{label}-{uuid.uuid4().hex[:4]}"
        self.namespace = f"{world.name}-{self.name}"
        self.folder = world.directory / "git" / OWNER / self.name
        self.url = f"{world.git.address}/{OWNER}/{self.name}/.git"
        self.driver = None
        self.runs = 0
        shutil.copytree(APPLICATION, self.folder)
        self.git("init", "-q", "-b", "main")
        self.stacks({"name": "Network", "value": "10.0.0.0/16"},
                    {"name": "Api", "value": "https://api.example.com", "needs": ["Network"]})

    def close(self):
        if self.driver:
            self.driver.stop()
        self.kubernetes.delete_namespace(self.namespace)

    # --- the repository ---

    def git(self, *arguments):
        done = subprocess.run(["git", "-C", self.folder, *arguments], capture_output=True,
                              env=self.world.surroundings, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def stacks(self, *stacks):
        named = [{"physicalName": f"{self.name}-{each['name']}", **each} for each in stacks]
        (self.folder / "stacks.json").write_text(json.dumps(named, indent=1), encoding="utf-8")

    def configure(self, *environments, build=("mkdir -p dist", "echo made > dist/made.txt"),
                  **settings):
        described = {
            "version": "1.0", "build": {"commands": list(build)},
            "environments": list(environments),
            "pipeline": {
                "name": self.name, "clusterName": CLUSTER, "namespace": self.namespace,
                "githubOwner": OWNER, "githubRepo": self.name,
                "githubTokenSecretName": TOKEN_SECRET,
                "oidcProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{self.world.issuer}",
                "kubectlRoleArn": f"arn:aws:iam::{ACCOUNT}:role/{KUBECTL_ROLE}",
                "argoVersion": self.world.argo_version,
                "images": {"default": self.world.image}, **settings}}
        text = yaml.safe_dump(described, sort_keys=False, width=1000)
        (self.folder / "aphex-config.yaml").write_text(text, encoding="utf-8")
        return self

    def commit(self, message="A change"):
        self.git("add", "--all")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    # --- the objects ---

    def deploy(self):
        """Namespace and stack, as an administrator makes them, with the stock cdk."""
        self.api.create("/api/v1/namespaces", {
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": self.namespace, "labels": {LABEL: self.world.name}}})
        begun = time.monotonic()
        done = subprocess.run(
            ["cdk", "deploy", "--app", "aphex synth", "--require-approval", "never", "--progress",
             "events", "--output", self.folder.parent / f"{self.name}-cdk.out"],
            cwd=self.folder, env=self.world.environment, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=CDK_SECONDS, check=False)
        assert done.returncode == 0, done.stdout
        say(f"the pipeline's stack is deployed ({time.monotonic() - begun:.0f} s)")
        if not self.world.argo:
            self.driver = Driver(self.kubernetes, self.namespace, say)
        return self

    @property
    def bucket(self):
        return f"{self.name}-artifacts-{ACCOUNT}-{REGION}"

    @property
    def template_name(self):
        return f"{self.name}-pipeline"

    def path(self, kind, name):
        return f"{ARGO}/namespaces/{self.namespace}/{kind}/{name}"

    @property
    def template(self):
        return self.api.get(self.path("workflowtemplates", self.template_name))

    def tasks(self):
        main = next(each for each in self.template["spec"]["templates"] if each["name"] == "main")
        return [task["name"] for task in main["dag"]["tasks"]]

    # --- runs ---

    def start(self, commit):
        """As the Sensor creates it, with the Sensor's account."""
        self.runs += 1
        name = f"{self.name}-{commit[:8]}-{self.runs}"
        parameters = {"commitSha": commit, "repositoryUrl": self.url, "branch": "main",
                      "author": "Ada <ada@example.com>", "message": 'It "works": $(reboot) {}'}
        workflow = {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"workflowTemplateRef": {"name": self.template_name},
                     "arguments": {"parameters": [{"name": key, "value": value}
                                                  for key, value in parameters.items()]}}}
        self.kubernetes.kubectl("create", "-f", "-", input=json.dumps(workflow),
                                token=self.token(f"{self.name}-sensor"))
        return Run(self, name)

    def token(self, account):
        """Of a service account, as a pod of it has one."""
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{account}/token"
        return self.api.create(path, {"apiVersion": "authentication.k8s.io/v1",
                                      "kind": "TokenRequest", "spec": {}})["status"]["token"]

    def run(self, commit):
        return self.start(commit).wait()

    # --- what is in AWS afterwards ---

    def keys(self):
        listed = self.world.client("s3").list_objects_v2(Bucket=self.bucket)
        return sorted(each["Key"] for each in listed.get("Contents", []))

    def read(self, key):
        return self.world.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def stack(self, stack, environment_name, account=ACCOUNT):
        """Its status and outputs; None where there is none."""
        client = self.world.client("cloudformation", account)
        try:
            [found] = client.describe_stacks(
                StackName=f"{self.name}-{stack}-{environment_name}")["Stacks"]
        except client.exceptions.ClientError as error:
            assert "does not exist" in str(error)
            return None
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
        return found["StackStatus"], outputs

    def metric(self, name):
        found = self.world.client("cloudwatch").get_metric_statistics(
            Namespace="Aphex/Pipelines", MetricName=name, StartTime=time.time() - 7200,
            EndTime=time.time() + 3600, Period=14400, Statistics=["Sum"],
            Dimensions=[{"Name": "Pipeline", "Value": self.name}])["Datapoints"]
        return sum(each["Sum"] for each in found)


class Run:
    """A workflow."""

    def __init__(self, pipeline, name):
        self.pipeline = pipeline
        self.name = name
        self.path = pipeline.path("workflows", name)

    @property
    def object(self):
        return self.pipeline.api.get(self.path)

    @property
    def phase(self):
        return self.object.get("status", {}).get("phase", "")

    def exists(self):
        return self.pipeline.api.exists(self.path)

    def wait(self, seconds=RUN_SECONDS):
        end, told = time.monotonic() + seconds, {}
        while True:
            try:
                status = self.object.get("status", {})
            except ApiError as error:
                assert error.code == 404 and time.monotonic() < end, error
                status = {}
            if self.pipeline.world.argo:
                self._tell(status, told)
            if status.get("phase") in ENDED:
                say(f"{self.name} {status['phase']} {status.get('message', '')}".rstrip())
                return self
            taken_up = status.get("phase") or time.monotonic() < end - seconds + TAKE_UP_SECONDS
            assert taken_up, "nobody takes up the workflow: is Argo's controller on the cluster?"
            assert time.monotonic() < end, f"{self.name} does not end: {status}"
            time.sleep(0.5)

    def _tell(self, status, told):
        for node in status.get("nodes", {}).values():
            state = f"{node['phase']} {node.get('message', '')}".rstrip()
            if node["type"] == "Pod" and told.get(node["id"]) != state:
                told[node["id"]] = state
                say(f"{self.name}: {node['displayName']} {state}")

    def stages(self):
        """Of every task: how it ended. Those that Argo does not mention were never reached."""
        nodes = {node["displayName"]: node["phase"]
                 for node in self.object["status"].get("nodes", {}).values()}
        return {name: nodes.get(name, "Omitted") for name in self.tasks()}

    def tasks(self):
        spec = self.object["status"].get("storedWorkflowTemplateSpec") or \
            self.pipeline.template["spec"]
        main = next(each for each in spec["templates"] if each["name"] == "main")
        return [task["name"] for task in main["dag"]["tasks"]]

    def attempts(self, stage):
        """How each pod of the stage ended, in their order."""
        nodes = {node["displayName"]: node["phase"]
                 for node in self.object.get("status", {}).get("nodes", {}).values()}
        return [nodes[f"{stage}({number})"] for number in range(len(nodes))
                if f"{stage}({number})" in nodes]

    def exit_phase(self):
        nodes = self.object["status"].get("nodes", {}).values()
        return next((node["phase"] for node in nodes
                     if node["displayName"] == f"{self.name}.onExit"), None)

    def pods(self, stage=None):
        selector = f"workflows.argoproj.io/workflow={self.name}"
        if stage:
            selector += f",aphex.dev/stage={stage}"
        return self.pipeline.kubernetes.pods(self.pipeline.namespace, selector)

    def log(self, stage):
        """Of the stage's pods, the whole text of the container that did the work."""
        return "\n".join(
            self.pipeline.kubernetes.log(self.pipeline.namespace, pod["metadata"]["name"])
            for pod in self.pods(stage))

    def lines(self, stage):
        """What the commands of the stage printed."""
        records = [json.loads(line) for line in self.log(stage).splitlines()
                   if line.startswith("{")]
        return [each["line"] for each in records if "line" in each]

    def explain(self):
        """For a test that fails: how the pods ended, and the end of what they said."""
        said = [f"{self.name} is {self.phase}: {self.object['status'].get('message', '')}"]
        for pod in self.pods():
            name = pod["metadata"]["name"]
            said.append(f"--- {name}: {pod['status']['phase']}")
            said += self.pipeline.kubernetes.log(
                self.pipeline.namespace, name).splitlines()[-12:]
        return "\n".join(said)
