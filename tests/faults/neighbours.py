"""What other suites have to execute a stage, a server and the provider, by the suite's name: their
files are all called conftest, and by that name only one can be had."""

import importlib.util
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
for _folder in ("stage", "e2e", "support", "cluster"):
    sys.path.insert(0, str(TESTS / _folder))
for _folder in ("server", "provider"):
    sys.path.append(str(TESTS / _folder))


def _fixtures_of(suite):
    spec = importlib.util.spec_from_file_location(f"{suite}_fixtures",
                                                  TESTS / suite / "conftest.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


stage = _fixtures_of("stage")
server = _fixtures_of("server")
