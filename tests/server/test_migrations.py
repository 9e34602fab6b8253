"""A database of each older version, with what a program of its time had written, becomes one of the
newest: the same schema as a new one, every value as it was, and all of it shown."""

import json
import re
import sqlite3
import sys
import types

import pytest
from callers import bearer, token
from program import REPO, Program

from conftest import Server

sys.path.insert(0, str(REPO / "tests/support"))
import make_runs  # noqa: E402

STORE = REPO / "src/store"
STEPS = sorted((STORE / "migrations").glob("*.sql"))
NEWEST = 1 + len(STEPS)
T = 1_770_000_000_000  # milliseconds
COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


def script(version):
    """The schema of that version, as its program made it: version 1, and what came since."""
    texts = [(STORE / "schema.sql").read_text()]
    texts += [step.read_text() for step in STEPS[:version - 1]]
    return "\n".join(texts) + f"\nPRAGMA user_version = {version};"


def run_row(number, plan, **more):
    return {"id": number, "pipeline": "shop", "state": "succeeded", "plan_digest": "d" * 64,
            "plan": plan, "commit_sha": COMMIT, "branch": "main",
            "repository_url": "https://github.com/acme/shop.git", "author": "Ada <ada@example.com>",
            "message": "Answer with sources\n\nAnd cite them.",
            "options": '{"version":1,"source":"commit"}', "owner_pid": 1, "owner_start": 1,
            "created_at": T + 1_000 * number, "started_at": T + 1_000 * number + 10,
            "ended_at": T + 1_000 * number + 900, "exit_code": 0} | more


def queue_row(number, request, **more):
    return {"number": number, "request": request, "pipeline": "web", "branch": "main",
            "commit_sha": COMMIT, "author": "Ada", "message": "Answer with sources",
            "state": "ended", "starts": 1, "created_at": T + 500, "started_at": T + 600,
            "ended_at": T + 2_000, "exit_code": 0, "note": ""} | more


def written(plan):
    """(table, row) in the order in which a server writes them, with the columns of the newest
    version; one of an older version has those of them that it knows."""
    yield "pipelines", {"name": "shop", "plan_digest": "d" * 64, "plan": plan,
                        "commit_sha": COMMIT, "updated_at": T,
                        "repository_url": "https://github.com/acme/shop.git"}
    yield "deliveries", {"number": 1, "id": "d1", "received_at": T + 500, "client": "192.0.2.1",
                         "event": "push", "repository": "acme/shop", "branch": "main",
                         "commit_sha": COMMIT, "verdict": "accepted", "reason": "runs web"}
    yield "deliveries", {"number": 2, "id": "", "received_at": T + 600, "client": "192.0.2.9",
                         "event": "", "repository": "", "branch": "", "commit_sha": "",
                         "verdict": "rejected", "reason": "the signature is of none"}
    yield "queue", queue_row(1, "d1/web", kind="push", source_time=T, before_sha="0" * 40)
    yield "queue", queue_row(2, "d3/web", kind="resume", asked_by="ada", run_id=3, exit_code=1,
                             branch="topic", branch_id="topic-3f9a2c", note="it failed")
    # A run of the server, the one that it handed over to, and one of a person on the machine.
    yield "runs", run_row(1, plan, request="d1/web", exit_code=0)
    yield "runs", run_row(2, plan, restarted_from=1)
    yield "runs", run_row(3, plan, state="failed", branch="topic", exit_code=1, pipeline="other",
                          commit_sha="1" * 40, error_code="command-failed",
                          error_message="npm test: exit code 1", error_hint="see its log")
    for number in (1, 2, 3):
        yield "stages", {"run_id": number, "id": "build", "attempt": 1, "position": 0,
                         "kind": "build", "state": "succeeded", "started_at": T, "ended_at": T + 9}
        yield "steps", {"run_id": number, "stage_id": "build", "attempt": 1, "position": 0,
                        "id": "run-1", "kind": "run-command", "title": "npm ci",
                        "state": "succeeded", "tries": 1, "started_at": T, "ended_at": T + 9,
                        "exit_code": 0, "log": "logs/build.1/01-run-1.log"}
    yield "outputs", {"run_id": 1, "environment": "dev", "stack": "Api", "key": "Url",
                      "value": "https://api.example.com/"}
    yield "process_groups", {"run_id": 3, "process_group": 4_000_000, "start_time": 1,
                             "boot": "of-another-boot"}
    yield "approvals", {"id": 1, "run_id": 1, "environment": "prod", "state": "approved",
                        "digest": "e" * 64, "changes": "{}", "summary": "1 stack", "broadens": 0,
                        "approvers": '["grace"]', "quorum": 1, "self_approval": 1, "created_at": T,
                        "expires_at": T + 10_000, "ended_at": T + 100, "taken_at": T + 101}
    yield "approval_decisions", {"approval_id": 1, "who": "grace", "decision": "approve",
                                 "comment": "good", "decided_at": T + 100}
    yield "tokens", {"number": 1, "name": "ci", "role": "run", "hash": "a" * 64, "created_at": T,
                     "created_by": "ada", "revoked_at": T + 5}
    yield "sessions", {"hash": "b" * 64, "token": 1, "created_at": T, "expires_at": T + 1,
                       "client": "192.0.2.1"}
    yield "audit", {"number": 1, "at": T, "who": "ada", "client": "192.0.2.1",
                    "action": "token.create", "object": "token ci", "result": "done",
                    "detail": "role run"}
    yield "happenings", {"number": 1_000, "subject": "run", "id": 3, "name": "build",
                         "state": "failed", "at": T, "error_code": "command-failed"}
    yield "notifications", {"number": 1, "event": "run/3/failed/1.2", "channel": "gone",
                            "kind": "failure", "pipeline": "web", "target": "", "payload": "{}",
                            "state": "told", "attempts": 1, "created_at": T, "next_at": T,
                            "ended_at": T + 1, "remote_id": "17"}
    yield "outcomes", {"pipeline": "web", "branch": "main", "failures": 0, "episode": "",
                       "since": T, "last_run": 2, "last_at": T + 2_900}
    yield "branch_stacks", {"number": 1, "pipeline": "web@topic-3f9a2c", "environment": "dev",
                            "account": "111122223333", "region": "us-east-1", "stack": "Api",
                            "physical_name": "Api-topic", "qualifier": "hnb659fds"}
    yield "source_ends", {"number": 1, "pipeline": "web", "branch": "topic", "pull_request": 7,
                          "source_time": T, "what": "the pull request was closed"}


def columns(database, table):
    return [name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")]


def write(database, plan):
    """Its rows, of the tables and columns that this version has."""
    for table, row in written(plan):
        known = [name for name in row if name in columns(database, table)]
        if known:
            database.execute(
                f"INSERT INTO {table} ({', '.join(known)}) VALUES"
                f" ({', '.join('?' * len(known))})", [row[name] for name in known])
    database.commit()


def tables(database):
    return [name for (name,) in database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " AND name NOT LIKE 'runs_text%' ORDER BY name")]


def content(database, of):
    """What the tables hold in these columns."""
    return {table: sorted(database.execute(f"SELECT {', '.join(names)} FROM {table}"), key=repr)
            for table, names in of.items()}


def schema(database):
    return sorted((kind, name, re.sub(r"\s+", " ", sql or "")) for kind, name, sql in
                  database.execute("SELECT type, name, sql FROM sqlite_schema"))


@pytest.fixture(scope="module")
def plan():
    return json.dumps(make_runs.plan_of(make_runs.config(), "shop"), separators=(",", ":"))


@pytest.fixture(params=range(1, NEWEST), ids=lambda version: f"version-{version}")
def migrated(request, tmp_path, surroundings, plan):
    """(version, program, what was in it by column, the database), opened by today's program."""
    state = tmp_path / "state"
    state.mkdir()
    old = sqlite3.connect(state / "aphex.db")
    old.executescript(script(request.param))
    write(old, plan)
    before = {table: columns(old, table) for table in tables(old)}
    was = content(old, before)
    assert all(was[table] for table in before), "each table of its time has a row"
    old.close()
    program = Program(state, surroundings)
    opened = program.run("runs", "--all", "--format", "json", cwd="/")
    assert opened.code == 0, opened.err
    now = sqlite3.connect(state / "aphex.db")
    yield request.param, program, (before, was), now
    now.close()


def test_every_value_is_as_it_was(migrated):
    version, _, (before, was), now = migrated
    assert now.execute("PRAGMA user_version").fetchone() == (NEWEST,)
    assert content(now, before) == was
    assert now.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert now.execute("PRAGMA foreign_key_check").fetchall() == []


def test_its_schema_is_that_of_a_new_one(migrated, tmp_path, surroundings):
    _, _, _, now = migrated
    program = Program(tmp_path / "new", surroundings)
    assert program.run("runs", "--all", cwd="/").code == 0
    fresh = sqlite3.connect(tmp_path / "new/aphex.db")
    assert schema(now) == schema(fresh)
    fresh.close()


def test_what_came_later_is_filled_from_what_was_there(migrated):
    version, _, _, now = migrated
    # Before the server there was no other name than the pipeline's own, and nobody who asked.
    name, asked = ("shop", T + 1_000) if version < 2 else ("web", T + 500)
    assert now.execute("SELECT id, served, asked_at FROM runs ORDER BY id").fetchall() == [
        (1, name, asked), (2, name, asked), (3, "other", T + 3_000)]
    assert now.execute("SELECT rowid FROM runs_text WHERE runs_text MATCH 'ources'"
                       " ORDER BY rowid").fetchall() == [(1,), (2,), (3,)]
    if version >= 2:
        kinds = [kind for (kind,) in now.execute("SELECT kind FROM queue ORDER BY number")]
        assert kinds == (["push", "push"] if version < 3 else ["push", "resume"])


def test_the_program_shows_what_it_had(migrated, tmp_path):
    version, program, _, _ = migrated
    listed = program.run("runs", "--all", "--format", "json", cwd="/").json
    assert [(run["id"], run["state"]) for run in listed] == [
        (3, "failed"), (2, "succeeded"), (1, "succeeded")]
    shown = program.show(1)
    assert [(step["id"], step["state"]) for step in shown["steps"]] == [("run-1", "succeeded")]
    if version >= 5:
        listed = program.run("audit", "--format", "json", cwd="/")
        assert "token ci" in listed.out
    server = Server(tmp_path / "server", program, types.SimpleNamespace(directory=tmp_path))
    server.start()
    try:
        # There was a token, so that strangers see nothing.
        whoever = bearer(token(server, "today"))

        def get(path):
            answer = server.request("GET", path, headers=whoever)
            assert answer.status == 200, (path, answer.text)
            return answer
        for path in ("/", "/runs/1", "/runs/3", "/queue", "/deliveries", "/pipelines/app",
                     "/metrics", "/api/v1/approvals", "/api/v1/runs/1/approvals"):
            get(path)
        queue, deliveries = get("/api/v1/queue").json, get("/api/v1/deliveries").json
        assert [each["number"] for each in queue["queue"]] == ([2, 1] if version >= 2 else [])
        assert [each["verdict"] for each in deliveries["deliveries"]] == (
            ["rejected", "accepted"] if version >= 2 else [])
    finally:
        assert server.stop().code == 0
