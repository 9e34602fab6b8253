"""Two repositories with secrets of their own: what is signed for one is nothing to the other."""

import pytest
from program import planted, wait_until
from test_operation import hang_up, messages

from conftest import OLD_SECRET, SECRET, push_payload

OTHER = planted.secret("webhook secret of another", "the-secret-of-the-other-repository")
COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
LOG = {"logFile": "server.log", "logFormat": "json"}
UNSIGNED = "the signature is of none of this server's secrets"


@pytest.fixture
def two(server):
    """app of acme/app, with `secret` and `old-secret`; shop of acme/shop, with `shop-secret`."""
    server.file("shop-secret", OTHER + "\n", "webhook secret of another")
    server.pipelines.append(dict(server.pipelines[0], name="shop", repository="acme/shop",
                                 webhookSecretFiles=["shop-secret"]))
    server.start(**LOG)
    # The log's line may come after that on standard output; reload() counts the former.
    wait_until(lambda: messages(server).count("serving") == 1, "the log says that it serves")
    return server


def pull_request(repository):
    return {"action": "opened", "number": 7,
            "repository": {"full_name": repository,
                           "clone_url": f"https://github.com/{repository}.git"},
            "pull_request": {"number": 7, "title": "A change", "updated_at": "2026-01-31T08:15:30Z",
                             "user": {"login": "ada"},
                             "head": {"sha": COMMIT, "ref": "topic",
                                      "repo": {"full_name": repository}},
                             "base": {"ref": "main", "sha": "1" * 40,
                                      "repo": {"full_name": repository}}}}


EVENTS = {
    "push": push_payload,
    "pull_request": lambda commit, repository: pull_request(repository),
}


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("secret, repository", [(SECRET, "acme/shop"), (OLD_SECRET, "acme/shop"),
                                                (OTHER, "acme/app"), (OTHER, "ACME/App")])
def test_the_secret_of_one_starts_nothing_of_the_other(two, event, secret, repository):
    for pipeline in two.pipelines:
        pipeline["pullRequests"] = "validate"
    reload(two)
    answer = two.deliver(EVENTS[event](COMMIT, repository=repository), event=event, secret=secret)
    assert (answer.status, answer.json) == (202, {
        "verdict": "ignored", "reason": f"no pipeline with this secret is of {repository}"})
    assert two.queue == []


def test_a_deleted_branch_of_the_other_is_not_torn_down(two):
    two.pipelines[0]["branches"] = {"patterns": ["topic"], "environments": ["dev"]}
    reload(two)
    gone = push_payload("0" * 40, branch="topic", deleted=True, head_commit=None)
    answer = two.deliver(gone, secret=OTHER)
    assert answer.json == {"verdict": "ignored", "reason": "the branch was deleted"}
    assert two.queue == []
    # With its own secret it would be, had it deployed anything.
    assert two.deliver(gone).json == {"verdict": "accepted",
                                      "reason": "the branch was deleted: tears down app"}


def test_each_runs_its_own(two):
    commit = two.application.commit()
    assert two.deliver(push_payload(commit, repository="acme/shop"), secret=OTHER).json == {
        "verdict": "accepted", "reason": "runs shop"}
    assert two.deliver(push_payload(commit)).json == {"verdict": "accepted", "reason": "runs app"}
    assert {each["pipeline"]: each["exitCode"] for each in two.await_ended(2)} == {
        "app": 0, "shop": 0}
    by_repository = {each["repository"]: each["reason"] for each in two.deliveries}
    assert by_repository == {"acme/app": "runs app", "acme/shop": "runs shop"}


def test_two_pipelines_of_one_repository_with_different_secrets(two):
    """As one webhook of the organisation's and one of the repository's."""
    two.pipelines[1] |= {"repository": "acme/app"}
    reload(two)
    commit = two.application.commit()
    assert two.deliver(push_payload(commit), secret=OTHER).json["reason"] == "runs shop"
    assert two.deliver(push_payload(commit)).json["reason"] == "runs app"
    two.await_ended(2)


def test_a_delivery_of_one_is_no_proof_for_the_other(two):
    """Its signature beside another body, its body beside another signature."""
    payload = push_payload(COMMIT, repository="acme/shop")
    assert two.deliver(payload, secret=SECRET + OTHER).status == 401
    assert two.deliver(payload, secret="").status == 401
    assert two.queue == []


def reload(server):
    before = messages(server).count("serving")
    server.configure(**LOG)
    hang_up(server)
    wait_until(lambda: messages(server).count("serving") > before, "it is reloaded")


def test_after_a_reload_without_it_an_old_secret_is_refused(two):
    assert two.deliver({}, event="ping", secret=OLD_SECRET).status == 200
    two.pipelines[0]["webhookSecretFiles"] = ["secret"]
    reload(two)
    for payload, event in ((push_payload(COMMIT), "push"), ({}, "ping")):
        answer = two.deliver(payload, event=event, secret=OLD_SECRET)
        assert (answer.status, answer.json["reason"]) == (401, UNSIGNED)
    assert two.queue == []
    assert two.deliver({}, event="ping").status == 200
    assert two.deliver({}, event="ping", secret=OTHER).status == 200


def test_a_secret_that_was_written_anew_is_read_at_the_reload(two):
    (two.directory / "shop-secret").write_text("a-new-secret-for-the-same-repository\n")
    assert two.deliver({}, event="ping", secret=OTHER).status == 200
    reload(two)
    assert two.deliver({}, event="ping", secret=OTHER).status == 401
    commit = two.application.commit()
    answer = two.deliver(push_payload(commit, repository="acme/shop"),
                         secret="a-new-secret-for-the-same-repository")
    assert answer.json["reason"] == "runs shop"
    two.await_ended()


def test_a_pipeline_that_is_gone_takes_its_secret_along(two):
    del two.pipelines[1]
    reload(two)
    answer = two.deliver(push_payload(COMMIT, repository="acme/shop"), secret=OTHER)
    assert (answer.status, answer.json["reason"]) == (401, UNSIGNED)
