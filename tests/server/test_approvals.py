"""Runs that ask people, answered by tokens: over the API and by the form of a page."""

import json

import pytest
from application import environment
from callers import Browser, bearer, token
from conftest import push_payload
from program import wait_until


@pytest.fixture
def ask(server):
    """Starts a run that asks for an approval of `prod`; its commit is of Ada."""
    server.start()
    server.root = bearer(token(server, "root", "admin"))

    def start(**approval):
        server.application.configure(environment("prod", approval=approval))
        started = post(server, server.root, "/pipelines/app/runs",
                       {"commit": server.application.commit()})
        assert started.status == 202
        return server
    yield start
    server.request("POST", "/api/v1/runs/1/cancel", headers=server.root)
    wait_until(lambda: get(server, "/queue").json["queue"][0]["state"] == "ended", "it ended", 30)


@pytest.fixture
def asking(ask):
    """A run waits for an approval of `prod`."""
    return ask(approvers=["grace", "linus"], quorum=2)


def get(server, path, caller=None):
    return server.request("GET", "/api/v1" + path, headers=caller or server.root)


def post(server, caller, path, body):
    return server.request("POST", "/api/v1" + path, json.dumps(body),
                          caller | {"Content-Type": "application/json"})


def asked(server):
    def pending():
        found = get(server, "/approvals").json["approvals"]
        return found[0] if found else None
    return wait_until(pending, "the run asks", 60)


def ended(server):
    return wait_until(lambda: run if (run := get(server, "/runs/1").json)["state"] not in (
        "queued", "running") else None, "the run has ended", 60)


def test_two_people_let_a_deployment_through(asking):
    pending = asked(asking)
    assert (pending["run"], pending["environment"], pending["state"]) == (1, "prod", "pending")
    shown = get(asking, "/runs/1/approvals/prod").json
    assert shown["approval"]["digest"] == pending["digest"] and shown["changes"]
    path = "/runs/1/approvals/prod"
    grace = bearer(token(asking, "grace", "approve"))
    runner = bearer(token(asking, "ci", "run"))
    assert post(asking, runner, path, {"decision": "approve"}).status == 403
    stranger = post(asking, asking.root, path, {"decision": "approve"})
    assert stranger.status == 403 and "root" in stranger.json["detail"]
    stale = post(asking, grace, path, {"decision": "approve", "digest": "0" * 64})
    assert (stale.status, stale.json["detail"]) == (
        409, "what would change is not what was shown")
    first = post(asking, grace, path, {"decision": "approve", "comment": "good",
                                       "digest": pending["digest"]})
    assert (first.status, first.json["state"]) == (200, "pending"), first.text
    assert [(each["who"], each["comment"]) for each in first.json["decisions"]] == [
        ("grace", "good")]
    assert post(asking, grace, path, {"decision": "approve"}).status == 409

    browser = Browser(asking)
    browser.log_in(token(asking, "linus", "approve"))
    answer = browser.post("/runs/1/approvals/prod", {"decision": "approve", "comment": "ok"})
    assert (answer.status, answer.headers["Location"]) == (303, "/runs/1"), answer.text
    assert ended(asking)["state"] == "succeeded"
    assert post(asking, grace, path, {"decision": "reject"}).status == 409
    entries = get(asking, "/audit?action=approval.decide").json["audit"]
    assert [(each["who"], each["result"]) for each in entries] == [
        ("grace", "failed"), ("linus", "done"), ("grace", "failed"), ("grace", "done"),
        ("grace", "failed"), ("root", "refused"), ("ci", "refused")]
    assert entries[1]["detail"] == "approve: ok" and entries[1]["object"] == "run 1, prod"


def test_one_person_rejects_it(asking):
    asked(asking)
    browser = Browser(asking)
    browser.log_in(token(asking, "grace", "approve"))
    assert browser.post("/runs/1/approvals/prod", {"decision": "perhaps"}).status == 400
    assert browser.post("/runs/1/approvals/dev", {"decision": "reject"}).status == 404
    assert browser.post("/runs/1/approvals/prod", {"decision": "reject"}).status == 303
    assert ended(asking)["state"] == "failed"
    (record,) = get(asking, "/runs/1/approvals").json["approvals"]
    assert record["state"] == "rejected"


def deployed(server):
    return [call for call in server.application.calls if call.startswith("deploy")]


OF_THE_AUTHOR = ("{} is the author of the commit, and nobody else has approved the deployment of "
                 "run 1 to prod")
PROD = "/runs/1/approvals/prod"


def test_the_author_alone_may_not_approve(ask):
    """Called as the commit names them, by name or by what stands before the @ of the address."""
    server = ask()
    asked(server)
    refused = post(server, bearer(token(server, "ada", "approve")), PROD, {"decision": "approve"})
    assert (refused.status, refused.json["detail"]) == (403, OF_THE_AUTHOR.format("ada"))

    browser = Browser(server)
    browser.log_in(token(server, "Ada", "approve"))
    shown = browser.get("/runs/1").text
    assert 'value="reject"' in shown and 'value="approve"' not in shown
    assert "Ada is the author of the commit, and nobody else has approved this deployment" in shown
    answer = browser.post(PROD, {"decision": "approve"})
    assert answer.status == 403 and OF_THE_AUTHOR.format("Ada") in answer.text
    assert (asked(server)["state"], asked(server)["decisions"]) == ("pending", [])
    assert deployed(server) == []
    entries = get(server, "/audit?action=approval.decide").json["audit"]
    assert [(each["who"], each["result"]) for each in entries] == [
        ("Ada", "refused"), ("ada", "refused")]

    other = Browser(server)
    other.log_in(token(server, "grace", "approve"))
    assert 'value="approve"' in other.get("/runs/1").text
    assert other.post(PROD, {"decision": "approve"}).status == 303
    assert ended(server)["state"] == "succeeded"
    assert deployed(server) == ["deploy Api prod"]


def test_the_author_is_whom_the_commit_names_whatever_its_delivery_says(ask):
    server = ask()
    asked(server)
    post(server, server.root, "/runs/1/cancel", {})
    payload = push_payload(server.application.commit("Of Ada"))
    payload["head_commit"]["author"] = {"name": "Grace", "email": "grace@example.com"}
    server.deliver(payload)
    approval = wait_until(lambda: [each for each in get(server, "/approvals").json["approvals"]
                                   if each["run"] == 2], "the push's run asks", 60)
    run = get(server, "/runs/2").json
    assert approval and (run["author"], run["message"]) == (
        "Ada <ada@example.com>", "Of Ada")
    refused = post(server, bearer(token(server, "ada", "approve")),
                   "/runs/2/approvals/prod", {"decision": "approve"})
    assert refused.status == 403
    server.request("POST", "/api/v1/runs/2/cancel", headers=server.root)


def test_the_author_alone_may_reject(ask):
    server = ask()
    asked(server)
    ada = bearer(token(server, "ada", "approve"))
    rejected = post(server, ada, PROD, {"decision": "reject", "comment": "not yet"})
    assert (rejected.status, rejected.json["state"]) == (200, "rejected"), rejected.text
    run = ended(server)
    assert run["state"] == "failed" and "rejected by ada at 20" in run["error"]["message"]
    assert deployed(server) == []


@pytest.mark.parametrize("approval, others", [({"quorum": 2}, ["grace"]),
                                              ({"selfApproval": True}, [])])
def test_the_author_counts_where_there_is_another_or_the_file_says_so(ask, approval, others):
    server = ask(**approval)
    asked(server)
    for who in ["ada", *others]:
        answer = post(server, bearer(token(server, who, "approve")), PROD, {"decision": "approve"})
        assert answer.status == 200, answer.text
        decided = [each["who"] for each in answer.json["decisions"]]
        assert (answer.json["state"] == "approved") == (decided == ["ada", *others])
    assert ended(server)["state"] == "succeeded"


def test_nobody_in_time_rejects_and_says_so(ask):
    server = ask(expires="3s", quorum=2)
    grace = bearer(token(server, "grace", "approve"))
    asked(server)
    # One of two is not enough, and does not make the time longer.
    first = post(server, grace, PROD, {"decision": "approve"})
    assert (first.status, first.json["state"]) == (200, "pending"), first.text
    run = ended(server)
    assert run["state"] == "failed"
    message = run["error"]["message"]
    assert "the deployment to prod: expired at 20" in message
    assert "1 of 2 approvals (grace)" in message
    assert "nobody decided in time, which rejects" in run["error"]["hint"]
    assert deployed(server) == []
    (record,) = get(server, "/runs/1/approvals").json["approvals"]
    assert (record["state"], record["endedAt"]) == ("expired", record["expiresAt"])
    assert get(server, "/approvals").json["approvals"] == []

    linus = token(server, "linus", "approve")
    late = post(server, bearer(linus), PROD, {"decision": "approve"})
    assert late.status == 409
    assert "waited for approval until" in late.json["detail"]
    assert late.json["detail"].endswith("and was rejected then")
    browser = Browser(server)
    browser.log_in(linus)
    shown = browser.get("/runs/1").text
    assert "expired at 20" in shown and 'name="decision"' not in shown
    assert browser.post(PROD, {"decision": "approve"}).status == 409
    assert deployed(server) == []
