#!/usr/bin/env python3
"""Fills a state directory with runs as the program would have recorded them.

    tests/support/make_runs.py --state DIR [--runs 100000] [--pipelines 20] [--days 365]

The schema and the plans are the program's own (APHEX_BIN); the rows are drawn from --seed, so that
the same arguments make the same database. Used by tests of the pages and by benchmarks.
"""

import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import tempfile
import time

REPO = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("APHEX_BIN", REPO / "build" / "release" / "bin" / "aphex"))
DAY = 86_400_000

AUTHORS = ["Ada Lovelace <ada@example.com>", "Grace Hopper <grace@example.com>",
           "Barbara Liskov <barbara@example.com>", "Edsger Dijkstra <edsger@example.com>",
           "Radia Perlman <radia@example.com>"]
SUBJECTS = ["Index documents as they arrive", "Raise the agent's memory to 1 GB",
            "Fix the retry of a throttled query", "Name the knowledge base after its environment",
            "Alarm when the queue is older than five minutes",
            "Read the model's name from a parameter",
            "Drop the unused bucket policy", "Update aws-cdk-lib to 2.276",
            "Answer with sources", "Keep logs for ninety days", "Test the empty index, too",
            "Move the dashboard into its own stack"]
BRANCHES = ["main"] * 17 + ["feature/sources", "feature/cheaper-index", "fix/throttling"]
NAMES = ["archon-agent", "billing-api", "identity", "search-index", "web-shop", "data-lake",
         "notifications", "image-resizer", "audit-trail", "pricing", "inventory", "checkout",
         "recommendations", "fraud-check", "mail-gateway", "session-store", "feature-flags",
         "geo-lookup", "exports", "status-page"]

# Stage kind: typical seconds, and the steps that it records.
SECONDS = {"validate": 3, "build": 140, "pipeline": 4, "approve": 20, "deploy": 210, "test": 65}


def config(environments=("dev", "prod")):
    """An application of four stacks, as aphex-config.yaml has it (JSON is YAML)."""
    stacks = [{"name": "Infrastructure", "path": "lib/infrastructure.ts"},
              {"name": "KnowledgeBase", "path": "lib/knowledge-base.ts",
               "dependsOn": ["Infrastructure"]},
              {"name": "Agent", "path": "lib/agent.ts", "dependsOn": ["Infrastructure"]},
              {"name": "Monitoring", "path": "lib/monitoring.ts",
               "dependsOn": ["KnowledgeBase", "Agent"]}]
    return {"version": "1.0", "build": {"commands": ["npm ci", "npm run build", "npm test"]},
            "environments": [
                {"name": name, "region": "us-east-1", "account": f"{number + 1:012d}",
                 "stacks": stacks, "tests": {"commands": [f"npm run test:{name}"]}}
                for number, name in enumerate(environments)]}


def plan_of(configuration, pipeline):
    """The program's own plan of it."""
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        (directory / "lib").mkdir()
        for environment in configuration["environments"]:
            for stack in environment["stacks"]:
                (directory / stack["path"]).touch()
        own = {"name": pipeline, **configuration.get("pipeline", {})}
        whole = {**configuration, "pipeline": own}
        (directory / "aphex-config.yaml").write_text(json.dumps(whole))
        printed = subprocess.run([BINARY, "plan", "--format", "json"], cwd=directory, check=True,
                                 capture_output=True, text=True).stdout
    return json.loads(printed)


def create(state):
    """An empty database with the program's schema."""
    state.mkdir(parents=True, exist_ok=True)
    subprocess.run([BINARY, "runs", "--all", "--state-dir", state], check=True, capture_output=True)
    database = sqlite3.connect(state / "aphex.db")
    database.execute("PRAGMA synchronous = OFF")
    return database


@dataclasses.dataclass
class Made:
    """What write() records of one run; times are milliseconds since 1970."""
    pipeline: str
    plan: dict
    commit: str
    started: int
    failing: str | None = None     # the stage that fails
    state: str | None = None       # of the run; else what its stages say
    running: str | None = None     # the stage that is under way
    running_step: int = 0          # … and which of its steps
    branch: str = "main"
    author: str = AUTHORS[0]
    message: str = "A change"
    waited: int = 4_000            # from the push to the start
    slow: float = 1.0
    kind: str = "push"
    asked_by: str = ""
    error: tuple[str, str, str] | None = None
    steps: int | None = None       # at most so many a stage
    failing_step: str | None = None  # its title; else one near the end


class Writer:
    """Rows of many runs, written in portions."""

    def __init__(self, database, choice):
        self.database = database
        self.choice = choice
        self.plans = {}
        self.queue, self.runs, self.stages, self.steps, self.outputs = [], [], [], [], []
        self.deliveries = []
        self.next = 1 + (database.execute("SELECT max(id) FROM runs").fetchone()[0] or 0)

    def add(self, made):
        run, self.next = self.next, self.next + 1
        text, digest = self._plan(made.plan)
        request = f"delivery-{run:08d}/{made.pipeline}"
        at, failed, open_stage = made.started, False, False
        for position, stage in enumerate(made.plan["stages"]):
            if failed or open_stage:
                self.stages.append((run, stage["id"], 1, position, stage["kind"], "pending", None,
                                    None, None))
                continue
            open_stage = stage["id"] == made.running
            failed = stage["id"] == made.failing
            begin, at = at, at + self._duration(stage, made)
            state = "running" if open_stage else "failed" if failed else "succeeded"
            error = made.error[1] if failed and made.error else None
            self.stages.append((run, stage["id"], 1, position, stage["kind"], state, begin,
                                None if open_stage else at, error))
            self._add_steps(run, stage, state, (begin, at), made)
            if state == "succeeded" and stage["kind"] == "deploy":
                self._add_outputs(run, stage, made)
        state = made.state or ("running" if open_stage else "failed" if failed else "succeeded")
        over = state not in ("queued", "running")
        error = made.error if failed and made.error else (None, None, None)
        if failed and not made.error:
            error = ("command-failed", f"stage {made.failing} failed", "see its log")
        self.runs.append((run, made.pipeline, state, digest, text, made.commit,
                          f"https://github.com/acme/{made.pipeline}.git", made.branch, made.author,
                          made.message, json.dumps({"version": 1, "source": "commit"}), 1, 1,
                          made.started - 200, made.started, at if over else None,
                          (0 if state == "succeeded" else 1) if over else None, *error, request))
        self.queue.append((request, made.pipeline, made.branch, made.commit, made.author,
                           made.message, "ended" if over else "running", made.started - made.waited,
                           made.started, at if over else None, 0 if state == "succeeded" else 1,
                           made.kind, made.asked_by, made.started - made.waited))
        self.deliveries.append((f"delivery-{run:08d}", made.started - made.waited,
                                f"acme/{made.pipeline}", made.branch, made.commit,
                                f"runs {made.pipeline}"))
        return run

    def _plan(self, plan):
        if id(plan) not in self.plans:
            text = json.dumps(plan, separators=(",", ":"))
            self.plans[id(plan)] = (text, hashlib.sha256(text.encode()).hexdigest())
        return self.plans[id(plan)]

    def _duration(self, stage, made):
        spread = self.choice.lognormvariate(0, 0.25)
        return int(SECONDS[stage["kind"]] * 1000 * spread * made.slow)

    def _add_steps(self, run, stage, state, times, made):
        begin, end = times
        steps = stage["steps"][:made.steps]
        count = len(steps)
        if state == "failed":
            named = [number for number, step in enumerate(steps, 1)
                     if step["title"] == made.failing_step]
            count = named[0] if named else max(1, count - 1)
        if state == "running":
            count = min(made.running_step + 1, count)
        # Commands take longer than the rest, and each its own time.
        weights = [(20 if step["kind"] in ("run-command", "deploy-stacks") else 1) *
                   (1 + len(step["title"]) % 7) for step in steps[:count]]
        at = begin
        for position, step in enumerate(steps[:count]):
            last = position == count - 1
            started, at = at, at + (end - begin) * weights[position] // sum(weights)
            mine = state if last else "succeeded"
            self.steps.append((
                run, stage["id"], 1, position, step["id"], step["kind"], step["title"], mine, 1,
                started, None if mine == "running" else at,
                None if mine == "running" else int(mine == "failed"),
                "exit code 0" if step["kind"] == "run-command" and mine == "succeeded" else None,
                made.error[1] if mine == "failed" and made.error else None,
                f"logs/{stage['id']}.1/{position + 1:02d}-{step['id']}.log"))

    def _add_outputs(self, run, stage, made):
        environment = stage.get("environment")
        for stack in next(each for each in made.plan["environments"]
                          if each["name"] == environment)["stacks"][:2]:
            self.outputs.append((run, environment, stack["name"], "Endpoint",
                                 f"https://{stack['name'].lower()}.{environment}.example.com/"))

    def flush(self):
        many = self.database.executemany
        many("INSERT INTO deliveries (id, received_at, client, event, repository, branch,"
             " commit_sha, verdict, reason)"
             " VALUES (?, ?, '127.0.0.1', 'push', ?, ?, ?, 'accepted', ?)", self.deliveries)
        many("INSERT INTO queue (request, pipeline, branch, commit_sha, author, message, state,"
             " starts, created_at, started_at, ended_at, exit_code, kind, asked_by, source_time)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)", self.queue)
        many("INSERT INTO runs (id, pipeline, state, plan_digest, plan, commit_sha, repository_url,"
             " branch, author, message, options, owner_pid, owner_start, created_at, started_at,"
             " ended_at, exit_code, error_code, error_message, error_hint, request)"
             " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self.runs)
        many("INSERT INTO stages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self.stages)
        many("INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self.steps)
        many("INSERT INTO outputs VALUES (?, ?, ?, ?, ?)", self.outputs)
        self.database.commit()
        self.queue, self.runs, self.stages, self.steps, self.outputs = [], [], [], [], []
        self.deliveries = []


def commit_of(choice):
    return f"{choice.getrandbits(160):040x}"


def history(writer, names, plans, count, days, now, steps=None):
    """`count` runs of these pipelines in the last `days`, oldest first, some of them failed."""
    choice = writer.choice
    stages = [stage["id"] for stage in plans[names[0]]["stages"]]
    weights = [1, 6, 1, 3, 4, 1, 1][:len(stages)]
    for number in range(count):
        name = names[min(int(choice.expovariate(3 / len(names))), len(names) - 1)]
        started = now - days * DAY + (number * days * DAY) // count + choice.randrange(60_000)
        failing = choice.choices(stages, weights)[0] if choice.random() < 0.14 else None
        writer.add(Made(name, plans[name], commit_of(choice), started, failing=failing,
                        state="cancelled" if failing and choice.random() < 0.1 else None,
                        branch=choice.choice(BRANCHES), author=choice.choice(AUTHORS),
                        message=f"{choice.choice(SUBJECTS)}\n\nChange {number}.",
                        waited=int(choice.expovariate(1 / 45_000)) + 1_000,
                        slow=1 + 0.4 * (number / count), steps=steps))
        if number % 5_000 == 4_999:
            writer.flush()
    writer.flush()


def make(state, runs=100_000, pipelines=20, days=365, seed=1, steps=3):
    """A database of so many runs; the names of their pipelines."""
    database = create(pathlib.Path(state))
    names = (NAMES * (pipelines // len(NAMES) + 1))[:pipelines]
    names = [name if number < len(NAMES) else f"{name}-{number // len(NAMES)}"
             for number, name in enumerate(names)]
    shape = config()
    plans = {name: plan_of(shape, name) for name in names}
    history(Writer(database, random.Random(seed)), names, plans, runs, days,
            int(time.time() * 1000) - 600_000, steps)
    database.execute("ANALYZE")
    database.commit()
    database.close()
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--state", required=True, type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--pipelines", type=int, default=20)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3, help="at most so many a stage")
    chosen = parser.parse_args()
    begin = time.monotonic()
    make(chosen.state, chosen.runs, chosen.pipelines, chosen.days, chosen.seed, chosen.steps)
    size = (chosen.state / "aphex.db").stat().st_size
    print(f"{chosen.runs} runs in {chosen.state}: {size / 1e6:.0f} MB,"
          f" {time.monotonic() - begin:.0f} s")


if __name__ == "__main__":
    main()
