"""A state directory with everything that a page can show: history, and what is happening now."""

import hashlib
import json
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import make_runs  # noqa: E402
import planted  # noqa: E402

APPROVERS = ["local", "grace", "barbara"]
PIPELINES = ["archon-agent", "billing-api", "identity"]
# More than a window of a log, so that it is shown in parts.
LONG_LOG_LINES = 2_600

CHANGES = {
    "version": 1, "environment": "prod", "account": "000000000002", "region": "us-east-1",
    "commit": "5b1e0c2f9d0c4a7e8f6b3d2a1c0e9f8a7b6c5d4e",
    "stacks": [
        {"name": "Infrastructure", "physicalName": "Infrastructure-prod", "state": "unchanged",
         "before": "a1", "after": "a1", "entries": [], "permissions": [], "warnings": []},
        {"name": "Agent", "physicalName": "Agent-prod", "state": "changed", "before": "b1",
         "after": "b2", "warnings": [],
         "entries": [
             {"section": "Resources", "id": "Handler886CB40B", "type": "AWS::Lambda::Function",
              "path": "Agent/Handler", "change": "modified", "replacement": "never",
              "retained": False, "values": [
                  {"path": "Properties/MemorySize", "before": "512", "after": "1024",
                   "replacement": "never"},
                  {"path": "Properties/Environment/Variables/MODEL", "before": "haiku-3",
                   "after": "haiku-4", "replacement": "never"}]},
             {"section": "Resources", "id": "Queue4A7E3555", "type": "AWS::SQS::Queue",
              "path": "Agent/DeadLetters", "change": "added", "replacement": "never",
              "retained": False, "values": []}],
         "permissions": [
             {"change": "removed", "broadens": False, "kind": "statement",
              "id": "HandlerRolePolicy", "text": "allows ${HandlerRole} bedrock:InvokeModel on "
              "arn:aws:bedrock:us-east-1::foundation-model/haiku-3", "reasons": [],
              "effect": "Allow", "principals": ["${HandlerRole}"],
              "actions": ["bedrock:InvokeModel"],
              "resources": ["arn:aws:bedrock:us-east-1::foundation-model/haiku-3"],
              "condition": ""},
             {"change": "added", "broadens": True, "kind": "statement", "id": "HandlerRolePolicy",
              "text": "allows ${HandlerRole} bedrock:* on *",
              "reasons": ["any action of a service", "any resource"], "effect": "Allow",
              "principals": ["${HandlerRole}"], "actions": ["bedrock:*"], "resources": ["*"],
              "condition": ""}]}]}

# As vitest prints it on a terminal, with a little of everything that a log may have.
TEST_LOG = (pathlib.Path(__file__).resolve().parents[1] / "data" / "browser" /
            "failed-tests.log").read_bytes().decode()

class Scene:
    """What tests look for by name; every number is of a run."""

    def __init__(self, state):
        self.state = pathlib.Path(state)
        self.now = int(time.time() * 1000)
        self.choice = random.Random(7)
        self.database = make_runs.create(self.state)
        self.writer = make_runs.Writer(self.database, self.choice)
        self.plans = {name: make_runs.plan_of(make_runs.config(), name) for name in PIPELINES}
        make_runs.history(self.writer, PIPELINES, self.plans, 420, 60, self.now - 3_600_000)
        self.failed = self._failed()
        self.approved = self._approved()
        self.changed = self._changed_plan()
        self.asking = self._asking()
        self.running = self._running()
        self._waiting()
        self._deliveries()
        self._artifacts()
        self._audit()
        self.database.commit()

    def _add(self, pipeline, minutes_ago, **more):
        run = self.writer.add(make_runs.Made(
            pipeline, more.pop("plan", self.plans[pipeline]), make_runs.commit_of(self.choice),
            self.now - minutes_ago * 60_000, **more))
        self.writer.flush()
        return run

    def write_log(self, run, step, text):
        path, = self.database.execute("SELECT log FROM steps WHERE run_id = ? AND id = ?",
                                      (run, step)).fetchone()
        file = self.state / "runs" / str(run) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, newline="")
        return f"/runs/{run}/{path}"

    def steps_of(self, run, stage):
        return [row[0] for row in self.database.execute(
            "SELECT id FROM steps WHERE run_id = ? AND stage_id = ? ORDER BY position",
            (run, stage))]

    def _failed(self):
        run = self._add(
            "archon-agent", 52, failing="build", failing_step="npm test",
            author=make_runs.AUTHORS[1],
            message="Fix the retry of a throttled query\n\nThe third try is the last one.",
            error=("command-failed", "npm test ended with exit code 1",
                   "'aphex logs --failed' prints what it said; mend the cause and push again"))
        failed = self.database.execute("SELECT id FROM steps WHERE run_id = ? AND state = 'failed'",
                                       (run,)).fetchone()[0]
        self.failed_log = self.write_log(run, failed, TEST_LOG)
        first = self.steps_of(run, "validate")[0]
        self.long_log = self.write_log(run, first, "".join(
            f"line {number}: \x1b[3{number % 7 + 1}mobject {number * 7919 % 100_000}\x1b[0m done\n"
            for number in range(1, LONG_LOG_LINES + 1)))
        return run

    def _changed_plan(self):
        shape = make_runs.config()
        shape["build"]["commands"].insert(2, "npm run lint")
        shape["environments"][1]["stacks"] = [*shape["environments"][1]["stacks"],
                                              {"name": "Audit", "path": "lib/audit.ts",
                                               "dependsOn": ["Agent"]}]
        plan = make_runs.plan_of(shape, "archon-agent")
        return self._add("archon-agent", 31, plan=plan, kind="manual", asked_by="grace",
                         author=make_runs.AUTHORS[2],
                         message="Keep an audit trail of answers in production")

    def _asking(self):
        run = self._add("billing-api", 12, running="approve-prod", running_step=9,
                        plan=self._plan_that_asks(), author=make_runs.AUTHORS[0],
                        message="Let the agent use the newer model")
        self._ask(run, "pending", 300_000, [("grace", "The wildcard goes with the next change.")])
        return run

    def _approved(self):
        run = self._add("billing-api", 95, plan=self._plan_that_asks(),
                        author=make_runs.AUTHORS[3], message="Dead letters of the agent's queue")
        self._ask(run, "approved", 5_000_000, [("grace", ""), ("barbara", "Looked at both queues")])
        return run

    @staticmethod
    def _plan_that_asks():
        shape = make_runs.config()
        shape["environments"][1]["approval"] = {"approvers": APPROVERS, "quorum": 2}
        return make_runs.plan_of(shape, "billing-api")

    def _ask(self, run, state, ago, approvals):
        at = self.now - ago
        ended = None if state == "pending" else at + 400_000
        number = self.database.execute(
            "INSERT INTO approvals (run_id, environment, state, digest, changes, summary, broadens,"
            " approvers, quorum, self_approval, created_at, expires_at, ended_at, taken_at) VALUES"
            " (?, 'prod', ?, 'd1', ?, '1 stack changes; grants more than before', 1, ?, 2, 0, ?, ?,"
            " ?, ?)", (run, state, json.dumps(CHANGES), json.dumps(APPROVERS), at,
                       at + 86_400_000, ended, ended)).lastrowid
        for position, (who, comment) in enumerate(approvals, start=1):
            self.database.execute(
                "INSERT INTO approval_decisions VALUES (?, ?, 'approve', ?, ?)",
                (number, who, comment, at + position * 120_000))

    def _running(self):
        run = self._add("identity", 3, running="deploy-dev", running_step=3, kind="retry",
                        asked_by="ci-bot", author=make_runs.AUTHORS[4],
                        message="Rotate the signing keys every ninety days")
        step = self.steps_of(run, "deploy-dev")[-1]
        self.running_log = self.write_log(
            run, step, "deploying Infrastructure to 000000000001/us-east-1\n"
                       "\x1b[32m✓\x1b[0m Infrastructure (no changes)\n")
        self.running_log_file = self.state / self.running_log.lstrip("/")
        return run

    def _waiting(self):
        for number, (pipeline, subject) in enumerate([
                ("identity", "Read the issuer from a parameter"),
                ("billing-api", "Round amounts as the bank does")]):
            self.database.execute(
                "INSERT INTO queue (request, pipeline, branch, commit_sha, author, message, state,"
                " created_at) VALUES (?, ?, 'main', ?, ?, ?, 'waiting', ?)",
                (f"waiting-{number}/{pipeline}", pipeline, make_runs.commit_of(self.choice),
                 make_runs.AUTHORS[3], subject, self.now - 90_000 + number * 40_000))

    def _deliveries(self):
        rows = [("ping", "ignored", "a ping: the webhook works", "acme/identity", ""),
                ("push", "rejected", "the signature is of none of this server's secrets", "", ""),
                ("push", "ignored", "no pipeline of acme/identity runs the branch wip",
                 "acme/identity", "wip"),
                ("push", "accepted", "runs identity", "acme/identity", "main"),
                ("push", "accepted", "runs billing-api", "acme/billing-api", "main")]
        for number, (event, verdict, reason, repository, branch) in enumerate(rows):
            self.database.execute(
                "INSERT INTO deliveries (id, received_at, client, event, repository, branch,"
                " commit_sha, verdict, reason) VALUES (?, ?, '140.82.115.7', ?, ?, ?, ?, ?, ?)",
                (f"72d3162e-cc78-11e3-81ab-4c9367dc{number:04d}",
                 self.now - (len(rows) - number) * 20_000, event, repository, branch,
                 make_runs.commit_of(self.choice) if branch else "", verdict, reason))

    def _audit(self):
        rows = [("", "198.51.100.7", "login", "/login", "refused",
                 "this token is unknown, has expired or was revoked"),
                ("grace", "10.0.4.12", "login", "token grace", "done", ""),
                ("grace", "10.0.4.12", "run.start", "pipeline archon-agent", "done",
                 "entry 422 of the queue"),
                ("ci-bot", "10.0.9.3", "approval.decide", f"run {self.asking}, prod", "refused",
                 "the token ci-bot has the role run; this needs approve"),
                ("grace", "10.0.4.12", "approval.decide", f"run {self.asking}, prod", "done",
                 "approve: The wildcard goes with the next change."),
                ("root", "", "token.create", "token barbara", "done", "role approve")]
        self.database.executemany(
            "INSERT INTO audit (at, who, client, action, object, result, detail) VALUES"
            " (?, ?, ?, ?, ?, ?, ?)", [(self.now - (len(rows) - number) * 400_000, *row)
                                       for number, row in enumerate(rows)])

    def _artifacts(self):
        commit, = self.database.execute("SELECT commit_sha FROM runs WHERE id = ?",
                                        (self.changed,)).fetchone()
        directory = self.state / "artifacts" / commit
        (directory / "cdk.out").mkdir(parents=True)
        files = {"build-output.tar.gz": 40_321, "node_modules.tar.gz": 180_777,
                 "cdk.out/dev.tar.gz": 9_120, "cdk.out/prod.tar.gz": 9_544}
        written = {name: random.Random(name).randbytes(size) for name, size in files.items()}
        for name, content in written.items():
            (directory / name).write_bytes(content)
        manifest = {"version": 1, "commit": commit, "buildDigest": "x", "files": [
            {"key": name, "sizeBytes": len(content),
             "sha256": hashlib.sha256(content).hexdigest()} for name, content in written.items()]}
        self._put(directory / "artifacts.json", json.dumps(manifest).encode())

    def _put(self, file, content):
        """As the directory store does it: the checksum stands beside."""
        file.write_bytes(content)
        store = self.state / "artifacts"
        meta = store / ".aphex"
        meta.mkdir(exist_ok=True)
        (meta / "format").write_text("1\n")
        sums = meta / "sha256" / file.relative_to(store)
        sums.parent.mkdir(parents=True, exist_ok=True)
        sums.write_text(hashlib.sha256(content).hexdigest() + "\n")


def configure(directory):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "secret").write_text(
        planted.secret("webhook secret", planted.WEBHOOK_SECRET))
    planted.holds(directory / "secret", "webhook secret")
    (directory / "aphex-server.yaml").write_text(json.dumps(
        {"version": "1.0", "listen": "127.0.0.1:0", "pipelines": [
            {"name": name, "repository": f"acme/{name}", "webhookSecretFiles": ["secret"]}
            for name in PIPELINES]}))
