"""Where settings come from, which one stands, and what is said of wrong ones."""

import json
import zipfile

import pytest

from conftest import CONFIGURATION, ENOUGH, flags, resources, template


def branch(directory):
    """The branch that the stack's Sensor listens to."""
    for resource in resources(template(directory), "Custom::AphexKubernetesObject").values():
        manifest = json.loads(resource["Properties"].get("Manifest", "{}"))
        if manifest.get("kind") == "Sensor" and manifest["metadata"]["name"].endswith("-sensor"):
            text = json.dumps(manifest)
            [found] = {word for word in ("from-file", "from-cli", "from-context", "from-variable",
                                         "from-flag") if word in text}
            return found
    raise AssertionError("no Sensor")


def test_later_layers_win(workspace):
    workspace.configuration.write_text(
        CONFIGURATION + "pipeline: {githubBranch: from-file}\n", encoding="utf-8")
    context = {"CDK_CONTEXT_JSON": json.dumps({"githubBranch": "from-context"})}
    variable = {"APHEX_GITHUB_BRANCH": "from-variable"}
    assert branch(workspace.synth()) == "from-file"
    assert branch(workspace.synth(**context)) == "from-context"
    assert branch(workspace.synth("-c", "githubBranch=from-cli", **context)) == "from-cli"
    assert branch(workspace.synth("-c", "githubBranch=from-cli", **context, **variable)) == \
        "from-variable"
    assert branch(workspace.synth(settings={"github-branch": "from-flag"}, **context,
                                  **variable)) == "from-flag"


def test_all_settings_can_come_from_the_file_alone(workspace):
    workspace.configuration.write_text(
        CONFIGURATION + "pipeline:\n  name: archon-agent\n  clusterName: arbiter\n"
        "  githubOwner: bdchatham\n  githubRepo: ArchonAgent\n"
        "  githubTokenSecretName: github-token\n  webhook: {host: hooks.example.com}\n"
        "  oidcIssuer: oidc.eks.us-east-1.amazonaws.com/id/ABC123\n", encoding="utf-8")
    done = workspace.aphex("synth")
    assert done.returncode == 0, done.stderr
    outputs = template(workspace.directory / "cdk.out")["Outputs"]
    assert outputs["WebhookUrl"]["Value"] == "https://hooks.example.com/archon-agent"


def test_everything_that_is_wrong_is_said_at_once(workspace):
    workspace.configuration.write_text(
        CONFIGURATION + "pipeline: {webhook: {type: ingress}}\n", encoding="utf-8")
    done = workspace.aphex(
        "synth", "-c", "artifactRetentionDays=0", "--sensor-name=Sensor",
        *flags({name: ENOUGH[name] for name in ENOUGH if name not in ("github-owner",
                                                                     "oidc-issuer")}),
        APHEX_LOG_RETENTION_DAYS="2")
    assert done.returncode == 3
    assert not (workspace.directory / "cdk.out").exists()
    assert done.stderr == """\
error: --sensor-name: sensorName must be at most 63 lower-case letters, digits and '-', the ends \
no '-', not 'Sensor'
 hint: correct or remove --sensor-name
error: context artifactRetentionDays: artifactRetentionDays must be an integer from 1 to 3650, \
not '0'
 hint: correct or remove context artifactRetentionDays
error: APHEX_LOG_RETENTION_DAYS: logRetentionDays must be one of 1, 3, 5, 7, 14, 30, 60, 90, 120, \
150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653, not '2'
 hint: correct or remove APHEX_LOG_RETENTION_DAYS
error: githubOwner is missing
 hint: set pipeline.githubOwner in the configuration, -c githubOwner=…, APHEX_GITHUB_OWNER or \
--github-owner
error: the cluster's OIDC issuer is missing: the workflow role's trust policy names it literally, \
so it cannot be imported from the cluster's stack
 hint: set pipeline.oidcIssuer in the configuration, -c oidcIssuer=…, APHEX_OIDC_ISSUER or \
--oidc-issuer; aws eks describe-cluster --name arbiter --query cluster.identity.oidc.issuer
error: webhook.host is missing: an ingress needs the host name that GitHub calls
 hint: set pipeline.webhook.host in the configuration, -c aphex:webhook.host=…, \
APHEX_WEBHOOK_HOST or --webhook-host
"""


def test_wrong_settings_of_the_file_are_shown_in_it(workspace):
    workspace.configuration.write_text(
        CONFIGURATION + "pipeline:\n  kubectlRoleArn: arn:aws:s3:::x\n", encoding="utf-8")
    done = workspace.aphex("synth", *flags(ENOUGH))
    assert done.returncode == 3
    assert ("aphex-config.yaml:9:19: error: Invalid pipeline.kubectlRoleArn: 'arn:aws:s3:::x' is "
            "not the ARN of an IAM role\n") in done.stderr


@pytest.mark.parametrize("pair, message", [
    ("clusterName", "-c clusterName is no KEY=VALUE"),
    ("clusterNam=x", "-c clusterNam=x: 'clusterNam' is no setting"),
])
def test_context_on_the_command_line_is_checked(workspace, pair, message):
    done = workspace.aphex("synth", "-c", pair)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_missing_archive_of_the_provider_says_where_one_comes_from(workspace):
    done = workspace.aphex("synth", *flags(ENOUGH), APHEX_PROVIDER_ZIP="/nowhere/provider.zip")
    assert done.returncode == 1
    assert done.stderr.startswith("error: APHEX_PROVIDER_ZIP names /nowhere/provider.zip: ")
    assert "leave APHEX_PROVIDER_ZIP out" in done.stderr


def archive_of(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "text")
    return path


def test_a_file_that_is_no_archive_of_the_provider_is_refused(workspace):
    for given, what in [("/etc/passwd", "/etc/passwd is no ZIP archive"),
                        ("/usr", "/usr is no ZIP archive"),
                        (archive_of(workspace.directory / "empty.zip"), "holds no 'bootstrap'"),
                        (archive_of(workspace.directory / "other.zip", "index.js"),
                         "holds no 'bootstrap'")]:
        done = workspace.aphex("synth", f"--provider-zip={given}", *flags(ENOUGH))
        assert done.returncode == 1, given
        assert f"error: --provider-zip names {given}: " in done.stderr
        assert what in done.stderr
        assert not (workspace.directory / "cdk.out").exists()


def test_settings_come_before_a_missing_archive(workspace):
    done = workspace.aphex("synth", APHEX_PROVIDER_ZIP="/nowhere/provider.zip")
    assert done.returncode == 3
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "error: clusterName is missing" in errors
    assert "error: githubOwner is missing" in errors
    assert errors[-1].startswith("error: APHEX_PROVIDER_ZIP names /nowhere/provider.zip: ")


def test_wrong_context_is_said_with_everything_else_that_is_wrong(workspace):
    done = workspace.aphex("synth", "-c", "nosuch=1", "-c", "clusterNam=x", "-c", "bare",
                           "--sensor-name=Sensor")
    assert done.returncode == 2
    for message in ("-c nosuch=1: 'nosuch' is no setting", "did you mean clusterName?",
                    "-c bare is no KEY=VALUE", "--sensor-name: sensorName must be",
                    "githubOwner is missing"):
        assert message in done.stderr
