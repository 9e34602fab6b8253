"""What the end-to-end tests stand on: the program, one local AWS for all, applications.

Nothing of the person who runs them is used (home, git configuration, AWS variables), everything
that is written lies in pytest's temporary directory, and no process outlives its test.
"""

import os
import signal

import pytest

from application import Application
from example import Example
from program import Program, processes_with, remove, wait_until
from shared_fixtures import await_end, base, sandbox, surroundings  # noqa: F401  (fixtures)


@pytest.fixture
def application(tmp_path, surroundings):
    return Application(tmp_path / "app", surroundings)


@pytest.fixture
def aphex(tmp_path, surroundings, sandbox, application):
    """The program with an empty state directory; AWS is the shared sandbox."""
    program = Program(tmp_path / "state", {**surroundings, **sandbox,
                                           "FAKE_CDK": str(application.control)})
    yield program
    left = await_end(str(tmp_path))
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert not left, f"processes outlived the test: {left}"
    remove(program.state)


@pytest.fixture(scope="session")
def workshop(base, surroundings, tmp_path_factory):
    """One state directory for all real pipelines: they share the sandbox and the dependencies.

    npm keeps its user's registry and cache: downloading the same packages again proves nothing.
    """
    directory = tmp_path_factory.mktemp("workshop")
    home = os.path.expanduser("~")
    npm = {"npm_config_cache": f"{home}/.npm", "npm_config_userconfig": f"{home}/.npmrc",
           "npm_config_update_notifier": "false", "npm_config_loglevel": "error"}
    program = Program(directory / "state", {**surroundings, **npm})
    yield program
    program.run("sandbox", "stop", cwd="/")
    wait_until(lambda: not processes_with(str(directory)), "the sandbox ends", 20)
    remove(directory)


@pytest.fixture
def example(tmp_path, workshop):
    yield Example(tmp_path / "archon-agent", workshop.environment)
    remove(tmp_path)
