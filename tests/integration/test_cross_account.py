"""Cross-account deployment: an environment in another account, which lets the pipeline in by the
roles of its bootstrap."""

import json
import sys

import pytest
from sandbox_process import TARGET
from stock_application import queue
from world import ACCOUNT, REGION

from application import environment
from delivery import empty

WHO = (f"{sys.executable} -c 'import boto3; print(boto3.client(\"sts\", region_name=\"us-east-1\")"
       ".get_caller_identity()[\"Arn\"])'")


@pytest.fixture
def target(clean_world):
    """Bootstraps the other account as its administrator does; gone again afterwards."""
    trusted = []

    def bootstrap(*options):
        trusted.append(options)
        code, text = clean_world.cdk(
            "bootstrap", f"aws://{TARGET}/{REGION}", *options, cwd=clean_world.home,
            account=TARGET)
        assert code == 0, text

    yield bootstrap
    if trusted:
        s3 = clean_world.sandbox.client("s3", TARGET)
        bucket = f"cdk-hnb659fds-assets-{TARGET}-{REGION}"
        empty(s3, bucket)
        clean_world.sandbox.client("cloudformation", TARGET).delete_stack(StackName="CDKToolkit")
        s3.delete_bucket(Bucket=bucket)


def test_an_environment_of_another_account_is_deployed_there(target, delivery):
    made = delivery("crossing")
    made.application.has(queue("crossing-{environment}-queue"))
    staging = environment("staging", where=(TARGET, REGION),
                          tests=[WHO, 'echo "reached $APHEX_OUTPUT_API_URL"'])
    made.configure(environment("dev"), staging)
    commit = made.commit()
    made.deploy()

    # Nobody has let the pipeline in: nothing is built, and the remedy is said.
    refused = made.go(made.start(commit))
    assert {stage: each.code for stage, each in refused.items()} == {"validate": 1}
    assert f"cdk bootstrap aws://{TARGET}/{REGION} --trust {ACCOUNT}" in refused["validate"].err

    target("--trust", ACCOUNT, "--cloudformation-execution-policies",
           "arn:aws:iam::aws:policy/AdministratorAccess")
    ended = made.succeeds(made.start(commit))
    role = f"cdk-hnb659fds-deploy-role-{TARGET}-{REGION}"
    assert any(f"may assume arn:aws:iam::{TARGET}:role/{role}" in str(line)
               for line in ended["validate"].lines)
    assert any(f"arn:aws:sts::{TARGET}:assumed-role/{role}/" in str(line)
               for line in ended["test-staging"].lines)
    assert set(made.stacks()) == {"crossing-dev"}
    stacks = made.stacks(TARGET)
    assert {name: each["StackStatus"] for name, each in stacks.items()} == {
        "crossing-staging": "CREATE_COMPLETE"}
    assert stacks["crossing-staging"]["RoleARN"] == (
        f"arn:aws:iam::{TARGET}:role/cdk-hnb659fds-cfn-exec-role-{TARGET}-{REGION}")

    # Outputs of the other account: kept with the pipeline's artifacts, and given to its tests.
    (output,) = stacks["crossing-staging"]["Outputs"]
    assert f"/{TARGET}/" in output["OutputValue"]
    kept = json.loads(made.artifact(f"{commit}/outputs/staging.json"))
    assert kept == {"Api": {"Url": output["OutputValue"]}}
    assert f"reached {output['OutputValue']}" in ended["test-staging"].lines
    queues = made.world.sandbox.client("sqs", TARGET).list_queues()["QueueUrls"]
    assert output["OutputValue"] in queues
