"""scripts/demo-pipeline for somebody who has built aphex a moment ago: it makes what it needs, and
what goes wrong is said in words."""

import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
NOTED = '#!/bin/sh\necho "$(basename "$0") $*" >>"$APHEX_NOTES"\n'


@pytest.fixture
def tree(tmp_path):
    """A source tree whose programs only note that they were called; the last of them fails."""
    for name, text in {"scripts/build": NOTED, "scripts/setup": NOTED,
                       "tests/cluster/build": NOTED + "exit 7\n"}.items():
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    shutil.copy(ROOT / "scripts/demo-pipeline", tmp_path / "tree/scripts/demo-pipeline")
    return tmp_path / "tree"


def demonstrate(tree, **environment):
    variables = {name: value for name, value in os.environ.items()
                 if not name.startswith("APHEX_")}
    done = subprocess.run([tree / "scripts/demo-pipeline"], capture_output=True, text=True,
                          timeout=60, check=False,
                          env=variables | {"APHEX_NOTES": str(tree / "notes")} | environment)
    notes = tree / "notes"
    return done, notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []


def test_it_makes_what_is_missing_and_says_so(tree):
    done, made = demonstrate(tree)
    assert made == ["build release aphex aphex_provider_zip", "setup --only python,node --for run",
                    "build "]
    for line in ("demo: making what is missing", "$ scripts/build release aphex aphex_provider_zip",
                 "$ tests/cluster/build"):
        assert line in done.stderr


def test_it_builds_no_program_where_one_is_named(tree):
    _, made = demonstrate(tree, APHEX_BIN="/bin/true")
    assert made == ["setup --only python,node --for run", "build "]


def test_what_fails_is_said_without_a_traceback(tree):
    done, _ = demonstrate(tree)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.endswith(f"demo: error: '{tree}/tests/cluster/build' ended with 7\n")


def test_a_program_that_is_not_there_is_named(tree):
    done, made = demonstrate(tree, APHEX_BIN="/nowhere/aphex")
    assert (done.returncode, made) == (1, [])
    assert done.stderr.endswith(
        "demo: error: APHEX_BIN names /nowhere/aphex, and there is nothing\n")


def test_building_the_program_builds_what_it_deploys():
    """`make build`, and nothing that `make install` does not install."""
    rules = subprocess.run(["make", "-n", "build", "install"], cwd=ROOT, capture_output=True,
                           text=True, check=True, timeout=60).stdout
    assert "scripts/build release aphex aphex_provider_zip\n" in rules
    assert "scripts/build release aphex_installed\n" in rules
    assert "release all" not in rules


def test_what_is_installed_is_built_without_tests():
    build = pathlib.Path(os.environ.get("APHEX_BUILD_DIR", ROOT / "build/release"))
    commands = subprocess.run(["ninja", "-C", build, "-t", "commands", "aphex_installed"],
                              capture_output=True, text=True, check=True, timeout=60).stdout
    for made in ("pack_provider.py", "libaphex_api.a", "completion fish", "-o bin/aphex "):
        assert made in commands
    for test in ("_test.cpp", "_probe", "bench"):
        assert test not in commands
