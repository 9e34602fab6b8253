"""The two receivers of webhooks that are compared, each a process of its own."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time

import peer_programs
from measure import PLACES
from server_load import BRANCH, REPOSITORY, SECRET

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from program import processes_with, wait_until  # noqa: E402


def git(repository, *arguments):
    done = subprocess.run(["git", "-C", str(repository), "-c", "user.name=Bench",
                           "-c", "user.email=bench@example.com", *arguments],
                          check=True, capture_output=True, text=True)
    return done.stdout.strip()


def make_repository(directory):
    """What a push clones; its run ends at the check of tools, because it has no CDK."""
    directory.mkdir()
    git(directory, "init", "-q", "-b", BRANCH)
    (directory / "app.ts").write_text("export {};\n")
    (directory / "aphex-config.yaml").write_text("""version: "1.0"
build:
  commands: ["true"]
environments:
  - name: dev
    region: us-east-1
    account: "111122223333"
    stacks:
      - name: Api
        path: app.ts
""")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "First")
    return git(directory, "rev-parse", "HEAD")


def status_of(process):
    """Sizes in bytes of a living process: VmHWM, VmRSS, …"""
    text = pathlib.Path(f"/proc/{process}/status").read_text()
    return {name: int(number) * 1024 for name, number in re.findall(r"^(\w+):\s+(\d+) kB$", text,
                                                                   re.MULTILINE)}


def descriptors_of(process):
    return len(os.listdir(f"/proc/{process}/fd"))


def cpu_seconds_of(process):
    """Of the process and of nobody that it started."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Receiver:
    """Ends with the block."""

    process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_exception):
        self.stop()

    def shown(self):
        """How it was started."""
        return PLACES.shown(self.argv).replace(f"-port {self.port}", "-port $PORT")

    def memory_peak(self):
        return status_of(self.process.pid)["VmHWM"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.name} does not end at SIGTERM") from None


class Aphex(Receiver):
    name = "aphex serve"

    def __init__(self, program, work, pipelines, **more):
        self.argv = [program, "serve"]
        self.state = work / "state"
        self.directory = work / "server"
        self.directory.mkdir()
        home = work / "home"
        home.mkdir()
        (self.directory / "secret").write_text(SECRET)
        (self.directory / "aphex-server.yaml").write_text(json.dumps(
            {"version": "1.0", "listen": "127.0.0.1:0",
             "pipelines": [{"webhookSecretFiles": ["secret"]} | each for each in pipelines]}
            | more))
        # A run finds no credentials and does not look for them in the network.
        self.environment = {name: value for name, value in os.environ.items()
                            if not name.startswith(("AWS_", "APHEX_", "CDK_", "GIT_"))}
        self.environment |= {"HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true",
                             "APHEX_STATE_DIR": str(self.state), "NO_COLOR": "1"}
        self.port = None

    def start(self):
        with open(self.directory / "log", "ab") as log:
            self.process = subprocess.Popen(self.argv, cwd=self.directory,
                                            env=self.environment, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        if not found:
            raise RuntimeError("aphex serve: " + (self.directory / "log").read_text()[-2000:])
        self.port = int(found[1])

    @property
    def address(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self):
        return self.address + "/webhooks/github"

    def stop(self):
        super().stop()
        # Runs outlive a server.
        wait_until(lambda: not processes_with(str(self.state)), "the last run ends", 60)

    def request(self, path, method="GET", body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def query(self, sql, *parameters):
        database = sqlite3.connect(f"file:{self.state / 'aphex.db'}?mode=ro", uri=True)
        try:
            return database.execute(sql, parameters).fetchall()
        finally:
            database.close()


class Webhook(Receiver):
    """github.com/adnanh/webhook: checks the signature, answers, and starts a command."""

    name = "adnanh/webhook"

    def __init__(self, work):
        self.peer = peer_programs.debian("webhook", "-version")
        self.version = self.peer.version
        self.hooks = work / "hooks.json"
        header = {"source": "header"}
        self.hooks.write_text(json.dumps([{
            "id": "github", "execute-command": shutil.which("true"), "http-methods": ["POST"],
            "trigger-rule": {"and": [
                {"match": {"type": "payload-hmac-sha256", "secret": SECRET,
                           "parameter": header | {"name": "X-Hub-Signature-256"}}},
                {"match": {"type": "value", "value": "push",
                           "parameter": header | {"name": "X-GitHub-Event"}}},
                {"match": {"type": "value", "value": REPOSITORY,
                           "parameter": {"source": "payload", "name": "repository.full_name"}}},
                {"match": {"type": "value", "value": f"refs/heads/{BRANCH}",
                           "parameter": {"source": "payload", "name": "ref"}}}]}}]))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.argv = [self.peer.path, "-hooks", str(self.hooks), "-ip", "127.0.0.1", "-port",
                     str(self.port)]

    def start(self):
        self.process = subprocess.Popen(
            self.argv, env=self.peer.environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers():
            with socket.socket() as connection:
                return connection.connect_ex(("127.0.0.1", self.port)) == 0

        end = time.monotonic() + 20
        while not answers():
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"{self.peer.path} does not listen")
            time.sleep(0.05)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hooks/github"
