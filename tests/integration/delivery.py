"""A pipeline with an application that it delivers: from the deployment of its stack to the end of
its workflows, and everything away again."""

import json
import os

import kept_logs
import planted
from in_cluster import InCluster
from leftovers import KINDS
from on_cluster import WORKFLOWS, follow
from program import remove
from service_account import with_role, write_token
from stock_application import StockApplication
from world import ACCOUNT, REGION, Pipeline

BUILD = ["mkdir -p dist", "head -c 12 /dev/urandom | base64 > dist/made.txt"]
TOKEN_SECONDS = 3600


class Delivery:
    def __init__(self, world, directory, name, **settings):
        self.world = world
        self.directory = directory
        self.pipeline = Pipeline(world, directory / "repository", name, **settings)
        self.name, self.namespace = name, self.pipeline.namespace
        self.pods = Pods(self.pipeline, directory)
        self.repository = self.pods.repository
        self.application = StockApplication(self.repository, f"{name}-{{environment}}")
        self.repository.write("lib/app.ts", "// where the configuration says that the stacks are\n")
        self.accounts = {(ACCOUNT, REGION)}
        self.deployed = False

    # --- the repository ---

    def configure(self, *environments, build=BUILD, **settings):
        self.accounts |= {(each["account"], each["region"]) for each in environments}
        return self.pipeline.configure({
            "version": "1.0", "build": {"commands": list(build)},
            "environments": list(environments)}, **settings)

    def commit(self, message="A change"):
        return self.repository.commit(message)

    # --- the pipeline ---

    def deploy(self):
        """By its namespace's administrator, with the stock cdk."""
        self.deployed = True
        self.pipeline.allow().deploy()
        return self

    def destroy(self):
        """The stack; the bucket with the artifacts stays."""
        self.pipeline.destroy()
        self.deployed = False

    @property
    def bucket(self):
        return self.pipeline.outputs()["ArtifactBucketName"]

    @property
    def template(self):
        return self.pods.template

    def start(self, commit):
        """Creates the Workflow as the Sensor would, with the Sensor's account; its stages wait."""
        name = f"{self.name}-{commit[:12]}-{self.pods.workflows + 1}"
        parameters = [{"name": key, "value": value}
                      for key, value in self.pods.parameters(commit).items()]
        manifest = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
                    "metadata": {"name": name, "namespace": self.namespace},
                    "spec": {"workflowTemplateRef": {"name": self.template["metadata"]["name"]},
                             "arguments": {"parameters": parameters}}}
        created = self.world.cluster.kubectl("create", "-f", "-", input=json.dumps(manifest),
                                             token=self.token(f"{self.name}-sensor"))
        assert created.returncode == 0, created.stderr
        return self.take_up(name)

    def take_up(self, name):
        """A Workflow of the cluster as Argo's controller takes it up: its parameters, and the
        template that it names as that is now."""
        spec = self.world.cluster.admin.get(WORKFLOWS.format(self.namespace, name))["spec"]
        assert spec["workflowTemplateRef"]["name"] == self.template["metadata"]["name"]
        given = {each["name"]: each["value"] for each in spec["arguments"]["parameters"]}
        workflow = self.pods.workflow(given["commitSha"])
        workflow.parameters, workflow.name = given, name
        return workflow

    def token(self, account):
        """Of a service account, as Kubernetes gives it to a pod."""
        made = self.world.cluster.kubectl("create", "token", account, "-n", self.namespace)
        assert made.returncode == 0, made.stderr
        return planted.secret("token of the cluster", made.stdout.strip())

    def go(self, workflow, until=None):
        """Stage after stage; each has succeeded, or is the last."""
        def run(stage):
            ended = workflow.run(stage)
            kept_logs.write(ended)
            return ended

        return follow(workflow.generated.workflow_template, run, until)

    def succeeds(self, workflow):
        ended = self.go(workflow)
        for stage, each in ended.items():
            assert each.code == 0, f"{stage}: {each.out}\n{each.err}"
        return ended

    def successor(self, workflow):
        """That it has handed over to."""
        return self.take_up(f"{workflow.name}-r1")

    # --- what came of it ---

    def artifact(self, key):
        return self.pipeline.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def stacks(self, account=ACCOUNT, region=REGION):
        """Those of the application: name → description."""
        listed = self.world.sandbox.client("cloudformation", account, region).describe_stacks()
        return {each["StackName"]: each for each in listed["Stacks"]
                if each["StackName"].startswith(f"{self.name}-")}

    # --- and away again ---

    def clean(self):
        for account, region in self.accounts:
            client = self.world.sandbox.client("cloudformation", account, region)
            for stack in self.stacks(account, region):
                client.delete_stack(StackName=stack)
        if self.deployed:
            self.destroy()
        s3 = self.pipeline.client("s3")
        for bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
            if bucket.startswith(f"{self.name}-artifacts-"):
                empty(s3, bucket)
                s3.delete_bucket(Bucket=bucket)
        for account, region in self.accounts:
            s3 = self.world.sandbox.client("s3", account, region)
            empty(s3, f"cdk-hnb659fds-assets-{account}-{region}")
        self.clean_cluster()
        remove(self.directory)

    def clean_cluster(self):
        """The namespace, and what is still in it: workflows, and what its administrator made."""
        admin = self.world.cluster.admin
        for group, kinds in KINDS.items():
            for kind in kinds:
                place = f"{group}/namespaces/{self.namespace}/{kind}"
                for each in admin.list(place):
                    admin.delete(f"{place}/{each['metadata']['name']}")
        self.world.cluster.remove_namespace(self.namespace)


class Pods(InCluster):
    """They have the role of the stack by their service account's token, and no key."""

    def __init__(self, app, directory):
        super().__init__(app, directory)
        self.token_file = directory / "token"

    def variables(self):
        account = self.template["spec"]["serviceAccountName"]
        write_token(self.token_file, f"{self.app.namespace}:{account}", TOKEN_SECONDS,
                    self.app.world.issuer)
        role = self.app.outputs()["WorkflowExecutionRoleArn"]
        return with_role(super().variables(), role, self.token_file) | {
            "TMPDIR": os.environ["TMPDIR"]}


def empty(s3, bucket):
    """Of every version of every object."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
