"""tests/cluster/build, with a Go that compiles nothing: once, whole, or not at all."""

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

BUILD = Path(__file__).resolve().parent / "build"
FAKE_GO = """#!/usr/bin/env bash
if [[ $1 == env ]]; then echo go1.99.0; exit; fi
echo "$$" >>"$LOG"
sleep "$SECONDS_TO_BUILD" &
trap "kill $!; exit 1" TERM
wait
echo "proxy: connection refused" >&2
[[ $SECONDS_TO_BUILD != 0 ]] || exit 1
while [[ $1 != -o ]]; do shift; done
for package in "${@:3}"; do
  name=${package%/v[0-9]}
  echo "$package" >"$2${name##*/}"
  chmod +x "$2${name##*/}"
done
"""
PROGRAMS = ["etcd", "kube-apiserver", "kubectl"]
NODE_PROGRAMS = ["kube-controller-manager", "kube-proxy", "kube-scheduler", "kubelet"]


class Machine:
    """A cache directory of its own and a Go that takes so many seconds; with 0 it fails."""

    def __init__(self, directory):
        self.directory = directory
        self.log = directory / "log"
        go = directory / "bin" / "go"
        go.parent.mkdir()
        go.write_text(FAKE_GO)
        go.chmod(0o755)

    def environment(self, seconds):
        return {"PATH": f"{self.directory}/bin:/usr/bin:/bin", "HOME": "/nowhere",
                "XDG_CACHE_HOME": str(self.directory / "cache"), "LOG": str(self.log),
                "SECONDS_TO_BUILD": str(seconds)}

    def start(self, *arguments, seconds=0.2):
        return subprocess.Popen([BUILD, *arguments], env=self.environment(seconds), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments, seconds=0.2):
        process = self.start(*arguments, seconds=seconds)
        out, error = process.communicate(timeout=20)
        return process.returncode, out, error

    def compilers(self):
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_build_leaves_the_programs_and_nothing_else(machine):
    assert machine.run()[0] == 0
    code, out, _ = machine.run("--print")
    assert code == 0
    made = Path(out.strip())
    assert sorted(path.name for path in made.iterdir()) == PROGRAMS
    kept = sorted(path.name for path in (machine.directory / "cache/aphex/kubernetes").iterdir())
    assert kept == sorted([made.parent.name, "lock"])


def test_a_node_is_built_beside_it_and_only_where_that_is_asked_for(machine):
    assert machine.run()[0] == 0
    assert machine.run("node", "--print") == (
        1, "", "cluster: error: there is no Kubernetes node for tests\n"
        "cluster: hint: tests/cluster/build node\n")
    assert machine.run("node")[0] == 0
    places = [Path(machine.run(*words)[1].strip()) for words in (["--print"], ["node", "--print"])]
    assert [sorted(path.name for path in place.iterdir()) for place in places] == [
        PROGRAMS, NODE_PROGRAMS]
    assert len(machine.compilers()) == 2


def test_both_are_of_one_version_of_kubernetes():
    pinned = [re.search(r"^\tk8s.io/kubernetes (v\S+)$", file.read_text(), re.MULTILINE).group(1)
              for file in (BUILD.parent / "programs/go.mod", BUILD.parent / "node/programs/go.mod")]
    assert pinned[0] == pinned[1]


def test_a_second_build_has_nothing_to_do(machine):
    machine.run()
    assert machine.run() == (0, "", "cluster: the Kubernetes API server for tests is up to date\n")
    assert len(machine.compilers()) == 1


def test_of_two_at_once_one_builds_and_the_other_waits(machine):
    both = [machine.start(seconds=1) for _ in range(2)]
    said = [process.communicate(timeout=20)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert len(machine.compilers()) == 1
    assert sum("another build of them runs: waiting for it" in text for text in said) == 1


def test_a_failed_build_says_what_go_said_and_leaves_nothing_that_looks_done(machine):
    code, _, error = machine.run(seconds=0)
    assert code == 1
    work = machine.directory / "cache/aphex/kubernetes/building"
    assert error.endswith(
        "proxy: connection refused\n"
        f"cluster: error: the programs could not be built; all that Go said is in {work}/log\n"
        f"cluster: hint: what is built already stays in {work}; the next try goes on from there\n")
    assert machine.run("--print")[0] == 1
    assert machine.run()[0] == 0


def test_a_build_that_is_stopped_stops_go(machine):
    process = machine.start(seconds=30)
    end = time.monotonic() + 10
    while not machine.compilers():
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    compiler = int(machine.compilers()[0])
    while Path(f"/proc/{compiler}").exists():
        assert time.monotonic() < end, "Go runs on"
        time.sleep(0.02)
    assert machine.run("--print")[0] == 1


def test_a_missing_build_is_said_with_its_remedy(machine):
    assert machine.run("--print") == (
        1, "", "cluster: error: there is no Kubernetes API server for tests\n"
        "cluster: hint: scripts/setup --only cluster\n")


def test_an_option_that_is_not_there_shows_the_usage(machine):
    code, _, error = machine.run("--help")
    assert code == 2
    assert "tests/cluster/build --print" in error
