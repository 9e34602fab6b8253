"""Secrets of a run are in nothing that it leaves in AWS, with the stock cdk: stacks and their
templates, artifacts, logs; nor in the local AWS's own files, where Secrets Manager was not given
them."""

import json

import boto3
import pytest
from application import environment
from careless import COMMAND, VARIABLES
from leaks import Arguments, opened, unpacked
from planted import PLANTED
from program import processes_with, wait_until
from stock_application import StockApplication, queue

STACK = "secrets-Api"
BUCKET = "secrets-artifacts"


@pytest.fixture
def client(sandbox):
    def make(service):
        return boto3.client(service, region_name="us-east-1",
                            endpoint_url=sandbox["AWS_ENDPOINT_URL"],
                            aws_access_key_id=sandbox["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=sandbox["AWS_SECRET_ACCESS_KEY"])
    return make


def stacks_in(client):
    cloudformation = client("cloudformation")
    for stack in cloudformation.describe_stacks()["Stacks"]:
        name = stack["StackName"]
        yield f"stack {name}", json.dumps(stack, default=str).encode()
        template = cloudformation.get_template(StackName=name)["TemplateBody"]
        yield f"template {name}", json.dumps(template).encode()
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        yield f"events {name}", json.dumps(events, default=str).encode()


def objects_in(client):
    s3 = client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for each in page.get("Contents", []):
                found = s3.get_object(Bucket=bucket["Name"], Key=each["Key"])
                body = found["Body"].read()
                place = f"s3://{bucket['Name']}/{each['Key']}"
                yield place, body + json.dumps(found["Metadata"]).encode()
                for inner in unpacked(body):
                    yield place, inner


def logs_in(client):
    logs = client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
        yield f"log {group['logGroupName']}", json.dumps(events).encode()


def test_stacks_artifacts_and_logs_hold_no_secret(server, application, search, client, base):
    client("s3").create_bucket(Bucket=BUCKET)
    StockApplication(application, STACK).has(queue("secrets-queue"))
    application.configure(environment(tests=[COMMAND]), build=[COMMAND, "env > environment.txt"],
                          build_artifacts=["lib"], pipeline={"artifactStore": f"s3://{BUCKET}"})
    commit = application.commit()
    with Arguments(search) as arguments:
        done = server.program.run("run", cwd=application.directory)
        assert done.code == 0, done.err
    wait_until(lambda: not processes_with(f"{server.program.state}/trash"),
               "working copies are removed")

    found = [*stacks_in(client), *objects_in(client), *logs_in(client)]
    places = [place for place, _ in found]
    for place in (f"template {STACK}", f"s3://{BUCKET}/{commit}/build-output.tar.gz",
                  f"s3://{BUCKET}/{commit}/cdk.out/dev.tar.gz"):
        assert place in places
    assert [(place, search.names_in(content)) for place, content in found
            if search.names_in(content)] == []
    assert arguments.found == set()
    assert PLANTED.left_below(server.program.state) == []
    nothing_in_the_sandboxs_files(base, search)


def nothing_in_the_sandboxs_files(base, search):
    """AWS knows its own keys; those of the run it was never told."""
    (state,) = base.glob("shared[0-9]*/state/sandbox")
    file = state / "state.bin"
    # It is written a moment after a change; the stack's name stands in it as it is.
    wait_until(lambda: STACK.encode() in file.read_bytes(), "the state is saved")
    files = [file, *(state / "blobs").glob("*"), *state.glob("*.log")]
    names = {name for each in files for content in (each.read_bytes(), *opened(each))
             for name in search.names_in(content)}
    assert {name for name in names if not name.startswith("AWS")} == set()
    assert len(VARIABLES) == 3
