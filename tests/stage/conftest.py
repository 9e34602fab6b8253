"""Stages of generated templates, executed against the sandbox and applications of the e2e tests."""

import json
import os
import signal
import sys
import urllib.request
import uuid
from pathlib import Path

import boto3
import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in ("e2e", "support", "cluster"):
    sys.path.insert(0, str(TESTS / folder))
from application import Application  # noqa: E402
import argo_generator  # noqa: E402
from argo_generator import Generator, example_settings  # noqa: E402
from cluster_fixtures import cluster  # noqa: E402,F401  (a fixture)
from on_cluster import OnCluster  # noqa: E402
from program import planted, remove  # noqa: E402
from shared_fixtures import await_end, base, sandbox, surroundings  # noqa: E402,F401  (fixtures)
from workflow import Workflow  # noqa: E402

REGION = "us-east-1"


@pytest.fixture(scope="session")
def generator():
    made = Generator()
    yield made
    made.close()


class Aws:
    """Clients of the sandbox, as the pipeline's account."""

    def __init__(self, variables):
        self.variables = variables

    def client(self, service, region=REGION):
        return boto3.client(
            service, region_name=region, endpoint_url=self.variables["AWS_ENDPOINT_URL"],
            aws_access_key_id=self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.variables["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=self.variables.get("AWS_SESSION_TOKEN"))

    def of_account(self, account):
        """Clients of another account, with its administrator's key."""
        endpoint = self.variables["AWS_ENDPOINT_URL"]
        request = urllib.request.Request(
            f"{endpoint}/_aphex/accounts", json.dumps({"account": account}).encode(),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            key = json.load(answer)
        planted.secret("AWS secret key", key["secretAccessKey"])

        def client(service, region=REGION):
            return boto3.client(service, region_name=region, endpoint_url=endpoint,
                                aws_access_key_id=key["accessKeyId"],
                                aws_secret_access_key=key["secretAccessKey"])

        return client

    def keys(self, bucket):
        listed = self.client("s3").list_objects_v2(Bucket=bucket)
        return sorted(each["Key"] for each in listed.get("Contents", []))


@pytest.fixture(scope="session")
def aws(sandbox):  # noqa: F811
    return Aws(sandbox)


@pytest.fixture
def application(tmp_path, surroundings):  # noqa: F811
    return Application(tmp_path / "app", surroundings)


class Pipeline:
    """What a test's workflows share: the bucket, the log group, the names."""

    def __init__(self, directory, generator, application, variables, aws):  # noqa: F811
        self.directory = directory
        self.generator = generator
        self.application = application
        self.variables = variables
        self.aws = aws
        self.name = f"app-{uuid.uuid4().hex[:8]}"
        self.bucket = f"artifacts-{self.name}"
        self.log_group = f"/aphex/{self.name}"
        aws.client("s3").create_bucket(Bucket=self.bucket)
        aws.client("logs").create_log_group(logGroupName=self.log_group)
        self.topic = aws.client("sns").create_topic(Name=self.name)["TopicArn"]
        self.workflows = 0

    def settings(self, **changes):
        settings = example_settings(
            pipeline=self.name, artifactBucket=self.bucket, logGroup=self.log_group,
            metricNamespace="Aphex/Pipelines", notificationTopicArn=self.topic,
            executionRoleArn="", argoServerUrl="https://argo.example.com")
        settings.pop("githubToken")
        return settings | changes

    def generate(self, **changes):
        text = (self.application.directory / "aphex-config.yaml").read_text(encoding="utf-8")
        argo_generator.REPOSITORY = self.name  # which names the plan's pipeline
        return self.generator(text, self.settings(**changes))

    def workflow(self, commit, generated=None, name=None, **parameters):
        self.workflows += 1
        given = {"commitSha": commit, "repositoryUrl": f"file://{self.application.directory}",
                 "branch": "main", "author": "Ada <ada@example.com>", "message": "A change"}
        return Workflow(self.directory / f"workflow-{self.workflows}",
                        generated or self.generate(), {**given, **parameters}, self.variables,
                        name or f"{self.name}-{commit[:12]}")


@pytest.fixture
def pipeline(tmp_path, generator, application, surroundings, sandbox, aws):  # noqa: F811
    variables = {**surroundings, **sandbox, "FAKE_CDK": str(application.control)}
    yield Pipeline(tmp_path / "pods", generator, application, variables, aws)
    left = await_end(str(tmp_path))
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert not left, f"processes outlived the test: {left}"
    remove(tmp_path / "pods")


@pytest.fixture
def on_cluster(pipeline, cluster, tmp_path):  # noqa: F811
    return OnCluster(pipeline, cluster, tmp_path)
