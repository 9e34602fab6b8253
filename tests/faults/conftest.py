"""Stages as pods, as tests/stage has them, with a fault between them and what they talk to."""

import importlib.util
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
for folder in ("stage", "e2e", "support", "cluster"):
    sys.path.insert(0, str(TESTS / folder))
# Both files are called conftest: by its name, only one of them can be had.
_spec = importlib.util.spec_from_file_location("stage_fixtures", TESTS / "stage" / "conftest.py")
stage_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stage_fixtures)
aws, base, cluster = stage_fixtures.aws, stage_fixtures.base, stage_fixtures.cluster
generator, sandbox = stage_fixtures.generator, stage_fixtures.sandbox
surroundings = stage_fixtures.surroundings

from world import World  # noqa: E402


@pytest.fixture(scope="session")
def world(tmp_path_factory, generator, sandbox, surroundings, aws, cluster):
    made = World(tmp_path_factory.mktemp("faults"), stage_fixtures, generator,
                 {**surroundings, **sandbox}, aws, cluster)
    yield made
    made.close()
