"""Fixtures of every folder that runs the program against the sandbox."""

import os
import shutil
import subprocess

import pytest

from application import STAGING, Application, environment
from program import BINARY, REPO, Program, planted, processes_with, wait_until

# A person's own settings must not change what is tested.
FOREIGN = ("AWS_", "CDK", "GIT_", "APHEX_", "NODE_", "npm_", "XDG_")


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    """Everything that the session writes; afterwards nobody lives there any more."""
    directory = tmp_path_factory.getbasetemp()
    yield directory
    left = processes_with(str(directory))
    assert not left, f"processes outlived the session: {left}"


@pytest.fixture(scope="session")
def surroundings(base, tmp_path_factory):
    """A clean environment: PATH and what the tests themselves say."""
    if not BINARY.exists():
        pytest.fail(f"there is no {BINARY}: build it, or name one in APHEX_BIN")
    home = tmp_path_factory.mktemp("home")
    temporary = tmp_path_factory.mktemp("tmp")
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada\n\temail = ada@example.com\n"
        "[protocol \"file\"]\n\tallow = always\n[safe]\n\tdirectory = *\n", encoding="utf-8")
    variables = {name: value for name, value in os.environ.items()
                 if not name.startswith(FOREIGN)}
    variables |= {"HOME": str(home), "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
                  "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_DATE": "2026-01-31T08:15:30Z",
                  "GIT_COMMITTER_DATE": "2026-01-31T08:15:30Z", "TMPDIR": str(temporary),
                  "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
                  "APHEX_SANDBOX_PYTHON": str(REPO / ".venv/bin/python")}
    yield variables
    assert not (home / ".local").exists(), "a test wrote to its home instead of its state directory"
    # Others leave their caches there (tsx, node); what is ours is named so.
    left = list(temporary.glob("*aphex*"))
    assert not left, f"temporary files were left behind: {left}"


@pytest.fixture(scope="session")
def sandbox(base, surroundings, tmp_path_factory):
    """One local AWS for all, with two accounts ready; the variables that lead there."""
    directory = tmp_path_factory.mktemp("shared")
    repository = Application(directory / "accounts", surroundings)
    # Its CDK is the fake one, which cannot bootstrap.
    shutil.rmtree(repository.directory / "node_modules")
    repository.configure(environment("dev"), environment("staging", where=STAGING))
    program = Program(directory / "state", surroundings)
    started = program.run("sandbox", "start", cwd=repository.directory)
    assert started.code == 0, started.err
    exported = program.run("sandbox", "env", cwd="/")
    assert exported.code == 0, exported.err
    script = exported.out + 'env -0 | grep -z "^AWS_"\n'
    shown = subprocess.run(["bash", "-c", script], env=surroundings, capture_output=True,
                           text=True, check=True).stdout
    variables = dict(each.split("=", 1) for each in shown.split("\0") if each)
    yield planted.keys_of(variables)
    stopped = program.run("sandbox", "stop", cwd="/")
    assert stopped.out.startswith("sandbox stopped"), stopped
    wait_until(lambda: not processes_with(str(directory)), "the sandbox ends")


def await_end(text, seconds=20):
    """Who still mentions the text when the time is up."""
    try:
        wait_until(lambda: not processes_with(text), "its processes end", seconds)
        return {}
    except AssertionError:
        return processes_with(text)
