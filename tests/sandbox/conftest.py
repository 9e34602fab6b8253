"""A sandbox of our own for the tests: one process for the session, reset where a test asks."""

import os
import shutil
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in ("support", "cluster"):
    sys.path.insert(0, str(TESTS / folder))
from cluster_fixtures import cluster  # noqa: E402,F401  (a fixture)
from sandbox_process import (  # noqa: E402,F401
    PIPELINE,
    REGION,
    REPO,
    SANDBOX,
    SESSION,
    TARGET,
    Sandbox,
    start,
)


@pytest.fixture(scope="session", autouse=True)
def no_aws_configuration(tmp_path_factory):
    empty = tmp_path_factory.mktemp("aws") / "empty"
    empty.touch()
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(empty)
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    sandbox = start(tmp_path_factory.mktemp("sandbox") / "state")
    yield sandbox
    if sandbox.process.poll() is None:
        sandbox.stop()
    sandbox.process.stderr.close()


@pytest.fixture
def sandbox(shared):
    """The shared sandbox, emptied."""
    status, _ = shared.call("POST", "/_aphex/reset")
    assert status == 200
    return shared


@pytest.fixture
def own(tmp_path):
    """Starts sandboxes of the test's own, and ends them."""
    started: list[Sandbox] = []

    def begin(*extra: str, state_dir: Path | None = None) -> Sandbox:
        sandbox = start(state_dir or tmp_path / "state", *extra)
        started.append(sandbox)
        return sandbox

    yield begin
    for sandbox in started:
        if sandbox.process.poll() is None:
            sandbox.process.kill()
            sandbox.process.wait()
        sandbox.process.stderr.close()


@pytest.fixture(scope="session")
def cdk_program():
    given = os.environ.get("APHEX_CDK")
    program = Path(given) if given else REPO / "node_modules" / ".bin" / "cdk"
    if not program.exists() or shutil.which("node") is None:
        pytest.fail(f"the CDK CLI is missing at {program}; run scripts/setup or set APHEX_CDK")
    return program
