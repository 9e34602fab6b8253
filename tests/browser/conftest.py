"""A server with something to show, and the system's Chromium that looks at it.

Every page that a test opens is watched: what the console complains of, what the content security
policy forbids, and what does not load fails the test.
"""

import fcntl
import os
import pathlib
import re
import shutil
import signal
import sys

import pytest
from playwright.sync_api import sync_playwright

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "support")]
import scenes  # noqa: E402
from program import Program, finish  # noqa: E402

AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = {"desktop": 1280, "phone": 360}
# WCAG 2.2 AA, and what axe calls best practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium():
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "these tests need the system's chromium: scripts/setup installs it"
    return found


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        # Root has no sandbox of Chromium's own; the pages are ours.
        started = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield started
        started.close()


class Serving:
    def __init__(self, state, directory):
        self.program = Program(state, dict(os.environ))
        self.process = self.program.start("serve", cwd=directory)
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line + self.process.stderr.read()
        self.address = found.group()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return finish(self.process, 30)


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    """Shared by all tests that only look."""
    root = tmp_path_factory.mktemp("scene")
    made = scenes.Scene(root / "state")
    scenes.configure(root / "server")
    made.root = root
    return made


def running_locks(scene):
    """What the processes of the runs that seem to run would hold."""
    locks = [scene.state / "runs" / str(run) / "owner.lock"
             for run in (scene.asking, scene.running)]
    running = [row[0] for row in scene.database.execute(
        "SELECT number FROM queue WHERE state = 'running'")]
    return locks + [scene.state / "server" / "queue" / f"{number}.lock" for number in running]


@pytest.fixture(scope="session")
def held(scene):
    """These locks: so the server leaves its runs alone."""
    files = []
    for lock in running_locks(scene):
        lock.parent.mkdir(parents=True, exist_ok=True)
        files.append(open(lock, "w", encoding="utf-8"))
        fcntl.flock(files[-1], fcntl.LOCK_EX)
    yield
    for file in files:
        file.close()


@pytest.fixture(scope="session")
def serving(scene, held):
    server = Serving(scene.state, scene.root / "server")
    yield server
    server.stop()


class Look:
    """A browser's page, and everything that went wrong in it."""

    def __init__(self, browser, address, *, width=1280, scheme="light", javascript=True,
                 motion="no-preference"):
        self.address = address
        self.problems = []
        self.expected = []  # parts of complaints that a test provokes
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme,
            java_script_enabled=javascript, reduced_motion=motion)
        self.page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("requestfailed", self._request_failed)

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text}")

    def _request_failed(self, request):
        # Leaving a page ends its event stream.
        if "/events" not in request.url and "ERR_ABORTED" not in (request.failure or ""):
            self.problems.append(f"{request.url}: {request.failure}")

    def open(self, path):
        response = self.page.goto(self.address + path, wait_until="load")
        return response

    def axe(self):
        """Violations, each with the elements that have it."""
        self.page.evaluate(AXE.read_text())
        found = self.page.evaluate(
            "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)
        return [f"{each['id']}: {each['help']} ({node['target']}: {node['failureSummary']})"
                for each in found["violations"] for node in each["nodes"]]

    def overflow(self):
        """How much wider than the window the page is."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def close(self):
        self.context.close()
        left = [problem for problem in self.problems
                if not any(part in problem for part in self.expected)]
        assert not left, "\n".join(left)


@pytest.fixture
def look(browser, serving):
    """Makes looks at the shared server; what they found wrong fails the test at its end."""
    made = []

    def make(**more):
        made.append(Look(browser, serving.address, **more))
        return made[-1]
    yield make
    for each in made:
        each.close()
