"""Branches with pipelines of their own: under their own names, and gone with the branch."""

import re

import boto3
import pytest

from conftest import push_payload
from program import wait_until
from application import environment
from test_order import LATE
from test_order import push as dated

# What the fake CDK does at a deployment: a real stack in the local AWS, under its physical name.
DEPLOY = """
{python} - "$APHEX_BRANCH_ID" <<'PY'
import boto3, sys
name = "{stack}-" + sys.argv[1] if sys.argv[1] else "{stack}"
cloudformation = boto3.client("cloudformation", region_name="us-east-1")
template = '{{"Resources": {{"Topic": {{"Type": "AWS::SNS::Topic"}}}}}}'
try:
    cloudformation.create_stack(StackName=name, TemplateBody=template)
except cloudformation.exceptions.AlreadyExistsException:
    pass
PY
"""


@pytest.fixture
def branches(server, surroundings):
    app = server.application
    app.configure(environment("dev", stacks=("Api", "Web")),
                  environment("staging", where=("222233334444", "us-east-1")))
    app.stacks({"name": "Api", "branch": True}, {"name": "Web", "branch": True, "needs": ["Api"]})
    for stack in ("Api", "Web"):
        app.script(f"deploy-{stack}", DEPLOY.format(python=surroundings["APHEX_SANDBOX_PYTHON"],
                                                    stack=stack))
    server.pipelines[0]["branches"] = {"patterns": ["feature/*"]}
    return server


def push(server, commit, branch="feature/login"):
    return server.deliver(push_payload(commit, branch=branch))


def delete(server, branch="feature/login"):
    return server.deliver(push_payload("0" * 40, branch=branch, deleted=True, head_commit=None))


@pytest.fixture
def stacks(sandbox):
    session = boto3.Session(aws_access_key_id=sandbox["AWS_ACCESS_KEY_ID"],
                            aws_secret_access_key=sandbox["AWS_SECRET_ACCESS_KEY"])
    client = session.client("cloudformation", region_name="us-east-1",
                            endpoint_url=sandbox["AWS_ENDPOINT_URL"])

    def names():
        return {each["StackName"] for each in client.describe_stacks()["Stacks"]
                if each["StackName"].startswith(("Api", "Web"))}
    yield names
    for name in names():
        client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        client.delete_stack(StackName=name)


def test_a_branch_is_deployed_under_its_own_name_and_torn_down_with_it(branches, stacks):
    branches.start()
    commit = branches.application.commit("Log in")
    assert push(branches, commit).json == {"verdict": "accepted", "reason": "runs app"}
    (entry,) = branches.await_ended()
    assert (entry["exitCode"], entry["note"]) == (0, "")
    run = branches.program.show(1)
    pipeline, identity = run["pipeline"].split("@")
    assert pipeline == "app" and identity.startswith("feature-login-")
    assert [stage["id"] for stage in run["stages"]] == ["validate", "build", "deploy-dev"]
    assert stacks() == {f"Api-{identity}", f"Web-{identity}"}
    kept = branches.program.state / "artifacts" / commit / "branches" / identity
    assert (kept / "artifacts.json").exists()

    answer = delete(branches)
    assert answer.json["reason"] == "the branch was deleted: tears down app"
    torn_down = branches.await_ended(2)[0]
    assert torn_down["exitCode"] == 0, torn_down
    assert re.fullmatch("2 stacks deleted, [1-9] artifacts removed", torn_down["note"])
    assert stacks() == set()
    assert not (kept / "artifacts.json").exists()
    log = (branches.program.state / f"server/queue/{torn_down['number']}.log").read_text()
    assert log.index(f"Web-{identity} is gone") < log.index(f"Api-{identity} is gone")
    # GitHub says it twice: the second has nothing to do.
    branches.deliver({"ref": "feature/login", "ref_type": "branch",
                      "repository": {"full_name": "acme/app"}}, event="delete")
    assert len(branches.queue) == 2


def test_the_same_commit_on_the_main_branch_is_another_deployment(branches, stacks):
    branches.start()
    commit = branches.application.commit()
    push(branches, commit)
    branches.await_ended()
    branches.push(commit)
    entries = branches.await_ended(2)
    assert [each["exitCode"] for each in entries] == [0, 0], entries
    assert "Api" in stacks() and len(stacks()) == 4
    assert (branches.program.state / "artifacts" / commit / "artifacts.json").exists()


def test_an_application_that_ignores_the_branch_is_refused_before_anything_is_deployed(
        branches, stacks):
    branches.application.stacks({"name": "Api"}, {"name": "Web"})
    branches.start()
    push(branches, branches.application.commit())
    (entry,) = branches.await_ended()
    assert entry["exitCode"] != 0
    assert "2 of its stacks would be deployed under a name that is not its own" in (
        branches.program.show(1)["error"]["message"])
    assert stacks() == set()
    assert not any(call.startswith("deploy") for call in branches.application.calls)


def test_the_environments_are_the_configured_ones(branches):
    branches.pipelines[0]["branches"]["environments"] = ["prod"]
    branches.start()
    push(branches, branches.application.commit())
    (entry,) = branches.await_ended()
    assert entry["exitCode"] == 3
    assert "the environment prod, which the commit's configuration does not have" in entry["note"]


def test_no_more_branches_than_configured(branches, stacks):
    branches.pipelines[0]["branches"]["most"] = 1
    branches.start()
    push(branches, branches.application.commit("one"), "feature/one")
    branches.await_ended()
    second = branches.application.commit("two")
    push(branches, second, "feature/two")
    wait_until(lambda: branches.entry(second)["note"], "it says why it waits")
    entry = branches.entry(second)
    assert entry["state"] == "waiting"
    assert entry["note"].startswith("waits until another branch of app is deleted: 1 have")
    delete(branches, "feature/one")
    branches.await_ended(3)
    assert branches.entry(second)["exitCode"] == 0
    assert len(stacks()) == 2


def test_branches_execute_side_by_side_and_each_in_order(branches):
    gate = branches.application.note("gate")
    branches.pipelines[0]["supersede"] = "never"
    branches.application.script("synth", f"until [ -e {gate} ]; do sleep 0.05; done")
    branches.start(maxRuns=4)
    for branch in ("feature/one", "feature/two"):
        for number in range(2):
            push(branches, branches.application.commit(f"{branch} {number}"), branch)
    wait_until(lambda: [each["state"] for each in branches.queue].count("running") == 2,
               "one of each branch executes")
    assert [each["state"] for each in branches.queue].count("waiting") == 2
    gate.touch()
    assert all(each["exitCode"] == 0 for each in branches.await_ended(4))


def test_a_branch_that_went_without_a_word_is_found(branches, stacks):
    branches.start()
    commit = branches.application.commit()
    branches.application.git("branch", "feature/login")
    push(branches, commit)
    branches.await_ended()
    branches.stop()
    branches.start()
    # The branch is there: nothing is torn down.
    assert len(branches.queue) == 1
    branches.stop()
    branches.application.git("branch", "-D", "feature/login")
    branches.start()
    wait_until(lambda: len(branches.queue) == 2, "a teardown is queued")
    entry = branches.await_ended(2)[0]
    assert (entry["kind"], entry["exitCode"]) == ("teardown", 0), entry
    # Others of this local AWS are of other tests.
    assert not [stack for stack in stacks() if "feature-login" in stack]


def test_a_push_that_comes_after_the_branch_was_deleted_is_not_run(branches, stacks):
    """It would be deployed, and nothing would ever tear it down."""
    branches.start()
    dated(branches, "0" * 40, at=1_770_000_010, branch="feature/login", deleted=True,
          head_commit=None)
    commit = branches.application.commit()
    assert dated(branches, commit, at=1_770_000_005, branch="feature/login").json["reason"] == LATE
    (entry,) = branches.await_ended()
    assert (entry["state"], entry["note"]) == ("superseded", "it came after the branch was deleted")
    again = dated(branches, commit, at=1_770_000_015, branch="feature/login")
    assert again.json["reason"] == "runs app", "the branch is there again"
    assert branches.await_ended(2)[0]["exitCode"] == 0


def test_a_branch_that_matches_no_pattern_starts_nothing(branches):
    branches.start()
    commit = branches.application.commit()
    for branch in ("bugfix/x", "feature", "feature/a/b"):
        assert push(branches, commit, branch).json["verdict"] == "ignored"
    assert delete(branches, "bugfix/x").json["verdict"] == "ignored"


def test_a_teardown_that_fails_names_what_is_left_and_why(branches, stacks, sandbox):
    branches.start()
    push(branches, branches.application.commit())
    branches.await_ended()
    identity = branches.program.show(1)["pipeline"].split("@")[1]
    boto3.client("cloudformation", region_name="us-east-1",
                 endpoint_url=sandbox["AWS_ENDPOINT_URL"],
                 aws_access_key_id=sandbox["AWS_ACCESS_KEY_ID"],
                 aws_secret_access_key=sandbox["AWS_SECRET_ACCESS_KEY"]
                 ).update_termination_protection(StackName=f"Api-{identity}",
                                                 EnableTerminationProtection=True)
    delete(branches)
    entry = branches.await_ended(2)[0]
    assert entry["exitCode"] == 1
    assert f"Api-{identity}" in entry["note"] and "TerminationProtection" in entry["note"]
    assert stacks() == {f"Api-{identity}"}
