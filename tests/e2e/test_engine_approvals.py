"""Runs that ask people before they deploy: approved, rejected, expired, killed while they wait."""

import json
import os
import signal
import subprocess
import time

import boto3
import pytest

from application import environment
from program import finish, wait_until

GRANT = {"Type": "AWS::IAM::Policy", "Properties": {
    "PolicyName": "p", "Roles": ["worker"],
    "PolicyDocument": {"Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}}}


def prod(**approval):
    return environment("prod", approval=approval)


@pytest.fixture
def asks(application, aphex):
    """Starts a run that asks, and waits until it does."""

    def start(**approval):
        application.configure(prod(**approval))
        application.commit()
        process = aphex.start("run", cwd=application.directory)
        wait_until(lambda: pending(aphex) or process.poll() is not None, "the run asks")
        return process

    processes = []

    def remembered(**approval):
        processes.append(start(**approval))
        return processes[-1]

    yield remembered
    for process in processes:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def pending(aphex, run=1):
    # Another process may be creating the database at this moment.
    shown = aphex.run("runs", run, "--format", "json", cwd="/")
    if shown.code != 0:
        return None
    found = [each for each in shown.json["approvals"] if each["state"] == "pending"]
    return found[0] if found else None


def approve(aphex, *arguments):
    return aphex.run("approve", *arguments, cwd="/")


def deployed(application):
    return [call for call in application.calls if call.startswith("deploy")]


def test_a_run_deploys_once_somebody_has_approved_it(application, aphex, asks):
    process = asks()

    listed = aphex.run("runs", cwd=application.directory)
    shown = aphex.run("runs", 1, cwd="/")
    assert "waits for approval" in listed.out
    assert "prod: 1 stack is new; waits for anybody until 20" in shown.out
    assert deployed(application) == []

    decided = approve(aphex, "1", "--yes", "--as", "grace", "--comment", "well done")
    done = finish(process)

    assert decided.code == 0, decided.err
    assert "Api  is new" in decided.out
    assert decided.out.splitlines()[-1].startswith("run 1, prod: approved by grace at 20")
    assert done.code == 0, done.err
    assert "waits for anybody until" in done.err
    assert "'aphex approve 1' shows it and decides" in done.err
    assert "grace: well done" in done.err
    assert deployed(application) == ["deploy Api prod"]
    assert aphex.stages()["approve-prod"] == "succeeded"
    assert aphex.step(1, "approval")["summary"].startswith("1 stack is new")
    record = json.loads((aphex.state / "runs/1/changes/prod.json").read_text())
    assert (record["version"], record["environment"]) == (1, "prod")
    kept = list((aphex.state / "artifacts").glob("*/changes/prod-*.json"))
    assert [json.loads(file.read_text()) for file in kept] == [record]


def test_a_rejection_ends_the_run_and_says_who_and_why(application, aphex, asks):
    process = asks(quorum=2)

    assert approve(aphex, "--yes", "--as", "grace").code == 0
    said = approve(aphex, "--reject", "--yes", "--as", "linus", "--comment", "not on a Friday")
    done = finish(process)

    assert said.code == 0, said.err
    assert done.code == 1
    assert "rejected by linus at 20" in done.complaint
    assert "not on a Friday" in done.complaint
    assert "nothing of it was deployed; 'aphex resume 1' asks again" in done.complaint
    assert deployed(application) == []
    assert aphex.stages()["deploy-prod"] == "pending"
    late = approve(aphex, "1", "--yes", "--as", "edsger")
    assert late.code == 2
    assert "the deployment of run 1 to prod is decided: rejected by linus" in late.err

    # Resumed, it asks anew.
    again = aphex.start("resume", "1", cwd=application.directory)
    wait_until(lambda: pending(aphex), "the run asks again")
    for who in ("grace", "linus"):
        assert approve(aphex, "--yes", "--as", who).code == 0
    assert finish(again).code == 0
    assert deployed(application) == ["deploy Api prod"]


def test_nobody_in_time_rejects(application, aphex, asks):
    process = asks(expires="3s")

    done = finish(process)

    assert done.code == 1
    assert "the deployment to prod: expired at 20" in done.complaint
    assert "0 of 1 approvals" in done.complaint
    assert "nobody decided in time, which rejects" in done.complaint
    assert deployed(application) == []
    nobody = approve(aphex, "--yes", "--as", "grace")
    assert (nobody.code, "no run waits for an approval" in nobody.err) == (1, True)


def test_a_run_killed_while_it_waits_finds_its_request_again(application, aphex, asks):
    process = asks(expires="2h")
    before = pending(aphex)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    # Whoever decides meanwhile is heard.
    assert approve(aphex, "--yes", "--as", "grace").code == 0
    resumed = aphex.run("resume", "1", cwd=application.directory)

    assert resumed.code == 0, resumed.err
    approvals = aphex.show()["approvals"]
    assert [(each["id"], each["expiresAt"]) for each in approvals] == [
        (before["id"], before["expiresAt"])]
    assert deployed(application) == ["deploy Api prod"]


def test_a_resumed_run_waits_no_longer_than_the_first(application, aphex, asks):
    process = asks(expires="2h")
    before = pending(aphex)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    resumed = aphex.start("resume", "1", cwd=application.directory)
    wait_until(lambda: aphex.show()["state"] == "running", "it goes on")
    wait_until(lambda: aphex.step(1, "approval")["state"] == "running", "it waits again")
    assert pending(aphex)["expiresAt"] == before["expiresAt"]

    cancelled = aphex.run("cancel", "1", cwd="/")
    done = finish(resumed)
    assert cancelled.out == "run 1 is cancelled\n"
    assert done.code == 130
    late = approve(aphex, "1", "--yes", "--as", "grace")
    assert "run 1 waits for nobody any more: it is cancelled" in late.err
    assert deployed(application) == []


def test_only_those_who_may_decide(application, aphex, asks):
    process = asks(approvers=["grace", "ada"])

    mallory = approve(aphex, "--yes", "--as", "mallory")
    author = approve(aphex, "--yes", "--as", "ada")
    unasked = approve(aphex, "--as", "grace")
    assert (mallory.code, author.code, unasked.code) == (1, 1, 2)
    assert "mallory is not among the approvers of the deployment of run 1 to prod" in mallory.err
    assert " hint: ask one of them: grace, ada" in mallory.err
    assert "ada is the author of the commit, and nobody else has approved" in author.err
    assert "nobody is there to ask whether to approve it" in unasked.err

    assert approve(aphex, "--yes", "--as", "grace").code == 0
    assert finish(process).code == 0


def test_the_author_alone_is_enough_where_the_file_says_so(aphex, asks):
    process = asks(selfApproval=True)
    assert approve(aphex, "--yes", "--as", "ada").code == 0
    assert finish(process).code == 0


def test_it_is_shown_as_text_and_as_json_before_anybody_decides(application, aphex, asks):
    application.stacks({"name": "Api", "resources": {"Grant": GRANT}})
    process = asks()

    text = approve(aphex, "1", "--show")
    shown = approve(aphex, "--show", "--format", "json").json

    assert text.code == 0
    assert "! + allows AWS:worker s3:* on *  [any action of a service, any resource]" in text.out
    assert "grants more than before" in text.out
    assert shown["approval"]["broadens"] is True
    assert shown["approval"]["waitsFor"] == "anybody"
    assert shown["changes"]["stacks"][0]["permissions"][0]["reasons"] == [
        "any action of a service", "any resource"]
    decided = approve(aphex, "--yes", "--as", "grace", "--format", "json").json
    assert decided["approval"]["state"] == "approved"
    finish(process)


def test_on_a_terminal_one_is_asked(application, aphex, asks):
    process = asks()
    command = f"{os.environ.get('APHEX_BIN', 'aphex')} approve 1 --as grace"

    def answer(text):
        return subprocess.run(["script", "-qec", command, "/dev/null"], input=text, text=True,
                              capture_output=True, env=aphex.environment, cwd="/", check=False)

    no = answer("n\n")
    assert "approve the deployment to prod? [y/N]" in no.stdout
    assert "nothing was decided" in no.stdout
    assert pending(aphex)
    assert "approved by grace" in answer("y\n").stdout
    assert finish(process).code == 0


def test_several_that_wait_are_named(application, aphex, asks):
    asks()
    application.configure(prod(), pipeline={"name": "other"})
    application.commit()
    second = aphex.start("run", cwd=application.directory)
    wait_until(lambda: pending(aphex, 2), "the second asks")

    unclear = approve(aphex, "--yes", "--as", "grace")
    assert unclear.code == 2
    assert "several wait for an approval: run 1 (app, prod), run 2 (other, prod)" in unclear.err
    assert approve(aphex, "2", "--reject", "--yes", "--as", "grace").code == 0
    assert finish(second).code == 1


def test_what_was_not_approved_is_not_deployed(application, aphex, asks):
    """Somebody deploys the stack by other means after it was shown."""
    application.stacks({"name": "Api", "resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    process = asks()
    client = boto3.client(
        "cloudformation", region_name="us-east-1", endpoint_url=aphex.environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=aphex.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aphex.environment["AWS_SECRET_ACCESS_KEY"])
    client.create_stack(StackName="Api", TemplateBody=json.dumps(
        {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}))
    try:
        assert approve(aphex, "--yes", "--as", "grace").code == 0
        done = finish(process)
        assert done.code == 1
        assert ("the deployment to prod is not what was approved: Api was deployed otherwise since "
                "it was shown") in done.complaint
        assert deployed(application) == []
    finally:
        client.delete_stack(StackName="Api")


def test_the_stages_timeout_does_not_cut_the_wait_short(application, aphex, asks):
    application.configure(prod(expires="2h"), timeouts={"approve": "10s"})
    application.commit()
    process = aphex.start("run", cwd=application.directory)
    wait_until(lambda: pending(aphex), "the run asks")
    time.sleep(11)
    assert process.poll() is None
    assert approve(aphex, "--yes", "--as", "grace").code == 0
    assert finish(process).code == 0


def test_hooks_run_only_after_the_approval_was_checked(application, aphex):
    note = application.note("hook")
    application.configure(environment("prod", approval={"expires": "2s"},
                                      hooks={"beforeDeploy": [f"touch {note}"]}))
    application.commit()
    assert aphex.run("run", cwd=application.directory).code == 1
    assert not note.exists()
