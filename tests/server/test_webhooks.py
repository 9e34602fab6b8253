"""What GitHub, and whoever pretends to be it, gets for an answer."""

import gzip
import json
import socket
import time

import pytest

from conftest import OLD_SECRET, SECRET, push_payload, signature
from github_examples import examples

COMMIT = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"


@pytest.fixture
def serving(server):
    return server.start()


def test_every_payload_that_github_publishes_gets_its_answer(serving):
    payloads = examples()
    assert len(payloads) > 200
    for event, payload in payloads:
        answer = serving.deliver(payload, event=event)
        assert answer.status == (200 if event == "ping" else 202), (event, answer.text)
        assert answer.json["verdict"] == "ignored", (event, answer.text)
    recorded = serving.get("/api/v1/deliveries?limit=1000").json["deliveries"]
    assert len(recorded) == len(payloads)
    reasons = {(each["event"], each["reason"]) for each in recorded}
    assert ("ping", "a ping: the webhook works") in reasons
    assert ("star", "'star' events start nothing; pushes do") in reasons
    assert {reason for event, reason in reasons if event == "push"} == {
        "no pipeline with this secret is of Codertocat/Hello-World",
        "not a branch, a tag for instance"}


def test_a_published_push_to_our_repository_and_branch_is_taken(server):
    (payload, *_) = [each for name, each in examples()
                     if name == "push" and each["ref"].startswith("refs/heads/")
                     and not each["deleted"]]
    server.pipelines[0] |= {"repository": payload["repository"]["full_name"].upper(),
                            "branch": payload["ref"].removeprefix("refs/heads/")}
    server.start()
    assert server.deliver(payload).json == {"verdict": "accepted", "reason": "runs app"}
    (entry,) = server.await_ended()
    assert entry["commitSha"] == payload["after"]


@pytest.mark.parametrize("payload, reason", [
    (push_payload(COMMIT, branch="feature"), "no pipeline of acme/app runs the branch feature"),
    (push_payload(COMMIT, branch="main2"), "no pipeline of acme/app runs the branch main2"),
    (push_payload(COMMIT, repository="acme/other"),
     "no pipeline with this secret is of acme/other"),
    (push_payload("0" * 40, deleted=True, head_commit=None), "the branch was deleted"),
    (push_payload(COMMIT, ref="refs/tags/main"), "not a branch, a tag for instance"),
])
def test_pushes_that_start_nothing(serving, payload, reason):
    answer = serving.deliver(payload)
    assert (answer.status, answer.json) == (202, {"verdict": "ignored", "reason": reason})
    assert serving.queue == []


def rejected(server, answer, status, reason):
    assert (answer.status, answer.json) == (status, {"verdict": "rejected", "reason": reason})
    assert server.queue == []
    newest = server.deliveries[0]
    assert (newest["verdict"], newest["reason"]) == ("rejected", reason)
    assert newest["client"] == "127.0.0.1"


UNSIGNED = "the signature is of none of this server's secrets"


@pytest.mark.parametrize("headers, status, reason", [
    ({"X-Hub-Signature-256": None}, 401,
     "there is no X-Hub-Signature-256: set a secret at the webhook"),
    ({"X-Hub-Signature-256": "sha256=" + "0" * 64}, 401, UNSIGNED),
    ({"X-Hub-Signature-256": "sha256="}, 401, UNSIGNED),
    ({"X-Hub-Signature-256": "sha1=" + "0" * 40}, 401, UNSIGNED),
    ({"X-GitHub-Delivery": None}, 400, "X-GitHub-Delivery is missing or no id"),
    ({"X-GitHub-Delivery": "a" * 65}, 400, "X-GitHub-Delivery is missing or no id"),
    ({"X-GitHub-Event": None}, 400, "X-GitHub-Event is missing or no event"),
    ({"Content-Type": "application/x-www-form-urlencoded"}, 415,
     "the content type is 'application/x-www-form-urlencoded': set that of the webhook to "
     "application/json"),
])
def test_deliveries_that_are_rejected(serving, headers, status, reason):
    rejected(serving, serving.deliver(push_payload(COMMIT), **headers), status, reason)


def test_a_body_that_was_changed_or_signed_by_another_is_rejected(serving):
    body = json.dumps(push_payload(COMMIT)).encode()
    signed = {"X-Hub-Signature-256": signature(body)}
    rejected(serving, serving.deliver(body + b" ", **signed), 401, UNSIGNED)
    rejected(serving, serving.deliver(body, secret=SECRET + "x"), 401, UNSIGNED)
    # An upper-case digest is not what GitHub sends.
    upper = {"X-Hub-Signature-256": "sha256=" + signature(body)[7:].upper()}
    rejected(serving, serving.deliver(body, **upper), 401, UNSIGNED)


def test_a_rejected_delivery_does_not_take_the_id_of_a_true_one(serving):
    serving.deliver(push_payload(COMMIT), delivery="id-1", secret="not the secret")
    assert serving.push(delivery="id-1").status == 202
    serving.await_ended()


def test_the_same_bytes_under_another_id_are_known(server):
    """The signature is of the body alone: the id is anybody's to write."""
    server.start()
    body = json.dumps(push_payload(server.application.commit())).encode()
    assert server.deliver(body, delivery="the-first").status == 202
    again = server.deliver(body, delivery="another")
    assert (again.status, again.json["verdict"]) == (200, "known")
    assert len(server.await_ended()) == 1
    replay = server.deliveries[0]
    assert (replay["id"], replay["verdict"]) == ("another", "rejected")
    assert replay["reason"] == "the same bytes came before, as delivery the-first"


def test_while_a_secret_is_replaced_both_are_valid(serving):
    assert serving.deliver({"zen": "Anything added dilutes everything else."}, event="ping",
                           secret=OLD_SECRET).status == 200
    assert serving.deliver({"zen": "Half measures are as bad as nothing at all."},
                           event="ping").status == 200


@pytest.mark.parametrize("body, reason", [
    (b"", "the body is no JSON"), (b"[]", "the body is no JSON object"),
    (b"{" * 100_000, "the body is no JSON"), (b'{"ref": "\xff"}', "the body is no JSON"),
    (json.dumps(push_payload("abc")).encode(),
     "the push event's after is missing or not a commit of 40 hexadecimal digits"),
    (json.dumps(push_payload(COMMIT, ref=7)).encode(),
     "the push event's ref is missing or not a text"),
    (json.dumps(push_payload(COMMIT, repository=None)).encode(),
     "the push event's repository.full_name is missing or not a text"),
])
def test_signed_nonsense_is_rejected(serving, body, reason):
    answer = serving.deliver(body)
    assert answer.status == 400
    assert answer.json["reason"].startswith(reason)


def test_a_payload_as_large_as_github_sends_is_read_and_a_larger_one_refused(serving):
    large = push_payload(COMMIT, branch="other", padding="x" * (24 << 20))
    assert serving.deliver(large).status == 202
    answer = None
    try:
        answer = serving.deliver(push_payload(COMMIT, padding="x" * (26 << 20)))
    except (ConnectionError, BrokenPipeError):
        pass  # it answers before all is sent
    assert answer is None or answer.status == 413
    assert serving.get("/healthz").status == 200


def test_a_compressed_body_is_not_what_was_signed(serving):
    body = gzip.compress(json.dumps(push_payload(COMMIT)).encode())
    answer = serving.deliver(body, **{"Content-Encoding": "gzip"})
    assert answer.status == 400


def talk(server, sent, seconds=5):
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        connection.sendall(sent)
        received = b""
        try:
            while chunk := connection.recv(65536):
                received += chunk
        except TimeoutError:
            pass
        return received


@pytest.mark.parametrize("sent, status", [
    (b"GARBAGE\r\n\r\n", b"400"), (b"GET / HTTP/9.9\r\n\r\n", b"400"),
    (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\n\r\n", b"4"),
    (b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n", b"431"),
    (b"POST /webhooks/github HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
    (b"POST /webhooks/github HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
    (b"POST /healthz HTTP/1.1\r\nContent-Length: 100000\r\n\r\n", b"413"),
])
def test_what_is_no_request_of_ours_is_told_so(serving, sent, status):
    assert talk(serving, sent).startswith(b"HTTP/1.1 " + status)
    assert serving.get("/healthz").status == 200


def test_slow_and_silent_clients_hold_nobody_up(serving):
    idle = [socket.create_connection(("127.0.0.1", serving.port)) for _ in range(200)]
    slow = [socket.create_connection(("127.0.0.1", serving.port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"POST /webhooks/github HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{")
    begin = time.monotonic()
    assert serving.push().status == 202
    assert serving.get("/readyz").text == "ok\n"
    for connection in idle + slow:
        connection.close()
    serving.await_ended()
    assert time.monotonic() - begin < 60


def test_other_addresses_and_methods(serving):
    assert serving.get("/nothing").status == 404
    answer = serving.get("/webhooks/github")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
    assert answer.json["detail"] == "/webhooks/github takes POST, not GET"


def test_metrics_count_what_came(serving):
    serving.push()
    serving.deliver({}, event="star")
    serving.deliver({}, secret="wrong")
    serving.await_ended()
    lines = serving.get("/metrics").text.splitlines()
    assert 'aphex_deliveries{verdict="accepted"} 1' in lines
    assert 'aphex_deliveries{verdict="ignored"} 1' in lines
    assert 'aphex_deliveries{verdict="rejected"} 1' in lines
    assert 'aphex_queue_entries{state="ended"} 1' in lines


def test_secrets_are_in_no_file_and_no_output(serving):
    serving.push()
    serving.deliver({}, secret="wrong")
    serving.await_ended()
    state = serving.program.state
    ended = serving.stop()
    assert SECRET not in ended.out + ended.err
    for file in state.rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert SECRET.encode() not in data and OLD_SECRET.encode() not in data, file
