"""Fixtures and helpers of tests about who is told of what."""

import json
import sqlite3
import time

import boto3
import pytest
from slack_sdk.models.blocks import Block

from program import planted, wait_until

PUBLIC = "https://aphex.example.com"


@pytest.fixture
def opened():
    """Whoever is opened here is closed at the end."""
    those = []

    def keep(one):
        those.append(one)
        return one
    yield keep
    for each in those:
        each.close()


@pytest.fixture
def tell(server, opened):
    """Writes secrets beside the server's configuration, and configures its channels."""

    class Tell:
        def __init__(self):
            self.channels = []

        def github(self, github, **more):
            file = server.file("github-token", github.token + "\n", "GitHub token")
            self.channels.append({"channel": "github", "apiUrl": github.url,
                                  "tokenFile": file} | more)

        def app(self, github, **more):
            key = github.use_app()
            self.channels.append({"channel": "github", "apiUrl": github.url, "appId": "12345",
                                  "privateKeyFile": server.file(
                                      "app.pem", key + "\n", "GitHub app's key")} | more)

        def slack(self, collector, **more):
            secret = planted.secret("Slack address", "a-secret-of-the-hook")
            url = server.file("slack-url", f"{collector.url}/services/T0/B0/{secret}\n",
                              "Slack address")
            self.channels.append({"channel": "slack", "urlFile": url} | more)

        def email(self, mailbox, **more):
            self.channels.append({"channel": "email", "host": "127.0.0.1", "port": mailbox.port,
                                  "security": "none", "from": "Aphex <aphex@example.com>",
                                  "to": ["team@example.com"]} | more)

        def start(self, **more):
            server.start(publicUrl=PUBLIC, notifications=self.channels, **more)

        def link(self, number):
            """To the run of the so many-th notification."""
            return f"{PUBLIC}/runs/{self.listed[number]['run']}"

        @property
        def listed(self):
            return list(reversed(server.get("/api/v1/notifications").json["notifications"]))

        def states(self, channel):
            return [each["state"] for each in self.listed if each["channel"] == channel]

        def await_quiet(self, seconds=60):
            """Everything that has happened is told, or given up."""
            def quiet():
                with sqlite3.connect(server.program.state / "aphex.db") as database:
                    left = database.execute("SELECT count(*) FROM happenings").fetchone()[0]
                database.close()
                listed = self.listed
                return left == 0 and all(each["state"] != "waiting" for each in listed) and listed
            return wait_until(quiet, "nothing waits to be told", seconds)
    return Tell()


def fails(server, message="A change"):
    server.application.configure(build=["echo broken >&2; exit 3"])
    return run(server, message)


def works(server, message="A change"):
    server.application.configure()
    return run(server, message)


def run(server, message="A change", payload=None):
    commit = server.application.commit(message)
    if payload:
        assert server.deliver(payload(commit)).status == 202
    else:
        assert server.push(commit).status == 202
    server.await_ended(seconds=120)
    return commit


def nothing_happens(seconds=1.5):
    time.sleep(seconds)


def slack_texts(collector):
    """Checked by Slack's own library: the kinds of blocks and the limits of their texts."""
    for request in collector.requests:
        assert request.headers["Content-Type"] == "application/json"
        for block in Block.parse_all(request.json["blocks"]):
            assert block.to_dict()
    return [request.json["text"] for request in collector.requests]


@pytest.fixture
def topic(sandbox):
    """Makes a topic whose messages end in a queue; gives its ARN and what came."""
    options = {"endpoint_url": sandbox["AWS_ENDPOINT_URL"], "region_name": "us-east-1",
               "aws_access_key_id": sandbox["AWS_ACCESS_KEY_ID"],
               "aws_secret_access_key": sandbox["AWS_SECRET_ACCESS_KEY"],
               "aws_session_token": sandbox.get("AWS_SESSION_TOKEN")}
    sns, sqs = boto3.client("sns", **options), boto3.client("sqs", **options)

    def make(fifo):
        suffix, more = (".fifo", {"FifoQueue": "true"}) if fifo else ("", {})
        arn = sns.create_topic(Name=f"told-{time.time_ns()}{suffix}", Attributes={
            "FifoTopic": "true"} if fifo else {})["TopicArn"]
        queue = sqs.create_queue(QueueName=f"told-{time.time_ns()}{suffix}",
                                 Attributes=more)["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])[
            "Attributes"]["QueueArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)

        def come():
            found = []
            while batch := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get(
                    "Messages"):
                for each in batch:
                    found.append(json.loads(each["Body"]))
                    sqs.delete_message(QueueUrl=queue, ReceiptHandle=each["ReceiptHandle"])
            return found
        return arn, come
    return make
