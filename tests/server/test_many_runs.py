"""Pages of a server with many runs cost no more than those of one with few.

What they cost is counted in steps of SQLite's virtual machine (tests/support/sqlite_work.c), which
do not depend on the machine or on what else it does; how long it takes, `make bench` measures."""

import collections
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
import types
import uuid

import pytest

from program import REPO, Program

from conftest import Server, push_payload

sys.path.insert(0, str(REPO / "tests/support"))
import make_runs  # noqa: E402

FEW, MANY = 1_000, 10_000
# The lists of a page are full in both; trees are a little deeper.
GROWTH = 1.3
PAGES = ["/", "/?state=failed", "/api/v1/runs", "/api/v1/queue", "/runs/{newest}", "/deliveries",
         "/queue"]


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    library = tmp_path_factory.mktemp("counter") / "sqlite_work.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library,
                    REPO / "tests/support/sqlite_work.c", "-lsqlite3", "-ldl"], check=True)
    return library


@pytest.fixture(scope="module")
def histories(tmp_path_factory):
    """Directories with a database of so many runs; as a server has it, which never says ANALYZE."""
    made = {}
    for count in (FEW, MANY):
        made[count] = tmp_path_factory.mktemp(f"runs-{count}")
        make_runs.make(made[count], count)
        with sqlite3.connect(made[count] / "aphex.db") as database:
            database.execute("DELETE FROM sqlite_stat1")
            # What the notifier would work through, behind every page.
            database.execute("DELETE FROM happenings")
        database.close()
    yield made
    for directory in made.values():
        shutil.rmtree(directory)


class Counted:
    """A server whose statements are counted."""

    def __init__(self, state, directory, counter, surroundings):
        self.work = directory.parent / f"{directory.name}.work"
        self.work.touch()
        program = Program(state, {**surroundings, "LD_PRELOAD": str(counter),
                                  "SQLITE_WORK_FILE": str(self.work)})
        self.server = Server(directory, program, types.SimpleNamespace(directory=directory))
        self.server.pipelines = [
            {"name": name, "repository": f"acme/{name}", "webhookSecretFiles": ["secret"]}
            for name in make_runs.NAMES]
        self.server.start()

    def steps(self, path):
        """By statement; the first request of a page fills what is kept."""
        return self.counted(lambda: self.server.get(path), 200)

    def counted(self, ask, status):
        for _ in range(2):
            self.work.write_text("")
            answer = ask()
            assert answer.status == status, answer.text
        found = collections.Counter()
        for line in self.work.read_text().splitlines():
            steps, _, sql = line.partition("\t")
            # Lists of numbers are the one thing that is written into a statement.
            found[re.sub(r"\d+(,\d+)+", "…", sql)] += int(steps)
        return found


@pytest.fixture
def counted(histories, counter, surroundings, tmp_path):
    started = []

    def start(state, name):
        started.append(Counted(state, tmp_path / name, counter, surroundings))
        return started[-1]
    yield start
    for each in started:
        each.server.stop()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_costs_no_more_with_ten_times_the_runs(counted, histories, path):
    few, many = (counted(histories[count], f"server-{count}").steps(path.format(newest=count - 1))
                 for count in (FEW, MANY))
    assert sum(few.values()) > 100, "the statements are counted"
    grown = {sql: (few[sql], steps) for sql, steps in many.items()
             if steps > GROWTH * few[sql] + 100}
    assert grown == {}, json.dumps(grown, indent=1)
    assert sum(many.values()) < GROWTH * sum(few.values())


def test_a_push_costs_no_more_with_ten_times_the_pushes_behind_it(counted, histories):
    name, spent = make_runs.NAMES[0], []
    for count in (FEW, MANY):
        made = counted(histories[count], f"pushed-{count}")

        def push(made=made):
            payload = push_payload(uuid.uuid4().hex + "0" * 8, repository=f"acme/{name}")
            payload["repository"]["pushed_at"] = int(time.time())
            return made.server.deliver(payload)
        spent.append(made.counted(push, 202))
        made.server.await_ended()
    few, many = spent
    asked = [sql for sql in few if "source_time DESC" in sql]
    assert asked, "whether a newer push has come is asked"
    assert {sql: (few[sql], many[sql]) for sql in few
            if many[sql] > GROWTH * few[sql] + 100} == {}


def test_an_index_that_is_missing_is_seen(counted, histories, tmp_path):
    """The measure itself: without its index the overview reads every run."""
    state = tmp_path / "without-index"
    shutil.copytree(histories[MANY], state)
    with sqlite3.connect(state / "aphex.db") as database:
        database.execute("DROP INDEX runs_by_served")
    database.close()
    sound = counted(histories[MANY], "sound").steps("/")
    broken = counted(state, "broken").steps("/")
    assert sum(broken.values()) > 10 * sum(sound.values())
