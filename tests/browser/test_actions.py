"""What people do on the pages, done for real: an application is built and deployed.

Each action is done by every kind of visitor, one after another at the same server: at a desk and
on a phone, with and without JavaScript.
"""

import contextlib

import granting
import pytest
from application import environment
from conftest import VISITORS, Look
from program import wait_until


@contextlib.contextmanager
def doing(look):
    """A failure says whose it is."""
    try:
        yield look.page
    except BaseException as error:
        error.add_note(f"it was the visitor {look.visitor}")
        raise


def gated(server, name="gate"):
    gate = server.application.note(name)
    server.application.configure(build=[f"until [ -e {gate} ]; do sleep 0.05; done"])
    return gate


def await_state(server, run, state):
    wait_until(lambda: server.program.show(run)["state"] == state, f"run {run} is {state}", 60)


def await_build(server, run):
    wait_until(lambda: server.get("/api/v1/runs").json.get("runs"), "there is a run")
    wait_until(lambda: server.program.stages(run).get("build") == "running", f"run {run} builds")


def test_a_run_is_cancelled_gone_on_with_and_repeated(come, server):
    gate = gated(server)
    server.start()
    commit = server.application.commit()
    server.push(commit)
    await_build(server, 1)
    looks = [come(visitor) for visitor in VISITORS]
    for look in looks:
        with doing(look) as page:
            look.open("/runs/1")
            assert page.get_by_role("button", name="Resume").count() == 0
            page.get_by_text("Cancel…").click()
            look.press("Cancel run 1")
            assert page.url.endswith("/runs/1")
            await_state(server, 1, "cancelled")
            look.open("/runs/1")
            assert page.locator("#run-head .state.cancelled").inner_text() == "cancelled"
            look.press("Resume")
            assert page.url.endswith("/runs/1")
            await_build(server, 1)
    gate.touch()
    await_state(server, 1, "succeeded")
    store = server.program.state / "artifacts" / commit
    for ended, look in enumerate(looks, start=2 + len(VISITORS)):
        with doing(look) as page:
            look.open("/runs/1")
            facts = page.locator(".facts").inner_text()
            assert facts.count("resumed by local") == len(VISITORS)
            outputs = page.locator("#run-outputs tr", has_text="Url")
            assert outputs.locator("td").all_inner_texts() == ["dev", "Api", "Url", "http://api"]
            saved = look.download(page.get_by_role("link", name="build-output.tar.gz"))
            assert saved == (store / "build-output.tar.gz").read_bytes()
            page.get_by_text("Retry…").click()
            look.press(f"Run {commit[:12]} again")
            assert page.url == look.address + "/"
        # Asked again while one waits, it would be the one that waits.
        server.await_ended(ended)
    for run, look in enumerate(looks, start=2):
        with doing(look) as page:
            look.open(f"/runs/{run}")
            assert "retried by local of run 1" in page.locator(".facts").inner_text()
            assert page.locator("#run-head .state.succeeded").count() == 1


def start(look, commit=""):
    """What the form on the pipeline's page makes an entry of the queue of."""
    look.open("/pipelines/app")
    look.page.get_by_text("Run a commit…").click()
    look.page.locator("input[name=commit]").fill(commit)
    look.press("Run")
    assert look.page.url == look.address + "/"


def test_commits_are_run_and_taken_from_the_queue(come, server):
    gate = gated(server)
    server.start()
    server.push(server.application.commit("Pushed"))
    await_build(server, 1)
    looks = [come(visitor) for visitor in VISITORS]
    by_hand = server.application.commit("By hand")
    wishes = [(by_hand, f"Commit {by_hand[:12]}"), ("", "The newest commit of main")]
    number = 1
    for look in looks:
        for commit, title in wishes:
            number += 1
            with doing(look) as page:
                start(look, commit)
                waits = page.locator(".waits")
                assert waits.locator(".title").inner_text() == title
                assert "of this pipeline runs" in waits.locator(".why").inner_text()
                look.open("/queue")
                page.get_by_text("Cancel…").click()
                look.press(f"Cancel entry {number}")
                assert page.url == look.address + "/"
                assert page.locator(".waits").count() == 0
    start(look)
    newest = server.application.commit("The newest")
    gate.touch()
    entries = server.await_ended(number + 1)
    assert sum("cancelled by local" in each["note"] for each in entries) == number - 1
    runs = server.get("/api/v1/runs").json["runs"]
    assert [each["commitSha"] for each in runs[:-1]] == [newest]
    look.open("/runs/2")
    assert look.page.get_by_role("heading", level=1).inner_text() == "The newest"
    assert "started by local" in look.page.locator(".facts").inner_text()


APPROVERS = dict(zip(VISITORS, ["grace", "linus", "edsger", "barbara"]))


def await_question(server, run=1):
    def asked():
        # Before its turn there is no run, and no database before the first.
        printed = server.program.run("runs", run, "--format", "json", cwd="/")
        shown = printed.json if printed.code == 0 else {"state": "none"}
        return shown["state"] == "running" and any(
            each["state"] == "pending" for each in shown["approvals"])
    wait_until(asked, f"run {run} asks", 60)


@pytest.fixture
def asking(server):
    """A run waits for an approval: it would let a role do more than it may."""
    server.application.stacks({"name": granting.STACK, "resources": granting.BROAD})
    server.application.configure(environment(
        approval={"approvers": list(APPROVERS.values()), "quorum": 2}))
    with granting.deployed(server.program.environment):
        server.start()
        server.push()
        await_question(server)
        yield server


@pytest.fixture
def approvers(come, asking):
    """Each logged in with a token of their own."""
    looks = []
    for visitor, name in APPROVERS.items():
        made = asking.program.run("token", "create", name, "--role", "approve",
                                  cwd=asking.directory)
        assert made.code == 0, made.err
        looks.append(come(visitor))
        looks[-1].open("/runs/1")
        looks[-1].log_in(made.out.strip())
        assert looks[-1].page.url.endswith("/runs/1")
    return looks


def decide(look, name, comment):
    look.page.get_by_label("Comment").fill(comment)
    look.press(name)


def test_what_a_deployment_would_grant_is_shown_and_approved_by_two(approvers, asking):
    for run, (first, second) in enumerate([approvers[:2], approvers[2:]], start=1):
        await_question(asking, run)
        with doing(first) as page:
            first.open("/")
            page.get_by_role("link", name="app to dev").click()
            section = page.locator("#approval-dev")
            broadens = section.locator(".broadens")
            assert "allows AWS:${Worker} s3:* on *" in broadens.inner_text()
            assert broadens.locator(".tag").all_inner_texts() == [
                "grants more", "any action of a service", "any resource"]
            assert "1 stack changes; grants more than before" in section.inner_text()
            assert "s3:GetObject" in section.locator("del").all_inner_texts()[0]
            decide(first, "Approve", "good")
            assert page.url.endswith(f"/runs/{run}")
            # Who has decided is not asked again; the run waits for one more.
            assert "waits for 1 of" in section.inner_text().lower()
            assert "good" in section.inner_text()
            assert section.get_by_role("button").count() == 0
        with doing(second) as page:
            second.open(f"/runs/{run}")
            decide(second, "Approve", "for me, too")
            await_state(asking, run, "succeeded")
            second.open(f"/runs/{run}")
            decided = page.locator("#run-approvals").inner_text()
            assert "good" in decided and "for me, too" in decided
            if run == 1:
                page.get_by_text("Retry…").click()
                second.press(page.locator("#retry button").inner_text())


def test_a_run_that_asks_is_rejected_cancelled_and_gone_on_with(approvers, asking, come):
    for look in approvers:
        name = APPROVERS[look.visitor]
        with doing(look) as page:
            late = come(look.visitor, session=look.context.storage_state())
            late.expected.append("409")
            late.open("/runs/1")
            late.page.get_by_label("Comment").fill("too late")
            look.open("/runs/1")
            decide(look, "Reject", "not on a Friday")
            assert page.url.endswith("/runs/1")
            await_state(asking, 1, "failed")
            late.press("Approve")
            assert "is decided: rejected by " + name in late.page.locator("main").inner_text()
            assert late.overflow() <= 0
            look.open("/runs/1")
            assert "not on a Friday" in page.locator(".failure").inner_text()
            look.press("Resume")
            await_question(asking)
            look.open("/runs/1")
            page.get_by_text("Cancel…").click()
            look.press("Cancel run 1")
            await_state(asking, 1, "cancelled")
            look.open("/runs/1")
            section = page.locator("#run-approvals")
            assert section.get_by_role("button").count() == 0
            assert page.locator("#approval-dev").count() == 0
            look.press("Resume")
            await_question(asking)
    calls = asking.application.calls
    assert not [each for each in calls if each.startswith("deploy")]
    asking.program.run("cancel", "1", cwd="/")
    for look in approvers:
        look.open("/account")
        with look.page.expect_navigation():
            look.page.locator("main").get_by_role("button", name="Log out").click()
        assert look.page.url == look.address + "/login"
