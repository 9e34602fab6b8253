"""Accepted pushes become runs: in order, once each, whoever is killed meanwhile."""

import os
import signal

from application import environment
from program import processes_with, wait_until


def hold(application, name="gate"):
    """Commits whose build waits for the gate, and writes down that it began."""
    gate = application.note(name)
    application.configure(build=[f"echo $APHEX_COMMIT_SHA >> {application.note('order')}; "
                                 f"until [ -e {gate} ]; do sleep 0.05; done"])
    return gate


def began(application):
    file = application.note("order")
    return file.read_text().split() if file.exists() else []


def test_a_push_is_run(server):
    server.start()
    commit = server.application.commit("The first change")
    answer = server.push(commit)
    assert (answer.status, answer.json) == (202, {"verdict": "accepted", "reason": "runs app"})
    (entry,) = server.await_ended()
    assert (entry["exitCode"], entry["note"]) == (0, "")
    run = server.program.show(1)
    assert run["state"] == "succeeded"
    assert run["commitSha"] == commit
    assert (run["branch"], run["author"]) == ("main", "Ada <ada@example.com>")
    assert not (server.program.state / "server/sources/1").exists()


def test_a_delivery_that_comes_twice_is_run_once(server):
    server.start()
    commit = server.application.commit()
    first = server.push(commit, delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958")
    again = server.push(commit, delivery="72d3162e-cc78-11e3-81ab-4c9367dc0958")
    assert first.status == 202
    assert (again.status, again.json["verdict"]) == (200, "known")
    assert len(server.await_ended()) == 1
    # The same commit pushed anew is another delivery.
    assert server.push(commit).status == 202
    assert len(server.await_ended(2)) == 2


def test_runs_of_a_pipeline_go_in_order_and_waiting_ones_are_superseded(server):
    gate = hold(server.application)
    server.start()
    commits = []
    for number in range(4):
        commits.append(server.application.commit(f"change {number}"))
        assert server.push(commits[-1]).status == 202
        if number == 0:
            wait_until(lambda: began(server.application), "the first run builds")
    gate.touch()
    entries = {each["commitSha"]: each for each in server.await_ended(4)}
    assert [entries[commit]["state"] for commit in commits] == [
        "ended", "superseded", "superseded", "ended"]
    assert entries[commits[1]]["note"] == f"superseded by {commits[2][:12]}"
    assert began(server.application) == [commits[0], commits[3]]


def test_without_superseding_every_push_is_run_in_order(server):
    gate = hold(server.application)
    server.pipelines[0]["supersede"] = "never"
    server.start()
    commits = []
    for number in range(3):
        commits.append(server.application.commit(f"change {number}"))
        assert server.push(commits[-1]).status == 202
    gate.touch()
    assert all(each["exitCode"] == 0 for each in server.await_ended(3))
    assert began(server.application) == commits


def test_a_run_survives_the_server(server):
    gate = hold(server.application)
    server.start()
    server.push()
    wait_until(lambda: began(server.application), "the run builds")
    server.stop(signal.SIGKILL)
    server.start()
    assert [each["state"] for each in server.queue] == ["running"]
    gate.touch()
    (entry,) = server.await_ended()
    assert entry["exitCode"] == 0
    assert len(began(server.application)) == 1
    assert len(server.program.run("runs", "--all", "--format", "json", cwd="/").json) == 1


def test_a_killed_run_is_gone_on_with_and_not_made_twice(server):
    gate = hold(server.application)
    server.start()
    server.push()
    wait_until(lambda: began(server.application), "the run builds")
    (worker,) = [pid for pid, line in processes_with(str(server.program.state)).items()
                 if "queued-run" in line]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: len(began(server.application)) == 2, "another process goes on with it")
    gate.touch()
    (entry,) = server.await_ended()
    assert entry["exitCode"] == 0
    (run,) = server.program.run("runs", "--all", "--format", "json", cwd="/").json
    assert run["state"] == "succeeded"


def test_a_push_that_waits_survives_both(server):
    gate = hold(server.application)
    server.start()
    server.push()
    wait_until(lambda: began(server.application), "the run builds")
    waiting = server.application.commit("It waits")
    assert server.push(waiting).status == 202
    server.stop(signal.SIGKILL)
    gate.touch()
    server.start()
    server.await_ended(2)
    assert server.entry(waiting)["exitCode"] == 0


def handed_over(server, tests):
    """A push that changes its own pipeline, under which these tests then run; gives its entry."""
    server.start()
    server.push(server.application.commit("The first"))
    server.await_ended()
    server.application.configure(environment("dev", tests=tests))
    commit = server.application.commit("It changes the pipeline")
    server.push(commit)
    return commit


def test_an_entry_leads_to_the_run_that_was_handed_over_to(server):
    commit = handed_over(server, ["exit 4"])
    server.await_ended(2)
    entry = server.entry(commit)
    assert (entry["run"], entry["exitCode"]) == (3, 1)
    runs = {run["id"]: run for run in server.get("/api/v1/runs").json["runs"]}
    assert [(each, runs[each]["state"], runs[each]["restartedFrom"], runs[each]["restartedAs"])
            for each in (1, 2, 3)] == [
        (1, "succeeded", None, None), (2, "handed-over", None, 3), (3, "failed", 2, None)]
    assert server.get("/api/v1/runs/2").json["restartedAs"] == 3
    row = next(line for line in server.get("/queue").text.split("<tr")
               if commit[:12] in line)
    assert 'href="/runs/3"' in row and 'class="state failed"' in row
    assert 'href="/runs/2"' not in row


def test_a_killed_run_that_has_handed_over_ends_as_the_one_behind_it(server):
    gate = server.application.note("gate")
    commit = handed_over(server, [f"echo at it >> {server.application.note('order')}; "
                                  f"until [ -e {gate} ]; do sleep 0.05; done"])
    wait_until(lambda: began(server.application), "the second run tests")
    (worker,) = [pid for pid, line in processes_with(str(server.program.state)).items()
                 if "queued-run" in line]
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: began(server.application)[1:], "another process goes on with it")
    gate.touch()
    server.await_ended(2)
    entry = server.entry(commit)
    assert (entry["run"], entry["exitCode"], entry["note"]) == (3, 0, "")


def test_a_failed_run_and_one_that_cannot_begin_say_why(server):
    server.application.configure(build=["exit 3"])
    server.start()
    failed = server.application.commit()
    server.push(failed)
    server.await_ended()
    entry = server.entry(failed)
    assert entry["exitCode"] == 1
    server.push("0123456789" * 4)
    server.await_ended(2)
    missing = server.entry("0123456789" * 4)
    assert missing["exitCode"] != 0
    assert "0123456789" in missing["note"]
    server.application.write("aphex-config.yaml", "version: 2\n")
    invalid = server.application.commit()
    server.push(invalid)
    server.await_ended(3)
    assert server.entry(invalid)["exitCode"] == 3


def test_two_servers_on_one_state_directory_exclude_each_other(server):
    server.start()
    second = server.program.run("serve", cwd=server.directory)
    assert second.code != 0
    assert "a server runs already on" in second.err


def test_as_many_runs_as_configured_execute_at_a_time(server):
    gate = hold(server.application)
    server.pipelines = [dict(server.pipelines[0], name=f"app-{number}") for number in range(3)]
    server.start(maxRuns=2)
    server.push()
    wait_until(lambda: [each["state"] for each in server.queue].count("running") == 2,
               "two runs execute")
    assert [each["state"] for each in server.queue].count("waiting") == 1
    gate.touch()
    assert [each["exitCode"] for each in server.await_ended(3)] == [0, 0, 0]
