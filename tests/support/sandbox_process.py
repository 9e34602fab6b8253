"""The sandbox as a process of a test's own, and clients of what it stands for."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.config import Config

import planted

REPO = Path(__file__).resolve().parents[2]
SANDBOX = REPO / "sandbox"
PIPELINE = "111122223333"
TARGET = "444455556666"
REGION = "us-east-1"
# Half a second; a machine that builds beside takes much longer.
START_SECONDS = 90.0
# One for all: it keeps the services' models, which take longer to read than most tests.
SESSION = boto3.Session()


@dataclass
class Sandbox:
    state_dir: Path
    process: subprocess.Popen
    endpoint: str
    start_seconds: float

    def call(self, method: str, path: str, body: object = None, headers: dict | None = None):
        """Status and decoded answer of the control API."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.endpoint + path, data=data, method=method, headers=headers or {}
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def key(self, account: str) -> dict[str, str]:
        status, answer = self.call("POST", "/_aphex/accounts", {"account": account})
        assert status == 200, answer
        planted.secret("AWS secret key", answer["secretAccessKey"])
        return answer

    def client(self, service: str, account: str = PIPELINE, region: str = REGION, **keys):
        if not keys:
            made = self.key(account)
            keys = {
                "aws_access_key_id": made["accessKeyId"],
                "aws_secret_access_key": made["secretAccessKey"],
            }
        config = Config(
            retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=60
        )
        return SESSION.client(
            service, region_name=region, endpoint_url=self.endpoint, config=config, **keys
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=60)


def is_described(description: Path, pid: int) -> bool:
    """A killed sandbox leaves its description behind: the process must be the same."""
    try:
        return json.loads(description.read_text())["pid"] == pid
    except FileNotFoundError:
        return False


def start(state_dir: Path, *extra: str, **variables: str) -> Sandbox:
    begun = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(SANDBOX), **variables}
    command = [sys.executable, "-m", "aphex_sandbox", "serve", "--state-dir", str(state_dir)]
    process = subprocess.Popen([*command, *extra], env=environment, stderr=subprocess.PIPE)
    description = state_dir / "server.json"
    while not is_described(description, process.pid):
        if process.poll() is not None:
            raise RuntimeError(process.stderr.read().decode())
        if time.monotonic() - begun > START_SECONDS:
            process.kill()
            raise RuntimeError("the sandbox did not start")
        time.sleep(0.01)
    endpoint = json.loads(description.read_text())["endpoint"]
    planted.keys_of({})
    return Sandbox(state_dir, process, endpoint, time.monotonic() - begun)
