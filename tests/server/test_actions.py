"""What people and programs start, end and go on with, and what the audit log says of it."""

import json

import pytest
from callers import Browser, bearer, token
from program import wait_until

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def ada(server):
    """A server with a token of the role run, and one that may read the audit log."""
    server.start()
    server.root = bearer(token(server, "root", "admin"))
    server.ada = bearer(token(server, "ada", "run"))
    return server


def ask(server, path, body=None, **headers):
    sent = server.ada | {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        sent |= JSON
        body = json.dumps(body)
    return server.request("POST", "/api/v1" + path, body, sent)


def get(server, path):
    answer = server.request("GET", "/api/v1" + path, headers=server.root)
    assert answer.status == 200, answer.text
    return answer.json


def ended(server, number, seconds=60):
    def over():
        entry = get(server, f"/queue/{number}")
        return entry if entry["state"] in ("ended", "superseded") else None
    return wait_until(over, f"entry {number} has ended", seconds)


def going(server, count=1):
    """The newest run, when it executes a step."""
    def step():
        runs = get(server, "/runs")["runs"]
        if len(runs) < count:
            return None
        run = get(server, f"/runs/{runs[0]['id']}")
        return run if any(each["state"] == "running" and each["kind"] == "run-command"
                          for each in run["steps"]) else None
    return wait_until(step, "a command executes", 30)


def audit(server, action):
    return [(each["who"], each["object"], each["result"])
            for each in get(server, f"/audit?action={action}")["audit"]]


def test_a_commit_is_run(ada):
    commit = ada.application.commit()
    answer = ask(ada, "/pipelines/app/runs", {"commit": commit})
    assert answer.status == 202, answer.text
    entry = answer.json
    assert (entry["kind"], entry["commitSha"], entry["branch"], entry["askedBy"]) == (
        "manual", commit, "main", "ada")
    assert answer.headers["Location"] == f"/api/v1/queue/{entry['number']}"
    over = ended(ada, entry["number"])
    assert (over["exitCode"], over["note"]) == (0, "")
    run = get(ada, f"/runs/{over['run']}")
    assert (run["state"], run["commitSha"]) == ("succeeded", commit)
    assert audit(ada, "run.start") == [("ada", "pipeline app", "done")]


def test_without_a_commit_the_branchs_newest_is_run_when_its_turn_comes(ada):
    ada.application.configure(build=["sleep 2"])
    first = ask(ada, "/pipelines/app/runs", {"commit": ada.application.commit()}).json
    second = ask(ada, "/pipelines/app/runs").json
    assert second["commitSha"] == ""
    newest = ada.application.commit()
    over = ended(ada, second["number"])
    assert ended(ada, first["number"])["number"] < over["number"]
    assert get(ada, f"/runs/{over['run']}")["commitSha"] == newest
    # Once it is known it is shown.
    assert over["commitSha"] == newest
    shown = ada.request("GET", "/queue", headers=ada.root).text
    assert f"<code>{newest[:12]}</code>" in shown


def test_a_branch_that_is_not_there(ada):
    entry = ask(ada, "/pipelines/app/runs", {"branch": "nowhere"}).json
    over = ended(ada, entry["number"])
    assert over["exitCode"] == 1 and "has no branch nowhere" in over["note"]


@pytest.mark.parametrize("body, said", [
    ({"commit": "abc"}, "the commit must be 40 hexadecimal digits, lower-case"),
    ({"commit": "--upload-pack=touch x"}, "the commit must be 40 hexadecimal digits, lower-case"),
    ({"branch": "-x"}, "the branch must be"),
    ({"branch": "a b"}, "the branch must be"),
    ({"commit": 7}, "'commit' is no string"),
    ({"sha": "x"}, "the body has an unknown member 'sha'"),
    ([], "the body is no JSON object"),
])
def test_what_is_no_commit(ada, body, said):
    answer = ask(ada, "/pipelines/app/runs", body)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert said in answer.json["detail"]
    assert get(ada, "/queue")["queue"] == []
    assert audit(ada, "run.start") == [("ada", "pipeline app", "failed")]


def test_a_run_that_goes_is_cancelled_resumed_and_retried(ada):
    ada.application.configure(build=[f"echo begun; test -e {ada.directory / 'go'} || sleep 60"])
    first = ask(ada, "/pipelines/app/runs", {"commit": ada.application.commit()}).json
    run = going(ada)["id"]
    too_early = ask(ada, f"/runs/{run}/resume")
    assert (too_early.status, too_early.json["detail"]) == (
        409, f"run {run} is running and cannot be resumed")
    assert ask(ada, f"/runs/{run}/retry").status == 409
    answer = ask(ada, f"/runs/{run}/cancel")
    assert (answer.status, answer.json) == (202, {"accepted": True})
    assert ended(ada, first["number"])["exitCode"] == 130
    assert get(ada, f"/runs/{run}")["state"] == "cancelled"
    again = ask(ada, f"/runs/{run}/cancel")
    assert (again.status, again.json["detail"]) == (
        409, f"run {run} is not going: it is cancelled")

    (ada.directory / "go").touch()
    resumed = ask(ada, f"/runs/{run}/resume")
    assert (resumed.status, resumed.json["kind"], resumed.json["run"]) == (202, "resume", run)
    over = ended(ada, resumed.json["number"])
    assert (over["exitCode"], over["run"]) == (0, run), over
    after = get(ada, f"/runs/{run}")
    assert after["state"] == "succeeded"
    assert max(stage["attempt"] for stage in after["stages"]) == 2
    assert ask(ada, f"/runs/{run}/resume").status == 409

    retried = ask(ada, f"/runs/{run}/retry").json
    over = ended(ada, retried["number"])
    assert over["exitCode"] == 0 and over["run"] != run
    assert get(ada, f"/runs/{over['run']}")["commitSha"] == after["commitSha"]
    assert audit(ada, "run.cancel") == [("ada", f"run {run}", "failed"),
                                        ("ada", f"run {run}", "done")]


def test_what_waits_is_cancelled(ada):
    ada.application.configure(build=["sleep 60"])
    commit = ada.application.commit()
    running = ask(ada, "/pipelines/app/runs", {"commit": commit}).json
    going(ada)
    waiting = ask(ada, "/pipelines/app/runs", {"commit": ada.application.commit()}).json
    assert waiting["state"] == "waiting"
    assert ask(ada, f"/queue/{waiting['number']}/cancel").status == 202
    over = get(ada, f"/queue/{waiting['number']}")
    assert (over["state"], over["exitCode"], over["note"]) == ("ended", 130, "cancelled by ada")
    assert ask(ada, f"/queue/{waiting['number']}/cancel").status == 409
    # Of one that executes, its run is.
    assert ask(ada, f"/queue/{running['number']}/cancel").status == 202
    assert ended(ada, running["number"])["exitCode"] == 130
    assert len(get(ada, "/runs")["runs"]) == 1


def test_asking_again_with_a_key_does_it_once(ada):
    commit, other = ada.application.commit(), ada.application.commit()
    body = {"commit": commit}
    first = ask(ada, "/pipelines/app/runs", body, Idempotency_Key="k1").json
    ended(ada, first["number"])
    again = ask(ada, "/pipelines/app/runs", body, Idempotency_Key="k1")
    assert (again.status, again.json["number"]) == (202, first["number"])
    changed = ask(ada, "/pipelines/app/runs", {"commit": other}, Idempotency_Key="k1")
    assert changed.status == 409
    assert "has asked for another commit" in changed.json["detail"]
    # Another person's key is another key.
    bob = bearer(token(ada, "bob", "run"))
    theirs = ada.request("POST", "/api/v1/pipelines/app/runs", json.dumps(body),
                         bob | JSON | {"Idempotency-Key": "k1"})
    assert theirs.json["number"] != first["number"]
    ended(ada, theirs.json["number"])
    assert ask(ada, "/pipelines/app/runs", body, Idempotency_Key="x" * 256).status == 400


def test_a_second_click_asks_for_the_same(ada):
    ada.application.configure(build=["sleep 3"])
    ask(ada, "/pipelines/app/runs", {"commit": ada.application.commit()})
    going(ada)
    numbers = {ask(ada, "/pipelines/app/runs").json["number"] for _ in range(3)}
    assert len(numbers) == 1
    ended(ada, numbers.pop())


def test_a_pages_forms(ada):
    browser = Browser(ada)
    browser.log_in(ada.ada["Authorization"].removeprefix("Bearer "))
    commit = ada.application.commit()
    answer = browser.post("/pipelines/app/run", {"commit": commit, "branch": ""})
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    (entry,) = get(ada, "/queue")["queue"]
    assert (entry["commitSha"], entry["askedBy"]) == (commit, "ada")
    run = ended(ada, entry["number"])["run"]
    for action in ("cancel", "resume"):
        answer = browser.post(f"/runs/{run}/{action}")
        assert answer.status == 409
        assert answer.headers["Content-Type"].startswith("text/html")
        assert f"run {run} is" in answer.text
    answer = browser.post(f"/runs/{run}/retry")
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    ended(ada, get(ada, "/queue")["queue"][0]["number"])
    assert browser.post("/runs/999/cancel").status == 404
    assert browser.post("/pipelines/none/run").status == 404
    assert browser.post("/queue/999/cancel").status == 404


def test_who_may_only_read_starts_nothing(ada):
    reader = token(ada, "eve", "read")
    browser = Browser(ada)
    browser.log_in(reader)
    for path in ("/runs/1/cancel", "/runs/1/resume", "/runs/1/retry", "/queue/1/cancel",
                 "/pipelines/app/run"):
        answer = browser.post(path)
        assert answer.status == 403
        assert "the token eve has the role read; this needs run" in answer.text
    refused = [each for each in get(ada, "/audit?who=eve")["audit"] if each["result"] == "refused"]
    assert {each["action"] for each in refused} == {
        "run.cancel", "run.resume", "run.retry", "queue.cancel", "run.start"}


def test_the_audit_log_tells_who_came_and_what_was_refused(ada):
    browser = Browser(ada)
    browser.log_in("aphex_" + "0" * 64)
    browser.log_in(ada.ada["Authorization"].removeprefix("Bearer "))
    browser.post("/logout")
    ada.request("GET", "/api/v1/runs", headers=bearer("aphex_" + "1" * 64))
    said = [(each["action"], each["who"], each["result"]) for each in get(ada, "/audit")["audit"]]
    assert ("login", "", "refused") in said
    assert ("token.use", "", "refused") in said
    assert ("logout", "ada", "done") in said
    assert ("token.create", "command line", "done") in said
    assert "aphex_0" not in json.dumps(get(ada, "/audit"))
    shown = ada.program.run("audit", "--format", "json", cwd="/").json
    assert [each["number"] for each in shown] == sorted(
        (each["number"] for each in shown), reverse=True)
    page = ada.request("GET", "/audit", headers=ada.root)
    assert page.status == 200 and "token.create" in page.text


def test_a_run_of_the_command_line_is_cancelled(ada):
    """It is in the same state directory, though no entry of the queue has made it."""
    ada.application.configure(build=["sleep 60"])
    ada.application.commit()
    process = ada.program.start("run", "-q", cwd=ada.application.directory)
    try:
        run = going(ada)["id"]
        assert ask(ada, f"/runs/{run}/cancel").status == 202
        assert process.wait(30) == 130
        assert get(ada, f"/runs/{run}")["state"] == "cancelled"
    finally:
        process.communicate(timeout=30)
