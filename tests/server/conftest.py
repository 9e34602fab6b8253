"""A server with an application that it runs, and GitHub's part of the webhook."""

import http.client
import json
import os
import re
import signal
import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
# The browser's tests load this file, too.
sys.path.append(str(Path(__file__).resolve().parent))
import github_examples  # noqa: E402
from application import Application  # noqa: E402
from program import Program, finish, planted, remove, wait_until  # noqa: E402
from shared_fixtures import await_end, base, sandbox, surroundings  # noqa: E402,F401  (fixtures)
from telling import opened, tell, topic  # noqa: E402,F401  (fixtures)

SECRET = planted.secret("webhook secret", planted.WEBHOOK_SECRET)
OLD_SECRET = planted.secret("older webhook secret", "an-older-secret-of-the-same-hook")


def signature(body, secret=SECRET):
    return github_examples.signature(body, secret)


def push_payload(commit, branch="main", repository="acme/app", **changes):
    return {"ref": f"refs/heads/{branch}", "before": "0" * 40, "after": commit, "deleted": False,
            "repository": {"full_name": repository,
                           "clone_url": f"https://github.com/{repository}.git"},
            "head_commit": {"id": commit, "message": "A change",
                            "author": {"name": "Ada", "email": "ada@example.com"}}} | changes


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = dict(response.getheaders())
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)


class Server:
    """`aphex serve` as a process of its own."""

    def __init__(self, directory, program, application):
        self.directory = directory
        self.program = program
        self.application = application
        self.process = None
        self.port = None
        self.pipelines = [{"name": "app", "repository": "acme/app",
                           "url": str(application.directory),
                           "webhookSecretFiles": ["secret", "old-secret"]}]
        directory.mkdir()
        self.file("secret", SECRET + "\n", "webhook secret")
        self.file("old-secret", OLD_SECRET, "older webhook secret")

    def file(self, name, text, *secrets):
        """Beside the configuration; it must hold these secrets."""
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        if secrets:
            planted.holds(path, *secrets)
        return name

    def configure(self, **more):
        text = json.dumps({"version": "1.0", "listen": "127.0.0.1:0",
                           "pipelines": self.pipelines} | more)
        temporary = self.directory / "aphex-server.yaml.new"
        temporary.write_text(text)
        temporary.rename(self.directory / "aphex-server.yaml")

    def start(self, **more):
        self.configure(**more)
        self.process = self.program.start("serve", cwd=self.directory)
        line = self.process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        assert found, line + self.process.stderr.read()
        self.port = int(found[1])
        return self

    def stop(self, how=signal.SIGTERM):
        """Of the server alone: what it has started goes on."""
        if self.process is None:
            return None
        self.process.send_signal(how)
        ended = finish(self.process, 20)
        self.process = None
        return ended

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path):
        return self.request("GET", path)

    def deliver(self, payload, event="push", delivery=None, secret=SECRET, **headers):
        # Two deliveries are never the same bytes, unless a test sends bytes or names its delivery.
        if isinstance(payload, dict) and not delivery:
            payload = payload | {"of_the_test": str(uuid.uuid4())}
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = {"Content-Type": "application/json", "X-GitHub-Event": event,
                "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
                "X-Hub-Signature-256": signature(body, secret)} | headers
        return self.request("POST", "/webhooks/github", body,
                            {name: value for name, value in sent.items() if value is not None})

    def push(self, commit=None, **more):
        return self.deliver(push_payload(commit or self.application.commit()), **more)

    @property
    def queue(self):
        return self.get("/api/v1/queue").json["queue"]

    @property
    def deliveries(self):
        return self.get("/api/v1/deliveries").json["deliveries"]

    def entry(self, commit):
        (found,) = [each for each in self.queue if each["commitSha"] == commit]
        return found

    def await_ended(self, count=1, seconds=180):
        def ended():
            entries = self.queue
            return entries if len(entries) >= count and all(
                each["state"] in ("ended", "superseded") for each in entries) else None
        try:
            return wait_until(ended, f"{count} entries of the queue, and all have ended", seconds)
        except AssertionError as late:
            states = [(each.get("run"), each.get("kind"), each["state"]) for each in self.queue]
            raise AssertionError(f"{late}; they are {states}") from late


@pytest.fixture
def application(tmp_path, surroundings):  # noqa: F811
    made = Application(tmp_path / "app", surroundings)
    made.configure()
    return made


@pytest.fixture
def server(tmp_path, surroundings, sandbox, application):  # noqa: F811
    program = Program(tmp_path / "state", {**surroundings, **sandbox,
                                           "FAKE_CDK": str(application.control)})
    made = Server(tmp_path / "server", program, application)
    yield made
    made.stop()
    left = await_end(str(tmp_path))
    for process in left:
        os.kill(process, signal.SIGKILL)
    assert not left, f"processes outlived the test: {left}"
    remove(program.state)
