"""A pipeline's stack in an account of the sandbox, handled by the stock cdk command line."""

import base64
import json
import os
import pathlib
import re
import shutil
import subprocess

import planted
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
APHEX = pathlib.Path(os.environ.get("APHEX_BIN", ROOT / "build/release/bin/aphex"))
PIPELINE_APP = APHEX.parent / "archon-pipeline"  # pipeline/, as the build makes it
PACKAGE = pathlib.Path(os.environ.get(
    "APHEX_PROVIDER_ZIP", APHEX.parents[1] / "share/aphex/provider/provider.zip"))
CDK = pathlib.Path(os.environ.get("APHEX_CDK", ROOT / "node_modules/.bin/cdk"))
EXAMPLE = ROOT / "examples/archon-agent/aphex-config.yaml"
STACK_FILES = ROOT / "examples/archon-agent/lib"
ACCOUNT = "111122223333"
REGION = "us-east-1"
CLUSTER = "aphex-test"
GITHUB_TOKEN_SECRET = "archon-agent/github-token"
GITHUB_TOKEN = planted.secret("GitHub token", "ghp_0123456789abcdefghijABCDEFGHIJ")
GROUP = "aphex:kubectl"
KUBECTL_ROLE = "ClusterKubectlRole"
SECONDS = 240
# A person's own settings must not change what is tested.
FOREIGN = ("AWS_", "CDK", "APHEX_", "NODE_", "npm_", "KUBECONFIG")
# What a namespace's administrator gives to the role that applies a pipeline's objects, as
# docs/provider.md has it.
RULES = [
    {"apiGroups": [""], "resources": ["serviceaccounts", "secrets", "services", "configmaps"],
     "verbs": ["get", "create", "patch", "delete"]},
    {"apiGroups": ["argoproj.io"], "resources": ["workflowtemplates", "eventsources", "sensors"],
     "verbs": ["get", "create", "patch", "delete"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "networkpolicies"],
     "verbs": ["get", "create", "patch", "delete"]},
    {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"],
     "verbs": ["get", "create", "patch", "delete", "escalate", "bind"]},
]


def read(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


class World:
    """The sandbox with one bootstrapped account, and a cluster that its EKS shows."""

    def __init__(self, sandbox, cluster, home, templates):
        self.sandbox = sandbox
        self.cluster = cluster
        self.home = home
        self.templates = templates  # a copy of every one that was synthesized, for cfn-lint
        self.kubectl_role = f"arn:aws:iam::{ACCOUNT}:role/{KUBECTL_ROLE}"
        self.issuer = ""
        # What is in Secrets Manager.
        planted.holds(sandbox.state_dir, "GitHub token", "webhook secret")

    def client(self, service, region=REGION):
        return self.sandbox.client(service, ACCOUNT, region)

    def environment(self, region=REGION, account=ACCOUNT):
        key = self.sandbox.key(account)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return kept | {
            "HOME": str(self.home), "AWS_ENDPOINT_URL": self.sandbox.endpoint,
            "AWS_ACCESS_KEY_ID": key["accessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["secretAccessKey"], "AWS_REGION": region,
            "AWS_EC2_METADATA_DISABLED": "true", "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true", "NODE_NO_WARNINGS": "1", "APHEX_PROVIDER_ZIP": str(PACKAGE),
            "PATH": f"{APHEX.parent}:{os.environ['PATH']}",
        }

    def cdk(self, *arguments, cwd, region=REGION, account=ACCOUNT):
        """Exit code and everything that it said, to this account's administrator."""
        done = subprocess.run(
            [str(CDK), *map(str, arguments)], cwd=cwd, env=self.environment(region, account),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=SECONDS, check=False)
        return done.returncode, done.stdout

    def attach(self, name, region=REGION, endpoint=None):
        code, answer = self.sandbox.call("POST", "/_aphex/clusters", {
            "account": ACCOUNT, "region": region, "name": name,
            "endpoint": endpoint or self.cluster.endpoint,
            "certificateAuthority": self.cluster.ca_data})
        assert code == 200, answer
        return answer

    def bootstrap(self, region=REGION):
        code, text = self.cdk("bootstrap", f"aws://{ACCOUNT}/{region}", cwd=self.home,
                              region=region)
        assert code == 0, text

    def prepare(self):
        """What exists in an account before its first pipeline: the cluster and its stack's
        exports, a role that the cluster knows, and the GitHub token."""
        self.issuer = self.attach(CLUSTER)["oidcIssuer"].removeprefix("https://")
        self.cluster.eks.allow(self.sandbox.endpoint)
        self.cluster.eks.grant(self.kubectl_role, groups=[GROUP])
        provider = self.client("iam").create_open_id_connect_provider(
            Url=f"https://{self.issuer}", ClientIDList=["sts.amazonaws.com"],
            ThumbprintList=["0" * 40])["OpenIDConnectProviderArn"]
        trust = {"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
             "Action": "sts:AssumeRole"}]}
        template = {
            "Resources": {"KubectlRole": {
                "Type": "AWS::IAM::Role",
                "Properties": {"RoleName": KUBECTL_ROLE, "AssumeRolePolicyDocument": trust}}},
            "Outputs": {
                "Role": {"Value": {"Fn::GetAtt": ["KubectlRole", "Arn"]},
                         "Export": {"Name": f"AphexCluster-{CLUSTER}-KubectlRoleArn"}},
                "Provider": {"Value": provider,
                             "Export": {"Name": f"AphexCluster-{CLUSTER}-OIDCProviderArn"}}}}
        self.client("cloudformation").create_stack(
            StackName="SharedCluster", TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_NAMED_IAM"])
        self.github_token()

    def github_token(self, region=REGION):
        self.client("secretsmanager", region).create_secret(
            Name=GITHUB_TOKEN_SECRET, SecretString=GITHUB_TOKEN)


class Pipeline:
    """A repository with a configuration, and the stack that comes of it."""

    def __init__(self, world, folder, name, namespace=None, region=REGION, **settings):
        self.world = world
        self.folder = folder
        self.name = name
        self.namespace = namespace or world.cluster.namespace()
        self.region = region
        self.settings = {
            "name": name, "clusterName": CLUSTER, "namespace": self.namespace,
            "githubOwner": "archon", "githubRepo": "archon-agent",
            "githubTokenSecretName": GITHUB_TOKEN_SECRET, "oidcIssuer": world.issuer,
        } | settings
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copytree(STACK_FILES, folder / "lib")
        self.configure()
        self.app = "aphex synth"

    def configure(self, configuration=None, **settings):
        """Writes aphex-config.yaml: the example's, with this pipeline's settings."""
        self.settings |= settings
        self.settings = {key: value for key, value in self.settings.items() if value is not None}
        whole = configuration or yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
        for environment in whole["environments"]:
            environment["region"] = self.region
        whole["pipeline"] = self.settings
        text = yaml.safe_dump(whole, sort_keys=False, width=200)
        (self.folder / "aphex-config.yaml").write_text(text, encoding="utf-8")
        return whole

    def allow(self):
        """What the administrator of the namespace does once."""
        self.world.cluster.bind(GROUP, RULES, self.namespace, group=True)
        return self

    def cdk(self, *arguments):
        output = self.folder / "cdk.out"
        code, text = self.world.cdk(*arguments, "--app", self.app, cwd=self.folder,
                                    region=self.region)
        self.keep(output)
        assert GITHUB_TOKEN not in text
        return code, text

    def keep(self, output):
        """For cfn-lint, at the end of the session."""
        for path in sorted(output.glob("*.template.json")):
            text = path.read_bytes()
            kept = self.world.templates / f"{self.name}-{hash(text) & 0xFFFFFFFF:08x}.json"
            kept.write_bytes(text)

    def succeed(self, *arguments):
        code, text = self.cdk(*arguments)
        assert code == 0, text
        return text

    def synth(self):
        """Template and assembly directory."""
        self.succeed("synth", "--quiet")
        output = self.folder / "cdk.out"
        (template,) = output.glob("*.template.json")
        return read(template), output

    def deploy(self, *more):
        return self.succeed("deploy", "--require-approval", "never", "--progress", "events", *more)

    def fail_to_deploy(self):
        code, text = self.cdk("deploy", "--require-approval", "never", "--progress", "events")
        assert code == 1, text
        return text

    def destroy(self):
        return self.succeed("destroy", "--force")

    @property
    def stack_name(self):
        words = "".join(word.capitalize() for word in self.name.split("-"))
        return f"{words}PipelineStack"

    def client(self, service):
        return self.world.client(service, self.region)

    def described(self):
        return self.client("cloudformation").describe_stacks(
            StackName=self.stack_name)["Stacks"][0]

    def status(self):
        return self.described()["StackStatus"]

    def outputs(self):
        return {item["OutputKey"]: item["OutputValue"] for item in self.described()["Outputs"]}

    def events(self):
        """Oldest first."""
        pages = self.client("cloudformation").get_paginator("describe_stack_events").paginate(
            StackName=self.stack_name)
        return [event for page in pages for event in page["StackEvents"]][::-1]

    def reasons(self, status):
        return [event.get("ResourceStatusReason", "") for event in self.events()
                if event["ResourceStatus"] == status]

    def resources(self):
        """Type → physical ids, as CloudFormation lists them."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(
            StackName=self.stack_name)
        found = {}
        for page in pages:
            for item in page["StackResourceSummaries"]:
                found.setdefault(item["ResourceType"], []).append(item["PhysicalResourceId"])
        return found

    def manifests(self):
        """What `aphex manifests` prints."""
        done = subprocess.run([APHEX, "manifests"], cwd=self.folder, capture_output=True, text=True,
                              env=self.world.environment(self.region), check=False, timeout=SECONDS)
        assert done.returncode == 0, done.stderr
        return list(yaml.safe_load_all(done.stdout))

    def live(self):
        """This pipeline's objects that are on the cluster: (kind, name) → object."""
        found = {}
        for manifest in self.manifests():
            path = self.world.cluster.admin.path_of(manifest)
            if self.world.cluster.admin.exists(path):
                found[key_of(manifest)] = self.world.cluster.admin.get(path)
        return found

    def webhook_secret(self):
        return planted.secret("webhook secret", self.client("secretsmanager").get_secret_value(
            SecretId=f"aphex/{self.name}/webhook")["SecretString"])

    def provider_log(self):
        group = f"/aphex/{self.name}/provider"
        pages = self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


def key_of(manifest):
    return manifest["kind"], manifest["metadata"]["name"]


def versions(objects):
    return {key: item["metadata"]["resourceVersion"] for key, item in objects.items()}


def uids(objects):
    return {key: item["metadata"]["uid"] for key, item in objects.items()}


def decoded(secret):
    return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}


def plain(text):
    """Without colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
