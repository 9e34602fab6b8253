"""Where settings come from, which one stands, and what is said of wrong ones."""

import json
import subprocess
import zipfile

import pytest
import yaml

from conftest import APHEX, CDK, CONFIGURATION, ENOUGH, flags, resources, template


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


def write_context(directory, project, looked_up=None):
    (directory / "cdk.json").write_text(json.dumps({"app": "x", "context": project}))
    if looked_up is not None:
        (directory / "cdk.context.json").write_text(json.dumps(looked_up))


def test_context_of_cdk_json_counts_where_cdk_has_not_started_the_program(workspace):
    write_context(workspace.directory, {"githubBranch": "from-file"},
                  {"githubBranch": "from-variable", "sensorName": "watcher-sensor"})
    directory = workspace.synth()
    assert branch(directory) == "from-file", "cdk.json wins over cdk.context.json"
    assert "watcher-sensor" in json.dumps(template(directory))
    assert branch(workspace.synth("-c", "githubBranch=from-cli")) == "from-cli"
    given = {"CDK_CONTEXT_JSON": json.dumps({"githubBranch": "from-context"})}
    assert branch(workspace.synth(**given)) == "from-context", "cdk has read the files itself"


def test_cdk_itself_and_aphex_alone_see_the_same_context(workspace):
    """The stock cdk command line says what its files mean."""
    write_context(workspace.directory,
                  {"githubBranch": "from-file", "aphex:webhook": {"host": "hooks.example.com"}},
                  {"githubBranch": "from-variable", "logRetentionDays": 30})
    (workspace.directory / "bin").mkdir()
    (workspace.directory / "bin/aphex").symlink_to(APHEX)
    app = " ".join(["aphex synth", *flags(ENOUGH)])
    done = workspace.run(CDK, "synth", "-q", "--app", app, "-o", "by-cdk",
                         PATH=f"{workspace.directory / 'bin'}:{workspace.environment['PATH']}")
    assert done.returncode == 0, done.stderr
    by_cdk = template(workspace.directory / "by-cdk")
    assert by_cdk == template(workspace.synth(output="alone"))
    assert "from-file" in json.dumps(by_cdk) and "hooks.example.com" in json.dumps(by_cdk)


def test_a_wrong_value_of_cdk_json_is_named_with_its_place(workspace):
    write_context(workspace.directory, {"artifactRetentionDays": 0}, {"logRetentionDays": 2})
    done = workspace.aphex("synth", *flags(ENOUGH))
    assert done.returncode == 3
    assert "error: context artifactRetentionDays of cdk.json: artifactRetentionDays must be an " \
        "integer from 1 to 3650, not '0'\n" in done.stderr
    assert "error: context logRetentionDays of cdk.context.json: " in done.stderr
    (workspace.directory / "lib").mkdir()
    done = workspace.run(APHEX, "manifests", *flags(ENOUGH), cwd=workspace.directory / "lib")
    assert done.returncode == 3, "without a repository nothing above is looked at"
    assert "cannot open aphex-config.yaml" in done.stderr
    (workspace.directory / ".git").mkdir()
    done = workspace.run(APHEX, "manifests", *flags(ENOUGH), cwd=workspace.directory / "lib")
    assert "context artifactRetentionDays of ../cdk.json: " in done.stderr


def test_a_cdk_json_that_is_none_is_an_error(workspace):
    (workspace.directory / "cdk.json").write_text('{"context": {')
    done = workspace.aphex("synth", *flags(ENOUGH))
    assert done.returncode == 3
    assert done.stderr.startswith("error: cdk.json is no JSON object: ")


@pytest.mark.parametrize("command", ["synth", "manifests", "validate", "plan"])
def test_the_configuration_is_found_from_any_directory_of_its_repository(workspace, command):
    """The nearest one, named as one names it from where one is."""
    root = workspace.directory
    (root / ".git").mkdir()
    (root / "service/lib/deep").mkdir(parents=True)
    of_settings = flags(ENOUGH) if command in ("synth", "manifests") else []
    (root / "aphex-config.yaml").rename(root / "service/aphex-config.yaml")
    (root / "aphex-config.yaml").write_text("version: []\n", encoding="utf-8")
    (root / "lib").mkdir()
    (root / "lib/api.ts").write_text("", encoding="utf-8")
    done = workspace.run(APHEX, command, *of_settings, cwd=root / "service/lib/deep")
    assert done.returncode == 0, done.stderr
    done = workspace.run(APHEX, command, *of_settings, cwd=root / "lib")
    assert done.returncode == 3
    assert "../aphex-config.yaml:1:10: error: " in done.stderr


def test_a_directory_for_a_configuration_is_named_as_one(workspace):
    (workspace.directory / "lib").mkdir()
    done = workspace.aphex("validate", "lib")
    assert done.returncode == 3
    assert " hint: it is a directory; name the file, or leave it out" in done.stderr
    done = workspace.aphex("validate", ".")
    assert " hint: it is a directory; its configuration is aphex-config.yaml\n" in done.stderr


def of_sensors(workspace, *arguments):
    done = workspace.aphex("manifests", *flags(ENOUGH), *arguments)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each and each["kind"] == "Sensor"]


def test_pull_requests_of_forks_are_taken_where_a_setting_says_so(workspace):
    """What tells a fork is the repository that the head of a pull request is in."""
    assert "head.repo.full_name" in json.dumps(of_sensors(workspace))
    assert "head.repo.full_name" not in json.dumps(of_sensors(workspace, "-c", "forks=accept"))
    done = workspace.aphex("synth", *flags(ENOUGH), "--forks=maybe")
    assert "error: --forks: forks must be ignore or accept, not 'maybe'\n" in done.stderr


def test_the_known_keys_of_resources_are_named(workspace):
    done = workspace.aphex("synth", *flags(ENOUGH), '--resources={"build": {"cpu": "1"}}')
    assert done.returncode == 3
    assert "it must be a mapping with the keys cpuRequest, memoryRequest, cpuLimit, memoryLimit, " \
        "not 'cpu'" in done.stderr


@pytest.mark.parametrize("word, hint", [("-v", "did you mean --version?"),
                                        ("--versoin", "did you mean --version?"),
                                        ("-q", "'aphex --help' lists the commands")])
def test_an_option_in_place_of_a_command_is_named(workspace, word, hint):
    done = workspace.aphex(word)
    assert (done.returncode, done.stderr) == (
        2, f"error: 'aphex' takes no '{word}' before a command\n hint: {hint}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["synth", "--help"]])
def test_help_that_could_not_be_written_is_an_error(workspace, arguments):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([APHEX, *arguments], stdout=full, stderr=subprocess.PIPE, text=True,
                              check=False, timeout=60, env=workspace.environment)
    assert done.returncode == 1
    assert "standard output could not be written" in done.stderr
    assert workspace.aphex(*arguments).returncode == 0
