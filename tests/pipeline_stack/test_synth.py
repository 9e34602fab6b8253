"""What `aphex synth` writes, whatever the settings: valid, the same every time, complete."""

import json

import pytest

from conftest import ENOUGH, flags, lint, read, resources, template

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab"
VARIANTS = {
    "defaults": {},
    "ingress": {"webhook-type": "ingress", "webhook-host": "hooks.example.com",
                "webhook-certificate-arn": CERTIFICATE, "webhook-ingress-class-name": "alb",
                "webhook-annotations": "alb.ingress.kubernetes.io/group.name=shared"},
    "load-balancer": {"webhook-type": "loadbalancer", "webhook-certificate-arn": CERTIFICATE},
    "audited": {"audit-trail": "true", "log-retention-days": "3653"},
    "with-a-key": {"kms-key-arn": KEY, "alarm-topic-arn":
                   "arn:aws:sns:us-east-1:111122223333:team",
                   "permissions-boundary-arn": "arn:aws:iam::111122223333:policy/boundary"},
    "literal-cluster": {"oidc-provider-arn": "arn:aws:iam::111122223333:oidc-provider/"
                        "oidc.eks.us-east-1.amazonaws.com/id/ABC123",
                        "kubectl-role-arn": "arn:aws:iam::111122223333:role/kubectl"},
    "own-account": {"account": "999988887777", "region": "eu-central-1",
                    "bootstrap-qualifier": "acme", "environment-tag": "tools"},
    "short-retention": {"artifact-retention-days": "1"},
    "long-retention": {"artifact-retention-days": "3650"},
    "longest-names": {"name": "x" * 40, "artifact-bucket-name": "b" * 63},
    "private-images": {"images": "default=111122223333.dkr.ecr.us-east-1.amazonaws.com/run:1"},
    "oldest-argo": {"argo-version": "3.4", "pull-requests": "ignore"},
    "newest-argo": {"argo-version": "4.1", "pull-requests": "build"},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_template_is_valid(workspace, variant):
    lint(workspace.synth(settings=VARIANTS[variant]))


def test_templates_of_many_environments_are_valid(workspace):
    text = 'version: "1.0"\nbuild: {commands: [make]}\nenvironments:\n'
    for i in range(30):
        text += (f"  - {{name: env-{i}, region: us-east-1, account: \"{100000000000 + i}\", "
                 "stacks: [{name: ApiStack, path: lib/api.ts}]}\n")
    workspace.configuration.write_text(text, encoding="utf-8")
    directory = workspace.synth()
    lint(directory)
    policies = resources(template(directory), "AWS::IAM::ManagedPolicy")
    assert policies, "the rights of 30 accounts do not fit into the role"
    for policy in policies.values():
        document = json.dumps(policy["Properties"]["PolicyDocument"], separators=(",", ":"))
        assert len(document) <= 6144


def test_the_same_settings_give_the_same_bytes(workspace):
    one = workspace.synth(output="one")
    two = workspace.synth(output="two")
    files = sorted(path.name for path in one.iterdir())
    assert files == sorted(path.name for path in two.iterdir())
    for name in files:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_a_second_synthesis_leaves_nothing_of_the_first(workspace):
    workspace.synth(settings={"workflow-template-name": "first"})
    first = set(path.name for path in (workspace.directory / "cdk.out").iterdir())
    workspace.synth(settings={"workflow-template-name": "second"})
    second = set(path.name for path in (workspace.directory / "cdk.out").iterdir())
    assert len(first) == len(second) and first != second


def test_what_was_written_is_said(workspace):
    done = workspace.aphex("synth", "--output=out", *flags(ENOUGH))
    assert done.stdout == ("out: ArchonAgentPipelineStack in aws://111122223333/us-east-1, "
                           f"{len(template(workspace.directory / 'out')['Resources'])} resources\n")
    assert done.stderr == "next:\n  cdk deploy --app out\n"


def test_what_was_written_is_said_to_programs_too(workspace):
    done = workspace.aphex("synth", "--output=out", "--format=json", *flags(ENOUGH))
    answer = json.loads(done.stdout)
    assert answer["directory"] == "out"
    assert answer["stacks"][0]["name"] == "ArchonAgentPipelineStack"
    assert answer["stacks"][0]["environment"] == "aws://111122223333/us-east-1"
    assert set(answer["files"]) == {path.name for path in (workspace.directory / "out").iterdir()}


def test_the_archive_of_the_provider_is_an_asset(workspace):
    directory = workspace.synth()
    assets = read(directory / "ArchonAgentPipelineStack.assets.json")["files"]
    [archive] = [asset for asset in assets.values() if asset["source"]["path"].endswith(".zip")]
    copied = directory / archive["source"]["path"]
    assert copied.read_bytes() == (workspace.directory / "provider.zip").read_bytes()


def test_secrets_are_only_named(workspace):
    of = template(workspace.synth())
    objects = resources(of, "Custom::AphexKubernetesObject").values()
    with_values = [each["Properties"] for each in objects if "SecretValues" in each["Properties"]]
    [token] = [each for each in with_values if each["SecretValues"][0]["Secret"] == "github-token"]
    assert token["SecretValues"] == [{"Key": "token", "Secret": "github-token"}]
    for properties in with_values:
        manifest = json.loads(properties["Manifest"])
        assert manifest["kind"] == "Secret"
        assert not {"data", "stringData"} & set(manifest)


FOREIGN_TREE = {"version": "tree-0.1", "tree": {"id": "App", "path": "", "constructInfo": {
    "fqn": "aws-cdk-lib.App", "version": "2.1.0"}}}


@pytest.fixture
def applications_own(workspace):
    """The assembly of an application in TypeScript, where `cdk synth` writes it."""
    directory = workspace.directory / "cdk.out"
    directory.mkdir()
    for name, content in {"cdk.out": {"version": "48.0.0"}, "tree.json": FOREIGN_TREE,
                          "manifest.json": {"version": "48.0.0", "artifacts": {}},
                          "ApiStack.template.json": {"Resources": {}}}.items():
        (directory / name).write_text(json.dumps(content), encoding="utf-8")
    return directory


def test_the_assembly_of_another_application_stays(workspace, applications_own):
    done = workspace.aphex("synth", *flags(ENOUGH))
    assert done.returncode == 1
    assert "holds the cloud assembly of another application (aws-cdk-lib.App)" in done.stderr
    assert "choose another directory (aphex synth --output)" in done.stderr
    assert (applications_own / "ApiStack.template.json").exists()
    (applications_own / "tree.json").unlink()
    assert workspace.aphex("synth", *flags(ENOUGH)).returncode == 1
    assert (applications_own / "ApiStack.template.json").exists()


def test_the_assembly_of_another_application_gives_way_where_cdk_asks(workspace, applications_own):
    done = workspace.aphex("synth", *flags(ENOUGH), CDK_OUTDIR="cdk.out")
    assert done.returncode == 0, done.stderr
    assert not (applications_own / "ApiStack.template.json").exists()
    assert workspace.aphex("synth", *flags(ENOUGH)).returncode == 0, "now it is aphex's own"


def test_the_next_command_can_be_pasted(workspace):
    done = workspace.aphex("synth", "--output=out put", *flags(ENOUGH))
    assert done.stderr == "next:\n  cdk deploy --app 'out put'\n"
