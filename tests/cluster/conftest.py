"""The cluster, and a stand-in for STS that its authenticator asks."""

import sys
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

sys.path.insert(0, str(Path(__file__).resolve().parent))
from cluster_fixtures import cluster  # noqa: E402,F401  (a fixture)

REGION = "us-east-1"


class Sts:
    """moto's STS: roles of one account, and the keys that assume them."""

    def __init__(self, endpoint):
        self.endpoint = endpoint
        self.secrets = {}

    def client(self, service, **keys):
        return boto3.client(service, region_name=REGION, endpoint_url=self.endpoint,
                            **(keys or {"aws_access_key_id": "test",
                                        "aws_secret_access_key": "test"}))

    def role(self, name):
        return self.client("iam").create_role(
            RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]

    def assume(self, role_arn, session="run-1"):
        """A client of STS as that role."""
        made = self.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session)
        keys = made["Credentials"]
        self.secrets[keys["AccessKeyId"]] = keys["SecretAccessKey"]
        return self.client("sts", aws_access_key_id=keys["AccessKeyId"],
                           aws_secret_access_key=keys["SecretAccessKey"])


@pytest.fixture(scope="session")
def moto_endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def sts(moto_endpoint, cluster):  # noqa: F811
    """With it, the cluster checks signatures, which moto does not."""
    cluster.eks.allow(moto_endpoint)
    stand_in = Sts(moto_endpoint)
    before = cluster.eks.secret_of
    cluster.eks.secret_of = stand_in.secrets.get
    yield stand_in
    cluster.eks.secret_of = before
