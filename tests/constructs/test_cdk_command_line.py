"""The stock cdk command line lists, synthesizes, diffs, deploys and destroys what we write."""

import hashlib
import json
import shutil
import zipfile

import pytest
from conftest import BIN, HERE, ROOT, lint, read, run, synthesize, tool

# Answers CloudFormation as a custom resource's function has to.
HANDLER = '''
import json
import urllib.request

def handler(event, context):
    answer = {"Status": "SUCCESS", "PhysicalResourceId": event["ResourceProperties"]["Name"],
              "Data": {}}
    for key in ("StackId", "RequestId", "LogicalResourceId"):
        answer[key] = event[key]
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(),
                                     {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(request)
'''


@pytest.fixture
def function(tmp_path):
    """Arguments of construct_typed: a zip and its hash."""
    file = tmp_path / "function.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("index.py", (1980, 1, 1, 0, 0, 0)), HANDLER)
    return str(file), hashlib.sha256(file.read_bytes()).hexdigest()


def deploy(cdk, app, *more, code=0):
    return cdk("deploy", "--all", "--app", app, "--require-approval", "never", *more, code=code)


def test_an_application_is_listed_deployed_and_destroyed(bootstrapped, sandbox, tmp_path):
    cdk = bootstrapped
    app = BIN / "construct_example"
    assert cdk("ls", "--app", app).split() == ["Storage", "News"]
    assert "Storage\n" in cdk("ls", "--app", app, "--long", "--show-dependencies")
    assert "Type: AWS::S3::Bucket" in cdk("synth", "Storage", "--app", app)
    assert "AWS::SNS::Topic" in cdk("diff", "--app", app, "--no-change-set")

    written = tmp_path / "outputs.json"
    deploy(cdk, app, "--outputs-file", written)
    outputs = json.loads(written.read_text())
    bucket = next(value for key, value in outputs["Storage"].items() if "Export" in key)
    assert outputs["News"]["GreetingUrl"].startswith(
        "s3://cdk-hnb659fds-assets-111122223333-us-east-1/")

    s3 = sandbox.client("s3")
    assert {"Key": "Project", "Value": "example"} in \
        s3.get_bucket_tagging(Bucket=bucket)["TagSet"]
    topic = sandbox.client("sns").get_topic_attributes(TopicArn=outputs["News"]["TopicArn"])
    assert topic["Attributes"]["DisplayName"] == f"News of {bucket}"
    place, key = outputs["News"]["GreetingUrl"].removeprefix("s3://").split("/")
    assert s3.get_object(Bucket=place, Key=key)["Body"].read() == b"hello\n"
    stacks = sandbox.client("cloudformation").describe_stacks(StackName="Storage")["Stacks"]
    assert stacks[0]["Tags"] == [{"Key": "Project", "Value": "example"}]
    assert stacks[0]["Description"] == "What is kept"

    assert deploy(cdk, app).count("(no changes)") == 2
    assert "Number of stacks with differences: 0" in cdk("diff", "--app", app)
    cdk("destroy", "--all", "--force", "--app", app)
    left = sandbox.client("cloudformation").describe_stacks()["Stacks"]
    assert [stack["StackName"] for stack in left] == ["CDKToolkit"]


def test_every_typed_helper_makes_a_resource_that_is_deployed(
        bootstrapped, sandbox, tmp_path, function):
    cdk = bootstrapped
    app = synthesize("construct_typed", tmp_path / "app", *function)
    lint(app)
    deploy(cdk, app)
    described = sandbox.client("cloudformation").describe_stack_resources(StackName="Typed")
    kinds = {resource["ResourceType"] for resource in described["StackResources"]}
    template = read(app / "Typed.template.json")
    assert kinds == {resource["Type"] for resource in template["Resources"].values()}
    assert len(kinds) == 16
    lifecycle = sandbox.client("s3").get_bucket_lifecycle_configuration(
        Bucket="typed-111122223333-us-east-1")["Rules"]
    assert lifecycle[0]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "(no changes)" in deploy(cdk, app)

    # A changed asset is another template: the function is updated.
    changed = tmp_path / "changed.zip"
    shutil.copy(function[0], changed)
    with zipfile.ZipFile(changed, "a") as archive:
        archive.writestr(zipfile.ZipInfo("more.txt", (1980, 1, 1, 0, 0, 0)), "more")
    digest = hashlib.sha256(changed.read_bytes()).hexdigest()
    app = synthesize("construct_typed", app, changed, digest)
    assert "AWS::Lambda::Function" in cdk("diff", "--app", app, "--no-change-set")
    assert "(no changes)" not in deploy(cdk, app)
    code = sandbox.client("s3").list_objects_v2(
        Bucket="cdk-hnb659fds-assets-111122223333-us-east-1")["Contents"]
    assert f"{digest}.zip" in {item["Key"] for item in code}
    cdk("destroy", "--all", "--force", "--app", app)


def test_a_stage_is_an_assembly_within_the_assembly(bootstrapped, tmp_path):
    cdk = bootstrapped
    env = {"account": "111122223333", "region": "us-east-1"}
    topic = {"kind": "resource", "id": "T", "type": "AWS::SNS::Topic"}
    application = {"stacks": [{"id": "Top", **env, "tree": [topic]}],
                   "stages": [{"id": "Prod", **env, "stacks": [{"id": "App", "tree": [topic]}]}]}
    tool("app", tmp_path, text=json.dumps(application) + "\n")
    app = tmp_path / "0"
    assert cdk("ls", "--app", app).splitlines() == ["Top", "Prod/App (Prod-App)"]
    cdk("deploy", "Prod/*", "--app", app, "--require-approval", "never")
    assert "Number of stacks with differences: 0" in cdk("diff", "Prod/*", "--app", app)


def test_the_command_line_shows_what_is_wrong_with_an_application(cdk, function):
    told = cdk("synth", "--app", f"{BIN}/construct_typed {function[0]} wrong", code=1)
    assert "error: Typed/Code: 'wrong' is not the SHA-256 of the file" in told
    assert "hint: 64 lower-case hexadecimal digits" in told


def test_context_of_the_command_line_reaches_the_application(cdk, tmp_path):
    cdk("synth", "--quiet", "--app", BIN / "construct_example", "--output", tmp_path / "out",
        "--context", "@aws-cdk/core:bootstrapQualifier=team1")
    artifact = read(tmp_path / "out/manifest.json")["artifacts"]["Storage"]
    assert "cdk-team1-deploy-role-" in artifact["properties"]["assumeRoleArn"]
    cdk("synth", "--quiet", "--app", BIN / "construct_example", "--output", tmp_path / "out",
        "--no-path-metadata")
    resources = read(tmp_path / "out/Storage.template.json")["Resources"].values()
    assert all("Metadata" not in resource for resource in resources)


def test_an_application_in_typescript_includes_one_of_our_templates(cdk, tmp_path, function):
    ours = synthesize("construct_typed", tmp_path / "ours", *function)
    app = f"node {HERE}/include.cjs {ours}/Typed.template.json"
    included = json.loads(cdk("synth", "--json", "--app", app))
    template = read(ours / "Typed.template.json")
    for section in ("Resources", "Outputs"):
        assert included[section] == template[section]


def test_the_example_of_the_documentation_is_the_one_that_is_tested(tmp_path):
    source = (HERE / "construct_example.cpp").read_text()
    assert f"```cpp\n{source}```" in (ROOT / "docs/constructs.md").read_text()
    lint(synthesize("construct_example", tmp_path / "app"))


def test_the_table_of_taggable_types_is_what_the_schemas_say():
    run(ROOT / ".venv/bin/python", ROOT / "scripts/generate-taggable-types", "--check")
