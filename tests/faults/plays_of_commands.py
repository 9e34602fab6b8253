"""Ways to a request beside the stages: `aphex run`, `aphex approve`, and a server."""

import hashlib
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import uuid

import neighbours
from plays import Played, variables_of
from program import BINARY, Program, planted, remove, wait_until
from world import Pipeline

ARGO = "/apis/argoproj.io/v1alpha1/namespaces"
# What docs/approvals.md says that whoever decides needs.
RIGHTS = [{"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["get", "patch"]}]
SECONDS = 120


def local_run(world, step, injector):
    """The same step under the engine of one machine."""
    pipeline = Pipeline(world)
    program = Program(pipeline.directory / "state", pipeline.variables)
    ended = program.run("run", "-q", "--commit", world.commit, "--artifacts",
                        f"s3://{pipeline.bucket}", cwd=world.application.directory,
                        **variables_of(step, injector))
    error = ended.err[ended.err.find("error: "):] if "error: " in ended.err else ""
    harm = ["deployed"] if ended.code != 0 and pipeline.has_deployed else []
    remove(program.state)
    return Played(ended.code, error.partition("next:")[0], ended.out + ended.err, harm)


def gate_of(namespace):
    """A workflow that waits for a person, as Argo has it."""
    name = f"run-{uuid.uuid4().hex[:8]}"
    policy = {"approvers": ["grace"], "quorum": 1, "selfApproval": False, "expiresSeconds": 3600}
    given = {"environment": "dev", "digest": "d1", "summary": "1 stack is new",
             "policy": json.dumps(policy)}
    node = {"id": f"{name}-1", "name": f"{name}.gate-dev", "displayName": "gate-dev",
            "type": "Suspend", "phase": "Running", "startedAt": "2026-01-31T08:15:30Z",
            "inputs": {"parameters": [{"name": key, "value": value}
                                      for key, value in given.items()]}}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"workflowTemplateRef": {"name": "app"}, "arguments": {"parameters": [
                {"name": "author", "value": "Ada <ada@example.com>"}]}},
            "status": {"phase": "Running", "nodes": {node["id"]: node}}}


def gate(world, step, injector):
    """A person decides; where that fails, nothing is decided."""
    namespace = world.cluster.namespace()
    wanted = gate_of(namespace)
    world.cluster.admin.create(f"{ARGO}/{namespace}/workflows", wanted)
    user = f"grace-{namespace}"
    world.cluster.bind(user, RIGHTS, namespace)
    kubeconfig = world.directory / f"{namespace}-kubeconfig"
    planted.holds(kubeconfig, "token of the cluster")
    kubeconfig.write_text(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "person",
        "clusters": [{"name": "arbiter", "cluster": {
            "server": injector.url, "certificate-authority": str(world.cluster.ca_file)}}],
        "users": [{"name": "person", "user": {"token": world.cluster.user_token(user)}}],
        "contexts": [{"name": "person", "context": {"cluster": "arbiter", "user": "person"}}]}))
    ended = subprocess.run(
        [BINARY, "approve", "--workflow", wanted["metadata"]["name"], "--namespace", namespace,
         "--as", "grace", "--yes"], capture_output=True, text=True, stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "NO_COLOR": "1",
             "KUBECONFIG": str(kubeconfig)}, timeout=SECONDS, check=False)
    [node] = world.cluster.admin.get(
        f"{ARGO}/{namespace}/workflows/{wanted['metadata']['name']}")["status"]["nodes"].values()
    decided = node["phase"] == "Succeeded"
    harm = [] if decided == (ended.returncode == 0) else [f"{ended.returncode}, {node['phase']}"]
    return Played(ended.returncode, ended.stderr, ended.stdout, harm)


class Served:
    """A server for one pipeline, whose state has stacks of a branch."""

    def __init__(self, world, **variables):
        self.directory = world.directory / f"server-{uuid.uuid4().hex[:8]}"
        self.directory.mkdir()
        pipeline = Pipeline(world, bucket=world.built.bucket)
        self.program = Program(self.directory / "state", {**pipeline.variables, **variables})
        self.server = neighbours.server.Server(self.directory / "server", self.program,
                                               world.application)
        self.pipeline = self.server.pipelines[0]
        self.pipeline["branches"] = {"patterns": ["feature/*"]}

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()
        remove(self.program.state)

    @property
    def database(self):
        return sqlite3.connect(self.program.state / "aphex.db", timeout=30)

    def restart(self):
        """What it said until then is lost."""
        self.server.stop()
        self.server.start()

    def has_stack(self, branch, physical_name):
        """As if a run of the branch had deployed it."""
        digest = hashlib.sha256(branch.encode()).hexdigest()
        identity = f"{re.sub('[^a-z0-9]+', '-', branch)}-{digest[:6]}"
        with self.database as database:
            database.execute(
                "INSERT INTO branch_stacks (pipeline, environment, account, region, stack,"
                " physical_name, qualifier) VALUES (?, 'dev', '111122223333', 'us-east-1', 'Api',"
                " ?, 'hnb659fds')", (f"app@{identity}", physical_name))
        database.close()

    def stacks(self):
        with self.database as database:
            found = database.execute("SELECT physical_name FROM branch_stacks").fetchall()
        database.close()
        return [name for name, in found]

    def ended(self):
        """The one entry of the queue, and what its process said."""
        [entry] = self.server.await_ended()
        log = self.program.state / f"server/queue/{entry['number']}.log"
        said = log.read_text(encoding="utf-8")
        error = said[said.find("error: "):] if "error: " in said else ""
        return entry, Played(entry["exitCode"], error.partition("next:")[0], said, [])


def pushed_commit(world, step, injector):
    with Served(world) as served:
        served.pipeline["url"] = f"{injector.url}/public/app.git"
        served.restart()
        served.server.push(world.commit)
        entry, made = served.ended()
        with served.database as database:
            runs = database.execute("SELECT state FROM runs").fetchall()
        database.close()
    if made.code != 0 and runs:
        made.harm.append(f"a run of a commit that is not there: {entry['note']}")
    if made.code == 0 and runs != [("succeeded",)]:
        made.harm.append(f"the runs are {runs}")
    return made


def sweep(world, step, injector):
    """Of branches that went without a word. Where the repository does not say which there are, none
    is taken for gone."""
    with Served(world) as served:
        served.has_stack("feature/there-no-more", "Api-there-no-more")
        served.pipeline["url"] = f"{injector.url}/public/app.git"
        served.server.stop()
        served.server.start()
        git = pathlib.Path(f"/proc/{served.server.process.pid}/task")
        wait_until(lambda: injector.seen and not any(
            each.read_text() for each in git.glob("*/children")), "it has asked for the branches")
        healthy = served.server.get("/healthz").status == 200
        ended = served.server.stop()
    harm = [] if healthy and ended.code == 0 else [f"the server ended with {ended.code}"]
    return Played(0, "", ended.out + ended.err, harm)


def teardown(world, step, injector):
    """A branch is deleted at GitHub: its stacks go with it."""
    name = f"Api-{uuid.uuid4().hex[:8]}"
    client = world.aws.client("cloudformation")
    client.create_stack(StackName=name, TemplateBody=json.dumps(
        {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}))
    with Served(world, **variables_of(step, injector)) as served:
        served.has_stack("feature/login", name)
        served.server.deliver(neighbours.server.push_payload(
            "0" * 40, branch="feature/login", deleted=True, head_commit=None))
        _, made = served.ended()
        left = served.stacks()
    there = [each["StackName"] for each in client.describe_stacks()["Stacks"]]
    if made.code == 0 and (left or name in there):
        made.harm.append(f"{left} is left though it was torn down")
    if made.code != 0 and name in there and left != [name]:
        made.harm.append("a stack is forgotten")
    return made
