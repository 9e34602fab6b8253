#!/usr/bin/env python3
"""A state directory with many runs that have been: what pages, lists and retention are tried with.

    make_runs.py STATE_DIRECTORY [--runs N] [--aphex PROGRAM] [--logs N]

Runs of three pipelines, one every four minutes, the newest a moment ago; with their stages, steps,
outputs, deliveries and places in the queue. The same arguments make the same runs, but for the
time. The database must have no runs yet, and nobody else may have it open. --logs writes the step
logs of the newest runs, too.
"""

import argparse
import dataclasses
import json
import pathlib
import random
import sqlite3
import subprocess
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
EVERY_MS = 4 * 60 * 1000
PIPELINES = ("archon-agent", "shop-api", "billing")
STACKS = ("Network", "Database", "Api", "Dashboard")
ENVIRONMENTS = (("dev", "111122223333"), ("prod", "222233334444"))
AUTHORS = ("Ada <ada@example.com>", "Grace <grace@example.com>", "Edsger <edsger@example.com>",
           "dependabot[bot] <49699333+dependabot[bot]@users.noreply.github.com>")
MESSAGES = ("Bump aws-cdk-lib from 2.170.0 to 2.171.1", "Answer faster: one query in place of two",
            "Fix the alarm's threshold\n\nIt was in seconds.", "Add a dashboard for the queue",
            "Merge pull request #128 from acme/retries", "Readme: how to run it locally",
            "Größere Tabellen: Seiten statt Listen", "Revert \"Add a dashboard for the queue\"")
# Of a hundred runs.
OUTCOMES = ["succeeded"] * 88 + ["failed"] * 9 + ["cancelled"] * 2 + ["interrupted"]
EXIT_CODES = {"succeeded": 0, "failed": 1, "cancelled": 130, "interrupted": None}


@dataclasses.dataclass
class Step:
    id: str
    kind: str
    title: str
    mean_ms: int


def stages_of_a_run():
    """(id, kind, steps) of each."""
    found = [
        ("validate", "validate", [Step("clone", "clone", "clone the commit", 900),
                                  Step("configuration", "check-configuration",
                                       "check the configuration", 15),
                                  Step("tools", "check-tools", "check tools", 60)]),
        ("build", "build", [Step("build-1", "run-command", "npm ci", 14_000),
                            Step("build-2", "run-command", "npm run build", 9_000),
                            Step("store", "store-artifact", "store what was built", 2_500)]),
        ("pipeline", "pipeline", [Step("update", "update-pipeline", "update the pipeline", 40)]),
    ]
    for name, account in ENVIRONMENTS:
        found.append((f"deploy-{name}", "deploy", [
            Step("credentials", "check-credentials", f"check account {account}", 300),
            Step("synth", "synthesize", "synthesize", 4_000),
            Step("deploy", "deploy-stacks", f"deploy {len(STACKS)} stacks", 75_000)]))
        found.append((f"test-{name}", "test", [
            Step("test-1", "run-command", "npm run test:integration", 21_000)]))
    return found


def plan_text(pipeline):
    """As large as that of an application of this shape."""
    return json.dumps({
        "version": 1, "pipeline": pipeline, "repository": {"owner": "acme", "name": pipeline},
        "stages": [{"id": stage, "kind": kind, "timeoutSeconds": 3600,
                    "steps": [{"id": step.id, "kind": step.kind, "title": step.title,
                               "stacks": [{"name": f"{stack}Stack", "path": f"lib/{stack}.ts",
                                           "dependsOn": list(STACKS[:index])}
                                          for index, stack in enumerate(STACKS)]
                               if step.kind == "deploy-stacks" else [],
                               "environment": {"account": "111122223333", "region": "us-east-1"}}
                              for step in steps]}
                   for stage, kind, steps in stages_of_a_run()]}, separators=(",", ":"))


class Maker:
    """Rows of the tables, run by run."""

    def __init__(self, count, now_ms, seed):
        self.count = count
        self.now_ms = now_ms
        self.random = random.Random(seed)
        self.plans = {name: plan_text(name) for name in PIPELINES}
        self.rows = {table: [] for table in COLUMNS}

    def commit(self):
        return f"{self.random.getrandbits(160):040x}"

    def make(self, number):
        pipeline = PIPELINES[number % len(PIPELINES)]
        created = self.now_ms - (self.count - number) * EVERY_MS
        delivery = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        request = f"{delivery}/{pipeline}"
        commit, author = self.commit(), self.random.choice(AUTHORS)
        message, outcome = self.random.choice(MESSAGES), self.random.choice(OUTCOMES)
        started = created + self.random.randint(80, 900)
        ended, failure = self._stages(number, started, outcome)
        self.rows["runs"].append((
            number, pipeline, outcome, f"{number % 7:064x}", self.plans[pipeline], commit,
            f"https://github.com/acme/{pipeline}.git", "main", author, message,
            '{"version":1,"source":"commit","configPath":"aphex-config.yaml","restarts":0}',
            request, 1, 1, created, started, ended, EXIT_CODES[outcome],
            "command_failed" if failure else None, failure,
            "see the step's log" if failure else None))
        self.rows["deliveries"].append((
            delivery, created, "127.0.0.1", "push", f"acme/{pipeline}", "main", commit, "accepted",
            f"runs {pipeline}"))
        self.rows["queue"].append((
            request, pipeline, "main", commit, author, message, "ended", 1, created, started, ended,
            EXIT_CODES[outcome] or 0))
        if outcome == "succeeded":
            self.rows["outputs"] += [
                (number, name, f"{stack}Stack", "Url", f"https://{stack.lower()}.{name}.example")
                for name, _ in ENVIRONMENTS for stack in STACKS]

    def _stages(self, number, started, outcome):
        """When the run ended, and why it failed."""
        stages = stages_of_a_run()
        broken = None if outcome == "succeeded" else self.random.randrange(1, len(stages))
        now, failure = started, None
        for position, (stage, kind, steps) in enumerate(stages):
            if broken is not None and position > broken:
                self.rows["stages"].append((number, stage, 1, position, kind, "pending", None, None,
                                            None))
                continue
            begun, state, error = now, "succeeded", None
            last = len(steps) - 1
            for index, step in enumerate(steps):
                lasted = max(1, int(self.random.gauss(step.mean_ms, step.mean_ms / 5)))
                if position == broken and index == last:
                    state = outcome
                    error = f"step '{step.title}' of stage {stage} ended with exit code 1"
                self.rows["steps"].append((
                    number, stage, 1, index, step.id, step.kind, step.title,
                    state if index == last else "succeeded", 1, now, now + lasted,
                    0 if state == "succeeded" or index < last else 1,
                    "done" if state == "succeeded" or index < last else None,
                    error if index == last else None,
                    f"logs/{stage}.1/{index + 1:02}-{step.id}.log"))
                now += lasted
            self.rows["stages"].append((number, stage, 1, position, kind, state, begun, now, error))
            failure = failure or error
        return now, failure


# In the order in which a server writes them.
COLUMNS = {
    "deliveries": "id received_at client event repository branch commit_sha verdict reason",
    "queue": "request pipeline branch commit_sha author message state starts created_at started_at"
             " ended_at exit_code",
    "runs": "id pipeline state plan_digest plan commit_sha repository_url branch author message"
            " options request owner_pid owner_start created_at started_at ended_at exit_code"
            " error_code error_message error_hint",
    "stages": "run_id id attempt position kind state started_at ended_at error",
    "steps": "run_id stage_id attempt position id kind title state tries started_at ended_at"
             " exit_code summary error log",
    "outputs": "run_id environment stack key value",
}


def write_logs(state, maker, count):
    for number in range(max(1, maker.count - count + 1), maker.count + 1):
        for stage, _, steps in stages_of_a_run():
            folder = state / f"runs/{number}/logs/{stage}.1"
            folder.mkdir(parents=True, exist_ok=True)
            for index, step in enumerate(steps):
                lines = [f"\x1b[32m✓\x1b[0m {step.title}: line {line}\n" for line in range(200)]
                (folder / f"{index + 1:02}-{step.id}.log").write_text("".join(lines))


def make_runs(state, count, aphex, now=None, seed=1, logs=0):
    """Into a state directory that has none; `now` in seconds since 1970."""
    state = pathlib.Path(state)
    subprocess.run([str(aphex), "runs", "--state-dir", str(state)], check=True,
                   stdin=subprocess.DEVNULL, capture_output=True)
    maker = Maker(count, int((now or time.time()) * 1000), seed)
    database = sqlite3.connect(state / "aphex.db", isolation_level=None)
    try:
        if database.execute("SELECT 1 FROM runs LIMIT 1").fetchone():
            raise ValueError(f"{state} has runs already")
        # Nobody else is there, and what is lost by a power cut is made anew.
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        for number in range(1, count + 1):
            maker.make(number)
            if number % 1000 == 0 or number == count:
                for table, columns in COLUMNS.items():
                    names = columns.split()
                    database.executemany(
                        f"INSERT INTO {table} ({', '.join(names)})"
                        f" VALUES ({', '.join('?' * len(names))})", maker.rows[table])
                    maker.rows[table].clear()
        database.execute("COMMIT")
        database.execute("PRAGMA journal_mode = WAL")
    finally:
        database.close()
    write_logs(state, maker, logs)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--logs", type=int, default=0, help="runs whose logs are written")
    parser.add_argument("--aphex", default=ROOT / "build/release/bin/aphex")
    options = parser.parse_args()
    make_runs(options.state, options.runs, options.aphex, logs=options.logs)


if __name__ == "__main__":
    main()
