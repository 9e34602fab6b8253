"""What a person does on the pages, done for real: an application is built and deployed."""

import importlib.util
import pathlib

import pytest
from application import environment
from conftest import Look
from program import wait_until

SPEC = importlib.util.spec_from_file_location(
    "server_conftest", pathlib.Path(__file__).resolve().parents[1] / "server" / "conftest.py")
server_conftest = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(server_conftest)
# Its fixtures, under the names that pytest looks for.
application, server = server_conftest.application, server_conftest.server
base, sandbox, surroundings = (server_conftest.base, server_conftest.sandbox,
                               server_conftest.surroundings)


@pytest.fixture(params=[True, False], ids=["with-javascript", "without-javascript"])
def person(request, browser, server):
    """Somebody on a phone or at a desk, who comes when the server is there."""
    looks = []

    def come():
        looks.append(Look(browser, f"http://127.0.0.1:{server.port}", javascript=request.param,
                          width=1280 if request.param else 360))
        return looks[-1]
    yield come
    for look in looks:
        look.close()


def gated(server, name="gate"):
    gate = server.application.note(name)
    server.application.configure(build=[f"until [ -e {gate} ]; do sleep 0.05; done"])
    return gate


def await_state(server, run, state):
    return wait_until(lambda: server.program.show(run)["state"] == state,
                      f"run {run} is {state}", 60)


def await_step(server, run):
    def building():
        stages = server.program.stages(run)
        return stages.get("build") == "running"
    wait_until(building, f"run {run} builds")


def test_a_run_is_cancelled_gone_on_with_and_repeated(person, server):
    gate = gated(server)
    server.start()
    server.push()
    wait_until(lambda: server.queue and server.queue[0]["state"] == "running", "it runs")
    wait_until(lambda: server.get("/api/v1/runs").json.get("runs"), "there is a run")
    await_step(server, 1)
    page = person()
    page.open("/runs/1")
    assert page.page.get_by_role("button", name="Resume").count() == 0
    page.page.get_by_text("Cancel…").click()
    page.page.get_by_role("button", name="Cancel run 1").click()
    page.page.wait_for_url("**/runs/1")
    await_state(server, 1, "cancelled")
    server.await_ended()
    page.open("/runs/1")
    assert page.page.locator("#run-head .state.cancelled").inner_text() == "cancelled"
    page.page.get_by_role("button", name="Resume").click()
    page.page.wait_for_url("**/runs/1")
    gate.touch()
    await_state(server, 1, "succeeded")
    server.await_ended(2)
    page.open("/runs/1")
    assert "gone on with by local" in page.page.locator(".facts").inner_text()
    page.page.get_by_text("Retry…").click()
    page.page.get_by_role("button", name="again").click()
    page.page.wait_for_url("**/")
    server.await_ended(3)
    page.open("/runs/2")
    assert page.page.locator("#run-head .state.succeeded").count() == 1
    assert "asked for again by local" in page.page.locator(".facts").inner_text()


def test_a_commit_is_run(person, server):
    server.start()
    commit = server.application.commit("Run by hand")
    page = person()
    page.open("/pipelines/app")
    page.page.get_by_text("Run a commit…").click()
    page.page.get_by_label("Commit").fill(commit)
    page.page.get_by_role("button", name="Run the commit").click()
    page.page.wait_for_url("**/")
    server.await_ended()
    page.open("/runs/1")
    assert page.page.get_by_role("heading", level=1).inner_text() == "Run by hand"
    assert "asked for by local" in page.page.locator(".facts").inner_text()


def test_what_waits_is_taken_from_the_queue(person, server):
    gate = gated(server)
    server.start()
    server.push(server.application.commit("one"))
    wait_until(lambda: server.queue[0]["state"] == "running", "the first runs")
    server.push(server.application.commit("two"))
    page = person()
    page.open("/queue")
    try:
        assert "of this pipeline runs" in page.page.locator(".why").inner_text()
        page.page.get_by_text("Cancel…").click()
        page.page.get_by_role("button", name="Cancel entry 2").click()
        page.page.wait_for_url("**/")
        assert page.page.locator(".waits").count() == 0
    finally:
        gate.touch()
    entries = server.await_ended(2)
    assert "cancelled by local" in entries[0]["note"]
    assert len(server.get("/api/v1/runs").json["runs"]) == 1


@pytest.mark.parametrize("decision, state", [("Approve", "succeeded"), ("Reject", "failed")])
def test_a_deployment_is_decided(person, server, decision, state):
    server.application.configure(environment(
        approval={"approvers": ["local"], "selfApproval": True}))
    server.start()
    server.push()
    page = person()

    def asked():
        page.open("/")
        link = page.page.get_by_role("link", name="app to dev")
        return link if link.count() else None
    wait_until(asked, "the overview asks").click()
    section = page.page.locator("#approval-dev")
    section.get_by_label("Comment").fill("Looked at it")
    section.get_by_role("button", name=decision).click()
    page.page.wait_for_url("**/runs/1")
    await_state(server, 1, state)
    page.open("/runs/1")
    shown = page.page.locator("#run-approvals").inner_text()
    assert "Looked at it" in shown and "local" in shown


def test_who_may_only_look_is_offered_nothing(browser, server):
    made = server.program.run("token", "create", "viewer", "--role", "read", cwd=server.directory)
    assert made.code == 0, made.err
    token = next(word for word in made.out.split() if len(word) > 30)
    server.start()
    look = Look(browser, f"http://127.0.0.1:{server.port}")
    look.open("/")
    assert look.page.get_by_role("heading", name="Log in").is_visible()
    look.page.get_by_label("Token").fill(token)
    look.page.get_by_role("button", name="Log in").click()
    look.page.wait_for_url("**/")
    assert look.page.locator(".caller").inner_text() == "viewer"
    look.open("/pipelines/app")
    assert look.page.locator("form[method=post]").count() == 1  # to log out
    look.page.get_by_role("button", name="Log out").click()
    look.page.wait_for_url("**/login")
    look.close()
