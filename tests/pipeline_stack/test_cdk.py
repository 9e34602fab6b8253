"""The stock cdk command line reads what the pipeline's programs write."""

import json

import pytest

from conftest import CDK, ENOUGH, PIPELINE_APP, ROOT, flags, lint, read, template

EXAMPLE = ROOT / "examples/archon-agent/aphex-config.yaml"


def cdk(workspace, *arguments, **environment):
    done = workspace.run(CDK, *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done


def test_it_lists_the_stack_of_a_directory(workspace):
    directory = workspace.synth()
    assert cdk(workspace, "ls", "--app", directory).stdout == "ArchonAgentPipelineStack\n"


def test_it_starts_aphex_as_an_application(workspace):
    app = " ".join(["aphex synth", *flags(ENOUGH)])
    (workspace.directory / "bin").mkdir()
    (workspace.directory / "bin/aphex").symlink_to(PIPELINE_APP.parent / "aphex")
    done = cdk(workspace, "synth", "--app", app, "--json", "-o", "out", "-c",
               "githubBranch=release",
               PATH=f"{workspace.directory / 'bin'}:{workspace.environment['PATH']}")
    manifest = read(workspace.directory / "out/manifest.json")
    assert "ArchonAgentPipelineStack" in manifest["artifacts"]
    assert "release" in json.dumps(template(workspace.directory / "out"))
    assert "error" not in done.stderr.lower()


@pytest.fixture
def pipeline_app(workspace):
    """The directory pipeline/, with its program where this build has it."""
    context = json.loads((ROOT / "pipeline/cdk.json").read_text(encoding="utf-8"))["context"]
    (workspace.directory / "cdk.json").write_text(
        json.dumps({"app": f"{PIPELINE_APP} {EXAMPLE}", "context": context}), encoding="utf-8")
    return workspace


def test_the_pipeline_app_is_listed_and_synthesized(pipeline_app):
    assert cdk(pipeline_app, "ls").stdout == "ArchonAgentPipelineStack\n"
    cdk(pipeline_app, "synth", "-q")
    directory = pipeline_app.directory / "cdk.out"
    lint(directory)
    of = template(directory)
    names = {resource["Properties"].get("BucketName") or resource["Properties"].get("RoleName")
             for resource in of["Resources"].values()}
    assert {"archon-agent-artifacts-111122223333-us-east-1",
            "ArchonAgentWorkflowExecutionRole"} <= names
    tree = (directory / "tree.json").read_text(encoding="utf-8")
    assert '"path":"ArchonAgentPipelineStack/AphexPipelineStack"' in tree


def test_the_pipeline_app_and_aphex_synth_agree(pipeline_app):
    """One library: the program of pipeline/ only says what the flags say here.

    The WorkflowTemplate is an asset, and its digest another: a program's stack is the program's to
    make, so the pipeline stage of its runs has no settings to make it from.
    """
    cdk(pipeline_app, "synth", "-q")
    app = template(pipeline_app.directory / "cdk.out")
    context = json.loads((ROOT / "pipeline/cdk.json").read_text(encoding="utf-8"))["context"]
    done = pipeline_app.aphex("synth", EXAMPLE, "--output=own", "--name=archon-agent",
                              "--artifact-retention-days=30",
                              CDK_CONTEXT_JSON=json.dumps(context))
    assert done.returncode == 0, done.stderr
    own = template(pipeline_app.directory / "own")

    def physical(of):
        own_ones = ("Tags", "ManifestKey", "ManifestSha256")
        return sorted(json.dumps({key: value for key, value in resource["Properties"].items()
                                  if key not in own_ones}, sort_keys=True)
                      for resource in of["Resources"].values()
                      if resource["Type"] != "AWS::CDK::Metadata")

    assert physical(app) == physical(own)


def test_wrong_settings_of_the_pipeline_app_are_all_reported(pipeline_app):
    done = pipeline_app.run(CDK, "ls", "-c", "clusterName=a b", "-c", "argoVersion=9.9")
    assert done.returncode != 0
    assert "context clusterName: clusterName must be at most 100 letters" in done.stderr
    assert "context argoVersion: argoVersion '9.9'" in done.stderr
