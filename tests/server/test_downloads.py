"""Files as answers: whole, in ranges, unchanged, and to a client that only asks for the head."""

import hashlib
import shutil
import subprocess

import pytest

LOG = "/runs/1/raw/build.1/{}"


@pytest.fixture
def log(server):
    """A run's log of eight megabytes: its address and bytes."""
    server.start()
    server.push()
    server.await_ended()
    directory = server.program.state / "runs/1/logs/build.1"
    name = sorted(each.name for each in directory.iterdir())[0]
    content = b"".join(b"line %07d of the log\n" % number for number in range(350_000))
    (directory / name).write_bytes(content)
    return LOG.format(name), content


def curl(server, path, *more):
    assert shutil.which("curl"), "curl is what these tests compare with"
    return subprocess.run(["curl", "-sS", "--max-time", "30", *more,
                           f"http://127.0.0.1:{server.port}{path}"],
                          capture_output=True, check=True).stdout


def test_a_file_is_sent_whole_and_in_parts(server, log):
    path, content = log
    whole = curl(server, path)
    assert hashlib.sha256(whole).digest() == hashlib.sha256(content).digest()
    for wanted, part in [("0-0", content[:1]), ("100-1299", content[100:1300]),
                         ("8000000-", content[8_000_000:]), ("-5", content[-5:])]:
        assert curl(server, path, "-r", wanted) == part, wanted
    head = server.request("HEAD", path)
    assert (head.status, head.text) == (200, "")
    assert int(head.headers["Content-Length"]) == len(content)


def test_what_a_range_may_and_may_not(server, log):
    path, content = log

    def ask(**headers):
        return server.request("GET", path, headers={
            name.replace("_", "-"): value for name, value in headers.items()})
    part = ask(Range="bytes=5-9")
    assert (part.status, part.text) == (206, content[5:10].decode())
    assert part.headers["Content-Range"] == f"bytes 5-9/{len(content)}"
    beyond = ask(Range=f"bytes={len(content)}-")
    assert beyond.status == 416
    assert beyond.headers["Content-Range"] == f"bytes */{len(content)}"
    for nonsense in ("bytes=9-5", "bytes=0-1,4-5", "lines=1-2", "bytes=x-"):
        assert ask(Range=nonsense).status == 200, nonsense
    tag = part.headers["ETag"]
    assert ask(If_None_Match=tag).status == 304
    assert ask(Range="bytes=5-9", If_Range=tag).status == 206
    assert ask(Range="bytes=5-9", If_Range='"of another file"').status == 200


def test_a_connection_goes_on_behind_a_file(server, log):
    path, content = log
    both = subprocess.run(["curl", "-sS", "-w", "%{num_connects}\n", "-o", "/dev/null", "-o",
                           "/dev/null", *[f"http://127.0.0.1:{server.port}{path}"] * 2],
                          capture_output=True, check=True, text=True).stdout.split()
    assert both == ["1", "0"]
