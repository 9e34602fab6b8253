"""Runs that are killed, interrupted or cancelled; what they leave and how they go on."""

import os
import pathlib
import signal
import time

import pytest

from application import environment
from program import finish, plain, processes_with, wait_until

# A command that leaves word of a child of its own, and then stays. The shell itself gets a signal
# when aphex dies; its children do not.
STAY = "sleep 300 & echo $! > {note}; sleep 300"


def lives(pid):
    """Whether the process lives, zombies not counted."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def begun(note):
    """The process that a staying command left word of."""
    return int(wait_until(lambda: note.exists() and note.read_text().strip(), f"{note.name}"))


def kill(process):
    process.kill()
    process.communicate()


@pytest.fixture
def note(application):
    return application.note("begun")


def test_a_run_killed_in_its_build_is_found_ended_and_resumed(application, aphex, note):
    gate = application.note("gate")
    application.configure(build=[f"echo one >> {application.note('one')}",
                                 f"[ -e {gate} ] || {{ {STAY.format(note=note)}; }}"])
    application.commit()
    process = aphex.start("run", "-q", cwd=application.directory)
    child = begun(note)
    kill(process)
    assert lives(child), "the command should have outlived the killed program"

    application.write("README.md", "more\n")
    application.commit("Second")
    gate.touch()
    second = aphex.run("run", "-q", cwd=application.directory)

    assert second.code == 0, second.err
    assert second.err.splitlines()[0] == (
        "run 1 of app was interrupted in stage build; 'aphex resume 1' goes on with it")
    assert not lives(child)
    assert aphex.show(1)["state"] == "interrupted"
    assert aphex.stages(1)["build"] == "interrupted"

    resumed = aphex.run("resume", "1", "-q", cwd="/")
    assert resumed.code == 0, resumed.err
    assert "validate  done before\n" in resumed.err
    assert aphex.show(1)["state"] == "succeeded"


def test_a_run_killed_in_a_deployment_resumes_without_building_again(application, aphex, note):
    gate = application.note("gate")
    application.configure(build=[f"echo built >> {application.note('builds')}"])
    application.script("deploy-Api", f"[ -e {gate} ] || {{ {STAY.format(note=note)}; }}")
    application.commit()
    process = aphex.start("run", "-q", cwd=application.directory)
    child = begun(note)
    kill(process)
    gate.touch()

    resumed = aphex.run("resume", "-q", cwd=application.directory)

    assert resumed.code == 0, resumed.err
    assert resumed.err.splitlines()[0] == (
        "run 1 of app was interrupted in stage deploy-dev; 'aphex resume 1' goes on with it")
    assert not lives(child)
    assert application.note("builds").read_text() == "built\n"
    assert application.calls == ["synth dev", "deploy Api dev", "deploy Api dev"]


def test_killed_at_any_moment_a_run_can_be_finished(application, aphex):
    """Wherever the blow falls, the record is whole and resume gets to the end."""
    application.configure(environment(tests=["sleep 0.1"]), build=["sleep 0.1"])
    application.commit()
    for run, delay in enumerate((0.05, 0.15, 0.3, 0.5, 0.8, 1.2), start=1):
        process = aphex.start("run", "-q", "--rebuild", cwd=application.directory)
        time.sleep(delay)
        kill(process)
        runs = aphex.run("runs", "--all", "--format", "json", cwd="/")
        assert runs.code == 0, runs.err
        last = runs.json[0] if runs.json else None
        if last is None or last["state"] == "succeeded":
            continue
        assert last["state"] == "interrupted", f"after {delay} s of run {run}"
        resumed = aphex.run("resume", last["id"], "-q", cwd="/")
        assert resumed.code == 0, resumed.err
        assert set(aphex.stages(last["id"]).values()) == {"succeeded"}


def test_ctrl_c_ends_the_run_and_its_processes(application, aphex, note):
    application.write("stay", STAY.format(note=note))
    application.configure(build=["source ./stay"])
    application.commit()
    process = aphex.start("run", "-q", cwd=application.directory)
    child = begun(note)

    process.send_signal(signal.SIGINT)
    done = finish(process, 30)

    assert done.code == 130
    assert plain(done.complaint) == (
        "error: stage build was cancelled: step 'source ./stay': ended after TIME: SIGINT\n")
    assert done.err.endswith("""\
next:
  aphex logs 1           everything that was printed
  aphex runs 1           every step with its time
  aphex resume 1         go on where it was ended
""")
    assert not lives(child)
    assert (aphex.show()["state"], aphex.stages()["build"]) == ("cancelled", "cancelled")
    assert processes_with(str(application.directory.parent)) == {}


def test_ctrl_c_in_a_deployment_says_what_goes_on(application, aphex, note):
    application.configure()
    application.script("deploy-Api", STAY.format(note=note))
    application.commit()
    process = aphex.start("run", "-q", cwd=application.directory)
    begun(note)

    process.send_signal(signal.SIGINT)
    done = finish(process, 30)

    assert done.code == 130
    assert done.complaint == (
        "error: stage deploy-dev was cancelled: step 'deploy 1 stack': Api: interrupted; what "
        "CloudFormation has begun it carries on by itself\n"
        " hint: aws cloudformation describe-stack-events --stack-name Api --region us-east-1\n")


def test_ctrl_c_while_waiting_for_a_turn_ends_the_waiting_run_alone(application, aphex, note):
    gate = application.note("gate")
    application.configure(build=[f"echo $$ > {note}; until [ -e {gate} ]; do sleep 0.05; done"])
    application.commit()
    first = aphex.start("run", "-q", cwd=application.directory)
    begun(note)
    second = aphex.start("run", "-q", cwd=application.directory)
    wait_until(lambda: len(aphex.run("runs", "--all", "--format", "json", cwd="/").json) == 2,
               "the second run is recorded")

    second.send_signal(signal.SIGINT)
    assert finish(second, 30).code == 130
    gate.touch()

    assert finish(first).code == 0
    assert aphex.show(2)["state"] == "cancelled"


def test_a_command_that_ignores_the_request_to_end_is_killed(application, aphex, note):
    application.configure(build=[f"trap '' TERM INT HUP; echo $$ > {note}; sleep 300; sleep 300"])
    application.commit()
    process = aphex.start("run", "-q", cwd=application.directory)
    child = begun(note)

    process.send_signal(signal.SIGTERM)
    done = finish(process, 40)

    assert done.code == 130
    assert not lives(child)


def test_a_second_ctrl_c_ends_at_once_and_the_next_start_cleans_up(application, aphex, note):
    application.configure(build=[f"trap '' TERM INT; echo $$ > {note}; sleep 300; sleep 300"])
    application.commit()
    process = aphex.start("run", "-q", cwd=application.directory)
    child = begun(note)

    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert finish(process, 5).code == 130
    assert lives(child)

    assert aphex.run("runs", cwd=application.directory).code == 0

    assert not lives(child)
    assert aphex.show()["state"] == "interrupted"


def test_cancel_ends_a_run_of_another_terminal(application, aphex, note):
    application.configure(build=[STAY.format(note=note)])
    application.commit()
    process = aphex.start("run", "-q", cwd=application.directory)
    child = begun(note)

    cancelled = aphex.run("cancel", cwd=application.directory)

    assert (cancelled.code, cancelled.out) == (0, "run 1 is cancelled\n")
    assert finish(process).code == 130
    assert not lives(child)


def test_cancel_refuses_what_is_over(application, aphex):
    application.configure()
    application.commit()
    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    done = aphex.run("cancel", "1", cwd="/")

    assert (done.code, done.err) == (2, "error: run 1 is not going: it succeeded\n"
                                        " hint: 'aphex runs' lists the runs\n")


def test_a_finished_run_is_not_resumed(application, aphex):
    application.configure()
    application.commit()
    assert aphex.run("run", "-q", cwd=application.directory).code == 0

    done = aphex.run("resume", "1", cwd="/")

    assert (done.code, done.err) == (2, "error: run 1 is finished (succeeded)\n"
                                        " hint: 'aphex run' starts a new one\n")


def test_a_run_that_is_going_is_not_resumed(application, aphex, note):
    gate = application.note("gate")
    application.configure(build=[f"echo $$ > {note}; until [ -e {gate} ]; do sleep 0.05; done"])
    application.commit()
    process = aphex.start("run", "-q", cwd=application.directory)
    begun(note)
    try:
        done = aphex.run("resume", "1", cwd="/")
    finally:
        gate.touch()
        finish(process)
    assert (done.code, done.err) == (2, "error: run 1 is still going\n"
                                        " hint: 'aphex logs 1 --follow' watches it\n")


def test_a_stranger_with_a_recycled_process_number_is_left_alone(application, aphex, note):
    """The leftovers of a killed run are known by number and start time, never by number alone."""
    application.configure(build=[f"echo $$ > {note}; exec sleep 300"])
    application.commit()
    process = aphex.start("run", "-q", cwd=application.directory)
    child = begun(note)
    kill(process)
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: not lives(child), "the command ends")

    listed = aphex.run("runs", cwd=application.directory)

    assert listed.code == 0
    assert aphex.show()["state"] == "interrupted"
