"""A pull request is validated, without credentials and without starting what is in it."""

import pytest

from program import wait_until


def pull_request(commit, number=7, action="opened", base="main", head="feature",
                 repository="acme/app", at="2026-01-31T08:15:30Z"):
    return {"action": action, "number": number,
            "repository": {"full_name": "acme/app",
                           "clone_url": "https://github.com/acme/app.git"},
            "pull_request": {"title": "Better", "user": {"login": "grace"}, "updated_at": at,
                             "base": {"ref": base},
                             "head": {"ref": head, "sha": commit,
                                      "repo": {"full_name": repository}}}}


def deliver(server, *arguments, **more):
    return server.deliver(pull_request(*arguments, **more), event="pull_request")


def test_it_is_validated_and_nothing_else_happens(server):
    server.start()
    commit = server.application.commit("Better")
    answer = deliver(server, commit)
    assert (answer.status, answer.json) == (
        202, {"verdict": "accepted", "reason": "validates pull request 7: app"})
    (entry,) = server.await_ended()
    assert (entry["exitCode"], entry["note"]) == (0, "")
    run = server.program.show(1)
    assert (run["pipeline"], run["state"], run["commitSha"]) == ("app@pr7", "succeeded", commit)
    assert [stage["id"] for stage in run["stages"]] == ["validate"]
    assert [step["id"] for step in run["steps"]] == ["clone", "configuration", "app"]
    assert server.application.calls == []


def test_a_commit_with_a_wrong_configuration_fails(server):
    server.start()
    server.application.write("aphex-config.yaml", "version: 2\n")
    deliver(server, server.application.commit())
    (entry,) = server.await_ended()
    assert entry["exitCode"] == 3
    assert "aphex-config.yaml:1" in entry["note"]


def test_nothing_in_the_commit_is_started(server):
    """Neither its CDK, nor its hooks and filters, nor the addresses of its submodules."""
    app, note = server.application, server.application.note("started")
    app.write("node_modules/.bin/cdk", f"#!/bin/sh\necho cdk >> {note}\necho 2.1148.0\n")
    (app.directory / "node_modules/.bin/cdk").chmod(0o755)
    app.write(".gitattributes", "* filter=bad\n")
    app.write(".githooks/post-checkout", f"#!/bin/sh\necho hook >> {note}\n")
    (app.directory / ".githooks/post-checkout").chmod(0o755)
    app.write(".gitmodules", '[submodule "x"]\n\tpath = x\n\turl = http://127.0.0.1:1/x.git\n')
    app.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},x")
    app.git("add", ".gitmodules")
    app.git("add", "-f", ".")
    app.git("commit", "-q", "-m", "Evil")
    server.start()
    deliver(server, app.git("rev-parse", "HEAD"))
    (entry,) = server.await_ended()
    assert (entry["exitCode"], entry["note"]) == (0, "")
    assert not note.exists(), note.read_text()


def test_one_with_another_base_is_validated_there_and_no_more_where_it_was(server):
    server.pipelines.append(dict(server.pipelines[0], name="next", branch="next"))
    gate = server.application.note("gate")
    server.application.configure(build=[f"until [ -e {gate} ]; do sleep 0.05; done"])
    server.start(maxRuns=1)
    server.push()
    commit = server.application.commit("Better")
    deliver(server, commit)
    edited = pull_request(commit, action="edited", base="next", at="2026-01-31T08:20:00Z")
    title = server.deliver(edited | {"changes": {"title": {"from": "Worse"}}},
                           event="pull_request")
    assert title.json == {"verdict": "ignored",
                          "reason": "pull request 7 was edited: nothing to do"}
    moved = server.deliver(edited | {"changes": {"base": {"ref": {"from": "main"}}}},
                           event="pull_request")
    assert moved.json == {"verdict": "accepted", "reason": "validates pull request 7: next"}
    away = edited["pull_request"] | {"base": {"ref": "other"},
                                     "updated_at": "2026-01-31T08:25:00Z"}
    gone = server.deliver(edited | {"pull_request": away,
                                    "changes": {"base": {"ref": {"from": "next"}}}},
                          event="pull_request")
    assert gone.json == {"verdict": "accepted", "reason":
                         "pull request 7 has another base now: what waits of it is dropped"}
    gate.touch()
    entries = server.await_ended(3)
    assert [(each["pipeline"], each["state"], each["note"]) for each in entries
            if each["pullRequest"]] == [
        (name, "superseded", "the pull request has another base now")
        for name in ("next", "app")]


def test_forks_are_ignored_unless_accepted(server):
    server.start()
    commit = server.application.commit()
    answer = deliver(server, commit, repository="mallory/app")
    assert answer.json == {"verdict": "ignored",
                           "reason": "pull request 7: it is from a fork (forks: ignore)"}
    gone = pull_request(commit)
    gone["pull_request"]["head"]["repo"] = None
    assert server.deliver(gone, event="pull_request").json["verdict"] == "ignored"
    server.stop()
    server.pipelines[0]["forks"] = "accept"
    server.start()
    assert deliver(server, commit, repository="mallory/app").json["verdict"] == "accepted"
    assert server.await_ended()[0]["exitCode"] == 0


@pytest.mark.parametrize("changes, reason", [
    ({"base": "other"}, "pull request 7: no pipeline here is of its base, other"),
    ({"action": "labeled"}, "pull request 7 was labeled: nothing to do"),
])
def test_what_starts_nothing_says_why(server, changes, reason):
    server.start()
    answer = deliver(server, server.application.commit(), **changes)
    assert (answer.status, answer.json) == (202, {"verdict": "ignored", "reason": reason})


def test_they_can_be_switched_off(server):
    server.pipelines[0]["pullRequests"] = "none"
    server.start()
    assert "pullRequests: none" in deliver(server, server.application.commit()).json["reason"]


def test_newer_ones_supersede_and_closed_ones_are_dropped(server):
    gate = server.application.note("gate")
    server.application.configure(build=[f"until [ -e {gate} ]; do sleep 0.05; done"])
    server.start(maxRuns=1)
    server.push()
    wait_until(lambda: server.queue[0]["state"] == "running", "a deployment executes")
    commits = [server.application.commit(f"change {number}") for number in range(3)]
    for number, commit in enumerate(commits):
        deliver(server, commit, action="synchronize" if number else "opened",
                at=f"2026-01-31T08:15:3{number}Z")
    deliver(server, commits[0], number=8)
    assert server.entry(commits[2])["state"] == "waiting"
    assert server.entry(commits[1])["note"] == f"superseded by {commits[2][:12]}"
    closed = deliver(server, commits[0], number=8, action="closed")
    assert closed.json["reason"] == "pull request 8 was closed: what waits of it is dropped"
    late = deliver(server, commits[1], action="synchronize", at="2026-01-31T08:15:31Z")
    assert late.json["reason"] == "it came after what is newer; nothing is run for it"
    gate.touch()
    entries = server.await_ended(5)
    assert sorted(each["state"] for each in entries) == ["ended"] * 2 + ["superseded"] * 4
    assert "the pull request was closed" in {each["note"] for each in entries}
    assert server.entry(commits[2])["exitCode"] == 0


@pytest.mark.parametrize("action", ["opened", "synchronize"])
def test_what_comes_after_it_was_closed_is_not_run(server, action):
    """Deliveries come in any order: one that is older than the end of its pull request."""
    server.start()
    commit = server.application.commit("Better")
    deliver(server, commit, action="closed", at="2026-01-31T08:15:35Z")
    late = deliver(server, commit, action=action, at="2026-01-31T08:15:31Z")
    assert (late.status, late.json["reason"]) == (
        202, "it came after what is newer; nothing is run for it")
    (entry,) = server.await_ended()
    assert (entry["state"], entry["note"]) == (
        "superseded", "it came after the pull request was closed")
    assert deliver(server, commit, number=8, at="2026-01-31T08:15:31Z").json["reason"].startswith(
        "validates pull request 8"), "another one is not closed"
    again = deliver(server, commit, action="reopened", at="2026-01-31T08:15:40Z")
    assert again.json["reason"] == "validates pull request 7: app"
    assert [each["state"] for each in server.await_ended(3)].count("ended") == 2


def test_what_comes_after_it_got_another_base_is_not_run(server):
    server.start()
    commit = server.application.commit("Better")
    moved = pull_request(commit, action="edited", base="next", at="2026-01-31T08:15:35Z")
    moved["changes"] = {"base": {"ref": {"from": "main"}}}
    server.deliver(moved, event="pull_request")
    deliver(server, commit, action="synchronize", at="2026-01-31T08:15:31Z")
    (entry,) = server.await_ended()
    assert entry["note"] == "it came after the pull request has another base now"
