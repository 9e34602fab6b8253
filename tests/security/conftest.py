"""The fixtures of tests/server, and the module of those of tests/stage: for tests of what must not
be found or must not work."""

import importlib.util
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
for folder in ("stage", "server", "e2e", "support", "cluster"):
    sys.path.insert(0, str(TESTS / folder))


def fixtures_of(suite):
    """All these files are called conftest: by its name, only one of them can be had."""
    name = f"{suite}_fixtures"
    spec = importlib.util.spec_from_file_location(name, TESTS / suite / "conftest.py")
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


server_fixtures = fixtures_of("server")
base, sandbox = server_fixtures.base, server_fixtures.sandbox
surroundings, application = server_fixtures.surroundings, server_fixtures.application
server = server_fixtures.server
opened, tell = server_fixtures.opened, server_fixtures.tell
fixtures_of("stage")

from careless import VARIABLES  # noqa: E402
from planted import PLANTED  # noqa: E402


@pytest.fixture
def search(server, sandbox):
    """The server with secrets in its surroundings, and the search for all that were planted."""
    server.program.environment |= VARIABLES
    return PLANTED.search()
