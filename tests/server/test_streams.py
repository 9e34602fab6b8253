"""Event streams: what has changed, what a step prints, and what happens at their ends."""

import http.client
import sqlite3
import time

import pytest
from callers import Browser, bearer, token

from program import wait_until


class Stream:
    """Server-sent events as html.spec.whatwg.org has them parsed."""

    def __init__(self, server, path, **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.connection.request("GET", path, headers={
            name.replace("_", "-"): value for name, value in headers.items()})
        self.answer = self.connection.getresponse()

    def event(self):
        """The next one: (name, data, id), or None at the end."""
        name, data, number = "message", [], None
        while True:
            line = self.line()
            if line is None:
                return None
            if line == "":
                if data:
                    return name, "\n".join(data), number
                name, number = "message", None
                continue
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                number = value

    def line(self):
        line = bytearray()
        while True:
            try:
                byte = self.answer.read(1)
            except http.client.HTTPException:
                return None
            if not byte:
                return None
            if byte == b"\n":
                return line.decode()
            line += byte

    def close(self):
        self.connection.close()


@pytest.fixture
def follow(server):
    streams = []

    def open_stream(path, **headers):
        streams.append(Stream(server, path, **headers))
        return streams[-1]
    yield open_stream
    for stream in streams:
        stream.close()


def building(server):
    """A run that prints what is written into a file, until another one is there."""
    said, gate = server.application.note("said"), server.application.note("gate")
    said.write_text("")
    server.application.configure(
        build=[f"tail -n +1 -f {said} & until [ -e {gate} ]; do sleep 0.05; done;"
               " sleep 0.5; kill %1"])
    server.start()
    server.push()

    def log():
        runs = server.get("/api/v1/runs").json["runs"]
        if not runs:
            return None
        steps = server.program.show(1)["steps"]
        return next((step["log"] for step in steps
                     if step["kind"] == "run-command" and step["state"] == "running"), None)
    return wait_until(log, "the build runs"), said, gate


def test_a_page_is_told_that_it_has_changed(server, follow):
    server.start()
    stream = follow("/events?topic=overview&seen=nothing")
    assert stream.answer.status == 200
    assert stream.answer.getheader("Content-Type") == "text/event-stream"
    name, first, _ = stream.event()
    assert name == "change"
    server.push()
    name, second, _ = stream.event()
    assert (name, second != first) == ("change", True)
    server.await_ended()
    again = follow(f"/events?topic=overview&seen={second}")
    assert again.event()[0] == "change"


@pytest.mark.parametrize("path", ["/events", "/events?topic=nonsense", "/events?topic=run/x",
                                  "/events/runs/1/logs/build.1/01-x.log"])
def test_there_are_no_events_of_nothing(server, path):
    server.start()
    answer = server.get(path)
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("application/problem+json")


def test_a_log_is_streamed_line_by_line_and_goes_on_where_it_broke(server, follow):
    log, said, gate = building(server)
    path = f"/events/runs/1/{log}"
    before = len(server.get(f"/runs/1/{log.replace('logs/', 'raw/')}").text.splitlines())
    stream = follow(f"{path}?line={before + 1}")
    with open(said, "a", encoding="utf-8") as file:
        file.write("one & <two>\nthree\n")
    name, data, number = stream.event()
    assert name == "lines"
    assert "one &amp; &lt;two&gt;" in data and "<two>" not in data
    while int(number) < before + 3:
        name, data, number = stream.event()
    stream.close()
    with open(said, "a", encoding="utf-8") as file:
        file.write("four\n")
    rest = follow(f"{path}?line=1", Last_Event_ID=number)
    name, data, number = rest.event()
    assert (name, number) == ("lines", str(before + 4))
    assert "four" in data and "three" not in data
    gate.touch()
    names = []
    while (event := rest.event()) is not None:
        names.append(event[0])
        last = event
    assert names[-1] == "end" and last[1] == "succeeded"


def test_what_is_printed_faster_than_anybody_reads_is_left_out_and_told(server, follow):
    log, said, gate = building(server)
    stream = follow(f"/events/runs/1/{log}")
    count = 400_000
    with open(said, "a", encoding="utf-8") as file:
        file.writelines(f"line {number} of very many\n" for number in range(count))
    seen, left_out, next_line = 0, 0, 1
    while next_line < count:
        name, data, number = stream.event()
        if name == "gap":
            begin, end = map(int, data.split())
            assert begin == next_line
            left_out += end - begin
            next_line = end
        elif name == "lines":
            assert len(data) < 3_000_000
            seen += data.count('class="l')
            next_line = int(number)
    assert left_out > 0 and seen > 0
    assert seen + left_out == next_line - 1
    gate.touch()


@pytest.mark.parametrize("end", ["revoked", "expired", "logged out"])
def test_a_stream_ends_with_its_readers_token_or_session(server, follow, end):
    log, said, gate = building(server)
    token(server, "root")
    secret = token(server, "ada", "read")
    browser = Browser(server)
    browser.log_in(secret)
    session = {"Cookie": f"aphex_session={browser.cookies['aphex_session']}"}
    ways = [session] if end == "logged out" else [session, bearer(secret)]
    streams = [follow(path, **headers) for headers in ways
               for path in (f"/events/runs/1/{log}?line=1", "/events?topic=deliveries&seen=x")]
    other = follow(f"/events/runs/1/{log}?line=1", **bearer(token(server, "grace", "read")))
    assert {stream.answer.status for stream in (*streams, other)} == {200}
    if end == "revoked":
        assert server.program.run("token", "revoke", "ada", cwd="/").code == 0
    elif end == "expired":
        with sqlite3.connect(server.program.state / "aphex.db") as database:
            database.execute("UPDATE tokens SET expires_at = 1 WHERE name = 'ada'")
    elif end == "logged out":
        browser.post("/logout")
    for stream in streams:
        while stream.event() is not None:
            pass
    with open(said, "a", encoding="utf-8") as file:
        file.write("for whoever may still read\n")
    while "for whoever may still read" not in other.event()[1]:
        pass
    gate.touch()
    wait_until(lambda: server.program.show(1)["state"] == "succeeded", "the run ends", 60)


def test_streams_of_a_server_without_tokens_end_with_the_first_one(server, follow):
    server.start()
    stream = follow("/events?topic=overview&seen=nothing")
    token(server, "root")
    while stream.event() is not None:
        pass


def test_a_server_that_ends_ends_its_streams(server, follow):
    server.start()
    streams = [follow("/events?topic=overview&seen=x") for _ in range(20)]
    for stream in streams:
        assert stream.event()[0] == "change"
    begin = time.monotonic()
    assert server.stop().code == 0
    assert time.monotonic() - begin < 5
    for stream in streams:
        # Those that came before it may have been told the same once more.
        assert stream.event() is None or stream.event() is None
