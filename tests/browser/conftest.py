"""Servers with something to show, and the system's Chromium that looks at them.

Every page that a test opens is watched: what the console complains of, what the content security
policy forbids, and what does not load fails the test. What it had an answer of is remembered for
test_routes.py.
"""

import fcntl
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import sys
import urllib.parse

import pytest
from playwright.sync_api import sync_playwright

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e"), str(HERE.parent / "support")]
import scenes  # noqa: E402
from program import Program, finish  # noqa: E402
from routes import Seen  # noqa: E402

SPEC = importlib.util.spec_from_file_location(
    "server_conftest", HERE.parent / "server" / "conftest.py")
server_conftest = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(server_conftest)
# Its fixtures, under the names that pytest looks for. They are one set for all files here: in
# each file that imported them, pytest would see another local AWS.
application, server = server_conftest.application, server_conftest.server
base, sandbox, surroundings = (server_conftest.base, server_conftest.sandbox,
                               server_conftest.surroundings)

AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = {"desktop": 1280, "phone": 360}
# Who comes: the width of the window, and whether there is JavaScript.
VISITORS = {"desktop": (1280, True), "phone": (360, True),
            "desktop without JavaScript": (1280, False), "phone without JavaScript": (360, False)}
SEEN = Seen()
# WCAG 2.2 AA, and what axe calls best practice.
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium():
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "these tests need the system's chromium: scripts/setup installs it"
    return found


def pytest_collection_modifyitems(config, items):
    """What is judged by all the others comes last, and only where all the others come."""
    judges = [item for item in items if "last" in item.keywords]
    others = [item for item in items if item not in judges]
    modules = {item.path for item in others if item.path.parent == HERE}
    whole = (modules >= set(HERE.glob("test_*.py")) - {item.path for item in judges}
             and not config.option.keyword and not any("::" in each for each in config.args))
    items[:] = others + (judges if whole else [])
    if not whole:
        config.hook.pytest_deselected(items=judges)


def pytest_configure(config):
    config.addinivalue_line("markers", "last: after all others, and only with all others")


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
                 motion="no-preference", session=None):
        self.address = address
        self.visitor, = [name for name, kind in VISITORS.items() if kind == (width, javascript)]
        self.problems = []
        self.expected = []  # parts of complaints that a test provokes
        self.context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme,
            java_script_enabled=javascript, reduced_motion=motion, storage_state=session)
        self.context.on("response", self._answered)
        self.page = self.context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))
        self.page.on("requestfailed", self._request_failed)

    def _answered(self, response):
        if response.url.startswith(self.address):
            SEEN.add(self.visitor, response.request.method,
                     urllib.parse.urlsplit(response.url).path, response.status)

    def _console(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(f"console: {message.text}")

    def _request_failed(self, request):
        # Leaving a page ends its event stream.
        if "/events" not in request.url and "ERR_ABORTED" not in (request.failure or ""):
            self.problems.append(f"{request.url}: {request.failure}")

    def open(self, path):
        response = self.page.goto(self.address + path, wait_until="load")
        # Of /favicon.ico the context tells nothing.
        self._answered(response)
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

    def log_in(self, token):
        self.page.get_by_label("Token").fill(token)
        self.press("Log in")

    def press(self, name):
        """The button of this name, and the page that comes then."""
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()

    def download(self, link):
        """What a link saves."""
        with self.page.expect_download() as waited:
            link.click()
        SEEN.add(self.visitor, "GET", urllib.parse.urlsplit(waited.value.url).path, 200)
        return pathlib.Path(waited.value.path()).read_bytes()

    def close(self):
        self.context.close()
        left = [problem for problem in self.problems
                if not any(part in problem for part in self.expected)]
        assert not left, "\n".join(left)


class Guarded:
    """A server that asks for tokens, and has run nothing."""

    def __init__(self, browser, root):
        scenes.configure(root / "server")
        program = Program(root / "state", dict(os.environ))
        self.tokens = {}
        for name, role in (("root", "admin"), ("viewer", "read")):
            made = program.run("token", "create", name, "--role", role, cwd=root / "server")
            assert made.code == 0, made.err
            self.tokens[name] = made.out.strip()
        self.serving = Serving(root / "state", root / "server")
        self.address = self.serving.address
        self.sessions = {"nobody": None}
        for name, token in self.tokens.items():
            look = Look(browser, self.address)
            look.open("/login")
            look.log_in(token)
            self.sessions[name] = look.context.storage_state()
            look.close()


@pytest.fixture(scope="session")
def guarded(browser, tmp_path_factory):
    made = Guarded(browser, tmp_path_factory.mktemp("guarded"))
    yield made
    made.serving.stop()


@pytest.fixture
def look(browser, serving, guarded):
    """Makes looks at the shared servers; what they found wrong fails the test at its end."""
    made = []

    def make(guest="", **more):
        made.append(Look(browser, guarded.address, session=guarded.sessions[guest], **more)
                    if guest else Look(browser, serving.address, **more))
        return made[-1]
    yield make
    for each in made:
        each.close()


@pytest.fixture
def come(browser, server):
    """Makes a look at the server, of a visitor; what it found wrong fails the test at its end."""
    looks = []

    def make(visitor, session=None):
        width, javascript = VISITORS[visitor]
        looks.append(Look(browser, f"http://127.0.0.1:{server.port}", javascript=javascript,
                          width=width, session=session))
        return looks[-1]
    yield make
    for look in looks:
        look.close()
