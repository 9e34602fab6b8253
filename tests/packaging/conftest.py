"""The package, packed of what was built."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("APHEX_BUILD_DIR", ROOT / "build/release"))
sys.path.insert(0, str(ROOT / "tests/support"))


def run(*argv, **options):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True,
                          timeout=600, check=False, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    where = tmp_path_factory.mktemp("package")
    run("cpack", "-G", "DEB", "-B", where, "--config", BUILD / "CPackConfig.cmake", cwd=BUILD)
    packages = list(where.glob("*.deb"))
    assert len(packages) == 1, packages
    yield packages[0]
    shutil.rmtree(where)


@pytest.fixture(scope="session")
def unpacked(package, tmp_path_factory):
    """What the package would put below /."""
    where = tmp_path_factory.mktemp("unpacked")
    run("dpkg-deb", "--extract", package, where)
    yield where
    shutil.rmtree(where)
