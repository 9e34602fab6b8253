"""Runs that ask people, answered by tokens: over the API and by the form of a page."""

import json

import pytest
from application import environment
from callers import Browser, bearer, token
from program import wait_until


@pytest.fixture
def asking(server):
    """A run waits for an approval of `prod`."""
    server.start()
    server.root = bearer(token(server, "root", "admin"))
    server.application.configure(environment("prod", approval={"approvers": ["grace", "linus"],
                                                               "quorum": 2}))
    started = post(server, server.root, "/pipelines/app/runs",
                   {"commit": server.application.commit()})
    assert started.status == 202
    yield server
    server.request("POST", "/api/v1/runs/1/cancel", headers=server.root)
    wait_until(lambda: get(server, "/queue").json["queue"][0]["state"] == "ended", "it ended", 30)


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
