"""The built program, for tests of its properties.

APHEX_BIN names it; without it, the release build's is taken.
"""

import os
import pathlib
import subprocess
import sys

import pytest
from hypothesis import Phase, settings

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
# `scripts/mutation-check` asks only whether a test fails, not for the smallest example.
settings.register_profile("unshrunk", phases=[Phase.explicit, Phase.generate], database=None)
settings.load_profile(os.environ.get("APHEX_HYPOTHESIS_PROFILE", "default"))
# A command of this suite takes milliseconds; the bound is for a hanging one.
TIMEOUT_SECONDS = 60


class Aphex:
    """Runs the program; answers its exit code, output and messages."""

    def __init__(self, path):
        self.path = path

    def run(self, *arguments, cwd=None, input=None):
        return subprocess.run(
            [str(self.path), *map(str, arguments)],
            cwd=cwd,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            env={**os.environ, "NO_COLOR": "1"},
            check=False,
        )


@pytest.fixture(scope="session")
def aphex():
    path = pathlib.Path(os.environ.get("APHEX_BIN", ROOT / "build/release/bin/aphex"))
    if not path.exists():
        pytest.fail(f"{path} is not there: build it, or set APHEX_BIN")
    return Aphex(path)


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """A folder with every stack file that strategies.py refers to."""
    from strategies import STACK_PATHS

    folder = tmp_path_factory.mktemp("repository")
    for path in STACK_PATHS:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("export {};\n")
    (folder / "lib/types.d.ts").write_text("export {};\n")
    (folder / "lib/app.js").write_text("\n")
    return folder


@pytest.fixture(scope="session")
def generate(aphex, repository):
    """From a configuration to the Kubernetes objects of its pipeline, as `aphex` prints them."""
    from objects import objects_of

    return lambda configuration: objects_of(aphex, repository, configuration)


@pytest.fixture(scope="session")
def regenerate():
    """From a configuration and the settings in a template to the objects, by the functions that the
    stage `pipeline` calls: in the program they are reached through a cluster alone."""
    from argo_generator import Generator

    generator = Generator()
    yield generator
    generator.close()
