"""The whole of a pipeline's stack: the program, the stock cdk command line, the sandbox, the real
provider in it, and a real Kubernetes API server as a cluster of the sandbox's EKS."""

import os
import pathlib
import subprocess
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
for folder in ("support", "cluster"):
    sys.path.insert(0, str(TESTS / folder))
import sandbox_process  # noqa: E402
from cluster_fixtures import cluster  # noqa: E402,F401  (a fixture)
from world import APHEX, CDK, PACKAGE, Pipeline, World  # noqa: E402

CFN_LINT = pathlib.Path(sys.executable).parent / "cfn-lint"


@pytest.fixture(scope="session", autouse=True)
def no_aws_configuration(tmp_path_factory):
    """Nothing of the person who runs the tests, who may be signed in somewhere."""
    empty = tmp_path_factory.mktemp("aws") / "empty"
    empty.touch()
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(empty)
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


def check_templates(directory):
    """cfn-lint on every template that the session made: no error, no warning."""
    templates = sorted(directory.glob("*.json"))
    assert templates, "no template was synthesized"
    done = subprocess.run([CFN_LINT, *templates], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


@pytest.fixture(scope="session")
def world(cluster, tmp_path_factory):  # noqa: F811
    for path, what in ((APHEX, "build it, or set APHEX_BIN"), (CDK, "run scripts/setup"),
                       (PACKAGE, "build aphex_provider_zip, or set APHEX_PROVIDER_ZIP")):
        if not path.exists():
            pytest.fail(f"{path} is missing: {what}")
    sandbox = sandbox_process.start(tmp_path_factory.mktemp("sandbox") / "state")
    made = World(sandbox, cluster, tmp_path_factory.mktemp("home"),
                 tmp_path_factory.mktemp("templates"))
    try:
        made.prepare()
        made.bootstrap()
        yield made
    finally:
        sandbox.stop()
        sandbox.process.stderr.close()
    check_templates(made.templates)


@pytest.fixture
def pipeline(world, tmp_path):
    """Makes pipelines of a test's own, in namespaces of their own."""
    def make(name, **options):
        folder = tmp_path / f"{name}-{options.get('region', 'home')}"
        return Pipeline(world, folder, name, **options)

    return make
