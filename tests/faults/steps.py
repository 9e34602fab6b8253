"""Of each step the request that a fault hits, and who is executed for it: rows of the table."""

import dataclasses

import plays
import plays_of_commands as commands
import plays_of_provider as provider
from injector import FAULTS

ONCE, ALWAYS = 1, None


@dataclasses.dataclass(frozen=True)
class Step:
    """`wanted` says which of the requests to `service` is hit; `thing` and `place` are what an
    error has to name: patterns."""
    name: str
    stage: str  # or the command
    service: str
    protocol: str
    wanted: object
    play: object
    thing: str = ""
    place: str = ""
    upload: bool = False
    checksum: bool = False
    only: tuple = ()  # of the faults; empty: those that make sense
    # Of the faults that stay: the CDK's command line tries for minutes; None: all.
    lasting: tuple | None = None
    # A step without which it goes on: what is said of it, as a pattern; and how the whole ends.
    says: str = ""
    code: int = 0
    brief: bool = False  # its tries take less time than a port is closed
    retried: bool = True  # else the step comes again by itself, much later
    remedy: str = r"\n hint: "
    # What becomes of these is another than of most: "expired token once" passes, ... is an error.
    survives: tuple = ()
    fails: tuple = ()

    @property
    def is_stage(self):
        return " " not in self.stage

    @property
    def needs_cluster(self):
        return self.service == "kubernetes" or self.stage == "the provider"


def is_method(wanted, part=""):
    return lambda asked: asked.method == wanted and part in asked.path


def is_operation(*names):
    return lambda asked: asked.operation in names


def any_request(_asked):
    return True


def of_another_program(asked):
    return not asked.agent.startswith("aphex/")


def is_apply(asked):
    return asked.method == "PATCH" and "dryRun" not in asked.path


def is_dry_apply(asked):
    return asked.method == "PATCH" and "dryRun" in asked.path


def is_create(asked):
    return (asked.method == "POST" and "/workflows" in asked.path and "dryRun" not in asked.path)


def is_dry_create(asked):
    return asked.method == "POST" and "/workflows" in asked.path and "dryRun" in asked.path


def of_its_end(asked):
    """Points of the time that goes by are sent in passing."""
    return b"StageDuration" in asked.content


def of_submodule(asked):
    return "/shared.git" in asked.path


def of_object(name):
    return lambda asked: asked.method == "GET" and name in asked.path


ROLE = "role/cdk-hnb659fds-deploy-role|who we are"
TEMPLATE = ("WorkflowTemplate", "cluster arbiter")
SUCCESSOR = ("Workflow ", "cluster arbiter")

GIT = [
    Step("clone the commit", "validate", "git", "git", any_request, plays.clone,
         "repository|commit|remote|git", "localhost", checksum=True),
    Step("clone a submodule", "validate", "git", "git", of_submodule, plays.clone_parent,
         "submodule shared|commit", "localhost", checksum=True),
    Step("clone a pushed commit", "aphex serve", "git", "git", any_request,
         commands.pushed_commit, "repository|commit|remote|git", "localhost", checksum=True),
    Step("ask which branches there are", "aphex serve", "git", "git", any_request, commands.sweep,
         says="it is unknown which branches of app are there", retried=False),
]

ACCESS = [
    Step("take the pod's credentials", "validate", "sts", "query",
         is_operation("AssumeRoleWithWebIdentity"), plays.web_identity,
         "AssumeRoleWithWebIdentity arn|web identity, role arn", "STS|sts|AWS credentials"),
    Step("ask who we are", "validate", "sts", "query", is_operation("GetCallerIdentity"),
         plays.validate, "who we are|credentials", "STS"),
    Step("assume the role of an environment", "validate", "sts", "query",
         is_operation("AssumeRole"), plays.validate, ROLE, "STS|environment dev"),
    Step("assume the role of an environment", "aphex run", "sts", "query",
         is_operation("AssumeRole"), commands.local_run, ROLE, "STS|environment dev",
         only=("500",)),
    Step("read the bootstrap's version", "validate", "ssm", "json", any_request, plays.validate,
         "/cdk-bootstrap/hnb659fds/version", "SSM"),
]

BUILD = [
    Step("look for artifacts", "build", "s3", "s3", of_object("artifacts.json"), plays.build,
         r"artifacts\.json", "S3 GetObject s3://"),
    Step("upload an artifact", "build", "s3", "s3", is_method("PUT", "build-output"), plays.build,
         r"build-output\.tar\.gz", "S3 PutObject s3://", upload=True, checksum=True),
    Step("upload an artifact", "aphex run", "s3", "s3", is_method("PUT", "build-output"),
         commands.local_run, r"build-output\.tar\.gz", "S3 PutObject s3://",
         only=("503 SlowDown",)),
    Step("begin an upload in parts", "build", "s3", "s3", is_method("POST", "uploads="),
         plays.large_build, r"build-output\.tar\.gz", "S3 CreateMultipartUpload s3://"),
    Step("upload a part", "build", "s3", "s3", is_method("PUT", "partNumber="), plays.large_build,
         r"build-output\.tar\.gz", "S3 UploadPart s3://", upload=True, checksum=True),
    Step("end an upload in parts", "build", "s3", "s3", is_method("POST", "uploadId="),
         plays.large_build, r"build-output\.tar\.gz", "S3 CompleteMultipartUpload s3://"),
    Step("write the list of artifacts", "build", "s3", "s3", is_method("PUT", "artifacts.json"),
         plays.build, r"artifacts\.json", "S3 PutObject s3://", upload=True, checksum=True),
]

PIPELINE = [
    Step("read the template", "pipeline", "kubernetes", "kubernetes",
         is_method("GET", "/workflowtemplates/"), plays.template, *TEMPLATE),
    Step("try to apply the template", "pipeline", "kubernetes", "kubernetes", is_dry_apply,
         plays.template, *TEMPLATE, upload=True),
    Step("try to create the next workflow", "pipeline", "kubernetes", "kubernetes", is_dry_create,
         plays.rehearsed_successor, *SUCCESSOR, upload=True),
    Step("apply the template", "pipeline", "kubernetes", "kubernetes", is_apply, plays.template,
         *TEMPLATE, upload=True),
    Step("create the next workflow", "pipeline", "kubernetes", "kubernetes", is_create,
         plays.successor, *SUCCESSOR, upload=True),
]

APPROVAL = [
    Step("look at a stack", "approve-dev", "cloudformation", "query",
         is_operation("DescribeStacks"), plays.question, "Api", "CloudFormation"),
    Step("read what is deployed", "approve-dev", "cloudformation", "query",
         is_operation("GetTemplate"), plays.question, "Api", "CloudFormation"),
    Step("keep what would change", "approve-dev", "s3", "s3", is_method("PUT", "/changes/"),
         plays.question, r"/changes/dev-", "S3 PutObject s3://", upload=True, checksum=True),
    Step("read what waits for a decision", "aphex approve", "kubernetes", "kubernetes",
         is_method("GET", "/workflows/"), commands.gate, "Workflow", "cluster arbiter"),
    Step("decide about a deployment", "aphex approve", "kubernetes", "kubernetes",
         is_method("PATCH", "/workflows/"), commands.gate, "Workflow", "cluster arbiter",
         upload=True, survives=("half an answer always",)),  # it looks whether it was taken
    Step("read what was approved", "deploy-dev", "s3", "s3", of_object("/changes/"),
         plays.approved_deployment, r"/changes/dev-", "S3 GetObject s3://|s3://", checksum=True),
]

DEPLOYMENT = [
    Step("download artifacts", "deploy-dev", "s3", "s3", of_object("build-output"),
         plays.before_deployment, r"build-output\.tar\.gz", "S3 GetObject s3://|s3://",
         checksum=True),
    Step("read the state of a stack", "deploy-dev", "cloudformation", "query",
         is_operation("DescribeStacks"), plays.deployment, says="its state is unknown"),
    Step("deploy a stack by the stock `cdk`", "deploy-dev", "cloudformation", "query",
         of_another_program, plays.stock_deployment, "Api was not deployed", "cdk exit code",
         lasting=("expired token", "slow answer"), survives=("expired token once",)),
    Step("ask why a stack failed", "deploy-dev", "cloudformation", "query",
         is_operation("DescribeStackEvents"), plays.failed_deployment,
         says="its events are unknown", code=1),
    Step("keep the events of a failed stack", "deploy-dev", "s3", "s3",
         is_method("PUT", "/events/"), plays.failed_deployment, upload=True, checksum=True,
         says="events could not be kept", code=1),
    Step("keep the outputs", "deploy-dev", "s3", "s3", is_method("PUT", "outputs/"),
         plays.deployment, r"outputs/dev\.json", "S3 PutObject s3://", upload=True,
         checksum=True),
    Step("delete a stack", "aphex serve", "cloudformation", "query", is_operation("DeleteStack"),
         commands.teardown, "Api-", "CloudFormation"),
    Step("read the outputs", "test-dev", "s3", "s3", of_object("outputs/"), plays.deployment,
         r"outputs/dev\.json", "S3 GetObject s3://|s3://", checksum=True),
]

WATCHING = [
    Step("send metrics", "test-dev", "monitoring", "query", of_its_end, plays.watched,
         says="the metrics did not reach CloudWatch", brief=True),
    Step("make a stream of the log", "test-dev", "logs", "json", is_operation("CreateLogStream"),
         plays.watched, says="log lines do not go to CloudWatch Logs", brief=True),
    Step("send lines of the log", "test-dev", "logs", "json", is_operation("PutLogEvents"),
         plays.watched, says="log lines do not go to CloudWatch Logs", brief=True),
    Step("notify people", "the exit handler", "sns", "query", any_request,
         plays.end_of_workflow, says="nobody was notified"),
]

# An answer to CloudFormation has no lines of its own for what mends it.
REMEDY = "; .*(try again|check|sign in|leads there|look for|publish)"
REMEDY_OF_CLUSTER = "; (the API server itself fails: try again|check that|give it an access entry)"
OBJECT = (r"ConfigMap test-\d+/object-", "cluster arbiter-")

PROVIDER = [
    Step("read a secret", "the provider", "secretsmanager", "json", any_request,
         provider.secret_object, "secret:hook", "Secrets Manager GetSecretValue", remedy=REMEDY,
         survives=("expired token once",)),
    Step("read an object's manifest", "the provider", "s3", "s3", is_method("GET"),
         provider.stored_object, r"object-\w+\.json", "s3://cdk-hnb659fds-assets-", checksum=True,
         remedy=REMEDY, survives=("expired token once",), fails=("wrong checksum once",)),
    Step("find the cluster", "the provider", "eks", "json", any_request, provider.custom_resource,
         "arbiter", "EKS DescribeCluster", remedy=REMEDY, survives=("expired token once",)),
    Step("look for an object", "the provider", "kubernetes", "kubernetes",
         is_method("GET", "/configmaps/"), provider.created_object, *OBJECT,
         remedy=REMEDY_OF_CLUSTER),
    Step("apply an object", "the provider", "kubernetes", "kubernetes",
         is_method("PATCH", "/configmaps/"), provider.created_object, *OBJECT, upload=True,
         remedy=REMEDY_OF_CLUSTER),
    Step("delete an object", "the provider", "kubernetes", "kubernetes",
         is_method("DELETE", "/configmaps/"), provider.deleted_object, *OBJECT, upload=True,
         remedy=f"{REMEDY_OF_CLUSTER}.*delete the stack again"),
]

STEPS = [*GIT, *ACCESS, *BUILD, *PIPELINE, *APPROVAL, *DEPLOYMENT, *WATCHING, *PROVIDER]


def faults_of(step, times):
    for fault in FAULTS:
        if times is ALWAYS and step.lasting is not None and fault not in step.lasting:
            continue
        if step.only and fault not in step.only:
            continue
        if fault == "wrong checksum" and not step.checksum:
            continue
        if fault == "cut in the middle of an upload" and not step.upload:
            continue
        yield fault
