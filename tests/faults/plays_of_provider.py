"""The function behind custom resources: its process as Lambda starts it, in the sandbox."""

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
BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
# CloudFormation waits an hour; what is denied may be allowed some seconds later.
SECONDS = 15


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
        request = urllib.request.Request(
            f"{world.variables['AWS_ENDPOINT_URL']}/_aphex/clusters",
            json.dumps({"account": ACCOUNT, "region": REGION, "name": CLUSTER,
                        "kubeconfig": str(world.cluster.kubeconfig)}).encode(),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
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
    return Played(0 if succeeded else 1, "" if succeeded else f"error: {answer['Reason']}\n",
                  function.text, harm)


def secret_object(world, step, injector):
    values = [{"Key": "token", "Secret": Function.of(world).secret}]
    return custom_resource(world, step, injector, SecretValues=values)


def stored_object(world, step, injector):
    return custom_resource(world, step, injector, ManifestBucket=BUCKET, ManifestKey="")
