"""2,000 open event streams while a run logs 10 MB a second.

The run is a real one: a signed push starts it, and its build command prints lines that carry the
time. 1,000 streams follow that log, 1,000 watch the overview. A client process reads all of them
and says how old each newest line is when it arrives. Streams share a budget: what a program prints
beyond it is left out of them, with its lines' numbers; the log has it all.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import time
import uuid

from measure import Row
from server_load import BRANCH, REPOSITORY, Payload, payloads, push_of
from server_receivers import Aphex, cpu_seconds_of, descriptors_of, git, status_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from program import wait_until  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
FAKE_CDK = HERE.parent / "e2e/fake_cdk.py"
READER = HERE / "stream_reader.py"
LOG_STREAMS, PAGE_STREAMS = 1_000, 1_000
BYTES_A_SECOND, SECONDS = 10_000_000, 18  # below the most that a step's log may have
MEASURED_SECONDS = 8
RATE = 50  # deliveries a second meanwhile

# Lines of a hundred bytes, as many as are due every 20 ms.
PRINTER = f"""import sys, time
begin = time.monotonic()
printed = 0
while (now := time.monotonic() - begin) < {SECONDS}:
    due = int(now * {BYTES_A_SECOND // 100})
    stamp = f"at={{time.monotonic_ns():020d} "
    sys.stdout.write("".join(f"{{stamp}}line {{n:010d}} {{'x' * 59}}\\n" for n in range(printed, due)))
    sys.stdout.flush()
    printed = due
    time.sleep(0.02)
"""


def make_repository(directory):
    """An application whose build prints; its CDK is the one of the tests."""
    directory.mkdir()
    git(directory, "init", "-q", "-b", BRANCH)
    (directory / "app.ts").write_text("export {};\n")
    (directory / "cdk.json").write_text('{"app": "true"}\n')
    (directory / "print.py").write_text(PRINTER)
    (directory / "aphex-config.yaml").write_text(f"""version: "1.0"
build:
  commands: ["{sys.executable} print.py"]
environments:
  - name: dev
    region: us-east-1
    account: "111122223333"
    stacks:
      - name: Api
        path: app.ts
""")
    cdk = directory / "node_modules/.bin/cdk"
    cdk.parent.mkdir(parents=True)
    shutil.copy(FAKE_CDK, cdk)
    git(directory, "add", "--all", "--force")
    git(directory, "commit", "-q", "-m", "First")
    return git(directory, "rev-parse", "HEAD")


def start_the_run(server, commit):
    """Number and log of the step that prints."""
    body = json.dumps(push_of(commit)).encode()
    push = Payload("push", "push", body)
    status, text = server.request("/webhooks/github", "POST", body, {
        "Content-Type": "application/json", "X-GitHub-Event": "push",
        "X-GitHub-Delivery": str(uuid.uuid4()), "X-Hub-Signature-256": push.signature})
    if status != 202:
        raise RuntimeError(f"the push was answered {status}: {text}")

    def printing():
        return server.query("SELECT run_id, log FROM steps WHERE stage_id = 'build' AND"
                            " kind = 'run-command' AND state = 'running'")

    try:
        return wait_until(printing, "the build prints", 60)[0]
    except AssertionError as error:
        ended = server.query("SELECT state, error_message FROM runs")
        raise RuntimeError(f"{error}; runs: {ended}") from None


class Reader:
    """The process that reads the streams."""

    def __init__(self, server, run, log):
        log_path = f"/events/runs/{run}/{log}?line=1"
        self.process = subprocess.Popen(
            [sys.executable, str(READER), str(server.port), str(MEASURED_SECONDS),
             f"{LOG_STREAMS}={log_path}", f"{PAGE_STREAMS}=/events?topic=overview"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def await_open(self):
        line = self.process.stdout.readline()
        if line != "open\n":
            self.process.wait()
            raise RuntimeError(f"the reader of the streams said {line!r}")

    def begin(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def found(self):
        said = self.process.stdout.read()
        if self.process.wait(60) != 0 or not said:
            raise RuntimeError("the reader of the streams failed")
        return json.loads(said)


def measure(load, aphex, work, _rounds):
    commit = make_repository(work / "repository")
    ping = payloads(commit)["ping"]
    pipeline = {"name": "app", "repository": REPOSITORY, "branch": BRANCH,
                "url": str(work / "repository")}
    with Aphex(aphex, work, [pipeline], maxRuns=1) as server:
        idle = load.deliver_at(server.url, ping, RATE, MEASURED_SECONDS // 2)
        before = status_of(server.process.pid)["VmRSS"], descriptors_of(server.process.pid)
        run, log = start_the_run(server, commit)
        reader = Reader(server, run, log)
        reader.await_open()
        cpu = cpu_seconds_of(server.process.pid)
        printed = (server.state / f"runs/{run}" / log).stat().st_size
        began = time.monotonic()
        reader.begin()
        busy = load.deliver_at(server.url, ping, RATE, MEASURED_SECONDS - 1)
        found = reader.found()
        took = time.monotonic() - began
        cpu = (cpu_seconds_of(server.process.pid) - cpu) / took
        printed = ((server.state / f"runs/{run}" / log).stat().st_size - printed) / took
        during = status_of(server.process.pid)["VmRSS"], found["open"]
        show(found, {"printed": printed, "cpu": cpu, "idle": idle, "busy": busy,
                     "before": before, "during": during})
        wait_until(lambda: descriptors_of(server.process.pid) <= before[1] + 8,
                   "the streams' descriptors are closed", 30)
        if found["open"] < LOG_STREAMS + PAGE_STREAMS:
            raise RuntimeError(f"of the streams {found['open']} were open to the end")
        server.request("/healthz")
        subprocess.run([aphex, "cancel", str(run)], env=server.environment, check=False,
                       capture_output=True)
    streams = f"{LOG_STREAMS + PAGE_STREAMS:,} streams"
    return [Row(f"ping, {percentile} at {RATE}/s, {streams}, 10 MB/s logged", busy[percentile],
                "idle", idle[percentile], "alike") for percentile in ("p50", "p99")]


def show(found, seen):
    print(f"{found['open']:,} streams; the run logs {seen['printed'] / 1e6:.1f} MB a second")
    print(f"  delivered {found['bytes'] / found['seconds'] / 1e6:,.1f} MB a second in "
          f"{found['events'] / found['seconds']:,.0f} events; newest line on arrival "
          f"p50 {found['p50'] * 1e3:,.0f} ms  p99 {found['p99'] * 1e3:,.0f} ms old; streams that "
          f"got less than half of the others' {found['starved']}")
    print(f"  the server takes {seen['cpu']:.2f} processors, "
          f"{seen['during'][0] / 1e6:.0f} MB resident (before: {seen['before'][0] / 1e6:.0f} MB)")
    for what in ("idle", "busy"):
        one = seen[what]
        print(f"  a ping, {RATE} a second, {what}: p50 {one['p50'] * 1e3:.1f} ms  "
              f"p99 {one['p99'] * 1e3:.1f} ms")
