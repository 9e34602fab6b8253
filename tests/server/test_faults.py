"""The server and what it starts are killed at random: what was accepted runs once, to an end."""

import os
import random
import signal
import sqlite3
import time

from program import processes_with

KILLS = int(os.environ.get("APHEX_SERVER_KILLS", "12"))
PUSHES = 6


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
    server.start()


def test_every_accepted_push_runs_exactly_once_whoever_is_killed(server):
    choice = random.Random(20261124)
    server.pipelines[0]["supersede"] = "never"
    server.start()
    commits = []
    for number in range(KILLS):
        if len(commits) < PUSHES and number % max(1, KILLS // PUSHES) == 0:
            commit = server.application.commit(f"change {number}")
            assert server.push(commit).status == 202
            commits.append(commit)
        time.sleep(choice.uniform(0.05, 0.8))
        kill_something(server, choice)
    entries = server.await_ended(len(commits), seconds=180)
    assert [each["commitSha"] for each in reversed(entries)] == commits
    assert [(each["exitCode"], each["note"]) for each in entries] == [(0, "")] * len(commits)
    with sqlite3.connect(server.program.state / "aphex.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        runs = database.execute("SELECT commit_sha, state FROM runs WHERE request IS NOT NULL"
                                " ORDER BY id").fetchall()
    database.close()
    assert runs == [(commit, "succeeded") for commit in commits]
