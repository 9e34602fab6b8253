"""The function behind custom resources: its process as Lambda starts it, in the sandbox."""

import contextlib
import hashlib
import json
import threading
import urllib.request
import uuid

import lambda_runtime
from plays import Played, variables_of
from program import BINARY
from world import ACCOUNT, REGION

PACKAGE = BINARY.parents[1] / "share" / "aphex" / "provider" / "provider.zip"
CLUSTER = "arbiter"
# As docs/provider.md has it, of what is made here.
GROUP = "faults:provider"
RULES = [{"apiGroups": [""], "resources": ["configmaps"],
          "verbs": ["get", "create", "patch", "delete"]}]
OBJECTS = "/api/v1/namespaces/{}/configmaps/{}"
BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
# CloudFormation waits an hour; what is denied may be allowed some seconds later.
SECONDS = 15


def attach(world, name, method="POST", **given):
    """A cluster of EKS; or its end."""
    request = urllib.request.Request(
        f"{world.variables['AWS_ENDPOINT_URL']}/_aphex/clusters",
        json.dumps({"account": ACCOUNT, "region": REGION, "name": name, **given}).encode(),
        {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


class Function:
    """Whatever its requests share."""

    lock = threading.Lock()
    made = None

    @classmethod
    def of(cls, world):
        with cls.lock:
            cls.made = cls.made or cls(world)
            return cls.made

    def __init__(self, world):
        assert PACKAGE.exists(), f"{PACKAGE} is missing: ninja -C build/… aphex_provider_zip"
        self.package = lambda_runtime.unpack(PACKAGE, world.directory / "provider")
        self.namespace = world.cluster.namespace()
        attach(world, CLUSTER, kubeconfig=str(world.cluster.kubeconfig))
        # And as itself, where no proxy of the sandbox's stands between it and the API server.
        world.cluster.eks.allow(world.variables["AWS_ENDPOINT_URL"])
        world.cluster.eks.grant(world.aws.client("sts").get_caller_identity()["Arn"], [GROUP])
        world.cluster.bind(GROUP, RULES, self.namespace, group=True)
        self.secret = world.aws.client("secretsmanager").create_secret(
            Name="hook", SecretString="a secret of the hook")["ARN"]


def custom_resource(world, step, injector, **properties):
    """CloudFormation asks for an object of the cluster."""
    shared = Function.of(world)
    name = f"object-{uuid.uuid4().hex[:8]}"
    kind = "Secret" if "SecretValues" in properties else "ConfigMap"
    manifest = {"apiVersion": "v1", "kind": kind,
                "metadata": {"name": name, "namespace": shared.namespace}}
    given = {"ClusterName": CLUSTER, "Pipeline": "app", **properties}
    if "ManifestKey" in given:
        text = json.dumps(manifest).encode()
        given |= {"ManifestKey": f"{name}.json", "ManifestSha256": hashlib.sha256(text).hexdigest()}
        world.aws.client("s3").put_object(Bucket=BUCKET, Key=given["ManifestKey"], Body=text)
    else:
        given["Manifest"] = json.dumps(manifest)
    aws = {key: value for key, value in world.variables.items() if key.startswith("AWS_")}
    with lambda_runtime.LambdaRuntime() as runtime:
        function = lambda_runtime.start(shared.package, runtime.address,
                                        {**aws, **variables_of(step, injector)})
        answer = runtime.custom_resource("Create", given, seconds=SECONDS)
        function.stop()
    plural = f"/api/v1/namespaces/{shared.namespace}/{kind.lower()}s"
    there = world.cluster.admin.exists(f"{plural}/{name}")
    succeeded = answer["Status"] == "SUCCESS"
    harm = [] if there == succeeded else [f"{answer['Status']}, and there: {there}"]
    return played_by(function, answer, harm)


def secret_object(world, step, injector):
    values = [{"Key": "token", "Secret": Function.of(world).secret}]
    return custom_resource(world, step, injector, SecretValues=values)


def stored_object(world, step, injector):
    return custom_resource(world, step, injector, ManifestBucket=BUCKET, ManifestKey="")


class Behind:
    """A cluster whose API server a fault stands before, and an object of it."""

    def __init__(self, world, injector, runtime):
        self.world, self.runtime = world, runtime
        self.namespace = Function.of(world).namespace
        self.cluster = f"{CLUSTER}-{uuid.uuid4().hex[:8]}"
        self.name = f"object-{uuid.uuid4().hex[:8]}"
        self.reached_by(injector.url)

    def reached_by(self, endpoint):
        attach(self.world, self.cluster, endpoint=endpoint,
               certificateAuthority=self.world.cluster.ca_data)

    def send(self, request, **members):
        manifest = {"apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": self.name, "namespace": self.namespace}}
        return self.runtime.custom_resource(
            request, {"ClusterName": self.cluster, "Pipeline": "app",
                      "Manifest": json.dumps(manifest)}, seconds=SECONDS, **members)

    @property
    def is_there(self):
        return self.world.cluster.admin.exists(OBJECTS.format(self.namespace, self.name))

    def ends_without(self, answer):
        """What CloudFormation does after a failure: it asks to delete what the answer names. Once
        the fault is over, nothing may be left then."""
        self.reached_by(self.world.cluster.endpoint)
        deleted = self.send("Delete", physical_id=answer["PhysicalResourceId"])
        if deleted["Status"] != "SUCCESS":
            return [f"it cannot be deleted afterwards: {deleted['Reason']}"]
        return ["it outlives its deletion"] if self.is_there else []


@contextlib.contextmanager
def behind(world, step, injector):
    """The object, and the process that handles requests for it."""
    shared = Function.of(world)
    aws = {key: value for key, value in world.variables.items() if key.startswith("AWS_")}
    with lambda_runtime.LambdaRuntime() as runtime:
        function = lambda_runtime.start(shared.package, runtime.address,
                                        {**aws, **variables_of(step, injector)})
        object_ = Behind(world, injector, runtime)
        try:
            yield object_, function
        finally:
            function.stop()
            attach(world, object_.cluster, method="DELETE")


def played_by(function, answer, harm):
    succeeded = answer["Status"] == "SUCCESS"
    return Played(0 if succeeded else 1, "" if succeeded else f"error: {answer['Reason']}\n",
                  function.text, harm)


def created_object(world, step, injector):
    """CloudFormation asks for an object, and rolls back what fails."""
    with behind(world, step, injector) as (object_, function):
        answer = object_.send("Create")
        if answer["Status"] == "SUCCESS":
            harm = [] if object_.is_there else ["it was created, and is not there"]
        else:
            harm = object_.ends_without(answer)
    return played_by(function, answer, harm)


def deleted_object(world, step, injector):
    """It is there, and CloudFormation asks to delete it; again, where that fails."""
    with behind(world, step, injector) as (object_, function):
        created = object_.send("Create")
        assert created["Status"] == "SUCCESS", created
        answer = object_.send("Delete", physical_id=created["PhysicalResourceId"])
        if answer["Status"] == "SUCCESS":
            harm = ["it was deleted, and is there"] if object_.is_there else []
        else:
            harm = object_.ends_without(answer)
    return played_by(function, answer, harm)
