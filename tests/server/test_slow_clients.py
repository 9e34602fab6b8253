"""Requests that do not become whole: they end alone, give way to others, and are on the record."""

import pathlib
import re
import resource
import socket
import time

import pytest
from conftest import push_payload
from program import wait_until

HALF = (b"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nX-GitHub-Delivery: half\r\n"
        b"X-GitHub-Event: push\r\nContent-Length: 1000\r\n\r\n{")
COMMIT = "c" * 40


@pytest.fixture
def many_files():
    """Each connection of a test is a descriptor of this process, too."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False


@pytest.mark.usefixtures("many_files")
def test_unfinished_requests_give_way(server):
    """More half requests than the server has connections, and pushes in between."""
    server.start()
    held = []
    try:
        for number in range(1_300):
            connection = socket.create_connection(("127.0.0.1", server.port))
            connection.sendall(HALF if number % 2 else HALF[:40])
            held.append(connection)
            if number % 130 == 129:
                assert server.deliver(push_payload(COMMIT, branch="other")).status == 202
        assert server.get("/healthz").status == 200
        # Those that waited longest have gone, the newest wait still.
        time.sleep(0.2)
        assert not any(is_open(each) for each in held[:200])
        assert all(is_open(each) for each in held[-200:])
    finally:
        for connection in held:
            connection.close()


def test_a_request_whose_head_never_ends_is_ended(server):
    """Byte by byte: each of them is progress, and the time for all of them is bounded."""
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.settimeout(30)
        begun = time.monotonic()
        answer = b""
        try:
            connection.sendall(b"GET / HTTP/1.1\r\nX: ")
            while time.monotonic() - begun < 25:
                connection.sendall(b"y")
                time.sleep(0.2)
                if not is_open(connection):
                    break
                connection.setblocking(True)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert time.monotonic() - begun < 20, answer


def head(delivery, size):
    return (b"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nX-GitHub-Event: push\r\n"
            b"X-GitHub-Delivery: %s\r\nContent-Length: %d\r\n\r\n" % (delivery, size))


def memory_of(pid):
    """In bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    raise AssertionError("it is gone")


def test_large_bodies_together_do_not_fill_the_memory(server):
    """All but the last byte of each, of which nobody can know who has signed it."""
    server.start()
    before = memory_of(server.process.pid)
    size, held = 20 << 20, []
    try:
        for number in range(30):
            connection = socket.create_connection(("127.0.0.1", server.port))
            held.append(connection)
            try:
                connection.sendall(head(b"large-%d" % number, size))
                connection.sendall(b" " * (size - 1))
            except (BrokenPipeError, ConnectionResetError):
                pass  # it gave way already
            if number % 10 == 9:
                # One that is not small either, and smaller than those.
                pushed = push_payload(COMMIT, branch="other") | {"more": "x" * 500_000}
                assert server.deliver(pushed).status == 202
        assert memory_of(server.process.pid) - before < 250 << 20
        assert is_open(held[-1]) and not is_open(held[0])
    finally:
        for connection in held:
            connection.close()


def test_a_delivery_that_is_cut_off_is_on_the_record(server):
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head(b"cut-off", 1000) + b"{")
    delivery = wait_until(lambda: server.deliveries[0] if server.deliveries else None,
                          "it is on the record")
    assert (delivery["id"], delivery["verdict"]) == ("cut-off", "rejected")
    assert delivery["reason"] == "the request was cut off before it was whole"


def test_a_flood_of_forgeries_hides_no_true_delivery(server):
    server.start(logFile="server.log")
    for _ in range(300):
        assert server.deliver({"a": 1}, secret="somebody else's").status == 401
    assert server.deliver(push_payload(COMMIT, branch="other")).status == 202
    recorded = server.deliveries
    assert [each["verdict"] for each in recorded].count("rejected") == 60
    assert recorded[0]["verdict"] == "ignored"
    log = (server.directory / "server.log").read_text()
    assert log.count("a delivery was rejected") == 60
    assert re.search(r'aphex_http_requests_total\{[^}]*webhooks[^}]*status="401"[^}]*\} 300\n',
                     server.get("/metrics").text)


def test_a_delivery_that_is_too_large_is_on_the_record(server):
    server.start()
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\n"
                           b"X-GitHub-Delivery: too-large\r\nX-GitHub-Event: push\r\n"
                           b"Content-Length: 99000000\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")
    delivery = server.deliveries[0]
    assert (delivery["id"], delivery["event"], delivery["verdict"]) == (
        "too-large", "push", "rejected")
    assert delivery["reason"] == "the request is larger than this server takes"
