"""2,000 open event streams while a run logs 10 MB a second.

The run is one of the engine's own (bench_engine.cpp), with one step, in the server's state
directory: a command prints lines that carry the time. 1,000 streams follow that log, 1,000 watch
the overview. A client process reads all of them and says how old each newest line is when it
arrives. Streams share a budget: what a program prints beyond it is left out of them, with its
lines' numbers; the log has it all.
"""

import json
import pathlib
import subprocess
import sys
import time

from measure import PLACES, Row
from server_load import BRANCH, REPOSITORY, payloads
from server_receivers import Aphex, cpu_seconds_of, descriptors_of, status_of

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from program import wait_until  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
READER = HERE / "stream_reader.py"
LOG_STREAMS, PAGE_STREAMS = 1_000, 1_000
STREAMS = LOG_STREAMS + PAGE_STREAMS
ROOM = 8  # descriptors that come and go
BYTES_A_SECOND, SECONDS = 10_000_000, 18  # below the most that a step's log may have
MEASURED_SECONDS = 8
RATE = 50  # deliveries a second meanwhile

# Lines of a hundred bytes, as many as are due every 20 ms.
PRINTER = f"""import sys, time
begin = time.monotonic()
printed = 0
while (now := time.monotonic() - begin) < {SECONDS}:
    due = int(now * {BYTES_A_SECOND // 100})
    stamp = "at=%020d line " % time.monotonic_ns()
    sys.stdout.write("".join("%s%010d %s\\n" % (stamp, line, "x" * 59)
                             for line in range(printed, due)))
    sys.stdout.flush()
    printed = due
    time.sleep(0.02)
"""


class Run:
    """The run that prints; ends with the block."""

    def __init__(self, engine, server, work):
        (work / "print.py").write_text(PRINTER)
        self.server = server
        self.command = [engine, str(server.state), "1", f"{sys.executable} {work / 'print.py'}"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, env=self.server.environment)

        def printing():
            if self.process.poll() is not None:
                raise RuntimeError("the run ended before it printed")
            return self.server.query("SELECT run_id, log FROM steps WHERE state = 'running'")

        self.number, self.log = wait_until(printing, "the run prints", 60)[0]
        self.file = self.server.state / f"runs/{self.number}" / self.log
        return self

    def __exit__(self, *_exception):
        self.process.terminate()
        self.process.wait(30)


class Reader:
    """The process that reads the streams."""

    def __init__(self, server, run):
        log_path = f"/events/runs/{run.number}/{run.log}?line=1"
        self.process = subprocess.Popen(
            [sys.executable, str(READER), str(server.port), str(MEASURED_SECONDS),
             f"{LOG_STREAMS}={log_path}", f"{PAGE_STREAMS}=/events?topic=overview"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    @staticmethod
    def shown():
        return PLACES.shown(["python3", READER, "$PORT", MEASURED_SECONDS, f"{LOG_STREAMS}=$LOG",
                             f"{PAGE_STREAMS}=/events?topic=overview"]).replace("'", "")

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
    engine = str(pathlib.Path(aphex).with_name("bench_engine"))
    ping = payloads("0" * 40)["ping"]
    pipeline = {"name": "app", "repository": REPOSITORY, "branch": BRANCH}
    with Aphex(aphex, work, [pipeline]) as server:
        process = server.process.pid
        idle = load.deliver_at(server.url, ping, RATE, MEASURED_SECONDS // 2)
        before = status_of(process)["VmRSS"], descriptors_of(process)
        with Run(engine, server, work) as run:
            reader = Reader(server, run)
            reader.await_open()
            seen = {"idle": idle, "cpu": cpu_seconds_of(process),
                    "printed": run.file.stat().st_size}
            began = time.monotonic()
            reader.begin()
            seen["busy"] = load.deliver_at(server.url, ping, RATE, MEASURED_SECONDS - 1)
            found = reader.found()
            took = time.monotonic() - began
            seen["printed"] = (run.file.stat().st_size - seen["printed"]) / took
        seen["cpu"] = (cpu_seconds_of(process) - seen["cpu"]) / took
        seen["memory"] = before[0], status_of(process)["VmRSS"]
        show(found, seen)
        if found["open"] < STREAMS:
            raise RuntimeError(f"of {STREAMS} streams {found['open']} were open to the end")
        wait_until(lambda: descriptors_of(process) <= before[1] + ROOM,
                   "the descriptors of the streams are closed", 30)
    command = f"{server.shown()} & {Reader.shown()} & {seen['busy']['command']}"
    without = f"{server.shown()} & {idle['command']}"
    rows = [Row(f"a ping's {percentile}, {STREAMS:,} streams and 10 MB/s logged",
                seen["busy"][percentile], "aphex", idle[percentile], "alike", detail="idle",
                within=True, command=command, peer_command=without)
            for percentile in ("p50", "p99")]
    before, after = (size / 1e6 for size in seen["memory"])
    return [*rows, Row(f"memory, {STREAMS:,} streams and 10 MB/s logged", after, "aphex", before,
                       "", "MB", detail="idle", within=True, command=command,
                       peer_command=without)]


def show(found, seen):
    print(f"{found['open']:,} streams; the run logs {seen['printed'] / 1e6:.1f} MB a second")
    print(f"  delivered {found['bytes'] / found['seconds'] / 1e6:,.1f} MB a second in "
          f"{found['events'] / found['seconds']:,.0f} events; newest line on arrival "
          f"p50 {found['p50'] * 1e3:,.0f} ms  p99 {found['p99'] * 1e3:,.0f} ms old; streams that "
          f"got less than half of the others' {found['starved']}")
    print(f"  the server takes {seen['cpu']:.2f} processors, "
          f"{seen['memory'][1] / 1e6:.0f} MB resident (before: {seen['memory'][0] / 1e6:.0f} MB)")
    for what in ("idle", "busy"):
        one = seen[what]
        print(f"  a ping, {RATE} a second, {what}: p50 {one['p50'] * 1e3:.1f} ms  "
              f"p99 {one['p99'] * 1e3:.1f} ms")
