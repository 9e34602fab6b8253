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
from test_pull_requests import pull_request

KILLS = int(os.environ.get("APHEX_SERVER_KILLS", "12"))
PUSHES = max(6, KILLS // 5)
PIPELINES = ("app", "web", "api")
# So much at the least, even of a machine that does much else.
FEWEST_A_SECOND = 20


# What a build leaves word of: two at a time of one pipeline, its begin and its end.
BUILD = ('exec 9>>"{0}.$APHEX_BRANCH"; flock -n 9 || echo "overlap $APHEX_COMMIT_SHA" >> {0}; '
         'echo "begin $APHEX_COMMIT_SHA" >> {0}; sleep 0.2; echo "end $APHEX_COMMIT_SHA" >> {0}')


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


def ask_again(server, commits):
    """Of a commit that is built already; asked twice with one key, as by who had no answer."""
    commit, branch = commits[0]
    for _ in range(2):
        assert server.request(
            "POST", f"/api/v1/pipelines/{branch}/runs", json.dumps({"commit": commit}),
            {"Content-Type": "application/json", "Idempotency-Key": "once"}).status == 202
    return commit, branch


def check_work(work, commits, attempts):
    """What the builds themselves have seen: never two at a time of a pipeline, in the order of the
    pushes. A kill between a command's end and the record of its stage repeats it, and nothing else
    does: each time that it was done is an attempt of its own, and all but the last were killed."""
    told = [line.split() for line in work.read_text().splitlines()]
    assert [what for what, _ in told if what == "overlap"] == []
    ended = [commit for what, commit in told if what == "end"]
    for pipeline in PIPELINES:
        wanted = [commit for commit, branch in commits if branch == pipeline]
        assert list(dict.fromkeys(each for each in ended if each in wanted)) == wanted
    for commit, times in collections.Counter(ended).items():
        states = attempts[commit]
        assert times <= len(states), f"{commit} was built {times} times in {states}"
        assert states[-1] == "succeeded" and "succeeded" not in states[:-1], states
    return len(ended) - len(set(ended))


def deliver_until_answered(server, payload, delivery, event):
    """As somebody who presses "redeliver" until GitHub shows it as delivered."""
    def answered():
        try:
            return server.deliver(payload, event, delivery=delivery).status in (200, 202)
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
        attempts = collections.defaultdict(list)
        for commit, state in database.execute(
                "SELECT runs.commit_sha, stages.state FROM stages"
                " JOIN runs ON runs.id = stages.run_id"
                " JOIN queue ON queue.request = runs.request"
                " WHERE stages.id = 'build' AND queue.kind = 'push'"
                " ORDER BY runs.id, stages.attempt"):
            attempts[commit].append(state)
    database.close()
    return deliveries, runs, attempts


def test_every_accepted_push_runs_exactly_once_whoever_is_killed(server, load, capsys):
    choice = random.Random(20261124)
    server.pipelines = [dict(server.pipelines[0], name=name, branch=name, supersede="never")
                        for name in PIPELINES]
    work = server.application.note("work")
    server.application.configure(build=[BUILD.format(work)])
    start(server)
    commits, kills = [], collections.Counter()
    began = time.monotonic()
    for number in range(KILLS):
        if len(commits) < PUSHES and number % max(1, KILLS // PUSHES) == 0:
            commit = server.application.commit(f"change {number}")
            branch = PIPELINES[len(commits) % len(PIPELINES)]
            commits.append((commit, branch))
            for event, payload in (
                    ("push", push_payload(commit, branch=branch)),
                    ("pull_request", pull_request(commit, len(commits), base=branch))):
                deliver_until_answered(server, payload,
                                       str(uuid.UUID(int=choice.getrandbits(128))), event)
        time.sleep(choice.uniform(0.02, 0.8))
        kills[kill_something(server, choice)] += 1
    loaded = time.monotonic() - began
    answered, said = load()
    again = ask_again(server, commits)
    entries = server.await_ended(2 * len(commits) + 1, seconds=120 + 20 * len(commits))
    seconds = time.monotonic() - began
    assert [(each["commitSha"], each["branch"]) for each in reversed(entries)
            if each["kind"] == "push"] == commits
    assert [(each["exitCode"], each["note"]) for each in entries] == [(0, "")] * len(entries)
    assert sorted(each["pullRequest"] for each in entries if each["kind"] == "pull_request") == [
        *range(1, len(commits) + 1)]
    deliveries, runs, attempts = recorded(server)
    assert sorted(runs) == sorted((commit, branch, "succeeded") for commit, branch in [
        *commits, again, *((commit, "feature") for commit, _ in commits)])
    repeated = check_work(work, commits, attempts)
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
        print(f"{len(runs)} runs of {len(commits)} pushes and as many pull requests, each once "
              f"and to its end; builds that a kill made to be repeated: {repeated}; "
              f"{seconds:.0f} s")
    # The fixture sees to it that no process is left.
