"""What docs/migration/ says of the others, against the CDK's own library."""

import json
import os
import pathlib
import re
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs/migration"
# aws-cdk-lib and ts-node of scripts/setup.
MODULES = ROOT / "tests/constructs/node_modules"
OPTIONS = '{"module":"commonjs","target":"es2022","moduleResolution":"node10","esModuleInterop":true}'


def blocks(page, language):
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def synthesize(directory, program):
    """Runs a program of the page; the outermost cloud assembly."""
    directory.mkdir()
    (directory / "node_modules").symlink_to(MODULES)
    (directory / "app.ts").write_text(program, encoding="utf-8")
    out = directory / "cdk.out"
    done = subprocess.run(
        ["node", "-r", "ts-node/register/transpile-only", "app.ts"], cwd=directory, text=True,
        env={"PATH": os.environ["PATH"], "CDK_OUTDIR": str(out), "CDK_VALIDATION": "false",
             "TS_NODE_COMPILER_OPTIONS": OPTIONS, "NODE_NO_WARNINGS": "1"},
        capture_output=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def stacks(assembly):
    """Display name → (physical name, environment, template), of nested assemblies too."""
    found = {}
    for identifier, artifact in json.loads(
            (assembly / "manifest.json").read_text(encoding="utf-8"))["artifacts"].items():
        if artifact["type"] == "cdk:cloud-assembly":
            found |= stacks(assembly / artifact["properties"]["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            template = json.loads((assembly / artifact["properties"]["templateFile"]).read_text())
            found[artifact["displayName"]] = (
                artifact["properties"].get("stackName", identifier), artifact["environment"],
                template)
    return found


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The stacks of the page's two programs: with CDK Pipelines, and without."""
    directory = tmp_path_factory.mktemp("programs")
    before, after = blocks("from-cdk-pipelines.md", "ts")
    return (stacks(synthesize(directory / "before", before)),
            stacks(synthesize(directory / "after", after)))


def configuration():
    (text,) = blocks("from-cdk-pipelines.md", "yaml")
    return yaml.safe_load(text)


def test_the_stacks_stay_as_they_are(programs):
    before, after = programs
    assert set(after) == {"Dev/ApiStack", "Prod/ApiStack"}
    assert {name: before[name] for name in after} == after


def test_the_configuration_names_the_stacks_that_the_program_has(programs):
    _, after = programs
    named = {stack["name"]: f"aws://{each['account']}/{each['region']}"
             for each in configuration()["environments"] for stack in each["stacks"]}
    assert named == {name: environment for name, (_, environment, _) in after.items()}


def test_physical_names_are_those_that_the_page_says(programs):
    before, _ = programs
    assert before["Dev/ApiStack"][0] == "Dev-ApiStack"


def test_an_output_has_the_variable_that_the_page_names(programs):
    _, after = programs
    assert list(after["Dev/ApiStack"][2]["Outputs"]) == ["Url"]
    (command,) = configuration()["environments"][0]["tests"]["commands"]
    assert "$APHEX_OUTPUT_DEV_APISTACK_URL" in command


def test_the_pipelines_default_is_to_mutate_itself(programs):
    before, _ = programs
    pipeline = next(resource for resource in before["PipelineStack"][2]["Resources"].values()
                    if resource["Type"] == "AWS::CodePipeline::Pipeline")
    names = [stage["Name"] for stage in pipeline["Properties"]["Stages"]]
    assert names == ["Source", "Build", "UpdatePipeline", "Dev", "Prod"]
    # crossAccountKeys: a key that is billed.
    assert any(resource["Type"] == "AWS::KMS::Key"
               for resource in before["PipelineStack"][2]["Resources"].values())


def test_of_the_old_pipeline_only_the_bucket_stays(programs):
    before, _ = programs
    policies = {resource["Type"]: resource.get("DeletionPolicy")
                for resource in before["PipelineStack"][2]["Resources"].values()
                if resource["Type"] in ("AWS::S3::Bucket", "AWS::KMS::Key")}
    assert policies == {"AWS::S3::Bucket": "Retain", "AWS::KMS::Key": "Delete"}
