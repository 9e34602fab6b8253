"""The server and what it starts are killed at random: what was accepted runs once, to an end.

APHEX_SERVER_KILLS=200 is the full measure (docs/operations.md); every run has a few."""

import http.client
import os
import random
import signal
import sqlite3
import threading
import time
import uuid

from program import processes_with, wait_until

from conftest import push_payload

KILLS = int(os.environ.get("APHEX_SERVER_KILLS", "12"))
PUSHES = max(6, KILLS // 5)
PIPELINES = ("app", "web", "api")


def workers(server):
    return [pid for pid, line in processes_with(str(server.program.state)).items()
            if "queued-run" in line]


def kill_something(server, choice):
    """The server, or one of its runs, in the middle of whatever it does."""
    running = workers(server)
    if running and choice.random() < 0.6:
        try:
            os.kill(choice.choice(running), signal.SIGKILL)
        except ProcessLookupError:
            pass
        return
    server.stop(signal.SIGKILL)
    server.start(maxRuns=len(PIPELINES))


def deliver_until_answered(server, payload, delivery):
    """As somebody who presses "redeliver" until GitHub shows it as delivered."""
    def answered():
        try:
            return server.deliver(payload, delivery=delivery).status in (200, 202)
        except (OSError, http.client.HTTPException):
            return False
    wait_until(answered, "the delivery is taken")


def noise(server, stop):
    """Deliveries that start nothing, all the time."""
    while not stop.is_set():
        try:
            server.deliver({}, event="star")
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)


def test_every_accepted_push_runs_exactly_once_whoever_is_killed(server):
    choice = random.Random(20261124)
    server.pipelines = [dict(server.pipelines[0], name=name, branch=name, supersede="never")
                        for name in PIPELINES]
    server.start(maxRuns=len(PIPELINES))
    stop = threading.Event()
    thread = threading.Thread(target=noise, args=(server, stop))
    thread.start()
    commits = []
    try:
        for number in range(KILLS):
            if len(commits) < PUSHES and number % max(1, KILLS // PUSHES) == 0:
                commit = server.application.commit(f"change {number}")
                branch = PIPELINES[len(commits) % len(PIPELINES)]
                commits.append((commit, branch))
                deliver_until_answered(server, push_payload(commit, branch=branch),
                                       str(uuid.UUID(int=choice.getrandbits(128))))
            time.sleep(choice.uniform(0.02, 0.8))
            kill_something(server, choice)
    finally:
        stop.set()
        thread.join()
    entries = server.await_ended(len(commits), seconds=120 + 20 * len(commits))
    assert [(each["commitSha"], each["branch"]) for each in reversed(entries)] == commits
    assert [(each["exitCode"], each["note"]) for each in entries] == [(0, "")] * len(commits)
    with sqlite3.connect(server.program.state / "aphex.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        runs = database.execute("SELECT commit_sha, branch, state FROM runs WHERE request IS NOT"
                                " NULL").fetchall()
    database.close()
    assert sorted(runs) == sorted((commit, branch, "succeeded") for commit, branch in commits)
    # The fixture sees to it that no process is left.
