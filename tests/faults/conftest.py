"""Stages as pods, as tests/stage has them, with a fault between them and what they talk to."""

import neighbours
import pytest
from world import World

aws, base, cluster = neighbours.stage.aws, neighbours.stage.base, neighbours.stage.cluster
generator, sandbox = neighbours.stage.generator, neighbours.stage.sandbox
surroundings = neighbours.stage.surroundings


@pytest.fixture(scope="session")
def world(tmp_path_factory, generator, sandbox, surroundings):
    made = World(tmp_path_factory.mktemp("faults"), generator, {**surroundings, **sandbox})
    yield made
    made.close()
