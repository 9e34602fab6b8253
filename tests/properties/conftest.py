"""The built program, for tests of its properties.

APHEX_BIN names it; without it, the release build's is taken.
"""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "support"))
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
def generate():
    """From configuration and settings to the Kubernetes objects of the pipeline."""
    from argo_generator import Generator

    generator = Generator()
    yield generator
    generator.close()
