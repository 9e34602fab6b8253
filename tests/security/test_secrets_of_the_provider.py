"""A secret that the provider puts into an object is in no process's arguments, in nothing that it
says, and in no file: only in the Secret that CloudFormation asked for."""

import base64
import json
import os
import sys
import urllib.request
from pathlib import Path

import planted
import pytest
from leaks import Arguments
from program import BINARY
from stage_fixtures import aws, cluster  # noqa: F401  (fixtures)

sys.path.append(str(Path(__file__).resolve().parents[1] / "provider"))
import lambda_runtime  # noqa: E402

PACKAGE = Path(os.environ.get("APHEX_PROVIDER_ZIP", BINARY.parents[1] / "share" / "aphex" /
                              "provider" / "provider.zip"))
NAME = "webhook secret of the provider"  # the cluster's etcd may hold every webhook secret
VALUE = planted.secret(NAME, "hook-PlantedForTheProvider-51f0c7")
CLUSTER = "of-the-provider"


@pytest.fixture
def attached(sandbox, cluster):  # noqa: F811
    """The cluster, as EKS shows it."""
    request = urllib.request.Request(
        f"{sandbox['AWS_ENDPOINT_URL']}/_aphex/clusters",
        json.dumps({"account": lambda_runtime.ACCOUNT, "region": lambda_runtime.REGION,
                    "name": CLUSTER, "kubeconfig": str(cluster.kubeconfig)}).encode(),
        {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    return cluster


@pytest.fixture
def secret(aws, base):  # noqa: F811
    """In Secrets Manager, and so in the local AWS's state as long as it is there."""
    (state,) = base.glob("shared[0-9]*/state/sandbox")
    planted.holds(state, NAME)
    client = aws.client("secretsmanager")
    made = client.create_secret(Name="hook", SecretString=VALUE)["ARN"]
    yield made
    client.delete_secret(SecretId=made, ForceDeleteWithoutRecovery=True)


@pytest.fixture
def package(tmp_path):
    assert PACKAGE.exists(), f"{PACKAGE} is missing: ninja -C build/… aphex_provider_zip"
    return lambda_runtime.unpack(PACKAGE, tmp_path / "package")


def test_a_secret_of_the_provider_is_where_it_was_asked_for_alone(
        attached, secret, sandbox, package, tmp_path):
    namespace = attached.namespace()
    search = planted.PLANTED.search()
    keys = {name: value for name, value in sandbox.items() if name.startswith("AWS_")}
    manifest = {"apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": "hook", "namespace": namespace}}
    with Arguments(search) as arguments, lambda_runtime.LambdaRuntime() as runtime:
        function = lambda_runtime.start(package, runtime.address, keys)
        answer = runtime.custom_resource("Create", {
            "ClusterName": CLUSTER, "Pipeline": "app", "Manifest": json.dumps(manifest),
            "SecretValues": [{"Key": "secret", "Secret": secret}]})
        assert function.stop() == 0

    assert answer["Status"] == "SUCCESS", answer
    stored = attached.admin.get(f"/api/v1/namespaces/{namespace}/secrets/hook")["data"]
    assert base64.b64decode(stored["secret"]).decode() == VALUE
    assert arguments.found == set()
    # It has looked at the process of which that is said.
    assert any(str(package).encode() in line for line in arguments.seen)
    assert function.text
    assert search.names_in((function.text + json.dumps(answer)).encode()) == []
    assert planted.PLANTED.left_below(tmp_path) == []
