"""Deliveries come late, twice and in any order: what GitHub did last is what is run."""

from program import wait_until

from conftest import push_payload
from test_queue import began, hold

LATE = "it came after what is newer; nothing is run for it"


def push(server, commit, at, before="0" * 40, **more):
    payload = push_payload(commit, before=before, **more)
    payload["repository"]["pushed_at"] = at
    return server.deliver(payload)


def test_a_push_that_comes_after_its_successor_is_not_run(server):
    server.start()
    first, second = (server.application.commit(name) for name in ("first", "second"))
    assert push(server, second, at=1_770_000_010).json["reason"] == "runs app"
    answer = push(server, first, at=1_770_000_005)
    assert (answer.status, answer.json) == (202, {"verdict": "accepted", "reason": LATE})
    server.await_ended(2)
    entry = server.entry(first)
    assert (entry["state"], entry["exitCode"]) == ("superseded", None)
    assert entry["note"] == f"it came after {second[:12]}, which is newer"
    assert server.deliveries[0]["reason"] == LATE
    assert len(server.program.run("runs", "--all", "--format", "json", cwd="/").json) == 1


def test_within_one_second_the_commits_tell_the_order(server):
    server.start()
    first, second = (server.application.commit(name) for name in ("first", "second"))
    push(server, second, at=1_770_000_000, before=first)
    assert push(server, first, at=1_770_000_000).json["reason"] == LATE
    server.await_ended(2)


def test_a_branch_that_goes_back_and_forth_within_a_second_is_run(server):
    """A force push back: each leads to where the other came from, and the later one counts."""
    gate = hold(server.application)
    server.pipelines[0]["supersede"] = "never"
    one = server.application.commit("one")
    two = server.application.commit("two")
    server.start()
    push(server, two, at=1_770_000_000, before=one)
    push(server, one, at=1_770_000_000, before=two)
    push(server, two, at=1_770_000_000, before=one)
    gate.touch()
    assert all(each["exitCode"] == 0 for each in server.await_ended(3))
    assert began(server.application)[0] == two


def test_without_superseding_an_older_push_is_not_deployed_over_a_newer_one(server):
    server.pipelines[0]["supersede"] = "never"
    server.start()
    commits = [server.application.commit(f"change {number}") for number in range(3)]
    for number in (1, 0, 2):
        push(server, commits[number], at=1_770_000_000 + number)
    server.await_ended(3)
    assert [server.entry(commit)["state"] for commit in commits] == [
        "superseded", "ended", "ended"]


def test_a_delivery_without_a_time_is_run(server):
    server.start()
    first, second = (server.application.commit(name) for name in ("first", "second"))
    push(server, second, at=1_770_000_000)
    server.await_ended()
    assert server.push(first).json["reason"] == "runs app"
    assert server.await_ended(2)[0]["exitCode"] == 0


def test_a_date_that_cannot_be_makes_nothing_late(server):
    """In milliseconds instead of seconds, or of a clock that is years ahead."""
    server.start()
    first, second = (server.application.commit(name) for name in ("first", "second"))
    push(server, first, at=1_770_000_000_000)
    server.await_ended()
    assert push(server, second, at=1_770_000_000).json["reason"] == "runs app"
    server.await_ended(2)
    assert push(server, first, at=1_760_000_000).json["reason"] == LATE, "the true ones still count"


def test_another_branch_has_an_order_of_its_own(server):
    server.pipelines.append(dict(server.pipelines[0], name="next", branch="next"))
    server.start()
    first, second = (server.application.commit(name) for name in ("first", "second"))
    push(server, second, at=1_770_000_010)
    assert push(server, first, at=1_770_000_000, branch="next").json["reason"] == "runs next"
    server.await_ended(2)


def test_a_flood_of_pushes_runs_the_first_and_the_last(server):
    gate = hold(server.application)
    server.start()
    commits = [server.application.commit(f"change {number}") for number in range(2)]
    push(server, commits[0], at=1_770_000_000)
    wait_until(lambda: began(server.application), "the first builds")
    for number in range(300):
        last = commits[1] if number == 299 else f"{number:040x}"
        assert push(server, last, at=1_770_000_001 + number).status == 202
    gate.touch()
    server.await_ended()
    wait_until(lambda: server.entry(commits[1])["state"] == "ended", "the last is run")
    assert began(server.application) == commits
