"""A pipeline with the environments dev and staging: a commit's way to the stage that fails, and
what is left untouched."""

import json

import yaml
from stock_application import StockApplication, queue

from application import DEV, STAGING, environment

STAGES = ["validate", "build", "pipeline", "deploy-dev", "test-dev", "deploy-staging",
          "test-staging"]


class Scenario:
    """The pipeline is installed as it is configured when its first commit goes."""

    def __init__(self, on_cluster, application, aws):
        self.on_cluster = on_cluster
        self.application = application
        self.aws = aws
        self.pipeline = on_cluster.pipeline
        self.bucket = self.pipeline.bucket
        self.stack = f"{self.pipeline.name}-Api"
        self.stock = StockApplication(application, self.stack)
        self.stock.has(queue(f"{self.stack}-queue"))
        self.template = None
        self.configure()

    def configure(self, build=("true",), tests=("true",), staging=STAGING, **more):
        self.application.configure(environment("dev", tests=tests),
                                   environment("staging", where=staging, tests=tests),
                                   build=build, **more)

    def change(self, edit):
        """Of the configuration's file, by a function of what it holds."""
        file = self.application.directory / "aphex-config.yaml"
        held = yaml.safe_load(file.read_text(encoding="utf-8"))
        edit(held)
        file.write_text(yaml.safe_dump(held, sort_keys=False), encoding="utf-8")

    def install(self):
        """The pipeline as its configuration is now."""
        self.on_cluster.install(self.on_cluster.generate())
        self.template = json.dumps(self.on_cluster.template)

    def go(self, until=None, **variables):
        """A commit's workflow: the stages that began, each with its end."""
        if self.template is None:
            self.install()
        self.commit = self.application.commit()
        self.workflow = self.on_cluster.workflow(self.commit)
        self.ended = self.on_cluster.go(self.workflow, until, **variables)
        return self.ended

    def fails(self, stage, code, words):
        """`stage` failed with these words and no others, and nothing began after it."""
        assert list(self.ended) == STAGES[:STAGES.index(stage) + 1], self.ended
        ended = self.ended[stage]
        assert (ended.code, ended.err) == (code, f"error: stage {stage} failed: {words}\n")
        [finished] = ended.events("run_finished")
        assert finished["state"] == "failed"
        self.template_stands(stage)
        return ended

    def template_stands(self, stage):
        """Byte for byte; where the pipeline's stage has succeeded it tells of the new commit."""
        now, before = self.on_cluster.template, json.loads(self.template)
        if STAGES.index(stage) > STAGES.index("pipeline"):
            assert now["metadata"]["annotations"]["aphex.dev/commit"] == self.commit
            now, before = now["spec"], before["spec"]
        assert json.dumps(now) == json.dumps(before)

    @property
    def retry(self):
        return f"argo retry -n {self.on_cluster.namespace} {self.workflow.name}"

    @property
    def keys(self):
        """What the bucket has of the commit."""
        return [key.removeprefix(f"{self.commit}/") for key in self.aws.keys(self.bucket)]

    def state_of_stack(self, where):
        stacks = self.of_account(where)("cloudformation").describe_stacks()["Stacks"]
        return next((each["StackStatus"] for each in stacks if each["StackName"] == self.stack),
                    None)

    def of_account(self, where):
        account, region = where
        clients = self.aws.of_account(account)
        return lambda service: clients(service, region)

    def nothing_is_deployed(self):
        assert self.state_of_stack(DEV) is None
        assert self.state_of_stack(STAGING) is None

    def deny(self, action, key="*"):
        """The bucket's policy, to everybody."""
        statement = {"Effect": "Deny", "Principal": "*", "Action": action,
                     "Resource": f"arn:aws:s3:::{self.bucket}/{key}"}
        self.aws.client("s3").put_bucket_policy(Bucket=self.bucket, Policy=json.dumps(
            {"Version": "2012-10-17", "Statement": [statement]}))

    def allow(self):
        self.aws.client("s3").delete_bucket_policy(Bucket=self.bucket)

    def shipped(self, stage):
        """The stage's lines in CloudWatch Logs."""
        logs = self.aws.client("logs")
        [stream] = logs.describe_log_streams(
            logGroupName=self.pipeline.log_group,
            logStreamNamePrefix=f"{self.workflow.name}/{stage}/")["logStreams"]
        events = logs.get_log_events(logGroupName=self.pipeline.log_group, startFromHead=True,
                                     logStreamName=stream["logStreamName"])["events"]
        return [json.loads(each["message"]).get("line") for each in events]
