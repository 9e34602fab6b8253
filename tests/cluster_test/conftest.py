"""Pipelines on a real cluster: `make cluster-test` (scripts/cluster-test) starts these tests."""

import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in (TESTS / "e2e", TESTS / "support", TESTS / "cluster", Path(__file__).parent):
    sys.path.insert(0, str(folder))
from kube_access import Kubernetes  # noqa: E402
from shared_fixtures import base, sandbox, surroundings  # noqa: E402,F401  (fixtures)
from world import Pipeline, World, say  # noqa: E402

# What scripts/cluster-test says: KUBECONFIG, IMAGE, ADDRESS, ARGO_VERSION, and as DRIVER who takes
# up workflows, "argo" or "test".
PREFIX = "APHEX_CLUSTER_TEST_"
SETTINGS = {name.removeprefix(PREFIX): value for name, value in os.environ.items()
            if name.startswith(PREFIX)}
KUBECONFIG = SETTINGS.get("KUBECONFIG")


def sentence(item):
    return item.name.removeprefix("test_").replace("_", " ")


def pytest_runtest_setup(item):
    if "world" in item.fixturenames:
        if not KUBECONFIG:
            pytest.skip("runs pods on a cluster: make cluster-test")
        print(f"cluster-test: {sentence(item)}", file=sys.__stderr__, flush=True)


def pytest_report_teststatus(report):
    """No dots between the lines of progress."""
    if KUBECONFIG and report.when == "call" and report.passed:
        return "passed", "", ""
    return None


def pytest_runtest_makereport(item, call):
    if KUBECONFIG and call.when == "call" and "world" in item.fixturenames:
        mark = "FAILED" if call.excinfo else "ok"
        say(f"{mark} ({call.duration:.0f} s)")


@pytest.fixture(scope="session")
def world(base, surroundings, sandbox, tmp_path_factory):  # noqa: F811
    directory = tmp_path_factory.mktemp("world")
    kubernetes = Kubernetes(KUBECONFIG)
    say("Argo's definitions and the local AWS are being prepared")
    made = None
    try:
        kubernetes.install_argo_definitions()
        made = World(kubernetes, directory, sandbox, surroundings, SETTINGS)
        yield made
    finally:
        if made:
            made.close()
        kubernetes.close()


@pytest.fixture
def pipelines(world):
    made = []

    def make(label):
        made.append(Pipeline(world, label))
        return made[-1]

    yield make
    for each in made:
        each.close()
