"""The stock CDK CLI against the sandbox, with assemblies written by hand."""

import hashlib
import json
import os
import subprocess

import pytest
from bootstraps import BOOTSTRAP, function, package
from bootstraps import ROLE as FUNCTION_ROLE
from conftest import PIPELINE, REGION, TARGET
from stacks import att, outputs, ref, resource, status, template
from test_custom_resources import PROVIDER, kinds

ROLE = "arn:${AWS::Partition}:iam::%s:role/cdk-hnb659fds-%s-%s-us-east-1"
ALLOWED = "arn:aws:iam::aws:policy/AdministratorAccess"


def assembly(folder, name, account, body, code=None):
    """A cloud assembly of one stack with its template as an asset, and a function's code."""
    folder.mkdir(exist_ok=True)
    digest = hashlib.sha256(body.encode()).hexdigest()
    bucket = f"cdk-hnb659fds-assets-{account}-{REGION}"
    (folder / f"{name}.template.json").write_text(body)
    destination = {
        "bucketName": bucket,
        "objectKey": f"{digest}.json",
        "region": REGION,
        "assumeRoleArn": ROLE % (account, "file-publishing-role", account),
    }
    source = {"path": f"{name}.template.json", "packaging": "file"}
    files = {digest: {"source": source, "destinations": {"here": destination}}}
    if code is not None:
        (folder / "code.zip").write_bytes(code)
        key = hashlib.sha256(code).hexdigest()
        place = {**destination, "objectKey": f"{key}.zip"}
        asset = {"path": "code.zip", "packaging": "file"}
        files[key] = {"source": asset, "destinations": {"here": place}}
    assets = {"version": "36.0.0", "files": files, "dockerImages": {}}
    (folder / f"{name}.assets.json").write_text(json.dumps(assets))
    bootstrap = {
        "requiresBootstrapStackVersion": 6,
        "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/hnb659fds/version",
    }
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{account}/{REGION}",
        "dependencies": [f"{name}.assets"],
        "displayName": name,
        "properties": {
            "templateFile": f"{name}.template.json",
            "assumeRoleArn": ROLE % (account, "deploy-role", account),
            "cloudFormationExecutionRoleArn": ROLE % (account, "cfn-exec-role", account),
            "stackTemplateAssetObjectUrl": f"s3://{bucket}/{digest}.json",
            **bootstrap,
        },
    }
    asset = {
        "type": "cdk:asset-manifest",
        "properties": {"file": f"{name}.assets.json", **bootstrap},
    }
    manifest = {"version": "36.0.0", "artifacts": {f"{name}.assets": asset, name: stack}}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.fixture
def cdk(sandbox, cdk_program, tmp_path):
    def run(*arguments, account=PIPELINE):
        key = sandbox.key(account)
        environment = {
            **os.environ,
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": sandbox.endpoint,
            "AWS_ACCESS_KEY_ID": key["accessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["secretAccessKey"],
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
            "NODE_NO_WARNINGS": "1",
        }
        done = subprocess.run(
            [str(cdk_program), *arguments],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
        )
        return done.returncode, done.stdout

    return run


def bootstrap(cdk, account, *more):
    code, text = cdk("bootstrap", f"aws://{account}/{REGION}", *more, account=account)
    assert code == 0, text
    return text


def deploy(cdk, folder, *more):
    return cdk("deploy", "--all", "--app", str(folder), "--require-approval", "never", *more)


BUCKET = {"B": resource("AWS::S3::Bucket", BucketName="deployed-bucket")}


def test_a_second_bootstrap_finds_nothing_to_do(cdk):
    assert "bootstrapped." in bootstrap(cdk, PIPELINE)
    assert "(no changes)" in bootstrap(cdk, PIPELINE)


def test_a_stack_goes_to_another_account_once_that_account_trusts_the_pipeline(
    cdk, sandbox, tmp_path
):
    bootstrap(cdk, TARGET)
    app = tmp_path / "app"
    assembly(app, "S", TARGET, template(BUCKET, {"Name": ref("B")}))
    code, text = deploy(cdk, app)
    assert code != 0
    assert "Could not assume role in target account" in text
    assert "(re)-bootstrap the environment with the right '--trust'" in text

    trust = ("--trust", PIPELINE, "--cloudformation-execution-policies", ALLOWED)
    bootstrap(cdk, TARGET, *trust)
    written = tmp_path / "outputs.json"
    code, text = deploy(cdk, app, "--outputs-file", str(written))
    assert code == 0, text
    assert json.loads(written.read_text()) == {"S": {"Name": "deployed-bucket"}}
    assert sandbox.client("s3", TARGET).head_bucket(Bucket="deployed-bucket")
    there = sandbox.client("cloudformation", TARGET)
    assert outputs(there, "S") == {"Name": "deployed-bucket"}
    here = sandbox.client("cloudformation").describe_stacks()["Stacks"]
    assert here == []

    code, text = deploy(cdk, app)
    assert (code, "(no changes)" in text) == (0, True)
    code, text = cdk("diff", "--app", str(app))
    assert code == 0, text
    assert "Number of stacks with differences: 0" in text


def test_a_failed_stack_tells_why_and_is_created_anew(cdk, sandbox, tmp_path):
    bootstrap(cdk, PIPELINE)
    sandbox.client("s3").create_bucket(Bucket="deployed-bucket")
    app = tmp_path / "app"
    queue = resource("AWS::SQS::Queue", QueueName="q")
    body = {"Q": queue, "B": {**BUCKET["B"], "DependsOn": "Q"}}
    assembly(app, "S", PIPELINE, template(body))
    code, text = deploy(cdk, app)
    assert code == 1
    assert "CREATE_FAILED" in text
    assert "ROLLBACK_COMPLETE" in text
    assert "bucket" in text
    cfn = sandbox.client("cloudformation")
    assert status(cfn, "S") == "ROLLBACK_COMPLETE"

    sandbox.client("s3").delete_bucket(Bucket="deployed-bucket")
    code, text = deploy(cdk, app)
    assert code == 0, text
    assert status(cfn, "S") == "CREATE_COMPLETE"

    assembly(app, "S", PIPELINE, template({**body, "X": resource("AWS::Nothing::Known")}))
    code, text = deploy(cdk, app)
    assert code == 1
    assert "resource type AWS::Nothing::Known is not supported by the sandbox" in text
    assert status(cfn, "S") == "UPDATE_ROLLBACK_COMPLETE"

    assembly(app, "S", PIPELINE, template({**body, "Y": resource("AWS::Other::Unknown")}))
    code, text = deploy(cdk, app)
    assert code == 1
    assert "AWS::Other::Unknown is not supported by the sandbox" in text
    assert "AWS::Nothing::Known" not in text, "a failure of before is told again"

    assembly(app, "S", PIPELINE, template(body, Description="mended"))
    code, text = deploy(cdk, app)
    assert code == 0, text
    code, text = cdk("destroy", "--all", "--force", "--app", str(app))
    assert code == 0, text
    assert [s["StackName"] for s in cfn.describe_stacks()["Stacks"]] == ["CDKToolkit"]


def test_without_bootstrap_the_cli_says_so(cdk, tmp_path):
    app = tmp_path / "app"
    assembly(app, "S", PIPELINE, template(BUCKET))
    code, text = deploy(cdk, app)
    assert code == 1
    assert "Parameter /cdk-bootstrap/hnb659fds/version not found" in text


def test_missing_credentials_are_an_error(sandbox, cdk, tmp_path, monkeypatch):
    app = tmp_path / "app"
    assembly(app, "S", PIPELINE, template(BUCKET))
    wrong = {"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": "x"}
    monkeypatch.setattr(type(sandbox), "key", lambda self, account: wrong)
    code, text = deploy(cdk, app)
    assert code == 1
    assert "no credentials have been configured" in text


def test_custom_resources_with_a_function_from_the_assets(cdk, sandbox, tmp_path):
    """diff, deploy, a second deploy, a change, a failing change, destroy."""
    bootstrap(cdk, PIPELINE)
    app = tmp_path / "app"
    code = package({"bootstrap": BOOTSTRAP, "handler.py": PROVIDER})
    place = {
        "S3Bucket": f"cdk-hnb659fds-assets-{PIPELINE}-{REGION}",
        "S3Key": f"{hashlib.sha256(code).hexdigest()}.zip",
    }

    def write(value, how=None):
        made = resource(
            "Custom::Thing",
            ServiceToken=att("F", "Arn"),
            ServiceTimeout=20,
            Data=json.dumps({"Value": value}),
            How=how or {},
        )
        body = {"R": FUNCTION_ROLE, "F": function(place, Timeout=20), "C": made}
        shown = {"Value": att("C", "Value"), "Id": ref("C")}
        assembly(app, "S", PIPELINE, template(body, shown), code)

    cfn = sandbox.client("cloudformation")
    write("one")
    code_, text = cdk("diff", "--app", str(app))
    assert code_ == 0, text
    assert "Number of stacks with differences: 1" in text
    assert kinds(sandbox) == []
    code_, text = deploy(cdk, app)
    assert code_ == 0, text
    assert outputs(cfn, "S") == {"Value": "one", "Id": "made-C"}
    code_, text = deploy(cdk, app)
    assert (code_, "(no changes)" in text) == (0, True)
    code_, text = cdk("diff", "--app", str(app))
    assert "Number of stacks with differences: 0" in text
    write("two")
    code_, text = cdk("diff", "--app", str(app))
    assert "Number of stacks with differences: 1" in text
    code_, text = deploy(cdk, app)
    assert code_ == 0, text
    assert outputs(cfn, "S")["Value"] == "two"
    assert kinds(sandbox) == [("Create", None), ("Update", "made-C")]
    write("three", {"Update": "fail"})
    code_, text = deploy(cdk, app)
    assert code_ == 1
    assert "Received response status [FAILED] from custom resource" in text
    assert outputs(cfn, "S")["Value"] == "two"
    code_, text = cdk("destroy", "--all", "--force", "--app", str(app))
    assert code_ == 0, text
    assert kinds(sandbox)[-1] == ("Delete", "made-C")
