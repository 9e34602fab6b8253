"""Workflow execution: a workflow that is started by hand takes a commit through every stage, by
pods that share nothing but the bucket."""

import hashlib
import io
import json
import tarfile

import pytest
from stock_application import queue

from application import environment

STAGES = ["validate", "build", "pipeline", "deploy-dev", "test-dev"]
TESTS = ['echo "made $(cat dist/made.txt)"', 'echo "reached $APHEX_OUTPUT_API_URL"']


@pytest.fixture
def made(delivery):
    made = delivery("by-hand")
    made.application.has(queue("by-hand-api"), Network=queue("by-hand-network"))
    dev = environment("dev", stacks=("Network", "Api"), tests=TESTS)
    dev["stacks"][1]["dependsOn"] = ["Network"]
    made.configure(dev)
    made.sha = made.commit()
    return made.deploy()


def test_a_workflow_that_is_started_by_hand_delivers_a_commit(made):
    ended = made.succeeds(made.start(made.sha))

    assert list(ended) == STAGES
    finished = [each.events("run_finished")[0] for each in ended.values()]
    assert [each["state"] for each in finished] == ["succeeded"] * len(STAGES)
    times = [each.records[position]["time"] for each in ended.values() for position in (0, -1)]
    assert times == sorted(times), "a stage began before the one before it had ended"

    content = artifacts_are_whole(made)
    # The pods of the later stages began with an empty volume: what they read came from the bucket.
    assert f"made {content}" in ended["test-dev"].lines
    network, api = (made.stacks()[name] for name in ("by-hand-dev-Network", "by-hand-dev"))
    assert network["StackStatus"] == api["StackStatus"] == "CREATE_COMPLETE"
    assert network["CreationTime"] < api["CreationTime"]
    (url,) = [each["OutputValue"] for each in api["Outputs"] if each["OutputKey"] == "Url"]
    assert f"reached {url}" in ended["test-dev"].lines
    assert json.loads(made.artifact(f"{made.sha}/outputs/dev.json"))["Api"] == {"Url": url}

    # The same commit again finds its artifacts, and stacks that are as they should be.
    again = made.succeeds(made.start(made.sha))
    assert "already built" in [each["summary"] for each in again["build"].events("step_finished")]
    assert f"made {content}" in again["test-dev"].lines
    assert made.stacks()["by-hand-dev"].get("LastUpdatedTime") == api.get("LastUpdatedTime")


def artifacts_are_whole(made):
    """Every object that the list of artifacts names has its hash; what the build made."""
    listed = json.loads(made.artifact(f"{made.sha}/artifacts.json"))["files"]
    contents = {each["key"]: made.artifact(f"{made.sha}/{each['key']}") for each in listed}
    assert set(contents) == {"build-output.tar.gz", "cdk.out/dev.tar.gz", "node_modules.tar.gz"}
    for each in listed:
        assert hashlib.sha256(contents[each["key"]]).hexdigest() == each["sha256"]
    with tarfile.open(fileobj=io.BytesIO(contents["build-output.tar.gz"])) as archive:
        (name,) = [name for name in archive.getnames() if name.endswith("dist/made.txt")]
        return archive.extractfile(name).read().decode().strip()


def test_a_stage_that_fails_ends_the_workflow_and_what_is_deployed_stays(made):
    made.configure(environment("dev", stacks=("Network", "Api"), tests=["exit 3"]),
                   environment("prod", stacks=("Network", "Api")))
    made.sha = made.commit("Its tests fail")
    made.pipeline.deploy()  # so that the plan is the commit's already
    ended = made.go(made.start(made.sha))

    assert list(ended) == STAGES
    assert [each.code for each in ended.values()] == [0, 0, 0, 0, 1]
    assert "'exit 3': test command failed with exit code 3" in ended["test-dev"].err
    assert set(made.stacks()) == {"by-hand-dev", "by-hand-dev-Network"}
