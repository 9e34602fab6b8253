"""The process: start, stop, and state that lasts until it is reset."""

import hashlib
import json
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from bootstraps import function
from conftest import PIPELINE, SANDBOX, TARGET, start
from stacks import att, create, deploy, outputs, ref, resource, status, template
from test_functions import rest_api

# A provider of custom resources that always succeeds.
ANSWERING = """
const response = require('cfn-response');
exports.handler = (event, context) => response.send(event, context, 'SUCCESS', {}, 'id');
"""
LARGE = os.urandom(300_000)


def wait_until(true, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def run_module(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "aphex_sandbox", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SANDBOX)},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_running_sandbox_describes_itself_and_tidies_up(own):
    sandbox = own()
    described = json.loads((sandbox.state_dir / "server.json").read_text())
    assert described["version"] == 1
    assert described["pid"] == sandbox.process.pid
    assert described["endpoint"] == f"http://localhost:{described['port']}"
    assert described["started_at"].endswith("+00:00")
    _, health = sandbox.call("GET", "/_aphex/health")
    assert (health["status"], health["pid"]) == ("ok", sandbox.process.pid)
    assert sandbox.stop() == 0
    assert not (sandbox.state_dir / "server.json").exists()


def test_an_interrupt_stops_it_cleanly_too(own):
    sandbox = own()
    assert sandbox.stop(signal.SIGINT) == 0
    assert not (sandbox.state_dir / "server.json").exists()


def test_it_listens_on_loopback_alone(sandbox):
    port = int(sandbox.endpoint.rpartition(":")[2])
    listening = []
    with open("/proc/net/tcp") as table:
        for line in list(table)[1:]:
            address, state = line.split()[1], line.split()[3]
            if state == "0A" and int(address.split(":")[1], 16) == port:
                listening.append(address.split(":")[0])
    assert listening == ["0100007F"]


def test_the_pipelines_account_is_there_from_the_start(own):
    sandbox = own("--pipeline-account", "222233334444")
    _, listed = sandbox.call("GET", "/_aphex/accounts")
    assert [a["account"] for a in listed["accounts"]] == ["222233334444"]


def test_a_port_that_is_taken_is_refused_by_number(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = run_module("serve", "--state-dir", tmp_path, "--port", port)
    assert answer.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in answer.stderr


def test_two_sandboxes_do_not_share_a_directory(sandbox):
    answer = run_module("serve", "--state-dir", sandbox.state_dir)
    assert answer.returncode == 1
    assert answer.stderr == f"a sandbox is already running in {sandbox.state_dir}\n"


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    sandbox = start(tmp_path_factory.mktemp("stopped") / "state")
    sandbox.stop()
    sandbox.process.stderr.close()
    return sandbox.state_dir


@pytest.fixture
def stopped(stopped_once, tmp_path):
    """The directory of a sandbox that was stopped cleanly."""
    return shutil.copytree(stopped_once, tmp_path / "copied")


def fill(sandbox):
    """A bit of everything; gives what must still be true later."""
    key = sandbox.key(TARGET)
    cfn = sandbox.client("cloudformation", TARGET, "eu-central-1")
    bucket = resource("AWS::S3::Bucket", BucketName="lasting")
    parameter = resource("AWS::SSM::Parameter", Type="String", Name="/p", Value="v")
    body = template(
        {"B": bucket, "P": parameter, "T": resource("AWS::SNS::Topic")},
        {"B": {"Value": ref("B"), "Export": {"Name": "lasting-bucket"}}, "T": ref("T")},
    )
    found = deploy(cfn, "s", body)
    s3 = sandbox.client("s3", TARGET, "eu-central-1")
    s3.put_object(Bucket="lasting", Key="small", Body=b"small")
    s3.put_object(Bucket="lasting", Key="large", Body=LARGE)
    return key, found


def check(sandbox, key, found):
    assert sandbox.key(TARGET) == key
    cfn = sandbox.client("cloudformation", TARGET, "eu-central-1")
    assert outputs(cfn, "s") == found
    assert [e["Name"] for e in cfn.list_exports()["Exports"]] == ["lasting-bucket"]
    s3 = sandbox.client("s3", TARGET, "eu-central-1")
    assert s3.get_object(Bucket="lasting", Key="small")["Body"].read() == b"small"
    assert s3.get_object(Bucket="lasting", Key="large")["Body"].read() == LARGE
    # The restored stack is alive: it can be changed, and knows what is taken.
    create(cfn, "rival", template({"B": resource("AWS::S3::Bucket", BucketName="lasting")}))
    assert status(cfn, "rival") == "ROLLBACK_COMPLETE"
    cfn.delete_stack(StackName="rival")


def test_state_outlives_a_stop_and_the_port_stays(own):
    first = own()
    expected = fill(first)
    first.stop()
    second = own(state_dir=first.state_dir)
    assert second.endpoint == first.endpoint
    check(second, *expected)
    second.stop()
    third = own(state_dir=first.state_dir)
    check(third, *expected)
    s3 = third.client("s3", TARGET, "eu-central-1")
    for name in ("small", "large"):
        s3.delete_object(Bucket="lasting", Key=name)
    cfn = third.client("cloudformation", TARGET, "eu-central-1")
    cfn.delete_stack(StackName="s")
    assert cfn.describe_stacks()["Stacks"] == []


def test_state_outlives_a_killed_process(own):
    first = own()
    expected = fill(first)
    saved = first.state_dir / "state.bin"
    before = time.time()
    wait_until(lambda: saved.exists() and saved.stat().st_mtime > before)
    first.stop(signal.SIGKILL)
    check(own(state_dir=first.state_dir), *expected)


def test_every_kind_of_resource_survives_with_its_contents(own):
    first = own()
    cfn = first.client("cloudformation")
    resources = rest_api() | {
        "Url": resource("AWS::Lambda::Url", AuthType="NONE", TargetFunctionArn=att("F", "Arn")),
        "Topic": resource("AWS::SNS::Topic"),
        "Queue": resource("AWS::SQS::Queue"),
        "Sub": resource(
            "AWS::SNS::Subscription",
            TopicArn=ref("Topic"),
            Protocol="sqs",
            Endpoint=att("Queue", "Arn"),
        ),
        "Mail": resource(
            "AWS::SNS::Subscription", TopicArn=ref("Topic"), Protocol="email", Endpoint="a@b.cd"
        ),
        "Key": resource("AWS::KMS::Key", KeyPolicy={}, KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY"),
        "Secret": resource("AWS::SecretsManager::Secret", GenerateSecretString={}),
        "Table": resource(
            "AWS::DynamoDB::Table",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        ),
        "Group": resource("AWS::Logs::LogGroup", RetentionInDays=7),
        "Rule": resource("AWS::Events::Rule", ScheduleExpression="rate(1 hour)"),
        "Dashboard": resource("AWS::CloudWatch::Dashboard", DashboardBody="{}"),
        "Vpc": resource("AWS::EC2::VPC", CidrBlock="10.0.0.0/16"),
        "Images": resource("AWS::ECR::Repository"),
        "Provider": function(
            {"ZipFile": ANSWERING}, "provider", Runtime="nodejs20.x", Handler="index.handler"
        ),
        "Custom": resource("Custom::Thing", ServiceToken=att("Provider", "Arn")),
    }
    body = template(
        resources, {"Topic": ref("Topic"), "Table": ref("Table"), "Url": att("Url", "FunctionUrl")}
    )
    found = deploy(cfn, "s", body)
    first.client("sns").publish(TopicArn=found["Topic"], Message="m")
    first.client("dynamodb").put_item(TableName=found["Table"], Item={"id": {"S": "1"}})
    first.client("lambda").invoke(FunctionName="f", Payload=b"{}")
    first.stop()
    second = own(state_dir=first.state_dir)
    assert second.call("GET", "/_aphex/health")[1]["stateError"] is None
    cfn = second.client("cloudformation")
    assert outputs(cfn, "s") == found
    with urllib.request.urlopen(found["Url"], timeout=10) as answer:
        assert answer.status == 201
    cfn.delete_stack(StackName="s")
    assert cfn.describe_stacks()["Stacks"] == []


def test_large_objects_are_stored_once_and_dropped_when_deleted(own):
    sandbox = own()
    s3 = sandbox.client("s3")
    s3.create_bucket(Bucket="blobs")
    for name in ("one", "two"):
        s3.put_object(Bucket="blobs", Key=name, Body=LARGE)
    blobs = sandbox.state_dir / "blobs"
    wait_until(lambda: blobs.is_dir() and len(list(blobs.iterdir())) == 1)
    assert (sandbox.state_dir / "state.bin").stat().st_size < len(LARGE)
    for name in ("one", "two"):
        s3.delete_object(Bucket="blobs", Key=name)
    wait_until(lambda: not list(blobs.iterdir()))


def test_reading_alone_writes_no_state(sandbox):
    saved = sandbox.state_dir / "state.bin"
    cfn = sandbox.client("cloudformation")
    time.sleep(1.5)  # longer than the interval in which a change is saved
    before = saved.stat().st_mtime_ns
    cfn.describe_stacks()
    cfn.list_exports()
    time.sleep(1.5)
    assert saved.stat().st_mtime_ns == before


def test_reset_forgets_everything_but_the_pipelines_account(own):
    sandbox = own()
    key, _ = fill(sandbox)
    assert sandbox.call("POST", "/_aphex/reset")[0] == 200
    _, listed = sandbox.call("GET", "/_aphex/accounts")
    assert [a["account"] for a in listed["accounts"]] == [PIPELINE]
    assert sandbox.key(TARGET) != key
    assert sandbox.call("GET", "/_aphex/resources")[1] == {"environments": []}
    sandbox.stop()
    again = own(state_dir=sandbox.state_dir)
    assert again.call("GET", "/_aphex/resources")[1] == {"environments": []}


def test_resources_are_summed_up_by_account_and_region(sandbox):
    fill(sandbox)
    _, answer = sandbox.call("GET", "/_aphex/resources")
    (only,) = answer["environments"]
    assert (only["account"], only["region"]) == (TARGET, "eu-central-1")
    (stack,) = only["stacks"]
    assert (stack["name"], stack["status"], stack["resources"]) == ("s", "CREATE_COMPLETE", 3)
    assert only["buckets"] == [{"name": "lasting", "objects": 2}]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: b"", "is not a sandbox's state, or is damaged"),
        (lambda raw: raw[:-10], "is damaged (its checksum does not fit)"),
        (lambda raw: raw.replace(b'"version": 1', b'"version": 9', 1), "by a newer aphex"),
        (lambda raw: raw.replace(b'"moto": "', b'"moto": "0.', 1), "was written with moto 0."),
    ],
)
def test_a_snapshot_that_cannot_be_used_is_refused_with_the_remedy(stopped, damage, message):
    saved = stopped / "state.bin"
    saved.write_bytes(damage(saved.read_bytes()))
    answer = run_module("serve", "--state-dir", stopped)
    assert answer.returncode == 1
    assert message in answer.stderr
    assert "`aphex sandbox reset`" in answer.stderr


def test_a_stopped_sandbox_is_reset_by_its_directory(stopped, own):
    (stopped / "state.bin").write_bytes(b"damaged")
    assert run_module("reset", "--state-dir", stopped).returncode == 0
    assert own(state_dir=stopped).call("GET", "/_aphex/health")[0] == 200


def test_a_snapshot_cannot_name_what_it_likes(stopped):
    saved = stopped / "state.bin"
    header = json.loads(saved.read_bytes().partition(b"\n")[0])
    content = pickle.dumps(os.system)
    header |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    saved.write_bytes(json.dumps(header).encode() + b"\n" + content)
    answer = run_module("serve", "--state-dir", stopped)
    assert answer.returncode == 1
    assert "posix.system has no place in a snapshot" in answer.stderr


def test_web_pages_cannot_reach_the_control_api(sandbox):
    status_, _ = sandbox.call("POST", "/_aphex/reset", headers={"Origin": "http://evil.example"})
    assert status_ == 403


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/_aphex/nothing", 404),
        ("GET", "/_aphex/reset", 405),
        ("POST", "/_aphex/accounts", 400),
    ],
)
def test_control_requests_that_make_no_sense_are_refused(sandbox, method, path, expected):
    assert sandbox.call(method, path)[0] == expected


def test_a_long_poll_does_not_hold_up_others(sandbox):
    sqs = sandbox.client("sqs")
    url = sqs.create_queue(QueueName="slow")["QueueUrl"]
    sts = sandbox.client("sts")
    poll = threading.Thread(
        target=sqs.receive_message, kwargs={"QueueUrl": url, "WaitTimeSeconds": 2}
    )
    poll.start()
    time.sleep(0.2)
    begun = time.monotonic()
    sts.get_caller_identity()
    seconds = time.monotonic() - begun
    assert poll.is_alive()
    poll.join()
    assert seconds < 1.0


def test_what_moto_lacks_is_answered_at_once(sandbox):
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        sandbox.client("cloudformation").detect_stack_drift(StackName="s")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
