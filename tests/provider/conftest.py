"""The provider as Lambda has it: the real process from the unpacked package, with stand-ins for
Lambda, CloudFormation and AWS around it, and a real Kubernetes API server."""

import base64
import hashlib
import json
import os
import sys
import uuid
from pathlib import Path

import boto3
import pytest
from moto.eks.models import eks_backends
from moto.server import ThreadedMotoServer
from moto.sts.models import sts_backends

HERE = Path(__file__).resolve().parent
for folder in (HERE, HERE.parent / "support", HERE.parent / "cluster"):
    sys.path.insert(0, str(folder))
import lambda_runtime  # noqa: E402
from cluster_fixtures import cluster, write_keys  # noqa: E402,F401  (a fixture)
from lambda_runtime import ACCOUNT, REGION, SIGNATURE  # noqa: E402

REPO = HERE.parents[1]
PROGRAM = os.environ.get("APHEX_BIN", str(REPO / "build" / "release" / "bin" / "aphex"))
PACKAGE = Path(os.environ.get("APHEX_PROVIDER_ZIP", Path(PROGRAM).parents[1] / "share" / "aphex" /
                              "provider" / "provider.zip"))
CLUSTER = "aphex-test"
FUNCTION_ROLE = "ProviderRole"
KUBECTL_ROLE = "KubectlRole"
GROUP = "aphex:provider"
BUCKET = "cdk-hnb659fds-assets-111122223333-us-east-1"
# What the pipeline's objects need, as docs/provider.md has it.
RULES = [{"apiGroups": ["", "argoproj.io", "networking.k8s.io"],
          "resources": ["configmaps", "secrets", "services", "serviceaccounts",
                        "workflowtemplates", "eventsources", "sensors", "ingresses"],
          "verbs": ["get", "create", "patch", "delete"]}]


def role_arn(name):
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


class Aws:
    """moto's server in this process, as the provider's account."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.keys = self._assume("Setup", "setup")
        self.function_keys = self._assume(FUNCTION_ROLE, "provider")

    def _assume(self, role, session):
        sts = boto3.client("sts", region_name=REGION, endpoint_url=self.endpoint,
                           aws_access_key_id="test", aws_secret_access_key="test")
        made = sts.assume_role(RoleArn=role_arn(role), RoleSessionName=session)["Credentials"]
        return {"aws_access_key_id": made["AccessKeyId"],
                "aws_secret_access_key": made["SecretAccessKey"],
                "aws_session_token": made["SessionToken"]}

    def client(self, service, region=REGION):
        return boto3.client(service, region_name=region, endpoint_url=self.endpoint, **self.keys)

    def environment(self):
        """The function's credentials, as Lambda sets them, and where the services are."""
        return {name.upper(): value for name, value in self.function_keys.items()} | {
            "AWS_ENDPOINT_URL": self.endpoint}

    @staticmethod
    def secret_of(access_key_id):
        """moto checks no signatures; the cluster does it with this."""
        for backends in sts_backends.values():
            for backend in backends.values():
                for role in backend.assumed_roles:
                    if role.access_key_id == access_key_id:
                        return role.secret_access_key
        return None

    def secret(self, value, region=REGION):
        """A new secret's ARN; the value is text or bytes."""
        kind = "SecretBinary" if isinstance(value, bytes) else "SecretString"
        made = self.client("secretsmanager", region).create_secret(
            Name=f"secret-{uuid.uuid4()}", **{kind: value})
        return made["ARN"]

    def asset(self, text):
        """A manifest as the CDK's assets are: the properties that name it."""
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.client("s3").put_object(Bucket=BUCKET, Key=f"{digest}.json", Body=text.encode())
        return {"ManifestBucket": BUCKET, "ManifestKey": f"{digest}.json",
                "ManifestSha256": digest}

    def register(self, name, endpoint, ca_data):
        """A cluster of EKS with this address."""
        eks = self.client("eks")
        if name not in eks.list_clusters()["clusters"]:
            eks.create_cluster(name=name, roleArn=role_arn("Cluster"), resourcesVpcConfig={})
        found = eks_backends[ACCOUNT][REGION].clusters[name]
        found.endpoint = endpoint
        found.certificate_authority = {"data": ca_data}


@pytest.fixture(scope="session")
def aws():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    # localhost: moto misreads addresses with 127.0.0.1 in places.
    stand_in = Aws(f"http://localhost:{server.get_host_and_port()[1]}")
    stand_in.client("s3").create_bucket(Bucket=BUCKET)
    yield stand_in
    server.stop()


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The unpacked provider.zip."""
    assert PACKAGE.exists(), f"{PACKAGE} is missing: ninja -C build/… aphex_provider_zip"
    return lambda_runtime.unpack(PACKAGE, tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def eks_cluster(cluster, aws):  # noqa: F811
    """The cluster, known to EKS, with access entries for the two roles."""
    aws.register(CLUSTER, cluster.endpoint, cluster.ca_data)
    cluster.eks.cluster_name = CLUSTER
    cluster.eks.allow(aws.endpoint)
    cluster.eks.secret_of = aws.secret_of
    cluster.eks.grant(role_arn(KUBECTL_ROLE), groups=[GROUP])
    return cluster


@pytest.fixture(scope="session")
def other_ca(tmp_path_factory):
    """An authority that signed nothing of the cluster's, as DescribeCluster would have it."""
    return base64.b64encode(write_keys(tmp_path_factory.mktemp("keys")).encode()).decode()


class Provider:
    """One running function, and requests to it about objects of one namespace."""

    def __init__(self, runtime, function, namespace):
        self.runtime = runtime
        self.function = function
        self.namespace = namespace
        self.answers = []

    def properties(self, manifest=None, **others):
        found = {"ClusterName": CLUSTER, "Pipeline": "archon",
                 "RoleArn": role_arn(KUBECTL_ROLE)} | others
        if manifest is not None:
            found["Manifest"] = manifest if isinstance(manifest, str) else json.dumps(manifest)
        return {name: value for name, value in found.items() if value is not None}

    def send(self, request, properties, **options):
        answer = self.runtime.custom_resource(request, properties, **options)
        self.answers.append(json.dumps(answer))
        return answer

    def create(self, manifest=None, options=None, **others):
        return self.send("Create", self.properties(manifest, **others), **(options or {}))

    def update(self, physical_id, manifest=None, old=None, options=None, **others):
        return self.send("Update", self.properties(manifest, **others), physical_id=physical_id,
                         old=self.properties(old if old is not None else manifest),
                         **(options or {}))

    def delete(self, physical_id, options=None, **others):
        return self.send("Delete", self.properties(**others), physical_id=physical_id,
                         **(options or {}))

    def events(self):
        return [line["event"] for line in self.function.log]


@pytest.fixture
def provider(package, aws, eks_cluster):
    namespace = eks_cluster.namespace()
    eks_cluster.bind(GROUP, RULES, namespace, group=True)
    with lambda_runtime.LambdaRuntime() as runtime:
        function = lambda_runtime.start(package, runtime.address, aws.environment())
        yield Provider(runtime, function, namespace)
        function.stop()
    assert SIGNATURE.partition("=")[2] not in function.text, "an answer's address was logged"
    assert "k8s-aws-v1" not in function.text, "a token was logged"


def decoded(live, key):
    return base64.b64decode(live["data"][key]).decode()
