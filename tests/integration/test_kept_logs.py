"""What the pods of a test said is there after it where the test failed, and only there."""

import shutil
import subprocess
import sys
import types
from pathlib import Path

import kept_logs
import pytest

CONFTEST = f"""
import sys
sys.path.insert(0, {str(Path(kept_logs.__file__).parent)!r})
import kept_logs, pytest
from kept_logs import pytest_runtest_makereport

@pytest.fixture(autouse=True)
def tells(request):
    yield
    print("TOLD", request.node.name, kept_logs.has_failed(request.node))
"""
TESTS = """
import pytest

@pytest.fixture
def broken():
    raise OSError

def test_good(): pass
def test_bad(): assert False
def test_not_begun(broken): pass
"""


@pytest.fixture
def folder(tmp_path):
    """The session looks for what a test leaves."""
    made = tmp_path / "folder"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def test_a_cleanup_knows_whether_its_test_failed(folder):
    (folder / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    (folder / "test_of_it.py").write_text(TESTS, encoding="utf-8")
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-s", "-q", "-p", "no:cacheprovider", "--rootdir", folder,
         folder], cwd=folder, capture_output=True, text=True, check=False).stdout
    told = [line.partition("TOLD ")[2] for line in said.splitlines() if "TOLD " in line]
    assert told == ["test_good False", "test_bad True", "test_not_begun True"], said


def test_the_logs_of_stages_and_steps_are_copied_and_nothing_else(folder, monkeypatch):
    monkeypatch.setattr(kept_logs, "PLACE", folder / "kept")
    volume = folder / "pods" / "run-1" / "2-build"
    for path in ("work/state/logs/build.1/01-npm.log", "work/source/npm-debug.log", "work/db"):
        (volume / path).parent.mkdir(parents=True, exist_ok=True)
        (volume / path).write_text(path, encoding="utf-8")
    (folder / "pods" / "kubeconfig").touch()
    kept_logs.write(types.SimpleNamespace(volume=volume, out="said\n", err="error: no\n"))
    (folder / "kept" / "test_a-one-").mkdir(parents=True)
    (folder / "kept" / "test_a-one-" / "of-yesterday").touch()

    place = kept_logs.place_of("test_a[one]")
    kept_logs.keep(folder / "pods", place)
    found = {str(each.relative_to(place)): each.read_text(encoding="utf-8")
             for each in place.rglob("*") if each.is_file()}
    assert found == {"run-1/2-build/stage.log": "said\nerror: no\n",
                     "run-1/2-build/work/state/logs/build.1/01-npm.log":
                         "work/state/logs/build.1/01-npm.log"}
