"""Runs of one pipeline go one after another; those of others do not wait."""

import pytest

from application import Application
from program import finish, wait_until


@pytest.fixture
def gate(application):
    return application.note("gate")


def hold(application, gate):
    """A commit whose build waits for the gate, and writes down whose turn it was."""
    application.configure(build=[f"echo $APHEX_MESSAGE >> {application.note('order')}; "
                                 f"until [ -e {gate} ]; do sleep 0.05; done"])


def recorded(aphex, count):
    return lambda: len(aphex.run("runs", "--all", "--format", "json", cwd="/").json) >= count


def test_runs_of_a_pipeline_wait_for_one_another_in_order(application, aphex, gate):
    hold(application, gate)
    runs = []
    for number in range(1, 4):
        application.commit(f"commit-{number}")
        runs.append(aphex.start("run", "-q", cwd=application.directory))
        wait_until(recorded(aphex, number), f"run {number} is recorded")
    wait_until(lambda: application.note("order").exists(), "the first run builds")
    assert [each["state"] for each in aphex.run("runs", "--format", "json",
                                                cwd=application.directory).json] == [
        "queued", "queued", "running"]

    gate.touch()
    done = [finish(run) for run in runs]

    assert [each.code for each in done] == [0, 0, 0], [each.err for each in done]
    assert application.note("order").read_text() == "commit-1\ncommit-2\ncommit-3\n"
    assert done[1].err.splitlines()[0] == "waiting: run 1 of app goes first"
    records = [aphex.show(number) for number in (1, 2, 3)]
    assert records[0]["endedAt"] <= records[1]["startedAt"]
    assert records[1]["endedAt"] <= records[2]["startedAt"]


def test_another_pipeline_does_not_wait(application, aphex, gate, surroundings, tmp_path):
    hold(application, gate)
    application.commit("held")
    held = aphex.start("run", "-q", cwd=application.directory)
    wait_until(lambda: application.note("order").exists(), "the first run builds")
    try:
        other = Application(tmp_path / "other", surroundings)
        other.configure()
        other.commit()
        done = aphex.run("run", "-q", cwd=other.directory)
    finally:
        gate.touch()
        finish(held)
    assert done.code == 0, done.err
    assert "waiting" not in done.err


def test_a_queue_goes_on_when_the_run_before_is_killed(application, aphex, gate):
    hold(application, gate)
    application.commit("first")
    first = aphex.start("run", "-q", cwd=application.directory)
    wait_until(lambda: application.note("order").exists(), "the first run builds")
    application.commit("second")
    second = aphex.start("run", "-q", cwd=application.directory)
    wait_until(recorded(aphex, 2), "the second run is recorded")

    first.kill()
    first.communicate()
    gate.touch()

    assert finish(second).code == 0
    assert aphex.run("runs", cwd=application.directory).code == 0
    assert aphex.show(1)["state"] == "interrupted"


def test_cancel_without_a_number_ends_the_run_that_is_going(application, aphex, gate):
    hold(application, gate)
    application.commit("first")
    first = aphex.start("run", "-q", cwd=application.directory)
    wait_until(lambda: application.note("order").exists(), "the first run builds")
    application.commit("second")
    second = aphex.start("run", "-q", cwd=application.directory)
    wait_until(recorded(aphex, 2), "the second run is recorded")

    cancelled = aphex.run("cancel", cwd=application.directory)

    gate.touch()
    assert (cancelled.code, cancelled.out) == (0, "run 1 is cancelled\n"), cancelled.err
    assert (finish(first).code, finish(second).code) == (130, 0)
