"""The server's fixtures (tests/server), for tests of what must not be found or must not work."""

import importlib.util
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for folder in ("server", "e2e", "support"):
    sys.path.insert(0, str(TESTS / folder))
# Both files are called conftest: by its name, only one of them can be had.
_spec = importlib.util.spec_from_file_location("server_fixtures", TESTS / "server" / "conftest.py")
server_fixtures = importlib.util.module_from_spec(_spec)
sys.modules["server_fixtures"] = server_fixtures
_spec.loader.exec_module(server_fixtures)
base, sandbox = server_fixtures.base, server_fixtures.sandbox
surroundings, application = server_fixtures.surroundings, server_fixtures.application
server = server_fixtures.server
