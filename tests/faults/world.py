"""One application and what its stages talk to; of each step the request that a fault hits."""

import base64
import dataclasses
import hashlib
import json
import re
import threading
import uuid

import git_hosting
from application import Application, environment
from injector import FAULTS, Injector
from on_cluster import OnCluster

# A second try is enough to see that there is one; five take seconds each.
ATTEMPTS = {"AWS_MAX_ATTEMPTS": "3"}
TOKEN = "ghp_faults"


@dataclasses.dataclass(frozen=True)
class Step:
    """`wanted` says which of the requests to `service` is hit; `thing` and `place` are what an
    error has to name: patterns. `faults`: those that make sense here."""
    name: str
    stage: str
    service: str
    protocol: str
    wanted: object
    thing: str
    place: str
    upload: bool = False
    checksum: bool = False


def is_method(wanted, part=""):
    return lambda method, path: method == wanted and part in path


def any_request(_method, _path):
    return True


STEPS = [
    Step("clone the commit", "validate", "git", "git", any_request,
         "repository|commit|remote", "localhost", checksum=True),
    Step("assume the role of an environment", "validate", "sts", "query", any_request,
         "role/cdk-hnb659fds-deploy-role|who we are", "STS|sts"),
    Step("read the bootstrap's version", "validate", "ssm", "json", any_request,
         "/cdk-bootstrap/hnb659fds/version", "SSM"),
    Step("look for artifacts", "build", "s3", "s3", is_method("GET", "artifacts.json"),
         r"artifacts\.json", "S3 GetObject s3://"),
    Step("upload an artifact", "build", "s3", "s3", is_method("PUT", "build-output"),
         r"build-output\.tar\.gz", "S3 PutObject s3://", upload=True, checksum=True),
    Step("upload in parts", "build", "s3", "s3", is_method("PUT", "partNumber="),
         r"build-output\.tar\.gz", "S3 UploadPart s3://", upload=True, checksum=True),
    Step("write the list of artifacts", "build", "s3", "s3", is_method("PUT", "artifacts.json"),
         r"artifacts\.json", "S3 PutObject s3://", upload=True, checksum=True),
    Step("read the template", "pipeline", "kubernetes", "kubernetes",
         is_method("GET", "/workflowtemplates/"), "WorkflowTemplate", "cluster arbiter"),
    Step("apply the template", "pipeline", "kubernetes", "kubernetes",
         is_method("PATCH", "/workflowtemplates/"), "WorkflowTemplate", "cluster arbiter",
         upload=True),
    Step("download artifacts", "deploy-dev", "s3", "s3", is_method("GET", "build-output"),
         r"build-output\.tar\.gz", "S3 GetObject s3://|s3://", checksum=True),
    Step("read the state of a stack", "deploy-dev", "cloudformation", "query", any_request,
         "Api", "CloudFormation"),
    Step("keep the outputs", "deploy-dev", "s3", "s3", is_method("PUT", "outputs/"),
         r"outputs/dev\.json", "S3 PutObject s3://", upload=True, checksum=True),
]


def faults_of(step):
    for fault in FAULTS:
        if fault == "wrong checksum" and not step.checksum:
            continue
        if fault == "cut in the middle of an upload" and not step.upload:
            continue
        yield fault


@dataclasses.dataclass
class Outcome:
    code: int
    err: str
    records: list
    hits: int
    seen: list
    harm: str  # what is half done; empty: nothing

    @property
    def words(self):
        """Without what differs from run to run."""
        text = self.err.strip()
        for pattern, name in (
                (r"\b[0-9a-f]{64}\b", "SHA256"), (r"\b[0-9a-f]{40}\b", "COMMIT"),
                (r"artifacts-app-[0-9a-z-]+", "BUCKET"), (r"app-[0-9a-f]{8}\b", "PIPELINE"),
                (r"(localhost|127\.0\.0\.1)(:| port )\d+", r"\1\2PORT"), (r"test-\d+", "NAMESPACE"),
                (r"after \d+ ms", "after TIME"), (r"\b\d+ (out of \d+ )?bytes", "N bytes"),
                (r"with \d+ bytes", "with N bytes"), (r"\b\d+ milliseconds", "TIME"),
                (r"(/[\w.-]+)+/(work|source)\b", "WORK")):
            text = re.sub(pattern, name, text)
        return text


class World:
    def __init__(self, directory, fixtures, generator, variables, aws, cluster):
        self.directory = directory
        self.fixtures, self.generator, self.aws, self.cluster = fixtures, generator, aws, cluster
        self.variables = variables
        self.application = Application(directory / "app", variables)
        self.variables["FAKE_CDK"] = str(self.application.control)
        self.application.configure(environment("dev", tests=("true",)), build=("true",))
        self.commit = self.application.commit()
        self.application.configure(
            environment("dev", tests=("true",)),
            build=("head -c 20000000 /dev/urandom > large",))
        self.large = self.application.commit("Something large")
        self.git = GitServer(directory, self.variables, self.application.directory)
        self.lock = threading.Lock()  # the generator answers one question at a time
        self.built = self.pipeline()
        ended = self.workflow(self.built, self.commit).run("build")
        assert ended.code == 0, ended.err

    def close(self):
        self.git.close()

    def pipeline(self):
        name = uuid.uuid4().hex[:8]
        return self.fixtures.Pipeline(self.directory / f"pods-{name}", self.generator,
                                      self.application, {**self.variables, **ATTEMPTS}, self.aws)

    def workflow(self, pipeline, commit, **parameters):
        """Of the configuration of that commit, which not always is the one on disk."""
        file = self.application.directory / "aphex-config.yaml"
        with self.lock:
            file.write_text(self.application.git("show", f"{commit}:aphex-config.yaml"),
                            encoding="utf-8")
            return pipeline.workflow(commit, **parameters)

    def endpoint(self, service):
        return {"git": self.git.url, "kubernetes": self.cluster.endpoint}.get(
            service, self.variables["AWS_ENDPOINT_URL"])

    def injector(self, step, fault, times):
        more = {}
        if step.service == "kubernetes":
            keys = self.cluster.ca_file.parent
            more = {"tls": (keys / "server.pem", keys / "server.key"),
                    "trust": self.cluster.ca_file}
        return Injector(self.endpoint(step.service), step.protocol, FAULTS[fault], times,
                        step.wanted, **more)

    def run(self, step, fault, times):
        """The stage's pod with the fault at that step; `times` None: whenever it is asked."""
        injector = self.injector(step, fault, times)
        try:
            ended, harm = RUNS[step.service](self, step, injector)
        finally:
            injector.close()
        return Outcome(ended.code, ended.err, ended.records, injector.hits(), injector.seen, harm)


def later_steps(ended):
    """Titles of the steps that began after the one that failed."""
    finished = [each for each in ended.records if each["event"] == "step_finished"]
    failed = [number for number, each in enumerate(finished) if each.get("state") == "failed"]
    return [each for each in finished[failed[0] + 1:]] if failed else []


def run_aws(world, step, injector):
    large = step.name == "upload in parts"
    commit = world.large if large else world.commit
    pipeline = world.built if step.stage == "deploy-dev" else world.pipeline()
    variables = {f"AWS_ENDPOINT_URL_{step.service.upper()}": injector.url}
    ended = world.workflow(pipeline, commit).run(step.stage, **variables)
    harm = [f"began after the failure: {each}" for each in later_steps(ended)]
    if step.stage == "build" and ended.code != 0:
        client = world.aws.client("s3")
        harm += missing_artifacts(world, pipeline.bucket, commit)
        if client.list_multipart_uploads(Bucket=pipeline.bucket).get("Uploads"):
            harm.append("an upload in parts is left open")
    if step.stage == "build" and ended.code == 0:
        if not any(key.endswith("artifacts.json") for key in world.aws.keys(pipeline.bucket)):
            harm.append("the build succeeded without artifacts.json")
    return ended, "; ".join(harm)


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


def run_kubernetes(world, step, injector):
    pipeline = world.pipeline()
    with world.lock:
        on_cluster = OnCluster(pipeline, world.cluster, pipeline.directory.parent)
        on_cluster.directory = pipeline.directory
        pipeline.directory.mkdir(exist_ok=True)
        file = world.application.directory / "aphex-config.yaml"
        file.write_text(world.application.git("show", f"{world.commit}:aphex-config.yaml"),
                        encoding="utf-8")
        on_cluster.install(on_cluster.generate())
    before = on_cluster.template
    workflow = on_cluster.workflow(world.commit)
    token = world.cluster.user_token(
        f"system:serviceaccount:{on_cluster.namespace}:"
        f"{on_cluster.generated.workflow_template['spec']['serviceAccountName']}")
    on_cluster.kubeconfig = on_cluster.write_kubeconfig(token, server=injector.url)
    ended = on_cluster.run(workflow)
    after = on_cluster.template
    harm = ""
    if ended.code != 0 and after != before:
        harm = "the template has changed"
    if ended.code == 0 and after["metadata"]["annotations"]["aphex.dev/commit"] != world.commit:
        harm = "the template is not the commit's"
    return ended, harm


def run_git(world, step, injector):
    workflow = world.workflow(world.pipeline(), world.commit,
                              repositoryUrl=f"{injector.url}/public/app.git")
    pod = workflow.pod(step.stage)
    pod.clone()
    ended = pod.run()
    began = [each for each in ended.records if each["event"] == "step_finished"]
    harm = "" if ended.code == 0 or len(began) <= 1 else "steps ran without the commit"
    return ended, harm


RUNS = {"git": run_git, "kubernetes": run_kubernetes, "s3": run_aws, "sts": run_aws,
        "ssm": run_aws, "cloudformation": run_aws}


class GitServer:
    """git's own http-backend by plain HTTP: what a fault hits must not be encrypted."""

    def __init__(self, directory, variables, source):
        self.hosting = git_hosting.GitHosting.__new__(git_hosting.GitHosting)
        self.hosting.seen, self.hosting.tunnels = [], []
        self.hosting.variables = variables
        self.hosting.root = directory / "repositories"
        self.hosting.root.mkdir()
        self.hosting.authorization = "Basic " + base64.b64encode(TOKEN.encode()).decode()
        self.hosting.lock, self.hosting.connections = threading.Lock(), set()
        self.hosting.server = git_hosting.Server(self.hosting)
        self.hosting.thread = threading.Thread(target=self.hosting.server.serve_forever)
        self.hosting.thread.start()
        self.hosting.publish(source, "public/app")
        self.url = f"http://127.0.0.1:{self.hosting.server.server_address[1]}"

    def close(self):
        self.hosting.close()
