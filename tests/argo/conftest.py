"""The generator, and a real API server with Argo's definitions."""

import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
for folder in ("support", "cluster"):
    sys.path.insert(0, str(TESTS / folder))
from argo_generator import Generator  # noqa: E402
from cluster_fixtures import cluster  # noqa: E402,F401  (a fixture)


@pytest.fixture(scope="session")
def generate():
    generator = Generator()
    yield generator
    generator.close()
