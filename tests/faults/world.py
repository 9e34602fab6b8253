"""One application, what it is made of by which commit, and what its stages talk to."""

import base64
import json
import pathlib
import threading
import uuid

import argo_generator
import git_hosting
import neighbours
from application import DEV, Application, environment
from injector import FAULTS, Injector
from service_account import ServiceAccount
from stock_application import StockApplication, queue

ACCOUNT, REGION = DEV
TOKEN = "ghp_faults"
# Above one part of an upload, and no smaller when it is packed.
LARGE = "head -c 17000000 /dev/urandom > large"


class Aws(neighbours.stage.Aws):
    """A client takes as long to make as a stage does to run."""

    def __init__(self, variables):
        super().__init__(variables)
        self.lock = threading.Lock()
        self.made = {}

    def client(self, service, region=REGION):
        with self.lock:
            if (service, region) not in self.made:
                self.made[service, region] = super().client(service, region)
            return self.made[service, region]


class Pipeline(neighbours.stage.Pipeline):
    """With no more than what the cell is about: each call costs all others time."""

    def __init__(self, world, bucket=None, watched=False):
        self.directory = world.directory / f"pods-{uuid.uuid4().hex[:8]}"
        self.generator, self.application, self.aws = world.generator, world.application, world.aws
        self.variables = {**world.variables, "FAKE_CDK": str(world.control())}
        self.name = f"app-{uuid.uuid4().hex[:8]}"
        self.bucket = bucket or f"artifacts-{self.name}"
        self.watched = watched
        self.workflows = 0
        if not bucket:
            self.aws.client("s3").create_bucket(Bucket=self.bucket)
        if watched:
            self.log_group = f"/aphex/{self.name}"
            self.aws.client("logs").create_log_group(logGroupName=self.log_group)
            self.topic = self.aws.client("sns").create_topic(Name=self.name)["TopicArn"]

    def settings(self, **changes):
        settings = argo_generator.example_settings(
            pipeline=self.name, artifactBucket=self.bucket, executionRoleArn="",
            pullRequests="ignore", argoServerUrl="https://argo.example.com")
        for name in ("githubToken", "logGroup", "metricNamespace"):
            settings.pop(name)
        if self.watched:
            settings |= {"logGroup": self.log_group, "metricNamespace": "Aphex/Pipelines",
                         "notificationTopicArn": self.topic}
        return settings | changes

    @property
    def control(self):
        """Of the fake CDK."""
        return pathlib.Path(self.variables["FAKE_CDK"])

    @property
    def has_deployed(self):
        calls = self.control / "calls"
        return calls.exists() and "deploy" in calls.read_text(encoding="utf-8")


class World:
    def __init__(self, directory, generator, variables):
        self.directory = directory
        self.generator, self.variables = generator, variables
        self.aws = Aws(variables)
        self.cluster = None  # given by who knows whether it is needed
        self.lock = threading.Lock()  # the generator answers one question at a time
        self.application = Application(directory / "app", variables)
        self.configurations = {}
        self.make_commits()
        self.git = GitServer(directory, variables)
        self.git.publish(self.application.directory, "public/app")
        self.git.publish(self.application.directory, "public/shared")
        self.make_artifacts()
        self.account = ServiceAccount(self.aws, directory, variables)
        self.account.mount(3600)

    def make_commits(self):
        """Each has its own configuration."""
        app = self.application
        tested = environment("dev", tests=("true",))
        self.commit = self.made("The first", tested)
        self.large = self.made("Something large", tested, build=(LARGE,))
        self.gated = self.made("Somebody is asked",
                               environment("dev", approval={"approvers": ["grace"]}))
        self.changed = self.made("Another environment", tested, environment("prod"))
        app.stacks({"name": "Broken"})
        self.broken = self.made("A stack that cannot be made",
                                environment("dev", stacks=("Broken",)))
        self.stock = self.made_for_stock_cdk()
        app.stacks({"name": "Api", "outputs": {"Url": "http://api"}})
        app.write(".gitmodules", '[submodule "shared"]\n\tpath = shared\n\turl = ../shared.git\n')
        (app.directory / "shared").mkdir()
        app.git("update-index", "--add", "--cacheinfo", f"160000,{self.commit},shared")
        self.parent = self.made("With a submodule", tested)

    def made(self, message, *environments, **more):
        """A commit."""
        self.application.configure(*environments, **more)
        commit = self.application.commit(message)
        file = self.application.directory / "aphex-config.yaml"
        self.configurations[commit] = file.read_text(encoding="utf-8")
        return commit

    def made_for_stock_cdk(self):
        """A commit whose stack the real command line deploys; the next has the fake one again."""
        program = self.application.directory / "node_modules/.bin/cdk"
        fake = program.read_bytes()
        stock = StockApplication(self.application, f"Stock-{uuid.uuid4().hex[:8]}")
        stock.has(queue(stock.stack))
        commit = self.made("For the stock command line", environment("dev"))
        program.write_bytes(fake)
        return commit

    def make_artifacts(self):
        """What later stages begin with, and the stacks that they look at."""
        resources = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
        self.aws.client("cloudformation").create_stack(StackName="Api",
                                                       TemplateBody=json.dumps(resources))
        self.built = Pipeline(self)
        taken = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket",
                                          "Properties": {"BucketName": self.built.bucket}}}}
        self.aws.client("cloudformation").create_stack(StackName="Broken",
                                                       TemplateBody=json.dumps(taken))
        for commit, stages in ((self.commit, ("build", "deploy-dev")), (self.broken, ("build",)),
                               (self.stock, ("build", "deploy-dev")),
                               (self.gated, ("build", "approve-dev"))):
            workflow = self.workflow(self.built, commit)
            for stage in stages:
                ended = workflow.run(stage)
                assert ended.code == 0, ended.out + ended.err
        self.digest = (ended.volume / "work/changes-digest").read_text(encoding="utf-8")

    def close(self):
        self.git.close()

    def control(self):
        made = self.directory / f"cdk-{uuid.uuid4().hex[:8]}"
        made.mkdir()
        return made

    def workflow(self, pipeline, commit, generate=None, **parameters):
        """Of the configuration of that commit, which not always is the one on disk."""
        with self.configured(commit):
            return pipeline.workflow(commit, (generate or pipeline.generate)(), **parameters)

    def configured(self, commit):
        """A lock while the commit's configuration lies there."""
        return Configured(self, commit)

    def injector(self, step, fault, times):
        more = {}
        if step.service == "kubernetes":
            keys = self.cluster.ca_file.parent
            more = {"tls": (keys / "server.pem", keys / "server.key"),
                    "trust": self.cluster.ca_file}
        endpoint = {"git": self.git.url,
                    "kubernetes": self.cluster.endpoint if self.cluster else None}.get(
            step.service, self.variables["AWS_ENDPOINT_URL"])
        if step.brief:
            more["closed_seconds"] = 0
        wanted = step.wanted
        if (step.protocol, fault) == ("git", "wrong checksum"):  # only a pack has one

            def wanted(asked):
                return step.wanted(asked) and asked.operation == "fetch"
        return Injector(endpoint, step.protocol, FAULTS[fault], times, wanted, **more)


class Configured:
    def __init__(self, world, commit):
        self.world, self.commit = world, commit

    def __enter__(self):
        self.world.lock.acquire()
        file = self.world.application.directory / "aphex-config.yaml"
        file.write_text(self.world.configurations[self.commit], encoding="utf-8")

    def __exit__(self, *_):
        self.world.lock.release()


class GitServer:
    """git's own http-backend by plain HTTP: what a fault hits must not be encrypted."""

    def __init__(self, directory, variables):
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
        self.publish = self.hosting.publish
        self.close = self.hosting.close
        self.url = f"http://127.0.0.1:{self.hosting.server.server_address[1]}"
