"""What GitHub publishes of its webhooks, sent to a server whose pipelines the examples are about.

What must become of an example follows from what it says of itself (its ref, its action, whose
commit it is); OUTCOMES has it, one row for each kind of example that there is.
"""

import copy

import pytest

from github_examples import examples

HERE = "Codertocat/Hello-World"
# Of push: which kind of ref, its name, what became of it. Of delete: the kind and the name. Of
# pull_request: the action, the branch that it is for, where its commit is.
NOT_A_BRANCH = ("ignored", "not a branch, a tag for instance", [])
VALIDATED = ("accepted", "validates pull request 2: trunk", ["trunk"])
OUTCOMES = {
    ("push", "heads", "master", "is there"): (
        "accepted", "runs mirror, trunk, copies", ["mirror", "trunk", "copies"]),
    ("push", "tags", "simple-tag", "is there"): NOT_A_BRANCH,
    ("push", "tags", "simple-tag", "is gone"): NOT_A_BRANCH,
    ("delete", "tag", "simple-tag"): ("ignored", "a tag was deleted", []),
    ("pull_request", "opened", "master", "our own"): VALIDATED,
    ("pull_request", "reopened", "master", "our own"): VALIDATED,
    ("pull_request", "synchronize", "master", "our own"): VALIDATED,
    ("pull_request", "closed", "master", "our own"): (
        "accepted", "pull request 2 was closed: what waits of it is dropped", []),
} | {("pull_request", action, "master", "our own"): (
        "ignored", f"pull request 2 was {action}: nothing to do", [])
     for action in ("assigned", "converted_to_draft", "labeled", "locked", "ready_for_review",
                    "review_request_removed", "review_requested", "unassigned", "unlabeled",
                    "unlocked")}


def kind_of(event, payload):
    if event == "push":
        _, kind, name = payload["ref"].split("/", 2)
        return event, kind, name, "is gone" if payload["deleted"] else "is there"
    if event == "delete":
        return event, payload["ref_type"], payload["ref"]
    if event == "pull_request":
        request = payload["pull_request"]
        own = (request["head"]["repo"] or {}).get("full_name") == HERE
        return event, payload["action"], request["base"]["ref"], "our own" if own else "a fork's"
    return event,


def outcome_of(event, payload):
    if event == "ping":
        return "ignored", "a ping: the webhook works", []
    if event not in ("push", "delete", "pull_request"):
        return "ignored", f"'{event}' events start nothing; pushes do", []
    return OUTCOMES[kind_of(event, payload)]


def entry_of(event, payload, pipeline):
    """What waits in the queue then, as far as the example says."""
    if event == "push":
        commit = payload["head_commit"]
        author = commit["author"]
        return {"kind": "push", "pipeline": pipeline, "branch": payload["ref"].split("/", 2)[2],
                "commitSha": payload["after"], "message": commit["message"], "pullRequest": None,
                "author": f"{author['name']} <{author['email']}>", "askedBy": ""}
    request = payload["pull_request"]
    return {"kind": "pull_request", "pipeline": pipeline, "branch": request["head"]["ref"],
            "commitSha": request["head"]["sha"], "message": request["title"],
            "pullRequest": payload["number"], "author": request["user"]["login"], "askedBy": ""}


@pytest.fixture
def serving(server):
    """Six pipelines of the repository that each example could be taken for one of, wrongly or
    rightly, and one of another. Nothing starts: what is queued stays to be looked at."""
    def pipeline(name, branch, **more):
        return {"name": name, "repository": HERE, "branch": branch,
                "webhookSecretFiles": ["secret"], "url": str(server.application.directory)} | more

    server.pipelines[:] = [
        pipeline("mirror", "master", pullRequests="none"),
        pipeline("trunk", "master", repository=HERE.lower()),
        pipeline("copies", "stable", branches={"patterns": ["mast??"]}),
        # Each has the name of something in the examples that is no branch that is pushed to.
        pipeline("tags", "simple-tag"),
        pipeline("copies-of-tags", "next", branches={"patterns": ["simple-*"]}),
        pipeline("heads", "changes"),
        # The examples are not signed with its secret.
        pipeline("strange", "master", webhookSecretFiles=["old-secret"]),
        pipeline("elsewhere", "master", repository=HERE + "-2")]
    return server.start(minimumFreeBytes=1 << 50)


def send(serving, event, payload, delivery):
    # GitHub publishes some examples twice, and bytes that come again are known.
    return serving.deliver(payload | {"of_the_test": delivery}, event=event, delivery=delivery)


def in_order():
    """Pull requests as GitHub dates them: one that is closed is not changed afterwards."""
    def date(example):
        event, payload = example
        return payload["pull_request"]["updated_at"] if event == "pull_request" else ""
    return [(f"example-{number}", event, payload)
            for number, (event, payload) in enumerate(sorted(examples(), key=date))]


def entries_by_delivery(serving):
    found = {}
    for entry in sorted(serving.queue, key=lambda each: each["number"]):
        delivery, _, pipeline = entry["request"].rpartition("/")
        assert pipeline == entry["pipeline"]
        found.setdefault(delivery, []).append(entry)
    return found


def fates_of(sent):
    """(delivery, pipeline) to the state and the note in the end: what is newer supersedes what
    waits of the same branch or pull request, and a pull request that is closed drops it."""
    fates, waiting = {}, {}
    for delivery, event, payload in sent:
        *_, pipelines = outcome_of(event, payload)
        closed = event == "pull_request" and payload["action"] == "closed"
        for pipeline in ["trunk"] if closed else pipelines:
            older = waiting.pop((event, pipeline), None)
            if older:
                fates[older] = ("superseded", "the pull request was closed" if closed else
                                "superseded by " + entry_of(event, payload, pipeline)[
                                    "commitSha"][:12])
            if not closed:
                waiting[event, pipeline] = delivery, pipeline
                fates[delivery, pipeline] = ("waiting", "")
    return fates


def test_every_published_example_becomes_what_it_says(serving):
    sent = in_order()
    for delivery, event, payload in sent:
        verdict, reason, _ = outcome_of(event, payload)
        answer = send(serving, event, payload, delivery)
        assert answer.status == (200 if event == "ping" else 202), (event, answer.text)
        assert answer.json == {"verdict": verdict, "reason": reason}, kind_of(event, payload)
    kinds = {kind_of(event, payload) for _, event, payload in sent}
    assert set(OUTCOMES) <= kinds, "a row that no example is of"

    recorded = {each["id"]: (each["verdict"], each["reason"])
                for each in serving.get("/api/v1/deliveries?limit=1000").json["deliveries"]}
    assert recorded == {delivery: outcome_of(event, payload)[:2]
                        for delivery, event, payload in sent}

    queued = entries_by_delivery(serving)
    fates = fates_of(sent)
    assert {fate for fate, _ in fates.values()} == {"waiting", "superseded"}
    for delivery, event, payload in sent:
        entries = queued.pop(delivery, [])
        wanted = [entry_of(event, payload, pipeline)
                  for pipeline in outcome_of(event, payload)[2]]
        assert [{name: entry[name] for name in one} for entry, one in zip(entries, wanted)] == (
            wanted), kind_of(event, payload)
        assert len(entries) == len(wanted)
        assert [(entry["state"], entry["note"]) for entry in entries] == [
            fates[delivery, entry["pipeline"]] for entry in entries]
        # Only a branch with a pipeline of its own has a name for its stacks.
        assert all(entry["branchId"].startswith("master-") == (entry["pipeline"] == "copies")
                   for entry in entries)
    assert queued == {}


def test_what_is_queued_of_an_example_is_run_once_there_is_room(serving):
    payload = example("push", "heads")
    send(serving, "push", payload, "pushed")
    assert [entry["state"] for entry in serving.queue] == ["waiting"] * 3
    serving.stop()
    serving.start()
    entries = serving.await_ended(3)
    # It is GitHub's commit, and not in this application.
    assert all(f"cannot check out commit {payload['after']}" in entry["note"]
               for entry in entries), entries


def example(event, *wanted):
    """The first that is of this kind; changes to it are the caller's."""
    return next(copy.deepcopy(payload) for name, payload in examples()
                if name == event and kind_of(name, payload)[1:len(wanted) + 1] == wanted)


def to_branch(payload):
    payload["ref"] = "refs/heads/simple-tag"


def deleted(payload):
    payload |= {"deleted": True, "after": "0" * 40, "head_commit": None}


def of_a_branch(payload):
    payload["ref_type"] = "branch"


def elsewhere(payload):
    payload["repository"]["full_name"] += "-3"


def based_on(name):
    def change(payload):
        payload["pull_request"]["base"]["ref"] = name
    return change


def of(repository):
    def change(payload):
        payload["pull_request"]["head"]["repo"] = repository and {"full_name": repository}
    return change


@pytest.mark.parametrize("event, wanted, change, verdict, reason, queued", [
    # The same names are branches here: what told them apart was that the examples' are tags.
    ("push", ["tags", "simple-tag", "is there"], to_branch, "accepted",
     "runs tags, copies-of-tags", ["tags", "copies-of-tags"]),
    # Of branches that have no stacks yet nothing is to be torn down.
    ("push", ["tags", "simple-tag", "is gone"], to_branch, "accepted",
     "the branch was deleted: tears down copies-of-tags", []),
    ("delete", ["tag"], of_a_branch, "accepted",
     "the branch was deleted: tears down copies-of-tags", []),
    ("push", ["heads", "master"], deleted, "accepted",
     "the branch was deleted: tears down copies", []),
    ("push", ["heads", "master"], elsewhere, "ignored",
     f"no pipeline with this secret is of {HERE}-3", []),
    ("pull_request", ["opened"], based_on("changes"), "accepted",
     "validates pull request 2: heads", ["heads"]),
    ("pull_request", ["opened"], based_on("nowhere"), "ignored",
     "pull request 2: no pipeline here is of its base, nowhere", []),
    # Only the pipeline's own branch, not those that have pipelines of their own.
    ("pull_request", ["opened"], based_on("simple-branch"), "ignored",
     "pull request 2: no pipeline here is of its base, simple-branch", []),
    ("pull_request", ["synchronize"], of("mallory/Hello-World"), "ignored",
     "pull request 2: it is from a fork (forks: ignore)", []),
    ("pull_request", ["reopened"], of(None), "ignored",
     "pull request 2: it is from a fork (forks: ignore)", []),
    ("pull_request", ["opened"], of(HERE.upper()), "accepted",
     "validates pull request 2: trunk", ["trunk"]),
])
def test_an_example_that_is_changed_in_one_place_becomes_something_else(
        serving, event, wanted, change, verdict, reason, queued):
    payload = example(event, *wanted)
    change(payload)
    answer = send(serving, event, payload, "changed")
    assert (answer.status, answer.json) == (202, {"verdict": verdict, "reason": reason})
    assert [entry["pipeline"] for entry in reversed(serving.queue)] == queued
