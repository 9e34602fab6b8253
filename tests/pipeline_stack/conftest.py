"""`aphex synth` and the pipeline app as processes; what they write, read by others' programs."""

import json
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("APHEX_BUILD_DIR", ROOT / "build/release"))
APHEX = pathlib.Path(os.environ.get("APHEX_BIN", BUILD / "bin/aphex")).resolve()
PIPELINE_APP = APHEX.parent / "archon-pipeline"
CFN_LINT = pathlib.Path(sys.executable).parent / "cfn-lint"
CDK = pathlib.Path(os.environ.get("APHEX_CDK", ROOT / "node_modules/.bin/cdk"))
SECONDS = 120
# What Lambda starts; nothing else of the provider's package is a matter of synthesis.
STARTED = "bootstrap"

CONFIGURATION = """\
version: "1.0"
build: {commands: [make]}
environments:
  - {name: dev, region: us-east-1, account: "111122223333",
     stacks: [{name: ApiStack, path: lib/api.ts}]}
  - {name: prod, region: eu-west-1, account: "222233334444",
     stacks: [{name: ApiStack, path: lib/api.ts}]}
"""
ENOUGH = {"name": "archon-agent", "cluster-name": "arbiter", "github-owner": "bdchatham",
          "github-repo": "ArchonAgent", "github-token-secret-name": "github-token",
          "oidc-issuer": "oidc.eks.us-east-1.amazonaws.com/id/ABC123"}


def flags(settings):
    return [f"--{name}={value}" for name, value in settings.items()]


class Workspace:
    """A directory with a configuration in it, and an environment of nobody in particular."""

    def __init__(self, directory):
        self.directory = directory
        self.configuration = directory / "aphex-config.yaml"
        self.configuration.write_text(CONFIGURATION, encoding="utf-8")
        provider = directory / "provider.zip"
        with zipfile.ZipFile(provider, "w") as archive:
            archive.writestr(zipfile.ZipInfo(STARTED), b"")
        home = directory / "home"
        home.mkdir()
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
            "APHEX_PROVIDER_ZIP": str(provider), "CI": "true", "NODE_NO_WARNINGS": "1",
            "CDK_DISABLE_CLI_TELEMETRY": "true", "AWS_EC2_METADATA_DISABLED": "true"}

    def run(self, *argv, cwd=None, **environment):
        return subprocess.run([str(word) for word in argv], cwd=cwd or self.directory, text=True,
                              capture_output=True, timeout=SECONDS, check=False,
                              env={**self.environment, **environment})

    def aphex(self, *arguments, **environment):
        return self.run(APHEX, *arguments, **environment)

    def synth(self, *arguments, settings=None, output="cdk.out", **environment):
        """Synthesizes; gives the directory."""
        done = self.aphex("synth", f"--output={output}", *flags(ENOUGH | (settings or {})),
                          *arguments, **environment)
        assert done.returncode == 0, done.stderr
        return self.directory / output


def read(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def template(directory):
    [path] = pathlib.Path(directory).glob("*.template.json")
    return read(path)


def resources(of, kind):
    return {name: resource for name, resource in of["Resources"].items()
            if resource["Type"] == kind}


def lint(directory):
    templates = sorted(pathlib.Path(directory).rglob("*.template.json"))
    assert templates
    done = subprocess.run([CFN_LINT, *templates], capture_output=True, text=True, check=False,
                          timeout=SECONDS)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path)
