"""Signed deliveries of GitHub's published payloads, sent by programs that nobody here wrote: wrk as
fast as they are answered, vegeta at a rate."""

import base64
import collections
import dataclasses
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import time
import uuid

import peer_programs
from measure import PLACES

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "tests/server/node_modules/@octokit/webhooks-examples/api.github.com/index.json"
REQUESTS = pathlib.Path(__file__).with_name("peers") / "requests.lua"
SECRET = "a-secret-of-thirty-two-characters"
REPOSITORY, BRANCH = "Codertocat/Hello-World", "master"
CONNECTIONS = 32
# Far above what any receiver answered here.
MOST_A_SECOND = 20_000
REST_SECONDS = 30


@dataclasses.dataclass
class Payload:
    name: str
    event: str
    body: bytes

    def numbered(self, prefix, number):
        """No two deliveries have the same bytes, or the second were known."""
        return self.body[:-1] + _number(prefix, number)

    def signatures(self, prefix, count):
        """Of so many numbered bodies, which are the same up to their number."""
        common = hmac.new(SECRET.encode(), self.body[:-1], hashlib.sha256)
        for number in range(count):
            signed = common.copy()
            signed.update(_number(prefix, number))
            yield "sha256=" + signed.hexdigest()

    @property
    def title(self):
        size = len(self.body)
        amount = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} KB"
        return f"{self.name}, {amount}"


def _number(prefix, number):
    # A key that no payload has: two of one name are refused.
    return f',"of_the_bench":"{prefix}-{number}"}}'.encode()


def push_of(commit):
    """The published push to a branch, of another commit."""
    examples = {each["name"]: each["examples"] for each in json.loads(EXAMPLES.read_text())}
    push = next(each for each in examples["push"]
                if each["ref"] == f"refs/heads/{BRANCH}" and not each["deleted"])
    assert push["repository"]["full_name"] == REPOSITORY
    return push | {"after": commit, "head_commit": push["head_commit"] | {"id": commit}}


def payloads(commit):
    """By name: what starts a run, small and large, and what starts nothing."""
    examples = {each["name"]: each["examples"] for each in json.loads(EXAMPLES.read_text())}
    push = push_of(commit)
    head = push["head_commit"]
    large = push | {"commits": [head | {"added": [f"src/part-{commit}-{file}.ts"
                                                  for file in range(4)]}
                                for commit in range(1_000)]}
    made = {"push": ("push", push), "large push": ("push", large),
            "ping": ("ping", examples["ping"][0]),
            "pull request": ("pull_request", examples["pull_request"][0])}
    return {name: Payload(name, event, json.dumps(body, separators=(",", ":")).encode())
            for name, (event, body) in made.items()}


def shown(argv):
    """Without what is another one each time."""
    line = re.sub(r"(127\.0\.0\.1):\d+", r"\1:$PORT", PLACES.shown(argv))
    line = re.sub(r"sha256=[0-9a-f]{64}", "$SIGNATURE", line)
    return re.sub(r"(distinct) [0-9a-f]{16}$", r"\1 $ID", line)


def busy():
    """Seconds of all processors that were work, since the machine started."""
    line = pathlib.Path("/proc/stat").read_text().partition("\n")[0]
    ticks = [int(each) for each in line.split()[1:]]
    idle, waiting = ticks[3:5]
    return (sum(ticks) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def await_rest():
    """What one contestant has started goes on after its turn, and must not weigh on the other's."""
    end = time.monotonic() + REST_SECONDS
    while time.monotonic() < end:
        before = busy()
        time.sleep(0.5)
        if busy() - before < 0.2:
            return


class Load:
    def __init__(self, work):
        self.work = work
        self.answered = collections.Counter()  # deliveries, by URL
        self.wrk = peer_programs.debian("wrk")
        self.vegeta = peer_programs.from_go("vegeta")

    def _run(self, peer, *arguments, **more):
        done = subprocess.run([peer.path, *map(str, arguments)], env=peer.environment, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, **more)
        if done.returncode != 0:
            raise RuntimeError(f"{peer.path} ended with {done.returncode}: {done.stderr.decode()}")
        return done.stdout

    def _wrk(self, url, seconds, connections, arguments=()):
        argv = ["-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", REQUESTS,
                url, *(["--", *arguments] if arguments else [])]
        said = self._run(self.wrk, *argv)
        found = json.loads(said.decode().strip().splitlines()[-1])
        if found["failed"] or found["refused"] or not found["requests"]:
            raise RuntimeError(f"{url}: of {found['requests']} requests {found['failed']} failed"
                               f" and {found['refused']} were refused")
        return found | {"command": shown(["wrk", *argv])}

    def deliver(self, url, payload, seconds, ids="distinct"):
        """As fast as they are answered, on 32 connections: seconds for each, and percentiles."""
        await_rest()
        body = self.work / "body.json"
        body.write_bytes(payload.body)
        prefix = uuid.uuid4().hex[:16] if ids == "distinct" else "again"
        signatures = self.work / "signatures"
        count = seconds * MOST_A_SECOND if ids == "distinct" else 1
        signatures.write_text("\n".join(payload.signatures(prefix, count)) + "\n")
        found = self._wrk(url, seconds, CONNECTIONS,
                          [body, payload.event, signatures, ids, prefix])
        if ids == "distinct":
            self.answered[url] += found["requests"]
        return found | {"each": found["seconds"] / found["requests"]}

    def get(self, url, seconds, connections):
        return self._wrk(url, seconds, connections)

    def deliver_at(self, url, payload, rate, seconds):
        """At a rate, whatever the answers take: seconds from when each was due."""
        await_rest()
        targets = self.work / "targets.json"
        prefix = uuid.uuid4().hex[:16]
        with open(targets, "w", encoding="utf-8") as file:
            for number, signature in enumerate(payload.signatures(prefix, int(rate * seconds))):
                body = base64.b64encode(payload.numbered(prefix, number)).decode()
                file.write(json.dumps({"method": "POST", "url": url, "body": body, "header": {
                    "Content-Type": ["application/json"], "X-GitHub-Event": [payload.event],
                    "X-GitHub-Delivery": [str(uuid.uuid4())],
                    "X-Hub-Signature-256": [signature]}}) + "\n")
        results = self.work / "results.bin"
        attack = ["attack", "-format=json", "-lazy", f"-targets={targets}", f"-rate={rate}",
                  f"-duration={seconds}s", f"-output={results}"]
        self._run(self.vegeta, *attack)
        found = json.loads(self._run(self.vegeta, "report", "-type=json", results))
        if found["success"] < 1:
            raise RuntimeError(f"{url}: at {rate} a second {found['status_codes']}: "
                               f"{found['errors']}")
        self.answered[url] += found["requests"]
        return {"p50": found["latencies"]["50th"] / 1e9, "p99": found["latencies"]["99th"] / 1e9,
                "requests": found["requests"], "command": shown(["vegeta", *attack])}
