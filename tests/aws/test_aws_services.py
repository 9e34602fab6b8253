"""The AWS library, through its probe, against the sandbox; boto3 says what really happened."""

import hashlib
import json
import os
import subprocess
import uuid
from pathlib import Path

import planted
import pytest
import sandbox_process
from sandbox_process import PIPELINE as ACCOUNT, REGION, TARGET as OTHER_ACCOUNT

REPO = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("APHEX_BIN", str(REPO / "build" / "release" / "bin" / "aphex"))
PROBE = Path(PROGRAM).parent / "aws_probe"
PART = 16 * 1024 * 1024
KEYS_PER_PAGE = 10  # S3 sends a thousand


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    if not PROBE.exists():
        pytest.fail(f"{PROBE} is missing: build the project with its tests, or set APHEX_BIN")
    running = sandbox_process.start(tmp_path_factory.mktemp("sandbox") / "state",
                                    MOTO_S3_DEFAULT_MAX_KEYS=str(KEYS_PER_PAGE))
    yield running
    running.stop()
    running.process.stderr.close()


@pytest.fixture
def probe(sandbox, tmp_path):
    """Runs the probe with a key of the account; the answer, and whether it went well."""
    key = sandbox.key(ACCOUNT)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": sandbox.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": key["accessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["secretAccessKey"],
    }
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]

    def run(*arguments, **extra):
        changed = {k: v for k, v in {**environment, **extra}.items() if v is not None}
        done = subprocess.run(
            [str(PROBE), *map(str, arguments)], env=changed, capture_output=True, timeout=60
        )
        assert done.stderr == b"", done.stderr.decode()
        answer = json.loads(done.stdout)
        assert (done.returncode == 0) == ("error" not in answer)
        return answer

    return run


@pytest.fixture
def bucket(sandbox):
    name = f"probe-{uuid.uuid4().hex[:12]}"
    sandbox.client("s3").create_bucket(Bucket=name)
    return name


def write(path: Path, size: int) -> str:
    """A file that differs everywhere; its SHA-256."""
    data = hashlib.shake_256(str(size).encode()).digest(min(size, 65537))
    data = (data * (size // max(1, len(data)) + 1))[:size]
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_an_object_goes_up_and_comes_down_as_it_was(probe, bucket, sandbox, tmp_path):
    digest = write(tmp_path / "up", 100_001)
    key = "0123abcd/build output+ü&.tar.gz"
    put = probe("put", bucket, key, tmp_path / "up", digest)
    assert put == {"key": key, "size": 100_001, "sha256": digest}
    assert probe("head", bucket, key) == put
    assert probe("get", bucket, key, tmp_path / "down") == put
    assert (tmp_path / "down").read_bytes() == (tmp_path / "up").read_bytes()
    seen = sandbox.client("s3").head_object(Bucket=bucket, Key=key)
    assert seen["Metadata"] == {"sha256": digest}


def test_a_large_object_goes_up_in_parts(probe, bucket, sandbox, tmp_path):
    size = 3 * PART + 12_345
    digest = write(tmp_path / "up", size)
    assert probe("put", bucket, "large", tmp_path / "up")["sha256"] == digest
    client = sandbox.client("s3")
    seen = client.head_object(Bucket=bucket, Key="large")
    assert seen["ContentLength"] == size
    assert seen["ETag"].endswith('-4"')
    assert client.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []
    assert probe("get", bucket, "large", tmp_path / "down")["sha256"] == digest
    assert hashlib.sha256((tmp_path / "down").read_bytes()).hexdigest() == digest


def test_an_empty_object_is_an_object(probe, bucket, tmp_path):
    digest = write(tmp_path / "up", 0)
    assert probe("put", bucket, "empty", tmp_path / "up", digest)["size"] == 0
    assert probe("get", bucket, "empty", tmp_path / "down")["sha256"] == digest
    assert (tmp_path / "down").read_bytes() == b""


def test_a_file_with_another_hash_is_not_uploaded(probe, bucket, tmp_path):
    write(tmp_path / "up", 10)
    answer = probe("put", bucket, "k", tmp_path / "up", "0" * 64)
    assert answer["error"]["code"] == "corrupt"
    assert probe("list", bucket, "") == []


def test_keys_are_listed_over_all_pages(probe, bucket, sandbox):
    client = sandbox.client("s3")
    for number in range(25):
        client.put_object(Bucket=bucket, Key=f"a/{number:02}", Body=b"x")
    client.put_object(Bucket=bucket, Key="b/<&>", Body=b"xyz")
    listed = probe("list", bucket, "a/")
    assert [entry["key"] for entry in listed] == [f"a/{number:02}" for number in range(25)]
    assert probe("list", bucket, "b/") == [{"key": "b/<&>", "size": 3, "sha256": ""}]


def test_a_removed_object_is_gone_and_removing_it_again_is_fine(probe, bucket, tmp_path):
    write(tmp_path / "up", 10)
    probe("put", bucket, "k", tmp_path / "up")
    assert probe("remove", bucket, "k") == {}
    assert probe("remove", bucket, "k") == {}
    answer = probe("get", bucket, "k", tmp_path / "down")
    assert answer["error"]["code"] == "not_found"
    assert answer["error"]["message"].startswith(f"S3 GetObject s3://{bucket}/k: NoSuchKey")
    assert not (tmp_path / "down").exists()


def test_a_bucket_that_is_missing_is_named(probe, tmp_path):
    write(tmp_path / "up", 10)
    error = probe("put", "no-such-bucket-here", "k", tmp_path / "up")["error"]
    assert error["code"] == "usage"
    assert "s3://no-such-bucket-here/k: NoSuchBucket" in error["message"]


def test_the_caller_is_the_account_of_the_key(probe):
    caller = probe("identity")
    assert caller["account"] == ACCOUNT
    assert caller["source"] == "environment variables"


def allow(sandbox, role: str, principal: str):
    sandbox.client("iam", OTHER_ACCOUNT).create_role(
        RoleName=role,
        AssumeRolePolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": principal},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
        ),
    )
    return f"arn:aws:iam::{OTHER_ACCOUNT}:role/{role}"


def test_a_role_of_another_account_is_assumed(probe, sandbox):
    role = allow(sandbox, "open", ACCOUNT)
    caller = probe("--role", role, "identity")
    assert caller["account"] == OTHER_ACCOUNT
    assert ":assumed-role/open/" in caller["arn"]
    assert caller["source"] == f"role {role}, assumed with environment variables"


def test_a_role_that_trusts_somebody_else_is_refused_by_name(probe, sandbox):
    role = allow(sandbox, "closed", "999988887777")
    error = probe("--role", role, "identity")["error"]
    assert error["code"] == "permission"
    assert f"STS AssumeRole {role}: AccessDenied" in error["message"]


def test_a_profile_with_a_role_is_used(probe, sandbox, tmp_path):
    role = allow(sandbox, "by-profile", ACCOUNT)
    key = sandbox.key(ACCOUNT)
    (tmp_path / ".aws").mkdir()
    planted.holds(tmp_path / ".aws/config", "AWS secret key")
    (tmp_path / ".aws" / "config").write_text(
        f"[profile deploy]\nrole_arn = {role}\nsource_profile = base\n"
        f"[profile base]\naws_access_key_id = {key['accessKeyId']}\n"
        f"aws_secret_access_key = {key['secretAccessKey']}\n"
    )
    caller = probe("identity", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None,
                   AWS_PROFILE="deploy")
    assert caller["account"] == OTHER_ACCOUNT


def test_a_parameter_is_read_or_missing(probe, sandbox):
    sandbox.client("ssm").put_parameter(Name="/probe/version", Value="21", Type="String")
    assert probe("parameter", "/probe/version") == {"value": "21"}
    error = probe("parameter", "/probe/missing")["error"]
    assert error["code"] == "not_found"
    assert error["message"].startswith("SSM GetParameter /probe/missing: ParameterNotFound")


def test_a_stack_is_described_with_outputs_and_events(probe, sandbox):
    template = {
        "Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "probe"}}},
        "Outputs": {"QueueUrl": {"Value": {"Ref": "Queue"}}},
    }
    client = sandbox.client("cloudformation")
    client.create_stack(StackName="ProbeStack", TemplateBody=json.dumps(template))
    stack = probe("stack", "ProbeStack")
    assert stack["status"] == "CREATE_COMPLETE"
    assert list(stack["outputs"]) == ["QueueUrl"]
    events = probe("events", "ProbeStack")
    expected = client.describe_stack_events(StackName="ProbeStack")["StackEvents"]
    assert [event["id"] for event in events] == [e["EventId"] for e in reversed(expected)]
    assert events[0]["status"] == "CREATE_IN_PROGRESS"
    assert events[-1]["status"] == "CREATE_COMPLETE"
    later = probe("events", "ProbeStack", events[0]["id"])
    assert later == events[1:]


def test_a_stack_that_is_missing_is_named(probe):
    error = probe("stack", "NoSuchStack")["error"]
    assert error["code"] == "not_found"
    assert "NoSuchStack" in error["message"]


def test_an_endpoint_that_is_not_there_is_named_and_no_secret_with_it(probe):
    error = probe("identity", AWS_ENDPOINT_URL="http://localhost:1", AWS_MAX_ATTEMPTS="1",
                  AWS_SECRET_ACCESS_KEY="a-very-secret-secret-key")["error"]
    assert error["code"] == "unavailable"
    assert "http://localhost:1" in error["message"]
    assert "secret" not in error["message"]
