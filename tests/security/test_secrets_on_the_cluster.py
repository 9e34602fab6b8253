"""Secrets of a pipeline are on the cluster in the Secrets that hold them, and in no other object:
neither the templates and workflows that the self-update makes, nor what its pods leave."""

import base64
import json

import pytest
from application import environment
from careless import COMMAND, GITHUB_TOKEN, VARIABLES
from leaks import Arguments
from leftovers import KINDS
from on_cluster import outcome
from planted import PLANTED, WEBHOOK_SECRET
from stage_fixtures import (  # noqa: F401  (fixtures)
    application, aws, cluster, generator, on_cluster, pipeline)

NAMES = {"github-token": ("token", GITHUB_TOKEN), "webhook": ("secret", WEBHOOK_SECRET)}


@pytest.fixture
def installed(on_cluster, application):  # noqa: F811
    """The pipeline as its configuration was, and the Secrets that the provider has made."""
    application.configure(environment("dev", tests=[COMMAND]), build=[COMMAND])
    on_cluster.install(on_cluster.generate())
    for name, (key, value) in NAMES.items():
        on_cluster.cluster.admin.apply({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": on_cluster.namespace},
            "data": {key: base64.b64encode(value.encode()).decode()}})
    return on_cluster


def objects_of(on_cluster):  # noqa: F811
    for group, kinds in KINDS.items():
        for kind in kinds:
            for each in on_cluster.cluster.admin.list(
                    f"{group}/namespaces/{on_cluster.namespace}/{kind}"):
                yield kind, each["metadata"]["name"], json.dumps(each).encode()


def test_what_the_self_update_makes_holds_no_secret(
        installed, application, pipeline, aws, tmp_path):  # noqa: F811
    application.configure(environment("dev", tests=[COMMAND]), environment("prod"),
                          build=[COMMAND])
    search = PLANTED.search()
    workflow = installed.workflow(application.commit())
    with Arguments(search) as arguments:
        ended = installed.go(workflow, validate=VARIABLES, build=VARIABLES, pipeline=VARIABLES)
        assert {stage: each.code for stage, each in ended.items()} == {
            "validate": 0, "build": 0, "pipeline": 0}, ended["pipeline"].err
    assert outcome(ended["pipeline"]) == "handed-over"

    found = list(objects_of(installed))
    assert [name for kind, name, _ in found if kind == "workflows"] == [f"{workflow.name}-r1"]
    assert len([name for kind, name, _ in found if kind == "workflowtemplates"]) >= 1
    with_secret = {name for kind, name, text in found if search.names_in(text)}
    assert with_secret == set(NAMES), "Secrets hold them, and nothing else"
    assert arguments.found == set()
    for each in ended.values():
        assert search.names_in((each.out + each.err).encode()) == []
    assert "***" in str(ended["build"].lines)
    logs = aws.client("logs").filter_log_events(logGroupName=pipeline.log_group)["events"]
    assert len(logs) > 10
    assert search.names_in(json.dumps(logs).encode()) == []
    for key in aws.keys(pipeline.bucket):
        body = aws.client("s3").get_object(Bucket=pipeline.bucket, Key=key)["Body"].read()
        (tmp_path / "pods" / key.replace("/", "-")).write_bytes(body)
    # The pods' volumes and the objects of the bucket; the API server's own logs.
    assert PLANTED.left_below(tmp_path) == []
    server = installed.cluster.ca_file.parent
    logs = {file.name: search.names_in(file.read_bytes()) for file in server.glob("*.log")}
    assert logs["audit.log"] == logs["kube-apiserver.log"] == []
