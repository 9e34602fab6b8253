"""Whole pipelines, as the design lists them: the program, the stock cdk command line, the sandbox
as AWS, a real Kubernetes API server. What the session leaves behind fails it (leftovers.py)."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in ("stage", "e2e", "support", "cluster", "pipeline_deploy"):
    sys.path.insert(0, str(TESTS / folder))
# Both files are called conftest: by its name, only one of them can be had.
_spec = importlib.util.spec_from_file_location(
    "deploy_fixtures", TESTS / "pipeline_deploy" / "conftest.py")
deploy_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(deploy_fixtures)
cluster, world = deploy_fixtures.cluster, deploy_fixtures.world
no_aws_configuration = deploy_fixtures.no_aws_configuration

import kept_logs  # noqa: E402
import leftovers  # noqa: E402
from delivery import Delivery  # noqa: E402
from kept_logs import pytest_runtest_makereport  # noqa: E402,F401  (a hook)


class Temporary:
    """Where every program of the session puts what is temporary."""

    def __init__(self, directory):
        self.directory = directory
        os.environ["TMPDIR"] = str(directory)

    def left(self):
        # Kept by node for its next start; nothing of a test is in it.
        return [each for each in leftovers.of_folders(self.directory)
                if "/node-compile-cache/" not in each and each != f"folder {self.directory}"]


@pytest.fixture(scope="session", autouse=True)
def leaves_nothing_on_this_machine(tmp_path_factory):
    """The first to begin, hence the last to end: after the sandbox and the cluster."""
    base = tmp_path_factory.getbasetemp()
    temporary = Temporary(tmp_path_factory.mktemp("tmp"))
    ports, processes = leftovers.of_ports(), leftovers.of_processes(base)
    yield
    left = leftovers.new(ports, leftovers.of_ports())
    left += leftovers.new(processes, leftovers.of_processes(base))
    left += sorted(temporary.left())
    # A test's own folder goes with the test.
    left += sorted(each for folder in base.glob("test_*") if not folder.is_symlink()
                   for each in leftovers.of_folders(folder) if each != f"folder {folder}")
    assert left == [], "the session left these behind:\n" + "\n".join(left)


def everything(world):
    return leftovers.in_aws(world.sandbox) | leftovers.in_cluster(world.cluster)


@pytest.fixture(scope="session")
def clean_world(world):
    """Two places that must be after the last test as they were before the first."""
    before = everything(world)
    yield world
    after = everything(world)
    left, gone = leftovers.new(before, after), leftovers.new(after, before)
    assert left == [], "the session left these behind:\n" + "\n".join(left)
    assert gone == [], "the session removed what is not its own:\n" + "\n".join(gone)


@pytest.fixture
def delivery(clean_world, tmp_path, request):
    """Makes pipelines with an application each; all of them goes again, however the test ends. Of
    one that failed the logs of its pods are kept."""
    made = []
    place = kept_logs.place_of(request.node.name)

    def make(name, **settings):
        made.append(Delivery(clean_world, tmp_path / name, name, **settings))
        return made[-1]

    yield make
    for each in reversed(made):
        if kept_logs.has_failed(request.node):
            kept_logs.keep(each.directory, place / each.name)
        each.clean()
