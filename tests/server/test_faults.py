"""The server and what it starts are killed at random, while deliveries come as fast as they are
answered: what was answered is recorded, what was accepted runs once, to an end.

Every run of the tests has a few kills; `make kill-test` is the full measure, 200
(APHEX_SERVER_KILLS)."""

import collections
import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from program import processes_with, wait_until

from conftest import push_payload

KILLS = int(os.environ.get("APHEX_SERVER_KILLS", "12"))
PUSHES = max(6, KILLS // 5)
PIPELINES = ("app", "web", "api")
# So much at the least, even of a machine that does much else.
FEWEST_A_SECOND = 20


def workers(server):
    return [pid for pid, line in processes_with(str(server.program.state)).items()
            if "queued-run" in line]


def start(server):
    server.start(maxRuns=len(PIPELINES))
    temporary = server.directory / "port.new"
    temporary.write_text(str(server.port))
    temporary.rename(server.directory / "port")


def kill_something(server, choice):
    """The server, the server while it starts, or one of its runs, whatever it does. Says which."""
    running = workers(server)
    if running and choice.random() < 0.6:
        try:
            os.kill(choice.choice(running), signal.SIGKILL)
            return "a run"
        except ProcessLookupError:
            pass
    server.stop(signal.SIGKILL)
    if choice.random() < 0.3:
        server.configure(maxRuns=len(PIPELINES))
        starting = server.program.start("serve", cwd=server.directory)
        time.sleep(choice.uniform(0, 0.3))
        starting.kill()
        starting.communicate()
        start(server)
        return "the server, and once more while it started"
    start(server)
    return "the server"


def deliver_until_answered(server, payload, delivery):
    """As somebody who presses "redeliver" until GitHub shows it as delivered."""
    def answered():
        try:
            return server.deliver(payload, delivery=delivery).status in (200, 202)
        except (OSError, http.client.HTTPException):
            return False
    wait_until(answered, "the delivery is taken")


@pytest.fixture
def load(server, tmp_path):
    """Everything that GitHub publishes, which starts nothing here; what was answered, afterwards.
    Beside it the pushes of the test, which start runs."""
    file = tmp_path / "answered"
    process = subprocess.Popen(
        [sys.executable, "-B", Path(__file__).with_name("delivery_load.py"), server.directory,
         file], stdout=subprocess.PIPE, text=True)

    def end():
        process.terminate()
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        return file.read_text().split(), json.loads(out)
    yield end
    if process.poll() is None:
        process.kill()
        process.communicate()


def recorded(server):
    with sqlite3.connect(server.program.state / "aphex.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        deliveries = [each for (each,) in database.execute(
            "SELECT id FROM deliveries WHERE verdict <> 'rejected'")]
        runs = database.execute("SELECT commit_sha, branch, state FROM runs WHERE request IS NOT"
                                " NULL").fetchall()
    database.close()
    return deliveries, runs


def test_every_accepted_push_runs_exactly_once_whoever_is_killed(server, load, capsys):
    choice = random.Random(20261124)
    server.pipelines = [dict(server.pipelines[0], name=name, branch=name, supersede="never")
                        for name in PIPELINES]
    start(server)
    commits, kills = [], collections.Counter()
    began = time.monotonic()
    for number in range(KILLS):
        if len(commits) < PUSHES and number % max(1, KILLS // PUSHES) == 0:
            commit = server.application.commit(f"change {number}")
            branch = PIPELINES[len(commits) % len(PIPELINES)]
            commits.append((commit, branch))
            deliver_until_answered(server, push_payload(commit, branch=branch),
                                   str(uuid.UUID(int=choice.getrandbits(128))))
        time.sleep(choice.uniform(0.02, 0.8))
        kills[kill_something(server, choice)] += 1
    loaded = time.monotonic() - began
    answered, said = load()
    entries = server.await_ended(len(commits), seconds=120 + 20 * len(commits))
    seconds = time.monotonic() - began
    assert [(each["commitSha"], each["branch"]) for each in reversed(entries)] == commits
    assert [(each["exitCode"], each["note"]) for each in entries] == [(0, "")] * len(commits)
    deliveries, runs = recorded(server)
    assert sorted(runs) == sorted((commit, branch, "succeeded") for commit, branch in commits)
    assert len(deliveries) == len(set(deliveries))
    lost = set(answered) - set(deliveries)
    assert not lost, f"{len(lost)} answered deliveries are not recorded"
    assert len(answered) > FEWEST_A_SECOND * loaded, said
    assert set(said["statuses"]) <= {"200", "202", "no answer"}, said
    with capsys.disabled():
        print(f"\n{KILLS} kills: " + ", ".join(f"{count} of {what}" for what, count in
                                               sorted(kills.items())))
        print(f"{len(answered) + len(commits):,} deliveries accepted, all recorded, at most "
              f"{said['slowest'] * 1000:.0f} ms each; {said['statuses'].get('no answer', 0):,} "
              "found no server or lost it before the answer")
        print(f"{len(runs)} runs of {len(commits)} pushes, each once and to its end; "
              f"{seconds:.0f} s")
    # The fixture sees to it that no process is left.
