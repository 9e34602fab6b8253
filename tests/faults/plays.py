"""Each way to a request that a fault hits: who is executed, and what must not have come of it."""

import dataclasses
import hashlib
import json

from injector import FAULTS
from on_cluster import OnCluster, outcome
from world import Pipeline

# A second try is enough to see that there is one; five take seconds each.
FEWER_ATTEMPTS = {"AWS_MAX_ATTEMPTS": "3"}
FAILED_DEPLOYMENT = "echo '❌  Broken failed: the stack named Broken failed to deploy'; exit 1\n"


@dataclasses.dataclass
class Played:
    code: int
    err: str  # what a person reads
    said: str  # all that was logged
    harm: list


def variables_of(step, injector):
    """Lead to the injector."""
    variables = {f"AWS_ENDPOINT_URL_{step.service.upper()}": injector.url}
    return variables if injector.is_over_soon else variables | FEWER_ATTEMPTS


def later_steps(ended):
    """Of those that began after the one that failed."""
    finished = ended.events("step_finished")
    failed = [number for number, each in enumerate(finished) if each["state"] == "failed"]
    return [f"began after the failure: {each['step']}"
            for each in finished[failed[0] + 1:]] if failed else []


def played(ended, harm=()):
    return Played(ended.code, ended.err, ended.out, [*later_steps(ended), *harm])


def validate(world, step, injector):
    pipeline = Pipeline(world, bucket=world.built.bucket)
    return played(world.workflow(pipeline, world.commit).run(
        "validate", **variables_of(step, injector)))


def web_identity(world, step, injector):
    """The pod has no keys, but its service account's token."""
    pipeline = Pipeline(world, bucket=world.built.bucket)
    pipeline.variables = {**world.account.variables, "FAKE_CDK": str(pipeline.control)}
    return played(world.workflow(pipeline, world.commit).run(
        "validate", **variables_of(step, injector)))


def build(world, step, injector, commit=None):
    commit = commit or world.commit
    pipeline = Pipeline(world)
    ended = world.workflow(pipeline, commit).run("build", **variables_of(step, injector))
    harm = list(missing_artifacts(world, pipeline.bucket, commit))
    # Whom S3 does not hear, or who does not hear S3, cannot end it: the bucket's rule does.
    is_heard = injector.fault not in (FAULTS["connection refused"], FAULTS["half an answer"])
    if ended.code != 0 and is_heard and world.aws.client("s3").list_multipart_uploads(
            Bucket=pipeline.bucket).get("Uploads"):
        harm.append("an upload in parts is left open")
    if ended.code == 0 and f"{commit}/artifacts.json" not in world.aws.keys(pipeline.bucket):
        harm.append("the build succeeded without artifacts.json")
    return played(ended, harm)


def large_build(world, step, injector):
    return build(world, step, injector, world.large)


def missing_artifacts(world, bucket, commit):
    """Of a list that S3 took though its answer never came: the list is whole, or not there."""
    keys = world.aws.keys(bucket)
    if f"{commit}/artifacts.json" not in keys:
        return
    client = world.aws.client("s3")
    written = client.get_object(Bucket=bucket, Key=f"{commit}/artifacts.json")["Body"].read()
    for file in json.loads(written)["files"]:
        key = f"{commit}/{file['key']}"
        content = (client.get_object(Bucket=bucket, Key=key)["Body"].read() if key in keys else b"")
        if hashlib.sha256(content).hexdigest() != file["sha256"]:
            yield f"artifacts.json names {key}, which is not there"


def with_artifacts(world, commit, step, injector, **variables):
    """The stage of a commit that is built, and its pipeline."""
    pipeline = Pipeline(world, bucket=world.built.bucket)
    ended = world.workflow(pipeline, commit).run(
        step.stage, **variables_of(step, injector), **variables)
    return pipeline, ended


def before_deployment(world, step, injector):
    """A deployment that must not begin without this step."""
    pipeline, ended = with_artifacts(world, world.commit, step, injector)
    return played(ended, ["deployed"] if ended.code != 0 and pipeline.has_deployed else [])


def deployment(world, step, injector):
    return played(with_artifacts(world, world.commit, step, injector)[1])


def stock_deployment(world, step, injector):
    return played(with_artifacts(world, world.stock, step, injector)[1])


def approved_deployment(world, step, injector):
    pipeline, ended = with_artifacts(
        world, world.gated, step, injector, APHEX_APPROVAL_DECISION="approved",
        APHEX_APPROVAL_DIGEST=world.digest, APHEX_APPROVAL_PEOPLE="grace")
    return played(ended, ["deployed"] if ended.code != 0 and pipeline.has_deployed else [])


def question(world, step, injector):
    """Without what would change, Argo must not be told to ask."""
    _, ended = with_artifacts(world, world.gated, step, injector)
    asked = (ended.volume / "work/changes-digest").exists()
    return played(ended, ["asks though it failed"] if ended.code != 0 and asked else [])


def failed_deployment(world, step, injector):
    """A stack rolls back, and CloudFormation is asked why."""
    pipeline = Pipeline(world, bucket=world.built.bucket)
    (pipeline.control / "on-deploy-Broken").write_text(FAILED_DEPLOYMENT, encoding="utf-8")
    return played(world.workflow(pipeline, world.broken).run(
        "deploy-dev", **variables_of(step, injector)))


def watched(world, step, injector):
    """A stage with log group and metrics, which never fails for them."""
    pipeline = Pipeline(world, bucket=world.built.bucket, watched=True)
    workflow = world.workflow(pipeline, world.commit)
    ended = workflow.run("test-dev", **variables_of(step, injector))
    made = played(ended)
    if shipped(world, pipeline) == ended.out.splitlines():
        made.said = made.said.replace("log lines do not go to CloudWatch Logs", "for a while: ")
    return made


def shipped(world, pipeline):
    """The lines in CloudWatch Logs."""
    logs = world.aws.client("logs")
    streams = logs.describe_log_streams(logGroupName=pipeline.log_group)["logStreams"]
    return [event["message"] for stream in streams for event in logs.get_log_events(
        logGroupName=pipeline.log_group, startFromHead=True,
        logStreamName=stream["logStreamName"])["events"]]


def end_of_workflow(world, step, injector):
    pipeline = Pipeline(world, bucket=world.built.bucket, watched=True)
    return played(world.workflow(pipeline, world.commit).pod("exit").run(
        APHEX_WORKFLOW_STATUS="Succeeded", APHEX_WORKFLOW_FAILURES="null",
        APHEX_WORKFLOW_DURATION="61.5", **variables_of(step, injector)))


def clone(world, step, injector, commit=None):
    pipeline = Pipeline(world, bucket=world.built.bucket)
    workflow = world.workflow(pipeline, commit or world.commit,
                              repositoryUrl=f"{injector.url}/public/app.git")
    pod = workflow.pod("validate")
    pod.clone()
    ended = pod.run()
    began = ended.events("step_finished")
    return played(ended, ["steps ran without the commit"]
                  if ended.code != 0 and len(began) > 1 else [])


def clone_parent(world, step, injector):
    return clone(world, step, injector, world.parent)


class Changing(OnCluster):
    """A pipeline whose template a commit's stage `pipeline` changes."""

    def __init__(self, world, commit):
        pipeline = Pipeline(world, bucket=world.built.bucket)
        pipeline.directory.mkdir()
        super().__init__(pipeline, world.cluster, pipeline.directory)
        with world.configured(world.commit):
            generated = self.generate()
        self.install(generated)
        self.before = self.template
        self.commit = commit
        self.of_commit = world.workflow(pipeline, commit, generate=lambda: generated)
        self.of_commit.namespace = self.namespace

    @property
    def is_changed(self):
        return self.template["metadata"]["annotations"]["aphex.dev/commit"] == self.commit

    def stands(self, injector):
        """As it was; or wholly changed by what the server did, and could not tell."""
        untold = injector.fault is FAULTS["half an answer"]
        return self.template == self.before or untold and self.is_changed

    def run_behind(self, injector):
        account = self.generated.workflow_template["spec"]["serviceAccountName"]
        token = self.cluster.user_token(f"system:serviceaccount:{self.namespace}:{account}")
        self.kubeconfig = self.write_kubeconfig(token, server=injector.url)
        return self.run(self.of_commit)


def template(world, step, injector):
    """Whatever fails, the template stands as it was."""
    of = Changing(world, world.commit)
    ended = of.run_behind(injector)
    return played(ended, [] if ended.code == 0 and of.is_changed or of.stands(injector)
                  else ["the template is neither the one before nor the commit's"])


def rehearsed_successor(world, step, injector):
    return successor(world, step, injector, changes=False)


def successor(world, step, injector, changes=True):
    """Another workflow goes on. That the template is changed before it is made does no harm: who
    tries the pod again makes it."""
    of = Changing(world, world.changed)
    ended = of.run_behind(injector)
    harm = []
    if ended.code != 0 and outcome(ended) is not None:
        harm.append("Argo is told to go on")
    if ended.code != 0 and not changes and not of.stands(injector):
        harm.append("the template has changed")
    if ended.code != 0 and changes and not of.is_changed:
        harm.append("the template is not the commit's")
    if ended.code == 0 and not of.has_successor(of.of_commit):
        harm.append("there is no successor")
    return played(ended, harm)
