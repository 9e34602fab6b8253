"""Programs that write assemblies, and those that nobody here wrote, to compare with."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("APHEX_BUILD_DIR", ROOT / "build/release"))
APHEX = os.environ.get("APHEX_BIN")
BIN = pathlib.Path(APHEX).parent if APHEX else BUILD / "bin"
CFN_LINT = pathlib.Path(sys.executable).parent / "cfn-lint"
CDK = pathlib.Path(os.environ.get("APHEX_CDK", ROOT / "node_modules/.bin/cdk"))
SECONDS = 300


def run(*argv, text=None, environment=None, check=True):
    done = subprocess.run([str(word) for word in argv], input=text, capture_output=True, text=True,
                          timeout=SECONDS, check=False, env=environment)
    if check:
        assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done


def tool(*arguments, text=None, check=True):
    return run(BIN / "construct_tool", *arguments, text=text, check=check)


def peer(*arguments, text=None):
    environment = {**os.environ, "CDK_VALIDATION": "false", "NODE_NO_WARNINGS": "1",
                   "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1", "JSII_DEPRECATED": "quiet"}
    return run("node", HERE / "peer.cjs", *arguments, text=text, environment=environment)


def lines(values):
    return "".join(json.dumps(value) + "\n" for value in values)


def read(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def synthesize(program, directory, *arguments, **environment):
    """Runs an application as the cdk command line would; gives the directory."""
    run(BIN / program, *arguments,
        environment={**os.environ, "CDK_OUTDIR": str(directory), **environment})
    return directory


def lint(directory):
    templates = sorted(pathlib.Path(directory).rglob("*.template.json"))
    assert templates
    done = run(CFN_LINT, *templates, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout


@pytest.fixture(scope="session", autouse=True)
def aws_cdk_lib():
    if not (HERE / "node_modules/aws-cdk-lib/package.json").is_file():
        pytest.fail("aws-cdk-lib is missing in tests/constructs/node_modules; run scripts/setup")


def load_sandbox_fixtures():
    file = ROOT / "tests/sandbox/conftest.py"
    spec = importlib.util.spec_from_file_location("sandbox_fixtures", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


sandbox_fixtures = load_sandbox_fixtures()
no_aws_configuration = sandbox_fixtures.no_aws_configuration
shared = sandbox_fixtures.shared
sandbox = sandbox_fixtures.sandbox


class Cdk:
    """The stock command line, in the pipeline's account of a sandbox."""

    def __init__(self, sandbox, home):
        key = sandbox.key(sandbox_fixtures.PIPELINE)
        self.home = home
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "AWS_ENDPOINT_URL": sandbox.endpoint,
            "AWS_ACCESS_KEY_ID": key["accessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["secretAccessKey"],
            "AWS_REGION": sandbox_fixtures.REGION,
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
            "NODE_NO_WARNINGS": "1",
        }

    def __call__(self, *arguments, code=0):
        done = subprocess.run([str(CDK), *map(str, arguments)], cwd=self.home,
                              env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=SECONDS, check=False)
        assert done.returncode == code, done.stdout
        return done.stdout


@pytest.fixture
def cdk(shared, tmp_path):
    return Cdk(shared, tmp_path)


@pytest.fixture
def bootstrapped(sandbox, cdk):
    """The command line, and an account that it can deploy to."""
    cdk("bootstrap", f"aws://{sandbox_fixtures.PIPELINE}/{sandbox_fixtures.REGION}")
    return cdk
