"""scripts/demo on a small application: a signed push, its run, and the page that shows it."""

import os
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest

from application import Application
from program import BINARY, processes_with, wait_until

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path, surroundings):
    """A source tree with the demo and an example that deploys in a moment."""
    root = tmp_path / "tree"
    (root / "scripts").mkdir(parents=True)
    (root / "examples").mkdir()
    shutil.copy(ROOT / "scripts/demo", root / "scripts/demo")
    example = Application(root / "examples/archon-agent", surroundings)
    example.configure(build=["echo built it"])
    # The fake CDK cannot bootstrap the local AWS; the stock one can.
    cdk = example.directory / "node_modules/.bin/cdk"
    cdk.rename(cdk.with_name("fake-cdk"))
    stock = ROOT / "node_modules/.bin/cdk"
    cdk.write_text(f'#!/bin/sh\n[ "$1" = bootstrap ] && exec {stock} "$@"\n'
                   'exec "$(dirname "$0")/fake-cdk" "$@"\n')
    cdk.chmod(0o755)
    shutil.rmtree(example.directory / ".git")
    subprocess.run(["git", "init", "-q", root], env=surroundings, check=True)
    yield root
    demo(root, surroundings, example.control, "--stop")
    wait_until(lambda: not processes_with(str(tmp_path)), "server and sandbox end")


def demo(root, surroundings, control, *arguments):
    return subprocess.run(
        [root / "scripts/demo", *arguments], capture_output=True, text=True, timeout=120,
        check=False, env=surroundings | {"APHEX_BIN": str(BINARY), "FAKE_CDK": str(control)})


def test_it_ends_with_the_page_of_the_run_that_its_push_started(tree, surroundings):
    control = tree / "examples/archon-agent-cdk"
    done = demo(tree, surroundings, control)
    assert done.returncode == 0, done.stderr
    assert "the webhook took the signed push of " in done.stderr
    assert "│ built it" in done.stderr and "run 1 succeeded" in done.stderr
    address = re.search(r"the run's page: (http://127\.0\.0\.1:\d+/runs/1)\n\Z", done.stderr)
    assert address, done.stderr
    with urllib.request.urlopen(address[1], timeout=10) as answer:
        page = answer.read().decode()
    assert "succeeded" in page and "archon-agent" in page

    again = demo(tree, surroundings, control, "--quiet")
    assert again.returncode == 0, again.stderr
    assert "the example has not changed" in again.stderr and "│ built it" not in again.stderr
    # The page that is open in somebody's browser stays good.
    assert again.stderr.endswith(address[1].replace("/runs/1", "/runs/2") + "\n")

    stopped = demo(tree, surroundings, control, "--stop")
    assert stopped.returncode == 0, stopped.stderr
    assert "the server has ended" in stopped.stderr
    assert os.path.exists(tree / ".demo/state/aphex.db")


def test_a_failed_run_is_a_failed_demo_with_a_page(tree, surroundings):
    control = tree / "examples/archon-agent-cdk"
    config = tree / "examples/archon-agent/aphex-config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace("echo built it", "exit 3"),
                      encoding="utf-8")
    done = demo(tree, surroundings, control)
    assert done.returncode == 1, done.stderr
    assert "exit 3" in done.stderr and "the run's page: http" in done.stderr
